use super::*;
use crate::llm::tests::{Scripted, done, heard, text};
use std::time::Duration;

fn retry(inner: Arc<Scripted>) -> Retry {
    Retry {
        inner,
        settings: RetrySettings { min_delay: Duration::from_millis(1), ..RetrySettings::default() },
    }
}

fn busy(seconds: u64) -> ModelError {
    ModelError::RateLimited { retry_after: Some(Duration::from_secs(seconds)) }
}

#[tokio::test]
async fn repeats_before_the_first_token_only() {
    let model = Scripted::new(
        "m",
        vec![
            vec![Err(ModelError::Provider { status: 500 })],
            vec![Err(ModelError::Unreachable("refused".into()))],
            vec![text("a"), Err(ModelError::Broken)],
        ],
    );
    assert_eq!(heard(&retry(model.clone())).await, ["a", "error: the model's answer broke off"]);
    assert_eq!(model.calls(), 3);
}

#[tokio::test]
async fn gives_up_after_its_tries_and_at_once_on_a_refused_key() {
    let error = || vec![Err(ModelError::Provider { status: 503 })];
    let model = Scripted::new("m", vec![error(), error(), error()]);
    assert_eq!(heard(&retry(model.clone())).await, ["refused: the model provider answered 503"]);
    assert_eq!(model.calls(), 3);
    let model = Scripted::new("m", vec![vec![Err(ModelError::Unauthorised)]]);
    heard(&retry(model.clone())).await;
    assert_eq!(model.calls(), 1);
}

#[tokio::test]
async fn a_pause_longer_than_allowed_is_not_waited_for() {
    let model = Scripted::new("m", vec![vec![Err(busy(0))], vec![text("a"), done("m")]]);
    assert_eq!(heard(&retry(model)).await, ["a", "done: m"]);
    let model = Scripted::new("m", vec![vec![Err(busy(60))]]);
    assert_eq!(
        heard(&retry(model.clone())).await,
        ["refused: the model provider is busy; try again in 60 s"]
    );
    assert_eq!(model.calls(), 1);
}

#[test]
fn the_provider_says_how_long_to_wait() {
    let second = Duration::from_secs(1);
    assert_eq!(after(&busy(7), Some(second), 10 * second), Some(7 * second));
    assert_eq!(after(&busy(7), None, 10 * second), None);
    assert_eq!(after(&ModelError::Broken, Some(second), 10 * second), Some(second));
}
