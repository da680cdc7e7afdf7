//! `adjutant leads recompute`: first and last touch of leads, found anew.
use super::start::Start;
use super::terminal::{hint, line};
use crate::daily::leads;
use crate::db::audit::{self, NewEntry};
use crate::db::lead_sources::{self, Scope};
use crate::db::privacy::Marker;
use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Leads {
    #[command(subcommand)]
    what: LeadsCommand,
}

#[derive(Debug, Subcommand)]
enum LeadsCommand {
    /// Finds them from the touches and from what each lead told when it came; a second time changes nothing.
    Recompute {
        /// One lead only, by its whole id.
        #[arg(long)]
        lead: Option<String>,
    },
}

impl Leads {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let LeadsCommand::Recompute { lead } = self.what;
        let running = start.database().await?;
        let org = running.organisation().await?.id;
        let scope = lead.as_deref().map_or(Scope::All, Scope::One);
        let told =
            |progress: leads::Progress| hint(format_args!("{} of {} leads", progress.done, progress.of));
        let mut tx = running.db.org(org).await?;
        let of = lead_sources::count(&mut tx, org, &scope, "").await?;
        if let (Some(lead), 0) = (&lead, of) {
            crate::db::let_go(tx);
            running.stop().await;
            bail!("there is no lead '{lead}'");
        }
        // The record never forgets, so that it knows people under pseudonyms only.
        let object = match &lead {
            Some(lead) => Marker::of(&mut tx, org).await?.pseudonym(lead),
            None => "all".to_owned(),
        };
        // First: what was begun stands on the record, however it ends.
        let mut entry = NewEntry::by_operator("attribution.recomputed", "lead", object, running.clock.now());
        entry.after = Some(json!({ "leads": of }));
        audit::append(&mut tx, org, &entry).await?;
        tx.commit().await?;
        let done = leads::find(&running.db, &*running.clock, org, scope, true, &told).await?;
        running.stop().await;
        line(format_args!("{} leads, {} changed", done.done, done.changed));
        Ok(ExitCode::SUCCESS)
    }
}
