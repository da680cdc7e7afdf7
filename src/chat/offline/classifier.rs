//! How likely a question is meant for each query: multinomial logistic regression over the terms of
//! [`super::understand::Reading`], trained when the catalogue is read, on every way to ask that its files list.
//!
//! Terms are weighted by how rare they are among the texts and every text has length one, as in Sebastiani, "Machine
//! Learning in Automated Text Categorization" (ACM Computing Surveys 34:1, 2002). Training is stochastic gradient descent
//! in a fixed order, so that the same files always give the same model.
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use std::collections::{BTreeSet, HashMap};

/// Passes over the texts; more of them change nothing on questions that were not trained on.
const PASSES: u32 = 3;
/// First step of the descent; it shrinks with each pass.
const STEP: f32 = 4.0;
/// Any fixed number: it decides only the order of the texts.
const ORDER: u64 = 7;

/// One way to ask.
pub struct Text<'a> {
    pub class: usize,
    pub terms: &'a BTreeSet<String>,
    pub weight: f32,
}

/// A trained model.
#[derive(Default)]
pub struct Classifier {
    classes: usize,
    /// Term → its place and its rarity.
    terms: HashMap<String, (usize, f32)>,
    /// One weight a class for each term, term by term.
    weights: Vec<f32>,
}

impl Classifier {
    /// Learns to tell `classes` classes apart.
    pub fn train(classes: usize, texts: &[Text<'_>]) -> Self {
        let mut seen: HashMap<&String, f32> = HashMap::new();
        for term in texts.iter().flat_map(|text| text.terms) {
            *seen.entry(term).or_default() += 1.0;
        }
        let whole = texts.len() as f32;
        let mut names: Vec<(&String, f32)> = seen.into_iter().collect();
        names.sort_by(|a, b| a.0.cmp(b.0));
        let terms: HashMap<String, (usize, f32)> = names
            .into_iter()
            .enumerate()
            .map(|(at, (term, n))| (term.clone(), (at, (1.0 + whole / n).ln())))
            .collect();
        let weights = vec![0.0; terms.len() * classes];
        let mut model = Self { classes, terms, weights };
        let vectors: Vec<Vec<(usize, f32)>> = texts.iter().map(|text| model.vector(text.terms)).collect();
        let mut order: Vec<usize> = (0..texts.len()).collect();
        let mut rng = StdRng::seed_from_u64(ORDER);
        for pass in 0..PASSES {
            order.shuffle(&mut rng);
            let step = STEP / (1.0 + pass as f32 / 2.0);
            for &at in &order {
                model.learn(&vectors[at], texts[at].class, step * texts[at].weight);
            }
        }
        model
    }

    fn learn(&mut self, vector: &[(usize, f32)], class: usize, step: f32) {
        let mut chances = self.chances(vector);
        if let Some(own) = chances.get_mut(class) {
            *own -= 1.0;
        }
        for &(term, value) in vector {
            let row = &mut self.weights[term * self.classes..][..self.classes];
            for (weight, error) in row.iter_mut().zip(&chances) {
                *weight -= step * value * error;
            }
        }
    }

    /// Known terms with their weights, of length one.
    fn vector(&self, terms: &BTreeSet<String>) -> Vec<(usize, f32)> {
        let mut vector: Vec<(usize, f32)> = terms.iter().filter_map(|t| self.terms.get(t)).copied().collect();
        let length = vector.iter().map(|(_, rare)| rare * rare).sum::<f32>().sqrt();
        for (_, rare) in &mut vector {
            *rare /= length;
        }
        vector
    }

    fn chances(&self, vector: &[(usize, f32)]) -> Vec<f32> {
        let mut scores = vec![0.0_f32; self.classes];
        for &(term, value) in vector {
            let row = &self.weights[term * self.classes..][..self.classes];
            for (score, weight) in scores.iter_mut().zip(row) {
                *score += value * weight;
            }
        }
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for score in &mut scores {
            *score = (*score - most).exp();
            sum += *score;
        }
        for score in &mut scores {
            *score /= sum;
        }
        scores
    }

    /// The chance of each class, in order; all equal for a question of which no term is known.
    pub fn classify(&self, terms: &BTreeSet<String>) -> Vec<f32> {
        self.chances(&self.vector(terms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> BTreeSet<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn it_tells_apart_what_it_was_shown_and_is_unsure_of_the_rest() {
        let shown: Vec<(usize, BTreeSet<String>)> = [
            (0, "which campaign wast money"),
            (0, "budget leak"),
            (0, "money burn for nothing"),
            (1, "how many lead last week"),
            (1, "lead by city"),
            (1, "enquiry count"),
        ]
        .map(|(class, text)| (class, terms(text)))
        .into();
        let texts: Vec<Text<'_>> =
            shown.iter().map(|(class, terms)| Text { class: *class, terms, weight: 1.0 }).collect();
        let model = Classifier::train(2, &texts);
        for (class, terms) in &shown {
            assert!(model.classify(terms)[*class] > 0.5, "{terms:?}");
        }
        assert!(model.classify(&terms("where do we burn money"))[0] > 0.5);
        let unknown = model.classify(&terms("weather tomorrow"));
        assert!((unknown[0] - 0.5).abs() < 1e-6, "{unknown:?}");
        assert_eq!(Classifier::train(2, &texts).weights, model.weights);
    }
}
