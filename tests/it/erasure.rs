//! Forgetting a person through the front door: every table, and nothing of them comes back, by an event, a sync, an import or a
//! restored copy (`events.md` §11).
use crate::crash::program;
use crate::served::{Reply, Served};
use crate::world::World;
use adjutant::access::Permission;
use adjutant::clock::{Clock as _, SharedClock};
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::db::events::known::{self, KeyRules};
use adjutant::db::facts;
use adjutant::db::privacy::rules::{BYTES, COPIES, FILES, Fate, KEPT, RULES, TELLING, WORDS_OF};
use adjutant::db::settings::{self, Setting};
use adjutant::ids::ApiKeyId;
use adjutant::jobs::privacy;
use adjutant::jobs::schedule::{JOBS, Scheduler};
use jiff::ToSpan as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;
use uuid::Uuid;

const MAIL: &str = "jane.roe@fernhill.example";

struct Office {
    world: World,
    served: Served,
    officer: String,
    key: String,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let served = Served::new(&world).await;
        let officer = served.session(&world.compliance).await;
        let key = key(&world).await;
        Self { world, served, officer, key }
    }

    async fn ask(&self, subjects: &[&str]) -> Reply {
        let body = json!({"subject_ids": subjects, "reason": "Ticket 4711"});
        self.served.post("/api/privacy/erase", &self.officer, body).await
    }

    async fn run(&self) -> u64 {
        privacy::run(self.world.round()).await.unwrap()
    }

    async fn erase(&self, subjects: &[&str]) -> Value {
        let asked = self.ask(subjects).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        self.run().await;
        let id = asked.body["id"].as_str().unwrap();
        let read = self.served.get(&format!("/api/privacy/erase/{id}"), &self.officer).await;
        assert_eq!(read.body["state"], "done", "{}", read.body);
        read.body
    }

    async fn send(&self, id: u128, actor: &str) -> String {
        let at = self.world.clock.now() - 60.seconds();
        let event = json!({"id": Uuid::from_u128(id), "name": "user_engaged", "occurred_at": at.to_string(),
            "source": "backend", "actor": {"type": "user", "id": actor}, "session": {"id": format!("s_{actor}")},
            "properties": {"engagement_type": "search", "search_query": "blue boots"},
            "context": {"country": "CH", "user_segment": "NEW_SHOPPER", "utm": {"source": "news"}}});
        let reply = self.served.post("/api/events", &self.key, json!({"events": [event]})).await;
        reply.body["results"][0]["status"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned()
    }

    async fn count(&self, sql: &str) -> i64 {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut *tx).await.unwrap()
    }

    async fn export(&self, subject: &str) -> Vec<Value> {
        let path =
            format!("/api/privacy/export?subject_id={}", subject.replace('@', "%40").replace(':', "%3A"));
        let answer = self.served.request(reqwest::Method::GET, &path, &self.officer).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn exported(&self, subject: &str) -> BTreeMap<String, usize> {
        let mut tables = BTreeMap::new();
        for line in self.export(subject).await {
            *tables.entry(line["table"].as_str().unwrap_or("end").to_owned()).or_default() += 1;
        }
        tables
    }

    /// Jane, as a customer of the shop who is known by two devices, with everything that is computed about her; and Rob, who
    /// stays.
    async fn people(&self) {
        for (n, (customer, device, mail)) in
            [("shopify:811", "device_jane", MAIL), ("shopify:812", "device_rob", "rob@fernhill.example")]
                .iter()
                .enumerate()
        {
            let mut superuser = self.world.superuser().await;
            let hash: String = Sha256::digest(mail).iter().map(|byte| format!("{byte:02x}")).collect();
            let (org, turn) = (self.world.org, Uuid::from_u128(900 + n as u128));
            let asker = self.world.marketer.member;
            let statements = format!(
                "select set_config('app.org_id', '{org}', false);
                 insert into customers (org_id, id, email_hash, city, currency, source, first_seen_at, updated_at)
                   values ('{org}', '{customer}', '\\x{hash}', 'Bern', 'EUR', 'shopify', '2025-09-01Z', '2025-09-01Z');
                 insert into actor_links values ('{org}', '{device}', '{customer}');
                 insert into orders (org_id, id, ordered_at, status, currency, total, gross, customer_id, landing_site, source,
                     first_seen_at, updated_at)
                   values ('{org}', 'shopify:o{n}', '2025-09-02Z', 'paid', 'EUR', 40, 40, '{customer}', '/a?mail={mail}', 'shopify',
                     '2025-09-02Z', '2025-09-02Z');
                 insert into refunds (org_id, id, order_id, refunded_at, amount, currency, reason, source, first_seen_at, updated_at)
                   values ('{org}', 'shopify:r{n}', 'shopify:o{n}', '2025-09-03Z', 5, 'EUR', 'hole in the boot', 'shopify',
                     '2025-09-03Z', '2025-09-03Z');
                 insert into leads (org_id, id, created_on, created_at, currency, customer_id, first_touch, source, first_seen_at, updated_at)
                   values ('{org}', 'csv:lead{n}', '2025-09-01', '2025-09-01Z', 'EUR', '{customer}',
                     '{{\"channel\": \"email\", \"landing_path\": \"/you\"}}', 'csv', '2025-09-01Z', '2025-09-01Z');
                 insert into subscriptions (org_id, id, customer_id, plan_id, status, currency, started_at, cancel_reason, source,
                     first_seen_at, updated_at)
                   values ('{org}', 'stripe:s{n}', '{customer}', 'p', 'active', 'EUR', '2025-09-01Z', 'too dear', 'stripe',
                     '2025-09-01Z', '2025-09-01Z');
                 insert into touches (org_id, occurred_at, id, actor_id, customer_id, kind, channel, source)
                   values ('{org}', '2025-09-02Z', '{turn}', '{device}', '{customer}', 'visit', 'email', 'web');
                 insert into user_metrics (org_id, actor_id, customer_id, rfm_name, stage, as_of)
                   values ('{org}', '{device}', '{customer}', 'loyal', 'active', '2025-09-17');
                 insert into consents (org_id, customer_id, channel, recorded_at, status, method)
                   values ('{org}', '{customer}', 'email', '2025-09-01Z', 'granted', 'double');
                 insert into segments (org_id, id, name, kind, pushed_to, created_at)
                   values ('{org}', '{turn}', 'Loyal {n}', 'list', array['{turn}'::uuid], '2025-09-01Z');
                 insert into segment_members values ('{org}', '{turn}', '{device}', '2025-09-01');
                 insert into experiments (org_id, id, name, kind, entity_kind, entity_id, status, primary_metric, created_at)
                   values ('{org}', '{turn}', 'x', 'holdout', 'campaign', 'c', 'finished', 'revenue', '2025-09-01Z');
                 insert into experiment_arms values ('{org}', '{turn}', 'a', true, 1);
                 insert into experiment_assignments values ('{org}', '{turn}', '{device}', 'a', '2025-09-01Z');
                 insert into rejected_samples values ('{org}', '{turn}', '2025-09-16Z', 'web', 'event.x', '{{\"actor\": \"{device}\"}}');
                 insert into conversations (org_id, id, surface, owner_id, title, created_at)
                   values ('{org}', '{turn}', 'http', '{asker}', 'Who is {device}?', '2025-09-16Z');
                 insert into turns (org_id, id, conversation_id, asker_id, surface, question, answer, state, created_at)
                   values ('{org}', '{turn}', '{turn}', '{asker}', 'http', 'What did {mail} buy?',
                     'Customer 81{m} ({customer}) bought boots with {device}.', 'completed', '2025-09-16Z');
                 insert into turn_events values
                   ('{org}', '{turn}', 1, '2025-09-16Z', 'text.delta', '{{\"text\": \"Customer 81{m} ({customer}) bought boots with devi\"}}'),
                   ('{org}', '{turn}', 2, '2025-09-16Z', 'text.delta', '{{\"text\": \"{rest}.\"}}');
                 insert into query_results (org_id, run_id, rows, expires_at)
                   values ('{org}', '{turn}', '[[\"{device}\", 12]]', '2025-10-16Z');
                 insert into memories (org_id, id, kind, text, state, created_at, updated_at)
                   values ('{org}', '{turn}', 'fact', '{mail} is a journalist', 'kept', '2025-09-16Z', '2025-09-16Z');",
                m = n + 1,
                rest = &device[4..],
            );
            superuser.execute(AssertSqlSafe(statements)).await.unwrap();
        }
        assert_eq!(self.send(1, "device_jane").await, "accepted");
        assert_eq!(self.send(2, "device_rob").await, "accepted");
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
    credentials::create_api_key(&mut tx, world.org, id, &text, &new, world.clock.now()).await.unwrap();
    assert!(known::set_key_rules(&mut tx, world.org, id, &rules).await.unwrap());
    tx.commit().await.unwrap();
    text.expose_secret().to_owned()
}

/// Every table, as text, in which one of these words stands; the record of decisions and the marks are read too.
async fn tables_that_hold(db: &mut PgConnection, words: &[&str]) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
          where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        for word in words {
            let statement = format!("select count(*) from {table} t where t::text ilike '%{word}%'");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut *db).await.unwrap();
            if rows > 0 {
                found.push(format!("{table}: {word}"));
            }
        }
    }
    found
}

/// What Jane is called by anywhere; the last one is her hash.
fn names() -> Vec<String> {
    let hash: String = Sha256::digest(MAIL).iter().map(|byte| format!("{byte:02x}")).collect();
    ["shopify:811", "device_jane", "ice_jane", MAIL].into_iter().map(str::to_owned).chain([hash]).collect()
}

async fn traces(office: &Office) -> Vec<String> {
    let names = names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    tables_that_hold(&mut office.world.superuser().await, &names).await
}

#[tokio::test]
async fn an_address_is_enough_to_take_a_person_out_of_every_table() {
    let office = Office::new().await;
    office.people().await;
    let before = office.exported(MAIL).await;
    for table in
        ["customers", "events", "orders", "refunds", "leads", "subscriptions", "touches", "turns", "consents"]
    {
        assert!(before.get(table).is_some_and(|rows| *rows > 0), "{table}: {before:?}");
    }
    let sums = "select (sum(total) * 1000)::bigint + count(*) from orders";
    let total = office.count(sums).await;
    let report = office.erase(&[MAIL]).await;
    assert_eq!(traces(&office).await, [""; 0]);
    for table in [
        "events",
        "touches",
        "user_metrics",
        "segment_members",
        "experiment_assignments",
        "consents",
        "refunds",
        "orders",
        "subscriptions",
        "leads",
        "customers",
        "actor_links",
        "turns",
        "turn_events",
        "conversations",
        "memories",
        "query_results",
        "rejected_samples",
    ] {
        assert!(report["report"]["rows"][table].as_i64().is_some_and(|rows| rows > 0), "{table}: {report}");
    }
    assert_eq!(report["report"]["audiences"], json!([Uuid::from_u128(900)]));
    // What is counted stays, and so does everybody else.
    assert_eq!(office.count(sums).await, total);
    assert_eq!(office.count("select count(*) from events where name = 'user_engaged'").await, 2);
    assert_eq!(
        office.count("select count(*) from events where context ->> 'country' = 'CH' and not context ? 'user_segment' and not props ? 'search_query'").await,
        1
    );
    assert_eq!(office.count("select count(*) from customers").await, 1);
    assert_eq!(
        office.count("select count(*) from leads where first_touch = '{\"channel\": \"email\"}'").await,
        1
    );
    let answer = "select count(*) from turn_events where payload ->> 'text' = 'Customer [erased] ([erased]) bought boots with [erased].'";
    let whole = "select count(*) from turns where answer like 'Customer 811 ([erased]) bought boots with [erased].' and question = 'What did [erased] buy?'";
    assert_eq!(office.count(whole).await, 1);
    assert_eq!(office.count(&answer.replace("Customer [erased]", "Customer 811")).await, 1);
    assert_eq!(office.count("select count(*) from turn_events").await, 3);
    assert_eq!(office.exported(MAIL).await, BTreeMap::from([("end".to_owned(), 1)]));
    assert!(office.exported("device_rob").await.len() > 8);
    // Once more: nothing is left to do.
    let again = office.erase(&[MAIL, "device_jane"]).await;
    assert_eq!(again["report"]["rows"], json!({}), "{again}");
}

#[tokio::test]
async fn nothing_of_an_erased_person_comes_back() {
    let office = Office::new().await;
    office.people().await;
    office.erase(&["device_jane"]).await;
    assert_eq!(office.send(1, "device_jane").await, "suppressed", "a retry");
    assert_eq!(office.send(3, "device_jane").await, "suppressed");
    assert_eq!(office.send(4, "shopify:811").await, "suppressed");
    assert_eq!(office.send(5, "device_rob").await, "accepted");
    // A sync that knows her under another id, by her address; her order, her lead, her subscription.
    let world = &office.world;
    let hash: String = Sha256::digest(MAIL).iter().map(|byte| format!("{byte:02x}")).collect();
    let customer = |id: &str, hash: &str| json!({"id": id, "email_hash": format!("\\x{hash}"), "currency": "EUR", "source": "stripe"});
    let order = |id: &str, customer: &str| {
        json!({"id": id, "customer_id": customer, "ordered_at": "2025-09-10T00:00:00Z",
        "currency": "EUR", "total": "10", "landing_site": "/?m=jane", "source": "stripe", "extra": {"name": "Jane"}})
    };
    let sync = async || {
        let mut tx = world.db.org(world.org).await.unwrap();
        let customers =
            [customer("stripe:c9", &hash), customer("shopify:811", "00"), customer("stripe:c10", "11")];
        facts::upsert(&mut tx, &*world.clock, world.org, &facts::CUSTOMERS, &customers).await.unwrap();
        let orders = [
            order("stripe:1", "stripe:c9"),
            order("stripe:2", "shopify:811"),
            order("stripe:3", "stripe:c10"),
        ];
        let written =
            facts::upsert(&mut tx, &*world.clock, world.org, &facts::ORDERS, &orders).await.unwrap();
        tx.commit().await.unwrap();
        written
    };
    assert_eq!(sync().await.added, 3);
    let again = sync().await;
    assert_eq!((again.added, again.changed), (0, 0), "a second sync changes nothing");
    assert_eq!(office.count("select count(*) from customers").await, 2);
    assert_eq!(
        office.count("select count(*) from orders where customer_id is null and landing_site is null").await,
        3
    );
    assert_eq!(office.count("select count(*) from orders where customer_id = 'stripe:c10'").await, 1);
    assert_eq!(traces(&office).await, [""; 0]);
    // A job that had read her just before writes what it computed: hours later that is found too.
    let mut tx = world.db.org(world.org).await.unwrap();
    tx.execute(AssertSqlSafe(format!(
        "insert into user_metrics (org_id, actor_id, rfm_name, stage, as_of) values ('{}', 'device_jane', 'loyal', 'active', '2025-09-17')",
        world.org
    )))
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(office.run().await, 0);
    world.clock.advance(Duration::from_secs(7 * 3600));
    assert_eq!(office.run().await, 1);
    assert_eq!(traces(&office).await, [""; 0]);
}

#[tokio::test]
async fn two_who_ask_at_once_make_one_request_and_two_replicas_carry_it_out_once() {
    let office = Office::new().await;
    office.people().await;
    let (one, two) = tokio::join!(office.ask(&["device_jane"]), office.ask(&["device_jane"]));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 202]);
    assert_eq!(one.body["id"], two.body["id"]);
    let other = office.ask(&[MAIL]).await;
    assert_eq!(other.status, 202);
    let clock: SharedClock = office.world.clock.clone();
    let (here, there) = (
        Scheduler::new(office.world.db.clone(), clock.clone()),
        Scheduler::new(office.world.db.clone(), clock),
    );
    let job = JOBS.iter().find(|job| job.name == "privacy").unwrap();
    // Events of hers come in all the while.
    let events = async {
        let mut last = String::new();
        for n in 100..140 {
            last = office.send(n, "device_jane").await;
        }
        last
    };
    let (a, b, last) = tokio::join!(here.round(job), there.round(job), events);
    assert_eq!(a.unwrap() + b.unwrap(), 1);
    assert_eq!(last, "suppressed");
    assert_eq!(traces(&office).await, [""; 0]);
    let entries = office.count("select count(*) from audit_log where action = 'privacy.erased'").await;
    assert_eq!(entries, 2);
}

#[tokio::test]
async fn a_legal_hold_keeps_requests_waiting() {
    let office = Office::new().await;
    office.people().await;
    let hold = async |on: bool| {
        let mut tx = office.world.db.org(office.world.org).await.unwrap();
        let now = office.world.clock.now();
        settings::set(&mut tx, office.world.org, Setting::LegalHold, &json!(on), None, now).await.unwrap();
        tx.commit().await.unwrap();
    };
    hold(true).await;
    let asked = office.ask(&["device_jane"]).await;
    assert_eq!(asked.body["legal_hold"], true);
    assert_eq!(office.run().await, 0);
    assert!(!traces(&office).await.is_empty());
    // It is due in 30 days, hold or not, and that is told once.
    office.world.clock.advance(Duration::from_secs(31 * 24 * 3600));
    office.run().await;
    office.run().await;
    let told = "select count(*) from outbox where channel_ref = 'notice:alert:privacy:overdue'";
    assert_eq!(office.count(told).await, 1);
    hold(false).await;
    assert!(office.run().await > 10);
    assert_eq!(traces(&office).await, [""; 0]);
}

#[tokio::test]
async fn erasing_and_exporting_are_for_those_who_manage_privacy_and_are_on_the_record_without_names() {
    let office = Office::new().await;
    office.people().await;
    let marketer = office.served.session(&office.world.marketer).await;
    let body = json!({"subject_ids": ["device_jane"], "reason": "Ticket 4711"});
    for refused in [
        office.served.post("/api/privacy/erase", &marketer, body).await,
        office.served.get("/api/privacy/erase", &marketer).await,
        office.served.get("/api/privacy/export?subject_id=device_jane", &marketer).await,
    ] {
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("permission.missing")));
    }
    for (body, code) in [
        (json!({"subject_ids": [], "reason": "x"}), "privacy.subject"),
        (json!({"subject_ids": [" "], "reason": "x"}), "privacy.subject"),
        (json!({"subject_ids": ["u_1"], "reason": " "}), "privacy.reason"),
        (json!({"subject_ids": ["u_1"], "reason": format!("{MAIL} asked")}), "privacy.reason"),
    ] {
        let refused = office.served.post("/api/privacy/erase", &office.officer, body).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (422, &json!(code)));
    }
    assert_eq!(office.export("device_jane").await.last().unwrap()["end"], true);
    let consent =
        json!({"customer_id": "device_jane", "channel": "ads", "status": "denied", "method": "single"});
    assert_eq!(office.served.post("/api/privacy/consent", &office.officer, consent).await.status, 201);
    office.erase(&["device_jane"]).await;
    let mut tx = office.world.db.org(office.world.org).await.unwrap();
    let entries: Vec<(String, String, Option<Value>)> = sqlx::query_as(
        "select action, object_id, after from audit_log where action like 'privacy.%' or action like 'consent.%' order by seq",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let actions: Vec<&str> = entries.iter().map(|(action, ..)| &**action).collect();
    assert_eq!(
        actions,
        ["privacy.exported", "consent.recorded", "privacy.erase_requested", "privacy.erased"]
    );
    let subject = &entries[0].1;
    assert!(subject.starts_with("person:") && subject == &entries[1].1);
    assert_eq!(entries[2].2.as_ref().unwrap()["subjects"], json!([subject]));
    assert_eq!(entries[3].2.as_ref().unwrap()["subjects"], json!([subject]));
    assert_eq!(traces(&office).await, [""; 0]);
    // Another organisation knows nothing of it.
    let other = office.world.other_org().await;
    let session = office.served.session(&other.compliance).await;
    let list = office.served.get("/api/privacy/erase", &session).await;
    assert_eq!(list.body["items"], json!([]));
}

#[tokio::test]
async fn a_copy_from_before_the_erasure_is_restored_without_the_person() {
    let office = Office::new().await;
    office.people().await;
    let world = &office.world;
    let folder =
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("erased-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let said = async |command: &mut tokio::process::Command| {
        let output = command.stdout(Stdio::piped()).output().await.unwrap();
        let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{words}");
        words
    };
    let file = folder.join("monday.dump");
    said(program(world).arg("backup").arg(&file)).await;
    let words = said(program(world).args(["privacy", "erase", MAIL, "--reason", "Ticket 4711"])).await;
    assert!(words.contains(" done "), "{words}");
    let words = said(program(world).args(["privacy", "list"])).await;
    assert!(words.contains(" done "), "{words}");
    assert_eq!(traces(&office).await, [""; 0]);
    let marks = folder.join("tombstones.jsonl");
    std::fs::write(&marks, said(program(world).args(["privacy", "tombstones"])).await).unwrap();
    let words = said(program(world).args(["privacy", "export", "device_rob"])).await;
    assert!(words.contains("\"customers\"") && words.contains("\"end\":true"), "{words}");

    let copy = format!("it_erased_{}", std::process::id());
    let mut superuser = world.superuser().await;
    superuser.execute(AssertSqlSafe(format!("create database {copy}"))).await.unwrap();
    let (before, rest) = world.url.rsplit_once("/it_").unwrap();
    let url = format!("{before}/{copy}?{}", rest.split_once('?').unwrap().1);
    let mut restore = program(world);
    restore.env("DATABASE_URL", &url).arg("restore").arg(&file).arg("--erased").arg(&marks);
    let words = said(&mut restore).await;
    assert!(words.contains("rows of erased people went"), "{words}");
    let mut restored = <PgConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let names = names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(tables_that_hold(&mut restored, &names).await, [""; 0]);
    let rob: i64 =
        sqlx::query_scalar("select count(*) from customers").fetch_one(&mut restored).await.unwrap();
    assert_eq!(rob, 1);
    drop(restored);
    superuser.execute(AssertSqlSafe(format!("drop database {copy} with (force)"))).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn every_column_that_may_hold_something_about_a_person_has_a_rule() {
    let world = World::new().await;
    let mut superuser = world.superuser().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1, 2",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    let mut ruled: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut whole: BTreeSet<&str> =
        FILES.iter().copied().chain(KEPT.iter().map(|(table, _)| *table)).collect();
    for rule in RULES {
        match rule.fate {
            Fate::Delete => {
                whole.insert(rule.table);
            }
            Fate::Clear(changes) => ruled.extend(changes.iter().map(|(column, _)| (rule.table, *column))),
        }
    }
    for words in WORDS_OF.iter().chain(COPIES) {
        ruled.extend(words.texts.iter().chain(words.objects).map(|column| (words.table, *column)));
    }
    ruled.extend(BYTES.iter().map(|(table, column, _)| (*table, *column)));
    // Kept by the record of decisions, under pseudonyms only.
    whole.insert("audit_log");
    // Actors are members, the program, or nobody.
    let without: Vec<String> = columns
        .iter()
        .filter(|(table, column)| {
            TELLING.contains(&&**column)
                && !whole.contains(&**table)
                && !ruled.contains(&(&**table, &**column))
        })
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    assert_eq!(
        without, [""; 0],
        "say in src/db/privacy/rules.rs what becomes of these when a person is erased"
    );
    // What is said of a table that is there holds of its columns.
    let there: BTreeSet<(&str, &str)> = columns.iter().map(|(table, column)| (&**table, &**column)).collect();
    let tables: BTreeSet<&str> = there.iter().map(|(table, _)| *table).collect();
    let gone: Vec<&(&str, &str)> = ruled
        .iter()
        .filter(|(table, column)| tables.contains(table) && !there.contains(&(*table, *column)))
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
    for rule in RULES.iter().filter(|rule| tables.contains(rule.table)) {
        assert!(rule.keys.iter().any(|key| there.contains(&(rule.table, key.column))), "{}", rule.table);
    }
}
