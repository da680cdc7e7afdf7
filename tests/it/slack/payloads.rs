//! Every recorded payload of `../shared/payloads/slack`: read as what it is, taken twice with one effect.
use super::stored::{signed, worked};
use super::workspace::Workspace;
use adjutant::db::slack::installs::{self, Install, InstallState};
use adjutant::fake_slack::Transport;
use adjutant::slack::wire::{self, ChannelKind, Inbound, Us};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where the recordings are, when they are.
fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/payloads/slack");
    if folder.join("index.json").exists() {
        return Some(folder);
    }
    eprintln!("skipped: no recorded payloads at {}", folder.display());
    None
}

/// A recorded delivery: its file, how it is posted, and its payload.
struct Recording {
    file: String,
    path: &'static str,
    content_type: &'static str,
    body: String,
    payload: Value,
}

fn read_all(folder: &Path) -> Vec<Recording> {
    let index: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
    let form = "application/x-www-form-urlencoded";
    let files = index.iter().filter(|entry| entry["kind"] != "signature_vector");
    files
        .map(|entry| {
            let file = entry["file"].as_str().unwrap().to_owned();
            let text = std::fs::read_to_string(folder.join(&file)).unwrap();
            let content_type = entry["content_type"].as_str().unwrap();
            if content_type.starts_with(form) {
                let fields = form_urlencoded::parse(text.trim().as_bytes());
                let payload = Value::Object(fields.map(|(k, v)| (k.into_owned(), json!(v))).collect());
                return Recording {
                    file,
                    path: "/slack/commands",
                    content_type: form,
                    body: text.trim().to_owned(),
                    payload,
                };
            }
            let mut payload: Value = serde_json::from_str(&text).unwrap();
            if content_type.starts_with("socket-mode") {
                payload = payload["payload"].take();
            }
            if content_type.contains("form field payload") || payload.get("command").is_some() {
                let body = if payload.get("command").is_some() {
                    let fields =
                        payload.as_object().unwrap().iter().map(|(k, v)| (k, v.as_str().unwrap_or_default()));
                    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
                } else {
                    form_urlencoded::Serializer::new(String::new())
                        .append_pair("payload", &payload.to_string())
                        .finish()
                };
                return Recording { file, path: "/slack/interactions", content_type: form, body, payload };
            }
            Recording {
                file,
                path: "/slack/events",
                content_type: "application/json",
                body: payload.to_string(),
                payload,
            }
        })
        .collect()
}

/// What each of them is, in a word or two.
fn word(inbound: &Inbound) -> String {
    let place = |kind: &ChannelKind| format!("{kind:?}").to_lowercase();
    match inbound {
        Inbound::Said { origin, mentioned, files, app_context, .. } => format!(
            "said {}{}{}{}{}",
            place(&origin.channel_kind),
            if *mentioned { " mentioned" } else { "" },
            if origin.thread_ts.is_some() { " thread" } else { "" },
            if files.is_empty() { "" } else { " file" },
            if app_context.is_some() { " context" } else { "" },
        ),
        Inbound::Command { command, text, .. } => format!("command {command} '{text}'"),
        Inbound::Action { actions, is_ephemeral, .. } => {
            let action = &actions[0];
            let chosen = action.value.as_deref().or(action.selected.as_deref()).unwrap_or("-");
            format!("action {} {chosen}{}", action.action_id, if *is_ephemeral { " ephemeral" } else { "" })
        }
        Inbound::Submission { origin, callback_id, .. } => {
            let foreign = origin.user_team.as_deref() != Some(origin.team.as_str());
            format!("submission {callback_id}{}", if foreign { " foreign" } else { "" })
        }
        Inbound::Closed { callback_id, .. } => format!("closed {callback_id}"),
        Inbound::HomeOpened { tab, context, .. } => format!("home {tab} context {}", context.is_object()),
        Inbound::ContextChanged { context, .. } => format!("context {}", context.is_object()),
        Inbound::AssistantStarted { .. } => "assistant started".to_owned(),
        Inbound::Challenge(text) => format!("challenge {}", text.len()),
        other => format!("{other:?}").to_lowercase(),
    }
}

const EXPECTED: [(&str, &str); 26] = [
    ("app_context_changed.json", "context true"),
    ("app_home_opened_messages_tab.json", "home messages context true"),
    ("app_mention_twin_recorded.json", "said channel mentioned"),
    ("app_mention_with_file_recorded.json", "said channel mentioned file"),
    ("assistant_thread_context_changed.json", "context true"),
    ("assistant_thread_started.json", "assistant started"),
    ("block_actions_button_recorded.json", "action feedback -"),
    ("block_actions_enterprise_recorded.json", "action report bug"),
    ("block_actions_ephemeral.json", "action a click_me_123 ephemeral"),
    ("block_actions_static_select.json", "action quick_action greet"),
    ("message_changed_assistant_title.json", "own"),
    ("message_changed_own_recorded.json", "own"),
    ("message_channel_mention_twin_recorded.json", "said channel mentioned"),
    ("message_im_app_context.json", "said dm context"),
    ("message_im_assistant_thread.json", "said dm thread"),
    ("message_im_recorded.json", "said dm"),
    ("message_own_bot_recorded.json", "own"),
    ("slash_command_enterprise.form", "command /hello-world 'Hi'"),
    ("slash_command_recorded.form", "command /test-feedback 'some arguments here'"),
    ("socket_events_api_app_mention.json", "said channel mentioned"),
    ("socket_slash_commands.json", "command /hello-socket-mode ''"),
    ("ssl_check.form", "sslcheck"),
    ("url_verification.json", "challenge 52"),
    ("view_closed.json", "closed request-modal"),
    ("view_submission_recorded.json", "submission feedback_form"),
    ("view_submission_slack_connect.json", "submission view-id foreign"),
];

#[test]
fn each_is_read_as_what_it_is() {
    let Some(folder) = recordings() else { return };
    let mut seen = Vec::new();
    for recording in read_all(&folder) {
        let team = wire::teams(&recording.payload).into_iter().next().unwrap_or_default();
        let envelope = wire::read(&recording.payload, &team, &Us::default());
        seen.push((recording.file, word(&envelope.inbound)));
    }
    seen.sort();
    // A recording that is new here wants a line of its own above.
    let expected: Vec<(String, String)> =
        EXPECTED.iter().map(|(file, word)| ((*file).to_owned(), (*word).to_owned())).collect();
    assert_eq!(seen, expected);
}

/// Those that leave no row: what we said ourselves, and what is answered at once.
const LEAVES_NOTHING: [&str; 5] = [
    "message_changed_assistant_title.json",
    "message_changed_own_recorded.json",
    "message_own_bot_recorded.json",
    "ssl_check.form",
    "url_verification.json",
];

#[tokio::test]
async fn each_is_taken_twice_with_one_effect() {
    let Some(folder) = recordings() else { return };
    let w = Workspace::new(Transport::Http).await;
    let org = w.world.org;
    for recording in read_all(&folder) {
        // Masked recordings share ids with one another; each is alone here.
        let mut tx = w.world.db.org(org).await.unwrap();
        for table in ["slack_inbound", "outbox"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table}"))).execute(&mut *tx).await.unwrap();
        }
        for team in wire::teams(&recording.payload).into_iter().take(1) {
            let install = Install {
                team,
                app_id: String::new(),
                name: String::new(),
                bot_user: String::new(),
                bot_id: String::new(),
                scopes: Vec::new(),
                state: InstallState::Active,
                shared_channels: json!({}),
            };
            installs::record(&mut tx, org, &install, w.served.app.clock.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut effects = Vec::new();
        for _ in 0..2 {
            let request = signed(&w, recording.path, recording.content_type, &recording.body);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::OK, "{}", recording.file);
            worked(&w).await;
            effects.push(effect(&w).await);
        }
        assert_eq!(effects[0], effects[1], "{}", recording.file);
        let rows = effects[0].iter().find(|(table, _)| table == "slack_inbound").map(|(_, rows)| *rows);
        let silent = LEAVES_NOTHING.contains(&recording.file.as_str());
        assert_eq!(rows, Some(i64::from(!silent)), "{}", recording.file);
    }
}

/// Rows of everything that a payload may have caused.
async fn effect(w: &Workspace) -> Vec<(String, i64)> {
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let mut counts = Vec::new();
    for table in
        ["slack_inbound", "outbox", "conversations", "turns", "drafts", "reviews", "identities", "audit_log"]
    {
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")));
        counts.push((table.to_owned(), count.fetch_one(&mut *tx).await.unwrap()));
    }
    counts
}
