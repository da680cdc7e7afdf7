//! Short words about what can be asked, to the person alone or in their conversation with us.
use super::Slack;
use super::words::Reports;
use crate::access::{Actor, Permission};
use crate::db::outbox;
use crate::ids::OutboxId;
use crate::slack::api::ApiError;
use crate::slack::blocks::{Message, Mrkdwn, Plain, answer, mrkdwn, plain};
use crate::slack::notice;
use crate::slack::wire::Origin;

const ASK: &str = "I answer marketing questions from your own data, with a source for every figure, and prepare drafts that people \
                   decide on. Ask me in a direct message, or mention me in a channel; in a thread where I answered, just go on.";
const EXAMPLES: &str = "*For example*\n• how are we doing this week\n• which campaigns wasted money in the last 30 days\n• roas by week since June\n\
                        • funnel by channel, then: and for email?";
const COMMANDS: &str = "*Commands* (also as text, so that they work in threads: `@adjutant find_waste 30`)\n\
                        • `/ask` anything\n• `/find_waste [days] [channel]`\n• `/idea_copy [page]`\n• `/build_retargeting [segment]`\n\
                        • `/seo_overlap [keyword]`\n• `/report [kind]`: {}\n• `/approvals [mine]`\n\
                        • `/adjutant help`, `/adjutant settings`, `/adjutant link`\n• `stop` in a thread ends the answer under way";
const LIMITS: &str =
    "I never change, send or publish anything by myself, never show personal data, and write no SQL.";

/// What can be asked, by whom.
pub async fn tell(
    slack: &Slack,
    actor: &Actor,
    origin: &Origin,
    key: &str,
    reports: &Reports,
) -> anyhow::Result<()> {
    let kinds = mrkdwn(&reports.kinds().join(", "));
    let mine = if actor.may(Permission::DraftApprove) {
        "You may decide on drafts: they wait for you on the Home tab."
    } else if actor.may(Permission::DraftCreate) {
        "You may ask for drafts; somebody else decides on them."
    } else {
        "You may read everything; drafts are asked for by marketers."
    };
    let parts = [
        Mrkdwn::ours(ASK),
        Mrkdwn::ours(EXAMPLES),
        Mrkdwn::fill(COMMANDS, &[kinds]),
        Mrkdwn::fill("{} {}", &[Mrkdwn::ours(LIMITS), Mrkdwn::ours(mine)]),
    ];
    let text = Mrkdwn::join(parts, "\n\n");
    whisper(slack, actor, origin, key, answer::notice(&text, &Plain::ours(ASK))).await
}

/// That there is no such report, and which there are.
pub async fn no_report(
    slack: &Slack,
    actor: &Actor,
    origin: &Origin,
    key: &str,
    asked: &str,
    reports: &Reports,
) -> anyhow::Result<()> {
    let kinds = reports.kinds().iter().map(|kind| format!("/report {kind}")).collect::<Vec<_>>().join(", ");
    let words = if asked.is_empty() {
        format!("Which report? There is: {kinds}.")
    } else {
        format!("There is no report “{asked}” yet. There is: {kinds}.")
    };
    whisper(slack, actor, origin, key, answer::notice(&mrkdwn(&words), &plain(&words))).await
}

pub async fn nothing_to_stop(slack: &Slack, actor: &Actor, origin: &Origin, key: &str) -> anyhow::Result<()> {
    let words = "Nothing of yours is being answered in this thread.";
    whisper(slack, actor, origin, key, answer::notice(&Mrkdwn::ours(words), &Plain::ours(words))).await
}

/// Says something to the person alone: through the address of their click or command, else as `notice` does.
pub async fn whisper(
    slack: &Slack,
    actor: &Actor,
    origin: &Origin,
    key: &str,
    message: Message,
) -> anyhow::Result<()> {
    if let Some(url) = &origin.response_url {
        let mut body = message.reply(false, false);
        if let Some(thread) = &origin.thread_ts {
            body["thread_ts"] = thread.as_str().into();
        }
        match slack.inner.api.respond(url, &body).await {
            Ok(()) => return Ok(()),
            // The address is used up or too old.
            Err(ApiError::Refused { code, .. }) => tracing::info!(code, "a reply goes another way"),
            Err(error) => return Err(error.into()),
        }
    }
    let Some(mut out) = notice::to_person(origin, &message.text, format!("told:{key}")) else {
        return Ok(());
    };
    out.payload["args"]["blocks"] = message.blocks.into();
    let mut tx = slack.inner.app.db.org(actor.org).await?;
    let id = OutboxId::new(&*slack.inner.app.clock);
    outbox::enqueue(&mut tx, actor.org, id, &out, slack.inner.app.clock.now()).await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    Ok(())
}
