//! Turns: the event log, the orchestrator, context, receipts, and the offline planner.
//!
//! Surfaces talk to [`Service`] only: they ask, read events, cancel, and list conversations. `turn` decides, `drive`
//! performs, `writer` stores, `log` replays.
mod asking;
pub mod calculate;
pub mod context;
mod data;
mod drive;
mod event;
pub mod evidence;
#[cfg(test)]
pub(crate) mod fixtures;
mod history;
pub mod ledger;
mod log;
pub mod offline;
pub mod prompts;
pub mod receipts;
mod recover;
pub mod scrub;
mod service;
mod settings;
mod suggest;
mod threads;
pub mod tools;
pub mod turn;
mod writer;

pub use asking::Ask;
pub use event::{Receipt, ReceiptStatus, TurnEvent, TurnEventKind};
pub use service::{FinishedTurn, Handle, Parts, Service};
pub use settings::Settings;
pub use threads::{ConversationPage, ConversationTurn, TurnPage};

use crate::access::Missing;
use crate::db;

/// What can go wrong before a turn begins, or outside of one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Unknown, deleted, or somebody else's: all look the same from outside.
    #[error("There is no such {0}.")]
    NotFound(&'static str),
    /// Bad input, with a stable code and what to do.
    #[error("{message}")]
    Invalid { code: &'static str, message: String },
    #[error("This Idempotency-Key was used for another question; take a new key.")]
    IdempotencyConflict,
    #[error("{message}")]
    Busy { code: &'static str, message: String },
    #[error("{0}")]
    Prompts(String),
    #[error("{0}")]
    Drafts(String),
    #[error("The database does not answer; try again in a moment.")]
    Db(#[from] db::Error),
}

impl Error {
    /// Stable, for problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "permission.missing",
            Self::NotFound(_) => "chat.not_found",
            Self::Invalid { code, .. } | Self::Busy { code, .. } => code,
            Self::IdempotencyConflict => "idempotency.conflict",
            Self::Prompts(_) => "chat.prompts",
            Self::Drafts(_) => "chat.drafts",
            Self::Db(_) => "storage.unavailable",
        }
    }
}
