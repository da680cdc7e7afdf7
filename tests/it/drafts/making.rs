//! What a new draft holds, and what is refused.
use super::account::{account, args, code, draft, look, message, pause, raise, sql, trail};
use adjutant::db::audit;
use adjutant::drafts::{self, DraftState, Evidence, RequestContext, Tier};
use adjutant::ids::{ConversationId, TurnId};
use serde_json::json;

#[tokio::test]
async fn a_draft_states_what_would_change_and_why_it_may() {
    let world = account().await;
    let raised = raise(&world).await;
    assert_eq!(raised.title, "Raise the budget of Generic search");
    assert_eq!(raised.diff, ["Daily budget: 50.00 → 60.00 EUR (+20.0 %)", "Extra spend 7 d: ≈ 70.00 EUR"]);
    assert_eq!((raised.number, raised.state, raised.tier), (1, DraftState::Pending, Tier::Low));
    assert_eq!(raised.money_moved.to_string(), "10.00");
    let failed: Vec<_> = raised.guardrails.iter().filter(|g| !g.passed).map(|g| &g.code).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let view = look(&world, raised.id).await;
    assert_eq!(view.summary.money_moved.to_string(), "10.00", "as money is written");
    assert_eq!(view.before["daily_budget"], "50.00");
    assert_eq!(view.before["roas_7d"], 4.3);
    assert_eq!(view.payload["new_daily_budget"], "60.00");
    assert_eq!(view.payload["campaign_id"], "1001");
    assert_eq!(view.summary.title, raised.title);
    assert_eq!(view.rollback_plan[0]["to"], "50.00");
    assert_eq!(trail(&world, Some(raised.id)).await, ["draft.created"]);
}

#[tokio::test]
async fn a_pause_weighs_the_spend_it_stops() {
    let world = account().await;
    let paused = pause(&world).await;
    assert_eq!(
        paused.diff,
        ["Status: ACTIVE → PAUSED", "Daily spend saved: ≈ 30.00 EUR", "Revenue at risk 7 d: ≈ 0.00 EUR"]
    );
    assert_eq!((paused.tier, paused.required_approvals), (Tier::Medium, 1));
    assert_eq!((paused.impact.value, paused.impact.confidence), (Some(210.0), 0.95));
}

#[tokio::test]
async fn what_no_request_can_carry_out_is_refused_before_it_is_reviewed() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    super::account::sql(&mut superuser, world.org,
        "insert into campaigns (org_id, id, account_id, name, status, channel, daily_budget, currency, source, first_seen_at, updated_at)
         values (ORG, 'reddit_ads:1', '77', 'Talk of the town', 'active', 'paid_social', 20, 'EUR', 'reddit_ads',
             '2025-09-01T00:00:00Z', '2025-09-01T00:00:00Z')").await;
    let asked = json!({"campaign": "Talk of the town", "pct": 10});
    let refused = draft(&world, &world.marketer, "decrease_budget", asked).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "A daily budget on reddit_ads belongs to an ad group; change it in the ads manager."
    );
    assert!(refused.mendable());
}

#[tokio::test]
async fn a_term_that_nobody_searched_is_shown_as_such() {
    let world = account().await;
    let asked = json!({"campaign": "Generic search", "keywords": ["free template", "moon boots"]});
    let created = draft(&world, &world.marketer, "add_negative_keyword", asked).await.unwrap();
    assert!(created.diff[0].ends_with("— 0 conv., 34.10 EUR in 30 d"), "{:?}", created.diff);
    assert!(created.diff[1].ends_with("\"moon boots\" EXACT — not searched in 90 d"), "{:?}", created.diff);
}

#[tokio::test]
async fn a_brief_on_words_without_figures_names_no_figures_as_its_source() {
    let world = account().await;
    let asked = json!({"keyword": "moon boots"});
    let created = draft(&world, &world.marketer, "generate_content_brief", asked).await.unwrap();
    let sources = &look(&world, created.id).await.payload["sources"];
    assert!(sources[0].as_str().unwrap().starts_with("None on record"), "{sources}");
    assert_eq!((created.impact.value, created.tier), (None, Tier::Low));
}

#[tokio::test]
async fn unclear_names_and_bad_arguments_say_what_to_send_instead() {
    let world = account().await;
    let ask = async |kind: &str, payload| draft(&world, &world.marketer, kind, payload).await.unwrap_err();
    let unknown = ask("pause_campaign", json!({"campaign": "Tiktok spark"})).await;
    assert!(
        unknown.mendable() && unknown.to_string().starts_with("There is no campaign 'Tiktok spark'"),
        "{unknown}"
    );
    let field = ask("pause_campaign", json!({"campaign": "Generic search", "sql": "drop"})).await;
    assert_eq!(field.code(), "draft.payload_invalid");
    assert_eq!(field.refusal().unwrap().pointer.as_deref(), Some("/sql"));
    let both =
        ask("increase_budget", json!({"campaign": "Generic search", "pct": 10, "new_daily_budget": 70}))
            .await;
    assert_eq!(both.to_string(), "Give either pct or new_daily_budget, not both.");
    let lower = ask("increase_budget", json!({"campaign": "Generic search", "new_daily_budget": "50"})).await;
    assert_eq!(lower.to_string(), "The new daily budget 50.00 must be above the present one, 50.00 EUR.");
    let action = ask("delete_campaign", json!({})).await;
    assert!(action.to_string().starts_with("There is no action 'delete_campaign'; one of:"), "{action}");
    let platform =
        ask("add_negative_keyword", json!({"campaign": "Retargeting 30 days", "keywords": ["x"]})).await;
    assert!(platform.to_string().contains("possible on google_ads"), "{platform}");
    let paused = ask("pause_campaign", json!({"campaign": "Summer sale"})).await;
    assert_eq!(paused.to_string(), "'Summer sale' is paused already.");
    assert!(trail(&world, None).await.is_empty(), "what is invalid is no attempt");
}

#[tokio::test]
async fn what_cannot_run_is_neither_paused_nor_resumed() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    for (status, words) in
        [("ended", "has ended"), ("archived", "is archived"), ("draft", "is a draft"), ("unknown", "")]
    {
        let set =
            format!("update campaigns set status = '{status}' where org_id = ORG and id = 'meta_ads:2001'");
        sql(&mut superuser, world.org, &set).await;
        for kind in ["pause_campaign", "resume_campaign"] {
            let asked = json!({"campaign": "meta_ads:2001"});
            let made = draft(&world, &world.marketer, kind, asked).await;
            if words.is_empty() {
                let made = made.unwrap();
                drafts::cancel(&world.db, &*world.clock, &world.marketer, made.id, None).await.unwrap();
                continue;
            }
            let refused = made.unwrap_err();
            assert!(refused.to_string().contains(words), "{kind}: {refused}");
            assert_eq!(refused.refusal().unwrap().pointer.as_deref(), Some("/campaign"), "{kind} {status}");
        }
    }
}

#[tokio::test]
async fn a_lifetime_budget_is_called_by_its_name() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    let set = "update campaigns set daily_budget = null, lifetime_budget = 900 where org_id = ORG and id = 'google_ads:1001'";
    sql(&mut superuser, world.org, set).await;
    for kind in ["increase_budget", "decrease_budget"] {
        let asked = json!({"campaign": "Generic search", "pct": 10});
        let refused = draft(&world, &world.marketer, kind, asked).await.unwrap_err();
        assert!(refused.to_string().contains("'Generic search' has a lifetime budget"), "{refused}");
    }
}

/// Zero conversions of a campaign that reports none are no evidence.
#[tokio::test]
async fn a_campaign_that_reports_no_conversions_is_not_paused_for_having_none() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(
        &mut superuser,
        world.org,
        "update campaigns set tracking = 'missing' where org_id = ORG and id = 'meta_ads:2001'",
    )
    .await;
    let ask = async |asked| draft(&world, &world.marketer, "pause_campaign", asked).await;
    let by_clicks = ask(json!({"campaign": "Prospecting cold"})).await.unwrap();
    assert_eq!(look(&world, by_clicks.id).await.payload["reason_code"], "low_ctr");
    drafts::cancel(&world.db, &*world.clock, &world.marketer, by_clicks.id, None).await.unwrap();
    for reason in ["zero_conversions", "low_roas"] {
        let asked = json!({"campaign": "Prospecting cold", "reason_code": reason});
        let refused = ask(asked).await.unwrap_err();
        assert!(refused.to_string().contains("reports no conversions to us"), "{refused}");
        assert_eq!(refused.refusal().unwrap().pointer.as_deref(), Some("/reason_code"));
    }
}

#[tokio::test]
async fn two_open_drafts_never_meet_on_one_field() {
    let world = account().await;
    raise(&world).await;
    let again =
        draft(&world, &world.admin, "decrease_budget", json!({"campaign": "Generic search", "pct": 10}))
            .await;
    let text = message(again);
    assert!(text.starts_with("Draft 1 is open on the same daily budget"), "{text}");
    let both_ends = json!({"from": "Broad match test", "to": "Generic search", "amount_per_day": 5});
    assert_eq!(
        code(draft(&world, &world.admin, "reallocate_budget", both_ends).await),
        "draft.conflicting_open"
    );
    // Another field of the same campaign is another matter, and the number of the refused draft was not used up.
    let other =
        draft(&world, &world.admin, "pause_campaign", json!({"campaign": "Generic search"})).await.unwrap();
    assert_eq!(other.number, 2);
    assert_eq!(
        trail(&world, None).await,
        ["draft.created", "draft.refused", "draft.refused", "draft.created"]
    );
}

#[tokio::test]
async fn a_viewer_makes_no_draft_by_hand_or_through_the_chat() {
    let world = account().await;
    let by_hand =
        draft(&world, &world.viewer, "pause_campaign", json!({"campaign": "Prospecting cold"})).await;
    assert_eq!(message(by_hand), "Only a marketer, an approver or an admin may ask for drafts.");
    assert_eq!(trail(&world, None).await, ["draft.refused"]);
}

#[tokio::test]
async fn a_repeated_tool_call_makes_one_draft() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    let conversation = ConversationId::new(&*world.clock);
    let turn = TurnId::new(&*world.clock);
    super::account::sql(
        &mut superuser,
        world.org,
        &format!(
            "insert into conversations (org_id, id, surface, owner_id, created_at)
         values (ORG, '{conversation}', 'http', '{}', '2025-09-17T09:00:00Z');
         insert into turns (org_id, id, conversation_id, asker_id, surface, question, created_at)
         values (ORG, '{turn}', '{conversation}', '{}', 'http', 'q', '2025-09-17T09:00:00Z')",
            world.marketer.member, world.marketer.member
        ),
    )
    .await;
    let context = RequestContext {
        actor: world.marketer.clone(),
        turn,
        conversation,
        call_id: "call_1".to_owned(),
        evidence: vec![Evidence {
            query: "wasted_spend".to_owned(),
            params: json!({"days": 30}),
            as_of: "2025-09-17T03:00:00Z".parse().unwrap(),
            run_id: None,
        }],
        prompt_version: Some("abc".to_owned()),
    };
    let payload = args(json!({"campaign": "prospecting"}));
    let calls = (0..5)
        .map(|_| drafts::create_from_tool(&world.db, &*world.clock, &context, "pause_campaign", &payload));
    let made: Vec<_> = futures::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|m| !m.existed).count(), 1);
    assert!(made.iter().all(|m| m.id == made[0].id && m.number == 1 && m.diff == made[0].diff));
    let view = look(&world, made[0].id).await;
    assert_eq!(view.summary.requested_by, Some(world.marketer.member));
    assert_eq!(view.summary.origin, drafts::Origin::Agent);
    assert_eq!(
        view.evidence.iter().map(|e| e.query.as_str()).collect::<Vec<_>>(),
        ["wasted_spend", "before_state"]
    );
    let mut other = context.clone();
    other.call_id = "call_2".to_owned();
    let second = drafts::create_from_tool(&world.db, &*world.clock, &other, "pause_campaign", &payload).await;
    assert_eq!(code(second), "draft.conflicting_open");
}

#[tokio::test]
async fn five_parts_weigh_as_much_as_the_whole() {
    let world = account().await;
    let tiers = async |campaign: &str| {
        let asked = json!({"campaign": campaign, "reason_code": "low_roas"});
        draft(&world, &world.marketer, "pause_campaign", asked).await.unwrap().tier
    };
    // 250 a day, then 100, 48 and 30 more by the same person: together over 400, still medium; the money of a high tier follows.
    assert_eq!(tiers("Broad match test").await, Tier::Medium);
    let mut superuser = world.superuser().await;
    super::account::sql(&mut superuser, world.org, "update drafts set money_moved = 999 where org_id = ORG")
        .await;
    assert_eq!(tiers("Prospecting cold").await, Tier::High);
    // Another person's drafts are another person's.
    let other = json!({"campaign": "Retargeting 30 days", "reason_code": "compliance"});
    let other = draft(&world, &world.admin, "pause_campaign", other).await.unwrap();
    assert!(other.tier < Tier::Critical);
}

#[tokio::test]
async fn the_chain_verifies_after_all_this() {
    let world = account().await;
    raise(&world).await;
    pause(&world).await;
    let verdict = audit::verify(&world.db, world.org).await.unwrap();
    assert!(verdict.broken.is_none());
}

#[tokio::test]
async fn the_reason_compliance_is_for_those_who_answer_for_it() {
    let world = account().await;
    let asked = json!({"campaign": "Retargeting 30 days", "reason_code": "compliance"});
    for person in [&world.marketer, &world.approver] {
        let refused = draft(&world, person, "pause_campaign", asked.clone()).await.unwrap_err();
        assert_eq!(refused.refusal().unwrap().pointer.as_deref(), Some("/reason_code"));
    }
    let other = json!({"campaign": "Retargeting 30 days", "reason_code": "low_roas"});
    let created = draft(&world, &world.marketer, "pause_campaign", other).await.unwrap();
    let request = drafts::ReviseRequest { revision: 1, changes: args(json!({"reason_code": "compliance"})) };
    let refused =
        drafts::revise(&world.db, &*world.clock, &world.marketer, created.id, &request).await.unwrap_err();
    assert_eq!(refused.code(), "draft.payload_invalid");
    drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, None).await.unwrap();
    let made = draft(&world, &world.admin, "pause_campaign", asked).await.unwrap();
    assert!(made.guardrails.iter().all(|g| !g.stops()), "{:?}", made.guardrails);
}
