//! `views.*`: triggers that live three seconds and serve once, and hashes that guard against stale writers.
use super::{Answer, Ctx, Refusal, needed, text};
use crate::fake_slack::blocks;
use crate::fake_slack::options::{APP, BOT, TEAM};
use crate::fake_slack::workspace::View;
use serde_json::{Value, json};
use std::time::Duration;

const TRIGGER_LIFETIME: Duration = Duration::from_secs(3);
/// A modal may have two more on top of it.
const MAX_STACK: usize = 3;

/// Uses a trigger up; who may see the modal, and which modal was open.
fn trigger(ctx: &mut Ctx<'_>, args: &Value) -> Result<(String, Option<String>), Refusal> {
    let id = needed(args, "trigger_id")?;
    let now = ctx.now;
    let trigger = ctx.ws.triggers.get_mut(id).ok_or_else(|| Refusal::new("invalid_trigger_id"))?;
    if trigger.used {
        return Err(Refusal::new("exchanged_trigger_id"));
    }
    if now.duration_since(trigger.issued).unsigned_abs() > TRIGGER_LIFETIME {
        return Err(Refusal::new("expired_trigger_id"));
    }
    trigger.used = true;
    Ok((trigger.user.clone(), trigger.view.clone()))
}

fn checked(args: &Value, kind: &str) -> Result<Value, Refusal> {
    let view = &args["view"];
    if !view.is_object() {
        return Err(Refusal::with("invalid_arguments", vec!["[ERROR] view must be an object".to_owned()]));
    }
    blocks::check_view(view).map_err(|e| Refusal::with("invalid_arguments", e))?;
    if view["type"] != kind {
        return Err(Refusal::with("invalid_arguments", vec![format!("[ERROR] view must be a {kind}")]));
    }
    if view.to_string().len() > 250_000 {
        return Err(Refusal::new("view_too_large"));
    }
    Ok(view.clone())
}

/// The view as Slack keeps it.
fn complete(ctx: &mut Ctx<'_>, mut view: Value, id: &str, previous: Option<&str>) -> Value {
    blocks::fill_ids(&mut view["blocks"], &mut || ctx.ws.next_id("b"));
    let hash = ctx.ws.next_id(&format!("{}.", ctx.now.as_second()));
    let defaults = [
        ("id", json!(id)),
        ("team_id", json!(TEAM)),
        ("app_id", json!(APP)),
        ("bot_id", json!(BOT)),
        ("app_installed_team_id", json!(TEAM)),
        ("hash", json!(hash)),
        ("previous_view_id", json!(previous)),
        ("root_view_id", json!(previous.unwrap_or(id))),
        ("state", json!({"values": {}})),
    ];
    for (key, value) in defaults {
        view[key] = value;
    }
    let quiet = ["private_metadata", "callback_id", "external_id"].map(|key| (key, json!("")));
    let off = ["clear_on_close", "notify_on_close"].map(|key| (key, json!(false)));
    for (key, value) in quiet.into_iter().chain(off) {
        if view[key].is_null() {
            view[key] = value;
        }
    }
    view
}

/// Opens a view for a person, on top of another where there is one.
pub fn show(ctx: &mut Ctx<'_>, view: Value, user: &str, below: Option<&str>) -> Value {
    let id = ctx.ws.next_id("V");
    let body = complete(ctx, view, &id, below);
    let view = View {
        id: id.clone(),
        user: user.to_owned(),
        body: body.clone(),
        previous: below.map(str::to_owned),
        errors: Value::Null,
    };
    ctx.ws.views.insert(id, view);
    body
}

/// Replaces the content of a view.
pub fn replace(ctx: &mut Ctx<'_>, id: &str, new: Value) -> Result<Value, Refusal> {
    let previous = ctx.ws.views.get(id).ok_or_else(|| Refusal::new("not_found"))?.previous.clone();
    let body = complete(ctx, new, id, previous.as_deref());
    if let Some(view) = ctx.ws.views.get_mut(id) {
        (view.body, view.errors) = (body.clone(), Value::Null);
    }
    Ok(body)
}

pub fn open(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let view = checked(args, "modal")?;
    let (user, _) = trigger(ctx, args)?;
    Ok(json!({"view": show(ctx, view, &user, None)}))
}

pub fn push(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let view = checked(args, "modal")?;
    let (user, below) = trigger(ctx, args)?;
    let below = below.ok_or_else(|| Refusal::new("invalid_trigger_id"))?;
    let mut depth = 1;
    let mut at = ctx.ws.views.get(&below);
    while let Some(view) = at {
        depth += 1;
        at = view.previous.as_ref().and_then(|id| ctx.ws.views.get(id));
    }
    if depth > MAX_STACK {
        return Err(Refusal::new("push_limit_reached"));
    }
    Ok(json!({"view": show(ctx, view, &user, Some(&below))}))
}

pub fn update(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let new = checked(args, "modal")?;
    let id = match (text(args, "view_id"), text(args, "external_id")) {
        ("", "") => return Err(Refusal::missing("view_id")),
        ("", external) => {
            ctx.ws.views.values().find(|v| v.body["external_id"] == external).map(|v| v.id.clone())
        }
        (id, _) => Some(id.to_owned()),
    };
    let old = id.and_then(|id| ctx.ws.views.get(&id)).ok_or_else(|| Refusal::new("not_found"))?;
    if !args["hash"].is_null() && text(args, "hash") != old.hash() {
        return Err(Refusal::new("hash_conflict"));
    }
    let id = old.id.clone();
    Ok(json!({"view": replace(ctx, &id, new)?}))
}

pub fn publish(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let view = checked(args, "home")?;
    let user = needed(args, "user_id")?.to_owned();
    if !ctx.ws.people.contains_key(&user) {
        return Err(Refusal::new("user_not_found"));
    }
    let old = ctx.ws.homes.get(&user);
    if !args["hash"].is_null() && Some(text(args, "hash")) != old.map(View::hash) {
        return Err(Refusal::new("hash_conflict"));
    }
    let id = old.map(|v| v.id.clone()).unwrap_or_else(|| ctx.ws.next_id("V"));
    let body = complete(ctx, view, &id, None);
    let home = View { id, user: user.clone(), body: body.clone(), previous: None, errors: Value::Null };
    ctx.ws.homes.insert(user, home);
    Ok(json!({"view": body}))
}
