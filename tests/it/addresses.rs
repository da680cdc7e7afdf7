//! Whatever stands in an address, the answer is a problem document that a person can act on.
use crate::served::Served;
use crate::world::World;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

async fn refused(response: Response, code: &str) {
    let (url, status) = (response.url().to_string(), response.status());
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap_or_default();
    assert_eq!(
        (status, kind.as_str()),
        (StatusCode::BAD_REQUEST, "application/problem+json"),
        "{url}: {body}"
    );
    assert_eq!(body["code"], code, "{url}: {body}");
    assert!(body["detail"].as_str().unwrap().len() > 20 && body["request_id"].is_string(), "{url}: {body}");
}

#[tokio::test]
async fn a_bad_id_or_parameter_is_a_problem_on_every_route() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    let session = served.session(&world.admin).await;
    let document = served.get("/openapi.json", &session).await.body;
    let (mut ids, mut parameters) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let method: Method = verb.to_uppercase().parse().unwrap();
            if path.contains('{') {
                let path =
                    path.replace("{id}", "no-such-id").replace("{name}", "%ff").replace("{platform}", "%ff");
                let request = served.request(method.clone(), &path, &session).body("{}");
                refused(request.send().await.unwrap(), "request.path").await;
                ids += 1;
            }
            let path = path.replace("{id}", "01990000-0000-7000-8000-000000000000");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let kind = parameter["schema"]["type"].to_string();
                if parameter["in"] == "query" && (kind.contains("integer") || kind.contains("boolean")) {
                    let path = format!("{path}?{}=lots", parameter["name"].as_str().unwrap());
                    let request = served.request(method.clone(), &path, &session);
                    refused(request.send().await.unwrap(), "request.query").await;
                    parameters += 1;
                }
            }
        }
    }
    assert!(ids >= 15 && parameters >= 5, "{ids} {parameters}");
}

#[tokio::test]
async fn the_catalogue_lists_queries_actions_and_commands() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    let listed = served.get("/api/tools", &served.session(&world.marketer).await).await.body;
    let find = |list: &str, field: &str, value: &str| {
        let items = listed[list].as_array().unwrap().clone();
        items.into_iter().find(|item| item[field] == value).unwrap_or_else(|| panic!("{list} lacks {value}"))
    };
    assert_eq!(find("queries", "name", "kpi_overview")["parameters"]["type"], "object");
    assert!(find("actions", "type", "pause_campaign")["parameters"]["properties"]["campaign"].is_object());
    let waste = find("playbooks", "command", "/find_waste");
    assert!(!waste["arguments"].as_array().unwrap().is_empty() && waste["title"].is_string(), "{waste}");
    let viewer = served.get("/api/tools", &served.session(&world.viewer).await).await.body;
    assert_eq!(viewer["actions"], serde_json::json!([]), "who may not draft is offered none");
}

#[tokio::test]
async fn a_long_conversation_is_read_page_by_page() {
    let world = World::new().await;
    let served = Served::new(&world).await;
    let session = served.session(&world.marketer).await;
    let first = served.ask(&session, "/help").await;
    let id = first["conversation_id"].as_str().unwrap().to_owned();
    let mut asked = vec![first["turn_id"].clone()];
    for _ in 0..4 {
        asked.push(served.ask_in(&session, "/help", Some(&id)).await["turn_id"].clone());
    }
    let mut read: Vec<Value> = Vec::new();
    let mut path = format!("/api/conversations/{id}?limit=2");
    loop {
        let page = served.get(&path, &session).await.body;
        let turns = page["turns"].as_array().unwrap().iter().map(|turn| turn["turn_id"].clone());
        read.splice(0..0, turns);
        let Some(earlier) = page["earlier"].as_str() else { break };
        path = format!("/api/conversations/{id}?limit=2&before={earlier}");
    }
    assert_eq!(read, asked);
}
