//! A replaced key leaves the memory of the process with its last user.
//!
//! The process that is looked at runs nothing but the watching: it is this test binary started again, and the keys are
//! made by its parent. It knows what to look for only in masked form, so that the search cannot find itself.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::Command;

use super::*;
use crate::development::mint::MintError;

const CHILD: &str = "source::tests::wiped::the_watching_process";
const DIRECTORY: &str = "JADEGATE_TEST_WIPED_DIRECTORY";
const NEEDLES: &str = "JADEGATE_TEST_WIPED_NEEDLES";
const MASK: u8 = 0x5a;
/// Enough of a secret to be found by, wherever in it a holder begins.
const NEEDLE: usize = 16;

type Needle = [u8; NEEDLE];

/// Forms in which a key could be left behind.
const FORMS: usize = 3;

/// From the middle of the secret number: big-endian as in DER, little-endian as libcrypto computes; and from the PEM
/// text of it.
fn needles(minted: &Minted) -> [Needle; FORMS] {
    let pkey = minted.key().as_pkey();
    let secret = match pkey.rsa() {
        Ok(rsa) => rsa.p().expect("two primes").to_vec(),
        Err(_) => match pkey.ec_key() {
            Ok(key) => key.private_key().to_vec(),
            Err(_) => pkey.raw_private_key().expect("Ed25519"),
        },
    };
    let middle: Needle = secret[8..8 + NEEDLE].try_into().expect("length");
    let mut reversed = middle;
    reversed.reverse();
    let pem = minted.key_pem().expect("key");
    let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("--")).collect();
    // A third into the text is behind the public numbers of every kind of key.
    let text: Needle = body[body.len() / 3].as_bytes()[..NEEDLE].try_into().expect("length");
    [middle, reversed, text].map(|needle| needle.map(|octet| octet ^ MASK))
}

fn wiped_by_rotation(old: &[(&str, &Minted)], new: &[(&str, &Minted)]) {
    let (_keep, root) = directory();
    for (generation, secrets) in [("1", old), ("2", new)] {
        fs::create_dir(root.join(generation)).expect("directory");
        for (name, minted) in secrets {
            put(&root.join(generation), name, minted);
        }
    }
    symlink("1", root.join("current")).expect("symlink");
    let hex = |secrets: &[(&str, &Minted)]| -> String {
        secrets.iter().flat_map(|(_, minted)| needles(minted)).map(hex::encode).collect::<Vec<_>>().join(",")
    };
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args([CHILD, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, &root)
        .env(NEEDLES, format!("{}:{}", hex(old), hex(new)))
        .output()
        .expect("started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

fn wiped_with(key: fn() -> Result<MintKey, MintError>) {
    let pki = Pki::standard();
    let leaf = || Mint::leaf("leaf").dns("localhost").issue(&key().expect("key"), &pki.0).expect("leaf");
    wiped_by_rotation(&[("a", &leaf())], &[("a", &leaf())]);
}

#[test]
fn replaced_elliptic_keys_are_wiped() {
    wiped_with(MintKey::p256);
    wiped_with(MintKey::p384);
}

#[test]
fn replaced_edwards_keys_are_wiped() {
    wiped_with(MintKey::ed25519);
}

#[test]
fn replaced_rsa_keys_are_wiped() {
    wiped_with(|| MintKey::rsa(2048));
}

#[test]
fn both_keys_of_a_replaced_pair_are_wiped() {
    let pki = Pki::sm2();
    let ([sign, enc], [new_sign, new_enc]) = (pki.pair(), pki.pair());
    wiped_by_rotation(&[("sign", &sign), ("enc", &enc)], &[("sign", &new_sign), ("enc", &new_enc)]);
}

#[tokio::test]
#[ignore = "started by the tests above, in a process of its own"]
async fn the_watching_process() {
    let root = PathBuf::from(std::env::var_os(DIRECTORY).expect("started by the tests above"));
    let needles = std::env::var(NEEDLES).expect("started by the tests above");
    let list = |text: &str| -> Vec<Needle> {
        text.split(',').map(|hex| hex::decode(hex).expect("hex").try_into().expect("length")).collect()
    };
    let (old, new) = needles.split_once(':').map(|(old, new)| (list(old), list(new))).expect("both");
    let current = root.join("current");
    let spec = if current.join("a.key").exists() { credential_spec(&current) } else { pair_spec(&current) };

    let mut watched = Watched::new(spec, OPTIONS);
    let user = published(&watched.updates(1).await).clone();
    // The control: what the search looks for is really found while it is alive.
    assert!(old.chunks(FORMS).all(|forms| forms.iter().any(|needle| in_memory(needle) > 0)), "a live key is not found");
    assert!(new.iter().all(|needle| in_memory(needle) == 0));

    symlink("2", root.join("next")).expect("symlink");
    fs::rename(root.join("next"), &current).expect("swapped");
    watched.updates(2).await;
    assert!(old.iter().any(|needle| in_memory(needle) > 0), "a key in use must stay");
    drop(user);
    let left: Vec<usize> = old.iter().map(in_memory).collect();
    assert_eq!(left, vec![0; old.len()], "the replaced key is still in memory");
    assert!(new.chunks(FORMS).all(|forms| forms.iter().any(|needle| in_memory(needle) > 0)), "a live key is not found");
}

/// How often the unmasked needle stands in the writable memory of this process.
fn in_memory(masked: &Needle) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("maps");
    let mut memory = fs::File::open("/proc/self/mem").expect("memory");
    // Neighbouring chunks overlap, lest a needle on the border is missed.
    let mut buffer = vec![0; 1 << 20];
    let own = buffer.as_ptr().addr() as u64..buffer.as_ptr().addr() as u64 + buffer.len() as u64;
    let mut found = 0;
    for (start, end) in maps.lines().filter_map(writable) {
        let mut at = start;
        while at < end {
            // The buffer holds what was read before: it is not part of the search.
            if own.contains(&at) {
                at = own.end;
                continue;
            }
            let limit = if at < own.start { end.min(own.start) } else { end };
            let length = usize::try_from(limit - at).expect("address space").min(buffer.len());
            memory.seek(SeekFrom::Start(at)).expect("seek");
            // Guard pages of special mappings cannot be read.
            let Ok(()) = memory.read_exact(&mut buffer[..length]) else { break };
            found += count(&buffer[..length], masked);
            at = if length < NEEDLE || at + length as u64 == limit { limit } else { at + (length - NEEDLE + 1) as u64 };
        }
    }
    buffer.fill(0);
    found
}

fn writable(line: &str) -> Option<(u64, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let parse = |text| u64::from_str_radix(text, 16).ok();
    rest.starts_with("rw").then_some((parse(start)?, parse(end)?))
}

fn count(haystack: &[u8], masked: &Needle) -> usize {
    let first = masked[0] ^ MASK;
    let starts = haystack.iter().enumerate().filter(|(_, octet)| **octet == first).map(|(start, _)| start);
    starts.filter(|start| haystack.get(*start..*start + NEEDLE).is_some_and(|window| equal(window, masked))).count()
}

fn equal(window: &[u8], masked: &Needle) -> bool {
    window.iter().zip(masked).all(|(octet, masked)| octet ^ MASK == *masked)
}
