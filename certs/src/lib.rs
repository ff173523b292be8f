//! Keys, chains, identities, trust, credential sources and the development CA.

pub mod development;
pub mod source;
