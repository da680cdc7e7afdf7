//! How fast what Slack sends is taken: signed requests over HTTP or envelopes over a socket, stored in a durable PostgreSQL
//! and acknowledged, while the turns they ask for run over a model provider that answers at once. And how soon a question
//! is answered by a first word in the thread. Server, Slack (the fake one), provider and client are all on this machine.
//!
//! `cargo bench --bench slack`; after `--`: `--transport http|socket` (both, one after the other), `--rate N` (envelopes a
//! second, 100), `--seconds N` (30), `--burst N` (senders at once, 64; HTTP only: a socket brings one after another),
//! `--questions N` (for the first word, 20), `--only sustained|burst|first`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures and stops at the first thing that does not work"
)]
#[allow(dead_code, reason = "each bench uses its part of the harness")]
mod harness;

use adjutant::app::App;
use adjutant::catalogue::Catalogue;
use adjutant::chat::offline::OfflinePlanner;
use adjutant::chat::{self, Parts, Service};
use adjutant::clock::{SharedClock, SystemClock};
use adjutant::db::{PoolSizes, load};
use adjutant::events::ingest::Ingest;
use adjutant::fake_slack::{
    BOT_USER, Channel, FakeSlack, Kind, Options, Outcome, Person, TEAM, Transport, signature,
};
use adjutant::http::{self, limits::Limits, state::Server};
use adjutant::ids::OrgId;
use adjutant::llm::{self, ChatModel};
use adjutant::slack::{Settings, Slack};
use adjutant::{demo, slack};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use harness::args::Args;
use harness::figures::{Samples, machine};
use harness::provider::Provider;
use harness::{World, company, unlimited};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Questions are spread over so many channels: each of them takes a message a second.
const CHANNELS: usize = 100;
const MARKETER: &str = "U0ADELE";

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("one provider of TLS");
    let args = Args::read(&["transport", "rate", "seconds", "burst", "questions", "only"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench(&args));
}

async fn bench(args: &Args) {
    println!("machine: {}", machine());
    let clock: SharedClock = Arc::new(SystemClock);
    let today = clock.now().to_zoned(TimeZone::get("Europe/Zurich").expect("a time zone")).date();
    let only = args.text("transport");
    for (name, transport) in [("http", Transport::Http), ("socket", Transport::Socket)] {
        if only.is_none_or(|only| only == name) {
            println!("\n== {name}");
            over(args, transport, &clock, today).await;
        }
    }
}

async fn over(args: &Args, transport: Transport, clock: &SharedClock, today: Date) {
    let (world, _) = World::open("bench_slack", false, today, PoolSizes::default()).await;
    let actor = company(&world.db, &**clock, "demo").await;
    load::dataset(&world.db, actor.org, &demo::generate(today, 7)).await.expect("the demo account loads");
    unlimited(&world, actor.org).await;
    world.settle().await;
    let site = Site::start(&world, transport, clock, today, actor.org).await;
    let only = args.text("only");
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    if wanted("sustained") {
        site.sustained(args.number("rate", 100), args.number("seconds", 30)).await;
    }
    if wanted("burst") && transport == Transport::Http {
        site.burst(args.number("burst", 64), args.number("seconds", 30)).await;
    }
    if wanted("first") {
        site.first_word(args.number("questions", 20)).await;
    }
    site.stop.cancel();
    site.running.await.expect("the Slack room ends");
    world.db.close().await;
    world.cluster.stop().await;
}

struct Site {
    world_url: String,
    org: OrgId,
    fake: FakeSlack,
    client: reqwest::Client,
    url: String,
    clock: SharedClock,
    next: AtomicU64,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Site {
    async fn start(
        world: &World,
        transport: Transport,
        clock: &SharedClock,
        today: Date,
        org: OrgId,
    ) -> Self {
        let provider = Provider::start(today).await;
        let catalogue = Arc::new(Catalogue::load(None).expect("the catalogue loads"));
        let planner: Arc<dyn ChatModel> = Arc::new(
            OfflinePlanner::new(Arc::clone(&catalogue), world.db.clone(), Arc::clone(clock))
                .expect("the planner"),
        );
        let settings = llm::Settings {
            providers: vec![llm::Provider {
                name: "fake".to_owned(),
                base_url: provider.url.clone(),
                key: Some(SecretString::from("sk-bench")),
                model: "fake-1".to_owned(),
                price: llm::Price::default(),
                quirks: llm::Quirks::default(),
            }],
            budget: llm::Budget { tokens_per_hour: u64::MAX / 2, ..llm::Budget::default() },
            ..llm::Settings::default()
        };
        let model = llm::chain(&settings, &world.db, clock, Arc::clone(&planner)).expect("the models");
        let chat = Service::new(Parts {
            db: world.db.clone(),
            clock: Arc::clone(clock),
            catalogue: Arc::clone(&catalogue),
            model: Arc::clone(&model),
            planner,
            settings: chat::Settings::default(),
        })
        .expect("the chat room");
        let app = App { db: world.db.clone(), clock: Arc::clone(clock), catalogue, model };
        let fake = FakeSlack::start(workspace(transport, clock)).await.expect("the fake Slack");
        let slack = Slack::new(app.clone(), chat.clone(), settings_for(&fake)).expect("the Slack room");
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let events = Ingest::new(app.db.clone(), Arc::clone(clock), || 0.5).expect("the registry");
        let stop = CancellationToken::new();
        let server = Server {
            app,
            chat,
            events: Arc::new(events),
            limits: Arc::new(Limits::default()),
            webhooks: adjutant::webhooks::Settings::closed(),
            sources: harness::no_connections(&stop),
            metrics,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(http::serve(listener, server, 1 << 20, slack.routes(), stop.clone()));
        slack.install().await.expect("the installation is recorded");
        fake.deliver_to(&url);
        let running = {
            let (slack, stop): (slack::Slack, _) = (slack.clone(), stop.clone());
            tokio::spawn(async move { slack.run(stop).await })
        };
        fake.connected().await;
        let client = reqwest::Client::builder().tcp_nodelay(true).no_proxy().build().expect("a client");
        Self {
            world_url: world.url.clone(),
            org,
            fake,
            client,
            url,
            clock: Arc::clone(clock),
            next: AtomicU64::new(0),
            stop,
            running,
        }
    }

    /// The n-th envelope of a busy workspace: of ten, three are one question (both its events, and one of them again),
    /// four are replies in threads, the others a look at another channel, an unknown event, and chatter.
    fn envelope(&self, n: u64) -> Value {
        let story = n / 10;
        let channel = format!("C0BENCH{}", story % CHANNELS as u64);
        let second = self.clock.now().as_second();
        let ts = |place: u64| format!("{second}.{:06}", (story * 10 + place) % 1_000_000);
        let said = |kind: &str, text: &str, place: u64, thread: Option<&str>| {
            json!({"type": kind, "channel_type": "channel", "channel": channel, "user": MARKETER, "ts": ts(place),
                   "event_ts": ts(place), "text": text, "thread_ts": thread, "client_msg_id": format!("bench-{n}"),
                   "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section",
                               "elements": [{"type": "text", "text": text}]}]}]})
        };
        // All events of one story have its first place as their time.
        let question = |kind: &str| {
            let mut event = said(kind, &format!("<@{BOT_USER}> burst"), 0, None);
            event["ts"] = json!(format!("{}.{:06}", 1_700_000_000 + story, story % 1_000_000));
            event
        };
        let (id, event) = match n % 10 {
            0 | 2 => (format!("EvQ{story}"), question("message")),
            1 => (format!("EvM{story}"), question("app_mention")),
            3..=6 => {
                (format!("EvR{n}"), said("message", "as I said yesterday", n % 10, Some("1600000000.000001")))
            }
            7 => (
                format!("EvC{n}"),
                json!({"type": "app_context_changed", "channel": "D0ADELE", "user": MARKETER, "event_ts": ts(7),
                       "context": {"entities": [{"type": "slack#/types/channel_id", "value": channel}]}}),
            ),
            8 => (format!("EvU{n}"), json!({"type": "emoji_changed", "subtype": "add", "name": "shrug"})),
            _ => (format!("EvX{n}"), said("message", "lunch?", 9, None)),
        };
        json!({"token": "old", "team_id": TEAM, "api_app_id": "A0ADJUTANT", "type": "event_callback", "event_id": id,
               "event_time": second, "is_ext_shared_channel": false, "event": event,
               "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": true}]})
    }

    /// Sends the next envelope; the status that came back.
    async fn send(&self) -> u16 {
        let body = self.envelope(self.next.fetch_add(1, Ordering::Relaxed));
        if self.fake.options().transport == Transport::Socket {
            return match self.fake.deliver(Kind::Event, body).await {
                Outcome::Acknowledged(_) => 200,
                Outcome::Refused(status) => status,
                Outcome::Late | Outcome::Unreachable | Outcome::Dropped => 0,
            };
        }
        let body = body.to_string();
        let at = self.clock.now().as_second();
        let mac = signature(&self.fake.options().signing_secret, at, body.as_bytes());
        let request = self
            .client
            .post(format!("{}/slack/events", self.url))
            .header("content-type", "application/json")
            .header("x-slack-request-timestamp", at.to_string())
            .header("x-slack-signature", mac)
            .body(body);
        request.send().await.map_or(0, |answer| answer.status().as_u16())
    }

    /// So many envelopes a second, whether or not the earlier ones were acknowledged; timed from when each was due.
    async fn sustained(&self, rate: usize, seconds: usize) {
        let begun = Instant::now();
        let mut running = FuturesUnordered::new();
        for n in 0..rate * seconds {
            let due = begun + Duration::from_secs_f64(n as f64 / rate as f64);
            running.push(async move {
                tokio::time::sleep_until(due.into()).await;
                let status = self.send().await;
                (status, due.elapsed())
            });
        }
        let (mut samples, mut statuses) = (Samples::default(), BTreeMap::new());
        while let Some((status, took)) = running.next().await {
            samples.add(took);
            *statuses.entry(status).or_insert(0usize) += 1;
        }
        let behind = self.waiting().await;
        println!(
            "\n{rate} envelopes a second for {seconds} s, acknowledged: {}  (bar: p99 under 3000)",
            samples.line()
        );
        println!("  statuses {statuses:?}; waiting to be worked on at the end: {behind}");
        self.drained().await;
    }

    /// As many as go through.
    async fn burst(&self, senders: usize, seconds: usize) {
        let begun = Instant::now();
        let until = begun + Duration::from_secs(seconds as u64);
        let mut running: FuturesUnordered<_> = (0..senders)
            .map(|_| async {
                let mut own = Samples::default();
                while Instant::now() < until {
                    let sent = Instant::now();
                    if self.send().await == 200 {
                        own.add(sent.elapsed());
                    }
                }
                own
            })
            .collect();
        let mut samples = Samples::default();
        while let Some(own) = running.next().await {
            samples.extend(&own);
        }
        let rate = samples.len() as f64 / begun.elapsed().as_secs_f64();
        println!("\n{senders} senders, each at once again: {rate:.0} envelopes a second; {}", samples.line());
        self.drained().await;
    }

    /// From a person's message to the first word of the answer that Slack has.
    async fn first_word(&self, questions: usize) {
        let mut samples = Samples::default();
        for n in 0..questions + 2 {
            let channel = format!("C0BENCH{}", n % CHANNELS);
            let begun = Instant::now();
            let ts = self.fake.mention(MARKETER, &channel, "burst").expect("the channel is there");
            self.fake
                .wait_for("the first word", |ws| {
                    let thread = ws.thread(&channel, &ts);
                    let spoken = |m: &&adjutant::fake_slack::Message| {
                        m.by_app()
                            && (!m.text.is_empty() || m.stream.as_ref().is_some_and(|s| !s.pieces.is_empty()))
                    };
                    thread.into_iter().find(spoken).map(|_| ())
                })
                .await;
            if n >= 2 {
                samples.add(begun.elapsed());
            }
        }
        println!("\nfrom a message to the first word in its thread: {}", samples.line());
    }

    async fn waiting(&self) -> i64 {
        self.count("select count(*) from slack_inbound where org_id = $1 and state = 'new'").await
    }

    async fn showing(&self) -> i64 {
        self.count("select count(*) from slack_answers where org_id = $1 and state = 'showing'").await
    }

    async fn count(&self, statement: &'static str) -> i64 {
        use sqlx::Connection as _;
        let mut superuser =
            sqlx::PgConnection::connect(&self.world_url).await.expect("the superuser connects");
        sqlx::query_scalar(statement).bind(self.org).fetch_one(&mut superuser).await.expect("a count")
    }

    /// Waits until everything was worked on, and says how long that took.
    async fn drained(&self) {
        let begun = Instant::now();
        while self.waiting().await > 0 && begun.elapsed() < Duration::from_secs(300) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("  all worked on {:.1} s later", begun.elapsed().as_secs_f64());
        // What is measured next must not wait for these answers.
        while self.showing().await > 0 && begun.elapsed() < Duration::from_secs(600) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("  all answered {:.1} s later", begun.elapsed().as_secs_f64());
    }
}

fn workspace(transport: Transport, clock: &SharedClock) -> Options {
    let channels = (0..CHANNELS)
        .map(|n| Channel::public(&format!("C0BENCH{n}"), &format!("bench-{n}"), &[MARKETER, BOT_USER]));
    Options {
        transport,
        people: vec![Person::member(MARKETER, "Adele Moser", "admin@demo.example")],
        channels: channels.collect(),
        echo: false,
        ..Options::new(Arc::clone(clock))
    }
}

fn settings_for(fake: &FakeSlack) -> Settings {
    let options = fake.options();
    Settings {
        bot_token: options.bot_token.clone().into(),
        app_token: (options.transport == Transport::Socket).then(|| options.app_token.clone().into()),
        signing_secret: (options.transport == Transport::Http).then(|| options.signing_secret.clone().into()),
        api_url: fake.api_url(),
        organisation: None,
        allow: Vec::new(),
        public_url: "http://127.0.0.1".to_owned(),
        at_once: 16,
    }
}
