//! What the presenter hears: the events of the turn, the names that its data holds, a restart.
use super::parts::{Part, PartAt, Position};
use super::{Opening, Presenter};
use crate::chat::TurnEventKind;
use jiff::Timestamp;

/// How the turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Answered,
    Failed { retryable: bool },
    Stopped,
}

/// Slack cuts longer status lines.
const STATUS: usize = 100;

impl Presenter {
    /// Takes the next event. `status`: what the event means as a status line, for events that mean one.
    pub fn hear(&mut self, kind: &TurnEventKind, status: Option<&str>) {
        if let Some(line) = status {
            self.status.wanted = crate::text::clean(line, STATUS);
        }
        match kind {
            TurnEventKind::Text { text, restart } => {
                if *restart {
                    self.withdraw();
                }
                self.say(text);
            }
            TurnEventKind::Completed { answer, .. } => {
                if self.stopped {
                    return self.end(Ending::Stopped, "");
                }
                if self.raw.trim() != answer.trim() {
                    self.withdraw();
                    self.say(answer);
                }
                self.end(Ending::Answered, "");
            }
            TurnEventKind::Failed { message, retryable, .. } => {
                self.end(Ending::Failed { retryable: *retryable }, &format!("⚠️ {message}"));
            }
            TurnEventKind::Cancelled { message, .. } => {
                // What was not shown yet is not wanted any more.
                self.prose.forget();
                let shown = self.parts.last().map_or(0, |part| part.to);
                self.text.truncate(shown);
                self.end(Ending::Stopped, &format!("_{message}_"));
            }
            TurnEventKind::Started { .. }
            | TurnEventKind::Status { .. }
            | TurnEventKind::ToolStarted { .. }
            | TurnEventKind::ToolCompleted { .. }
            | TurnEventKind::ToolFailed { .. }
            | TurnEventKind::Chart { .. }
            | TurnEventKind::DraftCreated { .. }
            | TurnEventKind::Receipts { .. }
            | TurnEventKind::Suggestions { .. } => {}
        }
    }

    /// Names from the data, which must not format the text they stand in.
    pub fn know<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.prose.know(names);
    }

    fn say(&mut self, text: &str) {
        self.raw.push_str(text);
        if !self.stopped {
            let safe = self.prose.push(text);
            self.text.push_str(&safe);
        }
    }

    /// Takes back all text; the messages that hold it are written anew.
    fn withdraw(&mut self) {
        self.wording += 1;
        self.parts.iter_mut().for_each(|part| part.torn = false);
        self.withdrawn.append(&mut self.parts);
        self.text.clear();
        self.raw.clear();
        self.prose.forget();
    }

    fn end(&mut self, ending: Ending, last_words: &str) {
        let rest = self.prose.finish();
        self.text.push_str(&rest);
        if !last_words.is_empty() {
            // A message of its own needs no gap.
            let apart =
                self.shown_to() == self.text.len() && !self.parts.last().is_some_and(|part| part.open);
            if !apart {
                self.text.push_str("\n\n");
            }
            self.text.push_str(&super::super::prose::safe(last_words));
        }
        self.ending = Some(ending);
    }

    /// What has to be kept so that another process can go on.
    pub fn position(&self) -> Position {
        let last = self.parts.len().saturating_sub(1);
        let kept = |n: usize, part: &Part| PartAt {
            ts: part.ts.clone(),
            from: part.from,
            to: (n < last || !part.open).then_some(part.to).filter(|_| !part.torn),
            streaming: part.streaming,
        };
        Position {
            wording: self.wording,
            parts: self.parts.iter().enumerate().map(|(n, part)| kept(n, part)).collect(),
            withdrawn: self.withdrawn.iter().map(|part| kept(usize::MAX, part)).collect(),
            opening: self.opening.map(|opening| (opening.from, opening.wording)),
            footed: self.foot_done,
        }
    }

    /// Goes on where another process stopped. Every event that is stored has been heard.
    pub fn resume(&mut self, position: Position, now: Timestamp) {
        let length = self.text.len();
        let floor = |at: usize| self.text.floor_char_boundary(at.min(length));
        let again = |part: PartAt| Part {
            from: floor(part.from),
            to: floor(part.to.unwrap_or(part.from)),
            streaming: part.streaming,
            open: part.to.is_none(),
            torn: part.to.is_none(),
            ts: part.ts,
            since: now,
            touched: now,
        };
        // Text that was shown a moment before it would have been stored is not there any more: all is written anew.
        let same = position.wording == self.wording
            && position.parts.iter().all(|part| part.to.unwrap_or(part.from) <= length);
        let parts: Vec<Part> = position.parts.into_iter().map(again).collect();
        self.withdrawn = position.withdrawn.into_iter().map(again).collect();
        if same {
            self.parts = parts;
        } else {
            self.withdrawn.extend(parts);
        }
        for part in &mut self.withdrawn {
            part.torn = false;
        }
        if let Some((from, wording)) = position.opening {
            // Writing anew changes nothing that is right.
            let wording = if same { wording } else { u32::MAX };
            self.opening = Some(Opening { from: floor(from), streamed: true, wording });
            self.unsure = true;
        }
        self.foot_done = position.footed && same;
        // The other process may have left a line standing.
        self.status.left = true;
    }
}
