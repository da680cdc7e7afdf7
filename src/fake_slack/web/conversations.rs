//! Who and where: `auth.test`, `users.info`, `conversations.*`, and the ticket of a socket.
use super::{Answer, Ctx, Refusal, needed, number, text};
use crate::fake_slack::options::{APP, BOT, BOT_USER, Channel, ChannelKind, TEAM};
use serde_json::{Value, json};

pub fn auth_test(ctx: &mut Ctx<'_>, _: &Value) -> Answer {
    Ok(json!({
        "url": format!("{}/", ctx.url), "team": "Fernhill", "user": "adjutant", "team_id": TEAM,
        "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false,
    }))
}

pub fn connections_open(ctx: &mut Ctx<'_>, _: &Value) -> Answer {
    let ticket = ctx.ws.next_id("ticket");
    ctx.ws.tickets.insert(ticket.clone());
    let address = ctx.url.replacen("http://", "ws://", 1);
    Ok(json!({"url": format!("{address}/link?ticket={ticket}&app_id={APP}")}))
}

pub fn bots_info(_: &mut Ctx<'_>, args: &Value) -> Answer {
    match needed(args, "bot")? {
        BOT => Ok(json!({"bot": {
            "id": BOT, "app_id": APP, "user_id": BOT_USER, "name": "adjutant", "deleted": false}})),
        _ => Err(Refusal::new("bot_not_found")),
    }
}

pub fn users_info(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let person = ctx.ws.people.get(needed(args, "user")?).ok_or_else(|| Refusal::new("user_not_found"))?;
    let stranger = person.team != TEAM;
    let mut profile = json!({
        "real_name": person.name, "display_name": person.handle(), "team": person.team,
        "title": person.title,
    });
    if ctx.ws.scopes.iter().any(|s| s == "users:read.email")
        && let Some(email) = person.email.as_ref().filter(|e| !e.is_empty())
    {
        profile["email"] = json!(email);
    }
    Ok(json!({"user": {
        "id": person.id, "team_id": person.team, "name": person.handle(), "real_name": person.name,
        "deleted": person.deleted, "is_bot": person.bot, "is_app_user": false,
        "is_email_confirmed": person.email_confirmed, "is_restricted": person.guest,
        "is_ultra_restricted": false, "is_stranger": stranger, "tz": "Europe/Zurich", "profile": profile,
    }}))
}

/// Which scope reading a channel of this kind takes.
fn scope(kind: ChannelKind, what: &str) -> String {
    let family = match kind {
        ChannelKind::Public => "channels",
        ChannelKind::Private => "groups",
        ChannelKind::Dm => "im",
    };
    format!("{family}:{what}")
}

/// A channel that the app may see with this scope family; private ones only as a member.
fn visible(ctx: &Ctx<'_>, args: &Value, what: &str) -> Result<Channel, Refusal> {
    let id = needed(args, "channel")?;
    let channel = ctx.ws.channels.get(id).ok_or_else(|| Refusal::new("channel_not_found"))?;
    if channel.kind != ChannelKind::Public && !channel.members.contains(BOT_USER) {
        return Err(Refusal::new("channel_not_found"));
    }
    let needed = scope(channel.kind, what);
    if !ctx.ws.scopes.contains(&needed) {
        return Err(Refusal::scope(&needed));
    }
    Ok(channel.clone())
}

fn wire(channel: &Channel) -> Value {
    let dm = channel.kind == ChannelKind::Dm;
    let mut body = json!({
        "id": channel.id, "is_channel": channel.kind == ChannelKind::Public, "is_im": dm, "is_mpim": false,
        "is_group": channel.kind == ChannelKind::Private, "is_private": channel.kind != ChannelKind::Public,
        "is_archived": channel.archived, "is_ext_shared": channel.shared, "is_shared": channel.shared,
        "is_org_shared": false, "is_pending_ext_shared": false, "context_team_id": TEAM,
        "is_member": channel.members.contains(BOT_USER),
    });
    if dm {
        body["user"] = json!(channel.members.iter().find(|m| *m != BOT_USER));
    } else {
        body["name"] = json!(channel.name);
    }
    body
}

pub fn info(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = visible(ctx, args, "read")?;
    let mut body = wire(&channel);
    if text(args, "include_num_members") == "true" {
        body["num_members"] = json!(channel.members.len());
    }
    Ok(json!({"channel": body}))
}

pub fn open(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let listed = args["users"].as_array().map(|l| l.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let users = listed.unwrap_or_else(|| text(args, "users").split(',').filter(|u| !u.is_empty()).collect());
    let [user] = users.as_slice() else { return Err(Refusal::new("users_list_not_supplied")) };
    let person = ctx.ws.people.get(*user).ok_or_else(|| Refusal::new("user_not_found"))?;
    if person.bot {
        return Err(Refusal::new("cannot_dm_bot"));
    }
    let id = ctx.ws.dm(user);
    Ok(json!({"channel": {"id": id}}))
}

/// One page of a list, by `limit` and `cursor` (the offset, as Slack's cursors are opaque).
fn page<T: Clone>(args: &Value, all: &[T]) -> (Vec<T>, String) {
    let limit = number(args, "limit").unwrap_or(100).clamp(1, 1000) as usize;
    let from = text(args, "cursor").strip_prefix("next:").and_then(|n| n.parse().ok()).unwrap_or(0_usize);
    let items: Vec<T> = all.iter().skip(from).take(limit).cloned().collect();
    let end = from + items.len();
    (items, if end < all.len() { format!("next:{end}") } else { String::new() })
}

pub fn members(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let all: Vec<String> = visible(ctx, args, "read")?.members.into_iter().collect();
    let (members, next) = page(args, &all);
    Ok(json!({"members": members, "response_metadata": {"next_cursor": next}}))
}

pub fn list(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let types = match text(args, "types") {
        "" => "public_channel",
        types => types,
    };
    let mut wanted = Vec::new();
    for kind in types.split(',').map(str::trim) {
        let kind = match kind {
            "public_channel" => ChannelKind::Public,
            "private_channel" => ChannelKind::Private,
            "im" => ChannelKind::Dm,
            "mpim" => continue,
            _ => return Err(Refusal::new("invalid_types")),
        };
        let needed = scope(kind, "read");
        if !ctx.ws.scopes.contains(&needed) {
            return Err(Refusal::scope(&needed));
        }
        wanted.push(kind);
    }
    let all: Vec<Value> = ctx
        .ws
        .channels
        .values()
        .filter(|c| wanted.contains(&c.kind))
        .filter(|c| c.kind == ChannelKind::Public || c.members.contains(BOT_USER))
        .filter(|c| !c.archived || text(args, "exclude_archived") != "true")
        .map(wire)
        .collect();
    let (channels, next) = page(args, &all);
    Ok(json!({"channels": channels, "response_metadata": {"next_cursor": next}}))
}

/// A channel whose messages the app may read: it must be a member.
fn readable(ctx: &Ctx<'_>, args: &Value) -> Result<Channel, Refusal> {
    let channel = visible(ctx, args, "history")?;
    if channel.members.contains(BOT_USER) { Ok(channel) } else { Err(Refusal::new("not_in_channel")) }
}

fn between(args: &Value, ts: &str) -> bool {
    let inclusive = matches!(text(args, "inclusive"), "true" | "1");
    let (oldest, latest) = (text(args, "oldest"), text(args, "latest"));
    let after = oldest.is_empty() || ts > oldest || (inclusive && ts == oldest);
    let before = latest.is_empty() || ts < latest || (inclusive && ts == latest);
    after && before
}

/// Top-level messages, newest first.
pub fn history(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = readable(ctx, args)?;
    let mut all: Vec<Value> = ctx
        .ws
        .in_channel(&channel.id)
        .into_iter()
        .filter(|m| m.thread_ts.is_none() && m.ephemeral_to.is_none() && between(args, &m.ts))
        .map(|m| ctx.ws.wire(m))
        .collect();
    all.reverse();
    let (messages, next) = page(args, &all);
    Ok(json!({
        "messages": messages, "has_more": !next.is_empty(), "response_metadata": {"next_cursor": next},
    }))
}

/// A thread, its parent first.
pub fn replies(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = readable(ctx, args)?;
    let asked = needed(args, "ts")?;
    let found = ctx.ws.message(&channel.id, asked).ok_or_else(|| Refusal::new("thread_not_found"))?;
    let parent = found.thread_ts.clone().unwrap_or_else(|| asked.to_owned());
    let all: Vec<Value> = ctx
        .ws
        .in_channel(&channel.id)
        .into_iter()
        .filter(|m| m.ephemeral_to.is_none())
        .filter(|m| m.ts == parent || (m.thread_ts.as_deref() == Some(&parent) && between(args, &m.ts)))
        .map(|m| ctx.ws.wire(m))
        .collect();
    let (messages, next) = page(args, &all);
    Ok(json!({
        "messages": messages, "has_more": !next.is_empty(), "response_metadata": {"next_cursor": next},
    }))
}
