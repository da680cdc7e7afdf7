//! `kill -9` of the real program in the middle of a turn, a review, an import: nothing lost, nothing doubled, nothing left
//! hanging. Each test waits for the moment itself, never for time.
use crate::fake_provider::{End, FakeProvider, KEY, Reply as Script, calls, says};
use crate::served::{Reply, reply};
use crate::world::World;
use adjutant::access::Actor;
use adjutant::clock::{Clock as _, SystemClock};
use adjutant::db::{audit, credentials};
use jiff::ToSpan as _;
use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_adjutant");

pub fn program(world: &World) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env("DATABASE_URL", &world.url)
        .env_remove("OPENAI_API_KEY")
        .env_remove("ANTHROPIC_API_KEY")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The program over a private database in a folder.
pub fn program_in(folder: &std::path::Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env_remove("DATABASE_URL")
        .env_remove("OPENAI_API_KEY")
        .env_remove("ANTHROPIC_API_KEY")
        .args(["--data-dir".as_ref(), folder.as_os_str()])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A running server of the real program.
pub struct Program {
    child: Child,
    pub url: String,
    client: Client,
}

impl Program {
    pub async fn serve(world: &World, config: Option<&str>) -> Self {
        let mut command = program(world);
        let file = tempfile(config.unwrap_or_default());
        let mut child = command
            .args(["--config", file.to_str().unwrap(), "serve", "--listen", "127.0.0.1:0"])
            .env("FAKE_KEY", KEY)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let url = loop {
            let line =
                lines.next_line().await.unwrap().unwrap_or_else(|| panic!("the server ended: {said:#?}"));
            if let Some(url) = line.strip_prefix("ready on ") {
                break url.to_owned();
            }
            said.push(line);
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        rustls::crypto::ring::default_provider().install_default().ok();
        Self { child, url, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Option<Reply> {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(token).json(&body);
        Some(reply(request.header("accept", "application/json").send().await.ok()?).await)
    }

    async fn get(&self, path: &str, token: &str) -> Reply {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(token);
        reply(request.header("accept", "application/json").send().await.unwrap()).await
    }
}

fn tempfile(text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("adjutant-{}.toml", adjutant::ids::new_uuid(&SystemClock)));
    std::fs::write(&path, text).unwrap();
    path
}

/// A session that is good now: the program lives on the system clock.
async fn session(world: &World, actor: &Actor) -> String {
    let token = credentials::new_session_token(&mut rand::rng());
    let now = SystemClock.now();
    let mut tx = world.db.org(actor.org).await.unwrap();
    let until = now.checked_add(1.hours()).unwrap();
    credentials::create_session(&mut tx, actor.org, actor.member, &token, now, until).await.unwrap();
    tx.commit().await.unwrap();
    token.expose_secret().to_owned()
}

async fn count(world: &World, sql: &'static str) -> i64 {
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap()
}

#[tokio::test]
async fn a_turn_killed_in_the_middle_ends_after_the_restart_and_its_question_is_kept_once() {
    let world = World::new().await;
    let marketer = session(&world, &world.marketer).await;
    // The provider never says a word to the first request: the turn hangs there until the server is killed.
    let provider =
        FakeProvider::start(vec![Script::Stream(Vec::new(), End::Hang), says(&["Nothing new."])]).await;
    let config = format!(
        "[[model.providers]]\nname='fake'\nbase_url='{}'\nmodel='fake-1'\nkey_env='FAKE_KEY'\n",
        provider.url
    );
    let mut first = Program::serve(&world, Some(&config)).await;
    let asked = first.client.post(format!("{}/api/chat", first.url)).bearer_auth(&marketer);
    let asked = asked.json(&json!({ "message": "is there anything new" })).send().await.unwrap();
    let turn = asked.headers()["x-turn-id"].to_str().unwrap().to_owned();
    while provider.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    first.kill().await;
    assert_eq!(count(&world, "select count(*) from turns where state = 'running'").await, 1);
    let second = Program::serve(&world, Some(&config)).await;
    let ended = second.get(&format!("/api/turns/{turn}/events"), &marketer).await;
    assert_eq!(ended.status, StatusCode::OK);
    assert_eq!(ended.body["state"], "completed", "{}", ended.body);
    assert_eq!(count(&world, "select count(*) from turns").await, 1);
    assert_eq!(count(&world, "select count(*) from turn_events where kind = 'turn.started'").await, 1);
    let finals =
        "select count(*) from turn_events where kind in ('turn.completed', 'turn.failed', 'turn.cancelled')";
    assert_eq!(count(&world, finals).await, 1);
}

#[tokio::test]
async fn a_turn_killed_after_its_tool_had_finished_goes_on_without_it() {
    let world = World::new().await;
    let marketer = session(&world, &world.marketer).await;
    let brief = json!({ "keyword": "trail shoes", "reason": "People look for it." });
    let script = vec![
        calls(&[("b", "generate_content_brief", brief)]),
        Script::Stream(Vec::new(), End::Hang),
        says(&["A brief is drafted."]),
    ];
    let provider = FakeProvider::start(script).await;
    let config = format!(
        "[[model.providers]]\nname='fake'\nbase_url='{}'\nmodel='fake-1'\nkey_env='FAKE_KEY'\n",
        provider.url
    );
    let mut first = Program::serve(&world, Some(&config)).await;
    let asked = first.client.post(format!("{}/api/chat", first.url)).bearer_auth(&marketer);
    let asked = asked.json(&json!({ "message": "draft a brief about trail shoes" })).send().await.unwrap();
    let turn = asked.headers()["x-turn-id"].to_str().unwrap().to_owned();
    let finished = "select count(*) from turn_events where kind = 'tool.completed'";
    while count(&world, finished).await == 0 {
        tokio::task::yield_now().await;
    }
    first.kill().await;
    let second = Program::serve(&world, Some(&config)).await;
    let ended = second.get(&format!("/api/turns/{turn}/events"), &marketer).await;
    assert_eq!((ended.status, &ended.body["state"]), (StatusCode::OK, &json!("completed")), "{}", ended.body);
    assert_eq!(provider.faults(), Vec::<String>::new());
    assert_eq!(count(&world, finished).await, 1, "the tool did not run again");
    assert_eq!(count(&world, "select count(*) from drafts").await, 1);
    assert_eq!(count(&world, "select count(*) from turn_events where kind = 'draft.created'").await, 1);
}

#[tokio::test]
async fn a_review_killed_in_the_middle_is_made_once_or_not_at_all() {
    let world = World::new().await;
    let (marketer, approver) =
        (session(&world, &world.marketer).await, session(&world, &world.approver).await);
    let mut server = Program::serve(&world, None).await;
    let body = json!({ "type": "generate_content_brief", "payload": {
        "keyword": "trail shoes", "reason": "People look for it and we have no good page." } });
    let made = server.post("/api/drafts", &marketer, body).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = format!("/api/drafts/{}/reviews", made.body["id"].as_str().unwrap());
    let vote = json!({ "decision": "approve", "revision": 1, "payload_hash": made.body["payload_hash"] });
    // Many clicks at once; the server dies as soon as the first of them is answered.
    let mut clicks = futures::stream::FuturesUnordered::new();
    for _ in 0..20 {
        clicks.push(server.post(&path, &approver, vote.clone()));
    }
    let first = futures::StreamExt::next(&mut clicks).await;
    drop(clicks);
    assert!(first.is_some());
    server.kill().await;
    let again = Program::serve(&world, None).await;
    let retried = again.post(&path, &approver, vote).await.unwrap();
    assert!(retried.status.is_success(), "{}", retried.body);
    assert_eq!(count(&world, "select count(*) from drafts where state = 'approved'").await, 1);
    assert_eq!(count(&world, "select count(*) from approvals").await, 1);
    assert_eq!(count(&world, "select count(*) from reviews").await, 1);
    assert_eq!(count(&world, "select count(*) from audit_log where action = 'draft.approved'").await, 1);
    assert_eq!(audit::verify(&world.db, world.org).await.unwrap().broken, None);
}

#[tokio::test]
async fn an_import_killed_in_the_middle_left_nothing_and_runs_again() {
    let world = World::new().await;
    let mut text = "Day,Campaign,Ad set,Cost,Clicks\n".to_owned();
    for campaign in 0..400 {
        for day in 1..=28 {
            text.push_str(&format!(
                "2025-08-{day:02},Campaign {campaign},Set {campaign},{}.5,{day}\n",
                campaign + day
            ));
        }
    }
    let file = tempfile(&text);
    let import = |world: &World| {
        let mut command = program(world);
        command.args(["import", file.to_str().unwrap(), "--kind", "ads"]);
        command
    };
    let mut child = import(&world).spawn().unwrap();
    // The transaction is writing facts when another session sees its statement.
    let mut watch = world.superuser().await;
    let writing = "select count(*) from pg_stat_activity where datname = current_database() and query ilike '%insert into daily_metrics%' and pid <> pg_backend_pid()";
    loop {
        let seen: i64 = sqlx::query_scalar(writing).fetch_one(&mut watch).await.unwrap();
        if seen > 0 {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "the import ended before it was seen writing");
    }
    child.kill().await.unwrap();
    for table in [
        "select count(*) from daily_metrics",
        "select count(*) from campaigns",
        "select count(*) from imports",
    ] {
        assert_eq!(count(&world, table).await, 0, "{table}");
    }
    assert!(import(&world).status().await.unwrap().success());
    assert_eq!(count(&world, "select count(*) from campaigns").await, 400);
    let rows = count(&world, "select count(*) from daily_metrics").await;
    assert!(import(&world).arg("--force").status().await.unwrap().success());
    assert_eq!(count(&world, "select count(*) from daily_metrics").await, rows);
    assert_eq!(rows, 400 * 28 * 2 + 28);
}
