//! The last word to a client for whom no engine is started: one fatal alert in the clear.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::error::HandshakeError;
use crate::farewell::farewell;
use crate::hello::TLCP_VERSION;

const ALERT: u8 = 21;
const FATAL: u8 = 2;

/// Sends the alert that fits the failure, closes the connection in order, and returns the error with the alert noted.
pub(super) async fn refuse<IO>(mut io: IO, mut error: HandshakeError, deadline: Instant) -> HandshakeError
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let Some(alert) = error.failure.alert(error.protocol) else { return error };
    let tlcp = error.hello.as_ref().is_some_and(|hello| hello.is_tlcp());
    let record = alert_record(alert, if tlcp { TLCP_VERSION } else { TLS_VERSION });
    if let Ok(Ok(())) = timeout_at(deadline, io.write_all(&record)).await {
        error.alert_sent = Some(alert);
        farewell(io, deadline).await;
    }
    error
}

/// The record version that every TLS client reads before a version is agreed, and TLS 1.2 and 1.3 ever after.
const TLS_VERSION: u16 = 0x0303;

fn alert_record(alert: u8, version: u16) -> [u8; 7] {
    let [major, minor] = version.to_be_bytes();
    [ALERT, major, minor, 0, 2, FATAL, alert]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_a_record_of_the_clients_protocol() {
        assert_eq!(alert_record(40, TLCP_VERSION), [21, 1, 1, 0, 2, 2, 40]);
        assert_eq!(alert_record(70, TLS_VERSION), [21, 3, 3, 0, 2, 2, 70]);
    }
}
