//! Drafts, their revisions, reviews and approvals: every statement behind the decision lifecycle.
//!
//! Functions take a transaction of one organisation and compose: the caller decides what belongs together and commits.
pub mod decide;
pub mod envelope;
pub mod facts;
pub mod kinds;
pub mod people;
pub mod read;
pub mod write;
