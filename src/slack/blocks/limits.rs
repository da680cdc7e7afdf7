//! What Slack takes in one message, and how a longer one is divided (`slack.md`).
use super::text::plain_lines;
use serde_json::Value;

/// Characters of a section's text.
pub const SECTION: usize = 3_000;
/// Characters of one field of a section, and how many there may be.
pub const FIELD: usize = 2_000;
pub const FIELDS: usize = 10;
/// Elements of a context block, and of an actions block.
pub const CONTEXT: usize = 10;
pub const ACTIONS: usize = 25;
pub const HEADER: usize = 150;
pub const BUTTON: usize = 75;
pub const VALUE: usize = 2_000;
pub const BLOCKS: usize = 50;
/// Characters of all Markdown blocks of a message together.
pub const MARKDOWN: usize = 12_000;
/// Characters of `text` in `chat.update`; what is posted may be longer, but nobody reads that.
pub const TEXT: usize = 4_000;
/// Native charts, and tables, of a message.
pub const CHARTS: usize = 2;
pub const TABLES: usize = 1;
/// Columns, rows below the heading, and characters of all cells of a table.
pub const TABLE_COLUMNS: usize = 20;
pub const TABLE_ROWS: usize = 100;
pub const TABLE_CHARACTERS: usize = 10_000;

/// A message: what a notification (or a client without blocks) shows, and the blocks.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Message {
    /// Ready for Slack: nothing in it is markup ([`super::Plain::fallback`]).
    pub text: String,
    pub blocks: Vec<Value>,
}

impl Message {
    /// As many messages as Slack's limits demand, in order; a block is never divided. The first keeps the text, a later
    /// one says what its blocks say.
    pub fn within_limits(self) -> Vec<Self> {
        let mut parts: Vec<Vec<Value>> = vec![Vec::new()];
        let mut full = Load::default();
        for block in self.blocks {
            let load = Load::of(&block);
            if full.with(load).is_over() {
                parts.push(Vec::new());
                full = Load::default();
            }
            full = full.with(load);
            if let Some(part) = parts.last_mut() {
                part.push(block);
            }
        }
        let mut texts = Some(cut(&self.text)).into_iter();
        parts
            .into_iter()
            .map(|blocks| Self { text: texts.next().unwrap_or_else(|| spoken(&blocks)), blocks })
            .collect()
    }

    /// The arguments of a message in a channel or thread: nothing is linked, unfurled or formatted but by the blocks.
    pub fn post(&self, channel: &str, thread_ts: Option<&str>) -> Value {
        let mut args = serde_json::json!({
            "channel": channel, "text": self.text, "blocks": self.blocks, "mrkdwn": false, "parse": "none",
            "link_names": false, "unfurl_links": false, "unfurl_media": false,
        });
        if let Some(thread) = thread_ts {
            args["thread_ts"] = thread.into();
        }
        args
    }

    /// The arguments that put this in the place of a message that is there (`chat.update`).
    pub fn update(&self, channel: &str, ts: &str) -> Value {
        serde_json::json!({
            "channel": channel, "ts": ts, "text": self.text, "blocks": self.blocks, "parse": "none",
            "link_names": false,
        })
    }

    /// The arguments of a message that one person sees (`chat.postEphemeral`).
    pub fn ephemeral(&self, channel: &str, user: &str, thread_ts: Option<&str>) -> Value {
        let mut args = serde_json::json!({
            "channel": channel, "user": user, "text": self.text, "blocks": self.blocks, "parse": "none",
            "link_names": false,
        });
        if let Some(thread) = thread_ts {
            args["thread_ts"] = thread.into();
        }
        args
    }

    /// The body of a reply to a `response_url`, seen by one person or by all; it may take the place of the message that
    /// was clicked.
    pub fn reply(&self, to_all: bool, replaces: bool) -> Value {
        let response_type = if to_all { "in_channel" } else { "ephemeral" };
        serde_json::json!({
            "response_type": response_type, "replace_original": replaces, "text": self.text,
            "blocks": self.blocks, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false,
        })
    }
}

/// How much of a message something takes.
#[derive(Clone, Copy, Default)]
struct Load {
    blocks: usize,
    markdown: usize,
    charts: usize,
    tables: usize,
}

impl Load {
    fn of(block: &Value) -> Self {
        let one = Self { blocks: 1, ..Self::default() };
        match block["type"].as_str() {
            Some("markdown") => {
                Self { markdown: block["text"].as_str().map_or(0, |text| text.chars().count()), ..one }
            }
            Some("data_visualization") => Self { charts: 1, ..one },
            Some("data_table" | "table") => Self { tables: 1, ..one },
            _ => one,
        }
    }

    fn with(self, more: Self) -> Self {
        Self {
            blocks: self.blocks + more.blocks,
            markdown: self.markdown + more.markdown,
            charts: self.charts + more.charts,
            tables: self.tables + more.tables,
        }
    }

    /// A single block that is too large for any message stays alone: the sender then falls back to the text.
    fn is_over(self) -> bool {
        self.blocks > 1
            && (self.blocks > BLOCKS
                || self.markdown > MARKDOWN
                || self.charts > CHARTS
                || self.tables > TABLES)
    }
}

/// What blocks say, for those who see no blocks.
fn spoken(blocks: &[Value]) -> String {
    let mut lines = Vec::new();
    for block in blocks {
        collect(block, &mut lines);
    }
    let text = lines.join("\n").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    cut(&plain_lines(&text).fallback())
}

fn collect(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            // Buttons say nothing without their click.
            if matches!(fields.get("type").and_then(Value::as_str), Some("actions" | "context_actions")) {
                return;
            }
            for (key, field) in fields {
                match field.as_str() {
                    Some(text) if matches!(key.as_str(), "text" | "title" | "caption") => {
                        lines.push(text.to_owned())
                    }
                    Some(_) => {}
                    None => collect(field, lines),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, lines)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A text within [`TEXT`], never cut inside an entity.
pub(crate) fn cut(text: &str) -> String {
    let whole = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        before.rfind('&').is_none_or(|amp| before[amp..].contains(';'))
    };
    let mut pieces = pieces(text, TEXT - 1, whole).into_iter();
    match (pieces.next(), pieces.next()) {
        (Some(first), Some(_)) => format!("{}…", first.trim_end()),
        (first, _) => first.unwrap_or_default(),
    }
}

/// Pieces of at most `most` characters, cut after an empty line, else a line, else a word, else anywhere, at byte
/// positions that `allowed` accepts; the white space at a cut is dropped.
pub(super) fn pieces(text: &str, most: usize, allowed: impl Fn(usize) -> bool) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut from = 0;
    loop {
        let rest = &text[from..];
        let Some((end, _)) = rest.char_indices().nth(most.max(1)) else {
            pieces.push(rest.to_owned());
            return pieces;
        };
        let window = &rest[..end];
        let ok = |at: &usize| *at > 0 && allowed(from + at);
        // A very short piece is worse than a cut within a paragraph.
        let far = |at: &usize| *at >= end / 2;
        let last = |mark: &str| window.rmatch_indices(mark).map(|(at, _)| at).find(|at| ok(at));
        let whole = || Some(end).filter(|at| ok(at));
        let at = (last("\n\n").filter(far))
            .or_else(|| last("\n").filter(far))
            .or_else(|| whole().filter(|at| rest[*at..].starts_with([' ', '\n'])))
            .or_else(|| last(" ").filter(far))
            .or_else(whole)
            .or_else(|| window.char_indices().map(|(at, _)| at).rev().find(|at| ok(at)))
            .unwrap_or(end);
        pieces.push(rest[..at].trim_end().to_owned());
        from += at + (rest[at..].len() - rest[at..].trim_start_matches(['\n', ' ']).len());
    }
}

#[cfg(test)]
mod tests;
