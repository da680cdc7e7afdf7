//! Answers on bad days: whatever Slack, the socket or the process does, the thread holds the answer once, or a plain word.
use super::told::{answered, body, idle, is_footed, shown, thread, told, told_with, turns, words};
use super::workspace::Workspace;
use adjutant::fake_slack::{self, Fault, Message, Transport};
use std::time::Duration;

const STORY: [&str; 4] =
    ["Once upon a time.\n", "There was a campaign.\n", "It spent and spent.\n", "Then somebody paused it.\n"];

fn story() -> String {
    STORY.concat().trim_end().to_owned()
}

/// Asks for the story; gives the thread.
async fn asked(w: &Workspace) -> String {
    let ts = w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    w.until("the turn", |ws| (!ws.statuses.is_empty()).then_some(())).await;
    ts
}

/// The answer stands once, with one tail, no button that stops it, no stream open, no status.
async fn well(w: &Workspace, ts: &str) -> Vec<Message> {
    answered(w, "marketing", ts).await;
    shown(w).await;
    let said = w.fake.read(|ws| thread(ws, "marketing", ts));
    let whole: String = said.iter().map(body).collect();
    assert_eq!(
        whole.split_whitespace().collect::<Vec<_>>(),
        story().split_whitespace().collect::<Vec<_>>(),
        "{}",
        w.fake.story()
    );
    assert_eq!(said.iter().filter(|m| is_footed(m)).count(), 1, "{}", w.fake.story());
    assert!(said.iter().all(|m| m.blocks.iter().all(|b| b["block_id"] != "ask_stop")));
    assert!(
        said.iter()
            .all(|m| m.stream.as_ref().is_none_or(|s| s.state != adjutant::fake_slack::StreamState::Open))
    );
    assert_eq!(w.fake.read(|ws| ws.status("C0MARKETING", ts).map(str::to_owned)), None);
    let busy = |ws: &fake_slack::Workspace| ws.sessions.values().any(|status| status != "active");
    assert!(!w.fake.read(busy), "{}", w.fake.story());
    said
}

#[tokio::test]
async fn words_are_streamed_as_they_come_and_never_sent_twice() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = asked(&w).await;
    for (n, line) in STORY.iter().enumerate() {
        mouth.say(line);
        w.until("the line", |ws| (words(ws, "marketing", &ts).lines().count() == n + 1).then_some(())).await;
    }
    mouth.done();
    let said = well(&w, &ts).await;
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].stream.as_ref().unwrap().pieces.concat(), STORY.concat());
    assert!(w.fake.calls("chat.update").is_empty());
}

#[tokio::test]
async fn a_forty_kilobyte_answer_is_several_messages_within_every_limit() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = asked(&w).await;
    let line = "All of these words stand in one line of a very long answer.\n";
    let answer = line.repeat(40_000 / line.len() + 1);
    for piece in answer.as_bytes().chunks(500) {
        mouth.say(std::str::from_utf8(piece).unwrap());
    }
    mouth.done();
    answered(&w, "marketing", &ts).await;
    shown(&w).await;
    let said = w.fake.read(|ws| thread(ws, "marketing", &ts));
    assert_eq!(said.iter().map(body).collect::<String>().trim_end(), answer.trim_end());
    assert!(said.len() >= 4 && said.iter().all(|m| body(m).chars().count() <= 12_000), "{}", said.len());
    assert_eq!(said.iter().filter(|m| is_footed(m)).count(), 1);
}

#[tokio::test]
async fn slack_is_unwell_at_every_step_and_the_answer_stands_once() {
    let faults = [Fault::Limited(2), Fault::Status(500), Fault::Malformed, Fault::HangAfter, Fault::Hang];
    for method in ["chat.startStream", "chat.appendStream", "chat.stopStream", "assistant.threads.setStatus"]
    {
        for fault in &faults {
            let (w, mouth) = told(Transport::Http).await;
            let ts = asked(&w).await;
            w.fake.fail(method, fault.clone(), 1);
            for line in STORY {
                mouth.say(line);
                w.fake.wait_briefly(Duration::from_millis(30), |_| None::<()>).await;
                w.pass(Duration::from_secs(1));
            }
            mouth.done();
            well(&w, &ts).await;
        }
    }
}

#[tokio::test]
async fn where_streaming_is_refused_the_message_is_edited() {
    let (w, mouth) = told(Transport::Http).await;
    w.fake.fail_always("chat.startStream", Fault::Refuse("channel_type_not_supported"));
    let ts = asked(&w).await;
    mouth.say(STORY[0]);
    let first = w.until("the message", |ws| thread(ws, "marketing", &ts).pop()).await;
    assert!(first.blocks.iter().any(|b| b["block_id"] == "ask_stop"), "a button stops it");
    STORY[1..].iter().for_each(|line| mouth.say(line));
    mouth.done();
    let said = well(&w, &ts).await;
    assert_eq!(said.len(), 1);
    assert!(
        w.fake.calls("chat.update").iter().all(|c| c.args["text"].as_str().unwrap().chars().count() <= 4_000)
    );
}

#[tokio::test]
async fn where_there_are_no_statuses_a_message_tells_what_goes_on() {
    let (w, mouth) =
        told_with(Transport::Http, |options| options.scopes.retain(|scope| scope != "assistant:write")).await;
    let ts = w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    w.until("the placeholder", |ws| {
        words(ws, "marketing", &ts).contains("Reading the question").then_some(())
    })
    .await;
    STORY.iter().for_each(|line| mouth.say(line));
    mouth.done();
    assert_eq!(well(&w, &ts).await.len(), 1);
}

#[tokio::test]
async fn refused_blocks_leave_the_words() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = asked(&w).await;
    w.fake.fail("chat.stopStream", Fault::Refuse("invalid_blocks"), 1);
    STORY.iter().for_each(|line| mouth.say(line));
    mouth.done();
    shown(&w).await;
    let said = w.fake.read(|ws| words(ws, "marketing", &ts));
    assert!(said.starts_with(STORY[0]), "{said}");
}

#[tokio::test]
async fn a_stream_is_replaced_before_slack_ends_it_and_a_status_does_not_grow_old() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = asked(&w).await;
    idle(&w).await;
    w.pass(Duration::from_secs(90));
    w.until("the status again", |ws| {
        (ws.statuses.iter().filter(|s| !s.text.is_empty()).count() >= 2).then_some(())
    })
    .await;
    for (n, line) in STORY.iter().enumerate() {
        if n > 0 {
            idle(&w).await;
            w.pass(Duration::from_secs(125));
        }
        mouth.say(line);
        w.until("the line", |ws| words(ws, "marketing", &ts).contains(line.trim_end()).then_some(())).await;
    }
    mouth.done();
    let said = well(&w, &ts).await;
    assert!(said.len() >= 2, "a new stream was begun\n{}", w.fake.story());
    assert!(
        w.fake.calls("chat.appendStream").iter().all(|c| c.ok()),
        "no stream was outlived\n{}",
        w.fake.story()
    );
    // Slack takes a status away when a message comes.
    let first: i64 = said[0].ts.split('.').next().unwrap().parse().unwrap();
    let longest = w.fake.read(|ws| {
        let standing = ws.statuses.iter().filter(|s| !s.text.is_empty() && s.at.as_second() <= first);
        let set: Vec<_> = standing.map(|s| s.at).collect();
        set.windows(2).map(|two| two[1].duration_since(two[0]).as_secs()).max()
    });
    assert!(longest.is_none_or(|seconds| seconds <= 120), "{longest:?}");
}

#[tokio::test]
async fn withdrawn_words_do_not_stay() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = asked(&w).await;
    mouth.say("This is all wrong.\n");
    w.until("the wrong words", |ws| words(ws, "marketing", &ts).contains("wrong").then_some(())).await;
    mouth.restart();
    STORY.iter().for_each(|line| mouth.say(line));
    mouth.done();
    well(&w, &ts).await;
}

#[tokio::test]
async fn slacks_own_stop_button_cancels_the_turn() {
    for transport in [Transport::Http, Transport::Socket] {
        let (w, mouth) = told(transport).await;
        let ts = asked(&w).await;
        mouth.say(STORY[0]);
        let told = w.until("the beginning", |ws| thread(ws, "marketing", &ts).pop()).await;
        let session =
            |ws: &fake_slack::Workspace| ws.sessions.get(&("C0MARKETING".to_owned(), ts.clone())).cloned();
        w.until("the button", |ws| session(ws).filter(|status| status == "processing")).await;
        w.fake.stop_stream("mara", &told).unwrap();
        w.until("the end", |ws| {
            words(ws, "marketing", &ts).contains("Stopped at your request").then_some(())
        })
        .await;
        shown(&w).await;
        let said = w.fake.read(|ws| words(ws, "marketing", &ts));
        assert!(said.starts_with(STORY[0]), "what was shown stays: {said}");
        assert_eq!(w.fake.read(session).as_deref(), Some("active"), "the button goes");
        assert_eq!(w.fake.read(|ws| ws.status("C0MARKETING", &ts).map(str::to_owned)), None);
    }
}

#[tokio::test]
async fn a_stop_button_under_an_edited_message_cancels_the_turn() {
    let (w, mouth) = told(Transport::Http).await;
    w.fake.fail_always("chat.startStream", Fault::Refuse("channel_type_not_supported"));
    let ts = asked(&w).await;
    mouth.say(STORY[0]);
    let told = w.until("the beginning", |ws| thread(ws, "marketing", &ts).pop()).await;
    w.fake.click("aron", &told, "Stop").unwrap();
    w.said("marketing", "Only who asked").await;
    w.fake.click("mara", &told, "Stop").unwrap();
    w.until("the end", |ws| words(ws, "marketing", &ts).contains("Stopped at your request").then_some(()))
        .await;
    shown(&w).await;
    let left = w.fake.read(|ws| thread(ws, "marketing", &ts));
    assert!(left.iter().all(|m| m.blocks.iter().all(|b| b["block_id"] != "ask_stop")));
}

#[tokio::test]
async fn a_process_that_ends_before_it_answers_is_followed_by_one_that_does() {
    let mut w = Workspace::new(Transport::Http).await;
    w.fake.fail_always("users.info", Fault::Hang);
    let ts = w.fake.mention("mara", "marketing", "how much did we spend last week?").unwrap();
    w.fake.settled().await;
    w.kill().await;
    w.fake.heal();
    w.start_again().await;
    w.pass(Duration::from_secs(120));
    let said = answered(&w, "marketing", &ts).await;
    shown(&w).await;
    assert_eq!((said.len(), turns(&w).await), (1, 1));
}

#[tokio::test]
async fn a_process_that_ends_in_the_middle_of_a_stream_is_followed_by_one_that_goes_on() {
    for graceful in [true, false] {
        for begun in 0..=STORY.len() {
            let (mut w, mouth) = told(Transport::Http).await;
            let ts = asked(&w).await;
            STORY[..begun].iter().for_each(|line| mouth.say(line));
            if begun > 0 {
                w.until("the beginning", |ws| {
                    words(ws, "marketing", &ts).contains(STORY[0].trim_end()).then_some(())
                })
                .await;
            }
            if graceful {
                w.restart().await;
            } else {
                w.kill_and_start().await;
            }
            STORY[begun..].iter().for_each(|line| mouth.say(line));
            mouth.done();
            w.pass(Duration::from_secs(20));
            well(&w, &ts).await;
            assert_eq!(turns(&w).await, 1);
        }
    }
}

#[tokio::test]
async fn a_process_that_ends_while_a_message_is_made_does_not_make_it_twice() {
    for (method, stream) in [("chat.startStream", true), ("chat.postMessage", false)] {
        let (mut w, mouth) = told(Transport::Http).await;
        if !stream {
            w.fake.fail_always("chat.startStream", Fault::Refuse("channel_type_not_supported"));
        }
        let ts = asked(&w).await;
        w.fake.fail(method, Fault::HangAfter, 1);
        STORY.iter().for_each(|line| mouth.say(line));
        mouth.done();
        w.until("the message", |ws| thread(ws, "marketing", &ts).pop()).await;
        w.kill_and_start().await;
        w.pass(Duration::from_secs(20));
        assert_eq!(well(&w, &ts).await.len(), 1, "{method}");
    }
}

#[tokio::test]
async fn the_socket_closes_in_the_middle_of_a_turn() {
    let (w, mouth) = told(Transport::Socket).await;
    let ts = asked(&w).await;
    mouth.say(STORY[0]);
    w.until("the beginning", |ws| words(ws, "marketing", &ts).contains(STORY[0].trim_end()).then_some(()))
        .await;
    w.fake.close_sockets(None);
    STORY[1..].iter().for_each(|line| mouth.say(line));
    // The answer goes out by other ways; what comes in meanwhile needs a socket again.
    w.fake.dm("vito", "help").unwrap();
    mouth.done();
    well(&w, &ts).await;
    w.said(&w.dm("vito"), "/find_waste").await;
}

#[tokio::test]
async fn a_hostile_campaign_neither_calls_nor_links_nor_formats() {
    const HOSTILE: &str = "<!channel> *bold* <https://evil.example|x>";
    for transport in [Transport::Http, Transport::Socket] {
        let w = Workspace::new(transport).await;
        {
            let mut tx = w.world.db.org(w.world.org).await.unwrap();
            sqlx::query("update campaigns set name = $1 where name = 'Prospecting cold'")
                .bind(HOSTILE)
                .execute(&mut *tx)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        let ts = w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
        answered(&w, "marketing", &ts).await;
        w.fake.command("mara", "marketing", "/find_waste", "30").unwrap();
        w.said("marketing", "∗bold∗").await;
        shown(&w).await;
        for call in w.fake.ledger() {
            let sent = call.args.to_string();
            for bad in ["<!channel", "<https://evil", "](https://evil", " *bold* "] {
                assert!(!sent.contains(bad), "{bad} in {} {sent}", call.method);
            }
        }
        let shown = w.fake.read(|ws| words(ws, "marketing", &ts));
        assert!(shown.contains("bold"), "the name is there, as a name: {shown}");
    }
}

/// What a query found is quoted in a later answer, which has no rows of its own.
#[tokio::test]
async fn a_name_told_in_an_earlier_turn_is_still_only_a_name() {
    const HOSTILE: &str = "Sale *all* _of_ it";
    let (w, mouth) = told(Transport::Http).await;
    {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        sqlx::query("update campaigns set name = $1 where name = 'Prospecting cold'")
            .bind(HOSTILE)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let ts = w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
    let first = answered(&w, "marketing", &ts).await;
    shown(&w).await;
    w.fake.reply("mara", &first[0], "tell me more about the worst one").unwrap();
    mouth.say(&format!("The worst one is {HOSTILE}.\n"));
    mouth.done();
    let second = w
        .until("the second answer", |ws| thread(ws, "marketing", &ts).into_iter().filter(is_footed).nth(1))
        .await;
    assert!(body(&second).contains("Sale \\*all\\* \\_of\\_ it"), "{}", body(&second));
}

#[tokio::test]
async fn a_private_answer_survives_a_slack_that_is_unwell_and_a_restart() {
    for fault in [Fault::Status(500), Fault::Limited(2)] {
        let w = Workspace::new(Transport::Http).await;
        w.fake.fail("response_url", fault, 2);
        w.fake.command("mara", "marketing", "/ask", "how much did we spend last week?").unwrap();
        w.said("marketing", "Sources").await;
        shown(&w).await;
    }
    let (mut w, mouth) = told(Transport::Http).await;
    w.fake.command("mara", "marketing", "/ask", "tell me a story").unwrap();
    w.said("marketing", "Reading the question").await;
    w.restart().await;
    STORY.iter().for_each(|line| mouth.say(line));
    mouth.done();
    let answer = w.said("marketing", "somebody paused it").await;
    assert_eq!(answer.ephemeral_to.as_deref(), Some("U0MARA"));
    shown(&w).await;
}

#[tokio::test]
async fn a_private_answer_whose_address_is_of_no_use_comes_by_direct_message() {
    let (w, mouth) = told(Transport::Http).await;
    w.fake.command("mara", "marketing", "/ask", "tell me a story").unwrap();
    w.said("marketing", "Reading the question").await;
    // Half an hour is over.
    w.pass(Duration::from_secs(31 * 60));
    STORY.iter().for_each(|line| mouth.say(line));
    mouth.done();
    let dm = w.dm("mara");
    w.said(&dm, "somebody paused it").await;
}

#[tokio::test]
async fn a_forty_kilobyte_private_answer_comes_as_a_file_too() {
    let (w, mouth) = told(Transport::Http).await;
    w.fake.command("mara", "marketing", "/ask", "tell me a story").unwrap();
    let line = "All of these words stand in one line of a very long answer.\n";
    mouth.say(&line.repeat(700));
    mouth.done();
    w.said("marketing", "The answer goes on").await;
    let file =
        w.until("the file", |ws| ws.files.values().find(|file| !file.shared.is_empty()).cloned()).await;
    assert_eq!(file.bytes.unwrap(), line.repeat(700).as_bytes());
    shown(&w).await;
}
