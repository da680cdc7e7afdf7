//! How models are reached and how much they may spend; filled from `config::Models`, with defaults that work.
use crate::config;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::time::Duration;

/// The chain of providers in order of preference, and the bounds around each call. No providers: planner only.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub providers: Vec<Provider>,
    pub retry: Retry,
    pub timeouts: Timeouts,
    pub breaker: Breaker,
    pub budget: Budget,
    /// How long an answer is given again to an identical request; zero: never.
    pub reuse: Duration,
}

/// One OpenAI-compatible endpoint.
#[derive(Clone, Debug)]
pub struct Provider {
    pub name: String,
    /// Without the trailing `/chat/completions`.
    pub base_url: String,
    /// None for local servers without authentication.
    pub key: Option<SecretString>,
    pub model: String,
    pub price: Price,
    pub quirks: Quirks,
}

/// USD for a million tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Price {
    pub input: Decimal,
    pub output: Decimal,
}

impl Price {
    /// What a call cost, in USD.
    pub fn of(&self, tokens_in: u64, tokens_out: u64) -> Decimal {
        (self.input * Decimal::from(tokens_in) + self.output * Decimal::from(tokens_out))
            / Decimal::from(1_000_000)
    }
}

/// Where compatible endpoints differ from each other.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// `max_completion_tokens` (newer OpenAI models) or `max_tokens` (everyone else).
    pub max_tokens_field: &'static str,
    /// Ask for usage at the end of the stream; a few old servers refuse the field.
    pub stream_usage: bool,
    pub temperature: Option<f32>,
    pub headers: BTreeMap<String, String>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            max_tokens_field: "max_tokens",
            stream_usage: true,
            temperature: None,
            headers: BTreeMap::new(),
        }
    }
}

impl Quirks {
    /// What is known about an endpoint by its address.
    pub fn of(base_url: &str) -> Self {
        let openai = base_url.contains("api.openai.com");
        Self {
            max_tokens_field: if openai { "max_completion_tokens" } else { "max_tokens" },
            ..Self::default()
        }
    }
}

/// Repeats of a call that has not said anything yet.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Beyond the first attempt.
    pub times: usize,
    pub min_delay: Duration,
    pub max_delay: Duration,
    /// A provider that asks for a longer pause than this is given up for now.
    pub longest_retry_after: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 2,
            min_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(4),
            longest_retry_after: Duration::from_secs(10),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    pub first_token: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// One call with its repeats.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(20),
            idle: Duration::from_secs(15),
            total: Duration::from_secs(60),
        }
    }
}

/// After so many failures in a row a provider is left alone for a while.
#[derive(Clone, Debug)]
pub struct Breaker {
    pub failures: u32,
    pub pause: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, pause: Duration::from_secs(30) }
    }
}

/// What one organisation may spend on models in an hour. The setting of an organisation, where there is one, wins.
#[derive(Clone, Debug)]
pub struct Budget {
    pub tokens_per_hour: u64,
    /// USD.
    pub cost_per_hour: Decimal,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens_per_hour: 3_000_000, cost_per_hour: Decimal::from(20) }
    }
}

impl From<&config::Models> for Settings {
    fn from(models: &config::Models) -> Self {
        let timeouts = Timeouts {
            first_token: Duration::from_secs(models.first_token_seconds),
            idle: Duration::from_secs(models.idle_seconds.max(1)),
            total: Duration::from_secs(models.total_seconds),
            ..Timeouts::default()
        };
        Self {
            providers: models.providers.iter().map(Provider::from).collect(),
            retry: Retry { times: models.retries, ..Retry::default() },
            timeouts,
            reuse: Duration::from_secs(models.reuse_seconds),
            ..Self::default()
        }
    }
}

impl From<&config::Provider> for Provider {
    fn from(provider: &config::Provider) -> Self {
        let usd = |price: f64| Decimal::from_f64(price).unwrap_or_default();
        Self {
            name: provider.name.clone(),
            base_url: provider.base_url.trim_end_matches('/').to_owned(),
            key: provider.key.clone(),
            model: provider.model.clone(),
            price: Price {
                input: usd(provider.usd_per_million_in),
                output: usd(provider.usd_per_million_out),
            },
            quirks: Quirks::of(&provider.base_url),
        }
    }
}
