use super::*;
use crate::clock::ManualClock;
use crate::llm::tests::{Scripted, done, heard, text};
use std::time::Duration;

const OPEN: &str = "refused: no model is reachable: m failed repeatedly and is left alone for a moment";

#[tokio::test]
async fn opens_after_failures_and_lets_one_call_probe() {
    let down = || vec![Err(ModelError::Provider { status: 500 })];
    let model = Scripted::new(
        "m",
        vec![down(), vec![text("a"), Err(ModelError::Broken)], down(), vec![text("b"), done("m")]],
    );
    let clock = ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap());
    let settings = BreakerSettings { failures: 2, pause: Duration::from_secs(30) };
    let breaker = Breaker::new(model.clone(), clock.clone(), settings);
    heard(&breaker).await;
    heard(&breaker).await;
    assert_eq!(heard(&breaker).await, [OPEN]);
    assert_eq!(model.calls(), 2);
    clock.advance(Duration::from_secs(30));
    // The probe fails: closed off again at once.
    heard(&breaker).await;
    assert_eq!(heard(&breaker).await, [OPEN]);
    clock.advance(Duration::from_secs(30));
    assert_eq!(heard(&breaker).await, ["b", "done: m"]);
    assert_eq!(model.calls(), 4);
}

#[tokio::test]
async fn a_probe_that_is_dropped_frees_the_place() {
    let down = || vec![Err(ModelError::Provider { status: 500 })];
    let model = Scripted::new("m", vec![down(), vec![text("a")], vec![text("b"), done("m")]]);
    let clock = ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap());
    let settings = BreakerSettings { failures: 1, pause: Duration::ZERO };
    let breaker = Breaker::new(model, clock, settings);
    heard(&breaker).await;
    let probe = breaker.stream(crate::llm::tests::request()).await.unwrap();
    assert_eq!(heard(&breaker).await, [OPEN]);
    drop(probe);
    assert_eq!(heard(&breaker).await, ["b", "done: m"]);
}
