//! Requests, field by field those of the protocol's messages.

use crate::text::{Name, Nonce, TypeUrl, Version};

/// A request of either dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// A `DiscoveryRequest`.
    World(WorldRequest),
    /// A `DeltaDiscoveryRequest`.
    Delta(DeltaRequest),
}

/// Whether a request carries the node. Only the first of a stream does; the Istio agent refuses a stream whose first
/// request does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// With `node`.
    Include,
    /// Without.
    Omit,
}

/// A `DiscoveryRequest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorldRequest {
    /// `type_url`.
    pub type_url: TypeUrl,
    /// `node`.
    pub node: Node,
    /// `version_info`: the last version that was accepted as a whole.
    pub version: Option<Version>,
    /// `response_nonce`.
    pub nonce: Option<Nonce>,
    /// `resource_names`: all that is wanted.
    pub names: Vec<Name>,
    /// The message of `error_detail`: this is a NACK.
    pub error: Option<String>,
}

/// A `DeltaDiscoveryRequest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeltaRequest {
    /// `type_url`.
    pub type_url: TypeUrl,
    /// `node`.
    pub node: Node,
    /// `resource_names_subscribe`.
    pub subscribe: Vec<Name>,
    /// `resource_names_unsubscribe`.
    pub unsubscribe: Vec<Name>,
    /// `initial_resource_versions`: what the application holds, on the first request of a stream. An empty version is
    /// that of a resource which is known under the wildcard and not held, or not yet.
    pub initial_versions: Vec<(Name, Version)>,
    /// `response_nonce`: set in an answer, and in nothing else.
    pub nonce: Option<Nonce>,
    /// The message of `error_detail`: this is a NACK.
    pub error: Option<String>,
}

impl Request {
    /// The kind of resource that it is about.
    pub fn type_url(&self) -> &TypeUrl {
        match self {
            Self::World(request) => &request.type_url,
            Self::Delta(request) => &request.type_url,
        }
    }

    /// Whether it carries the node.
    pub fn node(&self) -> Node {
        match self {
            Self::World(request) => request.node,
            Self::Delta(request) => request.node,
        }
    }

    /// The reason for the rejection, if it is a NACK.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::World(request) => request.error.as_deref(),
            Self::Delta(request) => request.error.as_deref(),
        }
    }
}
