//! The model's prose on its way into Slack's Markdown, piece by piece.
//!
//! Addresses, images and HTML are gone before (`chat::scrub`). Here goes what only Slack would understand: mentions of
//! people, channels and everybody; and names that came from data lose their power to format the text around them.

/// Names that are kept in mind for one answer.
const MOST_NAMES: usize = 400;
/// Shorter names would be found everywhere.
const SHORTEST_NAME: usize = 3;

/// What Slack reads as a call to everybody, and as a mention in disguise: its first character is replaced.
const TOKENS: [&str; 6] = ["@channel", "@everyone", "@here", "&lt", "&gt", "&#"];

/// A filter over one wording of an answer.
#[derive(Clone, Debug, Default)]
pub struct Prose {
    /// As the text has it, and as it may be sent; longest first.
    names: Vec<(String, String)>,
    /// What may turn out to begin a name or a mention.
    held: String,
}

impl Prose {
    /// Names from the data: those that could format are sent escaped from now on.
    pub fn know<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let name = crate::chat::scrub::scrub(&crate::text::clean(name, 200));
            let safe = escaped(&name);
            let news = !self.names.iter().any(|(known, _)| *known == name);
            if name.chars().count() >= SHORTEST_NAME && safe != name && news && self.names.len() < MOST_NAMES
            {
                self.names.push((name, safe));
            }
        }
        self.names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    }

    /// The part of the text so far that may be sent.
    pub fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        self.settle(false)
    }

    /// What was held back at the end.
    pub fn finish(&mut self) -> String {
        self.settle(true)
    }

    /// Drops what was held back: the text was withdrawn. Names stay known.
    pub fn forget(&mut self) {
        self.held.clear();
    }

    fn settle(&mut self, last: bool) -> String {
        let mut out = String::with_capacity(self.held.len());
        let mut at = 0;
        while let Some(rest) = self.held.get(at..).filter(|rest| !rest.is_empty()) {
            if !last && self.may_grow(rest) {
                break;
            }
            if let Some((name, safe)) = self.names.iter().find(|(name, _)| rest.starts_with(name.as_str())) {
                out.push_str(safe);
                at += name.len();
                continue;
            }
            at += step(rest, &mut out);
        }
        self.held.drain(..at);
        out
    }

    /// The end of the text may be the beginning of something.
    fn may_grow(&self, rest: &str) -> bool {
        let longer = |whole: &str| whole.len() > rest.len() && whole.starts_with(rest);
        rest == "<"
            || self.names.iter().any(|(name, _)| longer(name))
            || TOKENS.iter().any(|token| token.len() > rest.len() && begins(token, rest))
    }
}

/// Whether a text begins so, capital letters or not.
fn begins(text: &str, head: &str) -> bool {
    text.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head))
}

/// Writes the first character of a text so that Slack reads words in what follows; its length.
fn step(rest: &str, out: &mut String) -> usize {
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return 0 };
    let opens = |c: char| c.is_alphanumeric() || matches!(c, '@' | '#' | '!' | '/');
    out.push(match first {
        '<' if chars.next().is_some_and(opens) => '‹',
        '@' if TOKENS.iter().any(|token| begins(rest, token)) => '＠',
        '&' if TOKENS.iter().any(|token| begins(rest, token)) => '＆',
        other => other,
    });
    first.len_utf8()
}

/// A sentence of our own that may carry a text from outside.
pub fn safe(text: &str) -> String {
    let mut prose = Prose::default();
    let mut out = prose.push(text);
    out.push_str(&prose.finish());
    out
}

/// A name as Markdown that shows it as it is: characters that format are escaped. An underscore between letters formats
/// nothing and stays.
fn escaped(name: &str) -> String {
    let letters: Vec<char> = safe(name).chars().collect();
    let mut out = String::with_capacity(name.len());
    for (at, c) in letters.iter().copied().enumerate() {
        let word = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|c| c.is_alphanumeric());
        let formats = match c {
            '*' | '`' | '~' | '[' | ']' | '\\' => true,
            '_' => !(word(at.checked_sub(1)) && word(Some(at + 1))),
            _ => false,
        };
        if formats {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
