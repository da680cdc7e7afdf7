//! `/slack/events`, `/slack/interactions`, `/slack/commands`.
use crate::slack::Slack;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

/// The three addresses that a manifest names when events come over HTTP.
pub fn routes(_slack: Slack) -> Router {
    let closed = || post(async || StatusCode::UNAUTHORIZED);
    Router::new()
        .route("/slack/events", closed())
        .route("/slack/interactions", closed())
        .route("/slack/commands", closed())
}
