use super::*;
use crate::llm::Message;
use crate::llm::tests::{Scripted, done, heard, request, text};
use serde_json::json;

#[tokio::test]
async fn the_next_model_answers_and_it_is_said() {
    let first = Scripted::new("first", vec![vec![Err(ModelError::Provider { status: 500 })]]);
    let second = Scripted::new("second", vec![vec![text("half"), Err(ModelError::Broken)]]);
    let planner = Scripted::new("offline", vec![vec![text("whole"), done("offline")]]);
    let chain = Fallback::new(vec![first, second], planner);
    assert_eq!(
        heard(&chain).await,
        [
            "notice: first is not reachable. second answers.",
            "half",
            "(restart)",
            "notice: The answer of second broke off. The offline planner answers.",
            "whole",
            "done: offline",
        ]
    );
}

#[tokio::test]
async fn a_spent_budget_is_told_in_its_own_words() {
    let first = Scripted::new("first", vec![vec![Err(ModelError::Budget("Spent until 15:00.".into()))]]);
    let planner = Scripted::new("offline", vec![vec![text("a"), done("offline")]]);
    let heard = heard(&Fallback::new(vec![first], planner)).await;
    assert_eq!(heard, ["notice: Spent until 15:00. The offline planner answers.", "a", "done: offline"]);
}

#[tokio::test]
async fn tool_calls_and_results_reach_the_next_model() {
    let first = Scripted::new("first", vec![vec![Err(ModelError::Timeout)]]);
    let planner = Scripted::new("offline", vec![vec![done("offline")]]);
    let chain = Fallback::new(vec![first], planner.clone());
    let mut request = request();
    let (content, result) = ("x".to_owned(), json!({"rows": []}));
    request.messages.push(Message::Tool {
        call_id: "a".into(),
        name: "spend".into(),
        content,
        result,
        failed: false,
    });
    let sent = request.messages.clone();
    chain.stream(request).await.unwrap().count().await;
    assert_eq!(planner.requests.lock().unwrap()[0].messages, sent);
}

#[tokio::test]
async fn the_last_error_is_given_when_nobody_answers() {
    let first = Scripted::new("first", vec![vec![Err(ModelError::Timeout)]]);
    let last = Scripted::new("last", vec![vec![text("a"), Err(ModelError::Broken)]]);
    let heard = heard(&Fallback::new(vec![first], last)).await;
    assert_eq!(heard.last().unwrap(), "error: the model's answer broke off");
}

#[tokio::test]
async fn a_turn_stays_with_the_model_it_fell_back_to() {
    let first =
        Scripted::new("first", vec![vec![Err(ModelError::Timeout)], vec![text("back"), done("first")]]);
    let answer = || vec![text("a"), done("offline")];
    let planner = Scripted::new("offline", vec![answer(), answer()]);
    let chain = Fallback::new(vec![first.clone()], planner);
    let same = request();
    for _ in 0..2 {
        chain.stream(same.clone()).await.unwrap().count().await;
    }
    assert_eq!(first.calls(), 1);
    // Another turn begins with the first choice again.
    assert_eq!(heard(&chain).await, ["back", "done: first"]);
}
