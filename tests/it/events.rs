//! `POST /api/events` through the front door: what is said of a batch, what is stored of it, and that both stay true when
//! batches come twice, late, at once, or while the server dies.
mod again;
mod killed;
mod model;
mod names;
pub mod own;
mod quality;
mod refused;
mod said;
mod stored;

use crate::served::{Reply, Served, reply};
use crate::world::World;
use adjutant::access::{Actor, Permission};
use adjutant::clock::Clock;
use adjutant::db::Db;
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::db::events::known::{self, KeyRules};
use adjutant::ids::{ApiKeyId, OrgId};
use jiff::{Timestamp, ToSpan as _};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

pub const CAMPAIGN: &str = "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa";

/// A server with a key that may send events.
struct Gate {
    world: World,
    served: Served,
    key: String,
}

/// What an ordinary key may send, as often as a test likes.
fn ordinary() -> KeyRules {
    KeyRules {
        sources: Vec::new(),
        pii_mode: "reject".to_owned(),
        strict_references: false,
        events_per_minute: 1_000_000,
    }
}

/// A key of a member that holds these scopes and rules.
async fn key(
    db: &Db,
    clock: &dyn Clock,
    actor: &Actor,
    scopes: &[Permission],
    per_minute: i32,
    rules: &KeyRules,
) -> String {
    let text = credentials::new_key_text(&mut rand::rng());
    let scopes: BTreeSet<Permission> = scopes.iter().copied().collect();
    let new =
        NewApiKey { name: "events", member: actor.member, scopes: &scopes, per_minute, expires_at: None };
    let id = ApiKeyId::new(clock);
    let mut tx = db.org(actor.org).await.unwrap();
    credentials::create_api_key(&mut tx, actor.org, id, &text, &new, clock.now()).await.unwrap();
    assert!(known::set_key_rules(&mut tx, actor.org, id, rules).await.unwrap());
    tx.commit().await.unwrap();
    text.expose_secret().to_owned()
}

impl Gate {
    async fn new() -> Self {
        let world = World::new().await;
        let served = Served::new(&world).await;
        let key = Self::key_of(&world, &world.marketer, &ordinary()).await;
        Self { world, served, key }
    }

    async fn key_of(world: &World, actor: &Actor, rules: &KeyRules) -> String {
        key(&world.db, &*world.clock, actor, &[Permission::EventWrite], 100_000, rules).await
    }

    async fn key_with(&self, rules: KeyRules) -> String {
        Self::key_of(&self.world, &self.world.marketer, &rules).await
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// A click on a campaign `ago` seconds ago.
    fn click(&self, id: u128, ago: i64) -> Value {
        click(id, before(self.now(), ago))
    }

    fn purchase(&self, id: u128, ago: i64, value: &str) -> Value {
        purchase(id, before(self.now(), ago), value)
    }

    fn post(&self, key: &str) -> RequestBuilder {
        self.served.request(Method::POST, "/api/events", key)
    }

    async fn send(&self, events: &[Value]) -> Reply {
        self.served.post("/api/events", &self.key, json!({ "events": events })).await
    }

    async fn send_as(&self, key: &str, events: &[Value]) -> Reply {
        self.served.post("/api/events", key, json!({ "events": events })).await
    }

    async fn raw(&self, headers: &[(&'static str, &'static str)], body: impl Into<reqwest::Body>) -> Reply {
        let mut request = self.post(&self.key).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.send().await.unwrap()).await
    }

    /// One number of one organisation's rows.
    async fn count(&self, org: OrgId, sql: &'static str) -> i64 {
        count(&self.world.db, org, sql).await
    }
}

async fn count(db: &Db, org: OrgId, sql: &'static str) -> i64 {
    let mut tx = db.org(org).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap()
}

fn before(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_sub(seconds.seconds()).unwrap()
}

fn click(id: u128, at: Timestamp) -> Value {
    json!({"id": Uuid::from_u128(id), "name": "campaign_clicked", "occurred_at": at.to_string(), "source": "mobile",
           "channel": "push", "entity": {"type": "campaign", "id": CAMPAIGN}, "actor": {"type": "user", "id": "u_48213"},
           "properties": {"campaign_id": CAMPAIGN, "click_type": "cta", "time_to_click_seconds": 3}})
}

fn purchase(id: u128, at: Timestamp, value: &str) -> Value {
    json!({"id": Uuid::from_u128(id), "name": "user_purchased", "occurred_at": at.to_string(), "source": "backend",
           "actor": {"type": "user", "id": "u_48213"}, "value": value, "currency": "EUR",
           "properties": {"order_id": "9a3d2c10-55aa-4c0d-9e53-6b1f0c2d3e4f", "order_value": value}})
}

/// The statuses of the items, in order.
fn statuses(reply: &Reply) -> Vec<&str> {
    let results = reply.body["results"].as_array().unwrap_or_else(|| panic!("no results: {}", reply.body));
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result["index"], at, "{}", reply.body);
    }
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

/// received = accepted + duplicate + replaced + suppressed + rejected, and each as often as the items say.
fn sums_hold(reply: &Reply) {
    let statuses = statuses(reply);
    assert_eq!(reply.body["received"], statuses.len());
    for status in ["accepted", "duplicate", "replaced", "suppressed", "rejected"] {
        let n = statuses.iter().filter(|one| **one == status).count();
        assert_eq!(reply.body[status], n, "{status}: {}", reply.body);
    }
}
