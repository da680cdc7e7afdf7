//! `adjutant source hooks`: what platforms delivered to a connection, and the dead ones again.
use super::start::{Organisation, Running};
use super::terminal::{hint, line};
use crate::db::audit::{self, NewEntry};
use crate::db::hooks::{self, HookState, Listed};
use crate::db::sources::Source;
use crate::platforms::registry::connector;
use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum Hooks {
    /// The latest deliveries, newest first, and where the platform has to send them.
    List {
        source: String,
        /// new, done, ignored or dead.
        #[arg(long)]
        state: Option<HookState>,
        #[arg(long, default_value_t = 20)]
        most: u16,
    },
    /// Works on dead deliveries again, or on one by its id, however it ended.
    Replay { source: String, id: Option<String> },
}

impl Hooks {
    /// The connection that is meant.
    pub fn source(&self) -> &str {
        match self {
            Self::List { source, .. } | Self::Replay { source, .. } => source,
        }
    }

    pub async fn act(self, running: &Running, org: &Organisation, source: &Source) -> anyhow::Result<()> {
        if connector(&source.connector).and_then(|known| known.webhook()).is_none() {
            bail!("{} sends no deliveries; it is read by the clock alone", source.name);
        }
        let mut tx = running.db.org(org.id).await?;
        match self {
            Self::List { state, most, .. } => {
                hint(format_args!("{}", address(source)));
                for (state, count) in hooks::counts(&mut tx, org.id, source.id).await? {
                    hint(format_args!("{:<8} {count}", state.as_str()));
                }
                for one in hooks::list(&mut tx, org.id, source.id, state, i64::from(most)).await? {
                    show(&one);
                }
            }
            Self::Replay { id, .. } => {
                let now = running.clock.now();
                let count = hooks::replay(&mut tx, org.id, source.id, id.as_deref(), now).await?;
                let mut entry = NewEntry::by_operator("source.hooks_replayed", "source", source.id, now);
                entry.after = Some(json!({ "name": source.name, "deliveries": count, "id": id }));
                audit::append(&mut tx, org.id, &entry).await?;
                line(format_args!("{count} deliveries of {} are worked on again", source.name));
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Where a platform has to send deliveries of a connection.
pub fn address(source: &Source) -> String {
    format!("deliveries go to https://<this server>/hooks/{}/{}", source.connector, source.id)
}

fn show(one: &Listed) {
    let error = match (&one.error_code, &one.error) {
        (Some(code), Some(error)) => format!("  {}  [{code}]", crate::text::clean(error, 300)),
        _ => String::new(),
    };
    line(format_args!(
        "{:.0}  {:<8} {:<32} {}  {} tries{error}",
        one.received_at,
        one.state.as_str(),
        crate::text::clean(&one.topic, 32),
        crate::text::clean(&one.id, 80),
        one.attempts
    ));
}
