//! Events as they are stored: ids known again, facts, counters, samples of what was refused (`events.md` §6, §7, §9, §10).
//!
//! One transaction a batch. Whatever several batches may write at once is written in one order (ids, days, groups sorted),
//! ledger first, so that no two of them wait for each other.
pub mod known;
pub mod ledger;
pub mod measured;
pub mod own;
pub mod quality;
pub mod registry;
mod store;

pub use store::{Received, Restated, Row, insert, restate, restated_depth};
