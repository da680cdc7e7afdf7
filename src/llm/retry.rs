//! Repeats a call that failed before it said anything.
use super::settings::Retry as RetrySettings;
use super::{ChatModel, ChatRequest, ChatStream, ModelError};
use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// A model that is asked again on 408, 429, 5xx and connection errors, with exponential pauses or the provider's own.
pub struct Retry {
    pub inner: Arc<dyn ChatModel>,
    pub settings: RetrySettings,
}

#[async_trait]
impl ChatModel for Retry {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(self.settings.min_delay)
            .with_max_delay(self.settings.max_delay)
            .with_max_times(self.settings.times)
            .with_jitter();
        let longest = self.settings.longest_retry_after;
        (|| open(&self.inner, request.clone()))
            .retry(backoff)
            .when(worth_another_try)
            .adjust(move |error, pause| after(error, pause, longest))
            .notify(|error, pause| tracing::info!(%error, ?pause, "the model call is repeated"))
            .await
    }
}

/// Opens the stream and waits for its first event, so that a failure before it can still be repeated.
async fn open(model: &Arc<dyn ChatModel>, request: ChatRequest) -> Result<ChatStream, ModelError> {
    let mut stream = model.stream(request).await?;
    match stream.next().await {
        Some(Ok(first)) => Ok(futures::stream::once(async { Ok(first) }).chain(stream).boxed()),
        Some(Err(error)) => Err(error),
        None => Err(ModelError::Broken),
    }
}

fn worth_another_try(error: &ModelError) -> bool {
    match error {
        ModelError::RateLimited { .. } | ModelError::Unreachable(_) | ModelError::Broken => true,
        ModelError::Provider { status } => matches!(status, 408 | 500 | 502 | 503 | 504 | 529),
        ModelError::Timeout | ModelError::Empty | ModelError::Unauthorised | ModelError::Budget(_) => false,
    }
}

/// The pause before the next try; none gives up. `pause` is what the backoff says, none when its tries are used up.
fn after(error: &ModelError, pause: Option<Duration>, longest: Duration) -> Option<Duration> {
    match (error, pause) {
        (ModelError::RateLimited { retry_after: Some(asked) }, Some(_)) => {
            (*asked <= longest).then_some(*asked)
        }
        (_, pause) => pause,
    }
}

#[cfg(test)]
mod tests;
