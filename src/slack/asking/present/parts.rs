//! Messages that hold a stretch of the answer each, and what is kept of them across a restart.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One message of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub ts: String,
    /// Bytes `from..to` of the text stand in it.
    pub from: usize,
    pub to: usize,
    pub streaming: bool,
    /// More may be written into it.
    pub open: bool,
    /// What stands in it is not certain: it must be written anew. Of a withdrawn one: it cannot be deleted.
    pub torn: bool,
    pub since: Timestamp,
    pub touched: Timestamp,
}

/// A part as it is kept in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartAt {
    pub ts: String,
    pub from: usize,
    /// Of a finished part; the last one may hold more or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub streaming: bool,
}

/// How far an answer has come in Slack: enough to go on after a restart without saying anything twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which wording the parts hold: the text was withdrawn so often before.
    #[serde(default)]
    pub wording: u32,
    #[serde(default)]
    pub parts: Vec<PartAt>,
    /// Messages of withdrawn wordings that still stand in the thread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<PartAt>,
    /// A message was being made; whether it exists has to be looked up. Where its text begins, and of which wording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<(usize, u32)>,
    /// What stands below the answer stands there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub footed: bool,
}

/// The byte at which a message that begins at `from` ends: everything, or at most `most` characters, at the end of a
/// line or a word where there is one in the last quarter. Equals `from` when not even one character fits.
pub fn cut(text: &str, from: usize, most: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let Some((end, _)) = rest.char_indices().nth(most) else { return text.len().max(from) };
    let window = rest.get(..end).unwrap_or_default();
    let least = end - end / 4;
    let at = |found: Option<usize>| found.map(|at| at + 1).filter(|at| *at >= least);
    // An escape stays with what it escapes.
    let hard = if window.ends_with('\\') && end > 1 { end - 1 } else { end };
    from + at(window.rfind('\n')).or_else(|| at(window.rfind(' '))).unwrap_or(hard)
}
