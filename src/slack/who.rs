//! Who is asking: (team, user) → member, with the roles of this moment.
use super::Slack;
use super::wire::Origin;
use crate::access::Actor;
use crate::ids::OrgId;

/// Who stands behind an envelope.
#[derive(Clone, Debug)]
pub enum Who {
    /// An active member, on surface Slack.
    Member(Actor),
    /// A person of our workspace whom no member is linked to.
    Unlinked,
    /// A guest of the workspace.
    Guest,
    /// From another organisation, through Slack Connect.
    Foreign,
    Bot,
    /// The channel is shared with another organisation, and no administrator has consented.
    ChannelNotAllowed,
}

impl Slack {
    /// Resolves the asker now; nothing is remembered from earlier clicks but the link itself.
    pub async fn who(&self, _org: OrgId, origin: &Origin) -> anyhow::Result<Who> {
        Ok(if origin.is_bot { Who::Bot } else { Who::Unlinked })
    }
}
