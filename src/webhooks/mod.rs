//! Telling other programs what happens here (`events.md` §12): signed, tried again on a published schedule, switched off after
//! days of failure, never into this network.
mod rules;
mod send;
mod sign;

pub use rules::{MOST_ENDPOINTS, WebhookFault, check_types, check_url};
pub use send::{PAUSES, Sender, Settings};
pub use sign::{headers, new_secret};
