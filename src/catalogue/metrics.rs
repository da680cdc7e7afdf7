//! The metric registry (`tools/metrics.yaml`): what each figure means, and its formula as SQL.
//!
//! A ratio is a sum over a sum (`metrics.md` §1.1): queries take formulas from here through the macros of
//! `macros.rs` and never write their own.
use super::fault::{Fault, Faults, instead};
use super::yaml::{Fields, Kind, Node, parse};
use crate::text::similarity;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

mod arithmetic;
mod combine;
mod linear;
mod supply;

pub use arithmetic::{Checked, check_example};
pub use combine::Combined;
pub use linear::{Linear, Misread, physical};
pub use supply::Supply;

#[derive(Clone, Debug)]
pub struct Metric {
    pub id: String,
    pub name: String,
    pub category: String,
    /// sum, ratio, avg, pctl, derived.
    pub kind: String,
    /// Over base columns; absent for metrics that no sum gives.
    pub numerator: Option<Linear>,
    pub denominator: Option<Linear>,
    pub scale: Decimal,
    pub unit: String,
    /// pct1, pct2, pp2, usd0, usd2, usd4, x2, int, dec1, dec2, s1, min0, h1, d1, mo1, ms0.
    pub format: String,
    /// up, down or band: where better lies.
    pub direction: String,
    pub target: Option<Decimal>,
    pub benchmark: Option<String>,
    /// The base column and how much of it a figure needs before it may drive a ranking.
    pub min_n: Option<(String, Decimal)>,
    /// Null rules of `metrics.md` §1.3 by code.
    pub null: Vec<String>,
    pub refresh: String,
    pub owner: String,
    pub synonyms: Vec<String>,
    pub description: String,
    /// In words, for metrics without a numerator.
    pub formula: Option<String>,
    pub example: Option<String>,
    /// The grains of `metrics.md` §3 by letter: E entity, C campaign, H channel, T total…
    pub grain: String,
    /// Where the engine takes the columns of the formula from.
    pub supply: Supply,
    /// A function of `engine/functions.rs` that a sum over a sum cannot be.
    pub with: Option<String>,
    /// A state at the end of the window rather than what happened in it.
    pub level: bool,
    pub line: usize,
}

impl Metric {
    /// Whether it is a plain sum, which grows with the window: a count or an amount.
    pub fn adds_up(&self) -> bool {
        self.numerator.is_some() && self.denominator.is_none() && !self.level
    }

    /// What would supply it, while no fact does.
    pub fn needs(&self) -> Option<&str> {
        match &self.supply {
            Supply::Needs(needs) => Some(needs),
            Supply::Facts(_) | Supply::Metrics(_) | Supply::Unsaid => None,
        }
    }

    /// Whether the deployment added it to the built-in ones.
    pub fn is_own(&self) -> bool {
        self.category == OWN
    }

    /// The formula for people: `Σ (revenue − refund) / Σ cost`, or the words of the file.
    pub fn words(&self) -> String {
        if let Some(formula) = &self.formula {
            return formula.clone();
        }
        let Some(numerator) = &self.numerator else {
            return self.description.clone();
        };
        let scale = if self.scale == Decimal::ONE {
            String::new()
        } else {
            format!("{} × ", self.scale.normalize())
        };
        match &self.denominator {
            Some(denominator) => format!("{scale}Σ {} / Σ {}", numerator.words(), denominator.words()),
            None => format!("{scale}Σ {}", numerator.words()),
        }
    }
}

/// All metrics in file order.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    list: Vec<Metric>,
    index: BTreeMap<String, usize>,
}

/// The category of metrics that a deployment adds.
pub const OWN: &str = "own";

const TYPES: &[&str] = &["sum", "ratio", "avg", "pctl", "derived"];
const DIRECTIONS: &[&str] = &["up", "down", "band"];
const CATEGORIES: &[&str] = &[
    "traffic",
    "engagement",
    "conversion",
    "financial",
    "customer_value",
    "email",
    "seo",
    "incrementality_attribution",
    "commerce_ops",
    "saas",
    "agent_governance",
    "system_health",
    "vertical",
    OWN,
];

impl Metrics {
    /// Reads the registry; faulty entries are named and left out.
    pub fn read(path: &str, text: &str) -> (Self, Vec<Fault>) {
        let mut out = Self::default();
        let faults = out.extend(path, text);
        (out, faults)
    }

    /// Adds the entries of another file; faulty ones are named and left out.
    pub fn extend(&mut self, path: &str, text: &str) -> Vec<Fault> {
        let mut faults = Faults::new(path);
        if let Some(root) = parse(text, 1, &mut faults) {
            for entry in entries(&root, &mut faults) {
                self.add(entry, &mut faults);
            }
        }
        faults.list
    }

    fn add(&mut self, node: &Node, faults: &mut Faults) {
        let before = faults.list.len();
        let Some(metric) = metric(node, faults) else {
            return;
        };
        if self.index.contains_key(&metric.id) {
            faults.add(metric.line, format!("metric '{}' is there twice; keep one", metric.id));
        } else if faults.list.len() == before {
            self.index.insert(metric.id.clone(), self.list.len());
            self.list.push(metric);
        }
    }

    pub fn get(&self, id: &str) -> Option<&Metric> {
        self.list.get(*self.index.get(id)?)
    }

    /// `; did you mean 'roas'?`, for an id that is none.
    pub fn instead(&self, id: &str) -> String {
        instead(id, self.list.iter().map(|metric| metric.id.as_str()))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Metrics that a text may mean, best first: id or synonym or name as written, then by likeness. Scores 0..1.
    pub fn search(&self, text: &str) -> Vec<(f64, &Metric)> {
        let wanted = text.trim().to_lowercase().replace(['_', '-'], " ");
        let score = |metric: &Metric| {
            [metric.id.as_str(), metric.name.as_str()]
                .into_iter()
                .chain(metric.synonyms.iter().map(String::as_str))
                .map(|name| {
                    let name = name.to_lowercase().replace(['_', '-'], " ");
                    if name == wanted {
                        1.0
                    } else if contains_words(&wanted, &name) {
                        // "how is customer acquisition cost calculated": longer names are surer.
                        0.80 + 0.15 * (name.len() as f64 / wanted.len().max(1) as f64).min(1.0)
                    } else {
                        similarity(&name, &wanted) * 0.8
                    }
                })
                .fold(0.0, f64::max)
        };
        let mut found: Vec<(f64, &Metric)> =
            self.list.iter().map(|m| (score(m), m)).filter(|(s, _)| *s >= 0.28).collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        found
    }
}

/// The words of `name` occur in `text`, in a row.
fn contains_words(text: &str, name: &str) -> bool {
    let words = |t: &str| -> Vec<String> {
        t.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let (text, name) = (words(text), words(name));
    !name.is_empty() && text.windows(name.len()).any(|part| part == name.as_slice())
}

/// The file is a list, or a mapping with the key `metrics`.
fn entries<'a>(root: &'a Node, faults: &mut Faults) -> &'a [Node] {
    let list = match &root.kind {
        Kind::Map(entries) => entries.iter().find(|(key, ..)| key == "metrics").map(|(_, _, node)| node),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => Some(root),
    };
    match list.map(|node| &node.kind) {
        Some(Kind::List(items)) => items,
        _ => {
            faults.add(
                root.line,
                "the file holds no list of metrics; write `metrics:` and one `- id: …` entry each",
            );
            &[]
        }
    }
}

fn metric(node: &Node, faults: &mut Faults) -> Option<Metric> {
    let mut f = Fields::of(node, "a metric", faults)?;
    let id = f.need_text("id", faults);
    let one_of = |f: &mut Fields<'_>, key: &'static str, known: &[&str], faults: &mut Faults| {
        let value = f.need_text(key, faults);
        if !value.is_empty() && !known.contains(&value.as_str()) {
            faults.add(
                f.line_of(key),
                format!("metric '{id}': {key} '{value}' is unknown; one of: {}", known.join(", ")),
            );
        }
        value
    };
    let category = one_of(&mut f, "category", CATEGORIES, faults);
    let kind = one_of(&mut f, "type", TYPES, faults);
    let direction = one_of(&mut f, "direction", DIRECTIONS, faults);
    let linear = |f: &mut Fields<'_>, key: &'static str, faults: &mut Faults| {
        let text = f.text(key, faults)?;
        Linear::parse(&text)
            .map_err(|e| faults.add(f.line_of(key), format!("metric '{id}', {key}: {e}")))
            .ok()
    };
    let metric = Metric {
        name: f.need_text("name", faults),
        category,
        numerator: linear(&mut f, "numerator", faults),
        denominator: linear(&mut f, "denominator", faults),
        scale: f.number("scale", faults).unwrap_or(Decimal::ONE),
        unit: f.need_text("unit", faults),
        format: f.need_text("format", faults),
        direction,
        target: f.number("target", faults),
        benchmark: f.get("benchmark").and_then(Node::text),
        min_n: min_n(&mut f, faults),
        null: f.texts("null", faults),
        refresh: f.text("refresh", faults).unwrap_or_default(),
        owner: f.text("owner", faults).unwrap_or_default(),
        synonyms: f.texts("synonyms", faults),
        description: f.text("description", faults).unwrap_or_default(),
        formula: f.text("formula", faults),
        example: f.text("example", faults),
        grain: f.text("grain", faults).unwrap_or_default(),
        supply: supply(&mut f, &id, faults),
        with: f.text("with", faults),
        level: f.flag("level", faults),
        line: node.line,
        kind,
        id: id.clone(),
    };
    if metric.kind == "sum" && metric.numerator.is_none() && metric.formula.is_none() {
        faults.add(
            node.line,
            format!("metric '{id}' is a sum without 'numerator'; write the base columns it adds up"),
        );
    }
    if metric.denominator.is_some() && metric.numerator.is_none() {
        faults.add(f.line_of("denominator"), format!("metric '{id}' has a denominator but no numerator"));
    }
    if let Some(example) = &metric.example
        && let Checked::Wrong { computed, shown } = check_example(example)
    {
        faults.add(
            f.line_of("example"),
            format!("metric '{id}': the example shows {shown} but works out as {computed}"),
        );
    }
    f.finish(faults);
    Some(metric)
}

/// `from`, `combine` or `needs`: one of them.
fn supply(f: &mut Fields<'_>, id: &str, faults: &mut Faults) -> Supply {
    let (from, combine, needs) = (f.text("from", faults), f.text("combine", faults), f.text("needs", faults));
    let given = [&from, &combine, &needs].into_iter().flatten().count();
    if given > 1 {
        faults.add(
            f.line_of("from"),
            format!("metric '{id}' has several of from, combine and needs; keep one"),
        );
    }
    match (from, combine, needs) {
        (Some(from), _, _) => Supply::facts(&from),
        (None, Some(text), _) => match Combined::parse(&text) {
            Ok(combined) => Supply::Metrics(combined),
            Err(problem) => {
                faults.add(f.line_of("combine"), format!("metric '{id}', combine: {problem}"));
                Supply::Unsaid
            }
        },
        (None, None, Some(needs)) => Supply::Needs(needs),
        (None, None, None) => Supply::Unsaid,
    }
}

fn min_n(f: &mut Fields<'_>, faults: &mut Faults) -> Option<(String, Decimal)> {
    let node = f.get("min_n")?;
    if matches!(node.kind, Kind::Null) {
        return None;
    }
    let mut inner = Fields::of(node, "'min_n'", faults)?;
    let column = inner.need_text("column", faults);
    inner.require("at_least", faults);
    let at_least = inner.number("at_least", faults);
    inner.finish(faults);
    Some((column, at_least?))
}

#[cfg(test)]
mod tests;
