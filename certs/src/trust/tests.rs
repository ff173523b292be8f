use super::*;
use crate::development::mint::{Mint, MintCrl, MintKey, Minted};

fn authority(name: &str) -> Minted {
    Mint::authority(name).self_signed(&MintKey::sm2().expect("key")).expect("minted")
}

#[test]
fn a_bundle_takes_many_roots_from_many_files_once_each() {
    let roots: Vec<Minted> = (0..20).map(|number| authority(&format!("root {number}"))).collect();
    let file: String = roots.iter().map(|root| format!("# {}\nsome text\n{}\n", "=".repeat(30), root.pem())).collect();
    let bundle = TrustBundle::from_inputs([file.as_bytes(), roots[3].der()], []).expect("readable");
    assert_eq!(bundle.roots.len(), 20);
    assert_eq!(TrustBundle::from_inputs([&b"nothing"[..]], []).expect_err("empty").reason(), "certificate_absent");
    assert_eq!(TrustBundle::from_inputs([], []).expect_err("empty").reason(), "trust_empty");
    let broken = format!("{}{}", roots[0].pem(), roots[1].pem().replace("-----END", "----END"));
    assert_eq!(TrustBundle::from_inputs([broken.as_bytes()], []).expect_err("cut").reason(), "pem_unterminated");
}

#[test]
fn the_fingerprint_tells_content_and_not_order() {
    let (a, b) = (authority("a"), authority("b"));
    let crl = MintCrl::new().number(1).issue(&a).expect("minted");
    let print =
        |roots: Vec<&[u8]>, crls: Vec<&[u8]>| TrustBundle::from_inputs(roots, crls).expect("bundle").fingerprint();
    let both = print(vec![a.der(), b.der()], vec![]);
    assert_eq!(both, print(vec![b.der(), a.der(), b.der()], vec![]));
    assert_ne!(both, print(vec![a.der()], vec![]));
    assert_ne!(both, print(vec![a.der(), b.der()], vec![&crl]));
    let later = MintCrl::new().number(2).issue(&a).expect("minted");
    assert_ne!(print(vec![a.der()], vec![&crl]), print(vec![a.der()], vec![&later]));
}

#[test]
fn revocation_lists_are_read_in_every_form() {
    let root = authority("root");
    let leaf = Mint::leaf("leaf").issue(&MintKey::sm2().expect("key"), &root).expect("minted");
    let mint = MintCrl::new().revoke(&leaf).revoke_serial(&[5]).number(0x2a);
    let der = mint.issue(&root).expect("minted");
    let list = Crl::from_pem_or_der(&der).expect("DER").remove(0);
    assert_eq!((list.revoked_count, list.number.as_deref()), (2, Some("2a")));
    assert_eq!(list.issuer, "CN=root");
    assert!(list.next_update.is_some_and(|next| next > list.this_update));
    let pem = mint.issue_pem(&root).expect("minted");
    let several = format!("text{pem}between\r\n{pem}");
    assert_eq!(Crl::from_pem_or_der(several.as_bytes()).expect("PEM").len(), 2);

    assert_eq!(Crl::from_pem_or_der(&der[..der.len() - 1]).expect_err("cut").reason(), "crl_malformed");
    assert_eq!(Crl::from_pem_or_der(root.pem().as_bytes()).expect_err("a certificate").reason(), "crl_absent");
    assert_eq!(Crl::from_pem_or_der(root.der()).expect_err("a certificate").reason(), "crl_malformed");
    assert_eq!(Crl::from_pem_or_der(&vec![0; MAX_CRL_INPUT + 1]).expect_err("large").reason(), "crl_too_large");
}
