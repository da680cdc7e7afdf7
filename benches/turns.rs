//! How fast a turn is, from the request of a client to its last event: the real HTTP server, a durable PostgreSQL, a
//! model provider over HTTP that answers at once, the demo account as data. All on this machine, client included.
//!
//! `cargo bench --bench turns`; after `--`: `--turns N` (one after the other, 300), `--streams N` (at once, 200),
//! `--idle N` (open streams, 10,000; less where the limit of open files is lower), `--only one|many|token|idle|offline`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures and stops at the first thing that does not work"
)]
#[allow(dead_code, reason = "each bench uses its part of the harness")]
mod harness;

use adjutant::access::{Actor, Permission};
use adjutant::app::App;
use adjutant::catalogue::Catalogue;
use adjutant::chat::offline::OfflinePlanner;
use adjutant::chat::turn::Limits as TurnLimits;
use adjutant::chat::{self, Parts, Service};
use adjutant::clock::{SharedClock, SystemClock};
use adjutant::db::private::Cluster;
use adjutant::db::{PoolSizes, credentials, load};
use adjutant::demo;
use adjutant::events::ingest::Ingest;
use adjutant::http::{self, limits::Limits, state::Server};
use adjutant::ids::ApiKeyId;
use adjutant::llm::{self, ChatModel};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use harness::args::Args;
use harness::cost::Cost;
use harness::figures::{Samples, machine, open_files, resident_mib};
use harness::provider::{Provider, SLOWLY};
use harness::reader::Client;
use harness::{World, company, unlimited};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const KEY: &str = "adj_bench00_0123456789abcdef0123456789abcdef";
const BODY_LIMIT: usize = 1 << 20;

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("one provider of TLS");
    let args = Args::read(&["turns", "streams", "idle", "only", "crowd"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match args.text("crowd") {
        Some(words) => runtime.block_on(crowd(words)),
        None => runtime.block_on(bench(&args)),
    }
}

async fn bench(args: &Args) {
    println!("machine: {}", machine());
    let clock: SharedClock = Arc::new(SystemClock);
    let today = clock.now().to_zoned(TimeZone::get("Europe/Zurich").expect("a time zone")).date();
    let sizes = PoolSizes::default();
    let (world, _) = World::open("bench_turns", false, today, sizes).await;
    let actor = company(&world.db, &*clock, "demo").await;
    let data = demo::generate(today, 7);
    load::dataset(&world.db, actor.org, &data).await.expect("the demo account loads");
    unlimited(&world, actor.org).await;
    world.settle().await;
    make_key(&world, &actor, &clock).await;
    println!(
        "database pools: {} for the program, {} for readers; commits wait for the disk",
        sizes.app, sizes.reader
    );

    let only = args.text("only");
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let site = Site::start(&world, &clock, today).await;
    if wanted("one") {
        site.one(&world.cluster, args.number("turns", 300)).await;
    }
    if wanted("many") {
        site.many(&world.cluster, args.number("streams", 200)).await;
    }
    if wanted("token") {
        site.token().await;
    }
    if wanted("offline") {
        site.offline().await;
    }
    if wanted("idle") {
        site.idle(args.number("idle", 10_000)).await;
    }
    site.stop.cancel();
    world.db.close().await;
    world.cluster.stop().await;
}

async fn make_key(world: &World, actor: &Actor, clock: &SharedClock) {
    let mut tx = world.db.org(actor.org).await.expect("a transaction");
    let new = credentials::NewApiKey {
        name: "bench",
        member: actor.member,
        scopes: &BTreeSet::from([Permission::ConversationUse, Permission::QueryRun]),
        per_minute: 10_000_000,
        expires_at: None,
    };
    let text = SecretString::from(KEY);
    credentials::create_api_key(&mut tx, actor.org, ApiKeyId::new(&**clock), &text, &new, clock.now())
        .await
        .expect("a key");
    tx.commit().await.expect("a commit");
}

/// Two servers over one database: one whose model is the fake provider, one that answers offline.
struct Site {
    provider: Provider,
    catalogue: Arc<Catalogue>,
    model: Client,
    offline: Client,
    base: String,
    stop: CancellationToken,
}

impl Site {
    async fn start(world: &World, clock: &SharedClock, today: Date) -> Self {
        let provider = Provider::start(today).await;
        let catalogue = Arc::new(Catalogue::load(None).expect("the catalogue loads"));
        let planner: Arc<dyn ChatModel> = Arc::new(
            OfflinePlanner::new(Arc::clone(&catalogue), world.db.clone(), Arc::clone(clock))
                .expect("the planner"),
        );
        let hours = Duration::from_secs(7200);
        let settings = llm::Settings {
            providers: vec![llm::Provider {
                name: "fake".to_owned(),
                base_url: provider.url.clone(),
                key: Some(SecretString::from("sk-bench")),
                model: "fake-1".to_owned(),
                price: llm::Price::default(),
                quirks: llm::Quirks::default(),
            }],
            timeouts: llm::Timeouts { first_token: hours, total: hours, ..llm::Timeouts::default() },
            budget: llm::Budget { tokens_per_hour: u64::MAX / 2, ..llm::Budget::default() },
            ..llm::Settings::default()
        };
        let chain =
            llm::chain(&settings, &world.db, clock, Arc::clone(&planner)).expect("the chain of models");
        let stop = CancellationToken::new();
        let metrics =
            metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().expect("metrics");
        let mut bases = Vec::new();
        for model in [chain, Arc::clone(&planner)] {
            let settings = chat::Settings {
                limits: TurnLimits { seconds: 7200, ..TurnLimits::default() },
                ..chat::Settings::default()
            };
            let parts = Parts {
                db: world.db.clone(),
                clock: Arc::clone(clock),
                catalogue: Arc::clone(&catalogue),
                model: Arc::clone(&model),
                planner: Arc::clone(&planner),
                settings,
            };
            let app = App {
                db: world.db.clone(),
                clock: Arc::clone(clock),
                catalogue: Arc::clone(&catalogue),
                model,
            };
            let chat = Service::new(parts).expect("the chat room");
            let events = Ingest::new(app.db.clone(), Arc::clone(clock), || 0.5).expect("the registry");
            let server = Server {
                app,
                chat,
                events: Arc::new(events),
                limits: Arc::new(Limits::default()),
                webhooks: adjutant::webhooks::Settings::closed(),
                sources: harness::no_connections(&stop),
                metrics: metrics.clone(),
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            bases.push(format!("http://{}", listener.local_addr().expect("an address")));
            tokio::spawn(http::serve(listener, server, BODY_LIMIT, axum::Router::new(), stop.clone()));
        }
        let model = Client::new(&bases[0], KEY);
        let offline = Client::new(&bases[1], KEY);
        Self { provider, catalogue, model, offline, base: bases.swap_remove(0), stop }
    }

    /// A turn with one tool call, one after the other.
    async fn one(&self, cluster: &Cluster, turns: usize) {
        let base = self.provider_alone(turns).await;
        println!("\nbaseline, the provider's two answers without Adjutant: {}", base.line());
        let (mut whole, mut first) = (Samples::default(), Samples::default());
        let mut cost = Cost::so_far(cluster);
        for n in 0..turns + 20 {
            if n == 20 {
                cost = Cost::so_far(cluster);
            }
            let timing = self.model.ask("burst", |_| {}).await;
            assert_eq!(timing.end, "turn.completed", "{}", timing.last);
            if n >= 20 {
                whole.add(timing.whole);
                first.add(timing.first_text.unwrap_or_default());
            }
        }
        println!("turn with one tool call, 1 stream:        {}  (bars: p50 10, p99 25)", whole.line());
        println!("… of which until the first word:          {}", first.line());
        println!("{}", cost.line(cluster, turns));
        println!(
            "added to the provider's own time: p50 {:.2} ms, {:.1} × the baseline",
            whole.at(0.5) - base.at(0.5),
            whole.at(0.5) / base.at(0.5)
        );
    }

    /// The same two exchanges with the provider, read by a plain client.
    async fn provider_alone(&self, turns: usize) -> Samples {
        let http = reqwest::Client::builder().tcp_nodelay(true).build().expect("a client");
        let url = format!("{}/chat/completions", self.provider.url);
        let user = serde_json::json!({"role": "user", "content": "burst"});
        let tool = serde_json::json!({"role": "tool", "tool_call_id": "x", "content": "rows"});
        let mut samples = Samples::default();
        for _ in 0..turns {
            let begun = Instant::now();
            for messages in [vec![&user], vec![&user, &tool]] {
                let body = serde_json::json!({"stream": true, "messages": messages});
                let answer = http.post(&url).json(&body).send().await.expect("an answer");
                answer.bytes().await.expect("the whole answer");
            }
            samples.add(begun.elapsed());
        }
        samples
    }

    /// Many streams at once: as fast as they come, and as they come from people whose model takes its time.
    async fn many(&self, cluster: &Cluster, streams: usize) {
        let rounds = 5;
        let cost = Cost::so_far(cluster);
        let begun = Instant::now();
        let mut whole = Samples::default();
        let mut running: FuturesUnordered<_> = (0..streams)
            .map(|_| async {
                let mut own = Samples::default();
                for _ in 0..rounds {
                    let timing = self.model.ask("burst", |_| {}).await;
                    assert_eq!(timing.end, "turn.completed", "{}", timing.last);
                    own.add(timing.whole);
                }
                own
            })
            .collect();
        while let Some(own) = running.next().await {
            whole.extend(&own);
        }
        drop(running);
        let rate = (streams * rounds) as f64 / begun.elapsed().as_secs_f64();
        println!(
            "\n{streams} streams, each asking again at once: {}  ({rate:.0} turns a second, saturated)",
            whole.line()
        );
        println!("{}", cost.line(cluster, streams * rounds));
        // The model's own time is two seconds, spread over the streams; what is more is ours.
        let step = SLOWLY / u32::try_from(streams).unwrap_or(1);
        let cost = Cost::so_far(cluster);
        let mut whole = Samples::default();
        let mut running: FuturesUnordered<_> = (0..streams)
            .map(|n| async move {
                let mut own = Samples::default();
                tokio::time::sleep(step * u32::try_from(n).unwrap_or(0)).await;
                for _ in 0..rounds {
                    let timing = self.model.ask("burst slowly", |_| {}).await;
                    assert_eq!(timing.end, "turn.completed", "{}", timing.last);
                    own.add(timing.whole.saturating_sub(SLOWLY));
                }
                own
            })
            .collect();
        while let Some(own) = running.next().await {
            whole.extend(&own);
        }
        println!("{streams} streams over a model that takes 2 s, added: {}  (bar: p99 250)", whole.line());
        println!("{}", cost.line(cluster, streams * rounds));
    }

    /// From the provider's hand to the client's eye.
    async fn token(&self) {
        for streams in [1, 20] {
            let mut delays = Samples::default();
            let mut running: FuturesUnordered<_> = (0..streams)
                .map(|_| async {
                    let mut own = Samples::default();
                    let timing = self.model.ask("paced 400", |event| {
                        let text = event.data["text"].as_str().unwrap_or_default();
                        if let Some(age) = self.provider.age(text) {
                            own.add(age);
                        }
                    });
                    let timing = timing.await;
                    assert_eq!(timing.end, "turn.completed", "{}", timing.last);
                    own
                })
                .collect();
            while let Some(own) = running.next().await {
                delays.extend(&own);
            }
            println!(
                "{}delay of a token, {streams} streams of 200 a second: {}  (bar: p99 5)",
                if streams == 1 { "\n" } else { "" },
                delays.line()
            );
        }
    }

    /// Every example question of the catalogue, asked once, answered without a model.
    async fn offline(&self) {
        let mut whole = Samples::default();
        let mut slow: Vec<(f64, String)> = Vec::new();
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        self.offline.ask("how are we doing", |_| {}).await;
        for query in self.catalogue.queries.values() {
            for example in &query.examples {
                let timing = self.offline.ask(example, |_| {}).await;
                whole.add(timing.whole);
                slow.push((timing.whole.as_secs_f64() * 1e3, example.clone()));
                let outcome = timing.last["outcome"].as_str().unwrap_or(&timing.end).to_owned();
                *ends.entry(outcome).or_default() += 1;
            }
        }
        println!("\noffline answer, end to end, each example once:  {}  (bar: p95 150)", whole.line());
        println!("outcomes: {ends:?}");
        slow.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (took, example) in slow.iter().take(5) {
            println!("  {took:7.1} ms  {example}");
        }
    }

    /// Memory of open streams on which nothing happens. The clients live in a process of their own.
    async fn idle(&self, wanted: usize) {
        let files = open_files();
        let streams = wanted.min(files.saturating_sub(500));
        if streams < wanted {
            println!("\nthis process may open {files} files: {streams} streams instead of {wanted}");
        }
        // A turn that waits for its model; every stream reads it.
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let asker = self.model.clone();
        let asking = tokio::spawn(async move {
            asker
                .ask("hang", |event| {
                    if event.kind == "turn.started" {
                        let _ = tell.send(event.turn.clone());
                    }
                })
                .await;
        });
        let turn = told.recv().await.expect("the turn starts");
        let before = resident_mib();
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--crowd", &format!("{} {turn} {streams}", self.base)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the clients start");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = tokio::task::spawn_blocking(move || lines.next()).await.expect("a thread");
        let opened: usize = line.and_then(Result::ok).and_then(|n| n.parse().ok()).unwrap_or(0);
        let took = begun.elapsed();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let after = resident_mib();
        println!(
            "\n{opened} open idle streams: {before:.0} → {after:.0} MiB resident, {:.1} KiB a stream, opened in {:.1} s  (bar: 10,000 within 1,024 MiB)",
            (after - before) * 1024.0 / opened.max(1) as f64,
            took.as_secs_f64()
        );
        drop(child.stdin.take());
        child.wait().expect("the clients end");
        asking.abort();
    }
}

/// The clients of [`Site::idle`]: open so many streams, say how many, wait to be told to go.
async fn crowd(words: &str) {
    let mut words = words.split(' ');
    let (base, turn) = (words.next().expect("an address"), words.next().expect("a turn"));
    let count: usize = words.next().and_then(|n| n.parse().ok()).expect("a number");
    let client = Client::new(base, KEY);
    let opened: Vec<_> = futures::stream::iter(0..count)
        .map(|_| client.open(turn))
        .buffer_unordered(64)
        .filter_map(|stream| async { stream.ok() })
        .collect()
        .await;
    println!("{}", opened.len());
    std::io::stdout().flush().expect("the parent listens");
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await;
}
