//! What is pushed: to the channels that want it, once, brought up to date in place; reminders in working hours.
use super::desk::*;
use super::told::{answered, body};
use super::workspace::Workspace;
use crate::drafts::account::{pause, sql, trail};
use adjutant::clock::Clock as _;
use adjutant::db::notices::{self, NoticeKind};
use adjutant::drafts;
use adjutant::fake_slack::{Message, Submitted};
use adjutant::ids::OutboxId;
use adjutant::report::notice::{Alert, Digest, Finding, Notice, Weekly};
use adjutant::slack::cards::remind_now;
use serde_json::json;
use std::time::Duration;

async fn set(w: &Workspace, kind: &str, channel: &str, mode: &str, target: Option<&str>) {
    let target = target.map_or("null".to_owned(), |target| format!("'{target}'"));
    let mut superuser = w.world.superuser().await;
    sql(
        &mut superuser,
        w.world.org,
        &format!(
            "insert into notification_settings (org_id, kind, channel_ref, mode, target, updated_at)
         values (ORG, '{kind}', '{channel}', '{mode}', {target}, '2025-09-17T09:00:00Z')"
        ),
    )
    .await;
}

async fn publish(w: &Workspace, notice: &Notice) -> bool {
    let clock = &*w.world.clock;
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let told =
        notices::publish(&mut tx, w.world.org, OutboxId::new(clock), notice, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    told
}

fn digest() -> Notice {
    Notice::Digest(Digest {
        day: "2025-09-17".parse().unwrap(),
        found: 1,
        impact: Some("€300 in 7 days".to_owned()),
        top: vec![Finding {
            title: "Prospecting cold buys nothing <!channel>".to_owned(),
            value: "€210 a week".to_owned(),
            question: Some("find_waste 30".to_owned()),
        }],
        health: Vec::new(),
    })
}

fn alert(over: bool, lines: &str) -> Notice {
    Notice::Alert(Alert {
        incident: "no_conversions:site".to_owned(),
        title: "No conversions".to_owned(),
        lines: vec![lines.to_owned()],
        opened_at: "2025-09-17T08:00:00Z".parse().unwrap(),
        resolved_at: over.then(|| "2025-09-17T09:00:00Z".parse().unwrap()),
        question: None,
    })
}

fn pushed(w: &Workspace, channel: &str) -> Vec<Message> {
    w.fake.messages(channel).into_iter().filter(Message::by_app).collect()
}

#[tokio::test]
async fn a_digest_goes_where_it_is_wanted_and_nowhere_else() {
    let w = desk().await;
    set(&w, "digest", "C0MARKETING", "on", None).await;
    set(&w, "digest", "C0GENERAL", "redirect", Some("C0LEADS")).await;
    set(&w, "alert", "C0GENERAL", "on", None).await;
    assert!(publish(&w, &digest()).await);
    assert!(!publish(&w, &digest()).await, "the same words of the same day");
    for channel in ["marketing", "growth-leads"] {
        let message = w.said(channel, "What I found, 2025-09-17").await;
        assert!(message.all_text().contains("€300 in 7 days") && !message.all_text().contains("<!channel>"));
    }
    assert!(pushed(&w, "general").is_empty());
    assert_eq!((pushed(&w, "marketing").len(), pushed(&w, "growth-leads").len()), (1, 1));
}

#[tokio::test]
async fn the_button_of_a_finding_asks_its_question_in_the_thread() {
    let w = desk().await;
    set(&w, "digest", "C0MARKETING", "on", None).await;
    publish(&w, &digest()).await;
    let told = w.said("marketing", "What I found, 2025-09-17").await;
    w.fake.click("mara", &told, "Look into it").unwrap();
    let answer: String = answered(&w, "marketing", &told.ts).await.iter().map(body).collect();
    assert!(answer.contains("Prospecting cold") && answer.contains("waste 30"), "{answer}");
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let asked: Vec<String> =
        sqlx::query_scalar("select question from turns").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(asked, ["/find_waste 30"]);
}

#[tokio::test]
async fn an_alert_is_told_once_brought_up_to_date_and_resolved_in_place() {
    let w = desk().await;
    set(&w, "alert", "C0MARKETING", "on", None).await;
    publish(&w, &alert(false, "Expected 12, got 0.")).await;
    let first = w.said("marketing", "Expected 12, got 0.").await;
    publish(&w, &alert(false, "Expected 24, got 0.")).await;
    let second = w.said("marketing", "Expected 24, got 0.").await;
    // Turned off meanwhile: nothing new comes, but nobody is left with an incident that is over.
    let mut superuser = w.world.superuser().await;
    sql(&mut superuser, w.world.org, "update notification_settings set mode = 'off' where org_id = ORG")
        .await;
    publish(&w, &alert(true, "Expected 24, got 30.")).await;
    let third = w.said("marketing", "Resolved: No conversions").await;
    assert_eq!((&first.ts, &second.ts), (&second.ts, &third.ts));
    assert_eq!(pushed(&w, "marketing").len(), 1);
}

fn weekly(week: &str, spend: &str) -> Notice {
    Notice::Weekly(Weekly {
        week: week.parse().unwrap(),
        figures: vec![("Spend".to_owned(), spend.to_owned(), "+4 %".to_owned())],
        lines: vec!["Retargeting 30 days earned most <!here>.".to_owned()],
    })
}

#[tokio::test]
async fn a_weekly_summary_is_one_message_a_week_brought_up_to_date_in_place() {
    let w = desk().await;
    set(&w, "weekly", "C0MARKETING", "on", None).await;
    set(&w, "weekly", "C0GENERAL", "redirect", Some("C0LEADS")).await;
    set(&w, "digest", "C0QUIET", "on", None).await;
    assert!(publish(&w, &weekly("2025-09-08", "€3,276")).await);
    for channel in ["marketing", "growth-leads"] {
        let message = w.said(channel, "The week of 2025-09-08").await;
        let all = message.all_text();
        assert!(all.contains("€3,276") && all.contains("+4 %") && !all.contains("<!here>"), "{all}");
    }
    let first = pushed(&w, "marketing").remove(0);
    // A late conversion, a day's spend restated: the same week, told again.
    assert!(publish(&w, &weekly("2025-09-08", "€3,290")).await);
    for channel in ["marketing", "growth-leads"] {
        w.said(channel, "€3,290").await;
    }
    let second = pushed(&w, "marketing");
    assert_eq!((second.len(), &second[0].ts), (1, &first.ts));
    assert!(!second[0].all_text().contains("€3,276"));
    assert!(publish(&w, &weekly("2025-09-15", "€3,100")).await);
    w.said("marketing", "The week of 2025-09-15").await;
    assert_eq!((pushed(&w, "marketing").len(), pushed(&w, "quiet").len()), (2, 0));
}

#[tokio::test]
async fn an_incident_that_is_over_before_it_was_told_is_not_told() {
    let mut w = desk().await;
    set(&w, "alert", "C0MARKETING", "on", None).await;
    set(&w, "digest", "C0MARKETING", "on", None).await;
    w.kill().await;
    publish(&w, &alert(false, "Expected 12, got 0.")).await;
    publish(&w, &alert(true, "Expected 24, got 30.")).await;
    publish(&w, &digest()).await;
    w.start_again().await;
    w.said("marketing", "What I found").await;
    assert_eq!(pushed(&w, "marketing").len(), 1);
}

#[tokio::test]
async fn administrators_choose_what_a_channel_gets_and_others_only_look() {
    let w = desk().await;
    w.fake.command("vito", "marketing", "/adjutant", "settings").unwrap();
    let seen = whisper(&w, "vito", "What is sent to this channel").await;
    assert!(seen.all_text().contains("An administrator can change this"), "{}", seen.all_text());
    assert!(seen.blocks.iter().all(|b| b.get("accessory").is_none()));
    w.fake.command("vito", "marketing", "/adjutant", "settings digest on").unwrap();
    whisper(&w, "vito", "Only an administrator changes").await;
    w.fake.command("adele", "marketing", "/adjutant", "settings").unwrap();
    let menus = whisper(&w, "adele", "What is sent to this channel").await;
    // Somebody else's screen does not give their rights away.
    w.fake.choose("vito", &menus, "settings.mode.digest", "on").unwrap();
    w.fake.choose("adele", &menus, "settings.mode.alert", "on").unwrap();
    whisper(&w, "adele", "*Alerts*: on").await;
    w.fake.choose("adele", &menus, "settings.mode.weekly", "redirect").unwrap();
    let form = view(&w, "adele", "to which channel instead").await;
    let saved = w.fake.submit("adele", &form.id, &[("target", json!("C0LEADS"))]).await.unwrap();
    assert!(matches!(saved, Submitted::Closed), "{saved:?}");
    whisper(&w, "adele", "sent to <#C0LEADS> instead").await;
    w.fake.command("adele", "marketing", "/adjutant", "settings reminder off").unwrap();
    whisper(&w, "adele", "*Drafts that wait for review*: off").await;
    w.fake.command("adele", "marketing", "/adjutant", "settings digest sometimes").unwrap();
    whisper(&w, "adele", "Write `/adjutant settings`").await;
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let stored = notices::settings(&mut tx, w.world.org, Some("C0MARKETING")).await.unwrap();
    let stored: Vec<(NoticeKind, String)> = stored.iter().map(|s| (s.kind, s.mode.to_string())).collect();
    assert_eq!(
        stored,
        [
            (NoticeKind::Alert, "on".to_owned()),
            (NoticeKind::Reminder, "off".to_owned()),
            (NoticeKind::Weekly, "redirect".to_owned()),
        ]
    );
    assert_eq!(notices::channels(&mut tx, w.world.org, NoticeKind::Weekly).await.unwrap(), ["C0LEADS"]);
    let filter =
        adjutant::db::audit::Filter { object_type: Some("channel".to_owned()), ..Default::default() };
    let entries = adjutant::db::audit::list(&mut tx, w.world.org, &filter, 0, 100).await.unwrap();
    assert_eq!(entries.iter().filter(|e| e.action == "settings.changed").count(), 3);
}

/// Slash commands do not work in threads: every command works as text, in a thread and in one's own conversation with us.
#[tokio::test]
async fn settings_are_seen_and_changed_as_text_too() {
    let w = desk().await;
    let thread = w.fake.say("mara", "marketing", "What do we get in here?").unwrap();
    let us = format!("<@{}>", adjutant::fake_slack::BOT_USER);
    let say = |who: &str, words: &str| {
        w.fake.reply_at(who, "marketing", &thread, &format!("{us} {words}")).unwrap();
    };
    say("vito", "settings");
    let seen = whisper(&w, "vito", "What is sent to this channel").await;
    assert!(seen.all_text().contains("An administrator can change this"), "{}", seen.all_text());
    assert_eq!(seen.thread_ts.as_ref(), Some(&thread), "where it was asked");
    say("vito", "settings alert on");
    whisper(&w, "vito", "Only an administrator changes").await;
    say("adele", "settings alert on");
    whisper(&w, "adele", "*Alerts*: on").await;
    say("adele", "/adjutant settings weekly redirect <#C0LEADS|growth-leads>");
    whisper(&w, "adele", "sent to <#C0LEADS> instead").await;
    say("adele", "settings alert sometimes");
    whisper(&w, "adele", "Write `/adjutant settings`").await;
    w.fake.dm("adele", "settings digest on").unwrap();
    let dm = w.dm("adele");
    w.said(&dm, "*Daily digest*: on").await;
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let stored = notices::settings(&mut tx, w.world.org, None).await.unwrap();
    let stored: Vec<(NoticeKind, &str, String)> =
        stored.iter().map(|s| (s.kind, s.channel_ref.as_str(), s.mode.to_string())).collect();
    let marketing = "C0MARKETING";
    assert_eq!(
        stored,
        [
            (NoticeKind::Alert, marketing, "on".to_owned()),
            (NoticeKind::Digest, dm.as_str(), "on".to_owned()),
            (NoticeKind::Weekly, marketing, "redirect".to_owned()),
        ]
    );
    // Among other words it is a question, and asked as one.
    assert_eq!(super::told::turns(&w).await, 0);
    let ts =
        w.fake.mention("mara", "marketing", "settings of our best campaign please, all of them").unwrap();
    answered(&w, "marketing", &ts).await;
    assert_eq!(super::told::turns(&w).await, 1);
}

#[tokio::test]
async fn a_test_message_shows_that_a_kind_arrives() {
    let w = desk().await;
    w.fake.command("adele", "marketing", "/adjutant", "settings test alert").unwrap();
    w.said("marketing", "An example alert").await;
    w.fake.command("adele", "quiet", "/adjutant", "settings test digest").unwrap();
    whisper(&w, "adele", "The test message did not arrive").await;
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn reviewers_are_reminded_at_half_time_and_before_the_end_in_their_working_hours() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    card(&w, &drafted, "0/1 approvals").await;
    let mut superuser = w.world.superuser().await;
    let sofia = w.actor("sofia").member;
    sql(
        &mut superuser,
        w.world.org,
        &format!("update members set time_zone = 'America/Los_Angeles' where id = '{sofia}'"),
    )
    .await;
    // Made on Wednesday 17 at 11:00 in Zurich, for seven days: half is on Saturday night.
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    w.world.clock.set(at("2025-09-20T21:30:00Z"));
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 0, "nobody works");
    w.world.clock.set(at("2025-09-22T07:30:00Z"));
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 2, "aron and adele, in Zurich");
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 0, "once");
    w.said(&w.dm("aron"), "Draft 1 (Pause Prospecting cold) waits for review").await;
    w.world.clock.set(at("2025-09-22T16:30:00Z"));
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 1, "sofia's Monday has begun");
    let asked = w.said(&w.dm("sofia"), "waits for review").await;
    w.fake.click("sofia", &asked, "Review").unwrap();
    card_in(&w, &w.dm("sofia"), "0/1 approvals").await;
    assert!(w.fake.messages(&w.dm("mara")).iter().all(|m| !m.all_text().contains("waits for review")));
    // One hour before the end it is early morning in Los Angeles: her last hour was the afternoon before.
    w.world.clock.set(at("2025-09-23T23:30:00Z"));
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 1);
    w.world.clock.set(at("2025-09-24T08:00:00Z"));
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 2);
}

#[tokio::test]
async fn a_hold_is_quiet_and_so_is_a_channel_that_wants_no_reminders() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    w.world.clock.set(at("2025-09-22T07:30:00Z"));
    let mut superuser = w.world.superuser().await;
    w.fake.reply("aron", &shown, "hold 4h").unwrap();
    card(&w, &drafted, "held until").await;
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 0);
    w.pass(5 * HOUR);
    set(&w, "reminder", "C0MARKETING", "off", None).await;
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 0);
    sql(
        &mut superuser,
        w.world.org,
        "update notification_settings set mode = 'redirect', target = 'C0LEADS' where org_id = ORG",
    )
    .await;
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 1, "one message for all reviewers");
    let told = w.said("growth-leads", "waits for review").await;
    assert!(buttons(&told).contains(&"Review".to_owned()));
}

#[tokio::test]
async fn an_assigned_reviewer_alone_is_reminded() {
    let w = desk().await;
    let created = pause(&w.world).await;
    drafts::assign(&w.world.db, &*w.world.clock, w.actor("aron"), created.id, w.actor("adele").member)
        .await
        .unwrap();
    w.world.clock.set("2025-09-22T07:30:00Z".parse().unwrap());
    assert_eq!(remind_now(&w.slack, w.world.org).await.unwrap(), 1);
    w.said(&w.dm("adele"), "waits for review").await;
    assert!(trail(&w.world, Some(created.id)).await.contains(&"draft.assigned".to_owned()));
}
