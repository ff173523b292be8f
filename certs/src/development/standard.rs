//! The standard side of the development CA, on rcgen.

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::mint::{AltName, MintKey};
use super::{DevelopmentError, Issued, LeafRequest, ORGANIZATION, Role, mint};

/// A self-signed P-256 root.
pub(super) struct Root(CertifiedIssuer<'static, KeyPair>);

impl Root {
    pub(super) fn new(organization: &str, common_name: &str) -> Result<Self, DevelopmentError> {
        let mut parameters = parameters(organization, common_name);
        parameters.not_after = parameters.not_before + Duration::days(3650);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?))
    }

    pub(super) fn issued(&self) -> Issued {
        Issued { certificate_pem: self.0.pem(), key_pem: Zeroizing::new(self.0.key().serialize_pem()) }
    }

    pub(super) fn issue(&self, key: &MintKey, request: &LeafRequest) -> Result<Issued, DevelopmentError> {
        let mut parameters = parameters(ORGANIZATION, &request.common_name);
        let lifetime = Duration::try_from(request.lifetime).unwrap_or(Duration::days(3650));
        parameters.not_after = OffsetDateTime::now_utc() + lifetime;
        parameters.subject_alt_names = request.names.iter().map(subject_alt_name).collect::<Result<_, _>>()?;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = match request.role {
            Role::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Role::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Role::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        };
        parameters.use_authority_key_identifier_extension = true;
        let key_der = key.pkcs8_der()?;
        let pair = KeyPair::try_from(key_der.as_slice())?;
        let certificate = parameters.signed_by(&pair, &self.0)?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key.pkcs8_pem()? })
    }
}

fn parameters(organization: &str, common_name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, organization);
    name.push(DnType::CommonName, common_name);
    parameters.distinguished_name = name;
    parameters.not_before = OffsetDateTime::now_utc() - mint::BACKDATED;
    parameters
}

fn subject_alt_name(name: &AltName) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        AltName::Dns(text) => SanType::DnsName(Ia5String::try_from(text.as_str())?),
        AltName::Uri(text) => SanType::URI(Ia5String::try_from(text.as_str())?),
        AltName::Email(text) => SanType::Rfc822Name(Ia5String::try_from(text.as_str())?),
        AltName::Ip(address) => SanType::IpAddress(*address),
    })
}
