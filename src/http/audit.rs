//! `/api/audit`: the record of decisions: read, proven, exported. Reading it is on the record too.
use super::address::Query;
use super::auth::Caller;
use super::problem::Problem;
use super::state::Server;
use crate::access::{Actor, Permission};
use crate::db::audit;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// From this instant on (RFC 3339).
    pub from: Option<String>,
    /// Before this instant.
    pub to: Option<String>,
    /// A member, key or `agent`.
    pub actor: Option<String>,
    /// An action (`draft.approved`) or an area (`draft`).
    pub action: Option<String>,
    /// Entries about a campaign and the drafts that would change it.
    pub campaign: Option<String>,
    /// Entries after this sequence number.
    pub after: Option<i64>,
    /// 1 to 500; 100 when not said.
    pub limit: Option<i64>,
    /// For the export: `csv` or `jsonl`.
    pub format: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Entries {
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<audit::Entry>,
    /// Give it as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

impl AuditQuery {
    fn filter(&self, actor: &Actor) -> Result<audit::Filter, Problem> {
        let at = |text: &Option<String>, name: &str| -> Result<Option<Timestamp>, Problem> {
            text.as_ref()
                .map(|text| {
                    text.parse().map_err(|_| {
                        Problem::bad_request(
                            "audit.filter",
                            format!("`{name}` is not an instant such as 2026-05-01T00:00:00Z."),
                        )
                    })
                })
                .transpose()
        };
        // Who makes drafts reads what became of the own ones; all of it needs the permission for all of it.
        let everything = actor.may(Permission::AuditRead);
        if !everything && !actor.may(Permission::DraftCreate) && !actor.may(Permission::DraftExecute) {
            actor.require(Permission::AuditRead)?;
        }
        Ok(audit::Filter {
            from: at(&self.from, "from")?,
            to: at(&self.to, "to")?,
            actor_id: self.actor.clone(),
            action: self.action.clone(),
            object_type: None,
            object_id: None,
            campaign_id: self.campaign.clone(),
            drafts_of: (!everything).then_some(actor.member),
        })
    }
}

/// Read the record
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(AuditQuery), responses(
    (status = 200, description = "Entries in their order; without audit.read those of the caller's own drafts", body = Entries),
    (status = 403, description = "audit.read is required", body = Problem)))]
pub async fn list(
    State(server): State<Server>,
    Caller(actor): Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Entries>, Problem> {
    actor.require(Permission::DraftRead)?;
    let limit = query.limit.unwrap_or(100).clamp(1, 500);
    let filter = query.filter(&actor)?;
    let mut tx = server.app.db.org(actor.org).await?;
    let items = audit::list(&mut tx, actor.org, &filter, query.after.unwrap_or(0), limit).await?;
    let mut entry = read_by(&server, &actor);
    entry.after = Some(json!({"entries": items.len(), "first": items.first().map(|e| e.seq),
        "campaign": query.campaign, "actor": query.actor, "action": query.action}));
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    let next =
        (i64::try_from(items.len()).unwrap_or(0) == limit).then(|| items.last().map(|e| e.seq)).flatten();
    Ok(Json(Entries { items, next }))
}

/// The entry that says who read the record; it stands on it before anything is handed out.
fn read_by(server: &Server, actor: &Actor) -> audit::NewEntry {
    audit::NewEntry::by(actor, "audit.read", "audit", actor.org, server.app.clock.now())
}

/// Prove the record
#[utoipa::path(get, path = "/api/audit/verify", tag = "audit", responses(
    (status = 200, description = "Whether every link holds, and the first that does not", body = Object)))]
pub async fn verify(State(server): State<Server>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    actor.require(Permission::AuditRead)?;
    // Written first: the proof then covers it, and a proof that breaks off was asked for all the same.
    let mut tx = server.app.db.org(actor.org).await?;
    let mut entry = read_by(&server, &actor);
    entry.after = Some(json!({"verify": true}));
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    let verdict = audit::verify(&server.app.db, actor.org).await?;
    serde_json::to_value(verdict).map(Json).map_err(|e| Problem::internal(&e))
}

/// Export the record
#[utoipa::path(get, path = "/api/audit/export", tag = "audit", params(AuditQuery), responses(
    (status = 200, description = "All entries that fit, with the head hash", content_type = "text/csv"),
    (status = 403, description = "audit.read is required", body = Problem)))]
pub async fn export(
    State(server): State<Server>,
    Caller(actor): Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Problem> {
    actor.require(Permission::AuditRead)?;
    let format: audit::Format =
        query.format.as_deref().unwrap_or("csv").parse().map_err(|error: crate::access::UnknownValue| {
            Problem::bad_request("audit.format", error.to_string())
        })?;
    let media = match format {
        audit::Format::Csv => "text/csv; charset=utf-8",
        audit::Format::JsonLines => "application/x-ndjson",
    };
    let mut tx = server.app.db.org(actor.org).await?;
    let export = audit::export(&mut tx, actor.org, &query.filter(&actor)?, format).await?;
    let entry = audit::NewEntry::by(&actor, "audit.exported", "audit", actor.org, server.app.clock.now());
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    let mut response = Response::new(Body::from(export.body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    Ok(response)
}
