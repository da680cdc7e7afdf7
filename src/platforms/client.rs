//! The one way out to a platform: budget, retries, time limits, body limit, cancellation, and no secret in any error.
use super::contract::{Budget, Quota};
use super::fault::{Code, ConnectorError, Voice};
use super::public::{self, PublicOnly};
use crate::clock::SharedClock;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use url::Url;

mod bucket;
mod pace;
pub use bucket::Bucket;
pub use pace::retry_after;

/// Randomness between 0 and 1, handed in so that tests know it.
pub type Chance = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Limits of every request (`connectors.md` §1.4, §1.5).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connect: Duration,
    /// The longest pause within an answer.
    pub read: Duration,
    pub attempts: u32,
    /// After so long no further attempt is begun.
    pub patience: SignedDuration,
    /// After so long a run is stopped between two requests; the next one goes on after what was kept.
    pub run: SignedDuration,
    pub body: usize,
    /// Pages of one slice in one run.
    pub pages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            attempts: 5,
            patience: SignedDuration::from_mins(10),
            run: SignedDuration::from_hours(2),
            body: 256 << 20,
            pages: 1_000,
        }
    }
}

/// What is sent as a body.
#[derive(Clone, Debug)]
pub enum Payload {
    None,
    Json(Value),
    /// Secrets may be among the values.
    Form(Vec<(&'static str, SecretString)>),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: Method,
    pub url: Url,
    /// Headers with a secret: never shown.
    pub secret_headers: Vec<(&'static str, SecretString)>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Payload,
}

impl Ask {
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            secret_headers: Vec::new(),
            headers: Vec::new(),
            body: Payload::None,
        }
    }

    pub fn post(url: Url, body: Payload) -> Self {
        Self { method: Method::POST, body, ..Self::get(url) }
    }

    pub fn bearer(self, token: &SecretString) -> Self {
        self.secret_header("authorization", SecretString::from(format!("Bearer {}", token.expose_secret())))
    }

    pub fn secret_header(mut self, name: &'static str, value: SecretString) -> Self {
        self.secret_headers.push((name, value));
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Good,
    /// Worth another try, not before so many seconds.
    Again {
        code: Code,
        what: String,
        platform_code: String,
        wait: Option<i64>,
    },
    Bad {
        code: Code,
        what: String,
        platform_code: String,
        advice: &'static str,
    },
}

/// How a connector reads answers. The default goes by the status alone.
pub type Judge = fn(&Reply) -> Verdict;

/// What requests of a run cost.
#[derive(Debug, Default)]
pub struct Meter {
    pub requests: AtomicI64,
    pub retries: AtomicI64,
    pub throttled_ms: AtomicI64,
}

/// The client of one run.
pub struct Http {
    client: reqwest::Client,
    clock: SharedClock,
    chance: Chance,
    bucket: Bucket,
    limits: Limits,
    /// When the run has to end.
    until: Timestamp,
    cancel: CancellationToken,
    voice: Voice,
    judge: Judge,
    quota: fn(&Reply) -> Option<Quota>,
    pub meter: Arc<Meter>,
}

/// What an [`Http`] is made of.
pub struct Parts {
    pub clock: SharedClock,
    pub chance: Chance,
    pub limits: Limits,
    pub budget: Budget,
    pub cancel: CancellationToken,
    pub voice: Voice,
    /// Names are only followed to addresses of the open net, and connected to where they led.
    pub public_only: bool,
}

impl Http {
    /// A client with the default judge and no quota told by the platform.
    pub fn new(parts: Parts) -> Result<Self, ConnectorError> {
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(parts.limits.connect)
            .read_timeout(parts.limits.read)
            .user_agent(concat!("adjutant/", env!("CARGO_PKG_VERSION")));
        if parts.public_only {
            client = client.dns_resolver(Arc::new(PublicOnly { allowed: Arc::default() }));
        }
        let client = client.build().map_err(|error| {
            let what = format!("no connection can be made: {}", error.without_url());
            parts.voice.error(Code::Unavailable, &what, "", "look at the machine's TLS and network")
        })?;
        let until = parts.clock.now().checked_add(parts.limits.run).unwrap_or(Timestamp::MAX);
        Ok(Self {
            client,
            bucket: Bucket::new(parts.budget, parts.clock.clone()),
            clock: parts.clock,
            chance: parts.chance,
            limits: parts.limits,
            until,
            cancel: parts.cancel,
            voice: parts.voice,
            judge: by_status,
            quota: |_| None,
            meter: Arc::default(),
        })
    }

    /// The same, with a platform's own error bodies and quota headers understood.
    pub fn understanding(mut self, judge: Judge, quota: fn(&Reply) -> Option<Quota>) -> Self {
        (self.judge, self.quota) = (judge, quota);
        self
    }

    /// Sends until an answer is good, or until it makes no sense to go on.
    pub async fn send(&self, ask: &Ask) -> Result<Reply, ConnectorError> {
        let begun = self.clock.now();
        let mut attempt = 0;
        loop {
            self.go_on()?;
            self.throttle(self.bucket.take()).await?;
            self.meter.requests.fetch_add(1, Ordering::Relaxed);
            let (error, wait) = match self.once(ask).await {
                Ok(reply) => {
                    if let Some(quota) = (self.quota)(&reply) {
                        self.bucket.heed(quota);
                    }
                    match (self.judge)(&reply) {
                        Verdict::Good => return Ok(reply),
                        Verdict::Bad { code, what, platform_code, advice } => {
                            return Err(self.voice.error(code, &what, &platform_code, advice));
                        }
                        Verdict::Again { code, what, platform_code, wait } => {
                            let advice = "the next run tries again";
                            (self.voice.error(code, &what, &platform_code, advice), wait)
                        }
                    }
                }
                Err(error) if error.code == Code::Unavailable => (error, None),
                Err(error) => return Err(error),
            };
            attempt += 1;
            let now = self.clock.now();
            let delay = pace::delay(attempt, (self.chance)(), wait);
            let late = now.duration_since(begun) + delay > self.limits.patience;
            if attempt >= self.limits.attempts || late {
                return Err(error);
            }
            tracing::info!(connector = self.voice.connector, code = %error.code, attempt, "asking a platform again");
            self.meter.retries.fetch_add(1, Ordering::Relaxed);
            self.throttle(self.clock.until(now.checked_add(delay).unwrap_or(Timestamp::MAX))).await?;
        }
    }

    /// Waits, unless the run is cancelled meanwhile, and counts how long.
    async fn throttle(&self, wait: impl Future<Output = ()>) -> Result<(), ConnectorError> {
        let from = self.clock.now();
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(self.cancelled()),
            () = wait => {}
        }
        let waited = self.clock.now().duration_since(from).as_millis();
        self.meter.throttled_ms.fetch_add(i64::try_from(waited).unwrap_or(i64::MAX), Ordering::Relaxed);
        Ok(())
    }

    /// An error when the run was cancelled, or lasted too long.
    pub fn go_on(&self) -> Result<(), ConnectorError> {
        if self.cancel.is_cancelled() {
            return Err(self.cancelled());
        }
        if self.clock.now() > self.until {
            let what = format!("it was stopped after {} minutes", self.limits.run.as_mins());
            let advice = "the next run goes on after what was kept";
            return Err(self.voice.error(Code::Cancelled, &what, "", advice));
        }
        Ok(())
    }

    fn cancelled(&self) -> ConnectorError {
        self.voice.error(Code::Cancelled, "it was cancelled", "", "the next run goes on after what was kept")
    }

    async fn once(&self, ask: &Ask) -> Result<Reply, ConnectorError> {
        let request = self.request(ask)?;
        let unreachable = |error: reqwest::Error| self.unreachable(error);
        let talk = async {
            let answer = self.client.execute(request).await.map_err(unreachable)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut body = Vec::new();
            let mut parts = answer.bytes_stream();
            while let Some(part) = parts.next().await {
                body.extend_from_slice(&part.map_err(unreachable)?);
                if body.len() > self.limits.body {
                    let what = format!("an answer is larger than {} MiB", self.limits.body >> 20);
                    return Err(self.voice.error(Code::Request, &what, "", "ask for fewer days at a time"));
                }
            }
            Ok(Reply { status, headers, body })
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(self.cancelled()),
            reply = talk => reply,
        }
    }

    fn request(&self, ask: &Ask) -> Result<reqwest::Request, ConnectorError> {
        let bad = |what: &str| {
            self.voice.error(Code::Request, what, "", "look for a line break in what was entered")
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &ask.headers {
            let value =
                HeaderValue::from_str(value).map_err(|_| bad("a setting cannot stand in a header"))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        for (name, value) in &ask.secret_headers {
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| bad("a secret holds characters that no header takes"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut request = self.client.request(ask.method.clone(), ask.url.clone()).headers(headers);
        match &ask.body {
            Payload::None => {}
            Payload::Json(value) => request = request.json(value),
            Payload::Form(pairs) => {
                let pairs: Vec<(&str, &str)> =
                    pairs.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
                request = request.form(&pairs);
            }
        }
        request.build().map_err(|error| bad(&error.without_url().to_string()))
    }

    /// The platform was not reached, or stopped in the middle. The address is left out: it may carry a token.
    fn unreachable(&self, error: reqwest::Error) -> ConnectorError {
        if public::refused(&error) {
            let advice = "correct base_url, or set ADJUTANT_ALLOW_INSECURE_BASE_URLS=true if that is meant (a proxy counts)";
            return self.voice.error(Code::MissingConfig, public::INSIDE, "", advice);
        }
        let what = if error.is_timeout() {
            "it did not answer in time"
        } else if error.is_connect() {
            "it cannot be reached"
        } else {
            "its answer broke off"
        };
        let error = error.without_url();
        tracing::debug!(connector = self.voice.connector, error = %self.voice.redact(&format!("{error:?}")), "no answer");
        self.voice.error(
            Code::Unavailable,
            what,
            "",
            "the next run tries again; look at the platform's status page",
        )
    }
}

/// What a status means where the body says nothing else (`connectors.md` §1.4).
pub fn by_status(reply: &Reply) -> Verdict {
    let status = reply.status.as_u16();
    let platform_code = format!("HTTP {status}");
    let wait = retry_after(reply);
    let bad = |code, what: &str, advice| Verdict::Bad {
        code,
        what: what.to_owned(),
        platform_code: platform_code.clone(),
        advice,
    };
    let again = |code, what: &str| Verdict::Again {
        code,
        what: what.to_owned(),
        platform_code: platform_code.clone(),
        wait,
    };
    match status {
        200..=299 => Verdict::Good,
        429 => again(Code::RateLimited, "too many requests"),
        408 | 409 | 425 | 500 | 502..=504 => again(Code::Unavailable, "the platform is in trouble"),
        401 => bad(Code::Invalid, "the key was refused", "enter a valid one: `adjutant source secret`"),
        403 => bad(
            Code::Scope,
            "the key may not read this",
            "give it the rights that the guide names, or use another",
        ),
        404 => bad(
            Code::AccountNotFound,
            "there is no such account",
            "look at the account's id, and whether the key sees it",
        ),
        _ => bad(
            Code::Request,
            "the platform does not take this request",
            "look for an update of Adjutant, or report it",
        ),
    }
}

#[cfg(test)]
mod tests;
