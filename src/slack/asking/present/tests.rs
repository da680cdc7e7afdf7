use super::*;
use crate::chat::TurnEventKind;
use crate::llm::Outcome as Answered;
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::VecDeque;

const START: &str = "2025-09-17T09:00:00Z";

fn text(text: &str) -> TurnEventKind {
    TurnEventKind::Text { text: text.to_owned(), restart: false }
}

fn anew(text: &str) -> TurnEventKind {
    TurnEventKind::Text { text: text.to_owned(), restart: true }
}

fn completed(answer: &str) -> TurnEventKind {
    TurnEventKind::Completed {
        answer: answer.to_owned(),
        outcome: Answered::Answered,
        model: "fake".to_owned(),
        route: "model".to_owned(),
        tokens_in: 1,
        tokens_out: 1,
        cost: Decimal::ZERO,
        ttft_ms: None,
        total_ms: 1,
        prompt_version: String::new(),
    }
}

fn failed(message: &str) -> TurnEventKind {
    TurnEventKind::Failed { code: "x".to_owned(), message: message.to_owned(), retryable: true }
}

fn cancelled() -> TurnEventKind {
    let message = "Stopped at your request.".to_owned();
    TurnEventKind::Cancelled { code: "turn.cancelled".to_owned(), message, retryable: true }
}

/// A message of the thread.
#[derive(Clone, Debug, Default)]
struct Said {
    ts: String,
    text: String,
    streaming: bool,
    feet: usize,
    stop: bool,
}

/// How the next call goes.
#[derive(Clone, Copy, Debug)]
enum Luck {
    Good,
    /// Done, but the answer is lost.
    Unheard,
    /// Not done, and no answer.
    Nothing,
    Limited,
    /// Slack had ended every stream before.
    Ended,
}

/// A Slack thread and a presenter that talks into it.
struct Thread {
    show: Presenter,
    heard: Vec<TurnEventKind>,
    now: Timestamp,
    said: Vec<Said>,
    status: String,
    calls: Vec<String>,
    luck: VecDeque<Luck>,
    refuse: Vec<(&'static str, &'static str)>,
    next_ts: u32,
    /// What the database has.
    kept: Position,
    over: Option<bool>,
}

impl Thread {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self {
            show: Presenter::new(limits, Markdown::default()),
            heard: Vec::new(),
            now: START.parse().unwrap(),
            said: Vec::new(),
            status: String::new(),
            calls: Vec::new(),
            luck: VecDeque::new(),
            refuse: Vec::new(),
            next_ts: 0,
            kept: Position::default(),
            over: None,
        }
    }

    fn hear(&mut self, kind: TurnEventKind) -> &mut Self {
        let status = matches!(kind, TurnEventKind::Status { .. }).then_some("Reading spend…");
        self.show.hear(&kind, status);
        self.heard.push(kind);
        self
    }

    fn status(&mut self) -> &mut Self {
        self.hear(TurnEventKind::Status { line: String::new() })
    }

    /// Makes every call that is due now.
    fn run(&mut self) -> &mut Self {
        for _ in 0..10_000 {
            match self.show.next(self.now) {
                Next::Call(call) => {
                    // What is kept before a message is made.
                    self.kept = self.show.position();
                    let outcome = self.perform(&call);
                    self.show.done(outcome, self.now);
                    self.kept = self.show.position();
                }
                Next::Wait(_) => return self,
                Next::Over(said) => {
                    self.over = Some(said);
                    return self;
                }
            }
        }
        panic!("no end: {:?}", self.calls.iter().rev().take(8).collect::<Vec<_>>());
    }

    /// Lets time pass until all is said.
    fn finish(&mut self) -> &mut Self {
        for _ in 0..1_000 {
            self.run();
            if self.over.is_some() {
                return self;
            }
            match self.show.next(self.now) {
                Next::Wait(Some(due)) => self.now = due,
                other @ (Next::Call(_) | Next::Wait(None) | Next::Over(_)) => {
                    panic!("waits for nothing: {other:?}")
                }
            }
        }
        panic!("no end");
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self.run()
    }

    /// The process dies; another one takes over from what was kept.
    fn restart(&mut self, limits: Limits) {
        let mut show = Presenter::new(limits, Markdown::default());
        for kind in &self.heard {
            show.hear(kind, None);
        }
        show.resume(self.kept.clone(), self.now);
        self.show = show;
        self.run();
    }

    fn perform(&mut self, call: &Call) -> Outcome {
        let (name, line) = described(call);
        self.calls.push(line);
        if let Some((_, code)) = self.refuse.iter().find(|(method, _)| *method == name) {
            return Outcome::Refused { code: (*code).to_owned() };
        }
        match self.luck.pop_front().unwrap_or(Luck::Good) {
            Luck::Good => self.apply(call),
            Luck::Unheard => {
                self.apply(call);
                Outcome::Lost
            }
            Luck::Nothing => Outcome::Lost,
            Luck::Limited => Outcome::Wait(SignedDuration::from_secs(3)),
            Luck::Ended => {
                self.said.iter_mut().for_each(|said| said.streaming = false);
                self.apply(call)
            }
        }
    }

    fn apply(&mut self, call: &Call) -> Outcome {
        let refused = |code: &str| Outcome::Refused { code: code.to_owned() };
        let (found, known) = match call {
            Call::Append { ts, .. } | Call::Stop { ts, .. } | Call::Edit { ts, .. } | Call::Delete { ts } => {
                (self.said.iter_mut().find(|said| said.ts == *ts), true)
            }
            Call::Status { .. } | Call::Start { .. } | Call::Post { .. } | Call::Look { .. } => (None, false),
        };
        if known && found.is_none() {
            return refused("message_not_found");
        }
        match (call, found) {
            (Call::Status { line }, _) => self.status.clone_from(line),
            (Call::Start { text }, _) => return self.say(text, true, Foot::Nothing),
            (Call::Post { text, foot }, _) => return self.say(text, false, *foot),
            (Call::Append { .. } | Call::Stop { .. }, Some(said)) if !said.streaming => {
                return refused("message_not_in_streaming_state");
            }
            (Call::Append { text, .. }, Some(said)) => said.text.push_str(text.as_str()),
            (Call::Stop { foot, .. }, Some(said)) => {
                said.streaming = false;
                said.feet += usize::from(*foot == Foot::Tail);
            }
            (Call::Edit { .. }, Some(said)) if said.streaming => return refused("streaming_state_conflict"),
            (Call::Edit { text, foot, .. }, Some(said)) => {
                text.as_str().clone_into(&mut said.text);
                (said.feet, said.stop) = (usize::from(*foot == Foot::Tail), *foot == Foot::Stop);
            }
            (Call::Delete { ts }, _) => self.said.retain(|said| said.ts != *ts),
            (Call::Look { known, .. }, _) => {
                let found = self.said.iter().find(|said| !known.contains(&said.ts));
                return Outcome::Done { ts: found.map(|said| said.ts.clone()) };
            }
            (Call::Append { .. } | Call::Stop { .. } | Call::Edit { .. }, None) => {}
        }
        Outcome::Done { ts: None }
    }

    fn say(&mut self, text: &Markdown, streaming: bool, foot: Foot) -> Outcome {
        self.next_ts += 1;
        let ts = format!("{}", self.next_ts);
        self.status.clear();
        let (feet, stop) = (usize::from(foot == Foot::Tail), foot == Foot::Stop);
        self.said.push(Said { ts: ts.clone(), text: text.as_str().to_owned(), streaming, feet, stop });
        Outcome::Done { ts: Some(ts) }
    }

    fn whole(&self) -> String {
        self.said.iter().map(|said| said.text.as_str()).collect::<String>().trim_end().to_owned()
    }

    fn feet(&self) -> usize {
        self.said.iter().map(|said| said.feet).sum()
    }
}

fn described(call: &Call) -> (&'static str, String) {
    let short = |text: &Markdown| {
        let shown = text.as_str().replace('\n', "/");
        if text.len() > 24 { format!("{} chars", text.len()) } else { shown }
    };
    match call {
        Call::Status { line } => ("status", format!("status {line}")),
        Call::Start { text } => ("start", format!("start {}", short(text))),
        Call::Append { ts, text } => ("append", format!("append {ts} {}", short(text))),
        Call::Stop { ts, foot } => ("stop", format!("stop {ts} {foot:?}")),
        Call::Post { text, foot } => ("post", format!("post {} {foot:?}", short(text))),
        Call::Edit { ts, text, foot } => ("edit", format!("edit {ts} {} {foot:?}", short(text))),
        Call::Delete { ts } => ("delete", format!("delete {ts}")),
        Call::Look { .. } => ("look", "look".to_owned()),
    }
}

mod chaos;
mod story;
