//! The key exchange: what an SM2 ciphertext decrypts to, or why it does not.

use jadegate_tls::Suite;
use jadegate_tongsuo::openssl::pkey::{PKey, Public};

use crate::chance::Chance;
use crate::ciphertext::Ciphertext;
use crate::ground::Ground;
use crate::series::{Group, Series, interleaved};

/// What the client encrypted, and what happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// So many bytes with the right version; only the Finished does not fit.
    Decrypts(usize),
    /// So many bytes; the hash is wrong.
    WrongHash(usize),
    /// 48 bytes with another version.
    WrongVersion,
    /// Cut to one byte, where the key stream begins with zero: an all-zero key stream is refused before the hash.
    CutToZero,
    /// Cut to one byte, where it does not.
    CutToOther,
    /// A point that is not on the curve.
    OffCurve,
    /// Not a ciphertext at all.
    NotDer,
}

/// Classes by name. Where the public length is the same, the second number is the row to compare with.
const CLASSES: [(&str, Class, usize); 12] = [
    ("48 bytes, decrypts", Class::Decrypts(48), 0),
    ("48 bytes, decrypts (the same again)", Class::Decrypts(48), 0),
    ("48 bytes, wrong version inside", Class::WrongVersion, 0),
    ("48 bytes, wrong hash", Class::WrongHash(48), 0),
    ("47 bytes, decrypts", Class::Decrypts(47), 4),
    ("47 bytes, wrong hash", Class::WrongHash(47), 4),
    ("49 bytes, decrypts", Class::Decrypts(49), 6),
    ("49 bytes, wrong hash", Class::WrongHash(49), 6),
    ("cut to 1 byte, key stream not zero", Class::CutToOther, 8),
    ("cut to 1 byte, key stream zero", Class::CutToZero, 8),
    ("public: point off the curve", Class::OffCurve, 0),
    ("public: not DER", Class::NotDer, 0),
];

/// Ciphertexts whose key stream begins with zero; one takes 256 encryptions.
const CUT: usize = 128;

struct Cut {
    zero: Vec<Ciphertext>,
    other: Vec<Ciphertext>,
}

impl Cut {
    fn prepare(key: &PKey<Public>) -> Self {
        let (mut zero, mut other) = (Vec::new(), Vec::new());
        while zero.len() < CUT || other.len() < CUT {
            // Encrypting zeros shows the key stream; one that is all zero the client does not use.
            let mut sealed = Ciphertext::of(key, &[0; 2]);
            let pool = if sealed.text[0] == 0 { &mut zero } else { &mut other };
            sealed.text.truncate(1);
            if pool.len() < CUT {
                pool.push(sealed);
            }
        }
        Self { zero, other }
    }
}

impl Class {
    fn ciphertext(self, key: &PKey<Public>, cut: &Cut, chance: &mut Chance) -> Vec<u8> {
        // All classes are made in the same way as far as it goes.
        let (length, version) = match self {
            Self::Decrypts(length) | Self::WrongHash(length) => (length, [1, 1]),
            Self::WrongVersion => (48, [3, 3]),
            Self::CutToZero | Self::CutToOther | Self::OffCurve | Self::NotDer => (48, [1, 1]),
        };
        let secret = [&version[..], &chance.bytes(length - 2)].concat();
        let mut sealed = Ciphertext::of(key, &secret);
        let drawn = chance.below(CUT);
        let last = |bytes: &mut Vec<u8>| *bytes.last_mut().expect("not empty") ^= 1;
        match self {
            Self::Decrypts(_) | Self::WrongVersion | Self::NotDer => {}
            Self::WrongHash(_) => last(&mut sealed.hash),
            Self::OffCurve => last(&mut sealed.y),
            Self::CutToZero => sealed = cut.zero[drawn].clone(),
            Self::CutToOther => sealed = cut.other[drawn].clone(),
        }
        let mut der = sealed.der();
        if self == Self::NotDer {
            der[0] ^= 1;
        }
        der
    }
}

/// The body of a key exchange message.
fn message(sealed: &[u8]) -> Vec<u8> {
    let inner = u16::try_from(sealed.len()).expect("short").to_be_bytes();
    let outer = u32::try_from(sealed.len() + 2).expect("short").to_be_bytes();
    [&[16], &outer[1..], &inner[..], sealed].concat()
}

/// Measures all classes with one suite.
pub(crate) fn measure(ground: &Ground, suite: Suite, samples: usize, chance: &mut Chance) -> Group {
    let cut = Cut::prepare(&ground.encryption_key);
    let client = ground.client(suite);
    let times = interleaved(CLASSES.len(), samples, chance, |class, chance| {
        let sealed = CLASSES[class].1.ciphertext(&ground.encryption_key, &cut, chance);
        ground.begin(&client).time_of_exchange(&message(&sealed))
    });
    let series =
        CLASSES.iter().zip(times).map(|((name, _, beside), times)| Series { name, beside: *beside, times }).collect();
    Group { title: format!("Key exchange, {suite}"), series }
}
