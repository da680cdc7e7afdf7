//! What is written beside the fact itself: canonical things and people, days to compute again, counters, samples.
use super::*;
use adjutant::db::events::{Restated, restate};
use adjutant::db::{retention, settings};
use jiff::civil::date;

#[tokio::test]
async fn an_event_has_every_column_and_what_the_server_adds() {
    let gate = Gate::new().await;
    let mut superuser = gate.world.superuser().await;
    let known = format!(
        "insert into entities (org_id, kind, id, canonical_id, source, first_seen_at, updated_at)
         values ('{0}', 'campaign', '{CAMPAIGN}', 'google_ads:77', 'google_ads', '2025-09-01Z', '2025-09-01Z');
         insert into actor_links (org_id, actor_id, customer_id) values ('{0}', 'u_48213', 'c_9')",
        gate.world.org
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(known)).execute(&mut superuser).await.unwrap();
    let mut click = gate.click(1, 90);
    click["session"] = json!({"id": "s_91", "sequence": 4});
    click["context"] = json!({"platform": "ios", "country": "CH"});
    let told = gate.send(&[click, gate.purchase(2, 30, "59.990001")]).await;
    assert_eq!(statuses(&told), ["accepted", "accepted"]);
    let mut tx = gate.world.db.org(gate.world.org).await.unwrap();
    let stored: Vec<Value> = sqlx::query_scalar("select to_jsonb(e) - 'org_id' from events e order by id")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    let (click, purchase) = (&stored[0], &stored[1]);
    for (column, value) in [
        ("name", json!("campaign_clicked")),
        ("source", json!("mobile")),
        ("channel", json!("push")),
        ("entity_kind", json!("campaign")),
        ("entity_id", json!(CAMPAIGN)),
        ("canonical_id", json!("google_ads:77")),
        ("actor_type", json!("user")),
        ("actor_id", json!("u_48213")),
        ("customer_id", json!("c_9")),
        ("session_id", json!("s_91")),
        ("session_seq", json!(4)),
        ("props", json!({"campaign_id": CAMPAIGN, "click_type": "cta", "time_to_click_seconds": 3})),
        ("context", json!({"platform": "ios", "country": "CH"})),
        ("ingest_lag_seconds", json!(90)),
        ("late_arrival", json!(false)),
        ("ingested_via", json!("api")),
        ("batch_id", told.body["batch_id"].clone()),
        ("scrubbed_fields", json!([])),
    ] {
        assert_eq!(click[column], value, "{column}");
    }
    assert!(click["api_key_id"].is_string());
    assert_eq!((&purchase["entity_kind"], &purchase["currency"]), (&json!("org"), &json!("EUR")));
    assert_eq!(purchase["value"].to_string(), "59.990001");
}

#[tokio::test]
async fn a_late_event_is_stored_and_its_day_is_queued_once() {
    let gate = Gate::new().await;
    // 23:30 UTC is the next day in Zurich.
    let at: Timestamp = "2025-09-10T23:30:00Z".parse().unwrap();
    let told = gate.send(&[click(1, at), click(2, at), gate.click(3, 60), purchase(4, at, "5")]).await;
    assert_eq!(statuses(&told), ["accepted"; 4]);
    assert_eq!(told.body["results"][0]["warnings"][0]["code"], "event.late_arrival", "{}", told.body);
    let org = gate.world.org;
    assert_eq!(gate.count(org, "select count(*) from events where late_arrival").await, 3);
    let mut tx = gate.world.db.org(org).await.unwrap();
    let queued: Vec<(String, String, String, String, String)> = sqlx::query_as(
        "select date::text, entity_kind, entity_id, channel, cause from restatements order by entity_kind",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let row = |kind: &str, id: &str, channel: &str| {
        ("2025-09-11".into(), kind.into(), id.into(), channel.into(), "late_arrival".into())
    };
    assert_eq!(queued, [row("campaign", CAMPAIGN, "push"), row("org", "org", "unknown")]);
    assert_eq!(gate.count(org, "select sum(late)::bigint from data_quality_log").await, 3);
}

#[tokio::test]
async fn the_measures_are_counted_by_source_class_and_hour_in_the_same_transaction() {
    let gate = Gate::new().await;
    let mut unknown = gate.click(3, 60);
    unknown["source"] = json!("fax");
    let mut misspelt = gate.purchase(4, 60, "1");
    misspelt["properties"]["coupon_colour"] = json!("red");
    let told = gate
        .send(&[gate.click(1, 60), gate.purchase(2, 10, "1"), unknown, misspelt, gate.click(1, 60)])
        .await;
    assert_eq!(statuses(&told), ["accepted", "accepted", "rejected", "accepted", "duplicate"]);
    let mut tx = gate.world.db.reader(gate.world.org).await.unwrap();
    let rows: Vec<Value> = sqlx::query_scalar(
        "select jsonb_build_array(source, class, received, valid, duplicate, stored, unknown_props, named, mapped)
         from facts.data_quality_log where hour = '2025-09-17T09:00:00Z' order by source",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows[0], json!(["backend", "user", 2, 2, 0, 2, 1, 0, 0]));
    assert_eq!(rows[1], json!(["mobile", "campaign", 2, 2, 1, 1, 0, 1, 0]));
    assert_eq!((&rows[2][2], &rows[2][3]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_few_refused_items_are_kept_without_personal_data_and_not_for_ever() {
    let gate = Gate::new().await;
    let refused: Vec<Value> = (1..=10)
        .map(|n| {
            let mut event = gate.click(n, 60);
            event["properties"]["click_type"] = json!("jane@example.org");
            event
        })
        .collect();
    assert_eq!(gate.send(&refused).await.status, 422);
    let org = gate.world.org;
    assert_eq!(gate.count(org, "select count(*) from rejected_samples").await, 3);
    assert_eq!(
        gate.count(org, "select count(*) from rejected_samples where fragment::text like '%jane%'").await,
        0
    );
    for _ in 0..40 {
        gate.send(&refused).await;
    }
    assert_eq!(gate.count(org, "select count(*) from rejected_samples").await, 102);
    gate.send(&[gate.click(50, 60)]).await;
    let swept = async |days: i64| {
        let mut tx = gate.world.db.org(org).await.unwrap();
        let at = gate.now().checked_add((days * 24).hours()).unwrap();
        retention::drop_expired(&mut tx, org, at).await.unwrap();
        tx.commit().await.unwrap();
        (
            gate.count(org, "select count(*) from rejected_samples").await,
            gate.count(org, "select count(*) from event_ids").await,
        )
    };
    assert_eq!(swept(14).await, (102, 1));
    assert_eq!(swept(15).await, (0, 1));
    assert_eq!(swept(40).await, (0, 1));
    assert_eq!(swept(41).await, (0, 0));
}

#[tokio::test]
async fn a_strict_key_sends_of_known_things_alone() {
    let gate = Gate::new().await;
    let strict = gate.key_with(KeyRules { strict_references: true, ..ordinary() }).await;
    let loose = gate.send(&[gate.click(1, 60)]).await;
    assert_eq!(loose.body["results"][0]["warnings"][0]["code"], "event.entity_unmapped");
    let told =
        gate.send_as(&strict, &[gate.click(2, 60), gate.purchase(3, 60, "1"), gate.click(2, 60)]).await;
    assert_eq!(statuses(&told), ["rejected", "accepted", "rejected"]);
    assert_eq!(told.body["results"][0]["code"], "event.reference_unknown");
    let mut superuser = gate.world.superuser().await;
    let known = "insert into entities (org_id, kind, id, source, first_seen_at, updated_at)
                 values ($1, 'campaign', $2, 'web', '2025-09-01Z', '2025-09-01Z')";
    sqlx::query(known).bind(gate.world.org).bind(CAMPAIGN).execute(&mut superuser).await.unwrap();
    assert_eq!(statuses(&gate.send_as(&strict, &[gate.click(2, 60)]).await), ["accepted"]);
    // What is stored is stored: a retry is told so although the thing is gone, and other content comes too late as ever.
    sqlx::query("delete from entities").execute(&mut superuser).await.unwrap();
    assert_eq!(statuses(&gate.send_as(&strict, &[gate.click(2, 60)]).await), ["duplicate"]);
    gate.world.clock.advance(std::time::Duration::from_secs(301));
    let other = gate.send_as(&strict, &[gate.click(2, 60)]).await;
    assert_eq!(other.body["results"][0]["code"], "event.duplicate_conflict");
}

#[tokio::test]
async fn who_was_held_out_of_a_campaign_cannot_have_got_it() {
    let gate = Gate::new().await;
    let test = format!(
        "insert into experiments (org_id, id, name, kind, entity_kind, entity_id, status, primary_metric, created_at)
           values ('{0}', '{1}', 'Autumn', 'holdout', 'campaign', '{CAMPAIGN}', 'running', 'cvr', '2025-09-01Z');
         insert into experiment_arms (org_id, experiment_id, arm, is_control) values
           ('{0}', '{1}', 'out', true), ('{0}', '{1}', 'in', false);
         insert into experiment_assignments (org_id, experiment_id, actor_id, arm, assigned_at) values
           ('{0}', '{1}', 'u_out', 'out', '2025-09-01Z'), ('{0}', '{1}', 'u_in', 'in', '2025-09-01Z')",
        gate.world.org,
        Uuid::from_u128(7)
    );
    let start = async || {
        let mut superuser = gate.world.superuser().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(test.clone())).execute(&mut superuser).await.unwrap();
    };
    let delivered = |id: u128, actor: &str, held: Option<bool>| {
        let mut event = gate.click(id, 60);
        event["name"] = json!("campaign_delivered");
        event["actor"]["id"] = json!(actor);
        event["properties"] = json!({"campaign_id": CAMPAIGN, "delivery_channel": "push"});
        if let Some(held) = held {
            event["properties"]["is_holdout"] = json!(held);
        }
        event
    };
    let before = delivered(9, "u_out", None);
    assert_eq!(statuses(&gate.send(std::slice::from_ref(&before)).await), ["accepted"]);
    start().await;
    assert_eq!(statuses(&gate.send(&[before]).await), ["duplicate"]);
    let told = gate
        .send(&[
            delivered(1, "u_out", None),
            delivered(2, "u_out", Some(true)),
            delivered(3, "u_in", Some(true)),
            delivered(4, "u_in", None),
            delivered(5, "u_new", Some(true)),
        ])
        .await;
    assert_eq!(statuses(&told), ["rejected", "accepted", "rejected", "accepted", "accepted"]);
    let message = &told.body["results"][0]["errors"][0]["message"];
    let expected =
        format!("Actor is assigned to holdout for campaign '{CAMPAIGN}' but the event says treatment.");
    assert_eq!(*message, json!(expected));
}

#[tokio::test]
async fn a_month_of_events_is_dropped_when_it_is_over_and_nobody_holds_it() {
    let gate = Gate::new().await;
    let other = gate.world.other_org().await;
    gate.send(&[gate.click(1, 29 * 86_400), gate.click(2, 60)]).await;
    let db = &gate.world.db;
    let hold = async |on: bool| {
        let mut tx = db.org(other.org).await.unwrap();
        settings::set(&mut tx, other.org, settings::Setting::LegalHold, &json!(on), None, gate.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    hold(true).await;
    assert_eq!(db.drop_months("events", date(2025, 9, 1)).await.unwrap(), Vec::<String>::new());
    hold(false).await;
    // The day before the end of a month is too early.
    assert_eq!(db.drop_months("events", date(2025, 8, 31)).await.unwrap(), ["events_y2025m07"]);
    assert_eq!(gate.count(gate.world.org, "select count(*) from events").await, 2);
    assert_eq!(db.drop_months("events", date(2025, 9, 1)).await.unwrap(), ["events_y2025m08"]);
    assert_eq!(gate.count(gate.world.org, "select count(*) from events").await, 1);
    assert!(db.drop_months("orders", date(2025, 9, 1)).await.is_err());
}

#[tokio::test]
async fn what_a_person_denied_is_counted_and_not_stored() {
    let gate = Gate::new().await;
    let mut denied = gate.click(1, 60);
    denied["context"] = json!({"consent": {"analytics": "denied"}});
    let told = gate.send(&[denied, gate.click(2, 60)]).await;
    assert_eq!(
        (told.status.as_u16(), statuses(&told)),
        (200, vec!["suppressed", "accepted"]),
        "{}",
        told.body
    );
    sums_hold(&told);
    let org = gate.world.org;
    assert_eq!(gate.count(org, "select count(*) from events").await, 1);
    assert_eq!(gate.count(org, "select count(*) from event_ids").await, 1);
    assert_eq!(gate.count(org, "select sum(suppressed)::bigint from data_quality_log").await, 1);
    assert_eq!(gate.count(org, "select sum(received)::bigint from data_quality_log").await, 2);
}

#[tokio::test]
async fn what_marketers_do_in_one_session_is_said_when_it_comes_out_of_order() {
    let gate = Gate::new().await;
    let looked = |id: u128, ago: i64, session: &str| {
        let mut event = gate.click(id, ago);
        event["name"] = json!("dashboard_accessed");
        event["source"] = json!("admin_portal");
        event["actor"] = json!({"type": "marketer", "id": "m_1"});
        event["session"] = json!({"id": session});
        event["properties"] = json!({"dashboard_section": "kpi"});
        event
    };
    let told =
        gate.send(&[looked(1, 50, "s"), looked(2, 60, "s"), looked(3, 70, "t"), looked(4, 40, "s")]).await;
    assert_eq!(statuses(&told), ["accepted"; 4], "{}", told.body);
    let disordered =
        |place: usize| told.body["results"][place]["warnings"].to_string().contains("event.order_violation");
    assert_eq!([0, 1, 2, 3].map(disordered), [false, true, false, false]);
}

#[tokio::test]
async fn a_day_that_waits_is_not_taken_away_before_the_facts_it_waits_for_are_there() {
    let gate = Gate::new().await;
    let (db, org) = (&gate.world.db, gate.world.org);
    gate.send(&[gate.click(1, 3 * 86_400)]).await;
    let place =
        Restated { entity_kind: "campaign".into(), entity_id: CAMPAIGN.into(), channel: "push".into() };
    let day = [(date(2025, 9, 14), place)];
    // Two batches may hold it at once.
    let (mut first, mut second) = (db.org(org).await.unwrap(), db.org(org).await.unwrap());
    restate(&mut first, org, &day, "late_arrival", gate.now()).await.unwrap();
    restate(&mut second, org, &day, "late_arrival", gate.now()).await.unwrap();
    let take = async || {
        let mut tx = db.org(org).await.unwrap();
        sqlx::raw_sql("set local lock_timeout = '50ms'").execute(&mut *tx).await.unwrap();
        let taken = sqlx::query("delete from restatements").execute(&mut *tx).await;
        if taken.is_ok() {
            tx.commit().await.unwrap();
        }
        taken.map(|done| done.rows_affected())
    };
    assert!(take().await.is_err());
    first.commit().await.unwrap();
    second.commit().await.unwrap();
    assert_eq!(take().await.unwrap(), 1);
}
