//! The development CA as a directory of files.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::{DevelopmentCa, DevelopmentError, Issued, LEAF_DAYS, LeafRequest, Role};

/// What happens to files that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Nothing is written at all.
    Refuse,
    /// They are replaced, each atomically.
    Replace,
}

/// What [`write_directory`] shall make.
#[derive(Clone, Debug)]
pub struct DirectoryOptions {
    /// Names of the servers: DNS names, IP addresses, URIs.
    pub server_names: Vec<String>,
    /// Names of the clients.
    pub client_names: Vec<String>,
    /// Life of the leaves.
    pub lifetime: Duration,
    /// What happens to files that are there already.
    pub overwrite: Overwrite,
}

impl Default for DirectoryOptions {
    /// Servers on this host, one client, 397 days, nothing overwritten.
    fn default() -> Self {
        Self {
            server_names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            client_names: vec!["client.jadegate.test".to_owned()],
            lifetime: Duration::from_secs(LEAF_DAYS * 86400),
            overwrite: Overwrite::Refuse,
        }
    }
}

/// Makes both authorities with a server and a client each, and writes them as PEM files:
///
/// | files (`.pem` and `.key` each) | what |
/// |---|---|
/// | `ca`, `server`, `client` | standard, P-256 |
/// | `sm2-ca` | SM2 root |
/// | `sm2-server-sign`, `sm2-server-enc` | TLCP pair of the server; the sign certificate alone serves TLS 1.3 with SM suites |
/// | `sm2-client-sign`, `sm2-client-enc` | TLCP pair of the client |
///
/// Keys are readable by their owner only. Returns the files in the order of writing.
pub fn write_directory(directory: &Path, options: &DirectoryOptions) -> Result<Vec<PathBuf>, DevelopmentError> {
    let files = contents(options)?;
    let paths: Vec<PathBuf> = files.iter().map(|file| directory.join(&file.name)).collect();
    if options.overwrite == Overwrite::Refuse
        && let Some(existing) = paths.iter().find(|path| path.symlink_metadata().is_ok())
    {
        return Err(DevelopmentError::Exists(existing.clone()));
    }
    fs::create_dir_all(directory).map_err(|source| DevelopmentError::Write { path: directory.to_owned(), source })?;
    for (file, path) in files.iter().zip(&paths) {
        write(directory, file).map_err(|source| DevelopmentError::Write { path: path.clone(), source })?;
    }
    Ok(paths)
}

struct Content {
    name: String,
    bytes: Zeroizing<Vec<u8>>,
    mode: u32,
}

fn contents(options: &DirectoryOptions) -> Result<Vec<Content>, DevelopmentError> {
    let request = |role, names: &[String]| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        LeafRequest::new(role, &names).map(|request| LeafRequest { lifetime: options.lifetime, ..request })
    };
    let server = request(Role::Server, &options.server_names)?;
    let client = request(Role::Client, &options.client_names)?;
    let standard = DevelopmentCa::new_standard()?;
    let sm2 = DevelopmentCa::new_sm2()?;
    let (server_pair, client_pair) = (sm2.issue_pair(&server)?, sm2.issue_pair(&client)?);
    let sets: [(&str, &Issued); 8] = [
        ("ca", standard.root()),
        ("server", &standard.issue(&server)?),
        ("client", &standard.issue(&client)?),
        ("sm2-ca", sm2.root()),
        ("sm2-server-sign", &server_pair.sign),
        ("sm2-server-enc", &server_pair.enc),
        ("sm2-client-sign", &client_pair.sign),
        ("sm2-client-enc", &client_pair.enc),
    ];
    Ok(sets.into_iter().flat_map(|(name, issued)| files(name, issued)).collect())
}

fn files(name: &str, issued: &Issued) -> [Content; 2] {
    let content = |suffix, bytes: &[u8], mode| Content {
        name: format!("{name}.{suffix}"),
        bytes: Zeroizing::new(bytes.to_vec()),
        mode,
    };
    [content("pem", issued.certificate_pem.as_bytes(), 0o644), content("key", issued.key_pem.as_bytes(), 0o600)]
}

/// Writes beside the target, then renames over it: a reader sees the old file or the new one.
fn write(directory: &Path, content: &Content) -> io::Result<()> {
    let temporary = directory.join(format!(".{}.{}.new", content.name, std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(content.mode)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(&content.bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, directory.join(&content.name)));
    if written.is_err() {
        // The first error is the one to report; a leftover is all that a failure here can mean.
        let _ = fs::remove_file(&temporary);
    }
    written
}
