//! A model that says what the test says, when the test says it; and what tests of answers look at.
use super::workspace::Workspace;
use adjutant::clock::Clock as _;
use adjutant::fake_slack::{self, Message, Options, Transport};
use adjutant::llm::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelError, ToolCall};
use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

type Said = Result<ChatEvent, ModelError>;

/// Each request hears the next mouth.
pub struct Told(Mutex<VecDeque<mpsc::UnboundedReceiver<Said>>>);

/// What one request is told.
pub struct Mouth(mpsc::UnboundedSender<Said>);

impl Mouth {
    /// Words, without figures: those would want receipts.
    pub fn say(&self, text: &str) {
        self.0.send(Ok(ChatEvent::Text(text.to_owned()))).unwrap();
    }

    /// What was said so far is withdrawn.
    pub fn restart(&self) {
        self.0.send(Ok(ChatEvent::Restart)).unwrap();
    }

    /// A tool is called.
    pub fn calls(&self, id: &str, tool: &str, arguments: Value) {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = ToolCall { id: id.to_owned(), name: tool.to_owned(), arguments };
        self.0.send(Ok(ChatEvent::Call(call))).unwrap();
    }

    pub fn done(&self) {
        self.0.send(Ok(ChatEvent::Done { model: "told-1".to_owned() })).unwrap();
    }

    pub fn breaks(&self) {
        self.0.send(Err(ModelError::Provider { status: 500 })).unwrap();
    }
}

impl Told {
    /// A model for so many requests.
    pub fn new(requests: usize) -> (Arc<Self>, Vec<Mouth>) {
        let (mouths, ears): (Vec<_>, VecDeque<_>) = (0..requests)
            .map(|_| {
                let (mouth, ear) = mpsc::unbounded_channel();
                (Mouth(mouth), ear)
            })
            .unzip();
        (Arc::new(Self(Mutex::new(ears))), mouths)
    }
}

#[async_trait]
impl ChatModel for Told {
    fn name(&self) -> &'static str {
        "told-1"
    }

    async fn stream(&self, _: ChatRequest) -> Result<ChatStream, ModelError> {
        let ear = self.0.lock().unwrap().pop_front().ok_or(ModelError::Empty)?;
        Ok(UnboundedReceiverStream::new(ear).boxed())
    }
}

/// A workspace whose model answers one question as it is told.
pub async fn told(transport: Transport) -> (Workspace, Mouth) {
    told_with(transport, |_| {}).await
}

pub async fn told_with(transport: Transport, change: impl FnOnce(&mut Options)) -> (Workspace, Mouth) {
    let (model, mut mouths) = Told::new(1);
    let w = Workspace::with(transport, Some(model), change).await;
    (w, mouths.remove(0))
}

/// What the app says in a thread, oldest first.
pub fn thread(ws: &fake_slack::Workspace, channel: &str, thread_ts: &str) -> Vec<Message> {
    let channel = ws.channel(channel).map_or(channel.to_owned(), |c| c.id.clone());
    ws.thread(&channel, thread_ts).into_iter().filter(|m| m.by_app()).cloned().collect()
}

/// All words of the app in a thread, joined.
pub fn words(ws: &fake_slack::Workspace, channel: &str, thread_ts: &str) -> String {
    thread(ws, channel, thread_ts).iter().map(body).collect()
}

/// The words of an answer without what stands below them: streamed, or in Markdown blocks.
pub fn body(message: &Message) -> String {
    let blocks = message.blocks.iter().filter(|b| b["type"] == "markdown");
    let marked: String = blocks.filter_map(|b| b["text"].as_str()).collect();
    if message.stream.is_some() && !message.edited || marked.is_empty() {
        message.text.clone()
    } else {
        marked
    }
}

/// It has a tail: the answer is complete.
pub fn is_footed(message: &Message) -> bool {
    message.blocks.iter().any(|b| b["type"] == "context_actions")
}

/// Waits for the complete answer in a thread: its messages.
pub async fn answered(w: &Workspace, channel: &str, thread_ts: &str) -> Vec<Message> {
    w.until("the whole answer", |ws| {
        let said = thread(ws, channel, thread_ts);
        said.iter().any(is_footed).then_some(said)
    })
    .await
}

/// Waits until nothing of an answer is under way, in Slack and in the database.
pub async fn shown(w: &Workspace) {
    for _ in 0..600 {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let open: i64 = sqlx::query_scalar("select count(*) from slack_answers where state = 'showing'")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        if open == 0 {
            return;
        }
        w.fake.wait_briefly(std::time::Duration::from_millis(50), |_| None::<()>).await;
        w.pass(std::time::Duration::from_millis(250));
    }
    panic!("an answer is still under way\n{}", w.fake.story());
}

/// Lets time pass until the one answer under way keeps its lease: no call to Slack is under way then, which a longer time
/// would end.
pub async fn idle(w: &Workspace) {
    w.pass(std::time::Duration::from_secs(6));
    for _ in 0..600 {
        let mut tx = w.world.db.org(w.world.org).await.unwrap();
        let kept: Vec<jiff_sqlx::Timestamp> =
            sqlx::query_scalar("select lease_until from slack_answers where state = 'showing'")
                .fetch_all(&mut *tx)
                .await
                .unwrap();
        let full = w.world.clock.now() + std::time::Duration::from_secs(15);
        if kept.iter().all(|until| until.to_jiff() >= full) {
            return;
        }
        w.fake.wait_briefly(std::time::Duration::from_millis(20), |_| None::<()>).await;
    }
    panic!("the answer's lease is not kept\n{}", w.fake.story());
}

/// How many turns there are.
pub async fn turns(w: &Workspace) -> i64 {
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    sqlx::query_scalar("select count(*) from turns").fetch_one(&mut *tx).await.unwrap()
}
