//! One id, one fact: retries, batches at the same time, other content early and late, other organisations.
use super::*;
use futures::future::join_all;
use std::time::Duration;

const FACTS: &str = "select count(*) from events";

#[tokio::test]
async fn an_identical_batch_again_changes_nothing() {
    let gate = Gate::new().await;
    let batch = [gate.click(1, 60), gate.purchase(2, 60, "10")];
    assert_eq!(statuses(&gate.send(&batch).await), ["accepted", "accepted"]);
    assert_eq!(statuses(&gate.send(&batch).await), ["duplicate", "duplicate"]);
    // The order of keys, white space and the spelling of a number are no other content.
    let mut number = gate.purchase(2, 60, "10");
    number["value"] = json!(10);
    assert_eq!(statuses(&gate.send(&[number.clone()]).await), ["replaced"]);
    let text = number.to_string().replace("\"value\":10", "\"value\": 1e1 ");
    assert!(text.contains("1e1"));
    let again = gate.raw(&[], format!("[{},{text}]", batch[0])).await;
    assert_eq!(again.status, 200);
    assert_eq!(statuses(&again), ["duplicate", "duplicate"], "{}", again.body);
    assert_eq!(gate.count(gate.world.org, FACTS).await, 2);
    assert_eq!(gate.count(gate.world.org, "select sum(duplicate)::bigint from data_quality_log").await, 4);
}

#[tokio::test]
async fn within_a_batch_an_equal_item_is_a_duplicate_and_another_one_a_conflict() {
    let gate = Gate::new().await;
    let mut other = gate.click(1, 60);
    other["properties"]["click_type"] = json!("headline");
    let told = gate.send(&[gate.click(1, 60), gate.click(1, 60), other]).await;
    assert_eq!(told.status, 207);
    assert_eq!(statuses(&told), ["accepted", "duplicate", "rejected"]);
    assert_eq!(told.body["results"][2]["code"], "event.duplicate_conflict");
    sums_hold(&told);
    assert_eq!(gate.count(gate.world.org, FACTS).await, 1);
}

#[tokio::test]
async fn other_content_within_five_minutes_takes_the_place_and_later_is_a_conflict() {
    let gate = Gate::new().await;
    let org = gate.world.org;
    gate.send(&[gate.purchase(1, 60, "10")]).await;
    let first = gate.now();
    gate.world.clock.advance(Duration::from_secs(240));
    // Another moment too: the fact moves, even to another month's partition.
    let moved = purchase(1, before(first, 20 * 86_400), "20");
    let replaced = gate.send(std::slice::from_ref(&moved)).await;
    assert_eq!((replaced.status.as_u16(), statuses(&replaced)), (200, vec!["replaced"]));
    sums_hold(&replaced);
    assert_eq!(gate.count(org, FACTS).await, 1);
    assert_eq!(gate.count(org, "select sum(value)::bigint from events").await, 20);
    let history = "select count(*) from event_ids where jsonb_array_length(history) = 1
                   and history -> 0 ->> 'hash' <> encode(payload_hash, 'hex')
                   and first_received_at = '2025-09-17T09:00:00Z' and occurred_on = '2025-08-28'";
    assert_eq!(gate.count(org, history).await, 1);
    assert_eq!(statuses(&gate.send(&[moved]).await), ["duplicate"]);
    gate.world.clock.advance(Duration::from_secs(120));
    let late = gate.send(&[purchase(1, before(first, 60), "30")]).await;
    assert_eq!((late.status.as_u16(), statuses(&late)), (422, vec!["rejected"]));
    assert_eq!(late.body["results"][0]["code"], "event.duplicate_conflict");
    assert_eq!(
        late.body["results"][0]["errors"][0]["message"],
        "Event id was already stored with different content at 2025-09-17T09:00:00Z."
    );
    assert_eq!(gate.count(org, "select sum(value)::bigint from events").await, 20);
    assert_eq!(gate.count(org, "select sum(replaced)::bigint from data_quality_log").await, 1);
}

#[tokio::test]
async fn identical_batches_at_the_same_time_are_stored_once() {
    let gate = Gate::new().await;
    // In other orders, so that they would wait for each other if each took its ids as they come.
    let batch: Vec<Value> = (1..=60).map(|n| gate.click(n, 60)).collect();
    let mut turned = batch.clone();
    turned.reverse();
    let told = join_all((0..12).map(|n| gate.send(if n % 2 == 0 { &batch } else { &turned }))).await;
    let mut accepted = 0;
    for reply in &told {
        assert_eq!(reply.status, 200, "{}", reply.body);
        sums_hold(reply);
        accepted += reply.body["accepted"].as_i64().unwrap();
    }
    assert_eq!(accepted, 60);
    assert_eq!(gate.count(gate.world.org, FACTS).await, 60);
    assert_eq!(gate.count(gate.world.org, "select sum(stored)::bigint from data_quality_log").await, 60);
    assert_eq!(gate.count(gate.world.org, "select sum(received)::bigint from data_quality_log").await, 720);
}

#[tokio::test]
async fn an_id_belongs_to_its_organisation() {
    let gate = Gate::new().await;
    let other = gate.world.other_org().await;
    let theirs = Gate::key_of(&gate.world, &other.marketer, &ordinary()).await;
    assert_eq!(statuses(&gate.send(&[gate.purchase(1, 60, "10")]).await), ["accepted"]);
    // Neither a duplicate nor a conflict: nothing tells one organisation what another sent.
    assert_eq!(statuses(&gate.send_as(&theirs, &[gate.purchase(1, 60, "99")]).await), ["accepted"]);
    for (org, value) in [(gate.world.org, 10), (other.org, 99)] {
        assert_eq!(gate.count(org, FACTS).await, 1);
        assert_eq!(gate.count(org, "select sum(value)::bigint from events").await, value);
        assert_eq!(gate.count(org, "select count(*) from event_ids").await, 1);
        assert_eq!(gate.count(org, "select sum(received)::bigint from data_quality_log").await, 1);
    }
}

#[tokio::test]
async fn a_fact_that_outlived_its_id_in_the_ledger_is_a_duplicate() {
    let gate = Gate::new().await;
    gate.send(&[gate.click(1, 60)]).await;
    sqlx::query("delete from event_ids").execute(&mut gate.world.superuser().await).await.unwrap();
    let told = gate.send(&[gate.click(1, 60), gate.click(2, 60)]).await;
    assert_eq!(statuses(&told), ["duplicate", "accepted"]);
    assert_eq!(gate.count(gate.world.org, FACTS).await, 2);
    // Other content at the same moment is a conflict with the fact, not with the ledger that knew nothing of it.
    sqlx::query("delete from event_ids").execute(&mut gate.world.superuser().await).await.unwrap();
    let mut other = gate.click(1, 60);
    other["properties"]["click_type"] = json!("headline");
    let told = gate.send(&[other, gate.click(2, 60)]).await;
    assert_eq!(statuses(&told), ["rejected", "duplicate"]);
    assert_eq!(told.body["results"][0]["code"], "event.duplicate_conflict");
    assert_eq!(statuses(&gate.send(&[gate.click(1, 60)]).await), ["duplicate"]);
}
