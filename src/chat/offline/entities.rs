//! Names from the organisation's data in a question: exact, then by part, then by likeness; never guessed.
use super::normalise::{Word, stem, words};
use crate::text::similarity;
use std::collections::HashSet;

/// A thing with a name: campaign, creative, page, product, keyword, city, experiment, sales_channel, segment, platform…
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub kind: String,
    /// What the runner takes: the id when it has one, else the name.
    pub id: String,
    pub name: String,
}

/// A name found in the question; several options when it fits things of more than one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityHit {
    pub at: usize,
    pub len: usize,
    pub options: Vec<Entity>,
    /// Read by likeness, not letter for letter: the answer says what was understood.
    pub fuzzy: bool,
}

/// A name that fits several things of one kind about equally.
#[derive(Clone, Debug, PartialEq)]
pub struct Ambiguity {
    pub at: usize,
    pub len: usize,
    pub typed: String,
    pub options: Vec<Entity>,
}

/// Likeness a name must reach, and its lead over the next (`queries.md` §2).
const LIKE: f64 = 0.45;
const LEAD: f64 = 0.10;
/// Likeness that each typed word needs to some word of the name.
const EACH: f64 = 0.25;

struct Named {
    entity: Entity,
    words: Vec<String>,
    stems: HashSet<String>,
}

/// Every name of an organisation, ready to be looked for. Earlier kinds win a shared name.
#[derive(Default)]
pub struct Known {
    named: Vec<Named>,
}

/// Order in which kinds claim a name, and kinds that match by part and likeness.
const KINDS: &[(&str, bool)] = &[
    ("campaign", true),
    ("experiment", true),
    ("product", true),
    ("segment", false),
    ("city", true),
    ("page", false),
    ("sales_channel", false),
    ("ad_group", false),
    ("creative", false),
    ("keyword", false),
    ("lead", false),
];

fn rank(kind: &str) -> usize {
    KINDS.iter().position(|(k, _)| *k == kind).unwrap_or(KINDS.len())
}

impl Known {
    pub fn new(entities: impl IntoIterator<Item = Entity>) -> Self {
        let mut named: Vec<Named> = entities
            .into_iter()
            .map(|entity| {
                let words: Vec<String> = words(&entity.name).into_iter().map(|w| w.text).collect();
                let stems = words.iter().map(|w| stem(w)).collect();
                Named { entity, words, stems }
            })
            .filter(|n| !n.words.is_empty())
            .collect();
        named.sort_by(|a, b| {
            rank(&a.entity.kind).cmp(&rank(&b.entity.kind)).then_with(|| a.entity.name.cmp(&b.entity.name))
        });
        Self { named }
    }

    /// All of one kind, by name.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Entity> {
        self.named.iter().map(|n| &n.entity).filter(move |e| e.kind == kind)
    }

    /// Some name has this word.
    pub fn spells(&self, word: &str) -> bool {
        let stem = stem(word);
        self.named.iter().any(|n| n.stems.contains(&stem))
    }

    /// Names written out in full, longest first. `plain` says whether a word also means something else, in which
    /// case a one-word name needs its kind beside it ("campaign Brand").
    pub fn exact(&self, words: &[Word], plain: &dyn Fn(&str) -> bool) -> Vec<EntityHit> {
        let mut hits: Vec<EntityHit> = Vec::new();
        for named in &self.named {
            let len = named.words.len();
            for at in 0..(words.len() + 1).saturating_sub(len) {
                let same = words[at..at + len].iter().zip(&named.words).all(|(a, b)| a.text == *b);
                let by_id = named.entity.id != named.entity.name
                    && named.entity.id.len() >= 3
                    && words[at].text == named.entity.id.to_lowercase();
                if !(same || by_id) {
                    continue;
                }
                let len = if same { len } else { 1 };
                if same && len == 1 && !by_id && !self.one_word_counts(named, words, at, plain) {
                    continue;
                }
                match hits.iter_mut().find(|h| h.at == at && h.len == len) {
                    Some(hit) => hit.options.push(named.entity.clone()),
                    None => {
                        hits.push(EntityHit { at, len, options: vec![named.entity.clone()], fuzzy: false })
                    }
                }
            }
        }
        hits.sort_by_key(|h| (std::cmp::Reverse(h.len), h.at));
        let mut taken: Vec<EntityHit> = Vec::new();
        for hit in hits {
            if taken.iter().all(|t| hit.at + hit.len <= t.at || t.at + t.len <= hit.at) {
                taken.push(hit);
            }
        }
        taken.sort_by_key(|h| h.at);
        taken
    }

    fn one_word_counts(
        &self,
        named: &Named,
        words: &[Word],
        at: usize,
        plain: &dyn Fn(&str) -> bool,
    ) -> bool {
        let word = &named.words[0];
        if word.starts_with('/') {
            return true;
        }
        let kind = stem(&named.entity.kind);
        let beside = [at.checked_sub(1), Some(at + 1)]
            .into_iter()
            .flatten()
            .filter_map(|i| words.get(i))
            .any(|w| stem(&w.text) == kind);
        match named.entity.kind.as_str() {
            "keyword" | "creative" | "ad_group" => beside,
            _ => beside || !plain(word),
        }
    }

    /// Parts of names and misspelt names among the words not yet `taken`.
    pub fn like(
        &self,
        words: &[Word],
        taken: &[bool],
        plain: &dyn Fn(&str) -> bool,
        stop: &dyn Fn(&str) -> bool,
    ) -> (Vec<EntityHit>, Vec<Ambiguity>) {
        let mut hits = Vec::new();
        let mut unsure = Vec::new();
        let mut used = taken.to_vec();
        for len in (1..=5usize).rev() {
            for at in 0..(words.len() + 1).saturating_sub(len) {
                let window = &words[at..at + len];
                let edge_stop = stop(&window[0].text) || stop(&window[len - 1].text);
                if used[at..at + len].iter().any(|u| *u) || edge_stop {
                    continue;
                }
                let distinctive =
                    window.iter().any(|w| !plain(&w.text) && !stop(&w.text) && w.text.len() > 2);
                if len == 1 && (!distinctive || window[0].text.len() < 4) {
                    if let Some(only) = self.described(words, at) {
                        hits.push(EntityHit { at, len, options: vec![only], fuzzy: true });
                        used[at] = true;
                    }
                    continue;
                }
                let found = self.part_of(window, distinctive);
                let (options, fuzzy) =
                    if found.is_empty() { (self.similar(window, distinctive), true) } else { (found, false) };
                let typed: Vec<&str> = window.iter().map(|w| w.text.as_str()).collect();
                match options.as_slice() {
                    [] => continue,
                    [only] => hits.push(EntityHit { at, len, options: vec![only.clone()], fuzzy }),
                    several => unsure.push(Ambiguity {
                        at,
                        len,
                        typed: typed.join(" "),
                        options: several.iter().take(3).cloned().collect(),
                    }),
                }
                used[at..at + len].fill(true);
            }
        }
        (hits, unsure)
    }

    /// "the brand campaign": the only campaign that has the word in its name.
    fn described(&self, words: &[Word], at: usize) -> Option<Entity> {
        let before = words.get(at.checked_sub(1)?)?;
        if before.text != "the" || words.get(at + 1)?.text != "campaign" {
            return None;
        }
        let stem = stem(&words[at].text);
        let mut fits = self.named.iter().filter(|n| n.entity.kind == "campaign" && n.stems.contains(&stem));
        let only = fits.next()?;
        fits.next().is_none().then(|| only.entity.clone())
    }

    fn part_of(&self, window: &[Word], distinctive: bool) -> Vec<Entity> {
        let stems: Vec<String> = window.iter().map(|w| stem(&w.text)).collect();
        let generic = |s: &String| KINDS.iter().any(|(k, _)| stem(k) == *s);
        if stems.iter().any(generic) {
            return Vec::new();
        }
        let mut found: Vec<&Named> = self
            .named
            .iter()
            .filter(|n| KINDS.iter().any(|(k, parts)| *parts && *k == n.entity.kind))
            .filter(|n| stems.iter().all(|s| n.stems.contains(s)))
            .filter(|n| distinctive || (window.len() >= 2 && stems.len() * 2 >= n.stems.len()))
            .collect();
        // Of one kind only: a part of a campaign's name is not also a product.
        if let Some(first) = found.first().map(|n| n.entity.kind.clone()) {
            found.retain(|n| n.entity.kind == first);
        }
        found.into_iter().map(|n| n.entity.clone()).collect()
    }

    fn similar(&self, window: &[Word], distinctive: bool) -> Vec<Entity> {
        let typed: Vec<&str> = window.iter().map(|w| w.text.as_str()).collect();
        let typed = typed.join(" ");
        let least = if distinctive { LIKE } else { 0.62 };
        let mut scored: Vec<(f64, &Named)> = self
            .named
            .iter()
            .filter(|n| KINDS.iter().any(|(k, parts)| *parts && *k == n.entity.kind))
            .filter(|n| n.words.len() + 1 >= window.len())
            // Every typed word must be like some word of the name: "hurt sales" is not "Harvest Sale".
            .filter(|n| window.iter().all(|w| n.words.iter().any(|x| similarity(&w.text, x) >= EACH)))
            .map(|n| (similarity(&typed, &n.entity.name), n))
            .filter(|(score, _)| *score >= least)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        match scored.as_slice() {
            [] => Vec::new(),
            [(best, first), rest @ ..] => {
                let close: Vec<Entity> =
                    rest.iter().filter(|(s, _)| best - s < LEAD).map(|(_, n)| n.entity.clone()).collect();
                std::iter::once(first.entity.clone()).chain(close).collect()
            }
        }
    }
}
