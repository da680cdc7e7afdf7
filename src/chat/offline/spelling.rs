//! Misspelt words of a question, mended where one known word is clearly meant. Names of the organisation are left to
//! [`super::entities`], which reads them by likeness; what is typed stays what a keyword or a text parameter takes.
use super::normalise::stem;
use super::vocabulary::Vocabulary;
use std::collections::{BTreeMap, HashSet};

/// Shorter words have too many neighbours to guess at; the vocabulary lists their usual slips.
const LEAST: usize = 5;
/// From this length on two slips are still one word.
const LONG: usize = 8;

/// The words that the catalogue and the vocabulary use.
#[derive(Default)]
pub struct Spelling {
    by_length: BTreeMap<usize, Vec<String>>,
    stems: HashSet<String>,
    stop: HashSet<String>,
}

impl Spelling {
    /// Learns the vocabulary's words and those of `texts` (examples, keywords, descriptions).
    pub fn new<'a>(vocabulary: &Vocabulary, texts: impl Iterator<Item = &'a str>) -> Self {
        let mut words: HashSet<String> = vocabulary.spelled.clone();
        for text in texts {
            words.extend(super::normalise::words(text).into_iter().map(|w| w.text));
        }
        words.retain(|w| w.len() >= LEAST && w.chars().all(|c| c.is_ascii_lowercase()));
        let stems = words.iter().map(|w| stem(w)).collect();
        let mut by_length: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for word in words {
            by_length.entry(word.len()).or_default().push(word);
        }
        by_length.values_mut().for_each(|list| list.sort());
        Self { by_length, stems, stop: vocabulary.stop.clone() }
    }

    /// The one known word that a misspelt one is near; nothing for a known word, or when several are as near.
    pub fn mend(&self, word: &str) -> Option<&str> {
        if word.len() < LEAST
            || !word.chars().all(|c| c.is_ascii_lowercase())
            || self.stop.contains(word)
            || self.stems.contains(&stem(word))
        {
            return None;
        }
        let most = if word.len() >= LONG { 2 } else { 1 };
        let mut best: Option<(usize, &str)> = None;
        let mut tied = false;
        let near = self.by_length.range(word.len() - most..=word.len() + most).flat_map(|(_, list)| list);
        for known in near {
            let distance = slips(word, known);
            if distance > most || !same_start(word, known) {
                continue;
            }
            // A word that says nothing by itself is only meant when the very same letters stand in another order.
            if self.stop.contains(known) && !same_letters(word, known) {
                continue;
            }
            match best {
                Some((least, _)) if distance > least => {}
                Some((least, other)) if distance == least => tied |= stem(other) != stem(known),
                Some(_) | None => (best, tied) = (Some((distance, known.as_str())), false),
            }
        }
        best.filter(|_| !tied).map(|(_, known)| known)
    }
}

/// Slips happen inside a word far more often than at its first letter.
fn same_start(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    a[0] == b[0] || (a[0] == b[1] && a[1] == b[0])
}

fn same_letters(a: &str, b: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<u8> = text.bytes().collect();
        letters.sort_unstable();
        letters
    };
    sorted(a) == sorted(b)
}

/// Letters left out, added, changed, or two neighbours swapped: the optimal string alignment distance.
fn slips(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}
