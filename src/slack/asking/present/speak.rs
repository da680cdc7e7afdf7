//! The call that is needed now: mend what is broken, say what is new, end what is over, tell what is going on.
use super::parts::{Part, cut};
use super::{Call, Ending, Foot, Presenter};
use crate::slack::blocks::Markdown;
use jiff::Timestamp;

/// What a message of a withdrawn wording says when it cannot be deleted.
const WITHDRAWN: &str = "_This was withdrawn; the corrected answer stands beside it._";
/// Characters by which a message is known again.
const KNOWN_BY: usize = 200;

impl Presenter {
    /// What a lost call, a dead process or a withdrawn wording left behind.
    pub(super) fn mend(&mut self) -> Option<Call> {
        if self.unsure {
            let known = self.parts.iter().chain(&self.withdrawn).map(|part| part.ts.clone()).collect();
            let from = self.opening.map_or(0, |opening| opening.from);
            let text = self.text.part(from, cut(self.text.as_str(), from, KNOWN_BY));
            return Some(Call::Look { known, text });
        }
        if let Some(part) = self.withdrawn.iter().find(|part| part.streaming) {
            return Some(Call::Stop { ts: part.ts.clone(), foot: Foot::Nothing });
        }
        // The first message of the old wording takes the new one; the others go.
        let keep = usize::from(!self.is_silent() || self.ending.is_none());
        if let Some(part) = self.withdrawn.get(keep..).and_then(<[Part]>::last) {
            let ts = part.ts.clone();
            let stays = part.torn;
            return Some(if stays {
                Call::Edit { ts, text: Markdown::ours(WITHDRAWN), foot: Foot::Nothing }
            } else {
                Call::Delete { ts }
            });
        }
        if self.parts.is_empty() && !self.is_silent() && !self.withdrawn.is_empty() {
            let first = self.withdrawn.remove(0);
            self.parts.push(Part { from: 0, to: 0, open: true, torn: true, ..first });
        }
        while let Some(at) = self.parts.iter().position(|part| part.torn) {
            let part = self.parts[at].clone();
            if part.streaming {
                return Some(Call::Stop { ts: part.ts, foot: Foot::Nothing });
            }
            let end = cut(self.text.as_str(), part.from, self.limits.part);
            if !self.text.part(part.from, end).is_empty() {
                return Some(self.edit(&part, end, self.foot(end)));
            }
            // It holds nothing that could be written anew.
            self.parts[at].torn = false;
        }
        None
    }

    /// The next piece of text.
    pub(super) fn speak(&mut self, now: Timestamp) -> Option<Call> {
        match self.parts.last().filter(|part| part.open).cloned() {
            Some(part) if part.streaming => return self.append(&part, now),
            Some(part) => {
                let end = cut(self.text.as_str(), part.from, self.limits.part);
                let ended = self.ending.is_some();
                if end > part.to {
                    let due = ended || self.passed(part.touched, self.limits.edit_every, now);
                    return due.then(|| self.edit(&part, end, self.foot(end)));
                }
                if part.to >= self.length() {
                    return None;
                }
                // Full: the button that stops the answer goes on to the next message.
                return Some(self.edit(&part, part.to, Foot::Nothing));
            }
            None => {}
        }
        let from = self.next_from();
        let end = cut(self.text.as_str(), from, self.limits.part);
        let text = Some(self.text.part(from, end)).filter(|text| !text.is_empty() && !self.is_silent())?;
        let foot = self.foot(end);
        Some(if self.may_stream { Call::Start { text } } else { Call::Post { text, foot } })
    }

    fn edit(&self, part: &Part, end: usize, foot: Foot) -> Call {
        Call::Edit { ts: part.ts.clone(), text: self.text.part(part.from, end), foot }
    }

    fn append(&mut self, part: &Part, now: Timestamp) -> Option<Call> {
        let stop = || Some(Call::Stop { ts: part.ts.clone(), foot: Foot::Nothing });
        let ended = self.ending.is_some();
        if !ended && self.passed(part.since, self.limits.rotate, now) {
            return stop();
        }
        let new = Some(self.text.part(part.to, self.length())).filter(|new| !new.is_empty())?;
        let enough = new.len() >= self.limits.buffer;
        let held = self.text.part(part.from, part.to).len();
        let end = cut(self.text.as_str(), part.to, self.limits.part.saturating_sub(held));
        let text = self.text.part(part.to, end);
        if text.is_empty() {
            // Full, or nothing but space has room.
            return stop();
        }
        let due = ended || enough || self.passed(part.touched, self.limits.flush, now);
        due.then(|| Call::Append { ts: part.ts.clone(), text })
    }

    /// What stands below a message whose text ends here.
    fn foot(&self, end: usize) -> Foot {
        match self.ending {
            None => Foot::Stop,
            Some(ending) if end == self.length() && !self.plain => ending.foot(),
            Some(_) => Foot::Nothing,
        }
    }

    /// The end of the last message, once all text is shown.
    pub(super) fn conclude(&mut self) -> Option<Call> {
        let ending = self.ending?;
        if self.foot_done {
            return None;
        }
        let wanted = ending.foot();
        if let Some(part) = self.parts.last().filter(|part| part.open) {
            let ts = part.ts.clone();
            // Without blocks the foot is a message of its own.
            let foot = if self.plain { Foot::Nothing } else { wanted };
            if part.streaming {
                return Some(Call::Stop { ts, foot });
            }
            return Some(Call::Edit { ts, text: self.text.part(part.from, part.to), foot });
        }
        if wanted == Foot::Nothing {
            self.foot_done = true;
            return None;
        }
        Some(Call::Post { text: Markdown::default(), foot: wanted })
    }

    /// The status line; where there is none, a message that says the same until the text comes.
    pub(super) fn tell(&mut self, now: Timestamp) -> Option<Call> {
        let ended = self.ending.is_some();
        if self.status.refused {
            let silent = self.is_silent() && self.parts.is_empty() && self.withdrawn.is_empty();
            let text = Markdown::data(&self.status.wanted);
            return (silent && !ended && !text.is_empty()).then_some(Call::Post { text, foot: Foot::Stop });
        }
        if let Some(until) = self.status.not_before.filter(|until| now < *until) {
            self.due = Some(self.due.map_or(until, |due| due.min(until)));
            return None;
        }
        if ended {
            return self.status.left.then(|| Call::Status { line: String::new() });
        }
        // Text that comes says enough.
        if self.status.wanted.is_empty() || self.parts.last().is_some_and(|part| part.open) {
            return None;
        }
        let same = self.status.wanted == self.status.shown;
        let least = if same { self.limits.status_age } else { self.limits.edit_every };
        let due = self.status.at.is_none_or(|at| self.passed(at, least, now));
        due.then(|| Call::Status { line: self.status.wanted.clone() })
    }
}

impl Ending {
    fn foot(self) -> Foot {
        match self {
            Ending::Answered | Ending::Failed { retryable: true } => Foot::Tail,
            Ending::Failed { retryable: false } | Ending::Stopped => Foot::Nothing,
        }
    }
}
