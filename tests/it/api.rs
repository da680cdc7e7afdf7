//! The HTTP front door: streams, problems, drafts from question to export, who may what, organisations apart.
use crate::catalogue::load_shop;
use crate::served::{Reply, Served, events, reply};
use crate::world::World;
use adjutant::access::Actor;
use adjutant::http::limits::FAILURES_PER_MINUTE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

struct Desk {
    world: World,
    served: Served,
}

impl Desk {
    async fn new() -> Self {
        let world = World::new().await;
        // Without the fixture's own record of decisions, which is written by hand and no chain.
        let unrecorded = |sql: String| -> String {
            sql.split_inclusive(";\n").filter(|statement| !statement.contains("into audit_log")).collect()
        };
        load_shop(&world.db, world.org, unrecorded).await;
        let served = Served::new(&world).await;
        Self { world, served }
    }

    async fn session(&self, actor: &Actor) -> String {
        self.served.session(actor).await
    }

    /// A pending draft to cut a budget of the fixture, asked for by `actor` in chat.
    async fn draft(&self, actor: &Actor) -> Value {
        let session = self.session(actor).await;
        let turn = self.served.ask(&session, "draft a cut of the Harvest Sale budget by 10%").await;
        let made = events(&turn, "draft.created");
        assert_eq!(made.len(), 1, "{turn:#}");
        made[0].clone()
    }

    async fn review(&self, token: &str, draft: &Value, decision: &str) -> Reply {
        let path = format!("/api/drafts/{}/reviews", draft["draft_id"].as_str().unwrap());
        let body = json!({ "decision": decision, "revision": draft["revision"], "payload_hash": draft["payload_hash"] });
        self.served.post(&path, token, body).await
    }
}

/// (id, event, data) of each frame of an event stream.
fn frames(text: &str) -> Vec<(i64, String, Value)> {
    text.split("\n\n")
        .filter(|frame| frame.contains("data:"))
        .map(|frame| {
            let of = |name: &str| {
                frame
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim)
                    .unwrap_or_default()
                    .to_owned()
            };
            (of("id:").parse().unwrap(), of("event:"), serde_json::from_str(&of("data:")).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn an_answer_streams_in_order_and_resumes_where_it_was_left() {
    let desk = Desk::new().await;
    let key = desk.served.key(&desk.world.marketer).await;
    let request = desk.served.request(Method::POST, "/api/chat", &key);
    let response =
        request.body(r#"{"message": "how much did we spend last week by channel"}"#).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let turn = response.headers()["x-turn-id"].to_str().unwrap().to_owned();
    let seen = frames(&response.text().await.unwrap());
    let kinds: Vec<&str> = seen.iter().map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(kinds[0], "turn.started");
    assert_eq!(*kinds.last().unwrap(), "turn.completed");
    for expected in ["tool.started", "tool.completed", "chart", "text.delta", "receipts"] {
        assert!(kinds.contains(&expected), "{kinds:?}");
    }
    let ids: Vec<i64> = seen.iter().map(|(id, _, _)| *id).collect();
    assert_eq!(ids, (1..=i64::try_from(ids.len()).unwrap()).collect::<Vec<_>>());
    let last = &seen.last().unwrap().2;
    assert_eq!(last["outcome"], "answered", "{last}");
    let path = format!("/api/turns/{turn}/events");
    let rest =
        desk.served.request(Method::GET, &path, &key).header("last-event-id", "3").send().await.unwrap();
    assert_eq!(frames(&rest.text().await.unwrap()), seen[3..]);
}

#[tokio::test]
async fn every_figure_of_an_answer_has_a_receipt() {
    let desk = Desk::new().await;
    let key = desk.served.key(&desk.world.marketer).await;
    for question in
        ["how much did we spend last week by channel", "best campaigns last 7d", "how are we doing"]
    {
        let turn = desk.served.ask(&key, question).await;
        let receipts = &events(&turn, "receipts")[0]["figures"];
        let unverified: Vec<&Value> =
            receipts.as_array().unwrap().iter().filter(|f| f["status"] == "unverified").collect();
        assert!(
            !receipts.as_array().unwrap().is_empty() && unverified.is_empty(),
            "{question}: {unverified:?}\n{}",
            turn["answer"]
        );
    }
}

#[tokio::test]
async fn a_retried_question_is_the_same_turn() {
    let desk = Desk::new().await;
    let key = desk.served.key(&desk.world.marketer).await;
    let ask = async |message: &str| {
        let request = desk.served.request(Method::POST, "/api/chat", &key);
        let request = request.header("accept", "application/json").header("idempotency-key", "k1");
        reply(request.json(&json!({ "message": message })).send().await.unwrap()).await
    };
    let first = ask("how are we doing").await;
    assert_eq!(ask("how are we doing").await.body["turn_id"], first.body["turn_id"]);
    let other = ask("what did we spend").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.body);
}

#[tokio::test]
async fn problems_say_what_was_wrong() {
    let desk = Desk::new().await;
    let served = &desk.served;
    let key = served.key(&desk.world.marketer).await;
    let code =
        |reply: Reply| format!("{} {}", reply.status.as_u16(), reply.body["code"].as_str().unwrap_or("-"));
    let plain = served.client.get(format!("{}/api/tools", served.url)).send().await.unwrap();
    assert_eq!(plain.headers()["content-type"], "application/problem+json");
    assert_eq!(code(reply(plain).await), "401 auth.missing");
    assert_eq!(code(served.get("/api/tools", "adj_nobody_0000000000000000").await), "401 auth.invalid");
    assert_eq!(code(served.get("/api/nothing", &key).await), "404 route.unknown");
    assert_eq!(
        code(reply(served.request(Method::PUT, "/api/chat", &key).send().await.unwrap()).await),
        "405 route.method"
    );
    assert_eq!(code(served.post("/api/chat", &key, json!({ "message": "" })).await), "400 chat.message");
    assert_eq!(code(served.post("/api/chat", &key, json!({ "massage": "x" })).await), "422 request.invalid");
    assert_eq!(
        code(served.post("/api/chat", &key, json!({ "message": "x".repeat(2 << 20) })).await),
        "413 request.too_large"
    );
    assert_eq!(code(served.post("/api/tools/nothing", &key, json!({})).await), "404 query.unknown");
    let unknown = served
        .post("/api/tools/campaign_detail", &key, json!({ "params": { "campaign": "Loyaltee Weak" } }))
        .await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.body["allowed"].to_string().contains("Loyalty Week"), "{}", unknown.body);
    let named = served
        .request(Method::GET, "/api/nothing", &key)
        .header("x-request-id", "mine-1")
        .send()
        .await
        .unwrap();
    assert_eq!(named.headers()["x-request-id"], "mine-1");
    assert_eq!(reply(named).await.body["request_id"], "mine-1");
}

#[tokio::test]
async fn no_address_but_health_answers_a_stranger() {
    let desk = Desk::new().await;
    let served = &desk.served;
    let document = served.get("/openapi.json", "nobody").await.body;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let path = path
                .replace("{id}", "01990000-0000-7000-8000-000000000000")
                .replace("{name}", "kpi_overview");
            let method: Method = verb.to_uppercase().parse().unwrap();
            let response = served
                .client
                .request(method, format!("{}{path}", served.url))
                .body("{}")
                .send()
                .await
                .unwrap();
            if operation["security"] == json!([{"slack": []}]) {
                assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}: no Slack is configured here");
                continue;
            }
            let open = operation["security"] == json!([]);
            assert_eq!(
                response.status() == StatusCode::UNAUTHORIZED,
                !open,
                "{verb} {path}: {}",
                response.status()
            );
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
    let open: Vec<&String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, item)| item.to_string().contains("\"security\":[]"))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(open, ["/healthz", "/metrics", "/openapi.json", "/readyz", "/reference"]);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(document["security"], json!([{"bearer": []}]));
    let page = served.get("/reference", "nobody").await.body;
    for path in ["/api/drafts/{id}/reviews", "/slack/events", "/slack/interactions", "/slack/commands"] {
        assert!(page.as_str().unwrap().contains(path), "{path}");
    }
}

#[tokio::test]
async fn a_draft_goes_from_question_to_export_and_the_record_holds() {
    let desk = Desk::new().await;
    let (served, world) = (&desk.served, &desk.world);
    let draft = desk.draft(&world.marketer).await;
    let id = draft["draft_id"].as_str().unwrap();
    let (marketer, approver) = (desk.session(&world.marketer).await, desk.session(&world.approver).await);
    let early = served.get(&format!("/api/drafts/{id}/export"), &marketer).await;
    assert_eq!((early.status, &early.body["code"]), (StatusCode::CONFLICT, &json!("draft.not_approved")));
    let own = desk.review(&marketer, &draft, "approve").await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "{}", own.body);
    let key = served.key(&world.approver).await;
    let by_key = desk.review(&key, &draft, "approve").await;
    assert_eq!((by_key.status, &by_key.body["code"]), (StatusCode::FORBIDDEN, &json!("permission.missing")));
    let mut stale = draft.clone();
    stale["revision"] = json!(7);
    assert_eq!(desk.review(&approver, &stale, "approve").await.body["code"], "draft.revision_mismatch");
    let approved = desk.review(&approver, &draft, "approve").await;
    assert_eq!(
        (approved.status, &approved.body["state"]),
        (StatusCode::OK, &json!("approved")),
        "{}",
        approved.body
    );
    assert_eq!(desk.review(&approver, &draft, "approve").await.body["result"], "unchanged");
    let reject = json!({ "decision": "reject", "revision": 1, "payload_hash": draft["payload_hash"], "reason_code": "too_risky" });
    let late = served.post(&format!("/api/drafts/{id}/reviews"), &approver, reject).await;
    assert_eq!((late.status, &late.body["code"]), (StatusCode::CONFLICT, &json!("draft.already_decided")));
    let file =
        served.request(Method::GET, &format!("/api/drafts/{id}/export"), &marketer).send().await.unwrap();
    assert_eq!(file.status(), StatusCode::OK);
    assert!(file.headers()["content-disposition"].to_str().unwrap().contains("decrease_budget"));
    assert!(file.text().await.unwrap().contains("180.00"));
    let compliance = desk.session(&world.compliance).await;
    let verdict = served.get("/api/audit/verify", &compliance).await;
    assert_eq!(verdict.body["broken"], Value::Null, "{}", verdict.body);
    let trail = served.get("/api/audit?action=draft", &compliance).await.body;
    let actions: Vec<&str> =
        trail["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"draft.created") && actions.contains(&"draft.approved"), "{actions:?}");
}

#[tokio::test]
async fn who_asked_cannot_approve_even_as_an_approver() {
    let desk = Desk::new().await;
    let draft = desk.draft(&desk.world.approver).await;
    let own = desk.session(&desk.world.approver).await;
    let refused = desk.review(&own, &draft, "approve").await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::FORBIDDEN, &json!("permission.four_eyes"))
    );
    let other = desk.session(&desk.world.second_approver).await;
    assert_eq!(desk.review(&other, &draft, "approve").await.body["state"], "approved");
}

#[tokio::test]
async fn an_edit_voids_what_was_seen_before() {
    let desk = Desk::new().await;
    let draft = desk.draft(&desk.world.marketer).await;
    let id = draft["draft_id"].as_str().unwrap();
    let (marketer, approver) =
        (desk.session(&desk.world.marketer).await, desk.session(&desk.world.approver).await);
    let change = json!({ "revision": 1, "changes": { "reason": "The spring stock is gone; the campaign has nothing to sell." } });
    let revised = desk.served.post(&format!("/api/drafts/{id}/revise"), &marketer, change).await;
    assert_eq!(revised.body["revision"], 2, "{}", revised.body);
    assert_ne!(revised.body["payload_hash"], draft["payload_hash"]);
    assert_eq!(desk.review(&approver, &draft, "approve").await.body["code"], "draft.revision_mismatch");
}

#[tokio::test]
async fn a_viewer_reads_and_asks_but_drafts_nothing() {
    let desk = Desk::new().await;
    let viewer = desk.session(&desk.world.viewer).await;
    let turn = desk.served.ask(&viewer, "draft a pause for Loyalty Week").await;
    assert!(events(&turn, "draft.created").is_empty(), "{turn:#}");
    let direct = json!({ "type": "pause_campaign", "payload": { "campaign": "Loyalty Week", "reason": "It sells nothing any more." } });
    let refused = desk.served.post("/api/drafts", &viewer, direct).await;
    assert_eq!(refused.body["code"], "permission.missing");
    assert_eq!(desk.served.get("/api/audit/verify", &viewer).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn organisations_never_meet_by_any_address() {
    let desk = Desk::new().await;
    let (served, world) = (&desk.served, &desk.world);
    let draft = desk.draft(&world.marketer).await;
    let id = draft["draft_id"].as_str().unwrap();
    let marketer = desk.session(&world.marketer).await;
    let turn = served.ask(&marketer, "how are we doing").await;
    let (turn_id, conversation) =
        (turn["turn_id"].as_str().unwrap(), turn["conversation_id"].as_str().unwrap());
    let other = world.other_org().await;
    let stranger = served.session(&other.admin).await;
    let approver = served.session(&other.approver).await;
    for path in [
        format!("/api/drafts/{id}"),
        format!("/api/drafts/{id}/export?preview=true"),
        format!("/api/drafts/{id}/audit"),
        format!("/api/conversations/{conversation}"),
        format!("/api/turns/{turn_id}/events"),
    ] {
        assert_eq!(served.get(&path, &stranger).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let posts = [
        (
            format!("/api/drafts/{id}/reviews"),
            json!({ "decision": "approve", "revision": 1, "payload_hash": draft["payload_hash"] }),
        ),
        (format!("/api/drafts/{id}/cancel"), json!({})),
        (
            format!("/api/drafts/{id}/revise"),
            json!({ "revision": 1, "changes": { "reason": "Because I say so, from outside." } }),
        ),
        (
            format!("/api/drafts/{id}/override"),
            json!({ "revision": 1, "code": "guardrail.cooldown", "reason": "Because I say so." }),
        ),
        (format!("/api/drafts/{id}/schedule"), json!({ "execute_at": "2025-09-18T09:00:00Z" })),
        (format!("/api/drafts/{id}/unschedule"), json!({})),
        (
            format!("/api/drafts/{id}/mark-applied"),
            json!({ "revision": 1, "payload_hash": draft["payload_hash"], "applied_at": "2025-09-17T09:00:00Z", "evidence": "none" }),
        ),
        (format!("/api/turns/{turn_id}/cancel"), json!({})),
        (format!("/api/turns/{turn_id}/feedback"), json!({ "rating": "down" })),
        ("/api/chat".to_owned(), json!({ "message": "go on", "conversation_id": conversation })),
    ];
    for (path, body) in posts {
        let reply = served.post(&path, &approver, body).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}: {}", reply.body);
    }
    for path in ["/api/drafts", "/api/conversations"] {
        let text = served.get(path, &stranger).await.body.to_string();
        assert!(!text.contains(id) && !text.contains(conversation), "{path}: {text}");
    }
    let marketer_id = world.marketer.member;
    for query in
        [format!("actor={marketer_id}"), "campaign=google_ads:1".to_owned(), "action=draft".to_owned()]
    {
        let text = served.get(&format!("/api/audit?{query}"), &stranger).await.body.to_string();
        assert!(!text.contains(id) && !text.contains("draft.created"), "{query}: {text}");
    }
    for (tool, params) in [
        ("campaign_detail", json!({ "campaign": "Loyalty Week" })),
        ("campaign_leaderboard", json!({})),
        ("approvals_pending", json!({})),
        ("spend_by_channel", json!({ "org_id": world.org.to_string() })),
    ] {
        let reply = served.post(&format!("/api/tools/{tool}"), &stranger, json!({ "params": params })).await;
        let text = reply.body.to_string();
        assert!(!text.contains("google_ads:") && !text.contains("harvest"), "{tool}: {text}");
    }
    let still = served.get(&format!("/api/drafts/{id}"), &marketer).await;
    assert_eq!(still.body["state"], "pending");
}

#[tokio::test]
async fn a_revoked_key_and_a_full_bucket_are_told() {
    let desk = Desk::new().await;
    let (served, world) = (&desk.served, &desk.world);
    let key = served.limited_key(&world.marketer, 2).await;
    assert_eq!(served.get("/api/conversations", &key).await.status, StatusCode::OK);
    assert_eq!(served.get("/api/conversations", &key).await.status, StatusCode::OK);
    let over = served.request(Method::GET, "/api/conversations", &key).send().await.unwrap();
    assert_eq!(over.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(over.headers().contains_key("retry-after"));
    let gone = served.key(&world.marketer).await;
    served.revoke_all(&world.marketer).await;
    assert_eq!(served.get("/api/conversations", &gone).await.body["code"], "auth.invalid");
}

#[tokio::test]
async fn guessing_credentials_is_slowed_down_and_locks_out_nobody_who_has_one() {
    let desk = Desk::new().await;
    let (served, key) = (&desk.served, desk.served.key(&desk.world.marketer).await);
    assert_eq!(served.get("/api/tools", &key).await.status, StatusCode::OK);
    let guess = async |n: u32| served.get("/api/tools", &format!("adj_nobody_{n:016}")).await;
    for n in 0..FAILURES_PER_MINUTE {
        assert_eq!(guess(n).await.body["code"], "auth.invalid", "{n}");
    }
    let mut refused = guess(100).await;
    for n in 101..110 {
        refused = guess(n).await;
        if refused.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("rate.limited"))
    );
    assert_eq!(served.get("/api/tools", &key).await.status, StatusCode::OK);
}
