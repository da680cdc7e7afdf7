//! What the planner decided: calls to make, a question back, a refusal, or words. Data only, so that routing is
//! tested without a database.
use super::drafting::DraftWish;
use super::playbook::Reference;
use super::refuse::Refusal;
use crate::llm::Outcome;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Run(Plan),
    Ask(Ask),
    /// With the draft that could be made instead.
    Refuse {
        refusal: Refusal,
        offer: Option<Box<DraftWish>>,
    },
    Say {
        text: String,
        outcome: Outcome,
    },
}

/// One question back, with at most three choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub text: String,
    pub choices: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub label: String,
    pub pick: Pick,
}

/// What choosing means.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// The question goes to this query or playbook.
    Route(String),
    /// The question is asked again with this in place of what was unclear (or added, when nothing was there).
    Reword { from: Option<String>, to: String },
}

/// Calls in order; those of one round run together.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub kind: PlanKind,
    pub steps: Vec<Step>,
    pub notes: Vec<String>,
    /// Only rows about this metric are read out.
    pub metric: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PlanKind {
    Query,
    /// A playbook or command by name, with its arguments.
    Playbook {
        name: String,
        args: Map<String, Value>,
    },
    Draft(DraftWish),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub id: String,
    pub tool: String,
    pub args: Map<String, Value>,
    /// Arguments that an earlier step's rows supply.
    pub from: BTreeMap<String, Reference>,
    /// The next step waits for this one's result.
    pub last_of_round: bool,
}

impl Plan {
    pub fn query(name: &str, args: Map<String, Value>, notes: Vec<String>) -> Self {
        Self {
            kind: PlanKind::Query,
            steps: vec![Step {
                id: "answer".to_owned(),
                tool: name.to_owned(),
                args,
                from: BTreeMap::new(),
                last_of_round: true,
            }],
            notes,
            metric: None,
        }
    }
}
