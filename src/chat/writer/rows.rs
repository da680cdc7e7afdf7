//! Events, receipts and the end of a turn as rows.
use crate::chat::turn::Tally;
use crate::chat::{Receipt, TurnEvent, TurnEventKind};
use crate::db::turns::{Finish, NewEvent, NewReceipt, TurnState};
use crate::llm::Outcome;
use serde_json::Value;
use std::time::Duration;

/// An event as it is stored.
pub fn new_event(event: &TurnEvent) -> NewEvent {
    NewEvent { seq: event.seq, at: event.at, kind: event.kind.word(), payload: payload(&event.kind) }
}

/// The payload of an event as it is stored and sent.
pub fn payload(kind: &TurnEventKind) -> Value {
    match serde_json::to_value(kind) {
        Ok(Value::Object(mut fields)) => fields.remove("payload").unwrap_or(Value::Null),
        Ok(_) | Err(_) => Value::Null,
    }
}

pub(super) fn receipt_row(receipt: &Receipt) -> NewReceipt<'_> {
    NewReceipt {
        figure: &receipt.figure,
        value: receipt.value.map(|value| value.round_dp(6)),
        unit: &receipt.unit,
        status: receipt.status.as_str(),
        run: receipt.run_id,
        row: receipt.row.and_then(|row| i32::try_from(row).ok()),
        column: receipt.column.as_deref(),
        steps: receipt.steps.clone(),
    }
}

pub(super) fn finish_row<'a>(kind: &'a TurnEventKind, tally: &'a Tally, version: &'a str) -> Finish<'a> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (state, answer, outcome, total_ms) = match kind {
        TurnEventKind::Completed { answer, outcome, total_ms, .. } => {
            (TurnState::Completed, Some(answer.as_str()), *outcome, i32::try_from(*total_ms).ok())
        }
        TurnEventKind::Cancelled { .. } => (TurnState::Cancelled, None, Outcome::Failed, None),
        TurnEventKind::Failed { .. }
        | TurnEventKind::Started { .. }
        | TurnEventKind::Status { .. }
        | TurnEventKind::Text { .. }
        | TurnEventKind::ToolStarted { .. }
        | TurnEventKind::ToolCompleted { .. }
        | TurnEventKind::ToolFailed { .. }
        | TurnEventKind::Chart { .. }
        | TurnEventKind::DraftCreated { .. }
        | TurnEventKind::Receipts { .. }
        | TurnEventKind::Suggestions { .. } => (TurnState::Failed, None, Outcome::Failed, None),
    };
    let answered = !tally.model.is_empty();
    let route = tally.route();
    Finish {
        state,
        answer,
        route: answered.then_some(route),
        outcome: Some(outcome.as_str()),
        model: answered.then_some(tally.model.as_str()),
        prompt_version: version,
        tokens_in: count(tally.tokens_in),
        tokens_out: count(tally.tokens_out),
        cost: tally.cost,
        ttft_ms: tally.ttft.and_then(|time| i32::try_from(time.as_millis()).ok()),
        total_ms,
        figures: i32::try_from(tally.figures).unwrap_or(i32::MAX),
        figures_traced: i32::try_from(tally.figures_traced).unwrap_or(i32::MAX),
    }
}

/// Counts and times a turn that has ended.
pub(super) fn measured(kind: &TurnEventKind, tally: &Tally) {
    let state = if matches!(kind, TurnEventKind::Completed { .. }) {
        "completed"
    } else if matches!(kind, TurnEventKind::Cancelled { .. }) {
        "cancelled"
    } else {
        "failed"
    };
    let route = if tally.model.is_empty() { "none" } else { tally.route() };
    metrics::counter!("adjutant_turns_total", "state" => state, "route" => route).increment(1);
    if let TurnEventKind::Completed { total_ms, .. } = kind {
        let seconds = Duration::from_millis(*total_ms).as_secs_f64();
        metrics::histogram!("adjutant_turn_seconds", "route" => route).record(seconds);
    }
    if let Some(time) = tally.ttft {
        metrics::histogram!("adjutant_turn_first_word_seconds", "route" => route).record(time.as_secs_f64());
    }
    let figures = |status: &'static str, count: u32| {
        metrics::counter!("adjutant_figures_total", "receipt" => status).increment(u64::from(count));
    };
    figures("yes", tally.figures_traced);
    figures("no", tally.figures.saturating_sub(tally.figures_traced));
}
