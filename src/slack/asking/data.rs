//! "Show data": the rows behind an answer, for the person who clicked alone, and only what they may see.
use super::Slack;
use super::help::whisper;
use crate::access::{Actor, Permission};
use crate::catalogue::QueryResult;
use crate::chat;
use crate::db::{outbox, people};
use crate::ids::{OutboxId, RunId, TurnId};
use crate::slack::blocks::table::Format;
use crate::slack::blocks::{Message, Mrkdwn, Plain, Table, answer, kit, mrkdwn, plain, table};
use crate::slack::outbox as out;
use crate::slack::wire::{ChannelKind, Origin};
use jiff::tz::TimeZone;

/// Rows for who may not take a file away.
const FIRST: usize = 50;

/// `value`: turn and run. Few rows come as a table that only who clicked sees; many as a file with all of them. A file has
/// no audience of one in a channel, and it holds what this person may see, so it goes into their own conversation with us
/// (there into the thread, where the click was in one). Who may take no file away sees the first rows as a table.
pub async fn show(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    value: &str,
) -> anyhow::Result<()> {
    let ids = value.split_once('/').and_then(|(turn, run)| Some((turn.parse().ok()?, run.parse().ok()?)));
    let Some((turn, run)): Option<(TurnId, RunId)> = ids else { return Ok(()) };
    let mut result = slack.inner.chat.result(actor, turn, run).await?;
    if result.columns.iter().any(|column| column.pii.is_some()) && !actor.may(Permission::QueryRestricted) {
        result.columns.iter_mut().for_each(|column| column.hidden |= column.pii.is_some());
    }
    let format = format(slack, actor, &result).await?;
    let shape = |rows| table(&result.title, &result.columns, rows, &format);
    match shape(&result.rows) {
        None => {
            told(slack, actor, key, origin, Mrkdwn::ours("There are no rows."), "There are no rows.").await
        }
        Some(Table::Block(block)) => {
            whisper(slack, actor, origin, key, message(&result, result.rows.len(), block)).await
        }
        Some(Table::File { name, bytes }) if actor.may(Permission::QueryExport) => {
            let dm = origin.channel_kind == ChannelKind::Dm;
            let (channel, thread) = match (&origin.channel, &origin.thread_ts) {
                (Some(channel), Some(thread)) if dm => (channel.as_str(), Some(thread.as_str())),
                _ => (origin.user.as_str(), None),
            };
            let row = out::file(channel, thread, &name, &result.title, &bytes, &format!("data:{run}:{key}"));
            let app = &slack.inner.app;
            let mut tx = app.db.org(actor.org).await?;
            outbox::enqueue(&mut tx, actor.org, OutboxId::new(&*app.clock), &row, app.clock.now()).await?;
            tx.commit().await?;
            slack.inner.outbox_wake.notify_one();
            let words = "These are many rows: I send them to you as a file in our direct conversation.";
            told(slack, actor, key, origin, Mrkdwn::ours(words), words).await
        }
        // Looking is free; taking a file away needs a permission.
        Some(Table::File { .. }) => {
            let few = (1..=FIRST).rev().map(|n| (n, result.rows.get(..n).unwrap_or(&result.rows)));
            let mut tables = few.step_by(7).filter_map(|(n, rows)| match shape(rows) {
                Some(Table::Block(block)) => Some((n, block)),
                Some(Table::File { .. }) | None => None,
            });
            match tables.next() {
                Some((n, block)) => whisper(slack, actor, origin, key, message(&result, n, block)).await,
                None => Err(chat::Error::Missing(crate::access::Missing(Permission::QueryExport)).into()),
            }
        }
    }
}

async fn format(slack: &Slack, actor: &Actor, result: &QueryResult) -> anyhow::Result<Format> {
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let org = people::org(&mut tx, actor.org).await?;
    tx.commit().await?;
    let zone = TimeZone::get(&org.time_zone).unwrap_or(TimeZone::UTC);
    Ok(Format { currency: result.currency.parse().ok(), zone })
}

/// The rows with what they are.
fn message(result: &QueryResult, rows: usize, block: serde_json::Value) -> Message {
    let shown = u64::try_from(rows).unwrap_or(u64::MAX);
    let count = if shown < result.total_rows {
        format!("{shown} of {} rows", result.total_rows)
    } else {
        format!("{shown} rows")
    };
    let window = result.window.map(|window| format!(", {window}")).unwrap_or_default();
    let facts = Mrkdwn::fill("*{}*: {}", &[mrkdwn(&result.title), mrkdwn(&format!("{count}{window}"))]);
    let mut blocks = kit::context(&[facts]);
    blocks.push(block);
    Message::new(&plain(&format!("{}: {count}", result.title)), blocks)
}

async fn told(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    text: Mrkdwn,
    fallback: &'static str,
) -> anyhow::Result<()> {
    whisper(slack, actor, origin, key, answer::notice(&text, &Plain::ours(fallback))).await
}
