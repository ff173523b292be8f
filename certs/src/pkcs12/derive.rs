//! The key derivation of PKCS#12, RFC 7292 appendix B.2.

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::hash::{Hasher, MessageDigest};
use zeroize::{Zeroize, Zeroizing};

use crate::key::Password;

/// What the derived octets are for; the number is part of what is hashed.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Encryption = 1,
    InitialVector = 2,
    Integrity = 3,
}

/// The inputs that do not depend on the purpose.
pub(super) struct Stretch<'a> {
    pub(super) digest: MessageDigest,
    /// As [`wide`] writes it.
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
    pub(super) iterations: u32,
}

/// The password in UTF-16, big-endian, with a closing zero. A password that is not UTF-8 is taken octet by octet.
pub(super) fn wide(password: &Password) -> Zeroizing<Vec<u8>> {
    let octets = password.octets();
    // Sized so that it never grows and leaves no copy behind.
    let mut out = Zeroizing::new(Vec::with_capacity(2 * octets.len() + 2));
    match std::str::from_utf8(octets) {
        Ok(text) => text.encode_utf16().for_each(|unit| out.extend(unit.to_be_bytes())),
        Err(_) => octets.iter().for_each(|octet| out.extend([0, *octet])),
    }
    out.extend([0, 0]);
    out
}

pub(super) fn derive(stretch: &Stretch<'_>, purpose: Purpose, length: usize) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
    let block = stretch.digest.block_size();
    let mut out = Zeroizing::new(Vec::with_capacity(length + stretch.digest.size()));
    let mut input = Zeroizing::new(Vec::with_capacity(
        stretch.salt.len().next_multiple_of(block) + stretch.password.len().next_multiple_of(block),
    ));
    for part in [stretch.salt, stretch.password] {
        input.extend(part.iter().cycle().take(part.len().next_multiple_of(block)));
    }
    let diversifier = vec![purpose as u8; block];
    let mut hasher = Hasher::new(stretch.digest)?;
    loop {
        hasher.update(&diversifier)?;
        hasher.update(&input)?;
        let mut round = hasher.finish()?;
        for _ in 1..stretch.iterations {
            hasher.update(&round)?;
            let next = hasher.finish()?;
            round.copy_from_slice(&next);
        }
        out.extend_from_slice(&round);
        if out.len() >= length {
            round.zeroize();
            out.truncate(length);
            return Ok(out);
        }
        // Each block of the input grows by the repeated digest plus one, as numbers modulo 2^(8·block).
        let mut addend = Zeroizing::new(round.iter().copied().cycle().take(block).collect::<Vec<u8>>());
        round.zeroize();
        add_one(&mut addend);
        input.chunks_mut(block).for_each(|chunk| add(chunk, &addend));
        addend.zeroize();
    }
}

fn add_one(number: &mut [u8]) {
    for octet in number.iter_mut().rev() {
        let (sum, carry) = octet.overflowing_add(1);
        *octet = sum;
        if !carry {
            return;
        }
    }
}

fn add(number: &mut [u8], addend: &[u8]) {
    let mut carry = 0;
    for (octet, other) in number.iter_mut().rev().zip(addend.iter().rev()) {
        let sum = u16::from(*octet) + u16::from(*other) + carry;
        let [high, low] = sum.to_be_bytes();
        *octet = low;
        carry = u16::from(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that circulate with the first implementations of the scheme (password "smeg").
    #[test]
    fn the_derivation_gives_the_known_answers() {
        let password = wide(&Password::new("smeg"));
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let stretch = Stretch { digest: MessageDigest::sha1(), password: &password, salt: &salt, iterations: 1 };
        let key = derive(&stretch, Purpose::Encryption, 24).expect("derived");
        assert_eq!(hex::encode(&*key), "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3");
        let iv = derive(&stretch, Purpose::InitialVector, 8).expect("derived");
        assert_eq!(hex::encode(&*iv), "79993dfe048d3b76");
        let salt = [0x64, 0x2b, 0x99, 0xab, 0x44, 0xfb, 0x4b, 0x1f];
        let stretch = Stretch { salt: &salt, ..stretch };
        let key = derive(&stretch, Purpose::Encryption, 24).expect("derived");
        assert_eq!(hex::encode(&*key), "f3a95fec48d7711e985cfe67908c5ab79fa3d7c5caa5d966");
    }

    #[test]
    fn passwords_are_utf_16() {
        assert_eq!(*wide(&Password::new("aé")), [0, b'a', 0, 0xe9, 0, 0]);
        assert_eq!(*wide(&Password::new("𝄞")), [0xd8, 0x34, 0xdd, 0x1e, 0, 0]);
        assert_eq!(*wide(&Password::new(vec![0xff])), [0, 0xff, 0, 0]);
    }
}
