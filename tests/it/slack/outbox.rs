//! Messages that must arrive, on Slack's bad days and ours: each once, in the order of its channel.
use super::workspace::Workspace;
use adjutant::clock::Clock as _;
use adjutant::db::outbox::{self as rows, Outgoing};
use adjutant::fake_slack::{Fault, Message as Posted, Transport};
use adjutant::ids::OutboxId;
use adjutant::slack::blocks::{Message, kit, mrkdwn, plain};
use adjutant::slack::outbox;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const CHANNEL: &str = "C0MARKETING";

async fn workspace() -> Workspace {
    Workspace::new(Transport::Socket).await
}

fn says(text: &str) -> Message {
    Message::new(&plain(text), kit::sections(&mrkdwn(text)))
}

fn posts(text: &str) -> Outgoing {
    outbox::message(CHANNEL, None, &says(text), text)
}

impl Workspace {
    async fn put(&self, out: Outgoing) {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        let id = OutboxId::new(&*self.world.clock);
        let now = self.world.clock.now();
        assert!(rows::enqueue(&mut tx, self.world.org, id, &out, now).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// State and error of a row, by its key.
    async fn row(&self, key: &str) -> (String, Option<String>) {
        let mut superuser = self.world.superuser().await;
        sqlx::query_as("select state, error from outbox where dedupe_key = $1")
            .bind(key)
            .fetch_one(&mut superuser)
            .await
            .unwrap()
    }

    /// Lets time pass until a row has this state.
    async fn until_row(&self, key: &str, state: &str) -> Option<String> {
        for _ in 0..400 {
            let (now, error) = self.row(key).await;
            if now == state {
                return error;
            }
            self.fake.wait_briefly(Duration::from_millis(50), |_| None::<()>).await;
            self.pass(Duration::from_secs(2));
        }
        panic!("'{key}' is {:?}, not {state}\n{}", self.row(key).await, self.fake.story());
    }

    async fn where_it_is(&self, key: &str) -> Option<String> {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        rows::reference(&mut tx, self.world.org, key).await.unwrap()
    }

    fn posted(&self) -> Vec<Posted> {
        self.fake.messages(CHANNEL)
    }

    fn texts(&self) -> Vec<String> {
        self.posted().into_iter().map(|message| message.text).collect()
    }
}

#[tokio::test]
async fn a_channel_is_served_in_order_by_two_senders_at_once() {
    let w = workspace().await;
    let stop = CancellationToken::new();
    let second = {
        let (slack, stop) = (w.slack.clone(), stop.clone());
        tokio::spawn(async move { outbox::run(&slack, stop).await })
    };
    let texts: Vec<String> = (0..8).map(|n| format!("message {n}")).collect();
    for text in &texts {
        w.put(posts(text)).await;
    }
    w.until_row("message 7", "sent").await;
    assert_eq!(w.texts(), texts);
    let at: Vec<_> = w.fake.calls("chat.postMessage").iter().map(|call| call.at).collect();
    let gaps = at.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_millis());
    assert!(gaps.into_iter().all(|gap| gap >= 0), "in the order of the rows");
    stop.cancel();
    second.await.unwrap();
}

#[tokio::test]
async fn what_fails_is_tried_again_and_what_follows_waits() {
    let w = workspace().await;
    // One at a time: with two faults waiting, what follows would meet the second one instead of overtaking.
    for (fault, first, second) in
        [(Fault::Status(500), "a", "b"), (Fault::Malformed, "c", "d"), (Fault::Page, "e", "f")]
    {
        w.fake.fail("chat.postMessage", fault, 1);
        w.put(posts(first)).await;
        w.put(posts(second)).await;
        w.until_row(second, "sent").await;
        assert_eq!(w.row(first).await.0, "sent", "{second} waited for it");
    }
    assert_eq!(w.texts(), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(w.fake.calls("chat.postMessage").len(), 9);
}

/// The message is in the channel, and its answer never came: it is found there, and not sent again.
#[tokio::test]
async fn a_message_whose_answer_was_lost_is_not_sent_twice() {
    let w = workspace().await;
    w.put(posts("parent")).await;
    w.until_row("parent", "sent").await;
    let parent = w.where_it_is("parent").await.unwrap();
    for (key, thread) in [("alone", None), ("in a thread", Some(parent.as_str()))] {
        w.fake.fail("chat.postMessage", Fault::HangAfter, 1);
        w.put(outbox::message(CHANNEL, thread, &says(key), key)).await;
        w.until_row(key, "sent").await;
        let here: Vec<Posted> = w.posted().into_iter().filter(|message| message.text == key).collect();
        assert_eq!(here.len(), 1, "{}", w.fake.story());
        assert_eq!(w.where_it_is(key).await.as_deref(), Some(here[0].ts.as_str()));
    }
}

/// The program dies between the sending of a message and the note that it was sent.
#[tokio::test]
async fn a_message_is_not_sent_twice_when_the_sender_dies_in_between() {
    let mut w = workspace().await;
    w.fake.fail("chat.postMessage", Fault::HangAfter, 1);
    w.put(posts("decided")).await;
    w.put(posts("after it")).await;
    w.until("the message", |ws| ws.in_channel(CHANNEL).first().map(|_| ())).await;
    w.kill_and_start().await;
    w.until_row("after it", "sent").await;
    assert_eq!(w.texts(), ["decided", "after it"]);
    assert_eq!(w.row("decided").await.0, "sent");
}

#[tokio::test]
async fn a_pause_that_slack_asks_for_is_kept_and_holds_up_its_channel_only() {
    let w = workspace().await;
    w.fake.fail("chat.postMessage", Fault::Limited(30), 1);
    w.put(posts("slow")).await;
    w.fake.wait_for("the refusal", |ws| (!ws.calls("chat.postMessage").is_empty()).then_some(())).await;
    let asked = w.world.clock.now();
    w.put(posts("slow too")).await;
    w.put(outbox::message("C0GENERAL", None, &says("elsewhere"), "elsewhere")).await;
    // While the clock stands still: only this channel waits.
    w.fake.wait_for("the other channel", |ws| ws.in_channel("general").first().map(drop)).await;
    w.until_row("slow too", "sent").await;
    assert_eq!(w.texts(), ["slow", "slow too"]);
    let calls = w.fake.calls("chat.postMessage");
    let of = |channel: &str| {
        calls.iter().filter(|c| c.args["channel"] == channel).map(|c| c.at).collect::<Vec<_>>()
    };
    let waited = of(CHANNEL)[1].duration_since(asked).as_secs();
    assert!(waited >= 30, "{waited} s");
    assert_eq!(of("C0GENERAL"), [asked]);
    assert_eq!(of(CHANNEL).len(), 3, "not asked in between");
}

#[tokio::test]
async fn refused_blocks_leave_the_text() {
    let w = workspace().await;
    let broken = Message::new(&plain("Spend <!here> & more"), vec![json!({"type": "section"})]);
    w.put(outbox::message(CHANNEL, None, &broken, "broken")).await;
    w.put(posts("next")).await;
    w.until_row("next", "sent").await;
    assert_eq!(w.texts(), ["Spend ‹!here› &amp; more", "next"]);
    assert!(w.posted()[0].blocks.is_empty());
}

#[tokio::test]
async fn what_slack_refuses_for_good_is_given_up_and_the_next_one_goes() {
    let w = workspace().await;
    w.put(outbox::message(CHANNEL, Some("1700000000.000001"), &says("lost"), "lost")).await;
    w.put(posts("next")).await;
    w.until_row("next", "sent").await;
    let (state, error) = w.row("lost").await;
    assert_eq!((state.as_str(), error.as_deref()), ("dead", Some("Slack refused: thread_not_found")));
    assert_eq!(w.texts(), ["next"]);
}

/// Lets time pass, five minutes at a time, until this holds; gives how long that took.
async fn pass_until(w: &Workspace, holds: impl AsyncFn() -> bool) -> Duration {
    for steps in 0..800 {
        if holds().await {
            return Duration::from_secs(300 * steps);
        }
        w.fake.wait_briefly(Duration::from_millis(15), |_| None::<()>).await;
        w.pass(Duration::from_secs(300));
    }
    panic!("for days nothing happened\n{}", w.fake.story());
}

#[tokio::test]
async fn slack_away_for_hours_costs_no_message() {
    let w = workspace().await;
    let most = usize::try_from(outbox::ATTEMPTS).unwrap();
    w.fake.fail_always("chat.postMessage", Fault::Status(503));
    w.put(posts("late")).await;
    let took = pass_until(&w, async || w.fake.calls("chat.postMessage").len() > most + 4).await;
    assert!(took > Duration::from_secs(3600), "{took:?}: it is not asked all the time");
    let (state, error) = w.row("late").await;
    assert_eq!(error.as_deref(), Some("Slack did not answer properly: HTTP 503"));
    assert_ne!(state, "dead");
    w.fake.heal();
    w.until_row("late", "sent").await;
    assert_eq!(w.texts(), ["late"]);
}

#[tokio::test]
async fn after_days_and_for_words_in_passing_earlier_a_message_is_given_up() {
    let w = workspace().await;
    w.fake.fail_always("chat.postMessage", Fault::Status(503));
    w.fake.fail_always("chat.postEphemeral", Fault::Status(503));
    let mut passing = posts("in passing");
    passing.payload["method"] = json!("chat.postEphemeral");
    passing.payload["args"]["user"] = json!("U0MARA");
    passing.channel_ref = "C0GENERAL".to_owned();
    w.put(passing).await;
    w.put(posts("too late")).await;
    pass_until(&w, async || w.row("in passing").await.0 == "dead").await;
    assert_eq!(w.fake.calls("chat.postEphemeral").len(), usize::try_from(outbox::ATTEMPTS).unwrap());
    assert_ne!(w.row("too late").await.0, "dead");
    w.pass(outbox::PATIENCE);
    pass_until(&w, async || w.row("too late").await.0 == "dead").await;
}

#[tokio::test]
async fn a_revoked_token_keeps_the_messages() {
    let w = workspace().await;
    w.fake.fail("chat.postMessage", Fault::Refuse("token_revoked"), 2);
    w.put(posts("later")).await;
    w.fake.wait_for("the refusal", |ws| (!ws.calls("chat.postMessage").is_empty()).then_some(())).await;
    w.until_row("later", "sent").await;
    assert_eq!(w.texts(), ["later"]);
}

#[tokio::test]
async fn direct_messages_updates_and_threads_find_their_place() {
    let w = workspace().await;
    w.put(outbox::dm("U0MARA", &says("approved"), "dm")).await;
    w.put(posts("card")).await;
    let mut line = outbox::message(CHANNEL, None, &says("what happened"), "line");
    line.payload["thread_of"] = json!("card");
    w.put(line).await;
    let mut change = outbox::update(CHANNEL, "", &says("decided"), "change");
    change.payload["ts_of"] = json!("card");
    w.put(change).await;
    let mut orphan = outbox::update(CHANNEL, "", &says("nothing"), "orphan");
    orphan.payload["ts_of"] = json!("never");
    w.put(orphan).await;
    w.until_row("dm", "sent").await;
    w.until_row("orphan", "dead").await;
    let dm = w.dm("mara");
    assert_eq!(w.fake.messages(&dm).last().unwrap().text, "approved");
    let posted = w.posted();
    assert_eq!(w.texts(), ["decided", "what happened"]);
    assert_eq!(posted[1].thread_ts.as_deref(), Some(posted[0].ts.as_str()));
}

#[tokio::test]
async fn a_file_is_shown_once_whatever_step_fails() {
    let w = workspace().await;
    for (key, step, fault) in [
        ("plain.csv", "users.info", Fault::Status(500)),
        ("address.csv", "files.getUploadURLExternal", Fault::Status(500)),
        ("bytes.csv", "upload", Fault::Status(500)),
        ("shown.csv", "files.completeUploadExternal", Fault::HangAfter),
        ("unseen.csv", "files.completeUploadExternal", Fault::Status(500)),
    ] {
        w.fake.fail(step, fault, 1);
        w.put(outbox::file(CHANNEL, None, key, "Terms", b"a,b\n1,2\n", key)).await;
        w.until_row(key, "sent").await;
        w.fake.heal();
        let id = w.where_it_is(key).await.unwrap();
        let file = w.fake.read(|ws| ws.files[&id].clone());
        assert_eq!((file.name.as_str(), file.bytes.as_deref()), (key, Some(&b"a,b\n1,2\n"[..])));
        assert_eq!(file.shared.len(), 1, "{key}");
    }
    assert_eq!(w.posted().len(), 5);
}
