//! TLS towards backends.

use std::net::IpAddr;
use std::str::FromStr;

use jadegate_certs::identity::DnsName;
use jadegate_tls::protocol::UnknownName;
use jadegate_tls::{Group, PolicyName, PolicySpec, Protocol, Suite};

use super::Resolver;
use super::secret::CertificateKind;
use super::server::{engine, unknown_name, version};
use crate::document::{self, Verify};
use crate::model::{ClientProtocol, Resume, RevocationDepth, SecretId, ServerVerification, TlsClient};
use crate::path::Path;
use crate::yaml::quote;

impl Resolver<'_> {
    /// The `alpn` of what comes back is empty if none was written: the backend's protocol decides later.
    pub(super) fn tls_client(&mut self, at: &Path, given: &document::TlsClient) -> Option<TlsClient> {
        let family = given.protocol.unwrap_or(document::ClientProtocol::Standard);
        let algorithms = match family {
            document::ClientProtocol::Standard => self.standard_client(at, given),
            document::ClientProtocol::Tls13Sm => self.national_client(at, given, Protocol::Tls13Sm),
            document::ClientProtocol::Tlcp => self.national_client(at, given, Protocol::Tlcp),
        };
        let certificate = self.client_certificate(&at.key("certificate"), given.certificate.as_ref(), family);
        let trust = given.trust.as_ref().and_then(|trust| self.trust(&at.key("trust"), trust));
        let sni = given.sni.as_deref().and_then(|name| self.sni(&at.key("sni"), name));
        let verify = self.verification(at, given, sni.as_deref());
        let alpn = self.alpn(&at.key("alpn"), given.alpn.as_deref().unwrap_or_default());
        let (protocol, suites, groups) = algorithms?;
        let verify = verify?;
        Some(TlsClient {
            protocol,
            suites,
            groups,
            engine: engine(given.engine),
            sni: sni.or_else(|| match &verify {
                ServerVerification::Name(name) if name.parse::<IpAddr>().is_err() => Some(name.clone()),
                _ => None,
            }),
            alpn,
            verify,
            trust: trust.map(|(id, _)| id),
            revocation: trust.map_or(RevocationDepth::Off, |(_, depth)| depth),
            certificate,
            resume: if given.resume == Some(false) { Resume::Off } else { Resume::On },
        })
    }

    fn standard_client(&mut self, at: &Path, given: &document::TlsClient) -> Option<Algorithms> {
        let spec = PolicySpec {
            name: PolicyName::Standard,
            min: given.min.map(version),
            max: given.max.map(version),
            suites: given.suites.clone().unwrap_or_default(),
            groups: given.groups.clone().unwrap_or_default(),
        };
        let policy = self.built(at, &spec)?;
        let standard = policy.standard?;
        let protocol = ClientProtocol::Standard { min: standard.min, max: standard.max };
        let suites = if given.suites.is_some() { standard.suites } else { Vec::new() };
        let groups = if given.groups.is_some() { standard.groups } else { Vec::new() };
        Some((protocol, suites, groups))
    }

    fn national_client(&mut self, at: &Path, given: &document::TlsClient, wanted: Protocol) -> Option<Algorithms> {
        for (key, present) in [("min", given.min.is_some()), ("max", given.max.is_some())] {
            if present {
                let what = format!("{key} bounds standard TLS, and protocol: {wanted} speaks none");
                self.wrong(&at.key(key), what, format!("remove {key}"));
            }
        }
        let suites = self.named(&at.key("suites"), given.suites.as_deref(), "cipher suite", wanted, |suite: Suite| {
            suite.protocol() == Some(wanted)
        });
        let groups = if wanted == Protocol::Tlcp {
            if given.groups.is_some() {
                self.wrong(&at.key("groups"), "TLCP has no choice of groups", "remove groups");
            }
            Some(Vec::new())
        } else {
            self.named(&at.key("groups"), given.groups.as_deref(), "group", wanted, |group: Group| group.serves(wanted))
        };
        let protocol = if wanted == Protocol::Tlcp { ClientProtocol::Tlcp } else { ClientProtocol::Tls13Sm };
        Some((protocol, suites?, groups?))
    }

    /// Suites or groups of one protocol by name; `None` if any is wrong.
    fn named<T: FromStr<Err = UnknownName> + PartialEq + Copy + Supported>(
        &mut self,
        at: &Path,
        names: Option<&[String]>,
        kind: &str,
        wanted: Protocol,
        fits: impl Fn(T) -> bool,
    ) -> Option<Vec<T>> {
        let usable: Vec<&str> =
            T::supported().iter().copied().filter(|value| fits(*value)).filter_map(Supported::known_name).collect();
        let mut values = Vec::new();
        let mut sound = true;
        for (index, name) in names.unwrap_or_default().iter().enumerate() {
            let (what, todo) = match name.parse::<T>() {
                Ok(value) if fits(value) && !values.contains(&value) => {
                    values.push(value);
                    continue;
                }
                Ok(value) if fits(value) => (format!("{name} is listed twice"), "remove one of the two".to_owned()),
                Ok(_) => (
                    format!("{name} does not belong to {wanted}"),
                    format!("use one of {}, or another protocol", usable.join(", ")),
                ),
                Err(_) => unknown_name(kind, name, &usable),
            };
            sound = false;
            self.wrong(&at.index(index), what, todo);
        }
        sound.then_some(values)
    }

    fn client_certificate(
        &mut self,
        at: &Path,
        given: Option<&document::Certificate>,
        family: document::ClientProtocol,
    ) -> Option<SecretId> {
        let (id, kind) = self.certificate(at, given?)?;
        let (what, todo) = match (family, kind) {
            (document::ClientProtocol::Tlcp, CertificateKind::Single) => {
                ("TLCP needs a certificate pair, and this is a single certificate", "write sign and enc")
            }
            (document::ClientProtocol::Standard | document::ClientProtocol::Tls13Sm, CertificateKind::Pair) => {
                ("a certificate pair is for TLCP alone", "write cert and key, or protocol: tlcp")
            }
            _ => return Some(id),
        };
        self.wrong(at, what, todo);
        None
    }

    fn sni(&mut self, at: &Path, text: &str) -> Option<String> {
        match DnsName::parse(text) {
            Ok(name) if !name.is_wildcard() && text.parse::<IpAddr>().is_err() => Some(name.as_str().to_owned()),
            _ => {
                let what = format!("{} is not a host name", quote(text));
                self.wrong(
                    at,
                    what,
                    "write a host name; for a backend known by address, write verify: { name: … } alone",
                );
                None
            }
        }
    }

    fn verification(
        &mut self,
        at: &Path,
        given: &document::TlsClient,
        sni: Option<&str>,
    ) -> Option<ServerVerification> {
        if given.insecure == Some(true) {
            for (key, present) in [("verify", given.verify.is_some()), ("trust", given.trust.is_some())] {
                if present {
                    let what = format!("{key} is here, and insecure: true accepts any certificate");
                    self.wrong(&at.key(key), what, format!("remove insecure, or remove {key}"));
                }
            }
            return Some(ServerVerification::Insecure);
        }
        if given.trust.is_none() {
            let what = "nothing says who vouches for the backend";
            self.missing(at, what, "add trust: { ca: roots.pem }; for experiments insecure: true");
        }
        match (&given.verify, sni) {
            (Some(Verify::Name(name)), _) => self.verified_name(&at.key("verify").key("name"), name),
            (Some(Verify::Allow(rules)), _) => {
                Some(ServerVerification::Rules(self.peer_rules(&at.key("verify").key("allow"), rules)))
            }
            (None, Some(name)) => Some(ServerVerification::Name(name.to_owned())),
            (None, None) if given.sni.is_some() => None,
            (None, None) => {
                let what = "nothing says whom the backend must be";
                self.missing(at, what, "add verify: { name: its-name } or verify: { allow: [ … ] }");
                None
            }
        }
    }

    fn verified_name(&mut self, at: &Path, text: &str) -> Option<ServerVerification> {
        let name = match (text.parse::<IpAddr>(), DnsName::parse(text)) {
            (Ok(address), _) => address.to_string(),
            (_, Ok(name)) if !name.is_wildcard() => name.as_str().to_owned(),
            _ => {
                let what = format!("{} is neither a host name nor an address", quote(text));
                self.wrong(at, what, "write what its certificate says; for a pattern use allow: [ { dns: … } ]");
                return None;
            }
        };
        Some(ServerVerification::Name(name))
    }
}

type Algorithms = (ClientProtocol, Vec<Suite>, Vec<Group>);

/// What can be named in a list.
trait Supported: Sized + 'static {
    fn supported() -> &'static [Self];
    fn known_name(self) -> Option<&'static str>;
}

impl Supported for Suite {
    fn supported() -> &'static [Self] {
        &Self::SUPPORTED
    }

    fn known_name(self) -> Option<&'static str> {
        self.name()
    }
}

impl Supported for Group {
    fn supported() -> &'static [Self] {
        &Self::SUPPORTED
    }

    fn known_name(self) -> Option<&'static str> {
        self.name()
    }
}
