//! What `adjutant doctor tools` finds in the planner's files: playbooks that call what is not there, and examples of queries
//! that lead elsewhere.
use super::playbook::{self, Offer};
use super::{Day, Decision, Entity, Known, OfflinePlanner, Router, Situation};
use crate::catalogue::{Catalogue, Query};
use crate::period;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Map;

/// Names of the demo account that the examples of the built-in queries speak of.
const NAMES: [(&str, &str); 10] = [
    ("campaign", "Harvest Sale"),
    ("campaign", "Brand Search"),
    ("campaign", "Welcome Offer"),
    ("campaign", "Loyalty Week"),
    ("experiment", "Checkout button test"),
    ("city", "Lyon"),
    ("city", "Porto"),
    ("keyword", "trail shoes"),
    ("page", "/quote"),
    ("page", "/pricing"),
];

impl OfflinePlanner {
    /// Every fault of the planner's files, in words; empty when all is well. Examples of an overlay may speak of what the
    /// organisations here call their own.
    pub async fn faults(&self) -> Vec<String> {
        let mut names = Vec::new();
        match self.db.organisations().await {
            Ok(all) => {
                for (org, _) in all {
                    names.extend(self.names(org).await);
                }
            }
            Err(error) => tracing::warn!(%error, "organisations could not be read"),
        }
        faults(&self.catalogue, names, self.clock.now())
    }
}

fn faults(catalogue: &Catalogue, names: Vec<Entity>, now: Timestamp) -> Vec<String> {
    let example = |(n, (kind, name)): (usize, &(&str, &str))| Entity {
        kind: (*kind).to_owned(),
        id: format!("example:{n}"),
        name: (*name).to_owned(),
    };
    let examples: Vec<Entity> = NAMES.iter().enumerate().map(example).collect();
    let known = [Known::new(examples.clone()), Known::new(examples.into_iter().chain(names))];
    let drafts: Vec<String> = match crate::drafts::tools() {
        Ok(tools) => tools.into_iter().map(|tool| tool.name).collect(),
        // Told by whoever checks the actions.
        Err(_) => Vec::new(),
    };
    let mut out =
        playbook::check(&playbook::embedded_files(), &Offer { queries: &catalogue.queries, drafts: &drafts });
    match Router::new(catalogue.queries.clone()) {
        Ok(router) => out.extend(astray(&router, &known, now)),
        Err(error) => out.push(error.to_string()),
    }
    out
}

/// Examples of queries that lead to another query or to none, whichever of these names are known.
fn astray(router: &Router, known: &[Known], now: Timestamp) -> Vec<String> {
    let day = Day::new(period::local_day(now, &TimeZone::UTC));
    let mut out = Vec::new();
    for query in router.queries.values() {
        for question in &query.examples {
            let faults: Option<Vec<String>> =
                known.iter().map(|known| fault(router, known, day, query, question)).collect();
            if let Some(fault) = faults.as_deref().and_then(<[String]>::first) {
                out.push(told(query, question, fault));
            }
        }
    }
    out
}

/// What is wrong with where an example leads. A question back for a name or a figure is no fault; a question which query
/// is meant is one.
fn fault(router: &Router, known: &Known, day: Day, query: &Query, question: &str) -> Option<String> {
    let context = Map::new();
    let situation =
        Situation { question, past: &[], known, day, currency: "EUR", tools: None, context: &context };
    match router.decide(&situation) {
        Decision::Run(plan) => match plan.steps.as_slice() {
            steps if steps.iter().any(|step| step.tool == query.name) => None,
            [first, ..] => Some(format!("leads to {}", first.tool)),
            [] => Some("leads nowhere".to_owned()),
        },
        Decision::Ask(ask) if !ask.text.starts_with("Which of these") => None,
        Decision::Ask(_) => Some("is torn between several queries".to_owned()),
        Decision::Refuse { .. } => Some("is refused".to_owned()),
        Decision::Say { text, .. } => {
            Some(format!("is answered without a query: {}", crate::text::clean(&text, 80)))
        }
    }
}

fn told(query: &Query, question: &str, fault: &str) -> String {
    format!("{}: the example “{question}” {fault}", query.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2025-09-17T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_built_in_files_are_sound() {
        let catalogue = Catalogue::load(None).unwrap();
        assert_eq!(faults(&catalogue, Vec::new(), now()), Vec::<String>::new());
    }

    #[test]
    fn a_missing_query_and_an_example_of_another_are_named() {
        let mut catalogue = Catalogue::load(None).unwrap();
        catalogue.queries.remove("wasted_spend");
        let borrowed = catalogue.queries.get("spend_by_channel").unwrap().examples.clone();
        catalogue.queries.get_mut("funnel_by_channel").unwrap().examples = borrowed;
        let found = faults(&catalogue, Vec::new(), now());
        assert!(found.iter().any(|f| f.contains("which is no query of the catalogue")), "{found:#?}");
        assert!(found.iter().any(|f| f.contains("leads to spend_by_channel")), "{found:#?}");
    }
}
