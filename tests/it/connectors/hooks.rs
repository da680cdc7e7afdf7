//! The way in for platforms: whose a delivery is, that it counts once, that nothing stored is lost.
use super::fake::{SECRET, Trouble};
use super::rig::{NOON, Rig, Skipping};
use super::stripe::{MOVEMENTS, SUBSCRIPTIONS, all, lines};
use crate::crash::program;
use adjutant::clock::Clock as _;
use adjutant::daily::sync::Engine;
use adjutant::db::hooks::{self, HookState, LEASE};
use adjutant::db::{retention, sources};
use adjutant::http::hooks::{Connections, Gateway, MAX_BODY};
use adjutant::ids::new_uuid;
use axum::Router;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const SIGNS: &str = "whsec_fernhill_test_secret";

/// A gateway on loopback over a rig, whose connection knows what signs its deliveries.
pub struct Desk {
    pub rig: Rig,
    pub url: String,
    client: Client,
}

pub fn mac(parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNS.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Desk {
    pub async fn over(rig: Rig, secrets: &[(&str, &str)]) -> Self {
        let mut tx = rig.world.db.org(rig.world.org).await.unwrap();
        let secrets =
            secrets.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect();
        sources::set_secrets(&mut tx, rig.world.org, rig.source, &secrets, &rig.engine.keys, rig.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let url = gateway(&rig.engine, rig.clock.clone()).await;
        let client = Client::builder().no_proxy().build().unwrap();
        Self { rig, url, client }
    }

    pub async fn new() -> Self {
        Self::over(Rig::new(&SUBSCRIPTIONS).await, &[("api_key", SECRET), ("webhook_secret", SIGNS)]).await
    }

    fn path(&self) -> String {
        format!("/hooks/stripe/{}", self.rig.source)
    }

    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (StatusCode, Value) {
        let mut request = self.client.post(format!("{}{path}", self.url)).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or_default())
    }

    /// Signed as Stripe does, now.
    pub async fn deliver(&self, body: &str) -> (StatusCode, Value) {
        let header = signed(self.rig.clock.now().as_second(), body);
        self.send(&self.path(), &[("stripe-signature", &header)], body.as_bytes()).await
    }

    /// Works until nothing is due; how many deliveries were ended.
    pub async fn work(&self) -> u64 {
        self.work_as(new_uuid(&*self.rig.clock)).await
    }

    async fn work_as(&self, owner: Uuid) -> u64 {
        let (org, stop) = (self.rig.world.org, CancellationToken::new());
        let mut ended = 0;
        loop {
            let done = self.rig.engine.work(org, self.rig.source, owner, &stop).await.unwrap();
            ended += done.ended as u64;
            if done.taken == 0 {
                return ended;
            }
        }
    }

    pub async fn states(&self) -> Vec<String> {
        lines(&self.rig, "select concat_ws('|', external_id, state, attempts) from webhook_events order by 1")
            .await
    }
}

pub async fn gateway(engine: &Engine, clock: Arc<Skipping>) -> String {
    let engine = engine.clone();
    let connections: Connections = Arc::new(move || Ok(Some(engine.clone())));
    let routes: Router = Gateway::new(connections, clock).routes();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    url
}

pub fn signed(at: i64, body: &str) -> String {
    format!("t={at},v1={}", hex(&mac(&[at.to_string().as_bytes(), b".", body.as_bytes()])))
}

fn event(id: &str, topic: &str, object: Value) -> String {
    json!({"id": id, "object": "event", "type": topic, "created": 1_758_099_500, "livemode": true,
        "data": {"object": object}})
    .to_string()
}

pub fn changed(id: &str, subscription: i64) -> String {
    let object = json!({"object": "subscription", "id": format!("sub_{subscription}")});
    event(id, "customer.subscription.updated", object)
}

#[tokio::test]
async fn a_delivery_and_polling_come_to_the_same_rows() {
    let polled = Rig::new(&SUBSCRIPTIONS).await;
    all(&polled).await;
    let desk = Desk::new().await;
    for n in 1..=10 {
        let (status, said) = desk.deliver(&changed(&format!("evt_{n}"), n)).await;
        assert_eq!((status, &said["status"]), (StatusCode::OK, &json!("stored")), "{said}");
    }
    let kept = "select count(*) from webhook_events where state = 'new' and attempts = 0 and headers::text not like '%v1=%'";
    assert_eq!(desk.rig.count(kept).await, 10);
    assert!(desk.rig.fake.asked().is_empty(), "nothing is read before the answer");
    assert_eq!(desk.work().await, 10);
    assert_eq!(desk.rig.facts().await, polled.facts().await);
    assert_eq!(lines(&desk.rig, MOVEMENTS).await, lines(&polled, MOVEMENTS).await);
    // Polling afterwards finds nothing new, and no delivery looks like a run.
    assert_eq!(desk.rig.count("select count(*) from sync_runs").await, 0);
    let finished = desk.rig.good().await;
    assert_eq!((finished.counts.rows_read, finished.counts.rows_written), (10, 0));
    assert_eq!(
        desk.rig.count("select count(*) from webhook_events where state = 'done' and attempts = 1").await,
        10
    );
}

#[tokio::test]
async fn only_what_the_platform_signed_just_now_is_stored() {
    let desk = Desk::new().await;
    let (body, now) = (changed("evt_1", 1), desk.rig.clock.now().as_second());
    let good = signed(now, &body);
    let mut flipped = body.clone().into_bytes();
    flipped[10] ^= 1;
    let spaced = body.replace("\":", "\": ");
    let path = desk.path();
    let with = |header: String| vec![("stripe-signature".to_owned(), header)];
    for (headers, body, code) in [
        (with(good.clone()), flipped.as_slice(), "webhook.signature_invalid"),
        (with(good.clone()), spaced.as_bytes(), "webhook.signature_invalid"),
        (with(good.replace("v1=", "v0=")), body.as_bytes(), "webhook.signature_invalid"),
        (with(signed(now - 301, &body)), body.as_bytes(), "webhook.timestamp_skew"),
        (with(signed(now + 301, &body)), body.as_bytes(), "webhook.timestamp_skew"),
        (Vec::new(), body.as_bytes(), "webhook.signature_invalid"),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let (status, said) = desk.send(&path, &headers, body).await;
        assert_eq!((status, &said["code"]), (StatusCode::UNAUTHORIZED, &json!(code)), "{headers:?}");
    }
    let source = desk.rig.source;
    let elsewhere = [
        format!("/hooks/stripe/{}", Uuid::from_u128(7)),
        "/hooks/stripe/not-an-id".to_owned(),
        format!("/hooks/plausible/{source}"),
        format!("/hooks/nobody/{source}"),
        format!("{path}/a-token"),
    ];
    for path in elsewhere {
        let (status, said) = desk.send(&path, &[("stripe-signature", &good)], body.as_bytes()).await;
        assert_eq!(
            (status, &said["code"]),
            (StatusCode::NOT_FOUND, &json!("webhook.unknown_connection")),
            "{path}"
        );
    }
    let large = vec![b' '; MAX_BODY + 1];
    let (status, said) = desk.send(&path, &[("stripe-signature", &good)], &large).await;
    assert_eq!((status, &said["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("webhook.too_large")));
    let (status, said) = desk.deliver("[]").await;
    assert_eq!((status, &said["code"]), (StatusCode::BAD_REQUEST, &json!("webhook.body_invalid")));
    assert!(desk.states().await.is_empty());

    // Five minutes either way are good; the same again is no news; what nobody reads is kept and left alone.
    for (id, skew) in [("evt_early", -300), ("evt_late", 300)] {
        let body = changed(id, 1);
        let header = signed(now + skew, &body);
        let (status, said) = desk.send(&path, &[("stripe-signature", &header)], body.as_bytes()).await;
        assert_eq!((status, &said["status"]), (StatusCode::OK, &json!("stored")), "{skew}");
    }
    let (status, said) = desk.deliver(&changed("evt_late", 1)).await;
    assert_eq!((status, &said["status"]), (StatusCode::OK, &json!("duplicate")));
    let payout = event("evt_payout", "payout.paid", json!({"object": "payout", "id": "po_1"}));
    let (status, said) = desk.deliver(&payout).await;
    assert_eq!((status, &said["status"]), (StatusCode::OK, &json!("ignored")));
    assert_eq!(desk.work().await, 2);
    assert_eq!(desk.states().await, ["evt_early|done|1", "evt_late|done|1", "evt_payout|ignored|0"]);
    let raw = format!("select count(*) from webhook_events where convert_from(body, 'UTF8') = '{payout}'");
    let mut tx = desk.rig.world.db.org(desk.rig.world.org).await.unwrap();
    let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(raw)).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(count, 1, "byte for byte");
}

#[tokio::test]
async fn who_fails_too_often_is_not_listened_to_for_a_while() {
    let desk = Desk::new().await;
    let nowhere = format!("/hooks/stripe/{}", Uuid::from_u128(7));
    let mut seen = Vec::new();
    for _ in 0..40 {
        seen.push(desk.send(&nowhere, &[], b"{}").await.0);
    }
    assert_eq!(seen[0], StatusCode::NOT_FOUND);
    assert_eq!(seen[39], StatusCode::TOO_MANY_REQUESTS, "{seen:?}");
}

#[tokio::test]
async fn a_hundred_deliveries_of_one_event_are_one() {
    let desk = Desk::new().await;
    let body = changed("evt_1", 1);
    let told = futures::future::join_all((0..100).map(|_| desk.deliver(&body))).await;
    let stored = told.iter().filter(|(_, said)| said["status"] == "stored").count();
    assert!(told.iter().all(|(status, _)| *status == StatusCode::OK), "{told:?}");
    assert_eq!(stored, 1);
    assert_eq!(desk.states().await, ["evt_1|new|0"]);
    // Several replicas look at once: one has it.
    let ended: u64 = futures::future::join_all((0..4).map(|_| desk.work())).await.iter().sum();
    assert_eq!((ended, desk.rig.fake.asked().len()), (1, 1));
    assert_eq!(lines(&desk.rig, MOVEMENTS).await, ["2025-06-02|stripe:sub_1|new|22.500000"]);
    assert_eq!(desk.states().await, ["evt_1|done|1"]);
}

#[tokio::test]
async fn a_worker_that_dies_leaves_a_delivery_to_the_next() {
    let desk = Desk::new().await;
    desk.deliver(&changed("evt_1", 1)).await;
    // One dies after taking it, the next in the middle of reading.
    let (dead, org) = (new_uuid(&*desk.rig.clock), desk.rig.world.org);
    let mut tx = desk.rig.world.db.org(org).await.unwrap();
    let taken = hooks::claim(&mut tx, org, desk.rig.source, dead, desk.rig.clock.now(), 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((taken.len(), desk.work().await), (1, 0), "it is in somebody's hands");
    let after = |clock: &Skipping| clock.set(&(clock.now() + LEASE).to_string());
    after(&desk.rig.clock);
    desk.rig.fake.trouble(1, Trouble::Hang);
    let (engine, owner, source) = (desk.rig.engine.clone(), new_uuid(&*desk.rig.clock), desk.rig.source);
    let work = tokio::spawn(async move { engine.work(org, source, owner, &CancellationToken::new()).await });
    desk.rig.fake.heard(1).await;
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    desk.rig.fake.anew();
    assert_eq!((desk.rig.facts().await.len(), desk.work().await), (0, 0));
    after(&desk.rig.clock);
    assert_eq!(desk.work().await, 1);
    assert_eq!((desk.rig.facts().await.len(), desk.states().await), (1, vec!["evt_1|done|3".to_owned()]));
    // Whoever lost the lease changes nothing any more.
    let mut tx = desk.rig.world.db.org(org).await.unwrap();
    let late =
        hooks::finish(&mut tx, org, &taken[0], dead, hooks::Outcome::Dead("x", "x"), desk.rig.clock.now());
    assert!(!late.await.unwrap());
}

#[tokio::test]
async fn what_fails_is_tried_again_then_dead_then_replayed_by_a_person() {
    let desk = Desk::new().await;
    desk.deliver(&changed("evt_1", 1)).await;
    desk.deliver(&changed("evt_gone", 77)).await;
    desk.rig.fake.trouble(0, Trouble::Status(400));
    let begun: Timestamp = NOON.parse().unwrap();
    // Chance is a half in these tests: an eighth more than the pause.
    let mut at = begun;
    for (attempt, pause) in [(1, 11_250), (2, 67_500), (3, 675_000)] {
        assert_eq!(desk.work().await, 0, "{attempt}");
        assert_eq!(desk.work().await, 0, "not before its time");
        assert!(desk.states().await.contains(&format!("evt_1|new|{attempt}")));
        at += SignedDuration::from_millis(pause);
        desk.rig.clock.set(&at.to_string());
    }
    assert_eq!(desk.work().await, 2);
    assert_eq!(desk.states().await, ["evt_1|dead|4", "evt_gone|dead|4"]);
    let (org, source) = (desk.rig.world.org, desk.rig.source);
    let mut tx = desk.rig.world.db.org(org).await.unwrap();
    let listed = hooks::list(&mut tx, org, source, Some(HookState::Dead), 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].error_code.as_deref(), Some("request.invalid"));
    let error = listed[0].error.clone().unwrap();
    assert!(error.starts_with("stripe webhook: ") && !error.contains(SECRET), "{error}");

    // An operator looks, and has them done again with the real program.
    let said = async |args: &[&str]| {
        let mut command = program(&desk.rig.world);
        command.args(["source", "hooks"]).args(args).stdout(Stdio::piped());
        command.env("ADJUTANT_MASTER_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
        let output = command.output().await.unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (fine, words) = said(&["list", "Under test", "--state", "dead"]).await;
    assert!(fine && words.contains("evt_gone") && words.contains("request.invalid"), "{words}");
    assert!(words.contains(&format!("/hooks/stripe/{source}")), "{words}");
    let (fine, words) = said(&["replay", "Under test"]).await;
    assert!(fine && words.contains("2 deliveries of Under test are worked on again"), "{words}");
    desk.rig.fake.anew();
    // The program has the real time.
    desk.rig.clock.set("2100-01-01T00:00:00Z");
    assert_eq!(desk.work().await, 2);
    // What is gone at the platform is no error.
    assert_eq!(desk.states().await, ["evt_1|done|1", "evt_gone|done|1"]);
    assert_eq!(desk.rig.facts().await.len(), 1);
    assert_eq!(
        desk.rig.count("select count(*) from audit_log where action = 'source.hooks_replayed'").await,
        1
    );

    // Bodies are kept for thirty days.
    let kept = |days: i64| begun + SignedDuration::from_hours(24 * days);
    for (days, left) in [(29, 2), (31, 0)] {
        let mut tx = desk.rig.world.db.org(org).await.unwrap();
        retention::drop_expired(&mut tx, org, kept(days)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(desk.states().await.len(), left, "{days}");
    }
}

#[tokio::test]
async fn an_older_look_never_replaces_a_newer_one() {
    let desk = Desk::new().await;
    desk.rig.fake.set(|knobs| knobs.restated = Some("2025-09-16".parse().unwrap()));
    desk.deliver(&changed("evt_new", 5)).await;
    assert_eq!(desk.work().await, 1);
    let new = desk.rig.facts().await;
    assert!(new[0].contains("|7.000000|"), "{new:?}");
    // Another replica asked a minute earlier, and writes what it saw only now.
    desk.rig.clock.set("2025-09-17T08:59:00Z");
    desk.rig.fake.set(|knobs| knobs.restated = None);
    desk.deliver(&changed("evt_old", 5)).await;
    assert_eq!(desk.work().await, 1);
    assert_eq!(desk.rig.facts().await, new);
    assert_eq!(lines(&desk.rig, MOVEMENTS).await.len(), 1);
    // A later look counts.
    desk.rig.clock.set("2025-09-17T09:01:00Z");
    desk.deliver(&changed("evt_later", 5)).await;
    assert_eq!(desk.work().await, 1);
    assert!(desk.rig.facts().await[0].contains("|3.000000|"));
}
