//! Real exports of ad platforms, shops and search consoles, read as CSV (`tools/imports.yaml` names the columns).
#[cfg(test)]
mod tests;

mod ads;
pub mod attribution;
mod channels;
pub mod dataset;
mod facts;
pub mod header;
pub mod import;
pub mod kinds;
pub mod look;
mod people;
mod place;
mod search;
pub mod sniff;
mod store;
mod subscriptions;
pub mod table;
mod things;
pub mod values;

pub use search::path;
