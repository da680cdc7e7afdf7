//! The whole way through the workspace, as somebody goes it who has just been let in: from the question over the draft to
//! what became of it, and all surfaces tell the same.
use super::desk::{Asked, buttons, card, expire, is_card, line, look, view, whisper};
use super::told::{answered, body, shown, thread};
use super::workspace::Workspace;
use crate::drafts::account::sql;
use adjutant::drafts;
use adjutant::fake_slack::{Message, Submitted, Transport};
use adjutant::ids::DraftId;
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Where Aron asks: by the command, in his own conversation with us; or by mentioning us before everybody.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Command,
    Mention,
}

/// Aron asks for waste, reads the answer and has a draft made of it.
async fn from_question_to_card(w: &Workspace, way: Way) -> Asked {
    let (channel, thread_ts) = match way {
        Way::Command => {
            w.fake.command("aron", "@app", "/find_waste", "30").unwrap();
            let dm = w.dm("aron");
            let heading = w.said(&dm, "/find_waste 30").await;
            (dm, heading.ts)
        }
        Way::Mention => {
            let ts = w.fake.mention("aron", "marketing", "find_waste 30").unwrap();
            ("C0MARKETING".to_owned(), ts)
        }
    };
    let answer = answered(w, &channel, &thread_ts).await.pop().unwrap();
    shown(w).await;
    assert!(answer.stream.is_some() && body(&answer).contains("Prospecting cold"), "{}", body(&answer));
    let blocks = || answer.blocks.iter();
    assert!(blocks().any(|b| b["type"] == "data_visualization"), "a chart: {:?}", answer.blocks);
    let all = answer.all_text();
    assert!(all.contains("*Sources:* Spend without conversions: campaign ("), "{all}");
    let labels = labels(&answer);
    let mut once = labels.clone();
    once.dedup();
    assert_eq!(labels, once, "no button stands there twice");
    w.fake.click("aron", &answer, "Draft the pause: Prospecting cold").unwrap();
    let shown = w.until("the card", |ws| thread(ws, &channel, &thread_ts).into_iter().find(is_card)).await;
    assert!(shown.all_text().contains("0/1 approvals"), "{}", shown.all_text());
    let told = w.fake.read(|ws| thread(ws, &channel, &thread_ts));
    let said = told.iter().any(|m| body(m).starts_with("> draft a pause for Prospecting cold"));
    assert!(said, "the thread says what was asked for");
    // A name is data: it comes beside the words of the asker, never among them.
    let asked: Vec<(String, Value)> = {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        sqlx::query_as("select question, context from turns order by created_at, id")
            .fetch_all(&mut *tx)
            .await
            .unwrap()
    };
    let (question, beside) = asked.last().unwrap();
    assert_eq!(question, "draft a pause for this campaign");
    assert!(beside["campaign"].as_str().is_some_and(|id| id.contains(':')), "{beside}");
    let page = drafts::list(&w.world.db, &w.world.admin, &drafts::ListRequest::default()).await.unwrap();
    assert_eq!(page.drafts.len(), 1);
    let (id, number) = (page.drafts[0].id, page.drafts[0].number);
    Asked { id, number, channel, thread: thread_ts }
}

fn labels(message: &Message) -> Vec<String> {
    let mut labels: Vec<String> = adjutant::fake_slack::blocks::interactive(&message.blocks)
        .iter()
        .filter_map(|(_, e)| e["text"]["text"].as_str().map(str::to_owned))
        .collect();
    labels.sort();
    labels
}

/// What everybody must agree on.
struct Facts<'a> {
    state: &'a str,
    revision: i32,
    /// On the card.
    card: &'a str,
    /// The last entry of the audit.
    audit: &'a str,
    /// On the tabs of the requester and of a reviewer.
    tabs: [&'a str; 2],
}

/// The tabs, the card, the HTTP API and the audit say the same.
async fn agree(w: &Workspace, drafted: &Asked, facts: &Facts<'_>) {
    let shown = card(w, drafted, facts.card).await;
    let revision = format!("revision {}", facts.revision);
    assert!(shown.all_text().contains(&revision), "{}", shown.all_text());
    let session = w.served.session(w.actor("adele")).await;
    let http = w.served.get(&format!("/api/drafts/{}", drafted.id), &session).await.body;
    assert_eq!((&http["state"], &http["revision"]), (&json!(facts.state), &json!(facts.revision)));
    let audit = w.served.get("/api/audit?limit=500", &session).await.body;
    let id = drafted.id.to_string();
    let about = || audit["items"].as_array().unwrap().iter().filter(|e| e["object_id"] == id.as_str());
    assert_eq!(about().next_back().unwrap()["action"], facts.audit);
    let revisions = about().filter_map(|e| e["revision"].as_i64());
    assert_eq!(revisions.max(), Some(facts.revision.into()));
    for (person, words) in ["aron", "sofia"].into_iter().zip(facts.tabs) {
        let before = w.fake.calls("views.publish").len();
        w.fake.open_home(person).unwrap();
        let tab = w
            .until(&format!("the tab of {person} that says '{words}'"), |ws| {
                let fresh = ws.calls("views.publish").len() > before;
                let tab = ws.homes.get(&ws.person(person)?.id)?;
                (fresh && tab.all_text().contains(words)).then(|| tab.all_text())
            })
            .await;
        let named = tab.contains("#1 Pause Prospecting cold");
        let there = !words.starts_with("Nothing") && !words.starts_with("You have no");
        assert_eq!(named, there, "{tab}");
        assert!(!there || tab.contains(&revision), "{tab}");
    }
}

const WAITING: Facts<'_> = Facts {
    state: "pending",
    revision: 1,
    card: "0/1 approvals",
    audit: "draft.created",
    tabs: ["Yours (1)", "Waiting for you (1)"],
};

/// The card on which Sofia decides: the thread's, or, where she does not read along, the one that Review brings her.
async fn sofias(w: &Workspace, drafted: &Asked, words: &str) -> Message {
    if !drafted.channel.starts_with('D') {
        return card(w, drafted, words).await;
    }
    w.fake.open_home("sofia").unwrap();
    let tab = w
        .until("what waits for Sofia", |ws| {
            ws.homes.get("U0SOFIA").filter(|tab| tab.all_text().contains("Waiting for you (1)")).cloned()
        })
        .await;
    w.fake.click_view("sofia", &tab, "card.review", None).unwrap();
    super::desk::card_in(w, &w.dm("sofia"), words).await
}

#[tokio::test]
async fn from_find_waste_to_an_approved_pause_and_its_file() {
    for way in [Way::Command, Way::Mention] {
        let w = Workspace::new(Transport::Http).await;
        let drafted = from_question_to_card(&w, way).await;
        agree(&w, &drafted, &WAITING).await;
        let shown = card(&w, &drafted, "0/1 approvals").await;
        w.fake.click("aron", &shown, "Approve").unwrap();
        whisper(&w, "aron", "You asked for or edited this draft; someone else must approve it.").await;
        agree(&w, &drafted, &Facts { audit: "draft.refused", ..WAITING }).await;
        let hers = sofias(&w, &drafted, "0/1 approvals").await;
        w.fake.click("sofia", &hers, "Approve").unwrap();
        line(&w, &drafted, "<@U0SOFIA> approved draft 1").await;
        let (file, place) = w
            .until("the file", |ws| {
                let file = ws.files.values().find(|f| !f.shared.is_empty())?;
                let (channel, ts) = &file.shared[0];
                Some((file.clone(), ws.message(channel, ts)?.thread_ts.clone()))
            })
            .await;
        assert_eq!((&file.shared[0].0, place.as_ref()), (&drafted.channel, Some(&drafted.thread)));
        assert!(String::from_utf8_lossy(&file.bytes.unwrap()).contains("Prospecting cold"));
        let facts = Facts {
            state: "approved",
            revision: 1,
            card: "*Approved* by <@U0SOFIA>",
            audit: "export.downloaded",
            tabs: ["Decided in the last 7 days (1)"; 2],
        };
        agree(&w, &drafted, &facts).await;
        let actions = audit(&w, drafted.id).await;
        assert_eq!(actions, ["draft.created", "draft.refused", "draft.approved", "export.downloaded"]);
        assert!(w.fake.read(|ws| ws.notices.is_empty()), "Slack had nothing to complain of");
    }
}

/// Actions on record about a draft, in order.
async fn audit(w: &Workspace, id: DraftId) -> Vec<String> {
    crate::drafts::account::trail(&w.world, Some(id)).await
}

#[tokio::test]
async fn from_find_waste_to_a_rejection_with_its_reason() {
    for way in [Way::Command, Way::Mention] {
        let w = Workspace::new(Transport::Http).await;
        let drafted = from_question_to_card(&w, way).await;
        let hers = sofias(&w, &drafted, "0/1 approvals").await;
        w.fake.click("sofia", &hers, "Reject").unwrap();
        let form = view(&w, "sofia", "Reject draft 1").await;
        let why = [("category", json!("bad_timing")), ("reason", json!("The sale starts on Monday."))];
        assert!(matches!(w.fake.submit("sofia", &form.id, &why).await.unwrap(), Submitted::Closed));
        line(&w, &drafted, "<@U0SOFIA> rejected draft 1").await;
        let facts = Facts {
            state: "rejected",
            revision: 1,
            card: "*Rejected* by <@U0SOFIA>",
            audit: "draft.rejected",
            tabs: ["Decided in the last 7 days (1)"; 2],
        };
        agree(&w, &drafted, &facts).await;
        let shown = card(&w, &drafted, "bad timing: The sale starts on Monday.").await;
        assert_eq!(buttons(&shown), ["Draft again"]);
        let session = w.served.session(w.actor("aron")).await;
        let http = w.served.get(&format!("/api/drafts/{}", drafted.id), &session).await.body;
        let review = &http["reviews"][0];
        assert_eq!(
            (&review["reason_code"], &review["note"]),
            (&json!("bad_timing"), &json!("The sale starts on Monday."))
        );
        assert!(w.fake.read(|ws| ws.files.is_empty()), "what is rejected has no file");
    }
}

#[tokio::test]
async fn from_find_waste_to_an_edit_that_is_a_new_revision_without_votes() {
    let w = Workspace::new(Transport::Http).await;
    let drafted = from_question_to_card(&w, Way::Mention).await;
    let mut superuser = w.world.superuser().await;
    sql(&mut superuser, w.world.org, "update drafts set required_approvals = 2 where org_id = ORG").await;
    let shown = card(&w, &drafted, "0/").await;
    w.fake.click("sofia", &shown, "Approve").unwrap();
    let voted = card(&w, &drafted, "1/2 approvals").await;
    agree(
        &w,
        &drafted,
        &Facts {
            card: "1/2 approvals",
            audit: "draft.voted",
            tabs: ["Yours (1)", "Nothing waits"],
            ..WAITING
        },
    )
    .await;
    w.fake.click("aron", &voted, "Edit").unwrap();
    let form = view(&w, "aron", "Edit draft 1").await;
    let words = json!("It spent for thirty days and sold nothing.");
    let saved = w.fake.submit("aron", &form.id, &[("r1.reason", words)]).await.unwrap();
    assert!(matches!(saved, Submitted::Closed), "{saved:?}");
    line(&w, &drafted, "One approval of an earlier revision no longer counts.").await;
    let facts = Facts { revision: 2, audit: "draft.revised", ..WAITING };
    agree(&w, &drafted, &facts).await;
    let edited = card(&w, &drafted, "sold nothing").await;
    // What Sofia's screen still shows is not what she would decide on.
    w.fake.click("sofia", &voted, "Approve").unwrap();
    whisper(&w, "sofia", "You reviewed revision 1; revision 2 is current.").await;
    w.fake.click("sofia", &edited, "Approve").unwrap();
    let facts = Facts {
        state: "approved",
        revision: 2,
        card: "*Approved* by <@U0SOFIA>",
        audit: "export.downloaded",
        tabs: ["Decided in the last 7 days (1)"; 2],
    };
    w.until("the file", |ws| ws.files.values().find(|f| !f.shared.is_empty()).map(drop)).await;
    agree(&w, &drafted, &facts).await;
}

#[tokio::test]
async fn from_find_waste_to_a_draft_that_nobody_decided_in_time() {
    let w = Workspace::new(Transport::Http).await;
    let drafted = from_question_to_card(&w, Way::Mention).await;
    let old = card(&w, &drafted, "0/1 approvals").await;
    let until = look(&w, drafted.id).await.summary.expires_at;
    while w.served.app.clock.now() <= until {
        w.pass(DAY);
    }
    expire(&w).await;
    line(&w, &drafted, "expired: nobody decided in time").await;
    let facts = Facts {
        state: "expired",
        revision: 1,
        card: "nobody decided in time",
        audit: "draft.expired",
        tabs: ["You have no open drafts", "Nothing waits"],
    };
    agree(&w, &drafted, &facts).await;
    w.fake.click("sofia", &old, "Approve").unwrap();
    whisper(&w, "sofia", "This card has expired").await;
    assert_eq!(look(&w, drafted.id).await.reviews.len(), 0);
    let expired = card(&w, &drafted, "nobody decided in time").await;
    assert_eq!(buttons(&expired), ["Draft again"]);
    w.fake.click("aron", &expired, "Draft again").unwrap();
    w.until("the new card", |ws| {
        let mut thread = thread(ws, &drafted.channel, &drafted.thread).into_iter();
        thread.find(|m| is_card(m) && m.all_text().contains("Draft 2 "))
    })
    .await;
}
