//! Turns whose owner died: found by their lease, taken over, and continued from their last stored tool result, or
//! failed with a plain message. Nothing is left hanging, nothing runs twice.
use super::calculate;
use super::history;
use super::log::{self, Live};
use super::service::Work;
use super::turn::{Restored, RestoredCall, Tally, ToolOutcome};
use super::writer::{self, LEASE};
use super::{Error, Service, TurnEvent, TurnEventKind};
use crate::access::{Credential, Permission};
use crate::catalogue::ToolError;
use crate::db::turns::{self, ToolCallRow, Turn as StoredTurn};
use crate::db::{OrgTx, people};
use crate::ids::{OrgId, RunId, TurnId, new_uuid};
use crate::llm::ToolCall;
use jiff::SignedDuration;
use serde_json::Map;
use std::collections::HashMap;
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
        let credential = turn.api_key.map_or(Credential::Session, Credential::ApiKey);
        let actor = people::actor(&mut tx, org, turn.asker, turn.surface, credential).await?;
        tx.commit().await?;
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
            self.bury(org, owner, live).await;
            return Ok(true);
        };
        let mut tx = self.inner.db.org(org).await?;
        let made = turns::calls(&mut tx, org, id).await?;
        let restored = restore(&mut tx, org, &events, made).await?;
        tx.commit().await?;
        let work = Work {
            turn: id,
            conversation: turn.conversation,
            chips: chips(&turn),
            question: turn.question,
            restored,
            first: false,
        };
        let opening = vec![TurnEventKind::Status { line: RESUMED.to_owned() }];
        self.start(actor, owner, live, work, opening);
        Ok(true)
    }

    /// Ends a turn that cannot go on.
    async fn bury(&self, org: OrgId, owner: String, live: Arc<Live>) {
        let (ledger, clock) = (Arc::clone(&self.inner.ledger), Arc::clone(&self.inner.clock));
        let log = writer::start(ledger, clock, org, owner, live);
        let message = "The server stopped while answering. Nothing was changed; ask again.".to_owned();
        let kind = TurnEventKind::Failed { code: "turn.interrupted".to_owned(), message, retryable: true };
        log.finish(kind, Tally::default()).await;
    }
}

fn chips(turn: &StoredTurn) -> Map<String, serde_json::Value> {
    turn.context.as_object().cloned().unwrap_or_default()
}

/// What the log says was done: finished calls with their results, and calls that were begun and never ended.
/// `made` are the calls as they were made: the log holds them as they were understood.
async fn restore(
    tx: &mut OrgTx,
    org: OrgId,
    events: &[TurnEvent],
    made: Vec<ToolCallRow>,
) -> Result<Restored, Error> {
    let mut made: HashMap<String, serde_json::Value> =
        made.into_iter().map(|call| (call.call_id, call.params)).collect();
    let runs: Vec<RunId> = events
        .iter()
        .filter_map(|event| {
            if let TurnEventKind::ToolCompleted { run_id, .. } = &event.kind { *run_id } else { None }
        })
        .collect();
    let mut results = history::stored_results(tx, org, &runs).await?;
    let mut begun: HashMap<String, ToolCall> = HashMap::new();
    let mut order = Vec::new();
    // Text may have been sent that was never stored: whatever was shown is withdrawn by the new answer.
    let mut restored = Restored { text_shown: true, ..Restored::default() };
    for (at, event) in events.iter().enumerate() {
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
                    Some(result) => Some(ToolOutcome::Rows(result)),
                    None => events.get(at + 1).and_then(|next| draft(&next.kind)),
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
    let pending = order.into_iter().filter_map(|id| begun.remove(&id));
    restored.pending = pending.filter(|call| call.name != calculate::NAME).collect();
    Ok(restored)
}

/// A draft that was announced right after its call.
fn draft(kind: &TurnEventKind) -> Option<ToolOutcome> {
    matches!(kind, TurnEventKind::DraftCreated { .. })
        .then(|| ToolOutcome::Draft { created: Box::new(kind.clone()), summary: writer::payload(kind) })
}
