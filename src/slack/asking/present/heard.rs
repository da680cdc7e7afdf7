//! What the presenter hears: the events of the turn, the names that its data holds, a restart.
use super::parts::{Part, PartAt, Position};
use super::{Opening, Presenter};
use crate::chat::TurnEventKind;
use crate::slack::blocks::{Markdown, Prose};
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
                    return self.end(Ending::Stopped, None);
                }
                if self.raw.trim() != answer.trim() {
                    self.withdraw();
                    self.say(answer);
                }
                self.end(Ending::Answered, None);
            }
            TurnEventKind::Failed { message, retryable, .. } => {
                let mut words = Markdown::ours("⚠️ ");
                words.push(&Markdown::data(message));
                self.end(Ending::Failed { retryable: *retryable }, Some(words));
            }
            TurnEventKind::Cancelled { message, .. } => {
                self.drop_unshown();
                let mut words = Markdown::ours("⏹️ ");
                words.push(&Markdown::data(message));
                self.end(Ending::Stopped, Some(words));
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

    /// Texts of the data, which must not format the prose they stand in.
    pub fn know<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.names.add(name);
            self.prose.add_names([name]);
        }
    }

    fn say(&mut self, text: &str) {
        self.raw.push_str(text);
        if !self.stopped {
            let safe = self.prose.push(text);
            self.text.push(&safe);
        }
    }

    /// Takes back all text; the messages that hold it are written anew.
    fn withdraw(&mut self) {
        self.wording += 1;
        self.parts.iter_mut().for_each(|part| part.torn = false);
        self.withdrawn.append(&mut self.parts);
        self.text = self.lead.clone();
        self.raw.clear();
        self.prose = Prose::new(self.names.clone());
    }

    /// What was not shown yet is not wanted any more.
    pub(super) fn drop_unshown(&mut self) {
        self.prose = Prose::new(self.names.clone());
        self.text = self.text.part(0, self.shown_to());
    }

    fn end(&mut self, ending: Ending, last_words: Option<Markdown>) {
        let rest = self.prose.finish();
        self.text.push(&rest);
        if let Some(words) = last_words {
            // A message of its own needs no gap.
            let open = self.parts.last().is_some_and(|part| part.open);
            if open || self.shown_to() < self.length() {
                self.text.push(&Markdown::ours("\n\n"));
            }
            self.text.push(&words);
        }
        // Nobody misses white space that was not sent.
        let end = self.text.as_str().trim_end().len().max(self.shown_to());
        self.text = self.text.part(0, end);
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
        let length = self.length();
        let floor = |at: usize| self.text.as_str().floor_char_boundary(at.min(length));
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
