//! Platforms: one folder each; wire shapes stay inside.
pub mod csv;
