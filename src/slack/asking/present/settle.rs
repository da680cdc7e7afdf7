//! What became of a call.
use super::parts::Part;
use super::{Call, Ending, Foot, Outcome, Presenter};
use crate::slack::blocks::Markdown;
use jiff::{SignedDuration, Timestamp};

/// The message is not being streamed: Slack ended it, or it never was.
const NOT_STREAMING: &[&str] =
    &["message_not_in_streaming_state", "message_not_streaming", "stream_not_found", "stream_expired"];
/// The person stopped the answer with Slack's own button.
const STOPPED: &[&str] =
    &["stopped_by_user", "message_stream_stopped", "stream_stopped_by_user", "agent_session_stopped"];
/// The message is being streamed, and can only be appended to.
const STREAMING: &[&str] = &["streaming_state_conflict", "message_is_streaming"];
/// Nothing can be said in this place, however it is put.
const HOPELESS: &[&str] = &[
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "restricted_action",
    "restricted_action_thread_locked",
    "thread_not_found",
    "cannot_reply_to_message",
    "user_not_found",
];
/// Slack is unwell and says so in words.
const UNWELL: &[&str] =
    &["internal_error", "fatal_error", "service_unavailable", "request_timeout", "service_timeout"];

/// Pauses after failures: half a second doubled each time, at most half a minute; given up after about an hour.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_millis(500);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
const MOST_FAILURES: u32 = 120;
/// While the token is of no use: the pause between two tries, and how long another one is waited for.
const NO_TOKEN: SignedDuration = SignedDuration::from_mins(5);
const LONGEST_ABSENCE: SignedDuration = SignedDuration::from_hours(24);
const MOST_STATUS_FAILURES: u32 = 5;
/// Characters of a message in plain text (`chat.update` takes 4,000).
const PLAIN_PART: usize = 3_500;
/// Messages are not made smaller than this.
const LEAST_PART: usize = 500;

impl Presenter {
    /// Tells what became of the call that [`Presenter::next`] gave.
    pub fn done(&mut self, outcome: Outcome, now: Timestamp) {
        let Some(call) = self.in_flight.take() else { return };
        let opens = matches!(call, Call::Start { .. } | Call::Post { .. });
        match outcome {
            Outcome::Done { ts: None } if opens => self.lost(call, now),
            Outcome::Done { ts } => {
                self.failures = 0;
                self.gone_since = None;
                self.wait_until = None;
                self.happened(call, ts, now);
            }
            Outcome::Refused { code } if UNWELL.contains(&code.as_str()) => self.lost(call, now),
            Outcome::Refused { code } => {
                if opens {
                    self.opening = None;
                }
                self.failures += 1;
                self.refused(call, &code);
            }
            Outcome::Wait(pause) => {
                let until = now.checked_add(pause).ok();
                match call {
                    // The text need not wait for its status.
                    Call::Status { .. } => self.status.not_before = until,
                    Call::Start { .. }
                    | Call::Append { .. }
                    | Call::Stop { .. }
                    | Call::Post { .. }
                    | Call::Edit { .. }
                    | Call::Delete { .. }
                    | Call::Look { .. } => self.wait_until = until,
                }
                if opens {
                    self.opening = None;
                }
            }
            Outcome::Lost => self.lost(call, now),
            Outcome::Gone => {
                if opens {
                    self.opening = None;
                }
                let since = *self.gone_since.get_or_insert(now);
                if now.duration_since(since) > LONGEST_ABSENCE {
                    self.over = Some(false);
                }
                self.wait_until = now.checked_add(NO_TOKEN).ok();
            }
        }
        if self.failures > MOST_FAILURES {
            self.over = Some(false);
        }
    }

    fn lost(&mut self, call: Call, now: Timestamp) {
        self.failures += 1;
        let doublings = self.failures.saturating_sub(1).min(6);
        let pause = (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE);
        let spread = pause.mul_f64(1.0 + 0.5 * self.limits.jitter.clamp(0.0, 1.0));
        let until = now.checked_add(spread).ok();
        if let Call::Status { .. } = call {
            self.status.not_before = until;
            // Slack itself takes it away after two minutes.
            self.status.refused |= self.failures > MOST_STATUS_FAILURES;
            return;
        }
        self.wait_until = until;
        match call {
            Call::Append { ts, .. } => self.with(&ts, |part| part.torn = true),
            Call::Start { .. } | Call::Post { .. } => self.unsure = true,
            // These do no harm when done twice.
            Call::Status { .. }
            | Call::Stop { .. }
            | Call::Edit { .. }
            | Call::Delete { .. }
            | Call::Look { .. } => {}
        }
    }

    fn with(&mut self, ts: &str, change: impl FnOnce(&mut Part)) {
        if let Some(part) = self.parts.iter_mut().chain(&mut self.withdrawn).find(|part| part.ts == ts) {
            change(part);
        }
    }

    /// How many bytes of our text a call carried, from `from` on; a line of its own is none.
    fn carried(&self, from: usize, text: &Markdown) -> usize {
        let (all, text) = (self.text.as_str(), text.as_str());
        if all.get(from..).is_some_and(|rest| rest.starts_with(text)) { text.len() } else { 0 }
    }

    fn happened(&mut self, call: Call, ts: Option<String>, now: Timestamp) {
        match call {
            Call::Status { line } => {
                self.status.at = Some(now);
                self.status.left = !line.is_empty();
                self.status.shown = line;
            }
            Call::Start { text } => self.opened(ts, &text, true, now),
            Call::Post { text, foot } => {
                self.opened(ts, &text, false, now);
                self.footed(foot);
            }
            Call::Append { ts, text } => self.with(&ts, |part| {
                part.to += text.as_str().len();
                part.touched = now;
            }),
            Call::Stop { ts, foot } => {
                self.with(&ts, |part| {
                    part.streaming = false;
                    part.open = part.torn;
                });
                self.footed(foot);
            }
            Call::Edit { ts, text, foot } => {
                let mut gone = None;
                let carried =
                    self.parts.iter().find(|part| part.ts == ts).map(|part| self.carried(part.from, &text));
                match carried {
                    Some(bytes) => self.with(&ts, |part| {
                        part.to = part.from + bytes;
                        part.torn = false;
                        part.touched = now;
                        // Only a message that is not written any more is without a foot.
                        part.open &= foot == Foot::Stop;
                    }),
                    None => gone = Some(ts),
                }
                self.withdrawn.retain(|part| Some(&part.ts) != gone.as_ref());
                self.footed(foot);
            }
            Call::Delete { ts } => self.withdrawn.retain(|part| part.ts != ts),
            Call::Look { .. } => {
                let opening = self.opening.take();
                self.unsure = false;
                if let (Some(opening), Some(ts)) = (opening, ts) {
                    let (from, to) = (opening.from, opening.from);
                    let streaming = opening.streamed;
                    let part =
                        Part { ts, from, to, streaming, open: true, torn: true, since: now, touched: now };
                    if opening.wording == self.wording {
                        self.parts.push(part);
                    } else {
                        self.withdrawn.push(Part { torn: false, ..part });
                    }
                }
            }
        }
    }

    fn opened(&mut self, ts: Option<String>, text: &Markdown, streaming: bool, now: Timestamp) {
        let opening = self.opening.take();
        let (Some(opening), Some(ts)) = (opening, ts) else { return };
        let from = opening.from;
        let to = from + self.carried(from, text);
        // Slack clears the status when a message comes.
        self.status.shown.clear();
        self.parts.push(Part { ts, from, to, streaming, open: true, torn: false, since: now, touched: now });
    }

    fn footed(&mut self, foot: Foot) {
        if foot == Foot::Tail {
            self.foot_done = true;
            if let Some(part) = self.parts.last_mut() {
                part.open = false;
            }
        }
    }

    fn refused(&mut self, call: Call, code: &str) {
        let is = |codes: &[&str]| codes.contains(&code);
        tracing::info!(code, "Slack refused a part of an answer");
        match call {
            Call::Status { .. } => self.status.refused = true,
            Call::Start { .. } | Call::Post { .. } if is(HOPELESS) => self.over = Some(false),
            Call::Start { .. } => self.may_stream = false,
            Call::Post { .. } if self.plain => self.over = Some(false),
            Call::Post { .. } => self.speak_plainly(),
            Call::Append { ts, .. } if is(STOPPED) => {
                self.stopped = true;
                // That it was stopped, or failed, is said in a message of its own.
                if self.ending.is_none_or(|ending| ending == Ending::Answered) {
                    self.drop_unshown();
                }
                self.with(&ts, |part| (part.streaming, part.open) = (false, false));
            }
            Call::Append { .. } if code == "msg_too_long" => {
                self.limits.part = (self.limits.part / 2).max(LEAST_PART);
            }
            // Slack ended the stream: the message is written anew and goes on as an edited one.
            Call::Append { ts, .. } => self.with(&ts, |part| (part.streaming, part.torn) = (false, true)),
            Call::Stop { ts, .. } if is(NOT_STREAMING) || is(STOPPED) => {
                self.with(&ts, |part| (part.streaming, part.torn) = (false, true));
                self.withdrawn.iter_mut().for_each(|part| part.torn = false);
            }
            Call::Stop { foot: Foot::Tail, .. } if !self.plain => self.speak_plainly(),
            Call::Stop { ts, .. } => {
                self.with(&ts, |part| (part.streaming, part.open, part.torn) = (false, false, false))
            }
            Call::Edit { ts, .. } if is(STREAMING) => {
                self.with(&ts, |part| (part.streaming, part.torn) = (true, true));
            }
            Call::Edit { .. } if !self.plain && (code.starts_with("invalid_") || code == "msg_too_long") => {
                self.speak_plainly();
            }
            Call::Edit { ts, .. } => {
                self.withdrawn.retain(|part| part.ts != ts);
                self.with(&ts, |part| (part.open, part.torn) = (false, false));
            }
            Call::Delete { ts } if code == "message_not_found" => self.withdrawn.retain(|part| part.ts != ts),
            Call::Delete { ts } => self.with(&ts, |part| part.torn = true),
            Call::Look { .. } => {
                self.unsure = false;
                self.opening = None;
            }
        }
    }

    /// Blocks were refused: from now on messages are text, and shorter.
    fn speak_plainly(&mut self) {
        self.plain = true;
        self.limits.part = self.limits.part.min(PLAIN_PART);
    }
}
