//! The measurements of memory: at rest, under load, and per connection that is open and silent.

use crate::client::{Client, Http1, Keep, Protocol};
use crate::machine::settle;
use crate::process::{resident, resident_peak};
use crate::subject::{Site, Subject};
use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

/// Silent connections of each kind.
const CONNECTIONS: usize = 1_000;
/// Handshakes before them, so that what the first ones make for all is not counted.
const WARM: usize = 300;
const REQUESTS: usize = 20_000;
const BUSY: usize = 64;
const SETTLE: Duration = Duration::from_secs(1);

/// What one proxy takes, in bytes.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) proxy: &'static str,
    /// Before the first connection; for Jadegate with two listeners and a worker on every core.
    pub(crate) idle: u64,
    /// The most while 64 connections asked for small pages.
    pub(crate) busy: u64,
    /// Per connection that is open and silent after one request.
    pub(crate) per_connection: Vec<PerConnection>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PerConnection {
    pub(crate) protocol: &'static str,
    pub(crate) bytes: u64,
}

/// Measures proxies of their own: what those of the other measurements have seen shows in their memory.
pub(crate) async fn measure(site: &Site) -> Result<[Memory; 2]> {
    let national = [("TLCP", Protocol::Tlcp), ("TLS 1.3-SM", Protocol::Tls13Sm)];
    let ours = one(site, "jadegate", &site.second_jadegate()?, &national).await?;
    let theirs = one(site, "nginx", &site.second_nginx()?, &[]).await?;
    Ok([ours, theirs])
}

async fn one(
    site: &Site,
    proxy: &'static str,
    subject: &Subject,
    national: &[(&'static str, Protocol)],
) -> Result<Memory> {
    settle(SETTLE).await;
    let idle = resident(subject.id())?;
    let standard = Client::new(site, subject.address, Protocol::Tls13)?;
    standard.ask("/64b", BUSY, REQUESTS).await?;
    let busy = resident_peak(subject.id())?;
    let mut per_connection = vec![PerConnection { protocol: "TLS 1.3", bytes: silent(&standard, subject).await? }];
    for (protocol, kind) in national {
        let client = Client::new(site, subject.address, *kind)?;
        per_connection.push(PerConnection { protocol, bytes: silent(&client, subject).await? });
    }
    Ok(Memory { proxy, idle, busy, per_connection })
}

async fn silent(client: &Client, subject: &Subject) -> Result<u64> {
    client.visit("/64b", 16, WARM).await?;
    settle(SETTLE).await;
    let before = resident(subject.id())?;
    let mut open = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut connection = Http1::new(client.connect().await?);
        connection.ask("/64b", Keep::Open).await?;
        open.push(connection);
    }
    settle(SETTLE).await;
    let after = resident(subject.id())?;
    for connection in open {
        connection.close().await?;
    }
    Ok(after.saturating_sub(before) / CONNECTIONS as u64)
}
