//! The protocol's opaque strings, each with a type of its own so that none stands in for another.

use std::fmt;
use std::sync::Arc;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The string itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether it is empty, which on the wire means that it was not given.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text! {
    /// The name of a resource, or [the wildcard](Name::wildcard).
    Name
}

text! {
    /// A version as the server writes it. Opaque: compared for equality, never ordered.
    Version
}

text! {
    /// What ties a request to the response that it answers. Worth something on the stream that it came on, and nowhere
    /// else.
    Nonce
}

text! {
    /// The type URL of a kind of resource.
    TypeUrl
}

impl Name {
    /// `*`: whatever the server holds to be this client's.
    pub fn wildcard() -> Self {
        Self::from(WILDCARD)
    }

    /// Whether this is the wildcard and no resource's name.
    pub fn is_wildcard(&self) -> bool {
        self.as_str() == WILDCARD
    }
}

const WILDCARD: &str = "*";
