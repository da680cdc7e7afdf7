//! The part of `tools/vocabulary.yaml` that turns words into parameter values. The offline planner reads the rest.
use super::fault::{Fault, Faults};
use super::yaml::{Kind, Node, parse};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    channels: BTreeMap<String, String>,
    platforms: BTreeMap<String, String>,
    segments: BTreeMap<String, String>,
    compare: BTreeMap<String, String>,
    granularity: BTreeMap<String, String>,
    /// Word → the enumeration values it may mean.
    values: BTreeMap<String, Vec<String>>,
    metrics: BTreeMap<String, String>,
}

impl Vocabulary {
    pub fn read(path: &str, text: &str) -> (Self, Vec<Fault>) {
        let mut faults = Faults::new(path);
        let mut out = Self::default();
        let Some(root) = parse(text, 1, &mut faults) else {
            return (out, faults.list);
        };
        let Kind::Map(entries) = &root.kind else {
            faults.add(root.line, "the vocabulary is no mapping; write `channels:`, `vendors:` and so on");
            return (out, faults.list);
        };
        for (key, line, node) in entries {
            match key.as_str() {
                "channels" => lists(node, &mut out.channels),
                "segments" => lists(node, &mut out.segments),
                "compare" => lists(node, &mut out.compare),
                "granularity" => lists(node, &mut out.granularity),
                "metrics" => lists(node, &mut out.metrics),
                "values" => {
                    let mut pairs = Vec::new();
                    each(node, |word, value| pairs.push((word, value)));
                    for (word, value) in pairs {
                        out.values.entry(word).or_default().push(value);
                    }
                }
                "vendors" => out.vendors(node, *line, &mut faults),
                _ => {}
            }
        }
        (out, faults.list)
    }

    fn vendors(&mut self, node: &Node, line: usize, faults: &mut Faults) {
        let Kind::List(items) = &node.kind else {
            faults.add(line, "'vendors' is no list; write `- {names: […], platform: …, channel: …}`");
            return;
        };
        for item in items {
            let Kind::Map(fields) = &item.kind else { continue };
            let field = |name: &str| fields.iter().find(|(k, ..)| k == name).map(|(_, _, v)| v);
            let text = |name: &str| field(name).and_then(Node::text);
            let Some(Node { kind: Kind::List(names), .. }) = field("names") else {
                faults.add(item.line, "a vendor has no names; write {names: […], platform: …, channel: …}");
                continue;
            };
            for name in names.iter().filter_map(Node::text) {
                if let Some(platform) = text("platform") {
                    self.platforms.insert(key(&name), platform);
                }
                if let Some(channel) = text("channel") {
                    self.channels.entry(key(&name)).or_insert(channel);
                }
            }
        }
    }

    pub fn channel(&self, word: &str) -> Option<&str> {
        self.channels.get(&key(word)).map(String::as_str)
    }

    pub fn platform(&self, word: &str) -> Option<&str> {
        self.platforms.get(&key(word)).map(String::as_str)
    }

    pub fn segment(&self, word: &str) -> Option<&str> {
        self.segments.get(&key(word)).map(String::as_str)
    }

    pub fn compare(&self, word: &str) -> Option<&str> {
        self.compare.get(&key(word)).map(String::as_str)
    }

    pub fn granularity(&self, word: &str) -> Option<&str> {
        self.granularity.get(&key(word)).map(String::as_str)
    }

    pub fn metric(&self, word: &str) -> Option<&str> {
        self.metrics.get(&key(word)).map(String::as_str)
    }

    /// The one of `allowed` that a word stands for.
    pub fn value<'a>(&self, word: &str, allowed: &'a [String]) -> Option<&'a String> {
        let meant = self.values.get(&key(word))?;
        let mut fitting = allowed.iter().filter(|value| meant.contains(value));
        let first = fitting.next();
        if fitting.next().is_some() { None } else { first }
    }
}

/// Lower case, separators as single spaces: "Paid-Search" and "paid_search" are one word.
pub(super) fn key(word: &str) -> String {
    let spaced: String =
        word.chars().map(|c| if matches!(c, '_' | '-') || c.is_whitespace() { ' ' } else { c }).collect();
    spaced.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `value: [word, …]` as word → value; the value is a word for itself.
fn lists(node: &Node, into: &mut BTreeMap<String, String>) {
    each(node, |word, value| {
        into.entry(word).or_insert(value);
    });
}

fn each(node: &Node, mut take: impl FnMut(String, String)) {
    let Kind::Map(entries) = &node.kind else { return };
    for (value, _, words) in entries {
        take(key(value), value.clone());
        if let Kind::List(words) = &words.kind {
            words.iter().filter_map(Node::text).for_each(|word| take(key(&word), value.clone()));
        }
    }
}
