//! Webhooks out, through the front door: who may have one, what is sent and how it is signed, what happens when it is not taken
//! (`events.md` §12).
use crate::served::{Reply, Served};
use crate::world::World;
use adjutant::access::Permission;
use adjutant::clock::SharedClock;
use adjutant::db::OrgTx;
use adjutant::db::audit::{self, NewEntry};
use adjutant::db::vault::Keyring;
use adjutant::db::webhooks::{self, Message, MessageType};
use adjutant::ids::{DraftId, WebhookId};
use adjutant::jobs;
use adjutant::jobs::lanes::Lanes;
use adjutant::webhooks::{PAUSES, Sender, Settings};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What every server of the tests has: a key of its own, and this machine as a host that may be sent to.
pub fn settings() -> Settings {
    let key = || Ok(Keyring::new(&SecretString::from(STANDARD.encode([7_u8; 32])), None)?);
    let allowed = BTreeSet::from(["127.0.0.1".to_owned()]);
    Settings { allowed: Arc::new(allowed), keys: Arc::new(key), chance: Arc::new(|| 0.5) }
}

/// In place of a status: no answer at all.
const HANGS: u16 = 0;

/// A status, and `Retry-After` or `Location`.
type Answer = (u16, Option<&'static str>);

/// Another program: it keeps what it is sent, and answers as it is told; 200 without a word.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Receiver {
    async fn open(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?token=abc", listener.local_addr().unwrap());
        let app = Router::new().fallback(take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    /// The next answers, in order.
    fn answers(&self, answers: &[Answer]) {
        let mut waiting = self.answers.lock().unwrap();
        waiting.extend(answers.iter().rev());
    }

    fn got(&self) -> Vec<(HeaderMap, String)> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    receiver.got.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
    let (status, wait) = receiver.answers.lock().unwrap().pop().unwrap_or((200, None));
    if status == HANGS {
        std::future::pending::<()>().await;
    }
    let mut response = StatusCode::from_u16(status).unwrap().into_response();
    match wait {
        Some(to) if (300..400).contains(&status) => {
            response.headers_mut().insert("location", HeaderValue::from_static(to));
        }
        Some(seconds) => {
            response.headers_mut().insert("retry-after", HeaderValue::from_static(seconds));
        }
        None => {}
    }
    response
}

struct Desk {
    world: World,
    served: Served,
    receiver: Receiver,
    url: String,
    sender: Sender,
}

impl Desk {
    async fn new() -> Self {
        let world = World::new().await;
        let served = Served::new(&world).await;
        let receiver = Receiver::default();
        let url = receiver.open().await;
        let sender = sender(&world);
        Self { world, served, receiver, url, sender }
    }

    /// Sessions end after hours, and these tests last for days.
    async fn admin(&self) -> String {
        self.served.session(&self.world.admin).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.served.post(path, &self.admin().await, body).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        let request = self.served.client.request(method, format!("{}{path}", self.served.url));
        let response = request.bearer_auth(self.admin().await).json(&body).send().await.unwrap();
        let status = response.status();
        Reply { status, body: response.json().await.unwrap_or_default() }
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.call(Method::GET, path, Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// Its id and secret.
    async fn add(&self, types: &[&str]) -> (String, String) {
        let reply = self.post("/api/webhooks", json!({"url": self.url, "types": types})).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let text = |key: &str| reply.body[key].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }

    async fn deliveries(&self, id: &str) -> Vec<Value> {
        let body = self.get(&format!("/api/webhooks/{id}/deliveries")).await;
        body["deliveries"].as_array().unwrap().clone()
    }

    async fn round(&self) -> u64 {
        round(&self.sender, &self.world).await
    }

    fn wait(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    async fn in_transaction(&self, act: impl AsyncFnOnce(&mut OrgTx)) {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        act(&mut tx).await;
        tx.commit().await.unwrap();
    }

    async fn happens(&self, action: &str) -> String {
        let draft = DraftId::new(&*self.world.clock).to_string();
        let now = adjutant::clock::Clock::now(&*self.world.clock);
        let mut entry = NewEntry::by(&self.world.approver, action, "draft", &draft, now);
        entry.reason = Some("because Mara asked".to_owned());
        entry.after = Some(json!({"name": "Autumn sale"}));
        let org = self.world.org;
        self.in_transaction(async |tx| {
            audit::append(tx, org, &entry).await.unwrap();
        })
        .await;
        draft
    }
}

/// A few messages of each endpoint that something is due for; gives how many tries that were.
async fn round(sender: &Sender, world: &World) -> u64 {
    let mut tries = 0;
    for endpoint in sender.waiting(world.org).await.unwrap() {
        tries += sender.send(world.org, endpoint).await.unwrap() as u64;
    }
    tries
}

fn sender(world: &World) -> Sender {
    let clock: SharedClock = world.clock.clone();
    Sender::new(world.db.clone(), clock, settings()).unwrap()
}

fn signed(secret: &str, headers: &HeaderMap, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let of = |name: &str| headers[name].to_str().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{body}", of("webhook-id"), of("webhook-timestamp")).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn what_happens_is_told_signed_without_what_it_says() {
    let desk = Desk::new().await;
    let (id, secret) = desk.add(&["draft.approved", "draft.rejected"]).await;
    let draft = desk.happens("draft.approved").await;
    desk.happens("draft.created").await;
    assert_eq!(desk.round().await, 1);
    let got = desk.receiver.got();
    let [(headers, body)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(headers["webhook-signature"].to_str().unwrap(), signed(&secret, headers, body));
    assert_eq!(headers["content-type"], "application/json");
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(told["type"], "draft.approved");
    assert_eq!(told["data"]["object"], json!({"type": "draft", "id": draft}));
    assert_eq!(told["data"]["path"], format!("/api/drafts/{draft}"));
    assert!(!body.contains("Mara") && !body.contains("Autumn"), "{body}");
    let done = &desk.deliveries(&id).await[0];
    assert_eq!((&done["state"], &done["status"], &done["attempt"]), (&json!("done"), &json!(200), &json!(1)));
    // Told once.
    assert_eq!(desk.round().await, 0);
    let shown = desk.get(&format!("/api/webhooks/{id}")).await;
    assert!(shown["last_success_at"].is_string() && shown.get("secret").is_none(), "{shown}");
}

#[tokio::test]
async fn what_did_not_happen_is_told_to_nobody() {
    let desk = Desk::new().await;
    let (id, _) = desk.add(&["*"]).await;
    let before = desk.deliveries(&id).await.len();
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    let message = Message {
        id: Uuid::from_u128(1),
        kind: MessageType::DraftCreated,
        at: adjutant::clock::Clock::now(&*desk.world.clock),
        data: json!({}),
    };
    assert_eq!(webhooks::announce(&mut tx, desk.world.org, &message).await.unwrap(), 1);
    drop(tx);
    assert_eq!(desk.deliveries(&id).await.len(), before);
}

#[tokio::test]
async fn a_refused_message_is_sent_again_by_the_schedule_and_then_given_up() {
    let desk = Desk::new().await;
    let (id, secret) = desk.add(&["draft.created"]).await;
    desk.happens("draft.created").await;
    desk.receiver.answers(&[(500, None); 8]);
    let mut ids = BTreeSet::new();
    for (n, pause) in PAUSES.into_iter().chain([0]).enumerate() {
        assert_eq!(desk.round().await, 1, "try {n}");
        let got = desk.receiver.got();
        let [(headers, body)] = got.as_slice() else { panic!("{got:?}") };
        ids.insert((headers["webhook-id"].clone().to_str().unwrap().to_owned(), body.clone()));
        assert_eq!(headers["webhook-signature"].to_str().unwrap(), signed(&secret, headers, body));
        if pause > 0 {
            desk.wait(u64::try_from(pause).unwrap() - 1);
            assert_eq!(desk.round().await, 0, "not before its time");
            desk.wait(1);
        }
    }
    assert_eq!(ids.len(), 1, "the same id and body at every try: {ids:?}");
    let failed = &desk.deliveries(&id).await[0];
    assert_eq!(
        (&failed["state"], &failed["attempt"], &failed["status"]),
        (&json!("failed"), &json!(8), &json!(500))
    );
    // A person sends it again, and it goes through.
    let message = failed["message_id"].as_str().unwrap();
    let path = format!("/api/webhooks/{id}/deliveries/{message}/retry");
    assert_eq!(desk.post(&path, json!({})).await.status, 202);
    let twice = desk.post(&path, json!({})).await;
    assert_eq!((twice.status, &twice.body["code"]), (StatusCode::CONFLICT, &json!("webhook.queued")));
    assert_eq!(desk.round().await, 1);
    assert_eq!(desk.deliveries(&id).await[0]["state"], "done");
}

#[tokio::test]
async fn an_endpoint_that_is_busy_says_when_to_come_again() {
    let desk = Desk::new().await;
    desk.add(&["draft.created"]).await;
    desk.happens("draft.created").await;
    desk.receiver.answers(&[(429, Some("90")), (503, Some("400"))]);
    desk.round().await;
    desk.wait(89);
    assert_eq!(desk.round().await, 0);
    desk.wait(1);
    assert_eq!(desk.round().await, 1);
    // Before the second try our own pause is 5 min: what is asked for counts where it is longer.
    desk.wait(399);
    assert_eq!(desk.round().await, 0);
    desk.wait(1);
    assert_eq!(desk.round().await, 1);
    assert_eq!(desk.receiver.got().len(), 3);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_or_fails_for_days_is_switched_off_and_somebody_is_told() {
    let desk = Desk::new().await;
    let (id, _) = desk.add(&["draft.created"]).await;
    desk.happens("draft.created").await;
    desk.happens("draft.created").await;
    desk.receiver.answers(&[(410, None), (410, None)]);
    desk.round().await;
    let off = desk.get(&format!("/api/webhooks/{id}")).await;
    assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("gone")));
    assert!(desk.deliveries(&id).await.iter().all(|one| one["state"] == "failed"));
    // Nothing is put down for it while it is off, and nothing is sent by hand.
    desk.happens("draft.created").await;
    assert_eq!(desk.deliveries(&id).await.len(), 2);
    let test = desk.post(&format!("/api/webhooks/{id}/test"), json!({})).await;
    assert_eq!((test.status, &test.body["code"]), (StatusCode::CONFLICT, &json!("webhook.disabled")));
    let on = desk.call(Method::PATCH, &format!("/api/webhooks/{id}"), json!({"enabled": true})).await;
    assert_eq!(
        (on.status, &on.body["enabled"], &on.body["disabled_reason"]),
        (StatusCode::OK, &json!(true), &Value::Null)
    );

    // Day after day without a success.
    desk.receiver.answers(&[(500, None); 40]);
    for _ in 0..6 {
        desk.happens("draft.created").await;
        desk.round().await;
        desk.wait(24 * 3_600);
    }
    let off = desk.get(&format!("/api/webhooks/{id}")).await;
    assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("failing")));
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    let alerts: Vec<Value> = sqlx::query_scalar(
        "select payload from outbox where channel_ref like 'notice:alert:webhook:%' order by seq, created_at",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    assert!(!alerts[0].to_string().contains("token=abc"), "an address may hold a secret");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let desk = Desk::new().await;
    let (id, _) = desk.add(&["draft.created"]).await;
    desk.happens("draft.created").await;
    desk.receiver.answers(&[(307, Some("http://127.0.0.1:9/elsewhere"))]);
    desk.round().await;
    assert_eq!(desk.receiver.got().len(), 1);
    let waiting = &desk.deliveries(&id).await[0];
    assert_eq!((&waiting["state"], &waiting["status"]), (&json!("queued"), &json!(307)));
}

#[tokio::test]
async fn nothing_is_sent_into_this_network() {
    let desk = Desk::new().await;
    for url in [
        "http://hooks.fernhill.example/",
        "https://10.0.0.8/",
        "https://[::1]/",
        "https://localhost/",
        "no address",
    ] {
        let reply = desk.post("/api/webhooks", json!({"url": url, "types": ["*"]})).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (422, &json!("webhook.url")), "{url}");
    }
    // A name that was public when it was stored and leads here now.
    let (id, _) = desk.add(&["draft.created"]).await;
    let moved = desk.url.replace("127.0.0.1", "localhost");
    let org = desk.world.org;
    desk.in_transaction(async |tx| {
        sqlx::query("update webhook_endpoints set url = $2 where org_id = $1")
            .bind(org)
            .bind(&moved)
            .execute(&mut **tx)
            .await
            .unwrap();
    })
    .await;
    desk.happens("draft.created").await;
    desk.round().await;
    // The list of allowed hosts has the address, not the name; and what the name leads to is asked where it is used.
    let mut loose = settings();
    let clock: SharedClock = desk.world.clock.clone();
    loose.allowed = Arc::new(BTreeSet::from(["localhost".to_owned()]));
    assert!(desk.receiver.got().is_empty());
    assert_eq!(desk.deliveries(&id).await[0]["status"], Value::Null);
    desk.wait(5);
    round(&Sender::new(desk.world.db.clone(), clock, loose).unwrap(), &desk.world).await;
    assert_eq!(desk.receiver.got().len(), 1, "the operator may allow it");
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_old_one_for_a_day() {
    let desk = Desk::new().await;
    let (id, old) = desk.add(&["*"]).await;
    let rotated = desk.post(&format!("/api/webhooks/{id}/rotate"), json!({})).await;
    let new = rotated.body["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    let ping = async || {
        let reply = desk.post(&format!("/api/webhooks/{id}/test"), json!({})).await;
        assert_eq!(reply.status, 202, "{}", reply.body);
        desk.round().await;
        desk.receiver.got().into_iter().find(|(_, body)| body.contains("\"ping\"")).unwrap()
    };
    let (headers, body) = ping().await;
    let both = format!("{} {}", signed(&new, &headers, &body), signed(&old, &headers, &body));
    assert_eq!(headers["webhook-signature"].to_str().unwrap(), both);
    desk.wait(24 * 3_600);
    let (headers, body) = ping().await;
    assert_eq!(headers["webhook-signature"].to_str().unwrap(), signed(&new, &headers, &body));
}

#[tokio::test]
async fn two_senders_send_a_message_once_and_one_that_died_is_stood_in_for() {
    let desk = Desk::new().await;
    let (id, _) = desk.add(&["draft.created"]).await;
    for _ in 0..12 {
        desk.happens("draft.created").await;
    }
    let others: Vec<Sender> = (0..4).map(|_| sender(&desk.world)).collect();
    for _ in 0..6 {
        join_all(others.iter().map(|sender| round(sender, &desk.world))).await;
    }
    let got = desk.receiver.got();
    let ids: BTreeSet<String> =
        got.iter().map(|(headers, _)| headers["webhook-id"].to_str().unwrap().to_owned()).collect();
    assert_eq!((got.len(), ids.len()), (12, 12));
    // Taken, and never heard of again.
    desk.happens("draft.created").await;
    let (org, now) = (desk.world.org, adjutant::clock::Clock::now(&*desk.world.clock));
    desk.in_transaction(async |tx| {
        assert_eq!(webhooks::deliveries::take(tx, org, id.parse().unwrap(), now).await.unwrap().len(), 1);
    })
    .await;
    assert_eq!(desk.round().await, 0);
    desk.wait(180);
    assert_eq!(desk.round().await, 1);
}

#[tokio::test]
async fn only_who_manages_webhooks_may_and_each_organisation_sees_its_own() {
    let desk = Desk::new().await;
    let (id, _) = desk.add(&["*"]).await;
    let marketer = desk.served.session(&desk.world.marketer).await;
    let reply = desk.served.post("/api/webhooks", &marketer, json!({"url": desk.url, "types": ["*"]})).await;
    assert_eq!((reply.status, &reply.body["code"]), (StatusCode::FORBIDDEN, &json!("permission.missing")));
    assert!(Permission::ALL.contains(&Permission::WebhookManage));
    let other = desk.world.other_org().await;
    let stranger = desk.served.session(&other.admin).await;
    let reply = desk.served.post(&format!("/api/webhooks/{id}/test"), &stranger, json!({})).await;
    assert_eq!(reply.status, 404);
    let unknown = desk.post("/api/webhooks", json!({"url": desk.url, "types": ["draft.eaten"]})).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["code"]), (422, &json!("webhook.types")));
    let gone = desk.call(Method::DELETE, &format!("/api/webhooks/{id}"), Value::Null).await;
    assert_eq!(gone.status, 204);
    assert_eq!(desk.get("/api/webhooks").await["webhooks"], json!([]));
    // The secret lies sealed.
    let (_, secret) = desk.add(&["*"]).await;
    let mut superuser = desk.world.superuser().await;
    let dump: String = sqlx::query_scalar("select string_agg(w::text, '') from webhook_endpoints w")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!dump.contains(&secret) && !dump.contains(&hex));
}

/// One endpoint hangs with a long queue; neither another one of the same organisation nor another organisation waits for it.
#[tokio::test]
async fn who_hangs_keeps_nobody_else_waiting() {
    let desk = Desk::new().await;
    let (slow, _) = desk.add(&["draft.created"]).await;
    desk.receiver.answers(&[(HANGS, None); 40]);
    for _ in 0..20 {
        desk.happens("draft.created").await;
    }
    let (good, quick) = (Receiver::default(), Receiver::default());
    let body = json!({"url": quick.open().await, "types": ["draft.created"]});
    let own: WebhookId = desk.post("/api/webhooks", body).await.body["id"].as_str().unwrap().parse().unwrap();
    desk.happens("draft.created").await;
    let other = desk.world.other_org().await;
    let body = json!({"url": good.open().await, "types": ["*"]});
    let reply = desk.served.post("/api/webhooks", &desk.served.session(&other.admin).await, body).await;
    let id = reply.body["id"].as_str().unwrap();
    let test = format!("/api/webhooks/{id}/test");
    desk.served.post(&test, &desk.served.session(&other.admin).await, json!({})).await;

    let (room, each) = jobs::webhooks::ROOM;
    let (lanes, stop) = (Lanes::new(room, each), CancellationToken::new());
    let begin = async || jobs::webhooks::begin(&desk.world.db, &desk.sender, &lanes, &stop).await.unwrap();
    assert_eq!(begin().await, 3);
    lanes.quiet(|org, _| org == other.org).await;
    lanes.quiet(|_, endpoint| endpoint == own).await;
    let told = |receiver: &Receiver, kind: &str| {
        receiver.got().iter().filter(|(_, body)| body.contains(&format!("\"{kind}\""))).count()
    };
    assert_eq!((told(&good, "ping"), told(&quick, "draft.created")), (1, 1));
    // What came later is sent although the slow one is still at its first messages, of which it has a few at once.
    desk.served.post(&test, &desk.served.session(&other.admin).await, json!({})).await;
    desk.happens("draft.created").await;
    assert_eq!(begin().await, 2);
    lanes.quiet(|org, endpoint| org == other.org || endpoint == own).await;
    assert_eq!((told(&good, "ping"), told(&quick, "draft.created")), (1, 1));
    assert!(desk.receiver.got().len() <= 4);
    let waiting = desk.deliveries(&slow).await;
    assert_eq!(waiting.iter().filter(|one| one["attempt"] == 0).count(), 22 - 4);
}
