//! Keys, chains, identities, trust, credential sources and the development CA.
//!
//! This crate knows keys, certificates and files, and nothing of TLS connections. What it hands out has been checked;
//! what it refuses, it refuses by name.

pub mod certificate;
pub mod chain;
pub mod clock;
pub mod credential;
mod der;
pub mod development;
pub mod identity;
pub mod inspect;
pub mod key;
pub mod material;
pub mod pem;
pub mod pkcs12;
mod residue;
pub mod rules;
pub mod source;
mod text;
pub mod trust;

pub use certificate::Certificate;
pub use clock::UnixTime;
pub use credential::{Credential, CredentialPair};
pub use key::{KeyKind, Password, PrivateKey};
pub use trust::{Crl, TrustBundle};
