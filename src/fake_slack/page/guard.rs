//! Only this machine's own browser, and only from this page: another site must not click for anybody.
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

/// Nothing but what this page brings itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Refuses requests under a foreign name (DNS rebinding) or from a foreign page, and adds the page's headers.
pub async fn layer(request: Request, next: Next) -> Response {
    if !at_home(request.headers()) {
        return (StatusCode::FORBIDDEN, "Open this page by its loopback address.").into_response();
    }
    let mut answer = next.run(request).await;
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer` a browser names no origin when a form is sent, and `at_home` would refuse the page's own.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn at_home(headers: &HeaderMap) -> bool {
    let read = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let Some(host) = read(header::HOST) else { return false };
    let loopback = host.parse::<SocketAddr>().is_ok_and(|a| a.ip().is_loopback())
        || host.rsplit_once(':').is_some_and(|(name, _)| name == "localhost");
    let from = read(header::ORIGIN);
    loopback && from.is_none_or(|origin| origin == format!("http://{host}"))
}
