//! `adjutant audit verify|export`: the record of decisions, proven and written out.
use super::start::Start;
use super::terminal::{hint, line, piece};
use crate::db::audit;
use clap::{Args, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    what: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Recomputes the whole chain and names the first link that does not hold.
    Verify,
    /// Writes the record to standard output, with the hash of its head.
    Export {
        /// csv or jsonl.
        #[arg(long, default_value = "csv")]
        format: audit::Format,
    },
}

impl Audit {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let org = running.organisation().await?;
        let code = match self.what {
            AuditCommand::Verify => {
                let verdict = audit::verify(&running.db, org.id).await?;
                match &verdict.broken {
                    None => {
                        line(format_args!(
                            "clean: {} entries, head {} {}",
                            verdict.entries, verdict.head_seq, verdict.head_hash
                        ));
                        ExitCode::SUCCESS
                    }
                    Some(broken) => {
                        hint(format_args!(
                            "BROKEN at entry {}: {} (the {} entries before it hold)",
                            broken.seq, broken.problem, verdict.head_seq
                        ));
                        ExitCode::FAILURE
                    }
                }
            }
            AuditCommand::Export { format } => {
                let mut tx = running.db.org(org.id).await?;
                let export = audit::export(&mut tx, org.id, &audit::Filter::default(), format).await?;
                let entry =
                    audit::NewEntry::by_operator("audit.exported", "audit", org.id, running.clock.now());
                audit::append(&mut tx, org.id, &entry).await?;
                tx.commit().await?;
                piece(&export.body);
                hint(format_args!(
                    "{} entries, head {} {}",
                    export.entries, export.head_seq, export.head_hash
                ));
                ExitCode::SUCCESS
            }
        };
        running.stop().await;
        Ok(code)
    }
}
