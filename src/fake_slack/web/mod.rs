//! The Web API: one route for all methods, the upload URLs, the response URLs.
mod assistant;
mod body;
pub mod chat;
mod conversations;
mod files;
mod methods;
mod response_url;
mod stream;
#[cfg(test)]
mod tests;
pub mod views;

use super::Shared;
use super::options::BOT;
use super::pace::Class;
use super::trouble::Fault;
use super::workspace::{Call, Workspace};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, post};
use jiff::Timestamp;
use methods::{Method, Needs};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a method works on.
pub struct Ctx<'a> {
    pub ws: &'a mut Workspace,
    pub now: Timestamp,
    /// The address of this fake, for the URLs it hands out.
    pub url: &'a str,
    /// Inner events to deliver once the call is answered.
    pub news: Vec<Value>,
}

/// Why a call is refused: Slack's code, and what `response_metadata.messages` says.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    pub messages: Vec<String>,
    /// The scope that was missing.
    pub needed: Option<String>,
}

impl Refusal {
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), messages: Vec::new(), needed: None }
    }

    pub fn with(code: &str, messages: Vec<String>) -> Self {
        Self { messages, ..Self::new(code) }
    }

    fn missing(field: &str) -> Self {
        Self::with("invalid_arguments", vec![format!("[ERROR] missing required field: {field}")])
    }

    fn scope(needed: &str) -> Self {
        Self { needed: Some(needed.to_owned()), ..Self::new("missing_scope") }
    }
}

type Answer = Result<Value, Refusal>;

/// A text argument; empty when it is not there.
fn text<'a>(args: &'a Value, key: &str) -> &'a str {
    args[key].as_str().unwrap_or_default()
}

fn needed<'a>(args: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    args[key].as_str().filter(|t| !t.is_empty()).ok_or_else(|| Refusal::missing(key))
}

/// A number, also when a form brought it as text.
fn number(args: &Value, key: &str) -> Option<u64> {
    args[key].as_u64().or_else(|| args[key].as_str()?.parse().ok())
}

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/{method}", any(api))
        .route("/upload/{id}", post(files::upload))
        .route("/response/{id}", post(response_url::respond))
        .layer(DefaultBodyLimit::max(32 * 1024 * 1024))
        .with_state(shared)
}

/// How a call ends, before it is written on the wire.
enum End {
    Reply(Value),
    Limited(u64),
    Status(u16),
    Malformed,
    Page,
    Hang,
}

async fn api(State(shared): State<Arc<Shared>>, Path(name): Path<String>, request: Request) -> Response {
    let call = match body::read(request).await {
        Ok(call) => call,
        Err(refusal) => return on_wire(&shared, None, &name, End::Reply(refused(&refusal, &[]))),
    };
    let method = methods::find(&name);
    let (end, news) = shared.change(|ws, now| {
        let fault = ws.trouble.meets(&name);
        let mut ctx = Ctx { ws, now, url: &shared.url, news: Vec::new() };
        let end = match fault {
            Some(Fault::Limited(after)) => End::Limited(after),
            Some(Fault::Status(status)) => End::Status(status),
            Some(Fault::Malformed) => End::Malformed,
            Some(Fault::Page) => End::Page,
            Some(Fault::Hang) => End::Hang,
            Some(Fault::Refuse(code)) => End::Reply(refused(&Refusal::new(code), &[])),
            Some(Fault::HangAfter) => {
                carry_out(&mut ctx, &shared, method, &call);
                End::Hang
            }
            None => carry_out(&mut ctx, &shared, method, &call),
        };
        let news = std::mem::take(&mut ctx.news);
        let (status, reply) = match &end {
            End::Reply(reply) => (200, reply.clone()),
            End::Limited(after) => (429, json!({"ok": false, "error": "ratelimited", "after": after})),
            End::Status(status) => (*status, Value::Null),
            End::Malformed | End::Page | End::Hang => (0, Value::Null),
        };
        record(ws, now, &name, (call.args.clone(), call.sent.clone()), status, reply);
        (end, news)
    });
    for event in news {
        shared.echo(event);
    }
    if matches!(end, End::Hang) {
        shared.stop.cancelled().await;
    }
    on_wire(&shared, method, &name, end)
}

/// Adds a line to the ledger: the arguments as they were read and as they came.
fn record(
    ws: &mut Workspace,
    now: Timestamp,
    method: &str,
    (args, sent): (Value, String),
    status: u16,
    reply: Value,
) {
    let n = ws.ledger.len() + 1;
    ws.ledger.push(Call { n, at: now, method: method.to_owned(), args, sent, status, reply });
}

fn carry_out(ctx: &mut Ctx<'_>, shared: &Shared, method: Option<&'static Method>, call: &body::Given) -> End {
    let Some(method) = method else { return End::Reply(refused(&Refusal::new("unknown_method"), &[])) };
    if let Err(refusal) = admitted(ctx, shared, method, call) {
        return End::Reply(refused(&refusal, &ctx.ws.scopes));
    }
    if ctx.ws.paced
        && let Some(class) = method.pace
        && let Err(after) = paced(ctx, class, &call.args)
    {
        return End::Limited(after);
    }
    match (method.run)(ctx, &call.args) {
        Ok(mut reply) => {
            reply["ok"] = json!(true);
            End::Reply(reply)
        }
        Err(refusal) => End::Reply(refused(&refusal, &ctx.ws.scopes)),
    }
}

fn paced(ctx: &mut Ctx<'_>, class: Class, args: &Value) -> Result<(), u64> {
    let channel = args["channel"].as_str().or(args["channel_id"].as_str());
    channel.map_or(Ok(()), |channel| ctx.ws.pace.take(class, channel, ctx.now))
}

/// Token, scopes, body format, required arguments, in Slack's order.
fn admitted(ctx: &Ctx<'_>, shared: &Shared, method: &Method, call: &body::Given) -> Result<(), Refusal> {
    let token = call.token.as_deref().ok_or_else(|| Refusal::new("not_authed"))?;
    let (bot, app) = (token == shared.options.bot_token, token == shared.options.app_token);
    if !bot && !app {
        return Err(Refusal::new("invalid_auth"));
    }
    if bot && ctx.ws.revoked {
        return Err(Refusal::new("token_revoked"));
    }
    if app != matches!(method.needs, Needs::AppToken) {
        return Err(Refusal::new("not_allowed_token_type"));
    }
    if let Needs::Any(scopes) = method.needs
        && !scopes.iter().any(|&s| ctx.ws.scopes.iter().any(|have| have == s))
    {
        return Err(Refusal::scope(scopes.first().unwrap_or(&"")));
    }
    if call.json && !method.json {
        return Err(Refusal::with(
            "invalid_arguments",
            vec![format!("[ERROR] {} takes form fields or a query, no JSON body", method.name)],
        ));
    }
    for field in method.required {
        if call.args[*field].is_null() || call.args[*field] == "" {
            return Err(Refusal::missing(field));
        }
    }
    Ok(())
}

fn refused(refusal: &Refusal, have: &[String]) -> Value {
    let mut reply = json!({"ok": false, "error": refusal.code});
    if let Some(needed) = &refusal.needed {
        reply["needed"] = json!(needed);
        reply["provided"] = json!(have.join(","));
    }
    if !refusal.messages.is_empty() {
        reply["response_metadata"] = json!({"messages": refusal.messages});
        reply["errors"] = json!(refusal.messages);
    }
    reply
}

fn on_wire(shared: &Shared, method: Option<&Method>, name: &str, end: End) -> Response {
    let accepted = method.map_or(String::new(), |m| match m.needs {
        Needs::Any(scopes) => scopes.join(","),
        Needs::Nothing | Needs::AppToken => String::new(),
    });
    let scopes = shared.read_scopes();
    let headers = [
        (HeaderName::from_static("x-oauth-scopes"), scopes),
        (HeaderName::from_static("x-accepted-oauth-scopes"), accepted),
        (HeaderName::from_static("x-slack-req-id"), format!("{BOT}-{name}")),
    ];
    let json_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    match end {
        End::Reply(reply) => (headers, json_type, reply.to_string()).into_response(),
        End::Limited(after) => {
            let body = json!({"ok": false, "error": "ratelimited"}).to_string();
            let after = [(header::RETRY_AFTER, after.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, json_type, after, body).into_response()
        }
        End::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, "<html><body>Server Error</body></html>").into_response()
        }
        End::Page => Html("<html><body>Please sign in to this network.</body></html>").into_response(),
        End::Malformed | End::Hang => {
            (headers, json_type, "{\"ok\":true,\"ts\":\"17".to_owned()).into_response()
        }
    }
}
