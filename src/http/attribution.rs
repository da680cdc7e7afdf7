//! `/api/attribution`: where leads came from, found anew.
use super::auth::Caller;
use super::body::Body;
use super::problem::Problem;
use super::state::Server;
use crate::access::Permission;
use crate::daily::leads::{self, Bounds};
use crate::db::audit::{self, NewEntry};
use crate::db::lead_sources::{self, Scope};
use crate::db::privacy::Marker;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecomputeBody {
    /// One lead by its whole id; all of them without.
    pub lead_id: Option<String>,
    /// Where to go on: `next` of the answer before.
    pub after: Option<String>,
}

/// Leads of one request: some seconds of work.
const MOST: u64 = 10_000;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Recomputed {
    pub leads: u64,
    /// Leads that say something else than before.
    pub changed: u64,
    /// There are more: the same request with this as `after` goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Find the first and the last touch of leads anew
///
/// From the touches that were watched and from what each lead told when it came. Ten thousand leads a request, kept part by part:
/// one that is cut may be sent again, and a second one changes nothing.
#[utoipa::path(post, path = "/api/attribution/recompute", tag = "attribution", request_body = RecomputeBody, responses(
    (status = 200, description = "How many leads were looked at and changed", body = Recomputed),
    (status = 403, description = "source.manage is required", body = Problem),
    (status = 404, description = "There is no such lead", body = Problem)))]
pub async fn recompute(
    State(server): State<Server>,
    Caller(actor): Caller,
    Body(body): Body<RecomputeBody>,
) -> Result<Json<Recomputed>, Problem> {
    actor.require(Permission::SourceManage)?;
    let scope = body.lead_id.as_deref().map_or(Scope::All, Scope::One);
    let (db, clock) = (&server.app.db, &*server.app.clock);
    let after = body.after.as_deref().filter(|_| body.lead_id.is_none()).unwrap_or_default();
    let mut tx = db.org(actor.org).await?;
    let of = lead_sources::count(&mut tx, actor.org, &scope, after).await?;
    if body.lead_id.is_some() && of == 0 {
        return Err(Problem::not_found("lead"));
    }
    // The record never forgets, so that it knows people under pseudonyms only.
    let object = match &body.lead_id {
        Some(lead) => Marker::of(&mut tx, actor.org).await?.pseudonym(lead),
        None => "all".to_owned(),
    };
    // First: what was begun stands on the record, however it ends.
    let mut entry = NewEntry::by(&actor, "attribution.recomputed", "lead", object, clock.now());
    entry.after = Some(json!({ "leads": of.min(MOST) }));
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    let bounds = Bounds { after, most: Some(MOST) };
    let (done, next) = leads::find_within(db, clock, actor.org, scope, true, bounds, &|_| {}).await?;
    Ok(Json(Recomputed { leads: done.done, changed: done.changed, next }))
}
