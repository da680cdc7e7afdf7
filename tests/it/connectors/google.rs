//! Google's token service and its way to refuse.
use super::fake::{Asked, Knobs};
use serde_json::{Value, json};

/// An access token holds the canary too.
fn access(knobs: &Knobs) -> String {
    format!("{}-access", knobs.secret)
}

/// `POST /token` of `oauth2.googleapis.com`.
pub fn token(asked: &Asked, knobs: &Knobs) -> Option<(u16, Value)> {
    if asked.path != "/token" {
        return None;
    }
    let form = asked.form();
    let has = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
    Some(if asked.method != "POST" || !has("grant_type", "refresh_token") {
        (400, json!({"error": "unsupported_grant_type"}))
    } else if !has("client_secret", &knobs.secret) {
        (401, json!({"error": "invalid_client"}))
    } else if !has("refresh_token", &knobs.secret) || !form.contains_key("client_id") {
        (400, json!({"error": "invalid_grant"}))
    } else {
        (
            200,
            json!({"access_token": access(knobs), "expires_in": 3599, "token_type": "Bearer", "scope": "…"}),
        )
    })
}

pub fn unauthorised(asked: &Asked, knobs: &Knobs) -> Option<(u16, Value)> {
    let right = asked.header("authorization") == format!("Bearer {}", access(knobs));
    (!right).then(|| error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."))
}

pub fn error(code: u16, status: &str, message: &str) -> (u16, Value) {
    (code, json!({"error": {"code": code, "message": message, "status": status}}))
}
