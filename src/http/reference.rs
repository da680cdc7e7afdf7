//! The API reference as one plain page, rendered from the OpenAPI document: no script, nothing loaded from elsewhere.
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The document as data and as a page: the same for every server of the process.
static PAGES: OnceLock<(Bytes, Bytes)> = OnceLock::new();

/// Addresses that answer anybody.
const OPEN: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/reference"];

/// Addresses that Slack calls, where events come over HTTP. Another surface answers there.
const SLACK: [(&str, &str); 3] = [
    ("/slack/events", "Events of Slack"),
    ("/slack/interactions", "Buttons, menus and forms of Slack"),
    ("/slack/commands", "Slash commands of Slack"),
];

fn slack(document: &mut Value) {
    document["components"]["securitySchemes"]["slack"] = json!({"type": "apiKey", "in": "header",
        "name": "X-Slack-Signature",
        "description": "HMAC-SHA256 of X-Slack-Request-Timestamp and the body with SLACK_SIGNING_SECRET."});
    for (path, summary) in SLACK {
        let said = |text: &str| json!({"description": text});
        document["paths"][path] = json!({"post": {
            "tags": ["slack"],
            "summary": summary,
            "operationId": path.trim_start_matches('/').replace('/', "_"),
            "description": "Served where SLACK_SIGNING_SECRET is set. A delivery is stored before it is answered; one that comes twice is done once.",
            "security": [{"slack": []}],
            "requestBody": {"required": true, "content": {
                "application/json": {"schema": {"type": "object"}},
                "application/x-www-form-urlencoded": {"schema": {"type": "object"}}}},
            "responses": {
                "200": said("Taken; the body is empty, a challenge or a view"),
                "400": said("The body is neither JSON nor a form of Slack's"),
                "401": said("The signature is missing, old or wrong"),
                "413": said("The body is larger than Slack's are"),
                "503": said("It could not be stored; Slack sends it again")},
        }});
    }
}

/// Keeps the document to be served, after saying in it how to sign in and where nobody needs to.
pub fn publish(mut document: Value) {
    let bearer = "An API key, or the session of a signed-in member. Decisions need a session.";
    document["components"]["securitySchemes"] =
        json!({"bearer": {"type": "http", "scheme": "bearer", "description": bearer}});
    document["security"] = json!([{"bearer": []}]);
    slack(&mut document);
    for path in OPEN {
        for operation in document["paths"][path].as_object_mut().into_iter().flat_map(Map::values_mut) {
            operation["security"] = json!([]);
        }
    }
    PAGES.get_or_init(|| (document.to_string().into(), page(&document).into_string().into()));
}

fn pages() -> (Bytes, Bytes) {
    PAGES.get().cloned().unwrap_or_default()
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "reference", responses(
    (status = 200, description = "Every route, generated from the code", body = Object)))]
pub async fn data() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], pages().0)
}

/// This document as a page
#[utoipa::path(get, path = "/reference", tag = "reference", responses(
    (status = 200, description = "Every route, for people", content_type = "text/html")))]
pub async fn html() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], pages().1)
}

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.75rem;overflow-x:auto;border-radius:.4rem}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}.verb{display:inline-block;min-width:4.2rem;font-weight:600}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
h2{margin-top:2.2rem}.soft{opacity:.75}";

/// Renders the whole document. Unknown parts of it are shown as they are.
fn page(document: &Value) -> Markup {
    let info = &document["info"];
    let mut groups: BTreeMap<&str, Vec<(&str, &str, &Value)>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (verb, operation) in item.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("other");
            groups.entry(tag).or_default().push((verb, path, operation));
        }
    }
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { (text(&info["title"])) " API" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (text(&info["title"])) " API" }
                p { (text(&info["description"])) }
                p.soft { "Version " (text(&info["version"])) " · the same as data: " a href="/openapi.json" { "openapi.json" } }
                @for (tag, operations) in &groups {
                    h2 { (tag) }
                    @for (verb, path, operation) in operations { (one(verb, path, operation)) }
                }
                h2 { "Shapes" }
                @for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
                    details id=(name) { summary { code { (name) } } pre { (pretty(schema)) } }
                }
            }
        }
    }
}

fn one(verb: &str, path: &str, operation: &Value) -> Markup {
    html! {
        details {
            summary {
                span.verb { (verb.to_uppercase()) } code { (path) } " "
                span.soft { (text(&operation["summary"])) }
            }
            p { (text(&operation["description"])) }
            @if let Some(parameters) = operation["parameters"].as_array() {
                table {
                    tr { th { "parameter" } th { "in" } th { "meaning" } }
                    @for parameter in parameters {
                        tr {
                            td { code { (text(&parameter["name"])) } }
                            td { (text(&parameter["in"])) @if parameter["required"] == true { ", required" } }
                            td { (text(&parameter["description"])) }
                        }
                    }
                }
            }
            @if operation["requestBody"].is_object() {
                p { "Body: " (shapes(&operation["requestBody"])) }
            }
            table {
                tr { th { "answer" } th { "meaning" } th { "shape" } }
                @for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                    tr { td { (status) } td { (text(&answer["description"])) } td { (shapes(answer)) } }
                }
            }
        }
    }
}

/// Links to the shapes of a body, by media type.
fn shapes(body: &Value) -> Markup {
    html! {
        @for (media, content) in body["content"].as_object().into_iter().flatten() {
            code { (media) } " "
            @match content["schema"]["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
                Some(name) => a href={ "#" (name) } { (name) },
                None => code { (content["schema"].to_string()) },
            }
            " "
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
