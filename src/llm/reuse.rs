//! What a model said to a request is said again to an identical one for a short while, without asking the provider.
//!
//! Only words and the wish to read are kept, never what was read: the queries of a turn run anew, with the rights of who
//! asks now, and their results are part of the next request. So other data, another day, other rights, another
//! organisation, another history are another request by construction, and nothing has to be invalidated.
use super::budget::hour;
use super::{ChatEvent, ChatModel, ChatRequest, ChatStream, Message, ModelError};
use crate::clock::SharedClock;
use crate::db::{Db, usage};
use crate::ids::{OrgId, new_uuid};
use async_trait::async_trait;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use moka::future::Cache;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of answers remembered by one process.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// The line of a turn whose words come from an earlier one.
const TOLD: &str =
    "The same was asked and answered a moment ago, on the same data: that answer is given again.";

/// The organisation and the digest of everything that a model is sent and that decides what it may do.
type Key = (OrgId, [u8; 32]);

#[derive(Clone)]
struct Kept {
    events: Arc<Vec<ChatEvent>>,
    at: Timestamp,
}

/// Where an answer that is given again is written down: a call that cost nothing, of the provider whose answer it is.
pub struct Book {
    pub db: Db,
    pub provider: String,
    /// As of `Record`.
    pub rank: i32,
}

/// A model whose answers are used again for identical requests within `time`.
pub struct Reuse {
    inner: Arc<dyn ChatModel>,
    clock: SharedClock,
    time: SignedDuration,
    kept: Cache<Key, Kept>,
    book: Option<Book>,
}

impl Reuse {
    pub fn new(inner: Arc<dyn ChatModel>, clock: SharedClock, time: Duration) -> Self {
        let weight = |_: &Key, kept: &Kept| {
            let bytes: usize = kept.events.iter().map(|event| format!("{event:?}").len()).sum();
            u32::try_from(bytes + 200).unwrap_or(u32::MAX)
        };
        // The cache forgets by real time; whether an answer is too old is asked of the program's clock.
        let kept = Cache::builder().max_capacity(MOST_BYTES).weigher(weight).time_to_live(time).build();
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        Self { inner, clock, time, kept, book: None }
    }

    /// The same, with every answer that is given again written down.
    pub fn written_in(self, book: Book) -> Self {
        Self { book: Some(book), ..self }
    }

    async fn remembered(&self, key: &Key) -> Option<Arc<Vec<ChatEvent>>> {
        let kept = self.kept.get(key).await?;
        let age = self.clock.now().duration_since(kept.at);
        (!age.is_negative() && age < self.time).then_some(kept.events)
    }

    /// The record is worth less than the answer: a failure to write it is logged and no more.
    async fn write(&self, request: &ChatRequest) {
        let Some(book) = &self.book else { return };
        let now = self.clock.now();
        let call = usage::ModelCall {
            id: new_uuid(&*self.clock),
            at: now,
            hour: hour(now),
            turn: Some(request.turn),
            purpose: "answer",
            provider: book.provider.clone(),
            model: self.inner.name().to_owned(),
            tokens_in: 0,
            tokens_out: 0,
            cost: Decimal::ZERO,
            latency: Duration::ZERO,
            ttft: None,
            state: "reused",
            error_code: None,
            fallback_rank: book.rank,
        };
        if let Err(error) = usage::record_call(&book.db, request.actor.org, &call).await {
            tracing::error!(%error, "an answer given again could not be recorded");
        }
    }
}

fn key(request: &ChatRequest) -> Key {
    let actor = &request.actor;
    let messages: Vec<Value> = request.messages.iter().map(read).collect();
    let whole = json!([
        actor.role,
        actor.permissions,
        request.system,
        messages,
        request.tools.digest(),
        request.context,
        request.max_output_tokens,
    ]);
    (actor.org, Sha256::digest(whole.to_string().as_bytes()).into())
}

/// A message as far as a model reads it: the structured result of a call names its run, which is new every time.
fn read(message: &Message) -> Value {
    match message {
        Message::Tool { call_id, name, content, failed, .. } => json!([call_id, name, content, failed]),
        Message::User { .. } | Message::Note { .. } | Message::Assistant { .. } => json!(message),
    }
}

/// Whether an event may be said again: words, and calls that change nothing. A draft is made once, by who asked for it.
fn repeatable(event: &ChatEvent, request: &ChatRequest) -> bool {
    match event {
        ChatEvent::Text(_) | ChatEvent::Usage { .. } | ChatEvent::Cost(_) | ChatEvent::Done { .. } => true,
        ChatEvent::Call(call) => request.tools.iter().any(|tool| tool.name == call.name && tool.reads),
        ChatEvent::BadCall { .. }
        | ChatEvent::Restart
        | ChatEvent::Notice(_)
        | ChatEvent::Playbook
        | ChatEvent::Outcome(_) => false,
    }
}

/// The answer of an earlier request: free of charge, and said to be one where it is words.
fn again(events: &[ChatEvent]) -> Vec<ChatEvent> {
    let mut out = Vec::new();
    if !events.iter().any(|event| matches!(event, ChatEvent::Call(_))) {
        out.push(ChatEvent::Notice(TOLD.to_owned()));
    }
    for event in events {
        match event {
            ChatEvent::Usage { .. } => out.push(ChatEvent::Usage { tokens_in: 0, tokens_out: 0 }),
            ChatEvent::Cost(_) => out.push(ChatEvent::Cost(Decimal::ZERO)),
            ChatEvent::Text(_)
            | ChatEvent::Call(_)
            | ChatEvent::BadCall { .. }
            | ChatEvent::Restart
            | ChatEvent::Notice(_)
            | ChatEvent::Playbook
            | ChatEvent::Outcome(_)
            | ChatEvent::Done { .. } => out.push(event.clone()),
        }
    }
    out
}

#[async_trait]
impl ChatModel for Reuse {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        if self.time.is_zero() {
            return self.inner.stream(request).await;
        }
        let key = key(&request);
        let remembered = self.remembered(&key).await;
        let found = if remembered.is_some() { "kept" } else { "asked" };
        metrics::counter!("adjutant_model_requests_total", "answer" => found).increment(1);
        if let Some(events) = remembered {
            self.write(&request).await;
            return Ok(futures::stream::iter(again(&events).into_iter().map(Ok)).boxed());
        }
        let stream = self.inner.stream(request.clone()).await?;
        let (cache, clock) = (self.kept.clone(), Arc::clone(&self.clock));
        let heard: Option<Vec<ChatEvent>> = Some(Vec::new());
        let state = (stream, heard, cache, clock, request, key);
        Ok(futures::stream::unfold(state, |(mut stream, mut heard, cache, clock, request, key)| async move {
            let item = stream.next().await?;
            match (&item, &mut heard) {
                (Ok(event), Some(events)) if repeatable(event, &request) => events.push(event.clone()),
                _ => heard = None,
            }
            let over = matches!(&item, Ok(ChatEvent::Done { .. }));
            if let Some(events) = if over { heard.take() } else { None }
                && events.iter().any(|event| matches!(event, ChatEvent::Text(_) | ChatEvent::Call(_)))
            {
                let kept = Kept { events: Arc::new(events), at: clock.now() };
                cache.insert(key, kept).await;
            }
            Some((item, (stream, heard, cache, clock, request, key)))
        })
        .boxed())
    }
}

#[cfg(test)]
mod tests;
