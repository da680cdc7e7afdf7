//! What brings the facts of a day up to date. So far: `sync`, which reads connections.
pub mod connection;
pub mod sync;
