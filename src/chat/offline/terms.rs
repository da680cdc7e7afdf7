//! What scoring sees of a question: words, word pairs, slots of recognised values, near synonyms, and how it asks.
use super::normalise::{self, Term};
use super::understand::{Reading, slot_of};
use super::vocabulary::Vocabulary;

/// Marks a term that says how a question asks, not what about.
pub const ASKS: char = '?';

/// Words, word pairs and slots for scoring; the masked sequence; what the question is about.
pub fn scored(reading: &mut Reading, vocabulary: &Vocabulary, slots: &[Option<&'static str>]) {
    let mut sequence: Vec<Term> = Vec::new();
    let mut run: Vec<&str> = Vec::new();
    let texts: Vec<String> = reading.words.iter().map(|w| w.text.clone()).collect();
    for (i, text) in texts.iter().enumerate() {
        match slots[i] {
            None => run.push(text),
            Some(slot) => {
                sequence.extend(normalise::terms(&run, vocabulary));
                run.clear();
                if !slot.is_empty() {
                    sequence.push(Term { stem: slot.to_owned(), stop: false, slot: true });
                }
            }
        }
    }
    sequence.extend(normalise::terms(&run, vocabulary));
    reading.masked = sequence.iter().map(|t| t.stem.clone()).collect();
    let telling: Vec<&Term> = sequence.iter().filter(|t| !t.stop).collect();
    let mut terms: Vec<String> = telling.iter().map(|t| t.stem.clone()).collect();
    for pair in telling.windows(2) {
        if !(pair[0].slot && pair[1].slot) {
            terms.push(format!("{} {}", pair[0].stem, pair[1].stem));
        }
    }
    for term in &telling {
        terms.extend(vocabulary.related.get(&term.stem).into_iter().flatten().map(|g| format!("~{g}")));
    }
    for metric in &reading.metrics {
        terms.push("METRIC".to_owned());
        terms.push(format!("METRIC:{}", metric.value));
    }
    if !reading.channels.is_empty() || !reading.vendors.is_empty() {
        terms.push("CHANNEL".to_owned());
    }
    for entity in reading.entities.iter().flat_map(|h| h.options.iter().skip(1)) {
        terms.push(slot_of(&entity.kind).to_owned());
    }
    terms.extend(asked(&texts, &sequence));
    terms.sort();
    terms.dedup();
    reading.terms = terms;
    let spans =
        reading.channels.iter().map(|c| (c.at, c.len)).chain(reading.vendors.iter().map(|v| (v.at, v.len)));
    reading.filters = spans
        .flat_map(|(at, len)| {
            let typed: Vec<&str> = texts[at..at + len].iter().map(String::as_str).collect();
            normalise::terms(&typed, vocabulary).into_iter().map(|t| t.stem)
        })
        .collect();
    reading.content = telling.iter().filter(|t| !t.slot).map(|t| t.stem.clone()).collect();
}

/// Question words are stop words to the likeness of texts, but they tell "when do people buy" from "where do they buy".
/// The word behind "which", "top" or "list" is the kind of thing that is asked for.
fn asked(texts: &[String], sequence: &[Term]) -> Vec<String> {
    let mut out = Vec::new();
    let mut add = |what: &str| out.push(format!("{ASKS}{what}"));
    for (at, word) in texts.iter().enumerate() {
        let next = texts.get(at + 1).map_or("", String::as_str);
        match (word.as_str(), next) {
            ("when", _) | ("what", "time" | "hour" | "day") => add("when"),
            ("where" | "wherever", _) => add("where"),
            ("who" | "whom" | "whose", _) => add("who"),
            ("why", _) | ("how", "come") => add("why"),
            ("how", "long" | "fast" | "quickly" | "quick" | "soon") => add("long"),
            ("how", "often") => add("often"),
            ("not" | "without" | "never" | "no" | "nothing" | "nobody", _) => add("not"),
            ("we" | "our" | "us", _) => add("ours"),
            _ => {}
        }
    }
    let leads = ["which", "what", "list", "show", "best", "worst", "top", "bottom", "whose", "any"];
    if let Some(at) = texts.iter().position(|w| leads.contains(&w.as_str()))
        && let Some(thing) = texts.get(at + 1..).into_iter().flatten().find(|w| !LINKS.contains(&w.as_str()))
    {
        let stem = normalise::stem(thing);
        if sequence.iter().any(|t| !t.stop && !t.slot && t.stem == stem) {
            add(&format!("which {stem}"));
        }
    }
    out
}

/// Words between "which" and what it asks for.
const LINKS: &[&str] = &[
    "of", "our", "the", "my", "are", "is", "best", "worst", "top", "all", "me", "us", "new", "other", "do",
    "does",
];
