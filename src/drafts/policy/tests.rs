use super::*;
use crate::access::Surface;
use crate::ids::{ApiKeyId, OrgId};
use uuid::Uuid;

fn member(n: u128) -> MemberId {
    MemberId(Uuid::from_u128(n))
}

fn actor(n: u128, role: Role) -> Actor {
    Actor {
        org: OrgId(Uuid::from_u128(1)),
        member: member(n),
        name: "Robin".to_owned(),
        role,
        permissions: role.permissions(),
        surface: Surface::Console,
        credential: Credential::Session,
        request_id: None,
    }
}

fn subject(tier: Tier) -> Subject {
    Subject {
        kind: "pause_campaign".to_owned(),
        platforms: vec!["google_ads".to_owned()],
        tier,
        requested_by: Some(member(7)),
        editors: vec![member(8)],
        co_approvals: Vec::new(),
    }
}

fn decide(actor: &Actor, subject: &Subject, decision: Decision) -> Result<Vote, String> {
    may_decide(actor, &[], subject, decision, &Limits::default()).map_err(|e| e.code().to_owned())
}

#[test]
fn an_api_key_decides_nothing_whoever_it_acts_for() {
    for role in Role::ALL.iter().copied() {
        let mut key = actor(1, role);
        key.credential = Credential::ApiKey(ApiKeyId(Uuid::from_u128(3)));
        let mut with_compliance = subject(Tier::Low);
        with_compliance.co_approvals = vec!["compliance".to_owned()];
        for decision in Decision::ALL.iter().copied() {
            assert_eq!(
                decide(&key, &with_compliance, decision),
                Err("permission.missing".to_owned()),
                "{role}"
            );
        }
    }
}

#[test]
fn requester_and_editor_never_approve_at_any_tier_even_as_admin() {
    for tier in Tier::ALL.iter().copied() {
        for own in [7, 8] {
            let refused = decide(&actor(own, Role::Admin), &subject(tier), Decision::Approve);
            assert_eq!(refused, Err("permission.four_eyes".to_owned()), "{tier}");
        }
    }
}

#[test]
fn self_approval_is_an_opt_in_for_the_low_tier_only() {
    let limits = Limits { allow_self_approval: true, ..Limits::default() };
    let may =
        |tier| may_decide(&actor(7, Role::Admin), &[], &subject(tier), Decision::Approve, &limits).is_ok();
    assert_eq!([may(Tier::Low), may(Tier::Medium), may(Tier::High)], [true, false, false]);
}

#[test]
fn compliance_vetoes_all_and_co_approves_only_where_asked() {
    let officer = actor(1, Role::Compliance);
    assert!(decide(&officer, &subject(Tier::High), Decision::Reject).is_ok());
    assert!(decide(&officer, &subject(Tier::Low), Decision::Approve).is_err());
    let mut asked = subject(Tier::Medium);
    asked.co_approvals = vec!["compliance".to_owned()];
    assert_eq!(decide(&officer, &asked, Decision::Approve).unwrap().role, Role::Compliance);
}

#[test]
fn roles_without_the_permission_are_told_which_one() {
    for role in [Role::Viewer, Role::Analyst, Role::Marketer] {
        assert_eq!(
            decide(&actor(1, role), &subject(Tier::Low), Decision::Approve),
            Err("permission.missing".into())
        );
    }
}

#[test]
fn high_votes_need_a_second_confirmation() {
    let vote =
        |tier| decide(&actor(1, Role::Approver), &subject(tier), Decision::Approve).unwrap().needs_step_up;
    assert_eq!(Tier::ALL.iter().copied().map(vote).collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn a_grant_reaches_as_far_as_its_scope() {
    let mut marketer = actor(1, Role::Marketer);
    marketer.permissions.insert(Permission::DraftApprove);
    let scope =
        Scope { platforms: vec!["google_ads".to_owned()], max_tier: Some(Tier::Medium), ..Scope::default() };
    let grants = [Grant { permission: Permission::DraftApprove, scope }];
    let decide = |subject: &Subject| {
        may_decide(&marketer, &grants, subject, Decision::Approve, &Limits::default())
            .map_err(|e| e.to_string())
    };
    assert!(decide(&subject(Tier::Medium)).is_ok());
    assert_eq!(decide(&subject(Tier::High)), Err("Your right to approve does not reach as far as high risk; somebody whose right does must approve this."
            .to_owned()));
    let other = Subject { platforms: vec!["meta_ads".to_owned()], ..subject(Tier::Low) };
    assert_eq!(decide(&other), Err("Only an approver or an admin may approve drafts.".to_owned()));
}
