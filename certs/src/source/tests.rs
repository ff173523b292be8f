//! Promises of watched secrets, each with its broken twin. Files live in real directories; waits are bounded.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::development::mint::{Mint, MintCrl, MintKey, Minted, Usage};
use crate::material::{Published, REMEMBERED_REJECTIONS};

mod forms;
mod refused;
mod rotated;
mod wiped;

/// Longer than any healthy wait, shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_millis(400);

/// The poll is far away: what arrives was told by the file system.
const OPTIONS: WatchOptions = WatchOptions { poll: Duration::from_secs(3600), settle: SETTLE };

#[expect(clippy::disallowed_methods, reason = "a test awaits or aborts what it spawns")]
fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task)
}

/// A watched secret and its driver.
struct Watched {
    state: Receiver<SecretState>,
    driver: JoinHandle<()>,
}

impl Watched {
    fn new(spec: SecretSpec, options: WatchOptions) -> Self {
        let (state, driver) = watch("test", spec, options);
        Self { state, driver: spawn(driver) }
    }

    /// As on a system where nothing can be watched.
    fn untold(spec: SecretSpec, options: WatchOptions) -> Self {
        let (state, store) = Store::new(FileSource::untold("test".into(), spec, options), options);
        Self { state, driver: spawn(store.run()) }
    }

    async fn until(&mut self, what: impl FnMut(&SecretState) -> bool) -> SecretState {
        let found = timeout(PATIENCE, self.state.wait_for(what)).await.map(|state| state.expect("driver").clone());
        found.unwrap_or_else(|_| panic!("in vain; last state: {:?}", self.state.borrow()))
    }

    async fn updates(&mut self, count: u64) -> SecretState {
        self.until(|state| state.updates == count).await
    }

    async fn rejections(&mut self, count: u64) -> SecretState {
        self.until(|state| state.rejections == count).await
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// An authority and what it issued.
struct Pki(Minted);

impl Pki {
    fn standard() -> Self {
        Self(Mint::authority("Root").self_signed(&MintKey::p256().expect("key")).expect("root"))
    }

    fn sm2() -> Self {
        Self(Mint::authority("Root").self_signed(&MintKey::sm2().expect("key")).expect("root"))
    }

    fn leaf(&self) -> Minted {
        Mint::leaf("leaf").dns("localhost").issue(&MintKey::p256().expect("key"), &self.0).expect("leaf")
    }

    fn half(&self, usage: &[Usage]) -> Minted {
        let mint = Mint::leaf("leaf").dns("localhost").usage(usage);
        mint.issue(&MintKey::sm2().expect("key"), &self.0).expect("leaf")
    }

    fn pair(&self) -> [Minted; 2] {
        [self.half(Usage::SIGN), self.half(Usage::ENC)]
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    write(&beside, text);
    fs::rename(beside, path).expect("renamed");
}

/// Certificate and key as `NAME.pem` and `NAME.key`.
fn put(directory: &Path, name: &str, minted: &Minted) {
    write(&directory.join(format!("{name}.pem")), &minted.pem());
    write(&directory.join(format!("{name}.key")), &minted.key_pem().expect("key"));
}

fn files(directory: &Path, name: &str) -> CredentialSpec {
    CredentialSpec::files(directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")))
}

fn credential_spec(directory: &Path) -> SecretSpec {
    SecretSpec::Credential(files(directory, "a"))
}

fn pair_spec(directory: &Path) -> SecretSpec {
    SecretSpec::Pair(PairSpec { sign: files(directory, "sign"), enc: files(directory, "enc") })
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().to_owned();
    (directory, path)
}

fn published(state: &SecretState) -> &Published {
    state.current.as_deref().expect("something is in use")
}

/// DER of the leaf in use; of the sign certificate for a pair.
fn leaf(state: &SecretState) -> &[u8] {
    match &published(state).secret {
        Secret::Credential(credential) => credential.leaf().der(),
        Secret::Pair(pair) => pair.sign.leaf().der(),
        other => panic!("no leaf in {other:?}"),
    }
}

fn uses(state: &SecretState, minted: &Minted) -> bool {
    state.current.is_some() && leaf(state) == minted.der()
}
