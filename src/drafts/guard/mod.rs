//! Guardrails (`actions.md` §6): pure rules over a proposal and the facts of the moment.
//!
//! They run when a draft is made (shown), when it is approved, and again before execution. Each result keeps the
//! inputs it was computed from. Order and membership come from the action file.
mod audience;
mod budget;
mod keyword;
mod link;
mod pause;
mod text;
mod timing;

use super::action::{Action, Guard};
use super::facts::Facts;
use super::proposal::Proposal;
use super::stake::{Move, moves};
use super::words::amount;
pub use crate::db::drafts::kinds::Severity;
pub use audience::minimum as audience_minimum;
pub use budget::envelope_limit;
use jiff::Timestamp;
pub use keyword::matches;
pub use link::missing_tags;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a guardrail found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GuardResult {
    /// `guardrail.{name}`.
    pub code: String,
    #[schema(value_type = String)]
    pub severity: Severity,
    pub passed: bool,
    /// What is wrong, or worth knowing; always set when not passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the rule was computed from.
    #[schema(value_type = Object)]
    pub inputs: Value,
    /// draft or approval.
    pub stage: String,
    #[schema(value_type = String)]
    pub at: Timestamp,
}

impl GuardResult {
    /// Whether it keeps the draft from being approved, unless (hold only) an admin overrides it.
    pub fn stops(&self) -> bool {
        !self.passed && self.severity != Severity::Warn
    }

    /// Whether it stops the draft, and an admin may override it.
    pub fn holds(&self) -> bool {
        !self.passed && self.severity == Severity::Hold
    }
}

/// One proposal at one moment.
pub struct Case<'a> {
    pub action: &'a Action,
    pub proposal: &'a Proposal,
    /// `before` as the reviewer saw it.
    pub before: &'a Value,
    /// `before` as read again now; the same as `before` while drafting.
    pub live: &'a Value,
    pub rollback_plan: &'a Value,
    pub facts: &'a Facts,
    pub stage: &'a str,
}

impl<'a> Case<'a> {
    fn result(
        &self,
        guard: Guard,
        severity: Severity,
        passed: bool,
        message: Option<String>,
        inputs: Value,
    ) -> GuardResult {
        GuardResult {
            code: guard.code(),
            severity,
            passed,
            message,
            inputs,
            stage: self.stage.to_owned(),
            at: self.facts.org.now,
        }
    }

    fn pass(&self, guard: Guard, severity: Severity, inputs: Value) -> GuardResult {
        self.result(guard, severity, true, None, inputs)
    }

    fn note(&self, guard: Guard, severity: Severity, message: String, inputs: Value) -> GuardResult {
        self.result(guard, severity, true, Some(message), inputs)
    }

    fn fail(&self, guard: Guard, severity: Severity, message: String, inputs: Value) -> GuardResult {
        self.result(guard, severity, false, Some(message), inputs)
    }

    fn moves(&self) -> Vec<Move<'a>> {
        moves(self.proposal, self.facts)
    }

    /// An amount of the organisation's currency, for messages.
    fn base(&self, value: Decimal) -> String {
        amount(value, self.facts.org.currency.exponent())
    }
}

/// Runs every guardrail of the action, in its order.
pub fn evaluate(case: &Case<'_>) -> Vec<GuardResult> {
    case.action.file.guards.iter().flat_map(|guard| one(case, *guard)).collect()
}

fn one(case: &Case<'_>, guard: Guard) -> Vec<GuardResult> {
    match guard {
        Guard::BudgetStep => budget::step(case),
        Guard::BudgetCap => budget::cap(case),
        Guard::MerBelow => budget::mer(case),
        Guard::NetSpend => budget::net_spend(case),
        Guard::MinViableSpend => budget::viable(case),
        Guard::SharedBudget => budget::shared(case),
        Guard::TrackingMissing => budget::tracking(case),
        Guard::BrandPause => pause::brand(case),
        Guard::MinSpendBeforePause => pause::min_spend(case),
        Guard::MinSample => pause::sample(case),
        Guard::DataStale => timing::stale(case),
        Guard::BeforeChanged => timing::changed(case),
        Guard::Cooldown => timing::cooldown(case),
        Guard::Freeze => timing::freeze(case),
        Guard::ExperimentConflict => timing::experiment(case),
        Guard::NoRollback => timing::rollback(case),
        Guard::ConvertingTerm => keyword::converting(case),
        Guard::TextLimit => text::limit(case),
        Guard::TextPolicy => text::policy(case),
        Guard::UrlCheck => link::url(case),
        Guard::UtmMissing => link::utm(case),
        Guard::TargetingMissing => audience::targeting(case),
        Guard::MinorTargeting => audience::minors(case),
        Guard::Consent => audience::consent(case),
        Guard::AudienceSmall => audience::small(case),
    }
}

#[cfg(test)]
mod tests;
