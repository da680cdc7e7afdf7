//! Shows an answer to the asker alone: through the address that a command or a click brought, which takes five replies
//! within half an hour, and no stream.
use super::Slack;
use super::foot::Gathered;
use super::present::Foot;
use super::reader::Reader;
use super::state::RENEW;
use super::{earlier, finish, show, status};
use crate::access::Actor;
use crate::chat::TurnEventKind;
use crate::db::slack_answers::{self as answers, Answer, Lease};
use crate::slack::api::ApiError;
use crate::slack::blocks::{Markdown, Message, Names, answer as render, plain};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// An answer that takes longer is announced.
const PATIENCE: SignedDuration = SignedDuration::from_millis(1_500);
/// Replies of the five that an answer may take; the others stay for what is clicked.
const MESSAGES: usize = 3;
/// How often a reply is tried, and the pauses between: they double.
const TRIES: u32 = 6;
const PAUSE: SignedDuration = SignedDuration::from_millis(500);

/// What was said so far, kept in the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Said {
    #[serde(default)]
    announced: bool,
    #[serde(default)]
    messages: usize,
}

struct Whisper<'a> {
    slack: &'a Slack,
    actor: Actor,
    answer: Answer,
    gathered: Gathered,
    names: Names,
    ended: Option<Markdown>,
    line: String,
    said: Said,
    /// Blocks were refused.
    plain: bool,
    today: Date,
    renew_at: Timestamp,
}

/// Waits for the whole answer and says it. An error leaves it to whoever takes it over.
pub async fn show(
    slack: &Slack,
    actor: Actor,
    answer: Answer,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut reader = Reader::new(slack, &actor, answer.turn_id).await?;
    let (today, currency) = show::setting(slack, &actor).await?;
    let mut whisper = Whisper {
        slack,
        said: serde_json::from_value(answer.position.clone()).unwrap_or_default(),
        today,
        plain: false,
        names: earlier::texts(slack, actor.org, answer.turn_id).await?.iter().collect(),
        gathered: Gathered::new(&actor, currency),
        actor,
        answer,
        ended: None,
        line: String::new(),
        renew_at: slack.inner.app.clock.now().checked_add(RENEW)?,
    };
    if !whisper.listen(&mut reader, &stop).await? {
        return Ok(());
    }
    let said = whisper.speak().await?;
    let foot = (&whisper.gathered, whisper.plain);
    finish::finish(slack, &whisper.actor, &whisper.answer, foot, said).await
}

impl Whisper<'_> {
    /// Hears the turn to its end. `false`: stopped before.
    async fn listen(&mut self, reader: &mut Reader, stop: &CancellationToken) -> anyhow::Result<bool> {
        let clock = &self.slack.inner.app.clock;
        let announce_at = self.answer.created_at.checked_add(PATIENCE)?;
        while self.ended.is_none() {
            let due = if self.said.announced { self.renew_at } else { announce_at.min(self.renew_at) };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(false),
                kind = reader.next() => self.hear(&kind?),
                () = clock.until(due) => {
                    if !self.said.announced && clock.now() >= announce_at {
                        self.announce().await;
                    }
                    self.keep().await?;
                }
            }
        }
        Ok(true)
    }

    fn hear(&mut self, kind: &TurnEventKind) {
        let catalogue = &self.slack.inner.app.catalogue;
        self.gathered.hear(kind, catalogue);
        if let Some(line) = status::line(kind, catalogue, self.today) {
            self.line = line;
        }
        show::quotable(kind).into_iter().for_each(|name| self.names.add(name));
        match kind {
            TurnEventKind::Completed { answer, .. } => {
                let mut text = show::lead(&self.answer.lead);
                text.push(&Markdown::answer(answer, &self.names));
                self.ended = Some(text);
            }
            TurnEventKind::Failed { message, .. } | TurnEventKind::Cancelled { message, .. } => {
                let mut text = Markdown::ours("⚠️ ");
                text.push(&Markdown::data(message));
                self.ended = Some(text);
            }
            TurnEventKind::Started { .. }
            | TurnEventKind::Status { .. }
            | TurnEventKind::Text { .. }
            | TurnEventKind::ToolStarted { .. }
            | TurnEventKind::ToolCompleted { .. }
            | TurnEventKind::ToolFailed { .. }
            | TurnEventKind::Chart { .. }
            | TurnEventKind::DraftCreated { .. }
            | TurnEventKind::Receipts { .. }
            | TurnEventKind::Suggestions { .. } => {}
        }
    }

    /// That the answer takes a moment. No harm is done when it does not arrive.
    async fn announce(&mut self) {
        self.said.announced = true;
        let line = if self.line.is_empty() { "Working on it…" } else { &self.line };
        let message = Message::new(&plain(line), Vec::new());
        if let Err(error) = self.reply(&message, false).await {
            tracing::info!(%error, turn = %self.answer.turn_id, "a status could not be said");
        }
    }

    /// Says the answer. `false`: the address is of no use any more; the answer goes to the direct conversation.
    async fn speak(&mut self) -> anyhow::Result<bool> {
        let Some(text) = self.ended.take() else { return Ok(true) };
        let foot = self.gathered.blocks(self.answer.turn_id, Foot::Tail, true);
        let mut messages = render::answer(&text, foot);
        if messages.len() > MESSAGES {
            // The whole of it comes as a file into the direct conversation.
            let end = messages.pop();
            messages.truncate(MESSAGES - 1);
            let hint = Markdown::ours("_The answer goes on: the whole of it is in our direct conversation._");
            let tail = end.map(|message| tail_of(message.blocks)).unwrap_or_default();
            messages.extend(render::answer(&hint, tail));
            finish::whole_by_dm(self.slack, &self.actor, &self.answer, text.as_str()).await?;
        }
        while let Some(message) = messages.get(self.said.messages) {
            let replaces = self.said.messages == 0 && self.said.announced;
            if !self.insist(message, replaces).await? {
                let rest = messages.split_off(self.said.messages);
                finish::by_dm(self.slack, &self.actor, &self.answer, rest).await?;
                return Ok(true);
            }
            self.said.messages += 1;
            self.keep().await?;
        }
        Ok(true)
    }

    /// Tries until the reply is taken. `false`: it never will be.
    async fn insist(&mut self, message: &Message, replaces: bool) -> anyhow::Result<bool> {
        let mut message = message.clone();
        let mut pause = PAUSE;
        for _ in 0..TRIES {
            let wait = match self.reply(&message, replaces).await {
                Ok(()) => return Ok(true),
                Err(ApiError::Limited { after }) => SignedDuration::try_from(after)?,
                Err(ApiError::Broken(_)) => pause,
                Err(ApiError::Refused { code, detail })
                    if is_about_blocks(&code, &detail) && !message.blocks.is_empty() =>
                {
                    message.blocks.clear();
                    self.plain = true;
                    continue;
                }
                Err(ApiError::Refused { .. } | ApiError::Gone) => return Ok(false),
            };
            pause *= 2;
            let clock = &self.slack.inner.app.clock;
            clock.until(clock.now().checked_add(wait)?).await;
            self.keep().await?;
        }
        Ok(false)
    }

    async fn reply(&self, message: &Message, replaces: bool) -> Result<(), ApiError> {
        self.slack.inner.api.respond(&self.answer.response_url, &message.reply(false, replaces)).await
    }

    async fn keep(&mut self) -> anyhow::Result<()> {
        let now = self.slack.inner.app.clock.now();
        let state = &self.slack.inner.asking;
        let lease = Lease { owner: state.owner(), until: state.lease(now) };
        let org = self.actor.org;
        let mut tx = self.slack.inner.app.db.org(org).await?;
        let ours = answers::keep(&mut tx, org, self.answer.turn_id, lease, &json!(self.said), now).await?;
        tx.commit().await?;
        anyhow::ensure!(ours, "another process shows it");
        self.renew_at = now.checked_add(RENEW)?;
        Ok(())
    }
}

/// Whether blocks were refused. An address says so in the body of a 400.
fn is_about_blocks(code: &str, detail: &[String]) -> bool {
    let said = |text: &str| text.contains("block");
    said(code) || (code == "http_400" && detail.iter().any(|line| said(line)))
}

/// What stands below the text.
fn tail_of(blocks: Vec<serde_json::Value>) -> Vec<serde_json::Value> {
    blocks.into_iter().filter(|block| block["type"] != "markdown").collect()
}
