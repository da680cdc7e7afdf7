//! Conversations: list, read, rename, delete. A conversation is its owner's; a shared thread may be read by all.
use super::service::readable;
use super::{Error, Service};
use crate::access::{Actor, Permission};
use crate::db::conversations::{self, Conversation};
use crate::db::turns;
use crate::ids::{ConversationId, TurnId};
use jiff::Timestamp;
use serde::Serialize;

/// A page of conversations, newest first.
#[derive(Debug, Serialize)]
pub struct ConversationPage {
    pub conversations: Vec<Conversation>,
    /// Pass it back for the next page; none on the last.
    pub next: Option<String>,
}

/// A conversation with some of its turns, oldest first.
#[derive(Debug)]
pub struct TurnPage {
    pub conversation: Conversation,
    pub turns: Vec<ConversationTurn>,
    /// Give it as `before` for the turns that came earlier; none when these are the first.
    pub earlier: Option<TurnId>,
}

/// A turn as a conversation shows it; its events are read with [`Service::events`].
#[derive(Debug, Serialize)]
pub struct ConversationTurn {
    pub turn_id: TurnId,
    pub question: String,
    pub answer: Option<String>,
    pub state: String,
    pub outcome: Option<String>,
    pub model: Option<String>,
    pub asked_at: Timestamp,
}

impl Service {
    /// The actor's conversations, `limit` (1 to 100) from the cursor on.
    pub async fn conversations(
        &self,
        actor: &Actor,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ConversationPage, Error> {
        actor.require(Permission::ConversationUse)?;
        let limit = limit.clamp(1, 100);
        let before = cursor.map(parse).transpose()?;
        let mut tx = self.inner.db.org(actor.org).await?;
        let fetch = i64::try_from(limit + 1).unwrap_or(101);
        let mut page = conversations::list(&mut tx, actor.org, actor.member, before, fetch).await?;
        tx.commit().await?;
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(print);
        Ok(ConversationPage { conversations: page, next })
    }

    /// One conversation with its last turns (1 to 200), oldest first.
    pub async fn conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
        limit: usize,
    ) -> Result<(Conversation, Vec<ConversationTurn>), Error> {
        let page = self.conversation_before(actor, id, None, limit).await?;
        Ok((page.conversation, page.turns))
    }

    /// One conversation with the turns (1 to 200) that were asked before one of them, or with its last ones.
    pub async fn conversation_before(
        &self,
        actor: &Actor,
        id: ConversationId,
        before: Option<TurnId>,
        limit: usize,
    ) -> Result<TurnPage, Error> {
        actor.require(Permission::ConversationUse)?;
        let limit = limit.clamp(1, 200);
        let fetch = i64::try_from(limit + 1).unwrap_or(201);
        let mut tx = self.inner.db.org(actor.org).await?;
        let conversation = readable(&mut tx, actor, id).await?;
        let mut stored = match before {
            None => turns::of_conversation(&mut tx, actor.org, id, fetch).await?,
            Some(turn) => turns::of_conversation_before(&mut tx, actor.org, id, turn, fetch).await?,
        };
        tx.commit().await?;
        // One more than asked for says that there are earlier ones.
        let beyond = stored.len().saturating_sub(limit);
        stored.drain(..beyond);
        let earlier = stored.first().filter(|_| beyond > 0).map(|turn| turn.id);
        let turns = stored.into_iter().map(|turn| ConversationTurn {
            turn_id: turn.id,
            question: turn.question,
            answer: turn.answer,
            state: turn.state.to_string(),
            outcome: turn.outcome,
            model: turn.model,
            asked_at: turn.created_at,
        });
        Ok(TurnPage { conversation, turns: turns.collect(), earlier })
    }

    /// Renames a conversation of the actor's own.
    pub async fn rename(&self, actor: &Actor, id: ConversationId, title: &str) -> Result<(), Error> {
        actor.require(Permission::ConversationUse)?;
        let title = crate::text::clean(title, 120);
        if title.is_empty() {
            let message = "The title is empty; write 1 to 120 characters.".to_owned();
            return Err(Error::Invalid { code: "chat.title", message });
        }
        let mut tx = self.inner.db.org(actor.org).await?;
        let done = conversations::rename(&mut tx, actor.org, actor.member, id, &title).await?;
        tx.commit().await?;
        if done { Ok(()) } else { Err(Error::NotFound("conversation")) }
    }

    /// Hides a conversation of the actor's own from every list and from memory.
    pub async fn delete(&self, actor: &Actor, id: ConversationId) -> Result<(), Error> {
        actor.require(Permission::ConversationUse)?;
        let now = self.inner.clock.now();
        let mut tx = self.inner.db.org(actor.org).await?;
        let done = conversations::delete(&mut tx, actor.org, actor.member, id, now).await?;
        tx.commit().await?;
        if done { Ok(()) } else { Err(Error::NotFound("conversation")) }
    }
}

/// A cursor is `instant_id` of the last entry.
fn print(last: &Conversation) -> String {
    format!("{}_{}", last.last_turn_at.unwrap_or(last.created_at), last.id)
}

fn parse(cursor: &str) -> Result<(Timestamp, ConversationId), Error> {
    let parts = cursor.split_once('_').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    parts.ok_or_else(|| Error::Invalid {
        code: "chat.cursor",
        message: "This cursor was not given out here; start from the first page.".to_owned(),
    })
}
