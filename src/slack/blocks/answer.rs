//! An answer in a thread: its text, and what follows it; the status line before it, and what is said when it fails.
use super::limits::MARKDOWN;
use super::text::{plain_lines, tamed};
use super::{Markdown, Message, Mrkdwn, Plain, kit, mrkdwn, plain};
use crate::period::Window;
use jiff::civil::Date;
use serde_json::{Value, json};

/// The actions under an answer; `asking` handles them. Several of a kind are told apart by a number after a dot.
pub const FOLLOW_UP: &str = "ask.follow_up";
/// Asks for the draft of a pause.
pub const PAUSE: &str = "ask.pause";
pub const SHOW_DATA: &str = "ask.data";
pub const FEEDBACK: &str = "ask.feedback";
pub const STOP: &str = "ask.stop";
pub const RETRY: &str = "ask.retry";
/// The values of [`FEEDBACK`], before a colon and the turn.
pub const UP: &str = "up";
pub const DOWN: &str = "down";

/// A query that an answer rests on.
#[derive(Clone, Debug)]
pub struct Source {
    /// The query's title.
    pub title: String,
    pub query: String,
    pub rows_shown: u64,
    pub rows_total: u64,
    pub window: Option<Window>,
    /// Each source with its newest day, and whether that is later than it should be.
    pub newest: Vec<(String, Option<Date>, bool)>,
}

/// What stands under an answer.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    pub sources: Vec<Source>,
    /// Figures with a receipt, and all figures.
    pub figures: (usize, usize),
    /// Figures as printed that have none.
    pub unverified: Vec<String>,
    /// Results that can be shown: label, value of the button.
    pub data: Vec<(String, String)>,
    /// A campaign whose pause can be drafted: its name, the value of the button.
    pub pause: Option<(String, String)>,
    /// Questions that lead on: the question, the value of its button.
    pub follow_ups: Vec<(String, String)>,
    /// Named in the feedback; none: no feedback is asked for.
    pub turn: Option<String>,
}

/// The blocks under an answer: sources, "Show data", the draft it leads to, follow-ups, feedback.
pub fn answer_tail(tail: &Tail) -> Vec<Value> {
    let mut blocks = kit::context(&source_lines(tail));
    let shows = tail.data.iter().take(5).enumerate().filter_map(|(n, (label, value))| {
        let label = match tail.data.len() {
            1 => Plain::ours("Show data"),
            _ => Plain::fill("Show data: {}", &[plain(label)]),
        };
        kit::button(&format!("{SHOW_DATA}.{n}"), &label, value, kit::Look::Usual)
    });
    blocks.extend(kit::actions("ask_data", shows.collect()));
    let pause = tail.pause.as_ref().and_then(|(campaign, value)| {
        let label = Plain::fill("Draft the pause: {}", &[plain(&tamed(campaign))]);
        kit::button(PAUSE, &label, value, kit::Look::Usual)
    });
    blocks.extend(kit::actions("ask_pause", pause.into_iter().collect()));
    let questions = tail.follow_ups.iter().take(3).enumerate().filter_map(|(n, (question, value))| {
        kit::button(&format!("{FOLLOW_UP}.{n}"), &plain(question), value, kit::Look::Usual)
    });
    blocks.extend(kit::actions("ask_follow_up", questions.collect()));
    blocks.extend(tail.turn.as_deref().map(feedback));
    blocks
}

/// `Sources: title (12 of 40 rows, 2025-08-18 to 2025-09-16, google ads to 2025-09-16) · …`, then what has no receipt.
fn source_lines(tail: &Tail) -> Vec<Mrkdwn> {
    let mut lines = Vec::new();
    if !tail.sources.is_empty() {
        let sources = Mrkdwn::join(tail.sources.iter().map(source), " · ");
        lines.push(Mrkdwn::fill("*Sources:* {}", &[sources]));
    }
    let (traced, all) = tail.figures;
    if all > 0 {
        let count = |n: usize| mrkdwn(&n.to_string());
        lines.push(Mrkdwn::fill("{} of {} figures have a receipt", &[count(traced), count(all)]));
    }
    if !tail.unverified.is_empty() {
        let figures = Mrkdwn::join(tail.unverified.iter().take(10).map(|figure| mrkdwn(figure)), ", ");
        lines.push(Mrkdwn::fill("⚠️ *Unverified:* {}", &[figures]));
    }
    lines
}

fn source(source: &Source) -> Mrkdwn {
    let rows = if source.rows_shown < source.rows_total {
        format!("{} of {} rows", source.rows_shown, source.rows_total)
    } else if source.rows_total == 1 {
        "1 row".to_owned()
    } else {
        format!("{} rows", source.rows_total)
    };
    let mut facts = vec![rows];
    facts.extend(source.window.map(|window| window.to_string()));
    facts.extend(source.newest.iter().map(|(name, day, late)| {
        let name = name.replace('_', " ");
        match day {
            None => format!("{name}: no data"),
            Some(day) if *late => format!("{name} to {day}, late"),
            Some(day) => format!("{name} to {day}"),
        }
    }));
    let facts = mrkdwn(&facts.join(", "));
    Mrkdwn::fill("{} ({})", &[mrkdwn(&source.title), facts])
}

/// Thumbs up and down for a turn.
pub fn feedback(turn: &str) -> Value {
    let thumb = |sign: &'static str, label: &'static str, value: &str| {
        json!({
            "text": kit::plain_text(&Plain::ours(sign), 75), "value": format!("{value}:{turn}"),
            "accessibility_label": label,
        })
    };
    json!({"type": "context_actions", "elements": [{
        "type": "feedback_buttons", "action_id": FEEDBACK,
        "positive_button": thumb("👍", "Good answer", UP), "negative_button": thumb("👎", "Bad answer", DOWN),
    }]})
}

/// The button that ends a turn.
pub fn stop_button(turn: &str) -> Option<Value> {
    let button = kit::button(STOP, &Plain::ours("Stop"), turn, kit::Look::Usual)?;
    kit::actions("ask_stop", vec![button])
}

/// An answer at once, in as many messages as it needs; `tail` ends the last one.
pub fn answer(text: &Markdown, tail: Vec<Value>) -> Vec<Message> {
    // Room for the signs that close and open a code block at a cut.
    let pieces = text.pieces(MARKDOWN - 500);
    let last = pieces.len().saturating_sub(1);
    let mut tail = Some(tail);
    let mut messages = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        let mut blocks = kit::markdown(piece);
        if n == last {
            blocks.extend(tail.take().unwrap_or_default());
        }
        messages.extend(Message::new(&plain_lines(&piece.words()), blocks).within_limits());
    }
    messages
}

/// The arguments of `assistant.threads.setStatus`; no line takes the status away.
pub fn status(channel: &str, thread_ts: &str, line: Option<&str>) -> Value {
    let line = line.map(|line| plain(line).cut(100));
    json!({"channel_id": channel, "thread_ts": thread_ts, "status": line.as_ref().map_or("", Plain::as_str)})
}

/// That something went wrong, in plain words, with a button to try again where that can help.
pub fn failed(message: &str, retry: Option<&str>) -> Message {
    let text = Mrkdwn::fill("⚠️ {}", &[mrkdwn(message)]);
    let mut blocks = kit::sections(&text);
    let button = retry
        .and_then(|value| kit::button(RETRY, &Plain::ours("Try again"), value, kit::Look::Usual))
        .and_then(|button| kit::actions("ask_retry", vec![button]));
    blocks.extend(button);
    Message::new(&Plain::fill("⚠️ {}", &[plain(message)]), blocks)
}

/// A short word to one person: a refusal, a hint, a confirmation.
pub fn notice(text: &Mrkdwn, fallback: &Plain) -> Message {
    Message::new(fallback, kit::sections(text))
}

#[cfg(test)]
mod tests;
