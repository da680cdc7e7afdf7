//! What a model call costs is counted however the call ends.
use crate::chat::Chat;
use crate::fake_provider::{End, Reply, delta, says};
use adjutant::chat::TurnEventKind;
use futures::StreamExt;
use rust_decimal::Decimal;
use serde_json::json;

/// State, tokens and cost of the one call that was made, once it is written down.
async fn recorded(chat: &Chat) -> (String, i64, i64, Decimal) {
    loop {
        let mut tx = chat.world.db.org(chat.world.org).await.unwrap();
        let rows =
            sqlx::query_as("select state, tokens_in::bigint, tokens_out::bigint, cost from model_calls");
        let mut rows: Vec<_> = rows.fetch_all(&mut *tx).await.unwrap();
        assert!(rows.len() <= 1);
        if let Some(row) = rows.pop() {
            return row;
        }
        tokio::task::yield_now().await;
    }
}

/// Forty characters.
fn forty() -> serde_json::Value {
    delta(json!({"content": "Forty characters, counted by their hands"}))
}

#[tokio::test]
async fn a_call_without_reported_usage_is_paid_by_its_length() {
    for (stop, state) in [(End::Done, "ok"), (End::Cut, "broken")] {
        let mut chunks = vec![forty()];
        if stop == End::Done {
            chunks.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
        }
        let chat = Chat::new(vec![Reply::Stream(chunks, stop)]).await;
        let turn = chat.answer("hello").await;
        let (how, tokens_in, tokens_out, cost) = recorded(&chat).await;
        assert_eq!((how.as_str(), tokens_out), (state, 10));
        assert!(tokens_in > 1_000, "the prompt and the tools were sent: {tokens_in}");
        assert!(cost > Decimal::ZERO, "{cost}");
        if let (End::Done, Some(TurnEventKind::Completed { tokens_out, cost: told, .. })) = (stop, turn.end())
        {
            assert_eq!((*tokens_out, told.round_dp(6)), (10, cost.round_dp(6)));
        }
    }
}

#[tokio::test]
async fn a_cancelled_call_is_paid_by_its_length() {
    let chat = Chat::new(vec![Reply::Stream(vec![forty()], End::Hang)]).await;
    let turn = chat.ask("hello").await.turn_id;
    let mut events = chat.service.events(&chat.world.marketer, turn, 0).await.unwrap();
    while let Some(event) = events.next().await {
        if matches!(event.kind, TurnEventKind::Text { .. }) {
            chat.service.cancel(&chat.world.marketer, turn).await.unwrap();
        }
    }
    let (how, tokens_in, tokens_out, cost) = recorded(&chat).await;
    assert_eq!((how.as_str(), tokens_out), ("broken", 10));
    assert!(tokens_in > 1_000 && cost > Decimal::ZERO, "{tokens_in} {cost}");
}

#[tokio::test]
async fn a_refused_call_costs_nothing_and_a_reported_one_what_it_says() {
    let chat = Chat::new(vec![Reply::Refuse(401, None)]).await;
    chat.answer("hello").await;
    assert_eq!(recorded(&chat).await, ("error".to_owned(), 0, 0, Decimal::ZERO));
    let chat = Chat::new(vec![says(&["Well."])]).await;
    chat.answer("hello").await;
    let (how, tokens_in, tokens_out, cost) = recorded(&chat).await;
    assert_eq!(
        (how.as_str(), tokens_in, tokens_out, cost.normalize().to_string().as_str()),
        ("ok", 1000, 100, "0.0028")
    );
}
