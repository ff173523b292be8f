//! The arguments of Tongsuo's `Configure`, chosen by target.

use std::fmt;

/// A Rust target for which no Tongsuo configuration is known.
#[derive(Debug, PartialEq, Eq)]
pub struct UnsupportedTarget(pub String);

impl fmt::Display for UnsupportedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no Tongsuo configuration for target {}; add it to tls/openssl-src/src/configure.rs", self.0)
    }
}

impl std::error::Error for UnsupportedTarget {}

/// Everything that is the same on each target.
const COMMON: &[&str] = &[
    // Static archives only: one binary, nothing to be replaced underneath it.
    "no-shared",
    "no-module",
    "no-dso",
    "no-engine",
    // The library must not read a configuration file of the host.
    "no-autoload-config",
    // Old and unneeded algorithms and protocols.
    "no-legacy",
    "no-ssl3",
    "no-comp",
    "no-zlib",
    "no-weak-ssl-ciphers",
    "no-rc4",
    "no-dsa",
    "no-ec2m",
    "no-ocb",
    "no-siv",
    "no-siphash",
    "no-scrypt",
    "no-srp",
    "no-psk",
    "no-nextprotoneg",
    "no-slh-dsa",
    "no-rfc3779",
    "no-zuc",
    // Protocols and formats that a TLS proxy over TCP never speaks.
    "no-dtls",
    "no-srtp",
    "no-quic",
    "no-cmp",
    "no-cms",
    "no-ts",
    "no-ct",
    "no-ssl-trace",
    "no-ui-console",
    // Only the libraries are wanted.
    "no-apps",
    "no-tests",
    // TLCP (GB/T 38636); the library calls it NTLS.
    "enable-ntls",
    "enable-ktls",
    // One section for each function and table, so that the linker leaves out what nobody calls.
    "-ffunction-sections",
    "-fdata-sections",
];

/// The fast SM2 field arithmetic: 64-bit C, table selection in constant time, five times the default's speed.
/// It needs a compiler with a 128-bit integer, so 64-bit targets only.
const FAST_SM2: &str = "enable-ec_sm2p_64_gcc_128";

/// `Configure` arguments for a Rust target triple, its platform name first.
///
/// # Errors
/// [`UnsupportedTarget`] when the triple is not one that Tongsuo is known to build for.
pub fn arguments(target: &str) -> Result<Vec<&'static str>, UnsupportedTarget> {
    let platform = match target {
        "x86_64-unknown-linux-gnu" | "x86_64-unknown-linux-musl" => "linux-x86_64",
        "aarch64-unknown-linux-gnu" | "aarch64-unknown-linux-musl" => "linux-aarch64",
        other => return Err(UnsupportedTarget(other.to_owned())),
    };
    let mut arguments = vec![platform];
    arguments.extend_from_slice(COMMON);
    arguments.push(FAST_SM2);
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn an_unknown_target_is_refused_by_name() {
        let error = arguments("riscv64gc-unknown-linux-gnu").expect_err("no such configuration");
        assert!(error.to_string().contains("riscv64gc-unknown-linux-gnu"));
    }

    /// Tongsuo's own `Configure` must accept the line for each target, cross targets included, and must report the
    /// two features that the proxy cannot do without as enabled.
    #[test]
    fn tongsuo_accepts_the_arguments_of_every_target() {
        for target in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
            let directory = tempfile::tempdir().expect("temporary directory");
            let output = Command::new("perl")
                .current_dir(directory.path())
                .arg(crate::source_dir().join("Configure"))
                .args(arguments(target).expect("supported target"))
                .output()
                .expect("perl runs");
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{target}: {text}");
            let header = std::fs::read_to_string(directory.path().join("configdata.pm")).expect("configdata.pm");
            let disabled = header
                .split("our %disabled = (")
                .nth(1)
                .and_then(|rest| rest.split(");").next())
                .expect("list of disabled features");
            for feature in ["\"ntls\"", "\"ec_sm2p_64_gcc_128\""] {
                assert!(!disabled.contains(feature), "{target}: {feature} is disabled");
            }
            for feature in ["\"engine\"", "\"dso\"", "\"legacy\"", "\"autoload-config\""] {
                assert!(disabled.contains(feature), "{target}: {feature} is not disabled");
            }
        }
    }
}
