//! Markdown for answers: the model's prose, made safe as it streams, and split where a message is full.
mod prose;

pub use prose::{Names, Prose};

use super::text::{names_emoji, word};
use crate::chat::scrub::scrub;
use crate::text::clean;

/// Markdown that holds no link, no mention, and data only as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markdown(pub(super) String);

impl Markdown {
    /// Markdown written in the program.
    pub fn ours(markdown: &'static str) -> Self {
        Self(markdown.to_owned())
    }

    /// Data as Markdown, on one line: whatever would format it is escaped, addresses are removed or set in a fixed font
    /// (where nothing is linked).
    pub fn data(data: &str) -> Self {
        Self(escaped(&scrub(&clean(data, 2_000))))
    }

    /// A whole answer, in which `names` stands for the texts of the data it speaks of.
    pub fn answer(prose: &str, names: &Names) -> Self {
        let mut stream = Prose::new(names.clone());
        let mut out = stream.push(prose);
        out.0.push_str(&stream.finish().0);
        out
    }

    pub fn push(&mut self, more: &Markdown) {
        self.0.push_str(&more.0);
    }

    /// The bytes `from..to`, as far as they are there: a stretch of safe text is safe.
    pub fn part(&self, from: usize, to: usize) -> Self {
        let to = self.0.floor_char_boundary(to.min(self.0.len()));
        let from = self.0.floor_char_boundary(from.min(to));
        Self(self.0[from..to].to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The words without the signs of emphasis and code: where nothing is formatted, as in a notification.
    pub fn words(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        let mut chars = self.0.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => out.extend(chars.next_if(char::is_ascii_punctuation).or(Some(c))),
                '`' => {}
                '*' if chars.next_if_eq(&'*').is_some() => {}
                c => out.push(c),
            }
        }
        out
    }

    /// Characters, as Slack counts them.
    pub fn len(&self) -> usize {
        self.0.chars().count()
    }

    /// Pieces of at most `most` characters, cut between paragraphs, else lines, else words. A code block that is cut is
    /// closed and opened again.
    pub fn pieces(&self, most: usize) -> Vec<Self> {
        const FENCE: &str = "```";
        // Room for what closes and opens a block.
        let mut pieces = super::limits::pieces(&self.0, most.saturating_sub(10), |_| true);
        let mut open = false;
        for piece in &mut pieces {
            let flips = piece.lines().filter(|line| line.trim_start().starts_with(FENCE)).count();
            if open {
                piece.insert_str(0, "```\n");
            }
            open ^= flips % 2 == 1;
            if open {
                piece.push_str("\n```");
            }
        }
        pieces.into_iter().map(Self).collect()
    }
}

/// One line of data with everything escaped that Markdown or Slack would read.
pub(super) fn escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let (mut at, mut before) = (0, None);
    while let Some(c) = line[at..].chars().next() {
        let rest = &line[at..];
        if c.is_alphanumeric() && !word(before) {
            let found = address(rest);
            if linkish(found) {
                out.push('`');
                out.push_str(found);
                out.push('`');
                at += found.len();
                before = found.chars().last();
                continue;
            }
        }
        escape(line, at, c, &mut out);
        at += c.len_utf8();
        before = Some(c);
    }
    out
}

/// The character of a line at this place.
fn escape(line: &str, at: usize, c: char, out: &mut String) {
    let (before, after) = (line[..at].chars().last(), &line[at + c.len_utf8()..]);
    let begins = before.is_none_or(char::is_whitespace);
    let token = line[at..].split(' ').next().unwrap_or_default();
    let number = line[..at].rsplit(' ').next().unwrap_or_default();
    match c {
        '<' => return out.push('‹'),
        '>' => return out.push('›'),
        '`' => return out.push('ˋ'),
        '&' if entity(after) => return out.push_str("&amp;"),
        ':' if names_emoji(after) => return out.push('꞉'),
        '@' if names_everybody(after) => return out.push_str("@\u{2060}"),
        _ => {}
    }
    let reads = match c {
        '\\' | '*' | '~' | '[' | ']' | '|' => true,
        '_' => !(word(before) && word(after.chars().next())),
        '#' => begins,
        // A list, a rule, an underlined heading.
        '-' | '=' | '+' => begins && token.chars().all(|c| matches!(c, '-' | '=' | '+')),
        '.' | ')' => {
            let ends = after.is_empty() || after.starts_with(' ');
            ends && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    };
    if reads {
        out.push('\\');
    }
    out.push(c);
}

/// The word at the beginning of `rest`, as far as an address could go. `rest` begins with a letter or digit.
pub(super) fn address(rest: &str) -> &str {
    let part = |c: char| c.is_alphanumeric() || "-._/:?&=%+#@".contains(c);
    let ends = |(at, c): &(usize, char)| !part(*c) || (*c == '@' && names_everybody(&rest[at + 1..]));
    let end = rest.char_indices().find(ends).map_or(rest.len(), |(at, _)| at);
    rest[..end].trim_end_matches(|c: char| !c.is_alphanumeric() && c != '/')
}

/// After an ampersand: the rest of an entity.
fn entity(rest: &str) -> bool {
    let name = rest.split(';').next().filter(|name| name.len() < rest.len()).unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
}

/// After an at sign: a word that would notify a whole channel.
pub(super) fn names_everybody(rest: &str) -> bool {
    let lower: String = rest.chars().take(9).collect::<String>().to_ascii_lowercase();
    ["channel", "here", "everyone"].iter().any(|name| {
        lower.strip_prefix(name).is_some_and(|more| !more.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// What Slack might turn into a link: an address, a host name with its path, a mailbox.
pub(super) fn linkish(token: &str) -> bool {
    let bare = token.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
    let lower = bare.to_ascii_lowercase();
    if lower.contains("://") || lower.starts_with("www.") || lower.starts_with("mailto:") {
        return true;
    }
    let host = lower.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let mut labels = host.rsplit('.');
    let top = labels.next().unwrap_or_default();
    let mut below = labels.peekable();
    below.peek().is_some()
        && top.chars().count() >= 2
        && top.chars().all(char::is_alphabetic)
        && below.all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        })
}

#[cfg(test)]
mod tests;
