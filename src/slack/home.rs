//! The Home tab.
use super::wire::Inbound;
use super::{Handled, Slack};
use crate::ids::OrgId;

/// Publishes the tab when it is opened, and takes its buttons (ids `home.…`).
pub(crate) async fn handle(
    _slack: &Slack,
    _org: OrgId,
    _event_key: &str,
    _inbound: &Inbound,
) -> anyhow::Result<Handled> {
    Ok(Handled::No)
}
