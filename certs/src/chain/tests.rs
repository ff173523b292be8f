use super::*;
use crate::development::mint::{Mint, MintKey, Minted};

struct Line {
    root: Minted,
    first: Minted,
    second: Minted,
    leaf: Minted,
    key: PrivateKey,
}

/// root, two intermediates, leaf; all SM2.
fn line() -> Line {
    let key = || MintKey::sm2().expect("key");
    let root = Mint::authority("root").self_signed(&key()).expect("minted");
    let first = Mint::authority("first").issue(&key(), &root).expect("minted");
    let second = Mint::authority("second").issue(&key(), &first).expect("minted");
    let leaf = Mint::leaf("leaf").issue(&key(), &second).expect("minted");
    let own = private(&leaf);
    Line { root, first, second, leaf, key: own }
}

fn private(minted: &Minted) -> PrivateKey {
    PrivateKey::from_pkcs8(&minted.key().pkcs8_der().expect("pkcs8")).expect("key")
}

fn read(minted: &Minted) -> Certificate {
    Certificate::from_der(minted.der()).expect("readable")
}

fn subjects(certificates: &[Certificate]) -> Vec<&str> {
    certificates.iter().map(Certificate::subject).collect()
}

#[test]
fn any_order_of_input_gives_one_chain() {
    let Line { root, first, second, leaf, key } = line();
    let all = [&root, &first, &second, &leaf].map(read);
    for turn in 0..24 {
        let mut pool = all.to_vec();
        let mut shuffled = Vec::new();
        for (step, size) in [(turn / 6, 4), (turn / 2 % 3, 3), (turn % 2, 2), (0, 1)] {
            assert_eq!(pool.len(), size);
            shuffled.push(pool.remove(step));
        }
        let chain = order(shuffled, &key).expect("ordered");
        assert_eq!(subjects(&chain.certificates), ["CN=leaf", "CN=second", "CN=first"]);
        assert_eq!(subjects(&chain.roots), ["CN=root"]);
        assert_eq!(chain.unrelated, []);
    }
}

#[test]
fn duplicates_are_dropped_and_strangers_set_apart() {
    let Line { first, second, leaf, key, .. } = line();
    let stranger = line();
    let input = [&leaf, &leaf, &stranger.leaf, &second, &first, &second].map(read).to_vec();
    let chain = order(input, &key).expect("ordered");
    assert_eq!(subjects(&chain.certificates), ["CN=leaf", "CN=second", "CN=first"]);
    assert_eq!(chain.unrelated, [read(&stranger.leaf)]);
}

#[test]
fn a_self_signed_leaf_stands_alone() {
    let leaf = Mint::leaf("alone").self_signed(&MintKey::p256().expect("key")).expect("minted");
    let chain = order(vec![read(&leaf)], &private(&leaf)).expect("ordered");
    assert_eq!((chain.certificates.len(), chain.roots.len()), (1, 0));
}

#[test]
fn a_key_of_none_of_the_certificates_names_both_sides() {
    let Line { first, leaf, .. } = line();
    let foreign = line().key;
    let error = order(vec![read(&leaf), read(&first)], &foreign).expect_err("mismatch");
    assert_eq!(error.reason(), "key_certificate_mismatch");
    let text = error.to_string();
    assert!(text.contains(&hex::encode(foreign.spki_sha256())), "{text}");
    assert!(text.contains("CN=leaf") && text.contains(&hex::encode(read(&leaf).spki_sha256())), "{text}");
}

#[test]
fn links_are_proved_by_signature_and_not_by_name() {
    let Line { root, first, leaf, key, .. } = line();
    // Same name as the issuer, another key.
    let impostor = Mint::authority("second").issue(&MintKey::sm2().expect("key"), &first).expect("minted");
    let error = order(vec![read(&impostor), read(&leaf)], &key).expect_err("broken");
    assert_eq!(error.reason(), "chain_broken_link");
    let corrupt = Mint::leaf("leaf").corrupted_signature().issue(leaf.key(), &root).expect("minted");
    // A root is for trust only, so a leaf that it did not sign is found by the engines; here it is just not a link.
    assert_eq!(order(vec![read(&corrupt), read(&root)], &key).expect("no issuer to send").certificates.len(), 1);
}

#[test]
fn two_generations_of_an_issuer_do_not_confuse() {
    let Line { root, first, second, leaf, key } = line();
    let renewed = Mint::authority("second").issue(&MintKey::sm2().expect("key"), &root).expect("minted");
    let chain = order([&renewed, &leaf, &first, &second].map(read).to_vec(), &key).expect("ordered");
    assert_eq!(chain.certificates[1], read(&second));
    assert_eq!(chain.unrelated, [read(&renewed)]);
}

#[test]
fn limits_hold() {
    let Line { leaf, key, .. } = line();
    assert_eq!(order(Vec::new(), &key).expect_err("empty").reason(), "chain_empty");
    let sm2 = MintKey::sm2().expect("key");
    let many = (0..=MAX_CERTIFICATES).map(|_| read(&Mint::leaf("x").self_signed(&sm2).expect("minted"))).collect();
    assert_eq!(order(many, &key).expect_err("too many").reason(), "chain_too_many");
    let twin = Mint::leaf("twin").self_signed(leaf.key()).expect("minted");
    assert_eq!(order(vec![read(&leaf), read(&twin)], &key).expect_err("two").reason(), "chain_two_leaves");
}
