//! `/api/drafts`: propose, read, decide, export. Handlers only translate; `drafts` decides.
use super::address::{Path, Query};
use super::auth::{Caller, SignedInCaller};
use super::body::Body;
use super::once::{self, once};
use super::problem::Problem;
use super::state::Server;
use crate::drafts::{
    self, AppliedRequest, CreateRequest, Created, DraftError, DraftPage, DraftView, ExportFormat,
    ListRequest, Outcome, OverrideRequest, Problem as Kind, ReviewRequest, ReviseRequest,
};
use crate::ids::DraftId;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

impl From<DraftError> for Problem {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Refused(refusal) => {
                let status = match refusal.problem {
                    Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                    Kind::Forbidden => StatusCode::FORBIDDEN,
                    Kind::NotFound => StatusCode::NOT_FOUND,
                    Kind::Conflict => StatusCode::CONFLICT,
                };
                let mut problem =
                    Self::new(status, &refusal.code, refusal.message).with_allowed(refusal.allowed);
                problem.pointer = refusal.pointer;
                problem
            }
            DraftError::Db(error) => Self::database(&error),
            DraftError::Broken(message) => Self::internal(&message),
        }
    }
}

/// 202 while votes are missing, 200 otherwise.
fn status(outcome: &Outcome) -> StatusCode {
    match outcome {
        Outcome::Recorded { .. } => StatusCode::ACCEPTED,
        Outcome::Done { .. } | Outcome::Unchanged { .. } => StatusCode::OK,
    }
}

/// Why a draft is withdrawn.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    #[serde(default)]
    pub reason: Option<String>,
}

/// When an approved draft is to run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    #[schema(value_type = String, format = DateTime)]
    pub execute_at: jiff::Timestamp,
}

/// Filters of the list, as query parameters.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DraftQuery {
    /// States, separated by commas.
    pub state: Option<String>,
    /// An action id.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Only drafts the caller asked for.
    #[serde(default)]
    pub mine: bool,
    /// `next` of the page before.
    pub below: Option<i64>,
    /// 1 to 200; 50 when not said.
    pub limit: Option<i64>,
}

/// What file, and whether before approval.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// editor, meta, json, list or markdown; the first that fits the draft when not said.
    pub format: Option<String>,
    /// Before approval, with a mark that says so.
    #[serde(default)]
    pub preview: bool,
}

/// Drafts
#[utoipa::path(get, path = "/api/drafts", tag = "drafts", params(DraftQuery), responses(
    (status = 200, description = "Urgent ones first, then the newest", body = DraftPage)))]
pub async fn list(
    State(server): State<Server>,
    Caller(actor): Caller,
    Query(query): Query<DraftQuery>,
) -> Result<Json<DraftPage>, Problem> {
    let states =
        query.state.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty());
    let state = states
        .map(|text| {
            text.parse()
                .map_err(|e: crate::access::UnknownValue| Problem::bad_request("draft.filter", e.to_string()))
        })
        .collect::<Result<_, _>>()?;
    let request =
        ListRequest { state, kind: query.kind, mine: query.mine, below: query.below, limit: query.limit };
    Ok(Json(drafts::list(&server.app.db, &actor, &request).await?))
}

/// Propose a change
#[utoipa::path(post, path = "/api/drafts", tag = "drafts", request_body = CreateRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key gets the same reply")),
    responses(
        (status = 201, description = "A proposal, nothing more", body = Created),
        (status = 403, description = "draft.create is required", body = Problem),
        (status = 409, description = "Another draft on the same thing is open", body = Problem),
        (status = 422, description = "The payload does not fit; `pointer` says where", body = Problem)))]
pub async fn create(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Body(request): Body<Value>,
) -> Result<Response, Problem> {
    let parsed: CreateRequest = parse(&request)?;
    let app = &server.app;
    // The server may die between the draft and its reply: the retry finds the draft.
    let body = once::hash(&request)?;
    let id = once::key(&headers)?.map(|key| drafts::id_of_request(actor.member, key, &body));
    once(&server, &actor, &headers, "drafts", &request, async {
        let made = drafts::create_once(&app.db, &*app.clock, &actor, &parsed, id).await?;
        Ok((StatusCode::CREATED, made))
    })
    .await
}

/// Read a draft
#[utoipa::path(get, path = "/api/drafts/{id}", tag = "drafts",
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "Payload, diff, evidence, guardrails, reviews", body = DraftView), (status = 404, description = "No such draft", body = Problem)))]
pub async fn read(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<DraftId>,
) -> Result<Json<DraftView>, Problem> {
    Ok(Json(drafts::get(&server.app.db, &actor, id).await?))
}

/// Decide
///
/// `approve`, `reject`, `request_changes` or `hold`, by a member's own session: API keys never decide. A decision names the
/// revision and the payload hash the reviewer saw; what changed since is refused.
#[utoipa::path(post, path = "/api/drafts/{id}/reviews", tag = "drafts", request_body = ReviewRequest,
    params(("id" = DraftId, Path, description = "The draft"),
           ("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key gets the same reply")),
    responses(
        (status = 200, description = "Decided, or unchanged", body = Outcome),
        (status = 202, description = "Recorded; more votes or a confirmation are missing", body = Outcome),
        (status = 403, description = "permission.missing, permission.four_eyes, permission.tier", body = Problem),
        (status = 409, description = "Decided before, or another revision or hash is current", body = Problem)))]
pub async fn review(
    State(server): State<Server>,
    SignedInCaller { actor, step_up }: SignedInCaller,
    headers: HeaderMap,
    Path(id): Path<DraftId>,
    Body(request): Body<Value>,
) -> Result<Response, Problem> {
    let parsed: ReviewRequest = parse(&request)?;
    let app = &server.app;
    once(&server, &actor, &headers, &format!("review:{id}"), &request, async {
        let outcome = drafts::decide(&app.db, &*app.clock, &actor, id, &parsed, step_up).await?;
        Ok((status(&outcome), outcome))
    })
    .await
}

/// Edit
///
/// A new revision with a new hash; votes on the earlier one no longer count.
#[utoipa::path(post, path = "/api/drafts/{id}/revise", tag = "drafts", request_body = ReviseRequest,
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "The new revision", body = Outcome), (status = 409, description = "Not in this state, or another revision is current", body = Problem)))]
pub async fn revise(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Path(id): Path<DraftId>,
    Body(request): Body<Value>,
) -> Result<Response, Problem> {
    let parsed: ReviseRequest = parse(&request)?;
    let app = &server.app;
    once(&server, &actor, &headers, &format!("revise:{id}"), &request, async {
        let outcome = drafts::revise(&app.db, &*app.clock, &actor, id, &parsed).await?;
        Ok((status(&outcome), outcome))
    })
    .await
}

/// Withdraw
#[utoipa::path(post, path = "/api/drafts/{id}/cancel", tag = "drafts", request_body = Cancel,
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "Withdrawn", body = Outcome), (status = 403, description = "Not the requester's", body = Problem)))]
pub async fn cancel(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Path(id): Path<DraftId>,
    Body(request): Body<Cancel>,
) -> Result<Response, Problem> {
    let app = &server.app;
    once(&server, &actor, &headers, &format!("cancel:{id}"), &request, async {
        let outcome = drafts::cancel(&app.db, &*app.clock, &actor, id, request.reason.as_deref()).await?;
        Ok((status(&outcome), outcome))
    })
    .await
}

/// Say it was applied by hand
#[utoipa::path(post, path = "/api/drafts/{id}/mark-applied", tag = "drafts", request_body = AppliedRequest,
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "On the record as executed by hand", body = Outcome), (status = 403, description = "draft.execute is required", body = Problem)))]
pub async fn mark_applied(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Path(id): Path<DraftId>,
    Body(request): Body<Value>,
) -> Result<Response, Problem> {
    let parsed: AppliedRequest = parse(&request)?;
    let app = &server.app;
    once(&server, &actor, &headers, &format!("applied:{id}"), &request, async {
        let outcome = drafts::mark_applied(&app.db, &*app.clock, &actor, id, &parsed).await?;
        Ok((status(&outcome), outcome))
    })
    .await
}

/// Let a held guardrail pass
///
/// An administrator takes responsibility with a reason; the draft then needs one approval more. Never by an API key.
#[utoipa::path(post, path = "/api/drafts/{id}/override", tag = "drafts", request_body = OverrideRequest,
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "On the record", body = Outcome), (status = 403, description = "guardrail.override is required", body = Problem)))]
pub async fn override_guardrail(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Path(id): Path<DraftId>,
    Body(request): Body<Value>,
) -> Result<Response, Problem> {
    let parsed: OverrideRequest = parse(&request)?;
    let app = &server.app;
    once(&server, &actor, &headers, &format!("override:{id}"), &request, async {
        let outcome = drafts::override_guardrail(&app.db, &*app.clock, &actor, id, &parsed).await?;
        Ok((status(&outcome), outcome))
    })
    .await
}

/// Schedule
///
/// An approved draft is meant for a time within 14 days, outside freeze windows.
#[utoipa::path(post, path = "/api/drafts/{id}/schedule", tag = "drafts", request_body = Schedule,
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "Scheduled", body = Outcome), (status = 409, description = "Not in this state, or frozen", body = Problem)))]
pub async fn schedule(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Path(id): Path<DraftId>,
    Body(request): Body<Value>,
) -> Result<Response, Problem> {
    let parsed: Schedule = parse(&request)?;
    let app = &server.app;
    once(&server, &actor, &headers, &format!("schedule:{id}"), &request, async {
        let outcome = drafts::schedule(&app.db, &*app.clock, &actor, id, parsed.execute_at).await?;
        Ok((status(&outcome), outcome))
    })
    .await
}

/// Take off the schedule
#[utoipa::path(post, path = "/api/drafts/{id}/unschedule", tag = "drafts",
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "Approved as before", body = Outcome), (status = 409, description = "Not scheduled", body = Problem)))]
pub async fn unschedule(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Path(id): Path<DraftId>,
) -> Result<Response, Problem> {
    let app = &server.app;
    once(&server, &actor, &headers, &format!("unschedule:{id}"), &(), async {
        let outcome = drafts::unschedule(&app.db, &*app.clock, &actor, id).await?;
        Ok((status(&outcome), outcome))
    })
    .await
}

/// Export
///
/// An approved draft as a file for the platform; with `preview=true` any draft, marked as not approved.
#[utoipa::path(get, path = "/api/drafts/{id}/export", tag = "drafts",
    params(("id" = DraftId, Path, description = "The draft"),
           ExportQuery),
    responses((status = 200, description = "The file", content_type = "application/octet-stream"), (status = 409, description = "Not approved", body = Problem)))]
pub async fn export(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<DraftId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let format = query
        .format
        .map(|text| text.parse::<ExportFormat>())
        .transpose()
        .map_err(|e| Problem::bad_request("draft.format", e.to_string()))?;
    let app = &server.app;
    let file = drafts::download(&app.db, &*app.clock, &actor, id, format, query.preview).await?;
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let mut response = file.body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Its record
#[utoipa::path(get, path = "/api/drafts/{id}/audit", tag = "drafts",
    params(("id" = DraftId, Path, description = "The draft")),
    responses((status = 200, description = "Every entry about this draft", body = Vec<Object>), (status = 404, description = "No such draft", body = Problem)))]
pub async fn trail(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<DraftId>,
) -> Result<Json<Vec<crate::db::audit::Entry>>, Problem> {
    Ok(Json(drafts::trail(&server.app.db, &*server.app.clock, &actor, id).await?))
}

/// The body as its type; the words of the refusal name the field.
fn parse<T: serde::de::DeserializeOwned>(body: &Value) -> Result<T, Problem> {
    serde_json::from_value(body.clone())
        .map_err(|e| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "request.invalid", e.to_string()))
}
