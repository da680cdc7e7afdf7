//! One call on the wire, and what its end means.
use super::ApiError;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use slack_morphism::errors::{SlackClientApiError, SlackClientError};
use slack_morphism::prelude::{SlackClientHyperConnector, SlackClientHyperHttpsConnector};
use slack_morphism::{SlackApiToken, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector};
use std::time::Duration;
use tracing::Span;
use url::Url;

/// Methods that take no JSON: what is read, and the address of an upload. They are called with a query.
const QUERIES: [&str; 7] = [
    "bots.info",
    "chat.getPermalink",
    "conversations.history",
    "conversations.info",
    "conversations.replies",
    "files.getUploadURLExternal",
    "users.info",
];

/// Where Slack says "too fast" without saying for how long.
const SOME_TIME: Duration = Duration::from_secs(5);

/// A client with or without TLS.
pub enum Client {
    Plain(SlackClient<SlackClientHyperConnector<HttpConnector>>),
    Tls(SlackClient<SlackClientHyperHttpsConnector>),
}

impl Client {
    pub fn new(base: &Url) -> anyhow::Result<Self> {
        let address = base.as_str().trim_end_matches('/');
        match base.scheme() {
            "http" => {
                let connector = SlackClientHyperConnector::with_connector(HttpConnector::new());
                Ok(Self::Plain(SlackClient::new(connector.with_slack_api_url(address))))
            }
            "https" => {
                let connector = SlackClientHyperConnector::new()?;
                Ok(Self::Tls(SlackClient::new(connector.with_slack_api_url(address))))
            }
            other => {
                anyhow::bail!("[slack] api_url begins with '{other}:'; it must be an http or https address")
            }
        }
    }

    /// A method of the Web API.
    pub async fn method(&self, method: &str, args: &Value, token: &SlackApiToken) -> Result<Value, ApiError> {
        match self {
            Self::Plain(client) => call(client, method, args, token).await,
            Self::Tls(client) => call(client, method, args, token).await,
        }
        .map_err(meaning)
    }

    /// JSON to an address that is itself the secret.
    pub async fn post(&self, url: Url, body: &Value) -> Result<Value, ApiError> {
        let span = Span::none();
        match self {
            Self::Plain(client) => client.http_api.connector.http_post_uri(url, body, nameless(&span)).await,
            Self::Tls(client) => client.http_api.connector.http_post_uri(url, body, nameless(&span)).await,
        }
        .map_err(meaning)
    }

    /// The bytes of a file to the address made for them.
    pub async fn bytes(&self, url: Url, bytes: &[u8]) -> Result<(), ApiError> {
        let span = Span::none();
        let kind = "application/octet-stream".to_owned();
        let sent: Result<Value, _> = match self {
            Self::Plain(client) => {
                client.http_api.connector.http_post_uri_binary(url, kind, bytes, nameless(&span)).await
            }
            Self::Tls(client) => {
                client.http_api.connector.http_post_uri_binary(url, kind, bytes, nameless(&span)).await
            }
        };
        sent.map(|_| ()).map_err(meaning)
    }
}

/// Without a token, and with an address that is not logged.
fn nameless(span: &Span) -> SlackClientApiCallContext<'_> {
    SlackClientApiCallContext {
        rate_control_params: None,
        token: None,
        tracing_span: span,
        is_sensitive_url: true,
    }
}

async fn call<C: SlackClientHttpConnector + Send + Sync>(
    client: &SlackClient<C>,
    method: &str,
    args: &Value,
    token: &SlackApiToken,
) -> Result<Value, SlackClientError> {
    let session = client.open_session(token);
    if QUERIES.contains(&method) {
        let query = query(args);
        session.http_session_api.http_get(method, &query, None).await
    } else {
        session.http_session_api.http_post(method, args, None).await
    }
}

/// The arguments of a method that reads; what is no text is written as JSON.
fn query(args: &Value) -> Vec<(&str, Option<String>)> {
    let fields = args.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| {
            let text = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    Some(value.to_string())
                }
            };
            (name.as_str(), text)
        })
        .collect()
}

/// What the end of a call means. Bodies are left out: they may repeat what was sent.
fn meaning(error: SlackClientError) -> ApiError {
    match error {
        SlackClientError::ApiError(refusal) => refused(refusal),
        SlackClientError::RateLimitError(limit) => {
            ApiError::Limited { after: limit.retry_after.unwrap_or(SOME_TIME).max(Duration::from_secs(1)) }
        }
        SlackClientError::HttpError(answer) if answer.status_code.is_client_error() => ApiError::Refused {
            code: format!("http_{}", answer.status_code.as_u16()),
            detail: answer.http_response_body.iter().map(|body| body.chars().take(200).collect()).collect(),
        },
        SlackClientError::HttpError(answer) => {
            ApiError::Broken(format!("HTTP {}", answer.status_code.as_u16()))
        }
        SlackClientError::ProtocolError(fault) => ApiError::Broken(format!("no JSON: {}", fault.json_error)),
        SlackClientError::HttpProtocolError(fault) => {
            let cause = fault.cause.map_or_else(String::new, |cause| format!(": {cause}"));
            ApiError::Broken(format!("the connection failed{cause}"))
        }
        SlackClientError::EndOfStream(_)
        | SlackClientError::SystemError(_)
        | SlackClientError::SocketModeProtocolError(_) => {
            ApiError::Broken("the connection failed".to_owned())
        }
    }
}

fn refused(refusal: SlackClientApiError) -> ApiError {
    match refusal.code.as_str() {
        "token_revoked" | "token_expired" | "account_inactive" | "invalid_auth" | "not_authed" => {
            ApiError::Gone
        }
        "ratelimited" | "rate_limited" => ApiError::Limited { after: SOME_TIME },
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            ApiError::Broken(refusal.code)
        }
        _ => {
            let body = refusal.http_response_body.unwrap_or_default();
            let body: Value = serde_json::from_str(&body).unwrap_or_default();
            let messages = body["response_metadata"]["messages"].as_array().into_iter().flatten();
            let mut detail = refusal.errors.unwrap_or_default();
            for message in messages.filter_map(Value::as_str) {
                if !detail.iter().any(|known| known == message) {
                    detail.push(message.to_owned());
                }
            }
            detail.extend(body["needed"].as_str().map(|scope| format!("needs the scope {scope}")));
            ApiError::Refused { code: refusal.code, detail }
        }
    }
}
