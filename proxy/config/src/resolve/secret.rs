//! Certificates, trust and ticket keys: what was written to what is loaded, each once.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jadegate_certs::source::{CredentialInput, CredentialSpec, Input, PairSpec, SecretSpec, TicketKeysSpec, TrustSpec};

use super::{Resolver, listed};
use crate::document::{self, SingleCertificate};
use crate::model::{NamedSecret, RevocationDepth, SecretId};
use crate::path::Path;

/// The secrets found so far.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    list: Vec<NamedSecret>,
    by_content: HashMap<u64, Vec<SecretId>>,
    by_name: HashMap<Arc<str>, SecretId>,
    /// The next number to try for a name that is wanted again.
    numbers: HashMap<String, usize>,
}

impl Secrets {
    pub(super) fn into_list(self) -> Vec<NamedSecret> {
        self.list
    }

    fn find(&self, spec: &SecretSpec) -> Option<SecretId> {
        let alike = self.by_content.get(&content_hash(spec))?;
        alike.iter().copied().find(|id| self.list[id.0].spec == *spec)
    }

    /// A name that is not taken: `wanted`, or `wanted#2` and so on.
    fn free_name(&mut self, wanted: String) -> Arc<str> {
        let mut name = wanted.clone();
        while self.by_name.contains_key(name.as_str()) {
            let number = self.numbers.entry(wanted.clone()).or_insert(1);
            *number += 1;
            name = format!("{wanted}#{number}");
        }
        name.into()
    }
}

/// What kind of credential a certificate entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateKind {
    Single,
    Pair,
}

impl Resolver<'_> {
    /// A certificate entry: exactly one of its three forms.
    pub(super) fn certificate(
        &mut self,
        at: &Path,
        given: &document::Certificate,
    ) -> Option<(SecretId, CertificateKind)> {
        let document::Certificate { name, cert, key, pkcs12, password_file, ocsp, sign, enc } = given;
        let single_keys = [
            ("cert", cert.is_some()),
            ("key", key.is_some()),
            ("pkcs12", pkcs12.is_some()),
            ("password_file", password_file.is_some()),
            ("ocsp", ocsp.is_some()),
        ];
        let (spec, default_name, kind) = if sign.is_some() || enc.is_some() {
            if let Some((extra, _)) = single_keys.iter().find(|(_, present)| *present) {
                let what = format!("{extra} stands beside sign and enc");
                self.wrong(&at.key(extra), what, "move it into sign or enc, or into an entry of its own");
            }
            let (spec, name) = self.pair(at, sign.as_ref(), enc.as_ref())?;
            (SecretSpec::Pair(spec), name, CertificateKind::Pair)
        } else {
            let parts = Parts { cert: cert.as_ref(), key: key.as_ref(), pkcs12, password_file, ocsp };
            let forms = "cert and key, pkcs12, or sign and enc";
            let (spec, name) = self.credential(at, &parts, forms)?;
            (SecretSpec::Credential(spec), name, CertificateKind::Single)
        };
        Some((self.secret(at, name.as_deref(), default_name, spec), kind))
    }

    fn pair(
        &mut self,
        at: &Path,
        sign: Option<&SingleCertificate>,
        enc: Option<&SingleCertificate>,
    ) -> Option<(PairSpec, Option<String>)> {
        for (half, other, present) in [("sign", "enc", enc.is_some()), ("enc", "sign", sign.is_some())] {
            if !present {
                let what = format!("half a TLCP pair: {half} is here and {other} is missing");
                self.missing(at, what, format!("add {other} with its own certificate and key"));
            }
        }
        let sign = sign.and_then(|half| self.half(&at.key("sign"), half));
        let enc = enc.and_then(|half| self.half(&at.key("enc"), half));
        let ((sign, name), (enc, _)) = (sign?, enc?);
        if sign.material == enc.material {
            let what = "sign and enc are the same certificate and key";
            self.wrong(&at.key("enc"), what, "a TLCP pair has two certificates: one to sign, one to encrypt");
        }
        Some((PairSpec { sign, enc }, name))
    }

    fn half(&mut self, at: &Path, half: &SingleCertificate) -> Option<(CredentialSpec, Option<String>)> {
        let SingleCertificate { cert, key, pkcs12, password_file, ocsp } = half;
        let parts = Parts { cert: cert.as_ref(), key: key.as_ref(), pkcs12, password_file, ocsp };
        self.credential(at, &parts, "cert and key, or pkcs12")
    }

    fn credential(&mut self, at: &Path, parts: &Parts<'_>, forms: &str) -> Option<(CredentialSpec, Option<String>)> {
        // Each input is looked at, whatever is missing beside it.
        let certificate = parts.cert.map(|cert| self.input(&at.key("cert"), cert));
        let key = parts.key.map(|key| self.input(&at.key("key"), key));
        let container = parts.pkcs12.as_deref().map(|path| self.path_input(&at.key("pkcs12"), path));
        let name = parts.cert.and_then(input_name).or_else(|| parts.pkcs12.clone());
        let material = match (certificate, key, container) {
            (None, None, Some(container)) => container.map(CredentialInput::Pkcs12),
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                let what = "pkcs12 stands beside cert or key";
                self.wrong(&at.key("pkcs12"), what, "keep pkcs12, which holds both, or cert and key");
                None
            }
            (Some(certificate), Some(key), None) => {
                certificate.zip(key).map(|(certificate, key)| CredentialInput::Pem { certificate, key })
            }
            (Some(_), None, None) => {
                self.missing(at, "cert is here and key is missing", "add key, the certificate's private key");
                None
            }
            (None, Some(_), None) => {
                self.missing(at, "key is here and cert is missing", "add cert, the key's certificate");
                None
            }
            (None, None, None) => {
                self.missing(at, "no certificate is named here", format!("write {forms}"));
                None
            }
        };
        let password = parts.password_file.as_deref().and_then(|path| self.path_input(&at.key("password_file"), path));
        let ocsp = parts.ocsp.as_deref().and_then(|path| self.path_input(&at.key("ocsp"), path));
        Some((CredentialSpec { material: material?, password, ocsp }, name))
    }

    /// A trust entry, and how far its lists are consulted.
    pub(super) fn trust(&mut self, at: &Path, given: &document::Trust) -> Option<(SecretId, RevocationDepth)> {
        let (roots, crls) = (listed(given.ca.as_ref()), listed(given.crl.as_ref()));
        let depth = match given.revocation {
            _ if given.crl.is_none() => RevocationDepth::Off,
            Some(document::RevocationDepth::Leaf) => RevocationDepth::Leaf,
            Some(document::RevocationDepth::Chain) | None => RevocationDepth::Chain,
        };
        if given.revocation.is_some() && given.crl.is_none() {
            self.missing(at, "revocation is here and crl is missing", "add crl, or remove revocation");
        }
        let name = roots.first().and_then(input_name);
        let spec = TrustSpec { roots: self.inputs(&at.key("ca"), roots), crls: self.inputs(&at.key("crl"), crls) };
        if spec.roots.is_empty() {
            // Reported already: the list is missing, empty or broken.
            return None;
        }
        Some((self.secret(at, given.name.as_deref(), name, SecretSpec::Trust(spec)), depth))
    }

    /// A file of session ticket keys.
    pub(super) fn ticket_keys(&mut self, at: &Path, path: &str) -> Option<SecretId> {
        let keys = self.path_input(at, path)?;
        Some(self.secret(at, None, Some(path.to_owned()), SecretSpec::TicketKeys(TicketKeysSpec { keys })))
    }

    fn inputs(&mut self, at: &Path, inputs: &[document::Input]) -> Vec<Input> {
        inputs.iter().enumerate().filter_map(|(index, input)| self.input(&at.index(index), input)).collect()
    }

    fn input(&mut self, at: &Path, input: &document::Input) -> Option<Input> {
        match input {
            document::Input::Path(path) => self.path_input(at, path),
            document::Input::Inline(inline) => inline.inline.as_deref().map(Input::inline),
        }
    }

    fn path_input(&mut self, at: &Path, path: &str) -> Option<Input> {
        if path.contains("-----BEGIN") {
            self.wrong(at, "PEM text stands where a path is expected", "write { inline: \"…\" } around the text");
            return None;
        }
        if path.contains('\0') {
            self.wrong(at, "the path holds a zero byte", "write the path of a file");
            return None;
        }
        Some(Input::File(self.file(path)))
    }

    /// The entry for `spec`, a new one if there is none yet.
    fn secret(&mut self, at: &Path, given: Option<&str>, default: Option<String>, spec: SecretSpec) -> SecretId {
        if let Some(id) = self.secrets.find(&spec) {
            let known = &self.secrets.list[id.0];
            if given.is_some_and(|given| given != &*known.name) {
                let what = format!("the same files are called {} on line {}", known.name, known.position.line);
                self.wrong(&at.key("name"), what, "use one name for both");
            }
            return id;
        }
        let position = self.position(at);
        let name: Arc<str> = match given {
            None => self.secrets.free_name(default.unwrap_or_else(|| position.path.clone())),
            Some(given) => {
                if let Some(other) = self.secrets.by_name.get(given) {
                    let line = self.secrets.list[other.0].position.line;
                    let what = format!("other files are called {given} on line {line}");
                    self.wrong(&at.key("name"), what, "choose another name");
                }
                given.into()
            }
        };
        let id = SecretId(self.secrets.list.len());
        self.secrets.by_content.entry(content_hash(&spec)).or_default().push(id);
        self.secrets.by_name.insert(Arc::clone(&name), id);
        self.secrets.list.push(NamedSecret { name, spec, position });
        id
    }
}

/// The keys of a single certificate, wherever they stand.
struct Parts<'d> {
    cert: Option<&'d document::Input>,
    key: Option<&'d document::Input>,
    pkcs12: &'d Option<String>,
    password_file: &'d Option<String>,
    ocsp: &'d Option<String>,
}

fn input_name(input: &document::Input) -> Option<String> {
    match input {
        document::Input::Path(path) => Some(path.clone()),
        document::Input::Inline(_) => None,
    }
}

/// Equal for equal descriptions, and cheap; a comparison settles the rest.
fn content_hash(spec: &SecretSpec) -> u64 {
    fn credential(spec: &CredentialSpec, hasher: &mut DefaultHasher) {
        match &spec.material {
            CredentialInput::Pem { certificate, key } => {
                input(certificate, hasher);
                input(key, hasher);
            }
            CredentialInput::Pkcs12(container) => input(container, hasher),
        }
    }
    fn input(from: &Input, hasher: &mut DefaultHasher) {
        match from {
            Input::File(path) => path.hash(hasher),
            Input::Inline(bytes) => bytes.as_slice().hash(hasher),
        }
    }
    let mut hasher = DefaultHasher::new();
    match spec {
        SecretSpec::Credential(spec) => credential(spec, &mut hasher),
        SecretSpec::Pair(spec) => {
            credential(&spec.sign, &mut hasher);
            credential(&spec.enc, &mut hasher);
        }
        SecretSpec::Trust(spec) => spec.roots.iter().chain(&spec.crls).for_each(|from| input(from, &mut hasher)),
        SecretSpec::TicketKeys(spec) => input(&spec.keys, &mut hasher),
    }
    hasher.finish()
}
