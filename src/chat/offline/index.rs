//! Scores every query of the catalogue against a question (`queries.md` §7.3): shared terms weighted by how rare
//! they are among the queries, over examples, keywords, name and purpose, with bonuses for names that fit.
use super::entities::{Entity, Known};
use super::normalise;
use super::understand::{Day, Reading, read};
use super::vocabulary::Vocabulary;
use crate::catalogue::{ParamType, Query};
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
/// Word pairs and near synonyms say less than the words themselves.
const PAIR: f64 = 0.6;
const RELATED: f64 = 0.7;
/// That a question holds a date, a figure, some metric.
const TAG: f64 = 0.3;
/// A query that knows little of the question is not meant by it: factor at no coverage, rising to 1 at full.
const UNCOVERED: f64 = 0.4;
/// A name in the question that the query cannot take, or one that it needs and does not get.
const MISFIT: f64 = 0.75;

type Terms = BTreeSet<String>;

/// A query or playbook as the index reads it.
pub struct Document {
    pub name: String,
    pub group: String,
    /// Name, title and description.
    pub purpose: String,
    pub keywords: Vec<String>,
    pub examples: Vec<String>,
    /// Questions that sound like it and mean something else.
    pub negatives: Vec<String>,
    /// Kind of name it takes → required.
    pub takes: BTreeMap<String, bool>,
    /// Takes words that nobody knows: a keyword, a term to look up.
    pub free: bool,
    pub takes_channel: bool,
    /// Values of its enumerations.
    pub values: Vec<String>,
}

impl Document {
    /// `wordings` are further ways to ask for it, beside its own examples.
    pub fn of_query(query: &Query, wordings: &[String]) -> Self {
        Self {
            name: query.name.clone(),
            group: query.group.clone(),
            purpose: format!("{} {} {}", query.name.replace('_', " "), query.title, query.description),
            keywords: query.keywords.clone(),
            examples: query.examples.iter().chain(wordings).cloned().collect(),
            negatives: query.negatives.clone(),
            takes: query.params.iter().filter_map(|p| Some((kind_of(&p.kind)?, p.required))).collect(),
            free: query
                .params
                .iter()
                .any(|p| p.required && matches!(&p.kind, ParamType::Entity(k) if k == "keyword")),
            takes_channel: query
                .params
                .iter()
                .any(|p| matches!(p.kind, ParamType::Channel | ParamType::Platform | ParamType::Source)),
            values: query
                .params
                .iter()
                .filter_map(|p| {
                    if let ParamType::Enum { values, .. } = &p.kind {
                        return Some(values.clone());
                    }
                    let steps = ["day", "week", "month", "hour"];
                    matches!(p.kind, ParamType::Granularity).then(|| steps.map(str::to_owned).to_vec())
                })
                .flatten()
                .collect(),
        }
    }
}

struct Entry {
    name: String,
    group: String,
    examples: Vec<(Terms, Vec<String>)>,
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
}

/// The queries of a catalogue, ready to be scored.
pub struct Index {
    entries: Vec<Entry>,
    idf: HashMap<String, f64>,
    unseen: f64,
    stems: HashSet<String>,
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
            let reading = read(text, &known, day, vocabulary, &|_| false, false);
            let terms: Terms = reading.terms.iter().cloned().collect();
            (terms, reading.masked)
        };
        let entries: Vec<Entry> = documents
            .iter()
            .map(|d| {
                let examples: Vec<_> = d.examples.iter().map(|e| mask(e)).collect();
                let keywords: Vec<Terms> = d.keywords.iter().map(|k| mask(k).0).collect();
                let purpose = mask(&d.purpose).0;
                let all = examples
                    .iter()
                    .map(|(t, _)| t)
                    .chain(&keywords)
                    .chain([&purpose])
                    .flatten()
                    .cloned()
                    .collect();
                Entry {
                    name: d.name.clone(),
                    group: d.group.clone(),
                    examples,
                    negatives: d.negatives.iter().map(|n| mask(n)).collect(),
                    keywords,
                    purpose,
                    all,
                    takes: d.takes.clone(),
                    free: d.free,
                    takes_channel: d.takes_channel,
                    accepts: accepts(&d.values, vocabulary),
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
        let stems = idf.keys().filter(|t| !t.contains(' ')).cloned().collect();
        Self { entries, idf, unseen: (1.0 + n).ln(), stems }
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
        let mut scored: Vec<Scored> = self
            .entries
            .iter()
            .map(|entry| {
                let exact =
                    !reading.masked.is_empty() && entry.examples.iter().any(|(_, m)| *m == reading.masked);
                let meant = !entry.negatives.iter().any(|(_, m)| *m == reading.masked);
                let lexical = self.lexical(entry, &question) * if meant { 1.0 } else { NEGATIVE };
                let coverage = self.coverage(entry, reading);
                let lexical = lexical * (UNCOVERED + (1.0 - UNCOVERED) * coverage);
                let (bonus, fit) = if lexical > 0.0 { entity_bonus(entry, reading) } else { (0.0, 1.0) };
                let lexical = lexical * fit;
                let group =
                    if lexical > 0.0 && previous == Some(entry.group.as_str()) { SAME_GROUP } else { 0.0 };
                Scored { name: entry.name.clone(), score: lexical + bonus + group, coverage, exact }
            })
            .collect();
        scored.sort_by(|a, b| b.exact.cmp(&a.exact).then(b.score.total_cmp(&a.score)));
        scored
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
        let example = entry.examples.iter().map(|(terms, _)| alike(terms)).fold(0.0, f64::max);
        // Closer to what it is not meant for than to any of its examples.
        let against = entry.negatives.iter().map(|(terms, _)| alike(terms)).fold(0.0, f64::max);
        let example = if against > example { NEGATIVE * example } else { example };
        let keywords: f64 = entry
            .keywords
            .iter()
            .map(|terms| {
                let words: Vec<&String> =
                    terms.iter().filter(|t| !t.contains(' ') && !t.starts_with('~')).collect();
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

/// Stems of values and of the words that mean them.
fn accepts(values: &[String], vocabulary: &Vocabulary) -> HashSet<String> {
    let mut out = HashSet::new();
    for value in values.iter().filter(|v| !matches!(v.as_str(), "all" | "none")) {
        let names = vocabulary.values.get(&value.to_lowercase()).into_iter().flatten();
        let literal: Vec<String> = value.to_lowercase().split('_').map(str::to_owned).collect();
        for phrase in names.chain([&literal]).filter(|p| p.len() == 1) {
            let words: Vec<&str> = phrase.iter().map(String::as_str).collect();
            out.extend(normalise::terms(&words, vocabulary).into_iter().map(|t| t.stem));
        }
    }
    out
}

/// Pairs, groups of near synonyms and metric tags repeat what the words say.
fn counts_for_coverage(term: &str) -> bool {
    !term.contains(' ')
        && !term.starts_with('~')
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
const WEAK: &[&str] = &[
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
    "total",
];

fn kind_weight(term: &str) -> f64 {
    if term.contains(' ') {
        PAIR
    } else if term.starts_with('~') {
        RELATED
    } else if term.starts_with("METRIC") || matches!(term, "DATE" | "NUM" | "MONEY" | "CHANNEL") {
        TAG
    } else {
        1.0
    }
}

/// The kind of name a parameter takes.
pub fn kind_of(param: &ParamType) -> Option<String> {
    match param {
        ParamType::Entity(kind) => Some(kind.clone()),
        ParamType::Segment | ParamType::Segments => Some("segment".to_owned()),
        ParamType::Lead => Some("lead".to_owned()),
        ParamType::Days
        | ParamType::DateRange { .. }
        | ParamType::Compare
        | ParamType::Granularity
        | ParamType::Channel
        | ParamType::Platform
        | ParamType::Source
        | ParamType::Metric { .. }
        | ParamType::Money
        | ParamType::Integer
        | ParamType::Number
        | ParamType::Percent
        | ParamType::Enum { .. }
        | ParamType::Text
        | ParamType::Bool => None,
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
