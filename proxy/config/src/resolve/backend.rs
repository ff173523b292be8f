//! Backends: those with a name and those implied by an address.

use std::collections::HashMap;

use super::Resolver;
use crate::document;
use crate::model::{Backend, BackendId, BackendProtocol, BackendTimeouts, Endpoint, ListenerProtocol, Pool, TlsClient};
use crate::path::Path;
use crate::suggest;
use crate::yaml::quote;

/// The backends found so far.
#[derive(Debug, Default)]
pub(super) struct Backends {
    list: Vec<Entry>,
    by_name: HashMap<String, BackendId>,
}

#[derive(Debug)]
struct Entry {
    backend: Backend,
    at: Path,
    protocol: document::BackendProtocol,
    /// Where a listener of each protocol first names it.
    http: Option<Path>,
    tcp: Option<Path>,
}

impl Resolver<'_> {
    pub(super) fn backends(&mut self, given: &[document::Backend]) {
        let list = Path::default().key("backends");
        for (index, backend) in given.iter().enumerate() {
            let at = list.index(index);
            let entry = self.backend(&at, backend);
            let name = entry.backend.name.clone();
            let id = BackendId(self.backends.list.len());
            self.backends.list.push(entry);
            if given[index].name.is_none() {
                continue;
            }
            if let Some(first) = self.backends.by_name.get(&name) {
                let first = self.position(&self.backends.list[first.0].at).line;
                let what = format!("a second backend is called {} (the first on line {first})", quote(&name));
                self.wrong(&at.key("name"), what, "choose another name");
            } else {
                self.backends.by_name.insert(name, id);
            }
        }
    }

    fn backend(&mut self, at: &Path, given: &document::Backend) -> Entry {
        let endpoints_at = at.key("endpoints");
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for (index, text) in given.endpoints.as_deref().unwrap_or_default().iter().enumerate() {
            endpoints.extend(self.endpoint(&endpoints_at.index(index), text));
        }
        let default = BackendTimeouts::default();
        let times = given.timeouts.as_ref();
        let times_at = at.key("timeouts");
        let timeouts = BackendTimeouts {
            connect: self.period(&times_at, "connect", times.and_then(|t| t.connect), default.connect),
            idle: self.period_or_off(&times_at, "idle", times.and_then(|t| t.idle), default.idle),
            response: self.period_or_off(&times_at, "response", times.and_then(|t| t.response), default.response),
        };
        let tls = given.tls.as_ref().and_then(|tls| self.tls_client(&at.key("tls"), tls));
        let pool = self.pool(&at.key("pool"), given.pool.as_ref());
        let backend = Backend {
            name: given.name.clone().unwrap_or_default(),
            endpoints,
            protocol: BackendProtocol::Tcp,
            tls,
            timeouts,
            pool,
        };
        Entry { backend, at: at.clone(), protocol: given.protocol.unwrap_or_default(), http: None, tcp: None }
    }

    fn pool(&mut self, at: &Path, given: Option<&document::Pool>) -> Pool {
        let default = Pool::default();
        let Some(given) = given else { return default };
        let max_connections = given.max_connections.unwrap_or(default.max_connections);
        if let Some(idle) = given.max_idle.filter(|idle| *idle > max_connections) {
            let what = format!("max_idle {idle} is above max_connections {max_connections}");
            self.wrong(&at.key("max_idle"), what, "lower max_idle or raise max_connections");
        }
        Pool {
            max_connections,
            max_idle: given.max_idle.unwrap_or_else(|| default.max_idle.min(max_connections)),
            max_pending: given.max_pending.unwrap_or(default.max_pending),
        }
    }

    /// The backend that a listener of `protocol` names: one with that name, or the one that an address implies.
    pub(super) fn backend_id(&mut self, at: &Path, text: &str, protocol: ListenerProtocol) -> Option<BackendId> {
        let id = match self.backends.by_name.get(text) {
            Some(id) => *id,
            None if text.contains(':') => self.implied(at, text)?,
            None => {
                self.unknown_backend(at, text);
                return None;
            }
        };
        let entry = &mut self.backends.list[id.0];
        let first = match protocol {
            ListenerProtocol::Http => &mut entry.http,
            ListenerProtocol::Tcp => &mut entry.tcp,
        };
        first.get_or_insert_with(|| at.clone());
        Some(id)
    }

    fn implied(&mut self, at: &Path, text: &str) -> Option<BackendId> {
        let endpoint = self.endpoint(at, text)?;
        let name = endpoint.to_string();
        if let Some(id) = self.backends.by_name.get(&name) {
            return Some(*id);
        }
        let backend = Backend {
            name: name.clone(),
            endpoints: vec![endpoint],
            protocol: BackendProtocol::Tcp,
            tls: None,
            timeouts: BackendTimeouts::default(),
            pool: Pool::default(),
        };
        let id = BackendId(self.backends.list.len());
        let protocol = document::BackendProtocol::Auto;
        self.backends.list.push(Entry { backend, at: at.clone(), protocol, http: None, tcp: None });
        self.backends.by_name.insert(name, id);
        Some(id)
    }

    fn unknown_backend(&mut self, at: &Path, text: &str) {
        let list = Path::default().key("backends");
        let any_broken =
            self.is_damaged(&list) || (0..self.backends.list.len()).any(|i| self.is_damaged(&list.index(i)));
        let near = suggest::nearest(text, self.backends.by_name.keys().map(String::as_str)).map(str::to_owned);
        if any_broken && near.is_none() {
            // It is probably one of those that could not be read.
            return;
        }
        let what = format!("no backend is called {}", quote(text));
        let todo = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "add it to backends, or write an address such as 127.0.0.1:8080".to_owned(),
        };
        self.wrong(at, what, todo);
    }

    /// Settles what depends on who uses a backend.
    pub(super) fn finish_backends(&mut self) -> Vec<Backend> {
        let entries = std::mem::take(&mut self.backends.list);
        entries.into_iter().map(|entry| self.finish_backend(entry)).collect()
    }

    fn finish_backend(&mut self, entry: Entry) -> Backend {
        let Entry { mut backend, at, protocol, http, tcp } = entry;
        let name = &backend.name;
        backend.protocol = match (protocol, &http, &tcp) {
            (document::BackendProtocol::Auto, Some(_), Some(tcp)) => {
                let what = format!("the backend {name} is used by an http listener and by a tcp listener");
                self.wrong(tcp, what, "make it two backends, one for each, or set its protocol");
                BackendProtocol::Http1
            }
            (document::BackendProtocol::Auto, Some(_), None) | (document::BackendProtocol::Http1, _, None) => {
                BackendProtocol::Http1
            }
            (document::BackendProtocol::Auto, None, _) | (document::BackendProtocol::Tcp, None, _) => {
                BackendProtocol::Tcp
            }
            (document::BackendProtocol::Http2, _, None) => BackendProtocol::Http2,
            (document::BackendProtocol::Tcp, Some(http), _) => {
                let what = format!("an http listener cannot use the backend {name}, which has protocol: tcp");
                self.wrong(http, what, "set the backend's protocol to http1 or http2, or the listener's to tcp");
                BackendProtocol::Tcp
            }
            (document::BackendProtocol::Http1 | document::BackendProtocol::Http2, _, Some(tcp)) => {
                let what = format!("a tcp listener cannot use the backend {name}, which speaks HTTP");
                self.wrong(tcp, what, "set the backend's protocol to tcp, or the listener's to http");
                BackendProtocol::Http1
            }
        };
        if let Some(tls) = &mut backend.tls {
            self.upstream_alpn(&at.key("tls").key("alpn"), tls, backend.protocol);
        }
        backend
    }

    fn upstream_alpn(&mut self, at: &Path, tls: &mut TlsClient, protocol: BackendProtocol) {
        let spoken = match protocol {
            BackendProtocol::Http1 => "http/1.1",
            BackendProtocol::Http2 => "h2",
            BackendProtocol::Tcp => return,
        };
        if tls.alpn.is_empty() {
            tls.alpn.push(spoken.to_owned());
        } else if tls.alpn != [spoken] {
            let what = format!("the backend speaks {spoken}, and alpn offers {}", quote(&tls.alpn.join(", ")));
            self.wrong(at, what, format!("write alpn: [{spoken}], leave it out, or change the backend's protocol"));
        }
    }
}
