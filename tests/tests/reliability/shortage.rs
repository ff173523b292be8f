//! R3: out of descriptors.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, honest_echo};
use crate::ground::outside::{cpu, descriptors, metric};
use crate::ground::{Ground, Settings, block_on};
use jadegate_tests::wait::{self, PATIENCE};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn without_descriptors_accepts_pause_the_admin_answers_and_everything_recovers() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        let jadegate = &ground.jadegate;
        let client = Kind::Tls13.connector(&ground.pki);
        honest_echo(ground.address, &client).await.expect("before the shortage");
        let pid = Pid::from_raw(i32::try_from(jadegate.id()).expect("a process id")).expect("a process id");
        let few = Rlimit { current: Some(128), maximum: Some(128) };
        prlimit(Some(pid), Resource::Nofile, few).expect("a limit");

        let held: Vec<TcpStream> =
            (0..300).map(|_| TcpStream::connect(ground.address).expect("the kernel takes it")).collect();
        wait::until("the shortage", PATIENCE, || Ok(jadegate.log().contains("accept").then_some(()))).expect("it logs");
        wait::until("the shortage", PATIENCE, || Ok((descriptors(jadegate) > 100).then_some(()))).expect("it is full");
        // Not a busy loop: over a second and a half of shortage at most a third of one processor.
        let (begun, spent) = (Instant::now(), cpu(jadegate));
        while begun.elapsed() < Duration::from_millis(1500) {
            assert_eq!(jadegate.admin("/healthz").expect("the admin answers").status, 200);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let spent = cpu(jadegate) - spent;
        assert!(spent * 3 < begun.elapsed(), "{spent:?} of processor in {:?}", begun.elapsed());
        assert!(metric(jadegate, "accept_errors_total", "") > 0.0);

        drop(held);
        honest_echo(ground.address, &client).await.expect("after the shortage");
        wait::until("descriptors to be given back", PATIENCE, || Ok((descriptors(jadegate) < 100).then_some(())))
            .expect("they come back");
    });
}
