//! Loads every secret of a configuration once, and sets up once whatever uses them.

use jadegate_certs::material::Secret;
use jadegate_certs::source::load_once;
use jadegate_certs::{Certificate, UnixTime};
use jadegate_config::{Config, NamedSecret};
use jadegate_proxy::reconcile::check::{Misfit, misfits};

use super::report::Note;

/// Certificates with less life left than this are warned of.
const SOON: i64 = 30 * DAY;
const DAY: i64 = 24 * 3600;

/// Problems and warnings of all secrets, alone and in the places that use them.
pub(super) fn check(config: &Config, now: UnixTime) -> (Vec<Note>, Vec<Note>) {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let mut usable = Vec::with_capacity(config.secrets.len());
    for named in &config.secrets {
        let loaded = load_once(&named.spec, now);
        match &loaded {
            Ok(secret) => warnings.extend(certificates(secret).into_iter().filter_map(|c| expiry(named, c, now))),
            Err(rejection) => {
                let todo = todo(rejection.reason).to_owned();
                let note = Note::new(&named.position, rejection.text.clone(), todo);
                problems.push(note.about(&named.name, rejection.reason));
            }
        }
        usable.push(loaded.ok());
    }
    problems.extend(misfits(config, usable).into_iter().filter_map(|misfit| unfit(config, misfit)));
    (problems, warnings)
}

/// A place whose secrets are good but do not serve it; it is reported where the first of them stands.
fn unfit(config: &Config, misfit: Misfit) -> Option<Note> {
    let Misfit { owner, secrets, fault } = misfit;
    let named = config.secret(*secrets.first()?);
    let reason = fault.reason();
    let what = format!("{owner}: {:#}", anyhow::Error::from(fault));
    let todo = "use certificates that fit the policy, or a policy that fits the certificates";
    Some(Note::new(&named.position, what, todo.to_owned()).about(&named.name, reason))
}

/// What to do about a refused secret, by the family of the reason.
fn todo(reason: &str) -> &'static str {
    const FAMILIES: [(&str, &str); 9] = [
        ("file_missing", "put the file in place, or correct the path"),
        ("file_", "make it a regular file that this user can read"),
        ("key_certificate_mismatch", "name the key that belongs to this certificate"),
        ("key_password", "write the right password_file"),
        ("certificate_expired", "renew the certificate"),
        ("certificate_not_yet_valid", "check the clock of this host, or wait"),
        ("pair_", "use two certificates of one subject from one issuer, one to sign and one to encrypt"),
        ("ticket_keys", "make a key with: openssl rand -out FILE 80"),
        ("pem_", "copy the file again, whole"),
    ];
    let family = FAMILIES.iter().find(|(family, _)| reason.starts_with(family));
    family.map_or("see what the file holds with: jadegate certs inspect FILE", |(_, todo)| todo)
}

fn certificates(secret: &Secret) -> Vec<&Certificate> {
    match secret {
        Secret::Credential(credential) => credential.chain.iter().collect(),
        Secret::Pair(pair) => pair.sign.chain.iter().chain(&pair.enc.chain).collect(),
        Secret::Trust(trust) => trust.roots.iter().collect(),
        Secret::TicketKeys(_) => Vec::new(),
    }
}

fn expiry(named: &NamedSecret, certificate: &Certificate, now: UnixTime) -> Option<Note> {
    let left = now.seconds_until(certificate.not_after());
    if left > SOON {
        return None;
    }
    let subject = certificate.subject();
    let when = match left / DAY {
        _ if left < 0 => "expired".to_owned(),
        0 => "expires within a day".to_owned(),
        1 => "expires in 1 day".to_owned(),
        days => format!("expires in {days} days"),
    };
    let what = format!("the certificate {subject} {when}, at {}", certificate.not_after());
    let note = Note::new(&named.position, what, "renew it; the new files are taken up without a restart".to_owned());
    Some(note.about(&named.name, "certificate_expires_soon"))
}
