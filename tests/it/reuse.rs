//! An identical question asked again shortly after costs no second answer of a provider; nothing else is an identical one.
use crate::chat::{Chat, end, lines, load_shop};
use crate::fake_provider::{FakeProvider, Reply, calls, says};
use crate::imports::{Told, bring};
use adjutant::access::Actor;
use adjutant::chat::{Ask, FinishedTurn, ReceiptStatus, Settings, TurnEventKind};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::time::Duration;

const QUESTION: &str = "how much did we spend last week?";
const MORE: &str = "Day,Campaign,Cost,Clicks,Conversions\n2025-09-10,Autumn Test,77,5,1\n";

/// Reads the spend, then says its total as it was read.
fn reply(_: usize, request: &Value) -> Reply {
    let messages = request["messages"].as_array().unwrap();
    let Some(output) = messages.iter().find(|message| message["role"] == "tool") else {
        return calls(&[("c1", "spend_by_channel", json!({"window": "last 7 days"}))]);
    };
    let text = output["content"].as_str().unwrap();
    let data: Value =
        serde_json::from_str(text.trim_start_matches("<data>").trim_end_matches("</data>")).unwrap();
    let total = data["totals_over_all_rows"]["cost"].to_string();
    says(&["We spent ", total.trim_matches('"'), "."])
}

async fn shop() -> Chat {
    let provider = FakeProvider::answering(reply).await;
    let kept = |models: &mut adjutant::llm::Settings| models.reuse = Duration::from_secs(300);
    let chat = Chat::with(provider, kept, Settings::default()).await;
    load_shop(&chat.world, chat.world.org, |sql| sql).await;
    chat
}

async fn asked(chat: &Chat, who: &Actor) -> FinishedTurn {
    let ask = Ask { message: QUESTION.into(), ..Ask::default() };
    let handle = chat.service.ask(who, ask).await.unwrap();
    let turn = chat.service.finished(who, handle.turn_id).await.unwrap();
    assert_eq!(chat.provider.faults(), Vec::<String>::new());
    assert!(!end(&turn).contains("null"), "{}", end(&turn));
    turn
}

/// Tokens and cost of a turn, and whether each of its figures has a receipt.
fn paid(turn: &FinishedTurn) -> (u64, bool, bool) {
    let Some(TurnEventKind::Completed { tokens_in, cost, .. }) = turn.end() else { panic!() };
    let traced = turn.events.iter().any(|event| match &event.kind {
        TurnEventKind::Receipts { figures } => {
            !figures.is_empty() && figures.iter().all(|figure| figure.status == ReceiptStatus::Traced)
        }
        _ => false,
    });
    (*tokens_in, cost.is_zero(), traced)
}

#[tokio::test]
async fn the_same_question_is_answered_again_without_the_provider_from_data_read_anew() {
    let chat = shop().await;
    let first = asked(&chat, &chat.world.marketer).await;
    assert_eq!((chat.provider.requests().len(), paid(&first)), (2, (2000, false, true)));
    let second = asked(&chat, &chat.world.marketer).await;
    assert_eq!((chat.provider.requests().len(), paid(&second)), (2, (0, true, true)));
    assert_eq!(end(&first), end(&second));
    assert!(lines(&second).iter().any(|line| line.contains("that answer is given again")), "{second:?}");
    // What was given again is in the record of calls too, beside what was paid for.
    let mut tx = chat.world.db.org(chat.world.org).await.unwrap();
    let calls: Vec<(String, i64, i64, Decimal)> = sqlx::query_as(
        "select state, count(*), sum(tokens_in)::bigint, sum(cost) from model_calls group by state order by state",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let (paid, reused) = (&calls[0], &calls[1]);
    assert_eq!((paid.0.as_str(), paid.1, paid.2), ("ok", 2, 2000));
    assert_eq!((reused.0.as_str(), reused.1, reused.2, reused.3), ("reused", 2, 0, Decimal::ZERO));
    let ran = |turn: &FinishedTurn| turn.events.iter().any(|e| e.kind.word() == "tool.completed");
    assert!(ran(&first) && ran(&second));
}

#[tokio::test]
async fn new_data_is_answered_anew() {
    let chat = shop().await;
    let first = asked(&chat, &chat.world.marketer).await;
    chat.world.clock.advance(Duration::from_secs(60));
    bring(&chat.world, "ads", MORE.as_bytes(), &Told::default()).await.unwrap();
    let second = asked(&chat, &chat.world.marketer).await;
    assert_ne!(end(&first), end(&second));
    // Only the words: what to read is wished for as before.
    assert_eq!((chat.provider.requests().len(), paid(&second)), (3, (1000, false, true)));
    assert!(!lines(&second).iter().any(|line| line.contains("given again")));
    chat.world.clock.advance(Duration::from_secs(300));
    asked(&chat, &chat.world.marketer).await;
    assert_eq!(chat.provider.requests().len(), 5, "too old");
}

#[tokio::test]
async fn other_rights_and_other_organisations_are_answered_for_themselves() {
    let chat = shop().await;
    let other = chat.world.other_org().await;
    load_shop(&chat.world, other.org, |sql| sql).await;
    let asking = [&chat.world.marketer, &chat.world.viewer, &other.marketer, &other.viewer];
    for (n, who) in asking.into_iter().enumerate() {
        let turn = asked(&chat, who).await;
        assert_eq!((chat.provider.requests().len(), paid(&turn)), (2 * n + 2, (2000, false, true)));
    }
    // One who lost a right since is no longer the one who asked.
    let mut less = chat.world.marketer.clone();
    less.permissions.remove(&adjutant::access::Permission::DraftCreate);
    asked(&chat, &less).await;
    assert_eq!(chat.provider.requests().len(), 10);
    // And one who may no longer read gets no figure at all, whatever was answered to others.
    let mut none = chat.world.marketer.clone();
    none.permissions.remove(&adjutant::access::Permission::QueryRun);
    let ask = Ask { message: QUESTION.into(), ..Ask::default() };
    if let Ok(handle) = chat.service.ask(&none, ask).await {
        let turn = chat.service.finished(&none, handle.turn_id).await.unwrap();
        assert!(!turn.events.iter().any(|e| e.kind.word() == "tool.completed"), "{turn:?}");
    }
}
