//! The Web API of Slack, over the generic calls of `slack-morphism`: the pace of each channel, time limits, one kind of
//! error, and tokens that appear nowhere.
mod pace;
mod wire;

use super::Settings;
use crate::clock::SharedClock;
use pace::Pace;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use slack_morphism::{SlackApiToken, SlackApiTokenValue};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use wire::Client;

/// Why a call did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    #[error("Slack asks to wait {} s", after.as_secs())]
    Limited { after: Duration },
    /// Slack understood and refused.
    #[error("Slack refused: {code}")]
    Refused { code: String, detail: Vec<String> },
    /// 5xx, a timeout, something that is no answer. It may have been carried out.
    #[error("Slack did not answer properly: {0}")]
    Broken(String),
    /// The token is of no use any more.
    #[error("the app is not installed in this workspace any more")]
    Gone,
}

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A clock that is moved by hand may jump; a call under way is still given this much of real time.
const LEAST: Duration = Duration::from_secs(2);

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    base: Url,
    token: SlackApiToken,
    clock: SharedClock,
    pace: Pace,
}

impl Api {
    /// The address decides whether TLS is spoken: a fake on this machine speaks plain HTTP.
    pub fn new(settings: &Settings, clock: SharedClock) -> anyhow::Result<Self> {
        let base: Url = settings.api_url.parse().map_err(|error| {
            anyhow::anyhow!("[slack] api_url '{}' is no address: {error}", settings.api_url)
        })?;
        let client = Client::new(&base)?;
        let token = SlackApiToken::new(SlackApiTokenValue(settings.bot_token.expose_secret().to_owned()));
        Ok(Self { inner: Arc::new(Inner { client, base, token, clock, pace: Pace::default() }) })
    }

    /// Calls a method with the bot token and gives what Slack answered. Methods that post keep the pace of their channel
    /// (about one a second), so a call may wait for a moment; while Slack has asked for a longer pause, the method is not
    /// called for that channel and [`ApiError::Limited`] says how long.
    pub async fn call(&self, method: &str, args: &Value) -> Result<Value, ApiError> {
        let inner = &self.inner;
        let channel = args["channel"].as_str().or(args["channel_id"].as_str());
        let at = inner
            .pace
            .reserve(method, channel, inner.clock.now())
            .map_err(|after| ApiError::Limited { after })?;
        inner.clock.until(at).await;
        let args = &unlinked(method, args);
        let sent = inner.client.method(method, args, &inner.token);
        let result = self.in_time(sent).await.and_then(|answer| {
            // What is no JSON at all arrives here as an empty object.
            if answer["ok"] == true {
                Ok(answer)
            } else {
                Err(ApiError::Broken("not an answer of Slack".to_owned()))
            }
        });
        if let Err(ApiError::Limited { after }) = &result {
            inner.pace.pause(method, channel, inner.clock.now(), *after);
        }
        if let Err(error) = &result {
            tracing::debug!(method, channel, %error, "a call to Slack failed");
        }
        result
    }

    /// Answers through the address an interaction brought: five times within half an hour. `body` has no `markdown_text`.
    pub async fn respond(&self, response_url: &str, body: &Value) -> Result<(), ApiError> {
        let url = self.trusted(response_url)?;
        self.in_time(self.inner.client.post(url, body)).await.map(|_| ())
    }

    /// Puts a file into a channel or thread; gives its id.
    pub async fn upload(
        &self,
        channel: &str,
        thread_ts: Option<&str>,
        name: &str,
        title: &str,
        bytes: Vec<u8>,
    ) -> Result<String, ApiError> {
        let file = self.deposit(name, bytes).await?;
        self.share(&file, title, channel, thread_ts).await?;
        Ok(file)
    }

    /// The first two steps of an upload: the bytes are there, and nobody sees them yet.
    pub(super) async fn deposit(&self, name: &str, bytes: Vec<u8>) -> Result<String, ApiError> {
        let args = json!({"filename": name, "length": bytes.len()});
        let place = self.call("files.getUploadURLExternal", &args).await?;
        let (Some(url), Some(file)) = (place["upload_url"].as_str(), place["file_id"].as_str()) else {
            return Err(ApiError::Broken("an upload without an address".to_owned()));
        };
        let url = self.trusted(url)?;
        self.in_time(self.inner.client.bytes(url, &bytes)).await?;
        Ok(file.to_owned())
    }

    /// The third step: the file appears in its channel.
    pub(super) async fn share(
        &self,
        file: &str,
        title: &str,
        channel: &str,
        thread_ts: Option<&str>,
    ) -> Result<(), ApiError> {
        let mut args = json!({"files": [{"id": file, "title": title}], "channel_id": channel});
        if let Some(thread) = thread_ts {
            args["thread_ts"] = thread.into();
        }
        self.call("files.completeUploadExternal", &args).await.map(|_| ())
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        let clock = &self.inner.clock;
        let limit = clock.now() + TIMEOUT;
        tokio::select! {
            result = call => result,
            _ = async { tokio::join!(clock.until(limit), tokio::time::sleep(LEAST)) } => {
                Err(ApiError::Broken(format!("no answer within {} s", TIMEOUT.as_secs())))
            }
        }
    }

    /// Addresses that others hand us are used only where they are Slack's, or where the configured API is.
    fn trusted(&self, url: &str) -> Result<Url, ApiError> {
        let refused = || ApiError::Refused { code: "foreign_address".to_owned(), detail: Vec::new() };
        let url: Url = url.parse().map_err(|_| refused())?;
        let host = url.host_str().unwrap_or_default();
        let of_slack = [".slack.com", ".slack-gov.com"].iter().any(|domain| host.ends_with(domain));
        let known = url.scheme() == "https" && of_slack && url.port().is_none();
        if known || url.origin() == self.inner.base.origin() { Ok(url) } else { Err(refused()) }
    }
}

/// What is posted is never unfurled (an address could carry data out), and names in it are never looked up.
fn unlinked<'a>(method: &str, args: &'a Value) -> Cow<'a, Value> {
    let quiet: &[&str] = match method {
        "chat.postMessage" => &["unfurl_links", "unfurl_media", "link_names"],
        "chat.postEphemeral" | "chat.update" => &["link_names"],
        _ => &[],
    };
    let mut args = Cow::Borrowed(args);
    for option in quiet {
        if args[*option] != false {
            args.to_mut()[*option] = false.into();
        }
    }
    args
}
