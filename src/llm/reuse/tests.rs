use super::*;
use crate::access::{Permission, Role};
use crate::clock::ManualClock;
use crate::llm::tests::{Scripted, done, request, text};
use crate::llm::{ToolCall, ToolSet, ToolSpec};
use serde_json::Map;

const MINUTE: Duration = Duration::from_secs(60);

fn clock() -> Arc<ManualClock> {
    ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap())
}

async fn said(model: &Reuse, request: &ChatRequest) -> String {
    let events = model.stream(request.clone()).await.unwrap();
    let words = events.map(|event| match event {
        Ok(ChatEvent::Text(text)) => text,
        Ok(ChatEvent::Call(call)) => format!("({})", call.name),
        Ok(ChatEvent::Notice(_)) => "again: ".to_owned(),
        Ok(_) => String::new(),
        Err(error) => format!("{error}"),
    });
    words.collect::<Vec<_>>().await.concat()
}

fn answers(words: &[&str]) -> Arc<Scripted> {
    Scripted::new("m", words.iter().map(|word| vec![text(word), done("m")]).collect())
}

fn offering(tool: &str, reads: bool) -> ChatRequest {
    let spec = ToolSpec { name: tool.to_owned(), description: String::new(), schema: Value::Null, reads };
    ChatRequest { tools: Arc::new(ToolSet::from(vec![spec])), ..request() }
}

#[tokio::test]
async fn an_identical_request_is_answered_without_the_provider_until_it_is_too_old() {
    let (inner, clock) = (answers(&["one", "two"]), clock());
    let model = Reuse::new(inner.clone(), clock.clone(), MINUTE);
    let asked = request();
    assert_eq!(said(&model, &asked).await, "one");
    // Another turn of another conversation: neither is part of what a model reads.
    let fresh = request();
    let other = ChatRequest { actor: asked.actor.clone(), ..fresh };
    assert_eq!(said(&model, &other).await, "again: one");
    clock.advance(MINUTE);
    assert_eq!(said(&model, &asked).await, "two");
    assert_eq!(inner.calls(), 2);
}

#[tokio::test]
async fn another_organisation_role_right_history_or_day_is_another_request() {
    let base = request();
    let mut others = vec![base.clone(); 6];
    others[0].actor.org = request().actor.org;
    others[1].actor.role = Role::Viewer;
    others[2].actor.permissions.remove(&Permission::DraftCreate);
    others[3].messages.push(Message::Tool {
        call_id: "c".into(),
        name: "q".into(),
        content: "<data>1</data>".into(),
        result: Value::Null,
        failed: false,
    });
    others[4].system = "tomorrow".into();
    others[5].context = Map::from_iter([("page".to_owned(), json!("/pricing"))]);
    let mut changed = others[3].clone();
    if let Some(Message::Tool { content, .. }) = changed.messages.last_mut() {
        *content = "<data>2</data>".into();
    }
    others.push(changed);
    let inner = answers(&["x"; 8]);
    let model = Reuse::new(inner.clone(), clock(), MINUTE);
    assert_eq!(said(&model, &base).await, "x");
    for other in &others {
        assert_eq!(said(&model, other).await, "x");
    }
    for again in std::iter::once(&base).chain(&others) {
        assert_eq!(said(&model, again).await, "again: x");
    }
    assert_eq!(inner.calls(), 8);
}

#[tokio::test]
async fn reading_is_repeated_and_drafting_and_broken_answers_are_not() {
    let call = |name: &str| {
        let call = ToolCall { id: "c".into(), name: name.into(), arguments: Map::new() };
        vec![Ok(ChatEvent::Call(call)), done("m")]
    };
    let (read, draft) = (offering("kpi_overview", true), offering("pause_campaign", false));
    let inner =
        Scripted::new("m", vec![call("kpi_overview"), call("pause_campaign"), call("pause_campaign")]);
    let model = Reuse::new(inner.clone(), clock(), MINUTE);
    for (asked, word) in [(&read, "(kpi_overview)"), (&draft, "(pause_campaign)")] {
        assert_eq!(said(&model, asked).await, word);
        assert_eq!(said(&model, asked).await, word);
    }
    assert_eq!(inner.calls(), 3);
    let broken =
        Scripted::new("m", vec![vec![text("ha"), Err(ModelError::Broken)], vec![text("whole"), done("m")]]);
    let model = Reuse::new(broken, clock(), MINUTE);
    let asked = request();
    assert!(said(&model, &asked).await.starts_with("ha"));
    assert_eq!(said(&model, &asked).await, "whole");
}

#[tokio::test]
async fn nothing_is_kept_when_it_is_switched_off() {
    let inner = answers(&["one", "two"]);
    let model = Reuse::new(inner, clock(), Duration::ZERO);
    let asked = request();
    assert_eq!([said(&model, &asked).await, said(&model, &asked).await], ["one", "two"]);
}
