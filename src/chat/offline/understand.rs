//! What a question says: dates, figures, names, channels, metrics, and the terms that are left for scoring.
use super::entities::{Ambiguity, EntityHit, Known};
use super::normalise::{self, Word};
use super::spelling::Spelling;
use super::terms;
use super::values::{Quantity, Unit, quantity};
use super::vocabulary::{Vendor, Vocabulary};
use crate::period::{self, DateOrder, Window};
use jiff::civil::{Date, Weekday};

/// The organisation's day and how it writes dates.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    pub today: Date,
    pub week_start: Weekday,
    pub date_order: DateOrder,
}

impl Day {
    pub fn new(today: Date) -> Self {
        Self { today, week_start: Weekday::Monday, date_order: DateOrder::Dmy }
    }
}

/// A date phrase found in the question.
#[derive(Clone, Debug, PartialEq)]
pub struct DateHit {
    pub window: Window,
    pub at: usize,
    pub len: usize,
    pub text: String,
    /// Stands behind "vs", "than", "against": the window to compare with.
    pub compared: bool,
    /// Looks ahead; only forecasts take it.
    pub ahead: bool,
}

/// A recognised value of a closed list, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueHit<T> {
    pub value: T,
    pub at: usize,
    pub len: usize,
}

/// A question, read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// As typed, lower-cased.
    pub clean: String,
    pub words: Vec<Word>,
    pub dates: Vec<DateHit>,
    pub compare: Option<String>,
    pub granularity: Option<String>,
    pub quantities: Vec<Quantity>,
    /// Rows asked for: "top 5", "give me 3".
    pub limit: Option<i64>,
    pub channels: Vec<ValueHit<String>>,
    pub vendors: Vec<ValueHit<Vendor>>,
    pub segments: Vec<ValueHit<String>>,
    pub metrics: Vec<ValueHit<String>>,
    pub entities: Vec<EntityHit>,
    pub unsure: Vec<Ambiguity>,
    pub quoted: Vec<String>,
    /// Everything that scoring sees: words, word pairs, slots.
    pub terms: Vec<String>,
    /// Stems that are neither stop words nor slots: what the question is about.
    pub content: Vec<String>,
    /// Of these, the ones that only filter (channels, vendors, segments): they do not tell queries apart.
    pub filters: Vec<String>,
    /// Stems with slots, in order: an exact match of a masked example compares these.
    pub masked: Vec<String>,
}

impl Reading {
    /// The words from `at` on, as typed.
    pub fn typed(&self, at: usize, len: usize) -> String {
        match (self.words.get(at), self.words.get(at + len.max(1) - 1)) {
            (Some(a), Some(b)) => self.clean.get(a.start..b.end).unwrap_or("").to_owned(),
            _ => String::new(),
        }
    }

    pub fn texts(&self) -> Vec<&str> {
        self.words.iter().map(|w| w.text.as_str()).collect()
    }

    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|w| w.text == word)
    }

    pub fn has_any(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.has(w))
    }

    /// The window that is asked about: the first date that is not a comparison.
    pub fn window(&self) -> Option<&DateHit> {
        self.dates.iter().find(|d| !d.compared)
    }

    /// Options of recognised names of one kind, in order.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a super::entities::Entity> {
        self.entities.iter().filter_map(move |h| h.options.iter().find(|e| e.kind == kind))
    }
}

/// Reads a question. `plain` tells whether a word has a meaning of its own in the catalogue (then it is not
/// taken for a part of a name); with `spelling`, misspelt words are mended, and parts of names and misspelt names are
/// looked for.
pub fn read(
    text: &str,
    known: &Known,
    day: Day,
    vocabulary: &Vocabulary,
    plain: &dyn Fn(&str) -> bool,
    spelling: Option<&Spelling>,
) -> Reading {
    let clean = normalise::clean(text);
    let words = normalise::words(text);
    let mut reading = Reading { quoted: quoted(text), clean, words, ..Reading::default() };
    let mut slots: Vec<Option<&'static str>> = vec![None; reading.words.len()];
    reading.entities = known.exact(&reading.words, plain);
    for hit in &reading.entities {
        mark(&mut slots, hit.at, hit.len, slot_of(&hit.options[0].kind));
    }
    if let Some(spelling) = spelling {
        mend(&mut reading, &slots, known, spelling);
    }
    segments(&mut reading, vocabulary, &mut slots);
    dates(&mut reading, day, &mut slots);
    let texts: Vec<String> = reading.words.iter().map(|w| w.text.clone()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    reading.compare =
        vocabulary.compare.find(&texts).map(|(_, _, v)| v.clone()).or_else(|| compared(&reading, &texts));
    reading.granularity = vocabulary.granularity.find(&texts).map(|(_, _, v)| v.clone());
    lists(&mut reading, &texts, vocabulary, &mut slots);
    figures(&mut reading, vocabulary, &mut slots);
    if spelling.is_some() {
        let taken: Vec<bool> = (0..texts.len())
            .map(|i| {
                slots[i].is_some()
                    || reading.metrics.iter().any(|m| m.at <= i && i < m.at + m.len)
                    || reading.channels.iter().any(|m| m.at <= i && i < m.at + m.len)
            })
            .collect();
        let stop = |w: &str| vocabulary.stop.contains(w) || vocabulary.drop.contains(w);
        let (hits, unsure) = known.like(&reading.words, &taken, plain, &stop);
        for hit in hits {
            mark(&mut slots, hit.at, hit.len, slot_of(&hit.options[0].kind));
            reading.entities.push(hit);
        }
        for unsure in unsure {
            if let Some(first) = unsure.options.first() {
                mark(&mut slots, unsure.at, unsure.len, slot_of(&first.kind));
            }
            reading.unsure.push(unsure);
        }
        reading.entities.sort_by_key(|h| h.at);
    }
    terms::scored(&mut reading, vocabulary, &slots);
    reading
}

/// Misspelt words become the known words they are near; parts of the organisation's names stay as they are.
fn mend(reading: &mut Reading, slots: &[Option<&'static str>], known: &Known, spelling: &Spelling) {
    for (word, slot) in reading.words.iter_mut().zip(slots) {
        let quoted = reading.quoted.iter().any(|q| q.to_lowercase().contains(&word.text));
        if slot.is_none()
            && !quoted
            && !known.spells(&word.text)
            && let Some(meant) = spelling.mend(&word.text)
        {
            word.text = meant.to_owned();
        }
    }
}

fn mark(slots: &mut [Option<&'static str>], at: usize, len: usize, slot: &'static str) {
    for (i, s) in slots.iter_mut().enumerate().skip(at).take(len) {
        // Only the first word carries the slot, the rest vanish.
        *s = Some(if i == at { slot } else { "" });
    }
}

pub fn slot_of(kind: &str) -> &'static str {
    match kind {
        "campaign" => "CAMPAIGN",
        "creative" => "CREATIVE",
        "page" => "PAGE",
        "product" => "PRODUCT",
        "keyword" => "KEYWORD",
        "city" => "CITY",
        "experiment" => "EXPERIMENT",
        "segment" => "SEGMENT",
        _ => "NAME",
    }
}

/// Text in double quotes, or in single quotes that open after a space.
fn quoted(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut open: Option<(usize, char)> = None;
    for (i, c) in chars.iter().enumerate() {
        let closes = |o: char| {
            matches!(
                (o, *c),
                ('"', '"') | ('\'', '\'') | ('“', '”') | ('„', '“' | '”') | ('‘', '’') | ('«', '»')
            )
        };
        match open {
            Some((from, o)) if closes(o) && chars.get(i + 1).is_none_or(|n| !n.is_alphanumeric()) => {
                let inner: String = chars[from + 1..i].iter().collect();
                if !inner.trim().is_empty() {
                    out.push(crate::text::clean(&inner, 80));
                }
                open = None;
            }
            None if matches!(c, '"' | '\'' | '“' | '„' | '‘' | '«')
                && (i == 0 || chars[i - 1].is_whitespace() || matches!(chars[i - 1], '(' | ':' | ',')) =>
            {
                open = Some((i, *c));
            }
            _ => {}
        }
    }
    out
}

/// Every date phrase, longest first; each found one is blanked before the next search.
fn dates(reading: &mut Reading, day: Day, slots: &mut [Option<&'static str>]) {
    let mut text = reading.clean.clone();
    for (word, slot) in reading.words.iter().zip(slots.iter()) {
        if slot.is_some() {
            blank(&mut text, word.start..word.end);
        }
    }
    // Money and percentages are no dates.
    for word in &reading.words {
        if word.text.contains(['%', '$', '€', '£'])
            || word.text.ends_with('k') && word.text.starts_with(|c: char| c.is_ascii_digit())
        {
            blank(&mut text, word.start..word.end);
        }
    }
    for _ in 0..4 {
        let Some(found) = period::find_phrase(&text, day.today, day.week_start, day.date_order) else {
            break;
        };
        let place = found.place.clone();
        let inside: Vec<usize> = (0..reading.words.len())
            .filter(|i| reading.words[*i].start < place.end && place.start < reading.words[*i].end)
            .collect();
        let (Some(at), Some(last)) = (inside.first().copied(), inside.last().copied()) else { break };
        let before = |back: usize| at.checked_sub(back).map_or("", |i| reading.words[i].text.as_str());
        // "less than 1.2 in the last month": the figure is compared with, not the month.
        let figure = before(1).starts_with(|c: char| c.is_ascii_digit());
        // "cost against target, last quarter": what a comma parts is not compared.
        let apart = at.checked_sub(1).is_some_and(|i| {
            let between = reading.words[i].end..reading.words[at].start;
            reading.clean.get(between).is_some_and(|gap| gap.contains([',', ';', ':', '?', '!']))
        });
        let compared = !figure
            && !apart
            && [before(1), before(2)]
                .iter()
                .any(|w| matches!(*w, "vs" | "versus" | "than" | "against" | "to" | "with"))
            && (matches!(before(1), "vs" | "versus" | "than" | "against")
                || matches!(before(2), "vs" | "versus" | "than" | "against" | "compared" | "relative")
                || matches!((before(2), before(1)), ("compared" | "relative", _)));
        reading.dates.push(DateHit {
            window: found.phrase.window,
            at,
            len: last - at + 1,
            text: text.get(place.clone()).unwrap_or("").to_owned(),
            compared,
            ahead: false,
        });
        mark(slots, at, last - at + 1, "DATE");
        blank(&mut text, place);
    }
    ahead(reading, day, slots);
    reading.dates.sort_by_key(|d| d.at);
}

/// "next 7 days", "by oct": up to four words that `parse_horizon` reads.
fn ahead(reading: &mut Reading, day: Day, slots: &mut [Option<&'static str>]) {
    for at in 0..reading.words.len() {
        for len in (2..=4usize).rev() {
            if at + len > reading.words.len() || slots[at..at + len].iter().any(Option::is_some) {
                continue;
            }
            let text = reading.typed(at, len);
            let leads = matches!(
                reading.words[at].text.as_str(),
                "next" | "coming" | "end" | "rest" | "by" | "before" | "month" | "quarter" | "year"
            );
            if let (true, Some(window)) = (leads, period::parse_horizon(&text, day.today)) {
                reading.dates.push(DateHit { window, at, len, text, compared: false, ahead: true });
                mark(slots, at, len, "DATE");
                return;
            }
        }
    }
}

fn blank(text: &mut String, range: std::ops::Range<usize>) {
    let spaces = " ".repeat(range.len());
    if text.is_char_boundary(range.start) && text.is_char_boundary(range.end) {
        text.replace_range(range, &spaces);
    }
}

/// A comparison that a second date or a "vs" implies.
fn compared(reading: &Reading, texts: &[&str]) -> Option<String> {
    let second = reading.dates.iter().find(|d| d.compared)?;
    let first = reading.window();
    let year = |w: Window| (w.start.year(), w.start.month());
    if let Some(first) = first {
        let back = first.window.start.year() - second.window.start.year();
        if back == 1 && year(first.window).1 == year(second.window).1 {
            return Some("prior_year".to_owned());
        }
    }
    let told = period::Compare::parse_phrase(&second.text).map(|c| c.as_str().to_owned());
    let _ = texts;
    told.or_else(|| Some("prior_period".to_owned()))
}

/// Segments come before dates: "weekend shoppers" are no weekend.
fn segments(reading: &mut Reading, vocabulary: &Vocabulary, slots: &mut [Option<&'static str>]) {
    let texts: Vec<String> = reading.words.iter().map(|w| w.text.clone()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut at = 0;
    while at < texts.len() {
        match vocabulary
            .segments
            .at(&texts, at)
            .filter(|(len, _)| slots[at..at + *len].iter().all(Option::is_none))
        {
            Some((len, value)) => {
                reading.segments.push(ValueHit { value: value.clone(), at, len });
                // "inactive", "lapsed" alone are also plain words: they stay visible to scoring.
                if len > 1 {
                    mark(slots, at, len, "SEGMENT");
                }
                at += len;
            }
            None => at += 1,
        }
    }
}

fn lists(reading: &mut Reading, texts: &[&str], vocabulary: &Vocabulary, slots: &mut [Option<&'static str>]) {
    let mut at = 0;
    while at < texts.len() {
        if slots[at].is_some() {
            at += 1;
            continue;
        }
        let free = |len: usize| slots[at..at + len].iter().all(Option::is_none);
        let mut step = 1;
        if let Some((len, value)) = vocabulary.vendors.at(texts, at).filter(|(len, _)| free(*len)) {
            reading.vendors.push(ValueHit { value: value.clone(), at, len });
            step = len;
        } else {
            let metric = vocabulary.metrics.at(texts, at).filter(|(len, _)| free(*len));
            let channel = vocabulary.channels.at(texts, at).filter(|(len, _)| free(*len));
            if let Some((len, value)) = channel.filter(|(len, _)| metric.is_none_or(|(m, _)| m <= *len)) {
                reading.channels.push(ValueHit { value: value.clone(), at, len });
                step = len;
            } else if let Some((len, value)) = metric {
                reading.metrics.push(ValueHit { value: value.clone(), at, len });
                step = len;
            }
        }
        at += step;
    }
}

fn figures(reading: &mut Reading, vocabulary: &Vocabulary, slots: &mut [Option<&'static str>]) {
    let mut at = 0;
    while at < reading.words.len() {
        if slots[at].is_some() {
            at += 1;
            continue;
        }
        let Some(found) = quantity(&reading.words, at, vocabulary) else {
            at += 1;
            continue;
        };
        let len = found.len.min(reading.words.len() - at);
        if slots[at..at + len].iter().any(Option::is_some) {
            at += 1;
            continue;
        }
        let slot = match found.unit {
            Unit::Money(_) => "MONEY",
            Unit::Plain | Unit::Percent | Unit::Multiple => "NUM",
        };
        reading.limit = reading.limit.or_else(|| limit(reading, &found));
        mark(slots, at, len, slot);
        reading.quantities.push(Quantity { len, ..found });
        at += len;
    }
}

/// "top 5", "5 best", "give me 3 things", "first 10", "limit 20".
fn limit(reading: &Reading, found: &Quantity) -> Option<i64> {
    if found.unit != Unit::Plain || !found.value.is_integer() {
        return None;
    }
    let word = |i: Option<usize>| i.and_then(|i| reading.words.get(i)).map_or("", |w| w.text.as_str());
    let before = word(found.at.checked_sub(1));
    let earlier = word(found.at.checked_sub(2));
    let next = found.at + found.len;
    let after = if apart(reading, next) { "" } else { word(Some(next)) };
    let leads = matches!(
        before,
        "top"
            | "best"
            | "worst"
            | "bottom"
            | "first"
            | "limit"
            | "only"
            | "biggest"
            | "largest"
            | "highest"
            | "lowest"
            | "show"
            | "list"
            | "our"
            | "the"
            | "last"
            | "latest"
            | "newest"
            | "oldest"
            | "recent"
            | "which"
            | "cheapest"
            | "strongest"
            | "weakest"
    ) || before == "me" && matches!(earlier, "give" | "show")
        || before == "just"
        || before == "to" && earlier == "limit";
    let follows = matches!(
        after,
        "best"
            | "worst"
            | "top"
            | "biggest"
            | "largest"
            | "results"
            | "rows"
            | "max"
            | "most"
            | "things"
            | "ideas"
            | "new"
            | "strongest"
            | "weakest"
            | "cheapest"
            | "highest"
            | "lowest"
    );
    let counted_days = matches!(after, "day" | "days" | "week" | "weeks" | "month" | "months" | "vs");
    ((leads || follows) && !counted_days)
        .then(|| i64::try_from(found.value.trunc().mantissa()).ok())
        .flatten()
}

/// A comma stands before this word: it says nothing of what is on its other side.
fn apart(reading: &Reading, at: usize) -> bool {
    let (Some(before), Some(word)) =
        (at.checked_sub(1).and_then(|i| reading.words.get(i)), reading.words.get(at))
    else {
        return false;
    };
    reading.clean.get(before.end..word.start).is_some_and(|between| between.contains([',', ';']))
}
