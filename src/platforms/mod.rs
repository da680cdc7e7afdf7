//! Platforms: `csv/` reads exports, one folder a platform reads its API. Everything they share lies beside them.
pub mod channel;
pub mod client;
pub mod contract;
pub mod csv;
pub mod fault;
pub mod google;
pub mod google_ads;
pub mod hook;
pub mod oauth;
pub mod plausible;
pub mod public;
pub mod registry;
pub mod rows;
pub mod search_console;
pub mod shape;
pub mod stripe;
pub mod tiktok_ads;
