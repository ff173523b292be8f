//! Broken certificates, shown by a server to a client and by a client to a server: each is refused, for its own reason.
//!
//! The kinds follow the matrix of bad certificates in `docs/security/bad-certificates.md`; the numbers are its rows.

use std::sync::Arc;
use std::time::Duration;

use jadegate_certs::certificate::Certificate;
use jadegate_certs::credential::Credential;
use jadegate_certs::development::mint::{
    AltName, Mint, MintCrl, MintKey, Minted, Name, Purpose, RFC8998_DISTINGUISHING_ID, SignatureAlgorithm, Usage,
    Version,
};
use jadegate_certs::key::PrivateKey;
use jadegate_certs::trust::{Crl, TrustBundle};
use jadegate_tls::HandshakeError;
use jadegate_tls::acceptor::{AcceptLimits, Acceptor, Selection};
use jadegate_tls::connector::{ClientProtocol, Connector};
use jadegate_tls::server::{ClientAuth, RevocationDepth, ServerContext};
use jadegate_tls::trust::Trust;
use tokio::io::AsyncReadExt;

use crate::relay;
use crate::support::{client, pki, server, trust_of};

/// Who shows the broken certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Liar {
    Server,
    Client,
}

/// A root, an intermediate and what is needed to break things.
struct World {
    root: Minted,
    intermediate: Minted,
    stranger: Minted,
    standard_root: Minted,
}

/// What is shown: the list of certificates (sign, enc, further) and who vouches.
struct Shown {
    list: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    revocation: RevocationDepth,
}

impl From<Vec<Vec<u8>>> for Shown {
    fn from(list: Vec<Vec<u8>>) -> Self {
        Self { list, crls: Vec::new(), revocation: RevocationDepth::Off }
    }
}

/// The names that both sides expect of each other.
const NAME: &str = "server.example";

fn sign() -> Mint {
    Mint::leaf(NAME).dns(NAME)
}

fn enc() -> Mint {
    sign().usage(Usage::ENC)
}

fn sm2() -> MintKey {
    MintKey::sm2().expect("key")
}

impl World {
    fn new() -> Self {
        let root = Mint::authority("root").self_signed(&sm2()).expect("root");
        let intermediate = Mint::authority("intermediate").issue(&sm2(), &root).expect("intermediate");
        let stranger = Mint::authority("stranger").self_signed(&sm2()).expect("root");
        let standard_root = Mint::authority("p256").self_signed(&MintKey::p256().expect("key")).expect("root");
        Self { root, intermediate, stranger, standard_root }
    }

    fn issue(&self, mint: Mint) -> Minted {
        mint.issue(&sm2(), &self.root).expect("certificate")
    }

    /// A good enc certificate beside this sign certificate.
    fn with_enc(&self, sign: &Minted) -> Vec<Vec<u8>> {
        vec![sign.der().to_vec(), self.issue(enc()).der().to_vec()]
    }

    /// A sign certificate that is broken in this way, beside a good enc certificate.
    fn bad_sign(&self, mint: Mint) -> Vec<Vec<u8>> {
        self.with_enc(&self.issue(mint))
    }

    /// A good sign certificate beside an enc certificate that is broken in this way.
    fn bad_enc(&self, mint: Mint) -> Vec<Vec<u8>> {
        vec![self.issue(sign()).der().to_vec(), self.issue(mint).der().to_vec()]
    }

    /// A pair from another issuer, with that issuer's certificates behind it.
    fn pair_of(&self, issuer: &Minted, behind: &[&Minted]) -> Vec<Vec<u8>> {
        let mut list: Vec<Vec<u8>> =
            [sign(), enc()].into_iter().map(|mint| mint.issue(&sm2(), issuer).expect("leaf").der().to_vec()).collect();
        list.extend(behind.iter().map(|minted| minted.der().to_vec()));
        list
    }

    fn below(&self, mint: Mint) -> Vec<Vec<u8>> {
        let bad = mint.issue(&sm2(), &self.root).expect("intermediate");
        self.pair_of(&bad, &[&bad])
    }

    fn trust(&self, shown: &Shown) -> Arc<Trust> {
        let roots = [Certificate::from_der(self.root.der()).expect("root")];
        let crls = shown.crls.iter().flat_map(|crl| Crl::from_pem_or_der(crl).expect("list")).collect();
        trust_of(TrustBundle { roots: roots.to_vec(), crls })
    }
}

type One = fn(&World) -> Minted;
type Names = fn(Mint) -> Mint;
type Pair = fn(&World) -> Shown;

/// Row and name, how it is made, and the reasons of which one is expected.
struct Kind<Make>(&'static str, Make, &'static [&'static str]);

const MALFORMED: &str = "peer_certificate_malformed";
const UNTRUSTED: &str = "peer_certificate_untrusted";
const WRONG_USAGE: &str = "peer_certificate_wrong_usage";
const WEAK_KEY: &str = "peer_certificate_weak_key";
const WEAK_SIGNATURE: &str = "peer_certificate_weak_signature";
const BAD_SIGNATURE: &str = "peer_certificate_bad_signature";
const EXPIRED: &str = "peer_certificate_expired";
const NOT_YET_VALID: &str = "peer_certificate_not_yet_valid";
const REVOKED: &str = "peer_certificate_revoked";
const REVOCATION_UNKNOWN: &str = "peer_certificate_revocation_unknown";
const PAIR: &str = "peer_certificate_pair_inconsistent";
const HALF: &str = "peer_certificate_half_pair";
const ABSENT: &str = "peer_certificate_absent";
const IDENTITY: &str = "peer_certificate_wrong_identity";

/// Kinds that concern one certificate, whichever protocol carries it: shown as the sign certificate of a TLCP pair, and
/// alone in TLS 1.3-SM.
const SINGLE: &[Kind<One>] = &[
    Kind("4 keyUsage without digitalSignature", |w| w.issue(sign().usage(&[Usage::KeyAgreement])), &[WRONG_USAGE]),
    Kind("5 no keyUsage", |w| w.issue(sign().without_usage()), &[WRONG_USAGE]),
    Kind("25 signed with an empty identifier", |w| w.issue(sign().distinguishing_id(b"")), &[BAD_SIGNATURE]),
    Kind(
        "26 signed with the handshake identifier of RFC 8998",
        |w| w.issue(sign().distinguishing_id(RFC8998_DISTINGUISHING_ID)),
        &[BAD_SIGNATURE],
    ),
    Kind(
        "27 inner and outer algorithm differ",
        |w| w.issue(sign().inner_algorithm(SignatureAlgorithm::EcdsaSha256)),
        &[MALFORMED, BAD_SIGNATURE],
    ),
    Kind("28 signature not strict DER", |w| w.issue(sign().loose_signature()), &[BAD_SIGNATURE, MALFORMED]),
    Kind(
        "30 signed by a P-256 issuer",
        |w| sign().issue(&sm2(), &w.standard_root).expect("leaf"),
        &[UNTRUSTED, WEAK_SIGNATURE],
    ),
    Kind("31 expired", |w| w.issue(sign().expired()), &[EXPIRED]),
    Kind("32 not yet valid", |w| w.issue(sign().not_yet_valid()), &[NOT_YET_VALID]),
    Kind("34 self-signed", |_| sign().self_signed(&sm2()).expect("leaf"), &[UNTRUSTED]),
    Kind("35 unknown issuer", |w| sign().issue(&sm2(), &w.stranger).expect("leaf"), &[UNTRUSTED]),
    Kind("36 intermediate missing", |w| sign().issue(&sm2(), &w.intermediate).expect("leaf"), &[UNTRUSTED]),
    Kind("37 signature corrupted", |w| w.issue(sign().corrupted_signature()), &[BAD_SIGNATURE]),
    Kind(
        "41 CA certificate as leaf",
        |w| w.issue(Mint::authority(NAME).dns(NAME).usage(&[Usage::DigitalSignature, Usage::CertificateSigning])),
        &[WRONG_USAGE],
    ),
    Kind("42 unknown critical extension", |w| w.issue(sign().unknown_critical_extension()), &[MALFORMED]),
    Kind("44 version 1", |w| w.issue(sign().version(Version::V1)), &[WRONG_USAGE]),
    Kind("45 serial zero", |w| w.issue(sign().serial(&[0])), &[MALFORMED]),
    Kind("45 serial negative", |w| w.issue(sign().serial(&[0xff, 1])), &[MALFORMED]),
    Kind("45 serial of 21 octets", |w| w.issue(sign().serial(&[1; 21])), &[MALFORMED]),
    Kind(
        "53 extendedKeyUsage of another purpose",
        |w| w.issue(sign().purposes(&[Purpose::CodeSigning])),
        &[WRONG_USAGE],
    ),
];

/// Kinds of names, which both certificates of a pair bear alike.
const NAMES: &[Kind<Names>] = &[
    Kind("50 two URIs", |mint| mint.uri("spiffe://a.example/x").uri("spiffe://a.example/y"), &[IDENTITY]),
    Kind("51 a SPIFFE id that does not parse", |mint| mint.uri("spiffe:///x"), &[IDENTITY]),
];

/// Kinds that concern the pair, or what stands behind it. TLCP only.
const PAIRS: &[Kind<Pair>] = &[
    Kind(
        "1 slots swapped",
        |w| vec![w.issue(enc()).der().to_vec(), w.issue(sign()).der().to_vec()].into(),
        &[WRONG_USAGE],
    ),
    Kind("2 one certificate only", |w| vec![w.issue(sign()).der().to_vec()].into(), &[ABSENT, HALF]),
    Kind(
        "3 the same certificate in both slots",
        |w| {
            let both = w.issue(sign().usage(&[Usage::DigitalSignature, Usage::KeyEncipherment, Usage::KeyAgreement]));
            vec![both.der().to_vec(); 2].into()
        },
        &[PAIR, WRONG_USAGE],
    ),
    Kind("6 enc without keyUsage", |w| w.bad_enc(enc().without_usage()).into(), &[WRONG_USAGE]),
    Kind(
        "7 enc with digitalSignature only",
        |w| w.bad_enc(enc().usage(&[Usage::DigitalSignature])).into(),
        &[WRONG_USAGE],
    ),
    Kind(
        "10 enc with signing usage too",
        |w| w.bad_enc(enc().usage(&[Usage::DigitalSignature, Usage::KeyEncipherment, Usage::KeyAgreement])).into(),
        &[WRONG_USAGE],
    ),
    Kind("11 subjects differ", |w| w.bad_enc(enc().subject(Name::common("other"))).into(), &[PAIR]),
    Kind(
        "12 issuers differ",
        |w| {
            let enc = enc().issue(&sm2(), &w.intermediate).expect("leaf");
            let list = [&w.issue(sign()), &enc, &w.intermediate];
            list.map(|minted| minted.der().to_vec()).to_vec().into()
        },
        &[PAIR],
    ),
    Kind("13 subjectAltName differs", |w| w.bad_enc(enc().dns("further.example")).into(), &[PAIR]),
    Kind("14 enc expired", |w| w.bad_enc(enc().expired()).into(), &[EXPIRED]),
    Kind(
        "16 both hold one public key",
        |w| {
            let key = sm2();
            let issue = |mint: Mint| mint.issue(&key, &w.root).expect("leaf").der().to_vec();
            vec![issue(sign()), issue(enc())].into()
        },
        &[PAIR],
    ),
    Kind(
        "19 P-256 key in the sign slot",
        |w| {
            let sign = sign().issue(&MintKey::p256().expect("key"), &w.root).expect("leaf");
            w.with_enc(&sign).into()
        },
        &[WEAK_KEY],
    ),
    Kind(
        "20 P-256 key in the enc slot",
        |w| {
            let enc = enc().issue(&MintKey::p256().expect("key"), &w.root).expect("leaf");
            vec![w.issue(sign()).der().to_vec(), enc.der().to_vec()].into()
        },
        &[WEAK_KEY],
    ),
    Kind(
        "21 RSA key in the sign slot",
        |w| {
            let sign = sign().issue(&MintKey::rsa(2048).expect("key"), &w.root).expect("leaf");
            w.with_enc(&sign).into()
        },
        &[WEAK_KEY],
    ),
    Kind(
        "23 explicit curve parameters",
        |w| {
            let spki = sm2().spki_with_explicit_parameters().expect("key");
            w.bad_sign(sign().spki(spki)).into()
        },
        &[MALFORMED, WEAK_KEY],
    ),
    Kind(
        "24 public key off the curve",
        |w| {
            let spki = sm2().spki_off_the_curve().expect("key");
            w.bad_sign(sign().spki(spki)).into()
        },
        &[MALFORMED, WEAK_KEY],
    ),
    Kind(
        "24 public key at infinity",
        |w| {
            let spki = sm2().spki_at_infinity().expect("key");
            w.bad_sign(sign().spki(spki)).into()
        },
        &[MALFORMED, WEAK_KEY],
    ),
    Kind("33 intermediate expired", |w| w.below(Mint::authority("old").expired()).into(), &[EXPIRED]),
    Kind(
        "38 chain too long",
        |w| {
            let mut chain = vec![Mint::authority("0").issue(&sm2(), &w.root).expect("intermediate")];
            for n in 1..12 {
                let issuer = chain.last().expect("not empty");
                chain.push(Mint::authority(&n.to_string()).issue(&sm2(), issuer).expect("intermediate"));
            }
            let behind: Vec<&Minted> = chain.iter().rev().collect();
            w.pair_of(behind[0], &behind).into()
        },
        &[UNTRUSTED],
    ),
    Kind(
        "39 path length violated",
        |w| {
            let upper = Mint::authority("upper").path_length(0).issue(&sm2(), &w.root).expect("intermediate");
            let lower = Mint::authority("lower").issue(&sm2(), &upper).expect("intermediate");
            w.pair_of(&lower, &[&lower, &upper]).into()
        },
        &[UNTRUSTED],
    ),
    Kind(
        "40 issuer without CA flag",
        |w| w.below(Mint::authority("no CA").without_ca_flag()).into(),
        &[UNTRUSTED, WRONG_USAGE],
    ),
    Kind(
        "40 issuer without keyCertSign",
        |w| w.below(Mint::authority("no sign").usage(&[Usage::CrlSigning])).into(),
        &[UNTRUSTED, WRONG_USAGE],
    ),
    Kind(
        "43 name constraints violated",
        |w| {
            let elsewhere = [AltName::Dns("elsewhere.example".to_owned())];
            w.below(Mint::authority("narrow").name_constraints(&elsewhere, &[])).into()
        },
        &[UNTRUSTED],
    ),
    Kind(
        "48 another name",
        |w| {
            let other = |mint: Mint| w.issue(mint).der().to_vec();
            vec![other(Mint::leaf("x").dns("x.example")), other(Mint::leaf("x").dns("x.example").usage(Usage::ENC))]
                .into()
        },
        &[IDENTITY],
    ),
    Kind(
        "47 name in the common name only",
        |w| {
            vec![w.issue(Mint::leaf(NAME)).der().to_vec(), w.issue(Mint::leaf(NAME).usage(Usage::ENC)).der().to_vec()]
                .into()
        },
        &[IDENTITY],
    ),
    Kind("54 sign revoked", |w| revoked(w, 0), &[REVOKED]),
    Kind("15 enc revoked", |w| revoked(w, 1), &[REVOKED]),
    Kind(
        "56 issuing CA revoked",
        |w| {
            let list = w.pair_of(&w.intermediate, &[&w.intermediate]);
            let of_root = MintCrl::new().revoke(&w.intermediate).issue(&w.root).expect("list");
            let of_intermediate = MintCrl::new().issue(&w.intermediate).expect("list");
            Shown { list, crls: vec![of_root, of_intermediate], revocation: RevocationDepth::Chain }
        },
        &[REVOKED],
    ),
    Kind(
        "57 no list of the issuer",
        |w| Shown {
            list: w.bad_sign(sign()),
            crls: vec![MintCrl::new().issue(&w.stranger).expect("list")],
            revocation: RevocationDepth::Leaf,
        },
        &[REVOCATION_UNKNOWN],
    ),
    Kind(
        "58 list past its next update",
        |w| Shown {
            list: w.bad_sign(sign()),
            crls: vec![MintCrl::new().stale().issue(&w.root).expect("list")],
            revocation: RevocationDepth::Leaf,
        },
        &[REVOCATION_UNKNOWN],
    ),
    Kind(
        "58 list with a corrupted signature",
        |w| Shown {
            list: w.bad_sign(sign()),
            crls: vec![MintCrl::new().corrupted_signature().issue(&w.root).expect("list")],
            revocation: RevocationDepth::Leaf,
        },
        &[REVOCATION_UNKNOWN],
    ),
];

fn revoked(w: &World, position: usize) -> Shown {
    let pair = [w.issue(sign()), w.issue(enc())];
    let list = MintCrl::new().revoke(&pair[position]).issue(&w.root).expect("list");
    Shown {
        list: pair.map(|minted| minted.der().to_vec()).to_vec(),
        crls: vec![list],
        revocation: RevocationDepth::Leaf,
    }
}

#[tokio::test(flavor = "current_thread")]
async fn every_broken_tlcp_pair_is_refused_for_its_own_reason() {
    let world = World::new();
    tokio::task::LocalSet::new()
        .run_until(Box::pin(async {
            // The control: the same wire with a good list gets past the certificates.
            for liar in [Liar::Server, Liar::Client] {
                let error = tlcp(&world, &world.bad_sign(sign()).into(), liar).await;
                assert!(!error.reason().starts_with("peer_certificate") || error.reason() == BAD_SIGNATURE, "{error}");
            }
            let mut wrong = Vec::new();
            for Kind(name, make, expected) in SINGLE {
                let list = world.with_enc(&make(&world));
                check(&world, name, &list.into(), expected, &mut wrong).await;
            }
            for Kind(name, make, expected) in NAMES {
                let list = [sign(), enc()].map(|mint| world.issue(make(mint)).der().to_vec());
                check(&world, name, &list.to_vec().into(), expected, &mut wrong).await;
            }
            for Kind(name, make, expected) in PAIRS {
                check(&world, name, &make(&world), expected, &mut wrong).await;
            }
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }))
        .await;
}

async fn check(world: &World, name: &str, shown: &Shown, expected: &[&str], wrong: &mut Vec<String>) {
    for liar in [Liar::Server, Liar::Client] {
        // Clients are known by the trust alone here, so only a server can have a wrong name.
        if liar == Liar::Client && (name.starts_with("47") || name.starts_with("48")) {
            continue;
        }
        let error = tlcp(world, shown, liar).await;
        let named = error.certificate.is_some() || [ABSENT, HALF].contains(&error.reason());
        if !expected.contains(&error.reason()) || error.alert_sent.is_none() || !named {
            wrong.push(format!("{name}, shown by the {liar:?}: {} {error} ({:?})", error.reason(), error.source));
        }
    }
}

/// Lets the liar show the list in TLCP and returns the victim's verdict.
async fn tlcp(world: &World, shown: &Shown, liar: Liar) -> HandshakeError {
    let pki = pki();
    let mut server = server(&pki, ClientAuth::Require);
    server.trust = Some(world.trust(shown));
    let mut client = client(&pki, ClientProtocol::Tlcp);
    client.pair = Some(pki.client_pair());
    match liar {
        Liar::Server => {
            client.trust = Some(world.trust(shown));
            client.revocation = shown.revocation;
        }
        Liar::Client => server.revocation = shown.revocation,
    }
    let (lying_end, victim_end) = relay::lying(shown.list.clone());
    let (server_end, client_end) = match liar {
        Liar::Server => (lying_end, victim_end),
        Liar::Client => (victim_end, lying_end),
    };
    let context = Arc::new(ServerContext::new(server).expect("context"));
    let (acceptor, connector) = (Acceptor::new(AcceptLimits::default()), Connector::new(client).expect("connector"));
    let (accepted, connected) = tokio::join!(
        acceptor.accept(server_end, |_| Selection::Tls { context, chain: 0 }),
        connector.connect(client_end, Duration::from_secs(10)),
    );
    match liar {
        Liar::Server => connected.map(drop).expect_err("the client was shown a broken certificate"),
        Liar::Client => accepted.map(drop).expect_err("the server was shown a broken certificate"),
    }
}

#[tokio::test]
async fn every_broken_certificate_is_refused_in_tls13_sm_too() {
    let (world, mut tried, mut wrong) = (World::new(), 0, Vec::new());
    let single = SINGLE.iter().map(|Kind(name, make, expected)| (name, make(&world), expected));
    let names = NAMES.iter().map(|Kind(name, make, expected)| (name, world.issue(make(sign())), expected));
    for (name, minted, expected) in single.chain(names) {
        for liar in [Liar::Server, Liar::Client] {
            // What the liar's own library would not load is the TLCP test's.
            let Some(error) = tls13_sm(&world, &minted, liar).await else { continue };
            tried += 1;
            if !expected.contains(&error.reason()) {
                wrong.push(format!("{name}, shown by the {liar:?}: {} {error} ({:?})", error.reason(), error.source));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 30, "only {tried} were tried");
}

/// As [`tlcp`]; `None` when the liar's own library refuses to load the certificate.
async fn tls13_sm(world: &World, minted: &Minted, liar: Liar) -> Option<HandshakeError> {
    let pki = pki();
    let trust = world.trust(&Vec::new().into());
    let credential = Credential {
        chain: vec![Certificate::from_der(minted.der()).ok()?],
        key: PrivateKey::from_pem_or_der(minted.key_pem().expect("key").as_bytes(), None).expect("key"),
        ocsp: None,
    };
    let mut server = server(&pki, ClientAuth::Require);
    let mut client = client(&pki, ClientProtocol::Tls13Sm);
    match liar {
        Liar::Server => {
            server.pairs.clear();
            server.credentials = vec![credential];
            client.trust = Some(trust);
            client.pair = Some(pki.client_pair());
        }
        Liar::Client => {
            server.trust = Some(trust);
            client.credential = Some(credential);
        }
    }
    let context = Arc::new(ServerContext::new(server).ok()?);
    let (acceptor, connector) = (Acceptor::new(AcceptLimits::default()), Connector::new(client).ok()?);
    let (server_end, client_end) = tokio::io::duplex(64 * 1024);
    let (accepted, connected) =
        tokio::join!(acceptor.accept(server_end, |_| Selection::Tls { context, chain: 0 }), async {
            let mut connected = connector.connect(client_end, Duration::from_secs(10)).await?;
            // The server's verdict on a client comes after the client's last message.
            drop(connected.stream.read(&mut [0]).await);
            Ok::<_, HandshakeError>(connected)
        },);
    Some(match liar {
        Liar::Server => connected.map(drop).expect_err("the client was shown a broken certificate"),
        Liar::Client => accepted.map(drop).expect_err("the server was shown a broken certificate"),
    })
}

#[test]
fn the_matrix_is_wide_enough() {
    assert!(SINGLE.len() + NAMES.len() + PAIRS.len() >= 50);
}
