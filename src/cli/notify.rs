//! `adjutant notify --test <channel>`: whether pushed messages arrive there.
use super::start::Start;
use super::terminal::line;
use crate::clock::SystemClock;
use crate::db::notices::NoticeKind;
use crate::slack::api::{Api, ApiError};
use crate::slack::{Settings, notify};
use anyhow::{Context as _, bail};
use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct Notify {
    /// Id of a Slack channel (C…), to which a test message is sent now.
    #[arg(long, value_name = "CHANNEL")]
    test: String,
    /// digest, alert, weekly or reminder.
    #[arg(long, default_value = "digest")]
    kind: NoticeKind,
}

impl Notify {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let settings = Settings::from_config(&start.config)
            .context("Slack is not connected: SLACK_BOT_TOKEN is missing; `adjutant doctor` says more")?;
        let api = Api::new(&settings, Arc::new(SystemClock))?;
        match notify::test(&api, &SystemClock, self.kind, &self.test).await {
            Ok(()) => {
                line(format_args!("a test {} was sent to {}", self.kind, self.test));
                Ok(ExitCode::SUCCESS)
            }
            Err(ApiError::Refused { code, .. }) => {
                bail!("Slack refused the message: {code}. {}", advice(&code))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn advice(code: &str) -> &'static str {
    match code {
        "channel_not_found" => {
            "Pass the channel's id (in Slack: the channel's name, About, at the bottom), and invite the app to it."
        }
        "not_in_channel" => "Invite the app to the channel: /invite @adjutant.",
        "is_archived" => "The channel is archived; choose another.",
        _ => "`adjutant doctor` checks the token and its scopes.",
    }
}
