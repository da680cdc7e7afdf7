//! Reading the record is on the record, and who may not read all of it reads about the own drafts.
use crate::served::Served;
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::db::audit::{self, Filter, NewEntry};
use adjutant::ids::DraftId;
use reqwest::StatusCode;

async fn reads(world: &World) -> Vec<String> {
    let mut tx = world.db.org(world.org).await.unwrap();
    let filter = Filter { action: Some("audit.read".to_owned()), ..Filter::default() };
    let entries = audit::list(&mut tx, world.org, &filter, 0, 100).await.unwrap();
    entries.into_iter().map(|e| e.actor_id).collect()
}

#[tokio::test]
async fn reading_and_proving_the_record_is_on_the_record() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    let compliance = served.session(&world.compliance).await;
    let who = world.compliance.member.to_string();
    assert_eq!(served.get("/api/audit", &compliance).await.status, StatusCode::OK);
    assert_eq!(reads(&world).await, std::slice::from_ref(&who));
    let verdict = served.get("/api/audit/verify", &compliance).await;
    assert_eq!(verdict.body["broken"], serde_json::Value::Null);
    assert_eq!(reads(&world).await, [who.clone(), who]);
}

#[tokio::test]
async fn without_the_permission_only_the_own_drafts_are_told() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    let mut superuser = world.superuser().await;
    for (number, member) in [(1, world.marketer.member), (2, world.admin.member)] {
        let id = DraftId::new(&*world.clock);
        let draft = format!(
            "insert into drafts (org_id, id, number, type, platform, entity_kind, entity_id, payload_hash, tier, currency,
                 origin, requested_by, expires_at, created_at, updated_at)
             values ('{}', '{id}', {number}, 'pause_campaign', 'meta_ads', 'campaign', 'c', '', 'low', 'EUR', 'member',
                 '{member}', now(), now(), now())",
            world.org
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(draft)).execute(&mut superuser).await.unwrap();
        let mut tx = world.db.org(world.org).await.unwrap();
        // Somebody else decides: what counts is whose draft it is, not whose act.
        let mut entry = NewEntry::by(&world.approver, "draft.approved", "draft", id, world.clock.now());
        entry.reason = Some(format!("draft {number}"));
        audit::append(&mut tx, world.org, &entry).await.unwrap();
        tx.commit().await.unwrap();
    }
    let told = async |session: &str| {
        let body = served.get("/api/audit", session).await.body;
        let items = body["items"].as_array().unwrap().clone();
        items.iter().map(|e| e["reason"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    let marketer = served.session(&world.marketer).await;
    assert_eq!(told(&marketer).await, ["draft 1"]);
    let admin = served.session(&world.admin).await;
    assert_eq!(told(&admin).await, ["draft 1", "draft 2", "-"]);
    let viewer = served.session(&world.viewer).await;
    let refused = served.get("/api/audit", &viewer).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::FORBIDDEN, &"permission.missing".into())
    );
}

#[tokio::test]
async fn an_entry_names_the_request_it_comes_from() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    let compliance = served.session(&world.compliance).await;
    let request = served.request(reqwest::Method::GET, "/api/audit", &compliance);
    request.header("x-request-id", "mine-7").send().await.unwrap();
    let items = served.get("/api/audit", &compliance).await.body["items"].clone();
    assert_eq!(items[0]["request_id"], "mine-7");
    // A request without an id has one of ours, the same that its answer shows.
    let request = served.request(reqwest::Method::GET, "/api/audit?after=1", &compliance);
    let shown = request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    let items = served.get("/api/audit", &compliance).await.body["items"].clone();
    assert_eq!(items[2]["request_id"], shown);
    let verdict = audit::verify(&world.db, world.org).await.unwrap();
    assert!(verdict.broken.is_none(), "{verdict:?}");
}
