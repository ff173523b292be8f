//! Configure, make, install into the cache.

use crate::{cache, configure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

/// Where the host's configuration would be looked for. Nothing may ever lie there: the library runs on what the
/// proxy hands it, never on files of the machine.
const NO_CONFIGURATION: &str = "/nonexistent/jadegate";

/// The builder that `openssl-sys` drives. It panics on failure, as build scripts do: cargo shows the message.
#[derive(Debug, Default)]
pub struct Build {
    _private: (),
}

/// A finished build.
#[derive(Debug)]
pub struct Artifacts {
    prefix: PathBuf,
}

impl Build {
    /// A build for the target that cargo is compiling for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Part of the interface that `openssl-sys` expects; ignored, see the constant `NO_CONFIGURATION` in the source.
    pub fn openssl_dir<P: AsRef<Path>>(&mut self, _path: P) -> &mut Self {
        self
    }

    /// Takes the build from the cache, or makes it.
    ///
    /// # Panics
    /// When the target is not supported or a step of the build fails.
    pub fn build(&mut self) -> Artifacts {
        let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        let target = env::var("TARGET").expect("cargo sets TARGET");
        let host = env::var("HOST").expect("cargo sets HOST");
        let arguments = configure::arguments(&target).unwrap_or_else(|error| panic!("{error}"));
        let source = crate::source_dir();
        let compiler = Compiler::of(&target, &host);

        let mut inputs: Vec<String> = arguments.iter().map(|flag| (*flag).to_owned()).collect();
        inputs.extend([target, compiler.identity(), crate::version().to_owned()]);
        let key = cache::key(&source, &inputs).expect("the Tongsuo sources are readable");
        let kept = cache::root(&out_dir).join("tongsuo").join(key);

        let stamp = kept.join("lib/libssl.a");
        println!("cargo:rerun-if-env-changed={}", cache::LOCATION_VARIABLE);
        // Whoever empties the cache gets a new build, not a linker error.
        println!("cargo:rerun-if-changed={}", stamp.display());
        if !stamp.is_file() {
            make(&source, &kept, &arguments, &compiler);
        }
        Artifacts { prefix: kept }
    }
}

impl Artifacts {
    /// Header files.
    #[must_use]
    pub fn include_dir(&self) -> &Path {
        // `openssl-sys` wants a borrowed path, so the layout below the prefix is fixed here.
        Box::leak(self.prefix.join("include").into_boxed_path())
    }

    /// Static archives.
    #[must_use]
    pub fn lib_dir(&self) -> &Path {
        Box::leak(self.prefix.join("lib").into_boxed_path())
    }

    /// Names to link, dependants first.
    #[must_use]
    pub fn libs(&self) -> &[&'static str] {
        &["ssl", "crypto"]
    }
}

struct Compiler {
    /// Prefix of the cross tools, empty for a native build.
    prefix: String,
}

impl Compiler {
    fn of(target: &str, host: &str) -> Self {
        let prefix = match (target == host, target.split('-').next()) {
            (false, Some(architecture)) => format!("{architecture}-linux-gnu-"),
            _ => String::new(),
        };
        Self { prefix }
    }

    /// First line of the compiler's version: another compiler, another build.
    fn identity(&self) -> String {
        let name = format!("{}gcc", self.prefix);
        Command::new(&name)
            .arg("--version")
            .output()
            .ok()
            .and_then(|output| String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned))
            .unwrap_or_else(|| panic!("{name} does not run; install it (Tongsuo is built from source)"))
    }
}

/// Builds beside the final place and renames: a build that was interrupted is never taken for a finished one, and
/// two builds at once do not see each other's files.
fn make(source: &Path, kept: &Path, arguments: &[&str], compiler: &Compiler) {
    let work = kept.with_extension(format!("building-{}", process::id()));
    let tree = work.join("build");
    let prefix = work.join("install");
    fs::create_dir_all(&tree).unwrap_or_else(|error| panic!("{}: {error}", tree.display()));

    let mut configure = Command::new("perl");
    configure
        .current_dir(&tree)
        .arg(source.join("Configure"))
        .args(arguments)
        .arg("--libdir=lib")
        .arg("--prefix=/")
        .arg(format!("--openssldir={NO_CONFIGURATION}"))
        // Assertion texts would otherwise carry the paths of the machine that built the binary.
        .arg(format!("-ffile-prefix-map={}=tongsuo", source.display()))
        .arg(format!("-ffile-prefix-map={}=tongsuo", tree.display()));
    if !compiler.prefix.is_empty() {
        configure.arg(format!("--cross-compile-prefix={}", compiler.prefix));
    }
    run(&mut configure);

    let mut build = Command::new("make");
    build.current_dir(&tree).arg("build_libs");
    match env::var_os("CARGO_MAKEFLAGS") {
        Some(flags) => build.env("MAKEFLAGS", flags),
        None => build.arg(format!("-j{}", env::var("NUM_JOBS").as_deref().unwrap_or("1"))),
    };
    run(&mut build);
    run(Command::new("make").current_dir(&tree).arg("install_dev").arg(format!("DESTDIR={}", prefix.display())));

    if fs::rename(&prefix, kept).is_err() && !kept.join("lib/libssl.a").is_file() {
        panic!("the finished Tongsuo build could not be moved to {}", kept.display());
    }
    // Only disk space is lost if this fails.
    drop(fs::remove_dir_all(&work));
}

fn run(command: &mut Command) {
    // Variables meant for other builds must not change this one.
    for name in ["CFLAGS", "CPPFLAGS", "LDFLAGS", "CC", "AR", "RANLIB"] {
        command.env_remove(name);
    }
    println!("running {command:?}");
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; building Tongsuo needs perl, make and gcc"));
    assert!(status.success(), "{command:?} failed with {status}");
}
