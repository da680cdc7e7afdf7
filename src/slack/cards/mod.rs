//! Draft cards: what people do to them, and what they show.
use super::wire::Inbound;
use super::{Handled, Slack};
use crate::ids::OrgId;
use serde_json::Value;

/// Takes clicks and views of cards (ids `card.…`), and the grammar of their threads.
pub(crate) async fn handle(
    _slack: &Slack,
    _org: OrgId,
    _event_key: &str,
    _inbound: &Inbound,
) -> anyhow::Result<Handled> {
    Ok(Handled::No)
}

/// The answer to a view that was submitted (`response_action`), where there is something to say before it is
/// acknowledged: errors at fields, a newer text. Uses no network. `None`: the view closes, [`handle`] does the work.
pub(crate) async fn submit_now(
    _slack: &Slack,
    _org: OrgId,
    _inbound: &Inbound,
) -> anyhow::Result<Option<Value>> {
    Ok(None)
}
