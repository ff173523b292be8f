//! The rules' finer faults under the words that logs, metrics and alerts use.

use jadegate_certs::rules::{CertificateFault, PairFault};

use super::PeerFault;

impl From<&CertificateFault> for PeerFault {
    fn from(fault: &CertificateFault) -> Self {
        use CertificateFault as F;
        match fault {
            F::Expired { .. } => Self::Expired,
            F::NotYetValid { .. } => Self::NotYetValid,
            F::WrongKeyUsage { .. }
            | F::KeyUsageAbsent { .. }
            | F::WrongExtendedKeyUsage { .. }
            | F::CaAsLeaf
            | F::NotVersion3(_)
            | F::UnknownCriticalExtension(_) => Self::WrongUsage,
            F::IssuerNotCa | F::IssuerCannotSign { .. } => Self::Untrusted,
            F::WeakKey(_) | F::UnknownKeyKind(_) | F::NotSm2 { .. } | F::IssuerNotSm2(_) => Self::WeakKey,
            F::WeakSignature(_) | F::UnknownSignature(_) | F::NotSm2Signed(_) => Self::WeakSignature,
            F::BadSerial(_) | F::SignatureAlgorithmsDiffer | F::SignatureNotDer => Self::Malformed,
        }
    }
}

impl From<&PairFault> for PeerFault {
    fn from(fault: &PairFault) -> Self {
        Self::PairInconsistent(fault.clone())
    }
}
