//! What came of a Tongsuo handshake: the negotiated facts, or the failure in our words.

use std::error::Error;

use jadegate_certs::certificate::Certificate;
use jadegate_tongsuo::openssl::error::{Error as LibraryError, ErrorStack};
use jadegate_tongsuo::openssl::ssl::{self, ErrorCode, SslRef, SslVersion};
use jadegate_tongsuo::{parameters, trace};
use tokio::time::error::Elapsed;

use super::verify::{self, Expectation, Refusal, Verifier};
use crate::error::{Failure, HandshakeError, Mismatch, PeerFault, Side, Stage};
use crate::negotiated::Peer;
use crate::policy::Family;
use crate::protocol::{Group, Protocol, Scheme, Suite};

/// Reason numbers of `sslerr.h`.
mod reason {
    pub(super) const NO_SUITABLE_KEY_SHARE: i32 = 101;
    pub(super) const NO_SUITABLE_GROUPS: i32 = 295;
    pub(super) const NO_SUITABLE_SIGNATURE_ALGORITHM: i32 = 118;
    pub(super) const BAD_SIGNATURE: i32 = 123;
    pub(super) const CERTIFICATE_VERIFY_FAILED: i32 = 134;
    pub(super) const DIGEST_CHECK_FAILED: i32 = 149;
    pub(super) const NO_CERTIFICATES_RETURNED: i32 = 176;
    pub(super) const NO_SHARED_CIPHER: i32 = 193;
    pub(super) const PEER_DID_NOT_RETURN_A_CERTIFICATE: i32 = 199;
    pub(super) const NO_APPLICATION_PROTOCOL: i32 = 235;
    pub(super) const UNKNOWN_CERTIFICATE_TYPE: i32 = 247;
    pub(super) const UNSUPPORTED_PROTOCOL: i32 = 258;
    pub(super) const WRONG_CIPHER_RETURNED: i32 = 261;
    pub(super) const WRONG_VERSION_NUMBER: i32 = 267;
    pub(super) const UNEXPECTED_EOF_WHILE_READING: i32 = 294;
    pub(super) const NO_SHARED_SIGNATURE_ALGORITHMS: i32 = 376;
    pub(super) const WRONG_CERTIFICATE_TYPE: i32 = 383;
    pub(super) const VERSION_TOO_LOW: i32 = 396;
    pub(super) const NO_SHARED_GROUPS: i32 = 410;
    /// An alert that the peer sent is reported as this plus its description.
    pub(super) const ALERT: i32 = 1000;
}

/// The facts that Tongsuo alone knows of a finished handshake.
pub(super) struct Facts {
    pub(super) protocol: Protocol,
    pub(super) suite: Suite,
    pub(super) group: Option<Group>,
    pub(super) scheme: Option<Scheme>,
    pub(super) alpn: Option<Vec<u8>>,
    pub(super) resumed: bool,
    pub(super) peer: Option<Peer>,
}

/// What came of a handshake, of which the library or the deadline (`Err(Elapsed)`) has said its word.
pub(super) fn of(
    ssl: &SslRef,
    finished: Result<Result<(), ssl::Error>, Elapsed>,
    family: Family,
    side: Side,
    verifier: &Verifier,
) -> Result<Facts, HandshakeError> {
    match finished {
        Ok(Ok(())) => facts(ssl, family, side, verifier),
        Ok(Err(error)) => Err(failed(ssl, error, family, side)),
        Err(_elapsed) => {
            let mut error = HandshakeError::new(Failure::TimedOut, stage(ssl), side);
            error.protocol = super::context::protocol_of(family);
            Err(error)
        }
    }
}

/// Reads the facts; a peer identity that cannot be established is a failure, never "no identity".
fn facts(ssl: &SslRef, family: Family, side: Side, verifier: &Verifier) -> Result<Facts, HandshakeError> {
    let protocol = match family {
        Family::Tlcp => Protocol::Tlcp,
        Family::Tls13Sm => Protocol::Tls13Sm,
        Family::Standard if ssl.version2() == Some(SslVersion::TLS1_3) => Protocol::Tls13,
        Family::Standard => Protocol::Tls12,
    };
    let refused = |failure| {
        let mut error = HandshakeError::new(failure, Stage::Certificate, side);
        error.protocol = Some(protocol);
        error
    };
    let resumed = ssl.session_reused();
    let peer = peer(ssl, resumed, verifier).map_err(|refusal| {
        let mut error = refused(Failure::PeerCertificate(refusal.fault));
        error.certificate = refusal.certificate;
        error.source = refusal.source;
        error
    })?;
    let suite = ssl
        .current_cipher()
        .map(|cipher| Suite(u16::from_be_bytes(cipher.protocol_id())))
        .ok_or_else(|| refused(Failure::Engine("no cipher suite after a finished handshake".to_owned())))?;
    // The static key exchange of TLCP has no group of its own.
    let static_exchange = matches!(suite, Suite::ECC_SM4_GCM_SM3 | Suite::ECC_SM4_CBC_SM3);
    let group = match protocol {
        Protocol::Tlcp if static_exchange => None,
        Protocol::Tlcp => Some(Group::CURVE_SM2),
        _ => parameters::group_name(ssl).and_then(|name| name.parse().ok()),
    };
    let scheme = match (resumed, side) {
        (true, _) => None,
        // TLCP knows one signature only (GB/T 38636 6.4.5.4).
        (false, _) if protocol == Protocol::Tlcp => Some(Scheme::SM2SIG_SM3),
        (false, Side::Downstream) => parameters::signature_name(ssl).and_then(|name| name.parse().ok()),
        (false, Side::Upstream) => parameters::peer_signature_name(ssl).and_then(|name| name.parse().ok()),
    };
    if protocol == Protocol::Tls13Sm {
        //= RFC 8998 3.2, 3.3: suite, group and signature are all national
        let national = [Suite::TLS_SM4_GCM_SM3, Suite::TLS_SM4_CCM_SM3].contains(&suite)
            && group.is_some_and(|group| [Group::CURVE_SM2, Group::CURVE_SM2_MLKEM768].contains(&group))
            && scheme.is_none_or(|scheme| scheme == Scheme::SM2SIG_SM3);
        if !national {
            let text = format!("not all of suite {suite}, group {group:?} and signature scheme {scheme:?} are SM");
            return Err(refused(Failure::PeerMisbehaved(text)));
        }
    }
    let alpn = ssl.selected_alpn_protocol().map(<[u8]>::to_vec);
    Ok(Facts { protocol, suite, group, scheme, alpn, resumed, peer })
}

fn peer(ssl: &SslRef, resumed: bool, verifier: &Verifier) -> Result<Option<Peer>, Refusal> {
    if matches!(verifier.expectation, Expectation::Anybody) {
        return Ok(None);
    }
    if resumed {
        let Some(certificate) = ssl.peer_certificate() else { return Ok(None) };
        let der = certificate.to_der().map_err(|_| PeerFault::Malformed)?;
        let leaf = Certificate::from_der(&der).map_err(|_| PeerFault::Malformed)?;
        let rule = verifier.resumed(&leaf)?;
        return Ok(Some(Peer::verified(leaf, None, rule)?));
    }
    let verified = verify::verified(ssl);
    match verified.leaf {
        // A TLCP peer that shows certificates shows both: half a pair passed no pair check.
        Some(_) if verified.enc.is_none() && verifier.protocol == Some(Protocol::Tlcp) => {
            Err(PeerFault::HalfPair.into())
        }
        Some(leaf) => Ok(Some(Peer::verified(leaf, verified.enc, verified.rule)?)),
        None if ssl.peer_certificate().is_some() => Err(PeerFault::Untrusted.into()),
        None => Ok(None),
    }
}

/// The failure in our words. `ssl` is the connection as the library left it.
fn failed(ssl: &SslRef, error: ssl::Error, family: Family, side: Side) -> HandshakeError {
    let protocol = super::context::protocol_of(family);
    let alert_received = trace::alert_received(ssl);
    let (failure, certificate, source): (_, _, Box<dyn Error + Send + Sync>) = match verify::refusal(ssl) {
        Some(refusal) => {
            let source = refusal.source.unwrap_or_else(|| Box::new(error));
            (Failure::PeerCertificate(refusal.fault), refusal.certificate, source)
        }
        None => {
            let failure = match failure(&error, alert_received) {
                // Refused before our callback was asked: in TLCP that is a list with fewer than two certificates.
                Failure::PeerCertificate(PeerFault::Untrusted) if family == Family::Tlcp => {
                    Failure::PeerCertificate(PeerFault::HalfPair)
                }
                failure => failure,
            };
            (failure, None, Box::new(error))
        }
    };
    let mut result = HandshakeError::new(failure, stage(ssl), side);
    result.alert_sent = trace::alert_sent(ssl);
    result.alert_received = alert_received;
    result.protocol = protocol;
    result.certificate = certificate;
    result.source = Some(source);
    result
}

/// A failure of ours before the library was even asked.
pub(super) fn unprepared(error: ErrorStack, side: Side) -> HandshakeError {
    let mut result = HandshakeError::new(Failure::Engine(error.to_string()), Stage::Hello, side);
    result.source = Some(Box::new(error));
    result
}

fn failure(error: &ssl::Error, alert_received: Option<u8>) -> Failure {
    if let Some(description) = alert_received {
        return Failure::AlertReceived(description);
    }
    if let Some(error) = error.io_error() {
        return match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Failure::Closed,
            kind => Failure::Io(kind),
        };
    }
    let Some(stack) = error.ssl_error() else {
        // SSL_ERROR_SYSCALL without an error, or SSL_ERROR_ZERO_RETURN: the peer is gone.
        return match error.code() {
            ErrorCode::SYSCALL | ErrorCode::ZERO_RETURN => Failure::Closed,
            _ => Failure::Engine(error.to_string()),
        };
    };
    stack
        .errors()
        .iter()
        .find_map(of_reason)
        .unwrap_or_else(|| Failure::Engine(stack.errors().first().map_or_else(|| stack.to_string(), text)))
}

fn of_reason(error: &LibraryError) -> Option<Failure> {
    Some(match error.reason_code() {
        reason::NO_SHARED_CIPHER | reason::WRONG_CIPHER_RETURNED => Failure::NoCommonSuite(Mismatch::default()),
        reason::NO_SUITABLE_KEY_SHARE | reason::NO_SUITABLE_GROUPS | reason::NO_SHARED_GROUPS => {
            Failure::NoCommonGroup(Mismatch::default())
        }
        reason::NO_SUITABLE_SIGNATURE_ALGORITHM | reason::NO_SHARED_SIGNATURE_ALGORITHMS => {
            Failure::NoCommonScheme(Mismatch::default())
        }
        reason::UNSUPPORTED_PROTOCOL | reason::WRONG_VERSION_NUMBER | reason::VERSION_TOO_LOW => {
            Failure::NoCommonProtocol(Mismatch::default())
        }
        reason::NO_APPLICATION_PROTOCOL => Failure::NoCommonAlpn(Mismatch::default()),
        reason::NO_CERTIFICATES_RETURNED | reason::PEER_DID_NOT_RETURN_A_CERTIFICATE => {
            Failure::PeerCertificate(PeerFault::Absent)
        }
        reason::BAD_SIGNATURE => Failure::PeerCertificate(PeerFault::BadSignature),
        reason::WRONG_CERTIFICATE_TYPE | reason::UNKNOWN_CERTIFICATE_TYPE => {
            Failure::PeerCertificate(PeerFault::WrongUsage)
        }
        reason::CERTIFICATE_VERIFY_FAILED => Failure::PeerCertificate(PeerFault::Untrusted),
        reason::DIGEST_CHECK_FAILED => Failure::PeerMisbehaved(text(error)),
        reason::UNEXPECTED_EOF_WHILE_READING => Failure::Closed,
        number if number > reason::ALERT => {
            u8::try_from(number - reason::ALERT).map_or_else(|_| Failure::Engine(text(error)), Failure::AlertReceived)
        }
        _ => return None,
    })
}

fn text(error: &LibraryError) -> String {
    error.reason().map_or_else(|| format!("error {:x}", error.code()), str::to_owned)
}

/// How far the library's state machine had come, by the name of its state.
fn stage(ssl: &SslRef) -> Stage {
    let state = ssl.state_string_long();
    let any = |words: &[&str]| words.iter().any(|word| state.contains(word));
    if any(&["finished", "change cipher spec", "session ticket"]) {
        Stage::Finished
    } else if any(&["key exchange", "server done"]) {
        Stage::KeyExchange
    } else if any(&["certificate"]) {
        Stage::Certificate
    } else if any(&["server hello", "encrypted extensions"]) {
        Stage::Negotiation
    } else if any(&["client hello", "before"]) {
        // The hello was read whole before the library saw it: what fails here is the choice made from it.
        Stage::Negotiation
    } else {
        Stage::KeyExchange
    }
}
