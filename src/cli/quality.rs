//! `adjutant quality`: whether the data can be trusted, as `/api/quality` says it; who has seen what is wrong, and what it halted.
use super::start::{Running, Start};
use super::terminal::{hint, line};
use crate::daily::{health, watch};
use crate::db::audit::{self, NewEntry};
use crate::db::breakers;
use crate::ids::OrgId;
use anyhow::ensure;
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;
use uuid::Uuid;

#[derive(Debug, Args)]
pub struct Quality {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    what: Option<QualityCommand>,
}

#[derive(Debug, Subcommand)]
enum QualityCommand {
    /// Says where an alert was told that somebody has seen it.
    Acknowledge { alert: Uuid },
    /// Lets drafts be executed again on a platform, or on all (`*`), after an alert halted them.
    Reset {
        platform: String,
        /// Why it is safe. It is kept.
        #[arg(long)]
        reason: String,
    },
}

/// What whoever runs the program itself is called.
const OPERATOR: &str = "The operator";

impl QualityCommand {
    async fn run(self, running: &Running, org: OrgId) -> anyhow::Result<()> {
        let mut tx = running.db.org(org).await?;
        match self {
            Self::Acknowledge { alert } => {
                let seen = watch::acknowledge(&mut tx, org, &running.clock, alert, (OPERATOR, None)).await?;
                ensure!(seen.is_some(), "there is no alert {alert}; see `adjutant quality --json`");
                line(format_args!("{alert} was seen"));
            }
            Self::Reset { platform, reason } => {
                let reason = reason.trim();
                ensure!(!reason.is_empty(), "say with --reason why it is safe");
                let closed = breakers::reset(&mut tx, org, &platform, None, reason).await?;
                ensure!(closed, "nothing is halted on '{platform}'; see `adjutant quality`");
                let mut entry =
                    NewEntry::by_operator("breaker.reset", "breaker", &platform, running.clock.now());
                entry.reason = Some(reason.to_owned());
                entry.after = Some(json!({"state": "closed"}));
                audit::append(&mut tx, org, &entry).await?;
                line(format_args!("drafts may be executed again on {platform}"));
            }
        }
        Ok(tx.commit().await?)
    }
}

impl Quality {
    /// Fails while an alert is open, so that a script can ask.
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let org = running.organisation().await?.id;
        if let Some(what) = self.what {
            let done = what.run(&running, org).await;
            running.stop().await;
            return done.map(|()| ExitCode::SUCCESS);
        }
        let mut tx = running.db.snapshot(org).await?;
        let health = health::read(&mut tx, org, running.clock.now()).await?;
        tx.commit().await?;
        running.stop().await;
        let open = health.alerts.iter().filter(|alert| alert.closed_at.is_none()).count();
        let code = if open == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        if self.json {
            line(format_args!("{}", serde_json::to_string_pretty(&health)?));
            return Ok(code);
        }
        for alert in &health.alerts {
            let until = alert.closed_at.map_or_else(|| "open".to_owned(), |at| format!("closed {at}"));
            let title = alert.about["title"].as_str().unwrap_or(&alert.key);
            let seen = if alert.acknowledged_at.is_some() { " · seen" } else { "" };
            line(format_args!(
                "{:<8} {title} · since {} · {until}{seen} · {}",
                alert.severity, alert.opened_at, alert.id
            ));
        }
        for breaker in &health.breakers {
            line(format_args!("nothing is executed on {}: {}", breaker.platform, breaker.cause));
        }
        for one in &health.connections {
            let fresh = if one.is_stale {
                "too old"
            } else if one.is_fresh {
                "fresh"
            } else {
                "getting old"
            };
            line(format_args!(
                "{} ({}): {} {} old, {fresh}, {}",
                one.name, one.connector, one.age, one.unit, one.state
            ));
        }
        for row in &health.measures {
            let measures: Vec<String> =
                row.measures.iter().map(|(name, value)| format!("{name} {value:.1}")).collect();
            line(format_args!(
                "{} {}: {} received, {}, 95 % within {} s at most",
                row.source,
                row.class,
                row.received,
                measures.join(", "),
                row.lag_p95_seconds_at_most
            ));
        }
        hint(format_args!("{open} open alerts; measures of the hour from {}", health.hour));
        Ok(code)
    }
}
