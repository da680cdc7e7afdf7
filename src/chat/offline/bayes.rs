//! How much more often a word stands in the ways to ask for one query than in those for all of them: a multinomial naive
//! Bayes over the terms of [`super::understand::Reading`], smoothed towards the catalogue's own use of each term.
use std::collections::{BTreeSet, HashMap};

/// Weight of the catalogue's use of a term against the query's own, in terms.
const SMOOTH: f64 = 24.0;

/// Terms of each query, counted.
#[derive(Default)]
pub struct Bayes {
    said: Vec<(HashMap<String, f64>, f64)>,
    /// Share of a term in the ways to ask for a query, averaged over the queries.
    usual: HashMap<String, f64>,
}

impl Bayes {
    /// `texts` has, for each query in order, its texts as terms with the weight of each text.
    pub fn new<'a>(texts: impl Iterator<Item = Vec<(&'a BTreeSet<String>, f64)>>) -> Self {
        let said: Vec<(HashMap<String, f64>, f64)> = texts
            .map(|texts| {
                let mut counts: HashMap<String, f64> = HashMap::new();
                for (terms, weight) in texts {
                    for term in terms {
                        *counts.entry(term.clone()).or_default() += weight;
                    }
                }
                let whole = counts.values().sum();
                (counts, whole)
            })
            .collect();
        let queries = said.len().max(1) as f64;
        let mut usual: HashMap<String, f64> = HashMap::new();
        for (counts, whole) in &said {
            for (term, n) in counts {
                *usual.entry(term.clone()).or_default() += n / whole / queries;
            }
        }
        Self { said, usual }
    }

    /// Logarithm of how much likelier a term is in questions for this query than in any; nothing for a term nobody uses.
    pub fn tells(&self, query: usize, term: &str) -> Option<f64> {
        let usual = *self.usual.get(term)?;
        let (counts, whole) = self.said.get(query)?;
        let own = counts.get(term).copied().unwrap_or(0.0);
        Some(((own + SMOOTH * usual) / (whole + SMOOTH) / usual).ln())
    }
}
