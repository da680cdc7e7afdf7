//! Slack: envelopes in, an outbox out, Block Kit. No domain decisions.
//!
//! `receive` stores what came (socket or HTTP) and acknowledges it; `worker` takes it from there to `asking`, `cards`,
//! `home`, `settings`, `lifecycle` and `link`; `outbox` sends what must arrive; `api` speaks to Slack.
pub mod api;
pub mod asking;
pub mod blocks;
pub mod cards;
mod conversation;
mod early;
pub mod home;
mod lifecycle;
mod link;
pub mod manifest;
mod notice;
pub mod notify;
pub mod outbox;
pub mod probe;
pub mod receive;
pub mod settings;
pub mod who;
pub mod wire;
pub mod worker;

use crate::app::App;
use crate::ids::OrgId;
use crate::{chat, config, db};
use secrecy::SecretString;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The surface, cheap to clone.
#[derive(Clone)]
pub struct Slack {
    pub(crate) inner: Arc<Inner>,
}

pub struct Inner {
    pub app: App,
    pub chat: chat::Service,
    pub api: api::Api,
    pub settings: Settings,
    /// Something new was stored in `slack_inbound`.
    pub wake: Arc<Notify>,
    /// Something new was stored in `outbox`.
    pub outbox_wake: Arc<Notify>,
    /// For the calls of `probe`.
    pub(crate) http: reqwest::Client,
    pub(crate) asking: asking::state::State,
    pub(crate) homes: receive::Homes,
    pub(crate) held: receive::held::Held,
    pub(crate) hearsay: who::Hearsay,
    pub(crate) noted: conversation::Noted,
    /// The bot token's workspace is recorded.
    pub(crate) installed: AtomicBool,
    /// The organisation whose token this is, once it is known.
    own: OnceLock<OrgId>,
}

/// What the surface is told. Secrets do not print.
#[derive(Clone, Debug)]
pub struct Settings {
    pub bot_token: SecretString,
    pub app_token: Option<SecretString>,
    pub signing_secret: Option<SecretString>,
    /// With a slash at the end.
    pub api_url: String,
    /// Slug of the organisation the workspace belongs to; `None`: the only one.
    pub organisation: Option<String>,
    /// Guests, apps and strangers who are answered all the same: `U…` or `T…/U…`.
    pub allow: Vec<String>,
    /// How people reach the server.
    pub public_url: String,
    /// Envelopes worked on at once.
    pub at_once: usize,
}

impl Settings {
    /// `None`: no bot token, so no Slack.
    pub fn from_config(config: &config::Config) -> Option<Self> {
        let slack = &config.slack;
        Some(Self {
            bot_token: slack.bot_token.clone()?,
            app_token: slack.app_token.clone(),
            signing_secret: slack.signing_secret.clone(),
            api_url: slack.api_url.clone(),
            organisation: slack.organisation.clone(),
            allow: slack.allow.clone(),
            public_url: config.public_url(),
            at_once: 16,
        })
    }
}

/// Whether a room took an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    Yes,
    No,
}

impl Slack {
    pub fn new(app: App, chat: chat::Service, settings: Settings) -> anyhow::Result<Self> {
        let api = api::Api::new(&settings, Arc::clone(&app.clock))?;
        let asking = asking::state::State::new(crate::ids::new_uuid(&*app.clock).to_string());
        Ok(Self {
            inner: Arc::new(Inner {
                app,
                chat,
                api,
                settings,
                wake: Arc::default(),
                outbox_wake: Arc::default(),
                http: probe::client()?,
                asking,
                homes: receive::Homes::default(),
                held: receive::held::Held::default(),
                hearsay: who::Hearsay::default(),
                noted: conversation::Noted::default(),
                installed: AtomicBool::new(false),
                own: OnceLock::new(),
            }),
        })
    }

    /// The organisation whose token this is: the one configured, or the only one. None as long as there is none. Several
    /// organisations may share the database, each with a process of its own: nothing of theirs is touched here.
    pub(crate) async fn own(&self) -> Result<Option<OrgId>, db::Error> {
        let own = &self.inner.own;
        if let Some(org) = own.get() {
            return Ok(Some(*org));
        }
        let wanted = self.inner.settings.organisation.as_deref();
        let all = self.inner.app.db.organisations().await?;
        let mut mine = all.iter().filter(|(_, slug)| wanted.is_none_or(|wanted| wanted == slug));
        Ok(match (mine.next(), mine.next()) {
            (Some((org, _)), None) => Some(*own.get_or_init(|| *org)),
            _ => None,
        })
    }

    /// `/slack/events`, `/slack/interactions`, `/slack/commands`: without a signing secret they refuse everything.
    pub fn routes(&self) -> axum::Router {
        receive::http::routes(self.clone())
    }

    /// Finds out where it is installed, receives (over the socket, where there is an app token), works and sends until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            lifecycle::run(self, stop.clone()),
            worker::run(self, stop.clone()),
            asking::state::run(self, stop.clone()),
            outbox::run(self, stop.clone()),
            cards::run(self, stop.clone()),
            receive::socket::run(self, stop.clone()),
            receive::settle(self, stop),
        );
    }

    /// Once nothing more is received: waits for what was accepted and is not stored yet.
    pub async fn settle(&self) {
        self.inner.held.drain().await;
    }
}
