//! Bounds on time: until the first token, and for a whole call.
use super::{ChatModel, ChatRequest, ChatStream, ModelError};
use async_trait::async_trait;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Gives up on a stream that says nothing within `limit`.
pub struct FirstToken {
    pub inner: Arc<dyn ChatModel>,
    pub limit: Duration,
}

#[async_trait]
impl ChatModel for FirstToken {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let first = async {
            let mut stream = self.inner.stream(request).await?;
            let first = stream.next().await;
            Ok((first, stream))
        };
        let (first, rest) =
            tokio::time::timeout(self.limit, first).await.map_err(|_| ModelError::Timeout)??;
        Ok(futures::stream::iter(first).chain(rest).boxed())
    }
}

/// Cuts a call with all its repeats after `limit`.
pub struct Total {
    pub inner: Arc<dyn ChatModel>,
    pub limit: Duration,
}

#[async_trait]
impl ChatModel for Total {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let end = Instant::now() + self.limit;
        let stream = timeout_at(end, self.inner.stream(request)).await.map_err(|_| ModelError::Timeout)??;
        Ok(futures::stream::unfold(Some(stream), move |stream| async move {
            let mut stream = stream?;
            match timeout_at(end, stream.next()).await {
                Ok(Some(item)) => Some((item, Some(stream))),
                Ok(None) => None,
                Err(_) => Some((Err(ModelError::Timeout), None)),
            }
        })
        .boxed())
    }
}

#[cfg(test)]
mod tests;
