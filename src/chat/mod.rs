//! Turns: the event log, the orchestrator, context, receipts, and the offline planner.
pub mod calculate;
pub mod context;
mod event;
pub mod evidence;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod offline;
pub mod prompts;
pub mod receipts;
pub mod scrub;
pub mod turn;

pub use event::{Receipt, ReceiptStatus, TurnEvent, TurnEventKind};

/// What can go wrong before a turn begins, or outside of one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Prompts(String),
}
