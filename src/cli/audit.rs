//! `adjutant audit verify|export`: the record of decisions, proven and written out.
use super::people::find_member;
use super::start::Start;
use super::terminal::{hint, line, piece};
use crate::db::audit;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;
use std::process::ExitCode;
use std::str::FromStr;

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
        /// Entries from this day (of the organisation) or instant on, for instance 2026-05-01.
        #[arg(long)]
        from: Option<Moment>,
        /// Entries up to and including this day, or before this instant.
        #[arg(long)]
        to: Option<Moment>,
        /// Entries of one member, by name or e-mail address, and of the keys and agents that act for them; or system, agent.
        #[arg(long)]
        actor: Option<String>,
        /// An action (draft.approved), or an area with all its actions (draft).
        #[arg(long)]
        action: Option<String>,
        /// Entries about a campaign, by its id, and about the drafts that would change it.
        #[arg(long)]
        campaign: Option<String>,
    },
}

/// A day or an instant, as people type it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Day(Date),
    At(Timestamp),
}

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // An instant begins as a day does, so it goes first.
        text.parse().map(Self::At).or_else(|_| text.parse().map(Self::Day)).map_err(|_| {
            format!(
                "'{text}' is neither a day such as 2026-05-01 nor an instant such as 2026-05-01T09:00:00Z"
            )
        })
    }
}

impl Moment {
    /// The instant, or the first one of the day, `days` later.
    fn starts(self, zone: &TimeZone, days: i64) -> anyhow::Result<Timestamp> {
        Ok(match self {
            Self::At(at) => at,
            Self::Day(day) => day.checked_add(days.days())?.to_zoned(zone.clone())?.timestamp(),
        })
    }
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
            AuditCommand::Export { format, from, to, actor, action, campaign } => {
                let mut tx = running.db.org(org.id).await?;
                let after = json!({"actor": actor, "action": action, "campaign": campaign});
                let actor = match actor {
                    // The program itself and ids go as they are.
                    Some(said)
                        if matches!(said.as_str(), "system" | "agent")
                            || said.parse::<uuid::Uuid>().is_ok() =>
                    {
                        Some(said)
                    }
                    Some(said) => Some(find_member(&mut tx, org.id, &said).await?.id.to_string()),
                    None => None,
                };
                let filter = audit::Filter {
                    from: from.map(|from| from.starts(&org.zone, 0)).transpose()?,
                    to: to.map(|to| to.starts(&org.zone, 1)).transpose()?,
                    actor_id: actor,
                    action,
                    campaign_id: campaign,
                    ..audit::Filter::default()
                };
                let export = audit::export(&mut tx, org.id, &filter, format).await?;
                let mut entry =
                    audit::NewEntry::by_operator("audit.exported", "audit", org.id, running.clock.now());
                entry.after = Some(after);
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
