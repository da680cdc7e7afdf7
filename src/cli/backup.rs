//! `adjutant backup FILE` and `adjutant restore FILE`: the whole database as one file, and back.
use super::privacy::marks_in;
use super::start::Start;
use super::terminal::{hint, line};
use crate::db::audit;
use crate::jobs::privacy;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct Backup {
    /// The new file. It holds personal data and every secret of the database: keep it as you keep the database.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// A file that `adjutant backup` (or `pg_dump --format=custom`) wrote.
    file: PathBuf,
    /// What `adjutant privacy tombstones` printed, or the old server's log: people who were erased after the copy was made
    /// are erased from it.
    #[arg(long)]
    erased: Option<PathBuf>,
}

impl Backup {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let bytes = start.back_up(&self.file).await?;
        let size = bytes as f64 / f64::from(1 << 20);
        line(format_args!("{} holds the database: {size:.1} MiB", self.file.display()));
        hint(format_args!(
            "It can be read by its owner only. Keep a copy elsewhere, and try `adjutant restore` now and then."
        ));
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    /// Restores, brings the schema up to date, and proves the record of decisions of each organisation.
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let marks = self.erased.as_deref().map(marks_in).transpose()?;
        let running = start.restored(&self.file).await?;
        let mut code = ExitCode::SUCCESS;
        match &marks {
            Some(marks) => {
                for (org, slug) in running.db.organisations().await? {
                    let clock = Arc::clone(&running.clock);
                    let rows = privacy::remember(&running.db, clock, org, marks).await?;
                    line(format_args!(
                        "{slug}: {} tombstones are known, {rows} rows of erased people went",
                        marks.len()
                    ));
                }
            }
            None => hint(format_args!(
                "People who were erased after this copy was made are in it again. If there were any, erase them now: \
                 `adjutant privacy remember FILE`, with what `adjutant privacy tombstones` printed or the old server's log"
            )),
        }
        for (org, slug) in running.db.organisations().await? {
            let verdict = audit::verify(&running.db, org).await?;
            match verdict.broken {
                None => line(format_args!(
                    "{slug}: restored; its record of {} decisions holds, head {}",
                    verdict.entries, verdict.head_hash
                )),
                Some(broken) => {
                    hint(format_args!(
                        "{slug}: its record is BROKEN at entry {}: {}",
                        broken.seq, broken.problem
                    ));
                    code = ExitCode::FAILURE;
                }
            }
        }
        running.stop().await;
        Ok(code)
    }
}
