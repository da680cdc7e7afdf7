//! Drafts: proposed changes that people decide on. Knows no platform connection and no model.
//!
//! A draft tool or a person proposes; the server fills in the present state, renders the difference, weighs the
//! risk and runs the guardrails; people review one revision, bound by its hash; the last needed approval mints the
//! row behind the single-use [`Approved`], without which nothing can be written anywhere.
//!
//! Pure: `state`, `policy`, `tier`, `guard`, `diff`, `impact`, `requests`, `export`. With a database: `gather` and
//! `propose` read, `create`, `revise`, `decide` and `verbs` write, each in one transaction with its audit entry.
pub mod action;
mod again;
pub mod approved;
pub mod before;
mod conclude;
mod create;
mod decide;
pub mod diff;
mod download;
mod drift;
mod editing;
mod error;
pub mod export;
pub mod facts;
pub mod figures;
pub mod form;
mod gather;
pub mod guard;
pub mod impact;
pub mod limits;
mod load;
mod look;
mod names;
pub mod payload;
pub mod policy;
pub mod proposal;
mod propose;
pub mod requests;
mod resumption;
mod reviewers;
mod revise;
pub mod rollback;
#[cfg(test)]
mod sample;
mod seal;
pub mod stages;
mod stake;
pub mod state;
pub mod tier;
mod tools;
mod verbs;
mod view;
pub mod words;

pub use crate::db::drafts::kinds::{Decision, DraftState, Origin, ReasonCode, Severity, Tier};
pub use action::{ActionKind, ExportFormat, check};
pub use again::again;
pub use approved::Approved;
pub use create::{create, create_once};
pub use decide::decide;
pub use download::download;
pub use drift::mark_drifted;
pub use editing::{Form, editing};
pub use error::{DraftError, Problem, Refusal};
pub use export::ExportFile;
pub use look::{find, get, list, shown, trail};
pub use payload::Hash;
pub use resumption::resume_due;
pub use reviewers::{assign, may, reviewers, waiting_for};
pub use revise::{revise, try_revise};
pub use seal::Evidence;
pub use tools::{
    DraftToolSpec, RequestContext, create_from_tool, id_of_call, id_of_request, made_by_call, tools,
};
pub use verbs::{
    AppliedRequest, OverrideRequest, cancel, expire_due, mark_applied, override_guardrail, schedule,
    unschedule,
};
pub use view::{
    CreateRequest, Created, DraftPage, DraftSummary, DraftView, ListRequest, Outcome, RejectedBefore,
    ReviewRequest, ReviewView, ReviseRequest, RevisionView, StepUp,
};
