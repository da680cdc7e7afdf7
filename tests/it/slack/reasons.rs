//! What reviewers said before, and who may approve: cards say it.
use super::desk::*;
use crate::drafts::account::{args, decide, raise, sql};
use adjutant::drafts::{self, Decision, ReasonCode};
use serde_json::json;

#[tokio::test]
async fn the_reason_of_a_rejection_is_shown_when_the_same_is_drafted_again() {
    let w = desk().await;
    let first = pause_in_thread(&w).await;
    assert_eq!(first.created.rejected_before, None);
    let fresh = card(&w, &first, "0/1 approvals").await;
    assert!(!fresh.all_text().contains("rejected before"), "{}", fresh.all_text());
    decide(&w.world, w.actor("aron"), &first.created, Decision::Reject).await.unwrap();
    card(&w, &first, "*Rejected* by <@U0ARON>").await;
    w.pass(std::time::Duration::from_secs(3600));
    let second = pause_in_thread(&w).await;
    // What the tool gives back, and so what the agent reads.
    let before = second.created.rejected_before.clone().unwrap();
    assert_eq!(
        (before.number, before.by.as_str(), before.reason_code, before.note.as_deref()),
        (1, "Aron Keller", Some(ReasonCode::TooRisky), Some("Because of the season."))
    );
    assert_eq!(json!(second.created)["rejected_before"]["note"], "Because of the season.");
    let shown = card(&w, &second, "The same was rejected before").await;
    let words = "(draft 1, Aron Keller): too risky: Because of the season.";
    assert!(shown.all_text().contains(words), "{}", shown.all_text());
    // Of another kind, or on another campaign, nothing was said.
    assert_eq!(raise(&w.world).await.rejected_before, None);
    let other = drafts::CreateRequest {
        kind: "pause_campaign".to_owned(),
        payload: args(
            json!({"campaign": "Generic search", "reason_code": "low_roas", "reason": "Too dear."}),
        ),
        evidence: Vec::new(),
        supersedes: None,
    };
    if let Ok(other) = drafts::create(&w.world.db, &*w.world.clock, &w.world.marketer, &other).await {
        assert_eq!(other.rejected_before, None);
    }
}

#[tokio::test]
async fn the_card_says_whether_the_requester_may_approve() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    card(&w, &drafted, "the requester may not").await;
    let mut superuser = w.world.superuser().await;
    let settings = "insert into org_settings (org_id, key, value, set_at)
                    values (ORG, 'allow_self_approval', 'true', '2025-09-17T00:00:00Z');
                    update drafts set tier = 'low', version = version + 1 where org_id = ORG";
    sql(&mut superuser, w.world.org, settings).await;
    // Something happens, so that the card is drawn again.
    let (by, to) = (w.actor("adele"), w.actor("aron").member);
    drafts::assign(&w.world.db, &*w.world.clock, by, drafted.id(), to).await.unwrap();
    let shown = card(&w, &drafted, "low risk").await;
    let words = shown.all_text();
    assert!(words.contains("the requester may") && !words.contains("the requester may not"), "{words}");
}
