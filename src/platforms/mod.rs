//! Platforms: one folder each; wire shapes stay inside.
pub mod channel;
pub mod csv;
