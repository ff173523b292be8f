//! The back end: Debian's nginx with a configuration of its own.

use crate::process::Process;
use crate::{net, peers};
use anyhow::Result;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

/// A running nginx, in plaintext (HTTP/1.1).
#[derive(Debug)]
pub struct Nginx {
    /// Where it listens.
    pub address: SocketAddr,
    process: Process,
    _directory: tempfile::TempDir,
}

/// What `/` answers.
pub const PAGE: &str = "hello from nginx\n";

/// Size of `/1m`.
pub const MEGABYTE: usize = 1 << 20;

impl Nginx {
    /// Starts it on a port of its own. `/` is [`PAGE`], `/1m` a megabyte, `/slow` the same at 256 kB/s, `/seen` the
    /// request as it arrived, `/missing` a 404; request bodies of any size are read.
    ///
    /// # Errors
    /// When there is no nginx, or it does not start.
    pub fn start() -> Result<Self> {
        let program = peers::Peer::Nginx.program()?;
        let directory = tempfile::tempdir()?;
        let address = net::free_address()?;
        fs::write(directory.path().join("1m"), vec![b'j'; MEGABYTE])?;
        fs::write(directory.path().join("upload"), "taken\n")?;
        let configuration = directory.path().join("nginx.conf");
        fs::write(&configuration, configuration_text(address))?;
        let mut command = Command::new(program);
        command.arg("-p").arg(directory.path()).arg("-c").arg(&configuration).args(["-e", "error.log"]);
        let process = Process::start(&mut command)?;
        net::wait_listening(address.port())?;
        Ok(Self { address, process, _directory: directory })
    }

    /// Stops it, as a backend that dies.
    pub fn stop(self) {
        drop(self.process);
    }
}

fn configuration_text(address: SocketAddr) -> String {
    // One process in the foreground: killing it leaves nothing behind.
    format!(
        r#"daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0;
    keepalive_requests 1000000;
    server {{
        listen {address} reuseport backlog=4096;
        root .;
        default_type text/plain;
        location = / {{ return 200 "hello from nginx\n"; }}
        location = /1m {{ }}
        location = /slow {{ alias 1m; limit_rate 256k; }}
        location = /seen {{ return 200 "$request_method $request_uri $server_protocol host=$http_host\n"; }}
        location = /missing {{ return 404; }}
        location = /upload {{ error_page 405 =200 $uri; }}
    }}
}}
"#
    )
}
