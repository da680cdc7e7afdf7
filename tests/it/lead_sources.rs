//! Where leads came from, through the front door: job, endpoint, program and queries.
use crate::crash::program;
use crate::imports::{Told, bring};
use crate::served::Served;
use crate::world::World;
use adjutant::daily::{leads, map};
use adjutant::db::lead_sources::Scope;
use adjutant::jobs::lead_sources;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

async fn run(world: &World, sql: &str) {
    let mut tx = world.db.org(world.org).await.unwrap();
    let sql = sql.replace("{org}", &world.org.to_string());
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn texts(world: &World, sql: &'static str) -> Vec<String> {
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query_scalar(sql).fetch_all(&mut *tx).await.unwrap()
}

/// A touch of a person: its number, when, the channel, the campaign that its link names.
async fn touch(world: &World, number: u32, person: &str, at: &str, channel: &str, campaign: &str) {
    let utm = if campaign.is_empty() { json!({}) } else { json!({"source": "google", "campaign": campaign}) };
    run(world, &format!(
        "insert into touches (org_id, occurred_at, id, actor_id, customer_id, kind, channel, source, utm, landing_path)
         values ('{{org}}', '{at}', '0199f000-0000-7000-8000-{number:012}', '{person}', null, 'visit', '{channel}', 'web', '{utm}', '/quote')"
    ))
    .await;
}

async fn lead(world: &World, id: &str, person: &str, at: &str) {
    run(world, &format!(
        "insert into leads (org_id, id, source, created_on, created_at, customer_id, currency, first_seen_at, updated_at)
         values ('{{org}}', '{id}', 'web', '{at}'::date, '{at}', '{person}', 'EUR', '{at}', '{at}')"
    ))
    .await;
}

const ADS: &str = "Day,Campaign ID,Campaign,Cost,Clicks\n\
    2025-09-10,77,Spring Sale,60,9\n2025-09-10,78,Trail Shoes Search,40,5\n";

/// Two leads of one company: one with three visits, the other with none but what it told.
async fn company() -> World {
    let world = World::new().await;
    let told = Told { source: Some("google_ads"), ..Told::default() };
    bring(&world, "ads", ADS.as_bytes(), &told).await.unwrap();
    let leads =
        "Lead ID,Created at,utm_source,utm_medium,utm_campaign\nform-1,2025-09-11T08:00:00Z,google,cpc,78\n";
    bring(&world, "leads", leads.as_bytes(), &Told::default()).await.unwrap();
    lead(&world, "web:1", "p1", "2025-09-12T12:00:00Z").await;
    lead(&world, "web:2", "p2", "2025-09-12T12:00:00Z").await;
    touch(&world, 1, "a1", "2025-08-20T12:00:00Z", "seo", "").await;
    touch(&world, 2, "p1", "2025-09-11T12:00:00Z", "paid_search", "spring-sale").await;
    touch(&world, 3, "p1", "2025-09-12T11:59:00Z", "direct", "").await;
    touch(&world, 4, "p1", "2025-09-13T12:00:00Z", "email", "").await;
    run(&world, "insert into actor_links (org_id, actor_id, customer_id) values ('{org}', 'a1', 'p1')").await;
    map::link(&world.db, &*world.clock, world.org).await.unwrap();
    world
}

const LEADS: &str = "select id || ' ' || channel || ' ' || coalesce(campaign_id, '-') || ' first ' ||
    coalesce(first_touch ->> 'channel', '-') || ' last ' || coalesce(last_touch ->> 'channel', '-') from leads order by id";
const SOURCES: &str =
    "select lead_id || ' ' || which || ' ' || channel || ' ' || coalesce(campaign_id, '-') || ' ' ||
    occurred_at::text from lead_sources order by lead_id, which";

#[tokio::test]
async fn every_lead_has_its_first_and_its_last_touch_and_a_second_run_changes_nothing() {
    let world = company().await;
    assert_eq!(lead_sources::run(world.round()).await.unwrap(), 2);
    assert_eq!(
        texts(&world, LEADS).await,
        [
            "csv:form-1 paid_search google_ads:78 first paid_search last paid_search",
            "web:1 paid_search google_ads:77 first seo last paid_search",
            "web:2 unknown - first - last -",
        ]
    );
    assert_eq!(
        texts(&world, SOURCES).await,
        [
            "csv:form-1 first paid_search google_ads:78 2025-09-11 08:00:00+00",
            "csv:form-1 last paid_search google_ads:78 2025-09-11 08:00:00+00",
            "csv:form-1 said_first paid_search - 2025-09-11 08:00:00+00",
            "csv:form-1 said_last paid_search - 2025-09-11 08:00:00+00",
            "web:1 first seo - 2025-08-20 12:00:00+00",
            "web:1 last paid_search google_ads:77 2025-09-11 12:00:00+00",
        ]
    );
    assert_eq!(lead_sources::run(world.round()).await.unwrap(), 0);
    // A visit that is told late: the first touch was written once, the last follows.
    touch(&world, 5, "p1", "2025-08-01T12:00:00Z", "referral", "").await;
    touch(&world, 6, "p1", "2025-09-12T10:00:00Z", "email", "").await;
    assert_eq!(lead_sources::run(world.round()).await.unwrap(), 1);
    assert_eq!(texts(&world, LEADS).await[1], "web:1 email - first seo last email");
}

#[tokio::test]
async fn recomputing_finds_all_of_it_anew_for_those_who_may() {
    let world = company().await;
    let served = crate::served::Served::new(&world).await;
    lead_sources::run(world.round()).await.unwrap();
    touch(&world, 5, "p1", "2025-08-01T12:00:00Z", "referral", "").await;
    let (admin, marketer) = (served.session(&world.admin).await, served.session(&world.marketer).await);
    let at = "/api/attribution/recompute";
    let refused = served.post(at, &marketer, json!({})).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("permission.missing")));
    let none = served.post(at, &admin, json!({"lead_id": "web:9"})).await;
    assert_eq!(none.status.as_u16(), 404);
    let done = served.post(at, &admin, json!({"lead_id": "web:1"})).await;
    assert_eq!(done.body, json!({"leads": 1, "changed": 1}));
    assert!(texts(&world, LEADS).await[1].contains("first referral"));
    let done = served.post(at, &admin, json!({})).await;
    assert_eq!(done.body, json!({"leads": 3, "changed": 0}));
    // Part by part, each going on where the one before ended.
    let done = served.post(at, &admin, json!({"after": "web:1"})).await;
    assert_eq!(done.body, json!({"leads": 1, "changed": 0}));
    let (db, clock) = (&world.db, &*world.clock);
    let mut seen = Vec::new();
    let mut after = Some(String::new());
    while let Some(id) = after {
        let bounds = leads::Bounds { after: &id, most: Some(1) };
        let found =
            leads::find_within(db, clock, world.org, Scope::All, true, bounds, &|_| {}).await.unwrap();
        seen.push(found.0.done);
        after = found.1;
    }
    assert_eq!(seen, [1, 1, 1]);
    // As if it were the first time.
    let once = (texts(&world, LEADS).await, texts(&world, SOURCES).await);
    run(&world, "delete from lead_sources where lead_id like 'web:%'; update leads set first_touch = '{}', last_touch = '{}', channel = 'unknown', campaign_id = null where source = 'web'").await;
    let output = program(&world)
        .args(["leads", "recompute"])
        .stdout(std::process::Stdio::piped())
        .output()
        .await
        .unwrap();
    let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(words.contains("3 of 3 leads") && words.contains("3 leads, "), "{words}");
    assert_eq!((texts(&world, LEADS).await, texts(&world, SOURCES).await), once);
    let acts =
        texts(&world, "select object_id from audit_log where action = 'attribution.recomputed' order by seq")
            .await;
    // The record knows people under pseudonyms only.
    assert!(acts[0].starts_with("person:") && acts[0].len() == 23, "{acts:?}");
    assert_eq!(acts[1..], ["all", "all", "all"]);
}

#[tokio::test]
async fn a_campaign_that_links_mean_goes_with_its_link() {
    let world = company().await;
    lead_sources::run(world.round()).await.unwrap();
    let link = ["campaign", "utm:google/spring_sale", "same_as", "campaign", "google_ads:77"];
    let output = program(&world).args(["entities", "reject"]).args(link).output().await.unwrap();
    assert!(output.status.success());
    lead_sources::run(world.round()).await.unwrap();
    assert_eq!(texts(&world, LEADS).await[1], "web:1 paid_search - first seo last paid_search");
}

/// A cell of the first row.
fn cell<'a>(body: &'a Value, column: &str) -> &'a Value {
    let columns = body["columns"].as_array().unwrap();
    let at = columns.iter().position(|one| one["name"] == column).unwrap();
    &body["rows"][0][at]
}

#[tokio::test]
async fn cost_per_lead_adds_up_to_the_spend_and_the_difference_is_shown() {
    let world = company().await;
    let served = Served::new(&world).await;
    lead_sources::run(world.round()).await.unwrap();
    let token = served.session(&world.viewer).await;
    let window = json!({"start": "2025-09-10", "end": "2025-09-16"});
    let asked = async |by: &str| {
        let params = json!({"params": {"window": window, "by": by}});
        crate::served::catalogue().forget(world.org).await;
        let reply = served.post("/api/tools/cpl_reconciliation", &token, params).await;
        assert!(reply.status.is_success(), "{}", reply.body);
        reply.body
    };
    // The file's account is the sum of its campaigns: there is nothing to compare.
    let body = asked("platform").await;
    assert_eq!(cell(&body, "difference"), &Value::Null, "{body}");
    assert_eq!(
        (cell(&body, "compared"), cell(&body, "not_compared")),
        (&Value::Null, &json!("Google Ads")),
        "{body}"
    );
    // The platform itself says 5 more than its campaigns.
    run(
        &world,
        "update daily_metrics set cost = cost + 5, cost_base = cost_base + 5, extra = '{}' where entity_kind = 'account'",
    )
    .await;
    for by in ["channel", "platform", "campaign"] {
        let body = asked(by).await;
        let totals = body["totals"].to_string();
        let of = |name: &str| totals.contains(name);
        assert!(of("100") && of("50"), "{by}: {totals}");
        assert_eq!(of("105"), by != "campaign", "{by}: {totals}");
        assert_eq!(
            (cell(&body, "compared"), cell(&body, "not_compared")),
            (&json!("Google Ads"), &Value::Null),
            "{by}"
        );
    }
    // A platform of which only a file is known takes nothing from the comparison of the other, and adds no false difference.
    run(
        &world,
        "insert into daily_metrics (org_id, date, source, account_id, entity_kind, entity_id, channel, cost, cost_base, currency,
             revenue_basis, extra, first_seen_at, updated_at)
         select org_id, date, 'meta_ads', 'm', kind, 'meta_ads:' || kind, 'paid_social', 40, 40, currency, revenue_basis, x.extra,
             first_seen_at, updated_at
         from daily_metrics, (values ('campaign', '{}'::jsonb), ('account', '{\"derived_from\": \"campaign\"}')) x (kind, extra)
         where entity_kind = 'account'",
    )
    .await;
    let body = asked("platform").await;
    assert!(body["totals"].to_string().contains("140"), "{body}");
    let told =
        ["platform", "difference", "compared", "not_compared"].map(|column| cell(&body, column).to_string());
    assert!(told[0].contains("105") && told[1].contains('5') && !told[1].contains("40"), "{told:?}");
    assert_eq!(told[2..], ["\"Google Ads\"", "\"Meta Ads\""]);
}
