//! A typed question as words: lower case, punctuation gone except where it carries meaning, contractions opened,
//! plurals folded, endings stripped. Pure; the vocabulary adds meaning.
use super::vocabulary::Vocabulary;

/// One word with its place in the cleaned text, so that a phrase can be read back as typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    pub text: String,
    /// Byte range in the text given to [`words`], after lower-casing.
    pub start: usize,
    pub end: usize,
}

/// Lower-cased, with typographic quotes and dashes made plain. Byte offsets of [`Word`] refer to this text.
pub fn clean(text: &str) -> String {
    let folded: String = text
        .chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' | '\u{201b}' | '`' | '\u{b4}' => '\'',
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => '"',
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '\u{a0}' | '\u{202f}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    folded.to_lowercase()
}

/// What an opened contraction reads as.
const CONTRACTIONS: &[(&str, &str)] = &[
    ("can't", "can not"),
    ("won't", "will not"),
    ("n't", " not"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("'d", " would"),
    ("'m", " am"),
];

/// Splits a text into words. `% $ € £ / - . ,` stay inside figures, dates and paths; hyphens between letters part words.
pub fn words(text: &str) -> Vec<Word> {
    let text = clean(text);
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let inside = c.is_alphanumeric()
            || matches!(
                c,
                '%' | '$'
                    | '€'
                    | '£'
                    | '¥'
                    | '/'
                    | '-'
                    | '.'
                    | ','
                    | '\''
                    | '_'
                    | ':'
                    | '#'
                    | '@'
                    | '&'
                    | '+'
            );
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                push(&text, from, at, &mut out);
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    out
}

/// Trims one run of characters and splits it where its marks carry no meaning.
fn push(text: &str, from: usize, to: usize, out: &mut Vec<Word>) {
    let run = &text[from..to];
    let lead = run.len() - run.trim_start_matches(['.', ',', '\'', '-', ':', '&', '+']).len();
    let run = run
        .trim_start_matches(['.', ',', '\'', '-', ':', '&', '+'])
        .trim_end_matches(['.', ',', '\'', '-', ':', '&', '+', '/']);
    let from = from + lead;
    if run.is_empty() {
        // A lone slash is the home page's path.
        if text[from..to].starts_with('/') {
            out.push(Word { text: "/".to_owned(), start: from, end: from + 1 });
        }
        return;
    }
    let figure = run.chars().any(|c| c.is_ascii_digit());
    let path = run.starts_with('/');
    let address = run.contains('@') || run.contains("://") || run.contains('_');
    if path || address || (figure && !run.contains('\'')) {
        // A dash inside a figure parts a range only when both sides are short: dates and paths stay whole.
        return out.push(Word { text: run.to_owned(), start: from, end: from + run.len() });
    }
    let mut open = run.to_owned();
    for (tail, plain) in CONTRACTIONS {
        if open.ends_with(tail) {
            open = format!("{}{plain}", open.trim_end_matches(tail));
        }
    }
    if let Some(stem) = open.strip_suffix("'s") {
        let is = matches!(stem, "what" | "where" | "who" | "how" | "that" | "it" | "here" | "there" | "let");
        open = if is { format!("{stem} is") } else { stem.to_owned() };
    }
    for part in open.split([' ', '-', '.', ',', '\'', ':', '&', '+']).filter(|p| !p.is_empty()) {
        let keep_slash = part.starts_with('/') || matches!(part, "a/b");
        if keep_slash {
            out.push(Word { text: part.to_owned(), start: from, end: from + run.len() });
        } else {
            for piece in part.split('/').filter(|p| !p.is_empty()) {
                out.push(Word { text: piece.to_owned(), start: from, end: from + run.len() });
            }
        }
    }
}

/// A light stem: plural, -ing, -ed and a final e go; a doubled last consonant becomes one.
pub fn stem(word: &str) -> String {
    let mut w = word.to_owned();
    if w.chars().any(|c| !c.is_ascii_lowercase()) || w.len() <= 3 {
        return if w.len() == 4 && w.ends_with('s') { w[..3].to_owned() } else { w };
    }
    if let Some(s) = w.strip_suffix("ies").filter(|s| s.len() >= 2) {
        w = format!("{s}y");
    } else if let Some(s) = w
        .strip_suffix("es")
        .filter(|s| s.ends_with("ss") || s.ends_with("sh") || s.ends_with("ch") || s.ends_with('x'))
    {
        w = s.to_owned();
    } else if w.ends_with('s') && !w.ends_with("ss") && !w.ends_with("us") && !w.ends_with("is") {
        w.pop();
    }
    for tail in ["ing", "ed"] {
        if let Some(s) = w.strip_suffix(tail)
            && s.len() >= 3
            && s.chars().any(|c| "aeiouy".contains(c))
        {
            w = s.to_owned();
            let b = w.as_bytes();
            if b.len() > 3 && b[b.len() - 1] == b[b.len() - 2] && !b"lsz".contains(&b[b.len() - 1]) {
                w.pop();
            }
            break;
        }
    }
    if w.len() > 3 && w.ends_with('e') {
        w.pop();
    }
    w
}

/// A word of the question after the vocabulary: its stem, and whether it carries meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub stem: String,
    pub stop: bool,
    /// Stands for a recognised value (DATE, NUM, CAMPAIGN …).
    pub slot: bool,
}

/// The terms of plain words: replaced, stemmed, stop words marked.
pub fn terms(words: &[&str], vocabulary: &Vocabulary) -> Vec<Term> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if vocabulary.drop.contains(words[at]) {
            at += 1;
        } else if let Some((len, to)) = vocabulary.replace.at(words, at) {
            out.extend(to.iter().map(|w| Term {
                stem: stem(w),
                stop: vocabulary.stop.contains(w),
                slot: false,
            }));
            at += len;
        } else {
            let stop = vocabulary.stop.contains(words[at]);
            out.push(Term { stem: stem(words[at]), stop, slot: false });
            at += 1;
        }
    }
    out
}
