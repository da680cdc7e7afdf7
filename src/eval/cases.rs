//! The cases: a question, what stood before it, and what must or must not happen.
use super::Error;
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(RustEmbed)]
#[folder = "evals"]
struct Embedded;

/// One file of `evals/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub group: String,
    /// Share of its cases that must pass, 0..1.
    pub threshold: f64,
    /// Tool (or `playbook:name`) → wordings that must reach it.
    #[serde(default)]
    pub questions: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub cases: Vec<Case>,
}

/// One case. What is not stated is not judged, but for this: a question that a tool, a playbook or a draft is expected for
/// is answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub ask: String,
    #[serde(default)]
    pub before: Vec<String>,
    #[serde(default)]
    pub tool: Option<String>,
    #[serde(default)]
    pub playbook: Option<String>,
    #[serde(default)]
    pub params: Map<String, Value>,
    /// A date phrase; the window of the call must be the one it means.
    #[serde(default)]
    pub window: Option<String>,
    #[serde(default)]
    pub outcome: Option<String>,
    /// The answer contains this.
    #[serde(default)]
    pub says: Option<String>,
    /// The type of the one draft that must be made.
    #[serde(default)]
    pub draft: Option<String>,
    #[serde(default)]
    pub drafts: Option<usize>,
    #[serde(default)]
    pub drafts_at_most: Option<usize>,
    /// The answer must show cells of the first row of this query, run with these parameters.
    #[serde(default)]
    pub facts_from: Option<FactsFrom>,
}

/// A query whose figures the answer must contain: computed from the data, never typed in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactsFrom {
    pub query: String,
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Columns of the first row whose printed value must stand in the answer.
    pub columns: Vec<String>,
}

impl Case {
    /// Drafts that may be made: none unless the case says so.
    pub fn drafts_allowed(&self) -> usize {
        self.drafts_at_most.or(self.drafts).unwrap_or(usize::from(self.draft.is_some()))
    }
}

impl File {
    /// Reads one file; the error names the file and where it stopped.
    pub fn parse(path: &str, text: &str) -> Result<Self, Error> {
        serde_saphyr::from_str(text)
            .map_err(|e| Error::Cases { path: path.to_owned(), problem: e.to_string() })
    }

    /// All cases, those of `questions` written out.
    pub fn all(&self) -> Vec<Case> {
        let short = self.questions.iter().flat_map(|(target, wordings)| {
            wordings.iter().map(move |ask| {
                let (tool, playbook) = match target.strip_prefix("playbook:") {
                    Some(name) => (None, Some(name.to_owned())),
                    None => (Some(target.clone()), None),
                };
                Case { ask: ask.clone(), tool, playbook, ..Case::default() }
            })
        });
        short.chain(self.cases.iter().cloned()).collect()
    }
}

/// The files that come with the program, by name.
pub fn embedded() -> Result<Vec<File>, Error> {
    let mut names: Vec<_> = Embedded::iter().filter(|n| n.ends_with(".yaml")).collect();
    names.sort();
    names
        .iter()
        .filter_map(|name| Some((name, Embedded::get(name)?.data)))
        .map(|(name, data)| File::parse(&format!("evals/{name}"), &String::from_utf8_lossy(&data)))
        .collect()
}

/// Names from the data that stand in for `{campaign}`, `{campaign.id}`, `{city}` …
#[derive(Clone, Debug, Default)]
pub struct Names(pub BTreeMap<String, String>);

impl Names {
    pub fn insert(&mut self, key: &str, id: &str, name: &str) {
        self.0.insert(key.to_owned(), name.to_owned());
        self.0.insert(format!("{key}.id"), id.to_owned());
    }

    pub fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |out, (key, value)| out.replace(&format!("{{{key}}}"), value))
    }

    /// The case with every name put in.
    pub fn fill_case(&self, case: &Case) -> Case {
        let mut case = case.clone();
        case.ask = self.fill(&case.ask);
        case.before = case.before.iter().map(|b| self.fill(b)).collect();
        let facts = case.facts_from.iter_mut().flat_map(|from| from.params.values_mut());
        for value in case.params.values_mut().chain(facts) {
            if let Value::String(text) = value {
                *text = self.fill(text);
            }
        }
        case
    }
}
