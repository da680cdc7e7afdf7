//! `/api/events`: events in batches, and the names that may be sent (`events.md` §6).
mod batch;

use super::address::{Path, Query};
use super::auth::{self, Caller};
use super::body::Body;
use super::limits::Rate;
use super::problem::Problem;
use super::state::Server;
use crate::access::{Actor, Credential, Permission};
use crate::db::audit;
use crate::db::events::registry::{self, Registered};
use crate::events::ingest::{IngestError, Prepared, Pressed, Summary, gave_way};
use crate::events::{Custom, Event, Rejection, Via};
use crate::ids::OrgId;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use batch::{Form, Packing};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// `events.md` §6.
const AWAY_RETRY_SECONDS: u64 = 5;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SendQuery {
    /// `true`: everything is checked and nothing is stored.
    #[serde(default)]
    pub validate: bool,
}

impl From<Pressed> for Problem {
    fn from(pressed: Pressed) -> Self {
        let text = format!(
            "Too much is under way here ({}). Nothing was stored; send the same batch again in {} s.",
            pressed.reason, pressed.retry_after
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate.backpressure", text)
            .with_retry_after(pressed.retry_after)
            .with_context(json!({ "reason": pressed.reason }))
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Pressed(pressed) => pressed.into(),
            IngestError::Database(error) if gave_way(&error) => {
                tracing::error!(%error, "a batch gave way too often");
                let text = "The database is too busy with other batches. Nothing was stored; send the same batch again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "storage.unavailable", text)
            }
            IngestError::Database(error) => Self::database(&error),
        }
    }
}

/// Send events
#[utoipa::path(post, path = "/api/events", tag = "events", params(SendQuery),
    request_body(content = Value, description = "`{\"events\": […]}` or a bare array of 1 to 1,000 events; with the type \
        `application/x-ndjson` an event a line. `Content-Encoding` may be `gzip` or `zstd`."),
    responses(
        (status = 200, description = "Every item accepted, replaced, duplicate or suppressed; durable", body = Summary),
        (status = 207, description = "Some stored, at least one rejected; durable", body = Summary),
        (status = 422, description = "Every item rejected", body = Summary),
        (status = 400, description = "`batch.invalid_json`, `batch.empty`: nothing was stored", body = Problem),
        (status = 401, description = "`auth.missing`, `auth.invalid`", body = Problem),
        (status = 403, description = "`permission.missing`: event.write is required", body = Problem),
        (status = 413, description = "`batch.too_many`, `batch.too_large`", body = Problem),
        (status = 415, description = "`batch.media_type`, `batch.encoding`", body = Problem),
        (status = 429, description = "`rate.limited`, `rate.backpressure`: nothing was stored", body = Problem),
        (status = 503, description = "`storage.unavailable`: nothing was stored; the same batch may be sent again", body = Problem)))]
pub async fn send(State(server): State<Server>, request: Request) -> Response {
    let (mut rate, mut org) = (None, None);
    let answered = answer(&server, request, &mut rate, &mut org).await;
    let unstored = answered.as_ref().err().is_some_and(|problem| problem.code == "storage.unavailable");
    // A stranger's request is nobody's, but for one whom the database could not tell from a caller.
    if org.is_some() || unstored {
        server.events.note(org, unstored);
    }
    let mut response = answered.unwrap_or_else(|problem| match problem.code.as_str() {
        "storage.unavailable" => problem.with_retry_after(AWAY_RETRY_SECONDS).into_response(),
        _ => problem.into_response(),
    });
    for (name, value) in rate.into_iter().flat_map(rate_headers) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn rate_headers(rate: Rate) -> [(HeaderName, HeaderValue); 3] {
    [
        (HeaderName::from_static("ratelimit-limit"), rate.limit.into()),
        (HeaderName::from_static("ratelimit-remaining"), rate.remaining.into()),
        (HeaderName::from_static("ratelimit-reset"), rate.reset.into()),
    ]
}

async fn answer(
    server: &Server,
    request: Request,
    rate: &mut Option<Rate>,
    org: &mut Option<OrgId>,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let actor = counted(server, &parts, rate).await?;
    *org = Some(actor.org);
    let Query(SendQuery { validate }) = Query::from_request_parts(&mut parts, server).await?;
    if !actor.may(Permission::EventWrite) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "permission.missing", "event.write is required."));
    }
    let (form, packing) = batch::described(&parts.headers)?;
    // While too much is waiting, the body is not even read.
    let mut prepared = server.events.patiently(server.events.prepare(&actor, Via::Api)).await??;
    let body = batch::read(body, packing).await?;
    let turn = server.events.turn(&mut prepared).await?;
    let bucket = match (actor.credential, prepared.events_per_minute) {
        (Credential::ApiKey(key), Some(per_minute)) => Some((key.0, per_minute)),
        (Credential::ApiKey(_), None) | (Credential::Session, _) => None,
    };
    let work = Work { server: server.clone(), bucket, prepared, body, form, packing, _turn: turn };
    // A batch takes some milliseconds of arithmetic: not on the threads that answer others.
    let (prepared, checked) = tokio::task::spawn_blocking(move || work.check())
        .await
        .map_err(|error| Problem::internal(&error))??;
    let items = u32::try_from(checked.len()).unwrap_or(u32::MAX);
    let stored = server.events.store(&prepared, checked, validate).await;
    if let (Err(_), Some((who, per_minute))) = (&stored, bucket) {
        server.limits.give_back_events(who, per_minute, items);
    }
    let summary = stored?;
    let status = match &summary {
        Summary { rejected: 0, .. } => StatusCode::OK,
        Summary { rejected, received, .. } if rejected == received => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::MULTI_STATUS,
    };
    Ok((status, Json(summary)).into_response())
}

/// Who is asking, counted in the bucket of the key; what is left in it is told with every reply.
async fn counted(server: &Server, parts: &Parts, rate: &mut Option<Rate>) -> Result<Actor, Problem> {
    let signed_in = server.events.patiently(auth::identify(parts, server)).await??;
    let (who, per_minute) = auth::bucket_of(&signed_in);
    let (left, taken) = server.limits.take_counted(who, per_minute);
    *rate = Some(left);
    taken?;
    Ok(signed_in.actor)
}

/// A batch as it came, with what it is judged by.
struct Work {
    server: Server,
    /// Whose events are counted, and how many a minute are let through.
    bucket: Option<(Uuid, u32)>,
    prepared: Prepared,
    body: Bytes,
    form: Form,
    packing: Packing,
    _turn: OwnedSemaphorePermit,
}

impl Work {
    /// Unpacks and splits the body, takes its events out of the key's bucket, and judges each of them.
    fn check(self) -> Result<(Prepared, Vec<Result<Event, Rejection>>), Problem> {
        let body = batch::unpack(self.body, self.packing)?;
        let items = batch::split(&body, self.form)?;
        if let Some((who, per_minute)) = self.bucket {
            let n = u32::try_from(items.len()).unwrap_or(u32::MAX);
            self.server.limits.take_events(who, per_minute, n)?;
        }
        let judged = items.iter().enumerate().map(|(index, item)| self.prepared.check(item.get(), index));
        let judged = judged.collect();
        Ok((self.prepared, judged))
    }
}

/// Names of events
#[utoipa::path(get, path = "/api/events/registry", tag = "events", responses(
    (status = 200, description = "Every name that may be sent, with its version, properties and what it feeds; the \
        organisation's own (`x_…`) last", body = Value),
    (status = 401, description = "No valid key or session", body = Problem)))]
pub async fn names(State(server): State<Server>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    Ok(Json(server.events.registry(actor.org).await?.describe()))
}

/// Register a name
///
/// The same definition again changes nothing; another one is the next version.
#[utoipa::path(put, path = "/api/events/registry/{name}", tag = "events", request_body = Custom,
    params(("name" = String, Path, description = "`x_` and what a name may hold")),
    responses(
        (status = 200, description = "The definition with its version", body = Custom),
        (status = 403, description = "settings.manage is required", body = Problem),
        (status = 422, description = "`event.definition`: the definition contradicts itself", body = Problem)))]
pub async fn register(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(name): Path<String>,
    Body(mut custom): Body<Custom>,
) -> Result<Json<Custom>, Problem> {
    actor.require(Permission::SettingsManage)?;
    let unfit = |text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "event.definition", text);
    if !custom.name.is_empty() && custom.name != name {
        return Err(unfit(format!(
            "The address says '{name}' and the body '{}'; say one of them.",
            custom.name
        )));
    }
    custom.name = name;
    custom.version = 1;
    server.events.check_custom(&custom).map_err(|fault| unfit(fault.to_string()))?;
    let now = server.app.clock.now();
    let new = Registered {
        name: custom.name.clone(),
        version: 1,
        class: custom.class.as_str().to_owned(),
        actor: custom.actor,
        entity: custom.entity.iter().map(|kind| kind.as_str().to_owned()).collect(),
        properties: serde_json::to_value(&custom.properties).map_err(|error| Problem::internal(&error))?,
    };
    let mut tx = server.app.db.org(actor.org).await?;
    let (version, changed) = registry::put(&mut tx, actor.org, &new, actor.member, now).await?;
    custom.version = version;
    if changed {
        let mut entry = audit::NewEntry::by(&actor, "event.registered", "event", &custom.name, now);
        entry.after = serde_json::to_value(&custom).ok();
        audit::append(&mut tx, actor.org, &entry).await?;
    }
    tx.commit().await?;
    Ok(Json(custom))
}
