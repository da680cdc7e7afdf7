//! A private answer, put before everybody in its channel by who asked.
use super::Slack;
use super::foot::Gathered;
use super::help::whisper;
use super::present::Foot;
use super::start::external_ref;
use super::{earlier, finish, show};
use crate::access::Actor;
use crate::chat::TurnEventKind;
use crate::db::conversations;
use crate::db::outbox::{self, Outgoing, Row};
use crate::db::slack_answers::{self as answers, Answer};
use crate::ids::{OrgId, OutboxId, TurnId};
use crate::report::chart::Chart;
use crate::slack::api::ApiError;
use crate::slack::blocks::{Markdown, Message, Mrkdwn, Names, Plain, answer as render, kit, plain};
use crate::slack::outbox as out;
use crate::slack::wire::Origin;
use serde_json::json;

/// The first click shares; whatever comes later is told so.
pub async fn share(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    turn: TurnId,
) -> anyhow::Result<()> {
    let app = &slack.inner.app;
    let mut tx = app.db.org(actor.org).await?;
    let answer = answers::get(&mut tx, actor.org, turn).await?;
    tx.commit().await?;
    let Some(answer) = answer.filter(|answer| answer.member == actor.member) else {
        return told(slack, actor, key, origin, "Only who asked can share an answer.").await;
    };
    if !slack.may_share_in(actor.org, &answer.team, &answer.channel).await? {
        let words = "I cannot see who reads along in this channel, so I show this to you alone. Invite me to the channel, \
                     then share again.";
        return told(slack, actor, key, origin, words).await;
    }
    let (messages, charts) = messages(slack, actor, &answer).await?;
    let listens = is_member(slack, &answer.channel).await?;
    let mut pictures =
        finish::pictures((&answer.channel, None), charts, &format!("shared-chart:{turn}")).await;
    pictures.iter_mut().for_each(|row| row.payload["thread_of"] = key_of(turn, 0).into());
    let mut tx = app.db.org(actor.org).await?;
    if !answers::share(&mut tx, actor.org, turn, key, app.clock.now()).await? {
        return told(slack, actor, key, origin, "This answer is shared already.").await;
    }
    if listens {
        for row in rows(&answer, &messages).into_iter().chain(pictures) {
            outbox::enqueue(&mut tx, actor.org, OutboxId::new(&*app.clock), &row, app.clock.now()).await?;
        }
    }
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    // Where we are no member, the click's own address still reaches everybody.
    if let (false, Some(url)) = (listens, &origin.response_url) {
        for message in &messages {
            slack.inner.api.respond(url, &message.reply(true, false)).await?;
        }
    }
    Ok(())
}

/// The answer as it stands in the channel, and the charts that follow it as pictures.
async fn messages(
    slack: &Slack,
    actor: &Actor,
    answer: &Answer,
) -> anyhow::Result<(Vec<Message>, Vec<Chart>)> {
    let finished = slack.inner.chat.finished(actor, answer.turn_id).await?;
    let (_, currency) = show::setting(slack, actor).await?;
    let mut gathered = Gathered::new(actor, currency);
    let (mut question, mut text) = (String::new(), Markdown::default());
    let mut names: Names = earlier::texts(slack, actor.org, answer.turn_id).await?.iter().collect();
    for event in &finished.events {
        gathered.hear(&event.kind, &slack.inner.app.catalogue);
        if let TurnEventKind::ToolCompleted { run_id: Some(run), .. } = &event.kind
            && let Ok(result) = slack.inner.chat.result(actor, answer.turn_id, *run).await
        {
            show::names(&result).for_each(|name| names.add(name));
        }
        if let TurnEventKind::Started { question: asked, .. } = &event.kind {
            question.clone_from(asked);
        }
        if let TurnEventKind::Completed { answer, .. } = &event.kind {
            text = Markdown::answer(answer, &names);
        }
    }
    let mut messages = render::answer(&text, gathered.blocks(answer.turn_id, Foot::Tail, false));
    if let Some(first) = messages.first_mut() {
        headed(first, &answer.person, &question);
    }
    Ok((messages, gathered.pictures(false)))
}

/// Says above an answer who asked for what.
fn headed(message: &mut Message, person: &str, question: &str) {
    let mut blocks = kit::context(&[Mrkdwn::fill("{} asked me:", &[Mrkdwn::user(person)])]);
    let mut quote = Markdown::ours("> ");
    quote.push(&Markdown::data(question));
    blocks.extend(kit::markdown(&quote));
    blocks.append(&mut message.blocks);
    message.blocks = blocks;
    message.text = Plain::fill("{}: {}", &[plain(question), plain(&message.text)]).fallback();
}

/// The key of a message of a shared answer.
fn key_of(turn: TurnId, n: usize) -> String {
    format!("shared:{turn}:{n}")
}

/// The first message in the channel, the others in its thread.
fn rows(answer: &Answer, messages: &[Message]) -> Vec<Outgoing> {
    let key = |n: usize| key_of(answer.turn_id, n);
    let row = |(n, message): (usize, &Message)| {
        let mut row = out::message(&answer.channel, None, message, &key(n));
        if n == 0 {
            row.payload["then"] = json!({"to": "asking", "turn": answer.turn_id});
        } else {
            row.payload["thread_of"] = key(0).into();
        }
        row
    };
    messages.iter().enumerate().map(row).collect()
}

async fn is_member(slack: &Slack, channel: &str) -> Result<bool, ApiError> {
    match slack.inner.api.call("conversations.info", &json!({"channel": channel})).await {
        Ok(reply) => Ok(reply["channel"]["is_member"] == true || reply["channel"]["is_im"] == true),
        Err(ApiError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A shared answer stands in its channel: its thread goes on with the conversation, when there is nothing else in it.
pub async fn arrived(slack: &Slack, org: OrgId, row: &Row, ts: &str) -> anyhow::Result<()> {
    let turn = row.payload["then"]["turn"].as_str().and_then(|id| id.parse::<TurnId>().ok());
    let Some(turn) = turn else { return Ok(()) };
    let mut tx = slack.inner.app.db.org(org).await?;
    if let Some(answer) = answers::get(&mut tx, org, turn).await? {
        let external_ref = external_ref(&answer.team, &answer.channel, ts);
        conversations::publish(&mut tx, org, turn, &external_ref).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn told(
    slack: &Slack,
    actor: &Actor,
    key: &str,
    origin: &Origin,
    words: &'static str,
) -> anyhow::Result<()> {
    whisper(slack, actor, origin, key, render::notice(&Mrkdwn::ours(words), &Plain::ours(words))).await
}
