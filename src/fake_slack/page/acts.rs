//! What the forms of the page do: the same acts as in the tests.
use super::Seat;
use crate::fake_slack::act::{NotThere, Submitted};
use crate::fake_slack::workspace::{Message, View};
use crate::fake_slack::{FakeSlack, Shared};
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fields of a form, several of one name kept.
struct Given(Vec<(String, String)>);

impl Given {
    fn one(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// Carries out one act, and goes back to the page.
pub async fn act(
    State(shared): State<Arc<Shared>>,
    Path(what): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given(fields);
    let seat = Seat { who: given.one("as").to_owned(), at: given.one("at").to_owned(), seen: 0 };
    let slack = FakeSlack::of(&shared);
    let mut back = seat.clone();
    let done = match what.as_str() {
        "say" => say(&slack, &seat, &given),
        "click" => click(&slack, &seat, &given, query.get("action").map_or("", String::as_str)),
        "submit" => submit(&slack, &seat, &given).await,
        "close" => slack.close(&seat.who, given.one("view")),
        "home" => {
            "home".clone_into(&mut back.at);
            slack.open_home(&seat.who)
        }
        "stop" => message(&slack, &given).and_then(|m| slack.stop_stream(&seat.who, &m)),
        "shortcut" => {
            let callback = query.get("callback").map_or("", String::as_str);
            message(&slack, &given).and_then(|m| slack.shortcut(&seat.who, &m, callback))
        }
        other => Err(NotThere(format!("there is no act '{other}'"))),
    };
    match done {
        Ok(()) => Redirect::to(&back.link()).into_response(),
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

/// A line; one that begins with a slash is a command, as in Slack's own composer.
fn say(slack: &FakeSlack, seat: &Seat, given: &Given) -> Result<(), NotThere> {
    let text = given.one("text").trim();
    if text.is_empty() {
        return Ok(());
    }
    match (given.one("thread"), text.strip_prefix('/')) {
        ("", Some(_)) if given.one("clicked").is_empty() => {
            let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
            slack.command(&seat.who, &seat.at, command, rest.trim())
        }
        ("", _) => slack.say(&seat.who, &seat.at, text).map(drop),
        (thread, _) => slack.reply_at(&seat.who, &seat.at, thread, text).map(drop),
    }
}

/// The message that a form is about, as it is now; ephemeral ones only for the person who sees them.
fn message(slack: &FakeSlack, given: &Given) -> Result<Message, NotThere> {
    let (channel, ts, who) = (given.one("channel"), given.one("ts"), given.one("as"));
    let seen = |m: &&Message| {
        m.channel == channel && m.ts == ts && m.ephemeral_to.as_deref().is_none_or(|to| to == who)
    };
    let found = slack.read(|ws| ws.messages.iter().find(seen).cloned());
    found.ok_or_else(|| NotThere(format!("there is no message '{ts}'")))
}

fn click(slack: &FakeSlack, seat: &Seat, given: &Given, action: &str) -> Result<(), NotThere> {
    let chosen = match given.one("value") {
        "" => given.one(&format!("sel.{action}")),
        value => value,
    };
    let chosen = Some(chosen).filter(|v| !v.is_empty());
    if given.one("view").is_empty() {
        let message = message(slack, given)?;
        return match chosen {
            Some(value) => slack.choose(&seat.who, &message, action, value),
            None => slack.click(&seat.who, &message, action),
        };
    }
    let view = view(slack, given)?;
    slack.click_view(&seat.who, &view, action, chosen)
}

fn view(slack: &FakeSlack, given: &Given) -> Result<View, NotThere> {
    let id = given.one("view");
    let found = slack.read(|ws| ws.views.get(id).or_else(|| ws.homes.values().find(|v| v.id == id)).cloned());
    found.filter(|v| v.user == given.one("as")).ok_or_else(|| NotThere(format!("there is no view '{id}'")))
}

async fn submit(slack: &FakeSlack, seat: &Seat, given: &Given) -> Result<(), NotThere> {
    let view = view(slack, given)?;
    let mut values: Vec<(&str, Value)> = Vec::new();
    for block in view.blocks().iter().filter(|b| b["type"] == "input") {
        let id = block["block_id"].as_str().unwrap_or_default();
        let field = format!("v.{id}");
        let said: Vec<&str> =
            given.0.iter().filter(|(key, _)| *key == field).map(|(_, v)| v.as_str()).collect();
        let several = matches!(block["element"]["type"].as_str(), Some("checkboxes" | "multi_static_select"));
        match (several, said.as_slice()) {
            (true, list) => values.push((id, json!(list))),
            (false, [""] | []) if block["element"]["type"] != "plain_text_input" => {}
            (false, list) => values.push((id, json!(list.first().unwrap_or(&"")))),
        }
    }
    let errors = match slack.submit(&seat.who, &view.id, &values).await? {
        Submitted::Blank(blocks) => {
            blocks.into_iter().map(|id| (id, json!("Please complete this required field."))).collect()
        }
        Submitted::Closed | Submitted::Changed | Submitted::Errors(_) | Submitted::Failed(_) => return Ok(()),
    };
    slack.shared.change(|ws, _| {
        if let Some(view) = ws.views.get_mut(&view.id) {
            view.errors = Value::Object(errors);
        }
    });
    Ok(())
}

impl FakeSlack {
    /// A handle for the routes, which must not keep the fake alive: it stops nothing when it is dropped.
    fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _stop: None }
    }
}
