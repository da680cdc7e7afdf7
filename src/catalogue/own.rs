//! Metrics of a deployment's own: a formula over the columns of a base, checked before it is written to the overlay.
use super::facts::Base;
use super::fault::instead;
use super::load;
use super::metrics::{Linear, Misread, OWN};
use std::path::{Path, PathBuf};

/// In the overlay; entries are those of `metrics.yaml`.
pub(super) const FILE: &str = "own_metrics.yaml";

/// What a person says of a metric.
#[derive(Clone, Debug)]
pub struct OwnMetric {
    /// snake_case.
    pub id: String,
    pub name: String,
    /// `revenue - refund`, or one sum over another: `(revenue - refund) / cost`.
    pub formula: String,
    /// Bases of `facts.yaml`, as `from` of the registry.
    pub from: String,
    /// money, count, fraction or ratio.
    pub unit: String,
    /// up, down or band: where better lies.
    pub direction: String,
    pub description: String,
}

/// Why a metric was not kept.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    #[error("the formula is not understood at character {}: {}\n  {formula}\n  {:>width$}", .misread.at, .misread.message, "^", width = .misread.at)]
    Formula { formula: String, misread: Misread },
    #[error("{0}")]
    Refused(String),
    #[error("{} cannot be {what}: {cause}", .path.display())]
    File { path: PathBuf, what: &'static str, cause: std::io::Error },
}

/// Units and how their figures print, without and with a denominator.
const UNITS: [(&str, &str, &str); 4] = [
    ("money", "usd0", "usd2"),
    ("count", "int", "dec2"),
    ("fraction", "pct2", "pct2"),
    ("ratio", "dec2", "x2"),
];

/// Writes the metric to the overlay, made where it is missing; nothing is written when anything is wrong with it.
pub fn add(overlay: &Path, metric: &OwnMetric) -> Result<(), OwnError> {
    let kept = read(overlay)?;
    let loaded = load::load(Some(overlay).filter(|folder| folder.is_dir()));
    let refused = |text: String| Err(OwnError::Refused(text));
    if !super::front::is_name(&metric.id) {
        return refused(format!("'{}' is no snake_case name of at most 63 characters", metric.id));
    }
    if let Some(known) = loaded.metrics.get(&metric.id) {
        return refused(format!(
            "metric '{}' is there already: {}; take another name",
            metric.id,
            known.words()
        ));
    }
    let Some(&(unit, plain, divided)) = UNITS.iter().find(|(unit, ..)| *unit == metric.unit) else {
        let near = instead(&metric.unit, UNITS.iter().map(|(unit, ..)| *unit));
        return refused(format!("unit '{}' is unknown{near}", metric.unit));
    };
    if !["up", "down", "band"].contains(&metric.direction.as_str()) {
        return refused(format!("'{}' is no direction; say up, down or band", metric.direction));
    }
    let bases: Vec<&str> = metric.from.split('+').map(str::trim).collect();
    let mut known: Vec<&Base> = Vec::new();
    for id in bases {
        match loaded.facts.get(id) {
            Some(base) => known.push(base),
            None => {
                return refused(format!(
                    "'{id}' is nothing that metrics are counted from{}",
                    loaded.facts.instead(id)
                ));
            }
        }
    }
    let misread = |misread| OwnError::Formula { formula: metric.formula.clone(), misread };
    let (top, bottom) = parts(&metric.formula).map_err(misread)?;
    for column in top.columns().chain(bottom.iter().flat_map(Linear::columns)) {
        if !known.iter().any(|base| base.columns.contains_key(column)) {
            let near = instead(column, known.iter().flat_map(|b| b.columns.keys().map(String::as_str)));
            let message = format!("'{column}' is no column of {}{near}", metric.from);
            return Err(misread(Misread { at: place(&metric.formula, column), message }));
        }
    }
    let format = if bottom.is_some() { divided } else { plain };
    let text = format!("{kept}{}", entry(metric, (unit, format), (&top, bottom.as_ref())));
    let found: Vec<String> =
        load::with_own(overlay, &text).into_iter().filter(|f| f.path == FILE).map(|f| f.message).collect();
    if !found.is_empty() {
        return refused(found.join("; "));
    }
    write(overlay, &text)
}

/// Takes a metric of the deployment's own away; false when there is none of this id.
pub fn remove(overlay: &Path, id: &str) -> Result<bool, OwnError> {
    let kept = read(overlay)?;
    let first = format!("- id: {id}\n");
    let mut blocks: Vec<String> = Vec::new();
    for line in kept.split_inclusive('\n') {
        match blocks.last_mut() {
            Some(block) if !line.starts_with("- ") => block.push_str(line),
            _ => blocks.push(line.to_owned()),
        }
    }
    let before = blocks.len();
    blocks.retain(|block| !block.starts_with(&first));
    if blocks.len() == before {
        return Ok(false);
    }
    write(overlay, &blocks.concat())?;
    Ok(true)
}

/// The sum, and the one it is divided by: the slash that stands in no parenthesis parts them.
fn parts(formula: &str) -> Result<(Linear, Option<Linear>), Misread> {
    let mut depth = 0;
    let mut slashes = Vec::new();
    for (at, c) in formula.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '/' if depth == 0 => slashes.push(at),
            _ => {}
        }
    }
    let chars = |at: usize| formula[..at].chars().count();
    match slashes.as_slice() {
        [] => Ok((Linear::read(formula)?, None)),
        [slash] => {
            let top = Linear::read(&formula[..*slash])?;
            let below = chars(slash + 1);
            let moved = |m: Misread| Misread { at: m.at + below, ..m };
            Ok((top, Some(Linear::read(&formula[slash + 1..]).map_err(moved)?)))
        }
        [_, second, ..] => {
            let message = "a formula is one sum, or one sum over another: there is a second '/'".to_owned();
            Err(Misread { at: chars(*second) + 1, message })
        }
    }
}

/// Where a column stands in a formula, in characters from 1.
fn place(formula: &str, column: &str) -> usize {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let whole = |at: usize| !formula[..at].ends_with(word) && !formula[at + column.len()..].starts_with(word);
    let at = formula.match_indices(column).map(|(at, _)| at).find(|at| whole(*at)).unwrap_or(0);
    formula[..at].chars().count() + 1
}

fn entry(
    metric: &OwnMetric,
    (unit, format): (&str, &str),
    (top, bottom): (&Linear, Option<&Linear>),
) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let plain = |linear: &Linear| linear.sql(&str::to_owned);
    let mut lines = vec![
        format!("- id: {}", metric.id),
        format!("  name: {}", quoted(&metric.name)),
        format!("  category: {OWN}"),
        format!("  type: {}", if bottom.is_some() { "ratio" } else { "sum" }),
        format!("  numerator: {}", quoted(&plain(top))),
    ];
    lines.extend(bottom.map(|bottom| format!("  denominator: {}", quoted(&plain(bottom)))));
    lines.extend([
        format!("  from: {}", quoted(&metric.from)),
        "  grain: own".to_owned(),
        format!("  unit: {unit}"),
        format!("  format: {format}"),
        format!("  direction: {}", metric.direction),
        format!("  \"null\": [{}]", if bottom.is_some() { "Z, W" } else { "W" }),
        format!("  description: {}", quoted(&metric.description)),
    ]);
    lines.join("\n") + "\n"
}

fn read(overlay: &Path) -> Result<String, OwnError> {
    let path = overlay.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(cause) => Err(OwnError::File { path, what: "read", cause }),
    }
}

/// Written beside and renamed: a crash leaves the old file or the new one.
fn write(overlay: &Path, text: &str) -> Result<(), OwnError> {
    let path = overlay.join(FILE);
    let failed = |cause| OwnError::File { path: path.clone(), what: "written", cause };
    std::fs::create_dir_all(overlay).map_err(failed)?;
    let beside = overlay.join(format!(".{FILE}.new"));
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, &path).map_err(failed)
}
