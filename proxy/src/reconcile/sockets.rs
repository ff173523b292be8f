//! The sockets that the process holds: reserved while their listener waits, open once it can serve.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use jadegate_config::Config;
use socket2::Socket;
use tokio_util::sync::CancellationToken;

use super::error::ReloadError;
use crate::listener::{self, Conflict};
use crate::snapshot::BindKey;
use crate::worker::{Command, Commands};

/// Sockets by what they are bound to.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    held: HashMap<BindKey, Held>,
}

#[derive(Debug)]
struct Held {
    listener: String,
    /// The address with its real port.
    address: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Bound, one socket per worker, and closed to the world.
    Reserved(Vec<Socket>),
    /// Accepting until the token is cancelled.
    Open(CancellationToken),
}

impl Sockets {
    /// Reserves what `config` needs and is not held yet. Nothing is released, so that dropping the result undoes it.
    pub(crate) fn reserve(&self, config: &Config, workers: usize) -> Result<Self, ReloadError> {
        let mut held = HashMap::new();
        for listener in &config.listeners {
            for address in &listener.binds {
                let key = BindKey::new(listener, *address);
                if self.held.contains_key(&key) {
                    continue;
                }
                let ours = self.held.values().any(|held| held.address.port() == address.port());
                let conflict = if ours { Conflict::Expected } else { Conflict::Check };
                let (bound, sockets) = listener::bind(*address, workers, conflict).map_err(|source| {
                    ReloadError::Bind { listener: listener.name.clone(), address: *address, source }
                })?;
                let state = State::Reserved(sockets);
                held.insert(key, Held { listener: listener.name.clone(), address: bound, state });
            }
        }
        Ok(Self { held })
    }

    /// Whether the address is open to the world.
    pub(crate) fn is_open(&self, key: &BindKey) -> bool {
        self.held.get(key).is_some_and(|held| matches!(held.state, State::Open(_)))
    }

    /// Takes over what was reserved, and closes what `wanted` does not hold.
    pub(crate) fn commit(&mut self, reserved: Self, wanted: &Config) {
        self.held.extend(reserved.held);
        let mut owners = HashMap::new();
        for listener in &wanted.listeners {
            for address in &listener.binds {
                owners.insert(BindKey::new(listener, *address), listener.name.clone());
            }
        }
        self.held.retain(|key, held| match owners.remove(key) {
            Some(owner) => {
                held.listener = owner;
                true
            }
            None => {
                if let State::Open(stop) = &held.state {
                    stop.cancel();
                }
                false
            }
        });
    }

    /// Opens a reserved address on every worker and gives it with its real port; `None` = there is nothing to open.
    pub(crate) fn open(&mut self, key: &BindKey, workers: &[Commands]) -> io::Result<Option<SocketAddr>> {
        let Some(held) = self.held.get_mut(key) else { return Ok(None) };
        let State::Reserved(sockets) = &mut held.state else { return Ok(None) };
        // All listen before any is handed out: a failure leaves the whole address closed.
        for socket in sockets.iter() {
            listener::listen(socket)?;
        }
        let stop = CancellationToken::new();
        for (worker, socket) in workers.iter().zip(sockets.drain(..)) {
            let command = Command::Listen { bind: key.clone(), socket: socket.into(), stop: stop.clone() };
            // A worker that is gone has drained; its socket closes here.
            let _ = worker.send(command);
        }
        held.state = State::Open(stop);
        Ok(Some(held.address))
    }

    /// Listener, configured address and real address of each socket.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr, SocketAddr)> {
        self.held.iter().map(|(key, held)| (held.listener.as_str(), key.address, held.address))
    }
}
