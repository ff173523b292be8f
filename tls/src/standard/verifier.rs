//! Verification as rustls calls it.
//!
//! rustls derives the alert from the kind of error it gets, so each refusal is answered with the kind whose alert is
//! the one chosen in `error`; the refusal itself is noted in the handshake's findings.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
};

use super::attempt;
use super::verification::{Refusal, Verification};
use crate::error::{PeerFault, Stage};
use crate::protocol::Scheme;
use crate::server::ClientAuth;

/// Verifies clients for a server.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) verification: Arc<Verification>,
    pub(super) mode: ClientAuth,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    /// Subjects of the roots, a hint to clients that have several certificates.
    pub(super) hints: Vec<DistinguishedName>,
}

/// Verifies servers for a client.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    /// None verifies nothing but the handshake signature.
    pub(super) verification: Option<Arc<Verification>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Verifies and notes the outcome.
fn judge(
    verification: &Verification,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), rustls::Error> {
    attempt::note(|findings| findings.stage = Stage::Certificate);
    match verification.verify(leaf, intermediates, now) {
        Ok(peer) => {
            attempt::note(|findings| findings.peer = Some(peer));
            Ok(())
        }
        Err(refusal) => Err(refuse(refusal)),
    }
}

/// Notes the refusal and returns the kind of error for which rustls sends its alert.
fn refuse(refusal: Refusal) -> rustls::Error {
    let error = match AlertDescription::from(refusal.fault.alert(None)) {
        AlertDescription::BadCertificate => CertificateError::BadEncoding,
        AlertDescription::UnsupportedCertificate => CertificateError::InvalidPurpose,
        AlertDescription::CertificateRevoked => CertificateError::Revoked,
        AlertDescription::CertificateExpired => CertificateError::Expired,
        AlertDescription::UnknownCA => CertificateError::UnknownIssuer,
        AlertDescription::AccessDenied => CertificateError::ApplicationVerificationFailure,
        AlertDescription::DecryptError => CertificateError::BadSignature,
        // certificate_unknown
        _ => CertificateError::Other(OtherError(Arc::new(refusal.fault.clone()))),
    };
    attempt::note(|findings| {
        findings.refusal = Some(refusal);
        findings.peer = None;
    });
    error.into()
}

/// Notes the outcome of the check of a handshake signature.
fn proven(result: Result<HandshakeSignatureValid, rustls::Error>) -> Result<HandshakeSignatureValid, rustls::Error> {
    let valid = result.map_err(|error| refuse(Refusal::new(PeerFault::BadSignature, error)))?;
    attempt::note(|findings| findings.stage = Stage::Finished);
    Ok(valid)
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mode == ClientAuth::Require
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        judge(&self.verification, end_entity, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        proven(verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        proven(verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The name that rustls hands over is the one sent as SNI; whom the server must be is a setting of its own.
        if let Some(verification) = &self.verification {
            judge(verification, end_entity, intermediates, now)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        attempt::note(|findings| findings.scheme = Some(Scheme(dss.scheme.into())));
        proven(verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        attempt::note(|findings| findings.scheme = Some(Scheme(dss.scheme.into())));
        proven(verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
