//! Writes down every model call: tokens, cost, times, and how it ended; counts it against the hour's budget.
use super::budget::hour;
use super::settings::Price;
use super::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelError};
use crate::clock::SharedClock;
use crate::db::{self, Db, usage::ModelCall};
use crate::ids::{OrgId, TurnId, new_uuid};
use async_trait::async_trait;
use futures::StreamExt;
use rust_decimal::Decimal;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A model whose calls are recorded. Ends its stream with [`ChatEvent::Cost`] before `Done`.
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
    tokens: (u64, u64),
    written: bool,
}

impl Call {
    fn heard(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Usage { tokens_in, tokens_out } => self.tokens = (*tokens_in, *tokens_out),
            ChatEvent::Text(_) | ChatEvent::Call(_) | ChatEvent::BadCall { .. } => {
                let now = self.clock.monotonic();
                self.ttft.get_or_insert(now.saturating_duration_since(self.begun));
            }
            ChatEvent::Restart
            | ChatEvent::Notice(_)
            | ChatEvent::Outcome(_)
            | ChatEvent::Cost(_)
            | ChatEvent::Done { .. } => {}
        }
    }

    fn cost(&self) -> Decimal {
        self.price.of(self.tokens.0, self.tokens.1)
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
            tokens_in: self.tokens.0,
            tokens_out: self.tokens.1,
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
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = db::usage::record_call(&db, org, &row).await {
                    tracing::error!(%error, "a model call could not be recorded");
                }
            });
        }
    }
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
            tokens: (0, 0),
            written: false,
        };
        let stream = match self.inner.stream(request).await {
            Ok(stream) => stream,
            Err(error) => {
                call.write(Some(&error)).await;
                return Err(error);
            }
        };
        Ok(futures::stream::unfold((stream, call, None), |(mut stream, mut call, last)| async move {
            if let Some(done) = last {
                return Some((Ok(done), (stream, call, None)));
            }
            let item = stream.next().await?;
            match &item {
                Ok(done @ ChatEvent::Done { .. }) => {
                    call.write(None).await;
                    let cost = call.cost();
                    return Some((Ok(ChatEvent::Cost(cost)), (stream, call, Some(done.clone()))));
                }
                Ok(event) => call.heard(event),
                Err(error) => call.write(Some(error)).await,
            }
            Some((item, (stream, call, None)))
        })
        .boxed())
    }
}
