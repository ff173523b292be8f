//! The backend and the two proxies, with the same certificate, the same suites and the same duties: TLS at the front,
//! plaintext with kept connections at the back, an access log with the facts of TLS, and metrics.

use crate::machine::{CLIENT_CORE, PROXY_CORE};
use crate::options::Options;
use anyhow::{Context as _, Result, ensure};
use jadegate_certs::development::{DirectoryOptions, write_directory};
use jadegate_tests::net;
use jadegate_tests::process::Process;
use jadegate_tests::wait::{self, PATIENCE};
use jadegate_tests::workspace;
use serde::Serialize;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the backend answers to `/64b`.
const SMALL: usize = 64;
const MIDDLE: usize = 10 << 10;
const LARGE: usize = 1 << 20;

/// A proxy that is measured.
#[derive(Debug)]
pub(crate) struct Subject {
    /// Its HTTP listener.
    pub(crate) address: SocketAddr,
    process: Process,
}

impl Subject {
    /// Its process, for what the system knows of it.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// Backend, both proxies, certificates.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) jadegate: Subject,
    pub(crate) nginx: Subject,
    binary: PathBuf,
    backend: Subject,
    directory: tempfile::TempDir,
}

/// Who took part.
#[derive(Debug, Serialize)]
pub(crate) struct Versions {
    pub(crate) jadegate: String,
    pub(crate) nginx: String,
    pub(crate) binary_bytes: u64,
}

/// The release binary, built when it is not up to date.
pub(crate) fn binary(options: &Options) -> Result<PathBuf> {
    if let Some(given) = &options.binary {
        return Ok(given.clone());
    }
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(workspace::root()).args(["build", "--release", "--locked", "-p", "jadegate-cli"]);
    ensure!(build.status().with_context(|| format!("{build:?}"))?.success(), "{build:?} failed");
    Ok(workspace::target().join("release/jadegate"))
}

impl Site {
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let certificates = directory.path().join("certs");
        write_directory(&certificates, &DirectoryOptions::default())?;
        let backend = backend(directory.path())?;
        let jadegate = jadegate(binary, directory.path(), "jadegate", &one_listener(backend.address)?)?;
        let nginx = nginx(directory.path(), "nginx", backend.address)?;
        Ok(Self { jadegate, nginx, binary: binary.to_owned(), backend, directory })
    }

    /// Another Jadegate, with the two listeners and all else as the configuration's defaults have it.
    pub(crate) fn second_jadegate(&self) -> Result<Subject> {
        let (address, other) = (net::free_address()?, net::free_address()?);
        let text = format!(
            "admin: {{ bind: {} }}
listeners:
  - {{ name: site, bind: {address}, backend: web, tls: {CERTIFICATES} }}
  - {{ name: other, bind: {other}, protocol: tcp, backend: bytes, tls: {CERTIFICATES} }}
backends:
  - {{ name: web, endpoints: [{back}] }}
  - {{ name: bytes, endpoints: [{back}] }}
",
            net::free_address()?,
            back = self.backend.address,
        );
        jadegate(&self.binary, self.directory.path(), "second", &Configuration { address, text })
    }

    /// Another nginx.
    pub(crate) fn second_nginx(&self) -> Result<Subject> {
        nginx(self.directory.path(), "second-nginx", self.backend.address)
    }

    /// The root of the standard certificates and that of the SM2 ones, PEM.
    pub(crate) fn roots(&self) -> Result<[Vec<u8>; 2]> {
        let read = |name| fs::read(self.directory.path().join("certs").join(name));
        Ok([read("ca.pem")?, read("sm2-ca.pem")?])
    }

    pub(crate) fn versions(&self) -> Result<Versions> {
        let say = |command: &mut Command| -> Result<String> {
            let output = command.output().with_context(|| format!("{command:?}"))?;
            let text = [output.stdout, output.stderr].concat();
            Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
        };
        Ok(Versions {
            jadegate: say(Command::new(&self.binary).arg("version"))?,
            nginx: say(Command::new(NGINX).arg("-v"))?.trim_start_matches("nginx version: ").to_owned(),
            binary_bytes: fs::metadata(&self.binary)?.len(),
        })
    }
}

/// Debian keeps it out of the way of ordinary users.
const NGINX: &str = "/usr/sbin/nginx";

const CERTIFICATES: &str = "{ certificates: [ { cert: certs/server.pem, key: certs/server.key }, \
     { sign: { cert: certs/sm2-server-sign.pem, key: certs/sm2-server-sign.key }, \
       enc: { cert: certs/sm2-server-enc.pem, key: certs/sm2-server-enc.key } } ] }";

struct Configuration {
    address: SocketAddr,
    text: String,
}

fn one_listener(backend: SocketAddr) -> Result<Configuration> {
    let address = net::free_address()?;
    let text = format!(
        "cores: 1
log: {{ access: {{ path: log/access.log, format: json }} }}
admin: {{ bind: {} }}
listeners:
  - {{ name: site, bind: {address}, backend: {backend}, tls: {CERTIFICATES} }}
",
        net::free_address()?,
    );
    Ok(Configuration { address, text })
}

/// The program on one core, and whatever it starts.
fn on(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

fn jadegate(binary: &Path, directory: &Path, name: &str, configuration: &Configuration) -> Result<Subject> {
    let file = directory.join(format!("{name}.yaml"));
    fs::write(&file, &configuration.text)?;
    // Not beside the configuration, whose directory is watched.
    fs::create_dir_all(directory.join("log"))?;
    let process = Process::start(on(PROXY_CORE, binary).arg("run").arg("--config").arg(&file))?;
    started(process, configuration.address)
}

fn started(mut process: Process, address: SocketAddr) -> Result<Subject> {
    let listening = wait::until("a proxy that listens", PATIENCE, || {
        ensure!(process.running()?, "it ended");
        Ok(net::wait_listening(address.port()).ok())
    });
    listening.with_context(|| process.output())?;
    Ok(Subject { address, process })
}

fn backend(directory: &Path) -> Result<Subject> {
    let root = directory.join("backend");
    fs::create_dir(&root)?;
    for (name, size) in [("64b", SMALL), ("10kb", MIDDLE), ("1mb", LARGE)] {
        fs::write(root.join(name), vec![b'j'; size])?;
    }
    let address = net::free_address()?;
    let text = format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16;
    default_type application/octet-stream;
    server {{ listen {address} backlog=4096; root .; }}
}}
"
    );
    start_nginx(&root, address, &text, CLIENT_CORE)
}

/// A TLS proxy as an operator who cares would have it: kept connections to the backend, buffers that hold a large
/// response without a temporary file, a buffered access log with the same kind of facts as ours, the status page on.
fn nginx(directory: &Path, name: &str, backend: SocketAddr) -> Result<Subject> {
    let root = directory.join(name);
    fs::create_dir(&root)?;
    let address = net::free_address()?;
    let text = format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 8192; }}
http {{
    log_format facts escape=json '{{\"time\":\"$time_iso8601\",\"connection\":$connection,\"remote\":\"$remote_addr:$remote_port\",'
        '\"local\":\"$server_addr:$server_port\",\"protocol\":\"$server_protocol\",\"method\":\"$request_method\",'
        '\"path\":\"$request_uri\",\"authority\":\"$http_host\",\"status\":$status,\"tls_protocol\":\"$ssl_protocol\",'
        '\"tls_suite\":\"$ssl_cipher\",\"tls_group\":\"$ssl_curve\",\"sni\":\"$ssl_server_name\",\"alpn\":\"$ssl_alpn_protocol\",'
        '\"resumed\":\"$ssl_session_reused\",\"bytes_in\":$request_length,\"bytes_out\":$bytes_sent,'
        '\"duration\":$request_time,\"first_byte\":\"$upstream_header_time\",\"upstream\":\"$upstream_addr\",'
        '\"upstream_connect\":\"$upstream_connect_time\"}}';
    access_log access.log facts buffer=64k flush=1s;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    upstream backend {{
        server {backend};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address} ssl http2 backlog=4096;
        http2_max_concurrent_streams 128;
        ssl_certificate ../certs/server.pem;
        ssl_certificate_key ../certs/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        location = /status {{ stub_status; }}
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffer_size 16k;
            proxy_buffers 16 64k;
            proxy_busy_buffers_size 512k;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
"
    );
    start_nginx(&root, address, &text, PROXY_CORE)
}

/// In one process, which is what a single worker would be, and which leaves nothing behind when it is killed.
fn start_nginx(root: &Path, address: SocketAddr, text: &str, core: usize) -> Result<Subject> {
    let file = root.join("nginx.conf");
    fs::write(&file, text)?;
    let mut command = on(core, NGINX);
    command.arg("-p").arg(root).arg("-c").arg(&file).args(["-e", "error.log"]);
    started(Process::start(&mut command)?, address)
}
