//! Writes hellos, sound and broken.

/// A ClientHello in the making.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) version: [u8; 2],
    pub(super) session_id: Vec<u8>,
    pub(super) suites: Vec<u8>,
    pub(super) compression: Vec<u8>,
    pub(super) extensions: Option<Vec<u8>>,
    pub(super) after: Vec<u8>,
}

impl Draft {
    pub(super) fn tls12() -> Self {
        Self {
            version: [3, 3],
            session_id: Vec::new(),
            suites: vec![0xc0, 0x2f],
            compression: vec![0],
            extensions: None,
            after: Vec::new(),
        }
    }

    pub(super) fn extension(mut self, number: u16, body: Vec<u8>) -> Self {
        let list = self.extensions.get_or_insert_default();
        list.extend_from_slice(&number.to_be_bytes());
        list.extend(vector16(&body));
        self
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.version.to_vec();
        body.extend([0x5a; 32]);
        body.extend(vector8(&self.session_id));
        body.extend(vector16(&self.suites));
        body.extend(vector8(&self.compression));
        if let Some(list) = &self.extensions {
            body.extend(vector16(list));
        }
        body.extend(&self.after);
        body
    }
}

pub(super) fn vector8(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("short enough");
    std::iter::once(length).chain(bytes.iter().copied()).collect()
}

pub(super) fn vector16(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("short enough");
    length.to_be_bytes().into_iter().chain(bytes.iter().copied()).collect()
}

/// The body of a server_name extension with one host name.
pub(super) fn name_list(name: &[u8]) -> Vec<u8> {
    let mut entry = vec![0];
    entry.extend(vector16(name));
    vector16(&entry)
}

/// A handshake message around a ClientHello's body.
pub(super) fn handshake(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short enough").to_be_bytes();
    [&[1], &length[1..], body].concat()
}

/// A record: type and version as given, then the payload.
pub(super) fn record(head: &[u8], payload: &[u8]) -> Vec<u8> {
    [head, &vector16(payload)].concat()
}

/// One TLS record with the whole hello.
pub(super) fn whole(draft: &Draft) -> Vec<u8> {
    record(&[22, 3, 1], &handshake(&draft.body()))
}
