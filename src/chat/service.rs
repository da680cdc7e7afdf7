//! The front door of the room: what every surface calls. Everything is authorised by the actor's permissions and fenced
//! to the actor's organisation; a conversation is its owner's unless it is a shared thread.
use super::asking::{self, Ask, Asked};
use super::drive::{self, Job};
use super::ledger::Ledger;
use super::log::{self, Hub, Live};
use super::offline::playbook::Playbooks;
use super::prompts::Prompts;
use super::settings::Settings;
use super::tools::Tools;
use super::turn::{Restored, Tally};
use super::writer::{self, LEASE, payload};
use super::{Error, TurnEvent, TurnEventKind, context, offline};
use crate::access::{Actor, Credential, Permission};
use crate::catalogue::Catalogue;
use crate::clock::SharedClock;
use crate::db::conversations::{self, Conversation, NewConversation, Visibility};
use crate::db::turns::{self, Created, NewTurn, Opening};
use crate::db::{self, Db, OrgTx};
use crate::drafts::DraftToolSpec;
use crate::ids::{ConversationId, TurnId};
use crate::llm::ChatModel;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// How long a stopping server waits for its turns, and how often it looks.
const SETTLE: Duration = Duration::from_secs(10);
const SETTLE_STEP: Duration = Duration::from_millis(5);

/// What the room is built from.
pub struct Parts {
    pub db: Db,
    pub clock: SharedClock,
    pub catalogue: Arc<Catalogue>,
    /// The chain of models, the planner last.
    pub model: Arc<dyn ChatModel>,
    /// The offline planner: commands go to it, whatever the chain is.
    pub planner: Arc<dyn ChatModel>,
    pub settings: Settings,
}

/// Where to read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Handle {
    pub turn_id: TurnId,
    pub conversation_id: ConversationId,
    /// The idempotency key was used before: this is that turn.
    pub replayed: bool,
}

/// A whole turn with its last event.
#[derive(Clone, Debug, Serialize)]
pub struct FinishedTurn {
    pub turn_id: TurnId,
    pub conversation_id: ConversationId,
    pub events: Vec<TurnEvent>,
}

impl FinishedTurn {
    /// The turn, unless its end is not there: it goes on, and its log could not be read any further.
    fn whole(self) -> Result<Self, Error> {
        if self.end().is_some() { Ok(self) } else { Err(Error::Db(db::Error::PoolTimedOut)) }
    }

    /// The last event: completed, failed or cancelled.
    pub fn end(&self) -> Option<&TurnEventKind> {
        self.events.last().map(|event| &event.kind).filter(|kind| kind.is_final())
    }
}

/// The room, cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub db: Db,
    pub clock: SharedClock,
    pub tools: Tools,
    pub model: Arc<dyn ChatModel>,
    pub planner: Arc<dyn ChatModel>,
    pub prompts: Arc<Prompts>,
    /// They say what is a command.
    pub playbooks: Playbooks,
    pub settings: Settings,
    pub hub: Arc<Hub>,
    pub ledger: Arc<Ledger>,
}

impl Service {
    /// Fails when a prompt, a playbook or an action file does not load.
    pub fn new(parts: Parts) -> Result<Self, Error> {
        let prompts = Arc::new(Prompts::load()?);
        let tools = Tools {
            db: parts.db.clone(),
            clock: Arc::clone(&parts.clock),
            catalogue: parts.catalogue,
            prompts: Arc::clone(&prompts),
            drafts: Arc::new(crate::drafts::tools().map_err(|error| Error::Drafts(error.to_string()))?),
            sets: Arc::default(),
        };
        let inner = Inner {
            ledger: Ledger::new(parts.db.clone()),
            db: parts.db,
            clock: parts.clock,
            tools,
            model: parts.model,
            planner: parts.planner,
            prompts,
            playbooks: Playbooks::embedded().map_err(|error| Error::Prompts(error.to_string()))?,
            settings: parts.settings,
            hub: Arc::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The types of drafts that can be asked for.
    pub fn actions(&self) -> &[DraftToolSpec] {
        &self.inner.tools.drafts
    }

    /// Playbooks and commands.
    pub fn playbooks(&self) -> &Playbooks {
        &self.inner.playbooks
    }

    /// Stores the question and starts the work, which goes on whoever listens. Returns as soon as it is stored.
    pub async fn ask(&self, actor: &Actor, ask: Ask) -> Result<Handle, Error> {
        actor.require(Permission::ConversationUse)?;
        let question = asking::question(&ask.message, self.inner.settings.longest_question)?;
        let key = asking::key(ask.idempotency_key.as_deref())?;
        let chips = context::chips(&ask.context)?;
        let context = json!(chips);
        let asked = Asked { question: &question, conversation: ask.conversation_id, context: &context };
        if let Some(key) = key
            && let Some(handle) = self.asked_before(actor, key, &asked).await?
        {
            return Ok(handle);
        }
        let at_once = self.inner.settings.at_once;
        if self.inner.hub.count(actor.org) >= at_once {
            let message = format!("{at_once} questions are being answered already; try again in a moment.");
            return Err(Error::Busy { code: "rate.limited", message });
        }
        let now = self.inner.clock.now();
        let turn = TurnId::new(&*self.inner.clock);
        let owner = crate::ids::new_uuid(&*self.inner.clock).to_string();
        let title = crate::text::clean(&question, 80);
        let conversation = ask.conversation_id.unwrap_or_else(|| ConversationId::new(&*self.inner.clock));
        let talk = ask.conversation_id.is_none().then_some(NewConversation {
            id: conversation,
            surface: actor.surface,
            external_ref: None,
            title: &title,
            owner: actor.member,
            visibility: Visibility::Private,
        });
        let new = NewTurn {
            id: turn,
            conversation,
            asker: actor.member,
            api_key: if let Credential::ApiKey(id) = actor.credential { Some(id) } else { None },
            surface: actor.surface,
            question: &question,
            context: &context,
            prompt_version: self.inner.prompts.version(),
            idempotency_key: key,
        };
        let started = TurnEventKind::Started {
            question: question.clone(),
            asker: actor.member,
            surface: actor.surface,
            conversation_id: conversation,
        };
        let started = TurnEvent { turn_id: turn, seq: 1, at: now, kind: started };
        let opening = Opening {
            owner: &owner,
            lease_until: now.checked_add(LEASE).unwrap_or(now),
            conversation: talk,
            first: writer::new_event(&started),
        };
        let mut tx = self.inner.db.org(actor.org).await?;
        asking::within_budget(&mut tx, actor.org, self.inner.settings.per_hour, now).await?;
        if ask.conversation_id.is_some() {
            readable(&mut tx, actor, conversation).await?;
        }
        match turns::create(&mut tx, actor.org, &new, &opening, now).await? {
            Created::New => {}
            Created::Existing => {
                // The conversation that was just made goes with this transaction.
                tx.rollback().await?;
                let before = self.asked_before(actor, key.unwrap_or_default(), &asked).await?;
                return before.ok_or(Error::NotFound("turn"));
            }
        }
        tx.commit().await?;
        asking::count(&self.inner.db, actor.org, now);
        let live = Live::new(turn, 1);
        live.show(started);
        let first = ask.conversation_id.is_none();
        let work = Work { turn, conversation, question, chips, restored: Restored::default(), first };
        self.start(actor.clone(), owner, live, work, Vec::new());
        Ok(Handle { turn_id: turn, conversation_id: conversation, replayed: false })
    }

    /// The turn that a key of the asker's began, if it was for the same question.
    async fn asked_before(
        &self,
        actor: &Actor,
        key: &str,
        asked: &Asked<'_>,
    ) -> Result<Option<Handle>, Error> {
        let mut tx = self.inner.db.org(actor.org).await?;
        let before = turns::by_key(&mut tx, actor.org, actor.member, key).await?;
        db::let_go(tx);
        let Some(before) = before else { return Ok(None) };
        if !asked.is(&before) {
            return Err(Error::IdempotencyConflict);
        }
        Ok(Some(Handle { turn_id: before.id, conversation_id: before.conversation, replayed: true }))
    }

    /// Starts the task that drives a turn whose lease `owner` holds; `opening` events come first.
    pub(super) fn start(
        &self,
        actor: Actor,
        owner: String,
        live: Arc<Live>,
        work: Work,
        opening: Vec<TurnEventKind>,
    ) {
        let inner = Arc::clone(&self.inner);
        let org = actor.org;
        inner.hub.add(org, &live);
        let (ledger, clock) = (Arc::clone(&inner.ledger), Arc::clone(&inner.clock));
        let log = writer::start(ledger, clock, org, owner, Arc::clone(&live));
        opening.into_iter().for_each(|kind| log.emit(kind));
        let command = offline::is_command(&inner.playbooks, &work.question);
        let model = if command { &inner.planner } else { &inner.model };
        let job = Job {
            db: inner.db.clone(),
            clock: Arc::clone(&inner.clock),
            tools: inner.tools.clone(),
            model: Arc::clone(model),
            prompts: Arc::clone(&inner.prompts),
            limits: inner.settings.limits.clone(),
            context_tokens: inner.settings.context_tokens,
            live: Arc::clone(&live),
            log: log.clone(),
            actor,
            turn: work.turn,
            conversation: work.conversation,
            question: work.question,
            chips: work.chips,
            restored: work.restored,
            first: work.first,
        };
        tokio::spawn(async move {
            if AssertUnwindSafe(drive::drive(job)).catch_unwind().await.is_err() {
                tracing::error!(turn = %live.turn, "a turn panicked");
                let message = "Something went wrong on our side; the error was logged. Try again.".to_owned();
                let kind =
                    TurnEventKind::Failed { code: "turn.internal".to_owned(), message, retryable: true };
                log.finish(kind, Tally::default()).await;
            }
            inner.hub.remove(org, &live);
        });
    }

    /// The events of a turn after number `after` (0 = all), as they come, until the last one.
    pub async fn events(
        &self,
        actor: &Actor,
        turn: TurnId,
        after: i32,
    ) -> Result<BoxStream<'static, TurnEvent>, Error> {
        self.readable_turn(actor, turn).await?;
        Ok(log::read(Arc::clone(&self.inner.hub), self.inner.db.clone(), actor.org, turn, after))
    }

    /// The events of a turn that was just asked for: nobody has to look again whose it is.
    pub async fn answer(
        &self,
        actor: &Actor,
        handle: &Handle,
    ) -> Result<BoxStream<'static, TurnEvent>, Error> {
        if handle.replayed {
            return self.events(actor, handle.turn_id, 0).await;
        }
        Ok(log::read(Arc::clone(&self.inner.hub), self.inner.db.clone(), actor.org, handle.turn_id, 0))
    }

    /// Waits for the end of a turn and gives it whole. Fails when the database stays away; the turn is none the worse.
    pub async fn finished(&self, actor: &Actor, turn: TurnId) -> Result<FinishedTurn, Error> {
        let conversation_id = self.readable_turn(actor, turn).await?;
        let events = log::read(Arc::clone(&self.inner.hub), self.inner.db.clone(), actor.org, turn, 0);
        FinishedTurn { turn_id: turn, conversation_id, events: events.collect().await }.whole()
    }

    /// Stops a turn. Without effect on one that has ended. Only who asked (or owns the conversation) may.
    pub async fn cancel(&self, actor: &Actor, turn: TurnId) -> Result<(), Error> {
        actor.require(Permission::ConversationUse)?;
        let mut tx = self.inner.db.org(actor.org).await?;
        let stored = turns::get(&mut tx, actor.org, turn).await?.ok_or(Error::NotFound("turn"))?;
        let conversation = readable(&mut tx, actor, stored.conversation).await.map_err(as_turn)?;
        if stored.asker != actor.member && conversation.owner != actor.member {
            return Err(Error::NotFound("turn"));
        }
        if let Some(live) = self.inner.hub.get(actor.org, turn) {
            live.cancel.cancel();
            return Ok(());
        }
        let message = "Stopped at your request. Nothing was changed.".to_owned();
        let kind = TurnEventKind::Cancelled { code: "turn.cancelled".to_owned(), message, retryable: true };
        turns::cancel(&mut tx, actor.org, turn, &payload(&kind), self.inner.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the reader thought of an answer; the last word counts.
    pub async fn feedback(
        &self,
        actor: &Actor,
        turn: TurnId,
        rating: turns::Rating,
        note: Option<&str>,
    ) -> Result<(), Error> {
        self.readable_turn(actor, turn).await?;
        let note = note.map(|text| crate::text::clean(text, 1_000)).filter(|text| !text.is_empty());
        let mut tx = self.inner.db.org(actor.org).await?;
        let feedback = turns::Feedback { member: actor.member, rating, note: note.as_deref() };
        turns::give_feedback(&mut tx, actor.org, turn, &feedback, self.inner.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Waits for the turns this process drives, a little while: what is not finished then is taken up after the next start.
    pub async fn settle(&self) {
        let mut left = SETTLE.as_millis() / SETTLE_STEP.as_millis();
        while !self.inner.hub.is_idle() && left > 0 {
            tokio::time::sleep(SETTLE_STEP).await;
            left -= 1;
        }
    }

    pub(super) async fn readable_turn(&self, actor: &Actor, turn: TurnId) -> Result<ConversationId, Error> {
        actor.require(Permission::ConversationUse)?;
        let mut tx = self.inner.db.org(actor.org).await?;
        let stored = turns::get(&mut tx, actor.org, turn).await?.ok_or(Error::NotFound("turn"))?;
        readable(&mut tx, actor, stored.conversation).await.map_err(as_turn)?;
        db::let_go(tx);
        Ok(stored.conversation)
    }
}

/// A turn to be worked on.
pub(super) struct Work {
    pub turn: TurnId,
    pub conversation: ConversationId,
    pub question: String,
    pub chips: Map<String, Value>,
    pub restored: Restored,
    /// The conversation was made with this turn.
    pub first: bool,
}

/// The conversation, if it exists and the actor may read it.
pub(super) async fn readable(
    tx: &mut OrgTx,
    actor: &Actor,
    id: ConversationId,
) -> Result<Conversation, Error> {
    let found = conversations::get(tx, actor.org, id).await?;
    found.filter(|c| c.may_be_read_by(actor.member)).ok_or(Error::NotFound("conversation"))
}

/// Who asked for a turn hears about the turn, not about its conversation.
fn as_turn(error: Error) -> Error {
    if let Error::NotFound(_) = error { Error::NotFound("turn") } else { error }
}

#[cfg(test)]
mod tests;
