//! What an event of a turn means as a status line. Nothing of it comes from the data but the days of a window.
use crate::catalogue::Catalogue;
use crate::chat::{TurnEventKind, calculate};
use crate::report::figure;
use jiff::civil::Date;
use serde_json::Value;

/// The line that says what is going on; `None`: the one before still holds. `today` is the organisation's.
pub fn line(kind: &TurnEventKind, catalogue: &Catalogue, today: Date) -> Option<String> {
    match kind {
        TurnEventKind::Started { .. } => Some("Reading the question…".to_owned()),
        TurnEventKind::Status { line } => Some(line.clone()),
        TurnEventKind::ToolStarted { tool, params, .. } => Some(match catalogue.queries.get(tool) {
            Some(query) => {
                let title = lower(&query.title);
                let window = params.get("window").and_then(|window| days(window, today));
                format!("Reading {title}{}…", window.map(|days| format!(" for {days}")).unwrap_or_default())
            }
            None if tool == calculate::NAME => "Calculating…".to_owned(),
            None => "Preparing a draft…".to_owned(),
        }),
        TurnEventKind::ToolCompleted { .. } => Some("Writing the answer…".to_owned()),
        TurnEventKind::ToolFailed { .. } => Some("Trying another way…".to_owned()),
        TurnEventKind::Text { .. }
        | TurnEventKind::Chart { .. }
        | TurnEventKind::DraftCreated { .. }
        | TurnEventKind::Receipts { .. }
        | TurnEventKind::Suggestions { .. }
        | TurnEventKind::Completed { .. }
        | TurnEventKind::Failed { .. }
        | TurnEventKind::Cancelled { .. } => None,
    }
}

/// A title in the middle of a sentence; names in capitals stay.
fn lower(title: &str) -> String {
    let mut chars = title.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => title.to_owned(),
    }
}

/// "the last 30 days" where the window ends yesterday or today, else its first and last day.
fn days(window: &Value, today: Date) -> Option<String> {
    let day = |name: &str| window.get(name)?.as_str()?.parse::<Date>().ok();
    let (start, end) = (day("start")?, day("end")?);
    let long = (end - start).get_days() + 1;
    let ago = (today - end).get_days();
    Some(match (long, ago) {
        (1, 0) => "today".to_owned(),
        (1, 1) => "yesterday".to_owned(),
        (long, 0 | 1) if long > 1 => format!("the last {long} days"),
        _ => format!("{} to {}", figure::day(start), figure::day(end)),
    })
}

#[cfg(test)]
mod tests;
