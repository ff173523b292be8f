//! Tickets of the standard engine: sealed with AES-256-GCM.
//!
//! Layout: key name (16) | nonce (12) | ciphertext of (issue time (8) | state) | tag (16). The name is authenticated.
//! The issue time bounds a ticket's life even when the keys are given from outside and never rotate.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustls::server::ProducesTickets;
use zeroize::Zeroize;

use super::{BoundSecrets, TICKET_NAME_LENGTH, TicketRing};

const TIME_LENGTH: usize = 8;
const KEY_LENGTH: usize = 32;

/// Seals and opens the session tickets of one server context.
#[derive(Debug)]
pub(crate) struct SealedTickets {
    secrets: BoundSecrets<KEY_LENGTH>,
    lifetime: Duration,
}

impl SealedTickets {
    pub(crate) fn new(ring: Arc<TicketRing>, context: [u8; 32], lifetime: Duration) -> Self {
        Self { secrets: BoundSecrets::new(ring, context, "standard aes-256-gcm"), lifetime }
    }

    fn seal_at(&self, plain: &[u8], now: u64) -> Option<Vec<u8>> {
        let secrets = self.secrets.current();
        let secret = secrets.sealing()?;
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let mut body = Vec::with_capacity(TIME_LENGTH + plain.len());
        body.extend_from_slice(&now.to_be_bytes());
        body.extend_from_slice(plain);
        let tag = key(&secret.secret)?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(secret.name), &mut body)
            .ok();
        // On failure the buffer may still hold plain session secrets.
        let Some(tag) = tag else {
            body.zeroize();
            return None;
        };
        Some([&secret.name, nonce.as_slice(), &body, tag.as_ref()].concat())
    }

    fn open_at(&self, ticket: &[u8], now: u64) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(TICKET_NAME_LENGTH)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let secrets = self.secrets.current();
        let (secret, _freshness) = secrets.opening(name)?;
        let mut body = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = key(&secret.secret)?.open_in_place(nonce, Aad::from(secret.name), &mut body).ok()?;
        let (issued, state) = plain.split_first_chunk::<TIME_LENGTH>()?;
        let age = now.checked_sub(u64::from_be_bytes(*issued));
        // A ticket from the future comes from a replica whose clock runs ahead: not resumed, a full handshake follows.
        let state = age.is_some_and(|age| age <= self.lifetime.as_secs()).then(|| state.to_vec());
        body.zeroize();
        state
    }
}

fn key(secret: &[u8; KEY_LENGTH]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, secret).ok().map(LessSafeKey::new)
}

fn unix_seconds() -> Option<u64> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|elapsed| elapsed.as_secs())
}

impl ProducesTickets for SealedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal_at(plain, unix_seconds()?)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open_at(cipher, unix_seconds()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tickets::TicketRotation;

    const HOUR: Duration = Duration::from_secs(3600);

    fn tickets(ring: &Arc<TicketRing>, context: u8) -> SealedTickets {
        SealedTickets::new(ring.clone(), [context; 32], HOUR)
    }

    fn ring() -> Arc<TicketRing> {
        TicketRing::generated(TicketRotation::default()).expect("random bytes")
    }

    #[test]
    fn a_ticket_opens_in_its_own_context_and_in_no_other() {
        let ring = ring();
        let ticket = tickets(&ring, 1).seal_at(b"state", 1000).expect("sealed");
        assert_eq!(tickets(&ring, 1).open_at(&ticket, 1000).as_deref(), Some(b"state".as_slice()));
        assert_eq!(tickets(&ring, 2).open_at(&ticket, 1000), None);
    }

    #[test]
    fn a_ticket_dies_with_its_lifetime() {
        let ring = ring();
        let ticket = tickets(&ring, 1).seal_at(b"state", 1000).expect("sealed");
        assert!(tickets(&ring, 1).open_at(&ticket, 1000 + 3600).is_some());
        assert_eq!(tickets(&ring, 1).open_at(&ticket, 1000 + 3601), None);
        assert_eq!(tickets(&ring, 1).open_at(&ticket, 999), None, "from the future");
    }

    #[test]
    fn no_changed_or_shortened_ticket_opens() {
        let ring = ring();
        let tickets = tickets(&ring, 1);
        let ticket = tickets.seal_at(b"state", 1000).expect("sealed");
        for index in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[index] ^= 1;
            assert_eq!(tickets.open_at(&changed, 1000), None, "byte {index} changed");
            assert_eq!(tickets.open_at(&ticket[..index], 1000), None, "cut at {index}");
        }
    }

    #[test]
    fn replicas_with_the_same_given_keys_open_each_others_tickets() {
        let (first, second) = ([7; 80], [8; 80]);
        let one = TicketRing::given(&[first, second]).expect("keys");
        let other = TicketRing::given(&[second, first]).expect("keys");
        let ticket = tickets(&one, 1).seal_at(b"state", 1000).expect("sealed");
        assert!(tickets(&other, 1).open_at(&ticket, 1000).is_some());
        other.replace(&[second]).expect("keys");
        assert_eq!(tickets(&other, 1).open_at(&ticket, 1000), None, "its key is gone");
    }

    #[test]
    fn a_context_in_use_sees_replaced_keys() {
        let ring = TicketRing::given(&[[7; 80]]).expect("keys");
        let tickets = tickets(&ring, 1);
        let old = tickets.seal_at(b"state", 1000).expect("sealed");
        ring.replace(&[[9; 80]]).expect("keys");
        assert_eq!(tickets.open_at(&old, 1000), None);
        let fresh = tickets.seal_at(b"state", 1000).expect("sealed");
        assert_ne!(old[..TICKET_NAME_LENGTH], fresh[..TICKET_NAME_LENGTH]);
        assert!(tickets.open_at(&fresh, 1000).is_some());
    }
}
