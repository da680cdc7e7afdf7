//! Errors as RFC 9457 problem documents: a stable `code`, a sentence a person can act on, the request id.
use crate::db;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// What a caller gets instead of a result. `code` is `area.reason` and never changes; the words may.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `about:blank`: the code says what is meant.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: String,
    pub status: u16,
    pub code: String,
    pub detail: String,
    /// The id of the request, also in the header `x-request-id` and in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Values that would have been accepted, closest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// Where in the request body the trouble is, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Facts about the conflict: who decided, when, what is current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            request_id: None,
            allowed: Vec::new(),
            pointer: None,
            context: None,
            retry_after: None,
        }
    }

    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "resource.not_found", format!("There is no such {what} here."))
    }

    /// Something of ours failed. The cause goes to the log under the request id, never to the caller.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server.internal",
            "Something went wrong on the server. Try again; if it stays, give the operator the request id.",
        )
    }

    pub fn database(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.as_deref() == Some(db::DISK_FULL) {
            tracing::error!(%error, "the disk of the database is full");
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "storage.full",
                "The disk of the database is full. Nothing was changed; an operator has to make room.",
            )
            .with_retry_after(60);
        }
        if db::is_away(error) {
            tracing::error!(%error, "database unreachable");
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "storage.unavailable",
                "The database does not answer. Nothing was lost; try again in a few seconds.",
            )
            .with_retry_after(2);
        }
        Self::internal(error)
    }

    #[must_use]
    pub fn with_allowed(mut self, allowed: Vec<String>) -> Self {
        self.allowed = allowed;
        self
    }

    #[must_use]
    pub fn with_context(mut self, context: Value) -> Self {
        self.context = Some(context);
        self
    }

    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::database(&error)
    }
}

impl From<crate::access::Missing> for Problem {
    fn from(missing: crate::access::Missing) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission.missing", missing.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        self.request_id = super::request_id::current();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
