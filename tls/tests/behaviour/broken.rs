//! Peers with broken certificates, in both roles: refused, with the right kind and the right alert. Standard protocols.

use std::sync::Arc;

use jadegate_certs::development::mint::{
    AltName, Mint, MintCrl, MintKey, Minted, Purpose, SignatureAlgorithm, Usage, Version,
};
use jadegate_certs::rules::PeerRole;
use jadegate_tls::{
    ClientOptions, EngineChoice, Failure, HandshakeError, RevocationDepth, ServerOptions, Stage, Trust,
};

use crate::kind::Kind;
use crate::pki::{Identity, Pki, SERVER, authority, trust};
use crate::wire::{connector, context, handshake};

/// The engine of whoever presents the broken certificate: rustls, because Tongsuo does not load all of them. (The
/// national protocols' own tests have a peer that lies below the engine.)
const LIAR: EngineChoice = EngineChoice::Auto;

/// What a peer presents, and how the other side judges it.
struct Case {
    identity: Identity,
    trust: Arc<Trust>,
    revocation: RevocationDepth,
}

impl Case {
    fn new(pki: &Pki, identity: Identity) -> Self {
        Self { identity, trust: pki.trust(), revocation: RevocationDepth::Off }
    }

    fn with_lists(pki: &Pki, identity: Identity, revocation: RevocationDepth, lists: &[Vec<u8>]) -> Self {
        Self { identity, trust: trust(&[&pki.root], lists), revocation }
    }
}

type Build = fn(&Pki, PeerRole) -> Case;

/// A leaf without fault, to be spoilt in one respect.
fn good() -> Mint {
    Mint::leaf("peer").dns(SERVER)
}

fn spoilt(pki: &Pki, mint: Mint) -> Case {
    Case::new(pki, pki.issue(mint))
}

fn below(pki: &Pki, spoil: impl FnOnce(Mint) -> Mint) -> Minted {
    spoil(Mint::authority("Intermediate")).issue(&pki.kind.key(), &pki.root).unwrap()
}

/// A good leaf below an intermediate authority that is spoilt.
fn under(pki: &Pki, spoil: impl FnOnce(Mint) -> Mint) -> Case {
    let intermediate = below(pki, spoil);
    Case::new(pki, pki.issue_below(good(), &intermediate, &[&intermediate]))
}

fn list(pki: &Pki, spoil: impl FnOnce(MintCrl) -> MintCrl) -> Vec<u8> {
    spoil(MintCrl::new()).issue(&pki.root).unwrap()
}

const CASES: &[(&str, &str, Build)] = &[
    ("expired", "peer_certificate_expired", |pki, _| spoilt(pki, good().expired())),
    ("not yet valid", "peer_certificate_not_yet_valid", |pki, _| spoilt(pki, good().not_yet_valid())),
    ("self-signed", "peer_certificate_untrusted", |pki, _| {
        let stranger = authority(pki.kind, "peer");
        Case::new(pki, pki.issue_below(good(), &stranger, &[]))
    }),
    ("unknown issuer of the root's name", "peer_certificate_bad_signature", |pki, _| {
        let impostor = authority(pki.kind, "Test Root");
        Case::new(pki, pki.issue_below(good().without_key_ids(), &impostor, &[]))
    }),
    ("intermediate missing", "peer_certificate_untrusted", |pki, _| {
        let intermediate = below(pki, |mint| mint);
        Case::new(pki, pki.issue_below(good(), &intermediate, &[]))
    }),
    ("intermediate expired", "peer_certificate_expired", |pki, _| under(pki, Mint::expired)),
    ("intermediate not yet valid", "peer_certificate_not_yet_valid", |pki, _| under(pki, Mint::not_yet_valid)),
    ("issuer without CA flag", "peer_certificate_untrusted", |pki, _| under(pki, Mint::without_ca_flag)),
    ("issuer without keyCertSign", "peer_certificate_untrusted", |pki, _| {
        under(pki, |mint| mint.usage(&[Usage::CrlSigning]))
    }),
    ("path too long", "peer_certificate_untrusted", |pki, _| {
        let upper = below(pki, |mint| mint.path_length(0));
        let lower = Mint::authority("Lower").issue(&pki.kind.key(), &upper).unwrap();
        Case::new(pki, pki.issue_below(good(), &lower, &[&lower, &upper]))
    }),
    ("signature corrupted", "peer_certificate_bad_signature", |pki, _| spoilt(pki, good().corrupted_signature())),
    ("intermediate's signature corrupted", "peer_certificate_bad_signature", |pki, _| {
        under(pki, Mint::corrupted_signature)
    }),
    ("purpose of the other role", "peer_certificate_wrong_usage", |pki, role| {
        let other = match role {
            PeerRole::Server => Purpose::ClientAuth,
            PeerRole::Client => Purpose::ServerAuth,
        };
        spoilt(pki, good().purposes(&[other]))
    }),
    ("purpose foreign to TLS", "peer_certificate_wrong_usage", |pki, _| {
        spoilt(pki, good().purposes(&[Purpose::CodeSigning]))
    }),
    ("no digitalSignature", "peer_certificate_wrong_usage", |pki, _| {
        spoilt(pki, good().usage(&[Usage::NonRepudiation]))
    }),
    ("CA as leaf", "peer_certificate_wrong_usage", |pki, _| spoilt(pki, good().with_ca_flag())),
    ("X.509 version 1", "peer_certificate_wrong_usage", |pki, _| spoilt(pki, good().version(Version::V1))),
    ("unknown critical extension", "peer_certificate_wrong_usage", |pki, _| {
        spoilt(pki, good().unknown_critical_extension())
    }),
    ("serial number zero", "peer_certificate_malformed", |pki, _| spoilt(pki, good().serial(&[0]))),
    ("serial number too long", "peer_certificate_malformed", |pki, _| spoilt(pki, good().serial(&[0x11; 21]))),
    ("serial number negative", "peer_certificate_malformed", |pki, _| spoilt(pki, good().serial(&[0xff]))),
    ("algorithms inside and outside differ", "peer_certificate_malformed", |pki, _| {
        spoilt(pki, good().inner_algorithm(SignatureAlgorithm::EcdsaSha384))
    }),
    ("signature not strict DER", "peer_certificate_malformed", |pki, _| spoilt(pki, good().loose_signature())),
    ("signed over SHA-1", "peer_certificate_weak_signature", |pki, _| {
        let root = Mint::authority("P-256 Root").self_signed(&MintKey::p256().unwrap()).unwrap();
        let identity = pki.issue_below(good().algorithm(SignatureAlgorithm::EcdsaSha1), &root, &[]);
        Case { trust: trust(&[&root], &[]), ..Case::new(pki, identity) }
    }),
    ("intermediate with a short RSA key", "peer_certificate_weak_key", |pki, _| {
        let weak = Mint::authority("Weak").issue(&MintKey::rsa(1024).unwrap(), &pki.root).unwrap();
        Case::new(pki, pki.issue_below(good(), &weak, &[&weak]))
    }),
    ("outside of the issuer's name constraints", "peer_certificate_untrusted", |pki, _| {
        under(pki, |mint| mint.name_constraints(&[AltName::Dns("elsewhere.example".to_owned())], &[]))
    }),
    ("revoked", "peer_certificate_revoked", |pki, _| {
        let identity = pki.issue(good());
        let lists = [list(pki, |list| list.revoke(&identity.leaf))];
        Case::with_lists(pki, identity, RevocationDepth::Leaf, &lists)
    }),
    ("revoked by the newer of two lists", "peer_certificate_revoked", |pki, _| {
        let identity = pki.issue(good());
        let now = std::time::SystemTime::now();
        let hour = std::time::Duration::from_secs(3600);
        let older = list(pki, |list| list.number(1).valid(now - 9 * hour, Some(now + hour)));
        let newer = list(pki, |list| list.number(2).valid(now - hour, Some(now + hour)).revoke(&identity.leaf));
        Case::with_lists(pki, identity, RevocationDepth::Leaf, &[older, newer])
    }),
    ("revoked under a root that was renewed under its old name", "peer_certificate_revoked", |pki, _| {
        let renewed = authority(pki.kind, "Test Root");
        let identity = pki.issue(good());
        let now = std::time::SystemTime::now();
        let minute = std::time::Duration::from_secs(60);
        let of_the_old = list(pki, |list| list.valid(now - 2 * minute, Some(now + minute)).revoke(&identity.leaf));
        let of_the_new = MintCrl::new().valid(now - minute, Some(now + minute)).issue(&renewed).unwrap();
        let trust = trust(&[&renewed, &pki.root], &[of_the_new, of_the_old]);
        Case { identity, trust, revocation: RevocationDepth::Leaf }
    }),
    ("issuing authority revoked", "peer_certificate_revoked", |pki, _| {
        let intermediate = below(pki, |mint| mint);
        let identity = pki.issue_below(good(), &intermediate, &[&intermediate]);
        let lists = [list(pki, |list| list.revoke(&intermediate)), MintCrl::new().issue(&intermediate).unwrap()];
        Case::with_lists(pki, identity, RevocationDepth::Chain, &lists)
    }),
    ("no list of the issuer", "peer_certificate_revocation_unknown", |pki, _| {
        let intermediate = below(pki, |mint| mint);
        let identity = pki.issue_below(good(), &intermediate, &[&intermediate]);
        Case::with_lists(pki, identity, RevocationDepth::Leaf, &[list(pki, |list| list)])
    }),
    ("no list of the issuer's issuer", "peer_certificate_revocation_unknown", |pki, _| {
        let intermediate = below(pki, |mint| mint);
        let identity = pki.issue_below(good(), &intermediate, &[&intermediate]);
        let lists = [MintCrl::new().issue(&intermediate).unwrap()];
        Case::with_lists(pki, identity, RevocationDepth::Chain, &lists)
    }),
    ("list past its next update", "peer_certificate_revocation_unknown", |pki, _| {
        Case::with_lists(pki, pki.issue(good()), RevocationDepth::Leaf, &[list(pki, MintCrl::stale)])
    }),
    ("list with a corrupted signature", "peer_certificate_revocation_unknown", |pki, _| {
        Case::with_lists(pki, pki.issue(good()), RevocationDepth::Leaf, &[list(pki, MintCrl::corrupted_signature)])
    }),
    ("two URIs", "peer_certificate_wrong_identity", |pki, _| {
        spoilt(pki, good().uri("spiffe://mesh.example/a").uri("spiffe://mesh.example/b"))
    }),
    ("a SPIFFE id that does not parse", "peer_certificate_wrong_identity", |pki, _| {
        spoilt(pki, good().uri("spiffe://mesh.example//a"))
    }),
];

/// What only a server can get wrong: its name.
const SERVER_CASES: &[(&str, &str, Build)] = &[
    ("another name", "peer_certificate_wrong_identity", |pki, _| spoilt(pki, Mint::leaf(SERVER).dns("other.example"))),
    ("no name but the common one", "peer_certificate_wrong_identity", |pki, _| spoilt(pki, Mint::leaf(SERVER))),
    ("a wildcard too wide", "peer_certificate_wrong_identity", |pki, _| {
        spoilt(pki, Mint::leaf("peer").dns("*.example.net"))
    }),
];

/// Where Tongsuo's own path check is faster than our rules, and has a coarser word.
const COARSER: &[(&str, &str)] = &[
    ("unknown critical extension", "peer_certificate_malformed"),
    ("algorithms inside and outside differ", "peer_certificate_bad_signature"),
    ("signature not strict DER", "peer_certificate_bad_signature"),
];

/// What is wrong with a refusal, if anything.
fn objections(kind: Kind, what: &str, refused: &HandshakeError, reason: &str) -> Vec<String> {
    let coarser = COARSER.iter().find(|(case, _)| *case == what && !kind.chooses_alerts());
    let reason = coarser.filter(|(_, coarser)| refused.reason() == *coarser).map_or(reason, |(_, coarser)| coarser);
    let mut objections = Vec::new();
    if refused.reason() != reason {
        objections.push(format!("{} instead of {reason}: {refused}, {:?}", refused.reason(), refused.source));
    }
    let alert = match &refused.failure {
        Failure::PeerCertificate(fault) => Some(fault.alert(Some(kind.protocol))),
        _ => None,
    };
    if refused.alert_sent.is_none() || (kind.chooses_alerts() && refused.alert_sent != alert) {
        objections.push(format!("alert {:?} instead of {alert:?}", refused.alert_sent));
    }
    if refused.stage != Stage::Certificate {
        objections.push(format!("stage {}", refused.stage));
    }
    objections
}

/// Runs every case and reports all that are judged wrongly, not the first.
async fn judge_all<'a>(
    cases: impl Iterator<Item = &'a (&'a str, &'a str, Build)>,
    mut one: impl AsyncFnMut(&str, Build, &str) -> Vec<String>,
) {
    let mut wrong = Vec::new();
    for (what, reason, build) in cases {
        wrong.extend(one(what, *build, reason).await.into_iter().map(|objection| format!("{what}: {objection}")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The refusal of a side that should have refused, or what happened instead.
fn refusal<T>(result: Result<T, HandshakeError>) -> Result<HandshakeError, Vec<String>> {
    result.err().ok_or_else(|| vec!["accepted".to_owned()])
}

pub(crate) async fn broken_servers_are_refused_with_the_kind_of_their_fault(kind: Kind) {
    let one = async |what: &str, build: Build, reason: &str| {
        let pki = Pki::new(kind);
        let case = build(&pki, PeerRole::Server);
        let server = context(ServerOptions { engine: LIAR, ..pki.server(&case.identity) });
        let client = ClientOptions { trust: Some(case.trust), revocation: case.revocation, ..pki.client() };
        let (served, connection) = handshake(&server, &connector(client)).await;
        let refused = match refusal(connection) {
            Ok(refused) => refused,
            Err(accepted) => return accepted,
        };
        let mut objections = objections(kind, what, &refused, reason);
        let heard = served.err().and_then(|told| told.alert_received);
        if heard != refused.alert_sent {
            objections.push(format!("sent alert {:?}, the server heard {heard:?}", refused.alert_sent));
        }
        objections
    };
    judge_all(CASES.iter().chain(SERVER_CASES), one).await;
}

pub(crate) async fn broken_clients_are_refused_with_the_kind_of_their_fault(kind: Kind) {
    let one = async |what: &str, build: Build, reason: &str| {
        let pki = Pki::new(kind);
        let case = build(&pki, PeerRole::Client);
        let server = pki.mutual(&pki.leaf(SERVER));
        let server = context(ServerOptions { trust: Some(case.trust), revocation: case.revocation, ..server });
        let client = connector(ClientOptions { engine: LIAR, ..pki.client_with(&case.identity) });
        let (served, connection) = handshake(&server, &client).await;
        let refused = match refusal(served) {
            Ok(refused) => refused,
            Err(accepted) => return accepted,
        };
        let mut objections = objections(kind, what, &refused, reason);
        if !kind.client_finishes_first() {
            let heard = connection.err().and_then(|told| told.alert_received);
            if heard != refused.alert_sent {
                objections.push(format!("sent alert {:?}, the client heard {heard:?}", refused.alert_sent));
            }
        }
        objections
    };
    judge_all(CASES.iter(), one).await;
}
