//! Threads that are ours without a question of ours: below cards and pushed messages; and threads of several people.
use super::desk::*;
use super::told::{answered, body, is_footed, shown, thread};
use super::workspace::Workspace;
use crate::drafts::account::{pause, sql};
use crate::served::planner;
use adjutant::chat::offline::OfflinePlanner;
use adjutant::clock::{Clock as _, SharedClock};
use adjutant::db::notices;
use adjutant::drafts::DraftState;
use adjutant::fake_slack::Transport;
use adjutant::ids::OutboxId;
use adjutant::llm::{self, ChatModel, ChatRequest, ChatStream, ModelError, OFFLINE};
use adjutant::report::notice::{Digest, Notice};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, OnceLock};

pub async fn wants(w: &Workspace, kind: &str, channel: &str) {
    let mut superuser = w.world.superuser().await;
    let wish = format!(
        "insert into notification_settings (org_id, kind, channel_ref, mode, updated_at)
         values (ORG, '{kind}', '{channel}', 'on', '2025-09-17T09:00:00Z')"
    );
    sql(&mut superuser, w.world.org, &wish).await;
}

/// The offline planner, with what each question came with.
#[derive(Default)]
pub struct Overheard {
    planner: OnceLock<OfflinePlanner>,
    requests: Mutex<Vec<Vec<llm::Message>>>,
}

#[async_trait]
impl ChatModel for Overheard {
    fn name(&self) -> &'static str {
        OFFLINE
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        self.requests.lock().unwrap().push(request.messages.clone());
        self.planner.get().unwrap().stream(request).await
    }
}

impl Overheard {
    pub async fn workspace() -> (Workspace, Arc<Self>) {
        let model = Arc::new(Self::default());
        let w = Workspace::with(Transport::Http, Some(model.clone()), |_| {}).await;
        let clock: SharedClock = w.world.clock.clone();
        let planner = planner(w.world.db.clone(), clock);
        assert!(model.planner.set(planner).is_ok());
        (w, model)
    }

    /// All that the turn with this question was told at its beginning.
    pub fn told(&self, question: &str) -> Vec<llm::Message> {
        let asks = |m: &llm::Message| matches!(m, llm::Message::User { text } if text.contains(question));
        let requests = self.requests.lock().unwrap();
        let mut found = requests.iter().filter(|messages| messages.iter().any(asks));
        found.next().expect("the question was asked").clone()
    }
}

#[tokio::test]
async fn below_the_card_of_the_review_channel_a_question_is_answered() {
    let (w, model) = Overheard::workspace().await;
    link_staff(&w).await;
    wants(&w, "reminder", "C0LEADS").await;
    let created = pause(&w.world).await;
    let shown = card_in(&w, "growth-leads", "0/1 approvals").await;
    w.fake.reply("aron", &shown, "approve but cut the budget").unwrap();
    let said = answered(&w, "growth-leads", &shown.ts).await;
    assert!(said.iter().any(is_footed));
    assert_eq!(state(&w, created.id).await, DraftState::Pending, "it is no approval");
    let told = format!("{:?}", model.told("cut the budget"));
    assert!(told.contains("Pause Prospecting cold"), "what the thread is about: {told}");
    // Words to somebody else are none of ours.
    let before = w.fake.read(|ws| ws.messages.len());
    w.fake.reply("aron", &shown, "<@U0SOFIA> what do you think?").unwrap();
    w.fake.settled().await;
    super::stored::worked(&w).await;
    assert_eq!(w.fake.read(|ws| ws.messages.len()), before + 1);
}

/// What the question came with is not what it came with before: the thread has a conversation now.
#[tokio::test]
async fn a_question_below_a_card_that_is_taken_up_again_is_the_same_question() {
    let w = desk().await;
    wants(&w, "reminder", "C0LEADS").await;
    pause(&w.world).await;
    let card = card_in(&w, "growth-leads", "0/1 approvals").await;
    w.fake.reply("aron", &card, "how much did we spend last week?").unwrap();
    answered(&w, "growth-leads", &card.ts).await;
    shown(&w).await;
    let there = async || (super::told::turns(&w).await, w.fake.read(|ws| ws.messages.len()));
    let before = there().await;
    // As if the process had died before it could note that the question was done.
    let again =
        "update slack_inbound set state = 'new', finished_at = null where org_id = ORG and kind = 'message'";
    sql(&mut w.world.superuser().await, w.world.org, again).await;
    super::stored::worked(&w).await;
    shown(&w).await;
    assert_eq!(super::stored::outgoing(&w, "refused:").await, [""; 0]);
    assert_eq!(there().await, before, "{}", w.fake.story());
}

#[tokio::test]
async fn below_a_digest_a_question_is_answered() {
    let w = Workspace::new(Transport::Http).await;
    wants(&w, "digest", "C0MARKETING").await;
    let day = "2025-09-17".parse().unwrap();
    let digest = Notice::Digest(Digest { day, found: 0, impact: None, top: Vec::new(), health: Vec::new() });
    let clock = &*w.world.clock;
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    notices::publish(&mut tx, w.world.org, OutboxId::new(clock), &digest, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let told = w.said("marketing", "2025-09-17").await;
    on_record(&w, &told).await;
    w.fake.reply("mara", &told, "how much did we spend last week?").unwrap();
    let answer: String = answered(&w, "marketing", &told.ts).await.iter().map(body).collect();
    assert!(answer.contains("910"), "{answer}");
}

#[tokio::test]
async fn what_one_may_look_up_is_not_told_to_another_in_the_same_thread() {
    let (w, model) = Overheard::workspace().await;
    let ts = w.fake.mention("clara", "marketing", "show me the audit log").unwrap();
    answered(&w, "marketing", &ts).await;
    shown(&w).await;
    let go_on = async |user: &str, question: &str, answers: usize| {
        w.fake.reply_at(user, "marketing", &ts, question).unwrap();
        w.until("the next answer", |ws| {
            let said = thread(ws, "marketing", &ts);
            (said.iter().filter(|m| is_footed(m)).count() == answers).then_some(())
        })
        .await;
        shown(&w).await;
    };
    go_on("vito", "how much did we spend last week?", 2).await;
    go_on("adele", "how much did we spend yesterday?", 3).await;
    let found = |question: &str| -> Vec<String> {
        let told = model.told(question);
        let tools = told.iter().filter_map(|m| match m {
            llm::Message::Tool { name, .. } => Some(name.clone()),
            llm::Message::User { .. } | llm::Message::Note { .. } | llm::Message::Assistant { .. } => None,
        });
        tools.collect()
    };
    let viewers = found("spend last week");
    assert!(
        !viewers.iter().any(|tool| tool == "audit_search"),
        "a viewer may not read the audit log: {viewers:?}"
    );
    let administrators = found("spend yesterday");
    assert!(
        administrators.iter().any(|tool| tool == "audit_search"),
        "an administrator may: {administrators:?}"
    );
}
