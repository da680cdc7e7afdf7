//! From a draft as it stands to what its card shows. Pure.
use crate::drafts::action::actions;
use crate::drafts::{Decision, DraftState, DraftView, ReasonCode, ReviewView, Tier};
use crate::ids::MemberId;
use crate::money::Currency;
use crate::report::figure;
use crate::slack::blocks::card::{Buttons, CardView, Person, Warning};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive as _;
use serde_json::Value;
use std::collections::HashMap;

/// Who is who in the workspace: member → Slack user id.
pub type People = HashMap<MemberId, String>;

pub fn person(people: &People, member: Option<MemberId>, name: Option<&str>) -> Option<Person> {
    let linked = member.and_then(|id| people.get(&id)).cloned().map(Person::Linked);
    linked.or_else(|| name.map(|name| Person::Named(name.to_owned())))
}

/// The card of a draft, without buttons.
pub fn card_view(draft: &DraftView, people: &People) -> CardView {
    let s = &draft.summary;
    let votes = votes(draft);
    let closing = closing(draft);
    let (per_day, in_total) = stake(draft);
    CardView {
        number: s.number,
        revision: s.revision,
        title: s.title.clone(),
        state: s.state,
        tier: s.tier,
        requester: person(people, s.requested_by, s.requester.as_deref()),
        platform: platform(&s.platform),
        account: text(&draft.payload, "account_id"),
        reason: text(&draft.payload, "reason"),
        per_day,
        in_total,
        effect: effect(draft),
        reversible: reversible(draft),
        guardrails_passed: draft.guardrails.iter().filter(|g| g.passed).count(),
        guardrails: draft.guardrails.len(),
        warnings: warnings(draft),
        diff: draft.diff.clone(),
        evidence: evidence(draft),
        expires_at: s.expires_at,
        held_until: s.held_until,
        execute_at: s.execute_at,
        have: votes.iter().filter(|r| r.valid && r.role != "compliance").count(),
        need: usize::try_from(s.required_approvals).unwrap_or(1),
        missing: missing(draft, &votes),
        unconfirmed: unconfirmed(&votes, people),
        may_approve: may_approve(draft),
        requester_may: draft.requester_may_approve,
        rejected_before: draft
            .rejected_before
            .as_ref()
            .map(|r| (r.number, r.by.clone(), r.reason_code, r.note.clone().unwrap_or_default())),
        assignee: person(people, s.assigned_to, s.assignee.as_deref()),
        decided_by: person(people, s.decider, s.decided_by.as_deref()),
        decided_at: s.decided_at,
        applied_at: s.applied_at,
        reason_code: closing.as_ref().and_then(|(code, _)| *code),
        note: closing.and_then(|(_, note)| note),
        buttons: Buttons::default(),
    }
}

/// Approvals of the current revision.
fn votes(draft: &DraftView) -> Vec<&ReviewView> {
    let current = |r: &&ReviewView| r.revision == draft.summary.revision && r.decision == Decision::Approve;
    draft.reviews.iter().filter(current).collect()
}

/// Why it was rejected, sent back or found out of date.
fn closing(draft: &DraftView) -> Option<(Option<ReasonCode>, Option<String>)> {
    let decision = match draft.summary.state {
        DraftState::Rejected => Decision::Reject,
        DraftState::ChangesRequested => Decision::RequestChanges,
        DraftState::Stale => {
            let failed = draft.guardrails.iter().find(|g| g.code == "guardrail.before_changed" && !g.passed);
            return Some((None, failed.and_then(|g| g.message.clone())));
        }
        DraftState::Pending
        | DraftState::Approved
        | DraftState::Scheduled
        | DraftState::Executing
        | DraftState::RollingBack
        | DraftState::Executed
        | DraftState::Failed
        | DraftState::Measured
        | DraftState::RolledBack
        | DraftState::Cancelled
        | DraftState::Expired => return None,
    };
    let last = draft.reviews.iter().filter(|r| r.decision == decision).max_by_key(|r| r.at)?;
    Some((last.reason_code, last.note.clone()))
}

fn stake(draft: &DraftView) -> (String, String) {
    let (moved, days) = (draft.summary.money_moved, draft.impact.days);
    let total = moved * Decimal::from(days);
    match draft.summary.currency.parse::<Currency>() {
        Ok(currency) => (
            figure::money(moved, currency),
            format!("{} over {}", figure::money(total, currency), figure::counted(days, "day")),
        ),
        Err(_) => (moved.to_string(), total.to_string()),
    }
}

/// The expected effect with its interval; amounts are in the organisation's currency.
fn effect(draft: &DraftView) -> String {
    let e = &draft.impact;
    let currency = draft.summary.currency.parse::<Currency>().ok();
    let is_money = matches!(e.metric.as_str(), "contribution" | "revenue" | "spend_saved");
    let number = |x: f64| {
        let value = Decimal::from_f64(x).unwrap_or_default();
        match currency {
            Some(currency) if is_money => figure::money(value, currency),
            _ => figure::trimmed(value, 2),
        }
    };
    // Too little is known to claim anything: why, instead of a figure.
    let (Some(value), Some(low), Some(high)) = (e.value, e.low, e.high) else {
        return format!("cannot be estimated: {}", e.basis);
    };
    format!(
        "{} {} ({} to {}) in {}, {} sure",
        number(value),
        e.metric.replace('_', " "),
        number(low),
        number(high),
        figure::counted(e.days, "day"),
        figure::percent(Decimal::from_f64(e.confidence).unwrap_or_default(), 0),
    )
}

fn reversible(draft: &DraftView) -> String {
    match actions().and_then(|all| all.named(&draft.summary.kind)) {
        Ok(action) if action.file.reversible => format!("yes: {}", action.file.rollback),
        Ok(action) => format!("no: {}", action.file.rollback),
        Err(_) => "unknown".to_owned(),
    }
}

fn warnings(draft: &DraftView) -> Vec<Warning> {
    let noted = draft.guardrails.iter().filter(|g| g.message.is_some());
    noted
        .map(|g| Warning {
            severity: if g.passed { crate::drafts::Severity::Warn } else { g.severity },
            message: g.message.clone().unwrap_or_default(),
            overridden: draft.overridden.contains(&g.code),
        })
        .collect()
}

/// The queries that speak for it, with their parameters and how fresh their data was.
fn evidence(draft: &DraftView) -> Vec<String> {
    let line = |e: &crate::drafts::Evidence| {
        let at = e.as_of.strftime("%Y-%m-%d %H:%M UTC");
        if e.query == "before_state" {
            return format!("state read {at}");
        }
        let params = e.params.as_object().map(|params| {
            let shown = params.iter().filter(|(_, value)| *value != "all").take(3);
            shown.map(|(key, value)| parameter(key, value)).collect::<Vec<_>>().join(", ")
        });
        match params.filter(|p| !p.is_empty()) {
            Some(params) => format!("{} ({params}), data of {at}", e.query),
            None => format!("{}, data of {at}", e.query),
        }
    };
    draft.evidence.iter().map(line).collect()
}

/// A parameter as people read it; a window by its days.
fn parameter(key: &str, value: &Value) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (value.get("start"), value.get("end")) {
        (Some(start), Some(end)) => format!("{} to {}", word(start), word(end)),
        _ => format!("{} {}", key.replace('_', " "), word(value)),
    }
}

/// Co-approvals that nobody gave yet, and for the high tiers somebody who may approve them.
fn missing(draft: &DraftView, votes: &[&ReviewView]) -> Vec<String> {
    let given = |role: &str| votes.iter().any(|r| r.valid && r.role == role);
    draft
        .summary
        .co_approvals
        .iter()
        .filter(|role| !given(role))
        .map(|role| format!("{role} approval"))
        .collect()
}

fn unconfirmed(votes: &[&ReviewView], people: &People) -> Vec<Person> {
    let waiting = votes.iter().filter(|r| !r.valid);
    waiting.filter_map(|r| person(people, Some(r.reviewer_id), Some(&r.reviewer))).collect()
}

fn may_approve(draft: &DraftView) -> String {
    let who = draft.summary.group.clone().unwrap_or_else(|| "approvers".to_owned());
    match draft.summary.tier {
        Tier::Low | Tier::Medium => who,
        Tier::High => format!("two people, one of whom may approve high risk, of {who}"),
        Tier::Critical => format!("two people, one of them an administrator, of {who}"),
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `google_ads` → `Google Ads`.
pub fn platform(id: &str) -> String {
    let word = |word: &str| match word {
        "linkedin" => "LinkedIn".to_owned(),
        "tiktok" => "TikTok".to_owned(),
        _ => {
            let mut chars = word.chars();
            chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
        }
    };
    id.split('_').map(word).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::parameter;
    use serde_json::json;

    #[test]
    fn parameters_read_as_people_write_them() {
        assert_eq!(
            parameter("window", &json!({"start": "2026-01-01", "end": "2026-01-07"})),
            "2026-01-01 to 2026-01-07"
        );
        assert_eq!(parameter("min_spend", &json!(50)), "min spend 50");
        assert_eq!(parameter("campaign", &json!("Trail_Shoes")), "campaign Trail_Shoes");
    }
}
