//! `/api/quality`: whether the data can be trusted.
use super::auth::Caller;
use super::problem::Problem;
use super::state::Server;
use crate::access::Permission;
use crate::daily::health::{self, Health};
use axum::Json;
use axum::extract::State;

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
