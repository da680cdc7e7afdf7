//! Bad days on the way in: the database away, the program killed between acknowledgement and work, work that fails,
//! sockets that close, an app that is removed.
use super::desk::{card, desk, look, pause_in_thread};
use super::stored::{dm, inbound, outgoing, post_event, worked};
use super::workspace::Workspace;
use adjutant::clock::Clock as _;
use adjutant::db::slack::inbound::{self as rows, InboundState, NewInbound};
use adjutant::fake_slack::{Fault, Outcome, Transport};
use adjutant::slack::worker::{ATTEMPTS, LEASE};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::time::{Duration, Instant};

/// Takes the database away from everybody, and brings it back.
pub struct Switch {
    admin: PgConnection,
    name: String,
}

impl Switch {
    pub async fn new(w: &Workspace) -> Self {
        let name: String = sqlx::query_scalar("select current_database()::text")
            .fetch_one(&mut w.world.superuser().await)
            .await
            .unwrap();
        // From another database: nobody may be connected to the one that goes.
        let url = w.world.url.replace(&format!("/{name}?"), "/postgres?");
        Self { admin: PgConnection::connect(&url).await.unwrap(), name }
    }

    pub async fn off(&mut self) {
        let close = format!("alter database {} with allow_connections false", self.name);
        self.admin.execute(AssertSqlSafe(close)).await.unwrap();
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1")
            .bind(&self.name)
            .execute(&mut self.admin)
            .await
            .unwrap();
    }

    pub async fn on(&mut self) {
        let open = format!("alter database {} with allow_connections true", self.name);
        self.admin.execute(AssertSqlSafe(open)).await.unwrap();
    }
}

#[tokio::test]
async fn with_the_database_away_http_says_so_at_once_and_what_comes_again_is_answered() {
    let w = Workspace::new(Transport::Http).await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    let begun = Instant::now();
    let payload = dm("EvAway", "1758100000.000100", "link");
    assert_eq!(post_event(&w, &payload).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    switch.on().await;
    assert_eq!(post_event(&w, &payload).await, StatusCode::OK);
    worked(&w).await;
    assert_eq!(outgoing(&w, "link:").await, ["link:EvAway"]);
}

#[tokio::test]
async fn a_click_while_the_database_is_away_counts_once_it_is_back() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    // Slack does not bring a click again; whoever clicked sees that it was not taken in time.
    w.until("a click that was not taken", |ws| {
        ws.sent
            .iter()
            .any(|s| s.kind == "interactive" && !matches!(s.outcome, Outcome::Acknowledged(_)))
            .then_some(())
    })
    .await;
    switch.on().await;
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    assert_eq!(look(&w, drafted.id()).await.reviews.len(), 1);
}

#[tokio::test]
async fn with_the_database_away_a_socket_envelope_is_not_acknowledged_and_comes_again() {
    let w = Workspace::new(Transport::Socket).await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    w.fake.dm("mara", "link").unwrap();
    // Three seconds by the clock of the fake, without an acknowledgement.
    w.until("a try that was not acknowledged", |ws| {
        ws.sent.iter().any(|s| s.outcome == Outcome::Late).then_some(())
    })
    .await;
    switch.on().await;
    w.until("an acknowledgement", |ws| {
        ws.sent.iter().any(|s| matches!(s.outcome, Outcome::Acknowledged(_))).then_some(())
    })
    .await;
    worked(&w).await;
    assert_eq!(outgoing(&w, "link:").await.len(), 1);
}

#[tokio::test]
async fn what_was_acknowledged_and_not_done_is_done_after_a_restart() {
    let mut w = Workspace::new(Transport::Http).await;
    w.kill().await;
    // The server still takes deliveries; nobody works on them.
    let url = w.served.url.clone();
    w.fake.deliver_to(&url);
    w.fake.dm("mara", "link").unwrap();
    w.fake.settled().await;
    assert_eq!(inbound(&w, "state", "true").await, ["new"]);
    // Another one died with this in hand: it is taken over when the lease has run out.
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let (now, dead) = (w.world.clock.now(), adjutant::ids::new_uuid(&*w.world.clock));
    let until = now.checked_add(LEASE).unwrap();
    let held = rows::claim(&mut tx, w.world.org, dead, now, until, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(held.len(), 1);
    w.start_again().await;
    assert!(outgoing(&w, "link:").await.is_empty(), "the lease holds");
    worked(&w).await;
    assert_eq!(outgoing(&w, "link:").await.len(), 1);
    // The dead one cannot close what is not its own any more.
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let closed =
        rows::finish(&mut tx, w.world.org, &held[0].key, dead, InboundState::Dead, None, now).await.unwrap();
    assert!(!closed);
}

#[tokio::test]
async fn what_fails_is_tried_again_and_works_when_slack_is_back() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.fail("users.info", Fault::Status(500), 2);
    assert_eq!(
        post_event(&w, &dm("EvTwice", "1758100000.000100", "link 0000-0000-0000")).await,
        StatusCode::OK
    );
    worked(&w).await;
    assert_eq!(inbound(&w, "concat_ws(' ', state, attempts > 1)", "true").await, ["done t"]);
    assert_eq!(outgoing(&w, "").await, ["link:EvTwice"]);
}

#[tokio::test]
async fn what_keeps_failing_is_given_up_with_a_plain_word() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.fail_always("users.info", Fault::Status(500));
    assert_eq!(
        post_event(&w, &dm("EvNever", "1758100000.000100", "link 0000-0000-0000")).await,
        StatusCode::OK
    );
    worked(&w).await;
    assert_eq!(inbound(&w, "concat_ws(' ', state, attempts)", "true").await, [format!("dead {ATTEMPTS}")]);
    assert_eq!(outgoing(&w, "").await, ["given-up:EvNever"]);
}

#[tokio::test]
async fn what_ends_the_program_each_time_is_not_tried_for_ever() {
    let mut w = Workspace::new(Transport::Http).await;
    w.kill().await;
    let url = w.served.url.clone();
    w.fake.deliver_to(&url);
    w.fake.dm("mara", "link").unwrap();
    w.fake.settled().await;
    for _ in 0..ATTEMPTS {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let (now, dead) = (w.world.clock.now(), adjutant::ids::new_uuid(&*w.world.clock));
        let until = now.checked_add(LEASE).unwrap();
        assert_eq!(rows::claim(&mut tx, w.world.org, dead, now, until, 10).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        w.pass(LEASE);
    }
    w.start_again().await;
    worked(&w).await;
    assert_eq!(inbound(&w, "state", "true").await, ["dead"]);
    assert_eq!(outgoing(&w, "given-up:").await.len(), 1);
}

#[tokio::test]
async fn one_thread_is_worked_on_in_its_order_whatever_the_order_of_deliveries() {
    let w = Workspace::new(Transport::Http).await;
    let (org, now) = (w.world.org, w.world.clock.now());
    let (one, two) = (adjutant::ids::new_uuid(&*w.world.clock), adjutant::ids::new_uuid(&*w.world.clock));
    let until = now.checked_add(LEASE).unwrap();
    // A lane of an organisation whose workspace nobody works for but this test.
    let other = w.world.other_org().await.org;
    assert_ne!(org, other);
    let mut tx = w.world.db.org(other).await.unwrap();
    for (key, lane, place) in [("c", "a/1", "3"), ("b", "a/1", "2"), ("x", "b/1", "9"), ("a", "a/1", "1")] {
        let new = NewInbound {
            key,
            team: "T",
            kind: "message",
            message: None,
            lane,
            place,
            body: &json!({}),
            state: InboundState::New,
        };
        assert!(rows::store(&mut tx, other, &new, now).await.unwrap());
    }
    tx.commit().await.unwrap();
    let keys = |rows: Vec<rows::Claimed>| rows.into_iter().map(|row| row.key).collect::<Vec<_>>();
    let mut tx = w.world.db.org(other).await.unwrap();
    assert_eq!(keys(rows::claim(&mut tx, other, one, now, until, 10).await.unwrap()), ["a", "x"]);
    assert!(rows::claim(&mut tx, other, two, now, until, 10).await.unwrap().is_empty(), "the lane is held");
    // Given back to be tried later, it still stands before the others.
    let later = now.checked_add(Duration::from_secs(5)).unwrap();
    assert!(rows::put_back(&mut tx, other, "a", one, later, "x").await.unwrap());
    assert!(rows::claim(&mut tx, other, two, now, until, 10).await.unwrap().is_empty());
    assert_eq!(rows::next_moment(&mut tx, other, now).await.unwrap(), Some(later));
    assert_eq!(keys(rows::claim(&mut tx, other, two, later, until, 10).await.unwrap()), ["a"]);
    assert!(rows::finish(&mut tx, other, "a", two, InboundState::Done, None, later).await.unwrap());
    assert_eq!(keys(rows::claim(&mut tx, other, two, later, until, 10).await.unwrap()), ["b"]);
}

#[tokio::test]
async fn sockets_that_close_are_opened_again_and_nothing_is_lost() {
    let w = Workspace::new(Transport::Socket).await;
    for (n, announced) in [None, Some("warning"), Some("refresh_requested"), Some("too_many_websockets")]
        .into_iter()
        .enumerate()
    {
        w.fake.close_sockets(announced);
        w.fake.dm("mara", "link").unwrap();
        w.until("the message to arrive", |ws| {
            let taken = ws.sent.iter().filter(|s| matches!(s.outcome, Outcome::Acknowledged(_)));
            (taken.filter(|s| s.body["event"]["text"] == "link").count() > n).then_some(())
        })
        .await;
        w.fake.connected().await;
    }
    worked(&w).await;
    assert_eq!(outgoing(&w, "link:").await.len(), 4);
}

async fn install_state(w: &Workspace) -> String {
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    sqlx::query_scalar("select state from slack_installs").fetch_one(&mut *tx).await.unwrap()
}

#[tokio::test]
async fn a_removed_app_is_on_record_and_a_late_event_about_it_changes_nothing() {
    for revoke in [true, false] {
        let w = Workspace::new(Transport::Http).await;
        if revoke {
            w.fake.revoke_tokens();
        } else {
            w.fake.uninstall();
        }
        w.fake.settled().await;
        worked(&w).await;
        assert_eq!(install_state(&w).await, "revoked");
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let on_record: i64 =
            sqlx::query_scalar("select count(*) from audit_log where action = 'slack.revoked'")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
        assert_eq!(on_record, 1);
    }
    let w = Workspace::new(Transport::Http).await;
    w.fake.uninstall();
    w.fake.token_works(true);
    w.fake.settled().await;
    worked(&w).await;
    assert_eq!(install_state(&w).await, "active", "Slack still takes the token");
}

#[tokio::test]
async fn the_installation_is_recorded_as_soon_as_slack_answers() {
    let mut w = Workspace::new(Transport::Http).await;
    let on_record = async |w: &Workspace| {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        adjutant::db::slack::installs::all(&mut tx, w.world.org).await.unwrap()
    };
    // As if this were the first start, on a day when Slack does not answer.
    w.kill().await;
    let mut superuser = w.world.superuser().await;
    sqlx::raw_sql("delete from slack_installs").execute(&mut superuser).await.unwrap();
    w.fake.fail_always("auth.test", Fault::Status(503));
    w.start_again().await;
    w.fake.wait_for("a second try", |ws| (ws.calls("auth.test").len() > 2).then_some(())).await;
    assert!(on_record(&w).await.is_empty());
    w.fake.heal();
    let tried = w.fake.calls("auth.test").len();
    w.fake.wait_for("a try that works", |ws| (ws.calls("auth.test").len() > tried).then_some(())).await;
    let mut installs = on_record(&w).await;
    while installs.is_empty() {
        w.fake.wait_briefly(Duration::from_millis(20), |_| None::<()>).await;
        installs = on_record(&w).await;
    }
    let install = installs.remove(0);
    assert_eq!(
        (install.team.as_str(), install.bot_user.as_str()),
        (adjutant::fake_slack::TEAM, adjutant::fake_slack::BOT_USER)
    );
    assert!(install.scopes.iter().any(|scope| scope == "chat:write"));
}
