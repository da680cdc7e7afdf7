//! Guests and apps whom the configuration lets in, and codes that come twice.
use super::stored::{event, outgoing, post_event, worked};
use super::told::{answered, body};
use super::workspace::Workspace;
use crate::crash::program;
use adjutant::clock::Clock as _;
use adjutant::db::slack::people;
use adjutant::fake_slack::{TEAM, Transport};
use jiff::ToSpan as _;
use secrecy::ExposeSecret as _;
use serde_json::json;

/// A server that lets these in.
async fn allowing(users: &[&str]) -> Workspace {
    let mut w = Workspace::new(Transport::Http).await;
    w.allow = users.iter().map(|&user| user.to_owned()).collect();
    w.restart().await;
    w
}

/// `adjutant member link WHO --slack USER`: whether it went well, and what it said.
async fn link(w: &Workspace, who: &str, user: &str) -> (bool, String) {
    let mut command = program(&w.world);
    command.args(["member", "link", who, "--slack", user]);
    let output = command.stdout(std::process::Stdio::piped()).output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test]
async fn a_guest_who_is_let_in_and_linked_is_answered() {
    let w = allowing(&["U0GIL"]).await;
    w.fake.mention("gil", "marketing", "how much did we spend last week?").unwrap();
    let told = w.said("marketing", "I do not know yet who you are").await;
    assert_eq!(told.ephemeral_to.as_deref(), Some("U0GIL"), "let in, and nobody's link");
    assert!(link(&w, "vito", "U0GIL").await.0);
    let ts = w.fake.mention("gil", "marketing", "how much did we spend last week?").unwrap();
    let answer: String = answered(&w, "marketing", &ts).await.iter().map(body).collect();
    assert!(answer.contains("910"), "{answer}");
    // Without the configuration the link alone lets nobody in.
    let mut w = w;
    w.allow.clear();
    w.restart().await;
    w.fake.mention("gil", "marketing", "how much did we spend last week?").unwrap();
    w.said("marketing", "members of this workspace only").await;
}

#[tokio::test]
async fn an_app_that_is_let_in_and_linked_is_answered_and_decides_nothing() {
    let w = allowing(&["U0ROBOT"]).await;
    let (fine, words) = link(&w, "aron", &format!("{TEAM}/U0ROBOT")).await;
    assert!(fine && words.contains("U0ROBOT of") && words.contains("is Aron Keller"), "{words}");
    let ts = w.fake.say("robot", "marketing", "The weekly figures, please.").unwrap();
    let asks = json!({"type": "app_mention", "channel": "C0MARKETING", "user": "U0ROBOT", "bot_id": "B0ROBOT", "ts": ts,
                      "text": "<@U0ADJUTANT> how much did we spend last week?"});
    post_event(&w, &event("EvROBOT", asks)).await;
    let answer: String = answered(&w, "marketing", &ts).await.iter().map(body).collect();
    assert!(answer.contains("910"), "{answer}");
    let drafted = super::desk::pause_in_thread(&w).await;
    let card = super::desk::card(&w, &drafted, "0/1 approvals").await;
    let decides = json!({"type": "message", "channel_type": "channel", "channel": "C0MARKETING", "user": "U0ROBOT",
                         "bot_id": "B0ROBOT", "ts": "1758100009.0001", "thread_ts": card.thread_ts, "text": "approve"});
    post_event(&w, &event("EvDECIDES", decides)).await;
    worked(&w).await;
    let state = super::desk::state(&w, drafted.id()).await;
    assert_eq!(state, adjutant::drafts::DraftState::Pending, "only people decide");
}

#[tokio::test]
async fn a_link_names_a_user_of_a_workspace_on_record() {
    let w = Workspace::new(Transport::Http).await;
    for (user, says) in [
        ("gil", "is no user of Slack"),
        ("T0NEVER/U0GIL", "workspace T0NEVER is not on record"),
        ("<@U0GIL>", "is no user of Slack"),
    ] {
        let (fine, words) = link(&w, "vito", user).await;
        assert!(!fine && words.contains(says), "{user}: {words}");
    }
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let linked: i64 =
        sqlx::query_scalar("select count(*) from identities").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(linked, 0);
    drop(tx);
    assert!(link(&w, "vito", "U0GIL").await.0);
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let on_record: i64 = sqlx::query_scalar(
        "select count(*) from audit_log where action = 'identity.linked' and surface = 'cli'",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    assert_eq!(on_record, 1);
}

#[tokio::test]
async fn a_used_code_tells_who_used_it_that_they_are_linked() {
    let w = Workspace::new(Transport::Http).await;
    let code = people::new_code(&mut rand::rng());
    let now = w.world.clock.now();
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let until = now.checked_add(15.minutes()).unwrap();
    people::keep_code(&mut tx, w.world.org, w.actor("vito").member, &code, now, until).await.unwrap();
    tx.commit().await.unwrap();
    let code = code.expose_secret();
    for user in ["nils", "nils", "stella", "aron"] {
        w.fake.dm(user, &format!("link {code}")).unwrap();
        w.fake.settled().await;
        worked(&w).await;
    }
    assert_eq!(outgoing(&w, "link:").await.len(), 3);
    w.said(&w.dm("nils"), "Done: I know now who you are").await;
    w.said(&w.dm("nils"), "You are linked").await;
    w.said(&w.dm("aron"), "unknown, used or too old").await;
}
