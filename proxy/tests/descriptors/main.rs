//! Out of file descriptors. A test binary of its own, because the limit is the process's.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

#[path = "../data_plane/support.rs"]
#[expect(dead_code, reason = "shared with the other test binary, which uses the rest")]
mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use support::{PATIENCE, answers, eventually, exchange, get, metric, start, tcp_yaml};

/// Enough for the proxy and this test, and soon exhausted.
const LIMIT: u64 = 128;

fn cpu_time() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime)).unwrap()
}

/// Echoes one byte to each of its clients in turn and closes: one thread, few descriptors.
fn frugal_backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        loop {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::park_timeout(Duration::from_millis(20));
                continue;
            };
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_ok() {
                let _ = stream.write_all(&byte);
            }
        }
    });
    address
}

fn unconnected() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()
}

fn connected(socket: Socket, address: SocketAddr) -> TcpStream {
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

#[test]
fn accepting_pauses_without_burning_cpu_the_admin_answers_and_everything_recovers() {
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(LIMIT), maximum: before.maximum }).unwrap();
    let proxy = start(&tcp_yaml(frugal_backend(), ""));
    let (address, admin) = (proxy.address("echo").unwrap(), proxy.admin_address().unwrap());
    assert!(answers(address));

    // The client sockets first, so that this test can still ask when nothing is left.
    let [waiting, scrape, second_scrape] = std::array::from_fn(|_| unconnected());
    // Everything that is left, whoever would have used it.
    let mut filling: Vec<File> = Vec::new();
    let mut full = 0;
    eventually("nothing to be left", || {
        // What the first exchange used may come back a little later.
        full = if let Ok(file) = File::open("/dev/null") {
            filling.push(file);
            0
        } else {
            full + 1
        };
        full > 20
    });
    let mut waiting = connected(waiting, address);
    let exhausted = "jadegate_accept_errors_total{kind=\"process_descriptors\"}";
    eventually("accepting to fail", || metric(&proxy, exhausted) >= 1.0);

    let (cpu, wall) = (cpu_time(), Instant::now());
    let failures = metric(&proxy, exhausted);
    eventually("the pauses to pass", || metric(&proxy, exhausted) >= failures + 3.0);
    let share = (cpu_time() - cpu).as_secs_f64() / wall.elapsed().as_secs_f64();
    assert!(share < 0.5, "{share} of a core is spent on waiting for descriptors");

    for scrape in [scrape, second_scrape] {
        let mut scrape = connected(scrape, admin);
        scrape.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        scrape.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("ok\n"), "{text}");
    }

    drop(filling);
    let released = Instant::now();
    // The connection that waited is served, and so are new ones.
    exchange(&mut waiting, b"x");
    eventually("new connections to be served", || answers(address));
    assert!(released.elapsed() < Duration::from_secs(10));
    assert_eq!(get(admin, "/healthz").0, 200);
}
