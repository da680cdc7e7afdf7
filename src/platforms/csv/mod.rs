//! Real exports of ad platforms, shops and search consoles, read as CSV (`tools/imports.yaml` names the columns).
#[cfg(test)]
mod tests;

pub mod header;
pub mod kinds;
pub mod sniff;
pub mod table;
pub mod values;
