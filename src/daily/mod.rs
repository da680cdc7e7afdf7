//! What brings the facts of a day up to date: `sync` reads connections, `rollup` computes daily figures from events and syncs.
pub mod connection;
pub mod health;
pub mod rollup;
pub mod sync;
