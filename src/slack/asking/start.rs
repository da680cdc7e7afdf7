//! From a question to a turn and the row of its answer.
use super::Slack;
use super::calls::MARK;
use crate::access::Actor;
use crate::chat::{self, Ask, Handle};
use crate::db::conversations::{self, NewConversation, Visibility};
use crate::db::outbox;
use crate::db::slack_answers::{self as answers, Answer, AnswerState, Lease, Way};
use crate::db::turns;
use crate::ids::{ConversationId, OutboxId};
use crate::slack::api::ApiError;
use crate::slack::blocks::answer::{failed, notice as notice_of};
use crate::slack::blocks::{mrkdwn, plain};
use crate::slack::notice;
use crate::slack::wire::{ChannelKind, Origin, Us};
use serde_json::{Map, Value, json};

/// Messages that are looked through for one of ours.
const LATEST: u32 = 30;

/// A question with all that belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub text: String,
    /// What the asker looks at.
    pub chips: Map<String, Value>,
    /// Goes on with this conversation instead of the thread's.
    pub conversation: Option<ConversationId>,
    /// The question as it is said above the answer, where it does not stand in the thread by itself.
    pub lead: String,
}

impl Question {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// Where an answer is shown.
#[derive(Clone, Debug)]
pub enum Place {
    Thread {
        channel: String,
        thread_ts: String,
        dm: bool,
    },
    /// The asker alone, through the address of a command or click.
    Private {
        channel: String,
        response_url: String,
    },
    /// A thread of its own in the asker's conversation with us, below what was typed.
    OwnThread {
        channel: String,
        heading: String,
        response_url: String,
    },
}

impl Place {
    /// The thread of a message, or the one that begins with it.
    pub fn thread(origin: &Origin) -> Option<Self> {
        Some(Self::Thread {
            channel: origin.channel.clone()?,
            thread_ts: origin.thread_ts.clone().or_else(|| origin.ts.clone())?,
            dm: origin.channel_kind == ChannelKind::Dm,
        })
    }

    pub fn private(origin: &Origin) -> Option<Self> {
        let channel = origin.channel.clone().unwrap_or_default();
        Some(Self::Private { channel, response_url: origin.response_url.clone()? })
    }
}

/// What a conversation is called that goes on in a thread.
pub fn external_ref(team: &str, channel: &str, thread_ts: &str) -> String {
    format!("{team}/{channel}/{thread_ts}")
}

/// Asks, and has the answer shown. The same event asks once, however often it comes; what the chat room refuses is said.
pub async fn ask(
    slack: &Slack,
    actor: &Actor,
    origin: &Origin,
    event_key: &str,
    place: Place,
    question: Question,
) -> anyhow::Result<()> {
    let conversation = match (&place, question.conversation) {
        (Place::Thread { channel, thread_ts, dm }, None) => {
            let of_thread = external_ref(&origin.team, channel, thread_ts);
            Some(open(slack, actor, &of_thread, *dm, &question.text).await?)
        }
        (_, given) => given,
    };
    let asked = Ask {
        message: question.text.clone(),
        conversation_id: conversation,
        context: question.chips,
        idempotency_key: Some(event_key.to_owned()),
    };
    let handle = match slack.inner.chat.ask(actor, asked).await {
        Ok(handle) => handle,
        // The worker tries again.
        Err(chat::Error::Db(error)) => return Err(error.into()),
        Err(error) => match begun(slack, actor, event_key, &error).await? {
            Some(handle) => handle,
            None => return refused(slack, actor, origin, event_key, &place, &error).await,
        },
    };
    let place = settled(slack, actor, origin, place, handle).await?;
    show(slack, actor, origin, place, handle, &question.lead).await
}

/// The turn that this event began, where only what was looked at besides has changed since: by now the thread has its
/// conversation, or the message beside the question reads otherwise.
async fn begun(
    slack: &Slack,
    actor: &Actor,
    event_key: &str,
    error: &chat::Error,
) -> anyhow::Result<Option<Handle>> {
    if !matches!(error, chat::Error::IdempotencyConflict) {
        return Ok(None);
    }
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let turn = turns::by_key(&mut tx, actor.org, actor.member, event_key).await?;
    tx.commit().await?;
    Ok(turn.map(|turn| Handle { turn_id: turn.id, conversation_id: turn.conversation, replayed: true }))
}

/// A place that has a thread: the heading is posted, and the conversation goes on below it.
async fn settled(
    slack: &Slack,
    actor: &Actor,
    origin: &Origin,
    place: Place,
    handle: Handle,
) -> anyhow::Result<Place> {
    let Place::OwnThread { channel, heading, response_url } = place else { return Ok(place) };
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let known = answers::get(&mut tx, actor.org, handle.turn_id).await?;
    tx.commit().await?;
    if known.is_some() {
        return Ok(Place::Private { channel, response_url });
    }
    let us = slack.inner.homes.us(&origin.team);
    let mark = handle.turn_id.to_string();
    // The process may have ended between the heading and the row.
    let before = if handle.replayed { posted(slack, &us, &channel, &mark).await? } else { None };
    let thread_ts = match before {
        Some(ts) => Some(ts),
        None => post_heading(slack, &channel, &heading, &mark).await?,
    };
    let Some(thread_ts) = thread_ts else { return Ok(Place::Private { channel, response_url }) };
    let external_ref = external_ref(&origin.team, &channel, &thread_ts);
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    conversations::adopt(&mut tx, actor.org, handle.conversation_id, &external_ref).await?;
    tx.commit().await?;
    Ok(Place::Thread { channel, thread_ts, dm: true })
}

/// Our message in a channel that carries this mark, among the latest ones.
async fn posted(slack: &Slack, us: &Us, channel: &str, mark: &str) -> Result<Option<String>, ApiError> {
    let args = json!({"channel": channel, "limit": LATEST, "include_all_metadata": true});
    let reply = match slack.inner.api.call("conversations.history", &args).await {
        Ok(reply) => reply,
        // What cannot be read was not written by us.
        Err(ApiError::Refused { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let messages = reply["messages"].as_array().into_iter().flatten();
    let ours = |message: &&Value| {
        let by = |name: &str, id: &str| !id.is_empty() && message[name] == id;
        by("user", &us.bot_user) || by("bot_id", &us.bot_id)
    };
    let mut marked =
        messages.filter(ours).filter(|message| message["metadata"]["event_payload"]["turn"] == mark);
    Ok(marked.next().and_then(|message| message["ts"].as_str()).map(str::to_owned))
}

/// `None`: this is no conversation of ours (people may type commands wherever they are).
async fn post_heading(
    slack: &Slack,
    channel: &str,
    heading: &str,
    mark: &str,
) -> anyhow::Result<Option<String>> {
    let text = mrkdwn(&crate::text::clean(heading, 500)).bold();
    let message = notice_of(&text, &plain(heading));
    let mut args = message.post(channel, None);
    args["metadata"] = json!({"event_type": MARK, "event_payload": {"turn": mark}});
    match slack.inner.api.call("chat.postMessage", &args).await {
        Ok(reply) => Ok(reply["ts"].as_str().map(str::to_owned)),
        Err(ApiError::Refused { code, .. }) => {
            tracing::info!(code, "a command is answered to its asker alone");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The conversation of a thread, begun where there is none.
async fn open(
    slack: &Slack,
    actor: &Actor,
    external_ref: &str,
    dm: bool,
    question: &str,
) -> anyhow::Result<ConversationId> {
    let clock = &*slack.inner.app.clock;
    let title = crate::text::clean(question, 80);
    let new = NewConversation {
        id: ConversationId::new(clock),
        surface: actor.surface,
        external_ref: Some(external_ref),
        title: &title,
        owner: actor.member,
        visibility: if dm { Visibility::Private } else { Visibility::Thread },
    };
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let opened = conversations::open(&mut tx, actor.org, &new, clock.now()).await?;
    tx.commit().await?;
    Ok(opened.id)
}

/// Stores where the answer goes, and has it shown.
async fn show(
    slack: &Slack,
    actor: &Actor,
    origin: &Origin,
    place: Place,
    handle: Handle,
    lead: &str,
) -> anyhow::Result<()> {
    let (way, channel, thread_ts, response_url) = match place {
        Place::Thread { channel, thread_ts, .. } => (Way::Thread, channel, thread_ts, String::new()),
        Place::Private { channel, response_url } | Place::OwnThread { channel, response_url, .. } => {
            (Way::Private, channel, String::new(), response_url)
        }
    };
    let elsewhere = origin.user_team.clone().filter(|team| *team != origin.team);
    let new = Answer {
        turn_id: handle.turn_id,
        member: actor.member,
        team: origin.team.clone(),
        person: origin.user.clone(),
        person_team: elsewhere.unwrap_or_default(),
        channel,
        thread_ts,
        way,
        response_url,
        lead: lead.to_owned(),
        position: json!({}),
        state: AnswerState::Showing,
        created_at: slack.inner.app.clock.now(),
    };
    let now = slack.inner.app.clock.now();
    let state = &slack.inner.asking;
    let lease = Lease { owner: state.owner(), until: state.lease(now) };
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let begun = answers::begin(&mut tx, actor.org, &new, lease, now).await?;
    tx.commit().await?;
    if begun {
        state.show(actor.org, new);
    }
    Ok(())
}

/// Says why there is no answer, where the answer would have been.
async fn refused(
    slack: &Slack,
    actor: &Actor,
    origin: &Origin,
    event_key: &str,
    place: &Place,
    error: &chat::Error,
) -> anyhow::Result<()> {
    tracing::info!(code = error.code(), "a question from Slack was refused");
    let message = failed(&error.to_string(), None);
    if let Place::Private { response_url, .. } | Place::OwnThread { response_url, .. } = place
        && !response_url.is_empty()
    {
        return Ok(slack.inner.api.respond(response_url, &message.reply(false, false)).await?);
    }
    let now = slack.inner.app.clock.now();
    let Some(mut out) = notice::in_thread(origin, &message.text, format!("refused:{event_key}")) else {
        return Ok(());
    };
    if let Place::Thread { channel, thread_ts, .. } = place {
        out.payload["args"] = message.post(channel, Some(thread_ts));
    }
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    outbox::enqueue(&mut tx, actor.org, OutboxId::new(&*slack.inner.app.clock), &out, now).await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}
