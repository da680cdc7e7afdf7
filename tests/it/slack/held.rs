//! Clicks and commands that the database could not take at once: Slack brings them only once.
use super::bad_days_in::Switch;
use super::desk::{card, desk, look, pause_in_thread, whisper};
use super::stored::inbound;
use super::workspace::Workspace;
use adjutant::fake_slack::{Message, Outcome};
use adjutant::slack::receive::{Answer, Patience};
use std::time::Duration;

const LATE: &str = "I took this late";
const LOST: &str = "I could not take this";

/// Somebody clicks while the database is away, and sees that it was not taken in time.
async fn clicks_in_vain(w: &Workspace, user: &str, shown: &Message) {
    w.fake.click(user, shown, "Approve").unwrap();
    w.until("a click that was not taken", |ws| {
        let mut clicks = ws.sent.iter().filter(|s| s.kind == "interactive");
        clicks.any(|s| !matches!(s.outcome, Outcome::Acknowledged(_))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_held_click_stands_before_later_ones_and_who_clicked_is_told() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    clicks_in_vain(&w, "aron", &shown).await;
    switch.on().await;
    w.fake.click("sofia", &shown, "Approve").unwrap();
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    whisper(&w, "sofia", "already approved by <@U0ARON>").await;
    whisper(&w, "aron", LATE).await;
    assert_eq!(look(&w, drafted.id()).await.reviews.len(), 1);
    let told_late = |ws: &adjutant::fake_slack::Workspace| {
        ws.messages.iter().filter(|m| m.all_text().contains(LATE) || m.all_text().contains(LOST)).count()
    };
    assert!(w.fake.read(told_late) <= 2, "nobody is told twice");
}

/// The database takes the click of one of them and not of the other who was first: the second one waits.
#[tokio::test]
async fn nobody_overtakes_a_held_click_in_its_thread() {
    let w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let mut superuser = w.world.superuser().await;
    let refuse = "create function refuse() returns trigger language plpgsql as $$ begin
                    if new.body #>> '{user,id}' = 'U0ARON' then raise exception 'not now'; end if;
                    return new;
                  end $$;
                  create trigger refuse before insert on slack_inbound for each row execute function refuse()";
    sqlx::raw_sql(refuse).execute(&mut superuser).await.unwrap();
    clicks_in_vain(&w, "aron", &shown).await;
    w.fake.click("sofia", &shown, "Approve").unwrap();
    w.fake.settled().await;
    assert!(inbound(&w, "event_key", "kind = 'block_actions'").await.is_empty(), "she waits behind him");
    sqlx::raw_sql("drop function refuse() cascade").execute(&mut superuser).await.unwrap();
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    whisper(&w, "sofia", "already approved by <@U0ARON>").await;
}

#[tokio::test]
async fn who_clicked_is_told_what_could_not_be_kept() {
    let w = desk().await;
    // It never comes by itself: only what it says is needed.
    w.fake.deliver_to("http://127.0.0.1:9");
    w.fake.command("vito", "general", "/ask", "how much did we spend last week?").unwrap();
    let body = w.until("the command", |ws| ws.sent.last().map(|sent| sent.body.clone())).await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    let brief = Duration::from_millis(200);
    let patience = Patience { events: brief, others: brief, in_the_end: brief * 4 };
    assert_eq!(w.slack.accept(body, patience).await, Answer::Later);
    whisper(&w, "vito", LOST).await;
    switch.on().await;
    assert!(inbound(&w, "event_key", "true").await.is_empty());
    // What the database can never take is said at once.
    w.fake.deliver_to(&w.served.url);
    w.fake.command("clara", "general", "/ask", "how much\u{0}?").unwrap();
    whisper(&w, "clara", LOST).await;
    assert!(inbound(&w, "event_key", "true").await.is_empty());
}

#[tokio::test]
async fn a_stopping_program_waits_for_the_database_to_take_what_is_held() {
    let mut w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    clicks_in_vain(&w, "aron", &shown).await;
    let fake = w.fake.clone();
    let stopped = async {
        w.stop().await;
        inbound(&w, "state", "kind = 'block_actions'").await
    };
    let back = async {
        fake.wait_briefly(Duration::from_secs(1), |_| None::<()>).await;
        switch.on().await;
    };
    let (stored, ()) = tokio::join!(stopped, back);
    assert_eq!(stored, ["new"]);
    w.start_again().await;
    card(&w, &drafted, "*Approved* by <@U0ARON>").await;
    whisper(&w, "aron", LATE).await;
}

#[tokio::test]
async fn a_stopping_program_says_what_it_could_not_keep() {
    let mut w = desk().await;
    let drafted = pause_in_thread(&w).await;
    let shown = card(&w, &drafted, "0/1 approvals").await;
    let mut switch = Switch::new(&w).await;
    switch.off().await;
    clicks_in_vain(&w, "aron", &shown).await;
    w.stop().await;
    let told = w.fake.read(|ws| ws.messages.iter().filter(|m| m.all_text().contains(LOST)).count());
    assert_eq!(told, 1, "{}", w.fake.story());
    switch.on().await;
    w.start_again().await;
    assert!(inbound(&w, "event_key", "kind = 'block_actions'").await.is_empty());
}
