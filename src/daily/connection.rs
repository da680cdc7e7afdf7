//! From a stored connection to what its connector works with: opened secrets, addresses, a client of its own.
use crate::clock::SharedClock;
use crate::db::sources::Source;
use crate::platforms::client::{Chance, Http, Limits, Parts};
use crate::platforms::contract::{Connector, ConnectorSpec, Ctx};
use crate::platforms::fault::{Code, ConnectorError, Voice};
use crate::platforms::public::is_public;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;
use url::Url;

/// What lies outside: time, chance, limits, and where platforms are when they are not where they always are.
#[derive(Clone)]
pub struct Outside {
    pub clock: SharedClock,
    pub chance: Chance,
    pub limits: Limits,
    /// By connector and host in capitals: `PLAUSIBLE`, `GA4_AUTH`.
    pub base_urls: BTreeMap<String, String>,
    pub allow_insecure: bool,
}

/// A connection about to be used.
pub struct Opening<'a> {
    pub connector: &'static dyn Connector,
    pub config: &'a Map<String, Value>,
    pub secrets: BTreeMap<String, SecretString>,
    pub time_zone: &'a str,
    pub currency: crate::money::Currency,
    pub api_version: &'a str,
    pub person_key: Vec<u8>,
    /// The stream, or `check`.
    pub stream: &'a str,
}

impl<'a> Opening<'a> {
    pub fn of(
        connector: &'static dyn Connector,
        source: &'a Source,
        secrets: BTreeMap<String, SecretString>,
        person_key: Vec<u8>,
        stream: &'a str,
    ) -> Self {
        Self {
            connector,
            config: &source.config,
            secrets,
            time_zone: &source.account_time_zone,
            currency: source.currency,
            api_version: &source.api_version,
            person_key,
            stream,
        }
    }
}

/// Opens a connection: everything it must be told is there, and its addresses are allowed.
pub fn open(
    outside: &Outside,
    opening: Opening<'_>,
    cancel: CancellationToken,
) -> Result<Ctx, ConnectorError> {
    let spec = opening.connector.spec();
    let voice = Voice::new(spec.key, opening.stream, opening.secrets.values().cloned().collect());
    let missing =
        spec.missing(|name| opening.config.contains_key(name) || opening.secrets.contains_key(name));
    if !missing.is_empty() {
        let what = format!("not configured: {} missing", missing.join(", "));
        let advice = format!("give it with `adjutant source add {} …`", spec.key);
        return Err(voice.error(Code::MissingConfig, &what, "", &advice));
    }
    let zone = TimeZone::get(opening.time_zone).map_err(|_| {
        let what = format!("'{}' is no time zone", opening.time_zone);
        voice.error(Code::MissingConfig, &what, "", "write one such as Europe/Zurich")
    })?;
    let http = Http::new(Parts {
        clock: outside.clock.clone(),
        chance: outside.chance.clone(),
        limits: outside.limits,
        budget: spec.budget,
        cancel: cancel.clone(),
        voice: voice.clone(),
        public_only: !outside.allow_insecure,
    })?
    .understanding(opening.connector.judge(), opening.connector.quota());
    Ok(Ctx {
        http,
        bases: bases(outside, spec, opening.config, &voice)?,
        config: opening.config.clone(),
        secrets: opening.secrets,
        clock: outside.clock.clone(),
        cancel,
        voice,
        zone,
        currency: opening.currency,
        person_key: opening.person_key,
        api_version: match opening.api_version {
            "" => spec.api_version.to_owned(),
            version => version.to_owned(),
        },
        token: tokio::sync::Mutex::default(),
        fields: spec.fields,
    })
}

/// The address of each host: the connection's own, else the environment's, else the platform's.
fn bases(
    outside: &Outside,
    spec: &ConnectorSpec,
    config: &Map<String, Value>,
    voice: &Voice,
) -> Result<BTreeMap<&'static str, Url>, ConnectorError> {
    let mut bases = BTreeMap::new();
    for host in spec.hosts {
        let connector = spec.key.to_ascii_uppercase();
        let name = if host.key.is_empty() { connector } else { format!("{connector}_{}", host.key) };
        let own = config.get("base_url").and_then(Value::as_str).filter(|_| host.key.is_empty());
        let moved = own.or_else(|| outside.base_urls.get(&name).map(String::as_str));
        let text = moved.unwrap_or(host.base);
        let refused = |what: String, advice: &str| voice.error(Code::MissingConfig, &what, "", advice);
        let url = Url::parse(text)
            .ok()
            .filter(|url| url.has_host() && url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| {
                refused(format!("'{text}' is no address"), "write one such as https://stats.example.org")
            })?;
        if !outside.allow_insecure && !is_public(&url) {
            return Err(refused(
                format!(
                    "the address {} is not https, or leads into this network",
                    url.host_str().unwrap_or_default()
                ),
                "use https and a public name, or set ADJUTANT_ALLOW_INSECURE_BASE_URLS=true if that is meant",
            ));
        }
        bases.insert(host.key, url);
    }
    Ok(bases)
}

#[cfg(test)]
mod tests;
