//! Answers from results: the query's own templates for one query, headed parts for a playbook, plain words for what
//! failed. Figures are printed by the catalogue's renderer only, so that each has its cell.
use super::clarify;
use super::conclude::{Found, conclude};
use super::drafting::DraftWish;
use super::plan::{Plan, PlanKind};
use super::playbook::Playbook;
use super::route::Router;
use super::thread::Done;
use crate::catalogue::{Catalogue, Cell, QueryResult, Rendered};
use crate::llm::Outcome;
use jiff::tz::TimeZone;
use serde_json::Value;

/// What the planner says at the end of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub text: String,
    pub outcome: Outcome,
}

pub struct Teller<'a> {
    pub router: &'a Router,
    pub catalogue: &'a Catalogue,
    pub zone: &'a TimeZone,
}

impl Teller<'_> {
    /// The answer to a plan, from the outcomes of its steps (in the plan's order; nothing where none was run).
    pub fn tell(&self, plan: &Plan, done: &[Option<&Done>]) -> Said {
        let mut said = match &plan.kind {
            PlanKind::Query => self.one(plan, done.first().copied().flatten()),
            PlanKind::Playbook { name, args } => match self.router.playbooks.get(name) {
                Some(book) => self.parts(book, args, plan, done),
                None => Said { text: clarify::unknown(), outcome: Outcome::Unknown },
            },
            PlanKind::Draft(wish) => self.draft(wish, done.last().copied().flatten()),
        };
        if !plan.notes.is_empty() && said.outcome == Outcome::Answered {
            said.text.push_str("\n\n");
            said.text.push_str(&plan.notes.join(" "));
        }
        said
    }

    fn rendered(&self, result: &QueryResult) -> Option<Rendered> {
        self.catalogue.render(result, self.zone)
    }

    fn one(&self, plan: &Plan, done: Option<&Done>) -> Said {
        let Some(done) = done else {
            return Said {
                text: "The figures did not arrive; please ask again.".to_owned(),
                outcome: Outcome::Failed,
            };
        };
        let Some(result) = done.query() else { return failed(done) };
        let result = match &plan.metric {
            Some(metric) => about(result, metric),
            None => result,
        };
        match self.rendered(&result) {
            Some(rendered) => Said { text: rendered.markdown(), outcome: Outcome::Answered },
            None => Said { text: "That query is no longer on offer.".to_owned(), outcome: Outcome::Failed },
        }
    }

    fn parts(
        &self,
        book: &Playbook,
        args: &serde_json::Map<String, Value>,
        plan: &Plan,
        done: &[Option<&Done>],
    ) -> Said {
        let mut out: Vec<String> = book.intro.iter().cloned().collect();
        let mut footers: Vec<String> = Vec::new();
        let mut results: Vec<(&str, QueryResult, Rendered)> = Vec::new();
        let mut problems: Vec<String> = Vec::new();
        for (step, outcome) in plan.steps.iter().zip(done) {
            let Some(outcome) = outcome else { continue };
            let Some(text) = book.steps.iter().find(|s| s.id == step.id) else { continue };
            let Some(result) = outcome.query() else {
                let what = text.heading.clone().unwrap_or_else(|| text.id.clone());
                problems.push(format!("{what}: {}", failed(outcome).text));
                continue;
            };
            let Some(mut rendered) = self.rendered(&result) else { continue };
            rendered.rows.truncate(text.rows);
            results.push((&text.id, result, rendered));
        }
        let empty = results.iter().all(|(_, r, _)| r.rows.is_empty());
        for (id, _, rendered) in &results {
            let heading = book.steps.iter().find(|s| s.id == *id).and_then(|s| s.heading.clone());
            if let Some(heading) = heading {
                out.push(part(&heading, rendered));
            }
            // "window · as of · …": each source line once.
            if !footers.contains(&rendered.footer) {
                footers.push(rendered.footer.clone());
            }
        }
        if empty
            && problems.is_empty()
            && let Some(nothing) = &book.nothing
        {
            out.insert(0, filled(nothing, args));
        }
        let stopped = results.iter().find_map(|(id, result, _)| {
            let stop = book.steps.iter().find(|s| s.id == *id)?.stop.as_ref()?;
            super::holds(stop, result).then(|| stop.say.clone())
        });
        if let Some(say) = stopped {
            out.push(say);
        } else {
            if let Some(kind) = book.conclude {
                let found: Vec<Found<'_>> =
                    results.iter().map(|(step, result, r)| Found { step, result, rows: &r.rows }).collect();
                out.extend(lines(conclude(kind, &found, args)));
            }
            if !empty {
                out.extend(book.closing.iter().cloned());
            }
        }
        let outcome = if results.is_empty() { Outcome::Failed } else { Outcome::Answered };
        if !problems.is_empty() {
            out.push(format!("Not available: {}", problems.join("; ")));
        }
        if !footers.is_empty() {
            out.push(footers.iter().map(|f| format!("_{f}_")).collect::<Vec<_>>().join("\n"));
        }
        Said { text: out.join("\n\n"), outcome }
    }

    fn draft(&self, wish: &DraftWish, done: Option<&Done>) -> Said {
        let Some(done) = done else {
            return Said {
                text: "The draft was not made; please ask again.".to_owned(),
                outcome: Outcome::Failed,
            };
        };
        if done.failed {
            return failed(done);
        }
        let field =
            |name: &str| done.result.get(name).and_then(Value::as_str).map(|t| crate::text::clean(t, 200));
        let title =
            field("title").unwrap_or_else(|| format!("{} for {}", wish.tool.replace('_', " "), wish.target));
        let mut out =
            vec![format!("I drafted “{title}” for review; nothing changes before people approve it.")];
        let list = |name: &str| -> Vec<String> {
            let items = done.result.get(name).and_then(Value::as_array);
            items
                .map(|l| l.iter().filter_map(Value::as_str).map(|t| crate::text::clean(t, 300)).collect())
                .unwrap_or_default()
        };
        out.extend(list("diff").into_iter().map(|line| format!("- {line}")));
        if let Some(tier) = field("tier") {
            let many = done.result.get("required_approvals").and_then(Value::as_i64).unwrap_or(1) > 1;
            let people = if many { "two people other than you" } else { "somebody other than you" };
            let agreeing: Vec<String> = list("co_approvals");
            let agreeing =
                if agreeing.is_empty() { String::new() } else { format!(", and {}", agreeing.join(", ")) };
            out.push(format!("Risk tier: {tier}. It needs the approval of {people}{agreeing}."));
        }
        for guard in done.result.get("guardrails").and_then(Value::as_array).into_iter().flatten() {
            let passed = guard.get("passed").and_then(Value::as_bool).unwrap_or(true);
            if let (false, Some(message)) = (passed, guard.get("message").and_then(Value::as_str)) {
                let weight = match guard.get("severity").and_then(Value::as_str) {
                    Some("block") => "It cannot be approved as it is",
                    Some("hold") => "On hold unless an administrator takes responsibility",
                    _ => "Worth knowing",
                };
                out.push(format!("{weight}: {}", crate::text::clean(message, 300)));
            }
        }
        Said { text: out.join("\n"), outcome: Outcome::Answered }
    }

    /// Why the draft: what was asked, and what the evidence says.
    pub fn reason(&self, question: &str, evidence: Option<&Done>) -> String {
        let mut reason = format!("Asked for in the conversation: “{}”.", crate::text::clean(question, 200));
        if let Some(rendered) = evidence.and_then(Done::query).and_then(|r| self.rendered(&r)) {
            reason.push(' ');
            reason.push_str(&rendered.headline);
        }
        crate::text::clean(&reason, 500)
    }
}

fn part(heading: &str, rendered: &Rendered) -> String {
    let mut out = format!("**{heading}** — {}", rendered.headline);
    for row in &rendered.rows {
        let numbered = row.split_once(". ").is_some_and(|(n, _)| n.parse::<u32>().is_ok());
        out.push_str(if numbered { "\n" } else { "\n- " });
        out.push_str(row);
    }
    out
}

/// Lines that belong together stay together.
fn lines(list: Vec<String>) -> Option<String> {
    (!list.is_empty()).then(|| list.join("\n"))
}

fn filled(text: &str, args: &serde_json::Map<String, Value>) -> String {
    let mut out = text.to_owned();
    for (name, value) in args {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        out = out.replace(&format!("{{{name}}}"), &crate::text::clean(&value, 80));
    }
    out
}

/// Only the rows about one metric, when some are; the overview is about several.
fn about(mut result: QueryResult, metric: &str) -> QueryResult {
    let Some(column) = result.columns.iter().position(|c| c.name == "metric_id") else { return result };
    let fits = |row: &Vec<Cell>| matches!(row.get(column), Some(Cell::Text(id)) if id == metric || id.starts_with(&format!("{metric}_")));
    if result.rows.iter().any(fits) {
        result.rows.retain(fits);
        result.total_rows = u64::try_from(result.rows.len()).unwrap_or(1);
    }
    result
}

/// A tool's refusal in words, with what would be accepted.
fn failed(done: &Done) -> Said {
    let message =
        done.result.get("message").and_then(Value::as_str).unwrap_or("That did not work; please ask again.");
    let allowed: Vec<&str> = done
        .result
        .get("allowed")
        .and_then(Value::as_array)
        .map(|a| a.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut text = crate::text::clean(message, 600);
    let outcome = if allowed.is_empty() { Outcome::Failed } else { Outcome::Clarified };
    if !allowed.is_empty() && !allowed.iter().all(|a| text.contains(a)) {
        text.push_str(&format!(
            " Possible are: {}.",
            allowed.iter().take(10).copied().collect::<Vec<_>>().join(", ")
        ));
    }
    Said { text, outcome }
}
