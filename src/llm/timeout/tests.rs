use super::*;
use crate::llm::tests::{Scripted, done, heard, request, text};
use std::time::Duration;

const LIMIT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_silent_model_is_given_up() {
    let model = FirstToken { inner: Scripted::new("m", vec![vec![]]), limit: LIMIT };
    assert_eq!(heard(&model).await, ["refused: the model did not answer in time"]);
}

#[tokio::test]
async fn a_speaking_model_is_left_in_peace() {
    let model = FirstToken { inner: Scripted::new("m", vec![vec![text("a"), done("m")]]), limit: LIMIT };
    assert_eq!(heard(&model).await, ["a", "done: m"]);
}

#[tokio::test]
async fn a_whole_call_is_cut() {
    let model = Total { inner: Scripted::new("m", vec![vec![]]), limit: LIMIT };
    assert_eq!(heard(&model).await, ["error: the model did not answer in time"]);
}

#[tokio::test]
async fn a_call_is_cut_when_its_turn_needs_the_time() {
    let hour = Duration::from_secs(3_600);
    let model = Total { inner: Scripted::new("m", vec![vec![]]), limit: hour };
    let by = tokio::time::sleep(LIMIT).deadline();
    let request = ChatRequest { answer_by: Some(by), ..request() };
    let items: Vec<_> = model.stream(request).await.unwrap().collect().await;
    assert!(matches!(items.as_slice(), [Err(ModelError::Timeout)]), "{items:?}");
}
