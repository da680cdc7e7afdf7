//! Connections over HTTP: who may, what is asked of the platform first, runs that survive, secrets that never come out.
use super::fake::{Fake, SECRET, Trouble};
use super::plausible::SITES;
use super::rig::{Case as _, keyring};
use crate::served::{Reply, Served, reply};
use crate::world::World;
use adjutant::daily::connection::Outside;
use adjutant::daily::sync::asked::Opens;
use adjutant::daily::sync::{By, Change, Engine, SourceFault};
use adjutant::db::syncs;
use adjutant::ids::SourceId;
use adjutant::jobs;
use adjutant::jobs::lanes::Lanes;
use adjutant::platforms::client::Limits;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What every server of the tests opens connections with: this machine counts as the open net.
pub fn opens(world: &World) -> Opens {
    let engine = engine(world, true);
    Arc::new(move || Ok(engine.clone()))
}

fn engine(world: &World, allow_insecure: bool) -> Engine {
    let outside = Outside {
        clock: world.clock.clone(),
        chance: Arc::new(|| 0.5),
        limits: Limits { attempts: 1, ..Limits::default() },
        base_urls: BTreeMap::new(),
        allow_insecure,
    };
    Engine { db: world.db.clone(), keys: keyring(), outside }
}

struct Desk {
    world: World,
    served: Served,
    fake: Fake,
    token: String,
}

impl Desk {
    async fn new() -> Self {
        let world = World::new().await;
        let served = Served::new(&world).await;
        let fake = Fake::start(SITES.platform()).await;
        let token = served.session(&world.admin).await;
        Self { world, served, fake, token }
    }

    fn wanted(&self, name: &str, key: &str) -> Value {
        let config = json!({"site_id": "fernhill.example", "base_url": self.fake.url});
        json!({"connector": "plausible", "name": name, "config": config, "secrets": {"api_key": key}})
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        let request = self.served.request(method, path, &self.token).json(&body);
        let reply = reply(request.send().await.unwrap()).await;
        assert!(!reply.body.to_string().contains(SECRET), "{}", reply.body);
        reply
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, body).await
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.call(Method::GET, path, Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// A connection that works; its path.
    async fn connected(&self) -> String {
        let reply = self.post("/api/sources", self.wanted("Website", SECRET)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        format!("/api/sources/{}", reply.body["id"].as_str().unwrap())
    }

    /// Has runs begun and waits for their end.
    async fn sync(&self, path: &str, body: Value) -> Reply {
        let reply = self.post(&format!("{path}/sync"), body).await;
        self.served.sources.settle().await;
        reply
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap()
    }
}

fn refused(reply: &Reply, status: u16, code: &str, words: &str) {
    let detail = reply.body["detail"].as_str().unwrap_or_default();
    assert!(
        reply.status == status && reply.body["code"] == code && detail.contains(words),
        "{status} {code} '{words}' is not {}",
        reply.body
    );
}

#[tokio::test]
async fn nothing_is_stored_of_a_connection_that_does_not_work() {
    let desk = Desk::new().await;
    let wrong = desk.post("/api/sources", desk.wanted("Website", "a-wrong-key")).await;
    refused(&wrong, 422, "source.auth.invalid", "the key was refused");
    let mut body = desk.wanted("Website", SECRET);
    body["config"].as_object_mut().unwrap().remove("site_id");
    let missing = desk.post("/api/sources", body).await;
    refused(&missing, 422, "source.auth.missing_config", "Plausible also needs site_id");
    assert_eq!(missing.body["context"]["missing"], json!(["site_id"]));
    let mut body = desk.wanted("Website", SECRET);
    body["config"]["api_key"] = json!("shown");
    refused(&desk.post("/api/sources", body).await, 422, "source.field", "'api_key' is a secret");
    let mut body = desk.wanted("Website", SECRET);
    body["config"]["mood"] = json!("sunny");
    refused(&desk.post("/api/sources", body).await, 422, "source.field", "it knows site_id, api_key");
    let mut body = desk.wanted("Website", SECRET);
    body["connector"] = json!("fernhill_ads");
    refused(&desk.post("/api/sources", body).await, 422, "source.platform", "there are google_ads");
    refused(&desk.post("/api/sources", desk.wanted("  ", SECRET)).await, 422, "source.name", "1 to 100");
    desk.fake.trouble(0, Trouble::Status(503));
    let away = desk.post("/api/sources", desk.wanted("Website", SECRET)).await;
    refused(&away, 502, "source.platform.unavailable", "the platform is in trouble");
    assert_eq!(desk.count("select count(*) from sources").await, 0);
    assert_eq!(desk.count("select count(*) from audit_log").await, 0);
    for actor in [&desk.world.marketer, &desk.world.approver, &desk.world.viewer, &desk.world.compliance] {
        let token = desk.served.session(actor).await;
        let reply = desk.served.post("/api/sources", &token, desk.wanted("Website", SECRET)).await;
        refused(&reply, 403, "permission.missing", "Only an admin may manage data sources");
        assert_eq!(desk.served.get("/api/sources", &token).await.status, 403);
    }
}

#[tokio::test]
async fn a_connection_is_made_once_and_shown_without_its_secrets() {
    let desk = Desk::new().await;
    let before = desk.get("/api/sources").await;
    let plausible = |list: &Value| {
        let all = list["platforms"].as_array().unwrap().clone();
        all.into_iter().find(|platform| platform["connector"] == "plausible").unwrap()
    };
    assert_eq!(plausible(&before)["state"], "unconfigured");
    assert_eq!(plausible(&before)["missing"], json!(["site_id", "api_key"]));
    let make = || async {
        let request = desk.served.request(Method::POST, "/api/sources", &desk.token);
        let request = request.header("idempotency-key", "first").json(&desk.wanted("Website", SECRET));
        reply(request.send().await.unwrap()).await
    };
    let (first, second) = (make().await, make().await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{}", second.body);
    assert_eq!(first.body["id"], second.body["id"]);
    assert_eq!(first.body["account"], "fernhill.example");
    let again = desk.post("/api/sources", desk.wanted("website", SECRET)).await;
    refused(&again, 409, "source.name_taken", "already");
    let list = desk.get("/api/sources").await;
    assert_eq!(list["sources"].as_array().unwrap().len(), 1);
    let shown = &list["sources"][0];
    assert_eq!(shown["secrets"], json!([{"name": "api_key", "required": true, "set": true}]));
    assert_eq!(shown["config"]["site_id"], "fernhill.example");
    assert_eq!(
        (shown["state"].as_str(), shown["account_time_zone"].as_str()),
        (Some("connected"), Some("Europe/Zurich"))
    );
    let names: Vec<_> = shown["streams"].as_array().unwrap().iter().map(|s| s["stream"].clone()).collect();
    assert_eq!(names, ["site", "pages", "goals"]);
    assert_eq!(plausible(&list)["state"], "connected");
    // Neither the record nor what remembers the reply holds the key.
    let held = "select count(*) from (select audit_log::text as t from audit_log \
                union all select idempotency_keys::text from idempotency_keys \
                union all select sources::text from sources) x where t like '%canary%'";
    assert_eq!(desk.count(held).await, 0);
    assert_eq!(
        desk.count("select count(*) from audit_log where action = 'source.added' and actor_type = 'member'")
            .await,
        1
    );
}

#[tokio::test]
async fn what_is_asked_for_is_read_and_told() {
    let desk = Desk::new().await;
    let path = desk.connected().await;
    let checked = desk.post(&format!("{path}/check"), json!({})).await;
    assert_eq!((checked.status.as_u16(), &checked.body["account"]), (200, &json!("fernhill.example")));
    desk.fake.set(|knobs| knobs.unknown_field = true);
    let asked = desk.sync(&path, json!({})).await;
    assert_eq!(
        (asked.status.as_u16(), asked.body["runs"].as_array().unwrap().len()),
        (202, 3),
        "{}",
        asked.body
    );
    assert_eq!(asked.body["run_id"], asked.body["runs"][0]["run_id"]);
    let page = desk.get(&format!("{path}/runs?limit=2")).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = desk.get(&format!("{path}/runs?limit=2&after={}", page["next"].as_str().unwrap())).await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let site = desk.get(&format!("{path}/runs?stream=site")).await["items"][0].clone();
    assert_eq!((site["state"].as_str(), site["trigger"].as_str()), (Some("succeeded"), Some("manual")));
    assert_eq!((site["rows_read"].as_i64(), site["rows_written"].as_i64()), (Some(270), Some(270)));
    assert!(site["finished_at"].is_string(), "{site}");
    let schema = desk.get(&format!("{path}/schema")).await;
    assert_eq!(
        (&schema["items"][0]["field"], &schema["items"][0]["code"]),
        (&json!("results.mood"), &json!("schema.new_field"))
    );
    assert!(
        desk.get(&path).await["schema"]
            .as_array()
            .unwrap()
            .iter()
            .any(|seen| seen["field"] == "results.mood")
    );

    // Again changes nothing; days are read again when asked for.
    desk.sync(&path, json!({"stream": "site"})).await;
    let days = json!({"stream": "site", "from": "2025-09-01", "to": "2025-09-03"});
    assert_eq!(desk.sync(&path, days).await.status, 202);
    let runs = desk.get(&format!("{path}/runs?stream=site")).await;
    let of = |at: usize, name: &str| runs["items"][at][name].clone();
    assert_eq!((of(1, "rows_written"), of(1, "rows_unchanged")), (json!(0), json!(9)));
    assert_eq!(
        (of(0, "mode"), of(0, "window_from"), of(0, "rows_read")),
        (json!("backfill"), json!("2025-09-01"), json!(9))
    );
    for (body, code, words) in [
        (json!({"stream": "moods"}), "source.stream", "it has site, pages, goals"),
        (json!({"to": "2025-09-03"}), "source.days", "needs a `from`"),
        (json!({"from": "2025-09-04", "to": "2025-09-03"}), "source.days", "lies after"),
        (json!({"from": "2019-01-01"}), "source.days", "37 months"),
        (json!({"from": "2025-09-01", "to": "2025-12-01"}), "source.days", "2025-09-17"),
    ] {
        refused(&desk.sync(&path, body).await, 422, code, words);
    }
    assert_eq!(desk.count("select count(*) from sync_runs").await, 5);
    let reset = desk.post(&format!("{path}/reset"), json!({"stream": "site"})).await;
    assert_eq!((reset.status.as_u16(), &reset.body["streams"][0]["complete_through"]), (200, &Value::Null));
}

#[tokio::test]
async fn a_change_is_tried_before_it_is_kept() {
    let desk = Desk::new().await;
    let path = desk.connected().await;
    desk.sync(&path, json!({"stream": "site"})).await;
    let patch = async |body: Value| desk.call(Method::PATCH, &path, body).await;
    let wrong = patch(json!({"secrets": {"api_key": "another"}})).await;
    refused(&wrong, 422, "source.auth.invalid", "the key was refused");
    refused(
        &patch(json!({"secrets": {"api_key": null}})).await,
        422,
        "source.auth.missing_config",
        "api_key",
    );
    refused(
        &patch(json!({"secrets": {"site_id": "x"}})).await,
        422,
        "source.field",
        "no secret of Plausible",
    );
    refused(
        &patch(json!({"time_zone": "Alps/Top"})).await,
        422,
        "source.auth.missing_config",
        "no time zone",
    );
    assert_eq!(desk.post(&format!("{path}/check"), json!({})).await.status, 200, "the key that works stays");
    let renamed = patch(json!({"name": "Shop window"})).await;
    assert_eq!(
        (&renamed.body["name"], &renamed.body["streams"][0]["complete_through"]),
        (&json!("Shop window"), &json!("2025-09-16"))
    );
    let goals = patch(json!({"config": {"goals": "Newsletter=newsletter_signup"}})).await;
    assert_eq!(goals.body["streams"][0]["complete_through"], Value::Null, "read anew: {}", goals.body);

    let off = patch(json!({"enabled": false})).await;
    assert_eq!(off.body["state"], "disabled");
    refused(&desk.sync(&path, json!({})).await, 409, "source.disabled", "switched off");
    let engine = engine(&desk.world, true);
    assert!(engine.due(desk.world.org).await.unwrap().is_empty());
    assert_eq!(patch(json!({"enabled": true})).await.body["state"], "connected");
    assert_eq!(engine.due(desk.world.org).await.unwrap().len(), 3);

    desk.fake.set(|knobs| knobs.secret = "the-next-secret".to_owned());
    let next = patch(json!({"secrets": {"api_key": "the-next-secret"}})).await;
    assert_eq!(next.status, 200, "{}", next.body);
    assert_eq!(desk.post(&format!("{path}/check"), json!({})).await.status, 200);

    let gone = desk.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status, 204);
    assert_eq!(desk.call(Method::GET, &path, Value::Null).await.status, 404);
    assert_eq!(desk.count("select count(*) from daily_metrics where source = 'plausible'").await, 270);
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    let acts: Vec<String> =
        sqlx::query_scalar("select action from audit_log order by seq").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(
        acts,
        [
            "source.added",
            "source.sync_asked",
            "source.changed",
            "source.changed",
            "source.disabled",
            "source.enabled",
            "source.secrets_set",
            "source.removed"
        ]
    );
}

#[tokio::test]
async fn a_stored_secret_goes_nowhere_else() {
    let desk = Desk::new().await;
    let path = desk.connected().await;
    let elsewhere = Fake::start(SITES.platform()).await;
    let patch = async |body: Value| desk.call(Method::PATCH, &path, body).await;
    for url in [json!(elsewhere.url), Value::Null] {
        let reply = patch(json!({"config": {"base_url": url}, "name": "Moved"})).await;
        refused(&reply, 422, "source.field", "Enter api_key anew");
        assert_eq!(reply.body["context"]["missing"], json!(["api_key"]));
    }
    assert_eq!(elsewhere.asked().len(), 0, "nothing was sent there");
    assert_eq!(desk.get(&path).await["config"]["base_url"], json!(desk.fake.url));
    let tries = "select count(*) from audit_log where action = 'source.move_tried' and actor_type = 'member'";
    assert_eq!(desk.count(tries).await, 2);
    // The same address again is none.
    assert_eq!(patch(json!({"config": {"base_url": desk.fake.url}})).await.status, 200);
    assert_eq!(desk.count(tries).await, 2);
    // A command does it through the same door.
    let id: SourceId = path.rsplit('/').next().unwrap().parse().unwrap();
    let change =
        Change { config: [("base_url".to_owned(), Some(elsewhere.url.clone()))].into(), ..Change::default() };
    let fault =
        engine(&desk.world, true).change(desk.world.org, id, &change, By::Operator).await.unwrap_err();
    assert!(matches!(fault, SourceFault::Moved { .. }), "{fault}");
    // A guess is on the record before it is tried, and who knows the secret may.
    let guess = json!({"config": {"base_url": elsewhere.url}, "secrets": {"api_key": "a-guess"}});
    refused(&patch(guess).await, 422, "source.auth.invalid", "the key was refused");
    assert_eq!(desk.count(tries).await, 3);
    let known = json!({"config": {"base_url": elsewhere.url}, "secrets": {"api_key": SECRET}});
    assert_eq!(patch(known).await.body["config"]["base_url"], json!(elsewhere.url));
    assert_eq!(desk.count(tries).await, 4);
}

#[tokio::test]
async fn a_connection_is_not_forgotten_where_its_facts_were_to_go_too() {
    let desk = Desk::new().await;
    let path = desk.connected().await;
    let delete = async |query: &str| desk.call(Method::DELETE, &format!("{path}{query}"), Value::Null).await;
    refused(&delete("?purge=true").await, 422, "source.purge", "adjutant privacy erase");
    refused(&delete("?purge=false&purge=1").await, 422, "source.purge", "the figures stay");
    refused(&delete("?facts=all").await, 422, "request.query", "'facts' is no parameter");
    assert_eq!(desk.get(&path).await["state"], "connected");
    assert_eq!(delete("?purge=false").await.status, 204);
}

#[tokio::test]
async fn who_asks_twice_of_a_platform_that_hangs_leaves_places_to_others() {
    let desk = Desk::new().await;
    let path = desk.connected().await;
    desk.fake.anew();
    desk.fake.trouble(0, Trouble::Hang);
    for stream in ["site", "pages", "goals"] {
        assert_eq!(desk.post(&format!("{path}/sync"), json!({"stream": stream})).await.status, 202);
    }
    desk.fake.heard(1).await;
    let other = desk.world.other_org().await;
    let (token, fake) = (desk.served.session(&other.admin).await, Fake::start(SITES.platform()).await);
    let config = json!({"site_id": "fernhill.example", "base_url": fake.url});
    let body = json!({"connector": "plausible", "config": config, "secrets": {"api_key": SECRET}});
    let added = desk.served.post("/api/sources", &token, body).await;
    assert_eq!(added.status, 201, "{}", added.body);
    fake.anew();
    let sync = format!("/api/sources/{}/sync", added.body["id"].as_str().unwrap());
    assert_eq!(desk.served.post(&sync, &token, json!({})).await.status, 202);
    let heard = tokio::time::timeout(Duration::from_secs(10), fake.heard(1)).await;
    assert!(heard.is_ok(), "its runs wait behind those of somebody else");
}

#[tokio::test]
async fn one_run_reads_a_stream_and_what_waits_survives_a_restart() {
    let desk = Desk::new().await;
    let path = desk.connected().await;
    let id: SourceId = path.rsplit('/').next().unwrap().parse().unwrap();
    let org = desk.world.org;
    let held = syncs::lock(&desk.world.db, org, id, "site").await.unwrap().unwrap();
    let busy = desk.sync(&path, json!({"stream": "site"})).await;
    refused(&busy, 409, "source.sync.already_running", "is being read");
    let others = desk.sync(&path, json!({})).await;
    assert_eq!(others.body["runs"].as_array().unwrap().len(), 2, "{}", others.body);
    held.release().await;

    // Put in the queue by a server that ends before it begins: the job of the next one finds it.
    let engine = engine(&desk.world, true);
    engine.ask(org, id, Some("site"), (None, None), By::Operator).await.unwrap();
    let waits = desk.get(&format!("{path}/runs?stream=site")).await;
    assert_eq!(
        (&waits["items"][0]["state"], &waits["items"][0]["finished_at"]),
        (&json!("queued"), &Value::Null)
    );
    refused(&desk.sync(&path, json!({"stream": "goals", "from": "x"})).await, 422, "request.invalid", "");
    let twice = desk.post(&format!("{path}/sync"), json!({"stream": "site"})).await;
    refused(&twice, 409, "source.sync.already_running", "waits to be");
    let lanes = Lanes::new(1, 1);
    jobs::sources::begin(&engine, &lanes, &CancellationToken::new()).await.unwrap();
    lanes.quiet(|_, ()| true).await;
    let done = desk.get(&format!("{path}/runs?stream=site")).await;
    assert_eq!(
        (&done["items"][0]["state"], &done["items"][0]["rows_read"]),
        (&json!("succeeded"), &json!(270))
    );
    assert_eq!(done["items"].as_array().unwrap().len(), 1, "{done}");

    // One whose key is refused says so, and the connection asks for a person.
    desk.fake.set(|knobs| knobs.secret = "changed".to_owned());
    desk.sync(&path, json!({"stream": "site"})).await;
    let failed = desk.get(&format!("{path}/runs?stream=site")).await["items"][0].clone();
    assert_eq!(
        (&failed["state"], &failed["error_code"]),
        (&json!("failed"), &json!("auth.invalid")),
        "{failed}"
    );
    assert_eq!(desk.get(&path).await["state"], "attention");
}

#[tokio::test]
async fn another_organisation_sees_nothing_and_this_network_is_not_asked() {
    let desk = Desk::new().await;
    let path = desk.connected().await;
    let other = desk.world.other_org().await;
    let token = desk.served.session(&other.admin).await;
    let list = desk.served.get("/api/sources", &token).await;
    assert_eq!(list.body["sources"], json!([]));
    for (method, tail, body) in [
        (Method::GET, "", Value::Null),
        (Method::PATCH, "", json!({"enabled": false})),
        (Method::DELETE, "", Value::Null),
        (Method::POST, "/check", json!({})),
        (Method::POST, "/sync", json!({})),
        (Method::GET, "/runs", Value::Null),
        (Method::GET, "/schema", Value::Null),
        (Method::POST, "/reset", json!({"stream": "site"})),
    ] {
        let request = desk.served.request(method.clone(), &format!("{path}{tail}"), &token).json(&body);
        let reply = reply(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 404, "{method} {tail}: {}", reply.body);
    }
    assert_eq!(desk.get(&path).await["state"], "connected");

    // A server without the operator's leave.
    let engine = engine(&desk.world, false);
    let strict = Served::with_sources(&desk.world, Arc::new(move || Ok(engine.clone()))).await;
    let token = strict.session(&desk.world.admin).await;
    let asked = desk.fake.asked().len();
    for url in [
        desk.fake.url.clone(),
        "https://127.0.0.1/".into(),
        "https://[::ffff:10.0.0.1]/".into(),
        "https://169.254.169.254/".into(),
        "https://metrics.internal/".into(),
    ] {
        let mut body = desk.wanted("Inside", SECRET);
        body["config"]["base_url"] = json!(url);
        let reply = strict.post("/api/sources", &token, body).await;
        refused(&reply, 422, "source.auth.missing_config", "leads into this network");
        let moved = json!({"config": {"base_url": url}, "secrets": {"api_key": SECRET}});
        let request = strict.request(Method::PATCH, &path, &token).json(&moved);
        refused(
            &crate::served::reply(request.send().await.unwrap()).await,
            422,
            "source.auth.missing_config",
            "this network",
        );
    }
    assert_eq!(desk.fake.asked().len(), asked, "nobody was asked");
}
