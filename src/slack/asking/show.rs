//! Shows an answer in its thread: turn events into the presenter, its calls to Slack, its position to the database.
use super::Slack;
use super::calls::{Scene, perform};
use super::foot::Gathered;
use super::present::{Call, Limits, Next, Position, Presenter};
use super::reader::Reader;
use super::session::{self, Session};
use super::state::RENEW;
use super::{finish, status};
use crate::access::Actor;
use crate::catalogue::{Cell, QueryResult};
use crate::chat::TurnEventKind;
use crate::db::people;
use crate::db::slack_answers::{self as answers, Answer, Lease};
use crate::money::Currency;
use crate::period::local_day;
use crate::slack::blocks::Markdown;
use anyhow::Context as _;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

struct Show<'a> {
    slack: &'a Slack,
    actor: Actor,
    answer: Answer,
    presenter: Presenter,
    gathered: Gathered,
    today: Date,
    /// What the database has.
    kept: Value,
    renew_at: Timestamp,
    cancelled: bool,
}

/// Shows it to the end, or as far as `stop` allows. An error leaves it to whoever takes it over.
pub async fn show(
    slack: &Slack,
    actor: Actor,
    answer: Answer,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut reader = Reader::new(slack, &actor, answer.turn_id).await?;
    let limits = Limits { jitter: rand::random(), ..Limits::default() };
    let (today, currency) = setting(slack, &actor).await?;
    let mut show = Show {
        slack,
        today,
        presenter: Presenter::new(limits, lead(&answer.lead)),
        gathered: Gathered::new(&actor, currency),
        kept: answer.position.clone(),
        renew_at: slack.inner.app.clock.now().checked_add(RENEW)?,
        cancelled: false,
        actor,
        answer,
    };
    if show.kept.as_object().is_some_and(|position| !position.is_empty()) {
        for kind in reader.stored().await? {
            show.hear(&kind);
        }
        let position: Position = serde_json::from_value(show.kept.clone()).unwrap_or_default();
        show.presenter.resume(position, show.now());
    }
    let (channel, thread) = (show.answer.channel.clone(), show.answer.thread_ts.clone());
    let busy = session::set(slack, &channel, &thread, Session::Processing).await;
    let said = show.drive(&mut reader, &stop).await?;
    // Whoever goes on with what is stopped here says it anew.
    if said.is_some() && busy {
        session::set(slack, &channel, &thread, Session::Active).await;
    }
    let Some(said) = said else { return Ok(()) };
    let foot = (&show.gathered, show.presenter.is_plain());
    finish::finish(slack, &show.actor, &show.answer, foot, said).await
}

/// A question as the line above its answer; nothing for none.
pub fn lead(question: &str) -> Markdown {
    let mut lead = Markdown::default();
    if !question.is_empty() {
        lead = Markdown::ours("> ");
        lead.push(&Markdown::data(question));
        lead.push(&Markdown::ours("\n\n"));
    }
    lead
}

/// Today where the organisation is, and its currency.
pub async fn setting(slack: &Slack, actor: &Actor) -> anyhow::Result<(Date, Option<Currency>)> {
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let org = people::org(&mut tx, actor.org).await?;
    tx.commit().await?;
    let zone = TimeZone::get(&org.time_zone).unwrap_or(TimeZone::UTC);
    Ok((local_day(slack.inner.app.clock.now(), &zone), org.currency.parse().ok()))
}

impl Show<'_> {
    fn now(&self) -> Timestamp {
        self.slack.inner.app.clock.now()
    }

    /// `None`: stopped before the end.
    async fn drive(&mut self, reader: &mut Reader, stop: &CancellationToken) -> anyhow::Result<Option<bool>> {
        loop {
            while let Some(kind) = reader.ready() {
                self.hear(&kind);
            }
            if self.presenter.wants_cancel() && !self.cancelled {
                self.slack.inner.chat.cancel(&self.actor, self.answer.turn_id).await?;
                self.cancelled = true;
            }
            let due = match self.presenter.next(self.now()) {
                Next::Over(said) => return Ok(Some(said)),
                Next::Call(call) => {
                    self.make(&call).await?;
                    if stop.is_cancelled() {
                        return Ok(None);
                    }
                    continue;
                }
                Next::Wait(due) => due.map_or(self.renew_at, |due| due.min(self.renew_at)),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                kind = reader.next() => self.hear(&kind?),
                () = self.slack.inner.app.clock.until(due) => self.keep().await?,
            }
        }
    }

    fn hear(&mut self, kind: &TurnEventKind) {
        // What the data is called must be known before the text that speaks of it is sent.
        self.presenter.know(quotable(kind));
        let catalogue = &self.slack.inner.app.catalogue;
        self.gathered.hear(kind, catalogue);
        let line = status::line(kind, catalogue, self.today);
        self.presenter.hear(kind, line.as_deref());
    }

    async fn make(&mut self, call: &Call) -> anyhow::Result<()> {
        // That a message is in the making is known before it is made.
        self.keep().await?;
        let scene = Scene {
            answer: &self.answer,
            gathered: &self.gathered,
            plain: self.presenter.is_plain(),
            since: self.answer.created_at,
        };
        let outcome = perform(self.slack, &scene, call).await;
        self.presenter.done(outcome, self.now());
        self.keep().await
    }

    /// Stores how far it has come, where that has changed, and keeps the lease. An error: it is somebody else's now.
    async fn keep(&mut self) -> anyhow::Result<()> {
        let now = self.now();
        let position = json!(self.presenter.position());
        if position == self.kept && now < self.renew_at {
            return Ok(());
        }
        let state = &self.slack.inner.asking;
        let lease = Lease { owner: state.owner(), until: state.lease(now) };
        let org = self.actor.org;
        let mut tx = self.slack.inner.app.db.org(org).await?;
        let ours = answers::keep(&mut tx, org, self.answer.turn_id, lease, &position, now).await?;
        tx.commit().await?;
        anyhow::ensure!(ours, "another process shows it");
        self.kept = position;
        self.renew_at = now.checked_add(RENEW).context("the end of time")?;
        Ok(())
    }
}

/// The texts that an event brings from the data, which the answer may quote. They are taken from the event itself: it is
/// heard before it is stored.
pub fn quotable(kind: &TurnEventKind) -> Vec<&str> {
    match kind {
        TurnEventKind::Chart { rows, .. } => {
            let rows = rows.as_array().into_iter().flatten();
            rows.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect()
        }
        TurnEventKind::DraftCreated { title, diff, .. } => {
            std::iter::once(title).chain(diff).map(String::as_str).collect()
        }
        TurnEventKind::Started { .. }
        | TurnEventKind::Status { .. }
        | TurnEventKind::Text { .. }
        | TurnEventKind::ToolStarted { .. }
        | TurnEventKind::ToolCompleted { .. }
        | TurnEventKind::ToolFailed { .. }
        | TurnEventKind::Receipts { .. }
        | TurnEventKind::Suggestions { .. }
        | TurnEventKind::Completed { .. }
        | TurnEventKind::Failed { .. }
        | TurnEventKind::Cancelled { .. } => Vec::new(),
    }
}

/// The texts in a result, which an answer may quote.
pub fn names(result: &QueryResult) -> impl Iterator<Item = &str> {
    result.rows.iter().flatten().filter_map(|cell| match cell {
        Cell::Text(text) => Some(text.as_str()),
        Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Decimal(_) | Cell::Date(_) | Cell::Instant(_) => {
            None
        }
    })
}
