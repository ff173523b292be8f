//! From bytes to a secret: every check that a candidate undergoes before anybody may use it.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::files::{self, Bytes, Reading};
use super::ocsp;
use super::spec::{CredentialInput, CredentialSpec, Input, PairSpec, SecretSpec, TrustSpec};
use crate::certificate::Certificate;
use crate::clock::UnixTime;
use crate::credential::{Credential, CredentialError, CredentialPair, PairError};
use crate::key::{Password, PrivateKey};
use crate::material::{Rejection, Secret, TicketKeyFile};
use crate::pkcs12;
use crate::trust::TrustBundle;

/// What a source has to offer: bytes that nobody has judged.
pub struct Candidate {
    spec: Arc<SecretSpec>,
    reading: Reading,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Whether the next write could make a refused candidate whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// This looks as files do between two writes of one rotation.
    MayHeal,
    /// Complete, and wrong.
    Final,
}

/// A candidate that does not pass.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) rejection: Rejection,
    pub(super) outlook: Outlook,
}

impl Refusal {
    pub(super) fn may_heal(rejection: Rejection) -> Self {
        Self { rejection, outlook: Outlook::MayHeal }
    }

    fn new(reason: &'static str, what: &str, error: &dyn Error) -> Self {
        Self::may_heal(Rejection::new(reason, report(what, error)))
    }

    fn finally(mut self) -> Self {
        self.outlook = Outlook::Final;
        self
    }
}

impl Candidate {
    /// Reads what a spec names. Blocks.
    pub fn read(spec: &Arc<SecretSpec>) -> Result<Self, Rejection> {
        let reading = files::read(spec).map_err(|error| Rejection::new(error.reason(), report("", &error)))?;
        Ok(Self { spec: Arc::clone(spec), reading })
    }

    /// Digest over the bytes.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.reading.digest
    }

    /// Parses and checks everything. Blocks for as long as large revocation lists take.
    pub fn judge(&self, now: UnixTime) -> Result<Secret, Rejection> {
        self.verdict(now).map_err(|refusal| refusal.rejection)
    }

    pub(super) fn verdict(&self, now: UnixTime) -> Result<Secret, Refusal> {
        let mut inputs = self.reading.inputs.iter();
        let secret = match &*self.spec {
            SecretSpec::Credential(spec) => Secret::Credential(credential(spec, &mut inputs, now)?),
            SecretSpec::Pair(spec) => Secret::Pair(pair(spec, &mut inputs, now)?),
            SecretSpec::Trust(spec) => Secret::Trust(Arc::new(trust(spec, &mut inputs)?)),
            SecretSpec::TicketKeys(spec) => {
                let keys = TicketKeyFile::from_bytes(take(&mut inputs))
                    .map_err(|error| Refusal::new(error.reason(), &origin("ticket keys", &spec.keys), &error))?;
                Secret::TicketKeys(Arc::new(keys))
            }
        };
        Ok(secret)
    }
}

/// Inputs come in the order of [`SecretSpec::inputs`], one for each.
fn take<'a>(inputs: &mut impl Iterator<Item = &'a Bytes>) -> &'a [u8] {
    inputs.next().expect("one reading for each input of the spec")
}

fn credential<'a>(
    spec: &CredentialSpec,
    inputs: &mut impl Iterator<Item = &'a Bytes>,
    now: UnixTime,
) -> Result<Credential, Refusal> {
    let (first, second) = match &spec.material {
        CredentialInput::Pem { .. } => (take(inputs), Some(take(inputs))),
        CredentialInput::Pkcs12(_) => (take(inputs), None),
    };
    let password = spec.password.as_ref().map(|_| Password::from_first_line(take(inputs)));
    let staple = spec.ocsp.as_ref().map(|input| (input, take(inputs)));

    let (certificates, key, what) = match (&spec.material, second) {
        (CredentialInput::Pem { certificate, key }, Some(key_bytes)) => {
            let certificates = Certificate::from_pem_or_der(first)
                .map_err(|error| Refusal::new(error.reason(), &origin("certificate", certificate), &error))?;
            let private = PrivateKey::from_pem_or_der(key_bytes, password.as_ref())
                .map_err(|error| Refusal::new(error.reason(), &origin("key", key), &error))?;
            (certificates, private, origin("certificate", certificate))
        }
        (CredentialInput::Pkcs12(container) | CredentialInput::Pem { certificate: container, .. }, _) => {
            let password = password.unwrap_or_else(|| Password::new(Vec::new()));
            let contents = pkcs12::parse(first, &password)
                .map_err(|error| Refusal::new(error.reason(), &origin("PKCS#12 archive", container), &error))?;
            (contents.certificates, contents.key, origin("PKCS#12 archive", container))
        }
    };
    let mut credential = Credential::new(certificates, key, now).map_err(|error| {
        let refusal = Refusal::new(error.reason(), &what, &error);
        match error {
            CredentialError::Certificate { .. } => refusal.finally(),
            _ => refusal,
        }
    })?;
    credential.ocsp = staple.and_then(|(input, der)| ocsp::staple(der, &credential.chain, input));
    Ok(credential)
}

fn pair<'a>(
    spec: &PairSpec,
    inputs: &mut impl Iterator<Item = &'a Bytes>,
    now: UnixTime,
) -> Result<CredentialPair, Refusal> {
    let half = |which: &str, refusal: Refusal| Refusal {
        rejection: Rejection { text: format!("{which}: {}", refusal.rejection.text), ..refusal.rejection },
        ..refusal
    };
    let sign = credential(&spec.sign, inputs, now).map_err(|refusal| half("sign", refusal))?;
    let enc = credential(&spec.enc, inputs, now).map_err(|refusal| half("enc", refusal))?;
    CredentialPair::new(sign, enc, now).map_err(|error| {
        let refusal = Refusal::new(error.reason(), "", &error);
        match error {
            PairError::Mismatch(_) => refusal,
            _ => refusal.finally(),
        }
    })
}

fn trust<'a>(spec: &TrustSpec, inputs: &mut impl Iterator<Item = &'a Bytes>) -> Result<TrustBundle, Refusal> {
    let roots: Vec<&[u8]> = spec.roots.iter().map(|_| take(inputs)).collect();
    let crls: Vec<&[u8]> = spec.crls.iter().map(|_| take(inputs)).collect();
    TrustBundle::from_inputs(roots, crls)
        .map_err(|error| Refusal::new(error.reason(), &all(spec.roots.iter().chain(&spec.crls)), &error))
}

fn origin(what: &str, input: &Input) -> String {
    format!("{what} {input}")
}

fn all<'a>(inputs: impl Iterator<Item = &'a Input>) -> String {
    let names: Vec<String> = inputs.map(ToString::to_string).collect();
    format!("trust {}", names.join(", "))
}

/// An error with its whole chain, each level after a colon.
fn report(what: &str, error: &dyn Error) -> String {
    let mut text = what.to_owned();
    let mut next = Some(error);
    while let Some(error) = next {
        let separator = if text.is_empty() { "" } else { ": " };
        // Writing into a String cannot fail.
        let _ = write!(text, "{separator}{error}");
        next = error.source();
    }
    text
}
