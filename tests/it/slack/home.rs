//! The Home tab: what waits, what is one's own, what was decided, what was found.
use super::desk::card_in;
use super::workspace::Workspace;
use crate::drafts::account::{decide, draft, pause, raise};
use adjutant::drafts::Decision;
use adjutant::fake_slack::blocks::interactive;
use adjutant::fake_slack::{Fault, Transport, View};
use serde_json::json;

/// Opens the tab; gives it once it says these words.
async fn home(w: &Workspace, user: &str, words: &str) -> View {
    w.fake.open_home(user).unwrap();
    seen(w, user, words).await
}

async fn seen(w: &Workspace, user: &str, words: &str) -> View {
    w.until(&format!("'{words}' on the tab of {user}"), |ws| {
        ws.homes.get(&ws.person(user)?.id).filter(|home| home.all_text().contains(words)).cloned()
    })
    .await
}

/// Action ids of the tab's buttons.
fn buttons(view: &View) -> Vec<String> {
    interactive(view.blocks())
        .iter()
        .filter_map(|(_, e)| e["action_id"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn an_empty_tab_says_so_honestly() {
    let w = Workspace::new(Transport::Http).await;
    let text = home(&w, "aron", "Waiting for you").await.all_text();
    for words in [
        "Nothing waits for your decision",
        "You have no open drafts",
        "No draft was decided",
        "No opportunities are open",
        "What I can do",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!home(&w, "nils", "I do not know you yet").await.all_text().contains("Waiting"));
    assert!(home(&w, "vito", "Approvers decide").await.all_text().contains("Nothing waits for you."));
}

#[tokio::test]
async fn each_person_sees_what_waits_for_them_what_is_theirs_and_what_was_decided() {
    let w = Workspace::new(Transport::Http).await;
    let waiting = pause(&w.world).await;
    let decided = raise(&w.world).await;
    decide(&w.world, w.actor("aron"), &decided, Decision::Approve).await.unwrap();
    let aron = home(&w, "aron", "Waiting for you (1)").await;
    let text = aron.all_text();
    assert!(text.contains(&format!("#{} {}", waiting.number, waiting.title)), "{text}");
    assert!(text.contains("Decided in the last 7 days (1)") && text.contains("by Aron Keller"), "{text}");
    assert!(text.contains("You have no open drafts") && text.contains("for Mara Lindt"));
    let mara = home(&w, "mara", "Yours (2)").await;
    assert!(!buttons(&mara).contains(&"card.review".to_owned()), "one's own draft waits for somebody else");
    // A week later the decision is old news.
    w.pass(std::time::Duration::from_secs(8 * 24 * 3600));
    home(&w, "aron", "No draft was decided").await;
}

#[tokio::test]
async fn what_happens_to_a_draft_shows_on_the_tabs_on_which_it_stands() {
    let w = Workspace::new(Transport::Http).await;
    for (user, words) in
        [("aron", "Nothing waits"), ("mara", "You have no open drafts"), ("vito", "Approvers decide")]
    {
        home(&w, user, words).await;
    }
    let published =
        |user: &str| w.fake.calls("views.publish").iter().filter(|call| call.args["user_id"] == user).count();
    let drafted = pause(&w.world).await;
    seen(&w, "aron", "Waiting for you (1)").await;
    seen(&w, "mara", "Yours (1)").await;
    decide(&w.world, w.actor("sofia"), &drafted, Decision::Approve).await.unwrap();
    seen(&w, "aron", "by Sofia Brandt").await;
    seen(&w, "mara", "by Sofia Brandt").await;
    assert_eq!(
        (published("U0VITO"), published("U0SOFIA")),
        (1, 0),
        "nobody else's, and none that was never opened"
    );
}

#[tokio::test]
async fn review_brings_the_card_and_says_where_it_is() {
    let w = Workspace::new(Transport::Http).await;
    let created = pause(&w.world).await;
    let tab = home(&w, "aron", "Waiting for you (1)").await;
    assert!(!tab.body.to_string().contains(&created.id.to_string()), "a button carries a token, no id");
    w.fake.click_view("aron", &tab, "card.review", None).unwrap();
    let words = "The card is in our direct messages";
    w.until(words, |ws| ws.views.values().find(|view| view.all_text().contains(words)).cloned()).await;
    let card = card_in(&w, &w.dm("aron"), "0/1 approvals").await;
    w.fake.click("aron", &card, "Approve").unwrap();
    card_in(&w, &w.dm("aron"), "*Approved* by <@U0ARON>").await;
    // There is no channel in which a refusal could be whispered: it comes in person.
    let mut forged = tab.clone();
    let row = forged.body["blocks"].as_array_mut().unwrap().iter_mut().find(|b| b["accessory"].is_object());
    row.unwrap()["accessory"]["value"] = json!("0".repeat(40));
    w.fake.click_view("aron", &forged, "card.review", None).unwrap();
    w.said(&w.dm("aron"), "not good here").await;
}

#[tokio::test]
async fn long_lists_are_turned_over_page_by_page() {
    let w = Workspace::new(Transport::Http).await;
    for n in 0..17 {
        draft(
            &w.world,
            w.actor("mara"),
            "generate_content_brief",
            json!({"keyword": format!("wool socks {n}")}),
        )
        .await
        .unwrap();
    }
    let tab = home(&w, "aron", "Waiting for you (17)").await;
    assert_eq!(buttons(&tab).iter().filter(|id| *id == "card.review").count(), 15);
    assert!(tab.all_text().contains("Page 1 of 2") && tab.blocks().len() <= 100);
    w.fake.click_view("aron", &tab, "home.page.waiting.after", None).unwrap();
    let tab = seen(&w, "aron", "Page 2 of 2").await;
    assert_eq!(buttons(&tab).iter().filter(|id| *id == "card.review").count(), 2);
    w.fake.click_view("aron", &tab, "home.page.waiting.before", None).unwrap();
    seen(&w, "aron", "Page 1 of 2").await;
    // The other list of the same tab is turned by itself.
    let mara = home(&w, "mara", "Yours (17)").await;
    w.fake.click_view("mara", &mara, "home.page.yours.after", None).unwrap();
    seen(&w, "mara", "Page 2 of 2").await;
    // Opened anew, it begins anew.
    home(&w, "mara", "Page 1 of 2").await;
}

#[tokio::test]
async fn a_tab_that_was_published_in_between_is_read_again() {
    let w = Workspace::new(Transport::Http).await;
    home(&w, "aron", "Nothing waits").await;
    let hashes = || {
        w.fake
            .calls("views.publish")
            .iter()
            .map(|c| c.args["hash"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(hashes(), [None], "nothing was published before");
    pause(&w.world).await;
    // Another process publishes: the hash that is known is not the last one any more.
    w.fake.arrange(|ws| {
        if let Some(home) = ws.homes.get_mut("U0ARON") {
            home.body["hash"] = json!("somebody.else");
        }
    });
    home(&w, "aron", "Waiting for you (1)").await;
    let hashes = hashes();
    assert!(hashes.len() >= 3 && hashes[1].is_some(), "{hashes:?}");
    w.fake.fail("views.publish", Fault::Refuse("hash_conflict"), 2);
    pause_again(&w).await;
    home(&w, "aron", "Waiting for you (2)").await;
}

async fn pause_again(w: &Workspace) {
    draft(&w.world, w.actor("mara"), "generate_content_brief", json!({"keyword": "wool socks"}))
        .await
        .unwrap();
}

#[tokio::test]
async fn slack_is_unwell_and_the_tab_comes_later() {
    let w = Workspace::new(Transport::Http).await;
    for fault in [Fault::Status(500), Fault::Limited(3), Fault::Malformed, Fault::HangAfter] {
        w.fake.fail("views.publish", fault, 1);
        let before = w.fake.calls("views.publish").len();
        w.fake.open_home("aron").unwrap();
        w.until("a publication", |ws| {
            ws.calls("views.publish").iter().skip(before).any(|c| c.ok()).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn opportunities_of_the_newest_day_are_shown_best_first_and_as_text() {
    let w = Workspace::new(Transport::Http).await;
    let mut db = w.world.superuser().await;
    for (name, day, score) in [
        ("Old news", "2025-09-10", 99),
        ("<!channel> *loud*", "2025-09-17", 80),
        ("Trail shoes", "2025-09-17", 90),
    ] {
        crate::drafts::account::sql(&mut db, w.world.org, &format!(
            "insert into opportunities (org_id, id, kind, detector_group, polarity, channel, entity_kind, entity_id, entity_name,
                 hypothesis, value_7d, value_low, value_high, currency, confidence, effort, risk, score100, band, alert_level,
                 dedupe_key, first_seen, last_seen, detector_version, params_hash, run_id, created_at, updated_at)
             values (ORG, gen_random_uuid(), 'paid_waste', 'paid', 'risk', 'paid_search', 'campaign', 'x:{score}', '{name}',
                 'It spends and brings nothing.', 120, 80, 160, 'EUR', 0.8, 'low', 'low', {score}, 'high', 'digest',
                 '{score}', '{day}', '{day}', '1', '', gen_random_uuid(), '2025-09-17T05:00:00Z', '2025-09-17T05:00:00Z')")).await;
    }
    let text = home(&w, "mara", "Today's top opportunities").await.all_text();
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
    assert!(at("Trail shoes") < at("&lt;!channel&gt; ∗loud∗"), "{text}");
    assert!(
        !text.contains("Old news") && text.contains("€120.00 over 7 days (€80.00 to €160.00), 80% sure"),
        "{text}"
    );
}
