//! Playbooks and commands as data: `tools/playbooks/*.yaml`. A playbook runs fixed steps, may stop early, and says
//! what it did; with `command:` it can also be called by name (`/find_waste 30`).
use super::vocabulary::VocabularyError;
use crate::catalogue::{Cell, QueryResult};
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

mod check;

pub use check::{Offer, check};

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
    /// Parameters whose values an earlier step found; the step waits for it, and is left out when it found none.
    #[serde(default)]
    pub from: BTreeMap<String, Reference>,
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

/// The different texts of a column in an earlier step's rows, from the first row on; of a column of numbers the first row's.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub step: String,
    pub column: String,
    #[serde(default = "five")]
    pub most: usize,
}

impl Reference {
    /// What the parameter is given: texts as they stand in the cells, or one number. Nothing when there are none.
    pub fn values(&self, result: &QueryResult) -> Option<Value> {
        if let Some(number) = result.cell(0, &self.column).and_then(Cell::number) {
            return Some(number.normalize().to_string().into());
        }
        let mut found: Vec<&str> = Vec::new();
        for row in 0..result.rows.len() {
            if let Some(Cell::Text(text)) = result.cell(row, &self.column)
                && !text.is_empty()
                && !found.contains(&text.as_str())
            {
                found.push(text);
            }
        }
        found.truncate(self.most);
        (!found.is_empty()).then(|| found.into())
    }
}

fn five() -> usize {
    5
}

/// A step explains the question: some row's column has one of these values, or there is nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub is: Vec<String>,
    /// Rows that do not count.
    #[serde(default)]
    pub unless: Option<Words>,
    #[serde(default)]
    pub no_rows: bool,
    /// A column of figures in which no row has more than nought.
    #[serde(default)]
    pub nothing_in: Option<String>,
    pub say: String,
}

/// A column that has one of these values.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub column: String,
    pub is: Vec<String>,
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

/// The files that come with the program, for [`check`].
pub fn embedded_files() -> Vec<(String, String)> {
    Embedded::iter()
        .filter_map(|name| {
            let data = Embedded::get(&name)?.data;
            Some((format!("tools/playbooks/{name}"), String::from_utf8_lossy(&data).into_owned()))
        })
        .collect()
}
