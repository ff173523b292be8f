//! Filter chains of a listener.

use std::collections::HashMap;

use jadegate_tls::Protocol;

use super::{Resolver, listed};
use crate::chain_table::{ChainTable, ChainTableError};
use crate::document::{self, OneOrMany, ProtocolWord, TlsChoice};
use crate::model::{Chain, ChainMatch, ListenerProtocol, ProtocolMatch, TlsServer};
use crate::path::Path;
use crate::yaml::quote;

/// What a listener gives to chains that have none of their own.
struct Inherited<'d> {
    at: &'d Path,
    tls: Option<&'d TlsChoice>,
    /// The listener's TLS, unless it has none or a broken one.
    server: Option<TlsServer>,
    backend: Option<&'d str>,
    protocol: ListenerProtocol,
}

/// What a chain does about TLS.
enum Terminated {
    Tls(Box<TlsServer>),
    Plaintext,
    /// Reported already.
    Broken,
}

impl Resolver<'_> {
    pub(super) fn chains(&mut self, at: &Path, given: &document::Listener, protocol: ListenerProtocol) -> Vec<Chain> {
        let server = match &given.tls {
            Some(TlsChoice::Tls(tls)) => self.tls_server(&at.key("tls"), tls, protocol),
            Some(TlsChoice::None(_)) | None => None,
        };
        let inherited = Inherited { at, tls: given.tls.as_ref(), server, backend: given.backend.as_deref(), protocol };
        let Some(listed) = &given.chains else {
            if self.is_damaged(&at.key("chains")) {
                return Vec::new();
            }
            let whole = document::Chain { name: Some("default".to_owned()), matching: None, tls: None, backend: None };
            return self.chain(at, &whole, 0, &inherited).into_iter().collect();
        };
        let list = at.key("chains");
        let mut chains = Vec::with_capacity(listed.len());
        let mut paths = Vec::with_capacity(listed.len());
        for (index, chain) in listed.iter().enumerate() {
            let at = list.index(index);
            if let Some(chain) = self.chain(&at, chain, index, &inherited) {
                chains.push(chain);
                paths.push(at);
            }
        }
        self.distinct_names(&chains, &paths);
        self.told_apart(&chains, &paths);
        chains
    }

    fn chain(&mut self, at: &Path, given: &document::Chain, index: usize, inherited: &Inherited<'_>) -> Option<Chain> {
        let matching = given.matching.as_ref();
        let words = listed(matching.and_then(|matching| matching.protocol.as_ref()));
        let match_at = at.key("match");
        let terminated = self.termination(at, given, words, inherited);
        let mut matcher = matching.map_or_else(ChainMatch::anything, |matching| self.matcher(&match_at, matching));
        let tls = match terminated {
            Terminated::Broken => None,
            Terminated::Plaintext => {
                matcher.protocols = vec![ProtocolMatch::Plaintext];
                for (key, present) in [("sni", !matcher.server_names.is_empty()), ("alpn", !matcher.alpn.is_empty())] {
                    if present {
                        let what = format!("plaintext has no {key}, this chain would take nothing");
                        self.wrong(&match_at.key(key), what, format!("remove {key}"));
                    }
                }
                None
            }
            Terminated::Tls(tls) => {
                if matcher.protocols.is_empty() {
                    matcher.protocols = vec![ProtocolMatch::AnyTls];
                }
                for (index, wanted) in matcher.protocols.iter().enumerate() {
                    if let Some(wanted) = negotiable(*wanted) {
                        self.policy_serves(&match_at.key("protocol").index(index), &tls.policy, wanted);
                    }
                }
                Some(*tls)
            }
        };
        let backend = match (&given.backend, inherited.backend) {
            (Some(text), _) => self.backend_id(&at.key("backend"), text, inherited.protocol),
            (None, Some(text)) => self.backend_id(&inherited.at.key("backend"), text, inherited.protocol),
            (None, None) => {
                if !self.is_damaged(inherited.at) {
                    let what = "nothing says where the traffic goes";
                    self.missing(
                        at,
                        what,
                        "add backend: a name of one in backends, or an address such as 127.0.0.1:8080",
                    );
                }
                None
            }
        };
        Some(Chain {
            name: given.name.clone().unwrap_or_else(|| format!("chain-{}", index + 1)),
            matcher,
            tls,
            backend: backend?,
        })
    }

    /// The chain's own TLS, else the listener's; plaintext only where somebody wrote so.
    fn termination(
        &mut self,
        at: &Path,
        given: &document::Chain,
        words: &[ProtocolWord],
        inherited: &Inherited<'_>,
    ) -> Terminated {
        let protocol_at = at.key("match").key("protocol");
        let plaintext = words.contains(&ProtocolWord::Plaintext);
        let hello = words.iter().any(|word| *word != ProtocolWord::Plaintext);
        if plaintext && hello {
            let what = "one chain takes plaintext and TLS";
            self.wrong(&protocol_at, what, "make it two chains, the one for plaintext with protocol: plaintext alone");
            return Terminated::Broken;
        }
        match (&given.tls, inherited.tls) {
            (Some(TlsChoice::Tls(tls)), _) => {
                let server = self.tls_server(&at.key("tls"), tls, inherited.protocol);
                if plaintext {
                    self.wrong(&at.key("tls"), "this chain takes plaintext and has tls", "remove one of the two");
                    return Terminated::Broken;
                }
                server.map_or(Terminated::Broken, |server| Terminated::Tls(Box::new(server)))
            }
            (Some(TlsChoice::None(_)), _) | (None, Some(TlsChoice::None(_))) if hello => {
                let what = "this chain takes TLS and has tls: none";
                self.wrong(&protocol_at, what, "give the chain tls, or write protocol: plaintext");
                Terminated::Broken
            }
            (Some(TlsChoice::None(_)), _) | (None, Some(TlsChoice::None(_))) => Terminated::Plaintext,
            (None, _) if plaintext => Terminated::Plaintext,
            (None, Some(TlsChoice::Tls(_))) => {
                inherited.server.clone().map_or(Terminated::Broken, |server| Terminated::Tls(Box::new(server)))
            }
            (None, None) => {
                if !self.is_damaged(inherited.at) {
                    let what = "there is no tls here, and plaintext is served only where the configuration says so";
                    self.missing(
                        at,
                        what,
                        "add tls: { certificates: [ { cert: site.pem, key: site.key } ] }, or tls: none",
                    );
                }
                Terminated::Broken
            }
        }
    }

    fn matcher(&mut self, at: &Path, given: &document::Match) -> ChainMatch {
        let ports = listed(given.port.as_ref()).to_vec();
        for (index, _) in ports.iter().enumerate().filter(|(_, port)| **port == 0) {
            self.wrong(&at.key("port").index(index), "no client connects to port 0", "write a port from 1 to 65535");
        }
        let alpn = match &given.alpn {
            Some(OneOrMany::One(name)) => self.alpn(&at.key("alpn"), std::slice::from_ref(name)),
            Some(OneOrMany::Many(names)) => self.alpn(&at.key("alpn"), names),
            None => Vec::new(),
        };
        ChainMatch {
            ports,
            destinations: self.each(&at.key("destination"), given.destination.as_ref(), Self::prefix),
            server_names: self.each(&at.key("sni"), given.sni.as_ref(), Self::server_name),
            protocols: listed(given.protocol.as_ref()).iter().copied().map(protocol_match).collect(),
            alpn,
            sources: self.each(&at.key("source"), given.source.as_ref(), Self::prefix),
        }
    }

    fn each<T>(
        &mut self,
        at: &Path,
        texts: Option<&OneOrMany<String>>,
        parse: impl Fn(&mut Self, &Path, &str) -> Option<T>,
    ) -> Vec<T> {
        let texts = listed(texts).iter().enumerate();
        texts.filter_map(|(index, text)| parse(self, &at.index(index), text)).collect()
    }

    fn distinct_names(&mut self, chains: &[Chain], paths: &[Path]) {
        let mut seen: HashMap<&str, &Path> = HashMap::new();
        for (chain, at) in chains.iter().zip(paths) {
            if let Some(first) = seen.insert(&chain.name, at) {
                let line = self.position(first).line;
                let what = format!("a second chain is called {} (the first on line {line})", quote(&chain.name));
                self.wrong(&at.key("name"), what, "choose another name");
            }
        }
    }

    fn told_apart(&mut self, chains: &[Chain], paths: &[Path]) {
        // Chains of broken TLS have no protocol yet; whatever would be said of them is a guess.
        if chains.iter().any(|chain| chain.matcher.protocols.is_empty()) {
            return;
        }
        match ChainTable::new(chains) {
            Ok(_) => {}
            Err(ChainTableError::Ambiguous { first, second, criteria }) => {
                let line = self.position(&paths[first]).line;
                let (first, name) = (&chains[first].name, &chains[second].name);
                let what = format!("the chains {first} (line {line}) and {name} both take {criteria}");
                self.wrong(&paths[second], what, "give one of them a more specific match");
            }
            Err(error @ ChainTableError::TooManyCombinations { .. }) => {
                let Some(list) = paths.first().and_then(Path::parent) else { return };
                self.wrong(&list, error.to_string(), "use fewer criteria in one chain, or fewer chains");
            }
        }
    }
}

impl ChainMatch {
    /// Criteria that everything fits; its protocols are yet to be filled in.
    fn anything() -> Self {
        Self {
            ports: Vec::new(),
            destinations: Vec::new(),
            server_names: Vec::new(),
            protocols: Vec::new(),
            alpn: Vec::new(),
            sources: Vec::new(),
        }
    }
}

fn protocol_match(word: ProtocolWord) -> ProtocolMatch {
    match word {
        ProtocolWord::Tlcp => ProtocolMatch::Tlcp,
        ProtocolWord::Tls13Sm => ProtocolMatch::Tls13Sm,
        ProtocolWord::Tls13 => ProtocolMatch::Tls13,
        ProtocolWord::Tls12 => ProtocolMatch::Tls12,
        ProtocolWord::Tls => ProtocolMatch::AnyTls,
        ProtocolWord::Plaintext => ProtocolMatch::Plaintext,
    }
}

/// The protocol that a chain with this criterion must be able to negotiate.
fn negotiable(wanted: ProtocolMatch) -> Option<Protocol> {
    match wanted {
        ProtocolMatch::Tlcp => Some(Protocol::Tlcp),
        ProtocolMatch::Tls13Sm => Some(Protocol::Tls13Sm),
        ProtocolMatch::Tls13 => Some(Protocol::Tls13),
        ProtocolMatch::Tls12 => Some(Protocol::Tls12),
        ProtocolMatch::AnyTls | ProtocolMatch::Plaintext => None,
    }
}
