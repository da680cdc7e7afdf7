//! How fast the methods that post may go, channel by channel (`slack.md`): about a message and an edit a second, pieces of a
//! stream a little faster. Other replicas pace themselves; what they do together, Slack's own `Retry-After` bounds.
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Calls that share a pace, and the time between two of them in one channel.
fn gap(method: &str) -> Option<(&'static str, Duration)> {
    match method {
        "chat.postMessage" | "chat.postEphemeral" | "chat.startStream" | "files.completeUploadExternal" => {
            Some(("post", Duration::from_millis(1_000)))
        }
        "chat.update" | "chat.delete" => Some(("edit", Duration::from_millis(1_000))),
        // A tier of a hundred a minute.
        "chat.appendStream" | "chat.stopStream" => Some(("stream", Duration::from_millis(600))),
        _ => None,
    }
}

/// Beyond so many channels, those that are free are forgotten.
const REMEMBERED: usize = 4_096;

#[derive(Default)]
pub struct Pace(Mutex<Lanes>);

#[derive(Default)]
struct Lanes {
    /// When the next call of a kind may go in a channel.
    next: HashMap<(&'static str, String), Timestamp>,
    /// Until when Slack asked not to be called: method and channel.
    paused: HashMap<(String, String), Timestamp>,
}

impl Pace {
    /// The moment at which a call may go, which is taken by it; or how long Slack asked to wait still.
    pub fn reserve(
        &self,
        method: &str,
        channel: Option<&str>,
        now: Timestamp,
    ) -> Result<Timestamp, Duration> {
        let mut lanes = self.lanes();
        let channel = channel.unwrap_or_default();
        let key = (method.to_owned(), channel.to_owned());
        if let Some(until) = lanes.paused.get(&key).copied() {
            if let Some(left) = positive(until, now) {
                return Err(left);
            }
            lanes.paused.remove(&key);
        }
        let Some((kind, gap)) = gap(method) else { return Ok(now) };
        if lanes.next.len() > REMEMBERED {
            lanes.next.retain(|_, at| *at > now);
        }
        let next = lanes.next.entry((kind, channel.to_owned())).or_insert(now);
        let at = (*next).max(now);
        *next = at + gap;
        Ok(at)
    }

    /// Slack asked for a pause.
    pub fn pause(&self, method: &str, channel: Option<&str>, now: Timestamp, after: Duration) {
        let key = (method.to_owned(), channel.unwrap_or_default().to_owned());
        self.lanes().paused.insert(key, now + after);
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time from `now` to `until`, when that lies ahead.
fn positive(until: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(until.duration_since(now)).ok().filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_takes_one_message_a_second_and_the_others_do_not_wait() {
        let (pace, now) = (Pace::default(), "2025-09-17T09:00:00Z".parse::<Timestamp>().unwrap());
        let post = |channel| pace.reserve("chat.postMessage", Some(channel), now).unwrap();
        let after = |millis| now + Duration::from_millis(millis);
        assert_eq!([post("C1"), post("C1"), post("C1")], [now, after(1000), after(2000)]);
        assert_eq!(post("C2"), now);
        assert_eq!(pace.reserve("chat.update", Some("C1"), now), Ok(now), "edits have a pace of their own");
        assert_eq!(pace.reserve("chat.startStream", Some("C1"), now), Ok(after(3000)));
        let read = |n| pace.reserve("users.info", None, after(n)).unwrap();
        assert_eq!([read(0), read(0)], [now, now]);
        let late = now + Duration::from_secs(60);
        assert_eq!(pace.reserve("chat.postMessage", Some("C1"), late), Ok(late), "nothing is saved up");
        let next = late + Duration::from_secs(1);
        assert_eq!(pace.reserve("chat.postMessage", Some("C1"), late), Ok(next));
    }

    #[test]
    fn a_pause_holds_for_its_method_and_channel_and_ends() {
        let (pace, now) = (Pace::default(), "2025-09-17T09:00:00Z".parse::<Timestamp>().unwrap());
        pace.pause("chat.postMessage", Some("C1"), now, Duration::from_secs(30));
        let later = now + Duration::from_secs(10);
        assert_eq!(pace.reserve("chat.postMessage", Some("C1"), later), Err(Duration::from_secs(20)));
        assert!(pace.reserve("chat.postMessage", Some("C2"), later).is_ok());
        assert!(pace.reserve("chat.update", Some("C1"), later).is_ok());
        let end = now + Duration::from_secs(30);
        assert_eq!(pace.reserve("chat.postMessage", Some("C1"), end), Ok(end));
    }
}
