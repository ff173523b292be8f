//! One exchange, from the parsed request to the head of the response.

use super::body::{RequestBody, ResponseBody};
use super::deadline::Deadline;
use super::exchange::{Exchange, Late};
use super::expectation::Expectation;
use super::headers::{self, Switch};
use super::reject::{Failure, Rejection};
use super::session::{Guard, Session};
use super::upgrade::Tunnel;
use crate::upstream::{UpstreamBody, UpstreamError, Wish};
use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, TE};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::time::Instant;

/// Serves a request. What has to be known before the connection is read again is settled before the future is polled.
pub(super) fn serve(
    session: &Rc<Session>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> + use<> {
    let number = session.number();
    let exchange = Exchange::begin(session, number, &request);
    let admitted = admit(&exchange, request);
    async move {
        let result = match admitted {
            Ok((request, switch)) => converse(&exchange, request, switch).await,
            Err(rejection) => Err(Failure::Rejected(rejection)),
        };
        Ok(match result {
            Ok(response) => response,
            Err(failure) => answer(exchange, &failure),
        })
    }
}

fn admit(exchange: &Exchange, mut request: Request<Incoming>) -> Result<(Request<Incoming>, Switch), Rejection> {
    let session = &exchange.session;
    if let Guard::Http1(state) = &session.guard {
        state.begin(headers::is_last(&request));
        if let Some(refusal) = state.refusal(exchange.number) {
            return Err(refusal.into());
        }
    }
    let admitted = headers::check(&request, session).and_then(|()| headers::forward(&mut request, session));
    if !matches!(admitted, Ok(Switch::To(_))) {
        decline_upgrade(exchange);
    }
    Ok((request, admitted?))
}

fn decline_upgrade(exchange: &Exchange) {
    if let Guard::Http1(state) = &exchange.session.guard {
        state.decline_upgrade(exchange.number);
    }
}

/// Forwards the request and turns the response into ours.
async fn converse(
    exchange: &Rc<Exchange>,
    mut request: Request<Incoming>,
    switch: Switch,
) -> Result<Response<ResponseBody>, Failure> {
    let wish = if switch == Switch::None { Wish::Exchange } else { Wish::Upgrade };
    let wants_trailers = request.version() == Version::HTTP_11 && headers::has(request.headers(), &TE);
    let expectation = expectation(&mut request);
    let request = request.map(|incoming| RequestBody::new(incoming, Rc::clone(exchange), expectation));
    let mut response = respond(exchange, request, wish).await?;
    exchange.respond(response.status());
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched && wish != Wish::Upgrade {
        return Err(Failure::Upstream(UpstreamError::UnexpectedUpgrade));
    }
    let status = response.status();
    headers::respond(response.headers_mut(), status).map_err(Failure::Upstream)?;
    if switched {
        return Box::pin(tunnel(exchange, response)).await;
    }
    decline_upgrade(exchange);
    if wants_trailers {
        headers::declare_grpc_trailers(response.headers_mut());
    }
    *response.version_mut() = Version::HTTP_11;
    Ok(response.map(|body| ResponseBody::upstream(body, Rc::clone(exchange))))
}

/// Waits for the response, as long as each side has time.
async fn respond(
    exchange: &Rc<Exchange>,
    request: Request<RequestBody>,
    wish: Wish,
) -> Result<Response<UpstreamBody>, Failure> {
    let pool = &exchange.session.site.pool;
    let patience = pool.response_timeout();
    let _awaiting = exchange.session.await_backend();
    let mut timer = Timer::of(exchange);
    let mut sent = pin!(pool.send(request, wish));
    let result = poll_fn(|cx| {
        if let Poll::Ready(result) = sent.as_mut().poll(cx) {
            return Poll::Ready(result.map_err(Failure::Upstream));
        }
        while let Some((at, late)) = exchange.response_due(patience) {
            if timer.deadline.poll_at(cx, at).is_pending() {
                return Poll::Pending;
            }
            if exchange.response_due(patience).is_some_and(|(at, _)| at <= Instant::now()) {
                return Poll::Ready(Err(match late {
                    Late::Client => Failure::Rejected(Rejection::BodyTimeout),
                    Late::Backend => Failure::Upstream(UpstreamError::ResponseTimeout),
                }));
            }
        }
        Poll::Pending
    })
    .await;
    result.map_err(|failure| blame(exchange, failure))
}

/// A request that broke off because of its body is the client's failure, whatever it looked like on the other side.
fn blame(exchange: &Exchange, failure: Failure) -> Failure {
    match (&failure, exchange.body_failure()) {
        (Failure::Upstream(UpstreamError::Reset(_)), Some(rejection)) => Failure::Rejected(rejection),
        _ => failure,
    }
}

/// The connection's timer while the exchange waits.
struct Timer<'a> {
    session: &'a Session,
    deadline: Deadline,
}

impl<'a> Timer<'a> {
    fn of(exchange: &'a Exchange) -> Self {
        let session = &*exchange.session;
        Self { session, deadline: session.borrow_timer() }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.session.return_timer(std::mem::take(&mut self.deadline));
    }
}

/// Holds the body back if the client waits to be told.
fn expectation(request: &mut Request<Incoming>) -> Option<Arc<Expectation>> {
    let expects = headers::has(request.headers(), &EXPECT)
        && request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !expects {
        return None;
    }
    if request.version() != Version::HTTP_11 || request.body().is_end_stream() {
        // Nothing to hold back, or nobody who could tell the client.
        request.headers_mut().remove(EXPECT);
        return None;
    }
    let expectation = Arc::new(Expectation::default());
    let told = Arc::clone(&expectation);
    hyper::ext::on_informational(request, move |interim| {
        if interim.status() == StatusCode::CONTINUE {
            told.release();
        }
    });
    Some(expectation)
}

/// Both sides leave HTTP.
async fn tunnel(exchange: &Rc<Exchange>, response: Response<UpstreamBody>) -> Result<Response<ResponseBody>, Failure> {
    let (head, body) = response.into_parts();
    let Some(upgraded) = body.into_upgraded().await else {
        return Err(Failure::Upstream(UpstreamError::UpgradeUnsupported));
    };
    if let Guard::Http1(state) = &exchange.session.guard {
        state.accept_upgrade(exchange.number);
    }
    let tunnel = Tunnel::new(upgraded, Rc::clone(exchange));
    exchange.session.tunnel.replace(Some(tunnel));
    Ok(Response::from_parts(head, ResponseBody::words("", Rc::clone(exchange))))
}

/// A response of our own: a status and a few words.
fn answer(exchange: Rc<Exchange>, failure: &Failure) -> Response<ResponseBody> {
    exchange.fail(failure.reason());
    if let Failure::Upstream(error) = failure {
        exchange.session.site.pool.failed(error);
    }
    decline_upgrade(&exchange);
    exchange.status.set(Some(failure.status()));
    let close = matches!(failure, Failure::Rejected(_)) && exchange.version != Version::HTTP_2;
    let mut response = Response::new(ResponseBody::words(failure.words(), exchange));
    *response.status_mut() = failure.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{Incoming, Rc, Request, Session, serve};

    fn room<F>(_: impl FnOnce(&Rc<Session>, Request<Incoming>) -> F) -> usize {
        size_of::<F>()
    }

    /// Every connection, and every HTTP/2 stream, holds this much while it waits for its backend.
    #[test]
    fn an_exchange_does_not_grow_unnoticed() {
        let room = room(serve);
        assert!(room <= 4096, "{room} bytes");
    }
}
