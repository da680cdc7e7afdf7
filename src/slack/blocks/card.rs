//! The card of a draft: what is proposed, why, what it puts at stake, who decided what. Pure.
//!
//! Everything on it is written by us from the draft's payload; no word of a model's prose becomes markup. Data stands in
//! plain or rich text, which Slack does not parse; where markup is needed, data is escaped by type.
mod words;

use super::kit::{self, Look};
use super::{Message, Mrkdwn, Plain, mrkdwn, plain};
use crate::drafts::{DraftState, ReasonCode, Severity, Tier};
use jiff::Timestamp;
use words::{preformatted, quote, rejected_before, why};

use serde_json::Value;

/// Somebody, as the card names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// A user id of this workspace.
    Linked(String),
    Named(String),
}

impl Person {
    pub fn mrkdwn(&self) -> Mrkdwn {
        match self {
            Self::Linked(id) => Mrkdwn::user(id),
            Self::Named(name) => mrkdwn(name),
        }
    }
}

/// Tokens of the buttons; none = the button is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buttons {
    pub approve: Option<String>,
    pub edit: Option<String>,
    pub reject: Option<String>,
    pub ask: Option<String>,
    pub hold: Option<String>,
    pub hand: Option<String>,
    /// Reads the present state again, which brings a stale draft back.
    pub refresh: Option<String>,
    pub apply: Option<String>,
    pub again: Option<String>,
}

/// A guardrail that did not simply pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub severity: Severity,
    pub message: String,
    /// An administrator took responsibility.
    pub overridden: bool,
}

/// All that a card shows.
#[derive(Clone, Debug, PartialEq)]
pub struct CardView {
    pub number: i64,
    pub revision: i32,
    pub title: String,
    pub state: DraftState,
    pub tier: Tier,
    pub requester: Option<Person>,
    pub platform: String,
    pub account: String,
    pub reason: String,
    /// With their currency: a day, and over the days of the expected effect.
    pub per_day: String,
    pub in_total: String,
    pub effect: String,
    pub reversible: String,
    pub guardrails_passed: usize,
    pub guardrails: usize,
    pub warnings: Vec<Warning>,
    pub diff: Vec<String>,
    pub evidence: Vec<String>,
    pub expires_at: Timestamp,
    pub held_until: Option<Timestamp>,
    pub execute_at: Option<Timestamp>,
    pub have: usize,
    pub need: usize,
    /// Co-approvals and permissions still missing.
    pub missing: Vec<String>,
    /// Votes that count once they are confirmed.
    pub unconfirmed: Vec<Person>,
    pub may_approve: String,
    /// Who asked for it may approve it alone.
    pub requester_may: bool,
    /// Number, who, why: the last time that people turned it down.
    pub rejected_before: Option<(i64, String, Option<ReasonCode>, String)>,
    pub assignee: Option<Person>,
    pub decided_by: Option<Person>,
    pub decided_at: Option<Timestamp>,
    pub applied_at: Option<Timestamp>,
    /// Of a rejection or a request for changes.
    pub reason_code: Option<ReasonCode>,
    pub note: Option<String>,
    pub buttons: Buttons,
}

impl CardView {
    /// The button asks again before it decides.
    pub fn is_risky(&self) -> bool {
        self.tier >= Tier::High || !self.warnings.is_empty()
    }
}

/// Most diff lines on a card; the rest is counted.
const MOST_LINES: usize = 20;
/// Most characters of a diff line.
const LINE: usize = 240;
/// Most guardrail notes and pieces of evidence.
const MOST_NOTES: usize = 5;

pub fn card(view: &CardView) -> Message {
    let mut blocks = head(view);
    blocks.extend(outcome(view).iter().flat_map(kit::sections));
    blocks.push(quote(&view.reason));
    blocks.extend(kit::fields(&fields(view)));
    blocks.extend(preformatted(diff_lines(view)));
    blocks.extend(kit::sections(&warnings(view)));
    blocks.extend(kit::context(&[evidence(view)]));
    blocks.extend(view.rejected_before.iter().flat_map(rejected_before));
    blocks.extend(actions(view));
    blocks.extend(kit::context(&[footer(view)]));
    Message::new(&summary(view), blocks)
}

/// The card right after a click: what is being done, and nothing to click.
pub fn processing(view: &CardView, what: &'static str) -> Message {
    let mut blocks = head(view);
    blocks.extend(kit::sections(&Mrkdwn::fill("⏳ Processing… {}", &[Mrkdwn::ours(what)])));
    blocks.extend(preformatted(diff_lines(view)));
    Message::new(&Plain::fill("Draft {}: processing…", &[plain(&view.number.to_string())]), blocks)
}

/// One line about the draft, for notifications and lists.
pub fn summary(view: &CardView) -> Plain {
    let number = plain(&view.number.to_string());
    let state = Plain::ours(state_words(view.state));
    Plain::fill("Draft {}: {} ({})", &[number, plain(&view.title), state])
}

fn head(view: &CardView) -> Vec<Value> {
    let title = Plain::fill("{} {}", &[Plain::ours(icon(view.state)), plain(&view.title)]);
    let mut blocks = vec![kit::header(&title)];
    blocks.extend(kit::context(&[heading(view)]));
    blocks
}

fn icon(state: DraftState) -> &'static str {
    match state {
        DraftState::Pending => "📝",
        DraftState::ChangesRequested => "✏️",
        DraftState::Approved | DraftState::Scheduled | DraftState::Executing => "✅",
        DraftState::Executed | DraftState::Measured => "☑️",
        DraftState::Rejected => "❌",
        DraftState::Cancelled => "🚫",
        DraftState::Expired => "⌛",
        DraftState::Stale | DraftState::Failed => "⚠️",
        DraftState::RollingBack | DraftState::RolledBack => "↩️",
    }
}

/// A state as people say it.
pub fn state_words(state: DraftState) -> &'static str {
    match state {
        DraftState::Pending => "waiting for review",
        DraftState::ChangesRequested => "changes requested",
        DraftState::Approved => "approved, not applied yet",
        DraftState::Scheduled => "approved and scheduled",
        DraftState::Executing => "being applied",
        DraftState::Stale => "out of date",
        DraftState::RollingBack => "being rolled back",
        DraftState::Executed => "applied",
        DraftState::Failed => "failed",
        DraftState::Measured => "applied and measured",
        DraftState::RolledBack => "rolled back",
        DraftState::Rejected => "rejected",
        DraftState::Cancelled => "cancelled",
        DraftState::Expired => "expired",
    }
}

fn number(of: impl ToString) -> Mrkdwn {
    mrkdwn(&of.to_string())
}

fn risk(tier: Tier) -> &'static str {
    match tier {
        Tier::Low => "low risk",
        Tier::Medium => "medium risk",
        Tier::High => "*high risk*",
        Tier::Critical => "*critical risk*",
    }
}

const WHEN: &str = "{date_short_pretty} {time}";

/// Drafted for whom, id, revision, risk, deadline.
fn heading(view: &CardView) -> Mrkdwn {
    let mut parts = vec![
        Mrkdwn::fill("Draft {}", &[number(view.number)]),
        Mrkdwn::fill("revision {}", &[number(view.revision)]),
        Mrkdwn::ours(risk(view.tier)),
    ];
    if let Some(person) = &view.requester {
        parts.push(Mrkdwn::fill("for {}", &[person.mrkdwn()]));
    }
    match view.state {
        DraftState::Pending | DraftState::ChangesRequested | DraftState::Stale => {
            parts.push(Mrkdwn::fill("expires {}", &[Mrkdwn::date(view.expires_at, WHEN)]));
            parts.extend(view.held_until.map(|at| Mrkdwn::fill("held until {}", &[Mrkdwn::date(at, WHEN)])));
        }
        DraftState::Approved | DraftState::Scheduled => {
            parts.push(Mrkdwn::fill("approval lapses {}", &[Mrkdwn::date(view.expires_at, WHEN)]));
        }
        DraftState::Executing
        | DraftState::RollingBack
        | DraftState::Executed
        | DraftState::Failed
        | DraftState::Measured
        | DraftState::RolledBack
        | DraftState::Rejected
        | DraftState::Cancelled
        | DraftState::Expired => {}
    }
    Mrkdwn::join(parts, " · ")
}

/// "by whom, when", as far as it is known.
fn by(view: &CardView) -> Mrkdwn {
    let person = view.decided_by.as_ref().map(|p| Mrkdwn::fill("by {}", &[p.mrkdwn()]));
    let at = view.decided_at.map(|at| Mrkdwn::date(at, "{time}"));
    Mrkdwn::join(person.into_iter().chain(at), " ")
}

fn note(view: &CardView) -> Mrkdwn {
    why(view.reason_code, view.note.as_deref())
}

fn with_note(head: Mrkdwn, view: &CardView) -> Mrkdwn {
    Mrkdwn::join([head, note(view)], "\n")
}

/// What became of it; nothing while it waits. Approved and applied are separate facts.
fn outcome(view: &CardView) -> Option<Mrkdwn> {
    let applied = view.applied_at.map(|at| Mrkdwn::fill("applied {}", &[Mrkdwn::date(at, "{time}")]));
    Some(match view.state {
        DraftState::Pending => return None,
        DraftState::ChangesRequested => with_note(Mrkdwn::ours("✏️ *Changes requested*"), view),
        DraftState::Approved => Mrkdwn::fill("✅ *Approved* {} · not applied yet", &[by(view)]),
        DraftState::Scheduled => {
            let at = view.execute_at.map(|at| Mrkdwn::date(at, WHEN)).unwrap_or_default();
            Mrkdwn::fill("✅ *Approved* {} · scheduled for {}", &[by(view), at])
        }
        DraftState::Executing => Mrkdwn::fill("✅ *Approved* {} · being applied now", &[by(view)]),
        DraftState::Executed | DraftState::Measured => {
            let applied = applied.unwrap_or_else(|| Mrkdwn::ours("applied"));
            Mrkdwn::fill("✅ *Approved* {} · *{}*", &[by(view), applied])
        }
        DraftState::Failed => Mrkdwn::fill("⚠️ *Approved* {} · applying it failed", &[by(view)]),
        DraftState::RollingBack => Mrkdwn::ours("↩️ Being rolled back"),
        DraftState::RolledBack => Mrkdwn::ours("↩️ *Rolled back*"),
        DraftState::Stale => with_note(
            Mrkdwn::ours(
                "⚠️ *Out of date*: what it would change is not as it was. Bring it up to date to go on.",
            ),
            view,
        ),
        DraftState::Rejected => with_note(Mrkdwn::fill("❌ *Rejected* {}", &[by(view)]), view),
        DraftState::Cancelled => with_note(Mrkdwn::fill("🚫 *Cancelled* {}", &[by(view)]), view),
        DraftState::Expired => {
            let at = Mrkdwn::date(view.decided_at.unwrap_or(view.expires_at), WHEN);
            Mrkdwn::fill("⌛ *Expired* {}: nobody decided in time.", &[at])
        }
    })
}

fn fields(view: &CardView) -> Vec<Mrkdwn> {
    let guardrails =
        Mrkdwn::fill("{} of {} passed", &[number(view.guardrails_passed), number(view.guardrails)]);
    let account = Mrkdwn::join([mrkdwn(&view.platform), mrkdwn(&view.account)], " ");
    let stake = Mrkdwn::fill("{} a day, {}", &[mrkdwn(&view.per_day), mrkdwn(&view.in_total)]);
    let all = [
        ("*Account*\n{}", account),
        ("*Money at stake*\n{}", stake),
        ("*Expected effect*\n{}", mrkdwn(&view.effect)),
        ("*Reversible*\n{}", mrkdwn(&view.reversible)),
        ("*Guardrails*\n{}", guardrails),
    ];
    all.into_iter().map(|(label, value)| Mrkdwn::fill(label, &[value])).collect()
}

fn diff_lines(view: &CardView) -> Vec<Plain> {
    let mut lines: Vec<Plain> = view.diff.iter().take(MOST_LINES).map(|line| plain(line).cut(LINE)).collect();
    let more = view.diff.len().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.push(Plain::fill("… and {} more", &[plain(&more.to_string())]));
    }
    lines
}

fn warnings(view: &CardView) -> Mrkdwn {
    let lines = view.warnings.iter().take(MOST_NOTES).map(|warning| {
        let mark = match (warning.severity, warning.overridden) {
            (_, true) => "🔓 {} (an administrator took responsibility)",
            (Severity::Block, _) => "⛔ {}",
            (Severity::Hold, _) => "✋ {}",
            (Severity::Warn, _) => "⚠️ {}",
        };
        Mrkdwn::fill(mark, &[mrkdwn(&warning.message)])
    });
    Mrkdwn::join(lines, "\n")
}

fn evidence(view: &CardView) -> Mrkdwn {
    let named = Mrkdwn::join(view.evidence.iter().take(MOST_NOTES).map(|e| mrkdwn(e)), " · ");
    if named.is_empty() { named } else { Mrkdwn::fill("Evidence: {}", &[named]) }
}

/// The buttons for which there are tokens.
fn actions(view: &CardView) -> Option<Value> {
    let b = &view.buttons;
    let made = |id, label, token: &Option<String>, look| {
        kit::button(id, &Plain::ours(label), token.as_deref()?, look)
    };
    let approve = made("card.approve", "Approve", &b.approve, Look::Primary)
        .map(|button| if view.is_risky() { asked_again(view, button) } else { button });
    let mut elements: Vec<Value> = [
        approve,
        made("card.refresh", "Bring up to date", &b.refresh, Look::Primary),
        made("card.edit", "Edit", &b.edit, Look::Usual),
        made("card.reject", "Reject", &b.reject, Look::Danger),
        made("card.again", "Draft again", &b.again, Look::Usual),
    ]
    .into_iter()
    .flatten()
    .collect();
    let option = |label, verb: &str, token: &Option<String>| {
        Some((Plain::ours(label), format!("{verb}:{}", token.as_ref()?)))
    };
    let menu: Vec<(Plain, String)> = [
        option("Ask a question", "ask", &b.ask),
        option("Hold for 4 hours", "hold", &b.hold),
        option("Hand to…", "hand", &b.hand),
        option("Mark as applied…", "apply", &b.apply),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !menu.is_empty() {
        elements.push(kit::overflow("card.menu", &menu));
    }
    kit::actions("card", elements)
}

fn asked_again(view: &CardView, approve: Value) -> Value {
    let risk = Plain::ours(match view.tier {
        Tier::Low | Tier::Medium => "some guardrails want a second look",
        Tier::High => "high risk",
        Tier::Critical => "critical risk",
    });
    let text = Plain::fill(
        "{} ({} a day, {}). Approve revision {} of draft {} as the card shows it?",
        &[
            plain(&view.title).cut(120),
            plain(&view.per_day),
            risk,
            plain(&view.revision.to_string()),
            plain(&view.number.to_string()),
        ],
    );
    let [title, yes, no] = ["Approve this draft?", "Approve", "Not yet"].map(Plain::ours);
    kit::confirm(approve, &title, &text, &yes, &no, Look::Usual)
}

/// "0/2 approvals · approvers may approve · the requester may not".
fn footer(view: &CardView) -> Mrkdwn {
    let mut parts = vec![Mrkdwn::fill("{}/{} approvals", &[number(view.have), number(view.need)])];
    let waits = matches!(view.state, DraftState::Pending | DraftState::ChangesRequested | DraftState::Stale);
    if waits {
        if !view.missing.is_empty() {
            let missing = view.missing.iter().map(|m| mrkdwn(&m.replace('_', " ")));
            parts.push(Mrkdwn::fill("still needed: {}", &[Mrkdwn::join(missing, ", ")]));
        }
        if !view.unconfirmed.is_empty() {
            let people = view.unconfirmed.iter().map(Person::mrkdwn);
            parts.push(Mrkdwn::fill("to be confirmed by {}", &[Mrkdwn::join(people, ", ")]));
        }
        parts.push(Mrkdwn::fill("{} may approve", &[mrkdwn(&view.may_approve)]));
        let requester = if view.requester_may { "the requester may" } else { "the requester may not" };
        parts.push(Mrkdwn::ours(requester));
        if let Some(person) = &view.assignee {
            parts.push(Mrkdwn::fill("handed to {}", &[person.mrkdwn()]));
        }
    }
    Mrkdwn::join(parts, " · ")
}

#[cfg(test)]
mod tests;
