//! How fast a channel takes posts: about one a second, with a small burst (Slack's special limit for posting messages).
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// New messages and uploads.
    Post,
    /// Edits.
    Update,
    /// Pieces of streams.
    Append,
}

impl Class {
    /// Milliseconds between calls that may go on for ever, and how many may come at once.
    fn rate(self) -> (i64, i64) {
        match self {
            Self::Post | Self::Update => (1000, 4),
            Self::Append => (200, 25),
        }
    }
}

/// The theoretical arrival times of the generic cell rate algorithm, by class and channel (milliseconds).
#[derive(Debug, Default)]
pub struct Pace(BTreeMap<(Class, String), i64>);

impl Pace {
    /// Counts a call, or says after how many whole seconds it may come again.
    pub fn take(&mut self, class: Class, channel: &str, now: Timestamp) -> Result<(), u64> {
        let (gap, burst) = class.rate();
        let now = now.as_millisecond();
        let due = self.0.entry((class, channel.to_owned())).or_insert(now);
        let next = (*due).max(now);
        let early = next - now - gap * (burst - 1);
        if early > 0 {
            return Err(u64::try_from((early + 999) / 1000).unwrap_or(1).max(1));
        }
        *due = next + gap;
        Ok(())
    }
}
