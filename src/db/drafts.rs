//! Drafts, their revisions, reviews and approvals: every statement behind the decision lifecycle.
pub mod kinds;
