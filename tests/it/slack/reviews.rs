//! Deciding in Slack: who may, once, on what they saw; the same facts on every surface.
use super::desk::*;
use crate::drafts::account::{decide, sql, trail};
use adjutant::drafts::{Decision, DraftState, ReasonCode, StepUp};
use adjutant::fake_slack::{Message, Submitted};
use serde_json::json;

/// How often the app wrote a message that says this, ephemeral ones included.
fn times(w: &super::workspace::Workspace, words: &str) -> usize {
    w.fake.read(|ws| count(ws, words))
}

/// The same, of a workspace that is being looked at.
fn count(ws: &adjutant::fake_slack::Workspace, words: &str) -> usize {
    ws.messages.iter().filter(|m| m.by_app() && m.all_text().contains(words)).count()
}

#[tokio::test]
async fn the_requesters_own_approval_is_refused_and_another_persons_counts_everywhere() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    assert_eq!(
        buttons(&shown),
        ["Approve", "Edit", "Reject", "Ask a question", "Hold for 4 hours", "Hand to…"]
    );
    w.fake.click("mara", &shown, "Approve").unwrap();
    // She is a marketer: the permission is missing before anything else.
    whisper(
        &w,
        "mara",
        "Only an approver or an admin may approve drafts. For draft 1 ask Adele Moser, Aron Keller or Sofia Brandt",
    )
    .await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    let decided = card(&w, &drafted, "not applied yet").await;
    assert!(decided.all_text().contains("*Approved* by <@U0ARON> <!date^"), "{}", decided.all_text());
    assert_eq!(buttons(&decided), ["Ask a question", "Mark as applied…"]);
    line(&w, &drafted, "<@U0ARON> approved draft 1").await;
    let dm = w.dm("mara");
    w.said(&dm, "<@U0ARON> approved draft 1").await;
    let file = w.until("the file", |ws| ws.files.values().find(|f| !f.shared.is_empty()).cloned()).await;
    assert_eq!(file.name, "adjutant_1_r1_pause_campaign.csv");
    assert_eq!(file.shared[0].0, drafted.channel);
    assert!(String::from_utf8_lossy(&file.bytes.unwrap()).contains("Prospecting cold"));
    let session = w.served.session(w.actor("adele")).await;
    let http = w.served.get(&format!("/api/drafts/{}", drafted.id()), &session).await.body;
    assert_eq!((&http["state"], &http["decided_by"]), (&json!("approved"), &json!("Aron Keller")));
    assert_eq!(http["reviews"][0]["surface"], "slack");
    let trail = trail(&w.world, Some(drafted.id())).await;
    assert_eq!(trail, ["draft.created", "draft.refused", "draft.approved", "export.downloaded"]);
}

#[tokio::test]
async fn an_approver_who_asked_for_the_draft_is_refused_for_that_reason() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let mut superuser = w.world.superuser().await;
    let aron = w.actor("aron").member;
    sql(
        &mut superuser,
        w.world.org,
        &format!("update drafts set requested_by = '{aron}' where org_id = ORG"),
    )
    .await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    whisper(&w, "aron", "You asked for or edited this draft; someone else must approve it.").await;
    // The card has its buttons back.
    let again = card(&w, &drafted, "0/1 approvals").await;
    assert!(buttons(&again).contains(&"Approve".to_owned()));
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
}

#[tokio::test]
async fn buttons_go_at_once_and_the_outcome_follows() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    card(&w, &drafted, "not applied yet").await;
    let replaced = w.fake.calls("response_url");
    let first = &replaced[0].args["body"];
    assert_eq!(first["replace_original"], true);
    let text = first.to_string();
    assert!(text.contains("Processing…") && !text.contains("\"actions\""), "{text}");
}

#[tokio::test]
async fn of_two_reviewers_the_first_wins_and_the_second_learns_who_it_was() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.hold();
    w.fake.click("aron", &shown, "Approve").unwrap();
    w.fake.click("sofia", &shown, "Approve").unwrap();
    w.fake.release(false);
    let told = w
        .until("the loser's answer", |ws| {
            ws.messages
                .iter()
                .find(|m| m.ephemeral_to.is_some() && m.all_text().contains("already approved"))
                .cloned()
        })
        .await;
    let view = look(&w, drafted.id()).await;
    let winner = view.summary.decided_by.clone().unwrap();
    let (winner_id, loser_id) =
        if winner == "Aron Keller" { ("U0ARON", "U0SOFIA") } else { ("U0SOFIA", "U0ARON") };
    assert_eq!(told.ephemeral_to.as_deref(), Some(loser_id));
    assert!(told.all_text().contains(&format!("Draft 1 was already approved by <@{winner_id}> at <!date^")));
    assert_eq!(view.reviews.len(), 1);
    w.fake.settled().await;
    card(&w, &drafted, "not applied yet").await;
    // The card, the line in the thread and the message to the requester stand in three queues.
    w.until("the message to the requester", |ws| (count(ws, "approved draft 1") == 2).then_some(())).await;
    w.fake.settled().await;
    assert_eq!(times(&w, "approved draft 1"), 2, "one line in the thread, one message to the requester");
}

#[tokio::test]
async fn the_same_decision_twice_is_harmless() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.duplicate_next(3);
    w.fake.click("aron", &shown, "Approve").unwrap();
    w.fake.click("aron", &shown, "Approve").unwrap();
    line(&w, &drafted, "approved draft 1").await;
    whisper(&w, "aron", "already approved by <@U0ARON>").await;
    assert_eq!(look(&w, drafted.id()).await.reviews.len(), 1);
    w.until("the message to the requester", |ws| (count(ws, "approved draft 1") == 2).then_some(())).await;
    let approvals =
        trail(&w.world, Some(drafted.id())).await.iter().filter(|a| *a == "draft.approved").count();
    assert_eq!(approvals, 1);
}

#[tokio::test]
async fn a_rejection_needs_a_category_and_a_reason_and_the_requester_reads_it() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("vito", &shown, "Reject").unwrap();
    whisper(&w, "vito", "may reject drafts. For draft 1 ask Adele Moser").await;
    w.fake.click("aron", &shown, "Reject").unwrap();
    let form = view(&w, "aron", "Reject draft 1").await;
    let blank =
        w.fake.submit("aron", &form.id, &[("reason", json!("   ")), ("category", json!("bad_timing"))]).await;
    assert!(matches!(blank.unwrap(), Submitted::Errors(e) if e["reason"] == "Say why, in a sentence."));
    let filled = [("category", json!("bad_timing")), ("reason", json!("The sale *starts* <!channel>."))];
    assert!(matches!(w.fake.submit("aron", &form.id, &filled).await.unwrap(), Submitted::Closed));
    let rejected = card(&w, &drafted, "*Rejected* by <@U0ARON>").await;
    assert_eq!(buttons(&rejected), ["Draft again"]);
    assert!(rejected.all_text().contains("bad timing: The sale ∗starts∗"), "{}", rejected.all_text());
    let told = w.said(&w.dm("mara"), "rejected draft 1").await;
    assert!(!told.all_text().contains("<!channel>"));
    let view = look(&w, drafted.id()).await;
    assert_eq!(view.reviews[0].reason_code, Some(ReasonCode::BadTiming));
    assert_eq!(view.reviews[0].note.as_deref(), Some("The sale *starts* <!channel>."));
}

#[tokio::test]
async fn an_edit_is_a_new_revision_with_faults_at_their_fields_and_votes_cleared() {
    let w = desk().await;
    let drafted = raise_in_thread(&w).await;
    let mut superuser = w.world.superuser().await;
    sql(&mut superuser, w.world.org, "update drafts set required_approvals = 2 where org_id = ORG").await;
    let shown = card(&w, &drafted, "0/").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    let voted = card(&w, &drafted, "1/2 approvals").await;
    w.fake.click("mara", &voted, "Edit").unwrap();
    let form = view(&w, "mara", "Edit draft 1").await;
    let wrong = w.fake.submit("mara", &form.id, &[("r1.new_daily_budget", json!("sixty"))]).await.unwrap();
    assert!(
        matches!(&wrong, Submitted::Errors(e) if e["r1.new_daily_budget"] == "Write an amount such as 60 or 60.50."),
        "{wrong:?}"
    );
    // Known only to the account: an increase must be one.
    let lower = w.fake.submit("mara", &form.id, &[("r1.new_daily_budget", json!("10"))]).await.unwrap();
    assert!(matches!(&lower, Submitted::Errors(e) if e["r1.new_daily_budget"].is_string()), "{lower:?}");
    let same = w.fake.submit("mara", &form.id, &[]).await.unwrap();
    assert!(
        matches!(&same, Submitted::Errors(e) if e.to_string().contains("Nothing was changed")),
        "{same:?}"
    );
    assert_eq!(look(&w, drafted.id()).await.summary.revision, 1);
    let good = w.fake.submit("mara", &form.id, &[("r1.new_daily_budget", json!("55"))]).await.unwrap();
    assert!(matches!(good, Submitted::Closed), "{good:?}");
    let edited = card(&w, &drafted, "revision 2").await;
    assert!(
        edited.all_text().contains("50.00 → 55.00") && edited.all_text().contains("0/"),
        "{}",
        edited.all_text()
    );
    line(&w, &drafted, "One approval of an earlier revision no longer counts.").await;
    // The card as it was before: its revision is gone.
    w.fake.click("sofia", &voted, "Approve").unwrap();
    whisper(&w, "sofia", "You reviewed revision 1; revision 2 is current.").await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
}

#[tokio::test]
async fn an_edit_of_an_old_revision_shows_the_newer_text_and_overwrites_nothing() {
    let w = desk().await;
    let drafted = raise_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("mara", &shown, "Edit").unwrap();
    let mine = view(&w, "mara", "Edit draft 1").await;
    w.fake.click("sofia", &shown, "Edit").unwrap();
    let hers = view(&w, "sofia", "Edit draft 1").await;
    w.fake.submit("sofia", &hers.id, &[("r1.new_daily_budget", json!("55"))]).await.unwrap();
    card(&w, &drafted, "revision 2").await;
    let late = w.fake.submit("mara", &mine.id, &[("r1.new_daily_budget", json!("58"))]).await.unwrap();
    assert!(matches!(late, Submitted::Changed), "{late:?}");
    let newer = view(&w, "mara", "newer revision").await;
    assert!(newer.all_text().contains("You wrote: 58"), "{}", newer.all_text());
    let input = newer.blocks().iter().find(|b| b["block_id"] == "r2.new_daily_budget").unwrap();
    assert_eq!(input["element"]["initial_value"], "55.00");
    assert_eq!(look(&w, drafted.id()).await.summary.revision, 2);
    let again = w.fake.submit("mara", &newer.id, &[("r2.new_daily_budget", json!("58"))]).await.unwrap();
    assert!(matches!(again, Submitted::Closed), "{again:?}");
    card(&w, &drafted, "revision 3").await;
}

#[tokio::test]
async fn a_high_risk_draft_asks_again_and_counts_only_what_is_confirmed_in_a_session() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let mut superuser = w.world.superuser().await;
    sql(
        &mut superuser,
        w.world.org,
        "update drafts set tier = 'high', required_approvals = 2, version = version + 1 where org_id = ORG",
    )
    .await;
    // Something happens, so that the card is drawn again.
    adjutant::drafts::assign(
        &w.world.db,
        &*w.world.clock,
        w.actor("adele"),
        drafted.id(),
        w.actor("aron").member,
    )
    .await
    .unwrap();
    let shown = card(&w, &drafted, "*high risk*").await;
    let approve = shown.blocks.iter().find(|b| b["type"] == "actions").unwrap()["elements"][0].clone();
    assert!(approve["confirm"]["text"]["text"].as_str().unwrap().contains("high risk"));
    w.fake.reply("aron", &shown, "approve").unwrap();
    whisper(&w, "aron", "approved with the Approve button of its card").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    let told = whisper(&w, "aron", "counts once you confirm it in a session of your own").await;
    assert!(told.all_text().contains("adjutant session") && told.all_text().contains("--confirm"));
    let waiting = card(&w, &drafted, "to be confirmed by <@U0ARON>").await;
    assert!(waiting.all_text().contains("0/2 approvals"), "{}", waiting.all_text());
    for actor in [w.actor("aron"), w.actor("sofia")] {
        let created = &drafted.created;
        let request = crate::drafts::account::review(created, Decision::Approve);
        adjutant::drafts::decide(
            &w.world.db,
            &*w.world.clock,
            actor,
            created.id,
            &request,
            StepUp::Confirmed,
        )
        .await
        .unwrap();
    }
    card(&w, &drafted, "*Approved* by <@U0SOFIA>").await;
}

#[tokio::test]
async fn a_held_draft_expires_later_and_one_handed_over_is_told_to_its_reviewer() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let before = look(&w, drafted.id()).await.summary.expires_at;
    choose(&w, "aron", &shown, "Hold for 4 hours");
    let held = card(&w, &drafted, "held until").await;
    assert!(!buttons(&held).contains(&"Hold for 4 hours".to_owned()));
    let after = look(&w, drafted.id()).await.summary.expires_at;
    assert_eq!(after.duration_since(before).as_hours(), 4);
    choose(&w, "aron", &held, "Hand to…");
    let form = view(&w, "aron", "Hand over draft 1").await;
    let stranger = w.fake.submit("aron", &form.id, &[("to", json!("U0NILS"))]).await.unwrap();
    assert!(
        matches!(&stranger, Submitted::Errors(e) if e["to"].as_str().unwrap().contains("no linked account"))
    );
    w.fake.submit("aron", &form.id, &[("to", json!("U0VITO"))]).await.unwrap();
    whisper(&w, "aron", "Vito Frey cannot approve draft 1").await;
    choose(&w, "aron", &held, "Hand to…");
    let form = view(&w, "aron", "Hand over draft 1").await;
    w.fake.submit("aron", &form.id, &[("to", json!("U0SOFIA"))]).await.unwrap();
    line(&w, &drafted, "<@U0ARON> handed draft 1").await;
    card(&w, &drafted, "handed to <@U0SOFIA>").await;
    let asked = w.said(&w.dm("sofia"), "handed draft 1").await;
    w.fake.click("sofia", &asked, "Review").unwrap();
    let own = card_in(&w, &w.dm("sofia"), "0/1 approvals").await;
    w.fake.click("sofia", &own, "Approve").unwrap();
    card(&w, &drafted, "*Approved* by <@U0SOFIA>").await;
    card_in(&w, &w.dm("sofia"), "not applied yet").await;
}

#[tokio::test]
async fn an_applied_draft_says_both_facts() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.click("aron", &shown, "Approve").unwrap();
    let approved = card(&w, &drafted, "not applied yet").await;
    choose(&w, "adele", &approved, "Mark as applied…");
    let form = view(&w, "adele", "Applied: draft 1").await;
    w.fake.submit("adele", &form.id, &[("evidence", json!("Change history of 11:02"))]).await.unwrap();
    let applied = card(&w, &drafted, "applied <!date^").await;
    assert!(applied.all_text().contains("*Approved* by <@U0ARON>"), "{}", applied.all_text());
    assert_eq!(buttons(&applied), Vec::<String>::new());
    line(&w, &drafted, "<@U0ADELE> applied draft 1").await;
}

#[tokio::test]
async fn a_decision_on_another_surface_reaches_the_card() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    card(&w, &drafted, "0/1 approvals").await;
    decide(&w.world, w.actor("sofia"), &drafted.created, Decision::Reject).await.unwrap();
    let shown = card(&w, &drafted, "*Rejected* by <@U0SOFIA>").await;
    assert_eq!(buttons(&shown), ["Draft again"]);
    line(&w, &drafted, "too risky: Because of the season.").await;
}

/// Messages of the app in the thread, without the card.
fn lines(w: &super::workspace::Workspace, drafted: &Drafted) -> Vec<Message> {
    w.fake.read(|ws| {
        let thread = ws.thread(&drafted.channel, &drafted.thread).into_iter();
        thread.filter(|m| m.by_app() && !is_card(m)).cloned().collect()
    })
}

#[tokio::test]
async fn only_the_whole_message_is_a_decision() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.reply("aron", &shown, "approve but cut the budget").unwrap();
    // It is answered as a question.
    super::told::answered(&w, "marketing", &drafted.thread).await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
    w.fake.say("aron", "marketing", "approve").unwrap();
    w.fake.settled().await;
    w.fake.reply("vito", &shown, "approve").unwrap();
    whisper(
        &w,
        "vito",
        "Only an approver or an admin may approve drafts. For draft 1 ask Adele Moser, Aron Keller or Sofia Brandt",
    )
    .await;
    w.fake.reply("robot", &shown, "approve").unwrap();
    w.fake.reply("nils", &shown, "approve 1").unwrap();
    whisper(&w, "nils", "Link your account to decide on drafts").await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending);
    assert!(lines(&w, &drafted).iter().all(|m| !m.all_text().contains("approved draft 1")));
    w.fake.reply("aron", &shown, "approve").unwrap();
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    w.fake.reply("sofia", &shown, "reject too early").unwrap();
    whisper(&w, "sofia", "Draft 1 was already approved by <@U0ARON>").await;
}

#[tokio::test]
async fn with_several_open_drafts_the_number_is_required() {
    let w = desk().await;
    let first = pause_in_thread(&w).await;
    let asked = json!({"campaign": "Generic search", "pct": 20});
    let second = draft_at(&w, "marketing", &first.thread, "increase_budget", asked).await;
    let shown = card(&w, &first, "0/1 approvals").await;
    card(&w, &second, "0/1 approvals").await;
    w.fake.reply("aron", &shown, "approve").unwrap();
    whisper(&w, "aron", "Several drafts are open in this thread (1, 2)").await;
    w.fake.reply("aron", &shown, "approve 7").unwrap();
    whisper(&w, "aron", "There is no draft 7 in this thread").await;
    w.fake.reply("aron", &shown, "reject 2 not now: too risky").unwrap();
    card(&w, &second, "*Rejected* by <@U0ARON>").await;
    assert_eq!(state(&w, first.id()).await, DraftState::Pending);
    // Now there is only one.
    w.fake.reply("aron", &shown, "hold 6h").unwrap();
    line(&w, &first, "holds draft 1 (Pause Prospecting cold) for 6 hours").await;
}

#[tokio::test]
async fn an_edit_in_words_becomes_a_revision_or_goes_back_with_the_words() {
    let w = desk().await;
    let drafted = raise_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    w.fake.reply("aron", &shown, "edit: new daily budget: 40").unwrap();
    w.until("a refusal of a lower budget", |ws| {
        ws.messages.iter().find(|m| m.ephemeral_to.as_deref() == Some("U0ARON")).map(drop)
    })
    .await;
    assert_eq!(state(&w, drafted.id()).await, DraftState::Pending, "a bad value changes nothing");
    w.fake.reply("aron", &shown, "edit: new daily budget: 55").unwrap();
    let edited = card(&w, &drafted, "revision 2").await;
    assert!(edited.all_text().contains("50.00 → 55.00"), "{}", edited.all_text());
    let trail = trail(&w.world, Some(drafted.id())).await;
    assert!(
        trail.contains(&"draft.changes_requested".to_owned()) && trail.contains(&"draft.revised".to_owned())
    );
    w.fake.reply("aron", &shown, "edit 1: only by 8 %, please").unwrap();
    let edited = card(&w, &drafted, "revision 3").await;
    assert!(edited.all_text().contains("50.00 → 54.00"), "{}", edited.all_text());
    w.fake.reply("sofia", &shown, "edit 1: ask the team in Bern first").unwrap();
    let back = card(&w, &drafted, "Changes requested").await;
    assert!(back.all_text().contains("ask the team in Bern first"));
    whisper(&w, "sofia", "The draft went back with your words.").await;
    // Who edited cannot approve.
    w.fake.reply("mara", &shown, "edit: make it nicer").unwrap();
    whisper(&w, "mara", "I could not read that as a change").await;
}
