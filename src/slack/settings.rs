//! `/adjutant settings`: what is pushed to which channel.
use super::wire::Inbound;
use super::{Handled, Slack};
use crate::ids::OrgId;

/// Takes `/adjutant settings` and its views (ids `settings.…`).
pub(crate) async fn handle(
    _slack: &Slack,
    _org: OrgId,
    _event_key: &str,
    _inbound: &Inbound,
) -> anyhow::Result<Handled> {
    Ok(Handled::No)
}
