//! Scores every query of the catalogue against a question (`queries.md` §7.3): shared terms weighted by how rare
//! they are among the queries, over examples, keywords, name and purpose, with bonuses for names that fit.
use super::classifier::{Classifier, Text};
use super::document::{Document, accepts};
use super::entities::{Entity, Known};
use super::normalise;
use super::terms::ASKS;
use super::understand::{Day, Reading, read};
use super::vocabulary::Vocabulary;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Weights of §7.3.
const KEYWORDS: f64 = 0.6;
const KEYWORD_PARTLY: f64 = 0.3;
const PURPOSE: f64 = 0.5;
const ALL_TERMS: f64 = 0.5;
const ENTITY: f64 = 1.5;
const ENTITY_REQUIRED: f64 = 2.25;
const SAME_GROUP: f64 = 0.5;
/// What is left of the likeness to an example where a negative is closer.
const NEGATIVE: f64 = 0.4;
/// What is left of the score of a query for a question that it lists as not meant for it.
const DENIED: f64 = 0.15;
/// Word pairs and near synonyms say less than the words themselves.
const PAIR: f64 = 0.6;
const RELATED: f64 = 0.7;
/// How a question asks.
const ASKED: f64 = 1.0;
/// That a question holds a date, a figure, some metric.
const TAG: f64 = 0.3;
/// A query that knows little of the question is not meant by it: factor at no coverage, rising to 1 at full.
const UNCOVERED: f64 = 0.4;
/// A name in the question that the query cannot take, or one that it needs and does not get.
const MISFIT: f64 = 0.75;

/// What the classifier adds to the likeness, for each natural logarithm of how much likelier than by chance.
const LIKELY: f64 = 1.0;

/// Puts what is written just as an example before what only has its telling words.
const LITERAL: f64 = 100.0;

type Terms = BTreeSet<String>;

struct Entry {
    name: String,
    group: String,
    examples: Vec<Terms>,
    /// The terms of all further wordings, and every example and wording as it is written, names and dates aside.
    wordings: Vec<Terms>,
    written: HashSet<Vec<String>>,
    negatives: Vec<(Terms, Vec<String>)>,
    keywords: Vec<Terms>,
    purpose: Terms,
    all: Terms,
    /// Entity kind → required.
    takes: BTreeMap<String, bool>,
    /// Takes words that nobody knows: a keyword, a term to look up.
    free: bool,
    takes_channel: bool,
    /// Stems of the values of its enumerations.
    accepts: HashSet<String>,
    /// Kinds of things it is asked about.
    things: HashSet<String>,
}

/// A query with its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    pub name: String,
    pub score: f64,
    /// Share of the question's weight that the query knows, 0..1.
    pub coverage: f64,
    /// The question is one of its examples, names and dates aside.
    pub exact: bool,
    /// How likely it is the one that is meant, 0..1, by the classifier and by the names in the question.
    pub chance: f64,
}

/// The queries of a catalogue, ready to be scored.
pub struct Index {
    entries: Vec<Entry>,
    idf: HashMap<String, f64>,
    unseen: f64,
    stems: HashSet<String>,
    classifier: Classifier,
}

impl Index {
    /// Masks and splits examples, keywords and purposes. Order of the catalogue decides ties.
    pub fn build(documents: &[Document], vocabulary: &Vocabulary, day: Day) -> Self {
        let known = Known::new(vocabulary.example_entities.iter().map(|(kind, name)| Entity {
            kind: kind.clone(),
            id: name.clone(),
            name: name.clone(),
        }));
        let mask = |text: &str| {
            let reading = read(text, &known, day, vocabulary, &|_| false, None);
            let terms: Terms = reading.terms.iter().cloned().collect();
            (terms, reading)
        };
        let seen = |text: &str| {
            let (terms, reading) = mask(text);
            (terms, reading.masked)
        };
        let apart = |texts: &[String]| -> (Vec<Terms>, HashSet<Vec<String>>) {
            texts.iter().map(|text| seen(text)).unzip()
        };
        let entries: Vec<Entry> = documents
            .iter()
            .map(|d| {
                let (examples, mut written) = apart(&d.examples);
                let (wordings, more) = apart(&d.wordings);
                written.extend(more);
                let keywords: Vec<Terms> = d.keywords.iter().map(|k| mask(k).0).collect();
                let purpose = mask(&d.purpose).0;
                let all = examples
                    .iter()
                    .chain(&wordings)
                    .chain(&keywords)
                    .chain([&purpose])
                    .flatten()
                    .cloned()
                    .collect();
                Entry {
                    name: d.name.clone(),
                    group: d.group.clone(),
                    examples,
                    wordings,
                    written,
                    negatives: d.negatives.iter().map(|n| seen(n)).collect(),
                    keywords,
                    purpose,
                    all,
                    takes: d.takes.clone(),
                    free: d.free,
                    takes_channel: d.takes_channel,
                    accepts: accepts(&d.values, vocabulary),
                    things: things(d, &|text| mask(text).1),
                }
            })
            .collect();
        let mut df: HashMap<&str, f64> = HashMap::new();
        for entry in &entries {
            for term in &entry.all {
                *df.entry(term).or_default() += 1.0;
            }
        }
        let n = entries.len().max(1) as f64;
        let idf: HashMap<String, f64> =
            df.into_iter().map(|(t, d)| (t.to_owned(), (1.0 + n / d).ln() * kind_weight(t))).collect();
        let stems = idf.keys().filter(|t| !t.contains(' ') && !t.starts_with(ASKS)).cloned().collect();
        let texts: Vec<Text<'_>> = entries
            .iter()
            .enumerate()
            .flat_map(|(class, entry)| {
                let asked = entry.examples.iter().chain(&entry.wordings).map(|terms| (terms, 1.0));
                let told = entry.keywords.iter().map(|terms| (terms, 0.7)).chain([(&entry.purpose, 0.7)]);
                asked.chain(told).map(move |(terms, weight)| Text { class, terms, weight })
            })
            .collect();
        let classifier = Classifier::train(entries.len(), &texts);
        Self { entries, idf, unseen: (1.0 + n).ln(), stems, classifier }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The word means something in the catalogue, so it is not evidence for a name.
    pub fn knows(&self, word: &str, vocabulary: &Vocabulary) -> bool {
        normalise::terms(&[word], vocabulary).iter().all(|t| t.stop || self.stems.contains(&t.stem))
    }

    fn weight(&self, term: &str) -> f64 {
        self.idf.get(term).copied().unwrap_or(0.0)
    }

    fn shared(&self, question: &Terms, terms: &Terms) -> f64 {
        terms.intersection(question).map(|t| self.weight(t)).sum()
    }

    /// All queries, best first. `previous` is the group of the last answer.
    pub fn score(&self, reading: &Reading, previous: Option<&str>) -> Vec<Scored> {
        let question: Terms = reading.terms.iter().cloned().collect();
        let chances = self.classifier.classify(&question);
        let mut scored: Vec<Scored> = self
            .entries
            .iter()
            .zip(&chances)
            .map(|(entry, chance)| {
                let chance = f64::from(*chance);
                let literal = !reading.masked.is_empty() && entry.written.contains(&reading.masked);
                let exact = literal || entry.examples.iter().any(|t| same_words(t, &question));
                let meant = !entry.negatives.iter().any(|(_, m)| *m == reading.masked);
                let lexical = self.lexical(entry, &question);
                let coverage = self.coverage(entry, reading);
                let lexical = lexical * (UNCOVERED + (1.0 - UNCOVERED) * coverage);
                let (bonus, fit) = if lexical > 0.0 { entity_bonus(entry, reading) } else { (0.0, 1.0) };
                let lexical = lexical * fit;
                let evens = 1.0 / self.entries.len().max(1) as f64;
                let likely = if lexical > 0.0 { LIKELY * (chance / evens).max(0.01).ln() } else { 0.0 };
                let group =
                    if lexical > 0.0 && previous == Some(entry.group.as_str()) { SAME_GROUP } else { 0.0 };
                Scored {
                    name: entry.name.clone(),
                    score: (lexical + likely + bonus + group)
                        * self.things(entry, reading)
                        * if meant { 1.0 } else { DENIED }
                        + if literal { LITERAL } else { 0.0 },
                    coverage,
                    exact,
                    chance: if meant { chance * fit } else { 0.0 },
                }
            })
            .collect();
        let whole: f64 = scored.iter().map(|x| x.chance).sum();
        for one in &mut scored {
            one.chance /= whole.max(f64::MIN_POSITIVE);
        }
        scored.sort_by(|a, b| b.exact.cmp(&a.exact).then(b.score.total_cmp(&a.score)));
        scored
    }

    /// A question about ads is not answered by a query that knows no ads.
    fn things(&self, entry: &Entry, reading: &Reading) -> f64 {
        let foreign = reading
            .content
            .iter()
            .filter(|c| {
                THINGS.contains(&c.as_str()) && !reading.filters.contains(c) && !entry.things.contains(*c)
            })
            .count();
        FOREIGN.powi(i32::try_from(foreign).unwrap_or(i32::MAX))
    }

    /// The one query that has a word as a whole keyword of its own.
    pub fn keyword_of(&self, stem: &str) -> Option<&str> {
        let has = |e: &&Entry| {
            e.keywords.iter().any(|k| {
                let mut words = k
                    .iter()
                    .filter(|t| !t.contains(' ') && !t.starts_with(['~', ASKS]) && !t.starts_with("METRIC"));
                words.next().is_some_and(|w| w == stem) && words.next().is_none()
            })
        };
        let mut found = self.entries.iter().filter(has);
        found.next().filter(|_| found.next().is_none()).map(|e| e.name.as_str())
    }

    /// Share of what the question is about that the query knows, 0..1.
    fn coverage(&self, entry: &Entry, reading: &Reading) -> f64 {
        let (mut whole, mut known, mut foreign) = (0.0, 0.0, 0.0);
        for term in reading.terms.iter().filter(|t| counts_for_coverage(t)) {
            let weight = self.idf.get(term).copied().unwrap_or(self.unseen) * tells(term, entry, reading);
            whole += weight;
            let takes = entry.takes.contains_key(&term.to_lowercase()) || entry.accepts.contains(term);
            if entry.all.contains(term) || takes {
                known += weight;
            } else if !self.idf.contains_key(term) {
                foreign += weight;
            }
        }
        // Words that nobody knows are the keyword of a query that takes one, if it knows what else is asked.
        if entry.free && known >= 0.5 * (whole - foreign) && known > 0.0 {
            known += 0.8 * foreign;
        }
        if whole > 0.0 { (known / whole).min(1.0) } else { 0.0 }
    }

    fn lexical(&self, entry: &Entry, question: &Terms) -> f64 {
        let alike = |terms: &Terms| {
            let whole: f64 = terms.iter().map(|t| self.weight(t)).sum();
            let shared = self.shared(question, terms);
            if whole > 0.0 { shared * (0.5 + 0.5 * shared / whole) } else { 0.0 }
        };
        let example = entry.examples.iter().map(alike).fold(0.0, f64::max);
        // Closer to what it is not meant for than to any of its examples.
        let against = entry.negatives.iter().map(|(terms, _)| alike(terms)).fold(0.0, f64::max);
        let example = if against > example { NEGATIVE * example } else { example };
        let keywords: f64 = entry
            .keywords
            .iter()
            .map(|terms| {
                let words: Vec<&String> =
                    terms.iter().filter(|t| !t.contains(' ') && !t.starts_with(['~', ASKS])).collect();
                let hit = !words.is_empty() && words.iter().all(|t| question.contains(*t));
                let shared = self.shared(question, terms);
                if hit { shared } else { KEYWORD_PARTLY * shared }
            })
            .sum();
        example
            + KEYWORDS * keywords
            + PURPOSE * self.shared(question, &entry.purpose)
            + ALL_TERMS * self.shared(question, &entry.all)
    }
}

/// Kinds of things that a query is asked about: named by its description or a keyword, or in two of its examples.
fn things(document: &Document, read: &dyn Fn(&str) -> Reading) -> HashSet<String> {
    let mut count: HashMap<String, usize> = HashMap::new();
    // The name is left out: "message_campaigns" is about messages.
    let name = document.name.replace('_', " ");
    let purpose = document.purpose.strip_prefix(name.as_str()).unwrap_or(&document.purpose).to_owned();
    let told = document.keywords.iter().chain([&purpose]).map(|text| (text, 2));
    for (text, weight) in document.examples.iter().map(|text| (text, 1)).chain(told) {
        let reading = read(text);
        for stem in reading.content.iter().filter(|c| !reading.filters.contains(c)) {
            *count.entry(stem.clone()).or_default() += weight;
        }
    }
    count.into_iter().filter(|(_, n)| *n >= 2).map(|(stem, _)| stem).collect()
}

/// Stems of the kinds of things that questions are about.
const THINGS: &[&str] = &[
    "campaign",
    "ad",
    "creativ",
    "pag",
    "articl",
    "post",
    "guid",
    "keyword",
    "search",
    "channel",
    "city",
    "segment",
    "lead",
    "email",
    "newslett",
    "newsletter",
    "draft",
    "approval",
    "test",
    "experiment",
    "quot",
    "quote",
    "cart",
    "checkout",
    "cohort",
    "import",
    "sync",
    "subscrib",
    "subscriber",
    "mrr",
    "consent",
    "data",
    "opportunity",
    "token",
    "assistant",
    "promotion",
    "position",
    "rank",
];

/// What is left of the score for each kind of thing that a query is never asked about.
const FOREIGN: f64 = 0.6;

/// The same telling words in the same order, whatever little words stand between them.
fn same_words(example: &Terms, question: &Terms) -> bool {
    let telling = |terms: &Terms| -> Vec<String> {
        terms.iter().filter(|t| *t != OURS && !t.starts_with('~')).cloned().collect()
    };
    let words = telling(question);
    words.iter().filter(|t| !t.contains(' ')).count() >= 2 && words == telling(example)
}

/// "we", "our": whose it is does not change what is asked.
const OURS: &str = "?ours";

/// Pairs, groups of near synonyms and metric tags repeat what the words say.
fn counts_for_coverage(term: &str) -> bool {
    !term.contains(' ')
        && !term.starts_with(['~', ASKS])
        && !term.starts_with("METRIC")
        && !matches!(term, "DATE" | "NUM")
}

/// How much a term says about what is asked: filters and words of any question say little.
fn tells(term: &str, entry: &Entry, reading: &Reading) -> f64 {
    if entry.takes_channel && reading.filters.iter().any(|f| f == term) {
        0.15
    } else if WEAK.contains(&term) {
        0.4
    } else {
        1.0
    }
}

/// Stems that stand in questions about anything.
pub const WEAK: &[&str] = &[
    "count",
    "amount",
    "best",
    "worst",
    "performanc",
    "share",
    "customer",
    "people",
    "campaign",
    "CHANNEL",
    "MONEY",
    "status",
    "total",
    "compar",
    "user",
    "run",
    "work",
    "current",
    "assistant",
];

fn kind_weight(term: &str) -> f64 {
    if let Some(asks) = term.strip_prefix(ASKS) {
        match asks {
            "when" | "where" | "who" | "why" | "long" | "often" => ASKED,
            "ours" => 0.2,
            _ => 0.6 * ASKED,
        }
    } else if term.contains(' ') {
        PAIR
    } else if term.starts_with('~') {
        RELATED
    } else if term.starts_with("METRIC") || matches!(term, "DATE" | "NUM" | "MONEY" | "CHANNEL") {
        TAG
    } else {
        1.0
    }
}

fn entity_bonus(entry: &Entry, reading: &Reading) -> (f64, f64) {
    let mut kinds: Vec<BTreeSet<&str>> =
        reading.entities.iter().map(|h| h.options.iter().map(|e| e.kind.as_str()).collect()).collect();
    kinds.extend(reading.unsure.iter().map(|u| u.options.iter().map(|e| e.kind.as_str()).collect()));
    if !reading.segments.is_empty() {
        kinds.push(BTreeSet::from(["segment"]));
    }
    let (mut bonus, mut fit) = (0.0, 1.0);
    for options in &kinds {
        let required = options.iter().filter_map(|k| entry.takes.get(*k)).max();
        bonus += match required {
            Some(true) => ENTITY_REQUIRED,
            Some(false) => ENTITY,
            // It has no filter for segments but tells one from the other.
            None if options.contains("segment") && entry.things.contains("segment") => ENTITY,
            None => {
                fit *= MISFIT;
                -ENTITY
            }
        };
    }
    let lead = reading
        .words
        .windows(2)
        .any(|w| w[0].text == "lead" && w[1].text.chars().any(|c| c.is_ascii_digit()));
    if lead {
        kinds.push(BTreeSet::from(["lead"]));
    }
    // A channel that the query neither takes nor is about.
    let about = reading.filters.iter().any(|f| entry.all.contains(f));
    if !reading.filters.is_empty() && !entry.takes_channel && !about {
        bonus -= ENTITY;
        fit *= MISFIT;
    }
    let missing = entry
        .takes
        .iter()
        .any(|(kind, required)| *required && !kinds.iter().any(|options| options.contains(kind.as_str())));
    if missing { (bonus - ENTITY, fit * MISFIT) } else { (bonus, fit) }
}
