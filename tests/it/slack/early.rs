//! A reply may be faster than our note of where the message stands that it replies to.
use super::desk::{card_in, desk, is_card, state};
use super::threads::wants;
use super::told::{answered, body};
use super::workspace::Workspace;
use crate::drafts::account::pause;
use adjutant::clock::Clock as _;
use adjutant::db::notices;
use adjutant::drafts::DraftState;
use adjutant::fake_slack::{Fault, Message, Transport};
use adjutant::ids::OutboxId;
use adjutant::report::notice::{Digest, Notice};

/// The message that stands in a channel while its sender still waits for Slack's word that it does.
async fn unnoted(w: &Workspace, channel: &str, is: impl Fn(&Message) -> bool) -> Message {
    let there = w
        .until("a message without an answer", |ws| {
            ws.in_channel(channel).into_iter().find(|m| is(m)).cloned()
        })
        .await;
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let noted: bool = sqlx::query_scalar(
        "select exists (select from card_messages where message_ref <> '')
             or exists (select from notice_messages where message_ref <> '')",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    assert!(!noted, "the story needs a message that is not noted");
    there
}

#[tokio::test]
async fn a_question_below_a_digest_that_is_not_noted_yet_is_answered() {
    let w = Workspace::new(Transport::Http).await;
    wants(&w, "digest", "C0MARKETING").await;
    w.fake.fail("chat.postMessage", Fault::HangAfter, 1);
    let day = "2025-09-17".parse().unwrap();
    let digest = Notice::Digest(Digest { day, found: 0, impact: None, top: Vec::new(), health: Vec::new() });
    let clock = &*w.world.clock;
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    notices::publish(&mut tx, w.world.org, OutboxId::new(clock), &digest, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let told = unnoted(&w, "marketing", Message::by_app).await;
    w.fake.reply("mara", &told, "how much did we spend last week?").unwrap();
    // What others say to each other meanwhile is still none of ours.
    let ts = w.fake.say("sofia", "marketing", "Lunch?").unwrap();
    w.fake.reply_at("aron", "marketing", &ts, "how much did we spend last week?").unwrap();
    let answer: String = answered(&w, "marketing", &told.ts).await.iter().map(body).collect();
    assert!(answer.contains("910"), "{answer}");
    let below = w.fake.read(|ws| ws.thread("C0MARKETING", &ts).len());
    assert_eq!(below, 1, "{}", w.fake.story());
}

#[tokio::test]
async fn a_decision_below_a_card_that_is_not_noted_yet_is_taken() {
    let w = desk().await;
    wants(&w, "reminder", "C0LEADS").await;
    w.fake.fail("chat.postMessage", Fault::HangAfter, 1);
    let created = pause(&w.world).await;
    let shown = unnoted(&w, "growth-leads", is_card).await;
    w.fake.reply("aron", &shown, "reject not before Monday").unwrap();
    card_in(&w, "growth-leads", "Rejected").await;
    assert_eq!(state(&w, created.id).await, DraftState::Rejected);
}
