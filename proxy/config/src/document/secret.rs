//! Certificates and trust as written.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{OneOrMany, RevocationDepth};

/// One of: `cert` with `key`; `pkcs12`; `sign` with `enc`, a TLCP pair.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// Label of logs and metrics. Default: the path of the certificate.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) name: Option<String>,
    /// The certificate, and its intermediates in any order.
    pub(crate) cert: Option<Input>,
    /// Its private key.
    pub(crate) key: Option<Input>,
    /// A PKCS#12 file with certificate and key.
    #[schemars(length(min = 1))]
    pub(crate) pkcs12: Option<String>,
    /// A file whose first line decrypts the key or the PKCS#12 file.
    #[schemars(length(min = 1))]
    pub(crate) password_file: Option<String>,
    /// A file with a DER OCSP response to staple.
    #[schemars(length(min = 1))]
    pub(crate) ocsp: Option<String>,
    /// The signing half of a TLCP pair.
    pub(crate) sign: Option<SingleCertificate>,
    /// The encryption half of a TLCP pair.
    pub(crate) enc: Option<SingleCertificate>,
}

/// One of: `cert` with `key`; `pkcs12`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SingleCertificate {
    /// The certificate, and its intermediates in any order.
    pub(crate) cert: Option<Input>,
    /// Its private key.
    pub(crate) key: Option<Input>,
    /// A PKCS#12 file with certificate and key.
    #[schemars(length(min = 1))]
    pub(crate) pkcs12: Option<String>,
    /// A file whose first line decrypts the key or the PKCS#12 file.
    #[schemars(length(min = 1))]
    pub(crate) password_file: Option<String>,
    /// A file with a DER OCSP response to staple.
    #[schemars(length(min = 1))]
    pub(crate) ocsp: Option<String>,
}

/// Who vouches for a peer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trust {
    /// Label of logs and metrics. Default: the path of the first file.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) name: Option<String>,
    /// Root certificates: files, each with one or many.
    #[schemars(required)]
    pub(crate) ca: Option<OneOrMany<Input>>,
    /// Certificate revocation lists.
    pub(crate) crl: Option<OneOrMany<Input>>,
    /// How far up a chain the lists are consulted. Default: chain.
    pub(crate) revocation: Option<RevocationDepth>,
}

/// The path of a file, relative to this document, or `inline` text.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Input {
    /// The path of a file, relative to this document.
    Path(#[schemars(length(min = 1))] String),
    /// The text itself.
    Inline(Inline),
}

/// The text itself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inline {
    /// PEM.
    #[schemars(required, length(min = 1))]
    pub(crate) inline: Option<String>,
}

/// Inline text may be a private key.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Inline(_) => f.write_str("Inline(..)"),
        }
    }
}
