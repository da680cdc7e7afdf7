//! Charts of answers: drawn by Slack where it can, else pictures of the same data.
use super::stored::outgoing;
use super::told::{Told, answered, shown};
use super::workspace::Workspace;
use crate::drafts::account::sql;
use adjutant::fake_slack::{Fault, Message, Transport};
use serde_json::{Value, json};

/// The charts that Slack draws in a message.
fn charts(message: &Message) -> Vec<Value> {
    message.blocks.iter().filter(|b| b["type"] == "data_visualization").cloned().collect()
}

/// Two campaigns that waste, with names that are the same within the length that Slack shows.
async fn twins(w: &Workspace) {
    let mut db = w.world.superuser().await;
    for (id, name) in
        [("2011", "Prospecting for the autumn: women"), ("2012", "Prospecting for the autumn: men")]
    {
        sql(&mut db, w.world.org, &format!(
            "insert into campaigns (org_id, id, account_id, name, status, channel, daily_budget, budget_id, currency,
                 landing_page, is_brand, tracking, source, raw_status, first_seen_at, updated_at)
             select org_id, 'meta_ads:{id}', account_id, '{name}', status, channel, daily_budget, '5{id}', currency,
                 landing_page, is_brand, tracking, source, raw_status, first_seen_at, updated_at
               from campaigns where org_id = ORG and id = 'meta_ads:2001';
             insert into daily_metrics (org_id, date, source, account_id, entity_kind, entity_id, channel, breakdown,
                 impressions, clicks, conversions, conversion_value, conversion_value_base, cost, cost_base, revenue,
                 revenue_base, currency, first_seen_at, updated_at)
             select org_id, date, source, account_id, entity_kind, 'meta_ads:{id}', channel, breakdown,
                 impressions, clicks, conversions, conversion_value, conversion_value_base, cost, cost_base, revenue,
                 revenue_base, currency, first_seen_at, updated_at
               from daily_metrics where org_id = ORG and entity_id = 'meta_ads:2001'")).await;
    }
}

/// The ts of the thread in which a picture was shown in a channel.
async fn picture(w: &Workspace, channel: &str) -> Option<String> {
    let (bytes, thread) = w
        .until(&format!("a picture in {channel}"), |ws| {
            let shown = |f: &adjutant::fake_slack::File| f.shared.iter().find(|(c, _)| c == channel).cloned();
            let (file, (_, ts)) = ws.files.values().find_map(|file| Some((file, shown(file)?)))?;
            Some((file.bytes.clone()?, ws.message(channel, &ts)?.thread_ts.clone()))
        })
        .await;
    assert!(bytes.starts_with(b"\x89PNG"));
    thread
}

#[tokio::test]
async fn an_answer_shows_its_charts_with_the_figures_of_its_data() {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
    let answer = answered(&w, "marketing", &ts).await.pop().unwrap();
    shown(&w).await;
    let charts = charts(&answer);
    assert!((1..=2).contains(&charts.len()), "{charts:?}");
    // Thirty days of 30.00.
    let point = &charts[0]["chart"]["series"][0]["data"][0];
    assert_eq!(point, &json!({"label": "Prospecting cold", "value": 900.0}), "{charts:?}");
    assert!(outgoing(&w, "chart:").await.is_empty(), "what Slack draws is not sent twice");
}

#[tokio::test]
async fn a_chart_that_slack_cannot_draw_comes_as_a_picture() {
    let w = Workspace::new(Transport::Http).await;
    twins(&w).await;
    let ts = w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
    let answer = answered(&w, "marketing", &ts).await.pop().unwrap();
    assert!(!json!(charts(&answer)).to_string().contains("Prospecting"), "{:?}", charts(&answer));
    assert_eq!(picture(&w, "C0MARKETING").await, Some(ts));
    assert_eq!(outgoing(&w, "chart:").await.len(), 1);
    // Asked for alone: beside the answer nothing can be hidden, so it comes in person.
    w.fake.command("mara", "general", "/find_waste", "30").unwrap();
    let private = w.said("general", "come as pictures into our direct conversation").await;
    picture(&w, &w.dm("mara")).await;
    w.fake.click("mara", &private, "Share in this channel").unwrap();
    let thread = picture(&w, "C0GENERAL").await;
    let shared = w.fake.messages("general").into_iter().find(|m| m.by_app() && m.ephemeral_to.is_none());
    assert_eq!(thread, shared.map(|m| m.ts), "below the shared answer");
}

#[tokio::test]
async fn charts_come_as_pictures_where_blocks_are_refused() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.fail_always("chat.stopStream", Fault::Refuse("invalid_blocks"));
    let ts = w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
    assert_eq!(picture(&w, "C0MARKETING").await, Some(ts));
}

#[tokio::test]
async fn of_many_charts_slack_draws_the_first_two_and_the_others_follow_as_pictures() {
    let (model, mouths) = Told::new(2);
    let w = Workspace::with(Transport::Http, Some(model), |_| {}).await;
    let ts = w.fake.mention("mara", "marketing", "four views of the last four weeks").unwrap();
    for metric in ["cost", "clicks", "impressions", "conversions"] {
        let arguments = json!({"metric": metric, "granularity": "week"});
        mouths[0].calls(metric, "kpi_trend", arguments);
    }
    mouths[0].done();
    mouths[1].say("Nothing moved.");
    mouths[1].done();
    let answer = answered(&w, "marketing", &ts).await.pop().unwrap();
    shown(&w).await;
    // In the order in which they were asked for: seven days of 468.00, seven days of 450 clicks.
    let drawn = charts(&answer);
    assert_eq!(drawn.len(), 2, "{drawn:?}");
    for (chart, week) in drawn.iter().zip([3276.0, 3150.0]) {
        let points = chart["chart"]["series"][0]["data"].as_array().unwrap();
        assert!(points.iter().any(|point| point["value"] == week), "{week}: {points:?}");
    }
    let pictures = w
        .until("both pictures", |ws| {
            let here = |f: &&adjutant::fake_slack::File| f.shared.iter().any(|(c, _)| c == "C0MARKETING");
            let found: Vec<_> = ws.files.values().filter(here).cloned().collect();
            (found.len() == 2).then_some(found)
        })
        .await;
    for (n, picture) in pictures.iter().enumerate() {
        assert_eq!(picture.name, format!("chart-{}.png", n + 1));
        assert!(picture.bytes.as_ref().unwrap().starts_with(b"\x89PNG"));
        let (channel, at) = &picture.shared[0];
        let thread = w.fake.read(|ws| ws.message(channel, at).unwrap().thread_ts.clone());
        assert_eq!(thread.as_ref(), Some(&ts), "in the thread of the answer");
    }
    assert_eq!(outgoing(&w, "chart:").await.len(), 2, "and no more");
    let shows = adjutant::fake_slack::blocks::interactive(&answer.blocks);
    let shows = shows.iter().filter(|(_, e)| e["action_id"].as_str().unwrap_or("").starts_with("ask.data"));
    assert_eq!(shows.count(), 4, "the data of each can be seen: {:?}", answer.blocks);
}
