//! The Web API of Slack.
use super::Settings;
use crate::clock::SharedClock;
use serde_json::Value;
use std::time::Duration;

/// Why a call did not do what it should.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    #[error("Slack asks to wait {} s", after.as_secs())]
    Limited { after: Duration },
    /// Slack understood and refused.
    #[error("Slack refused: {code}")]
    Refused { code: String, detail: Vec<String> },
    /// 5xx, a timeout, something that is no answer.
    #[error("Slack did not answer properly: {0}")]
    Broken(String),
    /// The token is of no use any more.
    #[error("the app is not installed in this workspace any more")]
    Gone,
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Api;

impl Api {
    pub fn new(_settings: &Settings, _clock: SharedClock) -> anyhow::Result<Self> {
        Ok(Self)
    }

    /// Calls a method with the bot token; posting methods keep the pace of their channel.
    pub async fn call(&self, method: &str, _args: &Value) -> Result<Value, ApiError> {
        Err(ApiError::Broken(format!("{method} cannot be called yet")))
    }

    /// Answers through the address an interaction brought.
    pub async fn respond(&self, _response_url: &str, _body: &Value) -> Result<(), ApiError> {
        Err(ApiError::Broken("replies cannot be sent yet".to_owned()))
    }

    /// Puts a file into a channel or thread; gives its id.
    pub async fn upload(
        &self,
        _channel: &str,
        _thread_ts: Option<&str>,
        name: &str,
        _title: &str,
        _bytes: Vec<u8>,
    ) -> Result<String, ApiError> {
        Err(ApiError::Broken(format!("{name} cannot be uploaded yet")))
    }
}
