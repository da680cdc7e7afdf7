//! Playbooks and commands as data: `tools/playbooks/*.yaml`. A playbook runs fixed steps, may stop early, and says
//! what it did; with `command:` it can also be called by name (`/find_waste 30`).
use super::vocabulary::VocabularyError;
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(RustEmbed)]
#[folder = "tools/playbooks"]
struct Embedded;

/// One file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    pub name: String,
    pub title: String,
    pub description: String,
    /// Called as `/name` or `@adjutant name`.
    #[serde(default)]
    pub command: Option<String>,
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Questions as people type them; a playbook without any is only a command.
    #[serde(default)]
    pub asked: Vec<String>,
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Metrics whose changes it explains: "why?" after such a figure comes here.
    #[serde(default)]
    pub explains: Vec<String>,
    #[serde(default)]
    pub args: Vec<Arg>,
    #[serde(default)]
    pub steps: Vec<StepText>,
    /// What the answer starts with; nothing when absent.
    #[serde(default)]
    pub intro: Option<String>,
    /// The whole answer when no step found a row.
    #[serde(default)]
    pub nothing: Option<String>,
    /// Closing lines.
    #[serde(default)]
    pub closing: Vec<String>,
    /// A conclusion drawn by code from the steps' results: see `conclude`.
    #[serde(default)]
    pub conclude: Option<Conclusion>,
    /// Draft types that may follow.
    #[serde(default)]
    pub drafts: Vec<String>,
    /// Answers without a query (help).
    #[serde(default)]
    pub says: Option<String>,
}

/// Conclusions that need more than a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Three template-made copy variants, each with the fact behind it.
    CopyVariants,
    /// Size and contactable size; stops without consent.
    Retargeting,
    /// None, mild or cannibalised; the page to keep.
    Overlap,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arg {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ArgType,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub default: Option<Value>,
    #[serde(default)]
    pub min: Option<i64>,
    #[serde(default)]
    pub max: Option<i64>,
    #[serde(default)]
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgType {
    /// A number of days, or a date phrase.
    Days,
    /// A date phrase.
    Window,
    Channel,
    Campaign,
    Page,
    Segment,
    Metric,
    /// One of `values`.
    Enum,
    /// The rest of the line.
    Text,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepText {
    pub id: String,
    pub query: String,
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// Left out where the catalogue has no such query.
    #[serde(default)]
    pub optional: bool,
    /// Heading of its part of the answer; without one its rows are evidence only.
    #[serde(default)]
    pub heading: Option<String>,
    /// At most so many rows in the answer.
    #[serde(default = "five")]
    pub rows: usize,
    /// The playbook ends here when this holds.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// Skipped when one of these arguments was not given.
    #[serde(default)]
    pub needs: Vec<String>,
}

fn five() -> usize {
    5
}

/// A step explains the question: some row's column has one of these values, or there is no row at all.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub is: Vec<String>,
    #[serde(default)]
    pub no_rows: bool,
    pub say: String,
}

/// All playbooks, by name.
#[derive(Clone, Debug, Default)]
pub struct Playbooks {
    all: BTreeMap<String, Playbook>,
}

impl Playbooks {
    /// The files that come with the program.
    pub fn embedded() -> Result<Self, VocabularyError> {
        let files: Vec<(String, String)> = Embedded::iter()
            .filter_map(|name| {
                let data = Embedded::get(&name)?.data;
                Some((format!("tools/playbooks/{name}"), String::from_utf8_lossy(&data).into_owned()))
            })
            .collect();
        Self::parse(&files)
    }

    /// Reads files of (path, text); the error names the file and the line.
    pub fn parse(files: &[(String, String)]) -> Result<Self, VocabularyError> {
        let mut all = BTreeMap::new();
        for (path, text) in files {
            let wrong = |problem: String| VocabularyError { path: path.clone(), problem };
            let book: Playbook = serde_saphyr::from_str(text).map_err(|e| wrong(e.to_string()))?;
            let stem = path.rsplit('/').next().and_then(|f| f.strip_suffix(".yaml")).unwrap_or(path);
            if stem != book.name {
                let at = line_of(text, "name:");
                return Err(wrong(format!(
                    "line {at}: the name '{}' differs from the file name '{stem}'",
                    book.name
                )));
            }
            all.insert(book.name.clone(), book);
        }
        Ok(Self { all })
    }

    pub fn get(&self, name: &str) -> Option<&Playbook> {
        self.all.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Playbook> {
        self.all.values()
    }

    /// The playbook that a command word calls.
    pub fn command(&self, word: &str) -> Option<&Playbook> {
        let word = word.replace('-', "_");
        self.all
            .values()
            .find(|b| b.command.as_ref() == Some(&word) || (b.command.is_some() && b.aliases.contains(&word)))
    }
}

fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|l| l.trim_start().starts_with(needle)).map_or(1, |n| n + 1)
}

/// What a check compares a playbook with: the queries and their parameters, and the draft types.
pub struct Offer<'a> {
    /// Query → parameter → its columns' names are not needed here.
    pub queries: &'a BTreeMap<String, BTreeSet<String>>,
    pub drafts: &'a [String],
}

/// Every fault of the playbook files, with file and line; empty when all is well.
pub fn check(files: &[(String, String)], offer: &Offer<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut commands: BTreeMap<String, String> = BTreeMap::new();
    for (path, text) in files {
        let books = match Playbooks::parse(std::slice::from_ref(&(path.clone(), text.clone()))) {
            Ok(books) => books,
            Err(e) => {
                faults.push(e.to_string());
                continue;
            }
        };
        for book in books.iter() {
            let mut fault =
                |needle: &str, what: String| faults.push(format!("{path}:{}: {what}", line_of(text, needle)));
            for word in book.command.iter().chain(&book.aliases) {
                if let Some(other) = commands.insert(word.clone(), path.clone()) {
                    fault("command:", format!("the command '{word}' is also that of {other}"));
                }
            }
            if book.steps.is_empty() && book.says.is_none() {
                fault("name:", "has neither steps nor says; give it one".to_owned());
            }
            let args: BTreeSet<&str> = book.args.iter().map(|a| a.name.as_str()).collect();
            for arg in &book.args {
                if arg.kind == ArgType::Enum && arg.values.is_empty() {
                    fault("args:", format!("the argument '{}' is an enum without values", arg.name));
                }
                if let (Some(min), Some(max)) = (arg.min, arg.max)
                    && min > max
                {
                    fault("args:", format!("the argument '{}' has min {min} above max {max}", arg.name));
                }
            }
            for step in &book.steps {
                let needle = format!("- id: {}", step.id);
                match offer.queries.get(&step.query) {
                    None if step.optional => {}
                    None => fault(
                        &needle,
                        format!(
                            "step '{}' calls '{}', which is no query of the catalogue",
                            step.id, step.query
                        ),
                    ),
                    Some(params) => {
                        for name in step.params.keys().filter(|n| !params.contains(*n)) {
                            let known: Vec<&str> = params.iter().map(String::as_str).collect();
                            fault(
                                &needle,
                                format!(
                                    "step '{}': {} has no parameter '{name}'; it has: {}",
                                    step.id,
                                    step.query,
                                    known.join(", ")
                                ),
                            );
                        }
                    }
                }
                for value in step.params.values().filter_map(Value::as_str) {
                    if let Some(name) = value.strip_prefix('{').and_then(|v| v.strip_suffix('}'))
                        && !args.contains(name)
                    {
                        fault(
                            &needle,
                            format!("step '{}' uses the argument '{name}', which is not declared", step.id),
                        );
                    }
                }
                for need in step.needs.iter().filter(|n| !args.contains(n.as_str())) {
                    fault(
                        &needle,
                        format!("step '{}' needs the argument '{need}', which is not declared", step.id),
                    );
                }
            }
            for draft in book.drafts.iter().filter(|d| !offer.drafts.contains(d)) {
                fault("drafts:", format!("'{draft}' is no draft type; one of: {}", offer.drafts.join(", ")));
            }
        }
    }
    faults
}

/// The files that come with the program, for [`check`].
pub fn embedded_files() -> Vec<(String, String)> {
    Embedded::iter()
        .filter_map(|name| {
            let data = Embedded::get(&name)?.data;
            Some((format!("tools/playbooks/{name}"), String::from_utf8_lossy(&data).into_owned()))
        })
        .collect()
}
