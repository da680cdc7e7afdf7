//! A strict Slack on loopback: Web API, upload and response URLs, Socket Mode, signed HTTP deliveries. It refuses what Slack
//! refuses (scopes, limits of blocks and views, speed, stale triggers and hashes), and says why in Slack's own words. The
//! tests drive it; `adjutant demo --fake-slack` shows it on a page. It never calls into the rest of the program: it speaks
//! HTTP and WebSocket only.
//!
//! ```ignore
//! let slack = FakeSlack::start(Options::new(clock)).await?;   // Socket Mode; `transport: Transport::Http` for HTTP
//! // The app: api_url = slack.api_url(), tokens and secret from slack.options(); over HTTP also slack.deliver_to(url).
//! let ts = slack.mention("mara", "marketing", "find_waste 30");    // message + app_mention
//! slack.dm("mara", "which ads burned money?");
//! slack.command("mara", "marketing", "/find_waste", "30");
//! let card = slack.wait_for("a card", |ws| ws.in_channel("marketing").last().map(|m| (*m).clone())).await;
//! slack.click("alex", &card, "Approve")?;                    // by action id, or by the label of the button
//! slack.choose("alex", &card, "card.menu", "hold")?;         // menus, selects, feedback buttons
//! let modal = slack.wait_for("a modal", |ws| ws.views.values().next().cloned()).await;
//! slack.submit("alex", &modal.id, &[("reason", json!("Too early"))]).await?;  // by block id or action id
//! slack.open_home("alex");
//! slack.fail("chat.postMessage", Fault::Limited(3), 1);      // bad days: see `Fault`, `drop_next`, `hold`, …
//! ```
//!
//! People and channels are named by id, by handle (the first name) or by name. Waiting is for conditions; nothing here
//! sleeps through a time that a test could see. Three-second limits, pacing, triggers, streams and retries go by the clock
//! that is handed in.
mod act;
pub mod blocks;
mod deliver;
mod disturb;
mod fill;
mod options;
mod pace;
mod page;
mod payload;
mod trouble;
mod web;
mod workspace;

pub use act::{NotThere, Submitted};
pub use deliver::Kind;
pub use options::{APP, BOT, BOT_USER, Channel, ChannelKind, Options, Person, SCOPES, TEAM, Transport};
pub use trouble::Fault;
pub use workspace::{Call, File, Message, Outcome, Sent, Status, Stream, StreamState, View, Workspace};

use axum::Router;
use axum::routing::get;
use deliver::socket::{self, Sockets};
use deliver::{Delivery, Letter};
use jiff::Timestamp;
use serde_json::Value;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The `v0=…` signature of a body, as Slack makes it: for tests that forge.
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    deliver::signature(secret, timestamp, body)
}

/// A running fake Slack. Cheap to clone; it stops when the last clone is gone.
#[derive(Clone)]
pub struct FakeSlack {
    shared: Arc<Shared>,
    /// None in the handles of the fake's own routes, which must not keep it running.
    _stop: Option<Arc<DropGuard>>,
}

/// What the routes, the postman and the handles share.
pub(crate) struct Shared {
    options: Options,
    url: String,
    client: reqwest::Client,
    state: Mutex<Workspace>,
    sockets: Mutex<Sockets>,
    held: Mutex<Vec<Letter>>,
    app_url: Mutex<Option<String>>,
    mail: mpsc::UnboundedSender<Letter>,
    changed: Notify,
    stop: CancellationToken,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    fn app_url(&self) -> Option<String> {
        locked(&self.app_url).clone()
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        locked(&self.sockets)
    }

    fn read_scopes(&self) -> String {
        locked(&self.state).scopes.join(",")
    }

    /// Works on the state, then wakes everybody who waits for a condition.
    fn change<T>(&self, work: impl FnOnce(&mut Workspace, Timestamp) -> T) -> T {
        let now = self.now();
        let result = {
            let mut state = locked(&self.state);
            state.version += 1;
            work(&mut state, now)
        };
        self.changed.notify_waiters();
        result
    }

    /// Waits until the state answers.
    async fn wait_until<T>(&self, condition: impl Fn(&Workspace) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening before looking: a change in between is not missed.
            changed.as_mut().enable();
            if let Some(found) = condition(&locked(&self.state)) {
                return found;
            }
            changed.await;
        }
    }

    /// Hands a delivery to the postman.
    fn post(&self, kind: Kind, body: Value, done: Option<oneshot::Sender<Outcome>>) {
        let id = self.change(|ws, _| {
            ws.under_way += 1;
            ws.next_id("delivery-")
        });
        let letter = Letter { delivery: Delivery { id, kind, body }, done };
        let _ = self.mail.send(letter);
    }

    /// Delivers an inner event, if the app subscribed to it.
    fn event(&self, event: Value) {
        let name = match (event["type"].as_str(), event["channel_type"].as_str()) {
            (Some("message"), Some("im")) => "message.im",
            (Some("message"), Some("group")) => "message.groups",
            (Some("message"), _) => "message.channels",
            (name, _) => name.unwrap_or_default(),
        };
        if self.options.events.as_ref().is_some_and(|events| !events.contains(name)) {
            return;
        }
        let body = self.change(|ws, now| payload::callback(ws, event, now));
        self.post(Kind::Event, body, None);
    }

    /// Tells the app of its own message or edit.
    fn echo(&self, event: Value) {
        if self.options.echo && self.hears(event["channel"].as_str().unwrap_or_default()) {
            self.event(event);
        }
    }

    /// Whether the app gets the messages of a channel: it must be a member.
    fn hears(&self, channel: &str) -> bool {
        locked(&self.state).channels.get(channel).is_some_and(|c| c.members.contains(BOT_USER))
    }

    /// Keeps a letter back while deliveries are held.
    fn keep_if_holding(&self, letter: Letter) -> Option<Letter> {
        if !locked(&self.state).trouble.holding {
            return Some(letter);
        }
        locked(&self.held).push(letter);
        self.changed.notify_waiters();
        None
    }
}

impl FakeSlack {
    /// Listens on loopback and serves until the last clone is dropped.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let listener = TcpListener::bind(options.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = reqwest::Client::builder().no_proxy().build().map_err(std::io::Error::other)?;
        let (mail, letters) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            state: Mutex::new(Workspace::new(&options)),
            options,
            url,
            client,
            sockets: Mutex::new(Sockets::default()),
            held: Mutex::new(Vec::new()),
            app_url: Mutex::new(None),
            mail,
            changed: Notify::new(),
            stop: stop.clone(),
        });
        let link = Router::new().route("/link", get(socket::link)).with_state(Arc::clone(&shared));
        let router = web::router(Arc::clone(&shared)).merge(link).merge(page::router(Arc::clone(&shared)));
        let stopped = stop.clone();
        let serving = axum::serve(listener, router).into_future();
        tokio::spawn(async move {
            tokio::select! {
                _ = serving => {}
                () = stopped.cancelled() => {}
            }
        });
        tokio::spawn(deliver::postman(Arc::clone(&shared), letters));
        Ok(Self { shared, _stop: Some(Arc::new(stop.drop_guard())) })
    }

    /// The address of this Slack.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// What the app's `[slack] api_url` must be.
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.shared.url)
    }

    /// Tokens, secret, transport.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Where the app listens, for the HTTP transport.
    pub fn deliver_to(&self, app_url: &str) {
        *locked(&self.shared.app_url) = Some(app_url.trim_end_matches('/').to_owned());
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&Workspace) -> T) -> T {
        look(&locked(&self.shared.state))
    }

    /// Changes the workspace itself: people, channels, memberships.
    pub fn arrange(&self, work: impl FnOnce(&mut Workspace)) {
        self.shared.change(|ws, _| work(ws));
    }

    /// Every call of the app, in order.
    pub fn ledger(&self) -> Vec<Call> {
        self.read(|ws| ws.ledger.clone())
    }

    /// Calls of one method, in order.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.read(|ws| ws.calls(method).into_iter().cloned().collect())
    }

    /// Messages of a channel that are not deleted, oldest first.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.read(|ws| ws.in_channel(channel).into_iter().cloned().collect())
    }

    /// The home tab that was last published for a person.
    pub fn home(&self, user: &str) -> Option<View> {
        self.read(|ws| ws.homes.get(&ws.person(user)?.id).cloned())
    }

    /// Waits until the state answers. After thirty seconds of real time it fails with the last calls.
    ///
    /// # Panics
    /// When the condition does not come true.
    #[allow(clippy::panic, reason = "a test waits here; it must end, and say what happened instead")]
    pub async fn wait_for<T>(&self, what: &str, condition: impl Fn(&Workspace) -> Option<T>) -> T {
        let limit = std::time::Duration::from_secs(30);
        match tokio::time::timeout(limit, self.shared.wait_until(condition)).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {what}\n{}", self.story()),
        }
    }

    /// The same for a short while of real time: what the state answered, or nothing. For callers who let time pass in
    /// between.
    pub async fn wait_briefly<T>(
        &self,
        patience: std::time::Duration,
        condition: impl Fn(&Workspace) -> Option<T>,
    ) -> Option<T> {
        tokio::time::timeout(patience, self.shared.wait_until(condition)).await.ok()
    }

    /// Waits until every delivery has ended, retries included.
    pub async fn settled(&self) {
        self.wait_for("the end of all deliveries", |ws| (ws.under_way == 0).then_some(())).await;
    }

    /// The last calls and deliveries in words, for a failed wait.
    pub fn story(&self) -> String {
        self.read(|ws| {
            let calls = ws.ledger.iter().rev().take(30).rev();
            let calls =
                calls.map(|c| format!("  {} {} {} → {} {}", c.n, c.method, c.args, c.status, c.reply));
            let sent = ws.sent.iter().rev().take(10).rev();
            let sent = sent.map(|s| format!("  {} {} try {}: {:?}", s.id, s.kind, s.attempt, s.outcome));
            let lines: Vec<String> = ["calls:".to_owned()]
                .into_iter()
                .chain(calls)
                .chain(["deliveries:".to_owned()])
                .chain(sent)
                .collect();
            format!("{}\nnotices: {:?}", lines.join("\n"), ws.notices)
        })
    }
}
