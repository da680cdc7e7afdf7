//! `/api/privacy/erase` and `/api/privacy/export`: people who want to be forgotten, or to know what is stored about them.
use crate::access::{Actor, Permission};
use crate::db::audit::{self, NewEntry};
use crate::db::privacy::requests::{self, Kind, Request};
use crate::db::privacy::{self as rows, Marker, Person, export as lines};
use crate::db::settings::{self, Setting};
use crate::events::pii::{self, Place};
use crate::http::address::{Path, Query};
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::state::Server;
use crate::ids::new_uuid;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

/// Subjects of one request.
const SUBJECTS: usize = 100;
const SUBJECT: usize = 255;
const REASON: usize = 500;
/// Requests that are listed.
const LISTED: i64 = 100;
/// Lines of an export that wait for a slow reader.
const AHEAD: usize = 64;

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseBody {
    /// What people are called: ids of customers, actors or leads, e-mail addresses, telephone numbers (`+41…`), or SHA-256 of
    /// either in hex. 1 to 100; all that is linked with one of them goes with it.
    pub subject_ids: Vec<String>,
    /// Why, and where it can be looked up. Without personal data: it is kept.
    pub reason: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Asked {
    #[serde(flatten)]
    pub request: Request,
    /// A legal hold keeps it waiting.
    pub legal_hold: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Requests {
    pub items: Vec<Request>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// An id, an e-mail address, a telephone number or the SHA-256 of either.
    pub subject_id: Option<String>,
    /// In its place: a request that came through a platform. The file counts as its answer, and can be had again for a week.
    pub request_id: Option<Uuid>,
}

/// Have people erased
///
/// It is begun within the hour and due in 30 days; events and syncs that come later bring nothing of them back. The same
/// subjects while they wait are the same request.
#[utoipa::path(post, path = "/api/privacy/erase", tag = "privacy", request_body = EraseBody, responses(
    (status = 202, description = "It waits to be carried out", body = Asked),
    (status = 200, description = "It was asked for already and is not done yet", body = Asked),
    (status = 403, description = "privacy.manage is required", body = Problem),
    (status = 422, description = "`privacy.subject`, `privacy.reason`: missing, too long, or personal data", body = Problem)))]
pub async fn ask(
    State(server): State<Server>,
    Caller(actor): Caller,
    Body(body): Body<EraseBody>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    actor.require(Permission::PrivacyManage)?;
    let subjects = fit(&body)?;
    let now = server.app.clock.now();
    let mut tx = server.app.db.org(actor.org).await?;
    let id = new_uuid(&*server.app.clock);
    let (request, new) =
        requests::ask(&mut tx, actor.org, id, Kind::Erase, (&subjects, body.reason.trim()), now).await?;
    let legal_hold = settings::get(&mut tx, actor.org, Setting::LegalHold).await? == json!(true);
    if new {
        let marker = Marker::of(&mut tx, actor.org).await?;
        let who: Vec<String> = subjects.iter().map(|subject| marker.pseudonym(subject)).collect();
        let mut entry = NewEntry::by(&actor, "privacy.erase_requested", "privacy_job", id, now);
        entry.after = Some(json!({"subjects": who, "due_at": request.due_at.to_string()}));
        entry.reason = Some(request.reason.clone());
        audit::append(&mut tx, actor.org, &entry).await?;
    }
    tx.commit().await?;
    let status = if new { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(Asked { request, legal_hold })))
}

fn fit(body: &EraseBody) -> Result<Vec<String>, Problem> {
    let unfit = |code: &str, text: String| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text));
    let mut subjects: Vec<String> = body.subject_ids.iter().map(|id| id.trim().to_owned()).collect();
    subjects.sort();
    subjects.dedup();
    let long = |text: &str, limit: usize| text.chars().count() > limit || text.contains('\0');
    if subjects.is_empty() || subjects.len() > SUBJECTS {
        return unfit("privacy.subject", format!("`subject_ids` names 1 to {SUBJECTS} subjects."));
    }
    if subjects.iter().any(|subject| subject.is_empty() || long(subject, SUBJECT)) {
        return unfit("privacy.subject", format!("A subject has 1 to {SUBJECT} characters."));
    }
    if body.reason.trim().is_empty() || long(&body.reason, REASON) {
        return unfit("privacy.reason", format!("`reason` has 1 to {REASON} characters."));
    }
    if pii::find(&body.reason, Place::Text).is_some() {
        let text = "`reason` holds personal data, and it is kept. Say where the request lies instead.";
        return unfit("privacy.reason", text.to_owned());
    }
    Ok(subjects)
}

/// Requests to erase, the newest first
#[utoipa::path(get, path = "/api/privacy/erase", tag = "privacy", responses(
    (status = 200, description = "The last 100; whom they are about is not told", body = Requests),
    (status = 403, description = "privacy.manage is required", body = Problem)))]
pub async fn list(State(server): State<Server>, Caller(actor): Caller) -> Result<Json<Requests>, Problem> {
    actor.require(Permission::PrivacyManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    Ok(Json(Requests { items: requests::list(&mut tx, actor.org, Some(Kind::Erase), LISTED).await? }))
}

/// How a request to erase stands
#[utoipa::path(get, path = "/api/privacy/erase/{id}", tag = "privacy", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "Its state, and how many rows went from which table", body = Request),
    (status = 403, description = "privacy.manage is required", body = Problem),
    (status = 404, description = "`resource.not_found`", body = Problem)))]
pub async fn read(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Request>, Problem> {
    actor.require(Permission::PrivacyManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    let found = requests::find(&mut tx, actor.org, id).await?;
    found
        .filter(|found| found.kind == Kind::Erase)
        .map(Json)
        .ok_or_else(|| Problem::not_found("request to erase"))
}

/// Everything that is stored about one person
///
/// One JSON object a line, `{"table": …, "row": …}`; the last line is `{"end": true, "rows": n}`, so that a file that broke off
/// shows. Who asked is on the record before anything is handed out.
#[utoipa::path(get, path = "/api/privacy/export", tag = "privacy", params(ExportQuery), responses(
    (status = 200, description = "Lines of JSON", content_type = "application/x-ndjson"),
    (status = 403, description = "privacy.manage is required", body = Problem),
    (status = 404, description = "There is no such request, or it was answered more than a week ago", body = Problem),
    (status = 422, description = "`privacy.subject`", body = Problem)))]
pub async fn export(
    State(server): State<Server>,
    Caller(actor): Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    actor.require(Permission::PrivacyManage)?;
    let subjects = asked(&server, &actor, &query).await?;
    note(&server, &actor, &subjects).await?;
    let mut tx = server.app.db.snapshot(actor.org).await?;
    let person = rows::find(&mut tx, actor.org, Person::named(&subjects)).await?;
    let (to, from) = tokio::sync::mpsc::channel::<std::io::Result<String>>(AHEAD);
    tokio::spawn(async move {
        let answered = async {
            let written = lines::write(tx, actor.org, &person, &to).await?;
            let (Some(rows), Some(request)) = (written, query.request_id) else { return Ok(()) };
            let mut tx = server.app.db.org(actor.org).await?;
            requests::told(&mut tx, actor.org, request, rows, server.app.clock.now()).await?;
            tx.commit().await
        };
        if let Err(error) = answered.await {
            tracing::error!(%error, "an export of a person broke off");
            // The connection breaks with it, so that nobody takes it for whole.
            let _ = to.send(Err(std::io::Error::other("the export broke off"))).await;
        }
    });
    let body = ReceiverStream::new(from).map(|line| line.map(|line| line + "\n"));
    let mut response = Response::new(axum::body::Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Whom an export is about: one that is named, or whoever a request is of.
async fn asked(server: &Server, actor: &Actor, query: &ExportQuery) -> Result<Vec<String>, Problem> {
    let unfit = |text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "privacy.subject", text);
    match (&query.subject_id, query.request_id) {
        (Some(subject), None) => {
            let subject = subject.trim().to_owned();
            if subject.is_empty() || subject.chars().count() > SUBJECT || subject.contains('\0') {
                return Err(unfit(format!("`subject_id` has 1 to {SUBJECT} characters.")));
            }
            Ok(vec![subject])
        }
        (None, Some(request)) => {
            let mut tx = server.app.db.org(actor.org).await?;
            let subjects = requests::to_tell(&mut tx, actor.org, request).await?;
            subjects.ok_or_else(|| Problem::not_found("request to be told"))
        }
        (None, None) | (Some(_), Some(_)) => Err(unfit("Give `subject_id` or `request_id`.".to_owned())),
    }
}

async fn note(server: &Server, actor: &Actor, subjects: &[String]) -> Result<(), Problem> {
    let mut tx = server.app.db.org(actor.org).await?;
    let marker = Marker::of(&mut tx, actor.org).await?;
    for subject in subjects {
        let who = marker.pseudonym(subject);
        let entry = NewEntry::by(actor, "privacy.exported", "customer", who, server.app.clock.now());
        audit::append(&mut tx, actor.org, &entry).await?;
    }
    Ok(tx.commit().await?)
}
