//! `adjutant backup FILE` and `adjutant restore FILE`: the whole database as one file, and back.
use super::start::Start;
use super::terminal::{hint, line};
use crate::db::audit;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Backup {
    /// The new file. It holds personal data and every secret of the database: keep it as you keep the database.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// A file that `adjutant backup` (or `pg_dump --format=custom`) wrote.
    file: PathBuf,
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
        let running = start.restored(&self.file).await?;
        let mut code = ExitCode::SUCCESS;
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
