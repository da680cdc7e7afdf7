//! Words to one person: seen by nobody else, gone with the next reload.
use crate::drafts::{DraftError, DraftState, DraftView};
use crate::slack::Slack;
use crate::slack::blocks::{Message, Mrkdwn, Plain, kit, mrkdwn, plain};
use crate::slack::cards::view::{People, person};
use crate::slack::who::Who;
use crate::slack::wire::{ChannelKind, Origin};

/// Where words to one person are said.
#[derive(Clone, Debug)]
pub struct Place {
    pub channel: String,
    pub thread: Option<String>,
    pub user: String,
    /// The address that an interaction brought, when there is one.
    pub response_url: Option<String>,
}

impl Place {
    pub fn of(origin: &Origin) -> Self {
        Self {
            channel: origin.channel.clone().unwrap_or_default(),
            // In a conversation with us an answer belongs below its question.
            thread: match origin.channel_kind {
                ChannelKind::Dm => origin.thread_ts.clone().or_else(|| origin.ts.clone()),
                ChannelKind::Channel | ChannelKind::Group | ChannelKind::Unknown => origin.thread_ts.clone(),
            },
            user: origin.user.clone(),
            response_url: origin.response_url.clone(),
        }
    }
}

/// One line as a message.
pub fn line(text: Mrkdwn, fallback: &Plain) -> Message {
    Message::new(fallback, kit::sections(&text))
}

/// Words of ours.
pub fn ours(words: &'static str) -> Message {
    line(Mrkdwn::ours(words), &Plain::ours(words))
}

/// Words with data in them.
pub fn words(text: &str) -> Message {
    line(mrkdwn(text), &plain(text))
}

/// Says it to the one person. That it could not be said is logged and nothing else: what was done stays done.
pub async fn whisper(slack: &Slack, place: &Place, message: &Message) {
    let api = &slack.inner.api;
    let said = match &place.response_url {
        Some(url) => api.respond(url, &message.reply(false, false)).await,
        None => Err(crate::slack::api::ApiError::Broken("no response_url".to_owned())),
    };
    // An address is good for five replies and half an hour.
    if said.is_err() && !(place.channel.is_empty() && place.user.is_empty()) {
        // In a conversation of one person with us there is nobody to hide it from, and it should last. What is clicked on
        // the Home tab has no channel: a person's id stands for that conversation.
        let channel = if place.channel.is_empty() { &place.user } else { &place.channel };
        let (method, args) = if channel.starts_with(['D', 'U', 'W']) {
            ("chat.postMessage", message.post(channel, place.thread.as_deref()))
        } else {
            let args = message.ephemeral(&place.channel, &place.user, place.thread.as_deref());
            ("chat.postEphemeral", args)
        };
        if let Err(error) = api.call(method, &args).await {
            tracing::warn!(%error, "an answer to a reviewer could not be delivered");
        }
    }
}

/// Why somebody who is no member cannot decide. `None`: a bot, which is not answered, or words in a channel where we say
/// nothing; who clicked or typed a command there is told through the address that this brought.
pub fn not_a_member(who: &Who, place: &Place) -> Option<Message> {
    Some(match who {
        Who::Member(_) | Who::Bot => return None,
        Who::ChannelNotAllowed if place.response_url.is_none() => return None,
        Who::Unlinked => ours("Link your account to decide on drafts: send `/adjutant link`."),
        Who::Guest => {
            ours("Guests of this workspace cannot decide on drafts. Ask a member of the team to review it.")
        }
        Who::Foreign => ours(
            "People from other organisations cannot decide on drafts. Ask a member of the team to review it.",
        ),
        Who::ChannelNotAllowed => ours(
            "This channel is shared with another organisation, so nothing is decided here until an administrator \
             allows it. Review the draft in a direct message: send `/approvals`.",
        ),
    })
}

/// "Draft 12 was already approved by X at 14:03."
pub fn already(draft: &DraftView, people: &People) -> Message {
    let s = &draft.summary;
    let done = match s.state {
        DraftState::Approved
        | DraftState::Scheduled
        | DraftState::Executing
        | DraftState::Executed
        | DraftState::Failed
        | DraftState::Measured
        | DraftState::RollingBack
        | DraftState::RolledBack => "approved",
        DraftState::Rejected => "rejected",
        DraftState::Cancelled => "cancelled",
        DraftState::Expired => "expired",
        DraftState::ChangesRequested => "sent back for changes",
        DraftState::Stale => "found out of date",
        DraftState::Pending => "put up for review",
    };
    let (number, done) = (s.number.to_string(), mrkdwn(done));
    let by = person(people, s.decider, s.decided_by.as_deref());
    let at = s.decided_at.unwrap_or(s.updated_at);
    let by = by.map(|p| Mrkdwn::fill(" by {}", &[p.mrkdwn()])).unwrap_or_default();
    let at = Mrkdwn::date(at, "{time}");
    let text = Mrkdwn::fill("Draft {} was already {}{} at {}.", &[mrkdwn(&number), done.clone(), by, at]);
    let fallback = Plain::fill("Draft {} was already {}.", &[plain(&number), plain(done.as_str())]);
    line(text, &fallback)
}

/// A refusal in the words of the drafts room. Anything else is ours to mend, and said so.
pub fn refusal(error: &DraftError) -> Message {
    match error {
        DraftError::Refused(refused) => words(&refused.message),
        DraftError::Db(_) => {
            ours("The database does not answer. Nothing was changed; try again in a moment.")
        }
        DraftError::Broken(_) => {
            ours("Something is wrong with this draft. Nothing was changed; tell an administrator.")
        }
    }
}
