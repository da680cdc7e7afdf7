//! The chat room over a world, with a scripted provider: what the tests of turns share.
use crate::fake_provider::{FakeProvider, KEY, Reply};
use crate::served::{self, catalogue};
use crate::world::World;
use adjutant::access::Actor;
use adjutant::chat::{Ask, FinishedTurn, Handle, Parts, Service, Settings, TurnEvent, TurnEventKind};
use adjutant::clock::SharedClock;
use adjutant::db::turns::GAP;
use adjutant::db::{Db, PoolSizes};
use adjutant::ids::{OrgId, TurnId};
use adjutant::llm::{self, Price, Provider, Quirks};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// The shop of the catalogue's own tests, for an organisation.
pub async fn load_shop(world: &World, org: OrgId, change: impl Fn(String) -> String) {
    let sql = change(include_str!("fixtures/shop.sql").replace("{{org}}", &org.to_string()));
    let mut tx = world.db.org(org).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.expect("the fixture loads");
    tx.commit().await.unwrap();
}

pub fn models(provider: &FakeProvider) -> llm::Settings {
    llm::Settings {
        providers: vec![Provider {
            name: "fake".into(),
            base_url: provider.url.clone(),
            key: Some(KEY.to_owned().into()),
            model: "fake-1".into(),
            price: Price { input: 2.into(), output: 8.into() },
            quirks: Quirks::default(),
        }],
        retry: llm::Retry { min_delay: Duration::from_millis(1), ..llm::Retry::default() },
        ..llm::Settings::default()
    }
}

/// A service of its own over the world: one replica.
pub fn replica(world: &World, models: &llm::Settings, settings: Settings) -> Service {
    service(world.db.clone(), world.clock.clone(), models, settings)
}

fn service(db: Db, clock: SharedClock, models: &llm::Settings, settings: Settings) -> Service {
    let catalogue = catalogue();
    let planner: Arc<dyn llm::ChatModel> = Arc::new(served::planner(db.clone(), Arc::clone(&clock)));
    let model = llm::chain(models, &db, &clock, Arc::clone(&planner)).unwrap();
    Service::new(Parts { db, clock, catalogue, model, planner, settings }).unwrap()
}

pub struct Chat {
    pub world: World,
    pub provider: FakeProvider,
    pub service: Service,
}

impl Chat {
    pub async fn new(script: Vec<Reply>) -> Self {
        Self::with(FakeProvider::start(script).await, |_| {}, Settings::default()).await
    }

    pub async fn with(provider: FakeProvider, tune: impl Fn(&mut llm::Settings), settings: Settings) -> Self {
        let world = World::new().await;
        let mut models = models(&provider);
        tune(&mut models);
        let service = replica(&world, &models, settings);
        Self { world, provider, service }
    }

    pub async fn ask(&self, message: &str) -> Handle {
        let ask = Ask { message: message.into(), ..Ask::default() };
        self.service.ask(&self.world.marketer, ask).await.unwrap()
    }

    /// Asks and waits; checks what holds for every turn.
    pub async fn answer(&self, message: &str) -> FinishedTurn {
        let handle = self.ask(message).await;
        let finished = self.service.finished(&self.world.marketer, handle.turn_id).await.unwrap();
        assert_eq!(self.provider.faults(), Vec::<String>::new());
        sound(&finished.events);
        finished
    }
}

/// Numbers that grow, by one but for a takeover, one beginning, one end, and the shown text is the answer.
pub fn sound(events: &[TurnEvent]) {
    let seqs: Vec<i32> = events.iter().map(|event| event.seq).collect();
    assert!(seqs[0] == 1 && seqs.windows(2).all(|two| [1, GAP].contains(&(two[1] - two[0]))), "{seqs:?}");
    assert!(matches!(events[0].kind, TurnEventKind::Started { .. }));
    let ends: Vec<usize> = (0..events.len()).filter(|i| events[*i].kind.is_final()).collect();
    assert_eq!(ends, [events.len() - 1]);
    if let TurnEventKind::Completed { answer, .. } = &events[events.len() - 1].kind {
        assert_eq!(&shown(events), answer);
    }
}

pub fn shown(events: &[TurnEvent]) -> String {
    let mut shown = String::new();
    for event in events {
        if let TurnEventKind::Text { text, restart } = &event.kind {
            if *restart {
                shown.clear();
            }
            shown.push_str(text);
        }
    }
    shown
}

/// The end in one line: outcome and answer, or the code.
pub fn end(turn: &FinishedTurn) -> String {
    match turn.end() {
        Some(TurnEventKind::Completed { answer, outcome, model, .. }) => {
            format!("{outcome} by {model}: {answer}")
        }
        Some(TurnEventKind::Failed { code, .. } | TurnEventKind::Cancelled { code, .. }) => code.clone(),
        other => format!("{other:?}"),
    }
}

pub fn lines(turn: &FinishedTurn) -> Vec<&str> {
    let lines = turn.events.iter().filter_map(|event| match &event.kind {
        TurnEventKind::Status { line } => Some(line.as_str()),
        _ => None,
    });
    lines.collect()
}

/// Runs a replica in a runtime of its own and kills that once it has sent an event: nothing of it runs any more.
pub async fn killed(
    chat: &Chat,
    message: &str,
    enough: impl Fn(&TurnEvent) -> bool + Send + 'static,
) -> TurnId {
    killed_as(chat, &chat.world.marketer, message, enough).await
}

/// The same for somebody's question.
pub async fn killed_as(
    chat: &Chat,
    actor: &Actor,
    message: &str,
    enough: impl Fn(&TurnEvent) -> bool + Send + 'static,
) -> TurnId {
    let (turn, runtime) = alive_as(chat, actor, message, enough).await;
    runtime.shutdown_background();
    turn
}

/// A replica at work on a question, at the point where it has sent an event.
pub async fn alive(
    chat: &Chat,
    message: &str,
    enough: impl Fn(&TurnEvent) -> bool + Send + 'static,
) -> (TurnId, tokio::runtime::Runtime) {
    alive_as(chat, &chat.world.marketer, message, enough).await
}

async fn alive_as(
    chat: &Chat,
    actor: &Actor,
    message: &str,
    enough: impl Fn(&TurnEvent) -> bool + Send + 'static,
) -> (TurnId, tokio::runtime::Runtime) {
    let (url, clock, actor) = (chat.world.url.clone(), chat.world.clock.clone(), actor.clone());
    let models = models(&chat.provider);
    let message = message.to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (said, speaking) = tokio::sync::oneshot::channel();
    runtime.spawn(async move {
        // Connections of its own: those of a pool die with the runtime that made them.
        let db = Db::connect(&url, PoolSizes { app: 8, reader: 4 }).await.unwrap();
        let service = service(db, clock, &models, Settings::default());
        let turn = service.ask(&actor, Ask { message, ..Ask::default() }).await.unwrap().turn_id;
        let mut events = service.events(&actor, turn, 0).await.unwrap();
        while let Some(event) = events.next().await {
            if enough(&event) {
                break;
            }
        }
        let _ = said.send(turn);
        std::future::pending::<()>().await;
    });
    (speaking.await.unwrap(), runtime)
}

/// Text of every table of the database.
pub async fn dump(world: &World) -> String {
    let mut connection = world.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut out = String::new();
    for table in tables {
        let statement = format!("select coalesce(string_agg(t::text, '\n'), '') from {table} t");
        let text: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap();
        out.push_str(&text);
    }
    out
}
