//! What the program says by itself: as the registry has it, told once with its cause, by nobody else, and counted nowhere
//! (`events.md` §3.11).
use super::{Gate, before, ordinary, statuses};
use adjutant::daily::rollup;
use adjutant::db::events::own;
use adjutant::db::rollups::NAMES;
use adjutant::events::{self, Registry, Rules, Source, Via};
use adjutant::period::Window;
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

/// Stored events of the program's own, as items that the registry is asked about.
async fn told(gate: &Gate) -> Vec<Value> {
    let mut tx = gate.world.db.org(gate.world.org).await.unwrap();
    let rows = sqlx::query(
        "select id, name, to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as at, entity_kind, entity_id,
                actor_type, actor_id, customer_id, props, ingested_via, source
         from events where source = 'system' and ingested_via = 'internal' order by occurred_at, name, id",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let item = |row: &sqlx::postgres::PgRow| {
        let text = |name: &str| row.get::<String, _>(name);
        let mut item = json!({"id": row.get::<Uuid, _>("id"), "name": text("name"), "occurred_at": text("at"),
            "source": text("source"), "properties": row.get::<Value, _>("props")});
        if text("entity_kind") != "org" {
            item["entity"] = json!({"type": text("entity_kind"), "id": text("entity_id")});
        }
        if !text("actor_id").is_empty() {
            item["actor"] = json!({"type": text("actor_type"), "id": text("actor_id")});
        }
        item
    };
    rows.iter().map(item).collect()
}

/// Fails for one that the registry would not take from the program itself.
pub fn as_the_registry_has_it(items: &[Value], now: jiff::Timestamp) {
    let registry = Registry::built_in().unwrap();
    let rules = Rules {
        registry: &registry,
        now,
        sources: &[Source::System],
        pii: events::PiiMode::Reject,
        base_currency: None,
        may_write_system: true,
        via: Via::Internal,
        backfill: false,
    };
    for item in items {
        let checked = events::check(&item.to_string(), 0, &rules);
        let event = checked.unwrap_or_else(|refused| panic!("{item}: {:?}", refused.errors));
        assert!(!event.quality.unknown_properties, "{item}");
    }
}

#[tokio::test]
async fn a_change_of_consent_is_told_once_with_its_cause_and_forgotten_with_the_person() {
    let gate = Gate::new().await;
    let officer = gate.served.session(&gate.world.compliance).await;
    let consent = async |status: &str| {
        let body = json!({"customer_id": "c_1", "channel": "ads", "status": status, "method": "single"});
        gate.served.post("/api/privacy/consent", &officer, body).await.status.as_u16()
    };
    assert_eq!(consent("granted").await, 201);
    assert_eq!(consent("granted").await, 200, "it held already");
    gate.world.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(consent("denied").await, 201);
    let at = before(gate.now(), 30).to_string();
    let left = json!({"id": Uuid::from_u128(7), "name": "user_unsubscribed", "occurred_at": at, "source": "backend",
        "actor": {"type": "user", "id": "c_1"}, "properties": {"unsubscribe_type": "email_only"}});
    assert_eq!(statuses(&gate.send(std::slice::from_ref(&left)).await), ["accepted"]);
    assert_eq!(statuses(&gate.send(&[left]).await), ["duplicate"]);
    let told = told(&gate).await;
    as_the_registry_has_it(&told, gate.now());
    let mut words: Vec<(&str, &str)> = told
        .iter()
        .filter(|item| item["name"] == "consent_changed")
        .map(|item| {
            let props = &item["properties"];
            (props["channel"].as_str().unwrap(), props["status"].as_str().unwrap())
        })
        .collect();
    words.sort_unstable();
    assert_eq!(words, [("ads", "denied"), ("ads", "granted"), ("email", "denied")], "{told:?}");
    let asked = json!({"subject_ids": ["c_1"], "reason": "Ticket 4711"});
    assert_eq!(gate.served.post("/api/privacy/erase", &officer, asked).await.status, 202);
    adjutant::jobs::privacy::run(gate.world.round()).await.unwrap();
    let left = "select count(*) from events e where e::text like '%c\\_1%'";
    assert_eq!(gate.count(gate.world.org, left).await, 0);
    let kept = "select count(*) from events where name = 'consent_changed'";
    assert_eq!(gate.count(gate.world.org, kept).await, 3);
}

#[tokio::test]
async fn nobody_else_may_say_it_whatever_the_key_was_granted() {
    let gate = Gate::new().await;
    let mut rules = ordinary();
    rules.sources = vec!["system".to_owned(), "web".to_owned(), "stripe".to_owned()];
    let key = gate.key_with(rules).await;
    let at = before(gate.now(), 30).to_string();
    for (n, name) in own::NAMES.iter().enumerate() {
        for source in ["system", "web", "stripe"] {
            let item = json!({"id": Uuid::from_u128(n as u128 + 1), "name": name, "occurred_at": at, "source": source,
                "properties": {}});
            let said = gate.send_as(&key, &[item]).await;
            assert_eq!(
                said.body["results"][0]["code"], "event.name_internal",
                "{name} {source}: {}",
                said.body
            );
        }
    }
    let mut click = gate.click(99, 30);
    click["source"] = json!("system");
    let said = gate.send_as(&key, &[click]).await;
    assert_eq!(said.body["results"][0]["code"], "event.source_forbidden", "{}", said.body);
}

#[tokio::test]
async fn every_name_is_internal_and_nothing_is_counted_from_it() {
    let registry = Registry::built_in().unwrap();
    for name in own::NAMES {
        assert!(registry.find(name).is_some_and(|known| known.internal), "{name}");
        assert!(!NAMES.contains(name), "{name} is counted");
    }
    let gate = Gate::new().await;
    let officer = gate.served.session(&gate.world.compliance).await;
    let today = gate.now().to_zoned(jiff::tz::TimeZone::get("Europe/Zurich").unwrap()).date();
    let window = Window::new(today, today).unwrap();
    let count = async || {
        let built = rollup::range(&gate.world.db, &*gate.world.clock, gate.world.org, window, &|_| {}).await;
        built.unwrap().iter().map(|day| day.rows).sum::<u64>()
    };
    gate.send(&[gate.click(1, 30)]).await;
    assert!(count().await > 0);
    let measured = "select coalesce(sum(received), 0)::bigint from data_quality_log";
    let received = gate.count(gate.world.org, measured).await;
    let body = json!({"customer_id": "c_1", "channel": "ads", "status": "denied", "method": "single"});
    assert_eq!(gate.served.post("/api/privacy/consent", &officer, body).await.status, 201);
    assert_eq!(count().await, 0, "an event of our own moves no figure");
    assert_eq!(gate.count(gate.world.org, measured).await, received);
}
