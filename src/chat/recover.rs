//! Turns whose owner died: found by their lease, taken over, and continued from their last stored tool result, or
//! failed with a plain message. Nothing is left hanging, nothing runs twice.
use super::calculate;
use super::history;
use super::log::{self, Live};
use super::service::Work;
use super::tools;
use super::turn::{self, Restored, RestoredCall, Tally, ToolOutcome};
use super::writer::{self, LEASE};
use super::{Error, Service, TurnEvent, TurnEventKind};
use crate::access::{Actor, Credential, Permission};
use crate::catalogue::ToolError;
use crate::db::turns::{self, ToolCallRow, Turn as StoredTurn};
use crate::db::{OrgTx, credentials, people, usage};
use crate::drafts;
use crate::ids::{OrgId, RunId, TurnId, new_uuid};
use crate::llm::ToolCall;
use jiff::SignedDuration;
use serde_json::Map;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A turn nobody took up within this time was lost between storing and starting.
const QUEUED: SignedDuration = SignedDuration::from_secs(10);
/// Older turns are not taken up again: nobody waits any more, and the data has moved on.
const TOO_OLD: SignedDuration = SignedDuration::from_mins(10);
/// A turn that has cost the life of so many owners is given up.
const MOST_RESUMES: usize = 2;
/// Turns of one organisation taken over in one sweep.
const BATCH: i64 = 50;

/// The line that a takeover leaves in the log, and by which takeovers are counted.
const RESUMED: &str = "The server restarted; continuing from the last result.";

impl Service {
    /// Takes over every abandoned turn of every organisation; returns how many. Called at start-up and every few
    /// seconds by each replica.
    pub async fn recover(&self) -> Result<usize, Error> {
        let mut taken = 0;
        for (org, _) in self.inner.db.organisations().await? {
            taken += self.recover_org(org).await?;
        }
        Ok(taken)
    }

    async fn recover_org(&self, org: OrgId) -> Result<usize, Error> {
        let now = self.inner.clock.now();
        let queued_before = now.checked_sub(QUEUED).unwrap_or(now);
        let mut tx = self.inner.db.org(org).await?;
        let abandoned = turns::abandoned(&mut tx, org, now, queued_before, BATCH).await?;
        tx.commit().await?;
        let mut taken = 0;
        for turn in abandoned {
            taken += usize::from(self.take_over(org, turn).await?);
        }
        Ok(taken)
    }

    async fn take_over(&self, org: OrgId, id: TurnId) -> Result<bool, Error> {
        let now = self.inner.clock.now();
        let owner = new_uuid(&*self.inner.clock).to_string();
        let mut tx = self.inner.db.org(org).await?;
        let until = now.checked_add(LEASE).unwrap_or(now);
        if !turns::take_lease(&mut tx, org, id, &owner, now, until).await? {
            return Ok(false);
        }
        let Some(turn) = turns::get(&mut tx, org, id).await? else { return Ok(false) };
        // A key that was ended since ends what it began, and gives no more now than it did then.
        let actor = match turn.api_key {
            Some(key) => credentials::actor_of_key(&mut tx, org, key, turn.surface, now).await?,
            None => people::actor(&mut tx, org, turn.asker, turn.surface, Credential::Session).await?,
        };
        let spent = usage::of_turn(&mut tx, org, id).await?;
        tx.commit().await?;
        let spent = Tally {
            tokens_in: spent.tokens_in,
            tokens_out: spent.tokens_out,
            cost: spent.cost,
            ..Tally::default()
        };
        let events = log::stored(&self.inner.db, org, id, 0).await?;
        // Readers may have seen more than was stored; what comes now is new to all of them.
        let next = events.last().map_or(1, |event| event.seq + turns::GAP);
        let live = Live::new(id, next);
        tracing::info!(turn = %id, "a turn is taken over");
        let resumes = events
            .iter()
            .filter(|event| matches!(&event.kind, TurnEventKind::Status { line } if line == RESUMED))
            .count();
        let waited = now.duration_since(turn.created_at);
        let actor = actor.filter(|actor| actor.may(Permission::ConversationUse));
        let Some(actor) = actor.filter(|_| resumes < MOST_RESUMES && waited < TOO_OLD) else {
            self.bury(org, owner, live, spent).await;
            return Ok(true);
        };
        let mut tx = self.inner.db.org(org).await?;
        let made = turns::calls(&mut tx, org, id).await?;
        let mut opening = vec![TurnEventKind::Status { line: RESUMED.to_owned() }];
        let mut restored = restore(&mut tx, &actor, id, &events, made, &mut opening).await?;
        restored.spent = spent;
        tx.commit().await?;
        let work = Work {
            turn: id,
            conversation: turn.conversation,
            chips: chips(&turn),
            question: turn.question,
            restored,
            first: false,
        };
        self.start(actor, owner, live, work, opening);
        Ok(true)
    }

    /// Ends a turn that cannot go on.
    async fn bury(&self, org: OrgId, owner: String, live: Arc<Live>, spent: Tally) {
        let (ledger, clock) = (Arc::clone(&self.inner.ledger), Arc::clone(&self.inner.clock));
        let log = writer::start(ledger, clock, org, owner, live);
        let message = "The server stopped while answering. Nothing was changed; ask again.".to_owned();
        let kind = TurnEventKind::Failed { code: "turn.interrupted".to_owned(), message, retryable: true };
        log.finish(kind, spent).await;
    }
}

fn chips(turn: &StoredTurn) -> Map<String, serde_json::Value> {
    turn.context.as_object().cloned().unwrap_or_default()
}

/// What the log says was done: finished calls with their results, and calls that were begun and never ended.
/// `made` are the calls as they were made: the log holds them as they were understood. What should stand behind a call
/// in the log and does not, because the log was cut there, goes to `opening`.
async fn restore(
    tx: &mut OrgTx,
    actor: &Actor,
    turn: TurnId,
    events: &[TurnEvent],
    made: Vec<ToolCallRow>,
    opening: &mut Vec<TurnEventKind>,
) -> Result<Restored, Error> {
    let mut made: HashMap<String, serde_json::Value> =
        made.into_iter().map(|call| (call.call_id, call.params)).collect();
    let runs: Vec<RunId> = events
        .iter()
        .filter_map(|event| {
            if let TurnEventKind::ToolCompleted { run_id, .. } = &event.kind { *run_id } else { None }
        })
        .collect();
    let mut results = history::stored_results(tx, actor.org, &runs).await?;
    let charted: HashSet<&str> = events.iter().filter_map(charted).collect();
    let mut begun: HashMap<String, ToolCall> = HashMap::new();
    let mut order = Vec::new();
    // Text may have been sent that was never stored: whatever was shown is withdrawn by the new answer.
    let mut restored = Restored { text_shown: true, ..Restored::default() };
    for event in events {
        match &event.kind {
            TurnEventKind::ToolStarted { call_id, tool, params } => {
                let arguments = match made.remove(call_id) {
                    Some(serde_json::Value::Object(arguments)) => arguments,
                    Some(_) | None => params.clone(),
                };
                let call = ToolCall { id: call_id.clone(), name: tool.clone(), arguments };
                begun.insert(call_id.clone(), call);
                order.push(call_id.clone());
            }
            TurnEventKind::ToolCompleted { call_id, run_id, .. } => {
                let Some(call) = begun.remove(call_id) else { continue };
                let outcome = match run_id.and_then(|run| results.remove(&run)) {
                    Some(result) => {
                        if !charted.contains(call_id.as_str()) {
                            opening.extend(turn::chart(&call, &result));
                        }
                        Some(ToolOutcome::Rows(result))
                    }
                    None => draft(tx, actor, turn, call_id, events, opening).await?,
                };
                // A calculation is done again when it is needed; it costs nothing.
                if let Some(outcome) = outcome {
                    restored.calls.push(RestoredCall { call, outcome });
                }
            }
            TurnEventKind::ToolFailed { call_id, code, message, allowed, .. } => {
                if let Some(call) = begun.remove(call_id) {
                    let error = ToolError::choices(code, message.clone(), allowed.clone());
                    restored.calls.push(RestoredCall { call, outcome: ToolOutcome::Failed(error) });
                }
            }
            TurnEventKind::Started { .. }
            | TurnEventKind::Text { .. }
            | TurnEventKind::Status { .. }
            | TurnEventKind::Chart { .. }
            | TurnEventKind::DraftCreated { .. }
            | TurnEventKind::Receipts { .. }
            | TurnEventKind::Suggestions { .. }
            | TurnEventKind::Completed { .. }
            | TurnEventKind::Failed { .. }
            | TurnEventKind::Cancelled { .. } => {}
        }
    }
    // As they were asked for: several ran at once, and ended as they could.
    restored.calls.sort_by_key(|done| order.iter().position(|id| *id == done.call.id));
    let pending = order.into_iter().filter_map(|id| begun.remove(&id));
    restored.pending = pending.filter(|call| call.name != calculate::NAME).collect();
    Ok(restored)
}

/// The call whose rows an event shows.
fn charted(event: &TurnEvent) -> Option<&str> {
    if let TurnEventKind::Chart { call_id, .. } = &event.kind { Some(call_id) } else { None }
}

/// The draft that a call made: as it was announced, else as it stands, and then it is announced now.
async fn draft(
    tx: &mut OrgTx,
    actor: &Actor,
    turn: TurnId,
    call: &str,
    events: &[TurnEvent],
    opening: &mut Vec<TurnEventKind>,
) -> Result<Option<ToolOutcome>, Error> {
    let id = drafts::id_of_call(turn, call);
    let told = events
        .iter()
        .find(|event| matches!(&event.kind, TurnEventKind::DraftCreated { draft_id, .. } if *draft_id == id));
    if let Some(TurnEvent { kind, .. }) = told {
        let (created, summary) = (Box::new(kind.clone()), writer::payload(kind));
        return Ok(Some(ToolOutcome::Draft { created, summary }));
    }
    let made = drafts::made_by_call(tx, actor, turn, call).await;
    let Some(created) = made.map_err(|error| Error::Drafts(error.to_string()))? else { return Ok(None) };
    let (kind, summary) = tools::announced(created);
    opening.push(kind.clone());
    Ok(Some(ToolOutcome::Draft { created: Box::new(kind), summary }))
}
