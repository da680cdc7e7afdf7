//! The chain of models: the next one answers when one fails, with everything found so far.
use super::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelError, OFFLINE};
use crate::ids::TurnId;
use async_trait::async_trait;
use futures::StreamExt;
use moka::future::Cache;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Turns whose link is remembered, and for how long: longer than any turn.
const REMEMBERED: (u64, Duration) = (10_000, Duration::from_secs(600));

/// Models in order of preference. The request is provider-neutral, so tool calls and their results carry over. A
/// stream that breaks after it said something is followed by [`ChatEvent::Restart`] and the next model's answer. A turn
/// stays with the model it fell back to, so that one outage is waited for, and told, once.
pub struct Fallback {
    links: Vec<Arc<dyn ChatModel>>,
    /// By turn, how many links have failed.
    failed: Cache<TurnId, usize>,
}

impl Fallback {
    /// `last` always answers: the offline planner.
    pub fn new(mut links: Vec<Arc<dyn ChatModel>>, last: Arc<dyn ChatModel>) -> Self {
        links.push(last);
        let failed = Cache::builder().max_capacity(REMEMBERED.0).time_to_live(REMEMBERED.1).build();
        Self { links, failed }
    }
}

struct Attempt {
    links: VecDeque<Arc<dyn ChatModel>>,
    failed: Cache<TurnId, usize>,
    request: ChatRequest,
    stream: Option<ChatStream>,
    /// The current stream has said something.
    begun: bool,
    ready: VecDeque<ChatEvent>,
    over: bool,
}

impl Attempt {
    async fn next(&mut self) -> Option<Result<ChatEvent, ModelError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.over {
                return None;
            }
            let outcome = match &mut self.stream {
                Some(stream) => stream.next().await.unwrap_or(Err(ModelError::Broken)),
                None => match self.open().await {
                    Ok(()) => continue,
                    Err(error) => Err(error),
                },
            };
            match outcome {
                Ok(event) => {
                    self.begun = true;
                    self.over = matches!(event, ChatEvent::Done { .. });
                    return Some(Ok(event));
                }
                Err(error) => {
                    let turn = self.request.turn;
                    let count = self.failed.get(&turn).await.unwrap_or(0) + 1;
                    self.failed.insert(turn, count).await;
                    if let Some(failure) = self.advance(error) {
                        self.over = true;
                        return Some(Err(failure));
                    }
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(), ModelError> {
        let Some(link) = self.links.front() else { return Err(ModelError::Broken) };
        self.stream = Some(link.stream(self.request.clone()).await?);
        Ok(())
    }

    /// Goes to the next link, or gives the error back when there is none.
    fn advance(&mut self, error: ModelError) -> Option<ModelError> {
        let failed = self.links.pop_front();
        let Some(next) = self.links.front() else { return Some(error) };
        let name = failed.as_ref().map_or("the model", |link| link.name());
        tracing::warn!(model = name, %error, next = next.name(), "falling back");
        self.stream = None;
        if std::mem::take(&mut self.begun) {
            self.ready.push_back(ChatEvent::Restart);
        }
        let next = if next.name() == OFFLINE { "The offline planner" } else { next.name() };
        let reason = match &error {
            ModelError::Budget(message) => message.clone(),
            ModelError::RateLimited { .. } => format!("{name} is busy."),
            ModelError::Timeout => format!("{name} did not answer in time."),
            ModelError::Broken | ModelError::Empty => format!("The answer of {name} broke off."),
            ModelError::Unauthorised => format!("{name} refused the key."),
            ModelError::Provider { .. } | ModelError::Unreachable(_) => format!("{name} is not reachable."),
        };
        self.ready.push_back(ChatEvent::Notice(format!("{reason} {next} answers.")));
        None
    }
}

#[async_trait]
impl ChatModel for Fallback {
    fn name(&self) -> &str {
        self.links.first().map_or(OFFLINE, |link| link.name())
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        // The last link is always tried.
        let skip = self.failed.get(&request.turn).await.unwrap_or(0).min(self.links.len().saturating_sub(1));
        let attempt = Attempt {
            links: self.links.iter().skip(skip).cloned().collect(),
            failed: self.failed.clone(),
            request,
            stream: None,
            begun: false,
            ready: VecDeque::new(),
            over: false,
        };
        Ok(futures::stream::unfold(attempt, |mut attempt| async move {
            let item = attempt.next().await?;
            Some((item, attempt))
        })
        .boxed())
    }
}

#[cfg(test)]
mod tests;
