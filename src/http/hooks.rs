//! `/hooks/{connector}/{source_id}`: what platforms deliver by themselves (`connectors.md` §1.10). A 200 means that it is
//! stored; whoever is not the platform hears a code and no more.
use super::limits::Limits;
use super::problem::Problem;
use crate::clock::SharedClock;
use crate::daily::sync::Engine;
use crate::daily::sync::hooks::{NotTaken, Received};
use crate::ids::SourceId;
use crate::platforms::hook::Refused;
use crate::platforms::registry;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Largest body that is taken, bytes (`connectors.md` §1.10).
pub const MAX_BODY: usize = 1 << 20;
/// How long a body may take to arrive: the platforms' own patience is five to twenty seconds.
const ARRIVAL: Duration = Duration::from_secs(10);
/// Deliveries a minute that one connection may send; a sale of the year stays below, and what is refused is sent again.
const PER_MINUTE: u32 = 3_000;
/// Bad signatures within an hour after which an operator is told (`connectors.md` §1.10).
const ALARMING: u32 = 20;

/// Deliveries of one connection, and of all, that are proven at once. Bad ones cost no more than this, and keep good ones waiting
/// for milliseconds: nobody is shut out because of what others send from the same address or to the same one.
const PROVEN_AT_ONCE: usize = 8;
const ALL_AT_ONCE: usize = 32;
/// How long one waits for its turn; then it is sent again.
const TURN: Duration = Duration::from_secs(5);

/// Gives what reads connections, once there is a key to open them with.
pub type Connections = Arc<dyn Fn() -> anyhow::Result<Option<Engine>> + Send + Sync>;

/// The way in for platforms. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

struct Shared {
    connections: Connections,
    engine: OnceLock<Engine>,
    clock: SharedClock,
    limits: Limits,
    /// Connections that exist, by what is known of their deliveries.
    desks: Mutex<HashMap<SourceId, Arc<Desk>>>,
    room: Semaphore,
    per_minute: u32,
}

/// What is known of the deliveries of one connection.
struct Desk {
    room: Semaphore,
    /// Bad signatures: the hour, and how many in it.
    forged: Mutex<(i64, u32)>,
}

impl Gateway {
    pub fn new(connections: Connections, clock: SharedClock) -> Self {
        Self::limited(connections, clock, PER_MINUTE)
    }

    /// One that takes so many deliveries a minute of a connection.
    pub fn limited(connections: Connections, clock: SharedClock, per_minute: u32) -> Self {
        Self(Arc::new(Shared {
            per_minute,
            connections,
            engine: OnceLock::new(),
            clock,
            limits: Limits::default(),
            desks: Mutex::default(),
            room: Semaphore::new(ALL_AT_ONCE),
        }))
    }

    /// Its routes, for [`super::serve`].
    pub fn routes(self) -> Router {
        Router::new()
            .route("/hooks/{connector}/{source_id}", post(bare))
            .route("/hooks/{connector}/{source_id}/{path_token}", post(with_token))
            .with_state(self)
    }

    fn engine(&self) -> Result<&Engine, Problem> {
        if let Some(engine) = self.0.engine.get() {
            return Ok(engine);
        }
        match (self.0.connections)() {
            Ok(Some(engine)) => Ok(self.0.engine.get_or_init(|| engine)),
            Ok(None) => Err(unknown()),
            Err(error) => Err(unavailable(&format!("{error:#}"))),
        }
    }

    async fn deliver(
        &self,
        connector: &str,
        source: &str,
        path_token: Option<&str>,
        request: Request,
    ) -> Result<Json<Value>, Problem> {
        let outcome = self.take(connector, source, path_token, request).await;
        // A label for what we know; anything else would let strangers make series.
        let label = registry::connector(connector).map_or("unknown", |known| known.spec().key);
        let word = match &outcome {
            Ok(Received::Stored) => "stored".to_owned(),
            Ok(Received::Again) => "again".to_owned(),
            Ok(Received::Ignored) => "ignored".to_owned(),
            Err(problem) => problem.code.clone(),
        };
        metrics::counter!("adjutant_webhooks_total", "connector" => label, "outcome" => word).increment(1);
        let status = match outcome? {
            Received::Stored => "stored",
            Received::Again => "duplicate",
            Received::Ignored => "ignored",
        };
        Ok(Json(json!({ "status": status })))
    }

    async fn take(
        &self,
        connector: &str,
        source: &str,
        path_token: Option<&str>,
        request: Request,
    ) -> Result<Received, Problem> {
        let (parts, body) = request.into_parts();
        let from = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |info| info.0.ip().to_canonical());
        let limits = &self.0.limits;
        // Before any work: what is too large by its own word.
        if declared(&parts.headers).is_some_and(|length| length > MAX_BODY) {
            return Err(too_large());
        }
        let engine = self.engine()?;
        let id: Option<SourceId> = source.parse().ok();
        let address = match id {
            Some(id) => engine.addressed(connector, id).await?,
            None => None,
        };
        let Some(address) = address else {
            // Who guesses is not listened to for a while; whoever sends to a connection that exists is not taken for them.
            limits.may_try(from, source)?;
            limits.tried(from, source, false);
            return Err(unknown());
        };
        let body = read(body).await?;
        let desk = self.desk(address.source);
        let places = async { tokio::try_join!(desk.room.acquire(), self.0.room.acquire()) };
        let Ok(Ok(_places)) = tokio::time::timeout(TURN, places).await else {
            return Err(unavailable("too many deliveries are being proven"));
        };
        // Only what is the platform's counts: others do not use up what it may send.
        let mut too_many = None;
        let may = || {
            limits
                .take(address.source.0, self.0.per_minute)
                .map_err(|problem| too_many = Some(problem))
                .is_ok()
        };
        let taken = engine.receive(address, path_token, (&parts.headers, &body), may).await;
        if let Err(NotTaken::Refused(refused)) = &taken
            && matches!(refused, Refused::Missing | Refused::Form | Refused::Wrong | Refused::Elsewhere)
            && self.is_alarming(&desk)
        {
            tracing::error!(connector, source = %address.source, "{ALARMING} deliveries with a bad signature within an hour");
            engine.tell_of_forgeries(address.org, address.source, ALARMING).await?;
        }
        taken.map_err(|error| not_taken(connector, address.source, error, too_many))
    }

    fn desk(&self, source: SourceId) -> Arc<Desk> {
        let mut desks = self.0.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Desk { room: Semaphore::new(PROVEN_AT_ONCE), forged: Mutex::default() });
        Arc::clone(desks.entry(source).or_insert_with(new))
    }

    /// Counts a bad signature; whether it is the one that people are told of.
    fn is_alarming(&self, desk: &Desk) -> bool {
        let hour = self.0.clock.now().as_second().div_euclid(3600);
        let mut forged = desk.forged.lock().unwrap_or_else(PoisonError::into_inner);
        *forged = if forged.0 == hour { (hour, forged.1.saturating_add(1)) } else { (hour, 1) };
        forged.1 == ALARMING
    }
}

/// What its sender is told of a delivery that was not taken.
fn not_taken(connector: &str, source: SourceId, error: NotTaken, too_many: Option<Problem>) -> Problem {
    let refused = match error {
        NotTaken::Refused(refused) => refused,
        NotTaken::NotNow => return too_many.unwrap_or_else(|| unavailable("too many deliveries")),
        NotTaken::Secrets(error) => return unavailable(&error),
        NotTaken::Database(error) => return Problem::database(&error),
    };
    tracing::info!(connector, %source, reason = %refused, "a delivery was refused");
    let unauthorized = |code, text| Problem::new(StatusCode::UNAUTHORIZED, code, text);
    match refused {
        Refused::NotHere => unknown(),
        Refused::Stale => {
            unauthorized("webhook.timestamp_skew", "It was signed more than five minutes from now.")
        }
        Refused::Unreadable => {
            Problem::bad_request("webhook.body_invalid", "The body is not what this platform sends.")
        }
        Refused::Missing | Refused::Form | Refused::Wrong | Refused::Elsewhere => {
            unauthorized("webhook.signature_invalid", "The signature does not fit.")
        }
    }
}

async fn bare(
    State(gateway): State<Gateway>,
    Path((connector, source)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    gateway.deliver(&connector, &source, None, request).await
}

async fn with_token(
    State(gateway): State<Gateway>,
    Path((connector, source, token)): Path<(String, String, String)>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    gateway.deliver(&connector, &source, Some(&token), request).await
}

fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body as it came, byte for byte.
async fn read(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(ARRIVAL, axum::body::to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Longer than said, or broken off.
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "webhook.slow",
            "The body did not arrive within ten seconds.",
        )),
    }
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "webhook.too_large",
        "A delivery has at most 1 MiB, and arrives whole.",
    )
}

/// One answer for every connection that is not there, or takes nothing: which it is is nobody's business.
fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "webhook.unknown_connection", "No deliveries are taken here.")
}

fn unavailable(error: &str) -> Problem {
    tracing::error!(error, "deliveries cannot be taken");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "webhook.unavailable",
        "Deliveries cannot be taken now. Send it again later.",
    )
    .with_retry_after(60)
}
