//! Which filter chain takes a connection.
//!
//! Criteria are weighed in Envoy's order: destination port, destination prefix, server name, protocol, ALPN, source
//! prefix. At each level the most specific value that fits wins, and chains without that value are out for good: there
//! is no backtracking, so adding a chain for `*.example` never changes who serves `a.example`, and a connection that
//! fits no chain further down is refused instead of handed to a less specific one.

#[cfg(test)]
mod tests;
mod trie;

use std::net::SocketAddr;

use crate::model::{Chain, ChainMatch, ProtocolMatch};
use trie::Trie;

/// What is known of a connection when its chain is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The address that the client connected to.
    pub local: SocketAddr,
    /// The client's address.
    pub remote: SocketAddr,
    /// The client's hello; `None` = it does not speak TLS.
    pub hello: Option<&'a jadegate_tls::ClientHello>,
}

/// The chains of a listener, ready to be chosen from.
#[derive(Clone, Debug)]
pub struct ChainTable {
    trie: Trie,
}

/// Why chains cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainTableError {
    /// Two chains fit the same connections equally well.
    #[error("chains {first} and {second} both match {criteria}, and neither is more specific")]
    Ambiguous {
        /// Index of one.
        first: usize,
        /// Index of the other, the larger of the two.
        second: usize,
        /// A combination of criteria that both have.
        criteria: String,
    },
    /// The combinations of all criteria exceed what is kept.
    #[error("the criteria of the chains make more than {limit} combinations")]
    TooManyCombinations {
        /// How many are kept.
        limit: usize,
    },
}

impl ChainTable {
    /// Sorts `chains`; the table speaks of them by their index.
    pub fn new(chains: &[Chain]) -> Result<Self, ChainTableError> {
        let matchers: Vec<&ChainMatch> = chains.iter().map(|chain| &chain.matcher).collect();
        Ok(Self { trie: Trie::new(&matchers)? })
    }

    /// The index of the chain that takes the connection; `None` = no chain does, and the connection is to be closed.
    #[must_use]
    pub fn select(&self, facts: &Facts<'_>) -> Option<usize> {
        self.trie.select(&Offer::of(facts))
    }
}

/// Most labels a name is split into and longest name that is looked up; DNS allows no more.
const MAX_SERVER_NAME: usize = 255;

/// The facts that criteria speak of.
#[derive(Clone, Debug)]
struct Offer<'a> {
    local: SocketAddr,
    remote: SocketAddr,
    server_name: Option<&'a str>,
    /// In order of precedence, most specific first.
    protocols: Vec<ProtocolMatch>,
    alpn: &'a [Vec<u8>],
}

impl<'a> Offer<'a> {
    fn of(facts: &Facts<'a>) -> Self {
        let Facts { local, remote, hello } = *facts;
        Self {
            local,
            remote,
            server_name: hello.and_then(|hello| hello.sni.as_deref()).filter(|name| name.len() <= MAX_SERVER_NAME),
            protocols: hello.map_or_else(|| vec![ProtocolMatch::Plaintext], offered),
            alpn: hello.map_or(&[], |hello| &hello.alpn),
        }
    }
}

/// What a hello counts as. A TLS hello counts as everything that it offers.
fn offered(hello: &jadegate_tls::ClientHello) -> Vec<ProtocolMatch> {
    use jadegate_tls::Version;
    [
        (hello.is_tlcp(), ProtocolMatch::Tlcp),
        (hello.offers_tls13_sm(), ProtocolMatch::Tls13Sm),
        (hello.offers(Version::Tls13), ProtocolMatch::Tls13),
        (hello.offers(Version::Tls12), ProtocolMatch::Tls12),
        (true, ProtocolMatch::AnyTls),
    ]
    .into_iter()
    .filter_map(|(offers, protocol)| offers.then_some(protocol))
    .collect()
}
