//! Adjutant: a self-hosted, chat-first marketing agent. `ARCHITECTURE.md` is the map of these rooms.
pub mod access;
pub mod app;
pub mod catalogue;
pub mod chat;
pub mod clock;
pub mod config;
pub mod db;
pub mod drafts;
pub mod http;
pub mod ids;
pub mod llm;
pub mod money;
pub mod period;
pub mod platforms;
pub mod report;
pub mod stats;
pub mod text;
