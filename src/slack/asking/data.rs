//! "Show data": the rows behind an answer, for the person who clicked, and only what they may see.
use super::Slack;
use crate::access::Actor;
use crate::slack::wire::Origin;

/// `value`: turn and run.
pub async fn show(_slack: &Slack, _actor: &Actor, _key: &str, _origin: &Origin, _value: &str) -> anyhow::Result<()> {
    Ok(())
}
