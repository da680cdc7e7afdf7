//! `adjutant job list|run|history`: what runs by the clock, how it went, and a run by hand.
use super::start::Start;
use super::terminal::{hint, line};
use crate::db::job_runs::{self, Run};
use crate::jobs::schedule::{JOBS, Scheduler};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct Job {
    #[command(subcommand)]
    what: JobCommand,
}

#[derive(Debug, Subcommand)]
enum JobCommand {
    /// Every job of the schedule: when it is due, and how its last run went.
    List,
    /// Runs a job now, also while a server is up; a job that runs already is left alone.
    Run { name: String },
    /// The last runs, newest first.
    History {
        /// Of this job only.
        name: Option<String>,
        #[arg(long, default_value_t = 20)]
        most: u16,
    },
}

impl Job {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let org = running.organisation().await?.id;
        let now = running.clock.now();
        let mut code = ExitCode::SUCCESS;
        match self.what {
            JobCommand::List => {
                let mut tx = running.db.org(org).await?;
                for job in JOBS {
                    let last = job_runs::history(&mut tx, org, Some(job.name), 1).await?;
                    let went = last.first().map_or_else(|| "never ran".to_owned(), told);
                    let (due, next) = (job.when.to_string(), shown(job.when.next(now)));
                    line(format_args!("{:<12} {due:<20} next {next}  {went}", job.name));
                    hint(format_args!("{:<12} {}", "", job.about));
                }
                tx.commit().await?;
            }
            JobCommand::Run { name } => {
                let job = known(&name)?;
                let scheduler = Scheduler::new(running.db.clone(), Arc::clone(&running.clock));
                match scheduler.run_now(org, job).await? {
                    Ok(done) => line(format_args!("{name}: done, {done}")),
                    Err(problem) => {
                        hint(format_args!("{name}: {problem}"));
                        code = ExitCode::FAILURE;
                    }
                }
            }
            JobCommand::History { name, most } => {
                name.as_deref().map(known).transpose()?;
                let mut tx = running.db.org(org).await?;
                let runs = job_runs::history(&mut tx, org, name.as_deref(), i64::from(most)).await?;
                tx.commit().await?;
                for run in &runs {
                    let slot = run.slot.map_or_else(|| "by hand".to_owned(), shown);
                    line(format_args!("{:<12} {slot:<20} {}", run.job, told(run)));
                }
                if runs.is_empty() {
                    hint(format_args!("no runs yet"));
                }
            }
        }
        running.stop().await;
        Ok(code)
    }
}

fn known(name: &str) -> anyhow::Result<&'static crate::jobs::schedule::Job> {
    let names = || JOBS.iter().map(|job| job.name).collect::<Vec<_>>().join(", ");
    JOBS.iter()
        .find(|job| job.name == name)
        .with_context(|| format!("there is no job '{name}'; there are: {}", names()))
}

/// One run in words: `succeeded 2026-05-01T01:20:03Z in 2 s, 41 done`.
fn told(run: &Run) -> String {
    let mut words = format!("{} {}", run.state, shown(run.started_at));
    if let Some(end) = run.finished_at {
        words += &format!(" in {} s", end.duration_since(run.started_at).as_secs());
    }
    match &run.error {
        Some(error) => words += &format!(": {error}"),
        None if run.finished_at.is_some() => words += &format!(", {} done", run.done),
        None => {}
    }
    if run.attempts > 1 {
        words += &format!(" (attempt {}, {} runners died)", run.attempts, run.crashes);
    }
    words
}

fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
