//! Whether what a draft was approved against still holds. Asked when it is approved, before its file leaves and before a
//! change counts as made; what has become something else in between makes the draft stale.
use super::DraftError;
use super::before::before;
use super::conclude::{Mover, Step, move_draft};
use super::facts::Facts;
use super::gather;
use super::load::{Loaded, load};
use super::proposal::Proposal;
use super::propose::about;
use super::state::{DraftState, Verb};
use crate::clock::Clock;
use crate::db::drafts::read::{self, Filter};
use crate::db::{Db, OrgTx};
use crate::ids::OrgId;
use crate::text::clean;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// A field of `before` that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// With dots: `from.daily_budget`.
    pub field: String,
    pub then: Value,
    pub now: Value,
}

impl Drift {
    /// "{field} was {a} when drafted and is now {b}."
    pub fn message(&self) -> String {
        format!("{} was {} when drafted and is now {}.", self.field, plain(&self.then), plain(&self.now))
    }

    pub fn inputs(&self) -> Value {
        json!({"field": self.field, "then": self.then, "now": self.now})
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text, 120),
        Value::Null => "not set".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The fields of `before` that must still hold and do not. `compare` are JSON pointers of the action file.
pub fn drift(compare: &[String], stored: &Value, live: &Value) -> Vec<Drift> {
    compare
        .iter()
        .filter_map(|pointer| {
            let then = stored.pointer(pointer).cloned().unwrap_or(Value::Null);
            let now = live.pointer(pointer).cloned().unwrap_or(Value::Null);
            let field = pointer.trim_start_matches('/').replace('/', ".");
            (then != now).then_some(Drift { field, then, now })
        })
        .collect()
}

/// Whether a field has become what the draft wants of it: the change was made by hand, and nothing is in its way.
fn reached(proposal: &Proposal, drift: &Drift) -> bool {
    let is = |wanted: Decimal| {
        drift.now.as_str().and_then(|now| now.parse::<Decimal>().ok()).is_some_and(|now| now == wanted)
    };
    let status = drift.field == "status";
    let budget = drift.field == "daily_budget";
    match proposal {
        Proposal::Budget(b) => budget && is(b.new_daily_budget),
        Proposal::Pause(_) => status && drift.now == "paused",
        Proposal::Resume(r) => {
            status && drift.now == "active" || budget && r.new_daily_budget.is_some_and(is)
        }
        // Any day of a ramp will do: the steps after it are still to come.
        Proposal::Reallocate(r) => match drift.field.as_str() {
            "from.daily_budget" => is(r.from.new) || r.ramp.iter().any(|step| is(step.from_new)),
            "to.daily_budget" => is(r.to.new) || r.ramp.iter().any(|step| is(step.to_new)),
            _ => false,
        },
        Proposal::Audience(_) => drift.field == "existing" && drift.then.is_null(),
        Proposal::Negatives(_) | Proposal::Brief(_) | Proposal::Ad(_) => false,
    }
}

/// Reads the state of an approved draft again. An error inside: it is neither what the reviewers saw nor what they agreed
/// to, and the draft is stale now.
pub(super) async fn still_holds(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    loaded: &Loaded,
    facts: &Facts,
) -> Result<Result<(), DraftError>, DraftError> {
    let proposal = loaded.proposal()?;
    let live = before(&proposal, facts)?;
    let found = drift(&loaded.action.file.compare, &loaded.current()?.before, &live);
    let Some(first) = found.into_iter().find(|drift| !reached(&proposal, drift)) else { return Ok(Ok(())) };
    make_stale(tx, clock, org, loaded, (&first.message(), first.inputs()), &live).await?;
    let message = format!("{} The draft is stale: revise or cancel it.", first.message());
    Ok(Err(DraftError::conflict("guardrail.before_changed", message)))
}

/// After new facts came in: what waits, or was approved, on a state that is no longer so becomes stale at once, not only
/// when somebody acts on it. Returns the numbers of those drafts.
pub async fn mark_drifted(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<Vec<i64>, DraftError> {
    use DraftState as S;
    let mut tx = db.org(org).await?;
    let now = gather::org(&mut tx, org, clock.now()).await?;
    let filter = Filter { states: vec![S::Pending, S::Approved, S::Scheduled], ..Filter::default() };
    let mut found = Vec::new();
    for row in read::list(&mut tx, org, &filter, MOST).await? {
        let loaded = load(&mut tx, org, row.id).await?;
        let proposal = loaded.proposal()?;
        let about = about(&mut tx, org, &loaded.draft, &proposal).await?;
        let facts = match gather::facts(&mut tx, org, now.clone(), &about, &proposal, &row.platform).await {
            Ok(facts) => facts,
            // What can no longer be read at all is told to whoever acts on the draft.
            Err(error) if error.refusal().is_some() => continue,
            Err(error) => return Err(error),
        };
        let live = before(&proposal, &facts)?;
        let all = drift(&loaded.action.file.compare, &loaded.current()?.before, &live);
        let counts = |d: &Drift| row.state == S::Pending || !reached(&proposal, d);
        if let Some(first) = all.into_iter().find(counts) {
            make_stale(&mut tx, clock, org, &loaded, (&first.message(), first.inputs()), &live).await?;
            found.push(row.number);
        }
    }
    tx.commit().await?;
    Ok(found)
}

/// Open drafts looked at after an import: more than anybody reviews in a week.
const MOST: i64 = 1000;

/// The system moves a draft to `stale`, with the old and the new value on the record.
pub(super) async fn make_stale(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    loaded: &Loaded,
    (message, inputs): (&str, Value),
    live: &Value,
) -> Result<(), DraftError> {
    let mut step = Step::new("draft.stale");
    step.after = json!({"drift": inputs, "live": live});
    step.reason = Some(message);
    move_draft(tx, clock, &Mover::System, loaded, Verb::MarkStale, org, step).await?;
    Ok(())
}
