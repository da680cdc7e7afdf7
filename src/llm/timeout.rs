//! Bounds on time: until the first token, for a whole call, and by the time of its turn.
use super::{ChatModel, ChatRequest, ChatStream, ModelError};
use async_trait::async_trait;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;

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

/// Cuts a call with all its repeats after `limit`, or when its turn needs what time is left for the next link.
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
        let mut end = Box::pin(tokio::time::sleep(self.limit));
        if let Some(by) = request.answer_by.filter(|by| *by < end.deadline()) {
            end.as_mut().reset(by);
        }
        let stream = tokio::select! {
            stream = self.inner.stream(request) => stream?,
            () = &mut end => return Err(ModelError::Timeout),
        };
        Ok(futures::stream::unfold((Some(stream), end), |(stream, mut end)| async move {
            let mut stream = stream?;
            tokio::select! {
                item = stream.next() => item.map(|item| (item, (Some(stream), end))),
                () = &mut end => Some((Err(ModelError::Timeout), (None, end))),
            }
        })
        .boxed())
    }
}

#[cfg(test)]
mod tests;
