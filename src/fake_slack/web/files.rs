//! The three steps of an upload: ask for an address, send the bytes, share.
use super::chat::{Content, destination, draft, put, thread_of};
use super::{Answer, Ctx, Refusal, Shared, needed, number, record, text};
use crate::fake_slack::trouble::Fault;
use crate::fake_slack::workspace::File;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

pub fn get_url(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let name = needed(args, "filename")?.to_owned();
    let announced = number(args, "length").filter(|n| *n > 0).ok_or_else(|| Refusal::missing("length"))?;
    let id = ctx.ws.next_id("F");
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    let file = File { id: id.clone(), title: name.clone(), name, announced, bytes: None, shared: Vec::new() };
    ctx.ws.files.insert(id.clone(), file);
    Ok(json!({"upload_url": format!("{}/upload/{id}", ctx.url), "file_id": id}))
}

/// Takes the bytes; what was announced must come.
pub async fn upload(State(shared): State<Arc<Shared>>, Path(id): Path<String>, bytes: Bytes) -> Response {
    let status = shared.change(|ws, now| {
        let status = match ws.trouble.meets("upload") {
            Some(Fault::Status(status)) => status,
            Some(Fault::Limited(_)) => 429,
            Some(_) => 500,
            None => match ws.files.get_mut(&id) {
                None => 404,
                Some(file) if file.announced != bytes.len() => 400,
                Some(file) => {
                    file.bytes = Some(bytes.to_vec());
                    200
                }
            },
        };
        let sent = String::from_utf8_lossy(&bytes).into_owned();
        let args = json!({"file": id, "length": bytes.len()});
        record(ws, now, "upload", (args, sent), status, Value::Null);
        status
    });
    let said = if status == 200 { format!("OK - {}", bytes.len()) } else { "upload refused".to_owned() };
    (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), said).into_response()
}

pub fn complete(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let named = args["files"].as_array().cloned().unwrap_or_default();
    if named.is_empty() {
        return Err(Refusal::missing("files"));
    }
    let mut ids = Vec::new();
    for one in &named {
        let file = ctx.ws.files.get_mut(text(one, "id")).ok_or_else(|| Refusal::new("file_not_found"))?;
        if file.bytes.is_none() {
            return Err(Refusal::new("file_not_found"));
        }
        if let Some(title) = one["title"].as_str() {
            title.clone_into(&mut file.title);
        }
        ids.push(file.id.clone());
    }
    if !text(args, "channel_id").is_empty() {
        let place = json!({"channel": args["channel_id"], "thread_ts": args["thread_ts"]});
        let channel = destination(ctx, &place)?;
        let thread = thread_of(ctx, &channel.id, &place)?;
        let said = text(args, "initial_comment").to_owned();
        let content = Content { text: said, markdown: false, blocks: Vec::new(), metadata: Value::Null };
        let mut message = draft(ctx, &channel.id, thread, content);
        message.files.clone_from(&ids);
        for id in &ids {
            if let Some(file) = ctx.ws.files.get_mut(id) {
                file.shared.push((channel.id.clone(), message.ts.clone()));
            }
        }
        put(ctx, message);
    }
    let files: Vec<Value> = ids.iter().filter_map(|id| ctx.ws.file_wire(id)).collect();
    Ok(json!({"files": files}))
}
