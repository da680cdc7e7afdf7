//! What a turn looks like in a Slack thread, as a machine without I/O: turn events go in, the calls to make come out
//! one at a time, and the outcome of each is told before the next one is asked for.
//!
//! The answer is shown in *parts*: messages of the thread that hold a stretch of the text each. A part is streamed
//! (`chat.startStream` …) or, where streaming is refused, edited (`chat.update`). Whatever is uncertain, because a call
//! was lost or the process died, is mended by writing the part anew: an edit can be repeated, an append cannot.
mod heard;
mod parts;
mod settle;
mod speak;

pub use heard::Ending;
pub use parts::{Part, PartAt, Position};

use crate::slack::blocks::{Markdown, Names, Prose};
use jiff::{SignedDuration, Timestamp};

/// Bounds of showing; the defaults are those of Slack and of `slack.md`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Characters gathered before they are appended to a stream.
    pub buffer: usize,
    /// The longest that text waits for more before it is appended.
    pub flush: SignedDuration,
    /// The least time between two edits of a message.
    pub edit_every: SignedDuration,
    /// Slack ends a stream after about five minutes; a new one is begun before.
    pub rotate: SignedDuration,
    /// Slack drops a status after two minutes.
    pub status_age: SignedDuration,
    /// Characters of one message; Slack takes 12,000 of Markdown in all.
    pub part: usize,
    /// 0..1, spreads the pauses after failures of several answers.
    pub jitter: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            buffer: 256,
            flush: SignedDuration::from_millis(750),
            edit_every: SignedDuration::from_secs(1),
            rotate: SignedDuration::from_mins(4),
            status_age: SignedDuration::from_secs(90),
            part: 11_000,
            jitter: 0.0,
        }
    }
}

/// What stands below the text of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foot {
    Nothing,
    /// A button that stops the turn, while a message is edited.
    Stop,
    /// Charts, sources, follow-up questions, feedback.
    Tail,
}

/// A call to Slack that the answer needs now. The channel and the thread are the driver's to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `assistant.threads.setStatus`; an empty line clears it.
    Status { line: String },
    /// `chat.startStream`.
    Start { text: Markdown },
    /// `chat.appendStream`.
    Append { ts: String, text: Markdown },
    /// `chat.stopStream`.
    Stop { ts: String, foot: Foot },
    /// `chat.postMessage`.
    Post { text: Markdown, foot: Foot },
    /// `chat.update`.
    Edit { ts: String, text: Markdown, foot: Foot },
    /// `chat.delete`.
    Delete { ts: String },
    /// Finds our message in the thread that is not among these: the one whose posting was not confirmed, and which begins
    /// with this text.
    Look { known: Vec<String>, text: Markdown },
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the message it made, or the one that [`Call::Look`] found.
    Done { ts: Option<String> },
    /// Slack said no, and nothing was done.
    Refused { code: String },
    /// Slack asks for a pause, and nothing was done.
    Wait(SignedDuration),
    /// No answer, or none that can be read: it may have been done or not.
    Lost,
    /// The token is of no use any more: nothing can be said until there is another one.
    Gone,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Call(Call),
    /// Nothing before the next event, or before this moment.
    Wait(Option<Timestamp>),
    /// All is said; `false`: it could not be said in this place.
    Over(bool),
}

/// A message of ours in the making, without a confirmation: where its text begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opening {
    from: usize,
    streamed: bool,
    /// Of the wording that was valid then.
    wording: u32,
}

/// The answer of one turn in one thread.
#[derive(Debug)]
pub struct Presenter {
    limits: Limits,
    /// Streaming was not refused.
    may_stream: bool,
    /// Blocks were not refused.
    plain: bool,
    /// Stands before every wording.
    lead: Markdown,
    /// The wording that is to be shown, safe to send, and the same as the model wrote it.
    text: Markdown,
    raw: String,
    names: Names,
    prose: Prose,
    /// How often the text was withdrawn.
    wording: u32,
    parts: Vec<Part>,
    /// Messages of a withdrawn wording. The first one is written anew, the others go.
    withdrawn: Vec<Part>,
    opening: Option<Opening>,
    /// The opening is not confirmed, and must be looked for.
    unsure: bool,
    status: Status,
    ending: Option<Ending>,
    foot_done: bool,
    stopped: bool,
    /// No call before, because the last one failed.
    wait_until: Option<Timestamp>,
    /// When the next call is due, if nothing happens.
    due: Option<Timestamp>,
    failures: u32,
    /// Since when the token is of no use.
    gone_since: Option<Timestamp>,
    over: Option<bool>,
    in_flight: Option<Call>,
}

#[derive(Debug, Default)]
struct Status {
    refused: bool,
    wanted: String,
    shown: String,
    /// A line was set that was not cleared by us (Slack clears it when a message comes).
    left: bool,
    at: Option<Timestamp>,
    /// Slack asked for a pause.
    not_before: Option<Timestamp>,
}

impl Status {
    /// A line may be standing that nobody would take away.
    fn stands(&self) -> bool {
        self.left && !self.refused
    }
}

impl Presenter {
    /// `lead` stands before the text, whatever becomes of it.
    pub fn new(limits: Limits, lead: Markdown) -> Self {
        Self {
            limits,
            may_stream: true,
            plain: false,
            text: lead.clone(),
            lead,
            raw: String::new(),
            names: Names::default(),
            prose: Prose::default(),
            wording: 0,
            parts: Vec::new(),
            withdrawn: Vec::new(),
            opening: None,
            unsure: false,
            status: Status::default(),
            ending: None,
            foot_done: false,
            stopped: false,
            wait_until: None,
            due: None,
            failures: 0,
            gone_since: None,
            over: None,
            in_flight: None,
        }
    }

    /// The call that is needed now. Its outcome is to be told with [`Presenter::done`] before the next question.
    pub fn next(&mut self, now: Timestamp) -> Next {
        if let Some(said) = self.over {
            return Next::Over(said);
        }
        if let Some(until) = self.wait_until.filter(|until| now < *until) {
            return Next::Wait(Some(until));
        }
        self.due = None;
        let call =
            self.mend().or_else(|| self.speak(now)).or_else(|| self.conclude()).or_else(|| self.tell(now));
        match call {
            Some(call) => {
                self.announce(&call);
                self.in_flight = Some(call.clone());
                Next::Call(call)
            }
            None if self.foot_done && !self.status.stands() => {
                self.over = Some(true);
                Next::Over(true)
            }
            None => Next::Wait(self.due),
        }
    }

    /// Whether so much time has passed since; if not, the machine is to be asked again then.
    fn passed(&mut self, since: Timestamp, least: SignedDuration, now: Timestamp) -> bool {
        let at = since.checked_add(least).unwrap_or(Timestamp::MAX);
        if now < at {
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
        now >= at
    }

    /// Remembers that a message is in the making, so that a restart knows to look for it.
    fn announce(&mut self, call: &Call) {
        if let Call::Start { .. } | Call::Post { .. } = call {
            let streamed = matches!(call, Call::Start { .. });
            self.opening = Some(Opening { from: self.next_from(), streamed, wording: self.wording });
        }
    }

    /// The text that stands in parts ends here.
    fn shown_to(&self) -> usize {
        self.parts.last().map_or(0, |part| part.to)
    }

    /// The text of the next part begins here: a message begins with a word.
    fn next_from(&self) -> usize {
        let rest = self.text.as_str().get(self.shown_to()..).unwrap_or_default();
        self.shown_to() + rest.len() - rest.trim_start().len()
    }

    /// Bytes of the text.
    fn length(&self) -> usize {
        self.text.as_str().len()
    }

    /// Nothing of the text but its lead is there yet.
    fn is_silent(&self) -> bool {
        self.length() == self.lead.as_str().len()
    }

    /// The person stopped the answer in Slack: the turn is to be cancelled.
    pub fn wants_cancel(&self) -> bool {
        self.stopped && self.ending.is_none()
    }

    /// Blocks were refused: messages go out as plain text.
    pub fn is_plain(&self) -> bool {
        self.plain
    }
}

#[cfg(test)]
mod tests;
