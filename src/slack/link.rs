//! `/adjutant link CODE`: a one-time code, made on a surface where the member is signed in, proves who the Slack user
//! is. `/adjutant allow` and `disallow`: an administrator's consent to answers in a channel shared with another
//! organisation. Both also as text after a mention, or in a direct message.
use super::who::Who;
use super::wire::{ChannelKind, Inbound, Origin};
use super::{Handled, Slack, cards, notice};
use crate::access::{Actor, Credential, Permission, Surface};
use crate::db::slack::installs;
use crate::db::slack::people::{self as identities, VerifiedBy};
use crate::db::{audit, outbox, people};
use crate::ids::{OrgId, OutboxId};
use serde_json::json;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// How to be linked.
    Explain,
    Code(String),
    /// Consent to answers in this channel, given or taken back.
    Answers(bool),
}

pub(crate) async fn handle(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    inbound: &Inbound,
) -> anyhow::Result<Handled> {
    let Some((origin, wish)) = wish(inbound) else { return Ok(Handled::No) };
    let in_public = matches!(inbound, Inbound::Said { .. }) && origin.channel_kind != ChannelKind::Dm;
    // In a channel shared without consent only an administrator's consent is answered, and what Slack shows to the
    // asker alone.
    let silent = in_public && !slack.may_answer_in(org, origin).await?;
    let words = match wish {
        Wish::Explain if silent => return Ok(Handled::Yes),
        Wish::Explain => EXPLAIN.to_owned(),
        Wish::Code(code) if in_public => {
            // Everybody in the channel has read it: it is good for nobody any more.
            let mut tx = slack.inner.app.db.org(org).await?;
            identities::use_code(&mut tx, org, &code, slack.inner.app.clock.now()).await?;
            tx.commit().await?;
            if silent {
                return Ok(Handled::Yes);
            }
            "Others can read this code here, so it is void now. Ask for a new one, and type `/adjutant link CODE`, \
             which only I see."
                .to_owned()
        }
        Wish::Code(code) => match slack.person(org, origin).await? {
            who @ (Who::Guest | Who::Foreign | Who::Bot | Who::ChannelNotAllowed) => {
                slack.refuse(org, event_key, origin, &who).await?;
                return Ok(Handled::Yes);
            }
            Who::Member(_) | Who::Unlinked => redeem(slack, org, origin, &code).await?,
        },
        Wish::Answers(given) => match slack.person(org, origin).await? {
            Who::Member(actor) if actor.may(Permission::SettingsManage) => {
                consent(slack, &actor, event_key, origin, given).await?
            }
            _ if silent => return Ok(Handled::Yes),
            Who::Member(_) => "Only an administrator can say where I may answer.".to_owned(),
            who @ (Who::Unlinked | Who::Guest | Who::Foreign | Who::Bot | Who::ChannelNotAllowed) => {
                slack.refuse(org, event_key, origin, &who).await?;
                return Ok(Handled::Yes);
            }
        },
    };
    say(slack, org, event_key, origin, &words).await?;
    Ok(Handled::Yes)
}

const EXPLAIN: &str = "Where your e-mail address here is the one Adjutant knows, I recognise you without doing anything. \
                       Otherwise ask an administrator of Adjutant for a one-time code (`adjutant member link` prints \
                       one), then type `/adjutant link CODE`.";

/// The three wishes of this room; `None`: something else.
fn wish(inbound: &Inbound) -> Option<(&Origin, Wish)> {
    let (origin, words) = if let Inbound::Command { origin, command, text } = inbound {
        (origin, Some(text).filter(|_| command == "/adjutant")?)
    } else if let Inbound::Said { origin, text, mentioned, .. } = inbound {
        let addressed = *mentioned || origin.channel_kind == ChannelKind::Dm;
        (origin, Some(text).filter(|_| addressed)?)
    } else {
        return None;
    };
    let mut words = words.split_whitespace().filter(|word| !word.starts_with("<@")).peekable();
    words
        .next_if(|word| matches!(word.to_ascii_lowercase().as_str(), "adjutant" | "/adjutant" | "@adjutant"));
    let verb = words.next()?.to_ascii_lowercase();
    let rest: Vec<&str> = words.collect();
    // Whole messages only: "link our ads to the shop" is a question.
    let wish = match (verb.as_str(), rest.as_slice()) {
        ("link", []) => Wish::Explain,
        ("link", parts) if is_code(&parts.concat()) => Wish::Code(parts.concat()),
        ("link", [_]) if matches!(inbound, Inbound::Command { .. }) => Wish::Code(rest.concat()),
        ("allow", []) => Wish::Answers(true),
        ("disallow", []) => Wish::Answers(false),
        _ => return None,
    };
    Some((origin, wish))
}

/// Twelve letters and digits, with dashes or without.
fn is_code(text: &str) -> bool {
    let plain = text.chars().filter(|c| *c != '-');
    plain.clone().count() == 12 && plain.clone().all(|c| c.is_ascii_alphanumeric()) && text.len() <= 14
}

async fn redeem(slack: &Slack, org: OrgId, origin: &Origin, code: &str) -> anyhow::Result<String> {
    let now = slack.inner.app.clock.now();
    let mut tx = slack.inner.app.db.org(org).await?;
    let used = identities::use_code(&mut tx, org, code, now).await?;
    let Some(member) = used else {
        let who = (origin.team.as_str(), origin.user.as_str());
        if let Some((_, VerifiedBy::Link)) = identities::linked(&mut tx, org, who.0, who.1).await? {
            return Ok("You are linked: I know who you are. (This code was used, or is too old.)".to_owned());
        }
        return Ok("This code is unknown, used or too old. Ask for a new one.".to_owned());
    };
    let actor = people::actor(&mut tx, org, member, Surface::Slack, Credential::Session).await?;
    if let Some(actor) = &actor {
        slack.link(&mut tx, actor, origin, member, VerifiedBy::Link).await?;
    }
    tx.commit().await?;
    slack.inner.hearsay.forget();
    Ok("Done: I know now who you are. Ask me anything, or type `/adjutant help`.".to_owned())
}

async fn consent(
    slack: &Slack,
    actor: &Actor,
    event_key: &str,
    origin: &Origin,
    given: bool,
) -> anyhow::Result<String> {
    let Some(channel) = origin.channel.as_ref().filter(|_| origin.channel_kind != ChannelKind::Dm) else {
        return Ok("Type this in the shared channel that you mean.".to_owned());
    };
    let now = slack.inner.app.clock.now();
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let by = given.then_some((actor.member, now));
    if installs::consent(&mut tx, actor.org, &origin.team, channel, by).await? {
        let mut entry = audit::NewEntry::by(actor, "setting.changed", "slack_channel", channel, now);
        entry.after = Some(json!({"answers": given}));
        audit::append(&mut tx, actor.org, &entry).await?;
    }
    if given {
        // What happened in the meantime was not told here.
        cards::catch_up(&mut tx, slack, actor.org, channel, event_key).await?;
    }
    tx.commit().await?;
    slack.inner.hearsay.forget();
    slack.inner.outbox_wake.notify_one();
    Ok(if given {
        "From now on I answer members of your organisation here, where people of the other organisation can read it. \
         `/adjutant disallow` takes it back."
    } else {
        "From now on I say nothing in this channel as long as it is shared with another organisation."
    }
    .to_owned())
}

/// Tells the person alone.
async fn say(slack: &Slack, org: OrgId, event_key: &str, origin: &Origin, words: &str) -> anyhow::Result<()> {
    if let Some(url) = &origin.response_url {
        let body = json!({"response_type": "ephemeral", "replace_original": false, "text": words});
        return Ok(slack.inner.api.respond(url, &body).await?);
    }
    let Some(out) = notice::to_person(origin, words, format!("link:{event_key}")) else { return Ok(()) };
    let mut tx = slack.inner.app.db.org(org).await?;
    let id = OutboxId::new(&*slack.inner.app.clock);
    outbox::enqueue(&mut tx, org, id, &out, slack.inner.app.clock.now()).await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests;
