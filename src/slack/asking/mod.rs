//! Questions from direct messages, mentions, threads, commands, shortcuts and prompts, and their answers.
pub mod present;
mod prose;

use super::Slack;
use super::wire::Inbound;
use crate::db::outbox::Row;
use crate::ids::OrgId;

/// Takes what is a question, or about an answer.
pub(crate) async fn handle(
    _slack: &Slack,
    _org: OrgId,
    _event_key: &str,
    _inbound: &Inbound,
) -> anyhow::Result<()> {
    Ok(())
}

/// A row of the outbox that asked for it (`then.to`) arrived at `place` (the `ts` of its message). May be told twice.
pub(crate) async fn sent(_slack: &Slack, _org: OrgId, _row: &Row, _place: &str) -> anyhow::Result<()> {
    Ok(())
}
