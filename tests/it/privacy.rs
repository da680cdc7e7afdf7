//! Consent through the front door: what is recorded, who may, and that nobody who said no is watched (`events.md` §11).
use crate::served::{Reply, Served};
use crate::world::World;
use adjutant::access::Permission;
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::db::events::known::{self, KeyRules};
use adjutant::ids::{ApiKeyId, OrgId};
use jiff::ToSpan as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const CAMPAIGN: &str = "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa";

struct Office {
    world: World,
    served: Served,
    /// Of somebody who may manage privacy.
    officer: String,
    /// A key that may send events.
    key: String,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let served = Served::new(&world).await;
        let officer = served.session(&world.admin).await;
        let key = key(&world).await;
        Self { world, served, officer, key }
    }

    async fn consent(&self, customer: &str, channel: &str, status: &str) -> Reply {
        let body = json!({"customer_id": customer, "channel": channel, "status": status, "method": "single"});
        self.served.post("/api/privacy/consent", &self.officer, body).await
    }

    async fn send(&self, events: &[Value]) -> Vec<String> {
        let reply = self.served.post("/api/events", &self.key, json!({ "events": events })).await;
        let results = reply.body["results"].as_array().unwrap_or_else(|| panic!("{}", reply.body));
        results.iter().map(|result| result["status"].as_str().unwrap().to_owned()).collect()
    }

    fn event(&self, id: u128, actor: &str, name: &str, properties: Value) -> Value {
        let at = adjutant::clock::Clock::now(&*self.world.clock) - 60.seconds();
        json!({"id": Uuid::from_u128(id), "name": name, "occurred_at": at.to_string(), "source": "backend",
               "actor": {"type": "user", "id": actor}, "properties": properties})
    }

    fn searches(&self, id: u128, actor: &str) -> Value {
        self.event(id, actor, "user_engaged", json!({"engagement_type": "search"}))
    }

    async fn statuses(&self, org: OrgId, customer: &str, channel: &str) -> Vec<(String, String)> {
        let mut tx = self.world.db.org(org).await.unwrap();
        sqlx::query_as(
            "select status, method from consents where customer_id = $1 and channel = $2 order by recorded_at",
        )
        .bind(customer)
        .bind(channel)
        .fetch_all(&mut *tx)
        .await
        .unwrap()
    }

    async fn link(&self, actor: &str, customer: &str) {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query("insert into actor_links (org_id, actor_id, customer_id) values ($1, $2, $3)")
            .bind(self.world.org)
            .bind(actor)
            .bind(customer)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

async fn key(world: &World) -> String {
    let text = credentials::new_key_text(&mut rand::rng());
    let scopes: BTreeSet<Permission> = [Permission::EventWrite].into();
    let member = world.marketer.member;
    let new = NewApiKey { name: "events", member, scopes: &scopes, per_minute: 100_000, expires_at: None };
    let id = ApiKeyId::new(&*world.clock);
    let rules = KeyRules {
        sources: Vec::new(),
        pii_mode: "reject".to_owned(),
        strict_references: false,
        events_per_minute: 1_000_000,
    };
    let mut tx = world.db.org(world.org).await.unwrap();
    let now = adjutant::clock::Clock::now(&*world.clock);
    credentials::create_api_key(&mut tx, world.org, id, &text, &new, now).await.unwrap();
    assert!(known::set_key_rules(&mut tx, world.org, id, &rules).await.unwrap());
    tx.commit().await.unwrap();
    text.expose_secret().to_owned()
}

#[tokio::test]
async fn who_denied_analytics_is_not_watched_from_then_on() {
    let office = Office::new().await;
    assert_eq!(office.send(&[office.searches(1, "u_1")]).await, ["accepted"]);
    let made = office.consent("u_1", "analytics", "denied").await;
    assert_eq!((made.status.as_u16(), &made.body["status"]), (201, &json!("denied")), "{}", made.body);
    let bought =
        office.event(3, "u_1", "user_purchased", json!({"order_id": CAMPAIGN, "order_value": "20.00"}));
    let again = office.searches(2, "u_1");
    let sent = [again.clone(), again, office.searches(4, "u_2"), bought];
    assert_eq!(office.send(&sent).await, ["suppressed", "suppressed", "accepted", "accepted"]);
    let mut tx = office.world.db.org(office.world.org).await.unwrap();
    let stored: i64 =
        sqlx::query_scalar("select count(*) from events where actor_id = 'u_1' and name = 'user_engaged'")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    assert_eq!(stored, 1);
    drop(tx);
    // Nothing of a suppressed event was kept: once there is a yes, the same id is new.
    assert_eq!(office.consent("u_1", "analytics", "granted").await.status, 201);
    assert_eq!(office.send(&[office.searches(2, "u_1")]).await, ["accepted"]);
}

#[tokio::test]
async fn the_no_of_a_customer_holds_for_their_actors() {
    let office = Office::new().await;
    office.link("device_7", "customer_7").await;
    assert_eq!(office.consent("customer_7", "analytics", "denied").await.status, 201);
    assert_eq!(office.send(&[office.searches(1, "device_7")]).await, ["suppressed"]);
    // Another organisation's ledger says nothing here.
    let other = office.world.other_org().await;
    assert_eq!(office.statuses(other.org, "customer_7", "analytics").await, []);
}

#[tokio::test]
async fn the_ledger_only_grows_and_what_holds_is_not_written_twice() {
    let office = Office::new().await;
    assert_eq!(office.consent("c_1", "email", "granted").await.status, 201);
    assert_eq!(office.consent("c_1", "email", "granted").await.status, 200);
    assert_eq!(office.consent("c_1", "email", "denied").await.status, 201);
    assert_eq!(office.consent("c_1", "email", "granted").await.status, 201);
    let rows = office.statuses(office.world.org, "c_1", "email").await;
    let statuses: Vec<&str> = rows.iter().map(|(status, _)| &**status).collect();
    assert_eq!(statuses, ["granted", "denied", "granted"]);
    let mut tx = office.world.db.org(office.world.org).await.unwrap();
    let recorded: i64 =
        sqlx::query_scalar("select count(*) from audit_log where action = 'consent.recorded'")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    assert_eq!(recorded, 3);
}

#[tokio::test]
async fn a_list_brought_along_changes_nobody_s_no() {
    let office = Office::new().await;
    assert_eq!(office.consent("c_1", "email", "denied").await.status, 201);
    let body = json!({"customer_id": "c_1", "channel": "email", "status": "granted", "method": "imported"});
    let refused = office.served.post("/api/privacy/consent", &office.officer, body).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("privacy.denied")));
    let imported = office.event(1, "c_1", "contact_added", json!({"opt_in": "imported"}));
    assert_eq!(office.send(&[imported]).await, ["accepted"]);
    let rows = office.statuses(office.world.org, "c_1", "email").await;
    assert_eq!(rows, [("denied".to_owned(), "single".to_owned())]);
}

#[tokio::test]
async fn opting_in_and_out_by_events_is_in_the_ledger() {
    let office = Office::new().await;
    let added = office.event(1, "c_2", "contact_added", json!({"opt_in": "double"}));
    assert_eq!(office.send(std::slice::from_ref(&added)).await, ["accepted"]);
    assert_eq!(office.send(&[added]).await, ["duplicate"]);
    let mut left = office.event(2, "c_2", "user_unsubscribed", json!({"unsubscribe_type": "all_campaigns"}));
    left["occurred_at"] =
        json!((adjutant::clock::Clock::now(&*office.world.clock) - 30.seconds()).to_string());
    assert_eq!(office.send(&[left]).await, ["accepted"]);
    let org = office.world.org;
    let row = |status: &str, method: &str| (status.to_owned(), method.to_owned());
    assert_eq!(
        office.statuses(org, "c_2", "email").await,
        [row("granted", "double"), row("denied", "single")]
    );
    assert_eq!(office.statuses(org, "c_2", "push").await, [row("denied", "single")]);
    assert_eq!(office.statuses(org, "c_2", "sms").await, [row("denied", "single")]);
    let fewer = office.event(3, "c_3", "user_unsubscribed", json!({"unsubscribe_type": "frequency_cap"}));
    assert_eq!(office.send(&[fewer]).await, ["accepted"]);
    assert_eq!(office.statuses(org, "c_3", "email").await, []);
}

#[tokio::test]
async fn consent_is_for_those_who_manage_privacy_and_holds_no_personal_data() {
    let office = Office::new().await;
    let body = |customer: &str, evidence: &str| json!({"customer_id": customer, "channel": "email", "status": "granted", "method": "single", "evidence": evidence});
    let marketer = office.served.session(&office.world.marketer).await;
    let refused = office.served.post("/api/privacy/consent", &marketer, body("c_1", "")).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("permission.missing")));
    for (customer, evidence, code) in [
        ("jane@example.org", "", "privacy.subject"),
        ("+4930901820123", "", "privacy.subject"),
        (" ", "", "privacy.subject"),
        ("c_1", "mail to jane@example.org", "privacy.evidence"),
    ] {
        let refused =
            office.served.post("/api/privacy/consent", &office.officer, body(customer, evidence)).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (422, &json!(code)), "{}", refused.body);
        assert!(!refused.body.to_string().contains("jane@"), "{}", refused.body);
    }
    assert_eq!(
        office.served.post("/api/privacy/consent", &office.officer, body("c_1", "form 7")).await.status,
        201
    );
}
