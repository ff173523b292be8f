//! What it costs to read a ClientHello: from the bytes of a connection to the decision of a policy, and the JA4 apart.
//!
//! The bound is 2 µs for a typical hello (`read/curl-tls13-h2`); `docs/performance.md` has figures.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jadegate_tls::hello::{HelloReader, Progress};
use jadegate_tls::policy::{Available, Policy, PolicyName};
use jadegate_tls::{ClientHello, sniff};

/// A usual client, a post-quantum one, one with GREASE, TLCP and RFC 8998.
const CLIENTS: [&str; 5] =
    ["curl-tls13-h2", "openssl4-pq", "crafted-browser", "tongsuo-tlcp-sni-alpn", "openssl4-sm-and-standard"];

fn bytes(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hellos").join(name).with_extension("hex");
    let text = std::fs::read_to_string(path).expect("the fixture");
    hex::decode(text.split_whitespace().collect::<String>()).expect("hexadecimal")
}

fn read(bytes: &[u8]) -> Box<ClientHello> {
    match HelloReader::new().examine(bytes) {
        Ok(Progress::Hello(hello)) => hello,
        other => panic!("not a hello: {other:?}"),
    }
}

fn hello(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for name in CLIENTS {
        let bytes = bytes(name);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| read(black_box(&bytes))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("decide");
    let policy = Policy::named(PolicyName::GmPreferred);
    let available = Available { tlcp: true, sm2: true, standard: true };
    for name in CLIENTS {
        let hello = read(&bytes(name));
        group.bench_function(name, |bencher| bencher.iter(|| policy.decide(black_box(&hello), available)));
    }
    group.finish();

    let mut group = criterion.benchmark_group("ja4");
    for name in CLIENTS {
        let hello = read(&bytes(name));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&hello).ja4()));
    }
    group.finish();

    // With the buffer and the future around it, from a stream that has everything at once.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut group = criterion.benchmark_group("sniff");
    for name in CLIENTS {
        let bytes = bytes(name);
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(sniff(black_box(bytes.as_slice()))).expect("a hello"));
        });
    }
    group.finish();
}

criterion_group!(benches, hello);
criterion_main!(benches);
