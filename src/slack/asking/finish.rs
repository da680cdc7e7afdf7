//! The end of an answer: its row is closed, and what must arrive besides goes into the outbox, in one transaction.
use super::Slack;
use super::foot::Gathered;
use crate::access::Actor;
use crate::db::OrgTx;
use crate::db::outbox::{self, Outgoing};
use crate::db::slack_answers::{self as answers, Answer, AnswerState, Way};
use crate::ids::OutboxId;
use crate::report::chart::{Chart, png};
use crate::slack::blocks::{Message, Mrkdwn, Plain, answer as render};
use crate::slack::outbox as out;
use jiff::Timestamp;

/// Closes an answer. `said`: it stands where it belongs, and its pictures follow; else the asker is told that it could not
/// be said there. `plain`: it stands there without blocks.
pub async fn finish(
    slack: &Slack,
    actor: &Actor,
    answer: &Answer,
    (gathered, plain): (&Gathered, bool),
    said: bool,
) -> anyhow::Result<()> {
    let charts = if said { gathered.pictures(plain) } else { Vec::new() };
    let place = match answer.way {
        Way::Thread => (answer.channel.as_str(), Some(answer.thread_ts.as_str())),
        // A file has no address that one person sees.
        Way::Private => (answer.person.as_str(), None),
    };
    let mut rows = pictures(place, charts, &format!("chart:{}", answer.turn_id)).await;
    let now = slack.inner.app.clock.now();
    let state = if said { AnswerState::Shown } else { AnswerState::Unsaid };
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    if !answers::end(&mut tx, actor.org, answer.turn_id, slack.inner.asking.owner(), state, now).await? {
        return Ok(());
    }
    if !said {
        rows.push(unsaid(answer));
    }
    enqueue(slack, actor, &mut tx, &rows, now).await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}

/// Charts as files for a channel or thread. One that cannot be drawn is left out: its data is shown all the same.
pub async fn pictures(
    (channel, thread_ts): (&str, Option<&str>),
    charts: Vec<Chart>,
    key: &str,
) -> Vec<Outgoing> {
    let mut rows = Vec::new();
    for (n, chart) in charts.into_iter().enumerate() {
        let title = chart.title.clone();
        // Drawing takes long enough to hold up the others.
        match tokio::task::spawn_blocking(move || png(&chart)).await {
            Ok(Ok(bytes)) => {
                let name = format!("chart-{}.png", n + 1);
                rows.push(out::file(channel, thread_ts, &name, &title, &bytes, &format!("{key}:{n}")));
            }
            Ok(Err(error)) => tracing::error!(title, %error, "a chart is left out"),
            Err(error) => tracing::error!(title, %error, "a chart is left out"),
        }
    }
    rows
}

async fn enqueue(
    slack: &Slack,
    actor: &Actor,
    tx: &mut OrgTx,
    rows: &[Outgoing],
    now: Timestamp,
) -> anyhow::Result<()> {
    for row in rows {
        outbox::enqueue(tx, actor.org, OutboxId::new(&*slack.inner.app.clock), row, now).await?;
    }
    Ok(())
}

/// That an answer is there and could not be said where it was asked for.
fn unsaid(answer: &Answer) -> Outgoing {
    let text = Mrkdwn::fill(
        "⚠️ I could not answer you in {}: Slack did not let me write there. Ask me here, or invite me to the channel.",
        &[Mrkdwn::channel(&answer.channel)],
    );
    let fallback =
        Plain::ours("I could not answer you where you asked: Slack did not let me write there. Ask me here.");
    out::dm(&answer.person, &render::notice(&text, &fallback), &format!("unsaid:{}", answer.turn_id))
}

/// Messages for the asker alone that their command's address did not take.
pub async fn by_dm(
    slack: &Slack,
    actor: &Actor,
    answer: &Answer,
    messages: Vec<Message>,
) -> anyhow::Result<()> {
    let now = slack.inner.app.clock.now();
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let key = |n: usize| format!("answer:{}:{n}", answer.turn_id);
    let rows: Vec<Outgoing> =
        messages.iter().enumerate().map(|(n, message)| out::dm(&answer.person, message, &key(n))).collect();
    enqueue(slack, actor, &mut tx, &rows, now).await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}

/// A long answer as a file for the asker alone.
pub async fn whole_by_dm(slack: &Slack, actor: &Actor, answer: &Answer, text: &str) -> anyhow::Result<()> {
    let now = slack.inner.app.clock.now();
    let key = format!("whole:{}", answer.turn_id);
    let row = out::file(&answer.person, None, "answer.md", "The whole answer", text.as_bytes(), &key);
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    enqueue(slack, actor, &mut tx, &[row], now).await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}
