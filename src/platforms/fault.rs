//! What reading a platform can fail with: a closed list of codes, and one sentence with what to do.
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

crate::closed_list! {
    /// The codes of `connectors.md` §1.11. A problem document puts `source.` before them.
    Code = "connector error" {
        MissingConfig = "auth.missing_config",
        Invalid = "auth.invalid",
        Expired = "auth.expired",
        Scope = "auth.scope",
        AccountNotFound = "account.not_found",
        AccountManager = "account.manager",
        RateLimited = "rate.limited",
        QuotaDaily = "quota.daily",
        Unavailable = "platform.unavailable",
        /// The platform refuses what we sent: our mistake.
        Request = "request.invalid",
        SchemaBreaking = "schema.breaking",
        PageLoop = "page.loop",
        JobTimeout = "job.timeout",
        JobFailed = "job.failed",
        WindowTooOld = "window.too_old",
        CostLimit = "cost.limit",
        FxMissing = "fx.missing",
        AlreadyRunning = "sync.already_running",
        Cancelled = "cancelled",
        /// Our own database, not the platform.
        Storage = "storage",
    }
}

impl Code {
    /// Only a person can help: trying again by the clock is of no use.
    pub fn needs_a_person(self) -> bool {
        matches!(self, Self::MissingConfig | Self::Invalid | Self::Expired | Self::Scope)
    }
}

/// A connector's error: `"{connector} {stream}: {what failed} ({platform code}) — {what to do}"`, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorError {
    pub code: Code,
    pub message: String,
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectorError {}

/// Longest text of a platform that a message repeats, in characters.
const QUOTED: usize = 300;

/// Who speaks: the connector and the stream, and the secrets that no sentence of theirs may hold.
#[derive(Clone)]
pub struct Voice {
    pub connector: &'static str,
    pub stream: String,
    secrets: Arc<Mutex<Vec<SecretString>>>,
}

impl Voice {
    pub fn new(connector: &'static str, stream: &str, secrets: Vec<SecretString>) -> Self {
        Self { connector, stream: stream.to_owned(), secrets: Arc::new(Mutex::new(secrets)) }
    }

    /// A token that was just issued is a secret like the others, for this voice and its clones.
    pub fn keep(&self, secret: SecretString) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(secret);
    }

    /// An error in the house's form. What platforms say about it may go into `what`: it is cleaned, cut, and rid of secrets.
    pub fn error(&self, code: Code, what: &str, platform_code: &str, advice: &str) -> ConnectorError {
        let what = self.redact(&crate::text::clean(what, QUOTED));
        let platform_code = match self.redact(&crate::text::clean(platform_code, 80)) {
            code if code.is_empty() => String::new(),
            code => format!(" ({code})"),
        };
        let message = format!("{} {}: {what}{platform_code} — {advice}", self.connector, self.stream);
        ConnectorError { code, message }
    }

    /// A text without the secrets of this connection, as they are or as a URL would write them.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let plain = secret.expose_secret();
            // Shorter ones are no secrets, and would cut words to pieces.
            if plain.len() < 4 {
                continue;
            }
            let encoded: String = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
            text = text.replace(plain, "[secret]").replace(&encoded, "[secret]");
        }
        text
    }
}
