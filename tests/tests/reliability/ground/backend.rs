//! Backends in the test process, each on a thread of its own, so that a test that blocks does not stop them.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// A server that ends with the value.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// Sends back every byte, and the end when it comes.
    pub(crate) fn echo() -> Self {
        Self::start((Ipv4Addr::LOCALHOST, 0).into(), echo)
    }

    /// Answers `GET /COUNT` with so many bytes.
    pub(crate) fn http() -> Self {
        Self::start((Ipv4Addr::LOCALHOST, 0).into(), http)
    }

    /// Serves each connection with `serve`.
    pub(crate) fn start<F>(address: SocketAddr, serve: fn(TcpStream) -> F) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let listener = std::net::TcpListener::bind(address).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            LocalSet::new().block_on(&runtime, async {
                let listener = TcpListener::from_std(listener).expect("a socket");
                tokio::select! {
                    () = accept(listener, serve) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept<F>(listener: TcpListener, serve: fn(TcpStream) -> F)
where
    F: Future<Output = io::Result<()>> + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::task::spawn_local(serve(stream));
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = stream.split();
    tokio::io::copy(&mut from, &mut to).await?;
    to.shutdown().await
}

async fn http(mut stream: TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&head[..end]).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default();
        let count = path.trim_start_matches('/').parse().unwrap_or(2);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {count}\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        let mut left: usize = count;
        while left > 0 {
            let piece = left.min(64 * 1024);
            stream.write_all(&vec![b'j'; piece]).await?;
            left -= piece;
        }
        head.drain(..end);
    }
}
