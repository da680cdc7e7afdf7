//! Routes, sign-in, server-sent events, problem documents, OpenAPI. No SQL, no domain decisions.
mod address;
mod attribution;
mod audit;
mod auth;
mod body;
mod chat;
mod conversations;
mod drafts;
mod events;
mod health;
pub mod hooks;
mod imports;
pub mod limits;
mod measure;
mod once;
mod page;
mod privacy;
pub mod problem;
mod quality;
mod reference;
mod request_id;
mod sources;
mod sse;
pub mod state;
mod tools;
mod webhooks;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::serve::ListenerExt;
use axum::{Router, middleware};
use problem::Problem;
use state::Server;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Adjutant",
        description = "A marketing agent that answers through named queries and may only draft changes. \
                       Send an API key or a session as `Authorization: Bearer …`. Errors are RFC 9457 problem documents \
                       with a stable `code`."
    ),
    components(schemas(crate::chat::TurnEvent))
)]
struct Document;

/// How long answers under way may go on after a stop.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Answers on `listener` until `stop`; then no new requests, and the streams under way get a little time. `more` are the
/// routes of other surfaces.
pub async fn serve(
    listener: TcpListener,
    server: Server,
    body_limit: usize,
    more: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    // Without it the first token of an answer waits for an acknowledgement (Nagle's algorithm).
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let stopped = stop.clone();
    // As a make-service: a bare router copies its whole table of routes for every connection.
    let service = router(server, body_limit, more).into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(async move { stopped.cancelled().await });
    let serving = serving.into_future();
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        () = stop.cancelled() => {}
    }
    tokio::time::timeout(LAST_WORDS, serving).await.unwrap_or(Ok(()))
}

/// Every route, each of them in the OpenAPI document by construction, but for those of other surfaces.
pub fn router(server: Server, body_limit: usize, more: Router) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(chat::ask))
        .routes(routes!(chat::events))
        .routes(routes!(chat::cancel))
        .routes(routes!(chat::feedback))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::read, conversations::rename, conversations::remove))
        .routes(routes!(tools::list))
        .routes(routes!(tools::run))
        .routes(routes!(drafts::list, drafts::create))
        .routes(routes!(drafts::read))
        .routes(routes!(drafts::review))
        .routes(routes!(drafts::revise))
        .routes(routes!(drafts::cancel))
        .routes(routes!(drafts::mark_applied))
        .routes(routes!(drafts::override_guardrail))
        .routes(routes!(drafts::schedule))
        .routes(routes!(drafts::unschedule))
        .routes(routes!(drafts::export))
        .routes(routes!(drafts::trail))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(audit::export))
        .routes(routes!(events::send))
        .routes(routes!(events::names))
        .routes(routes!(events::register))
        .routes(routes!(quality::read))
        .routes(routes!(quality::acknowledge))
        .routes(routes!(quality::reset))
        .routes(routes!(privacy::consent))
        .routes(routes!(privacy::erasure::list, privacy::erasure::ask))
        .routes(routes!(privacy::erasure::read))
        .routes(routes!(privacy::erasure::export))
        .routes(routes!(webhooks::list, webhooks::add))
        .routes(routes!(webhooks::read, webhooks::change, webhooks::remove))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::delivered))
        .routes(routes!(webhooks::retry))
        .routes(routes!(sources::list, sources::add))
        .routes(routes!(sources::read, sources::change, sources::remove))
        .routes(routes!(sources::check))
        .routes(routes!(sources::sync))
        .routes(routes!(sources::runs))
        .routes(routes!(sources::reset))
        .routes(routes!(sources::schema))
        .routes(routes!(imports::list, imports::upload))
        .routes(routes!(imports::read, imports::remove))
        .routes(routes!(imports::map))
        .routes(routes!(imports::preview))
        .routes(routes!(imports::commit))
        .routes(routes!(attribution::recompute))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::measures))
        .routes(routes!(reference::data))
        .routes(routes!(reference::html))
        .split_for_parts();
    reference::publish(serde_json::to_value(&document).unwrap_or_default());
    let fixed = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    api.merge(more.with_state(()))
        .fallback(async || {
            Problem::new(
                StatusCode::NOT_FOUND,
                "route.unknown",
                "There is nothing at this address; see /reference.",
            )
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "route.method",
                "This address does not take that method; see /reference.",
            )
        })
        .layer(middleware::from_fn_with_state(server.clone(), measure::layer))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(CatchPanicLayer::custom(|_| Problem::internal(&"a handler panicked").into_response()))
        .layer(middleware::from_fn_with_state(server.clone(), request_id::layer))
        .layer(fixed("x-content-type-options", "nosniff"))
        .layer(fixed("referrer-policy", "no-referrer"))
        .layer(fixed(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .with_state(server)
}
