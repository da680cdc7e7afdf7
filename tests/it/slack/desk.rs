//! Drafts in a workspace: asked for in a thread, shown on cards, decided by clicks and words.
use super::workspace::{STAFF, Workspace};
use crate::drafts::account::{args, sql};
use adjutant::access::Surface;
use adjutant::drafts::{self, Created, DraftState, DraftView, RequestContext};
use adjutant::fake_slack::{Message, TEAM, Transport, View};
use adjutant::ids::{ConversationId, DraftId, TurnId};
use serde_json::{Value, json};

/// A draft and where it was asked for.
pub struct Asked {
    pub id: DraftId,
    pub number: i64,
    pub channel: String,
    pub thread: String,
}

/// The same, of a draft that was made beside the model.
pub struct Drafted {
    pub created: Created,
    asked: Asked,
}

impl Drafted {
    pub fn id(&self) -> DraftId {
        self.created.id
    }
}

impl std::ops::Deref for Drafted {
    type Target = Asked;
    fn deref(&self) -> &Asked {
        &self.asked
    }
}

/// A workspace whose staff is linked already.
pub async fn desk() -> Workspace {
    let w = Workspace::new(Transport::Http).await;
    link_staff(&w).await;
    w
}

/// The sweep by the clock, as often as it takes: a round leaves out a draft that somebody is writing to.
pub async fn expire(w: &Workspace) {
    for _ in 0..600 {
        if drafts::expire_due(&w.world.db, &*w.world.clock, w.world.org).await.unwrap() > 0 {
            return;
        }
        w.fake.wait_briefly(std::time::Duration::from_millis(50), |_| None::<()>).await;
    }
    panic!("no draft expired");
}

pub async fn link_staff(w: &Workspace) {
    let mut superuser = w.world.superuser().await;
    for (user, name) in STAFF {
        let handle = name.split(' ').next().unwrap().to_lowercase();
        let member = w.actor(&handle).member;
        sql(
            &mut superuser,
            w.world.org,
            &format!(
            "insert into identities (org_id, surface, team, external_user, member_id, verified_by, linked_at)
             values (ORG, 'slack', '{TEAM}', '{user}', '{member}', 'link', '2025-09-01T00:00:00Z')
             on conflict do nothing"),
        )
        .await;
    }
}

/// Mara asks in a thread of a channel (or of her own conversation with the app, for a `D…` id).
pub async fn draft_in(w: &Workspace, channel: &str, kind: &str, payload: Value) -> Drafted {
    let thread = w.fake.say("mara", channel, "Prospecting looks bad.").unwrap();
    draft_at(w, channel, &thread, kind, payload).await
}

/// The same in a thread that is there.
pub async fn draft_at(w: &Workspace, channel: &str, thread: &str, kind: &str, payload: Value) -> Drafted {
    let channel = w.fake.read(|ws| ws.channel(channel).unwrap().id.clone());
    let clock = &*w.world.clock;
    let mara = &w.world.marketer;
    let turn = TurnId::new(clock);
    let mut superuser = w.world.superuser().await;
    let external = format!("{TEAM}/{channel}/{thread}");
    let known: Option<ConversationId> =
        sqlx::query_scalar("select id from conversations where external_ref = $1")
            .bind(&external)
            .fetch_optional(&mut superuser)
            .await
            .unwrap();
    let conversation = known.unwrap_or_else(|| ConversationId::new(clock));
    sql(
        &mut superuser,
        w.world.org,
        &format!(
            "insert into conversations (org_id, id, surface, external_ref, owner_id, visibility, created_at)
         values (ORG, '{conversation}', 'slack', '{external}', '{0}', 'thread', '2025-09-17T09:00:00Z')
         on conflict do nothing;
         insert into turns (org_id, id, conversation_id, asker_id, surface, question, state, created_at)
         values (ORG, '{turn}', '{conversation}', '{0}', 'slack', 'q', 'completed', '2025-09-17T09:00:00Z')",
            mara.member
        ),
    )
    .await;
    let mut actor = mara.clone();
    actor.surface = Surface::Slack;
    let context = RequestContext {
        actor,
        turn,
        conversation,
        call_id: "call_1".to_owned(),
        evidence: Vec::new(),
        prompt_version: None,
    };
    let created = drafts::create_from_tool(&w.world.db, clock, &context, kind, &args(payload)).await.unwrap();
    let asked = Asked { id: created.id, number: created.number, channel, thread: thread.to_owned() };
    Drafted { created, asked }
}

/// A medium draft in a thread of #marketing.
pub async fn pause_in_thread(w: &Workspace) -> Drafted {
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"});
    draft_in(w, "marketing", "pause_campaign", asked).await
}

/// +20 % on a campaign that earns well, in a thread of #marketing.
pub async fn raise_in_thread(w: &Workspace) -> Drafted {
    draft_in(w, "marketing", "increase_budget", json!({"campaign": "Generic search", "pct": 20})).await
}

/// Whether a message is a card (its blocks begin with a header), not a line.
pub fn is_card(m: &Message) -> bool {
    m.by_app() && m.ephemeral_to.is_none() && m.blocks.first().is_some_and(|b| b["type"] == "header")
}

/// The draft's card in its thread, once it says this.
pub async fn card(w: &Workspace, drafted: &Asked, words: &str) -> Message {
    let mark = format!("Draft {} ", drafted.number);
    let shown = w
        .until(&format!("the card of draft {} that says '{words}'", drafted.number), |ws| {
            let mut thread = ws.thread(&drafted.channel, &drafted.thread).into_iter();
            thread
                .find(|m| is_card(m) && m.all_text().contains(&mark) && m.all_text().contains(words))
                .cloned()
        })
        .await;
    on_record(w, &shown).await;
    shown
}

/// Gives the program the moment it needs to note where a message arrived: nobody replies faster than that.
pub async fn on_record(w: &Workspace, message: &Message) {
    for _ in 0..100 {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let known: bool = sqlx::query_scalar(
            "select exists (select from card_messages where message_ref = $1)
                 or exists (select from notice_messages where message_ref = $1)",
        )
        .bind(&message.ts)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        if known {
            return;
        }
        w.fake.wait_briefly(std::time::Duration::from_millis(20), |_| None::<()>).await;
    }
}

/// The first card anywhere in a channel that says this.
pub async fn card_in(w: &Workspace, channel: &str, words: &str) -> Message {
    let shown = w
        .until(&format!("a card in {channel} that says '{words}'"), |ws| {
            let mut all = ws.in_channel(channel).into_iter();
            all.find(|m| is_card(m) && m.all_text().contains(words)).cloned()
        })
        .await;
    on_record(w, &shown).await;
    shown
}

/// A line in the draft's thread.
pub async fn line(w: &Workspace, drafted: &Asked, words: &str) -> Message {
    w.until(&format!("'{words}' in the thread"), |ws| {
        let mut thread = ws.thread(&drafted.channel, &drafted.thread).into_iter();
        thread.find(|m| m.by_app() && m.ephemeral_to.is_none() && m.all_text().contains(words)).cloned()
    })
    .await
}

/// What only this person is told.
pub async fn whisper(w: &Workspace, user: &str, words: &str) -> Message {
    w.until(&format!("'{words}' to {user} alone"), |ws| {
        let id = &ws.person(user).unwrap().id;
        let mut all = ws.messages.iter();
        all.find(|m| m.ephemeral_to.as_ref() == Some(id) && m.all_text().contains(words)).cloned()
    })
    .await
}

/// Labels of the buttons and of the menu's options.
pub fn buttons(message: &Message) -> Vec<String> {
    let elements = message
        .blocks
        .iter()
        .filter(|b| b["type"] == "actions")
        .flat_map(|b| b["elements"].as_array().cloned().unwrap_or_default());
    elements
        .flat_map(|e| match e["type"].as_str() {
            Some("overflow") => {
                let options = e["options"].as_array().cloned().unwrap_or_default();
                options.iter().map(|o| o["text"]["text"].as_str().unwrap().to_owned()).collect()
            }
            _ => vec![e["text"]["text"].as_str().unwrap_or_default().to_owned()],
        })
        .collect()
}

/// Chooses an option of the card's menu by its label.
pub fn choose(w: &Workspace, user: &str, card: &Message, label: &str) {
    let options = card
        .blocks
        .iter()
        .filter(|b| b["type"] == "actions")
        .flat_map(|b| b["elements"].as_array().cloned().unwrap_or_default());
    let found = options
        .flat_map(|e| e["options"].as_array().cloned().unwrap_or_default())
        .find(|o| o["text"]["text"] == label)
        .unwrap_or_else(|| panic!("no '{label}' among {:?}", buttons(card)));
    w.fake.choose(user, card, "card.menu", found["value"].as_str().unwrap()).unwrap();
}

/// The view that is open for a person now, once it says this.
pub async fn view(w: &Workspace, user: &str, words: &str) -> View {
    w.until(&format!("a view of {user} that says '{words}'"), |ws| {
        let id = &ws.person(user).unwrap().id;
        ws.views.values().find(|v| v.user == *id && v.all_text().contains(words)).cloned()
    })
    .await
}

pub async fn look(w: &Workspace, id: DraftId) -> DraftView {
    drafts::get(&w.world.db, &w.world.admin, id).await.unwrap()
}

pub async fn state(w: &Workspace, id: DraftId) -> DraftState {
    look(w, id).await.summary.state
}
