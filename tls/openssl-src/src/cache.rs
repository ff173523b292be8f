//! Finished builds, kept by content.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Variable that moves the cache; the default is the user's cache directory.
pub(crate) const LOCATION_VARIABLE: &str = "JADEGATE_CACHE_DIR";

/// The directory under which builds are kept: `$JADEGATE_CACHE_DIR`, else `$XDG_CACHE_HOME/jadegate`, else
/// `$HOME/.cache/jadegate`, else inside cargo's own output directory.
pub(crate) fn root(out_dir: &Path) -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(LOCATION_VARIABLE)
        .or_else(|| set("XDG_CACHE_HOME").map(|base| base.join("jadegate")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/jadegate")))
        .unwrap_or_else(|| out_dir.to_path_buf())
}

/// Hash of every file of the source tree that takes part in the build, plus `inputs` (flags, compiler, target).
///
/// It names a directory and protects against nothing but mix-ups: whoever can write the cache can write the
/// checkout too. So a fast hash is enough.
pub(crate) fn key(source: &Path, inputs: &[String]) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    inputs.hash(&mut hasher);
    hash_tree(source, source, &mut hasher)?;
    Ok(format!("{:016x}", hasher.finish()))
}

/// Parts of the source tree that a build of the libraries never reads.
const UNUSED: &[&str] = &["doc", "test", "fuzz", "demos", "examples", "wycheproof"];

fn hash_tree(root: &Path, directory: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if directory == root && UNUSED.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            hash_tree(root, &path, hasher)?;
        } else {
            path.strip_prefix(root).unwrap_or(&path).hash(hasher);
            fs::read(&path)?.hash(hasher);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_content_and_flags() {
        let tree = tempfile::tempdir().expect("temporary directory");
        fs::create_dir(tree.path().join("ssl")).expect("directory");
        fs::write(tree.path().join("ssl/a.c"), "int a;").expect("file");
        let inputs = vec!["enable-ntls".to_owned()];
        let first = key(tree.path(), &inputs).expect("key");
        assert_eq!(first, key(tree.path(), &inputs).expect("key"), "same content, same key");
        assert_ne!(first, key(tree.path(), &["no-ntls".to_owned()]).expect("key"), "another flag, another key");
        fs::write(tree.path().join("ssl/a.c"), "int b;").expect("file");
        assert_ne!(first, key(tree.path(), &inputs).expect("key"), "other content, another key");
    }
}
