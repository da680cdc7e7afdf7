//! Reads `tools/`: the files embedded at build, overlaid by a folder. Dropping a new `.sql` file into the overlay makes
//! it a tool after a reload; no Rust is needed.
use super::engine;
use super::facts::Facts;
use super::fault::Fault;
use super::front::{self, FixtureTest};
use super::metrics::Metrics;
use super::own;
use super::spec::Query;
use super::vocabulary::Vocabulary;
use crate::period::{DateOrder, find_phrase};
use jiff::civil::{Weekday, date};
use rust_embed::RustEmbed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(RustEmbed)]
#[folder = "tools/"]
struct Embedded;

/// Files of `tools/` that cannot be used as they are.
#[derive(Debug, thiserror::Error)]
#[error("{} in tools/:\n{}", faults_in_words(.0.len()), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LoadError(pub Vec<Fault>);

fn faults_in_words(count: usize) -> String {
    if count == 1 { "one fault".to_owned() } else { format!("{count} faults") }
}

/// What the files say, with everything that is wrong in them.
pub(super) struct Loaded {
    pub queries: BTreeMap<String, Query>,
    pub tests: BTreeMap<String, FixtureTest>,
    pub metrics: Arc<Metrics>,
    pub facts: Arc<Facts>,
    pub vocabulary: Vocabulary,
    pub faults: Vec<Fault>,
    /// Follow-ups that no query answers: named, left out, and no reason to stop.
    pub loose_ends: Vec<Fault>,
}

/// Why a file of the overlay is of no use where it lies.
const NOT_READ: &str = "nobody reads this file: an overlay holds queries/<topic>/<name>.sql, metrics.yaml, \
                        own_metrics.yaml, facts.yaml and vocabulary.yaml; actions, playbooks and the rest are built in";

/// Whether a file of this path means anything in an overlay.
fn is_read(path: &str) -> bool {
    matches!(path, "metrics.yaml" | own::FILE | "facts.yaml" | "vocabulary.yaml")
        || (path.starts_with("queries/") && path.ends_with(".sql"))
}

/// Path inside `tools/` → text. A file of the overlay replaces the embedded one of the same path.
fn files(overlay: Option<&Path>, faults: &mut Vec<Fault>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for path in Embedded::iter().filter(|path| path.ends_with(".sql") || path.ends_with(".yaml")) {
        if let Some(file) = Embedded::get(&path) {
            match std::str::from_utf8(&file.data) {
                Ok(text) => drop(out.insert(path.to_string(), text.to_owned())),
                Err(_) => faults.push(Fault {
                    path: path.to_string(),
                    line: 0,
                    message: "not UTF-8; save it as UTF-8".to_owned(),
                }),
            }
        }
    }
    if let Some(root) = overlay {
        if !root.is_dir() {
            let message = format!(
                "the overlay folder {} does not exist; create it or correct tools.overlay",
                root.display()
            );
            faults.push(Fault { path: String::new(), line: 0, message });
        }
        let mut folders: Vec<PathBuf> = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let wanted = path.extension().is_some_and(|e| e == "sql" || e == "yaml");
                let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str).filter(|_| wanted)
                else {
                    continue;
                };
                let name = name.replace('\\', "/");
                if !is_read(&name) {
                    faults.push(Fault { path: name, line: 0, message: NOT_READ.to_owned() });
                    continue;
                }
                match std::fs::read_to_string(&path) {
                    Ok(text) => drop(out.insert(name, text)),
                    Err(error) => faults.push(Fault {
                        path: name,
                        line: 0,
                        message: format!("cannot be read: {error}"),
                    }),
                }
            }
        }
    }
    out
}

pub(super) fn load(overlay: Option<&Path>) -> Loaded {
    let mut faults = Vec::new();
    let files = files(overlay, &mut faults);
    from_files(&files, faults)
}

/// What is wrong in an overlay with this text as its file of own metrics.
pub(super) fn with_own(overlay: &Path, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut files = files(Some(overlay).filter(|folder| folder.is_dir()), &mut faults);
    files.insert(own::FILE.to_owned(), text.to_owned());
    from_files(&files, faults).faults
}

pub(super) fn from_files(files: &BTreeMap<String, String>, mut faults: Vec<Fault>) -> Loaded {
    let (mut metrics, found) = match files.get("metrics.yaml") {
        Some(text) => Metrics::read("metrics.yaml", text),
        None => (Metrics::default(), Vec::new()),
    };
    faults.extend(found);
    if let Some(text) = files.get(own::FILE).filter(|text| !text.trim().is_empty()) {
        faults.extend(metrics.extend(own::FILE, text));
    }
    let (vocabulary, found) = match files.get("vocabulary.yaml") {
        Some(text) => Vocabulary::read("vocabulary.yaml", text),
        None => (Vocabulary::default(), Vec::new()),
    };
    faults.extend(found);
    let facts = match files.get("facts.yaml") {
        Some(text) => {
            let (facts, found) = Facts::read("facts.yaml", text);
            faults.extend(found);
            faults.extend(engine::faults(&metrics, &facts));
            facts
        }
        None => Facts::default(),
    };
    let (metrics, facts) = (Arc::new(metrics), Arc::new(facts));
    let mut queries: BTreeMap<String, Query> = BTreeMap::new();
    let mut tests = BTreeMap::new();
    let mut examples: BTreeMap<String, String> = BTreeMap::new();
    let mut follow_ups = Vec::new();
    for (path, text) in
        files.iter().filter(|(path, _)| path.starts_with("queries/") && path.ends_with(".sql"))
    {
        let (read, found) = front::read(path, text, &metrics);
        let faulty = !found.is_empty();
        faults.extend(found);
        let Some(read) = read else { continue };
        for (example, line) in &read.examples {
            if let Some(other) = examples.insert(masked(example), read.query.name.clone()) {
                let message = format!(
                    "the example \"{example}\" is (after masking dates and numbers) also one of '{other}'; reword it"
                );
                faults.push(Fault { path: path.clone(), line: *line, message });
            }
        }
        if let Some(other) = queries.get(&read.query.name) {
            let message =
                format!("query '{}' is also in tools/{}; names are unique", read.query.name, other.path);
            faults.push(Fault { path: path.clone(), line: 1, message });
            continue;
        }
        follow_ups.extend(read.follow_ups.into_iter().map(|(name, line)| (path.clone(), name, line)));
        if let Some(test) = read.test {
            tests.insert(read.query.name.clone(), test);
        }
        if !faulty {
            queries.insert(read.query.name.clone(), read.query);
        }
    }
    let mut loose_ends = Vec::new();
    for (path, name, line) in follow_ups {
        let exists =
            queries.contains_key(&name) || files.keys().any(|p| p.ends_with(&format!("/{name}.sql")));
        if !exists {
            let near = super::fault::instead(&name, queries.keys().map(String::as_str));
            loose_ends.push(Fault { path, line, message: format!("follow-up '{name}' is no query{near}") });
        }
    }
    let names: Vec<String> = queries.keys().cloned().collect();
    for query in queries.values_mut() {
        query.follow_ups.retain(|name| names.contains(name));
    }
    faults.sort();
    Loaded { queries, tests, metrics, facts, vocabulary, faults, loose_ends }
}

/// The example as the router sees it: lower case, dates and numbers replaced.
fn masked(example: &str) -> String {
    let mut text = example.to_lowercase();
    while let Some(found) = find_phrase(&text, date(2025, 9, 17), Weekday::Monday, DateOrder::Dmy) {
        text.replace_range(found.place, "#");
    }
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('9') => {}
            '0'..='9' => out.push('9'),
            c if c.is_alphanumeric() || matches!(c, '#' | '%' | '$' | '/') => out.push(c),
            _ if out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests;
