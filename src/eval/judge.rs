//! Judges one turn against its case.
use super::cases::Case;
use crate::period::Window;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// A tool call as it happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    pub tool: String,
    /// As understood where known, else as asked.
    pub params: Map<String, Value>,
    pub window: Option<Window>,
    pub failed: bool,
}

/// What a turn did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub calls: Vec<Call>,
    /// Types of the drafts made.
    pub drafts: Vec<String>,
    pub outcome: String,
    pub answer: String,
    pub figures: usize,
    pub unverified: Vec<String>,
    /// USD of all turns of the case.
    pub cost: Decimal,
}

/// What judging needs besides the case: the meaning of a date phrase, and the queries of a playbook.
pub struct Rules<'a> {
    pub window: &'a dyn Fn(&str) -> Option<Window>,
    pub playbook: &'a dyn Fn(&str) -> Vec<String>,
}

/// Everything that is wrong with a turn; nothing when it passes.
pub fn judge(case: &Case, seen: &Seen, rules: &Rules<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let queries: Vec<&Call> = seen.calls.iter().collect();
    if let Some(tool) = &case.tool {
        match queries.iter().find(|c| c.tool == *tool) {
            Some(call) if call.failed => wrong.push(format!("{tool} failed: {}", did(seen))),
            Some(call) => about_call(case, call, rules, &mut wrong),
            None => wrong.push(format!("expected {tool}, {}", did(seen))),
        }
        if queries.iter().any(|c| c.tool != *tool && !case.drafts_allowed().gt(&0)) {
            wrong.push(format!("more than {tool}: {}", did(seen)));
        }
    }
    if let Some(name) = &case.playbook {
        let steps = (rules.playbook)(name);
        let first = steps.first().is_some_and(|s| queries.first().is_some_and(|c| c.tool == *s));
        if !first || !queries.iter().all(|c| steps.contains(&c.tool)) {
            wrong.push(format!("expected the playbook {name}, {}", did(seen)));
        } else if let Some(phrase) = &case.window {
            let want = (rules.window)(phrase);
            if !queries.iter().any(|c| c.window == want) {
                wrong.push(format!("no step has the window “{phrase}”"));
            }
        }
    }
    let expects_work = case.tool.is_some() || case.playbook.is_some() || case.draft.is_some();
    let outcome = case.outcome.as_deref().or(expects_work.then_some("answered"));
    if let Some(outcome) = outcome {
        if seen.outcome != outcome {
            wrong.push(format!("expected the outcome {outcome}, got {}; {}", seen.outcome, did(seen)));
        }
        if matches!(outcome, "refused" | "unknown") && !queries.is_empty() {
            wrong.push(format!("a query ran before the refusal: {}", did(seen)));
        }
    }
    if let Some(text) = &case.says
        && !seen.answer.to_lowercase().contains(&text.to_lowercase())
    {
        wrong.push(format!("the answer does not say “{text}”"));
    }
    if let Some(kind) = &case.draft {
        match seen.calls.iter().find(|c| c.tool == *kind) {
            None => wrong.push(format!("expected a draft {kind}, {}", did(seen))),
            Some(call) => params(&case.params, &call.params, &mut wrong),
        }
        if !seen.drafts.contains(kind) {
            wrong.push(format!("no draft {kind} was made: “{}”", seen.answer));
        }
    }
    if seen.drafts.len() > case.drafts_allowed() {
        wrong.push(format!("unwanted draft: {}", seen.drafts.join(", ")));
    }
    if !seen.unverified.is_empty() {
        wrong.push(format!("figures without a receipt: {}", seen.unverified.join(", ")));
    }
    wrong
}

fn about_call(case: &Case, call: &Call, rules: &Rules<'_>, wrong: &mut Vec<String>) {
    params(&case.params, &call.params, wrong);
    if let Some(phrase) = &case.window {
        match (rules.window)(phrase) {
            None => wrong.push(format!("the case's own window “{phrase}” is no date phrase")),
            want if want != call.window => wrong.push(format!(
                "window {} instead of {}",
                call.window.map_or("by default".to_owned(), |w| w.to_string()),
                want.map_or(String::new(), |w| w.to_string())
            )),
            Some(_) => {}
        }
    }
}

fn params(expected: &Map<String, Value>, got: &Map<String, Value>, wrong: &mut Vec<String>) {
    for (name, want) in expected {
        let have = got.get(name).unwrap_or(&Value::Null);
        if !same(want, have) {
            wrong.push(format!("{name} is {have}, expected {want}"));
        }
    }
}

/// Equal as values: `500` and `"500.00"` are the same amount, `20%` and `0.2` the same share.
fn same(want: &Value, have: &Value) -> bool {
    match (want, have) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| same(x, y)))
        }
        _ => want == have || matches!((decimal(want), decimal(have)), (Some(a), Some(b)) if a == b),
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<Decimal>().ok().map(|p| p / Decimal::ONE_HUNDRED),
        None => text.parse().ok(),
    }
}

fn did(seen: &Seen) -> String {
    let tools: Vec<&str> = seen.calls.iter().map(|c| c.tool.as_str()).collect();
    if tools.is_empty() {
        let answer: String = seen.answer.chars().take(90).collect();
        format!("ended {} with “{answer}”", seen.outcome)
    } else {
        format!("ran {}", tools.join(", "))
    }
}
