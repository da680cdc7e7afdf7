//! `chat.startStream`, `appendStream`, `stopStream`.
use super::chat::{Content, destination, draft, own, put, thread_of};
use super::{Answer, Ctx, Refusal, needed, text};
use crate::fake_slack::blocks::{self, Place};
use crate::fake_slack::options::ChannelKind;
use crate::fake_slack::payload;
use crate::fake_slack::workspace::{Stream, StreamState};
use serde_json::{Value, json};
use std::time::Duration;

/// A stream ends by itself so long after its start.
const LIFETIME: Duration = Duration::from_secs(300);
const MAX_MARKDOWN: usize = 12_000;

/// A piece of a stream: words, and task or plan updates.
struct Piece {
    words: String,
    chunks: Vec<Value>,
    blocks: Vec<Value>,
}

fn piece(args: &Value) -> Result<Piece, Refusal> {
    let mut words = text(args, "markdown_text").to_owned();
    let (mut chunks, mut blocks) = (Vec::new(), Vec::new());
    for chunk in args["chunks"].as_array().into_iter().flatten() {
        match chunk["type"].as_str() {
            Some("markdown_text") if chunk["text"].is_string() => words.push_str(text(chunk, "text")),
            Some("task_update")
                if chunk["id"].is_string()
                    && chunk["title"].as_str().is_some_and(|t| t.chars().count() <= 256) =>
            {
                chunks.push(chunk.clone());
            }
            Some("plan_update") if chunk["title"].is_string() => chunks.push(chunk.clone()),
            Some("blocks") if chunk["blocks"].is_array() => {
                blocks::check(&chunk["blocks"], Place::Message)
                    .map_err(|e| Refusal::with("invalid_blocks", e))?;
                blocks.extend(chunk["blocks"].as_array().cloned().unwrap_or_default());
            }
            _ => {
                let said = format!("[ERROR] not a chunk: {chunk}");
                return Err(Refusal::with("invalid_chunks", vec![said]));
            }
        }
    }
    if words.chars().count() > MAX_MARKDOWN {
        return Err(Refusal::new("msg_too_long"));
    }
    Ok(Piece { words, chunks, blocks })
}

pub fn start(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = destination(ctx, args)?;
    let thread = thread_of(ctx, &channel.id, args)?;
    if channel.kind == ChannelKind::Dm {
        if thread.is_none() {
            return Err(Refusal::missing("thread_ts"));
        }
    } else {
        for field in ["recipient_user_id", "recipient_team_id"] {
            if text(args, field).is_empty() {
                return Err(Refusal::new(&format!("missing_{field}")));
            }
        }
        let person = ctx.ws.people.get(text(args, "recipient_user_id"));
        if person.is_none_or(|p| p.team != text(args, "recipient_team_id")) {
            return Err(Refusal::new("user_not_found"));
        }
    }
    let piece = piece(args)?;
    let content =
        Content { text: piece.words.clone(), markdown: true, blocks: piece.blocks, metadata: Value::Null };
    let mut message = draft(ctx, &channel.id, thread, content);
    message.stream = Some(Stream {
        started: ctx.now,
        state: StreamState::Open,
        pieces: Some(piece.words).filter(|w| !w.is_empty()).into_iter().collect(),
        chunks: piece.chunks,
    });
    let ts = message.ts.clone();
    put(ctx, message);
    Ok(json!({"channel": channel.id, "ts": ts}))
}

/// Checks that the stream of this message still takes pieces, and adds one.
fn add(ctx: &mut Ctx<'_>, channel: &str, ts: &str, piece: Piece) -> Result<(), Refusal> {
    let now = ctx.now;
    let message = own(ctx, channel, ts, "message_not_owned_by_app")?;
    let Some(stream) = &mut message.stream else {
        return Err(Refusal::new("message_not_in_streaming_state"));
    };
    match stream.state {
        StreamState::Stopped => return Err(Refusal::new("message_not_in_streaming_state")),
        StreamState::StoppedByUser => return Err(Refusal::new("stopped_by_user")),
        StreamState::Open => {}
    }
    if now.duration_since(stream.started).unsigned_abs() > LIFETIME {
        stream.state = StreamState::Stopped;
        return Err(Refusal::new("message_not_in_streaming_state"));
    }
    message.text.push_str(&piece.words);
    if !piece.words.is_empty() {
        stream.pieces.push(piece.words);
    }
    stream.chunks.extend(piece.chunks);
    message.blocks.extend(piece.blocks);
    Ok(())
}

pub fn append(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = destination(ctx, args)?;
    let ts = needed(args, "ts")?;
    let piece = piece(args)?;
    if piece.words.is_empty() && piece.chunks.is_empty() && piece.blocks.is_empty() {
        return Err(Refusal::missing("markdown_text"));
    }
    add(ctx, &channel.id, ts, piece)?;
    Ok(json!({"channel": channel.id, "ts": ts}))
}

pub fn stop(ctx: &mut Ctx<'_>, args: &Value) -> Answer {
    let channel = destination(ctx, args)?;
    let ts = needed(args, "ts")?;
    let piece = piece(args)?;
    let mut blocks = args["blocks"].clone();
    if !blocks.is_null() {
        blocks::check(&blocks, Place::Message).map_err(|e| Refusal::with("invalid_blocks", e))?;
        blocks::fill_ids(&mut blocks, &mut || ctx.ws.next_id("b"));
    }
    add(ctx, &channel.id, ts, piece)?;
    let message = own(ctx, &channel.id, ts, "message_not_owned_by_app")?;
    message.blocks.extend(blocks.as_array().cloned().unwrap_or_default());
    if let Some(stream) = &mut message.stream {
        stream.state = StreamState::Stopped;
    }
    if !args["metadata"].is_null() {
        message.metadata = args["metadata"].clone();
    }
    let message = message.clone();
    ctx.news.push(payload::changed_event(ctx.ws, &message));
    Ok(json!({"channel": channel.id, "ts": ts, "message": ctx.ws.wire(&message)}))
}
