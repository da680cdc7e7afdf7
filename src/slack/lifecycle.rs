//! Where the app is installed: found out at start-up, taken back when Slack says so.
use super::probe::{self, Bot, ProbeError};
use super::receive::Home;
use super::wire::{Inbound, Us};
use super::{Handled, Slack};
use crate::db::audit;
use crate::db::slack::installs::{self, Install, InstallState};
use crate::ids::OrgId;
use anyhow::{Context as _, bail};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pauses between two tries to find out where we are.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Records the installation of the bot token; tries until it works or `stop`.
pub async fn run(slack: &Slack, stop: CancellationToken) {
    let mut pause = SHORTEST;
    while let Err(error) = slack.install().await {
        tracing::error!(
            error = format!("{error:#}"),
            "Slack: the installation could not be recorded; `adjutant doctor` says what to do"
        );
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST),
        }
    }
}

/// Meets the workspaces of this organisation that are on record, whichever replica recorded them.
pub(super) async fn look_around(slack: &Slack) -> anyhow::Result<()> {
    let Some(org) = slack.own().await? else { return Ok(()) };
    let mut tx = slack.inner.app.db.org(org).await?;
    let all = installs::all(&mut tx, org).await?;
    tx.commit().await?;
    for install in all {
        slack.inner.homes.keep(home(org, install));
    }
    Ok(())
}

fn home(org: OrgId, install: Install) -> Home {
    let us = Us { bot_user: install.bot_user, bot_id: install.bot_id };
    Home { org, team: install.team, us }
}

impl Slack {
    /// Asks Slack whose the bot token is, and records it for the organisation.
    pub async fn install(&self) -> anyhow::Result<()> {
        let bot = probe::bot(&self.inner.http, &self.inner.settings).await?;
        let org = self.organisation().await?;
        let install = Install {
            app_id: self.app_id(&bot).await,
            team: bot.team,
            name: crate::text::clean(&bot.team_name, 100),
            bot_user: bot.user,
            bot_id: bot.bot_id,
            scopes: bot.scopes,
            state: InstallState::Active,
            shared_channels: serde_json::json!({}),
        };
        let mut tx = self.inner.app.db.org(org).await?;
        installs::record(&mut tx, org, &install, self.inner.app.clock.now()).await.with_context(|| {
            format!(
                "workspace {} could not be recorded; does it belong to another organisation?",
                install.team
            )
        })?;
        tx.commit().await?;
        tracing::info!(team = install.team, name = install.name, "Slack: installed");
        self.inner.homes.keep(home(org, install));
        self.inner.installed.store(true, Ordering::Relaxed);
        self.inner.wake.notify_one();
        Ok(())
    }

    /// The organisation of the workspace: the one configured, or the only one.
    async fn organisation(&self) -> anyhow::Result<OrgId> {
        let all = self.inner.app.db.organisations().await?;
        let wanted = self.inner.settings.organisation.as_deref();
        match (wanted, all.as_slice()) {
            (Some(slug), all) => match all.iter().find(|(_, known)| known == slug) {
                Some((org, _)) => Ok(*org),
                None => bail!("[slack] organisation = '{slug}' does not exist; `adjutant setup` makes one"),
            },
            (None, [(org, _)]) => Ok(*org),
            (None, []) => bail!("there is no organisation yet; `adjutant setup` makes one"),
            (None, several) => {
                let slugs: Vec<&str> = several.iter().map(|(_, slug)| slug.as_str()).collect();
                bail!(
                    "say which organisation the workspace is for: [slack] organisation = one of {}",
                    slugs.join(", ")
                )
            }
        }
    }

    /// For the record only.
    async fn app_id(&self, bot: &Bot) -> String {
        let asked = self.inner.api.call("bots.info", &serde_json::json!({"bot": bot.bot_id})).await;
        asked.ok().and_then(|answer| answer["bot"]["app_id"].as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// Takes what is about the installation itself. What Slack says is checked with Slack: an event that comes late, after
/// the app was installed anew, changes nothing.
pub(super) async fn handle(slack: &Slack, org: OrgId, inbound: &Inbound) -> anyhow::Result<Handled> {
    let (team, why) = if let Inbound::Uninstalled { team } = inbound {
        (team, "the app was removed from the workspace")
    } else if let Inbound::TokensRevoked { team, bot } = inbound {
        if !bot {
            return Ok(Handled::Yes);
        }
        (team, "the bot's token was revoked")
    } else {
        return Ok(Handled::No);
    };
    match probe::bot(&slack.inner.http, &slack.inner.settings).await {
        Ok(bot) if bot.team == *team => return Ok(Handled::Yes),
        Ok(_) => {}
        Err(error) if error.token_is_dead() => {}
        Err(error @ (ProbeError::Refused(_) | ProbeError::Unreachable(_))) => return Err(error.into()),
    }
    let now = slack.inner.app.clock.now();
    let mut tx = slack.inner.app.db.org(org).await?;
    if installs::revoke(&mut tx, org, team, now).await? {
        let mut entry = audit::NewEntry::by_system("slack.revoked", "slack_install", team, now);
        entry.reason = Some(why.to_owned());
        audit::append(&mut tx, org, &entry).await?;
    }
    tx.commit().await?;
    slack.inner.homes.forget(team);
    tracing::error!(team, "Slack: {why}; install it again and set SLACK_BOT_TOKEN");
    Ok(Handled::Yes)
}
