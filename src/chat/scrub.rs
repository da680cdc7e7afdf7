//! Model text without links, images, HTML and invisible characters, filtered as it streams.
//!
//! Links are rendered by surfaces from ids, so none in the model's own words is wanted: an address could carry data out
//! of the house the moment it is shown. At most a few characters are held back between pieces.

const REMOVED: &str = "[link removed]";

/// A filter over one stream of text.
#[derive(Clone, Debug, Default)]
pub struct Scrub {
    /// Characters that may turn out to begin something unwanted.
    held: String,
    swallowing: Option<Until>,
    /// The last character given out, to know where words begin.
    last: Option<char>,
    /// A link's target was just removed: another one may not follow its bracket.
    after_target: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// The target of a Markdown link: up to its closing bracket; the number counts nested ones.
    Bracket(u32),
    /// The rest of an address.
    Space,
}

/// What may begin an address when it stands at the beginning of a word, and what may begin markup anywhere.
const ADDRESS: [&str; 3] = ["http://", "https://", "www."];

impl Scrub {
    /// The part of the text so far that may be shown.
    pub fn push(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if !invisible(c) {
                self.take(c, &mut out);
            }
        }
        out
    }

    /// What was held back at the end of the stream.
    pub fn finish(&mut self) -> String {
        self.swallowing = None;
        self.after_target = false;
        let mut out = String::new();
        let held = std::mem::take(&mut self.held);
        self.give(&held, &mut out);
        self.last = None;
        out
    }

    fn give(&mut self, text: &str, out: &mut String) {
        if let Some(c) = text.chars().last() {
            self.last = Some(c);
            out.push_str(text);
        }
    }

    fn take(&mut self, c: char, out: &mut String) {
        match self.swallowing {
            Some(Until::Bracket(depth)) => {
                self.swallowing = match (c, depth) {
                    ('(', _) => Some(Until::Bracket(depth + 1)),
                    (')', 0) | ('\n', _) => {
                        self.after_target = c == ')';
                        None
                    }
                    (')', _) => Some(Until::Bracket(depth - 1)),
                    _ => Some(Until::Bracket(depth)),
                };
                if c == '\n' {
                    self.give("\n", out);
                }
                return;
            }
            Some(Until::Space) => {
                if !(c.is_whitespace() || matches!(c, ')' | ']' | '>' | '"' | '\'' | '`' | '|')) {
                    return;
                }
                self.swallowing = None;
            }
            None if std::mem::take(&mut self.after_target) => match c {
                '(' => {
                    self.swallowing = Some(Until::Bracket(0));
                    return;
                }
                ':' => self.give(" ", out),
                _ => {}
            },
            None => {}
        }
        self.held.push(c);
        self.settle(out);
    }

    /// Gives out of the held text whatever can no longer begin something unwanted.
    fn settle(&mut self, out: &mut String) {
        while let Some(first) = self.held.chars().next() {
            let second = self.held.chars().nth(1);
            let lower = self.held.to_ascii_lowercase();
            let word_begins = !self.last.is_some_and(char::is_alphanumeric);
            if word_begins && ADDRESS.contains(&lower.as_str()) || lower == "://" {
                self.held.clear();
                self.give(REMOVED, out);
                self.swallowing = Some(Until::Space);
                return;
            }
            // An address without a scheme: "//" and a name.
            let slashes = lower.strip_prefix("//");
            if slashes.is_some_and(|rest| rest.starts_with(char::is_alphanumeric)) {
                self.held.clear();
                self.give(REMOVED, out);
                self.swallowing = Some(Until::Space);
                return;
            }
            let may_grow = slashes == Some("")
                || lower == "/"
                || word_begins && ADDRESS.iter().any(|a| a.starts_with(&lower))
                || "://".starts_with(&lower);
            match (first, second) {
                _ if may_grow => return,
                ('!' | ']' | '<', None) => return,
                ('!', Some('[')) => {
                    self.held.remove(0);
                }
                (']', Some('(')) => {
                    self.held.clear();
                    self.give("]", out);
                    self.swallowing = Some(Until::Bracket(0));
                    return;
                }
                // A reference definition would give a target to `[x]` elsewhere.
                (']', Some(':')) => {
                    self.held.drain(..1);
                    self.give("] ", out);
                }
                ('<', Some(next)) if next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?') => {
                    self.held.drain(..1);
                    self.give("‹", out);
                }
                (c, _) => {
                    self.held.drain(..c.len_utf8());
                    self.give(c.encode_utf8(&mut [0; 4]), out);
                }
            }
        }
    }
}

/// The whole of a text at once.
pub fn scrub(text: &str) -> String {
    let mut filter = Scrub::default();
    let mut out = filter.push(text);
    out.push_str(&filter.finish());
    out
}

/// Control characters other than line ends and tabs, and characters that reorder or hide text.
fn invisible(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests;
