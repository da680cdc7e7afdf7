//! Cards follow the state, wherever it changes; buttons are good for one thing, one place and one time.
use super::desk::*;
use super::workspace::Workspace;
use crate::drafts::account::{decide, pause, sql, trail};
use adjutant::drafts::{self, Decision, DraftState};
use adjutant::fake_slack::{Fault, Message};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The card with another token in its Approve button.
fn forged(card: &Message, token: &str) -> Message {
    let mut copy = card.clone();
    let actions = copy.blocks.iter_mut().find(|b| b["type"] == "actions").unwrap();
    actions["elements"][0]["value"] = json!(token);
    copy
}

fn token(card: &Message, button: &str) -> String {
    let elements =
        card.blocks.iter().find(|b| b["type"] == "actions").unwrap()["elements"].as_array().unwrap();
    let found = elements.iter().find(|e| e["text"]["text"] == button).unwrap();
    found["value"].as_str().unwrap().to_owned()
}

async fn set_channel(w: &Workspace, kind: &str, channel: &str, mode: &str) {
    let mut superuser = w.world.superuser().await;
    sql(
        &mut superuser,
        w.world.org,
        &format!(
            "insert into notification_settings (org_id, kind, channel_ref, mode, updated_at)
         values (ORG, '{kind}', '{channel}', '{mode}', '2025-09-17T09:00:00Z')"
        ),
    )
    .await;
}

#[tokio::test]
async fn tokens_are_random_bound_and_stored_as_hashes() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let approve = token(&shown, "Approve");
    assert_ne!(approve, token(&shown, "Reject"));
    assert!(approve.len() == 40 && !approve.contains(&drafted.id().to_string()));
    let mut superuser = w.world.superuser().await;
    let stored: Vec<(Vec<u8>, i32, String, String)> = sqlx::query_as(
        "select token_hash, revision, action, channel_ref from card_tokens where action = 'approve'",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].0, adjutant::slack::cards::token::hash(&approve));
    assert_eq!((stored[0].1, stored[0].3.as_str()), (1, "C0MARKETING"));
    let leaked: i64 =
        sqlx::query_scalar("select count(*) from outbox where payload::text like '%' || $1 || '%'")
            .bind(&approve)
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    assert_eq!(leaked, 0, "no token is stored where it can be read");
}

#[tokio::test]
async fn forged_tokens_change_nothing_and_are_on_the_record() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    // Made up, the draft's own id, and another button's.
    let guesses = [
        "0".repeat(40),
        drafted.id().to_string(),
        format!("{}:1:approve", drafted.id()),
        token(&shown, "Reject"),
        String::from("' or true --"),
    ];
    for guess in &guesses {
        w.fake.click("aron", &forged(&shown, guess), "Approve").unwrap();
    }
    // The right token in another channel.
    let elsewhere = Message { channel: "C0GENERAL".to_owned(), ..shown.clone() };
    w.fake.click("aron", &elsewhere, "Approve").unwrap();
    w.until("six refusals", |ws| {
        let refused = |m: &&Message| m.ephemeral_to.is_some() && m.all_text().contains("not good here");
        (ws.messages.iter().filter(refused).count() == 6).then_some(())
    })
    .await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
    let refused = trail(&w.world, None).await;
    assert_eq!(refused.iter().filter(|a| *a == "draft.refused").count(), 6);
}

#[tokio::test]
async fn a_token_of_another_organisation_opens_nothing() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let other = w.world.other_org().await;
    let mut superuser = w.world.superuser().await;
    crate::drafts::account::seed(&mut superuser, other.org).await;
    let request = adjutant::drafts::CreateRequest {
        kind: "pause_campaign".to_owned(),
        payload: crate::drafts::account::args(json!({"campaign": "Prospecting cold"})),
        evidence: Vec::new(),
        supersedes: None,
    };
    let theirs = drafts::create(&w.world.db, &*w.world.clock, &other.marketer, &request).await.unwrap();
    let secret = "c".repeat(40);
    let mut tx = w.world.db.org(other.org).await.unwrap();
    let bound = adjutant::db::cards::Token {
        draft_id: theirs.id,
        revision: 1,
        action: "approve".to_owned(),
        channel_ref: "C0MARKETING".to_owned(),
        member_id: None,
        expires_at: "2025-10-01T00:00:00Z".parse().unwrap(),
    };
    let hash = adjutant::slack::cards::token::hash(&secret);
    let now = "2025-09-17T09:00:00Z".parse().unwrap();
    adjutant::db::cards::add_token(&mut tx, other.org, &hash, &bound, now).await.unwrap();
    tx.commit().await.unwrap();
    w.fake.click("aron", &forged(&shown, &secret), "Approve").unwrap();
    whisper(&w, "aron", "not good here").await;
    let theirs = drafts::get(&w.world.db, &other.admin, theirs.id).await.unwrap();
    assert_eq!(theirs.summary.state, DraftState::Pending);
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
}

#[tokio::test]
async fn guests_strangers_and_people_without_the_role_decide_nothing() {
    let w = desk().await;
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"});
    let drafted = draft_in(&w, "marketing", "pause_campaign", asked).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("gil", &shown, "Approve").unwrap();
    whisper(&w, "gil", "Guests of this workspace cannot decide").await;
    w.fake.click("nils", &shown, "Approve").unwrap();
    whisper(&w, "nils", "Link your account to decide on drafts").await;
    w.fake.click("vito", &shown, "Approve").unwrap();
    whisper(
        &w,
        "vito",
        "Only an approver or an admin may approve drafts. For draft 1 ask Adele Moser, Aron Keller or Sofia Brandt",
    )
    .await;
    w.fake.click("vito", &shown, "Edit").unwrap();
    whisper(&w, "vito", "may edit or withdraw drafts").await;
    w.fake.click("clara", &shown, "Approve").unwrap();
    whisper(
        &w,
        "clara",
        "Only an approver or an admin may approve drafts. For draft 1 ask Adele Moser, Aron Keller or Sofia Brandt",
    )
    .await;
    assert_eq!(look(&w, drafted.id()).await.reviews.len(), 0);
    // A role counts as it is at the click, not as it was when the card was made.
    let mut superuser = w.world.superuser().await;
    let aron = w.actor("aron").member;
    sql(&mut superuser, w.world.org, &format!("update members set role = 'viewer' where id = '{aron}'"))
        .await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    whisper(&w, "aron", "For draft 1 ask Adele Moser or Sofia Brandt.").await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
}

/// The administrator's word about the channel that is shared with partners.
async fn consent(w: &Workspace, word: &str, answer: &str) {
    w.fake.command("adele", "partners", "/adjutant", word).unwrap();
    whisper(w, "adele", answer).await;
}

#[tokio::test]
async fn a_card_in_a_shared_channel_stays_as_it_is_when_the_consent_is_withdrawn() {
    let w = desk().await;
    consent(&w, "allow", "From now on I answer").await;
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"});
    let drafted = draft_in(&w, "partners", "pause_campaign", asked).await;
    card(&w, &drafted, "0/1 approvals").await;
    consent(&w, "disallow", "From now on I say nothing").await;
    decide(&w.world, w.actor("aron"), &drafted.created, Decision::Approve).await.unwrap();
    w.said(&w.dm("mara"), "approved draft 1").await;
    let open =
        "select dedupe_key from outbox where channel_ref = 'C0PARTNERS' and state in ('queued', 'sending')";
    for _ in 0..200 {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let left: Vec<String> = sqlx::query_scalar(open).fetch_all(&mut *tx).await.unwrap();
        if left.is_empty() {
            break;
        }
        w.fake.wait_briefly(Duration::from_millis(50), |_| None::<()>).await;
        w.pass(Duration::from_secs(1));
    }
    let said = w.fake.messages("partners").into_iter().filter(|m| m.by_app() && m.ephemeral_to.is_none());
    let said: Vec<String> = said.map(|m| m.all_text()).collect();
    assert!(said.len() == 1 && said[0].contains("0/1 approvals"), "{said:?}");
    assert!(w.fake.read(|ws| ws.files.is_empty()), "nor is the file shown");
    // Once we may speak again, the card says how the draft stands.
    consent(&w, "allow", "From now on I answer").await;
    let caught_up = card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    assert_eq!(caught_up.channel, "C0PARTNERS");
}

#[tokio::test]
async fn a_draft_asked_for_privately_comes_to_the_requester_in_person() {
    let w = desk().await;
    w.fake.command("mara", "general", "/ask", "draft a pause for Prospecting cold").unwrap();
    card_in(&w, &w.dm("mara"), "0/1 approvals").await;
    let told = w.said(&w.dm("aron"), "waits for your review").await;
    w.fake.click("aron", &told, "Review").unwrap();
    let shown = card_in(&w, &w.dm("aron"), "0/1 approvals").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    card_in(&w, &w.dm("mara"), "*Approved* by <@U0ARON>").await;
    let file = w.until("the file", |ws| ws.files.values().find(|f| !f.shared.is_empty()).cloned()).await;
    assert_eq!(file.name, "adjutant_1_r1_pause_campaign.csv");
    let places: Vec<&str> = file.shared.iter().map(|(channel, _)| channel.as_str()).collect();
    assert_eq!(places, [w.dm("mara")], "to who asked, and nowhere else");
    assert_eq!(w.fake.read(|ws| ws.files.len()), 1);
    assert!(w.fake.messages("general").iter().all(|m| !m.by_app() || m.ephemeral_to.is_some()));
}

#[tokio::test]
async fn people_of_another_organisation_decide_nothing_in_a_shared_channel() {
    let w = desk().await;
    consent(&w, "allow", "From now on I answer").await;
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"});
    let drafted = draft_in(&w, "partners", "pause_campaign", asked).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("stella", &shown, "Approve").unwrap();
    w.fake.reply("stella", &shown, "approve").unwrap();
    w.fake.settled().await;
    w.until("an answer to stella", |ws| {
        ws.messages.iter().find(|m| m.ephemeral_to.as_deref() == Some("U0STELLA")).map(drop)
    })
    .await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
    assert_eq!(look(&w, drafted.id()).await.reviews.len(), 0);
}

#[tokio::test]
async fn an_expired_draft_loses_its_buttons_and_can_be_drafted_again() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let old = card(&w, &drafted, "0/1 approvals").await;
    w.pass(8 * DAY);
    // Before the sweep comes round: the click finds out.
    w.fake.click("aron", &old, "Approve").unwrap();
    whisper(&w, "aron", "This card has expired").await;
    assert_eq!(look(&w, drafted.id()).await.reviews.len(), 0);
    expire(&w).await;
    let expired = card(&w, &drafted, "nobody decided in time").await;
    assert_eq!(buttons(&expired), ["Draft again"]);
    line(&w, &drafted, "expired: nobody decided in time").await;
    w.said(&w.dm("mara"), "expired: nobody decided in time").await;
    w.fake.click("mara", &expired, "Draft again").unwrap();
    whisper(&w, "mara", "Drafted again as draft 2").await;
    let again = w
        .until("the new card in the same thread", |ws| {
            let mut thread = ws.thread(&drafted.channel, &drafted.thread).into_iter();
            thread.find(|m| is_card(m) && m.all_text().contains("Draft 2 ")).cloned()
        })
        .await;
    assert!(buttons(&again).contains(&"Approve".to_owned()));
    w.fake.click("mara", &expired, "Draft again").unwrap();
    whisper(&w, "mara", "Draft 2 is open on the same").await;
}

#[tokio::test]
async fn a_draft_that_is_out_of_date_is_brought_up_to_date() {
    let w = desk().await;
    let drafted = raise_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let mut superuser = w.world.superuser().await;
    sql(
        &mut superuser,
        w.world.org,
        "update campaigns set daily_budget = 52 where org_id = ORG and id = 'google_ads:1001'",
    )
    .await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    whisper(&w, "aron", "was 50").await;
    let stale = card(&w, &drafted, "Out of date").await;
    assert_eq!(buttons(&stale), ["Bring up to date", "Edit", "Ask a question"]);
    w.fake.click("mara", &stale, "Bring up to date").unwrap();
    let fresh = card(&w, &drafted, "revision 2").await;
    assert!(buttons(&fresh).contains(&"Approve".to_owned()));
    assert!(fresh.all_text().contains("52.00 →"), "{}", fresh.all_text());
}

#[tokio::test]
async fn a_draft_from_elsewhere_goes_to_the_channels_that_want_it() {
    let w = desk().await;
    set_channel(&w, "reminder", "C0LEADS", "on").await;
    set_channel(&w, "reminder", "C0GENERAL", "off").await;
    let created = pause(&w.world).await;
    let shown = card_in(&w, "growth-leads", "0/1 approvals").await;
    assert!(shown.thread_ts.is_none());
    w.fake.reply("aron", &shown, "approve").unwrap();
    card_in(&w, "growth-leads", "*Approved* by <@U0ARON>").await;
    let story = w
        .until("the line in the card's own thread", |ws| {
            let mut all = ws.thread("C0LEADS", &shown.ts).into_iter();
            all.find(|m| m.by_app() && m.all_text().contains("approved draft 1")).cloned()
        })
        .await;
    assert_eq!(story.thread_ts.as_ref(), Some(&shown.ts));
    w.until("the file in that thread", |ws| ws.files.values().find(|f| !f.shared.is_empty()).map(drop)).await;
    assert!(w.fake.messages("general").iter().all(|m| !m.by_app()));
    assert_eq!(state(&w, created.id).await, DraftState::Approved);
}

#[tokio::test]
async fn a_draft_without_any_channel_is_told_to_those_who_may_approve_it() {
    let w = desk().await;
    pause(&w.world).await;
    for reviewer in ["aron", "sofia", "adele"] {
        w.said(&w.dm(reviewer), "draft 1 (Pause Prospecting cold) waits for your review").await;
    }
    assert!(w.fake.messages(&w.dm("vito")).is_empty());
    w.fake.command("aron", "general", "/approvals", "").unwrap();
    let list = whisper(&w, "aron", "1 draft waits for your review").await;
    assert!(list.all_text().contains("1 · Pause Prospecting cold"), "{}", list.all_text());
    let button = list.blocks.iter().find_map(|b| b.get("accessory")).unwrap().clone();
    assert_eq!(button["text"]["text"], "Review");
    w.fake.click("aron", &list, "Review").unwrap();
    let own = card_in(&w, &w.dm("aron"), "0/1 approvals").await;
    // Asked for again: the newer one counts, the older one says so.
    w.fake.click("aron", &list, "Review").unwrap();
    w.said(&w.dm("aron"), "see the newer card below").await;
    let newer = w
        .until("the newer card", |ws| {
            let dm = ws.messages.iter().find(|m| m.ts == own.ts).unwrap().channel.clone();
            ws.in_channel(&dm).into_iter().find(|m| is_card(m) && m.ts != own.ts).cloned()
        })
        .await;
    w.fake.click("aron", &newer, "Approve").unwrap();
    card_in(&w, &w.dm("aron"), "not applied yet").await;
    w.fake.command("aron", "general", "/approvals", "").unwrap();
    whisper(&w, "aron", "Nothing waits for your review.").await;
    w.fake.command("vito", "general", "/approvals", "").unwrap();
    whisper(&w, "vito", "Nothing waits for your review.").await;
}

#[tokio::test]
async fn a_card_survives_a_restart_and_a_slack_that_stumbles() {
    let mut w = desk().await;
    w.kill().await;
    let drafted = pause_in_thread(&w).await;
    w.fake.fail("chat.postMessage", Fault::Status(500), 1);
    w.fake.fail("chat.postMessage", Fault::Limited(2), 1);
    w.start_again().await;
    card(&w, &drafted, "0/1 approvals").await;
    w.kill().await;
    decide(&w.world, w.actor("aron"), &drafted.created, Decision::Approve).await.unwrap();
    w.start_again().await;
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    line(&w, &drafted, "approved draft 1").await;
    let cards = w.fake.read(|ws| ws.messages.iter().filter(|m| is_card(m)).count());
    assert_eq!(cards, 1, "one card, brought up to date");
}

/// Texts that Slack formats.
fn mrkdwn_of(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if map.get("type").is_some_and(|kind| kind == "mrkdwn") {
                out.extend(map["text"].as_str().map(str::to_owned));
            }
            map.values().for_each(|value| mrkdwn_of(value, out));
        }
        Value::Array(list) => list.iter().for_each(|value| mrkdwn_of(value, out)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test]
async fn a_hostile_campaign_is_only_text_on_the_card() {
    let w = desk().await;
    let mut superuser = w.world.superuser().await;
    sql(&mut superuser, w.world.org,
        "update campaigns set name = '<!channel> *bold* <https://evil|x> <@U0ADELE>' where org_id = ORG and id = 'meta_ads:2001'").await;
    let asked = json!({"campaign": "meta_ads:2001", "reason_code": "zero_conversions", "reason": "<!here> click <https://evil.example|this> now."});
    let drafted = draft_in(&w, "marketing", "pause_campaign", asked).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    line(&w, &drafted, "approved draft 1").await;
    w.said(&w.dm("mara"), "approved draft 1").await;
    for call in w.fake.ledger() {
        let text = call.args.to_string();
        for token in ["<!channel", "<!here", "<https://evil", "<@U0ADELE>"] {
            assert!(!text.contains(token), "{token} in {text}");
        }
        // Plain and rich text show asterisks as they are.
        let mut formatted = vec![call.args["text"].as_str().unwrap_or_default().to_owned()];
        mrkdwn_of(&call.args, &mut formatted);
        assert!(formatted.iter().all(|text| !text.contains("*bold*")), "{formatted:?}");
    }
}
