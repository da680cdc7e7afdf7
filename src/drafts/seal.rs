//! A proposal made complete: before-state, way back, diff, expected effect, hash, guardrails, tier.
//!
//! Creating, revising and approving all go through here, so that a draft can never carry less than another.
use super::DraftError;
use super::action::{Action, ExportFormat};
use super::before::before;
use super::diff::diff;
use super::facts::Facts;
use super::guard::{Case, GuardResult, evaluate};
use super::impact::{Effect, effect};
use super::payload::{Hash, payload_hash, validate};
use super::propose::Proposed;
use super::requests::{Target, requests};
use super::rollback::rollback_plan;
use super::stake::money_moved;
use super::tier::{Stake, Tier, tier};
use crate::ids::SourceId;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Where a claim comes from: a named query with its parameters and the instant its data was current.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Evidence {
    pub query: String,
    #[schema(value_type = Object)]
    pub params: Value,
    #[schema(value_type = String)]
    pub as_of: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run_id: Option<crate::ids::RunId>,
}

/// Evidence on a card; more does not fit and does not convince.
const MOST_EVIDENCE: usize = 10;

/// All that one revision holds.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub title: String,
    pub payload: Value,
    pub before: Value,
    pub before_hash: Hash,
    pub rollback_plan: Value,
    pub diff: Vec<String>,
    pub evidence: Vec<Evidence>,
    pub effect: Effect,
    pub guardrails: Vec<GuardResult>,
    pub payload_hash: Hash,
    /// In the organisation's currency, rounded to its smallest unit.
    pub money_moved: Decimal,
    pub tier: Tier,
    pub co_approvals: Vec<String>,
}

/// What the caller adds to a proposal.
pub struct Extras<'a> {
    pub reason: String,
    pub evidence: &'a [Evidence],
    pub source: Option<SourceId>,
    /// Money moved by the requester's other drafts of the last 24 hours.
    pub others: Decimal,
    /// Whether consent or the protection of minors ever failed on this draft.
    pub touched_people: bool,
}

pub fn seal(action: &Action, proposed: &Proposed, extras: &Extras<'_>) -> Result<Sealed, DraftError> {
    let facts = &proposed.facts;
    let proposal = &proposed.proposal;
    let before = before(proposal, facts)?;
    let effect = effect(proposal, facts);
    let evidence = evidence(action, proposed, extras.evidence);
    let mut fields: Map<String, Value> = proposal.to_value()?.as_object().cloned().unwrap_or_default();
    fields.insert("account_id".to_owned(), json!(proposed.account_id));
    fields.insert("reason".to_owned(), json!(extras.reason));
    fields.insert("evidence".to_owned(), json!(evidence));
    fields.insert("expected_effect".to_owned(), json!(effect));
    let payload = Value::Object(fields);
    validate(&action.payload, &payload)?;
    // What no request can carry out is refused before anybody reviews it.
    let currency = facts.campaigns.first().map_or(facts.org.currency, |campaign| campaign.currency);
    let (platform, account_id) = (proposed.platform.as_str(), proposed.account_id.as_str());
    requests(proposal, &Target { platform, account_id, currency, dry_run: true })?;
    let rollback_plan = rollback_plan(proposal, facts);
    let kind = action.kind().as_str();
    let payload_hash =
        payload_hash(kind, &proposed.platform, extras.source, &payload, &before, &rollback_plan)?;
    let guardrails = evaluate(&Case {
        action,
        proposal,
        before: &before,
        live: &before,
        rollback_plan: &rollback_plan,
        facts,
        stage: "draft",
    });
    let mut money_moved = money_moved(proposal, facts);
    money_moved = super::facts::in_units(money_moved, facts.org.currency);
    let stake = Stake {
        own: money_moved,
        others: extras.others,
        floor: action.file.floor,
        // Where nothing is claimed and no money moves there is nothing to be unsure of.
        confidence: (effect.value.is_some() || money_moved > Decimal::ZERO).then_some(effect.confidence),
        is_brand: facts.campaigns.iter().any(|c| c.row.is_brand),
    };
    let mut co_approvals = action.file.co_approvals.clone();
    if (extras.touched_people || touches_people(&guardrails))
        && !co_approvals.iter().any(|r| r == "compliance")
    {
        co_approvals.push("compliance".to_owned());
    }
    Ok(Sealed {
        title: action.file.title.replace("{target}", &proposed.name),
        before_hash: Hash::of(&before)?,
        diff: diff(action, proposal, facts)?,
        tier: tier(stake, &facts.org.limits),
        payload,
        before,
        rollback_plan,
        evidence,
        effect,
        guardrails,
        payload_hash,
        money_moved,
        co_approvals,
    })
}

/// Whether a guardrail about people fired: then compliance has a say, from then on.
pub fn touches_people(guardrails: &[GuardResult]) -> bool {
    let about = ["guardrail.consent", "guardrail.minor_targeting"];
    guardrails.iter().any(|g| !g.passed && about.contains(&g.code.as_str()))
}

/// What the caller cites, and what the server itself read.
fn evidence(action: &Action, proposed: &Proposed, cited: &[Evidence]) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = cited.iter().take(MOST_EVIDENCE - 1).cloned().collect();
    all.push(Evidence {
        query: "before_state".to_owned(),
        params: json!({"action": action.kind(), "entity": proposed.entity_id}),
        as_of: proposed.facts.org.now,
        run_id: None,
    });
    all
}

/// The guardrails again with the facts of now, against the `before` that the reviewer saw.
pub fn reevaluate(
    action: &Action,
    proposed: &super::proposal::Proposal,
    stored_before: &Value,
    rollback_plan: &Value,
    facts: &Facts,
) -> Result<(Value, Vec<GuardResult>), DraftError> {
    let live = before(proposed, facts)?;
    let results = evaluate(&Case {
        action,
        proposal: proposed,
        before: stored_before,
        live: &live,
        rollback_plan,
        facts,
        stage: "approval",
    });
    Ok((live, results))
}

/// The file that people get without asking for a format.
pub fn default_format(action: &Action, proposal: &super::proposal::Proposal, platform: &str) -> ExportFormat {
    super::export::formats(action, proposal, platform).first().copied().unwrap_or(ExportFormat::Json)
}
