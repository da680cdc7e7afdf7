//! Drafts through their public functions: made, revised, decided, exported, on a real database.
pub mod account;
mod decisions;
mod drift;
mod envelope;
mod exports;
mod fences;
mod guardrails;
mod handing;
mod lists;
mod making;
mod once;
mod overrides;
mod told;
mod urgent;
mod votes;
