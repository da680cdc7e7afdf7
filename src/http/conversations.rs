//! `/api/conversations`: list, read, rename, delete. A conversation is its owner's.
use super::address::{Path, Query};
use super::auth::Caller;
use super::body::Body;
use super::page::{Page, PageQuery};
use super::problem::Problem;
use super::state::Server;
use crate::chat::ConversationTurn;
use crate::db::conversations::Conversation;
use crate::ids::{ConversationId, TurnId};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// A conversation with its turns, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Thread {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub conversation: Conversation,
    #[schema(value_type = Vec<Object>)]
    pub turns: Vec<ConversationTurn>,
    /// Give it as `before` for the turns that came earlier; absent when these are the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<TurnId>,
}

/// `?limit=&before=` of one conversation.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TurnsQuery {
    /// How many turns, 1 to 200; 100 when not said.
    pub limit: Option<u32>,
    /// `earlier` of the page after.
    pub before: Option<TurnId>,
}

/// A new name.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    pub title: String,
}

/// Turns of a conversation that one reading gives, if nobody says otherwise.
const TURNS: u32 = 100;

/// The caller's conversations
#[utoipa::path(get, path = "/api/conversations", tag = "conversations", params(PageQuery), responses(
    (status = 200, description = "Newest first", body = Page<Object>)))]
pub async fn list(
    State(server): State<Server>,
    Caller(actor): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Conversation>>, Problem> {
    let page = server.chat.conversations(&actor, query.after.as_deref(), query.limit()).await?;
    Ok(Json(Page { items: page.conversations, next: page.next }))
}

/// Read one
#[utoipa::path(get, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation"), TurnsQuery),
    responses((status = 200, description = "With its last turns, or those before one of them", body = Thread), (status = 404, description = "No such conversation", body = Problem)))]
pub async fn read(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ConversationId>,
    Query(query): Query<TurnsQuery>,
) -> Result<Json<Thread>, Problem> {
    let limit = query.limit.unwrap_or(TURNS) as usize;
    let page = server.chat.conversation_before(&actor, id, query.before, limit).await?;
    Ok(Json(Thread { conversation: page.conversation, turns: page.turns, earlier: page.earlier }))
}

/// Rename one
#[utoipa::path(patch, path = "/api/conversations/{id}", tag = "conversations", request_body = Rename,
    params(("id" = ConversationId, Path, description = "The conversation")),
    responses((status = 204, description = "Renamed"), (status = 404, description = "No such conversation", body = Problem)))]
pub async fn rename(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ConversationId>,
    Body(rename): Body<Rename>,
) -> Result<StatusCode, Problem> {
    server.chat.rename(&actor, id, &rename.title).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete one
#[utoipa::path(delete, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation")),
    responses((status = 204, description = "Gone from every list"), (status = 404, description = "No such conversation", body = Problem)))]
pub async fn remove(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<ConversationId>,
) -> Result<StatusCode, Problem> {
    server.chat.delete(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
