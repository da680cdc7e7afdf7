//! Questions from direct messages, mentions, threads, commands, shortcuts and prompts, and their answers.
pub mod present;
mod prose;

use super::Slack;
use super::wire::Inbound;
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
