//! `adjutant demo` as a newcomer meets it: what it prints works, a second start finds everything again, the record of
//! decisions proves itself, `--reset` begins anew. One test, because a cluster and an account are made for it.
use crate::crash::program_in;
use crate::world::cluster_options;
use adjutant::db::private::Cluster;
use adjutant::ids;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

const KEY: &str = "correct-horse-battery-staple";

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running demo and the words it printed.
struct Demo {
    child: Child,
    words: String,
}

impl Demo {
    async fn start(folder: &Path, more: &[&str]) -> Self {
        let mut command = program_in(folder);
        let fixed =
            ["demo", "--today", "2025-09-17", "--months", "4", "--api-key", KEY, "--listen", "127.0.0.1:0"];
        let mut child = command.args(fixed).args(more).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        let hints = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Ok(Some(line)) = told.next_line().await {
                all.push(line);
            }
            all
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut words = String::new();
        let last = if more.contains(&"--fake-slack") { "A Slack of its own" } else { "Ctrl-C stops" };
        while !words.contains(last) {
            match lines.next_line().await.unwrap() {
                Some(line) => words.push_str(&format!("{line}\n")),
                None => panic!("the demo ended: {words}\n{:#?}", hints.await.unwrap()),
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, words }
    }

    /// The value printed behind a word.
    fn printed(&self, word: &str) -> String {
        let line = self.words.lines().find(|line| line.trim_start().starts_with(word)).unwrap();
        line.trim_start().trim_start_matches(word).split_whitespace().next().unwrap().to_owned()
    }

    async fn ask(&self, token: &str) -> (StatusCode, Value) {
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{}/api/chat", self.printed("URL"))).bearer_auth(token);
        let body = json!({"message": "which campaigns wasted money in the last 30 days?"});
        let reply = request.header("accept", "application/json").json(&body).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    /// As Mara on the page of the workspace beside it: the command goes out as a signed request, the answer comes back.
    async fn answers_in_slack(&self) {
        let client = Client::builder().no_proxy().build().unwrap();
        let url = self.printed("A Slack of its own: open");
        let form = [("as", "U0MARA"), ("at", "C0MARKETING"), ("text", "/find_waste 30")];
        let sent = client.post(format!("{url}/act/say")).form(&form).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::OK);
        let mut version = "0".to_owned();
        let answer = async {
            loop {
                let news = format!("{url}/news?as=U0MARA&at=C0MARKETING&seen={version}");
                let page = client.get(news).send().await.unwrap().text().await.unwrap();
                if page.contains("Sources:") {
                    return page;
                }
                if let Some((_, rest)) = page.split_once("data-version=\"") {
                    version = rest.split('"').next().unwrap().to_owned();
                }
            }
        };
        let page =
            tokio::time::timeout(Duration::from_secs(60), answer).await.expect("an answer in the channel");
        assert!(page.contains("Only visible to you") && page.contains("Draft the pause"), "{page}");
    }

    /// As Ctrl-C does.
    async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        let sent = tokio::process::Command::new("kill").args(["-INT", &id]).status().await.unwrap();
        assert!(sent.success());
        assert!(self.child.wait().await.unwrap().success());
    }
}

async fn said(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = program_in(folder).args(args).stdout(Stdio::piped()).output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test]
async fn the_demo_from_its_first_start_to_its_reset() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let folder =
        Folder(std::env::temp_dir().join(format!("adj-{}", ids::new_uuid(&adjutant::clock::SystemClock))));
    let path = &folder.0;
    let first = Demo::start(path, &[]).await;
    assert!(first.words.contains("The demo lives on 2025-09-17."), "{}", first.words);
    assert_eq!(first.printed("API key"), KEY);
    for token in [KEY.to_owned(), first.printed("marketer session"), first.printed("approver session")] {
        let (status, turn) = first.ask(&token).await;
        assert_eq!((status, &turn["state"]), (StatusCode::OK, &json!("completed")), "{turn}");
    }
    let (status, turn) = first.ask(KEY).await;
    assert_eq!(status, StatusCode::OK);
    first.stop().await;

    let second = Demo::start(path, &["--fake-slack", "http", "127.0.0.1:0"]).await;
    second.answers_in_slack().await;
    let conversation =
        format!("{}/api/conversations/{}", second.printed("URL"), turn["conversation_id"].as_str().unwrap());
    let client = Client::builder().no_proxy().build().unwrap();
    let kept = client.get(conversation).bearer_auth(KEY).send().await.unwrap();
    assert_eq!(kept.status(), StatusCode::OK, "what was asked before is there");
    second.stop().await;

    let (fine, words) = said(path, &["ask", "which campaigns wasted money in the last 30 days?"]).await;
    assert!(fine && words.contains("wasted_spend"), "{words}");
    let (fine, words) = said(path, &["audit", "verify"]).await;
    assert!(fine && words.contains("clean: "), "{words}");
    let cluster = Cluster::start(cluster_options(path.clone())).await.unwrap();
    let mut superuser = PgConnection::connect(&cluster.url()).await.unwrap();
    superuser
        .execute("set session_replication_role = replica; update audit_log set reason = 'x' where seq = 2")
        .await
        .unwrap();
    superuser.close().await.unwrap();
    cluster.stop().await;
    let (fine, words) = said(path, &["audit", "verify"]).await;
    assert!(!fine && words.contains("BROKEN at entry 2: entry 2 was altered"), "{words}");

    let anew = Demo::start(path, &["--reset"]).await;
    assert_eq!(anew.ask(KEY).await.0, StatusCode::OK);
    anew.stop().await;
    let (fine, words) = said(path, &["audit", "verify"]).await;
    assert!(fine && words.contains("clean: "), "{words}");
}
