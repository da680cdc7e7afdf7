//! `/api/sources`: connections to platforms, made, tried, read and taken away (`connectors.md` §1.8). Secrets go in and
//! never come out.
use super::address::{Path, Query};
use super::auth::Caller;
use super::body::Body;
use super::once;
use super::page::Page;
use super::problem::Problem;
use super::state::Server;
use crate::access::Permission;
use crate::daily::sync::manage::{self, By, Change, Wanted};
use crate::daily::sync::overview::{self, Connection, Overview};
use crate::daily::sync::{Engine, SourceFault};
use crate::db::sources::{self, Drift};
use crate::db::syncs::{self, Run};
use crate::ids::{SourceId, SyncRunId};
use crate::money::Currency;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::civil::Date;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

mod problems;

/// A secret on its way in: it prints and serialises nowhere.
#[derive(Clone, utoipa::ToSchema)]
#[schema(value_type = String, format = Password)]
pub struct Secret(SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSource {
    /// The platform; `GET /api/sources` lists them with their fields.
    pub connector: String,
    /// What people call it; the platform's own name without one.
    pub name: Option<String>,
    /// What is no secret, by field; `base_url` where the platform is somewhere else.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Sealed when stored, never shown again.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// Of the account's days, where the platform does not tell; the organisation's without one.
    pub time_zone: Option<String>,
    #[schema(value_type = Option<String>)]
    pub currency: Option<Currency>,
}

/// What is left out stays. A setting or secret that is `null` is taken away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSource {
    pub name: Option<String>,
    /// Other settings than `base_url` begin every stream anew: what was read before may be of another account. A setting that
    /// decides where secrets go (`base_url`, the shop, the account in an address) needs every stored secret anew beside it.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub config: BTreeMap<String, Option<String>>,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub secrets: BTreeMap<String, Option<Secret>>,
    pub time_zone: Option<String>,
    #[schema(value_type = Option<String>)]
    pub currency: Option<Currency>,
    /// `false`: nothing reads it any more until it is switched on.
    pub enabled: Option<bool>,
}

/// A connection and what the platform said of it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Connected {
    #[serde(flatten)]
    pub source: Connection,
    /// What the key opens.
    pub account: String,
}

/// What a platform said when it was asked.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Checked {
    pub ok: bool,
    /// What the key opens.
    pub account: String,
    pub time_zone: Option<String>,
    #[schema(value_type = Option<String>)]
    pub currency: Option<Currency>,
}

#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncBody {
    /// One stream only.
    pub stream: Option<String>,
    /// Reads days again, whatever was read before: from this one…
    pub from: Option<Date>,
    /// …to this one; to today without it.
    pub to: Option<Date>,
}

/// Runs that wait to be begun; `GET /api/sources/{id}/runs` tells how they fare.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Asked {
    /// The first of them.
    pub run_id: SyncRunId,
    pub runs: Vec<AskedRun>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct AskedRun {
    pub run_id: SyncRunId,
    pub stream: String,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    pub stream: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Schema {
    pub items: Vec<Drift>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunsQuery {
    /// Of one stream only.
    pub stream: Option<String>,
    /// How many, 1 to 100; 25 when not said.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub after: Option<SyncRunId>,
}

/// What opens connections; without a master key there is none, and an operator has to set one.
fn engine(server: &Server) -> Result<Engine, Problem> {
    server.sources.engine().map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "connections cannot be opened");
        let text =
            "The server has no master key to keep secrets with. Its operator sets ADJUTANT_MASTER_KEY.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "source.no_key", text)
    })
}

/// List connections
///
/// With the last run of each stream, and the platforms that could be connected with what they need.
#[utoipa::path(get, path = "/api/sources", tag = "sources", responses(
    (status = 200, description = "Connections, and platforms to connect", body = Overview),
    (status = 403, description = "source.manage is required", body = Problem)))]
pub async fn list(State(server): State<Server>, Caller(actor): Caller) -> Result<Json<Overview>, Problem> {
    actor.require(Permission::SourceManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    Ok(Json(overview::overview(&mut tx, actor.org).await?))
}

/// Connect a platform
///
/// The platform is asked first (10 s at most): nothing is stored of a connection that does not work. Its streams are due at once.
#[utoipa::path(post, path = "/api/sources", tag = "sources", request_body = NewSource,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same connection for a day; \
    values of secrets are not compared")), responses(
    (status = 201, description = "Connected", body = Connected),
    (status = 403, description = "source.manage is required", body = Problem),
    (status = 409, description = "`source.name_taken`", body = Problem),
    (status = 422, description = "`source.platform`, `source.name`, `source.field`, `source.auth.missing_config`, and what \
    the platform refuses: `source.auth.invalid`, `source.auth.scope`, `source.account.not_found`", body = Problem),
    (status = 502, description = "`source.platform.unavailable`", body = Problem),
    (status = 503, description = "`source.no_key`: the server has no master key", body = Problem)))]
pub async fn add(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Body(new): Body<NewSource>,
) -> Result<Response, Problem> {
    actor.require(Permission::SourceManage)?;
    let engine = engine(&server)?;
    // The hash of a body is stored; that of a short secret could be guessed from it.
    let names: Vec<&String> = new.secrets.keys().collect();
    let told = json!([new.connector, new.name, new.config, names, new.time_zone, new.currency]);
    once::once(&server, &actor, &headers, "source.add", &told, async {
        let wanted = Wanted {
            connector: &new.connector,
            name: new.name.as_deref(),
            config: new.config.clone(),
            secrets: new.secrets.iter().map(|(name, secret)| (name.clone(), secret.0.clone())).collect(),
            time_zone: new.time_zone.as_deref(),
            currency: new.currency,
        };
        let (source, report) = engine.connect(actor.org, wanted, By::Member(&actor)).await?;
        let mut tx = server.app.db.org(actor.org).await?;
        let source = overview::one(&mut tx, actor.org, source.id).await?;
        Ok((StatusCode::CREATED, Connected { source, account: report.account }))
    })
    .await
}

/// One connection
#[utoipa::path(get, path = "/api/sources/{id}", tag = "sources", params(("id" = SourceId, Path)), responses(
    (status = 200, description = "Without its secrets", body = Connection),
    (status = 404, description = "There is no such connection", body = Problem)))]
pub async fn read(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
) -> Result<Json<Connection>, Problem> {
    actor.require(Permission::SourceManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    Ok(Json(overview::one(&mut tx, actor.org, id).await?))
}

/// Change a connection
///
/// Where the platform is told something else it is asked first, and nothing is stored of what does not work.
#[utoipa::path(patch, path = "/api/sources/{id}", tag = "sources", params(("id" = SourceId, Path)),
    request_body = ChangeSource, responses(
    (status = 200, description = "Changed", body = Connection),
    (status = 404, description = "There is no such connection", body = Problem),
    (status = 409, description = "`source.name_taken`", body = Problem),
    (status = 422, description = "As for a new one; `source.field` with the secrets in `context.missing` where an address \
    changes without them", body = Problem),
    (status = 502, description = "`source.platform.unavailable`", body = Problem)))]
pub async fn change(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
    Body(body): Body<ChangeSource>,
) -> Result<Json<Connection>, Problem> {
    actor.require(Permission::SourceManage)?;
    let engine = engine(&server)?;
    let secrets = body.secrets.into_iter().map(|(name, secret)| {
        // An empty secret opens nothing: it is none.
        (name, secret.map(|secret| secret.0).filter(|secret| !secret.expose_secret().is_empty()))
    });
    let change = Change {
        name: body.name,
        config: body.config,
        secrets: secrets.collect(),
        time_zone: body.time_zone,
        currency: body.currency,
        enabled: body.enabled,
    };
    engine.change(actor.org, id, &change, By::Member(&actor)).await?;
    let mut tx = server.app.db.org(actor.org).await?;
    Ok(Json(overview::one(&mut tx, actor.org, id).await?))
}

/// Forget a connection
///
/// With its secrets, cursors and runs; the facts it brought stay. What they say of a person is erased by `POST /api/privacy/erase`.
#[utoipa::path(delete, path = "/api/sources/{id}", tag = "sources", params(("id" = SourceId, Path)), responses(
    (status = 204, description = "Forgotten"),
    (status = 404, description = "There is no such connection", body = Problem),
    (status = 422, description = "`source.purge`, `request.query`: a parameter asks for something that is not done; nothing is \
    forgotten", body = Problem)))]
pub async fn remove(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
    Query(told): Query<Vec<(String, String)>>,
) -> Result<StatusCode, Problem> {
    actor.require(Permission::SourceManage)?;
    problems::facts_stay(&told)?;
    manage::forget(&server.app.db, actor.org, id, By::Member(&actor), server.app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask the platform whether a connection works
#[utoipa::path(post, path = "/api/sources/{id}/check", tag = "sources", params(("id" = SourceId, Path)), responses(
    (status = 200, description = "It works; one that waited for a person is read again", body = Checked),
    (status = 404, description = "There is no such connection", body = Problem),
    (status = 422, description = "What the platform refuses, for instance `source.auth.invalid`", body = Problem),
    (status = 502, description = "`source.platform.unavailable`", body = Problem)))]
pub async fn check(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
) -> Result<Json<Checked>, Problem> {
    actor.require(Permission::SourceManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    overview::one(&mut tx, actor.org, id).await?;
    crate::db::let_go(tx);
    let report = engine(&server)?.check(actor.org, id).await.map_err(SourceFault::from)?;
    Ok(Json(Checked {
        ok: true,
        account: report.account,
        time_zone: report.time_zone,
        currency: report.currency,
    }))
}

/// Read a connection now
///
/// Every stream, or one; what is new, or days again. The runs are on record before the answer, and survive a restart.
#[utoipa::path(post, path = "/api/sources/{id}/sync", tag = "sources", params(("id" = SourceId, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same runs for a day")),
    request_body = SyncBody, responses(
    (status = 202, description = "The runs wait to be begun", body = Asked),
    (status = 404, description = "There is no such connection", body = Problem),
    (status = 409, description = "`source.sync.already_running`, `source.disabled`", body = Problem),
    (status = 422, description = "`source.stream`, `source.days`", body = Problem)))]
pub async fn sync(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
    headers: HeaderMap,
    Body(body): Body<SyncBody>,
) -> Result<Response, Problem> {
    actor.require(Permission::SourceManage)?;
    let engine = engine(&server)?;
    let scope = format!("source.sync:{id}");
    once::once(&server, &actor, &headers, &scope, &body, async {
        let days = (body.from, body.to);
        let queued = engine.ask(actor.org, id, body.stream.as_deref(), days, By::Member(&actor)).await?;
        server.sources.begin(engine.clone(), actor.org);
        let first = queued.first().ok_or(SourceFault::Busy)?.id;
        let runs = queued.into_iter().map(|run| AskedRun { run_id: run.id, stream: run.stream });
        Ok((StatusCode::ACCEPTED, Asked { run_id: first, runs: runs.collect() }))
    })
    .await
}

/// Runs of a connection
///
/// The newest first; those that wait or are under way too, with what they kept so far.
#[utoipa::path(get, path = "/api/sources/{id}/runs", tag = "sources", params(("id" = SourceId, Path), RunsQuery),
    responses(
    (status = 200, description = "How each went", body = Page<Run>),
    (status = 404, description = "There is no such connection", body = Problem)))]
pub async fn runs(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
    Query(query): Query<RunsQuery>,
) -> Result<Json<Page<Run>>, Problem> {
    actor.require(Permission::SourceManage)?;
    let limit = query.limit.unwrap_or(25).clamp(1, 100);
    let mut tx = server.app.db.org(actor.org).await?;
    overview::one(&mut tx, actor.org, id).await?;
    let mut items =
        syncs::page(&mut tx, actor.org, id, query.stream.as_deref(), query.after, limit + 1).await?;
    let kept = usize::try_from(limit).unwrap_or_default();
    let more = items.len() > kept;
    items.truncate(kept);
    let next = items.last().filter(|_| more).map(|run| run.id.to_string());
    Ok(Json(Page { items, next }))
}

/// Begin a stream anew
///
/// Its next run reads the whole history again; facts are compared, not doubled.
#[utoipa::path(post, path = "/api/sources/{id}/reset", tag = "sources", params(("id" = SourceId, Path)),
    request_body = ResetBody, responses(
    (status = 200, description = "It begins anew", body = Connection),
    (status = 404, description = "There is no such connection", body = Problem),
    (status = 422, description = "`source.stream`", body = Problem)))]
pub async fn reset(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
    Body(body): Body<ResetBody>,
) -> Result<Json<Connection>, Problem> {
    actor.require(Permission::SourceManage)?;
    engine(&server)?.reset(actor.org, id, &body.stream, By::Member(&actor)).await?;
    let mut tx = server.app.db.org(actor.org).await?;
    Ok(Json(overview::one(&mut tx, actor.org, id).await?))
}

/// What payloads said that nobody expected
///
/// Fields that are new or missing, and unknown words, each with when it was first and last seen.
#[utoipa::path(get, path = "/api/sources/{id}/schema", tag = "sources", params(("id" = SourceId, Path)), responses(
    (status = 200, description = "By stream and field", body = Schema),
    (status = 404, description = "There is no such connection", body = Problem)))]
pub async fn schema(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<SourceId>,
) -> Result<Json<Schema>, Problem> {
    actor.require(Permission::SourceManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    overview::one(&mut tx, actor.org, id).await?;
    Ok(Json(Schema { items: sources::drift(&mut tx, actor.org, id).await? }))
}
