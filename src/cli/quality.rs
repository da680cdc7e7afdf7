//! `adjutant quality`: whether the data can be trusted, as `/api/quality` says it.
use super::start::Start;
use super::terminal::{hint, line};
use crate::daily::health;
use clap::Args;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Quality {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Quality {
    /// Fails while an alert is open, so that a script can ask.
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let org = running.organisation().await?.id;
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
            line(format_args!("{:<8} {title} · since {} · {until}", alert.severity, alert.opened_at));
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
                "{} {}: {} received, {}",
                row.source,
                row.class,
                row.received,
                measures.join(", ")
            ));
        }
        hint(format_args!("{open} open alerts; measures of the hour from {}", health.hour));
        Ok(code)
    }
}
