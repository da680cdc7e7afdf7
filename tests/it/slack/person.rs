//! What is addressed to a person and what is addressed to their conversation with us is one queue, from the first message.
use super::desk::{is_card, link_staff};
use super::stored::worked;
use super::workspace::Workspace;
use crate::drafts::account::pause;
use adjutant::clock::Clock as _;
use adjutant::db::outbox as rows;
use adjutant::fake_slack::{Fault, Transport};
use adjutant::ids::OutboxId;
use adjutant::slack::blocks::{Message, kit, mrkdwn, plain};
use adjutant::slack::outbox;

const LONG: Fault = Fault::Limited(30);

fn says(text: &str) -> Message {
    Message::new(&plain(text), kit::sections(&mrkdwn(text)))
}

async fn asked_to_wait(w: &Workspace, calls: usize) {
    w.until("a refusal", |ws| (ws.calls("chat.postMessage").len() >= calls).then_some(())).await;
}

/// Nobody has spoken with us before: a notice opens the conversation, a click puts a card below it.
async fn a_notice_and_then_a_card(transport: Transport) {
    let w = Workspace::new(transport).await;
    link_staff(&w).await;
    w.fake.fail_always("chat.postMessage", LONG);
    pause(&w.world).await;
    let waits = w
        .until("all who are told", |ws| {
            let told = ws.calls("chat.postMessage").len();
            (told >= ws.calls("conversations.open").len() && told > 1).then_some(told)
        })
        .await;
    asked_to_wait(&w, waits).await;
    w.fake.open_home("sofia").unwrap();
    let tab = w.until("the tab", |ws| ws.homes.get("U0SOFIA").cloned()).await;
    w.fake.click_view("sofia", &tab, "card.review", None).unwrap();
    w.fake.settled().await;
    worked(&w).await;
    w.fake.heal();
    let dm = w.dm("sofia");
    w.until("the card", |ws| ws.in_channel(&dm).into_iter().find(|m| is_card(m)).map(drop)).await;
    let said = w.fake.messages(&dm);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].all_text().contains("waits for your review"), "{}", said[0].all_text());
    assert!(is_card(&said[1]));
}

#[tokio::test]
async fn a_card_stays_behind_the_notice_that_was_there_before_it() {
    a_notice_and_then_a_card(Transport::Http).await;
    a_notice_and_then_a_card(Transport::Socket).await;
}

/// The conversation is known from what the person said there.
async fn turn_by_turn(transport: Transport) {
    let w = Workspace::new(transport).await;
    w.fake.dm("mara", "link").unwrap();
    let dm = w.dm("mara");
    w.until("the first answer", |ws| ws.in_channel(&dm).into_iter().find(|m| m.by_app()).map(drop)).await;
    let before = w.fake.calls("chat.postMessage").len();
    w.fake.fail("chat.postMessage", LONG, 1);
    let to = |name: &str, text: &str| match name {
        "person" => outbox::dm("U0MARA", &says(text), text),
        _ => outbox::message(&dm, None, &says(text), text),
    };
    let all = [("person", "one"), ("conversation", "two"), ("person", "three"), ("conversation", "four")];
    for (n, (name, text)) in all.iter().enumerate() {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let id = OutboxId::new(&*w.world.clock);
        let now = w.world.clock.now();
        assert!(rows::enqueue(&mut tx, w.world.org, id, &to(name, text), now).await.unwrap());
        tx.commit().await.unwrap();
        if n == 0 {
            asked_to_wait(&w, before + 1).await;
        }
    }
    w.until("the last", |ws| ws.in_channel(&dm).into_iter().find(|m| m.text == "four").map(drop)).await;
    let said = w.fake.messages(&dm);
    let texts: Vec<&str> = said.iter().filter(|m| m.by_app()).map(|m| m.text.as_str()).skip(1).collect();
    assert_eq!(texts, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn messages_to_a_person_and_to_their_conversation_arrive_turn_by_turn() {
    turn_by_turn(Transport::Http).await;
    turn_by_turn(Transport::Socket).await;
}
