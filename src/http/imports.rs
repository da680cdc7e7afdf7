//! `/api/imports`: files that people send become facts (`connectors.md` §2.1): sent, mapped, tried, taken over whole or not at
//! all.
mod problems;

use super::address::{Path, Query};
use super::auth::Caller;
use super::body::Body;
use super::once;
use super::page::Page;
use super::problem::Problem;
use super::state::Server;
use crate::access::{Actor, Permission};
use crate::daily::follow::follow;
use crate::daily::imports::{self, Mapping};
use crate::db::imports::uploads::{self, Import};
use crate::ids::ImportId;
use crate::platforms::csv::import::LIMIT_MIB;
use crate::platforms::csv::look::Column;
use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Files held in memory at the same time; others wait for their turn.
static PLACES: Semaphore = Semaphore::const_new(2);
/// Faults that an answer lists; all are counted.
const LISTED: usize = 1_000;
/// What a form holds besides its file.
const FORM: usize = 64 << 10;

/// A file that waits to be imported.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Uploaded {
    pub import_id: ImportId,
    #[serde(flatten)]
    pub import: Import,
    pub columns: Vec<Column>,
}

/// The form of an upload, for the document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "its fields are read one by one")]
pub struct UploadForm {
    /// What the file holds: `ads`, `orders` and so on; an unknown one is answered with all of them.
    dataset: String,
    /// UTF-8, UTF-16 or Windows-1252; separated by comma, semicolon, tab or bar; 100 MiB, a million lines, 200 columns.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// What a file would do.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Previewed {
    /// Nothing stands in the way.
    pub ready: bool,
    /// The first 100 rows as they were understood; personal values are masked.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Value>,
    /// Columns as read, lines passed over, sums, and how many rows would be new, changed and unchanged.
    #[schema(value_type = Object)]
    pub report: Value,
    /// The first 1,000 faults by line.
    #[schema(value_type = Vec<Object>)]
    pub errors: Value,
    pub error_count: usize,
}

#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommitBody {
    /// Imports again although this very file was imported before.
    pub force: bool,
}

/// What an import did.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Committed {
    #[serde(flatten)]
    pub import: Import,
    /// As in a preview, but done.
    #[schema(value_type = Object)]
    pub report: Value,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many, 1 to 100; 25 when not said.
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub after: Option<ImportId>,
}

struct Form {
    dataset: String,
    file_name: String,
    bytes: Vec<u8>,
}

fn malformed(text: impl Into<String>) -> Problem {
    Problem::bad_request("import.form", text)
}

/// Reads the form, no more of it than may be.
async fn form(mut request: Request) -> Result<Form, Problem> {
    let limit = LIMIT_MIB << 20;
    DefaultBodyLimit::max(limit + FORM).apply(&mut request);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| malformed("Send a form (multipart/form-data) with the fields `dataset` and `file`."))?;
    let unread = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problems::too_large(),
        _ => malformed(format!("The form cannot be read: {}.", error.body_text())),
    };
    let (mut dataset, mut file) = (None, None);
    while let Some(mut part) = parts.next_field().await.map_err(unread)? {
        let name = part.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "dataset" => dataset = Some(part.text().await.map_err(unread)?),
            "file" => {
                let file_name = part.file_name().unwrap_or("file.csv").to_owned();
                let mut bytes = Vec::new();
                while let Some(piece) = part.chunk().await.map_err(unread)? {
                    bytes.extend_from_slice(&piece);
                    if bytes.len() > limit {
                        return Err(problems::too_large());
                    }
                }
                file = Some((file_name, bytes));
            }
            other => {
                let name = crate::text::clean(other, 40);
                return Err(malformed(format!(
                    "The form has a field '{name}'; it has `dataset` and `file`."
                )));
            }
        }
    }
    let dataset = dataset.ok_or_else(|| malformed("The form lacks the field `dataset`."))?;
    let (file_name, bytes) = file.ok_or_else(|| malformed("The form lacks the field `file`."))?;
    Ok(Form { dataset: dataset.trim().to_owned(), file_name, bytes })
}

/// Send a file
///
/// It is looked at and kept for a day; nothing is imported before the commit.
#[utoipa::path(post, path = "/api/imports", tag = "imports",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and file give the same import for a day")),
    responses(
    (status = 201, description = "What was found in it, and the field each column is likely to be", body = Uploaded),
    (status = 400, description = "`import.form`", body = Problem),
    (status = 403, description = "import.commit is required", body = Problem),
    (status = 413, description = "`csv.too_large`", body = Problem),
    (status = 422, description = "`import.dataset`, `csv.unreadable`", body = Problem)))]
pub async fn upload(
    State(server): State<Server>,
    Caller(actor): Caller,
    request: Request,
) -> Result<Response, Problem> {
    actor.require(Permission::ImportCommit)?;
    let headers = request.headers().clone();
    let _place = place().await?;
    let form = form(request).await?;
    let told = json!([form.dataset, crate::db::people::hex(&Sha256::digest(&form.bytes))]);
    once::once(&server, &actor, &headers, "import", &told, async {
        let (db, clock) = (&server.app.db, &*server.app.clock);
        let (import, look) =
            imports::upload(db, clock, &actor, &form.dataset, &form.file_name, &form.bytes).await?;
        Ok((StatusCode::CREATED, Uploaded { import_id: import.id, import, columns: look.columns }))
    })
    .await
}

async fn place() -> Result<tokio::sync::SemaphorePermit<'static>, Problem> {
    PLACES.acquire().await.map_err(|error| Problem::internal(&error))
}

/// Files that were sent
#[utoipa::path(get, path = "/api/imports", tag = "imports", params(ListQuery), responses(
    (status = 200, description = "The newest first, those of `adjutant import` too", body = Page<Import>),
    (status = 403, description = "import.commit is required", body = Problem)))]
pub async fn list(
    State(server): State<Server>,
    Caller(actor): Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Import>>, Problem> {
    actor.require(Permission::ImportCommit)?;
    let limit = query.limit.unwrap_or(25).clamp(1, 100);
    let mut tx = server.app.db.org(actor.org).await?;
    let mut items = uploads::list(&mut tx, actor.org, query.after, limit + 1).await?;
    let kept = usize::try_from(limit).unwrap_or_default();
    let more = items.len() > kept;
    items.truncate(kept);
    let next = items.last().filter(|_| more).map(|import| import.id.to_string());
    Ok(Json(Page { items, next }))
}

async fn found(server: &Server, actor: &Actor, id: ImportId) -> Result<Import, Problem> {
    let mut tx = server.app.db.org(actor.org).await?;
    uploads::get(&mut tx, actor.org, id).await?.ok_or_else(|| Problem::not_found("import"))
}

/// How an import stands
#[utoipa::path(get, path = "/api/imports/{id}", tag = "imports", params(("id" = ImportId, Path)), responses(
    (status = 200, description = "Its state, what it wrote, and why it was refused", body = Import),
    (status = 404, description = "There is no such import", body = Problem)))]
pub async fn read(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ImportId>,
) -> Result<Json<Import>, Problem> {
    actor.require(Permission::ImportCommit)?;
    Ok(Json(found(&server, &actor, id).await?))
}

/// Say how a file is read
#[utoipa::path(put, path = "/api/imports/{id}/mapping", tag = "imports", params(("id" = ImportId, Path)),
    request_body = Mapping, responses(
    (status = 200, description = "In place of the mapping it had", body = Import),
    (status = 404, description = "There is no such import", body = Problem),
    (status = 409, description = "`import.done`", body = Problem),
    (status = 410, description = "`import.expired`: the file is no longer kept", body = Problem),
    (status = 422, description = "`import.mapping`: a column, field or option that there is not", body = Problem)))]
pub async fn map(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ImportId>,
    Body(mapping): Body<Mapping>,
) -> Result<Json<Import>, Problem> {
    actor.require(Permission::ImportCommit)?;
    let _place = place().await?;
    Ok(Json(imports::map(&server.app.db, actor.org, id, mapping).await?))
}

/// Try a file
///
/// Everything is done as in a commit, and undone.
#[utoipa::path(post, path = "/api/imports/{id}/preview", tag = "imports", params(("id" = ImportId, Path)), responses(
    (status = 200, description = "What would change, or the faults by line", body = Previewed),
    (status = 404, description = "There is no such import", body = Problem),
    (status = 409, description = "`import.done`", body = Problem),
    (status = 410, description = "`import.expired`: the file is no longer kept", body = Problem),
    (status = 422, description = "`csv.unreadable`, `csv.no_rate`, `import.source`", body = Problem)))]
pub async fn preview(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ImportId>,
) -> Result<Json<Previewed>, Problem> {
    actor.require(Permission::ImportCommit)?;
    let _place = place().await?;
    let preview = imports::preview(&server.app.db, &*server.app.clock, &actor, id).await?;
    Ok(Json(Previewed {
        ready: preview.report.is_some(),
        rows: preview.rows,
        report: json!(preview.report),
        errors: json!(preview.faults.iter().take(LISTED).collect::<Vec<_>>()),
        error_count: preview.faults.len(),
    }))
}

/// Take a file over
///
/// Whole or not at all, in one transaction. It goes on when the caller does not wait for its end; `GET` tells how it went.
#[utoipa::path(post, path = "/api/imports/{id}/commit", tag = "imports", params(("id" = ImportId, Path)),
    request_body = CommitBody, responses(
    (status = 200, description = "What it did", body = Committed),
    (status = 404, description = "There is no such import", body = Problem),
    (status = 409, description = "`import.done`, `import.already_done`", body = Problem),
    (status = 410, description = "`import.expired`: the file is no longer kept", body = Problem),
    (status = 422, description = "`import.faulty` with the faults by line, `csv.unreadable`, `csv.no_rate`", body = Problem)))]
pub async fn commit(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ImportId>,
    Body(body): Body<CommitBody>,
) -> Result<Json<Committed>, Problem> {
    actor.require(Permission::ImportCommit)?;
    let working = tokio::spawn(async move {
        let _place = place().await?;
        let (db, clock) = (&server.app.db, &*server.app.clock);
        let report = imports::commit(db, clock, &actor, id, body.force).await?;
        if let Err(error) = follow(db, clock, actor.org).await {
            tracing::error!(
                error = format!("{error:#}"),
                "an import is done, but what follows from it is not"
            );
        }
        Ok(Json(Committed { import: found(&server, &actor, id).await?, report: json!(report) }))
    });
    working.await.map_err(|error| Problem::internal(&error))?
}

/// Forget a file that was not imported
#[utoipa::path(delete, path = "/api/imports/{id}", tag = "imports", params(("id" = ImportId, Path)), responses(
    (status = 204, description = "Forgotten"),
    (status = 404, description = "There is no such import", body = Problem),
    (status = 409, description = "`import.done`: what it wrote stays", body = Problem)))]
pub async fn remove(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ImportId>,
) -> Result<StatusCode, Problem> {
    actor.require(Permission::ImportCommit)?;
    imports::discard(&server.app.db, &*server.app.clock, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
