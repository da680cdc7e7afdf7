//! The filter that an answer streams through.
use super::{Markdown, address, escaped, linkish, names_everybody};
use crate::chat::scrub::{Scrub, scrub};
use crate::text::clean;
use std::mem;

/// Texts of the data that an answer may quote, of which only those matter that Markdown would read something into.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// Adds a text as it stands in the data.
    pub fn add(&mut self, text: &str) {
        // As templates quote it, as models are shown it, and as either looks after links are removed.
        let short = clean(text, 200);
        for form in [scrub(text), scrub(&clean(text, 2_000)), scrub(&short), text.to_owned(), short] {
            let form = form.trim();
            let harmless = escaped(form) == form;
            if !form.is_empty() && !harmless && !form.contains('\n') && !self.0.iter().any(|n| n == form) {
                self.0.push(form.to_owned());
            }
        }
        self.0.sort_by_key(|name| std::cmp::Reverse(name.len()));
    }

    /// The longest name that `text` begins with.
    fn at(&self, text: &str) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|name| text.starts_with(name))
    }

    /// Where a name may have begun that goes on after the end of `text`.
    fn unfinished(&self, text: &str) -> Option<usize> {
        self.0
            .iter()
            .flat_map(|name| {
                let ends = name.char_indices().map(|(at, _)| at).filter(|at| *at > 0);
                ends.filter(|at| text.ends_with(&name[..*at])).map(|at| text.len() - at)
            })
            .min()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut names = Self::default();
        texts.into_iter().for_each(|text| names.add(text.as_ref()));
        names
    }
}

/// A line longer than this is shown before it ends.
const LONG: usize = 120;

/// The model's words as they come, made safe. Pieces end where nothing is open: at the end of a line, or at a space of a
/// long one.
#[derive(Clone, Debug, Default)]
pub struct Prose {
    names: Names,
    scrub: Scrub,
    /// The line under way, as far as it has not been given out.
    held: String,
    /// Inside a code block.
    fenced: bool,
    /// Something of this line was given out.
    midline: bool,
}

impl Prose {
    pub fn new(names: Names) -> Self {
        Self { names, ..Self::default() }
    }

    /// A tool returned more texts that may be quoted from now on.
    pub fn add_names<S: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = S>) {
        texts.into_iter().for_each(|text| self.names.add(text.as_ref()));
    }

    /// The part of the text so far that may be shown.
    pub fn push(&mut self, text: &str) -> Markdown {
        let text = self.scrub.push(text);
        self.held.push_str(&text);
        let mut out = String::new();
        while let Some(end) = self.held.find('\n') {
            let rest = self.held.split_off(end + 1);
            let line = mem::replace(&mut self.held, rest);
            self.give(line.trim_end_matches('\n'), &mut out);
            out.push('\n');
            self.midline = false;
        }
        if self.held.len() > LONG
            && let Some(cut) = self.cut()
        {
            let rest = self.held.split_off(cut);
            let piece = mem::replace(&mut self.held, rest);
            self.give(&piece, &mut out);
            self.midline = true;
        }
        Markdown(out)
    }

    /// What was held back at the end of the answer.
    pub fn finish(&mut self) -> Markdown {
        let rest = self.scrub.finish();
        self.held.push_str(&rest);
        let mut out = String::new();
        let line = mem::take(&mut self.held);
        self.give(&line, &mut out);
        if mem::take(&mut self.fenced) {
            out.push_str("\n```");
        }
        self.midline = false;
        Markdown(out)
    }

    /// After the last space before which no code is open and no name unfinished.
    fn cut(&self) -> Option<usize> {
        let most = self.names.unfinished(&self.held).unwrap_or(self.held.len());
        let mut at = self.held.get(..most)?.rfind(' ')?;
        loop {
            let before = &self.held[..at];
            let quoted = before.chars().filter(|c| *c == '`').count() % 2 == 1;
            // A finished name that the cut would split: the space is one of its own.
            let split = self.names.0.iter().any(|name| {
                before
                    .rmatch_indices(name.chars().next().unwrap_or_default())
                    .any(|(from, _)| self.held[from..].starts_with(name.as_str()) && from + name.len() > at)
            });
            if !quoted && !split {
                return Some(at + 1);
            }
            at = before.rfind(' ')?;
        }
    }

    /// The part of a word before a name that begins inside it.
    fn nameless<'a>(&self, word: &'a str) -> &'a str {
        let mut inside = word.char_indices().skip(1).map(|(at, _)| at);
        inside.find(|at| self.names.at(&word[*at..]).is_some()).map_or(word, |at| &word[..at])
    }

    /// Whether a code that begins with a run of so many signs ends in what follows it.
    fn closes(&self, text: &str, run: usize) -> bool {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let mut taken = c.len_utf8();
            if let Some(name) = self.names.at(rest) {
                taken = name.len();
            } else if c == '`' {
                taken = rest.len() - rest.trim_start_matches('`').len();
                if taken == run {
                    return true;
                }
            }
            rest = &rest[taken..];
        }
        false
    }

    /// One line, or a piece of one.
    fn give(&mut self, line: &str, out: &mut String) {
        if !self.midline && line.trim_start().starts_with("```") {
            self.fenced = !self.fenced;
            out.push_str(&line.replace('<', "‹"));
            return;
        }
        let mut code: Option<usize> = None;
        let mut before = None;
        let mut at = 0;
        while let Some(c) = line[at..].chars().next() {
            let rest = &line[at..];
            let after = &rest[c.len_utf8()..];
            let quoted = self.fenced || code.is_some();
            let mut taken = c.len_utf8();
            if let Some(name) = self.names.at(rest) {
                taken = name.len();
                set(out, &if quoted { verbatim(name) } else { escaped(name) });
            } else if c == '`' {
                let run = rest.len() - rest.trim_start_matches('`').len();
                code = match code {
                    Some(open) if open == run => None,
                    Some(open) => Some(open),
                    None => self.closes(&rest[run..], run).then_some(run),
                };
                taken = run;
                match (quoted, code) {
                    // Nothing closes it: with the sign of a code set further on it would open one.
                    (false, None) => out.push_str(&"ˋ".repeat(run)),
                    _ => set(out, &rest[..run]),
                }
            } else if c == '\\' && !quoted {
                // An odd one would escape the sign of a code, also of one that an address is set in.
                taken = rest.len() - rest.trim_start_matches('\\').len();
                out.push_str(&rest[..taken]);
                if taken % 2 == 1 && rest[taken..].starts_with(|c: char| c.is_alphanumeric() || c == '`') {
                    out.push('\\');
                }
            } else if c == '<' && after.starts_with(|c: char| c.is_alphabetic() || "!@#/?".contains(c)) {
                out.push('‹');
            } else if c == '@' && names_everybody(after) {
                out.push_str("@\u{2060}");
            } else if !quoted && c.is_alphanumeric() && !before.is_some_and(char::is_alphanumeric) {
                let found = self.nameless(address(rest));
                if linkish(found) {
                    taken = found.len();
                    set(out, &format!("`{found}`"));
                } else {
                    out.push(c);
                }
            } else {
                out.push(c);
            }
            before = line[at..at + taken].chars().last();
            at += taken;
        }
    }
}

/// Adds a piece; signs of a code that come together would be one longer sign.
fn set(out: &mut String, piece: &str) {
    if out.ends_with('`') && piece.starts_with('`') {
        out.push('\u{2060}');
    }
    out.push_str(piece);
}

/// A name where nothing is formatted anyway.
fn verbatim(name: &str) -> String {
    name.replace('<', "‹").replace('>', "›").replace('`', "ˋ")
}
