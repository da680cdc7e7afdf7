//! Arguments of a call: JSON with the token in the header, or form fields, or a query.
use super::Refusal;
use axum::body::to_bytes;
use axum::extract::{Query, Request};
use axum::http::{HeaderName, Method, header};
use serde_json::{Map, Value, json};

/// Form fields that hold JSON.
const ENCODED: [&str; 9] = [
    "blocks",
    "attachments",
    "metadata",
    "view",
    "files",
    "chunks",
    "prompts",
    "loading_messages",
    "users_json",
];
const MAX_BODY: usize = 4 * 1024 * 1024;

/// What came with a call, the token apart.
pub struct Given {
    pub token: Option<String>,
    pub args: Value,
    /// Whether the body was JSON.
    pub json: bool,
    /// The query and the body as they came.
    pub sent: String,
}

pub async fn read(request: Request) -> Result<Given, Refusal> {
    let mut token =
        header(&request, header::AUTHORIZATION).and_then(|v| v.strip_prefix("Bearer ").map(str::to_owned));
    let content_type = header(&request, header::CONTENT_TYPE).unwrap_or_default();
    let is_json = request.method() == Method::POST && content_type.starts_with("application/json");
    let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
        .map(|Query(pairs)| pairs)
        .unwrap_or_default();
    let mut args = fields(query);
    let is_post = request.method() == Method::POST;
    let mut sent = request.uri().query().unwrap_or_default().to_owned();
    let bytes = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| Refusal::new("request_timeout"))?;
    sent.push_str(&String::from_utf8_lossy(&bytes));
    if is_json {
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => args.extend(object),
            Ok(_) => return Err(Refusal::new("json_not_object")),
            Err(_) => return Err(Refusal::new("invalid_json")),
        }
    } else if is_post && content_type.starts_with("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(&bytes).map(|(key, value)| (key.into_owned(), value.into_owned()));
        args.extend(fields(pairs.collect()));
    } else if is_post && !content_type.is_empty() {
        return Err(Refusal::new("invalid_post_type"));
    }
    if let Some(Value::String(given)) = args.remove("token") {
        token = token.or(Some(given));
    }
    Ok(Given { token, args: Value::Object(args), json: is_json, sent })
}

fn header(request: &Request, name: HeaderName) -> Option<String> {
    request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned)
}

fn fields(pairs: Vec<(String, String)>) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(key, value)| {
            let value = match serde_json::from_str(&value) {
                Ok(decoded) if ENCODED.contains(&key.as_str()) => decoded,
                _ => json!(value),
            };
            (key, value)
        })
        .collect()
}
