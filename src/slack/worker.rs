//! Works on what was received: takes rows of `slack_inbound` under a lease and hands them to the room they are for.
use super::wire::Inbound;
use super::{Handled, Slack, asking, cards, home, settings};
use crate::ids::OrgId;
use tokio_util::sync::CancellationToken;

/// Works until `stop`.
pub async fn run(_slack: &Slack, stop: CancellationToken) {
    stop.cancelled().await;
}

/// Hands an envelope to the room it is for.
pub(crate) async fn dispatch(
    slack: &Slack,
    org: OrgId,
    event_key: &str,
    inbound: &Inbound,
) -> anyhow::Result<()> {
    if cards::handle(slack, org, event_key, inbound).await? == Handled::Yes
        || settings::handle(slack, org, event_key, inbound).await? == Handled::Yes
        || home::handle(slack, org, event_key, inbound).await? == Handled::Yes
    {
        return Ok(());
    }
    asking::handle(slack, org, event_key, inbound).await
}
