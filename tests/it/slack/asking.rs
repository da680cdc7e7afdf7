//! Questions from everywhere in Slack, and their answers.
use super::stored::outgoing;
use super::told::{Told, answered, body, shown, thread, told, turns, words};
use super::workspace::Workspace;
use adjutant::fake_slack::{BOT_USER, Fault, TEAM, Transport};
use serde_json::{Value, json};
use std::time::Duration;

/// Labels of the buttons of a message.
fn buttons(message: &adjutant::fake_slack::Message) -> Vec<String> {
    adjutant::fake_slack::blocks::interactive(&message.blocks)
        .iter()
        .filter_map(|(_, e)| e["text"]["text"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn a_mention_is_answered_in_its_thread() {
    for transport in [Transport::Http, Transport::Socket] {
        let w = Workspace::new(transport).await;
        let ts = w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
        let answer = answered(&w, "marketing", &ts).await.pop().unwrap();
        shown(&w).await;
        assert!(body(&answer).contains("Prospecting cold"), "{}", body(&answer));
        let all = answer.all_text();
        assert!(all.contains("*Sources:*") && all.contains("figures have a receipt"), "{all}");
        assert!(
            buttons(&answer).iter().any(|label| label.starts_with("Show data")),
            "{:?}",
            buttons(&answer)
        );
        let start = &w.fake.calls("chat.startStream")[0].args;
        assert_eq!(
            (start["thread_ts"].as_str(), start["channel"].as_str()),
            (Some(ts.as_str()), Some("C0MARKETING"))
        );
        assert_eq!(
            (start["recipient_user_id"].as_str(), start["recipient_team_id"].as_str()),
            (Some("U0MARA"), Some(TEAM))
        );
        assert_eq!(
            w.fake.read(|ws| ws.status("C0MARKETING", &ts).map(str::to_owned)),
            None,
            "no status sticks"
        );
        assert!(
            w.fake.calls("assistant.threads.setStatus").iter().any(|c| c.args["status"] != ""),
            "a status was shown"
        );
        assert_eq!(turns(&w).await, 1, "one mention comes twice and counts once");
        assert!(
            w.fake.ledger().iter().all(|c| c.ok() || c.method == "agents.sessions.setStatus"),
            "{}",
            w.fake.story()
        );
    }
}

#[tokio::test]
async fn a_direct_message_is_answered_and_its_thread_goes_on() {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.dm("mara", "how much did we spend last week?").unwrap();
    let dm = w.dm("mara");
    let first = answered(&w, &dm, &ts).await;
    assert!(w.fake.calls("chat.startStream")[0].args["recipient_user_id"].is_null());
    w.fake.reply("mara", &first[0], "and for Meta?").unwrap();
    w.until("the second answer", |ws| {
        (thread(ws, &dm, &ts).iter().filter(|m| super::told::is_footed(m)).count() == 2).then_some(())
    })
    .await;
    let said = w.fake.read(|ws| words(ws, &dm, &ts));
    // 30.00 and 100.00 a day, for seven days.
    assert!(said.contains("910"), "{said}");
}

#[tokio::test]
async fn a_thread_where_the_bot_takes_part_needs_no_mention_but_others_are_left_alone() {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "how much did we spend last week?").unwrap();
    let first = answered(&w, "marketing", &ts).await;
    shown(&w).await;
    w.fake.say("aron", "marketing", "how much did we spend last week?").unwrap();
    let other = w.fake.say("aron", "general", "lunch?").unwrap();
    w.fake.reply_at("mara", "general", &other, "yes please").unwrap();
    w.fake.reply("aron", &first[0], "<@U0MARA> what do you think?").unwrap();
    w.fake.settled().await;
    // A colleague goes on in the same thread, with roles of their own.
    w.fake.reply("aron", &first[0], "and for Meta?").unwrap();
    w.until("the second answer", |ws| {
        (thread(ws, "marketing", &ts).iter().filter(|m| super::told::is_footed(m)).count() == 2).then_some(())
    })
    .await;
    shown(&w).await;
    assert_eq!(turns(&w).await, 2);
    let conversations: Vec<(String, String)> = {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        sqlx::query_as("select external_ref, visibility from conversations")
            .fetch_all(&mut *tx)
            .await
            .unwrap()
    };
    assert_eq!(conversations, [(format!("{TEAM}/C0MARKETING/{ts}"), "thread".to_owned())]);
}

#[tokio::test]
async fn a_command_is_answered_to_its_asker_alone_until_it_is_shared() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.command("mara", "quiet", "/find_waste", "30").unwrap();
    let private = w.said("quiet", "Prospecting cold").await;
    shown(&w).await;
    assert_eq!(private.ephemeral_to.as_deref(), Some("U0MARA"));
    assert!(w.fake.calls("chat.startStream").is_empty());
    // We are no member of this channel: the click's own address reaches everybody.
    w.fake.click("mara", &private, "Share in this channel").unwrap();
    let shared = w
        .until("the shared answer", |ws| {
            ws.in_channel("quiet").into_iter().find(|m| m.by_app() && m.ephemeral_to.is_none()).cloned()
        })
        .await;
    assert!(
        shared.all_text().contains("asked me") && shared.all_text().contains("/find_waste 30"),
        "{}",
        shared.all_text()
    );
    w.fake.click("mara", &private, "Share in this channel").unwrap();
    w.said("quiet", "shared already").await;
}

#[tokio::test]
async fn a_shared_answer_goes_on_in_its_thread() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.command("mara", "marketing", "/ask", "how much did we spend last week?").unwrap();
    let private = w
        .until("the private answer", |ws| {
            // Not the line that says it takes a moment.
            let mut said = ws.in_channel("marketing").into_iter();
            said.find(|m| m.all_text().contains("Share in this channel")).cloned()
        })
        .await;
    w.fake.click("mara", &private, "Share in this channel").unwrap();
    let shared = w
        .until("the shared answer", |ws| {
            ws.in_channel("marketing").into_iter().find(|m| m.by_app() && m.ephemeral_to.is_none()).cloned()
        })
        .await;
    shown(&w).await;
    let listens = || async {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let found: Option<String> =
            sqlx::query_scalar("select external_ref from conversations").fetch_one(&mut *tx).await.unwrap();
        found.is_some()
    };
    while !listens().await {
        w.pass(Duration::from_millis(250));
        w.fake.wait_briefly(Duration::from_millis(20), |_| None::<()>).await;
    }
    w.fake.reply("aron", &shared, "and for Meta?").unwrap();
    let answer = answered(&w, "marketing", &shared.ts).await;
    assert!(
        answer.iter().any(|m| body(m).contains("910")),
        "{:?}",
        answer.iter().map(body).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_command_in_the_own_conversation_is_streamed_below_it() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.command("mara", "@app", "/find_waste", "30").unwrap();
    let dm = w.dm("mara");
    let heading = w.said(&dm, "/find_waste 30").await;
    let answer = answered(&w, &dm, &heading.ts).await;
    assert!(body(&answer[0]).contains("Prospecting cold"));
    shown(&w).await;
    w.fake.reply("mara", &heading, "and only for Meta?").unwrap();
    w.until("a second answer", |ws| {
        (thread(ws, &dm, &heading.ts).iter().filter(|m| super::told::is_footed(m)).count() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_command_works_as_command_and_as_text() {
    let w = Workspace::new(Transport::Http).await;
    let dm = w.dm("adele");
    for (command, text, reply) in [
        ("/ask", "how much did we spend last week?", "pen"),
        ("/find_waste", "30", "Prospecting cold"),
        ("/idea_copy", "", "needs"),
        ("/build_retargeting", "", "segment"),
        ("/seo_overlap", "", "Pages"),
        ("/report", "weekly", "Headline figures"),
        ("/report", "board", "There is no report “board” yet"),
        ("/adjutant", "help", "For example"),
    ] {
        let before = w.fake.read(|ws| ws.messages.len());
        w.fake.command("adele", "marketing", command, text).unwrap();
        let private = w
            .until(command, |ws| {
                ws.messages.iter().skip(before).find(|m| m.by_app() && m.all_text().contains(reply)).cloned()
            })
            .await;
        assert_eq!(private.ephemeral_to.as_deref(), Some("U0ADELE"), "{command} {text}");
        // A report that there is not may be the beginning of a question.
        let named = if text == "board" { command } else { command.trim_start_matches('/') };
        let typed = format!("{named} {text}");
        let ts = w.fake.dm("adele", typed.trim()).unwrap();
        w.until(&typed, |ws| thread(ws, &dm, &ts).iter().find(|m| m.all_text().contains(reply)).cloned())
            .await;
        shown(&w).await;
    }
}

#[tokio::test]
async fn a_message_becomes_a_question_through_its_shortcut() {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.say("aron", "marketing", "spend looks odd to me").unwrap();
    let message = w.fake.messages("marketing").pop().unwrap();
    w.fake.shortcut("mara", &message, "ask.about").unwrap();
    let form = w.fake.wait_for("the form", |ws| ws.views.values().next().cloned()).await;
    assert!(form.all_text().contains("spend looks odd to me"), "{}", form.all_text());
    w.fake
        .submit("mara", &form.id, &[("question", json!("how much did we spend last week?"))])
        .await
        .unwrap();
    let answer = answered(&w, "marketing", &ts).await.remove(0);
    assert!(body(&answer).starts_with("> how much did we spend last week?"), "{}", body(&answer));
    let chips: Value = {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        sqlx::query_scalar("select context from turns").fetch_one(&mut *tx).await.unwrap()
    };
    assert_eq!(chips["message"], "spend looks odd to me");
}

#[tokio::test]
async fn prompts_are_suggested_where_people_open_the_conversation() {
    // An old installation, which has the events of assistants still.
    let w = Workspace::with(Transport::Http, None, |options| {
        options.events.iter_mut().for_each(|events| {
            events.insert("assistant_thread_started".to_owned());
        });
    })
    .await;
    let dm = w.dm("aron");
    w.fake.open_messages("aron").unwrap();
    let set = w.until("prompts", |ws| ws.prompts.get(&(dm.clone(), String::new())).cloned()).await;
    assert_eq!((set.as_array().unwrap().len(), &set[3]["message"]), (4, &json!("/approvals")));
    let ts = w.fake.dm("aron", "help").unwrap();
    w.fake.event(
        json!({"type": "assistant_thread_started", "event_ts": "1758099600.000100", "assistant_thread": {
        "user_id": "U0ARON", "channel_id": dm, "thread_ts": ts, "context": {}}}),
    );
    w.until("prompts of the thread", |ws| ws.prompts.get(&(dm.clone(), ts.clone())).cloned()).await;
}

#[tokio::test]
async fn strangers_are_refused_politely_and_ask_nothing() {
    let w = Workspace::new(Transport::Http).await;
    for (user, words) in [("nils", "who you are"), ("gil", "members of this workspace")] {
        w.fake.mention(user, "marketing", "how much did we spend last week?").unwrap();
        let said = w.said("marketing", words).await;
        assert!(said.ephemeral_to.is_some(), "{user}");
        w.fake.command(user, "general", "/find_waste", "30").unwrap();
        w.said("general", words).await;
    }
    w.fake.mention("stella", "partners", "how much did we spend last week?").unwrap();
    w.fake.mention("mara", "partners", "how much did we spend last week?").unwrap();
    w.fake.settled().await;
    super::stored::worked(&w).await;
    assert!(w.fake.messages("partners").iter().all(|m| !m.by_app()), "nothing is said in a shared channel");
    assert_eq!(turns(&w).await, 0);
}

#[tokio::test]
async fn a_follow_up_is_asked_by_its_button_and_thumbs_are_kept() {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "how much did we spend last week?").unwrap();
    let answer = answered(&w, "marketing", &ts).await.pop().unwrap();
    let next = buttons(&answer).into_iter().find(|label| label.ends_with('?')).expect("a follow-up");
    w.fake.click("aron", &answer, &next).unwrap();
    let second = w
        .until("the next answer", |ws| {
            thread(ws, "marketing", &ts).into_iter().filter(super::told::is_footed).nth(1)
        })
        .await;
    assert!(body(&second).starts_with(&format!("> {next}")), "{}", body(&second));
    let value = answer.blocks.iter().find(|b| b["type"] == "context_actions").unwrap()["elements"][0]["positive_button"]["value"].clone();
    w.fake.choose("aron", &answer, "ask.feedback", value.as_str().unwrap()).unwrap();
    let thanks = w.said("marketing", "Thank you").await;
    assert_eq!(thanks.ephemeral_to.as_deref(), Some("U0ARON"));
    let kept: Vec<String> = {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        sqlx::query_scalar("select rating from feedback").fetch_all(&mut *tx).await.unwrap()
    };
    assert_eq!(kept, ["up"]);
}

#[tokio::test]
async fn a_draft_gets_its_card_in_the_thread_of_the_answer() {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "draft a pause for Prospecting cold").unwrap();
    answered(&w, "marketing", &ts).await;
    shown(&w).await;
    let keys = outgoing(&w, "card:").await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].ends_with(":C0MARKETING:v1"), "{keys:?}");
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let (kind, channel): (String, String) =
        sqlx::query_as("select kind, channel_ref from outbox where dedupe_key like 'card:%'")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    assert_eq!((kind.as_str(), channel.as_str()), ("card", "C0MARKETING"));
    w.until("the card", |ws| {
        thread(ws, "marketing", &ts).into_iter().find(|m| m.all_text().contains("0/1 approvals"))
    })
    .await;
}

#[tokio::test]
async fn only_the_asker_stops_an_answer() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    mouth.say("Once upon a time.\n");
    let told = w.until("the beginning", |ws| thread(ws, "marketing", &ts).pop()).await;
    w.fake.reply("aron", &told, "stop").unwrap();
    w.said("marketing", "Nothing of yours").await;
    w.fake.reply("mara", &told, "Stop").unwrap();
    w.until("the end", |ws| words(ws, "marketing", &ts).contains("Stopped at your request").then_some(()))
        .await;
    shown(&w).await;
    assert_eq!(w.fake.read(|ws| ws.status("C0MARKETING", &ts).map(str::to_owned)), None);
    assert_eq!(turns(&w).await, 1);
}

#[tokio::test]
async fn a_failure_is_said_in_the_thread_and_can_be_tried_again() {
    let (model, mouths) = Told::new(2);
    let w = Workspace::with(Transport::Http, Some(model), |_| {}).await;
    mouths[0].breaks();
    let ts = w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    let failed = w
        .until("the failure", |ws| {
            thread(ws, "marketing", &ts).into_iter().find(|m| m.all_text().contains("⚠️"))
        })
        .await;
    shown(&w).await;
    assert_eq!(w.fake.read(|ws| ws.status("C0MARKETING", &ts).map(str::to_owned)), None);
    let failed = w.fake.read(|ws| ws.message("C0MARKETING", &failed.ts).cloned()).unwrap();
    w.fake.click("mara", &failed, "Try again").unwrap();
    mouths[1].say("Here it is.\n");
    mouths[1].done();
    let answer = answered(&w, "marketing", &ts).await.pop().unwrap();
    assert!(body(&answer).contains("Here it is."));
}

#[tokio::test]
async fn what_the_chat_room_refuses_is_said() {
    let w = Workspace::new(Transport::Http).await;
    let long = "why ".repeat(3_000);
    let ts = w.fake.mention("mara", "marketing", &long).unwrap();
    w.until("the refusal", |ws| words(ws, "marketing", &ts).contains("characters").then_some(())).await;
    w.fake.command("mara", "marketing", "/ask", &long).unwrap();
    let private = w.said("marketing", "Shorten it").await;
    assert!(private.by_app());
    assert_eq!(turns(&w).await, 0);
}

#[tokio::test]
async fn a_channel_where_we_may_not_write_is_answered_by_a_direct_message() {
    let (w, mouth) = told(Transport::Http).await;
    w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    w.until("the turn", |ws| (!ws.statuses.is_empty()).then_some(())).await;
    w.fake.fail_always("chat.startStream", Fault::Refuse("restricted_action"));
    mouth.say("Once upon a time.\n");
    mouth.done();
    let dm = w.dm("mara");
    w.said(&dm, "did not let me write there").await;
    let _ = BOT_USER;
}
