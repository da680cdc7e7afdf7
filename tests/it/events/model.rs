//! Random batches against a model that knows the rules of §7 and nothing of the database: every item's status is foretold,
//! and what is stored equals what the model kept.
use super::*;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// What the model keeps of an id: the content stored now, and when the id came first.
struct Kept {
    content: u32,
    first: Timestamp,
}

#[derive(Default)]
struct Model {
    kept: HashMap<u128, Kept>,
}

/// An item: which id, and which content (0: one that no rule lets pass).
type Item = (u128, u32);

impl Model {
    fn batch(&mut self, items: &[Item], now: Timestamp) -> Vec<&'static str> {
        let mut first: HashMap<u128, u32> = HashMap::new();
        let mut told = Vec::new();
        for (id, content) in items {
            if *content == 0 {
                told.push("rejected");
                continue;
            }
            if let Some(earlier) = first.get(id) {
                told.push(if earlier == content { self.twin(*id, *content) } else { "rejected" });
                continue;
            }
            first.insert(*id, *content);
            told.push(self.item(*id, *content, now));
        }
        told
    }

    fn item(&mut self, id: u128, content: u32, now: Timestamp) -> &'static str {
        match self.kept.get_mut(&id) {
            None => {
                self.kept.insert(id, Kept { content, first: now });
                "accepted"
            }
            Some(kept) if kept.content == content => "duplicate",
            Some(kept) if now.duration_since(kept.first).as_secs() <= 300 => {
                kept.content = content;
                "replaced"
            }
            Some(_) => "rejected",
        }
    }

    /// An equal item later in a batch is a duplicate only of one that is stored.
    fn twin(&self, id: u128, content: u32) -> &'static str {
        if self.kept.get(&id).is_some_and(|kept| kept.content == content) { "duplicate" } else { "rejected" }
    }
}

fn event(start: Timestamp, (id, content): Item) -> Value {
    // The content decides the day too, so that a replaced fact may move.
    let at = before(start, i64::from(content) * 40_000);
    let mut event = match content % 2 {
        0 => purchase(id, at, &format!("{content}.25")),
        _ => click(id, at),
    };
    match content {
        0 => event["occurred_at"] = json!("yesterday"),
        content if content % 2 == 1 => event["properties"]["time_to_click_seconds"] = json!(content),
        _ => {}
    }
    event
}

#[tokio::test]
async fn random_batches_end_as_the_model_says() {
    let gate = Gate::new().await;
    let start = gate.now();
    let mut rng = StdRng::seed_from_u64(20_250_917);
    let mut model = Model::default();
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    let mut received = 0;
    for _ in 0..60 {
        let items: Vec<Item> = (0..rng.random_range(1..40))
            .map(|_| (rng.random_range(1..120u128), rng.random_range(0..5)))
            .collect();
        let events: Vec<Value> = items.iter().map(|item| event(start, *item)).collect();
        let foretold = model.batch(&items, gate.now());
        let told = gate.send(&events).await;
        assert_eq!(statuses(&told), foretold, "{items:?}\n{}", told.body);
        sums_hold(&told);
        received += items.len() as i64;
        for status in foretold {
            *sums.entry(status).or_default() += 1;
        }
        gate.world.clock.advance(Duration::from_secs(rng.random_range(0..60)));
    }
    assert!(
        ["accepted", "duplicate", "replaced", "rejected"].iter().all(|status| sums[status] > 20),
        "{sums:?}"
    );
    assert_eq!(received, sums.values().sum::<i64>());

    let mut tx = gate.world.db.org(gate.world.org).await.unwrap();
    let stored: Vec<(Uuid, String, i64, Option<String>)> = sqlx::query_as(
        "select id, name, extract(epoch from occurred_at)::bigint, value::numeric(18,2)::text from events order by id",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let mut expected: Vec<(Uuid, String, i64, Option<String>)> = model
        .kept
        .iter()
        .map(|(id, kept)| {
            let event = event(start, (*id, kept.content));
            let at: Timestamp = event["occurred_at"].as_str().unwrap().parse().unwrap();
            let name = event["name"].as_str().unwrap().to_owned();
            (Uuid::from_u128(*id), name, at.as_second(), event["value"].as_str().map(str::to_owned))
        })
        .collect();
    expected.sort();
    assert_eq!(stored, expected);

    let counted = async |sql: &'static str| gate.count(gate.world.org, sql).await;
    assert_eq!(counted("select sum(received)::bigint from data_quality_log").await, received);
    assert_eq!(counted("select sum(received - valid)::bigint from data_quality_log").await, sums["rejected"]);
    assert_eq!(counted("select sum(duplicate)::bigint from data_quality_log").await, sums["duplicate"]);
    assert_eq!(counted("select sum(replaced)::bigint from data_quality_log").await, sums["replaced"]);
    assert_eq!(
        counted("select sum(stored)::bigint from data_quality_log").await,
        sums["accepted"] + sums["replaced"]
    );
}
