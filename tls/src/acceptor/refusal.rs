//! The last word to a client for whom no engine is started: one fatal alert in the clear.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::error::HandshakeError;
use crate::farewell::farewell;
use crate::hello::TLCP_VERSION;
use crate::protocol::Protocol;

const ALERT: u8 = 21;
const FATAL: u8 = 2;

/// The protocol family of the client's records, which the alert's record has to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientRecord {
    Tls,
    Tlcp,
}

impl ClientRecord {
    /// Judges by a connection's first bytes; TLS when there are too few.
    pub(super) fn of(start: &[u8]) -> Self {
        match start {
            [_, major, minor, ..] => Self::with_version(u16::from_be_bytes([*major, *minor])),
            _ => Self::Tls,
        }
    }

    pub(super) fn with_version(version: u16) -> Self {
        if version == TLCP_VERSION { Self::Tlcp } else { Self::Tls }
    }

    fn alert(self, alert: u8) -> [u8; 7] {
        // 0x0303 is the version that every TLS client reads before one is agreed, and TLS 1.2 and 1.3 ever after.
        let [major, minor] = match self {
            Self::Tls => [3, 3],
            Self::Tlcp => TLCP_VERSION.to_be_bytes(),
        };
        [ALERT, major, minor, 0, 2, FATAL, alert]
    }
}

/// Sends the alert that fits the failure, closes the connection in order, and returns the error with the alert noted.
pub(super) async fn refuse<IO>(
    mut io: IO,
    mut error: HandshakeError,
    record: ClientRecord,
    deadline: Instant,
) -> HandshakeError
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let protocol = match record {
        ClientRecord::Tls => error.protocol,
        ClientRecord::Tlcp => Some(Protocol::Tlcp),
    };
    let Some(alert) = error.failure.alert(protocol) else { return error };
    if let Ok(Ok(())) = timeout_at(deadline, io.write_all(&record.alert(alert))).await {
        error.alert_sent = Some(alert);
        farewell(io, deadline).await;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_a_record_of_the_clients_protocol() {
        assert_eq!(ClientRecord::of(&[22, 1, 1, 0, 9]).alert(40), [21, 1, 1, 0, 2, 2, 40]);
        assert_eq!(ClientRecord::of(&[22, 3, 1, 0, 9]).alert(70), [21, 3, 3, 0, 2, 2, 70]);
        assert_eq!(ClientRecord::of(&[22]), ClientRecord::Tls);
    }
}
