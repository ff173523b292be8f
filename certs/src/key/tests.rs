use jadegate_tongsuo::openssl::ec::{Asn1Flag, EcGroup, EcKey};
use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::nid::Nid;
use jadegate_tongsuo::openssl::pkcs5::pbkdf2_hmac;
use jadegate_tongsuo::openssl::rsa::Rsa;
use jadegate_tongsuo::openssl::symm::{Cipher, encrypt};

use super::*;
use crate::der;
use crate::pem;

fn read(bytes: &[u8]) -> PrivateKey {
    PrivateKey::from_pem_or_der(bytes, None).expect("readable")
}

fn refuse(bytes: &[u8], password: Option<&str>) -> KeyError {
    let password = password.map(Password::new);
    PrivateKey::from_pem_or_der(bytes, password.as_ref()).expect_err("refused")
}

fn elliptic(curve: Nid) -> EcKey<Private> {
    EcKey::generate(&EcGroup::from_curve_name(curve).expect("curve")).expect("key")
}

fn oid(dotted: &str) -> Vec<u8> {
    let text = jadegate_tongsuo::openssl::asn1::Asn1Object::from_str(dotted).expect("identifier");
    der::element(der::OID, &[text.as_slice()]).to_vec()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der::element(der::SEQUENCE, parts).to_vec()
}

/// A PBES2 EncryptedPrivateKeyInfo as the named algorithms make it.
struct Pbes2<'a> {
    prf: &'a str,
    digest: MessageDigest,
    cipher: &'a str,
    engine: Cipher,
    iterations: u32,
}

impl Pbes2<'_> {
    fn seal(&self, plain: &[u8], password: &str) -> Vec<u8> {
        let salt = [0x5a; 16];
        let iv = vec![0xa5; self.engine.iv_len().expect("CBC")];
        let mut key = vec![0; self.engine.key_len()];
        // The count inside the structure is what a reader must bound; sealing itself stays cheap.
        let rounds = self.iterations.clamp(1, 10_000) as usize;
        pbkdf2_hmac(password.as_bytes(), &salt, rounds, self.digest, &mut key).expect("derived");
        let ciphertext = encrypt(self.engine, &key, Some(&iv), plain).expect("encrypted");
        let count = der::integer(&self.iterations.to_be_bytes());
        let prf = sequence(&[&oid(self.prf)]);
        let kdf = sequence(&[
            &oid("1.2.840.113549.1.5.12"),
            &sequence(&[&der::element(der::OCTET_STRING, &[&salt]), &count, &prf]),
        ]);
        let encryption = sequence(&[&oid(self.cipher), &der::element(der::OCTET_STRING, &[&iv])]);
        let algorithm = sequence(&[&oid("1.2.840.113549.1.5.13"), &sequence(&[&kdf, &encryption])]);
        sequence(&[&algorithm, &der::element(der::OCTET_STRING, &[&ciphertext])])
    }
}

/// What GmSSL writes: PBKDF2 with HMAC-SM3, SM4-CBC.
fn gmssl(iterations: u32) -> Pbes2<'static> {
    Pbes2 {
        prf: "1.2.156.10197.1.401.2",
        digest: MessageDigest::sm3(),
        cipher: "1.2.156.10197.1.104.2",
        engine: Cipher::sm4_cbc(),
        iterations,
    }
}

#[test]
fn one_key_is_the_same_from_every_container() {
    for (curve, kind) in
        [(Nid::X9_62_PRIME256V1, KeyKind::P256), (Nid::SECP384R1, KeyKind::P384), (Nid::SM2, KeyKind::Sm2)]
    {
        let sec1 = elliptic(curve);
        let whole = PKey::from_ec_key(sec1.clone()).expect("key");
        let inputs = [
            sec1.private_key_to_pem().expect("SEC1 PEM"),
            sec1.private_key_to_der().expect("SEC1 DER"),
            whole.private_key_to_pem_pkcs8().expect("PKCS#8 PEM"),
            whole.private_key_to_pkcs8().expect("PKCS#8 DER"),
        ];
        let keys: Vec<PrivateKey> = inputs.iter().map(|input| read(input)).collect();
        for key in &keys {
            assert_eq!(key.kind(), kind);
            assert_eq!(key.pkcs8_der(), keys[0].pkcs8_der());
            assert_eq!(key.spki_der(), whole.public_key_to_der().expect("SPKI"));
            assert!(key.engine_key().public_eq(&whole));
        }
        assert_eq!(read(keys[0].pkcs8_der()).pkcs8_der(), keys[0].pkcs8_der(), "the canonical form is a fixed point");
    }
    let rsa = Rsa::generate(2048).expect("key");
    let whole = PKey::from_rsa(rsa.clone()).expect("key");
    let canonical = whole.private_key_to_pkcs8().expect("PKCS#8");
    for input in
        [rsa.private_key_to_pem().expect("PKCS#1 PEM"), rsa.private_key_to_der().expect("PKCS#1"), canonical.clone()]
    {
        let key = read(&input);
        assert_eq!(key.kind(), KeyKind::Rsa { bits: 2048 });
        assert_eq!(
            (key.pkcs8_der(), key.spki_der()),
            (canonical.as_slice(), &*whole.public_key_to_der().expect("SPKI"))
        );
    }
    let ed25519 = PKey::generate_ed25519().expect("key");
    let key = read(&ed25519.private_key_to_pem_pkcs8().expect("PKCS#8"));
    assert_eq!(key.kind(), KeyKind::Ed25519);
    assert_eq!(key.pkcs8_der(), ed25519.private_key_to_pkcs8().expect("PKCS#8"));
    assert_eq!(key.spki_der(), ed25519.public_key_to_der().expect("SPKI"));
}

#[test]
fn a_key_is_found_beside_certificates_and_parameters() {
    let key = elliptic(Nid::SM2).private_key_to_pem().expect("PEM");
    let key = String::from_utf8(key).expect("text");
    let parameters = pem::encode("EC PARAMETERS", &oid("1.2.156.10197.1.301"));
    let certificate = pem::encode("CERTIFICATE", &[0x30, 0]);
    let file = format!("{certificate}{parameters}{key}{certificate}");
    assert_eq!(read(file.as_bytes()).kind(), KeyKind::Sm2);
    assert!(matches!(refuse(format!("{key}{key}").as_bytes(), None), KeyError::SeveralKeys(2)));
    let absent = refuse(certificate.as_bytes(), None);
    assert!(matches!(&absent, KeyError::NoKey { found } if found == &["CERTIFICATE"]), "{absent}");
    assert_eq!(refuse(b"", None).reason(), "key_absent");
    assert_eq!(refuse(b"garbage", None).reason(), "key_absent");
}

#[test]
fn a_key_that_gmssl_encrypted_opens_with_its_password() {
    let plain = PKey::from_ec_key(elliptic(Nid::SM2)).expect("key").private_key_to_pkcs8().expect("PKCS#8");
    let sealed = gmssl(2048).seal(&plain, "password");
    let file = pem::encode("ENCRYPTED PRIVATE KEY", &sealed);
    let password = Password::new("password");
    for input in [sealed.as_slice(), file.as_bytes()] {
        let key = PrivateKey::from_pem_or_der(input, Some(&password)).expect("opens");
        assert_eq!(key.pkcs8_der(), read(&plain).pkcs8_der());
        assert_eq!(refuse(input, None).reason(), "key_password_missing");
    }
    // Bad padding is the usual sign of a wrong password; padding that looks right by chance is the rare one.
    for attempt in 0..600 {
        assert_eq!(refuse(&sealed, Some(&format!("wrong {attempt}"))).reason(), "key_password_wrong");
    }
}

#[test]
fn every_supported_prf_and_cipher_opens() {
    let plain =
        PKey::from_ec_key(elliptic(Nid::X9_62_PRIME256V1)).expect("key").private_key_to_pkcs8().expect("PKCS#8");
    let prfs = [
        ("1.2.840.113549.2.7", MessageDigest::sha1()),
        ("1.2.840.113549.2.8", MessageDigest::sha224()),
        ("1.2.840.113549.2.9", MessageDigest::sha256()),
        ("1.2.840.113549.2.10", MessageDigest::sha384()),
        ("1.2.840.113549.2.11", MessageDigest::sha512()),
        ("1.2.156.10197.1.401.2", MessageDigest::sm3()),
    ];
    let ciphers = [
        ("2.16.840.1.101.3.4.1.2", Cipher::aes_128_cbc()),
        ("2.16.840.1.101.3.4.1.22", Cipher::aes_192_cbc()),
        ("2.16.840.1.101.3.4.1.42", Cipher::aes_256_cbc()),
        ("1.2.156.10197.1.104.2", Cipher::sm4_cbc()),
        ("1.2.840.113549.3.7", Cipher::des_ede3_cbc()),
    ];
    for (prf, digest) in prfs {
        for (cipher, engine) in ciphers {
            let sealed = Pbes2 { prf, digest, cipher, engine, iterations: 10 }.seal(&plain, "p");
            let key = PrivateKey::from_pem_or_der(&sealed, Some(&Password::new("p"))).expect("opens");
            assert_eq!(key.kind(), KeyKind::P256, "{prf} {cipher}");
        }
    }
    // What libcrypto itself writes.
    let key = PKey::generate_ed25519().expect("key");
    let file = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").expect("PEM");
    let opened =
        PrivateKey::from_pem_or_der(&file, Some(&Password::from_first_line(b"secret\r\nrest"))).expect("opens");
    assert_eq!(opened.pkcs8_der(), key.private_key_to_pkcs8().expect("PKCS#8"));
}

#[test]
fn encryption_that_is_not_ours_to_read_is_named() {
    let plain = PKey::generate_ed25519().expect("key").private_key_to_pkcs8().expect("PKCS#8");
    let absurd = refuse(&gmssl(u32::MAX).seal(&plain, "p"), Some("p"));
    assert!(matches!(absurd, KeyError::TooManyIterations(_)), "{absurd}");
    assert_eq!(refuse(&gmssl(0).seal(&plain, "p"), Some("p")).reason(), "key_malformed");
    let camellia = Pbes2 { cipher: "1.2.392.200011.61.1.1.1.2", ..gmssl(1) };
    let error = refuse(&camellia.seal(&plain, "p"), Some("p"));
    assert!(matches!(&error, KeyError::UnsupportedEncryption { what: "cipher", .. }), "{error}");
    let md5 = Pbes2 { prf: "1.2.840.113549.2.5", ..gmssl(1) };
    assert_eq!(refuse(&md5.seal(&plain, "p"), Some("p")).reason(), "key_encryption_unsupported");

    let traditional = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let error = refuse(traditional.as_bytes(), Some("p"));
    assert!(error.to_string().contains("openssl pkcs8 -topk8"), "{error}");
    assert_eq!(error.reason(), "key_traditional_encryption");
}

#[test]
fn keys_of_other_kinds_are_refused_by_name() {
    let short = Rsa::generate(1024).expect("key").private_key_to_pem().expect("PEM");
    assert!(matches!(refuse(&short, None), KeyError::RsaSize { bits: 1024 }));
    let p521 = elliptic(Nid::SECP521R1).private_key_to_pem().expect("PEM");
    assert!(refuse(&p521, None).to_string().contains("P-521"));
    let ed448 = PKey::generate_ed448().expect("key").private_key_to_pem_pkcs8().expect("PEM");
    assert!(refuse(&ed448, None).to_string().contains("Ed448"));
    let openssh = pem::encode("OPENSSH PRIVATE KEY", b"openssh-key-v1");
    assert!(refuse(openssh.as_bytes(), None).to_string().contains("OPENSSH"));
    let mut group = EcGroup::from_curve_name(Nid::SM2).expect("curve");
    group.set_asn1_flag(Asn1Flag::EXPLICIT_CURVE);
    let explicit = EcKey::generate(&group).expect("key").private_key_to_pem().expect("PEM");
    assert_eq!(refuse(&explicit, None).reason(), "key_curve_explicit");
}

#[test]
fn a_sec1_key_without_its_curve_says_so() {
    let secret = der::element(der::OCTET_STRING, &[&[7; 32]]);
    let bare = sequence(&[&der::integer(&[1]), &secret]);
    assert_eq!(refuse(&bare, None).reason(), "key_curve_missing");
    let named =
        sequence(&[&der::integer(&[1]), &secret, &der::element(der::context(0), &[&oid("1.2.156.10197.1.301")])]);
    assert_eq!(read(&named).kind(), KeyKind::Sm2);
}

/// GB/T 32918.1: d in [1, n-2]. ECDSA allows n-1.
#[test]
fn private_numbers_are_in_range() {
    let n_minus_2 = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54121";
    let n_minus_1 = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122";
    let n = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
    let zero = "00";
    let container = |number: &str, curve: &str| {
        let number = hex::decode(number).expect("hex");
        let secret = der::element(der::OCTET_STRING, &[&number]);
        sequence(&[&der::integer(&[1]), &secret, &der::element(der::context(0), &[&oid(curve)])])
    };
    for bad in [zero, n_minus_1, n] {
        assert_eq!(refuse(&container(bad, "1.2.156.10197.1.301"), None).reason(), "key_out_of_range", "{bad}");
    }
    assert_eq!(read(&container(n_minus_2, "1.2.156.10197.1.301")).kind(), KeyKind::Sm2);
    assert_eq!(read(&container("01", "1.2.840.10045.3.1.7")).kind(), KeyKind::P256, "short numbers are padded");
    let p256_n_minus_1 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
    assert_eq!(read(&container(p256_n_minus_1, "1.2.840.10045.3.1.7")).kind(), KeyKind::P256);
}

#[test]
fn halves_that_do_not_fit_are_refused() {
    let key = elliptic(Nid::SM2).private_key_to_der().expect("SEC1");
    let mut foreign = elliptic(Nid::SM2).private_key_to_der().expect("SEC1");
    // Version and private number lie in the first 39 octets, curve and public key behind.
    foreign[..39].copy_from_slice(&key[..39]);
    assert_eq!(refuse(&foreign, None).reason(), "key_public_differs");
    let mut rsa = Rsa::generate(2048).expect("key").private_key_to_der().expect("PKCS#1");
    let last = rsa.len() - 1;
    rsa[last] ^= 1;
    assert_eq!(refuse(&rsa, None).reason(), "key_rsa_inconsistent");
}

#[test]
fn no_secret_octet_is_printed() {
    let secret = [0xabu8; 32];
    let file = sequence(&[
        &der::integer(&[1]),
        &der::element(der::OCTET_STRING, &[&secret]),
        &der::element(der::context(0), &[&oid("1.2.156.10197.1.301")]),
    ]);
    let key = read(&file);
    let block = pem::parse(pem::encode("EC PRIVATE KEY", &file).as_bytes()).expect("PEM").remove(0);
    let printed = format!("{key:?} {:?} {block:?}", Password::new("hunter2"));
    for leak in ["abab", "ABAB", "171", "hunter2", "q6ur"] {
        assert!(!printed.contains(leak), "{leak} in {printed}");
    }
    assert!(printed.contains("SM2") && printed.contains(&hex::encode(key.spki_sha256())));
    let mut wrong = file;
    wrong[3] = 0;
    let error = refuse(&wrong, None);
    assert!(!format!("{error} {error:?}").to_lowercase().contains("abab"));
}

#[test]
fn clones_share_one_copy() {
    let key = read(&PKey::generate_ed25519().expect("key").private_key_to_pkcs8().expect("PKCS#8"));
    assert_eq!(key.clone().pkcs8_der().as_ptr(), key.pkcs8_der().as_ptr());
}

proptest::proptest! {
    #[test]
    fn no_octets_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = PrivateKey::from_pem_or_der(&bytes, Some(&Password::new("p")));
    }

    #[test]
    fn no_mutation_of_an_encrypted_key_panics(position in 0usize..300, value: u8) {
        let mut sealed = gmssl(1).seal(&[0x30, 0], "p");
        let position = position % sealed.len();
        // A large count would only cost time here; its bound has its own test.
        proptest::prop_assume!(!(45..60).contains(&position));
        sealed[position] = value;
        let _ = PrivateKey::from_pem_or_der(&sealed, Some(&Password::new("p")));
    }
}
