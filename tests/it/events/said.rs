//! Every status of `events.md` §6 and what it is said with.
use super::*;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::StatusCode;
use std::io::Write as _;

fn code(reply: &Reply) -> (u16, &str) {
    (reply.status.as_u16(), reply.body["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_batch_is_stored_whole_in_part_or_not_at_all_and_says_so_item_by_item() {
    let gate = Gate::new().await;
    let good = gate.send(&[gate.click(1, 60), gate.purchase(2, 30, "59.99")]).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.body);
    assert_eq!(statuses(&good), ["accepted", "accepted"]);
    sums_hold(&good);
    assert!(good.body["batch_id"].as_str().unwrap().parse::<Uuid>().is_ok());
    assert_eq!(good.body["results"][0]["id"], json!(Uuid::from_u128(1)));

    let mut bad = gate.click(3, 0);
    bad["id"] = json!("abc");
    let mixed = gate.send(&[gate.click(1, 60), gate.click(4, 60), bad.clone()]).await;
    assert_eq!(mixed.status, StatusCode::MULTI_STATUS);
    assert_eq!(statuses(&mixed), ["duplicate", "accepted", "rejected"]);
    sums_hold(&mixed);
    let refused = &mixed.body["results"][2];
    assert_eq!(refused["id"], "abc");
    assert_eq!(refused["code"], "event.id_invalid");
    assert_eq!(refused["errors"][0]["message"], "Field 'id' must be a UUID.");
    assert_eq!(refused["errors"][0]["path"], "id");

    let none = gate.send(&[bad.clone(), bad]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(statuses(&none), ["rejected", "rejected"]);
    assert_eq!(gate.count(gate.world.org, "select count(*) from events").await, 3);
}

#[tokio::test]
async fn bodies_come_in_three_forms_and_packed() {
    let gate = Gate::new().await;
    let (a, b) = (gate.click(1, 60), gate.click(2, 60));
    let list = json!([a, b]).to_string();
    assert_eq!(statuses(&gate.raw(&[], list.clone()).await), ["accepted", "accepted"]);
    let lines = gate.raw(&[("content-type", "application/x-ndjson")], format!("{a}\n\n{b}\n")).await;
    assert_eq!(statuses(&lines), ["duplicate", "duplicate"]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(list.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let packed = gate.raw(&[("content-encoding", "gzip")], gzip.clone()).await;
    assert_eq!(statuses(&packed), ["duplicate", "duplicate"]);
    let zstd = zstd::encode_all(list.as_bytes(), 3).unwrap();
    assert_eq!(statuses(&gate.raw(&[("content-encoding", "zstd")], zstd).await), ["duplicate", "duplicate"]);
    let broken = gate.raw(&[("content-encoding", "gzip")], gzip[..gzip.len() / 2].to_vec()).await;
    assert_eq!(code(&broken), (400, "batch.encoding"));
}

#[tokio::test]
async fn what_is_no_batch_is_refused_before_anything_is_stored() {
    let gate = Gate::new().await;
    let invalid = gate.raw(&[], "{\"events\":[\n{\"id\":}]}").await;
    assert_eq!(code(&invalid), (400, "batch.invalid_json"));
    assert_eq!(invalid.body["detail"], "Body is not valid JSON (line 2, column 7).");
    assert!(invalid.body["request_id"].is_string());
    for body in ["[]", "{\"events\":[]}"] {
        let empty = gate.raw(&[], body).await;
        assert_eq!(code(&empty), (400, "batch.empty"));
        assert_eq!(empty.body["detail"], "The batch holds no events.");
    }
    let many: Vec<Value> = (1..=1001).map(|n| gate.click(n, 60)).collect();
    let many = gate.send(&many).await;
    assert_eq!(code(&many), (413, "batch.too_many"));
    assert_eq!(many.body["detail"], "A batch may hold at most 1000 events; got 1001.");
    let bomb = zstd::encode_all(&vec![b' '; (20 << 20) + 1][..], 3).unwrap();
    let bomb = gate.raw(&[("content-encoding", "zstd")], bomb).await;
    assert_eq!(code(&bomb), (413, "batch.too_large"));
    assert_eq!(bomb.body["detail"], "Decompressed body exceeds 20 MiB.");
    assert_eq!(code(&gate.raw(&[], vec![b' '; (20 << 20) + 1]).await), (413, "batch.too_large"));
    let packed = gate.raw(&[("content-encoding", "gzip")], vec![0; (5 << 20) + 1]).await;
    assert_eq!(code(&packed), (413, "batch.too_large"));
    assert_eq!(code(&gate.raw(&[("content-type", "text/csv")], "[]").await), (415, "batch.media_type"));
    let brotli = gate.raw(&[("content-encoding", "br")], "[]").await;
    assert_eq!(code(&brotli), (415, "batch.encoding"));
    assert_eq!(brotli.body["detail"], "Content-Encoding 'br' is not supported.");
    assert_eq!(gate.count(gate.world.org, "select count(*) from event_ids").await, 0);
}

#[tokio::test]
async fn only_a_key_with_the_permission_may_send() {
    let gate = Gate::new().await;
    let body = json!([gate.click(1, 60)]);
    let missing = gate.served.client.post(format!("{}/api/events", gate.served.url)).json(&body);
    assert_eq!(code(&reply(missing.send().await.unwrap()).await), (401, "auth.missing"));
    assert_eq!(code(&gate.send_as("adj_nobody_0123456789abcdef", &[]).await), (401, "auth.invalid"));
    for token in [gate.served.key(&gate.world.admin).await, gate.served.session(&gate.world.admin).await] {
        let refused = gate.served.post("/api/events", &token, body.clone()).await;
        assert_eq!(code(&refused), (403, "permission.missing"));
        assert_eq!(refused.body["detail"], "event.write is required.");
    }
}

#[tokio::test]
async fn a_key_has_so_many_requests_and_events_a_minute_and_every_reply_says_what_is_left() {
    let gate = Gate::new().await;
    let world = &gate.world;
    // The buckets refill by real time: nothing here depends on less than half a minute.
    let made = async |per_minute: i32, events_per_minute: i32| {
        let rules = KeyRules { events_per_minute, ..ordinary() };
        key(&world.db, &*world.clock, &world.marketer, &[Permission::EventWrite], per_minute, &rules).await
    };
    let left = |response: &reqwest::Response| {
        let of = |name: &str| response.headers()[name].to_str().unwrap().parse::<i64>().unwrap();
        (of("ratelimit-limit"), of("ratelimit-remaining"), of("ratelimit-reset"))
    };
    let send = async |key: &str, events: Vec<Value>| gate.post(key).json(&events).send().await.unwrap();
    let seldom = made(1, 1_000).await;
    // What is refused counts as well, and says what is left.
    let first = send(&seldom, vec![]).await;
    assert_eq!((first.status().as_u16(), left(&first)), (400, (1, 0, 60)));
    let limited = send(&seldom, vec![gate.click(6, 60)]).await;
    assert_eq!((limited.status().as_u16(), left(&limited)), (429, (1, 0, 60)));
    assert!(limited.headers().contains_key("retry-after"));
    assert_eq!(reply(limited).await.body["code"], "rate.limited");

    let few = made(1_000, 3).await;
    assert_eq!(send(&few, vec![gate.click(1, 60), gate.click(2, 60)]).await.status(), 200);
    // One is left: nothing of a batch of three is stored.
    let events = send(&few, vec![gate.click(3, 60), gate.click(4, 60), gate.click(5, 60)]).await;
    assert_eq!((events.status().as_u16(), left(&events).0), (429, 1_000));
    assert!(events.headers().contains_key("retry-after"));
    assert_eq!(reply(events).await.body["code"], "rate.limited");
    assert_eq!(gate.count(world.org, "select count(*) from events").await, 2);
}

#[tokio::test]
async fn a_batch_to_be_validated_is_judged_like_any_other_and_leaves_nothing() {
    let gate = Gate::new().await;
    gate.send(&[gate.click(1, 60)]).await;
    let mut other = gate.click(1, 60);
    other["properties"]["click_type"] = json!("headline");
    let mut late = gate.click(2, 3 * 86_400);
    late["name"] = json!("no_such_event");
    let validate = gate.served.request(Method::POST, "/api/events?validate=true", &gate.key);
    let told = reply(
        validate.json(&json!([gate.click(1, 60), other, gate.click(3, 60), late])).send().await.unwrap(),
    )
    .await;
    assert_eq!(told.status, StatusCode::MULTI_STATUS);
    assert_eq!(statuses(&told), ["duplicate", "rejected", "accepted", "rejected"]);
    assert_eq!(gate.count(gate.world.org, "select count(*) from events").await, 1);
    assert_eq!(gate.count(gate.world.org, "select count(*) from event_ids").await, 1);
    assert_eq!(gate.count(gate.world.org, "select sum(received)::bigint from data_quality_log").await, 1);
    assert_eq!(gate.count(gate.world.org, "select count(*) from rejected_samples").await, 0);
    let unclear = gate.served.request(Method::POST, "/api/events?validate=maybe", &gate.key);
    assert_eq!(code(&reply(unclear.json(&json!([])).send().await.unwrap()).await), (400, "request.query"));
}

#[tokio::test]
async fn one_item_that_cannot_be_never_costs_the_others() {
    let gate = Gate::new().await;
    for (n, fragment) in
        ["\"value\":1e999999", "\"value\":1e-999999", "\"id\":1e999999", "\"session\":1e999999"]
            .iter()
            .enumerate()
    {
        let good = gate.click(n as u128 + 1, 60);
        let bad = gate.click(n as u128 + 50, 60).to_string();
        let bad = format!(
            "{{{fragment},{}",
            &bad[1..].replace("\"id\":", if n == 2 { "\"x\":" } else { "\"id\":" })
        );
        let told = gate.raw(&[], format!("[{good},{bad}]")).await;
        assert_eq!(told.status.as_u16(), 207, "{fragment}: {}", told.body);
        assert_eq!(statuses(&told), ["accepted", "rejected"]);
    }
    // What no index takes: long, and not to be compressed.
    let mut view = gate.click(90, 60);
    // Small words of random letters: nothing that could be taken for a number or a secret.
    let mut rng = StdRng::seed_from_u64(7);
    let word =
        |rng: &mut StdRng| (0..5).map(|_| rng.random_range('g'..='w')).chain([' ']).collect::<String>();
    let long: String = (0..900).map(|_| word(&mut rng)).collect();
    view["name"] = json!("page_view");
    view["entity"] = json!({"type": "page", "id": "/sale"});
    view["properties"] = json!({"page_path": "/sale", "campaign_id": long});
    let told = gate.send(&[view, gate.click(91, 60)]).await;
    assert_eq!((told.status.as_u16(), statuses(&told)), (200, vec!["accepted", "accepted"]), "{}", told.body);
}
