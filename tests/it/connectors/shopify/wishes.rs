//! What the shop asks of the connection itself: to tell somebody what is stored, to leave, to forget everybody.
use super::{deliver, desk, lines, read};
use crate::connectors::hooks::Desk;
use crate::served::Served;
use adjutant::clock::Clock as _;
use adjutant::db::settings::{self, Setting};
use adjutant::db::sources;
use adjutant::db::syncs::SyncState;
use reqwest::StatusCode;
use serde_json::{Value, json};

const SHOP: &str = "fernhill.myshopify.com";

async fn told(desk: &Desk) -> Vec<String> {
    lines(
        &desk.rig,
        "select payload #>> '{notice,title}' || ' ' || (payload #>> '{notice,lines}') from outbox
         where channel_ref like 'notice:alert:%' order by created_at, seq",
    )
    .await
}

async fn sent(desk: &Desk, topic: &str, event: &str, body: &Value) -> String {
    let (status, said) = deliver(desk, topic, SHOP, event, &body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    said["status"].as_str().unwrap().to_owned()
}

async fn hold(desk: &Desk, on: bool) {
    let (org, now) = (desk.rig.world.org, desk.rig.clock.now());
    let mut tx = desk.rig.world.db.org(org).await.unwrap();
    settings::set(&mut tx, org, Setting::LegalHold, &json!(on), None, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn with_people() -> Desk {
    let desk = desk().await;
    for stream in ["orders", "customers"] {
        read(&desk.rig, stream).await;
    }
    desk
}

#[tokio::test]
async fn who_asks_what_is_stored_of_them_is_answered_with_our_export() {
    let desk = with_people().await;
    let body = json!({"shop_id": 7, "shop_domain": SHOP, "orders_requested": [1], "data_request": {"id": 9_999},
        "customer": {"id": 1, "email": "Buyer1@Fernhill.example", "phone": "555-0100"}});
    assert_eq!(sent(&desk, "customers/data_request", "e-1", &body).await, "stored");
    // The same request again is the same one.
    assert_eq!(sent(&desk, "customers/data_request", "e-2", &body).await, "stored");
    assert_eq!(desk.work().await, 2);
    let asked = lines(&desk.rig, "select concat_ws('|', id, kind, state, reason) from privacy_jobs").await;
    let (id, rest) = asked[0].split_once('|').unwrap();
    assert_eq!((asked.len(), rest), (1, "export|pending|shopify asks for it, request 9999"));
    let notices = told(&desk).await;
    assert!(notices.len() == 1 && notices[0].contains(&format!("request_id={id}")), "{notices:?}");
    assert!(!notices[0].to_lowercase().contains("buyer1"), "people are not named to a channel: {notices:?}");

    // An administrator fetches it: all that our own export tells of this customer. Others may not.
    let served = Served::new(&desk.rig.world).await;
    let path = format!("{}/api/privacy/export?request_id={id}", served.url);
    let marketer = served.session(&desk.rig.world.marketer).await;
    assert_eq!(served.client.get(&path).bearer_auth(marketer).send().await.unwrap().status(), 403);
    let admin = served.session(&desk.rig.world.admin).await;
    let fetch = async |path: &str| {
        let reply = served.client.get(path).bearer_auth(&admin).send().await.unwrap();
        (reply.status(), reply.text().await.unwrap())
    };
    let (status, file) = fetch(&path).await;
    assert_eq!(status, StatusCode::OK, "{file}");
    let own = fetch(&format!("{}/api/privacy/export?subject_id=shopify:1", served.url)).await.1;
    let facts = |file: &str| {
        let of = |line: &&str| line.contains("\"orders\"") || line.contains("\"customers\"");
        file.lines().filter(of).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((facts(&file).len(), facts(&file)), (3, facts(&own)));
    assert!(file.trim_end().lines().last().unwrap().contains("\"end\":true"), "{file}");
    let done = "select count(*) from privacy_jobs where state = 'done' and (report ->> 'rows')::int >= 3";
    // It is noted after the last line has left.
    while desk.rig.count(done).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fetch(&path).await.0, StatusCode::OK, "a download may break off");
    let both = format!("{path}&subject_id=shopify:1");
    assert_eq!(fetch(&both).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = path.replace(id, "00000000-0000-0000-0000-000000000001");
    assert_eq!(fetch(&unknown).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_app_that_was_taken_out_is_read_no_more_until_a_person_connects_it_again() {
    let desk = with_people().await;
    let body = json!({"id": 7, "myshopify_domain": SHOP, "email": "owner@fernhill.example"});
    // The token still opens the shop: somebody turned another topic's delivery into this one.
    sent(&desk, "app/uninstalled", "e-1", &body).await;
    assert_eq!(desk.work().await, 1);
    let state = "select concat_ws('|', state, secrets is not null, breaker_until) from sources";
    assert_eq!(lines(&desk.rig, state).await, ["connected|t"]);
    assert!(told(&desk).await.is_empty());
    // It does not any more.
    desk.rig.fake.set(|knobs| knobs.secret = "another".to_owned());
    sent(&desk, "app/uninstalled", "e-2", &body).await;
    assert_eq!(desk.work().await, 1);
    assert_eq!(lines(&desk.rig, state).await, ["attention|t"]);
    let notices = told(&desk).await;
    assert!(notices.len() == 1 && notices[0].contains("adjutant source secret"), "{notices:?}");
    desk.rig.clock.set("2025-09-18T12:00:00Z");
    assert_eq!(desk.rig.engine.due(desk.rig.world.org).await.unwrap(), []);
    // What the shop sends for its people is still taken.
    let redact = json!({"shop_id": 7, "shop_domain": SHOP, "customer": {"id": 2}, "orders_to_redact": []});
    assert_eq!(sent(&desk, "customers/redact", "e-3", &redact).await, "stored");
    assert_eq!(desk.work().await, 1);
}

#[tokio::test]
async fn a_shop_that_is_switched_off_still_answers_its_people() {
    let desk = with_people().await;
    let (org, source, now) = (desk.rig.world.org, desk.rig.source, desk.rig.clock.now());
    let mut tx = desk.rig.world.db.org(org).await.unwrap();
    sources::switch(&mut tx, org, source, false, now).await.unwrap();
    tx.commit().await.unwrap();
    let order =
        json!({"id": 3, "admin_graphql_api_id": "gid://shopify/Order/3", "email": "buyer3@fernhill.example"});
    let (status, _) = deliver(&desk, "orders/updated", SHOP, "e-1", &order.to_string()).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is not read");
    let redact = json!({"shop_id": 7, "shop_domain": SHOP, "customer": {"id": 2}, "orders_to_redact": []});
    let (status, _) =
        deliver(&desk, "customers/redact", "other.myshopify.com", "e-2", &redact.to_string()).await;
    assert_ne!(status, StatusCode::OK, "it is verified all the same");
    let request = json!({"shop_id": 7, "shop_domain": SHOP, "customer": {"id": 1, "email": "buyer1@fernhill.example"},
        "data_request": {"id": 9}, "orders_requested": []});
    assert_eq!(sent(&desk, "customers/redact", "e-3", &redact).await, "stored");
    assert_eq!(sent(&desk, "customers/data_request", "e-4", &request).await, "stored");
    assert_eq!(desk.work().await, 2);
    assert!(told(&desk).await.iter().any(|notice| notice.contains("asks what is stored")));
    assert_eq!(
        sent(&desk, "shop/redact", "e-5", &json!({"shop_id": 7, "shop_domain": SHOP})).await,
        "stored"
    );
    desk.work().await;
    let unfinished = "select count(*) from webhook_events where state not in ('done', 'ignored')";
    assert_eq!(desk.rig.count(unfinished).await, 0);
    assert_eq!(desk.rig.count("select count(*) from customers").await, 0);
}

#[tokio::test]
async fn a_shop_that_is_to_be_forgotten_leaves_figures_of_nobody() {
    let desk = with_people().await;
    let others = "insert into customers (org_id, id, email_hash, source, first_seen_at, updated_at, currency)
        select org_id, 'stripe:cus_1', email_hash, 'stripe', now(), now(), 'EUR' from customers where id = 'shopify:1'";
    let mut superuser = desk.rig.world.superuser().await;
    sqlx::query(others).execute(&mut superuser).await.unwrap();
    let body =
        json!({"id": 3, "admin_graphql_api_id": "gid://shopify/Order/3", "email": "buyer3@fernhill.example"});
    sent(&desk, "orders/updated", "e-1", &body).await;
    // A customer's redaction under this topic is none of the shop.
    let forged = json!({"shop_id": 7, "shop_domain": SHOP, "customer": {"id": 2}, "orders_to_redact": []});
    assert_eq!(sent(&desk, "shop/redact", "e-2", &forged).await, "ignored");
    let body = json!({"shop_id": 7, "shop_domain": SHOP});
    // While somebody has to keep everything, only the way in goes.
    hold(&desk, true).await;
    sent(&desk, "shop/redact", "e-3", &body).await;
    desk.work().await;
    let left = "select concat_ws('|', state, secrets is null, key_id is null) from sources";
    assert_eq!(lines(&desk.rig, left).await, ["disabled|t|t"]);
    assert_eq!(desk.rig.count("select count(*) from customers").await, 11);
    hold(&desk, false).await;
    desk.rig.clock.set("2025-09-17T10:00:00Z");
    desk.work().await;
    let people = lines(&desk.rig, "select id from customers").await;
    assert_eq!(people, ["stripe:cus_1"], "whoever came from elsewhere stays");
    let sales =
        "select count(*) from orders where customer_id is null and landing_site is null and gross > 0";
    assert_eq!(desk.rig.count(sales).await, 10);
    let bodies = lines(&desk.rig, "select external_id || ' ' || state from webhook_events").await;
    assert_eq!(bodies, ["e-3|shop/redact done"]);
    let notices = told(&desk).await;
    assert!(
        notices.iter().any(|notice| notice.contains("secrets are gone") && notice.contains("rows")),
        "{notices:?}"
    );
    // Nothing is taken in or read any more.
    let (status, _) = deliver(&desk, "orders/updated", SHOP, "e-4", "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(desk.rig.engine.due(desk.rig.world.org).await.unwrap(), []);
    let run = desk.rig.sync().await;
    assert!(run.is_err() || run.unwrap().state == SyncState::Failed);
}
