//! The outbox as its senders see it: order within a channel, one sender at a time, nothing twice.
use crate::world::World;
use adjutant::access::Surface;
use adjutant::clock::Clock as _;
use adjutant::db::outbox::{self, Again, OutKind, Outgoing, Row};
use adjutant::db::slack::conversations;
use adjutant::ids::OutboxId;
use adjutant::jobs::cleanup;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const S: Surface = Surface::Slack;

fn out(channel: &str, key: &str) -> Outgoing {
    Outgoing {
        surface: S,
        channel_ref: channel.to_owned(),
        kind: OutKind::Message,
        payload: json!({"method": "chat.postMessage", "args": {"text": key}}),
        dedupe_key: key.to_owned(),
        not_before: None,
    }
}

impl World {
    fn at(&self, seconds: i64) -> Timestamp {
        self.clock.now() + seconds.seconds()
    }

    async fn put(&self, out: Outgoing) -> bool {
        let mut tx = self.db.org(self.org).await.unwrap();
        let id = OutboxId::new(&*self.clock);
        let new = outbox::enqueue(&mut tx, self.org, id, &out, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        new
    }

    async fn due(&self, owner: &str, seconds: i64) -> Vec<String> {
        let mut tx = self.db.org(self.org).await.unwrap();
        outbox::due(&mut tx, self.org, S, owner, self.at(seconds), 10).await.unwrap()
    }

    /// The row that `owner` gets at so many seconds from now, under a lease of 60 s.
    async fn take(&self, owner: &str, channel: &str, seconds: i64) -> Option<Row> {
        let mut tx = self.db.org(self.org).await.unwrap();
        let (now, until) = (self.at(seconds), self.at(seconds + 60));
        let row = outbox::take(&mut tx, self.org, S, channel, owner, now, until).await.unwrap();
        tx.commit().await.unwrap();
        row
    }

    async fn key(&self, owner: &str, channel: &str, seconds: i64) -> Option<String> {
        self.take(owner, channel, seconds).await.map(|row| row.dedupe_key)
    }

    async fn sent(&self, owner: &str, row: &Row) -> bool {
        let mut tx = self.db.org(self.org).await.unwrap();
        let done = outbox::sent(&mut tx, self.org, row.id, owner, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        done
    }

    async fn again(&self, owner: &str, row: &Row, again: Again<'_>) {
        let mut tx = self.db.org(self.org).await.unwrap();
        assert!(outbox::again(&mut tx, self.org, row.id, owner, &again).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn leave(&self, owner: &str, channel: &str) {
        let mut tx = self.db.org(self.org).await.unwrap();
        outbox::leave(&mut tx, self.org, S, channel, owner).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn retry(at: Timestamp) -> Again<'static> {
    Again { retry_at: at, failed: true, uncertain: false, plain: false, error: "500" }
}

#[tokio::test]
async fn a_channel_is_sent_in_order_and_a_key_once() {
    let world = World::new().await;
    for key in ["one", "two", "three"] {
        assert!(world.put(out("C1", key)).await);
    }
    assert!(!world.put(out("C1", "two")).await, "the key is known");
    assert!(!world.put(out("C2", "two")).await, "in whatever channel");
    let mut sent = Vec::new();
    while let Some(row) = world.take("a", "C1", 0).await {
        assert!(!row.uncertain && row.attempts == 0);
        assert!(world.sent("a", &row).await);
        sent.push(row.dedupe_key);
    }
    assert_eq!(sent, ["one", "two", "three"]);
}

#[tokio::test]
async fn one_sender_at_a_time_until_its_lease_ends() {
    let world = World::new().await;
    world.put(out("C1", "one")).await;
    world.put(out("C1", "two")).await;
    world.put(out("C2", "other")).await;
    let first = world.take("a", "C1", 0).await.unwrap();
    assert!(world.take("b", "C1", 0).await.is_none(), "the lane is held");
    assert_eq!(world.due("b", 0).await, ["C2"]);
    assert!(world.sent("a", &first).await);
    assert!(world.take("b", "C1", 30).await.is_none(), "still held after the first message");
    world.take("a", "C1", 30).await.unwrap();
    assert_eq!(world.due("b", 100).await, ["C1", "C2"], "the holder is dead");
    let row = world.take("b", "C1", 100).await.unwrap();
    assert_eq!(row.dedupe_key, "two");
    assert!(row.uncertain, "it may have been sent before");
    assert!(!world.sent("a", &row).await, "the dead one wakes and may not say so");
    assert!(world.sent("b", &row).await);
    world.leave("b", "C1").await;
    assert_eq!(world.due("a", 100).await, ["C2"]);
}

#[tokio::test]
async fn another_try_holds_up_its_channel_and_a_later_start_does_not() {
    let world = World::new().await;
    let later = Outgoing { not_before: Some(world.at(3600)), ..out("C1", "later") };
    world.put(later).await;
    world.put(out("C1", "one")).await;
    world.put(out("C1", "two")).await;
    let row = world.take("a", "C1", 0).await.unwrap();
    assert_eq!(row.dedupe_key, "one");
    world.again("a", &row, retry(world.at(20))).await;
    assert_eq!(world.key("a", "C1", 10).await, None);
    assert!(world.due("a", 10).await.is_empty());
    let mut tx = world.db.org(world.org).await.unwrap();
    let next = outbox::next_moment(&mut tx, world.org, S, world.at(10)).await.unwrap();
    drop(tx);
    assert_eq!(next, Some(world.at(20)), "the other try, not the later start");
    let row = world.take("a", "C1", 20).await.unwrap();
    assert_eq!((row.dedupe_key.as_str(), row.attempts, row.uncertain), ("one", 1, false));
    world.sent("a", &row).await;
    let row = world.take("a", "C1", 20).await.unwrap();
    assert_eq!(row.dedupe_key, "two");
    world.sent("a", &row).await;
    assert_eq!(world.key("a", "C1", 20).await, None);
    assert_eq!(world.key("a", "C1", 3600).await.as_deref(), Some("later"));
}

#[tokio::test]
async fn many_causes_at_once_keep_every_message_and_their_own_order() {
    let world = World::new().await;
    let writers = (0..8).map(|writer| {
        let (db, org, clock) = (world.db.clone(), world.org, world.clock.clone());
        tokio::spawn(async move {
            for n in 0..5 {
                let mut tx = db.org(org).await.unwrap();
                let id = OutboxId::new(&*clock);
                let out = out("C1", &format!("{writer}:{n}"));
                assert!(outbox::enqueue(&mut tx, org, id, &out, clock.now()).await.unwrap());
                tx.commit().await.unwrap();
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    let (mut seen, mut last) = (BTreeSet::new(), [-1; 8]);
    while let Some(row) = world.take("a", "C1", 0).await {
        let (writer, n) = row.dedupe_key.split_once(':').unwrap();
        let (writer, n): (usize, i32) = (writer.parse().unwrap(), n.parse().unwrap());
        assert!(n > last[writer], "{} after {}", row.dedupe_key, last[writer]);
        last[writer] = n;
        world.sent("a", &row).await;
        seen.insert(row.dedupe_key);
    }
    assert_eq!(seen.len(), 40);
}

#[tokio::test]
async fn what_was_sent_is_kept_for_thirty_days() {
    let world = World::new().await;
    let left = async || {
        cleanup::run(world.round()).await.unwrap();
        let mut tx = world.db.org(world.org).await.unwrap();
        let keys = sqlx::query_scalar("select dedupe_key from outbox order by seq");
        keys.fetch_all(&mut *tx).await.unwrap() as Vec<String>
    };
    world.put(out("C1", "sent")).await;
    world.put(out("C1", "waits")).await;
    let row = world.take("a", "C1", 0).await.unwrap();
    assert!(world.sent("a", &row).await);
    world.clock.advance(Duration::from_secs(29 * 24 * 3600));
    assert_eq!(left().await, ["sent", "waits"]);
    world.clock.advance(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(left().await, ["waits"], "what was not sent stays");
}

#[tokio::test]
async fn a_row_given_up_lets_the_next_one_go_and_what_is_done_is_dropped_in_time() {
    let world = World::new().await;
    world.put(out("C1", "bad")).await;
    world.put(out("C1", "good")).await;
    let row = world.take("a", "C1", 0).await.unwrap();
    let mut tx = world.db.org(world.org).await.unwrap();
    assert!(outbox::dead(&mut tx, world.org, row.id, "a", "channel_not_found", world.at(0)).await.unwrap());
    tx.commit().await.unwrap();
    let row = world.take("a", "C1", 0).await.unwrap();
    assert_eq!(row.dedupe_key, "good");
    let mut tx = world.db.org(world.org).await.unwrap();
    assert_eq!(outbox::purge(&mut tx, world.org, world.at(1)).await.unwrap(), 1, "not the one in hand");
}

impl World {
    /// It turns out that C… is the conversation of a person.
    async fn is_of(&self, channel: &str, person: &str) {
        let mut tx = self.db.org(self.org).await.unwrap();
        conversations::remember(&mut tx, self.org, person, channel, self.at(0)).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_for_a_person_and_for_their_conversation_is_one_queue_also_in_looking_back() {
    let world = World::new().await;
    for (n, channel) in ["U1", "D1", "U1", "D1", "D2"].into_iter().enumerate() {
        world.clock.advance(Duration::from_millis(1));
        world.put(out(channel, &format!("{n}"))).await;
    }
    world.is_of("D1", "U1").await;
    // From here on the order holds within one instant, too.
    for (n, channel) in [(5, "D1"), (6, "U1"), (7, "D1")] {
        world.put(out(channel, &format!("{n}"))).await;
    }
    assert_eq!(world.due("a", 0).await, ["D2", "U1"]);
    assert!(world.take("a", "D1", 0).await.is_none(), "it is called by the person");
    world.leave("a", "D1").await;
    let mut sent = Vec::new();
    while let Some(row) = world.take("a", "U1", 0).await {
        world.sent("a", &row).await;
        sent.push((row.dedupe_key, row.channel_ref));
    }
    let keys: Vec<&str> = sent.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["0", "1", "2", "3", "5", "6", "7"]);
    assert_eq!(sent[1].1, "D1", "where it goes is as it was said");
    assert_eq!(world.key("a", "D2", 0).await.as_deref(), Some("4"), "nobody's conversation goes by itself");
}

#[tokio::test]
async fn whose_a_conversation_is_may_turn_out_while_something_is_sent_there() {
    let world = World::new().await;
    world.put(out("D1", "one")).await;
    let row = world.take("a", "D1", 0).await.unwrap();
    world.put(out("U1", "two")).await;
    world.is_of("D1", "U1").await;
    for owner in ["a", "b"] {
        assert!(world.due(owner, 0).await.is_empty(), "what is in hand is not sent twice by {owner}");
        assert!(world.take(owner, "U1", 0).await.is_none());
        world.leave(owner, "U1").await;
    }
    world.sent("a", &row).await;
    assert!(world.take("a", "D1", 0).await.is_none());
    world.leave("a", "D1").await;
    assert_eq!(world.due("b", 0).await, ["U1"]);
    assert_eq!(world.key("b", "U1", 0).await.as_deref(), Some("two"));
}
