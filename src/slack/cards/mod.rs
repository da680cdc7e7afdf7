//! Draft cards: what people do to them, and what they show.
use super::outbox::Prepared;
use super::wire::Inbound;
use super::{Handled, Slack};
use crate::db::outbox::Row;
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

/// What a card's row in the outbox sends, from the state of the draft as it is now. `None`: there is nothing to show.
pub(crate) async fn render(_slack: &Slack, _org: OrgId, _row: &Row) -> anyhow::Result<Option<Prepared>> {
    Ok(None)
}

/// A card's row, or one that asked for it (`then.to`), arrived at `place` (the `ts` of its message). May be told twice.
pub(crate) async fn sent(_slack: &Slack, _org: OrgId, _row: &Row, _place: &str) -> anyhow::Result<()> {
    Ok(())
}
