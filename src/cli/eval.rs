//! `adjutant eval`: the cases of `evals/` through real turns, judged by what happened.
use super::start::{Running, Start};
use super::terminal::{hint, line};
use super::{demo, serve};
use crate::access::{Credential, Surface};
use crate::clock::{ManualClock, SystemClock};
use crate::config::Provider;
use crate::db::{people, settings};
use crate::demo::Scale;
use crate::eval::{self, Inputs, Options, Report};
use crate::llm::OFFLINE;
use anyhow::{Context, bail};
use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct Eval {
    /// Only cases whose question or group contains this.
    #[arg(long)]
    filter: Option<String>,
    /// Also writes the verdicts as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The model to judge, by the name or the model of a configured provider; the offline planner when not said.
    #[arg(long)]
    model: Option<String>,
}

impl Eval {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let dir = start
            .config
            .temp_dir()
            .join(format!("adjutant-eval-{}", crate::ids::new_uuid(&SystemClock).simple()));
        let result = self.fresh(start, &dir).await;
        std::fs::remove_dir_all(&dir).ok();
        let report = result?;
        line(format_args!("{}", report.table()));
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(&report.json())?)
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        if report.passed() {
            return Ok(ExitCode::SUCCESS);
        }
        for verdict in report.verdicts.iter().filter(|v| !v.passed) {
            hint(format_args!("{}: {:?}: {}", verdict.group, verdict.ask, verdict.problems.join("; ")));
        }
        Ok(ExitCode::FAILURE)
    }
}

/// The day the evaluation's demo account lives on: a Wednesday, so that phrases such as "last week" have one meaning.
const TODAY: Date = jiff::civil::date(2026, 10, 14);

impl Eval {
    /// In a database of its own with a demo account of a fixed day: the same cases, the same data, the same answers.
    async fn fresh(&self, mut start: Start, dir: &Path) -> anyhow::Result<Report> {
        start.config.database.url = None;
        start.config.database.data_dir = Some(dir.to_owned());
        self.choose(&mut start.config.model.providers)?;
        let noon = TODAY.at(12, 0, 0, 0).to_zoned(TimeZone::get(crate::demo::plan::ZONE)?)?.timestamp();
        let running = start.throwaway(ManualClock::at(noon)).await?;
        let result = self.judge(&running).await;
        running.erase().await?;
        result
    }

    /// Leaves the provider that is to be judged; none for the planner.
    fn choose(&self, providers: &mut Vec<Provider>) -> anyhow::Result<()> {
        let wanted = self.model.as_deref().unwrap_or(OFFLINE);
        let known: Vec<String> = providers.iter().map(|p| format!("{} ({})", p.name, p.model)).collect();
        providers.retain(|provider| provider.name == wanted || provider.model == wanted);
        providers.truncate(1);
        if providers.is_empty() && wanted != OFFLINE {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            bail!("no provider is called '{wanted}'; configured: {known}; or `--model {OFFLINE}`");
        }
        Ok(())
    }

    async fn judge(&self, running: &Running) -> anyhow::Result<Report> {
        let company = demo::account(running, TODAY, Scale::default()).await?;
        let org = company.org;
        let mut tx = running.db.org(org).await?;
        // Hundreds of questions in one of the organisation's hours.
        let generous =
            serde_json::json!({ "queries": 1_000_000, "tokens": 1_000_000_000, "cost": 1_000_000 });
        settings::set(&mut tx, org, settings::Setting::HourlyLimits, &generous, None, running.clock.now())
            .await?;
        // An administrator may run every query: what a role may not is tested elsewhere.
        let asker = company.member("Adele").context("the demo account has no administrator")?;
        let actor = people::actor(&mut tx, org, asker.id, Surface::Cli, Credential::Session)
            .await?
            .context("the demo's administrator is not active")?;
        tx.commit().await?;
        let (app, service) = serve::assemble(running)?;
        let inputs = Inputs {
            service,
            catalogue: Arc::clone(&app.catalogue),
            db: app.db.clone(),
            clock: Arc::clone(&app.clock),
            actor,
            model: app.model.name().to_owned(),
        };
        Ok(eval::run(&inputs, &Options { filter: self.filter.clone() }).await?)
    }
}
