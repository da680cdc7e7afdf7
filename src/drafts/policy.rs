//! Who may decide (`actions.md` §§3–4): permissions, four eyes, scopes of grants, co-approval, step-up.
use super::DraftError;
use super::limits::Limits;
use crate::access::{Actor, Credential, Permission, Role};
use crate::db::drafts::kinds::{Decision, Tier};
use crate::ids::MemberId;
use serde::Deserialize;

/// A grant on top of a role; each empty limit means "any".
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    pub platforms: Vec<String>,
    pub types: Vec<String>,
    pub max_tier: Option<Tier>,
}

/// A permission that a member was granted, and how far it reaches.
#[derive(Clone, Debug)]
pub struct Grant {
    pub permission: Permission,
    pub scope: Scope,
}

/// What a policy needs to know of the draft.
#[derive(Clone, Debug)]
pub struct Subject {
    pub kind: String,
    /// Every platform that would be changed.
    pub platforms: Vec<String>,
    pub tier: Tier,
    pub requested_by: Option<MemberId>,
    /// Everyone who wrote a revision.
    pub editors: Vec<MemberId>,
    pub co_approvals: Vec<String>,
}

impl Subject {
    fn is_own(&self, member: MemberId) -> bool {
        self.requested_by == Some(member) || self.editors.contains(&member)
    }
}

/// A vote that may be cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The role it is cast in; `compliance` counts as co-approval, never toward the quorum.
    pub role: Role,
    /// Whether it counts only after a second confirmation in the member's own session.
    pub needs_step_up: bool,
}

/// Whether this member may cast this decision on this draft. Decisions need a person's own session.
pub fn may_decide(
    actor: &Actor,
    grants: &[Grant],
    subject: &Subject,
    decision: Decision,
    limits: &Limits,
) -> Result<Vote, DraftError> {
    let permission =
        if decision == Decision::Reject { Permission::DraftReject } else { Permission::DraftApprove };
    if actor.credential != Credential::Session {
        let message = format!("An API key may not {}: decide in your own session.", permission.allows());
        return Err(DraftError::forbidden("permission.missing", message));
    }
    // Compliance holds a veto on every draft and a co-approval where one is asked for, and nothing else.
    let as_compliance = actor.role == Role::Compliance
        && match decision {
            Decision::Reject | Decision::RequestChanges => true,
            Decision::Approve | Decision::Hold => {
                subject.co_approvals.iter().any(|r| r == Role::Compliance.as_str())
            }
        };
    if !as_compliance {
        allowed(actor, grants, subject, permission)?;
    }
    let own = subject.is_own(actor.member);
    match decision {
        Decision::Approve if own => {
            let alone = limits.allow_self_approval && subject.tier == Tier::Low && !as_compliance;
            if !alone {
                return Err(four_eyes());
            }
        }
        Decision::RequestChanges if subject.editors.contains(&actor.member) => return Err(four_eyes()),
        Decision::Approve | Decision::RequestChanges | Decision::Reject | Decision::Hold => {}
    }
    let needs_step_up = decision == Decision::Approve && subject.tier >= limits.step_up_tier;
    Ok(Vote { role: actor.role, needs_step_up })
}

/// Whether the permission is held for this draft: by the role, or by a grant whose scope covers it.
pub fn allowed(
    actor: &Actor,
    grants: &[Grant],
    subject: &Subject,
    permission: Permission,
) -> Result<(), DraftError> {
    actor.require(permission).map_err(|missing| DraftError::missing(missing.0))?;
    if actor.role.permissions().contains(&permission) {
        return Ok(());
    }
    let mut reaching = grants.iter().filter(|g| g.permission == permission).filter(|g| {
        let covers = |list: &[String], word: &str| list.is_empty() || list.iter().any(|w| w == word);
        subject.platforms.iter().all(|p| covers(&g.scope.platforms, p))
            && covers(&g.scope.types, &subject.kind)
    });
    match reaching.clone().any(|g| g.scope.max_tier.is_none_or(|max| subject.tier <= max)) {
        true => Ok(()),
        false if reaching.next().is_some() => Err(DraftError::forbidden(
            "permission.tier",
            format!(
                "Your right to approve does not reach as far as {} risk; somebody whose right does must approve this.",
                subject.tier
            ),
        )),
        false => Err(DraftError::missing(permission)),
    }
}

fn four_eyes() -> DraftError {
    DraftError::forbidden(
        "permission.four_eyes",
        "You asked for or edited this draft; someone else must approve it.",
    )
}

#[cfg(test)]
mod tests;
