//! A working secret is never displaced by a bad one, and the reason is there for everybody to see.

use super::*;

/// Starts from a good credential, breaks it, and expects the refusal; then heals it.
async fn refused(break_it: impl FnOnce(&Path, &Pki), reason: &str) {
    let (_keep, root) = directory();
    let pki = Pki::standard();
    let good = pki.leaf();
    put(&root, "a", &good);
    let mut watched = Watched::new(credential_spec(&root), OPTIONS);
    let before = published(&watched.updates(1).await).generation;
    break_it(&root, &pki);
    let state = watched.rejections(1).await;
    assert!(uses(&state, &good));
    assert_eq!(published(&state).generation, before);
    let error = state.last_error.as_ref().expect("reported");
    assert_eq!(error.reason, reason, "{}", error.text);
    assert!(error.text.contains("a.pem") || error.text.contains("a.key"), "{}", error.text);
    assert_eq!((state.history.len(), state.updates, state.waiting), (1, 1, None));

    put(&root, "a", &good);
    let state = watched.until(|state| state.last_error.is_none()).await;
    assert_eq!((state.updates, state.rejections), (1, 1));
    assert_eq!(published(&state).generation, before);
    assert_eq!(state.history.len(), 1, "what was refused is remembered");
}

fn put_leaf(root: &Path, pki: &Pki, change: fn(Mint) -> Mint) {
    let mint = change(Mint::leaf("leaf").dns("localhost"));
    put(root, "a", &mint.issue(&MintKey::p256().expect("key"), &pki.0).expect("leaf"));
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let other_key = |root: &Path, pki: &Pki| write(&root.join("a.key"), &pki.leaf().key_pem().expect("key"));
    refused(other_key, "key_certificate_mismatch").await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    refused(|root, pki| put_leaf(root, pki, Mint::expired), "certificate_expired").await;
}

#[tokio::test]
async fn a_certificate_from_the_future_is_refused() {
    refused(|root, pki| put_leaf(root, pki, Mint::not_yet_valid), "certificate_not_yet_valid").await;
}

#[tokio::test]
async fn garbage_is_refused() {
    refused(|root, _| write(&root.join("a.pem"), "garbage"), "certificate_absent").await;
}

#[tokio::test]
async fn a_truncated_certificate_is_refused() {
    refused(|root, pki| write(&root.join("a.pem"), &pki.leaf().pem()[..300]), "pem_unterminated").await;
}

#[tokio::test]
async fn an_empty_key_is_refused() {
    refused(|root, _| write(&root.join("a.key"), ""), "key_absent").await;
}

#[tokio::test]
async fn a_file_of_endless_length_is_refused() {
    let endless = |root: &Path, _: &Pki| {
        let file = fs::File::create(root.join("a.key")).expect("created");
        file.set_len(1 << 40).expect("sparse");
    };
    refused(endless, "file_too_large").await;
}

#[tokio::test]
async fn a_directory_in_place_of_a_file_is_refused() {
    let (_keep, root) = directory();
    put(&root, "a", &Pki::standard().leaf());
    fs::remove_file(root.join("a.key")).expect("removed");
    fs::create_dir(root.join("a.key")).expect("directory");
    let mut watched = Watched::new(credential_spec(&root), OPTIONS);
    let state = watched.rejections(1).await;
    assert_eq!(state.last_error.expect("reported").reason, "file_not_regular");
    assert!(state.current.is_none());
}

#[tokio::test]
async fn half_a_pair_is_held_and_never_served() {
    let (_keep, root) = directory();
    let pki = Pki::sm2();
    let [sign, enc] = pki.pair();
    put(&root, "sign", &sign);
    let mut watched = Watched::new(pair_spec(&root), OPTIONS);
    let state = watched.rejections(1).await;
    assert!(state.current.is_none());
    assert_eq!(state.last_error.expect("reported").reason, "file_missing");
    put(&root, "enc", &enc);
    assert!(uses(&watched.updates(1).await, &sign));

    let strangers = Mint::authority("Another root").self_signed(&MintKey::sm2().expect("key")).expect("root");
    put(&root, "enc", &Pki(strangers).half(Usage::ENC));
    let refusals = watched.state.borrow().rejections;
    let state = watched.rejections(refusals + 1).await;
    let Secret::Pair(pair) = &published(&state).secret else { panic!("a pair") };
    assert_eq!((pair.sign.leaf().der(), pair.enc.leaf().der()), (sign.der(), enc.der()));
    assert_eq!(state.last_error.expect("reported").reason, "pair_issuer_differs");
}

#[tokio::test]
async fn the_same_refusal_is_reported_once_and_another_one_again() {
    let (_keep, root) = directory();
    put(&root, "a", &Pki::standard().leaf());
    let options = WatchOptions { poll: Duration::from_millis(20), settle: Duration::from_millis(50) };
    let mut watched = Watched::new(credential_spec(&root), options);
    watched.updates(1).await;
    write(&root.join("a.pem"), "garbage");
    watched.rejections(1).await;
    watched.state.mark_unchanged();
    let news = timeout(Duration::from_millis(300), watched.state.changed()).await;
    assert!(news.is_err(), "many polls, no news");
    write(&root.join("a.pem"), "other garbage");
    watched.rejections(2).await;
}

#[tokio::test]
async fn the_memory_of_refusals_is_bounded() {
    let (_keep, root) = directory();
    put(&root, "a", &Pki::standard().leaf());
    let options = WatchOptions { settle: Duration::from_millis(1), ..OPTIONS };
    let mut watched = Watched::new(credential_spec(&root), options);
    watched.updates(1).await;
    for number in 1..=REMEMBERED_REJECTIONS + 3 {
        replace(&root.join("a.pem"), &format!("garbage {number}"));
        watched.rejections(number as u64).await;
    }
    assert_eq!(watched.state.borrow().history.len(), REMEMBERED_REJECTIONS);
}

#[test]
fn load_once_judges_as_watching_does() {
    let (_keep, root) = directory();
    let spec = credential_spec(&root);
    let now = UnixTime::now();
    assert_eq!(load_once(&spec, now).expect_err("missing").reason, "file_missing");
    let minted = Pki::standard().leaf();
    put(&root, "a", &minted);
    let Secret::Credential(credential) = load_once(&spec, now).expect("good") else { panic!("a credential") };
    assert_eq!(credential.leaf().der(), minted.der());
    let later = now.plus(Duration::from_secs(400 * 86400));
    assert_eq!(load_once(&spec, later).expect_err("expired").reason, "certificate_expired");
}

#[test]
fn equal_content_has_an_equal_version_however_it_is_written() {
    let (_keep, root) = directory();
    let pki = Pki::standard();
    let minted = pki.leaf();
    put(&root, "a", &minted);
    let version = || load_once(&credential_spec(&root), UnixTime::now()).expect("good").version();
    let before = version();
    assert_eq!(before.len(), 16);
    write(&root.join("a.pem"), &format!("text\r\n{}{}", pki.0.pem(), minted.pem()));
    assert_eq!(version(), before);
    put(&root, "a", &pki.leaf());
    assert_ne!(version(), before);
}
