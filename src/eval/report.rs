//! The outcome of a run: a table for people, JSON for machines, and whether it passed.
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// One judged case.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub group: String,
    pub ask: String,
    pub passed: bool,
    pub problems: Vec<String>,
    pub millis: u64,
    pub figures: usize,
    pub unverified: usize,
    pub unwanted_drafts: usize,
    /// USD of the case's turns.
    pub cost: Decimal,
}

/// One group of cases.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    pub name: String,
    pub cases: usize,
    pub passed: usize,
    /// Share that passed, 0..1.
    pub accuracy: f64,
    pub threshold: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub model: String,
    pub groups: Vec<Group>,
    /// Milliseconds of whole turns.
    pub p50_ms: u64,
    pub p95_ms: u64,
    /// USD of all turns.
    pub cost: Decimal,
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// Groups, with receipts and unwanted drafts counted over all cases; `thresholds` by group.
    pub fn new(model: &str, verdicts: Vec<Verdict>, thresholds: &BTreeMap<String, f64>) -> Self {
        let mut groups: Vec<Group> = thresholds
            .iter()
            .map(|(name, threshold)| {
                let cases = verdicts.iter().filter(|v| v.group == *name).count();
                let passed = verdicts.iter().filter(|v| v.group == *name && v.passed).count();
                group(name, cases, passed, *threshold)
            })
            .filter(|g| g.cases > 0)
            .collect();
        let figures: usize = verdicts.iter().map(|v| v.figures).sum();
        let loose: usize = verdicts.iter().map(|v| v.unverified).sum();
        groups.push(group("receipts", figures, figures.saturating_sub(loose), 1.0));
        let unwanted: usize = verdicts.iter().filter(|v| v.unwanted_drafts > 0).count();
        groups.push(group("no unwanted draft", verdicts.len(), verdicts.len() - unwanted, 1.0));
        let mut times: Vec<u64> = verdicts.iter().map(|v| v.millis).collect();
        times.sort_unstable();
        let at = |share: usize| {
            times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied().unwrap_or(0)
        };
        let cost = verdicts.iter().map(|v| v.cost).sum();
        Self { model: model.to_owned(), groups, p50_ms: at(50), p95_ms: at(95), cost, verdicts }
    }

    /// Every group is at or above its threshold.
    pub fn passed(&self) -> bool {
        self.groups.iter().all(|g| g.accuracy >= g.threshold)
    }

    /// A table by group, then every failure with its reason.
    pub fn table(&self) -> String {
        let mut out =
            format!("{:<20} {:>6} {:>7} {:>9} {:>9}\n", "group", "cases", "passed", "accuracy", "needed");
        for g in &self.groups {
            let mark = if g.accuracy >= g.threshold { "" } else { "  below" };
            out.push_str(&format!(
                "{:<20} {:>6} {:>7} {:>8.1}% {:>8.1}%{mark}\n",
                g.name,
                g.cases,
                g.passed,
                g.accuracy * 100.0,
                g.threshold * 100.0
            ));
        }
        out.push_str(&format!(
            "model {} · turns p50 {} ms, p95 {} ms · cost USD {}\n",
            self.model,
            self.p50_ms,
            self.p95_ms,
            self.cost.round_dp(4).normalize()
        ));
        for v in self.verdicts.iter().filter(|v| !v.passed) {
            out.push_str(&format!("\n✗ [{}] {}\n", v.group, v.ask));
            for problem in &v.problems {
                out.push_str(&format!("    {problem}\n"));
            }
        }
        out
    }

    pub fn json(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value["passed"] = self.passed().into();
        value
    }
}

fn group(name: &str, cases: usize, passed: usize, threshold: f64) -> Group {
    let accuracy = if cases == 0 { 1.0 } else { passed as f64 / cases as f64 };
    Group { name: name.to_owned(), cases, passed, accuracy, threshold }
}
