//! Turns: the event log, the orchestrator, context, receipts, and the offline planner.
mod event;

pub use event::{Receipt, ReceiptStatus, TurnEvent, TurnEventKind};
