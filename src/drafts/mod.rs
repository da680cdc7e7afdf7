//! Drafts: proposed changes that people decide on. Knows no platform connection and no model.
//!
//! A draft tool or a person proposes; the server fills in the present state, renders the difference, weighs the
//! risk and runs the guardrails; people review one revision, bound by its hash; the last needed approval mints the
//! single-use [`approved::Approved`], without which nothing can be written anywhere.
pub mod action;
pub mod error;
pub mod limits;
pub mod payload;
pub mod policy;
pub mod proposal;
pub mod state;
pub mod tier;
pub mod words;

pub use error::{DraftError, Problem};
