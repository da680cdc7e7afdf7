//! The only reader of environment and config file: defaults that work < `adjutant.toml` < environment.
//!
//! Environment names are `ADJUTANT_<SECTION>__<KEY>` (for instance `ADJUTANT_SERVER__LISTEN`), and the customary
//! `DATABASE_URL`, `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `SLACK_BOT_TOKEN`, `SLACK_APP_TOKEN`, `SLACK_SIGNING_SECRET`. Secrets are read into types that do not print.
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {message}")]
    File { path: String, message: String },
    #[error("environment variable {name}: {message}")]
    Environment { name: String, message: String },
    #[error("configuration: {0}")]
    Value(String),
    #[error("no home directory is known; set ADJUTANT_DATABASE__DATA_DIR to a folder that may be written")]
    NoHome,
}

/// Everything the program can be told from outside.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub model: Models,
    pub turns: Turns,
    pub tools: Tools,
    pub slack: Slack,
    pub webhooks: Webhooks,
    #[serde(skip)]
    pub sources: Sources,
    #[serde(skip)]
    pub host: Host,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    pub listen: SocketAddr,
    /// How people reach the server, when a proxy stands before it.
    pub public_url: Option<String>,
    /// Largest request body, bytes.
    pub body_limit: usize,
}

impl Default for Server {
    fn default() -> Self {
        let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8470);
        Self { listen, public_url: None, body_limit: 1024 * 1024 }
    }
}

#[derive(Clone, Debug, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// A PostgreSQL 16+ with pgvector, as a role that may create roles. Without it a private cluster runs in `data_dir`.
    pub url: Option<String>,
    pub data_dir: Option<PathBuf>,
    /// A folder with `postgres`, `initdb`, `pg_ctl` of a PostgreSQL that has pgvector.
    pub postgres_bin: Option<PathBuf>,
}

/// The chain of models, first choice first. The offline planner is always the last link.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    pub providers: Vec<Provider>,
    pub first_token_seconds: u64,
    /// The longest pause within an answer.
    pub idle_seconds: u64,
    pub total_seconds: u64,
    pub retries: usize,
    /// How long an answer is given again to an identical request; 0 switches that off.
    pub reuse_seconds: u64,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            first_token_seconds: 20,
            idle_seconds: 15,
            total_seconds: 60,
            retries: 2,
            reuse_seconds: 300,
        }
    }
}

/// One OpenAI-compatible endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub name: String,
    pub base_url: String,
    pub model: String,
    /// The environment variable that holds the key; local servers need none.
    #[serde(default)]
    pub key_env: Option<String>,
    /// Price of a million tokens in USD, for budgets and the cost record.
    #[serde(default)]
    pub usd_per_million_in: f64,
    #[serde(default)]
    pub usd_per_million_out: f64,
    #[serde(skip)]
    pub key: Option<SecretString>,
}

/// Bounds of one turn (`chat.md`).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turns {
    pub rounds: u32,
    pub tool_calls: u32,
    pub seconds: u64,
    /// Tokens of earlier turns and tool results shown to a model.
    pub context_tokens: usize,
    /// Questions of one organisation that one server answers at once.
    pub at_once: usize,
    /// Questions of one organisation in an hour, unless its own setting says otherwise.
    pub per_hour: u64,
    /// Answers that one caller may listen to at once.
    pub streams: usize,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            rounds: 8,
            tool_calls: 16,
            seconds: 60,
            context_tokens: 24_000,
            at_once: 400,
            per_hour: 5_000,
            streams: 100,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Tools {
    /// A folder laid over the built-in `tools/`: files of the same name replace, others add.
    pub overlay: Option<PathBuf>,
}

/// Webhooks that other programs ask for.
#[derive(Clone, Debug, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Hosts that messages may be sent to although they are of this network or without TLS.
    pub allow_hosts: Vec<String>,
}

/// How the agent meets people in Slack. Without a bot token there is no Slack.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Slack {
    /// Base of the Web API, with a slash at the end.
    pub api_url: String,
    /// The slug of the organisation this workspace belongs to; not needed where there is only one.
    pub organisation: Option<String>,
    /// Users (`U…` or `T…/U…`) who are answered although they are guests, apps or from another workspace. They still
    /// need a link to a member.
    pub allow: Vec<String>,
    /// `SLACK_BOT_TOKEN` (`xoxb-…`).
    #[serde(skip)]
    pub bot_token: Option<SecretString>,
    /// `SLACK_APP_TOKEN` (`xapp-…`): events come over a socket that we open.
    #[serde(skip)]
    pub app_token: Option<SecretString>,
    /// `SLACK_SIGNING_SECRET`: events come to `/slack/…` of this server.
    #[serde(skip)]
    pub signing_secret: Option<SecretString>,
}

impl Default for Slack {
    fn default() -> Self {
        Self {
            api_url: "https://slack.com/api/".to_owned(),
            organisation: None,
            allow: Vec::new(),
            bot_token: None,
            app_token: None,
            signing_secret: None,
        }
    }
}

/// What connections to platforms need of the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `ADJUTANT_MASTER_KEY`, 32 bytes in base64: seals the secrets of connections.
    pub master_key: Option<SecretString>,
    /// `ADJUTANT_OLD_MASTER_KEY`: still opens what an older key sealed, until `adjutant key rotate` has run.
    pub old_master_key: Option<SecretString>,
    /// `ADJUTANT_<CONNECTOR>[_<HOST>]_BASE_URL` by `<CONNECTOR>[_<HOST>]`, for proxies and tests.
    pub base_urls: BTreeMap<String, String>,
    /// `ADJUTANT_ALLOW_INSECURE_BASE_URLS=true`: addresses without TLS or of this network are allowed.
    pub allow_insecure: bool,
    /// `ADJUTANT_SOURCE_<FIELD>` by field, in lower case: secrets for `adjutant source add`.
    pub secrets: BTreeMap<String, SecretString>,
}

/// What the machine tells: folders, and where programs are looked for.
#[derive(Clone, Debug, Default)]
pub struct Host {
    pub home: Option<PathBuf>,
    pub data_home: Option<PathBuf>,
    pub cache_home: Option<PathBuf>,
    pub path: Vec<PathBuf>,
    pub log: Option<String>,
}

impl Config {
    /// Reads `file` (or `adjutant.toml` in the working directory, if there is one) and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = environment();
        let default = Path::new("adjutant.toml");
        let text = match file.or_else(|| default.exists().then_some(default)) {
            Some(path) => Some((
                path.display().to_string(),
                std::fs::read_to_string(path).map_err(|e| ConfigError::File {
                    path: path.display().to_string(),
                    message: format!("cannot be read: {e}"),
                })?,
            )),
            None => None,
        };
        Self::from_parts(text.as_ref().map(|(path, text)| (path.as_str(), text.as_str())), &environment)
    }

    /// The same from texts: what tests call.
    pub fn from_parts(
        file: Option<(&str, &str)>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut table = match file {
            Some((path, text)) => text
                .parse::<toml::Table>()
                .map_err(|e| ConfigError::File { path: path.to_owned(), message: e.to_string() })?,
            None => toml::Table::new(),
        };
        for (name, value) in environment {
            if let Some(key) = name.strip_prefix("ADJUTANT_").filter(|key| !Sources::knows(key)) {
                set(&mut table, name, key, value)?;
            }
        }
        let mut config: Self = toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| {
            ConfigError::Value(format!("{} (see adjutant.example.toml)", e.message()))
        })?;
        if let Some(url) = environment.get("DATABASE_URL").filter(|url| !url.is_empty()) {
            config.database.url = Some(url.clone());
        }
        config.customary_providers(environment);
        for provider in &mut config.model.providers {
            if let Some(name) = &provider.key_env {
                let key = environment.get(name).filter(|key| !key.is_empty()).ok_or_else(|| {
                    ConfigError::Value(format!("model provider '{}' needs the key in {name}", provider.name))
                })?;
                provider.key = Some(SecretString::from(key.clone()));
            }
        }
        config.slack.read(environment);
        config.sources = Sources::read(environment);
        config.host = Host::read(environment);
        Ok(config)
    }

    /// A key in the environment is enough: without `[[model.providers]]` its customary endpoint is used.
    fn customary_providers(&mut self, environment: &BTreeMap<String, String>) {
        if !self.model.providers.is_empty() {
            return;
        }
        let known = [
            (
                "openai",
                "OPENAI_API_KEY",
                "OPENAI_BASE_URL",
                "https://api.openai.com/v1",
                "gpt-5-mini",
                (0.25, 2.0),
            ),
            (
                "anthropic",
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_BASE_URL",
                "https://api.anthropic.com/v1",
                "claude-sonnet-4-5",
                (3.0, 15.0),
            ),
        ];
        let set = |name: &str| environment.get(name).filter(|value| !value.trim().is_empty());
        // List prices in USD for a million tokens, so that the hourly budget holds without a configuration file.
        for (name, key_env, url_env, url, model, (price_in, price_out)) in known {
            if set(key_env).is_some() {
                self.model.providers.push(Provider {
                    name: name.to_owned(),
                    base_url: set(url_env).map_or(url, |given| given.trim()).to_owned(),
                    model: model.to_owned(),
                    key_env: Some(key_env.to_owned()),
                    usd_per_million_in: price_in,
                    usd_per_million_out: price_out,
                    key: None,
                });
            }
        }
    }

    /// Where the private cluster and the demo's files live.
    pub fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        match (&self.database.data_dir, &self.host.data_home) {
            (Some(dir), _) => Ok(dir.clone()),
            (None, Some(home)) => Ok(home.join("adjutant")),
            (None, None) => Err(ConfigError::NoHome),
        }
    }

    /// The folder of the deployment's own tools: the configured one, else `tools` in the data directory.
    pub fn own_tools(&self) -> Result<PathBuf, ConfigError> {
        self.tools.overlay.clone().map_or_else(|| Ok(self.data_dir()?.join("tools")), Ok)
    }

    /// The folder laid over the built-in tools, where there is one.
    pub fn overlay(&self) -> Option<PathBuf> {
        let found = self.data_dir().ok().map(|dir| dir.join("tools")).filter(|folder| folder.is_dir());
        self.tools.overlay.clone().or(found)
    }

    /// Where fetched PostgreSQL builds are kept.
    pub fn cache_dir(&self) -> Result<PathBuf, ConfigError> {
        self.host.cache_home.as_ref().map(|dir| dir.join("adjutant")).ok_or(ConfigError::NoHome)
    }

    /// For what is thrown away at the end.
    pub fn temp_dir(&self) -> PathBuf {
        std::env::temp_dir()
    }

    pub fn public_url(&self) -> String {
        self.server.public_url.clone().unwrap_or_else(|| format!("http://{}", self.server.listen))
    }
}

impl Slack {
    fn read(&mut self, environment: &BTreeMap<String, String>) {
        let secret = |name: &str| {
            let value = environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
            value.map(|value| SecretString::from(value.to_owned()))
        };
        self.bot_token = secret("SLACK_BOT_TOKEN");
        self.app_token = secret("SLACK_APP_TOKEN");
        self.signing_secret = secret("SLACK_SIGNING_SECRET");
        if !self.api_url.ends_with('/') {
            self.api_url.push('/');
        }
    }
}

impl Sources {
    /// Names without a section that are its own, less the prefix `ADJUTANT_`.
    fn knows(name: &str) -> bool {
        matches!(name, "MASTER_KEY" | "OLD_MASTER_KEY" | "ALLOW_INSECURE_BASE_URLS")
            || (name.ends_with("_BASE_URL") && !name.contains("__"))
            || (name.starts_with("SOURCE_") && !name.contains("__"))
    }

    fn read(environment: &BTreeMap<String, String>) -> Self {
        let own = || {
            let named = environment
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix("ADJUTANT_")?, value.trim())));
            named.filter(|(name, value)| Self::knows(name) && !value.is_empty())
        };
        let secret = |wanted: &str| {
            let found = own().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| SecretString::from(value.to_owned()))
        };
        Self {
            master_key: secret("MASTER_KEY"),
            old_master_key: secret("OLD_MASTER_KEY"),
            base_urls: own()
                .filter_map(|(name, value)| {
                    Some((name.strip_suffix("_BASE_URL")?.to_owned(), value.to_owned()))
                })
                .collect(),
            allow_insecure: own().any(|(name, value)| name == "ALLOW_INSECURE_BASE_URLS" && value == "true"),
            secrets: own()
                .filter_map(|(name, value)| Some((name.strip_prefix("SOURCE_")?, value)))
                .map(|(name, value)| (name.to_ascii_lowercase(), SecretString::from(value.to_owned())))
                .collect(),
        }
    }
}

impl Host {
    fn read(environment: &BTreeMap<String, String>) -> Self {
        let dir = |name: &str| environment.get(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = dir("HOME").or_else(|| dir("USERPROFILE"));
        Self {
            data_home: dir("XDG_DATA_HOME").or_else(|| home.as_ref().map(|h| h.join(".local/share"))),
            cache_home: dir("XDG_CACHE_HOME").or_else(|| home.as_ref().map(|h| h.join(".cache"))),
            path: environment.get("PATH").map(|p| std::env::split_paths(p).collect()).unwrap_or_default(),
            log: environment.get("RUST_LOG").cloned(),
            home,
        }
    }
}

/// The process environment; names or values that are not Unicode are left out.
#[allow(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// `SERVER__LISTEN=…` into `[server] listen`. A value that reads as a TOML number or boolean is one; others are text.
fn set(table: &mut toml::Table, name: &str, key: &str, value: &str) -> Result<(), ConfigError> {
    let Some((section, key)) = key.split_once("__") else {
        return Err(ConfigError::Environment {
            name: name.to_owned(),
            message: "write ADJUTANT_<SECTION>__<KEY>, for instance ADJUTANT_SERVER__LISTEN".to_owned(),
        });
    };
    let section = section.to_ascii_lowercase();
    let entry = table.entry(section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    let toml::Value::Table(entry) = entry else {
        return Err(ConfigError::Environment {
            name: name.to_owned(),
            message: format!("'{section}' is not a section"),
        });
    };
    let parsed = value
        .parse::<i64>()
        .map(toml::Value::Integer)
        .or_else(|_| value.parse::<bool>().map(toml::Value::Boolean))
        .unwrap_or_else(|_| toml::Value::String(value.to_owned()));
    entry.insert(key.to_ascii_lowercase(), parsed);
    Ok(())
}
