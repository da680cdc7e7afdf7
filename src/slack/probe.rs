//! The few calls that need another token, or that read what stands beside the answer: at start-up, for the socket, and
//! for `adjutant doctor`. Everything else goes through `api`.
use super::Settings;
use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;

/// How long Slack may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why Slack did not say what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A word of Slack's, for instance `invalid_auth`.
    #[error("Slack refuses: {0}")]
    Refused(String),
    #[error("{0:#}")]
    Unreachable(anyhow::Error),
}

impl ProbeError {
    /// The token is unknown, revoked, or its workspace has removed the app.
    pub fn token_is_dead(&self) -> bool {
        let dead = [
            "invalid_auth",
            "account_inactive",
            "token_revoked",
            "token_expired",
            "not_authed",
            "app_uninstalled",
        ];
        matches!(self, Self::Refused(code) if dead.contains(&code.as_str()))
    }
}

/// What a bot token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    pub team: String,
    pub team_name: String,
    /// `U…` and `B…` of the app.
    pub user: String,
    pub bot_id: String,
    pub scopes: Vec<String>,
}

/// A client for these calls.
pub fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(TIMEOUT).build()?)
}

/// `auth.test`: whose the bot token is, and what it may.
pub async fn bot(http: &reqwest::Client, settings: &Settings) -> Result<Bot, ProbeError> {
    let (answer, scopes) = call(http, settings, "auth.test", &settings.bot_token).await?;
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let team = text("team_id");
    if team.is_empty() {
        return Err(ProbeError::Unreachable(anyhow::anyhow!("auth.test names no workspace")));
    }
    let scopes = scopes.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
    Ok(Bot { team, team_name: text("team"), user: text("user_id"), bot_id: text("bot_id"), scopes })
}

/// `apps.connections.open`: the address of a new socket, good for one connection.
pub async fn socket(
    http: &reqwest::Client,
    settings: &Settings,
    app_token: &SecretString,
) -> Result<String, ProbeError> {
    let (answer, _) = call(http, settings, "apps.connections.open", app_token).await?;
    let url = answer["url"].as_str().filter(|url| url.starts_with("wss://") || url.starts_with("ws://"));
    url.map(str::to_owned)
        .ok_or_else(|| ProbeError::Unreachable(anyhow::anyhow!("apps.connections.open names no address")))
}

/// A call without arguments; gives the answer and the scopes of the token.
async fn call(
    http: &reqwest::Client,
    settings: &Settings,
    method: &str,
    token: &SecretString,
) -> Result<(Value, String), ProbeError> {
    let exchange = async {
        let url = format!("{}{method}", settings.api_url);
        let response = http.post(url).bearer_auth(token.expose_secret()).send().await?;
        let response = response.error_for_status()?;
        let scopes = response.headers().get("x-oauth-scopes").and_then(|v| v.to_str().ok());
        let scopes = scopes.unwrap_or_default().to_owned();
        anyhow::Ok((response.json::<Value>().await?, scopes))
    };
    let answer = exchange.await.with_context(|| format!("{method} at {} got no answer", settings.api_url));
    let (answer, scopes) = answer.map_err(ProbeError::Unreachable)?;
    if answer["ok"] == Value::Bool(true) {
        return Ok((answer, scopes));
    }
    let code = answer["error"].as_str().unwrap_or("an answer that is not ok");
    Err(ProbeError::Refused(crate::text::clean(code, 60)))
}
