//! What a connector is: it says what it reads and how it is configured, and it reads. It remembers nothing itself, writes
//! nothing on a platform, and hands rows to a [`Sink`].
use super::client::{Http, Judge, Reply};
use super::fault::{Code, ConnectorError, Voice};
use super::rows::Rows;
use super::shape::{Seen, Unreadable};
use crate::clock::SharedClock;
use crate::money::Currency;
use crate::period::Window;
use async_trait::async_trait;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;
use url::Url;

/// One thing that a connection is told.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    /// What it is and where it is found, for a person.
    pub help: &'static str,
    pub required: bool,
    pub secret: bool,
    pub default: Option<&'static str>,
}

impl Field {
    /// A setting that must be given.
    pub const fn needed(name: &'static str, help: &'static str) -> Self {
        Self { name, help, required: true, secret: false, default: None }
    }

    /// A setting that may be left out.
    pub const fn optional(name: &'static str, help: &'static str, default: Option<&'static str>) -> Self {
        Self { name, help, required: false, secret: false, default }
    }

    /// A secret that must be given.
    pub const fn secret(name: &'static str, help: &'static str) -> Self {
        Self { name, help, required: true, secret: true, default: None }
    }

    /// A secret that may be left out.
    pub const fn optional_secret(name: &'static str, help: &'static str) -> Self {
        Self { name, help, required: false, secret: true, default: None }
    }
}

/// A host of a platform. Its address can be moved: by `config.base_url` (the host with the empty key), or by
/// `ADJUTANT_<CONNECTOR>_BASE_URL` and `ADJUTANT_<CONNECTOR>_<KEY>_BASE_URL`.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Empty for the main one, else `AUTH`, `DATA`….
    pub key: &'static str,
    pub base: &'static str,
}

/// How a stream is read.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Figures by day. Each run reads the days that may still move; days are replaced whole.
    Series {
        /// Days back from the last complete one that a run reads again, because figures come late.
        restate_days: i32,
        /// Days of one request.
        slice_days: i32,
        /// Entity kinds of `daily_metrics` whose rows in a slice are all of this stream.
        kinds: &'static [&'static str],
    },
    /// Things that change. The connector moves its own cursor, page by page.
    Changes,
    /// A full list of things each time.
    Listing,
}

/// What a stream fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `daily_metrics`.
    Daily,
    /// `search_performance`; the kinds of the series are its grains.
    Search,
    /// `search_terms`.
    Terms,
    /// Campaigns, subscriptions and other things.
    Things,
}

#[derive(Clone, Copy, Debug)]
pub struct StreamSpec {
    pub name: &'static str,
    pub fact: Fact,
    pub shape: Shape,
    /// Days of history of the first run.
    pub backfill_days: i32,
    /// Minutes between runs by the clock.
    pub every_minutes: i64,
}

impl StreamSpec {
    /// Things as a whole list, read again each time.
    pub const fn listing(name: &'static str, every_minutes: i64) -> Self {
        Self { name, fact: Fact::Things, shape: Shape::Listing, backfill_days: 1, every_minutes }
    }
}

/// Requests a connection may make: `per_second` on average, `burst` at once. `connectors.md` §2, under each "Quotas"; a
/// fifth of it is left to people and to executions (§1.4).
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub per_second: f64,
    pub burst: f64,
}

/// How much of a quota is used, as the platform's own headers or bodies tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// 0 to 1.
    pub used: f64,
    /// Seconds until it is free again, where that is told.
    pub resets_in: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub struct ConnectorSpec {
    /// The word of `data-model.md` §8.
    pub key: &'static str,
    pub title: &'static str,
    /// Settings and secrets.
    pub fields: &'static [Field],
    pub hosts: &'static [Host],
    pub api_version: &'static str,
    pub streams: &'static [StreamSpec],
    pub budget: Budget,
    /// Where the vendor describes this API.
    pub docs: &'static str,
}

impl ConnectorSpec {
    pub fn stream(&self, name: &str) -> Option<&'static StreamSpec> {
        self.streams.iter().find(|stream| stream.name == name)
    }

    /// Names of fields that must be given and are not.
    pub fn missing<'a>(&self, given: impl Fn(&str) -> bool + 'a) -> Vec<&'static str> {
        self.fields
            .iter()
            .filter(|field| field.required && !given(field.name))
            .map(|field| field.name)
            .collect()
    }
}

/// What a connector works with in one run.
pub struct Ctx {
    pub http: Http,
    pub config: Map<String, Value>,
    pub secrets: BTreeMap<String, SecretString>,
    pub clock: SharedClock,
    pub cancel: CancellationToken,
    pub voice: Voice,
    /// The account's own; its days are counted in it.
    pub zone: TimeZone,
    pub currency: Currency,
    /// Makes ids of people that nobody else makes, from their addresses.
    pub person_key: Vec<u8>,
    pub api_version: String,
    pub bases: BTreeMap<&'static str, Url>,
    /// An access token that was issued in this run.
    pub token: tokio::sync::Mutex<Option<super::oauth::Token>>,
    pub fields: &'static [Field],
}

impl Ctx {
    /// A setting, or its default.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let given = self.config.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        given.or_else(|| self.fields.iter().find(|field| field.name == name)?.default)
    }

    /// A setting that the connection cannot do without.
    pub fn needed(&self, name: &str) -> Result<&str, ConnectorError> {
        self.setting(name).ok_or_else(|| self.unset(name))
    }

    pub fn secret(&self, name: &str) -> Result<&SecretString, ConnectorError> {
        self.secrets.get(name).ok_or_else(|| self.unset(name))
    }

    fn unset(&self, name: &str) -> ConnectorError {
        let what = format!("'{name}' is not set");
        let advice = format!("give it with `adjutant source add {} …`", self.voice.connector);
        self.voice.error(Code::MissingConfig, &what, "", &advice)
    }

    /// `path` below a host of the platform.
    pub fn url(&self, host: &str, path: &str) -> Result<Url, ConnectorError> {
        let base = self.bases.get(host).map_or("", |base| base.as_str()).trim_end_matches('/');
        Url::parse(&format!("{base}/{}", path.trim_start_matches('/'))).map_err(|error| {
            self.voice.error(
                Code::Request,
                &format!("no address can be made of it: {error}"),
                "",
                "correct base_url",
            )
        })
    }

    /// A link that the platform gave, if it leads to the platform: any other host is refused (`connectors.md` §1.5).
    pub fn next_link(&self, link: &str) -> Result<Url, ConnectorError> {
        let refused = |what: &str| {
            self.voice.error(Code::Request, what, "", "nothing is sent there; tell the platform's support")
        };
        let url = Url::parse(link).map_err(|_| refused("the link to the next page is no address"))?;
        if self.bases.values().any(|base| base.origin() == url.origin()) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        Err(refused(&format!("the link to the next page leads to another host, {host}")))
    }

    /// The account's day now.
    pub fn today(&self) -> Date {
        crate::period::local_day(self.clock.now(), &self.zone)
    }

    pub fn error(&self, code: Code, what: &str, advice: &str) -> ConnectorError {
        self.voice.error(code, what, "", advice)
    }

    /// A body that is no page: nothing of it is kept.
    pub fn unreadable(&self, fault: &Unreadable) -> ConnectorError {
        match fault {
            Unreadable::Truncated => {
                self.error(Code::Unavailable, "an answer ends in the middle", "the next run asks again")
            }
            Unreadable::Not(expected) => self.error(
                Code::SchemaBreaking,
                &format!("an answer is not {expected}"),
                "the platform changed its API: look for an update of Adjutant",
            ),
        }
    }
}

/// What one call of [`Connector::sync`] is asked for.
#[derive(Clone, Debug)]
pub struct SyncRequest {
    pub stream: &'static StreamSpec,
    /// Where a stream of changes was left; nothing at its first run.
    pub cursor: Option<Value>,
    /// The days of a slice, or of the history a first run of changes shall read.
    pub window: Window,
    /// Pages after which a slice is given up.
    pub page_limit: u32,
    /// A person asked for these days: the cursor stays, so that no later run goes on with them.
    pub asked: bool,
}

/// What a slice told besides its rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamOutcome {
    /// The last day the platform has figures of, where it tells; a day after it is not complete.
    pub through: Option<Date>,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// What the key opens, for a person.
    pub account: String,
    pub time_zone: Option<String>,
    pub currency: Option<Currency>,
}

/// Takes what a connector reads. Nothing is written before a checkpoint.
#[async_trait]
pub trait Sink: Send {
    fn take(&mut self, rows: Rows);
    /// Rows taken from here on are as the platform had them at this moment: an older look never replaces a newer one.
    fn as_of(&mut self, at: jiff::Timestamp);
    /// What the payloads were like: fields that were missing, new, or said unknown words.
    fn saw(&mut self, seen: Seen);
    fn warn(&mut self, code: &'static str, detail: String);
    /// Commits everything taken so far together with the cursor, in one transaction. Streams by day leave it to the
    /// engine, at the end of each slice.
    async fn checkpoint(&mut self, cursor: Value) -> Result<(), ConnectorError>;
}

/// Reads one platform.
#[async_trait]
pub trait Connector: Send + Sync {
    fn spec(&self) -> &'static ConnectorSpec;
    /// What an answer means, beyond its status.
    fn judge(&self) -> Judge {
        super::client::by_status
    }
    /// How much of its quota the platform says is used.
    fn quota(&self) -> fn(&Reply) -> Option<Quota> {
        |_| None
    }
    /// The cheapest call that needs the key; it also says whose account it is.
    async fn check(&self, cx: &Ctx) -> Result<CheckReport, ConnectorError>;
    /// Reads one slice of a stream, or all that changed.
    async fn sync(
        &self,
        cx: &Ctx,
        request: &SyncRequest,
        sink: &mut dyn Sink,
    ) -> Result<StreamOutcome, ConnectorError>;
    /// How it takes deliveries (webhooks), where the platform sends any.
    fn webhook(&self) -> Option<&'static dyn super::hook::Webhook> {
        None
    }
    /// Settings besides `base_url` that are part of an address: secrets go where they say.
    fn leads(&self) -> &'static [&'static str] {
        &[]
    }
    /// The account's id as facts carry it.
    fn account(&self, config: &Map<String, Value>) -> String;
}
