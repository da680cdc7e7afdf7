//! The list of bad days in the specification, line by line, with its tests:
//!
//! | a bad day | tests |
//! | --- | --- |
//! | duplicate deliveries | `inbound::a_mention_and_its_twin_are_one`, `::the_twins_at_once_in_any_order_are_one`, `::deliveries_in_any_order_and_number_are_each_taken_once`; `reviews::the_same_decision_twice_is_harmless`; `payloads::each_is_taken_twice_with_one_effect` |
//! | out-of-order deliveries | `bad_days_in::one_thread_is_worked_on_in_its_order_whatever_the_order_of_deliveries`, `what_comes_backwards_is_worked_on_as_it_was_said` below; a reply before our note of what it replies to: `early::…` (both) |
//! | 429 with `Retry-After` | `outbox::a_pause_that_slack_asks_for_is_kept_and_holds_up_its_channel_only`; `streaming::slack_is_unwell_at_every_step_and_the_answer_stands_once` |
//! | 500 | `outbox::what_fails_is_tried_again_and_what_follows_waits`, `bad_days_in::what_fails_is_tried_again_and_works_when_slack_is_back`, `streaming::slack_is_unwell_…` |
//! | a timeout | `outbox::a_message_whose_answer_was_lost_is_not_sent_twice`, `streaming::slack_is_unwell_…` |
//! | malformed JSON, and a page instead of JSON | `outbox::what_fails_is_tried_again_and_what_follows_waits`, `api::each_bad_answer_has_its_meaning`, `streaming::slack_is_unwell_…` |
//! | socket closed mid-turn | `streaming::the_socket_closes_in_the_middle_of_a_turn`, `bad_days_in::sockets_that_close_are_opened_again_and_nothing_is_lost` |
//! | token revoked | `outbox::a_revoked_token_keeps_the_messages`, `bad_days_in::a_removed_app_is_on_record_and_a_late_event_about_it_changes_nothing` |
//! | two reviewers at once | `reviews::of_two_reviewers_the_first_wins_and_the_second_learns_who_it_was` |
//! | a click on an expired card | `cards::an_expired_draft_loses_its_buttons_and_can_be_drafted_again`, `acceptance::from_find_waste_to_a_draft_that_nobody_decided_in_time` |
//! | a click without the role, of a guest | `cards::guests_strangers_and_people_without_the_role_decide_nothing` |
//! | a click from another workspace with a forged draft id | `a_click_from_another_workspace_opens_nothing_of_this_one` below, `cards::forged_tokens_change_nothing_and_are_on_the_record`, `cards::a_token_of_another_organisation_opens_nothing` |
//! | a 40-kB answer | `streaming::a_forty_kilobyte_answer_is_several_messages_within_every_limit`, `::a_forty_kilobyte_private_answer_comes_as_a_file_too` |
//! | a campaign named `<!channel> *bold* <https://evil\|x>` | `streaming::a_hostile_campaign_neither_calls_nor_links_nor_formats`, `::a_name_told_in_an_earlier_turn_is_still_only_a_name`, `cards::a_hostile_campaign_is_only_text_on_the_card` |
//! | restart between acknowledgement and answer | `bad_days_in::what_was_acknowledged_and_not_done_is_done_after_a_restart`, `streaming::a_process_that_ends_before_it_answers_is_followed_by_one_that_does`, `::…_in_the_middle_of_a_stream_…`, `::…_while_a_message_is_made_…` |
//! | the database away for 10 s | `bad_days_in::with_the_database_away_…` (both), `with_the_database_away_in_the_middle_of_an_answer_it_goes_on` below; clicks and commands, which come once: `held::…` (all) |
use super::bad_days_in::Switch;
use super::desk::{card, desk, look, pause_in_thread};
use super::stored::{event, inbound, outgoing, post_event, signed, worked};
use super::told::{answered, body, shown, thread, told, words};
use super::workspace::Workspace;
use crate::drafts::account::sql;
use adjutant::clock::Clock as _;
use adjutant::db::slack::installs::{self, Install, InstallState};
use adjutant::drafts::DraftState;
use adjutant::fake_slack::Transport;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;

const ELSEWHERE: &str = "T0ELSEWHERE";

/// Somebody with every right in their own workspace, of another organisation in the same database.
#[tokio::test]
async fn a_click_from_another_workspace_opens_nothing_of_this_one() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let other = w.world.other_org().await;
    let mut tx = w.world.db.org(other.org).await.unwrap();
    let install = Install {
        team: ELSEWHERE.to_owned(),
        app_id: String::new(),
        name: String::new(),
        bot_user: String::new(),
        bot_id: String::new(),
        scopes: Vec::new(),
        state: InstallState::Active,
        shared_channels: json!({}),
    };
    installs::record(&mut tx, other.org, &install, w.world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let mut superuser = w.world.superuser().await;
    let admin = other.admin.member;
    sql(
        &mut superuser,
        other.org,
        &format!(
            "insert into identities (org_id, surface, team, external_user, member_id, verified_by, linked_at)
             values (ORG, 'slack', '{ELSEWHERE}', 'U0ARON', '{admin}', 'link', '2025-09-01T00:00:00Z')"
        ),
    )
    .await;
    let actions = shown.blocks.iter().find(|b| b["type"] == "actions").unwrap();
    let approve = &actions["elements"][0];
    let token = approve["value"].as_str().unwrap().to_owned();
    // The very token of our card, the draft's id, and a made-up one.
    let values = [token, drafted.id().to_string(), "0".repeat(40)];
    for (n, value) in values.iter().enumerate() {
        let payload = json!({
            "type": "block_actions", "api_app_id": adjutant::fake_slack::APP, "trigger_id": format!("1.{n}"),
            "team": {"id": ELSEWHERE, "domain": "elsewhere"}, "user": {"id": "U0ARON", "team_id": ELSEWHERE},
            "channel": {"id": shown.channel, "name": "marketing"},
            "container": {"type": "message", "message_ts": shown.ts, "channel_id": shown.channel},
            "message": {"ts": shown.ts, "text": shown.text, "user": "U0ADJUTANT"},
            "actions": [{"type": "button", "action_id": approve["action_id"], "block_id": actions["block_id"],
                         "value": value, "action_ts": format!("175810000{n}.000100")}],
        });
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish();
        let request = signed(&w, "/slack/interactions", "application/x-www-form-urlencoded", &form);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
    let mut theirs = w.world.db.org(other.org).await.unwrap();
    let came: i64 =
        sqlx::query_scalar("select count(*) from slack_inbound").fetch_one(&mut *theirs).await.unwrap();
    assert_eq!(
        came, 0,
        "they are not ours to take: the other organisation's own process hears them from Slack"
    );
    worked(&w).await;
    assert!(inbound(&w, "event_key", "kind = 'block_actions'").await.is_empty(), "none of them is ours");
    let view = look(&w, drafted.id()).await;
    assert_eq!((view.summary.state, view.reviews.len()), (DraftState::Pending, 0));
}

#[tokio::test]
async fn with_the_database_away_in_the_middle_of_an_answer_it_goes_on() {
    let (w, mouth) = told(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    w.until("the turn", |ws| (!ws.statuses.is_empty()).then_some(())).await;
    mouth.say("Once upon a time.\n");
    w.until("the beginning", |ws| words(ws, "marketing", &ts).contains("Once upon a time").then_some(()))
        .await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    mouth.say("There was a campaign.\n");
    for _ in 0..10 {
        w.fake.wait_briefly(Duration::from_millis(100), |_| None::<()>).await;
        w.pass(Duration::from_secs(1));
    }
    switch.on().await;
    mouth.say("Then somebody paused it.\n");
    mouth.done();
    answered(&w, "marketing", &ts).await;
    shown(&w).await;
    let said = w.fake.read(|ws| thread(ws, "marketing", &ts));
    let whole: String = said.iter().map(body).collect();
    let lines = ["Once upon a time.", "There was a campaign.", "Then somebody paused it."];
    assert_eq!(whole.split_whitespace().collect::<Vec<_>>().join(" "), lines.join(" "), "{}", w.fake.story());
    assert_eq!(w.fake.read(|ws| ws.status("C0MARKETING", &ts).map(str::to_owned)), None);
}

/// Three messages of one thread while nobody works: the last one arrives first.
#[tokio::test]
async fn what_comes_backwards_is_worked_on_as_it_was_said() {
    let mut w = Workspace::new(Transport::Http).await;
    w.kill().await;
    for (key, ts) in [("EvLast", "3"), ("EvMiddle", "2"), ("EvFirst", "1")] {
        let said = json!({
            "type": "message", "channel_type": "im", "channel": "D0MARA", "user": "U0MARA", "text": "link",
            "ts": format!("1758100000.00000{ts}"), "thread_ts": "1758090000.000100", "parent_user_id": "U0MARA",
        });
        assert_eq!(post_event(&w, &event(key, said)).await, StatusCode::OK);
        w.pass(Duration::from_secs(1));
    }
    w.start_again().await;
    worked(&w).await;
    assert_eq!(outgoing(&w, "link:").await, ["link:EvFirst", "link:EvMiddle", "link:EvLast"]);
}
