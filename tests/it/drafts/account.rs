//! A small ad account with figures that can be checked by hand: 90 equal days up to yesterday.
use crate::world::World;
use adjutant::access::Actor;
use adjutant::db::audit;
use adjutant::drafts::{
    self, CreateRequest, Created, Decision, DraftError, DraftState, DraftView, Outcome, ReasonCode,
    ReviewRequest, StepUp,
};
use adjutant::ids::{DraftId, OrgId};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// `source:id`, name, status, daily budget, spend a day, revenue a day, conversions a day, clicks, impressions.
type Row = (&'static str, &'static str, &'static str, &'static str, f64, f64, f64, i64, i64);

const CAMPAIGNS: &[Row] = &[
    ("google_ads:1001", "Generic search", "active", "50.00", 48.0, 206.4, 4.0, 60, 2000),
    ("google_ads:1002", "Brand search", "active", "40.00", 40.0, 400.0, 8.0, 90, 1000),
    ("google_ads:1003", "Broad match test", "active", "250.00", 250.0, 450.0, 5.0, 200, 9000),
    ("meta_ads:2001", "Prospecting cold", "active", "30.00", 30.0, 0.0, 0.0, 20, 4000),
    ("meta_ads:2002", "Retargeting 30 days", "active", "100.00", 100.0, 420.0, 6.0, 80, 5000),
    ("meta_ads:2003", "Summer sale", "paused", "20.00", 0.0, 0.0, 0.0, 0, 0),
];

pub async fn sql(connection: &mut PgConnection, org: OrgId, statement: &str) {
    let statement = statement.replace("ORG", &format!("'{org}'::uuid"));
    connection.execute(AssertSqlSafe(statement.clone())).await.unwrap_or_else(|e| panic!("{e}: {statement}"));
}

/// A world whose organisation has the account.
pub async fn account() -> World {
    let world = World::new().await;
    let mut db = world.superuser().await;
    seed(&mut db, world.org).await;
    world
}

pub async fn seed(db: &mut PgConnection, org: OrgId) {
    let at = "'2025-09-17T03:00:00Z', '2025-09-17T03:00:00Z'";
    for (id, name, status, budget, cost, revenue, conversions, clicks, impressions) in CAMPAIGNS {
        let (source, external) = id.split_once(':').unwrap();
        let account = if source == "google_ads" { "123-456-7890" } else { "act_42" };
        let channel = if source == "google_ads" { "paid_search" } else { "paid_social" };
        sql(db, org, &format!(
            "insert into campaigns (org_id, id, account_id, name, status, channel, daily_budget, budget_id, currency,
                 landing_page, is_brand, tracking, source, raw_status, first_seen_at, updated_at)
             values (ORG, '{id}', '{account}', '{name}', '{status}', '{channel}', {budget}, '5{external}', 'EUR',
                 'https://www.alpine.example/compare', {}, 'ok', '{source}', upper('{status}'), {at})", name.starts_with("Brand"))).await;
        if *impressions > 0 {
            sql(db, org, &format!(
                "insert into daily_metrics (org_id, date, source, account_id, entity_kind, entity_id, channel, breakdown,
                     impressions, clicks, conversions, conversion_value, conversion_value_base, cost, cost_base, revenue,
                     revenue_base, currency, first_seen_at, updated_at)
                 select ORG, d::date, '{source}', '{account}', 'campaign', '{id}', '{channel}', '', {impressions}, {clicks},
                     {conversions}, {revenue}, {revenue}, {cost}, {cost}, {revenue}, {revenue}, 'EUR', {at}
                 from generate_series('2025-06-19'::date, '2025-09-16'::date, '1 day') d")).await;
        }
    }
    for (id, campaign, name, targeting) in [
        (
            "google_ads:7001",
            "google_ads:1001",
            "Compare plans",
            r#"{"geo": ["CH"], "languages": ["de"], "age_min": 18}"#,
        ),
        (
            "meta_ads:8001",
            "meta_ads:2002",
            "Visitors",
            r#"{"countries": ["CH"], "locales": ["de"], "age_min": 18}"#,
        ),
    ] {
        let source = id.split(':').next().unwrap();
        sql(db, org, &format!(
            "insert into ad_groups (org_id, id, campaign_id, name, status, currency, targeting, source, first_seen_at, updated_at)
             values (ORG, '{id}', '{campaign}', '{name}', 'active', 'EUR', '{targeting}', '{source}', {at})")).await;
        sql(db, org, &format!(
            "insert into creatives (org_id, id, ad_group_id, campaign_id, headlines, descriptions, final_url, status, source,
                 first_seen_at, updated_at)
             values (ORG, '{source}:9{}', '{id}', '{campaign}', '{{Compare plans online}}', '{{All options side by side}}',
                 'https://www.alpine.example/compare', 'active', '{source}', {at})", &id[id.len() - 4..])).await;
    }
    for (term, clicks, cost, conversions) in
        [("free template", 30, 34.10, 0), ("jobs generic", 10, 12.75, 0), ("hiking shoes", 40, 50.0, 3)]
    {
        sql(db, org, &format!(
            "insert into search_terms (org_id, date, campaign_id, ad_group_id, term, match_type, impressions, clicks, cost,
                 cost_base, conversions, currency, source, first_seen_at, updated_at)
             values (ORG, '2025-09-10', 'google_ads:1001', 'google_ads:7001', '{term}', 'BROAD', 500, {clicks}, {cost},
                 {cost}, {conversions}, 'EUR', 'google_ads', {at})")).await;
    }
    sql(db, org, &format!(
        "insert into keywords (org_id, id, ad_group_id, text, match_type, negative, currency, status, source, first_seen_at,
             updated_at)
         values (ORG, 'google_ads:k1', 'google_ads:7001', 'compare plans', 'PHRASE', false, 'EUR', 'active', 'google_ads', {at}),
                (ORG, 'google_ads:k2', 'google_ads:7001', 'torrent', 'BROAD', true, 'EUR', 'active', 'google_ads', {at})")).await;
    for (query, page, clicks, impressions, position) in [
        ("trail shoes", "/trail-shoes", 20, 2000, 9.0),
        ("trail shoes", "/shoes", 5, 500, 14.0),
        ("how to choose trail shoes", "/trail-shoes", 4, 300, 7.0),
    ] {
        sql(db, org, &format!(
            "insert into search_performance (org_id, date, site, grain, page, query, clicks, impressions,
                 position_x_impressions, source, first_seen_at, updated_at)
             values (ORG, '2025-09-10', 'alpine.example', 'page_query', '{page}', '{query}', {clicks}, {impressions},
                 {position} * {impressions}, 'search_console', {at})")).await;
    }
    sql(db, org,
        "insert into segments (org_id, id, name, kind, size, age_min, created_at)
         values (ORG, '00000000-0000-7000-8000-000000000001', 'INACTIVE', 'behavioural', 150, 18, '2025-09-01T00:00:00Z')").await;
    sql(
        db,
        org,
        &format!(
            "insert into customers (org_id, id, email_hash, currency, source, first_seen_at, updated_at)
         select ORG, 'c' || n, sha256(('person' || n || '@mail.example')::bytea), 'EUR', 'shopify', {at}
           from generate_series(1, 150) n"
        ),
    )
    .await;
    sql(db, org,
        "insert into segment_members (org_id, segment_id, actor_id, joined_on)
         select ORG, '00000000-0000-7000-8000-000000000001', 'c' || n, '2025-09-01' from generate_series(1, 150) n").await;
    sql(db, org,
        "insert into consents (org_id, customer_id, channel, recorded_at, status, method)
         select ORG, 'c' || n, 'ads', '2025-08-01T00:00:00Z', 'granted', 'double' from generate_series(1, 120) n").await;
}

pub fn args(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub async fn draft(world: &World, actor: &Actor, kind: &str, payload: Value) -> Result<Created, DraftError> {
    let request = CreateRequest {
        kind: kind.to_owned(),
        payload: args(payload),
        evidence: Vec::new(),
        supersedes: None,
    };
    drafts::create(&world.db, &*world.clock, actor, &request).await
}

/// A medium draft that one approver may decide.
pub async fn pause(world: &World) -> Created {
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"});
    draft(world, &world.marketer, "pause_campaign", asked).await.unwrap()
}

/// +20 % on a campaign that earns well.
pub async fn raise(world: &World) -> Created {
    draft(world, &world.marketer, "increase_budget", json!({"campaign": "Generic search", "pct": 20}))
        .await
        .unwrap()
}

pub fn review(created: &Created, decision: Decision) -> ReviewRequest {
    ReviewRequest {
        decision,
        revision: created.revision,
        payload_hash: created.payload_hash,
        reason_code: (decision == Decision::Reject).then_some(ReasonCode::TooRisky),
        note: Some("Because of the season.".to_owned()),
        hours: None,
    }
}

pub async fn decide(
    world: &World,
    actor: &Actor,
    created: &Created,
    decision: Decision,
) -> Result<Outcome, DraftError> {
    let request = review(created, decision);
    drafts::decide(&world.db, &*world.clock, actor, created.id, &request, StepUp::No).await
}

/// With the second confirmation that high tiers need.
pub async fn confirm(world: &World, actor: &Actor, created: &Created) -> Result<Outcome, DraftError> {
    let request = review(created, Decision::Approve);
    drafts::decide(&world.db, &*world.clock, actor, created.id, &request, StepUp::Confirmed).await
}

pub async fn look(world: &World, id: DraftId) -> DraftView {
    drafts::get(&world.db, &world.admin, id).await.unwrap()
}

pub async fn state(world: &World, id: DraftId) -> DraftState {
    look(world, id).await.summary.state
}

/// Actions of the audit log about one draft (or about no draft yet), oldest first.
pub async fn trail(world: &World, id: Option<DraftId>) -> Vec<String> {
    entries(world, id).await.into_iter().map(|entry| entry.action).collect()
}

/// The record of one draft, or of all.
pub async fn entries(world: &World, id: Option<DraftId>) -> Vec<audit::Entry> {
    let mut tx = world.db.org(world.org).await.unwrap();
    let filter = audit::Filter {
        object_id: id.map(|id| id.to_string()),
        object_type: Some("draft".to_owned()),
        ..audit::Filter::default()
    };
    audit::list(&mut tx, world.org, &filter, 0, 1000).await.unwrap()
}

pub fn code<T: std::fmt::Debug>(result: Result<T, DraftError>) -> String {
    result.unwrap_err().code().to_owned()
}

pub fn message<T: std::fmt::Debug>(result: Result<T, DraftError>) -> String {
    result.unwrap_err().to_string()
}
