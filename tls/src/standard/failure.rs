//! What rustls reports, in the project's words.

use std::io;

use rustls::{AlertDescription, Error as E, PeerIncompatible, PeerMisbehaved};

use super::attempt::Findings;
use crate::error::{Failure, HandshakeError, Mismatch, PeerFault, Side, Stage};
use crate::protocol::Protocol;

/// What is known of a handshake besides what rustls reports.
#[derive(Clone, Copy)]
pub(super) struct Handshake {
    pub(super) side: Side,
    pub(super) protocol: Option<Protocol>,
}

impl Handshake {
    /// An error at a stage, with what is known of the handshake.
    pub(super) fn failed(self, failure: Failure, stage: Stage) -> HandshakeError {
        let mut error = HandshakeError::new(failure, stage, self.side);
        error.protocol = self.protocol;
        error
    }

    /// The error for what tokio-rustls returned. rustls has written its alert by then.
    pub(super) fn describe(self, error: io::Error, findings: Findings) -> HandshakeError {
        let Some(reported) = error.get_ref().and_then(|inner| inner.downcast_ref::<E>()) else {
            let mut described = self.failed(failure_of_io(&error), findings.stage);
            described.source = Some(error.into());
            return described;
        };
        let (failure, stage) = failure(reported, &findings);
        let mut described = self.failed(failure, stage);
        described.alert_sent = alert_sent(reported);
        described.source = match findings.refusal {
            Some(refusal) => {
                described.certificate = refusal.certificate;
                refusal.source
            }
            None => Some(reported.clone().into()),
        };
        described
    }
}

fn failure_of_io(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::Closed,
        kind => Failure::Io(kind),
    }
}

fn failure(error: &E, findings: &Findings) -> (Failure, Stage) {
    match error {
        E::InvalidCertificate(_) | E::InvalidCertRevocationList(_) => {
            let fault = findings.refusal.as_ref().map_or(PeerFault::Malformed, |refusal| refusal.fault.clone());
            (Failure::PeerCertificate(fault), Stage::Certificate)
        }
        E::NoCertificatesPresented => (Failure::PeerCertificate(PeerFault::Absent), Stage::Certificate),
        E::AlertReceived(alert) => (Failure::AlertReceived((*alert).into()), findings.stage),
        E::PeerIncompatible(what) => (incompatible(what), Stage::Negotiation),
        E::NoApplicationProtocol => (Failure::NoCommonAlpn(Mismatch::default()), Stage::Negotiation),
        E::PeerMisbehaved(_)
        | E::InappropriateMessage { .. }
        | E::InappropriateHandshakeMessage { .. }
        | E::InvalidMessage(_)
        | E::DecryptError
        | E::PeerSentOversizedRecord
        | E::InvalidEncryptedClientHello(_) => (Failure::PeerMisbehaved(error.to_string()), findings.stage),
        _ => (Failure::Engine(error.to_string()), findings.stage),
    }
}

fn incompatible(what: &PeerIncompatible) -> Failure {
    use PeerIncompatible as P;
    let mismatch = Mismatch::default();
    match what {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => Failure::NoCommonProtocol(mismatch),
        P::NoCipherSuitesInCommon => Failure::NoCommonSuite(mismatch),
        P::KeyShareExtensionRequired | P::NamedGroupsExtensionRequired | P::NoKxGroupsInCommon => {
            Failure::NoCommonGroup(mismatch)
        }
        P::NoCertificateRequestSignatureSchemesInCommon
        | P::NoSignatureSchemesInCommon
        | P::SignatureAlgorithmsExtensionRequired => Failure::NoCommonScheme(mismatch),
        other => Failure::PeerMisbehaved(format!("{other:?}")),
    }
}

/// The alert that rustls sends with an error, as far as the error alone tells.
fn alert_sent(error: &E) -> Option<u8> {
    let alert = match error {
        E::InvalidCertificate(error) => AlertDescription::from(error.clone()),
        E::InvalidMessage(error) => AlertDescription::from(*error),
        E::NoCertificatesPresented => AlertDescription::CertificateRequired,
        E::NoApplicationProtocol => AlertDescription::NoApplicationProtocol,
        E::PeerIncompatible(what) => match incompatible(what) {
            Failure::NoCommonProtocol(_) => AlertDescription::ProtocolVersion,
            _ => AlertDescription::HandshakeFailure,
        },
        E::PeerMisbehaved(PeerMisbehaved::IncorrectBinder) | E::DecryptError => AlertDescription::DecryptError,
        E::PeerMisbehaved(_) => AlertDescription::IllegalParameter,
        E::InappropriateMessage { .. } | E::InappropriateHandshakeMessage { .. } => AlertDescription::UnexpectedMessage,
        E::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        _ => return None,
    };
    Some(alert.into())
}
