//! Suggested prompts: what a person may want to ask, when the Messages tab or an assistant's thread is opened.
use super::Slack;
use crate::access::{Actor, Permission};
use crate::ids::OrgId;
use crate::slack::api::ApiError;
use crate::slack::who::Who;
use crate::slack::wire::Origin;
use serde_json::{Value, json};

/// Sets the prompts. Today's apps have them for the whole conversation; in a thread they are for old installations.
pub async fn offer(slack: &Slack, org: OrgId, origin: &Origin, in_thread: bool) -> anyhow::Result<()> {
    let Some(channel) = &origin.channel else { return Ok(()) };
    // Whoever cannot ask is told when they ask.
    let Who::Member(actor) = slack.who(org, origin).await? else { return Ok(()) };
    let mut args =
        json!({"channel_id": channel, "title": "What would you like to know?", "prompts": prompts(&actor)});
    if in_thread && let Some(thread) = &origin.thread_ts {
        args["thread_ts"] = thread.as_str().into();
    }
    match slack.inner.api.call("assistant.threads.setSuggestedPrompts", &args).await {
        Ok(_) => Ok(()),
        // The manifest has prompts as well.
        Err(ApiError::Refused { code, .. }) => {
            tracing::info!(code, "no prompts were suggested");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Four prompts by what the person may do.
fn prompts(actor: &Actor) -> Value {
    let last = if actor.may(Permission::DraftApprove) {
        ("Waiting for me", "/approvals")
    } else if actor.may(Permission::DraftCreate) {
        ("Ideas for copy", "/idea_copy")
    } else {
        ("Can I trust the data?", "How fresh is the data?")
    };
    let all = [
        ("Find waste", "/find_waste 30"),
        ("What changed?", "What changed in performance since last week?"),
        ("How are we doing?", "How are we doing this month?"),
        last,
    ];
    all.iter().map(|(title, message)| json!({"title": title, "message": message})).collect()
}
