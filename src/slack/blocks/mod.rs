//! Pure rendering to Block Kit. Every text in a block is a [`Mrkdwn`], [`Plain`] or [`Markdown`]: data enters them through
//! functions that leave no link, no mention and no formatting in it, and raw strings have no way in.
pub mod answer;
pub mod card;
pub mod chart;
pub mod kit;
pub mod limits;
pub mod markdown;
pub mod notice;
pub mod table;
pub mod text;
pub mod views;

pub use chart::chart_block;
pub use limits::Message;
pub use markdown::{Markdown, Names, Prose};
pub use table::{Table, table};
pub use text::{Mrkdwn, Plain, mrkdwn, plain};

use serde_json::Value;

impl Message {
    pub fn new(text: &Plain, blocks: Vec<Value>) -> Self {
        Self { text: limits::cut(&text.fallback()), blocks }
    }
}
