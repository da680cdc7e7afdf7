//! JSON bodies: what does not fit is a problem document that says where and why.
use super::problem::Problem;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Json, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

/// A request body as JSON, whatever its content type says, as long as it parses.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        // `curl -d` says form data; the body is what counts.
        request.headers_mut().insert(
            axum::http::header::CONTENT_TYPE,
            axum::http::HeaderValue::from_static("application/json"),
        );
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(problem(&rejection)),
        }
    }
}

fn problem(rejection: &JsonRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request.too_large",
            "The body is larger than the server takes. Send less, or raise [server] body_limit.",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "request.invalid",
            // serde's words name the field and what was expected.
            tail(&rejection.body_text()),
        ),
        status => Problem::new(status, "request.malformed", tail(&rejection.body_text())),
    }
}

/// The part of axum's message that is about the body.
fn tail(text: &str) -> String {
    text.split_once(": ").map_or(text, |(_, rest)| rest).to_owned()
}
