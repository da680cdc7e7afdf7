//! Clicks and words that cannot be worked on: no card stays at "Processing…", nobody is told what they did not ask for.
use super::desk::*;
use super::stored::{inbound, outgoing, worked};
use super::told::{answered, body};
use super::workspace::Workspace;
use crate::drafts::account::sql;
use adjutant::drafts::DraftState;
use adjutant::fake_slack::{Fault, Submitted, Transport};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_click_that_is_given_up_leaves_the_card_with_its_buttons() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let mut superuser = w.world.superuser().await;
    let broken = "create function out_of_order() returns trigger language plpgsql as
                  $$ begin raise exception 'the disk is full'; end $$;
                  create trigger out_of_order before insert on reviews for each row execute function out_of_order()";
    sql(&mut superuser, w.world.org, broken).await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    w.fake.settled().await;
    w.until("the card being worked on", |ws| {
        ws.message(&shown.channel, &shown.ts).filter(|m| m.all_text().contains("Processing")).map(drop)
    })
    .await;
    worked(&w).await;
    assert_eq!(inbound(&w, "state", "kind = 'block_actions'").await, ["dead"]);
    whisper(&w, "aron", "something went wrong on our side").await;
    let back = card(&w, &drafted, "0/1 approvals").await;
    assert!(buttons(&back).contains(&"Approve".to_owned()), "{:?}", buttons(&back));
    // And they work.
    sql(&mut superuser, w.world.org, "drop trigger out_of_order on reviews").await;
    w.fake.click("aron", &back, "Approve").unwrap();
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
}

#[tokio::test]
async fn a_processing_that_arrives_after_the_outcome_does_not_stay() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.fail("response_url", Fault::Status(502), 1);
    w.fake.click("aron", &shown, "Approve").unwrap();
    let decided = card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    // What was lost on the way arrives now.
    w.fake.arrange(|ws| {
        let late =
            ws.messages.iter_mut().find(|m| m.channel == decided.channel && m.ts == decided.ts).unwrap();
        late.blocks.truncate(1);
        "Draft 1: processing…".clone_into(&mut late.text);
    });
    w.pass(Duration::from_secs(60));
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
}

#[tokio::test]
async fn whoever_clicks_the_card_of_an_older_revision_is_told_before_a_form_opens() {
    let w = desk().await;
    let drafted = raise_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("aron", &shown, "Reject").unwrap();
    let early = view(&w, "aron", "Reject draft 1").await;
    w.fake.reply("sofia", &shown, "edit: new daily budget: 55").unwrap();
    card(&w, &drafted, "revision 2").await;
    w.fake.click("adele", &shown, "Reject").unwrap();
    whisper(&w, "adele", "You reviewed revision 1; revision 2 is current.").await;
    assert!(w.fake.read(|ws| ws.views.values().all(|v| v.user != "U0ADELE")), "no form");
    // A form that was open already is about what was looked at.
    let filled = [("category", json!("too_risky")), ("reason", json!("Not with this figure."))];
    let sent = w.fake.submit("aron", &early.id, &filled).await.unwrap();
    assert!(matches!(sent, Submitted::Closed), "{sent:?}");
    whisper(&w, "aron", "You reviewed revision 1; revision 2 is current.").await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
}

#[tokio::test]
async fn a_question_from_the_card_stands_above_its_answer() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    choose(&w, "aron", &shown, "Ask a question");
    let form = view(&w, "aron", "draft 1").await;
    w.fake
        .submit("aron", &form.id, &[("question", json!("how much did we spend last week?"))])
        .await
        .unwrap();
    let said = answered(&w, "marketing", &drafted.thread).await;
    let answer: String = said.iter().filter(|m| !is_card(m)).map(body).collect();
    assert!(answer.trim_start().starts_with("> how much did we spend last week?"), "{answer}");
}

#[tokio::test]
async fn only_who_asked_something_of_us_is_told_that_it_failed() {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "how much did we spend last week?").unwrap();
    answered(&w, "marketing", &ts).await;
    super::told::shown(&w).await;
    w.fake.fail_always("users.info", Fault::Status(500));
    w.fake.reply_at("nils", "marketing", &ts, "What do you others think?").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert_eq!(outgoing(&w, "given-up:").await, Vec::<String>::new(), "he spoke to the others");
    w.fake.mention("nils", "marketing", "how much did we spend?").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert_eq!(outgoing(&w, "given-up:").await.len(), 1);
    // Nor where we may not speak, or cannot find out whether.
    w.fake.fail_always("conversations.info", Fault::Status(500));
    w.fake.mention("mara", "general", "how much did we spend?").unwrap();
    w.fake.settled().await;
    worked(&w).await;
    assert_eq!(inbound(&w, "state", "state = 'dead'").await.len(), 3);
    assert_eq!(outgoing(&w, "given-up:").await.len(), 1);
}

#[tokio::test]
async fn a_private_answer_whose_blocks_are_refused_stays_where_it_was_asked_for() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.fail("response_url", Fault::Refuse("invalid_blocks"), 1);
    w.fake.command("mara", "marketing", "/find_waste", "30").unwrap();
    let told = w
        .fake
        .wait_for("the answer", |ws| ws.in_channel("marketing").into_iter().find(|m| m.by_app()).cloned())
        .await;
    assert_eq!((told.ephemeral_to.as_deref(), told.blocks.len()), (Some("U0MARA"), 0));
    assert!(told.text.contains("Prospecting cold"), "{}", told.text);
}
