//! Any OpenAI-compatible endpoint as a [`ChatModel`]: the only file that knows `async-openai`.
use super::assemble::Calls;
use super::settings::{Provider, Quirks, Timeouts};
use super::wire::{self, Chunk};
use super::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelError};
use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::time::Duration;

/// Characters of one answer with its tool arguments; a provider that sends more is cut off.
const LONGEST_ANSWER: usize = 256 * 1024;

/// One endpoint and model. Cloning shares the connection pool.
pub struct OpenAiModel {
    name: String,
    quirks: Quirks,
    client: Client<Endpoint>,
    /// What the provider wants echoed with its calls, by turn and call.
    echoes: moka::future::Cache<String, Map<String, Value>>,
    idle: Duration,
}

impl OpenAiModel {
    /// Fails when the key or a header cannot be sent, or no TLS is installed.
    pub fn new(provider: &Provider, timeouts: &Timeouts) -> Result<Self, ModelError> {
        // The first caller installs it for the process; a later one finds it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()
            .map_err(|e| ModelError::Unreachable(e.without_url().to_string()))?;
        let sender = http.clone();
        let service = tower::service_fn(move |factory: HttpRequestFactory| send(sender.clone(), factory));
        let endpoint = Endpoint::new(provider)?;
        let client = Client::build(http, endpoint).with_http_service(service);
        Ok(Self {
            name: provider.model.clone(),
            quirks: provider.quirks.clone(),
            client,
            idle: timeouts.idle,
            echoes: moka::future::Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_secs(600))
                .build(),
        })
    }
}

#[async_trait]
impl ChatModel for OpenAiModel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let mut echoes = std::collections::BTreeMap::new();
        for id in request.messages.iter().flat_map(call_ids) {
            if let Some(extra) = self.echoes.get(&format!("{}/{id}", request.turn)).await {
                echoes.insert(id.to_owned(), extra);
            }
        }
        let body = wire::request(&self.name, &self.quirks, &request, &|id| {
            echoes.get(id).cloned().unwrap_or_default()
        });
        let chunks =
            self.client.chat().create_stream_byot::<_, Value>(body).await.map_err(|e| failure(&e))?;
        let reading = Reading {
            chunks: chunks.boxed(),
            model: self.name.clone(),
            turn: request.turn.to_string(),
            echoes: self.echoes.clone(),
            calls: Calls::default(),
            size: 0,
            idle: self.idle,
            begun: false,
            finish: None,
            usage: None,
            ready: Vec::new(),
            over: false,
        };
        Ok(futures::stream::unfold(reading, |mut reading| async move {
            let item = reading.next().await?;
            Some((item, reading))
        })
        .boxed())
    }
}

fn call_ids(message: &super::Message) -> impl Iterator<Item = &str> {
    let calls = match message {
        super::Message::Assistant { calls, .. } => calls.as_slice(),
        super::Message::User { .. } | super::Message::Note { .. } | super::Message::Tool { .. } => &[],
    };
    calls.iter().map(|call| call.id.as_str())
}

/// The state of one stream being read.
struct Reading {
    chunks: futures::stream::BoxStream<'static, Result<Value, OpenAIError>>,
    model: String,
    turn: String,
    echoes: moka::future::Cache<String, Map<String, Value>>,
    calls: Calls,
    size: usize,
    /// The longest pause within the answer.
    idle: Duration,
    begun: bool,
    finish: Option<String>,
    usage: Option<(u64, u64)>,
    /// Events to hand out before the next chunk is read, last first.
    ready: Vec<ChatEvent>,
    over: bool,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<ChatEvent, ModelError>> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(Ok(event));
            }
            if self.over {
                return None;
            }
            match self.chunk().await {
                Err(silent) => {
                    self.over = true;
                    // Silence after the finish reason only lost the usage.
                    if self.finish.is_none() {
                        return Some(Err(silent));
                    }
                    self.end().await;
                }
                Ok(Some(Ok(value))) => {
                    if let Err(error) = self.take(Chunk::read(&value)) {
                        self.over = true;
                        return Some(Err(error));
                    }
                }
                Ok(Some(Err(error))) => {
                    self.over = true;
                    // A broken connection after the finish reason only lost the usage.
                    if self.finish.is_none() {
                        let timeout = matches!(failure(&error), ModelError::Timeout);
                        return Some(Err(if timeout { ModelError::Timeout } else { ModelError::Broken }));
                    }
                    self.end().await;
                }
                Ok(None) => {
                    self.over = true;
                    if self.finish.is_none() {
                        return Some(Err(ModelError::Broken));
                    }
                    self.end().await;
                }
            }
        }
    }

    /// The next piece of the stream. Until the first one somebody else waits ([`super::timeout::FirstToken`]).
    async fn chunk(&mut self) -> Result<Option<Result<Value, OpenAIError>>, ModelError> {
        let next = self.chunks.next();
        if !self.begun {
            return Ok(next.await);
        }
        tokio::time::timeout(self.idle, next).await.map_err(|_| ModelError::Timeout)
    }

    fn take(&mut self, chunk: Chunk) -> Result<(), ModelError> {
        if let Some(error) = chunk.error {
            return Err(match error.status {
                Some(429) => ModelError::RateLimited { retry_after: None },
                Some(status) if status >= 400 => ModelError::Provider { status },
                Some(_) | None => ModelError::Broken,
            });
        }
        self.usage = chunk.usage.or(self.usage);
        self.finish = chunk.finish.or(self.finish.take());
        // Tool arguments and thoughts are not shown as they come, but the wait for the first token is over.
        if !self.begun && (chunk.busy || !chunk.calls.is_empty()) && chunk.text.is_empty() {
            self.begun = true;
            self.ready.push(ChatEvent::Text(String::new()));
        }
        for part in chunk.calls {
            self.calls.add(part);
        }
        self.size += chunk.text.len();
        if !chunk.text.is_empty() {
            self.begun = true;
            self.ready.push(ChatEvent::Text(chunk.text));
        }
        if self.size + self.calls.size() > LONGEST_ANSWER { Err(ModelError::Broken) } else { Ok(()) }
    }

    async fn end(&mut self) {
        self.ready.push(ChatEvent::Done { model: self.model.clone() });
        if let Some((tokens_in, tokens_out)) = self.usage {
            self.ready.push(ChatEvent::Usage { tokens_in, tokens_out });
        }
        let mut calls = std::mem::take(&mut self.calls).finish();
        calls.reverse();
        for (event, extra) in calls {
            if let (ChatEvent::Call(call), false) = (&event, extra.is_empty()) {
                self.echoes.insert(format!("{}/{}", self.turn, call.id), extra).await;
            }
            self.ready.push(event);
        }
        if self.finish.as_deref() == Some("length") {
            let line = "The model reached its length limit; the answer may be cut.";
            self.ready.push(ChatEvent::Notice(line.to_owned()));
        }
    }
}

/// Address and headers of one provider. Unlike the crate's own configuration it never reads the environment.
#[derive(Clone)]
struct Endpoint {
    base_url: String,
    key: SecretString,
    headers: HeaderMap,
}

impl Endpoint {
    fn new(provider: &Provider) -> Result<Self, ModelError> {
        let bad = |what: &str| {
            ModelError::Unreachable(format!("{what} of provider '{}' cannot be sent", provider.name))
        };
        let mut headers = HeaderMap::new();
        if let Some(key) = &provider.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret().trim()))
                .map_err(|_| bad("the key"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in &provider.quirks.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("a header name"))?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| bad("a header"))?);
        }
        let key = provider.key.clone().unwrap_or_default();
        Ok(Self { base_url: provider.base_url.trim_end_matches('/').to_owned(), key, headers })
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }
    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }
    fn api_base(&self) -> &str {
        &self.base_url
    }
    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

/// A refusal over HTTP with what the retry needs; the body is dropped: it may repeat the prompt.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the provider answered {status}")]
struct Refused {
    status: u16,
    retry_after: Option<Duration>,
}

/// Sends one request once: retries are ours, and a refusal keeps its status and `Retry-After`.
async fn send(http: reqwest::Client, factory: HttpRequestFactory) -> Result<reqwest::Response, OpenAIError> {
    let request = factory.build().await?;
    let response = http.execute(request).await?;
    let received = response.headers().get(DATE).and_then(|value| value.to_str().ok()).and_then(date);
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| pause(text, received));
    Err(OpenAIError::Boxed(Box::new(Refused { status: status.as_u16(), retry_after })))
}

/// A pause as `Retry-After` gives it: seconds, or a date that is compared with the provider's own `Date`, so that neither
/// clock has to be right.
fn pause(text: &str, received: Option<Timestamp>) -> Option<Duration> {
    let seconds = match text.trim().parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => date(text)?.duration_since(received?).as_secs_f64().max(0.0),
    };
    (seconds.is_finite() && (0.0..=86_400.0).contains(&seconds)).then(|| Duration::from_secs_f64(seconds))
}

/// A date as HTTP headers have it.
fn date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text.trim()).ok().map(|at| at.timestamp())
}

fn failure(error: &OpenAIError) -> ModelError {
    if let OpenAIError::Boxed(inner) = error
        && let Some(refused) = inner.downcast_ref::<Refused>()
    {
        return match refused.status {
            401 | 403 => ModelError::Unauthorised,
            429 => ModelError::RateLimited { retry_after: refused.retry_after },
            status => ModelError::Provider { status },
        };
    }
    if let OpenAIError::Reqwest(inner) = error {
        if inner.is_timeout() && !inner.is_connect() {
            return ModelError::Timeout;
        }
        let what = if inner.is_connect() { "the connection failed" } else { "the request failed" };
        return ModelError::Unreachable(what.to_owned());
    }
    // Unreadable JSON or a broken stream; the text of the error may hold the payload and stays here.
    ModelError::Broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_until_a_date() {
        let now = date("Wed, 21 Oct 2015 07:28:00 GMT");
        assert!(now.is_some());
        let seconds = |text: &str| pause(text, now).map(|pause| pause.as_secs_f64());
        assert_eq!(seconds(" 2.5 "), Some(2.5));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:07 GMT"), Some(7.0));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:27:00 GMT"), Some(0.0), "a date that is past");
        assert_eq!(seconds("Fri, 21 Oct 2016 07:28:00 GMT"), None, "too far");
        assert_eq!(seconds("soon"), None);
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:07 GMT", None), None);
    }
}
