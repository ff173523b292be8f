//! Where a path leads, and which directory entries decide that.
//!
//! A file can change by a write in place, by a rename over its name, or by a symlink anywhere on its way that begins to
//! point elsewhere (`..data` in a mounted Kubernetes secret, a `current` directory). Each of these shows as an event
//! on one entry of one directory, so those directories have to be watched. [`Resolver`] finds them by walking paths as
//! the kernel does. It reads each symlink once, so that all files of one reading go through the same target, however
//! often the link is swapped meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::{env, fs};

/// The kernel's own limit for one path.
const MAX_SYMLINKS: usize = 40;

/// Directories (real paths, without symlinks) and the entries in them that matter.
pub(super) type Lookups = BTreeMap<PathBuf, BTreeSet<OsString>>;

/// One consistent view of the symlinks on the way to some files.
#[derive(Default)]
pub(super) struct Resolver {
    links: HashMap<PathBuf, Entry>,
    lookups: Lookups,
}

#[derive(Clone)]
enum Entry {
    Missing,
    Link(PathBuf),
    Other,
}

impl Resolver {
    /// The real path of a file. Where the way ends early, the path of the first entry that is missing.
    pub(super) fn resolve(&mut self, path: &Path) -> PathBuf {
        let mut ahead = VecDeque::new();
        if path.is_relative() {
            prepend(path, &mut ahead);
            prepend(&env::current_dir().unwrap_or_default(), &mut ahead);
        } else {
            prepend(path, &mut ahead);
        }
        let mut here = PathBuf::from("/");
        let mut symlinks = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            let path = here.join(&name);
            match self.entry(&path) {
                Entry::Missing => {
                    self.matters(here, name);
                    return path;
                }
                Entry::Link(target) => {
                    self.matters(here.clone(), name);
                    symlinks += 1;
                    if symlinks > MAX_SYMLINKS {
                        return path;
                    }
                    if target.is_absolute() {
                        here = PathBuf::from("/");
                    }
                    prepend(&target, &mut ahead);
                }
                Entry::Other => {
                    // The file, and its directory, which may be exchanged as a whole.
                    if ahead.len() <= 1 {
                        self.matters(here, name);
                    }
                    here = path;
                }
            }
        }
        here
    }

    /// Everything that decided the answers so far: every symlink on the way, the directory of each file, the file
    /// itself, and the first entry that was missing.
    pub(super) fn into_lookups(self) -> Lookups {
        self.lookups
    }

    fn entry(&mut self, path: &Path) -> Entry {
        if let Some(known) = self.links.get(path) {
            return known.clone();
        }
        let entry = match fs::symlink_metadata(path) {
            Err(_) => Entry::Missing,
            Ok(metadata) if metadata.is_symlink() => fs::read_link(path).map_or(Entry::Missing, Entry::Link),
            Ok(_) => Entry::Other,
        };
        self.links.insert(path.to_owned(), entry.clone());
        entry
    }

    fn matters(&mut self, directory: PathBuf, name: OsString) {
        self.lookups.entry(directory).or_default().insert(name);
    }
}

fn prepend(path: &Path, ahead: &mut VecDeque<OsString>) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => ahead.push_front(name.to_owned()),
            Component::ParentDir => ahead.push_front("..".into()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn lookups(path: &Path) -> Vec<PathBuf> {
        let mut resolver = Resolver::default();
        resolver.resolve(path);
        let found = resolver.into_lookups().into_iter();
        found.flat_map(|(directory, names)| names.into_iter().map(move |name| directory.join(name))).collect()
    }

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("directory");
        let real = directory.path().canonicalize().expect("real path");
        (directory, real)
    }

    #[test]
    fn a_plain_file_is_decided_by_itself_and_its_directory() {
        let (_keep, root) = directory();
        fs::create_dir(root.join("tls")).expect("directory");
        fs::write(root.join("tls/a.pem"), "a").expect("file");
        assert_eq!(lookups(&root.join("tls/a.pem")), [root.join("tls"), root.join("tls/a.pem")]);
        assert_eq!(lookups(&root.join("tls/../tls/./a.pem")), [root.join("tls"), root.join("tls/a.pem")]);
        assert_eq!(Resolver::default().resolve(&root.join("tls/../tls/./a.pem")), root.join("tls/a.pem"));
    }

    #[test]
    fn every_symlink_of_a_mounted_secret_is_found() {
        let (_keep, root) = directory();
        fs::create_dir(root.join("..1")).expect("directory");
        fs::write(root.join("..1/a.pem"), "a").expect("file");
        symlink("..1", root.join("..data")).expect("symlink");
        symlink("..data/a.pem", root.join("a.pem")).expect("symlink");
        assert_eq!(Resolver::default().resolve(&root.join("a.pem")), root.join("..1/a.pem"));
        assert_eq!(
            lookups(&root.join("a.pem")),
            [root.clone(), root.join("..1"), root.join("..data"), root.join("a.pem"), root.join("..1/a.pem")]
        );
    }

    #[test]
    fn a_link_that_is_swapped_between_two_files_still_leads_both_to_one_place() {
        let (_keep, root) = directory();
        symlink("..1", root.join("..data")).expect("symlink");
        for name in ["a", "b"] {
            symlink(Path::new("..data").join(name), root.join(name)).expect("symlink");
        }
        for generation in ["..1", "..2"] {
            fs::create_dir(root.join(generation)).expect("directory");
            fs::write(root.join(generation).join("a"), generation).expect("file");
            fs::write(root.join(generation).join("b"), generation).expect("file");
        }
        let mut resolver = Resolver::default();
        assert_eq!(resolver.resolve(&root.join("a")), root.join("..1/a"));
        symlink("..2", root.join("new")).expect("symlink");
        fs::rename(root.join("new"), root.join("..data")).expect("swap");
        assert_eq!(resolver.resolve(&root.join("b")), root.join("..1/b"));
        assert_eq!(Resolver::default().resolve(&root.join("b")), root.join("..2/b"));
    }

    #[test]
    fn a_missing_directory_is_waited_for_by_name() {
        let (_keep, root) = directory();
        assert_eq!(lookups(&root.join("later/tls/a.pem")), [root.join("later")]);
    }

    #[test]
    fn symlinks_in_a_circle_end() {
        let (_keep, root) = directory();
        symlink("b", root.join("a")).expect("symlink");
        symlink("a", root.join("b")).expect("symlink");
        assert_eq!(lookups(&root.join("a")), [root.clone(), root.join("a"), root.join("b")]);
    }
}
