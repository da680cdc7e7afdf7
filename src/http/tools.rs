//! `/api/tools`: what can be asked, and one query run directly.
use super::address::Path;
use super::auth::Caller;
use super::body::Body;
use super::problem::Problem;
use super::state::Server;
use crate::access::Permission;
use crate::catalogue::{QueryResult, RunContext, ToolError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A named query as people and programs see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tool {
    pub name: String,
    pub version: u32,
    pub title: String,
    pub description: String,
    pub group: String,
    /// JSON Schema of the parameters.
    pub parameters: Value,
    pub examples: Vec<String>,
    pub follow_ups: Vec<String>,
    /// Draft types that may start from its result.
    pub drafts: Vec<String>,
}

/// A type of draft that can be asked for, in chat or with `POST /api/drafts`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActionTool {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub description: String,
    /// JSON Schema of the payload.
    pub parameters: Value,
}

/// Several queries asked for as one, as a question or as a command.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaybookTool {
    pub name: String,
    pub title: String,
    pub description: String,
    /// What to write to call it, such as `/find_waste`; absent when it is only asked in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What stands behind the command, in its order.
    pub arguments: Vec<String>,
    pub examples: Vec<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tools {
    pub queries: Vec<Tool>,
    /// None for a caller who may not draft.
    pub actions: Vec<ActionTool>,
    pub playbooks: Vec<PlaybookTool>,
}

/// Parameters by name: text, numbers, or `{start, end}` for a window; what is left out has the query's default.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Why restricted data is read; kept with the access record.
    #[serde(default)]
    pub reason: Option<String>,
}

impl From<ToolError> for Problem {
    fn from(error: ToolError) -> Self {
        let status = match error.code() {
            "query.unknown" => StatusCode::NOT_FOUND,
            "permission.missing" => StatusCode::FORBIDDEN,
            "query.budget" | "rate.limited" => StatusCode::TOO_MANY_REQUESTS,
            "query.timeout" => StatusCode::GATEWAY_TIMEOUT,
            "query.busy" | "storage.unavailable" | "storage.full" => StatusCode::SERVICE_UNAVAILABLE,
            _ => match error {
                ToolError::TellModel { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                ToolError::Abort { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            },
        };
        let problem = match error {
            ToolError::TellModel { code, message, allowed } => {
                Self::new(status, &code, message).with_allowed(allowed)
            }
            ToolError::Abort { code, message } => Self::new(status, &code, message),
        };
        match status {
            StatusCode::SERVICE_UNAVAILABLE => problem.with_retry_after(2),
            _ => problem,
        }
    }
}

/// The catalogue
#[utoipa::path(get, path = "/api/tools", tag = "tools", responses(
    (status = 200, description = "What the caller may use: named queries, types of drafts, playbooks and commands", body = Tools),
    (status = 401, description = "No valid key or session", body = Problem)))]
pub async fn list(State(server): State<Server>, Caller(actor): Caller) -> Result<Json<Tools>, Problem> {
    actor.require(Permission::QueryRun)?;
    let catalogue = &server.app.catalogue;
    let queries = catalogue
        .tools(&actor)
        .into_iter()
        .filter_map(|tool| {
            let query = catalogue.queries.get(&tool.name)?;
            Some(Tool {
                name: tool.name,
                version: query.version,
                title: query.title.clone(),
                description: query.description.clone(),
                group: query.group.clone(),
                parameters: tool.schema,
                examples: query.examples.clone(),
                follow_ups: query.follow_ups.clone(),
                drafts: query.drafts.clone(),
            })
        })
        .collect();
    let may_draft = actor.may(Permission::DraftCreate);
    let actions = server.chat.actions().iter().filter(|_| may_draft).map(|action| ActionTool {
        kind: action.name.clone(),
        title: action.title.clone(),
        description: action.description.clone(),
        parameters: action.schema.clone(),
    });
    let playbooks = server.chat.playbooks().iter().map(|book| PlaybookTool {
        name: book.name.clone(),
        title: book.title.clone(),
        description: book.description.clone(),
        command: book.command.as_ref().map(|word| format!("/{word}")),
        arguments: book.args.iter().map(|argument| argument.name.clone()).collect(),
        examples: book.asked.clone(),
    });
    Ok(Json(Tools { queries, actions: actions.collect(), playbooks: playbooks.collect() }))
}

/// Run one query
#[utoipa::path(post, path = "/api/tools/{name}", tag = "tools", request_body = Run,
    params(("name" = String, Path, description = "The query's name")),
    responses(
        (status = 200, description = "Rows, totals, window and freshness", body = QueryResult),
        (status = 403, description = "The query needs another permission", body = Problem),
        (status = 404, description = "No such query", body = Problem),
        (status = 422, description = "A parameter does not fit; `allowed` names values that would", body = Problem),
        (status = 429, description = "The hour's budget of queries is spent", body = Problem),
        (status = 503, description = "The data is being changed or the database is away; try again", body = Problem),
        (status = 504, description = "The query was cut at its time limit", body = Problem)))]
pub async fn run(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(name): Path<String>,
    Body(run): Body<Run>,
) -> Result<Json<QueryResult>, Problem> {
    actor.require(Permission::QueryRun)?;
    let context = RunContext { actor, turn: None, reason: run.reason };
    let app = &server.app;
    let result = app.catalogue.run(&app.db, &app.clock, &context, &name, &run.params).await?;
    Ok(Json(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status() {
        let told = |code: &str| Problem::from(ToolError::tell(code, "words"));
        let aborted = |code: &str| Problem::from(ToolError::abort(code, "words"));
        for (problem, status) in [
            (told("query.unknown"), 404),
            (told("permission.missing"), 403),
            (told("query.budget"), 429),
            (told("query.timeout"), 504),
            (told("query.busy"), 503),
            (told("query.reason_required"), 422),
            (told("query.withheld"), 422),
            (told("param.not_found"), 422),
            (aborted("storage.unavailable"), 503),
            (aborted("query.failed"), 500),
        ] {
            assert_eq!(problem.status, status, "{}", problem.code);
            assert_eq!(problem.retry_after.is_some(), status == 503, "{}", problem.code);
        }
    }
}
