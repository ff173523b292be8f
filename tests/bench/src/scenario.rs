//! The measurements of processor time: the same work for both proxies, in turns.

use crate::client::{Client, Protocol};
use crate::options::Options;
use crate::process::processor_time;
use crate::subject::{Site, Subject};
use crate::{http2, machine};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::time::Duration;

/// One kind of work.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Units of work in a round.
    count: usize,
    protocol: Protocol,
    work: Work,
    /// Our time over that of nginx must not be more.
    pub(crate) bar: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    /// Requests on kept connections.
    Ask { path: &'static str, connections: usize },
    /// Requests on streams of kept connections.
    Streams { path: &'static str, connections: usize, streams: usize },
    /// A connection for each request.
    Visit { path: &'static str, at_once: usize },
}

/// Whom a measurement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    Nginx,
    Nobody,
}

impl Scenario {
    /// nginx in Debian speaks no SM protocol.
    fn against(&self) -> Against {
        match self.protocol {
            Protocol::Tls13 | Protocol::Tls13Http2 => Against::Nginx,
            Protocol::Tls13Sm | Protocol::Tlcp => Against::Nobody,
        }
    }
}

/// Rounds are long enough that the ticks in which the system tells the time do not show.
const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "http1-64b",
        title: "HTTP/1.1 keep-alive, 64 B",
        count: 20_000,
        protocol: Protocol::Tls13,
        work: Work::Ask { path: "/64b", connections: 32 },
        bar: Some(1.0),
    },
    Scenario {
        name: "handshake",
        title: "full TLS 1.3 handshake + request + close",
        count: 1_250,
        protocol: Protocol::Tls13,
        work: Work::Visit { path: "/64b", at_once: 16 },
        bar: Some(0.6),
    },
    Scenario {
        name: "http1-1mb",
        title: "HTTP/1.1, 1 MB",
        count: 750,
        protocol: Protocol::Tls13,
        work: Work::Ask { path: "/1mb", connections: 8 },
        bar: Some(1.0),
    },
    Scenario {
        name: "http1-10kb",
        title: "HTTP/1.1 keep-alive, 10 KB",
        count: 15_000,
        protocol: Protocol::Tls13,
        work: Work::Ask { path: "/10kb", connections: 32 },
        bar: None,
    },
    Scenario {
        name: "http2-64b",
        title: "HTTP/2, 64 B",
        count: 15_000,
        protocol: Protocol::Tls13Http2,
        work: Work::Streams { path: "/64b", connections: 8, streams: 8 },
        bar: None,
    },
    Scenario {
        name: "tlcp",
        title: "full TLCP handshake + request + close",
        count: 750,
        protocol: Protocol::Tlcp,
        work: Work::Visit { path: "/64b", at_once: 16 },
        bar: None,
    },
    Scenario {
        name: "tls13-sm",
        title: "full TLS 1.3-SM handshake + request + close",
        count: 750,
        protocol: Protocol::Tls13Sm,
        work: Work::Visit { path: "/64b", at_once: 16 },
        bar: None,
    },
];

/// What a scenario came to; one entry per round.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) units_per_round: usize,
    /// Microseconds of processor time per unit.
    pub(crate) jadegate: Vec<f64>,
    /// The same of nginx; empty if it cannot do this.
    pub(crate) nginx: Vec<f64>,
    pub(crate) bar: Option<f64>,
}

impl Measured {
    /// Our time over that of nginx, round by round.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        self.jadegate.iter().zip(&self.nginx).map(|(ours, theirs)| ours / theirs).collect()
    }
}

/// Measures everything that was asked for.
pub(crate) async fn measure(site: &Site, options: &Options) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| options.wants(scenario.name)) {
        measured.push(run(site, scenario, options).await.context(scenario.name)?);
    }
    Ok(measured)
}

async fn run(site: &Site, scenario: &Scenario, options: &Options) -> Result<Measured> {
    let count = (scenario.count * options.share / 100).max(100);
    let client = |subject: &Subject| Client::new(site, subject.address, scenario.protocol);
    let ours = client(&site.jadegate)?;
    let theirs = if scenario.against() == Against::Nginx { Some(client(&site.nginx)?) } else { None };
    // Connections to the backend, tickets, allocators: nothing of the first time is measured.
    for warm in theirs.iter().chain([&ours]) {
        work(warm, scenario.work, count / 10).await?;
    }
    let mut measured = Measured {
        name: scenario.name,
        title: scenario.title,
        units_per_round: count,
        jadegate: Vec::new(),
        nginx: Vec::new(),
        bar: scenario.bar,
    };
    for round in 0..options.rounds {
        let ours = async || time(&ours, &site.jadegate, scenario.work, count).await;
        let theirs = async || match &theirs {
            Some(theirs) => time(theirs, &site.nginx, scenario.work, count).await.map(Some),
            None => Ok(None),
        };
        // Who goes first changes from round to round.
        let (of_ours, of_theirs) = if round % 2 == 0 {
            let first = ours().await?;
            (first, theirs().await?)
        } else {
            let first = theirs().await?;
            (ours().await?, first)
        };
        measured.jadegate.push(of_ours);
        measured.nginx.extend(of_theirs);
        eprintln!("{}, round {}: {of_ours:.1} us, nginx {of_theirs:.1?} us", scenario.name, round + 1);
    }
    Ok(measured)
}

/// Microseconds of the subject's processor time per unit.
async fn time(client: &Client, subject: &Subject, kind: Work, count: usize) -> Result<f64> {
    let before = processor_time(subject.id())?;
    work(client, kind, count).await?;
    machine::settle(SETTLE).await;
    let spent = processor_time(subject.id())?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / count as f64)
}

/// For what is left to do when the last response has arrived: ends of connections, lines of the log.
const SETTLE: Duration = Duration::from_millis(100);

async fn work(client: &Client, kind: Work, count: usize) -> Result<()> {
    match kind {
        Work::Ask { path, connections } => client.ask(path, connections, count).await,
        Work::Streams { path, connections, streams } => http2::ask(client, path, connections, streams, count).await,
        Work::Visit { path, at_once } => client.visit(path, at_once, count).await,
    }
}
