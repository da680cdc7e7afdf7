//! One story over both transports: what Slack is sent is the same, byte for byte.
//!
//! Two things are not the story's: what chance and counters make, and how calls of different places fall between each
//! other. So the calls of each place (a channel, a person, a reply address, the files) are compared in their order, after
//! one substitution: in each place the n-th id, token, message time or moment of a file is called by its kind and n
//! ([`renamed`]). Everything else is as it was sent. The clock stands still while the program works, and is set to the
//! minute of each step, so that all dates are the story's.
use super::desk::{Asked, card, card_in, draft_in, link_staff, raise_in_thread, state};
use super::stored::inbound;
use super::told::{Told, shown, words};
use super::workspace::Workspace;
use crate::served::catalogue;
use crate::world::NOW;
use adjutant::chat::offline::OfflinePlanner;
use adjutant::clock::{Clock as _, SharedClock};
use adjutant::drafts::{self, DraftState};
use adjutant::fake_slack::{Call, Submitted, Transport};
use adjutant::llm::{ChatModel, ChatRequest, ChatStream, ModelError};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

type Calls = BTreeMap<String, Vec<String>>;

/// Says the first answer as it is told; the offline planner gives all others.
struct Teller {
    told: Arc<Told>,
    planner: OnceLock<OfflinePlanner>,
}

#[async_trait]
impl ChatModel for Teller {
    fn name(&self) -> &'static str {
        "told-1"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        match self.told.stream(request.clone()).await {
            Err(ModelError::Empty) => self.planner.get().unwrap().stream(request).await,
            told => told,
        }
    }
}

/// What is made by chance or by a counter: uuids, tokens of buttons, times of messages, the ids of the fake.
fn kind(word: &str) -> Option<&'static str> {
    let all = |text: &str, fits: fn(char) -> bool| !text.is_empty() && text.chars().all(fits);
    let hex = |c: char| c.is_ascii_hexdigit();
    let digit = |c: char| c.is_ascii_digit();
    if word.len() == 36 && word.matches('-').count() == 4 && all(&word.replace('-', ""), hex) {
        return Some("uuid");
    }
    if word.len() == 40 && all(word, hex) {
        return Some("token");
    }
    if let Some((second, rest)) = word.split_once('.')
        && second.len() == 10
        && all(second, digit)
        && all(rest, digit)
    {
        return Some("ts");
    }
    let name = word.trim_end_matches(digit);
    (word.len() - name.len() == 7 && ["trigger.", "response", "F", "V", "hash."].contains(&name))
        .then_some("id")
}

/// The instant that a text begins with, as a file notes when it was made: `2025-09-17T09:50:01Z`.
fn instant(text: &str) -> Option<&str> {
    let end = text.char_indices().take(32).find(|(_, c)| *c == 'Z')?.0;
    let word = &text[..=end];
    word.parse::<Timestamp>().is_ok().then_some(word)
}

/// A text with such words called by their kind and number.
fn renamed(text: &str, known: &mut Vec<String>) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        if let Some(word) = instant(rest) {
            out.push_str("‹moment›");
            rest = &rest[word.len()..];
            continue;
        }
        let end = if part(first) { rest.find(|c| !part(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, after) = rest.split_at(end);
        match kind(word) {
            None => out.push_str(word),
            Some(kind) => {
                let at = known.iter().position(|one| one == word).unwrap_or_else(|| {
                    known.push(word.to_owned());
                    known.len() - 1
                });
                out.push_str(&format!("‹{kind} {at}›"));
            }
        }
        rest = after;
    }
    out
}

/// Which place a call belongs to.
fn place(call: &Call) -> String {
    let arg = |key: &str| call.args[key].as_str().map(str::to_owned);
    if call.method == "response_url" {
        return format!("reply to {} in {}", call.args["of"], call.args["in"]);
    }
    if call.method == "upload" || call.method.starts_with("files.") {
        return "files".to_owned();
    }
    let keys = ["channel", "channel_id", "user", "user_id", "users"];
    match keys.iter().find_map(|key| arg(key)) {
        Some(named) => named,
        None => call.method.clone(),
    }
}

/// Everything that was sent, but for what opens a socket.
fn sent(w: &Workspace) -> Calls {
    let mut calls = Calls::new();
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for call in w.fake.ledger().iter().filter(|call| call.method != "apps.connections.open") {
        assert!(call.ok() || call.method == "agents.sessions.setStatus", "{call:?}");
        let place = place(call);
        let line =
            renamed(&format!("{} {}", call.method, call.sent), known.entry(place.clone()).or_default());
        calls.entry(place).or_default().push(line);
    }
    calls
}

/// Sets the clock to the minute of a step.
fn step(w: &Workspace, minute: u64) {
    let start: Timestamp = NOW.parse().unwrap();
    let then = start + Duration::from_secs(60 * minute);
    let left = then.duration_since(w.world.clock.now());
    assert!(left.is_positive(), "the step before took longer");
    w.pass(left.unsigned_abs());
}

/// Lets time pass until nothing is on its way.
async fn rest(w: &Workspace) {
    w.fake.settled().await;
    // What is worked on now belongs to the minute of the step: the clock stands still.
    for _ in 0..3_000 {
        if inbound(w, "event_key", "state = 'new'").await.is_empty() {
            break;
        }
        w.fake.wait_briefly(Duration::from_millis(20), |_| None::<()>).await;
    }
    shown(w).await;
    // Decisions are told within half a second.
    let mut quiet = 0;
    while quiet < 8 {
        let before = w.fake.read(|ws| ws.ledger.len());
        w.fake.wait_briefly(Duration::from_millis(100), |_| None::<()>).await;
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let left: i64 =
            sqlx::query_scalar("select count(*) from outbox where state in ('queued', 'sending')")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
        drop(tx);
        let still = left == 0 && before == w.fake.read(|ws| ws.ledger.len());
        quiet = if still { quiet + 1 } else { 0 };
        if left > 0 {
            w.pass(Duration::from_millis(500));
        }
    }
}

/// Waits for a state while the clock stands still.
async fn becomes(w: &Workspace, drafted: &Asked, wanted: DraftState) {
    for _ in 0..500 {
        if state(w, drafted.id).await == wanted {
            return;
        }
        w.fake.wait_briefly(Duration::from_millis(20), |_| None::<()>).await;
    }
    panic!("the draft is {:?}\n{}", state(w, drafted.id).await, w.fake.story());
}

/// What several queries found at once, the draft that it leads to, its approval, its file.
async fn waste_to_export(w: &Workspace) {
    w.fake.command("mara", "general", "/find_waste", "30").unwrap();
    let answer = w
        .fake
        .wait_for("what is wasted", |ws| {
            let mut all = ws.in_channel("general").into_iter();
            all.find(|m| m.by_app() && m.all_text().contains("Draft the pause")).cloned()
        })
        .await;
    rest(w).await;
    step(w, 75);
    w.fake.click("mara", &answer, "Draft the pause: Prospecting cold").unwrap();
    rest(w).await;
    card_in(w, &w.dm("mara"), "0/1 approvals").await;
    step(w, 80);
    w.fake.open_home("sofia").unwrap();
    rest(w).await;
    let tab = w.fake.home("sofia").unwrap();
    w.fake.click_view("sofia", &tab, "card.review", None).unwrap();
    rest(w).await;
    let hers = card_in(w, &w.dm("sofia"), "0/1 approvals").await;
    let page = drafts::list(&w.world.db, &w.world.admin, &drafts::ListRequest::default()).await.unwrap();
    let id = page.drafts.iter().find(|draft| draft.state == DraftState::Pending).unwrap().id;
    let files =
        |ws: &adjutant::fake_slack::Workspace| ws.files.values().filter(|f| !f.shared.is_empty()).count();
    let before = w.fake.read(files);
    step(w, 85);
    w.fake.click("sofia", &hers, "Approve").unwrap();
    while state(w, id).await != DraftState::Approved {
        w.fake.wait_briefly(Duration::from_millis(20), |_| None::<()>).await;
    }
    rest(w).await;
    w.fake.wait_for("the file", |ws| (files(ws) > before).then_some(())).await;
}

async fn story(transport: Transport) -> Calls {
    let (told, mouths) = Told::new(1);
    let model = Arc::new(Teller { told, planner: OnceLock::new() });
    let w = Workspace::with(transport, Some(model.clone()), |_| {}).await;
    let clock: SharedClock = w.world.clock.clone();
    let planner = OfflinePlanner::new(catalogue(), w.world.db.clone(), clock).unwrap();
    assert!(model.planner.set(planner).is_ok());
    link_staff(&w).await;
    rest(&w).await;

    step(&w, 10);
    let ts = w.fake.mention("mara", "marketing", "tell me a story").unwrap();
    w.fake.wait_for("the turn", |ws| (!ws.statuses.is_empty()).then_some(())).await;
    for line in ["Once upon a time.\n", "There was a campaign.\n", "Then somebody paused it.\n"] {
        mouths[0].say(line);
        w.until("the line", |ws| words(ws, "marketing", &ts).contains(line.trim_end()).then_some(())).await;
    }
    mouths[0].done();
    rest(&w).await;

    step(&w, 20);
    w.fake.command("mara", "general", "/ask", "/campaign Prospecting cold").unwrap();
    let answer = w
        .fake
        .wait_for("the private answer", |ws| {
            ws.in_channel("general")
                .into_iter()
                .find(|m| m.by_app() && m.all_text().contains("Sources"))
                .cloned()
        })
        .await;
    rest(&w).await;
    step(&w, 25);
    w.fake.click("mara", &answer, "Share in this channel").unwrap();
    rest(&w).await;

    step(&w, 30);
    let raise = raise_in_thread(&w).await;
    rest(&w).await;
    let shown = card(&w, &raise, "0/1 approvals").await;
    step(&w, 35);
    w.fake.click("mara", &shown, "Approve").unwrap();
    rest(&w).await;
    step(&w, 40);
    w.fake.click("aron", &shown, "Edit").unwrap();
    let form = w.fake.wait_for("the form", |ws| ws.views.values().next().cloned()).await;
    let saved = w.fake.submit("aron", &form.id, &[("r1.new_daily_budget", json!("55"))]).await.unwrap();
    assert!(matches!(saved, Submitted::Closed), "{saved:?}");
    rest(&w).await;
    let edited = card(&w, &raise, "revision 2").await;
    step(&w, 50);
    w.fake.click("sofia", &edited, "Approve").unwrap();
    becomes(&w, &raise, DraftState::Approved).await;
    rest(&w).await;

    step(&w, 60);
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"});
    let pause = draft_in(&w, "marketing", "pause_campaign", asked).await;
    rest(&w).await;
    let shown = card(&w, &pause, "0/1 approvals").await;
    step(&w, 65);
    w.fake.reply("aron", &shown, "reject not before Monday").unwrap();
    becomes(&w, &pause, DraftState::Rejected).await;
    rest(&w).await;

    step(&w, 70);
    waste_to_export(&w).await;

    step(&w, 90);
    w.fake.command("aron", "general", "/approvals", "").unwrap();
    w.fake
        .wait_for("the list", |ws| {
            let mut all = ws.messages.iter();
            all.find(|m| m.all_text().contains("Nothing waits for your review.")).map(drop)
        })
        .await;
    w.fake.open_home("sofia").unwrap();
    w.fake.wait_for("the tab", |ws| ws.homes.get("U0SOFIA").cloned()).await;
    w.fake.dm("vito", "help").unwrap();
    rest(&w).await;
    sent(&w)
}

#[tokio::test]
async fn the_socket_and_http_give_the_same_calls() {
    let http = story(Transport::Http).await;
    let socket = story(Transport::Socket).await;
    let places: Vec<&String> = http.keys().collect();
    assert_eq!(places, socket.keys().collect::<Vec<_>>());
    for (place, calls) in &http {
        assert_eq!(calls, &socket[place], "{place}");
    }
    assert!(http.values().map(Vec::len).sum::<usize>() > 40, "{http:#?}");
}
