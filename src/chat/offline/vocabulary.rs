//! `tools/vocabulary.yaml`: how people type, and what the catalogue calls it. Read once, indexed for longest match.
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    stop_words: Vec<String>,
    drop: Vec<String>,
    words: BTreeMap<String, String>,
    phrases: BTreeMap<String, String>,
    related: BTreeMap<String, Vec<String>>,
    metrics: BTreeMap<String, Vec<String>>,
    companions: BTreeMap<String, Vec<String>>,
    companion_queries: BTreeMap<String, Vec<String>>,
    metric_homes: BTreeMap<String, String>,
    hints: BTreeMap<String, Vec<String>>,
    channels: BTreeMap<String, Vec<String>>,
    vendors: Vec<Vendor>,
    unconnected_media: Vec<String>,
    segments: BTreeMap<String, Vec<String>>,
    segment_words: BTreeMap<String, String>,
    values: BTreeMap<String, Vec<String>>,
    granularity: BTreeMap<String, Vec<String>>,
    compare: BTreeMap<String, Vec<String>>,
    numbers: BTreeMap<String, i64>,
    ordinals: BTreeMap<String, i64>,
    currencies: BTreeMap<String, Vec<String>>,
    example_entities: BTreeMap<String, Vec<String>>,
}

/// A company whose product people name: the platform id, and the channel they usually mean.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    pub names: Vec<String>,
    pub platform: String,
    pub channel: String,
}

/// A vocabulary that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct VocabularyError {
    pub path: String,
    pub problem: String,
}

/// Phrases of one or more words, each with a value; the longest that starts at a word wins.
#[derive(Debug)]
pub struct Phrases<T> {
    by_first: HashMap<String, Vec<(Vec<String>, T)>>,
}

impl<T> Default for Phrases<T> {
    fn default() -> Self {
        Self { by_first: HashMap::new() }
    }
}

impl<T> Phrases<T> {
    pub fn insert(&mut self, phrase: &str, value: T) {
        let words: Vec<String> = split(phrase);
        if let Some(first) = words.first() {
            let list = self.by_first.entry(first.clone()).or_default();
            list.push((words, value));
            list.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        }
    }

    /// The longest phrase that starts at `at`: how many words it takes, and its value.
    pub fn at(&self, words: &[&str], at: usize) -> Option<(usize, &T)> {
        let rest = words.get(at..)?;
        self.by_first.get(*rest.first()?)?.iter().find_map(|(phrase, value)| {
            (rest.len() >= phrase.len() && phrase.iter().zip(rest).all(|(a, b)| a == b))
                .then_some((phrase.len(), value))
        })
    }

    /// The first hit anywhere.
    pub fn find(&self, words: &[&str]) -> Option<(usize, usize, &T)> {
        (0..words.len()).find_map(|at| self.at(words, at).map(|(len, value)| (at, len, value)))
    }
}

/// Words of a phrase of the file, split as a question is.
fn split(phrase: &str) -> Vec<String> {
    super::normalise::words(phrase).into_iter().map(|w| w.text).collect()
}

/// The vocabulary, ready for look-up.
#[derive(Debug)]
pub struct Vocabulary {
    pub stop: HashSet<String>,
    pub drop: HashSet<String>,
    /// Replacements of single words and of phrases, by longest match.
    pub replace: Phrases<Vec<String>>,
    /// Stem → names of the groups of near synonyms it belongs to.
    pub related: HashMap<String, Vec<String>>,
    pub metrics: Phrases<String>,
    pub companions: Vec<(String, Phrases<()>)>,
    pub companion_queries: BTreeMap<String, Vec<String>>,
    /// Metric → the query that is about it and nothing else.
    pub metric_homes: BTreeMap<String, String>,
    /// Parameter → stems of words that stand beside its figure.
    pub hints: BTreeMap<String, HashSet<String>>,
    /// Stems of all words that stand beside a metric: companions, comparisons, time steps.
    pub beside_metric: HashSet<String>,
    pub channels: Phrases<String>,
    pub channel_ids: Vec<String>,
    pub vendors: Phrases<Vendor>,
    pub unconnected: Phrases<String>,
    pub segments: Phrases<String>,
    /// Single words that mean a segment where segments are compared.
    pub segment_words: BTreeMap<String, String>,
    /// Enumeration value → phrases that mean it.
    pub values: BTreeMap<String, Vec<Vec<String>>>,
    pub granularity: Phrases<String>,
    pub compare: Phrases<String>,
    pub numbers: BTreeMap<String, i64>,
    pub ordinals: Phrases<i64>,
    /// Written sign or word → currency code.
    pub currencies: HashMap<String, String>,
    pub example_entities: Vec<(String, String)>,
    /// Every single word of the file, as it is spelt.
    pub spelled: HashSet<String>,
}

/// The file that comes with the program.
pub const EMBEDDED: &str = include_str!("../../../tools/vocabulary.yaml");

/// More ways to ask for each query: a file of `tools/wordings` for each group of the catalogue.
macro_rules! wordings {
    ($($group:literal),+ $(,)?) => {
        &[$((
            concat!("tools/wordings/", $group, ".yaml"),
            include_str!(concat!("../../../tools/wordings/", $group, ".yaml")),
        )),+]
    };
}

/// Path and text of each file.
const WORDINGS: &[(&str, &str)] = wordings!(
    "campaigns",
    "customers",
    "data_health",
    "experiments",
    "funnel_leads",
    "governance",
    "lifecycle",
    "overview",
    "pages",
    "saas",
    "seo_content",
    "spend_waste",
);

/// Query → wordings.
pub fn wordings() -> Result<BTreeMap<String, Vec<String>>, VocabularyError> {
    let mut all = BTreeMap::new();
    for (path, text) in WORDINGS {
        let file: BTreeMap<String, Vec<String>> = serde_saphyr::from_str(text)
            .map_err(|e| VocabularyError { path: (*path).to_owned(), problem: e.to_string() })?;
        all.extend(file);
    }
    Ok(all)
}

impl Vocabulary {
    /// Reads a vocabulary; the error names the file, and the line where the parser stopped.
    pub fn parse(path: &str, text: &str) -> Result<Self, VocabularyError> {
        let file: File = serde_saphyr::from_str(text)
            .map_err(|e| VocabularyError { path: path.to_owned(), problem: e.to_string() })?;
        Ok(Self::index(file))
    }

    /// The vocabulary that comes with the program.
    pub fn embedded() -> Result<Self, VocabularyError> {
        Self::parse("tools/vocabulary.yaml", EMBEDDED)
    }

    fn index(file: File) -> Self {
        let mut replace = Phrases::default();
        for (from, to) in file.words.iter().chain(&file.phrases) {
            replace.insert(from, split(to));
        }
        let mut related: HashMap<String, Vec<String>> = HashMap::new();
        for (group, words) in &file.related {
            for word in words {
                related.entry(super::normalise::stem(word)).or_default().push(group.clone());
            }
        }
        let mut vendors = Phrases::default();
        for vendor in &file.vendors {
            for name in &vendor.names {
                vendors.insert(name, vendor.clone());
            }
        }
        let spelled = spelled(&file);
        let mut unconnected = Phrases::default();
        for medium in &file.unconnected_media {
            unconnected.insert(medium, medium.clone());
        }
        let mut ordinals = Phrases::default();
        for (word, n) in &file.ordinals {
            ordinals.insert(word, *n);
        }
        Self {
            spelled,
            stop: file.stop_words.into_iter().collect(),
            drop: file.drop.into_iter().collect(),
            replace,
            related,
            metrics: inverted(&file.metrics),
            companions: ["define", "compare", "trend"]
                .iter()
                .filter_map(|kind| {
                    let mut phrases = Phrases::default();
                    for word in file.companions.get(*kind)? {
                        phrases.insert(word, ());
                    }
                    Some(((*kind).to_owned(), phrases))
                })
                .collect(),
            beside_metric: file
                .companions
                .values()
                .chain(file.compare.values())
                .chain(file.granularity.values())
                .flatten()
                .flat_map(|phrase| split(phrase))
                .map(|word| super::normalise::stem(&word))
                .collect(),
            companion_queries: file.companion_queries,
            metric_homes: file.metric_homes,
            hints: file
                .hints
                .iter()
                .map(|(param, words)| {
                    (param.clone(), words.iter().map(|w| super::normalise::stem(w)).collect())
                })
                .collect(),
            channel_ids: file.channels.keys().cloned().collect(),
            channels: inverted(&file.channels),
            vendors,
            unconnected,
            segments: inverted(&file.segments),
            segment_words: file.segment_words,
            values: file
                .values
                .iter()
                .map(|(value, names)| (value.clone(), names.iter().map(|n| split(n)).collect()))
                .collect(),
            granularity: inverted(&file.granularity),
            compare: inverted(&file.compare),
            numbers: file.numbers,
            ordinals,
            currencies: file
                .currencies
                .iter()
                .flat_map(|(code, names)| names.iter().map(move |n| (n.clone(), code.clone())))
                .collect(),
            example_entities: file
                .example_entities
                .iter()
                .flat_map(|(kind, names)| names.iter().map(move |n| (kind.clone(), n.clone())))
                .collect(),
        }
    }
}

/// The words people are expected to type; what only stands on the right of a replacement is one too.
fn spelled(file: &File) -> HashSet<String> {
    let lists = [
        &file.metrics,
        &file.companions,
        &file.channels,
        &file.segments,
        &file.values,
        &file.related,
        &file.hints,
    ];
    lists
        .iter()
        .flat_map(|map| map.values().flatten())
        .chain(file.granularity.values().chain(file.compare.values()).flatten())
        .chain(file.vendors.iter().flat_map(|v| &v.names))
        .chain(file.words.iter().chain(&file.phrases).flat_map(|(from, to)| [from, to]))
        .chain(file.stop_words.iter().chain(&file.drop).chain(&file.unconnected_media))
        .flat_map(|phrase| split(phrase))
        .collect()
}

fn inverted(map: &BTreeMap<String, Vec<String>>) -> Phrases<String> {
    let mut phrases = Phrases::default();
    for (id, names) in map {
        for name in names {
            phrases.insert(name, id.clone());
        }
    }
    phrases
}
