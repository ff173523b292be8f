//! The criteria of all chains as nested look-ups, one level for each kind of criterion.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::{ChainTableError, Offer};
use crate::model::{ChainMatch, IpPrefix, ProtocolMatch, ServerNameMatch};

/// Most look-up nodes in one table: thousands of names, or hundreds of names by dozens of source prefixes.
const MAX_NODES: usize = 1 << 16;

#[derive(Clone, Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    root: Option<NodeId>,
}

type NodeId = usize;

#[derive(Clone, Debug)]
enum Node {
    Leaf { chain: usize },
    Branch(Branch),
}

/// The values of one level and where each leads.
#[derive(Clone, Debug)]
enum Branch {
    Port { by_port: HashMap<u16, NodeId>, any: Option<NodeId> },
    Destination(Prefixes),
    ServerName { exact: HashMap<String, NodeId>, suffix: HashMap<String, NodeId>, any: Option<NodeId> },
    Protocol(BTreeMap<ProtocolMatch, NodeId>),
    Alpn { by_name: HashMap<Vec<u8>, NodeId>, any: Option<NodeId> },
    Source(Prefixes),
}

#[derive(Clone, Debug)]
struct Prefixes {
    by_prefix: HashMap<IpPrefix, NodeId>,
    /// One prefix of each length and family in use, longest first.
    shapes: Vec<IpPrefix>,
    any: Option<NodeId>,
}

/// Kinds of criteria in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Port,
    Destination,
    ServerName,
    Protocol,
    Alpn,
    Source,
}

impl Level {
    const FIRST: Self = Self::Port;

    const fn next(self) -> Option<Self> {
        match self {
            Self::Port => Some(Self::Destination),
            Self::Destination => Some(Self::ServerName),
            Self::ServerName => Some(Self::Protocol),
            Self::Protocol => Some(Self::Alpn),
            Self::Alpn => Some(Self::Source),
            Self::Source => None,
        }
    }
}

/// One value of one kind of criterion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Any,
    Port(u16),
    Prefix(IpPrefix),
    ServerName(ServerNameMatch),
    Protocol(ProtocolMatch),
    Alpn(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Port(port) => port.fmt(f),
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::ServerName(name) => name.fmt(f),
            Self::Protocol(protocol) => protocol.fmt(f),
            Self::Alpn(name) => name.fmt(f),
        }
    }
}

fn values(matcher: &ChainMatch, level: Level) -> Vec<Value> {
    fn listed<T: Clone>(criteria: &[T], value: impl Fn(T) -> Value) -> Vec<Value> {
        if criteria.is_empty() { vec![Value::Any] } else { criteria.iter().cloned().map(value).collect() }
    }
    match level {
        Level::Port => listed(&matcher.ports, Value::Port),
        Level::Destination => listed(&matcher.destinations, Value::Prefix),
        Level::ServerName => listed(&matcher.server_names, Value::ServerName),
        Level::Protocol => listed(&matcher.protocols, Value::Protocol),
        Level::Alpn => listed(&matcher.alpn, Value::Alpn),
        Level::Source => listed(&matcher.sources, Value::Prefix),
    }
}

impl Trie {
    pub(super) fn new(matchers: &[&ChainMatch]) -> Result<Self, ChainTableError> {
        let mut trie = Self { nodes: Vec::new(), root: None };
        if !matchers.is_empty() {
            let all: Vec<usize> = (0..matchers.len()).collect();
            trie.root = Some(trie.branch(Level::FIRST, matchers, &all, &mut Vec::new())?);
        }
        Ok(trie)
    }

    fn branch(
        &mut self,
        level: Level,
        matchers: &[&ChainMatch],
        candidates: &[usize],
        way: &mut Vec<(Level, Value)>,
    ) -> Result<NodeId, ChainTableError> {
        let mut groups: BTreeMap<Value, Vec<usize>> = BTreeMap::new();
        for &candidate in candidates {
            for value in values(matchers[candidate], level) {
                let group = groups.entry(value).or_default();
                // A value listed twice in one chain is no conflict.
                if group.last() != Some(&candidate) {
                    group.push(candidate);
                }
            }
        }
        let mut children = Vec::with_capacity(groups.len());
        for (value, group) in groups {
            way.push((level, value));
            let child = match level.next() {
                Some(next) => self.branch(next, matchers, &group, way)?,
                None => self.leaf(&group, way)?,
            };
            let (_, value) = way.pop().expect("pushed above");
            children.push((value, child));
        }
        self.add(Node::Branch(Branch::new(level, children)))
    }

    fn leaf(&mut self, group: &[usize], way: &[(Level, Value)]) -> Result<NodeId, ChainTableError> {
        match *group {
            [first, second, ..] => Err(ChainTableError::Ambiguous { first, second, criteria: describe(way) }),
            [chain] => self.add(Node::Leaf { chain }),
            [] => unreachable!("a group has the candidate that made it"),
        }
    }

    fn add(&mut self, node: Node) -> Result<NodeId, ChainTableError> {
        if self.nodes.len() == MAX_NODES {
            return Err(ChainTableError::TooManyCombinations { limit: MAX_NODES });
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    pub(super) fn select(&self, offer: &Offer<'_>) -> Option<usize> {
        let mut id = self.root?;
        loop {
            match &self.nodes[id] {
                Node::Leaf { chain } => return Some(*chain),
                Node::Branch(branch) => id = branch.follow(offer)?,
            }
        }
    }
}

/// The criteria on the way to a leaf, `any` left out.
fn describe(way: &[(Level, Value)]) -> String {
    let named: Vec<String> = way
        .iter()
        .filter(|(_, value)| *value != Value::Any)
        .map(|(level, value)| {
            let key = match level {
                Level::Port => "port",
                Level::Destination => "destination",
                Level::ServerName => "sni",
                Level::Protocol => "protocol",
                Level::Alpn => "alpn",
                Level::Source => "source",
            };
            format!("{key} {value}")
        })
        .collect();
    named.join(", ")
}

impl Branch {
    fn new(level: Level, children: Vec<(Value, NodeId)>) -> Self {
        let mut any = None;
        let mut ports = HashMap::new();
        let mut prefixes = HashMap::new();
        let mut exact = HashMap::new();
        let mut suffix = HashMap::new();
        let mut protocols = BTreeMap::new();
        let mut alpn = HashMap::new();
        for (value, child) in children {
            match value {
                Value::Any => any = Some(child),
                Value::Port(port) => _ = ports.insert(port, child),
                Value::Prefix(prefix) => _ = prefixes.insert(prefix, child),
                Value::ServerName(ServerNameMatch::Exact(name)) => _ = exact.insert(name, child),
                Value::ServerName(ServerNameMatch::Suffix(name)) => _ = suffix.insert(name, child),
                Value::Protocol(protocol) => _ = protocols.insert(protocol, child),
                Value::Alpn(name) => _ = alpn.insert(name.into_bytes(), child),
            }
        }
        match level {
            Level::Port => Self::Port { by_port: ports, any },
            Level::Destination => Self::Destination(Prefixes::new(prefixes, any)),
            Level::ServerName => Self::ServerName { exact, suffix, any },
            Level::Protocol => Self::Protocol(protocols),
            Level::Alpn => Self::Alpn { by_name: alpn, any },
            Level::Source => Self::Source(Prefixes::new(prefixes, any)),
        }
    }

    fn follow(&self, offer: &Offer<'_>) -> Option<NodeId> {
        match self {
            Self::Port { by_port, any } => by_port.get(&offer.local.port()).copied().or(*any),
            Self::Destination(prefixes) => prefixes.follow(offer.local.ip()),
            Self::ServerName { exact, suffix, any } => {
                let name = offer.server_name;
                let exact = name.and_then(|name| exact.get(name));
                let found = exact.or_else(|| name.and_then(|name| parents(name).find_map(|parent| suffix.get(parent))));
                found.copied().or(*any)
            }
            Self::Protocol(protocols) => offer.protocols.iter().find_map(|offered| protocols.get(offered)).copied(),
            Self::Alpn { by_name, any } => offer.alpn.iter().find_map(|name| by_name.get(name)).copied().or(*any),
            Self::Source(prefixes) => prefixes.follow(offer.remote.ip()),
        }
    }
}

/// The name without its first label, without its first two, and so on.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[dot + 1..])
}

impl Prefixes {
    fn new(by_prefix: HashMap<IpPrefix, NodeId>, any: Option<NodeId>) -> Self {
        let mut shapes: Vec<IpPrefix> = by_prefix.keys().copied().collect();
        shapes.sort_by_key(|prefix| (std::cmp::Reverse(prefix.length()), prefix.address().is_ipv4()));
        shapes.dedup_by_key(|prefix| (prefix.length(), prefix.address().is_ipv4()));
        Self { by_prefix, shapes, any }
    }

    fn follow(&self, address: std::net::IpAddr) -> Option<NodeId> {
        let around = self.shapes.iter().filter_map(|shape| shape.around(address));
        around.into_iter().find_map(|prefix| self.by_prefix.get(&prefix)).copied().or(self.any)
    }
}
