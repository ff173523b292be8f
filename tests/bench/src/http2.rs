//! The client's HTTP/2.

use crate::client::{Client, take};
use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::rc::Rc;
use tokio::task::{JoinSet, spawn_local};

/// Runs the library's tasks on this thread.
#[derive(Clone, Debug)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        spawn_local(async move {
            future.await;
        });
    }
}

/// `count` requests over `connections` connections with `streams` each.
pub(crate) async fn ask(
    client: &Client,
    path: &'static str,
    connections: usize,
    streams: usize,
    count: usize,
) -> Result<()> {
    let left = Rc::new(Cell::new(count));
    client
        .each(connections, move |client| {
            let left = Rc::clone(&left);
            async move {
                let stream = client.connect().await?;
                let (sender, connection) = http2::handshake(LocalExecutor, TokioIo::new(stream)).await?;
                spawn_local(connection);
                let mut tasks = JoinSet::new();
                for _ in 0..streams {
                    tasks.spawn_local(stream_of_requests(sender.clone(), path, Rc::clone(&left)));
                }
                while let Some(ended) = tasks.join_next().await {
                    ended??;
                }
                Ok(())
            }
        })
        .await
}

async fn stream_of_requests(
    mut sender: http2::SendRequest<Empty<Bytes>>,
    path: &'static str,
    left: Rc<Cell<usize>>,
) -> Result<()> {
    while take(&left) {
        let request = Request::get(format!("https://localhost{path}"))
            .header("user-agent", "bench")
            .header("accept", "*/*")
            .body(Empty::new())?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        ensure!(response.status() == StatusCode::OK, "status {}", response.status());
        response.into_body().collect().await?;
    }
    Ok(())
}
