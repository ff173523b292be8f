//! The structure of an SM2 ciphertext (GB/T 35276): point, hash, text.

use jadegate_tongsuo::openssl::encrypt::Encrypter;
use jadegate_tongsuo::openssl::pkey::{PKey, Public};

const SEQUENCE: u8 = 0x30;

/// The contents of the four elements.
#[derive(Clone)]
pub(crate) struct Ciphertext {
    pub(crate) x: Vec<u8>,
    pub(crate) y: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) text: Vec<u8>,
}

impl Ciphertext {
    /// A secret under the key, with a point of its own.
    pub(crate) fn of(key: &PKey<Public>, secret: &[u8]) -> Self {
        let encrypter = Encrypter::new(key).expect("SM2 encrypts");
        let mut der = vec![0; encrypter.encrypt_len(secret).expect("a length")];
        let length = encrypter.encrypt(secret, &mut der).expect("encrypted");
        let sealed = Self::read(&der[..length]);
        assert_eq!(sealed.der(), der[..length], "what is not changed stays as the library made it");
        sealed
    }

    /// Reads what the library made, so it is well-formed.
    fn read(der: &[u8]) -> Self {
        let (_, inside, _) = element(der);
        let (_, x, rest) = element(inside);
        let (_, y, rest) = element(rest);
        let (_, hash, rest) = element(rest);
        let (_, text, _) = element(rest);
        Self { x: x.to_vec(), y: y.to_vec(), hash: hash.to_vec(), text: text.to_vec() }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let parts = [(2, &self.x), (2, &self.y), (4, &self.hash), (4, &self.text)];
        let inside: Vec<u8> = parts.into_iter().flat_map(|(tag, content)| encoded(tag, content)).collect();
        encoded(SEQUENCE, &inside)
    }
}

/// The first element: tag, content, what follows.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, from) = if der[1] == 0x81 { (der[2], 3) } else { (der[1], 2) };
    let to = from + usize::from(length);
    (der[0], &der[from..to], &der[to..])
}

fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("short");
    let header = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [&header, content].concat()
}
