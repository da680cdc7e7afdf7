//! The events of a turn as a surface reads them: those that are there at once, the others as they come, and again from the
//! last one when the stream breaks off.
use super::Slack;
use crate::access::Actor;
use crate::chat::{TurnEvent, TurnEventKind};
use crate::db::turns;
use crate::ids::TurnId;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use std::time::Duration;

/// Before a broken stream is opened again.
const PAUSE: Duration = Duration::from_millis(500);

pub struct Reader {
    slack: Slack,
    actor: Actor,
    turn: TurnId,
    seq: i32,
    events: BoxStream<'static, TurnEvent>,
    over: bool,
}

impl Reader {
    pub async fn new(slack: &Slack, actor: &Actor, turn: TurnId) -> anyhow::Result<Self> {
        let events = slack.inner.chat.events(actor, turn, 0).await?;
        Ok(Self { slack: slack.clone(), actor: actor.clone(), turn, seq: 0, events, over: false })
    }

    /// Everything that is stored by now.
    pub async fn stored(&mut self) -> anyhow::Result<Vec<TurnEventKind>> {
        let mut tx = self.slack.inner.app.db.org(self.actor.org).await?;
        let last = turns::last_seq(&mut tx, self.actor.org, self.turn).await?;
        tx.commit().await?;
        let mut events = Vec::new();
        while self.seq < last && !self.over {
            events.push(self.next().await?);
        }
        while let Some(event) = self.ready() {
            events.push(event);
        }
        Ok(events)
    }

    /// The next event, if it is there.
    pub fn ready(&mut self) -> Option<TurnEventKind> {
        if self.over {
            return None;
        }
        let event = self.events.next().now_or_never()??;
        Some(self.heard(event))
    }

    /// The next event. Waits for ever after the last one. May be dropped while it waits.
    pub async fn next(&mut self) -> anyhow::Result<TurnEventKind> {
        if self.over {
            std::future::pending::<()>().await;
        }
        loop {
            if let Some(event) = self.events.next().await {
                return Ok(self.heard(event));
            }
            tokio::time::sleep(PAUSE).await;
            self.events = self.slack.inner.chat.events(&self.actor, self.turn, self.seq).await?;
        }
    }

    fn heard(&mut self, event: TurnEvent) -> TurnEventKind {
        self.seq = event.seq;
        self.over = event.kind.is_final();
        event.kind
    }
}
