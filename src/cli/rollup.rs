//! `adjutant rollup --from --to`: computes the daily figures of any range again.
use super::start::Start;
use super::terminal::{hint, line};
use crate::daily::rollup::{self, Built};
use crate::period::{Window, local_day};
use anyhow::Context as _;
use clap::Args;
use jiff::civil::Date;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};

#[derive(Debug, Args)]
pub struct Rollup {
    /// The first day, as the organisation counts days.
    #[arg(long)]
    from: Date,
    /// The last one; today when it is not given.
    #[arg(long)]
    to: Option<Date>,
}

impl Rollup {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let organisation = running.organisation().await?;
        let today = local_day(running.clock.now(), &organisation.zone);
        let window = Window::new(self.from, self.to.unwrap_or(today).min(today))
            .with_context(|| format!("{} is not before the end of the range, or lies ahead", self.from))?;
        let (all, seen) = (window.days(), AtomicI32::new(0));
        let told = |built: &Built| {
            let n = seen.fetch_add(1, Ordering::Relaxed) + 1;
            let what = if built.kept {
                "its events are gone, its figures stay".to_owned()
            } else {
                format!("{} rows changed", built.rows)
            };
            hint(format_args!("{} ({n} of {all}): {what}", built.day));
        };
        let built = rollup::range(&running.db, &*running.clock, organisation.id, window, &told).await?;
        let rows: u64 = built.iter().map(|day| day.rows).sum();
        line(format_args!("{window}: {all} days computed, {rows} rows changed"));
        running.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}
