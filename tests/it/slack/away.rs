//! Slack away for hours, and a token that stops working: nothing that was taken on is lost.
use super::desk::*;
use super::stored::{inbound, post_event};
use super::told::{answered, body, shown, thread, told, turns, words};
use super::workspace::Workspace;
use adjutant::fake_slack::{Fault, Transport};
use std::time::Duration;

/// Lets hours pass, in steps that leave the program time for what it does meanwhile.
async fn hours(w: &Workspace, hours: u32) {
    for _ in 0..hours * 12 {
        w.fake.wait_briefly(Duration::from_millis(20), |_| None::<()>).await;
        w.pass(Duration::from_secs(300));
    }
}

#[tokio::test]
async fn a_card_and_a_decision_outlive_half_a_day_without_slack() {
    let w = desk().await;
    w.fake.fail_always("chat.postMessage", Fault::Status(503));
    let drafted = pause_in_thread(&w).await;
    hours(&w, 6).await;
    w.fake.heal();
    hours(&w, 1).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    for method in ["chat.update", "chat.postMessage", "files.getUploadURLExternal"] {
        w.fake.fail_always(method, Fault::Status(503));
    }
    w.fake.click("aron", &shown, "Approve").unwrap();
    hours(&w, 6).await;
    w.fake.heal();
    hours(&w, 1).await;
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    line(&w, &drafted, "<@U0ARON> approved draft 1").await;
    w.said(&w.dm("mara"), "<@U0ARON> approved draft 1").await;
    w.until("the file", |ws| ws.files.values().find(|f| !f.shared.is_empty()).map(drop)).await;
}

#[tokio::test]
async fn a_question_that_came_while_the_token_was_dead_is_answered_once_it_works_again() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.token_works(false);
    let ts = w.fake.dm("mara", "how much did we spend last week?").unwrap();
    w.fake.settled().await;
    hours(&w, 2).await;
    assert_eq!(inbound(&w, "state", "true").await, ["new"]);
    w.fake.token_works(true);
    w.pass(Duration::from_secs(300));
    let dm = w.dm("mara");
    let said = answered(&w, &dm, &ts).await;
    shown(&w).await;
    assert!(said.iter().any(|m| body(m).contains("910")));
    assert_eq!(turns(&w).await, 1);
    let footed = w.fake.read(|ws| thread(ws, &dm, &ts).iter().filter(|m| super::told::is_footed(m)).count());
    assert_eq!(footed, 1);
}

#[tokio::test]
async fn nobody_waits_for_a_token_longer_than_a_day() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.token_works(false);
    post_event(&w, &super::stored::dm("EvLATE", "1758100001.0001", "hello")).await;
    hours(&w, 26).await;
    assert_eq!(inbound(&w, "state", "true").await, ["dead"]);
}

#[tokio::test]
async fn an_answer_whose_token_is_revoked_half_way_goes_on_when_it_works_again() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    w.until("the turn", |ws| (!ws.statuses.is_empty()).then_some(())).await;
    mouth.say("Once upon a time.\n");
    w.until("the beginning", |ws| (!thread(ws, "marketing", &ts).is_empty()).then_some(())).await;
    w.fake.token_works(false);
    mouth.say("There was a token.\n");
    mouth.done();
    for _ in 0..40 {
        w.fake.wait_briefly(Duration::from_millis(20), |_| None::<()>).await;
        w.pass(Duration::from_secs(10));
    }
    w.fake.token_works(true);
    w.pass(Duration::from_secs(300));
    answered(&w, "marketing", &ts).await;
    shown(&w).await;
    let said = w.fake.read(|ws| words(ws, "marketing", &ts));
    assert_eq!(said.split_whitespace().collect::<Vec<_>>().join(" "), "Once upon a time. There was a token.");
}
