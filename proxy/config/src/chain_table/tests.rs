//! Precedence, case by case and against a reference that filters a list.

use proptest::prelude::*;

use super::trie::Trie;
use super::{ChainTableError, Offer};
use crate::model::{ChainMatch, IpPrefix, ProtocolMatch, ServerNameMatch};

fn prefix(text: &str) -> IpPrefix {
    let (address, length) = text.split_once('/').expect("slash");
    IpPrefix::new(address.parse().expect("address"), length.parse().expect("length")).expect("prefix")
}

fn name(text: &str) -> ServerNameMatch {
    match text.strip_prefix("*.") {
        Some(suffix) => ServerNameMatch::Suffix(suffix.to_owned()),
        None => ServerNameMatch::Exact(text.to_owned()),
    }
}

/// `port=443 dst=10.0.0.0/8 sni=a,*.b proto=tlcp alpn=h2 src=…`; no protocol means any TLS.
fn matcher(text: &str) -> ChainMatch {
    let list = |key: &str| -> Vec<String> {
        let found = text.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        found.map_or(Vec::new(), |list| list.split(',').map(str::to_owned).collect())
    };
    let mut protocols: Vec<ProtocolMatch> = list("proto").iter().map(|name| protocol(name)).collect();
    if protocols.is_empty() {
        protocols.push(ProtocolMatch::AnyTls);
    }
    ChainMatch {
        ports: list("port").iter().map(|port| port.parse().expect("port")).collect(),
        destinations: list("dst").iter().map(|text| prefix(text)).collect(),
        server_names: list("sni").iter().map(|text| name(text)).collect(),
        protocols,
        alpn: list("alpn"),
        sources: list("src").iter().map(|text| prefix(text)).collect(),
    }
}

fn protocol(text: &str) -> ProtocolMatch {
    use ProtocolMatch::{AnyTls, Plaintext, Tlcp, Tls12, Tls13, Tls13Sm};
    let all = [Tlcp, Tls13Sm, Tls13, Tls12, AnyTls, Plaintext];
    all.into_iter().find(|protocol| protocol.as_str() == text).expect("protocol")
}

/// A connection: `to=10.0.0.1:443 from=… sni=… proto=tls1.3,tls1.2 alpn=h2`; no protocol means plaintext.
struct Connection {
    local: std::net::SocketAddr,
    remote: std::net::SocketAddr,
    server_name: Option<String>,
    protocols: Vec<ProtocolMatch>,
    alpn: Vec<Vec<u8>>,
}

impl Connection {
    fn new(text: &str) -> Self {
        let word = |key: &str| text.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let mut protocols: Vec<ProtocolMatch> =
            word("proto").map_or(Vec::new(), |list| list.split(',').map(protocol).collect());
        protocols.push(if protocols.is_empty() { ProtocolMatch::Plaintext } else { ProtocolMatch::AnyTls });
        Self {
            local: word("to").unwrap_or("192.0.2.1:443").parse().expect("address"),
            remote: word("from").unwrap_or("198.51.100.1:50000").parse().expect("address"),
            server_name: word("sni").map(str::to_owned),
            protocols,
            alpn: word("alpn")
                .map_or(Vec::new(), |list| list.split(',').map(|name| name.as_bytes().to_vec()).collect()),
        }
    }

    fn offer(&self) -> Offer<'_> {
        Offer {
            local: self.local,
            remote: self.remote,
            server_name: self.server_name.as_deref(),
            protocols: self.protocols.clone(),
            alpn: &self.alpn,
        }
    }
}

fn select(chains: &[&str], connection: &str) -> Option<usize> {
    let matchers: Vec<ChainMatch> = chains.iter().map(|text| matcher(text)).collect();
    let trie = Trie::new(&matchers.iter().collect::<Vec<_>>()).expect("unambiguous");
    trie.select(&Connection::new(connection).offer())
}

#[test]
fn the_most_specific_value_wins_at_each_level() {
    let names = ["sni=a.x", "sni=*.x", "sni=*.b.x", ""];
    let protocols = ["proto=tlcp", "proto=tls1.3-sm", "proto=tls1.3", "proto=tls1.2", "", "proto=plaintext"];
    let sources = ["src=10.0.0.0/8", "src=10.1.0.0/16", "", "src=2001:db8::/32"];
    let destinations = ["dst=10.0.0.0/8", "dst=10.0.0.1/32", "port=443", ""];
    let alpn = ["alpn=h2", "alpn=http/1.1", ""];
    let cases: &[(&[&str], &str, Option<usize>)] = &[
        (&names, "proto=tls1.3 sni=a.x", Some(0)),
        (&names, "proto=tls1.3 sni=c.x", Some(1)),
        (&names, "proto=tls1.3 sni=c.d.x", Some(1)),
        (&names, "proto=tls1.3 sni=a.b.x", Some(2)),
        (&names, "proto=tls1.3 sni=b.x", Some(1)),
        (&names, "proto=tls1.3 sni=x", Some(3)),
        (&names, "proto=tls1.3", Some(3)),
        (&protocols, "proto=tlcp", Some(0)),
        (&protocols, "proto=tls1.3-sm,tls1.3,tls1.2", Some(1)),
        (&protocols, "proto=tls1.3,tls1.2", Some(2)),
        (&protocols, "proto=tls1.2", Some(3)),
        (&protocols, "proto=tls", Some(4)),
        (&protocols, "", Some(5)),
        (&sources, "proto=tls1.3 from=10.1.2.3:1", Some(1)),
        (&sources, "proto=tls1.3 from=10.2.2.3:1", Some(0)),
        (&sources, "proto=tls1.3 from=[::ffff:10.1.2.3]:1", Some(1)),
        (&sources, "proto=tls1.3 from=11.1.2.3:1", Some(2)),
        (&sources, "proto=tls1.3 from=[2001:db8::1]:1", Some(3)),
        (&destinations, "proto=tls1.3 to=10.0.0.1:443", Some(2)),
        (&destinations, "proto=tls1.3 to=10.0.0.1:80", Some(1)),
        (&destinations, "proto=tls1.3 to=10.0.0.2:80", Some(0)),
        (&alpn, "proto=tls1.3 alpn=http/1.1,h2", Some(1)),
        (&alpn, "proto=tls1.3 alpn=h2,http/1.1", Some(0)),
        (&alpn, "proto=tls1.3 alpn=x", Some(2)),
    ];
    for (chains, connection, expected) in cases {
        assert_eq!(select(chains, connection), *expected, "{chains:?} {connection}");
    }
}

#[test]
fn earlier_levels_outweigh_later_ones_and_are_never_left() {
    // The exact name wins over the better protocol.
    assert_eq!(select(&["sni=a.x", "sni=*.x proto=tlcp"], "proto=tlcp sni=a.x"), Some(0));
    // The name is right and the protocol is not: refused, although the chain for any name would fit.
    assert_eq!(select(&["sni=a.x proto=tlcp", ""], "proto=tls1.3 sni=a.x"), None);
    assert_eq!(select(&["port=443 sni=a.x", ""], "proto=tls1.3 sni=b.x"), None);
    // Names outweigh source addresses.
    assert_eq!(select(&["sni=a.x", "src=10.0.0.0/8"], "proto=tls1.3 sni=a.x from=10.0.0.1:1"), Some(0));
}

#[test]
fn plaintext_and_hello_never_reach_each_other_s_chains() {
    assert_eq!(select(&[""], ""), None);
    assert_eq!(select(&["proto=plaintext"], "proto=tls1.3"), None);
    assert_eq!(select(&["proto=plaintext"], "proto=tlcp"), None);
    assert_eq!(select(&[], "proto=tls1.3"), None);
}

#[test]
fn chains_that_cannot_be_told_apart_are_refused() {
    let error = |chains: &[&str]| {
        let matchers: Vec<ChainMatch> = chains.iter().map(|text| matcher(text)).collect();
        Trie::new(&matchers.iter().collect::<Vec<_>>()).err().map(|error| error.to_string())
    };
    assert_eq!(error(&["sni=a.x,b.x", "sni=c.x", "sni=*.x"]), None);
    assert_eq!(
        error(&["sni=z", "sni=a.x,b.x proto=tlcp", "sni=b.x proto=tlcp,tls1.3"]).as_deref(),
        Some("chains 1 and 2 both match sni b.x, protocol tlcp, and neither is more specific")
    );
    assert_eq!(error(&["sni=a.x,a.x"]), None, "a value listed twice in one chain");
    assert!(error(&["", ""]).is_some());
}

#[test]
fn the_number_of_combinations_is_bounded() {
    let many = ChainMatch {
        ports: (0..1000).collect(),
        server_names: (0..1000).map(|number| ServerNameMatch::Exact(format!("{number}.x"))).collect(),
        ..matcher("")
    };
    assert!(matches!(Trie::new(&[&many]), Err(ChainTableError::TooManyCombinations { .. })));
    let names = ChainMatch { ports: Vec::new(), ..many };
    assert!(Trie::new(&[&names]).is_ok());
}

/// The rule in other words: level by level, keep the chains that share the most specific fitting value.
fn reference(chains: &[ChainMatch], connection: &Connection) -> Option<usize> {
    fn keep<T: PartialEq>(left: &mut Vec<usize>, criteria: impl Fn(usize) -> Vec<T>, wanted: Vec<Option<T>>) {
        let has = |chain: usize, value: &Option<T>| match value {
            Some(value) => criteria(chain).contains(value),
            None => criteria(chain).is_empty(),
        };
        let best = wanted.into_iter().find(|value| left.iter().any(|chain| has(*chain, value)));
        match best {
            Some(value) => left.retain(|chain| has(*chain, &value)),
            None => left.clear(),
        }
    }
    fn prefixes(address: std::net::IpAddr) -> Vec<Option<IpPrefix>> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (0..=longest).rev().map(|length| IpPrefix::new(address, length)).chain([None]).collect()
    }
    let mut left: Vec<usize> = (0..chains.len()).collect();
    keep(&mut left, |chain| chains[chain].ports.clone(), vec![Some(connection.local.port()), None]);
    keep(&mut left, |chain| chains[chain].destinations.clone(), prefixes(connection.local.ip()));
    let mut names = Vec::new();
    if let Some(asked) = &connection.server_name {
        names.push(Some(ServerNameMatch::Exact(asked.clone())));
        let labels: Vec<&str> = asked.split('.').collect();
        names.extend((1..labels.len()).map(|cut| Some(ServerNameMatch::Suffix(labels[cut..].join(".")))));
    }
    names.push(None);
    keep(&mut left, |chain| chains[chain].server_names.clone(), names);
    let protocols = connection.protocols.iter().copied().map(Some).collect();
    keep(&mut left, |chain| chains[chain].protocols.clone(), protocols);
    let offered = connection.alpn.iter().map(|name| String::from_utf8(name.clone()).ok());
    keep(&mut left, |chain| chains[chain].alpn.clone(), offered.chain([None]).collect());
    keep(&mut left, |chain| chains[chain].sources.clone(), prefixes(connection.remote.ip()));
    left.first().copied()
}

fn alike(a: &ChainMatch, b: &ChainMatch) -> bool {
    fn meet<T: PartialEq>(a: &[T], b: &[T]) -> bool {
        (a.is_empty() && b.is_empty()) || a.iter().any(|value| b.contains(value))
    }
    meet(&a.ports, &b.ports)
        && meet(&a.destinations, &b.destinations)
        && meet(&a.server_names, &b.server_names)
        && meet(&a.protocols, &b.protocols)
        && meet(&a.alpn, &b.alpn)
        && meet(&a.sources, &b.sources)
}

fn some_of(choices: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => proptest::sample::subsequence(choices.to_vec(), 0..=2.min(choices.len())),
    ]
}

const PREFIXES: &[&str] = &["10.0.0.0/8", "10.1.0.0/16", "10.1.1.1/32", "0.0.0.0/0", "2001:db8::/32", "::/0"];
const NAMES: &[&str] = &["a.x", "b.a.x", "*.x", "*.a.x", "*.b.a.x", "x"];
const PROTOCOLS: &[&str] = &["tlcp", "tls1.3-sm", "tls1.3", "tls1.2", "plaintext"];

prop_compose! {
    fn any_chain()(
        ports in some_of(&["80", "443"]),
        destinations in some_of(PREFIXES),
        names in some_of(NAMES),
        protocols in some_of(PROTOCOLS),
        alpn in some_of(&["h2", "http/1.1"]),
        sources in some_of(PREFIXES),
    ) -> ChainMatch {
        let keys = [("port", ports), ("dst", destinations), ("sni", names), ("proto", protocols), ("alpn", alpn), ("src", sources)];
        let words: Vec<String> = keys.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| format!("{k}={}", v.join(","))).collect();
        matcher(&words.join(" "))
    }
}

prop_compose! {
    fn any_connection()(
        to in proptest::sample::select(&["10.1.1.1:443", "10.2.0.1:80", "192.0.2.1:443", "[2001:db8::1]:443", "[::1]:80"][..]),
        from in proptest::sample::select(&["10.1.1.1:1", "10.1.2.1:1", "10.9.0.1:1", "192.0.2.1:1", "[2001:db8::1]:1", "[::1]:1"][..]),
        sni in proptest::option::of(proptest::sample::select(&["a.x", "b.a.x", "c.b.a.x", "q.x", "x", "y"][..])),
        proto in proptest::sample::select(&["", "proto=tlcp", "proto=tls1.3-sm,tls1.3", "proto=tls1.3,tls1.2", "proto=tls1.2"][..]),
        alpn in proptest::sample::select(&["", "alpn=h2", "alpn=http/1.1,h2", "alpn=q"][..]),
    ) -> String {
        format!("to={to} from={from} {} {proto} {alpn}", sni.map_or(String::new(), |sni| format!("sni={sni}")))
    }
}

proptest! {
    #[test]
    fn the_table_agrees_with_the_reference(
        chains in proptest::collection::vec(any_chain(), 1..8),
        connections in proptest::collection::vec(any_connection(), 1..16),
    ) {
        // Chains like an earlier one are dropped, so that most tables are sound.
        let mut distinct: Vec<ChainMatch> = Vec::new();
        for chain in &chains {
            if !distinct.iter().any(|other| alike(other, chain)) {
                distinct.push(chain.clone());
            }
        }
        let whole = Trie::new(&chains.iter().collect::<Vec<_>>());
        prop_assert_eq!(whole.is_err(), distinct.len() < chains.len());
        let trie = Trie::new(&distinct.iter().collect::<Vec<_>>()).expect("distinct chains");
        for text in connections {
            let connection = Connection::new(&text);
            prop_assert_eq!(trie.select(&connection.offer()), reference(&distinct, &connection), "{}", text);
        }
    }
}
