//! Writes down every model call: tokens, cost, times, and how it ended; counts it against the hour's budget.
//!
//! A stream that breaks off, is cancelled, or comes from a server that reports no usage is paid for all the same: its
//! tokens are then estimated from its characters.
use super::budget::hour;
use super::settings::Price;
use super::{ChatEvent, ChatModel, ChatRequest, ChatStream, Message, ModelError};
use crate::clock::SharedClock;
use crate::db::{self, Db, usage::ModelCall};
use crate::ids::{OrgId, TurnId, new_uuid};
use async_trait::async_trait;
use futures::StreamExt;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Characters of a token, about, in what models read and write.
const CHARACTERS_A_TOKEN: usize = 4;

/// A model whose calls are recorded. Ends its stream with [`ChatEvent::Cost`] before `Done`, and with
/// [`ChatEvent::Usage`] where the provider said nothing of it.
pub struct Record {
    pub inner: Arc<dyn ChatModel>,
    pub provider: String,
    pub price: Price,
    /// 0 for the first choice.
    pub rank: i32,
    pub db: Db,
    pub clock: SharedClock,
}

/// One call being made; written when it ends, also when its stream is dropped.
struct Call {
    db: Db,
    clock: SharedClock,
    org: OrgId,
    turn: TurnId,
    provider: String,
    model: String,
    price: Price,
    rank: i32,
    begun: Instant,
    ttft: Option<Duration>,
    /// As the provider reported them.
    reported: Option<(u64, u64)>,
    /// Characters sent, once the provider took the request, and received.
    characters: (usize, usize),
    written: bool,
}

impl Call {
    fn heard(&mut self, event: &ChatEvent) {
        let received = match event {
            ChatEvent::Usage { tokens_in, tokens_out } => {
                self.reported = Some((*tokens_in, *tokens_out));
                return;
            }
            ChatEvent::Text(text) => text.len(),
            ChatEvent::Call(call) => call.name.len() + length(&call.arguments),
            ChatEvent::BadCall { name, arguments, .. } => name.len() + arguments.len(),
            ChatEvent::Restart
            | ChatEvent::Notice(_)
            | ChatEvent::Outcome(_)
            | ChatEvent::Playbook
            | ChatEvent::Cost(_)
            | ChatEvent::Done { .. } => return,
        };
        self.characters.1 += received;
        let now = self.clock.monotonic();
        self.ttft.get_or_insert(now.saturating_duration_since(self.begun));
    }

    /// In and out, as reported or else as estimated.
    fn tokens(&self) -> (u64, u64) {
        let about =
            |characters: usize| u64::try_from(characters.div_ceil(CHARACTERS_A_TOKEN)).unwrap_or(u64::MAX);
        self.reported.unwrap_or_else(|| (about(self.characters.0), about(self.characters.1)))
    }

    fn cost(&self) -> Decimal {
        let (tokens_in, tokens_out) = self.tokens();
        self.price.of(tokens_in, tokens_out)
    }

    fn row(&self, failure: Option<&ModelError>) -> ModelCall {
        let (state, error_code) = match failure {
            None => ("ok", None),
            Some(ModelError::Timeout) => ("timeout", Some("timeout".to_owned())),
            Some(ModelError::Broken | ModelError::Empty) => ("broken", Some("broken".to_owned())),
            Some(ModelError::RateLimited { .. }) => ("error", Some("rate_limited".to_owned())),
            Some(ModelError::Provider { status }) => ("error", Some(format!("status_{status}"))),
            Some(ModelError::Unauthorised) => ("error", Some("unauthorised".to_owned())),
            Some(ModelError::Budget(_)) => ("error", Some("budget".to_owned())),
            Some(ModelError::Unreachable(_)) => ("error", Some("unreachable".to_owned())),
        };
        let now = self.clock.now();
        ModelCall {
            id: new_uuid(&*self.clock),
            at: now,
            hour: hour(now),
            turn: Some(self.turn),
            purpose: "answer",
            provider: self.provider.clone(),
            model: self.model.clone(),
            tokens_in: self.tokens().0,
            tokens_out: self.tokens().1,
            cost: self.cost(),
            latency: self.clock.monotonic().saturating_duration_since(self.begun),
            ttft: self.ttft,
            state,
            error_code,
            fallback_rank: self.rank,
        }
    }

    /// The record is worth less than the answer: a failure to write it is logged and no more.
    async fn write(&mut self, failure: Option<&ModelError>) {
        if std::mem::replace(&mut self.written, true) {
            return;
        }
        let row = self.row(failure);
        measured(&row);
        if let Err(error) = db::usage::record_call(&self.db, self.org, &row).await {
            tracing::error!(%error, "a model call could not be recorded");
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if std::mem::replace(&mut self.written, true) {
            return;
        }
        let (db, org, row) = (self.db.clone(), self.org, self.row(Some(&ModelError::Broken)));
        measured(&row);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = db::usage::record_call(&db, org, &row).await {
                    tracing::error!(%error, "a model call could not be recorded");
                }
            });
        }
    }
}

/// Counts and times a call that has ended.
fn measured(call: &ModelCall) {
    let (provider, model) = (call.provider.clone(), call.model.clone());
    metrics::counter!("adjutant_model_calls_total", "provider" => provider.clone(), "model" => model.clone(), "state" => call.state)
        .increment(1);
    metrics::histogram!("adjutant_model_call_seconds", "provider" => provider.clone(), "model" => model.clone())
        .record(call.latency.as_secs_f64());
    for (direction, tokens) in [("in", call.tokens_in), ("out", call.tokens_out)] {
        metrics::counter!("adjutant_model_tokens_total", "provider" => provider.clone(), "model" => model.clone(), "direction" => direction)
            .increment(tokens);
    }
}

/// The length of a JSON object as text, about.
fn length(object: &Map<String, Value>) -> usize {
    object.iter().map(|(name, value)| name.len() + value.to_string().len() + 4).sum()
}

/// Everything of a request that a model reads.
fn characters(request: &ChatRequest) -> usize {
    let messages = request.messages.iter().map(|message| match message {
        Message::User { text } | Message::Note { text } => text.len(),
        Message::Assistant { text, calls } => {
            text.len() + calls.iter().map(|call| call.name.len() + length(&call.arguments)).sum::<usize>()
        }
        Message::Tool { content, .. } => content.len(),
    });
    // The same tools go with every request of a turn, and of everybody who may do the same.
    let tools = *request.tools.length.get_or_init(|| {
        let tools = request.tools.iter();
        tools
            .map(|tool| tool.name.len() + tool.description.len() + tool.schema.as_object().map_or(0, length))
            .sum()
    });
    request.system.len() + messages.sum::<usize>() + tools
}

#[async_trait]
impl ChatModel for Record {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let mut call = Call {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            org: request.actor.org,
            turn: request.turn,
            provider: self.provider.clone(),
            model: self.inner.name().to_owned(),
            price: self.price,
            rank: self.rank,
            begun: self.clock.monotonic(),
            ttft: None,
            reported: None,
            characters: (0, 0),
            written: false,
        };
        let sent = characters(&request);
        let stream = match self.inner.stream(request).await {
            Ok(stream) => stream,
            Err(error) => {
                call.write(Some(&error)).await;
                return Err(error);
            }
        };
        call.characters.0 = sent;
        let waiting: Vec<ChatEvent> = Vec::new();
        Ok(futures::stream::unfold(
            (stream, call, waiting),
            |(mut stream, mut call, mut waiting)| async move {
                if let Some(event) = waiting.pop() {
                    return Some((Ok(event), (stream, call, waiting)));
                }
                let item = stream.next().await?;
                match &item {
                    Ok(done @ ChatEvent::Done { .. }) => {
                        call.write(None).await;
                        let (tokens_in, tokens_out) = call.tokens();
                        waiting.push(done.clone());
                        let cost = ChatEvent::Cost(call.cost());
                        if call.reported.is_some() {
                            return Some((Ok(cost), (stream, call, waiting)));
                        }
                        waiting.push(cost);
                        return Some((
                            Ok(ChatEvent::Usage { tokens_in, tokens_out }),
                            (stream, call, waiting),
                        ));
                    }
                    Ok(event) => call.heard(event),
                    Err(error) => call.write(Some(error)).await,
                }
                Some((item, (stream, call, waiting)))
            },
        )
        .boxed())
    }
}
