//! Requests counted and timed by route, never by address: ids would make a series each.
use crate::clock::SharedClock;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Seconds until the response begins; a stream's length is the turn's own measure.
pub async fn layer(State(clock): State<SharedClock>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let method = request.method().to_string();
    let began = clock.monotonic();
    let response = next.run(request).await;
    let seconds = clock.monotonic().duration_since(began).as_secs_f64();
    let status = response.status().as_u16();
    metrics::counter!("adjutant_http_requests_total", "route" => route.clone(), "method" => method.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("adjutant_http_request_seconds", "route" => route, "method" => method)
        .record(seconds);
    if status >= 500 {
        tracing::warn!(status, seconds, "answered");
    } else {
        tracing::debug!(status, seconds, "answered");
    }
    response
}
