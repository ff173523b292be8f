use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::nid::Nid;
use jadegate_tongsuo::openssl::pkcs12::Pkcs12;
use jadegate_tongsuo::openssl::stack::Stack;
use jadegate_tongsuo::openssl::x509::X509;

use super::*;
use crate::development::mint::{Mint, MintKey, Minted};

struct Shop {
    root: Minted,
    leaf: Minted,
}

fn shop() -> Shop {
    let root = Mint::authority("root").self_signed(&MintKey::sm2().expect("key")).expect("minted");
    let leaf = Mint::leaf("leaf").issue(&MintKey::sm2().expect("key"), &root).expect("minted");
    Shop { root, leaf }
}

impl Shop {
    fn archive(&self, password: &str, encryption: Nid, mac: MessageDigest) -> Vec<u8> {
        let x509 = |minted: &Minted| X509::from_der(minted.der()).expect("readable");
        let mut others = Stack::new().expect("stack");
        others.push(x509(&self.root)).expect("pushed");
        let mut builder = Pkcs12::builder();
        builder.key_algorithm(encryption).cert_algorithm(encryption).key_iter(100).mac_iter(100).mac_md(mac);
        builder.pkey(self.leaf.key().as_pkey()).cert(&x509(&self.leaf)).ca(others);
        builder.build2(password).expect("built").to_der().expect("DER")
    }
}

#[test]
fn archives_of_every_usual_scheme_open() {
    let shop = shop();
    for encryption in [Nid::AES_256_CBC, Nid::AES_128_CBC, Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC] {
        for mac in [MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sha512(), MessageDigest::sm3()] {
            for password in ["secret", "pässwörd 国密", ""] {
                let archive = shop.archive(password, encryption, mac);
                let contents = parse(&archive, &Password::new(password)).expect("opens");
                assert_eq!(
                    contents.key.pkcs8_der(),
                    PrivateKey::from_pkcs8(&shop.leaf.key().pkcs8_der().expect("key")).expect("key").pkcs8_der()
                );
                let subjects: Vec<&str> = contents.certificates.iter().map(Certificate::subject).collect();
                assert_eq!(subjects, ["CN=leaf", "CN=root"]);
            }
        }
    }
}

#[test]
fn a_wrong_password_and_a_damaged_archive_are_told() {
    let mut archive = shop().archive("secret", Nid::AES_256_CBC, MessageDigest::sha256());
    for wrong in ["", "Secret", "secret ", "sec\0ret"] {
        assert_eq!(parse(&archive, &Password::new(wrong)).expect_err("wrong").reason(), "pkcs12_password_wrong");
    }
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    assert_eq!(parse(&archive, &Password::new("secret")).expect_err("damaged").reason(), "pkcs12_password_wrong");
    let cut = &archive[..middle];
    assert_eq!(parse(cut, &Password::new("secret")).expect_err("cut").reason(), "pkcs12_malformed");
    assert_eq!(parse(b"", &Password::new("secret")).expect_err("empty").reason(), "pkcs12_malformed");
    assert_eq!(parse(shop().leaf.der(), &Password::new("x")).expect_err("a certificate").reason(), "pkcs12_malformed");
}

#[test]
fn the_contents_print_no_key() {
    let shop = shop();
    let archive = shop.archive("secret", Nid::AES_256_CBC, MessageDigest::sha256());
    let contents = parse(&archive, &Password::new("secret")).expect("opens");
    let secret = hex::encode(&contents.key.pkcs8_der()[36..68]);
    assert!(!format!("{contents:?}").contains(&secret));
}

proptest::proptest! {
    #[test]
    fn no_mutation_panics(position in 0usize..4000, value: u8) {
        static ARCHIVE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut archive = ARCHIVE
            .get_or_init(|| shop().archive("p", Nid::AES_256_CBC, MessageDigest::sha256()))
            .clone();
        let position = position % archive.len();
        archive[position] = value;
        let _ = parse(&archive, &Password::new("p"));
    }
}
