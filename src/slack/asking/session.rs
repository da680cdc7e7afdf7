//! The session of a thread as Slack shows it: busy, with a button that stops it, or not.
use super::Slack;
use serde_json::json;

/// What Slack shows of a thread that an agent answers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// With Slack's own button to stop it.
    Processing,
    /// Nothing is under way.
    Active,
}

/// Says how it stands; `false`: Slack has no session there (the app is no agent, or the thread is none of its), or did not
/// take it.
pub async fn set(slack: &Slack, channel: &str, thread: &str, session: Session) -> bool {
    let status = match session {
        Session::Processing => "processing",
        Session::Active => "active",
    };
    let args = json!({"channel_id": channel, "thread_ts": thread, "status": status});
    let done = slack.inner.api.call("agents.sessions.setStatus", &args).await;
    if let Err(error) = &done {
        tracing::debug!(%error, status, "the session of a thread was not set");
    }
    done.is_ok()
}
