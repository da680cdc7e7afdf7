//! `/api/privacy`: what people agreed to (`events.md` §11); `erasure` forgets them, or tells them all.
pub mod erasure;

use super::auth::Caller;
use super::body::Body;
use super::problem::Problem;
use super::state::Server;
use crate::access::Permission;
use crate::db::audit;
use crate::db::consents::{self, NewConsent};
use crate::db::privacy::{self, Gate, Marker, tombstones};
use crate::events::pii::{self, Place};
use crate::events::{ConsentChannel, ConsentMethod, ConsentStatus};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

const CUSTOMER: usize = 255;
const REGION: usize = 16;
const EVIDENCE: usize = 1_024;
/// Rows of two requests that met in the same microsecond.
const TRIES: usize = 3;

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    /// A customer's id, or that of an actor; never an address or a telephone number.
    pub customer_id: String,
    pub channel: ConsentChannel,
    pub status: ConsentStatus,
    pub method: ConsentMethod,
    /// Country or region whose rule holds, `DE` or `US-CA`.
    #[serde(default)]
    pub region: String,
    /// Where it can be looked up: a form, a call, a document. Without personal data.
    #[serde(default)]
    pub evidence: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Consent {
    pub customer_id: String,
    pub channel: ConsentChannel,
    pub status: ConsentStatus,
    pub method: ConsentMethod,
    pub region: String,
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
}

/// Record what somebody agreed to or refused
///
/// Rows are only added; the latest decides. What already holds is not written again.
#[utoipa::path(post, path = "/api/privacy/consent", tag = "privacy", request_body = ConsentBody, responses(
    (status = 201, description = "It is recorded", body = Consent),
    (status = 200, description = "It held already; nothing was written", body = Consent),
    (status = 403, description = "privacy.manage is required", body = Problem),
    (status = 422, description = "`privacy.subject`, `privacy.evidence`: personal data, too long, or missing", body = Problem)))]
pub async fn consent(
    State(server): State<Server>,
    Caller(actor): Caller,
    Body(body): Body<ConsentBody>,
) -> Result<(StatusCode, Json<Consent>), Problem> {
    actor.require(Permission::PrivacyManage)?;
    body.check()?;
    let now = server.app.clock.now();
    let mut tx = server.app.db.org(actor.org).await?;
    privacy::pass(&mut tx, actor.org, Gate::Facts).await?;
    let mark = Marker::of(&mut tx, actor.org).await?.mark(&body.customer_id);
    if !tombstones::among(&mut tx, actor.org, &[mark]).await?.is_empty() {
        let text = "This person was erased; nothing is recorded of them any more.";
        return Err(Problem::new(StatusCode::CONFLICT, "privacy.erased", text));
    }
    for _ in 0..TRIES {
        let latest = consents::latest(&mut tx, actor.org, &body.customer_id, body.channel.as_str()).await?;
        if let Some(latest) = latest.as_ref().filter(|latest| body.is(latest)) {
            return Ok((StatusCode::OK, Json(body.recorded(latest.recorded_at))));
        }
        // Of two wishes at one instant the later one decides.
        let after = latest.and_then(|latest| latest.recorded_at.checked_add(1.microsecond()).ok());
        let at = after.map_or(now, |after| after.max(now));
        if consents::append(&mut tx, actor.org, &[body.row(at)], now).await? == 0 {
            if body.method == ConsentMethod::Imported {
                let text =
                    "This person said no; an imported list does not change that. Record their own consent.";
                return Err(Problem::new(StatusCode::CONFLICT, "privacy.denied", text));
            }
            continue;
        }
        // The record never forgets, so that it knows people under pseudonyms only.
        let who = Marker::of(&mut tx, actor.org).await?.pseudonym(&body.customer_id);
        let mut entry = audit::NewEntry::by(&actor, "consent.recorded", "customer", who, now);
        entry.after = Some(
            json!({"channel": body.channel, "status": body.status, "method": body.method, "region": body.region}),
        );
        audit::append(&mut tx, actor.org, &entry).await?;
        tx.commit().await?;
        return Ok((StatusCode::CREATED, Json(body.recorded(at))));
    }
    let text = "Somebody else is recording this person's consent. Send it again.";
    Err(Problem::new(StatusCode::CONFLICT, "privacy.busy", text).with_retry_after(1))
}

impl ConsentBody {
    fn check(&self) -> Result<(), Problem> {
        let unfit = |code: &str, text: &str| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text));
        let long = |text: &str, limit: usize| text.chars().count() > limit || text.contains('\0');
        if self.customer_id.trim().is_empty() || long(&self.customer_id, CUSTOMER) {
            return unfit("privacy.subject", "`customer_id` has 1 to 255 characters.");
        }
        if pii::find(&self.customer_id, Place::Id).is_some() {
            let text =
                "`customer_id` looks like personal data. Send the customer's or actor's own id, or a hash.";
            return unfit("privacy.subject", text);
        }
        if long(&self.region, REGION) {
            return unfit("privacy.evidence", "`region` has at most 16 characters, such as DE or US-CA.");
        }
        if long(&self.evidence, EVIDENCE) {
            return unfit("privacy.evidence", "`evidence` has at most 1,024 characters.");
        }
        if pii::find(&self.evidence, Place::Text).is_some() {
            return unfit(
                "privacy.evidence",
                "`evidence` holds personal data. Say where it lies instead of what it says.",
            );
        }
        Ok(())
    }

    fn is(&self, latest: &consents::Latest) -> bool {
        (latest.status.as_str(), latest.method.as_str(), latest.region.as_str())
            == (self.status.as_str(), self.method.as_str(), self.region.as_str())
    }

    fn row(&self, recorded_at: Timestamp) -> NewConsent<'_> {
        NewConsent {
            customer: &self.customer_id,
            channel: self.channel.as_str(),
            recorded_at,
            status: self.status.as_str(),
            method: self.method.as_str(),
            region: &self.region,
            evidence: &self.evidence,
            source: "api",
        }
    }

    fn recorded(self, recorded_at: Timestamp) -> Consent {
        Consent {
            customer_id: self.customer_id,
            channel: self.channel,
            status: self.status,
            method: self.method,
            region: self.region,
            recorded_at,
        }
    }
}
