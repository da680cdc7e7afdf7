//! A server on loopback over a world: the front door that the tests go through.
use crate::world::World;
use adjutant::access::{Actor, NEVER_IN_A_KEY};
use adjutant::app::App;
use adjutant::catalogue::Catalogue;
use adjutant::chat::offline::{self, OfflinePlanner};
use adjutant::chat::{self, Service};
use adjutant::clock::SharedClock;
use adjutant::daily::sync::asked::{Desk, Opens};
use adjutant::db::Db;
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::events::ingest::Ingest;
use adjutant::http::limits::Limits;
use adjutant::http::{self, state::Server};
use adjutant::ids::ApiKeyId;
use adjutant::llm::ChatModel;
use axum::Router;
use jiff::ToSpan as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// One server. Dropping it stops it.
pub struct Served {
    pub url: String,
    pub client: Client,
    pub app: App,
    pub sources: Desk,
    _stop: DropGuard,
}

/// The built-in catalogue, loaded once for the run.
pub fn catalogue() -> Arc<Catalogue> {
    static CATALOGUE: OnceLock<Arc<Catalogue>> = OnceLock::new();
    Arc::clone(CATALOGUE.get_or_init(|| Arc::new(Catalogue::load(None).unwrap_or_else(|e| panic!("{e}")))))
}

/// The offline planner over it; its router learns once for the run.
pub fn planner(db: Db, clock: SharedClock) -> OfflinePlanner {
    static ROUTER: OnceLock<Arc<offline::Router>> = OnceLock::new();
    let learn = || Arc::new(offline::Router::new(catalogue().queries.clone()).unwrap());
    OfflinePlanner::with(Arc::clone(ROUTER.get_or_init(learn)), catalogue(), db, clock)
}

/// What the whole run counts, as every server of it shows.
fn metrics() -> PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap()).clone()
}

/// An answer with its status.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub body: Value,
}

impl Served {
    /// Over the offline planner.
    pub async fn new(world: &World) -> Self {
        let clock: SharedClock = world.clock.clone();
        let planner = planner(world.db.clone(), clock);
        Self::with_model(world, Arc::new(planner)).await
    }

    /// Over any model; commands still go to the planner.
    pub async fn with_model(world: &World, model: Arc<dyn ChatModel>) -> Self {
        Self::with_routes(world, model, |_, _| Router::new()).await
    }

    /// The same, with the routes of another surface beside it.
    pub async fn with_routes(
        world: &World,
        model: Arc<dyn ChatModel>,
        routes: impl FnOnce(&App, &Service) -> Router,
    ) -> Self {
        Self::with_all(world, model, routes, Limits::default(), crate::connectors::opens(world)).await
    }

    /// Over the offline planner, within other limits.
    pub async fn with_limits(world: &World, limits: Limits) -> Self {
        let planner = planner(world.db.clone(), world.clock.clone());
        let opens = crate::connectors::opens(world);
        Self::with_all(world, Arc::new(planner), |_, _| Router::new(), limits, opens).await
    }

    /// Over the offline planner, with what opens connections.
    pub async fn with_sources(world: &World, opens: Opens) -> Self {
        let planner = planner(world.db.clone(), world.clock.clone());
        Self::with_all(world, Arc::new(planner), |_, _| Router::new(), Limits::default(), opens).await
    }

    async fn with_all(
        world: &World,
        model: Arc<dyn ChatModel>,
        routes: impl FnOnce(&App, &Service) -> Router,
        limits: Limits,
        opens: Opens,
    ) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let clock: SharedClock = world.clock.clone();
        let planner: Arc<dyn ChatModel> = Arc::new(planner(world.db.clone(), Arc::clone(&clock)));
        let chat = Service::new(chat::Parts {
            db: world.db.clone(),
            clock: Arc::clone(&clock),
            catalogue: catalogue(),
            model: Arc::clone(&model),
            planner,
            settings: chat::Settings::default(),
        })
        .unwrap();
        let app = App { db: world.db.clone(), clock, catalogue: catalogue(), model };
        let metrics = metrics();
        let routes = routes(&app, &chat);
        let events = Ingest::new(world.db.clone(), world.clock.clone(), || 0.5).unwrap();
        let webhooks = crate::webhooks::settings();
        let (events, limits) = (Arc::new(events), Arc::new(limits));
        let stop = CancellationToken::new();
        let sources = Desk::new(opens, stop.clone());
        let server =
            Server { app: app.clone(), chat, events, limits, webhooks, sources: sources.clone(), metrics };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(http::serve(listener, server, 1 << 20, routes, stop.clone()));
        let client = Client::builder().no_proxy().build().unwrap();
        Self { url, client, app, sources, _stop: stop.drop_guard() }
    }

    /// A signed-in session of a member.
    pub async fn session(&self, actor: &Actor) -> String {
        let now = self.app.clock.now();
        let token = credentials::new_session_token(&mut rand::rng());
        let mut tx = self.app.db.org(actor.org).await.unwrap();
        let until = now.checked_add(12.hours()).unwrap();
        credentials::create_session(&mut tx, actor.org, actor.member, &token, now, until).await.unwrap();
        tx.commit().await.unwrap();
        token.expose_secret().to_owned()
    }

    /// An API key of a member with all that a key may hold.
    pub async fn key(&self, actor: &Actor) -> String {
        self.limited_key(actor, 10_000).await
    }

    /// Ends every key of the member's organisation.
    pub async fn revoke_all(&self, actor: &Actor) {
        let mut tx = self.app.db.org(actor.org).await.unwrap();
        for key in credentials::api_keys(&mut tx, actor.org).await.unwrap() {
            credentials::revoke_api_key(&mut tx, actor.org, key.id, self.app.clock.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// The same, for so many requests a minute.
    pub async fn limited_key(&self, actor: &Actor, per_minute: i32) -> String {
        let now = self.app.clock.now();
        let text = credentials::new_key_text(&mut rand::rng());
        let scopes = actor.permissions.iter().copied().filter(|p| !NEVER_IN_A_KEY.contains(p)).collect();
        let new =
            NewApiKey { name: "test", member: actor.member, scopes: &scopes, per_minute, expires_at: None };
        let mut tx = self.app.db.org(actor.org).await.unwrap();
        credentials::create_api_key(&mut tx, actor.org, ApiKeyId::new(&*self.app.clock), &text, &new, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        text.expose_secret().to_owned()
    }

    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    pub async fn get(&self, path: &str, token: &str) -> Reply {
        reply(self.request(Method::GET, path, token).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        let request = self.request(Method::POST, path, token).header("accept", "application/json");
        reply(request.json(&body).send().await.unwrap()).await
    }

    /// Asks and waits for the whole turn.
    pub async fn ask(&self, token: &str, message: &str) -> Value {
        self.ask_in(token, message, None).await
    }

    /// Asks in a conversation.
    pub async fn ask_in(&self, token: &str, message: &str, conversation: Option<&str>) -> Value {
        let body = json!({ "message": message, "conversation_id": conversation });
        let reply = self.post("/api/chat", token, body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body
    }
}

pub async fn reply(response: Response) -> Reply {
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Reply { status, body }
}

/// The payloads of one kind of event of a finished turn.
pub fn events<'a>(turn: &'a Value, kind: &str) -> Vec<&'a Value> {
    turn["events"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|event| event["kind"] == kind)
        .map(|event| &event["payload"])
        .collect()
}
