//! A circuit breaker: after several failures in a row a provider is left alone for a while, then tried by one call.
use super::settings::Breaker as BreakerSettings;
use super::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelError};
use crate::clock::SharedClock;
use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};

pub struct Breaker {
    inner: Arc<dyn ChatModel>,
    circuit: Arc<Circuit>,
}

impl Breaker {
    pub fn new(inner: Arc<dyn ChatModel>, clock: SharedClock, settings: BreakerSettings) -> Self {
        Self { inner, circuit: Arc::new(Circuit { clock, settings, state: Mutex::new(State::default()) }) }
    }
}

#[derive(Default)]
struct State {
    failures: u32,
    opened_at: Option<Timestamp>,
    /// One call is out to see whether the provider is back.
    probing: bool,
}

struct Circuit {
    clock: SharedClock,
    settings: BreakerSettings,
    state: Mutex<State>,
}

impl Circuit {
    /// Whether a call may go out now.
    fn admit(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = state.opened_at else { return true };
        let rested = self.clock.now().duration_since(opened);
        let pause = jiff::SignedDuration::try_from(self.settings.pause).unwrap_or(jiff::SignedDuration::MAX);
        if rested < pause || state.probing {
            return false;
        }
        state.probing = true;
        true
    }

    fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    fn failed(&self, error: &ModelError) {
        if matches!(error, ModelError::Empty | ModelError::Budget(_)) {
            return self.abandoned();
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures += 1;
        state.probing = false;
        if state.failures >= self.settings.failures {
            state.opened_at = Some(self.clock.now());
        }
    }

    /// The caller went away: neither success nor failure.
    fn abandoned(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).probing = false;
    }
}

/// Reports one call's end, also when its stream is dropped half-way.
struct Call {
    circuit: Arc<Circuit>,
    reported: bool,
}

impl Call {
    fn report(&mut self, outcome: Result<(), &ModelError>) {
        if !std::mem::replace(&mut self.reported, true) {
            match outcome {
                Ok(()) => self.circuit.succeeded(),
                Err(error) => self.circuit.failed(error),
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.reported {
            self.circuit.abandoned();
        }
    }
}

#[async_trait]
impl ChatModel for Breaker {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        if !self.circuit.admit() {
            let why = format!("{} failed repeatedly and is left alone for a moment", self.inner.name());
            return Err(ModelError::Unreachable(why));
        }
        let mut call = Call { circuit: Arc::clone(&self.circuit), reported: false };
        let stream = match self.inner.stream(request).await {
            Ok(stream) => stream,
            Err(error) => {
                call.report(Err(&error));
                return Err(error);
            }
        };
        Ok(futures::stream::unfold((stream, call), |(mut stream, mut call)| async move {
            let item = stream.next().await?;
            match &item {
                Ok(ChatEvent::Done { .. }) => call.report(Ok(())),
                Ok(_) => {}
                Err(error) => call.report(Err(error)),
            }
            Some((item, (stream, call)))
        })
        .boxed())
    }
}

#[cfg(test)]
mod tests;
