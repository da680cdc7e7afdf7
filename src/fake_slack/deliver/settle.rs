//! What the end of a delivery means to the person: the answer of a command, the fate of a modal, Slack's own error notices.
use super::{Delivery, Kind};
use crate::fake_slack::Shared;
use crate::fake_slack::blocks;
use crate::fake_slack::web::{Ctx, chat, views};
use crate::fake_slack::workspace::Outcome;
use serde_json::{Value, json};

pub fn settle(shared: &Shared, delivery: &Delivery, outcome: &Outcome) {
    let body = &delivery.body;
    let user = match delivery.kind {
        Kind::Event => return,
        Kind::Interaction => body["user"]["id"].as_str().unwrap_or_default(),
        Kind::Command => body["user_id"].as_str().unwrap_or_default(),
    };
    match outcome {
        Outcome::Acknowledged(answer) => match delivery.kind {
            Kind::Command => answered(shared, body, user, answer),
            Kind::Interaction if body["type"] == "view_submission" => submitted(shared, body, user, answer),
            Kind::Interaction | Kind::Event => {}
        },
        Outcome::Refused(status) => notice(shared, user, &format!("failed with the error http {status}")),
        Outcome::Late => notice(shared, user, "did not respond in time"),
        Outcome::Unreachable | Outcome::Dropped => notice(shared, user, "could not be reached"),
    }
}

fn notice(shared: &Shared, user: &str, said: &str) {
    shared.change(|ws, _| ws.notices.push((user.to_owned(), said.to_owned())));
}

/// A command may be answered in its acknowledgement, with text or with a message.
fn answered(shared: &Shared, body: &Value, user: &str, answer: &Value) {
    let args = match answer.as_str() {
        Some(text) => json!({"text": text}),
        None if answer["text"].is_null() && answer["blocks"].is_null() => return,
        None => answer.clone(),
    };
    let said = shared.change(|ws, now| {
        let mut ctx = Ctx { ws, now, url: &shared.url, news: Vec::new() };
        let content = chat::content(&mut ctx, &args, 40_000)?;
        let mut message =
            chat::draft(&mut ctx, body["channel_id"].as_str().unwrap_or_default(), None, content);
        if args["response_type"] != "in_channel" {
            message.ephemeral_to = Some(user.to_owned());
        }
        chat::put(&mut ctx, message);
        Ok::<(), crate::fake_slack::web::Refusal>(())
    });
    if let Err(refusal) = said {
        notice(shared, user, &format!("failed with the error {}", refusal.code));
    }
}

/// The answer to a submission: close, errors at fields, another view in its place, one on top, or all away.
fn submitted(shared: &Shared, body: &Value, user: &str, answer: &Value) {
    let id = body["view"]["id"].as_str().unwrap_or_default();
    let wrong = shared.change(|ws, now| {
        let mut ctx = Ctx { ws, now, url: &shared.url, news: Vec::new() };
        match answer["response_action"].as_str() {
            None => {
                ctx.ws.views.remove(id);
                None
            }
            Some("errors") => {
                if let Some(view) = ctx.ws.views.get_mut(id) {
                    view.errors = answer["errors"].clone();
                }
                unfit(body, answer)
            }
            Some("update" | "push") if blocks::check_view(&answer["view"]).is_err() => {
                Some(format!("invalid view: {:?}", blocks::check_view(&answer["view"])))
            }
            Some("update") => views::replace(&mut ctx, id, answer["view"].clone()).err().map(|r| r.code),
            Some("push") => {
                views::show(&mut ctx, answer["view"].clone(), user, Some(id));
                None
            }
            Some("clear") => {
                ctx.ws.views.retain(|_, view| view.user != user);
                None
            }
            Some(other) => Some(format!("unknown response_action {other}")),
        }
    });
    if let Some(wrong) = wrong {
        notice(shared, user, &format!("failed with the error {wrong}"));
    }
}

/// Errors must name blocks that take input.
fn unfit(body: &Value, answer: &Value) -> Option<String> {
    let inputs: Vec<&str> = body["view"]["blocks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|b| b["type"] == "input")
        .filter_map(|b| b["block_id"].as_str())
        .collect();
    let errors = answer["errors"].as_object().filter(|e| !e.is_empty());
    match errors {
        None => Some("errors without errors".to_owned()),
        Some(errors) => {
            errors.keys().find(|k| !inputs.contains(&k.as_str())).map(|k| format!("no input block {k}"))
        }
    }
}
