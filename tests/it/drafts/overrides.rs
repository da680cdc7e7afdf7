//! What an admin may let pass, and what nobody may.
use super::account::{account, code, decide, draft, look, message, sql};
use crate::world::World;
use adjutant::drafts::{self, Created, Decision, DraftError, Outcome, OverrideRequest};
use serde_json::json;

async fn let_pass(world: &World, created: &Created, code: &str) -> Result<Outcome, DraftError> {
    let request = OverrideRequest {
        revision: created.revision,
        code: code.to_owned(),
        reason: "I have looked at it myself.".to_owned(),
    };
    drafts::override_guardrail(&world.db, &*world.clock, &world.admin, created.id, &request).await
}

#[tokio::test]
async fn advice_and_a_block_of_one_code_cannot_be_overridden() {
    let world = account().await;
    // 130 characters are advised against, a headline of 50 is forbidden: both are text_limit.
    let asked = json!({"campaign": "Retargeting", "headlines": ["Compare every plan there is in two minutes, online"],
        "primary_texts": [format!("{}end.", "See every option. ".repeat(7))],
        "final_url": "https://alpine.example/compare"});
    let created = draft(&world, &world.marketer, "ad", asked).await.unwrap();
    let found: Vec<_> =
        created.guardrails.iter().filter(|g| g.code == "guardrail.text_limit" && !g.passed).collect();
    assert_eq!(found.iter().map(|g| g.stops()).collect::<Vec<_>>(), [false, true], "{found:?}");
    let refused = let_pass(&world, &created, "guardrail.text_limit").await;
    assert_eq!(message(refused), "guardrail.text_limit is a block; nobody can override it.");
    let refused = decide(&world, &world.approver, &created, Decision::Approve).await;
    assert_eq!(code(refused), "guardrail.text_limit");
}

#[tokio::test]
async fn an_override_of_a_hold_does_not_reach_the_block_it_becomes() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    // It converts, but its click rate is below 1 %: a person may decide.
    let shown = |n: i64| {
        format!(
            "update daily_metrics set impressions = {n} where org_id = ORG and entity_id = 'meta_ads:2002'"
        )
    };
    sql(&mut superuser, world.org, &shown(10_000)).await;
    let asked = json!({"campaign": "Retargeting", "reason_code": "low_ctr"});
    let created = draft(&world, &world.marketer, "pause_campaign", asked).await.unwrap();
    let_pass(&world, &created, "guardrail.min_spend_before_pause").await.unwrap();
    sql(&mut superuser, world.org, &shown(5000)).await;
    let refused = decide(&world, &world.approver, &created, Decision::Approve).await;
    assert_eq!(message(refused), "Spend (0.00 EUR) below pause threshold (87.00 EUR).");
}

#[tokio::test]
async fn a_hold_that_came_after_the_draft_is_shown_and_can_be_overridden() {
    let world = account().await;
    let asked = json!({"campaign": "Generic search",
        "headlines": ["Compare Plans in 2 Minutes", "Independent Advice", "No Hidden Fees"],
        "descriptions": ["See every option side by side and switch online.", "Free consultation with an expert."],
        "final_url": "https://alpine.example/compare"});
    let created = draft(&world, &world.marketer, "ad", asked).await.unwrap();
    assert!(created.guardrails.iter().all(|g| !g.stops()), "{:?}", created.guardrails);
    let early = let_pass(&world, &created, "guardrail.text_policy").await;
    assert_eq!(message(early), "guardrail.text_policy does not stop this draft.");
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "insert into org_settings (org_id, key, value, set_at) values (ORG, 'competitor_marks', '[\"independent\"]', '2025-09-17T00:00:00Z')").await;
    let refused = decide(&world, &world.approver, &created, Decision::Approve).await;
    assert_eq!(code(refused), "guardrail.text_policy");
    let view = look(&world, created.id).await;
    assert!(view.reviews.is_empty(), "the vote is taken back");
    let shown: Vec<_> = view.guardrails.iter().filter(|g| g.stops()).map(|g| g.code.as_str()).collect();
    assert_eq!(shown, ["guardrail.text_policy"], "what was found stays on the card");
    let_pass(&world, &created, "guardrail.text_policy").await.unwrap();
    let first = decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    assert!(matches!(first, Outcome::Recorded { have: 1, need: 2, .. }), "{first:?}");
    let second = decide(&world, &world.second_approver, &created, Decision::Approve).await.unwrap();
    assert!(matches!(second, Outcome::Done { .. }), "{second:?}");
}
