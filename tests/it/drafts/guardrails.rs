//! Guardrails that need stored history: two steps on one day, the envelope, freezes, experiments.
use super::account::{account, code, decide, draft, look, message, raise, sql};
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::drafts::{self, AppliedRequest, Created, Decision, Outcome};
use serde_json::json;

fn failed(created: &Created) -> Vec<(String, String)> {
    let failed = created.guardrails.iter().filter(|g| !g.passed);
    failed.map(|g| (g.code.replace("guardrail.", ""), g.message.clone().unwrap())).collect()
}

async fn with(statement: &str) -> (World, Created) {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org, statement).await;
    let created = raise(&world).await;
    (world, created)
}

#[tokio::test]
async fn two_steps_of_twenty_percent_on_one_day_the_second_is_refused() {
    let world = account().await;
    let first = raise(&world).await;
    decide(&world, &world.approver, &first, Decision::Approve).await.unwrap();
    let applied = AppliedRequest {
        revision: 1,
        payload_hash: first.payload_hash,
        applied_at: world.clock.now(),
        evidence: "By hand.".to_owned(),
    };
    drafts::mark_applied(&world.db, &*world.clock, &world.admin, first.id, &applied).await.unwrap();
    let mut superuser = world.superuser().await;
    sql(
        &mut superuser,
        world.org,
        "update campaigns set daily_budget = 60 where org_id = ORG and id = 'google_ads:1001'",
    )
    .await;
    world.clock.advance(std::time::Duration::from_secs(5 * 3600));
    let second = raise(&world).await;
    let found = failed(&second);
    assert!(
        found.contains(&(
            "budget_step".to_owned(),
            "Exceeds 20% daily increase limit (50.00 → 72.00 EUR, +44.0%).".to_owned()
        )),
        "{found:?}"
    );
    assert!(
        found.contains(&("cooldown".to_owned(), "Generic search was changed 5 h ago; wait 19 h.".to_owned()))
    );
    let refused = decide(&world, &world.approver, &second, Decision::Approve).await;
    assert_eq!(code(refused), "guardrail.budget_step");
    assert_eq!(look(&world, second.id).await.reviews.len(), 0, "a blocked vote is not kept");
}

#[tokio::test]
async fn parallel_approvals_never_exceed_the_envelope_and_cancelling_gives_room_back() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "insert into org_settings (org_id, key, value, set_at) values (ORG, 'max_net_increase_per_day', '\"15\"', '2025-09-17T00:00:00Z')
         on conflict (org_id, key) do update set value = excluded.value").await;
    let one = raise(&world).await;
    let two = draft(
        &world,
        &world.marketer,
        "increase_budget",
        json!({"campaign": "Retargeting", "new_daily_budget": 110}),
    )
    .await
    .unwrap();
    assert!(failed(&two).is_empty(), "{:?}", failed(&two));
    let (a, b) = tokio::join!(
        decide(&world, &world.approver, &one, Decision::Approve),
        decide(&world, &world.second_approver, &two, Decision::Approve)
    );
    let (won, lost, other, refused) = if a.is_ok() { (a, b, &one, &two) } else { (b, a, &two, &one) };
    assert!(matches!(won.unwrap(), Outcome::Done { .. }));
    assert_eq!(message(lost), "Net increase of 20.00 EUR in 24 h exceeds the envelope of 15.00 EUR.");
    drafts::cancel(&world.db, &*world.clock, &world.marketer, other.id, None).await.unwrap();
    let now = decide(&world, &world.admin, refused, Decision::Approve).await.unwrap();
    assert!(matches!(now, Outcome::Done { .. }), "{now:?}");
}

#[tokio::test]
async fn stored_circumstances_are_seen() {
    for (statement, name, said) in [
        (
            "insert into freeze_windows (org_id, id, platform, starts_at, ends_at, created_at) values
             (ORG, '00000000-0000-7000-8000-00000000000f', '*', '2025-09-16T00:00:00Z', '2025-09-18T16:00:00Z', '2025-09-01T00:00:00Z')",
            "freeze",
            "Changes are frozen until 2025-09-18 18:00.",
        ),
        (
            "insert into experiments (org_id, id, name, kind, entity_kind, entity_id, status, primary_metric, created_at) values
             (ORG, '00000000-0000-7000-8000-00000000000e', 'Geo lift', 'geo', 'campaign', 'google_ads:1001', 'running', 'revenue', '2025-09-01T00:00:00Z')",
            "experiment_conflict",
            "Experiment Geo lift is running on Generic search.",
        ),
        (
            "delete from daily_metrics where org_id = ORG and source = 'google_ads' and date > '2025-09-14'",
            "data_stale",
            "google_ads data is 59 h old (limit 24 h).",
        ),
        (
            "update campaigns set tracking = 'missing' where org_id = ORG and id = 'google_ads:1001'",
            "tracking_missing",
            "No conversion tracking seen for Generic search in 14 days; no spend without tracking.",
        ),
        (
            "update campaigns set budget_cap = 55 where org_id = ORG and id = 'google_ads:1001'",
            "budget_cap",
            "Exceeds cap of 55.00 EUR.",
        ),
        (
            "insert into orders (org_id, id, ordered_at, status, currency, gross_base, discount_base, source, first_seen_at, updated_at)
             values (ORG, 'o1', '2025-09-15T12:00:00Z', 'paid', 'EUR', 4000, 0, 'shopify', '2025-09-15T12:00:00Z', '2025-09-15T12:00:00Z')",
            "mer_below",
            "MER (1.22) below threshold (2.00).",
        ),
        (
            "insert into orders (org_id, id, ordered_at, status, currency, gross_base, discount_base, source, first_seen_at, updated_at)
             values (ORG, 'o1', '2025-08-15T12:00:00Z', 'paid', 'EUR', 4000, 0, 'shopify', '2025-08-15T12:00:00Z', '2025-08-15T12:00:00Z')",
            "mer_below",
            "MER (0.00) below threshold (2.00).",
        ),
    ] {
        let (_world, created) = with(statement).await;
        assert_eq!(failed(&created), [(name.to_owned(), said.to_owned())]);
    }
}

#[tokio::test]
async fn a_converting_or_wanted_term_is_not_excluded() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "insert into org_settings (org_id, key, value, set_at) values (ORG, 'brand_terms', '[\"alpine outfitters\"]', '2025-09-17T00:00:00Z')").await;
    let said = async |text: &str, kind: &str| {
        let asked = json!({"campaign": "Generic search", "keywords": [{"text": text, "match_type": kind}]});
        failed(&draft(&world, &world.marketer, "add_negative_keyword", asked).await.unwrap())
    };
    assert_eq!(
        said("shoes", "BROAD").await,
        [("converting_term".into(), "'hiking shoes' converted 3 times in 90 days.".into())]
    );
    assert_eq!(said("shoes", "EXACT").await, []);
    assert_eq!(
        said("plans", "PHRASE").await,
        [("converting_term".into(), "'compare plans' is an active keyword.".into())]
    );
    assert_eq!(
        said("alpine", "BROAD").await,
        [("converting_term".into(), "'alpine outfitters' is a brand term.".into())]
    );
    // One ad group excludes it, which says nothing about the rest of the campaign.
    let mut asked = json!({"campaign": "Generic search", "keywords": ["torrent"], "match_type": "BROAD"});
    draft(&world, &world.marketer, "add_negative_keyword", asked.clone()).await.unwrap();
    asked["ad_group"] = json!("Compare plans");
    let known = draft(&world, &world.marketer, "add_negative_keyword", asked).await;
    assert_eq!(message(known), "All of these terms are excluded already.");
}
