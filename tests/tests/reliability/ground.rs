//! What the scenarios stand on: a proxy with all certificates, four clients, small backends, a look from outside.

#[path = "ground/backend.rs"]
pub(crate) mod backend;
#[path = "ground/clients.rs"]
pub(crate) mod clients;
#[path = "ground/mill.rs"]
pub(crate) mod mill;
#[path = "ground/outside.rs"]
pub(crate) mod outside;

use self::backend::Backend;
use jadegate_tests::interop::against_jadegate::{pair_yaml, single_yaml};
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::pki::Pki;
use std::env;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::LocalSet;

/// No scenario takes longer, whatever hangs.
const SCENARIO: Duration = Duration::from_secs(900);

/// Runs a scenario on this thread.
pub(crate) fn block_on<F: Future>(scenario: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new()
        .block_on(&runtime, async { tokio::time::timeout(SCENARIO, scenario).await.expect("the scenario ends") })
}

/// The count of the catalogue if it is asked for, else one for every day.
pub(crate) fn scaled(full: usize, everyday: usize) -> usize {
    if env::var_os("JADEGATE_FULL").is_some_and(|value| value == "1") { full } else { everyday }
}

/// What a scenario changes of the configuration. Each text is YAML, indented for its place.
#[derive(Debug, Default, Clone)]
pub(crate) struct Settings<'a> {
    /// Lines at the top.
    pub(crate) top: &'a str,
    /// `http` if empty.
    pub(crate) protocol: &'a str,
    /// What it can show; everything if none.
    pub(crate) certificates: Option<fn(&Pki) -> String>,
    /// More entries of `tls`, each behind a comma.
    pub(crate) tls: &'a str,
    /// More lines of the listener, four spaces in.
    pub(crate) listener: &'a str,
}

/// A proxy with one listener that speaks all four protocols.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) pki: Pki,
    pub(crate) jadegate: Jadegate,
    pub(crate) address: SocketAddr,
    _backend: Option<Backend>,
}

impl Ground {
    /// Starts it in front of the backend.
    pub(crate) fn start(backend: Backend, settings: &Settings<'_>) -> Self {
        let address = backend.address;
        Self { _backend: Some(backend), ..Self::before(address, settings) }
    }

    /// Starts it in front of an address.
    pub(crate) fn before(backend: SocketAddr, settings: &Settings<'_>) -> Self {
        let pki = Pki::new().expect("certificates");
        let address = net::free_address().expect("a port");
        let jadegate = Jadegate::start(&yaml(&pki, address, backend, settings)).expect("it starts");
        Self { pki, jadegate, address, _backend: None }
    }
}

/// Every kind of certificate that a server can have.
pub(crate) fn certificates(pki: &Pki) -> String {
    [
        single_yaml(&pki.server_p256),
        single_yaml(&pki.server_rsa),
        single_yaml(&pki.server_sm2),
        pair_yaml(&pki.server_pair),
    ]
    .join(", ")
}

/// Those of the standard protocols alone.
pub(crate) fn standard_certificates(pki: &Pki) -> String {
    [single_yaml(&pki.server_p256), single_yaml(&pki.server_rsa)].join(", ")
}

/// The configuration.
pub(crate) fn yaml(pki: &Pki, address: SocketAddr, backend: SocketAddr, settings: &Settings<'_>) -> String {
    let Settings { top, protocol, tls, listener, .. } = settings;
    let protocol = if protocol.is_empty() { "http" } else { protocol };
    let certificates = settings.certificates.unwrap_or(certificates)(pki);
    format!(
        "{top}
listeners:
  - name: site
    bind: {address}
    protocol: {protocol}
    tls: {{ certificates: [{certificates}]{tls} }}
    backend: {backend}
{listener}
"
    )
}
