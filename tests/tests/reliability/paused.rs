//! S4: certificates are replaced while handshakes stand still.

use crate::ground::backend::Backend;
use crate::ground::block_on;
use crate::ground::clients::{Kind, STEP};
use crate::ground::mill::{self, Mill, shown, wait_served};
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::wait::PATIENCE;
use std::net::SocketAddr;
use tokio::io::{DuplexStream, copy, duplex, split};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A wire to the server on which the server's answers are held back until the gate opens. The second value tells when
/// the first of them has left the server.
async fn held_back(address: SocketAddr) -> (DuplexStream, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (near, far) = duplex(256 * 1024);
    let (answered, first_answer) = oneshot::channel();
    let (open, gate) = oneshot::channel::<()>();
    let server = TcpStream::connect(address).await.expect("a connection");
    tokio::task::spawn_local(async move {
        let (mut from_client, mut to_client) = split(far);
        let (mut from_server, mut to_server) = server.into_split();
        let up = copy(&mut from_client, &mut to_server);
        let down = async {
            from_server.readable().await.expect("an answer");
            answered.send(()).expect("it is waited for");
            gate.await.expect("it opens");
            copy(&mut from_server, &mut to_client).await
        };
        let (_up, _down) = tokio::join!(up, down);
    });
    (near, first_answer, open)
}

#[test]
fn a_handshake_that_began_before_a_rotation_ends_with_the_certificates_it_began_with() {
    block_on(async {
        let (mill, backend) = (Mill::new(), Backend::echo());
        let address = net::free_address().expect("a port");
        let mut old = mill.set();
        old.write(mill.path());
        let jadegate = Jadegate::start(&mill::yaml(mill.path(), address, backend.address)).expect("it starts");
        for kind in Kind::ALL {
            let connector = mill.connector(kind);
            let (wire, answered, open) = held_back(address).await;
            let handshake = connector.connect(wire, STEP);
            let rotation = async {
                answered.await.expect("the server has answered");
                let new = mill.set();
                new.write(mill.path());
                // New handshakes use the new ones, while the old one stands still.
                for kind in Kind::ALL {
                    wait_served(address, &mill.connector(kind), &new.serials(kind), PATIENCE).await;
                }
                open.send(()).expect("it is waited for");
                new
            };
            let (connected, new) = tokio::join!(handshake, rotation);
            let connected = connected.unwrap_or_else(|error| panic!("{kind:?}: {error}\n{}", jadegate.log()));
            assert_eq!(shown(&connected.negotiated), old.serials(kind), "{kind:?}: neither new nor a mixture");
            old = new;
        }
    });
}
