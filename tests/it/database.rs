//! Partitions, routes, keys and sessions, settings.
use crate::world::World;
use adjutant::access::{Permission, Surface};
use adjutant::clock::Clock as _;
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::db::people::{self, Grant, RouteKind};
use adjutant::db::settings::{self, Setting};
use adjutant::ids::ApiKeyId;
use jiff::civil::date;
use serde_json::json;
use sqlx::Executor as _;
use std::collections::BTreeSet;
use std::time::Duration;

async fn rank_row(world: &World, day: &str) {
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query(
        "insert into keyword_ranks (org_id, date, engine, keyword, source, first_seen_at, updated_at)
         values ($1, $2::text::date, 'google', 'tents', 'dataforseo', '2025-09-17Z', '2025-09-17Z')",
    )
    .bind(world.org)
    .bind(day)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn partition_of(world: &World, day: &str) -> String {
    sqlx::query_scalar("select tableoid::regclass::text from keyword_ranks where date = $1::text::date")
        .bind(day)
        .fetch_one(&mut world.superuser().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn facts_live_in_their_month_and_strays_move_when_it_is_made() {
    let world = World::new().await;
    rank_row(&world, "2025-09-16").await;
    assert_eq!(partition_of(&world, "2025-09-16").await, "keyword_ranks_y2025m09");
    rank_row(&world, "2019-05-31").await;
    assert_eq!(partition_of(&world, "2019-05-31").await, "keyword_ranks_default");
    let made = world.db.ensure_partitions(date(2018, 3, 15), date(2019, 6, 1)).await.unwrap();
    assert_eq!(made % 16, 0, "sixteen months of every partitioned table");
    assert!(made >= 16 * 10, "{made}");
    assert_eq!(partition_of(&world, "2019-05-31").await, "keyword_ranks_y2019m05");
    assert_eq!(world.db.ensure_partitions(date(2018, 3, 15), date(2019, 6, 1)).await.unwrap(), 0);
    // Still behind the fence of the parent, and there for the organisation.
    let mut tx = world.db.reader(world.org).await.unwrap();
    let seen: i64 =
        sqlx::query_scalar("select count(*) from facts.keyword_ranks").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 2);
    assert!(
        world.db.org(world.org).await.unwrap().execute("select from keyword_ranks_y2019m05").await.is_err()
    );
}

#[tokio::test]
async fn the_operator_bundle_opens_into_its_permissions() {
    let world = World::new().await;
    assert!(world.second_approver.may(Permission::DraftApproveHigh), "a flag on top of the role");
    assert!(!world.approver.may(Permission::DraftApproveHigh));
    let mut tx = world.db.org(world.org).await.unwrap();
    let operator = Grant { permission: "operator".to_owned(), scope: json!({"max_tier": "medium"}) };
    people::grant(&mut tx, world.org, world.viewer.member, &operator, None, world.clock.now()).await.unwrap();
    let grants = people::grants(&mut tx, world.org, world.viewer.member).await.unwrap();
    assert_eq!(grants, [operator]);
    let effective = people::effective(world.viewer.role, &grants);
    assert!(effective.contains(&Permission::DraftExecute) && !effective.contains(&Permission::DraftApprove));
    assert!(people::revoke_grant(&mut tx, world.org, world.viewer.member, "operator").await.unwrap());
}

#[tokio::test]
async fn a_key_acts_as_its_member_with_less() {
    let world = World::new().await;
    let text = credentials::new_key_text(&mut rand::rng());
    let id = ApiKeyId::new(&*world.clock);
    let now = world.clock.now();
    let mut tx = world.db.org(world.org).await.unwrap();
    let scopes = BTreeSet::from([Permission::QueryRun, Permission::DraftApprove, Permission::MemberManage]);
    let new = NewApiKey {
        name: "nightly",
        member: world.approver.member,
        scopes: &scopes,
        per_minute: 60,
        expires_at: Some(now + Duration::from_secs(3600)),
    };
    credentials::create_api_key(&mut tx, world.org, id, &text, &new, now).await.unwrap();
    tx.commit().await.unwrap();
    let sign_in = |at| credentials::sign_in_with_key(&world.db, &text, Surface::Http, at);
    let signed_in = sign_in(now).await.unwrap().expect("a good key");
    assert_eq!(signed_in.actor.member, world.approver.member);
    assert_eq!(signed_in.actor.permissions, BTreeSet::from([Permission::QueryRun]));
    assert!(sign_in(now + Duration::from_secs(3600)).await.unwrap().is_none(), "expired");
    let wrong = secrecy::SecretString::from(format!("{}0", secrecy::ExposeSecret::expose_secret(&text)));
    assert!(credentials::sign_in_with_key(&world.db, &wrong, Surface::Http, now).await.unwrap().is_none());
    let mut tx = world.db.org(world.org).await.unwrap();
    assert!(credentials::revoke_api_key(&mut tx, world.org, id, now).await.unwrap());
    tx.commit().await.unwrap();
    assert!(sign_in(now).await.unwrap().is_none(), "revoked");
}

#[tokio::test]
async fn a_session_lives_until_it_expires_or_is_ended() {
    let world = World::new().await;
    let now = world.clock.now();
    let token = credentials::new_session_token(&mut rand::rng());
    let mut tx = world.db.org(world.org).await.unwrap();
    let until = now + Duration::from_secs(60);
    credentials::create_session(&mut tx, world.org, world.approver.member, &token, now, until).await.unwrap();
    tx.commit().await.unwrap();
    let sign_in = |at| credentials::sign_in_with_session(&world.db, &token, Surface::Console, at);
    let actor = sign_in(now).await.unwrap().expect("a session").actor;
    assert!(actor.may(Permission::DraftApprove) && actor.surface == Surface::Console);
    assert!(sign_in(until).await.unwrap().is_none());
    let mut tx = world.db.org(world.org).await.unwrap();
    assert_eq!(credentials::end_sessions_of(&mut tx, world.org, world.approver.member).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert!(sign_in(now).await.unwrap().is_none());
}

#[tokio::test]
async fn keys_from_outside_lead_to_one_organisation() {
    let world = World::new().await;
    let other = world.other_org().await;
    let route = world.db.route(RouteKind::Org, "lakeside").await.unwrap().expect("a route");
    assert_eq!(route.org_id, other.org);
    assert_eq!(world.db.route(RouteKind::Org, "nowhere").await.unwrap(), None);
    let slugs: Vec<String> =
        world.db.organisations().await.unwrap().into_iter().map(|(_, slug)| slug).collect();
    assert_eq!(slugs, ["alpine", "lakeside"]);
    // The table itself shows each organisation its own rows only.
    let mut tx = world.db.org(world.org).await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from directory where kind = 'org'")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(seen, 1);
}

#[tokio::test]
async fn settings_have_defaults_and_refuse_nonsense() {
    let world = World::new().await;
    let mut tx = world.db.org(world.org).await.unwrap();
    let org = world.org;
    assert_eq!(settings::get(&mut tx, org, Setting::MinMer).await.unwrap(), json!("2.0"));
    let before =
        settings::set(&mut tx, org, Setting::MinMer, &json!("2.5"), None, world.clock.now()).await.unwrap();
    assert_eq!(before, json!("2.0"));
    assert_eq!(settings::all(&mut tx, org).await.unwrap()["min_mer"], json!("2.5"));
    assert_eq!(
        Setting::MinMer.problem(&json!("-1")).as_deref(),
        Some("min_mer must be a decimal number from 0")
    );
    assert_eq!(Setting::MonthlyBudget.problem(&json!(null)), None);
    assert!(Setting::ALL.iter().all(|s| s.problem(&s.default_value()).is_none()));
}
