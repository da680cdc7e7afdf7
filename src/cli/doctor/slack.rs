//! The tokens of Slack: are they there, are they taken, may they do what is needed, is somebody linked.
use super::{bad, good};
use crate::cli::start::Running;
use crate::db::slack::{installs, people};
use crate::slack::probe::{self, ProbeError};
use crate::slack::{Settings, manifest};

/// Says what is set up and what is to be done; `false`: Slack is configured and does not work.
pub async fn check(running: &Running) -> anyhow::Result<bool> {
    let Some(settings) = Settings::from_config(&running.config) else {
        let words = match (&running.config.slack.app_token, &running.config.slack.signing_secret) {
            (None, None) => "not connected; README, \"Connect Slack in five minutes\"",
            _ => {
                "not connected: SLACK_BOT_TOKEN (xoxb-…) is missing; OAuth & Permissions of the app shows it"
            }
        };
        good("slack", words);
        return Ok(true);
    };
    rustls::crypto::ring::default_provider().install_default().ok();
    let http = probe::client()?;
    let mut sound = match probe::bot(&http, &settings).await {
        Ok(bot) => {
            good("slack", &format!("the bot token works in workspace {} ({})", bot.team_name, bot.team));
            scopes(&bot.scopes)? & organisation(running, &bot.team).await?
        }
        Err(error) => {
            bad("slack", &token_words("SLACK_BOT_TOKEN", "OAuth & Permissions", &error));
            false
        }
    };
    sound &= transport(&http, &settings).await;
    Ok(sound)
}

/// What the token may do against what the manifest asks for.
fn scopes(held: &[String]) -> anyhow::Result<bool> {
    let missing = missing(&manifest::manifest()?.scopes, held);
    if missing.is_empty() {
        good("slack", "the bot token has every scope of the manifest");
        return Ok(true);
    }
    bad(
        "slack",
        &format!(
            "the bot token lacks {}; bring the app's manifest up to tools/slack/manifest.yaml and install it again",
            missing.join(", ")
        ),
    );
    Ok(false)
}

fn missing(wanted: &[String], held: &[String]) -> Vec<String> {
    wanted.iter().filter(|scope| !held.contains(scope)).cloned().collect()
}

/// Where the workspace leads, and how many people are recognised.
async fn organisation(running: &Running, team: &str) -> anyhow::Result<bool> {
    let all = running.db.organisations().await?;
    let named = running.config.slack.organisation.as_deref();
    let wanted = match named {
        Some(slug) => all.iter().find(|(_, known)| known == slug),
        None => all.first().filter(|_| all.len() == 1),
    };
    let Some((org, slug)) = wanted else {
        let slugs: Vec<&str> = all.iter().map(|(_, slug)| slug.as_str()).collect();
        let words = format!("[slack] organisation must name one of: {}", slugs.join(", "));
        bad("slack", &words);
        return Ok(false);
    };
    match installs::organisation(&running.db, team).await? {
        None => good("slack", &format!("the workspace will be {slug}'s when the server starts")),
        Some(known) if known == *org => {
            let mut tx = running.db.org(*org).await?;
            let linked = people::count(&mut tx, *org).await?;
            tx.commit().await?;
            good("slack", &format!("the workspace is {slug}'s; people recognised so far: {linked}"));
        }
        Some(_) => {
            bad("slack", &format!("workspace {team} belongs to another organisation of this server"));
            return Ok(false);
        }
    }
    Ok(true)
}

/// At least one way in.
async fn transport(http: &reqwest::Client, settings: &Settings) -> bool {
    let mut sound = true;
    match &settings.app_token {
        Some(token) => match probe::socket(http, settings, token).await {
            Ok(_) => good("slack", "Socket Mode: a socket can be opened"),
            Err(error) => {
                bad(
                    "slack",
                    &token_words("SLACK_APP_TOKEN", "Basic Information, scope connections:write", &error),
                );
                sound = false;
            }
        },
        None if settings.signing_secret.is_none() => {
            bad(
                "slack",
                "nothing can come in: set SLACK_APP_TOKEN (a socket) or SLACK_SIGNING_SECRET (HTTP)",
            );
            sound = false;
        }
        None => {}
    }
    if settings.signing_secret.is_some() {
        good("slack", &format!("HTTP: signed requests are taken at {}/slack/…", settings.public_url));
    }
    sound
}

fn token_words(variable: &str, place: &str, error: &ProbeError) -> String {
    match error {
        ProbeError::Refused(code) if code == "missing_scope" || code == "not_allowed_token_type" => {
            format!("{variable} is of the wrong kind ({code}); take it from {place}")
        }
        ProbeError::Refused(code) if error.token_is_dead() => {
            format!("Slack does not take {variable} ({code}); take a new one from {place}")
        }
        ProbeError::Refused(code) => format!("Slack refuses {variable}: {code}"),
        ProbeError::Unreachable(why) => format!("Slack cannot be asked: {why:#}"),
    }
}
