//! The call that is needed now: mend what is broken, say what is new, end what is over, tell what is going on.
use super::parts::{Part, cut};
use super::{Call, Ending, Foot, Presenter};
use jiff::Timestamp;

/// What a message of a withdrawn wording says when it cannot be deleted.
const WITHDRAWN: &str = "_This was withdrawn; the corrected answer stands beside it._";

impl Presenter {
    /// What a lost call, a dead process or a withdrawn wording left behind.
    pub(super) fn mend(&mut self) -> Option<Call> {
        if self.unsure {
            let known = self.parts.iter().chain(&self.withdrawn).map(|part| part.ts.clone()).collect();
            return Some(Call::Look { known });
        }
        if let Some(part) = self.withdrawn.iter().find(|part| part.streaming) {
            return Some(Call::Stop { ts: part.ts.clone(), foot: Foot::Nothing });
        }
        // The first message of the old wording takes the new one; the others go.
        let keep = usize::from(!self.text.is_empty() || self.ending.is_none());
        if let Some(part) = self.withdrawn.get(keep..).and_then(<[Part]>::last) {
            let ts = part.ts.clone();
            let stays = part.torn;
            return Some(if stays {
                Call::Edit { ts, text: WITHDRAWN.to_owned(), foot: Foot::Nothing }
            } else {
                Call::Delete { ts }
            });
        }
        if self.parts.is_empty() && !self.text.is_empty() && !self.withdrawn.is_empty() {
            let first = self.withdrawn.remove(0);
            self.parts.push(Part { from: 0, to: 0, open: true, torn: true, ..first });
        }
        for part in &mut self.parts {
            if !part.torn {
                continue;
            }
            if part.streaming {
                return Some(Call::Stop { ts: part.ts.clone(), foot: Foot::Nothing });
            }
            let end = cut(&self.text, part.from, self.limits.part);
            let text = self.text.get(part.from..end).unwrap_or_default().to_owned();
            if text.is_empty() {
                part.torn = false;
                continue;
            }
            let ts = part.ts.clone();
            return Some(Call::Edit { ts, text, foot: self.foot(end) });
        }
        None
    }

    /// The next piece of text.
    pub(super) fn speak(&mut self, now: Timestamp) -> Option<Call> {
        match self.parts.last().filter(|part| part.open).cloned() {
            Some(part) if part.streaming => return self.append(&part, now),
            Some(part) => {
                let end = cut(&self.text, part.from, self.limits.part);
                let ended = self.ending.is_some();
                if end > part.to {
                    let due = ended || self.passed(part.touched, self.limits.edit_every, now);
                    return due.then(|| self.edit(&part, end, self.foot(end)));
                }
                if part.to == self.text.len() {
                    return None;
                }
                // Full: the button that stops the answer goes on to the next message.
                return Some(self.edit(&part, part.to, Foot::Nothing));
            }
            None => {}
        }
        let from = self.shown_to();
        let end = cut(&self.text, from, self.limits.part);
        let text = self.text.get(from..end).filter(|text| !text.is_empty())?.to_owned();
        let foot = self.foot(end);
        Some(if self.may_stream { Call::Start { text } } else { Call::Post { text, foot } })
    }

    fn edit(&self, part: &Part, end: usize, foot: Foot) -> Call {
        let text = self.text.get(part.from..end).unwrap_or_default().to_owned();
        Call::Edit { ts: part.ts.clone(), text, foot }
    }

    fn append(&mut self, part: &Part, now: Timestamp) -> Option<Call> {
        let stop = || Some(Call::Stop { ts: part.ts.clone(), foot: Foot::Nothing });
        let ended = self.ending.is_some();
        if !ended && self.passed(part.since, self.limits.rotate, now) {
            return stop();
        }
        let new = self.text.get(part.to..).filter(|new| !new.is_empty())?;
        let enough = new.chars().count() >= self.limits.buffer;
        let held = self.text.get(part.from..part.to).map_or(0, |text| text.chars().count());
        let end = cut(&self.text, part.to, self.limits.part.saturating_sub(held));
        if end == part.to {
            return stop();
        }
        let due = ended || enough || self.passed(part.touched, self.limits.flush, now);
        let text = self.text.get(part.to..end).unwrap_or_default().to_owned();
        due.then(|| Call::Append { ts: part.ts.clone(), text })
    }

    /// What stands below a message whose text ends here.
    fn foot(&self, end: usize) -> Foot {
        match self.ending {
            None => Foot::Stop,
            Some(ending) if end == self.text.len() && !self.plain => ending.foot(),
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
            let text = self.text.get(part.from..part.to).unwrap_or_default().to_owned();
            return Some(Call::Edit { ts, text, foot });
        }
        if wanted == Foot::Nothing {
            self.foot_done = true;
            return None;
        }
        Some(Call::Post { text: String::new(), foot: wanted })
    }

    /// The status line; where there is none, a message that says the same until the text comes.
    pub(super) fn tell(&mut self, now: Timestamp) -> Option<Call> {
        let ended = self.ending.is_some();
        if self.status.refused {
            let silent = self.text.is_empty() && self.parts.is_empty() && self.withdrawn.is_empty();
            return (silent && !ended && !self.status.wanted.is_empty())
                .then(|| Call::Post { text: format!("_{}_", self.status.wanted), foot: Foot::Stop });
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
