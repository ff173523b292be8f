//! The shared ticket ring, as Tongsuo wants it.

use jadegate_tongsuo::tickets::{CIPHER_KEY_LENGTH, MAC_KEY_LENGTH, NAME_LENGTH, Standing, TicketKey, TicketKeys};
use zeroize::Zeroizing;

use crate::tickets::{BoundSecrets, Freshness, TicketSecret};

/// One derived secret is an SM4 key and an HMAC-SM3 key.
pub(super) const SECRET_LENGTH: usize = CIPHER_KEY_LENGTH + MAC_KEY_LENGTH;

/// Ring secrets bound to one context.
pub(super) struct RingKeys(pub(super) BoundSecrets<SECRET_LENGTH>);

impl TicketKeys for RingKeys {
    fn sealing_key(&self) -> Option<TicketKey> {
        self.0.current().sealing().map(key)
    }

    fn opening_key(&self, name: &[u8; NAME_LENGTH]) -> Option<(TicketKey, Standing)> {
        let secrets = self.0.current();
        let (secret, freshness) = secrets.opening(name)?;
        let standing = match freshness {
            Freshness::Current => Standing::Current,
            Freshness::Old => Standing::Retired,
        };
        Some((key(secret), standing))
    }
}

fn key(secret: &TicketSecret<SECRET_LENGTH>) -> TicketKey {
    let mut cipher = Zeroizing::new([0; CIPHER_KEY_LENGTH]);
    let mut mac = Zeroizing::new([0; MAC_KEY_LENGTH]);
    let (cipher_octets, mac_octets) = secret.secret.split_at(CIPHER_KEY_LENGTH);
    cipher.copy_from_slice(cipher_octets);
    mac.copy_from_slice(mac_octets);
    TicketKey { name: secret.name, cipher, mac }
}
