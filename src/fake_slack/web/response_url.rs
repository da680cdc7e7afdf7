//! Response URLs: five uses within thirty minutes, JSON, no `markdown_text`.
use super::chat::{self, Content};
use super::{Ctx, Refusal, Shared, record, text};
use crate::fake_slack::trouble::Fault;
use crate::fake_slack::workspace::ResponseUrl;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const LIFETIME: Duration = Duration::from_secs(30 * 60);
const MAX_USES: u32 = 5;

pub async fn respond(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let json_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("application/json"));
    let (status, said, news) = shared.change(|ws, now| {
        let args = serde_json::from_slice::<Value>(&bytes).unwrap_or(Value::Null);
        let fault = ws.trouble.meets("response_url");
        let mut ctx = Ctx { ws, now, url: &shared.url, news: Vec::new() };
        let (status, said) = match fault {
            Some(Fault::Status(status)) => (status, "fault".to_owned()),
            Some(Fault::Limited(_)) => (429, "ratelimited".to_owned()),
            Some(Fault::Refuse(code)) => (400, code.to_owned()),
            Some(_) => (500, "fault".to_owned()),
            None if !json_type || !args.is_object() => (400, "invalid_payload".to_owned()),
            None => use_up(&mut ctx, &id, &args),
        };
        let news = std::mem::take(&mut ctx.news);
        let place = ws.response_urls.get(&id).map(|url| (url.user.as_str(), url.channel.as_str()));
        let (user, channel) = place.unwrap_or_default();
        let args = json!({"url": id, "of": user, "in": channel, "body": args});
        let sent = String::from_utf8_lossy(&bytes).into_owned();
        record(ws, now, "response_url", (args, sent), status, json!({"ok": status == 200, "said": said}));
        (status, said, news)
    });
    for event in news {
        shared.echo(event);
    }
    (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), said).into_response()
}

fn use_up(ctx: &mut Ctx<'_>, id: &str, args: &Value) -> (u16, String) {
    let now = ctx.now;
    let Some(url) = ctx.ws.response_urls.get_mut(id) else { return (404, "no_service".to_owned()) };
    if url.uses >= MAX_USES {
        return (404, "used_url".to_owned());
    }
    if now.duration_since(url.issued).unsigned_abs() > LIFETIME {
        return (404, "expired_url".to_owned());
    }
    url.uses += 1;
    let url = url.clone();
    match apply(ctx, &url, args) {
        Ok(()) => (200, "ok".to_owned()),
        Err(refusal) => (400, format!("{} {}", refusal.code, refusal.messages.join("; ")).trim().to_owned()),
    }
}

fn apply(ctx: &mut Ctx<'_>, url: &ResponseUrl, args: &Value) -> Result<(), Refusal> {
    let clicked = url.message.as_ref();
    if args["delete_original"] == true {
        if let Some(message) = clicked.and_then(|ts| ctx.ws.message_mut(&url.channel, ts)) {
            message.deleted = true;
        }
        return Ok(());
    }
    if !args["markdown_text"].is_null() {
        return Err(Refusal::new("no_text"));
    }
    let content = chat::content(ctx, args, 40_000)?;
    if args["replace_original"] == true
        && let Some(message) = clicked.and_then(|ts| ctx.ws.message_mut(&url.channel, ts))
    {
        let Content { text, blocks, metadata, markdown } = content;
        (message.text, message.blocks, message.markdown, message.edited) = (text, blocks, markdown, true);
        if !metadata.is_null() {
            message.metadata = metadata;
        }
        return Ok(());
    }
    // A click in a thread is answered in that thread only when the app says so.
    let thread = args["thread_ts"].as_str().map(str::to_owned);
    let mut message = chat::draft(ctx, &url.channel, thread, content);
    if text(args, "response_type") != "in_channel" {
        message.ephemeral_to = Some(url.user.clone());
    }
    chat::put(ctx, message);
    Ok(())
}
