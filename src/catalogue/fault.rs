//! What is wrong in a file of `tools/`: file, line, what, and what to write instead.
use std::fmt;

/// One fault of one file. All faults are collected; a load never stops at the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Relative to the tools folder, for instance `queries/spend_waste/wasted_spend.sql`.
    pub path: String,
    /// From 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "tools/{}: {}", self.path, self.message),
            line => write!(f, "tools/{}:{line}: {}", self.path, self.message),
        }
    }
}

/// The faults of one file while it is read.
#[derive(Debug)]
pub(super) struct Faults {
    path: String,
    pub list: Vec<Fault>,
}

impl Faults {
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), list: Vec::new() }
    }

    pub fn add(&mut self, line: usize, message: impl Into<String>) {
        self.list.push(Fault { path: self.path.clone(), line, message: message.into() });
    }
}

/// ` (did you mean 'x'?)` for the nearest of the known words, or the words themselves when there are few.
pub(super) fn instead<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let typo = known
        .iter()
        .map(|k| (edits(word, k), *k))
        .min()
        .filter(|(edits, k)| *edits <= 2 && *edits * 2 <= k.len());
    if let Some((_, near)) = typo {
        return format!("; did you mean '{near}'?");
    }
    let nearest = known
        .iter()
        .map(|k| (crate::text::similarity(word, k), *k))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(score, _)| *score >= 0.3);
    if let Some((_, near)) = nearest {
        return format!("; did you mean '{near}'?");
    }
    if known.is_empty() || known.len() > 40 {
        String::new()
    } else {
        format!("; known: {}", known.join(", "))
    }
}

/// Letters to insert, remove, change or swap with their neighbour to turn one word into the other.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
