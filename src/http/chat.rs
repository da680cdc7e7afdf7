//! `/api/chat` and `/api/turns`: ask, read the answer as it comes or whole, resume, cancel, rate.
use super::address::Path;
use super::auth::Caller;
use super::body::Body;
use super::limits::Listening;
use super::once;
use super::problem::Problem;
use super::sse;
use super::state::Server;
use crate::access::Actor;
use crate::chat::{self, Ask, FinishedTurn, TurnEvent};
use crate::db::turns::Rating;
use crate::ids::{ConversationId, TurnId};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A question.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Plain words, or a command such as `/find_waste 30`.
    pub message: String,
    /// Goes on with a conversation; a new one begins when not said.
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
    /// What the asker looks at, as filters where they fit: page, campaign, segment, message, date_range (`{start, end}`) and
    /// chart (`{query, params}`). Anything else is refused.
    #[serde(default)]
    pub context: Map<String, Value>,
}

/// A whole turn.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Finished {
    pub turn_id: TurnId,
    pub conversation_id: ConversationId,
    /// completed, failed or cancelled.
    pub state: &'static str,
    pub answer: Option<String>,
    pub events: Vec<TurnEvent>,
}

impl From<FinishedTurn> for Finished {
    fn from(turn: FinishedTurn) -> Self {
        use chat::TurnEventKind as Kind;
        let (state, answer) = match turn.end() {
            Some(Kind::Completed { answer, .. }) => ("completed", Some(answer.clone())),
            Some(Kind::Cancelled { .. }) => ("cancelled", None),
            _ => ("failed", None),
        };
        Self {
            turn_id: turn.turn_id,
            conversation_id: turn.conversation_id,
            state,
            answer,
            events: turn.events,
        }
    }
}

/// What the reader thought of an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// up or down.
    #[schema(value_type = String)]
    pub rating: Rating,
    #[serde(default)]
    pub note: Option<String>,
}

impl From<chat::Error> for Problem {
    fn from(error: chat::Error) -> Self {
        let (code, words) = (error.code(), error.to_string());
        match error {
            chat::Error::Missing(missing) => missing.into(),
            chat::Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, code, words),
            chat::Error::Invalid { .. } => Self::bad_request(code, words),
            chat::Error::IdempotencyConflict => Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, words),
            chat::Error::Busy { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, words).with_retry_after(2)
            }
            chat::Error::Prompts(_) | chat::Error::Drafts(_) => Self::internal(&words),
            chat::Error::Db(error) => Self::database(&error),
        }
    }
}

/// Ask
///
/// Streams the turn's events (`id:` = sequence number, `event:` = kind), or answers with the finished turn as JSON when
/// `Accept: application/json` is sent. The same `Idempotency-Key` gives the same turn. Closing the stream does not stop it.
#[utoipa::path(post, path = "/api/chat", tag = "chat", request_body = Question,
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key reads the same turn")),
    responses(
        (status = 200, description = "The events of the turn as they come", content((TurnEvent = "text/event-stream"), (Finished = "application/json"))),
        (status = 400, description = "The message is empty or too long", body = Problem),
        (status = 401, description = "No valid key or session", body = Problem),
        (status = 403, description = "The caller may not ask", body = Problem),
        (status = 404, description = "No such conversation of the caller's", body = Problem),
        (status = 413, description = "The body is larger than the server takes", body = Problem),
        (status = 422, description = "A field is missing or unknown, or the key was used for another question", body = Problem),
        (status = 429, description = "Too many at once", body = Problem),
        (status = 503, description = "The database does not answer; try again", body = Problem)))]
pub async fn ask(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Body(question): Body<Question>,
) -> Result<Response, Problem> {
    let ask = Ask {
        message: question.message,
        conversation_id: question.conversation_id,
        context: question.context,
        idempotency_key: once::key(&headers)?.map(str::to_owned),
    };
    let listening = server.limits.listen(actor.member.0)?;
    let handle = server.chat.ask(&actor, ask).await?;
    let mut response = if wants_json(&headers) {
        Json(Finished::from(server.chat.finished(&actor, handle.turn_id).await?)).into_response()
    } else {
        sse::response(while_listening(server.chat.answer(&actor, &handle).await?, listening))
    };
    for (name, id) in [("x-turn-id", handle.turn_id.0), ("x-conversation-id", handle.conversation_id.0)] {
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Read a turn
///
/// From the start, or after `Last-Event-ID`; goes on until the turn ends.
#[utoipa::path(get, path = "/api/turns/{id}/events", tag = "chat",
    params(("id" = TurnId, Path, description = "The turn"),
           ("Last-Event-ID" = Option<i32>, Header, description = "The last event that was seen")),
    responses(
        (status = 200, description = "The events", content((TurnEvent = "text/event-stream"), (Finished = "application/json"))),
        (status = 400, description = "The id or `Last-Event-ID` is none", body = Problem),
        (status = 404, description = "No such turn of the caller's", body = Problem),
        (status = 503, description = "The turn goes on, but cannot be read now; try again", body = Problem)))]
pub async fn events(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Path(id): Path<TurnId>,
) -> Result<Response, Problem> {
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(value) => value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
            Problem::bad_request(
                "turn.cursor",
                "Last-Event-ID is not the number of an event; leave it out to start anew.",
            )
        })?,
    };
    read(&server, &actor, &headers, id, after).await
}

async fn read(
    server: &Server,
    actor: &Actor,
    headers: &HeaderMap,
    turn: TurnId,
    after: i32,
) -> Result<Response, Problem> {
    let listening = server.limits.listen(actor.member.0)?;
    if wants_json(headers) {
        let turn = server.chat.finished(actor, turn).await?;
        return Ok(Json(Finished::from(turn)).into_response());
    }
    Ok(sse::response(while_listening(server.chat.events(actor, turn, after).await?, listening)))
}

/// A stream that counts as long as somebody holds it.
fn while_listening(
    events: BoxStream<'static, TurnEvent>,
    listening: Listening,
) -> BoxStream<'static, TurnEvent> {
    let held = move |event| {
        let _ = &listening;
        event
    };
    events.map(held).boxed()
}

/// Whether the finished turn is wanted whole rather than its events as they come.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/event-stream")
}

/// Stop a turn
#[utoipa::path(post, path = "/api/turns/{id}/cancel", tag = "chat",
    params(("id" = TurnId, Path, description = "The turn")),
    responses((status = 204, description = "It stops, or had ended"), (status = 404, description = "No such turn", body = Problem)))]
pub async fn cancel(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<TurnId>,
) -> Result<StatusCode, Problem> {
    server.chat.cancel(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rate an answer
#[utoipa::path(post, path = "/api/turns/{id}/feedback", tag = "chat", request_body = Opinion,
    params(("id" = TurnId, Path, description = "The turn")),
    responses((status = 204, description = "Kept; the last word counts"), (status = 404, description = "No such turn", body = Problem)))]
pub async fn feedback(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<TurnId>,
    Body(opinion): Body<Opinion>,
) -> Result<StatusCode, Problem> {
    server.chat.feedback(&actor, id, opinion.rating, opinion.note.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
