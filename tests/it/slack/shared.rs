//! Who else is there: other organisations in the same database, in the same channel, or in a channel we cannot see.
use super::stored::{dm, event, inbound, outgoing, post_event, worked};
use super::told::shown;
use super::workspace::Workspace;
use adjutant::clock::Clock as _;
use adjutant::db::slack::inbound::{InboundState, NewInbound, store};
use adjutant::db::slack::installs::{self, Install, InstallState};
use adjutant::fake_slack::{BOT_USER, Channel, Message, Transport};
use reqwest::StatusCode;
use serde_json::json;

/// Everything the app said in a channel, to whomever.
fn said(w: &Workspace, channel: &str) -> Vec<Message> {
    w.fake.read(|ws| ws.in_channel(channel).into_iter().filter(|m| m.by_app()).cloned().collect())
}

#[tokio::test]
async fn the_workspace_of_another_organisation_is_left_to_its_own_process() {
    let mut w = Workspace::new(Transport::Http).await;
    let other = w.world.other_org().await;
    let theirs = Install {
        team: "T0OTHER".to_owned(),
        app_id: String::new(),
        name: "Lakeside".to_owned(),
        bot_user: "U0THEIRBOT".to_owned(),
        bot_id: "B0THEIRBOT".to_owned(),
        scopes: Vec::new(),
        state: InstallState::Active,
        shared_channels: json!({}),
    };
    let message = |id: &str| {
        json!({"type": "event_callback", "event_id": id, "team_id": "T0OTHER", "api_app_id": "A0THEIRS",
               "event": {"type": "message", "channel_type": "im", "channel": "D0THEIRS", "user": "U0THEIRS",
                         "ts": "1758100000.0001", "event_ts": "1758100000.0001", "text": "how much did we spend?"}})
    };
    let body = message("EvWAITS");
    let waiting = NewInbound {
        key: "EvWAITS",
        team: "T0OTHER",
        kind: "message",
        message: None,
        lane: "theirs",
        place: "1",
        body: &body,
        state: InboundState::New,
    };
    let mut tx = w.world.db.org(other.org).await.unwrap();
    installs::record(&mut tx, other.org, &theirs, w.world.clock.now()).await.unwrap();
    assert!(store(&mut tx, other.org, &waiting, w.world.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    // Whatever is on record is met at the start.
    w.restart().await;
    assert_eq!(post_event(&w, &message("EvFORGED")).await, StatusCode::OK, "our signature, their workspace");
    assert_eq!(post_event(&w, &dm("EvOURS", "1758100001.0001", "help")).await, StatusCode::OK);
    worked(&w).await;
    assert_eq!(inbound(&w, "event_key", "true").await, ["EvOURS"]);
    let mut tx = w.world.db.org(other.org).await.unwrap();
    let rows: Vec<(String, String, i32)> =
        sqlx::query_as("select event_key, state, attempts from slack_inbound")
            .fetch_all(&mut *tx)
            .await
            .unwrap();
    assert_eq!(rows, [("EvWAITS".to_owned(), "new".to_owned(), 0)]);
    let theirs: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(theirs, 0);
}

#[tokio::test]
async fn in_a_channel_shared_without_consent_nobody_reads_a_word_of_ours() {
    let w = Workspace::new(Transport::Http).await;
    for text in ["settings", "settings digest on", "approvals", "link", "find_waste 30", "approve"] {
        w.fake.mention("adele", "partners", text).unwrap();
        w.fake.mention("stella", "partners", text).unwrap();
    }
    let app = json!({"type": "app_mention", "channel": "C0PARTNERS", "user": "U0ROBOT", "bot_id": "B0ROBOT",
                     "ts": "1758100000.0001", "text": "<@U0ADJUTANT> hello"});
    post_event(&w, &event("EvAPP", app)).await;
    w.fake.settled().await;
    worked(&w).await;
    assert!(inbound(&w, "state", "true").await.iter().all(|state| state == "done"));
    assert_eq!(outgoing(&w, "").await, Vec::<String>::new());
    assert!(said(&w, "partners").is_empty(), "{:?}", said(&w, "partners"));
    // What is typed as a command is answered, to whoever typed it.
    for (command, text) in [("/adjutant", "settings"), ("/approvals", "")] {
        w.fake.command("mara", "partners", command, text).unwrap();
        w.fake.settled().await;
        worked(&w).await;
        let told = said(&w, "partners").pop().unwrap();
        assert_eq!(told.ephemeral_to.as_deref(), Some("U0MARA"));
        assert!(told.all_text().contains("shared with another organisation"), "{}", told.all_text());
    }
    assert_eq!(said(&w, "partners").len(), 2);
}

#[tokio::test]
async fn what_may_be_read_by_anybody_is_not_shared() {
    let secret = Channel::private("C0SECRET", "secret", &["U0MARA", "U0ARON"]);
    let w = Workspace::with(Transport::Http, None, |options| options.channels.push(secret)).await;
    w.fake.command("mara", "secret", "/find_waste", "30").unwrap();
    let private = w.said("secret", "Prospecting cold").await;
    assert_eq!(private.ephemeral_to.as_deref(), Some("U0MARA"), "only she reads it: answered");
    shown(&w).await;
    w.fake.click("mara", &private, "Share in this channel").unwrap();
    w.said("secret", "I cannot see who reads along in this channel").await;
    assert!(said(&w, "secret").iter().all(|m| m.ephemeral_to.is_some()));
    // Once we see the channel we know, and what was not known was not remembered.
    w.fake.arrange(|ws| {
        ws.channels.get_mut("C0SECRET").unwrap().members.insert(BOT_USER.to_owned());
    });
    w.fake.click("mara", &private, "Share in this channel").unwrap();
    w.until("the shared answer", |ws| {
        ws.in_channel("secret").into_iter().find(|m| m.by_app() && m.ephemeral_to.is_none()).map(drop)
    })
    .await;
}
