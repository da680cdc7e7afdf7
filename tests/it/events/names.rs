//! The registry over HTTP: what may be sent, and names of an organisation's own.
use super::*;

async fn put(gate: &Gate, token: &str, name: &str, body: Value) -> Reply {
    let path = format!("/api/events/registry/{name}");
    reply(gate.served.request(Method::PUT, &path, token).json(&body).send().await.unwrap()).await
}

#[tokio::test]
async fn an_admin_registers_a_name_and_only_this_organisation_may_send_it() {
    let gate = Gate::new().await;
    let admin = gate.served.session(&gate.world.admin).await;
    let quiz = json!({"class": "user", "actor": true,
                      "properties": [{"name": "score", "type": "int", "required": true}]});
    let mut event = gate.click(1, 60);
    event["name"] = json!("x_quiz_done");
    event["properties"] = json!({"score": 3});
    let code = async |event: &Value| gate.send(std::slice::from_ref(event)).await.body["results"][0].clone();
    assert_eq!(code(&event).await["code"], "event.name_unknown");

    let refused =
        put(&gate, &gate.served.session(&gate.world.marketer).await, "x_quiz_done", quiz.clone()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.body["code"].as_str().unwrap()),
        (403, "permission.missing")
    );
    let made = put(&gate, &admin, "x_quiz_done", quiz.clone()).await;
    assert_eq!((made.status.as_u16(), &made.body["version"]), (200, &json!(1)), "{}", made.body);
    assert_eq!(code(&event).await["status"], "accepted");
    assert_eq!(put(&gate, &admin, "x_quiz_done", quiz.clone()).await.body["version"], 1);

    let mut longer = quiz.clone();
    longer["properties"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "level", "type": "str", "required": true}));
    assert_eq!(put(&gate, &admin, "x_quiz_done", longer).await.body["version"], 2);
    event["id"] = json!(Uuid::from_u128(2));
    let missing = code(&event).await;
    assert_eq!(
        (&missing["code"], &missing["errors"][0]["path"]),
        (&json!("event.property_missing"), &json!("properties.level"))
    );
    let stored = "select count(*) from events where name = 'x_quiz_done' and schema_version = 1";
    assert_eq!(gate.count(gate.world.org, stored).await, 1);
    let recorded = "select count(*) from audit_log where action = 'event.registered'";
    assert_eq!(gate.count(gate.world.org, recorded).await, 2);

    let names = gate.served.get("/api/events/registry", &gate.key).await;
    assert_eq!(names.status, 200);
    assert!(names.body.to_string().contains("\"x_quiz_done\""));
    let other = gate.world.other_org().await;
    let theirs = Gate::key_of(&gate.world, &other.marketer, &ordinary()).await;
    let told = gate.send_as(&theirs, &[event]).await;
    assert_eq!(told.body["results"][0]["code"], "event.name_unknown");
    let names = gate.served.get("/api/events/registry", &theirs).await;
    assert!(!names.body.to_string().contains("x_quiz_done"));
}

#[tokio::test]
async fn a_name_or_definition_that_cannot_be_is_refused_with_what_is_wrong() {
    let gate = Gate::new().await;
    let admin = gate.served.session(&gate.world.admin).await;
    for (name, body) in [
        ("quiz_done", json!({})),
        ("page_view", json!({})),
        ("x_Quiz", json!({})),
        ("x_quiz", json!({"name": "x_other"})),
        ("x_quiz", json!({"properties": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]})),
        ("x_quiz", json!({"properties": [{"name": "a", "type": "enum"}]})),
    ] {
        let refused = put(&gate, &admin, name, body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.body["code"].as_str()),
            (422, Some("event.definition")),
            "{name} {body}: {}",
            refused.body
        );
    }
    let unknown = put(&gate, &admin, "x_quiz", json!({"colour": "red"})).await;
    assert_eq!(unknown.body["code"], "request.invalid");
    assert_eq!(gate.count(gate.world.org, "select count(*) from event_registry").await, 0);
}

#[tokio::test]
async fn a_source_of_a_platform_needs_a_grant() {
    let gate = Gate::new().await;
    let mut event = gate.click(1, 60);
    event["source"] = json!("stripe");
    let code = async |key: &str, event: &Value| {
        gate.send_as(key, std::slice::from_ref(event)).await.body["results"][0]["code"].clone()
    };
    assert_eq!(code(&gate.key, &event).await, "event.source_forbidden");
    let granted = gate.key_with(KeyRules { sources: vec!["stripe".to_owned()], ..ordinary() }).await;
    assert_eq!(code(&granted, &event).await, Value::Null);
    assert_eq!(code(&granted, &gate.click(2, 60)).await, Value::Null);
    // Where first-party sources are named, the others are not for this key.
    let web = gate.key_with(KeyRules { sources: vec!["web".to_owned()], ..ordinary() }).await;
    assert_eq!(code(&web, &gate.click(3, 60)).await, "event.source_forbidden");
}
