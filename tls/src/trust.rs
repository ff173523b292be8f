//! What vouches for peers: roots and revocation lists, parsed once and shared.
//!
//! One [`Trust`] serves any number of listeners and backends through an `Arc`; a large revocation list is in memory
//! once per engine that uses it, not once per listener. Each engine's store is built on first use: a process without
//! SM2 peers never builds the one of Tongsuo. A list or root that an engine cannot read is an error of that engine's
//! store, never skipped, unless it can by its kind mean nothing to the engine (SM2 material in the standard one).
//!
//! The stores say who may vouch; how deep revocation is checked and which identities are admitted is for the contexts.

pub(crate) mod standard;

use std::sync::{Arc, OnceLock};

use jadegate_certs::trust::TrustBundle;
use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::x509::store::{X509Store, X509StoreBuilder};
use jadegate_tongsuo::openssl::x509::verify::X509VerifyFlags;
use jadegate_tongsuo::openssl::x509::{X509, X509Crl};

use self::standard::StandardTrust;

/// A trust bundle that an engine cannot use.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The bundle has no root at all.
    #[error("the trust bundle has no root certificate")]
    Empty,
    /// The standard engine cannot read a root.
    #[error("root certificate {subject} cannot be used")]
    Root {
        /// Its subject.
        subject: String,
        /// What the library says.
        source: webpki::Error,
    },
    /// The standard engine cannot read a revocation list.
    #[error("revocation list {index} of the bundle cannot be used")]
    RevocationList {
        /// Its position, from 0.
        index: usize,
        /// What the library says.
        source: webpki::Error,
    },
    /// Tongsuo cannot build its store.
    #[error("the Tongsuo trust store cannot be built")]
    Tongsuo(#[source] ErrorStack),
}

impl TrustError {
    /// A stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "trust_empty",
            Self::Root { .. } => "trust_root_unusable",
            Self::RevocationList { .. } => "trust_crl_unusable",
            Self::Tongsuo(_) => "trust_store_failed",
        }
    }
}

/// Roots and revocation lists for both engines. Share it with `Arc`.
pub struct Trust {
    bundle: Arc<TrustBundle>,
    fingerprint: [u8; 32],
    standard: StandardTrust,
    tongsuo: OnceLock<Result<X509Store, TrustError>>,
}

impl Trust {
    /// Reads the bundle for the standard engine; Tongsuo's store follows when it is first needed.
    pub fn new(bundle: Arc<TrustBundle>) -> Result<Self, TrustError> {
        if bundle.roots.is_empty() {
            return Err(TrustError::Empty);
        }
        let standard = StandardTrust::new(&bundle)?;
        Ok(Self { fingerprint: bundle.fingerprint(), standard, bundle, tongsuo: OnceLock::new() })
    }

    /// Content hash of the bundle; the order of its parts does not matter.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The bundle as read.
    pub fn bundle(&self) -> &Arc<TrustBundle> {
        &self.bundle
    }

    pub(crate) fn standard(&self) -> &StandardTrust {
        &self.standard
    }

    /// Tongsuo's store of the same roots and lists. A partial chain (an intermediate as root) is enough; whether lists
    /// are consulted is for the connection's verify parameters.
    pub(crate) fn tongsuo(&self) -> Result<&X509Store, TrustError> {
        self.tongsuo.get_or_init(|| self.build_tongsuo().map_err(TrustError::Tongsuo)).as_ref().map_err(Clone::clone)
    }

    fn build_tongsuo(&self) -> Result<X509Store, ErrorStack> {
        let mut builder = X509StoreBuilder::new()?;
        for root in &self.bundle.roots {
            builder.add_cert(X509::from_der(root.der())?)?;
        }
        for crl in &self.bundle.crls {
            let crl = X509Crl::from_der(&crl.der)?;
            jadegate_tongsuo::store::add_crl(&mut builder, &crl)?;
        }
        builder.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        Ok(builder.build())
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust")
            .field("fingerprint", &hex::encode(self.fingerprint))
            .field("roots", &self.bundle.roots.len())
            .field("crls", &self.bundle.crls.len())
            .finish_non_exhaustive()
    }
}
