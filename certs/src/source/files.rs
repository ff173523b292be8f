//! Reads all inputs of a secret as they were at one moment.
//!
//! Two files cannot be read at once, so a rotation may fall between them. Three things keep the halves together: all
//! files are reached through one view of the symlinks on their way, everything is read twice and taken only when
//! nothing changed in between, and what still slips through has to pass the checks that every candidate undergoes.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jadegate_tongsuo::openssl::sha::Sha256;
use zeroize::Zeroizing;

use super::resolve::Resolver;
use super::spec::{Input, SecretSpec};

/// Bound of every file but revocation lists.
pub(super) const MAX_FILE: usize = 1 << 20;
/// Readings until two in a row agree.
const ATTEMPTS: usize = 8;

/// The bytes of one input, wiped when dropped.
pub(super) type Bytes = Arc<Zeroizing<Vec<u8>>>;

/// Why the inputs could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: usize },
    /// Reading a pipe or a device could block for ever.
    #[error("{} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    #[error("the files keep changing while they are read")]
    Unsteady,
}

impl ReadError {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => "file_missing",
            Self::Unreadable { .. } => "file_unreadable",
            Self::TooLarge { .. } => "file_too_large",
            Self::NotRegular(_) => "file_not_regular",
            Self::Unsteady => "files_unsteady",
        }
    }
}

/// All inputs of a secret, in the order of its spec, and a digest over them.
pub(super) struct Reading {
    pub(super) inputs: Vec<Bytes>,
    pub(super) digest: [u8; 32],
}

/// Reads every input as it was at one moment.
pub(super) fn read(spec: &SecretSpec) -> Result<Reading, ReadError> {
    let mut before = None;
    let mut failed = false;
    for _ in 0..ATTEMPTS {
        match read_once(spec) {
            Ok(reading) if before == Some(reading.digest) => return Ok(reading),
            Ok(reading) => before = Some(reading.digest),
            // A directory may be taken away under our hands; a second failure says that it was not that.
            Err(error) if failed => return Err(error),
            Err(_) => (before, failed) = (None, true),
        }
    }
    Err(ReadError::Unsteady)
}

fn read_once(spec: &SecretSpec) -> Result<Reading, ReadError> {
    let mut resolver = Resolver::default();
    let mut sha256 = Sha256::new();
    let mut inputs = Vec::new();
    for (input, limit) in spec.inputs() {
        let bytes = match input {
            Input::File(path) => Arc::new(read_file(path, &resolver.resolve(path), limit)?),
            Input::Inline(bytes) => Arc::clone(bytes),
        };
        sha256.update(&bytes.len().to_be_bytes());
        sha256.update(&bytes);
        inputs.push(bytes);
    }
    Ok(Reading { inputs, digest: sha256.finish() })
}

/// `named` is the path that people know, `real` where it leads now.
fn read_file(named: &Path, real: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => ReadError::Missing(named.to_owned()),
        _ => ReadError::Unreadable { path: named.to_owned(), source },
    };
    let metadata = fs::metadata(real).map_err(failed)?;
    if !metadata.is_file() {
        return Err(ReadError::NotRegular(named.to_owned()));
    }
    let mut file = File::open(real).map_err(failed)?;
    let expected = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let too_large = || ReadError::TooLarge { path: named.to_owned(), limit };
    if expected > limit {
        return Err(too_large());
    }
    // One buffer of the full size, since a growing one would leave unwiped copies behind. The spare byte shows a file
    // that grew meanwhile.
    let mut bytes = Zeroizing::new(vec![0; expected + 1]);
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => {
                bytes.truncate(filled);
                return Ok(bytes);
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(if filled > limit { too_large() } else { ReadError::Unsteady })
}

#[cfg(test)]
mod tests {
    use super::super::spec::{CredentialSpec, TicketKeysSpec};
    use super::*;

    fn ticket_keys(path: &Path) -> SecretSpec {
        SecretSpec::TicketKeys(TicketKeysSpec { keys: Input::File(path.to_owned()) })
    }

    fn reason(spec: &SecretSpec) -> &'static str {
        read(spec).err().map_or("read", |error| error.reason())
    }

    #[test]
    fn files_are_read_whole_and_in_order() {
        let root = tempfile::tempdir().expect("directory");
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        fs::write(&a, "first").expect("file");
        fs::write(&b, "").expect("file");
        let reading = read(&SecretSpec::Credential(CredentialSpec::files(&a, &b))).expect("read");
        let bytes: Vec<&[u8]> = reading.inputs.iter().map(|bytes| bytes.as_slice()).collect();
        assert_eq!(bytes, [&b"first"[..], b""]);
        let swapped = read(&SecretSpec::Credential(CredentialSpec::files(&b, &a))).expect("read");
        assert_ne!(reading.digest, swapped.digest);
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_with_its_reason() {
        let root = tempfile::tempdir().expect("directory");
        assert_eq!(reason(&ticket_keys(&root.path().join("absent"))), "file_missing");
        assert_eq!(reason(&ticket_keys(root.path())), "file_not_regular");
        assert_eq!(reason(&ticket_keys(Path::new("/dev/zero"))), "file_not_regular");
        let large = root.path().join("large");
        fs::write(&large, vec![0; MAX_FILE]).expect("file");
        assert_eq!(reason(&ticket_keys(&large)), "read");
        fs::write(&large, vec![0; MAX_FILE + 1]).expect("file");
        assert_eq!(reason(&ticket_keys(&large)), "file_too_large");
    }

    #[test]
    fn the_error_names_the_path_that_was_configured() {
        let error = read(&ticket_keys(Path::new("/absent/tickets.key"))).err().expect("missing");
        assert_eq!(error.to_string(), "/absent/tickets.key does not exist");
    }
}
