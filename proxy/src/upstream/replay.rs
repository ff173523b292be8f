//! A request that can be sent a second time.
//!
//! A kept-alive connection may be closed by the backend just as a request is sent on it. If no byte of a response came,
//! and the request is idempotent (RFC 9110 §9.2.2) and has no body, it is sent once more on another connection.

use crate::http::RequestBody;
use http::{HeaderMap, Method, Request, Uri, Version};
use http_body::Body;

/// The head of a request that may be repeated.
pub(super) struct Replay {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: RequestBody,
}

impl Replay {
    /// A copy of `request`, if it may be repeated.
    pub(super) fn of(request: &Request<RequestBody>) -> Option<Self> {
        let idempotent = request.method().is_idempotent();
        if !idempotent || !request.body().is_end_stream() {
            return None;
        }
        Some(Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            body: request.body().empty_again(),
        })
    }

    /// The request again.
    pub(super) fn request(self) -> Request<RequestBody> {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        *request.version_mut() = Version::HTTP_11;
        request
    }
}
