//! Every way in which files are replaced is noticed, and no reader ever sees half of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::time::interval;

use super::super::files;
use super::*;

/// A mounted secret: `..data` points to a directory, the names point through it.
struct Mounted {
    root: PathBuf,
}

impl Mounted {
    fn new(root: PathBuf, names: &[&str]) -> Self {
        for name in names.iter().flat_map(|name| [format!("{name}.pem"), format!("{name}.key")]) {
            symlink(Path::new("..data").join(&name), root.join(&name)).expect("symlink");
        }
        Self { root }
    }

    fn generation(&self, number: usize) -> PathBuf {
        self.root.join(format!("..{number}"))
    }

    fn prepare(&self, number: usize, secrets: &[(&str, &Minted)]) {
        fs::create_dir(self.generation(number)).expect("directory");
        for (name, minted) in secrets {
            put(&self.generation(number), name, minted);
        }
    }

    fn swap(&self, number: usize) {
        let new = self.root.join("..data_tmp");
        symlink(format!("..{number}"), &new).expect("symlink");
        fs::rename(new, self.root.join("..data")).expect("renamed");
    }
}

#[tokio::test]
async fn a_kubernetes_swap_is_followed() {
    let (_keep, root) = directory();
    let mounted = Mounted::new(root.clone(), &["a"]);
    let pki = Pki::standard();
    let mut watched = None;
    let mut last = None;
    for number in 1..=3 {
        let minted = pki.leaf();
        mounted.prepare(number, &[("a", &minted)]);
        mounted.swap(number);
        if number > 1 {
            fs::remove_dir_all(mounted.generation(number - 1)).expect("removed");
        }
        let watched = watched.get_or_insert_with(|| Watched::new(credential_spec(&root), OPTIONS));
        let state = watched.until(|state| uses(state, &minted)).await;
        assert!(Some(published(&state).generation) > last);
        last = Some(published(&state).generation);
    }
    let state = watched.expect("watched").updates(3).await;
    assert_eq!((state.rejections, state.last_error.is_none()), (0, true));
}

#[tokio::test]
async fn a_write_in_place_is_followed() {
    let (_keep, root) = directory();
    let (old, new) = (Pki::standard().leaf(), Pki::standard().leaf());
    put(&root, "a", &old);
    let mut watched = Watched::new(credential_spec(&root), OPTIONS);
    assert!(uses(&watched.updates(1).await, &old));
    put(&root, "a", &new);
    assert!(uses(&watched.updates(2).await, &new));
}

#[tokio::test]
async fn a_rename_is_followed_again_and_again() {
    let (_keep, root) = directory();
    let pki = Pki::standard();
    put(&root, "a", &pki.leaf());
    let mut watched = Watched::new(credential_spec(&root), OPTIONS);
    watched.updates(1).await;
    for count in 2..=4 {
        let new = pki.leaf();
        replace(&root.join("a.key"), &new.key_pem().expect("key"));
        replace(&root.join("a.pem"), &new.pem());
        assert!(uses(&watched.updates(count).await, &new));
    }
}

#[tokio::test]
async fn deleted_files_keep_the_last_good_until_they_are_created_again() {
    let (_keep, root) = directory();
    let (old, new) = (Pki::standard().leaf(), Pki::standard().leaf());
    put(&root, "a", &old);
    let mut watched = Watched::new(credential_spec(&root), OPTIONS);
    watched.updates(1).await;
    fs::remove_file(root.join("a.pem")).expect("removed");
    fs::remove_file(root.join("a.key")).expect("removed");
    let state = watched.rejections(1).await;
    assert!(uses(&state, &old));
    assert_eq!(state.last_error.expect("reported").reason, "file_missing");
    put(&root, "a", &new);
    let state = watched.updates(2).await;
    assert!(uses(&state, &new) && state.last_error.is_none());
}

#[tokio::test]
async fn a_whole_directory_exchanged_under_its_name_is_followed() {
    let (_keep, root) = directory();
    let (tls, fresh) = (root.join("tls"), root.join("fresh"));
    fs::create_dir(&tls).expect("directory");
    put(&tls, "a", &Pki::standard().leaf());
    let mut watched = Watched::new(credential_spec(&tls), OPTIONS);
    watched.updates(1).await;
    for count in 2..=3 {
        let new = Pki::standard().leaf();
        fs::create_dir(&fresh).expect("directory");
        put(&fresh, "a", &new);
        fs::rename(&tls, root.join(format!("old{count}"))).expect("renamed");
        fs::rename(&fresh, &tls).expect("renamed");
        assert!(uses(&watched.updates(count).await, &new));
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_yet_is_taken_when_it_arrives() {
    let (_keep, root) = directory();
    let tls = root.join("later/tls");
    let mut watched = Watched::new(credential_spec(&tls), OPTIONS);
    assert!(watched.rejections(1).await.current.is_none());
    fs::create_dir_all(&tls).expect("directory");
    let minted = Pki::standard().leaf();
    put(&tls, "a", &minted);
    assert!(uses(&watched.updates(1).await, &minted));
}

#[tokio::test]
async fn permissions_and_comments_publish_nothing_new() {
    let (_keep, root) = directory();
    let (old, new) = (Pki::standard().leaf(), Pki::standard().leaf());
    put(&root, "a", &old);
    let mut watched = Watched::new(credential_spec(&root), WatchOptions { settle: PATIENCE, ..OPTIONS });
    let before = published(&watched.updates(1).await).generation;
    fs::set_permissions(root.join("a.key"), fs::Permissions::from_mode(0o400)).expect("chmod");
    write(&root.join("a.pem"), &format!("a comment\n{}", old.pem()));
    // The next real change proves that the ones before it were seen and left no trace.
    replace(&root.join("a.pem"), &new.pem());
    replace(&root.join("a.key"), &new.key_pem().expect("key"));
    let state = watched.until(|state| uses(state, &new)).await;
    assert_eq!((state.updates, state.rejections), (2, 0));
    assert!(published(&state).generation > before);
}

#[tokio::test]
async fn a_key_without_its_certificate_waits_for_it() {
    let (_keep, root) = directory();
    let (old, new) = (Pki::standard().leaf(), Pki::standard().leaf());
    put(&root, "a", &old);
    let mut watched = Watched::new(credential_spec(&root), WatchOptions { settle: PATIENCE, ..OPTIONS });
    watched.updates(1).await;
    replace(&root.join("a.key"), &new.key_pem().expect("key"));
    let state = watched.until(|state| state.waiting.is_some()).await;
    assert!(uses(&state, &old) && state.last_error.is_none());
    replace(&root.join("a.pem"), &new.pem());
    let state = watched.updates(2).await;
    assert!(uses(&state, &new));
    assert_eq!((state.rejections, state.waiting), (0, None));
}

/// Renews one half of a pair before the other.
async fn half_renewed(earlier: &str, later: &str) {
    let (_keep, root) = directory();
    let pki = Pki::sm2();
    let half = |name: &str| pki.half(if name == "sign" { Usage::SIGN } else { Usage::ENC });
    let halves = |state: &SecretState| match &published(state).secret {
        Secret::Pair(pair) => [pair.sign.leaf().der().to_vec(), pair.enc.leaf().der().to_vec()],
        other => panic!("not a pair: {other:?}"),
    };
    put(&root, "sign", &half("sign"));
    put(&root, "enc", &half("enc"));
    let mut watched = Watched::new(pair_spec(&root), WatchOptions { settle: PATIENCE, ..OPTIONS });
    let old = halves(&watched.updates(1).await);
    put(&root, earlier, &half(earlier));
    let missing = format!("waiting for the {later} certificate");
    let state = watched.until(|state| state.waiting.as_ref().is_some_and(|text| text.contains(&missing))).await;
    assert_eq!(halves(&state), old);
    put(&root, later, &half(later));
    let state = watched.updates(2).await;
    let new = halves(&state);
    assert!(new[0] != old[0] && new[1] != old[1]);
    assert_eq!((state.rejections, state.waiting), (0, None));
}

#[tokio::test]
async fn a_half_renewed_pair_waits_for_its_other_half() {
    half_renewed("sign", "enc").await;
    half_renewed("enc", "sign").await;
}

#[tokio::test]
async fn a_pair_of_which_only_one_half_is_renewed_is_taken_in_the_end() {
    let (_keep, root) = directory();
    let pki = Pki::sm2();
    let [sign, enc] = pki.pair();
    put(&root, "sign", &sign);
    put(&root, "enc", &enc);
    let mut watched = Watched::new(pair_spec(&root), OPTIONS);
    watched.updates(1).await;
    let renewed = pki.half(Usage::SIGN);
    put(&root, "sign", &renewed);
    assert!(uses(&watched.updates(2).await, &renewed));
}

#[tokio::test]
async fn three_hundred_swaps_never_show_a_mixed_pair() {
    const SETS: usize = 7;
    const SWAPS: usize = 300;
    let (_keep, root) = directory();
    let mounted = Mounted::new(root.clone(), &["sign", "enc"]);
    let pki = Pki::sm2();
    let sets: Vec<[Minted; 2]> = (0..SETS).map(|_| pki.pair()).collect();
    for (number, [sign, enc]) in sets.iter().enumerate() {
        mounted.prepare(number, &[("sign", sign), ("enc", enc)]);
    }
    mounted.swap(0);
    let mut watched = Watched::new(pair_spec(&root), WatchOptions { settle: PATIENCE, ..OPTIONS });
    watched.updates(1).await;
    let mut seen = watched.state.clone();
    let observer = spawn(async move {
        let mut states = Vec::new();
        while seen.changed().await.is_ok() {
            states.push(seen.borrow_and_update().clone());
        }
        states
    });
    let mut pace = interval(Duration::from_millis(7));
    for swap in 1..=SWAPS {
        pace.tick().await;
        mounted.swap(swap % SETS);
    }
    let last = &sets[SWAPS % SETS];
    let state = watched.until(|state| uses(state, &last[0]) && state.waiting.is_none()).await;
    assert_eq!(state.rejections, 0);
    drop(watched);
    for state in timeout(PATIENCE, observer).await.expect("in time").expect("observed") {
        let Secret::Pair(pair) = &published(&state).secret else { panic!("a pair") };
        let set = |der: &[u8], half: usize| sets.iter().position(|set| set[half].der() == der);
        assert_eq!(set(pair.sign.leaf().der(), 0), set(pair.enc.leaf().der(), 1));
    }
}

/// Reads the files of a spec three hundred times while another thread changes them without a pause. `check` sees the
/// first and the last file of each reading that found a moment of rest; there must be some.
fn read_under_load(spec: &SecretSpec, change: impl FnMut(usize) + Send, check: impl Fn(&[u8], &[u8])) {
    let stop = AtomicBool::new(false);
    let whole = thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| (1..).take_while(|_| !stop.load(Ordering::Relaxed)).for_each(change));
        let readings = (0..300).filter_map(|_| files::read(spec).ok());
        let whole = readings.inspect(|reading| check(&reading.inputs[0], &reading.inputs[reading.inputs.len() - 1]));
        whole.count()
    });
    assert!(whole > 0);
}

/// Ends the other thread also when a check fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_reading_during_swaps_is_never_mixed() {
    let (_keep, root) = directory();
    for number in ["0", "1"] {
        let generation = root.join(format!("..{number}"));
        fs::create_dir(&generation).expect("directory");
        write(&generation.join("a.pem"), number);
        write(&generation.join("a.key"), number);
    }
    let mounted = Mounted::new(root.clone(), &["a"]);
    mounted.swap(0);
    let swap = |count: usize| mounted.swap(count % 2);
    read_under_load(&credential_spec(&root), swap, |first, last| assert_eq!(first, last));
}

#[test]
fn a_reading_during_renames_shows_the_files_of_one_moment() {
    let (_keep, root) = directory();
    let (first, last) = (root.join("sign.pem"), root.join("enc.key"));
    // Files in between make the way from the first to the last long.
    for between in ["sign.key", "enc.pem"] {
        write(&root.join(between), &"-".repeat(1 << 17));
    }
    let renew = |count: usize| {
        replace(&first, &format!("{count:09}"));
        replace(&last, &format!("{count:09}"));
    };
    renew(0);
    let renew_slowly = |count: usize| {
        // One renewal in a hundred, so that readings find rest.
        if count.is_multiple_of(100) { renew(count) } else { thread::yield_now() }
    };
    // The last file is never ahead of the first at any moment, so that no reading may show it ahead.
    read_under_load(&pair_spec(&root), renew_slowly, |first, last| assert!(first >= last));
}

/// Watches a credential as on a system where nothing can be watched, and expects a change to be found.
async fn found_untold(options: WatchOptions) {
    let (_keep, root) = directory();
    let (old, new) = (Pki::standard().leaf(), Pki::standard().leaf());
    put(&root, "a", &old);
    let mut watched = Watched::untold(credential_spec(&root), options);
    watched.updates(1).await;
    put(&root, "a", &new);
    watched.until(|state| uses(state, &new)).await;
}

#[tokio::test]
async fn the_poll_finds_what_nobody_told() {
    found_untold(WatchOptions { poll: Duration::from_millis(100), ..OPTIONS }).await;
}

#[tokio::test]
async fn file_attributes_are_looked_at_where_changes_are_not_told() {
    found_untold(OPTIONS).await;
}

#[tokio::test]
async fn inline_secrets_are_published_once() {
    let minted = Pki::standard().leaf();
    let spec = SecretSpec::Credential(CredentialSpec {
        material: CredentialInput::Pem {
            certificate: Input::inline(minted.pem()),
            key: Input::inline(minted.key_pem().expect("key").as_bytes()),
        },
        password: None,
        ocsp: None,
    });
    let mut watched = Watched::new(spec, WatchOptions { poll: Duration::from_millis(20), ..OPTIONS });
    assert!(uses(&watched.updates(1).await, &minted));
    watched.state.mark_unchanged();
    let news = timeout(Duration::from_millis(300), watched.state.changed()).await;
    assert!(news.is_err(), "many polls, no news");
}

#[tokio::test]
async fn trust_rotates_with_its_revocation_lists() {
    let (_keep, root) = directory();
    let (old, new) = (Pki::standard(), Pki::sm2());
    let (ca, crl) = (root.join("ca.pem"), root.join("crl.pem"));
    write(&ca, &old.0.pem());
    write(&crl, &MintCrl::new().issue_pem(&old.0).expect("crl"));
    let spec = TrustSpec { roots: vec![Input::File(ca.clone())], crls: vec![Input::File(crl.clone())] };
    let mut watched = Watched::new(SecretSpec::Trust(spec), OPTIONS);
    watched.updates(1).await;
    replace(&ca, &format!("{}{}", old.0.pem(), new.0.pem()));
    let state = watched.updates(2).await;
    let Secret::Trust(trust) = &published(&state).secret else { panic!("trust") };
    assert_eq!((trust.roots.len(), trust.crls.len()), (2, 1));
    replace(&crl, &MintCrl::new().number(2).revoke(&old.leaf()).issue_pem(&old.0).expect("crl"));
    watched.updates(3).await;
    replace(&ca, "no certificate");
    let state = watched.rejections(1).await;
    assert_eq!((state.updates, state.last_error.expect("reported").reason), (3, "certificate_absent"));
}

#[tokio::test]
async fn ticket_keys_rotate() {
    let (_keep, root) = directory();
    let tickets = root.join("tickets");
    fs::write(&tickets, [1; 80]).expect("written");
    let spec = SecretSpec::TicketKeys(TicketKeysSpec { keys: Input::File(tickets.clone()) });
    let mut watched = Watched::new(spec, OPTIONS);
    watched.updates(1).await;
    fs::write(&tickets, [2; 160]).expect("written");
    let state = watched.updates(2).await;
    let Secret::TicketKeys(keys) = &published(&state).secret else { panic!("ticket keys") };
    assert_eq!(keys.keys().len(), 2);
    fs::write(&tickets, [3; 48]).expect("written");
    let state = watched.rejections(1).await;
    assert_eq!((state.updates, state.last_error.expect("reported").reason), (2, "ticket_keys_of_48_bytes"));
}

#[tokio::test]
async fn the_driver_ends_with_its_last_listener() {
    let (_keep, root) = directory();
    put(&root, "a", &Pki::standard().leaf());
    let (state, driver) = watch("test", credential_spec(&root), OPTIONS);
    let driver = spawn(driver);
    drop(state);
    timeout(PATIENCE, driver).await.expect("in time").expect("ended");
}
