//! `/api/quality`: whether the data can be trusted, who has seen what is wrong with it, and what it halted.
use super::address::Path;
use super::auth::Caller;
use super::body::Body;
use super::problem::Problem;
use super::state::Server;
use crate::access::Permission;
use crate::daily::health::{self, Health};
use crate::daily::watch;
use crate::db::alerts::AlertRow;
use crate::db::audit::{self, NewEntry};
use crate::db::breakers;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// Longest reason, characters.
const REASON: usize = 500;

/// How the data stands
///
/// The measures of the last full hour by source and class, the age of every connection, and the alerts, open ones first.
#[utoipa::path(get, path = "/api/quality", tag = "quality", responses(
    (status = 200, description = "As of now", body = Health),
    (status = 403, description = "query.run is required", body = Problem)))]
pub async fn read(State(server): State<Server>, Caller(actor): Caller) -> Result<Json<Health>, Problem> {
    actor.require(Permission::QueryRun)?;
    let mut tx = server.app.db.snapshot(actor.org).await?;
    let read = health::read(&mut tx, actor.org, server.app.clock.now()).await;
    read.map(Json).map_err(|error| match error.downcast_ref::<sqlx::Error>() {
        Some(error) => Problem::database(error),
        None => Problem::internal(&error),
    })
}

/// Say that somebody has seen an alert
///
/// The message in the channels says so from then on. One that is over, or was seen before, stays as it is.
#[utoipa::path(post, path = "/api/quality/alerts/{id}/acknowledge", tag = "quality", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The alert as it stands", body = AlertRow),
    (status = 403, description = "query.run is required", body = Problem),
    (status = 404, description = "`resource.not_found`", body = Problem)))]
pub async fn acknowledge(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<AlertRow>, Problem> {
    actor.require(Permission::QueryRun)?;
    let mut tx = server.app.db.org(actor.org).await?;
    let who = (actor.name.as_str(), Some(actor.member));
    let seen = watch::acknowledge(&mut tx, actor.org, &server.app.clock, id, who).await;
    let Some(row) = seen.map_err(|error| Problem::internal(&error))? else {
        return Err(Problem::not_found("alert"));
    };
    tx.commit().await?;
    Ok(Json(row))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// Why it is safe to execute again. It is kept.
    pub reason: String,
}

/// Let drafts be executed again
///
/// Closes the breaker of a platform (`*`: of all). A new cause opens it again.
#[utoipa::path(post, path = "/api/quality/breakers/{platform}/reset", tag = "quality", request_body = ResetBody,
    params(("platform" = String, Path)), responses(
    (status = 204, description = "It is closed"),
    (status = 403, description = "breaker.reset is required", body = Problem),
    (status = 404, description = "`resource.not_found`: no such breaker is open", body = Problem),
    (status = 422, description = "`breaker.reason`: missing or too long", body = Problem)))]
pub async fn reset(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(platform): Path<String>,
    Body(body): Body<ResetBody>,
) -> Result<StatusCode, Problem> {
    actor.require(Permission::BreakerReset)?;
    let reason = body.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON || reason.contains('\0') {
        let text = format!("`reason` has 1 to {REASON} characters.");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "breaker.reason", text));
    }
    let mut tx = server.app.db.org(actor.org).await?;
    if !breakers::reset(&mut tx, actor.org, &platform, Some(actor.member), reason).await? {
        return Err(Problem::not_found("open breaker"));
    }
    let mut entry = NewEntry::by(&actor, "breaker.reset", "breaker", &platform, server.app.clock.now());
    entry.reason = Some(reason.to_owned());
    entry.after = Some(json!({"state": "closed"}));
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
