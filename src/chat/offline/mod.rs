//! The offline planner: no key, no network, deterministic. Routes a question to named queries, commands, playbooks
//! or draft tools by lexical scoring, and answers through the query's own template (`queries.md` §7).
//!
//! It keeps no state: what it decided is decided again from the messages of each round, so that a turn resumes
//! anywhere, and so that it can take over from a model that failed half-way.
mod answer;
mod asked;
mod certainty;
mod chips;
mod clarify;
mod classifier;
mod commands;
mod conclude;
mod doctor;
mod document;
mod drafting;
mod entities;
mod figures;
mod fill;
mod followup;
mod index;
mod instruction;
mod lone;
mod normalise;
mod plan;
mod planner;
pub mod playbook;
mod proposals;
mod refuse;
mod route;
mod spelling;
mod steps;
mod terms;
mod thread;
mod understand;
mod values;
pub mod vocabulary;

pub use entities::{Entity, Known};
pub use instruction::instructed;
pub use plan::{Ask, Choice, Decision, Pick, Plan, PlanKind, Step};
pub use planner::OfflinePlanner;
pub use playbook::{Offer, check};
pub use route::{Router, Situation};
pub use thread::{Done, Past, Thread};
pub use understand::Day;
pub use vocabulary::VocabularyError;

use crate::catalogue::{Cell, QueryResult};

/// Whether a message calls a command, written so that nothing else can be meant: the planner answers it, whatever models
/// there are.
pub fn is_command(books: &playbook::Playbooks, message: &str) -> bool {
    commands::called(books, message).is_some_and(|called| called.certain)
}

/// Whether a playbook ends at a step with this result.
fn holds(stop: &playbook::Stop, result: &QueryResult) -> bool {
    if stop.no_rows && result.rows.is_empty() {
        return true;
    }
    let more = |row, column: &str| {
        result.cell(row, column).and_then(Cell::number).is_some_and(|n| n > rust_decimal::Decimal::ZERO)
    };
    if stop.nothing_in.as_ref().is_some_and(|column| !(0..result.rows.len()).any(|row| more(row, column))) {
        return true;
    }
    let Some(column) = &stop.column else { return false };
    let has = |row: usize, column: &str, list: &[String]| matches!(result.cell(row, column), Some(Cell::Text(text)) if list.contains(text));
    let left_out = |row| stop.unless.as_ref().is_some_and(|unless| has(row, &unless.column, &unless.is));
    (0..result.rows.len()).any(|row| has(row, column, &stop.is) && !left_out(row))
}
