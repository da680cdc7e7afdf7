//! Long conversations: what the model is shown of them, and which figures may come from far back.
use crate::chat::Chat;
use crate::fake_provider::{FakeProvider, calls, says};
use crate::turn_tools::{count, first_output, outputs, over, receipts};
use adjutant::chat::{Ask, FinishedTurn, ReceiptStatus, Settings};
use adjutant::ids::ConversationId;
use serde_json::json;
use std::sync::{Arc, Mutex};

async fn further(chat: &Chat, conversation: ConversationId, message: &str) -> FinishedTurn {
    let ask = Ask { message: message.into(), conversation_id: Some(conversation), ..Ask::default() };
    let handle = chat.service.ask(&chat.world.marketer, ask).await.unwrap();
    chat.service.finished(&chat.world.marketer, handle.turn_id).await.unwrap()
}

#[tokio::test]
async fn a_figure_of_a_result_far_back_has_its_receipt() {
    let total: Arc<Mutex<String>> = Arc::default();
    let found = Arc::clone(&total);
    let provider = FakeProvider::answering(move |n, request| match n {
        1 => calls(&[("a", "spend_by_channel", json!({}))]),
        2 => {
            let cost = first_output(request)["totals_over_all_rows"]["cost"].as_str().unwrap().to_owned();
            *found.lock().unwrap() = cost;
            says(&["There."])
        }
        10 => says(&[&format!("It was EUR {} in all.", found.lock().unwrap())]),
        _ => says(&["Yes."]),
    });
    let chat = over(provider.await, Settings::default()).await;
    let first = chat.answer("spend by channel?").await;
    for n in 0..7 {
        further(&chat, first.conversation_id, &format!("note number {n}")).await;
    }
    let last = further(&chat, first.conversation_id, "what was the total again?").await;
    let requests = chat.provider.requests();
    assert_eq!(requests.len(), 10, "the figure was not sent back");
    assert_eq!(outputs(&requests[9]), Vec::<String>::new(), "the model is shown the newest results only");
    let told = requests[9].to_string();
    assert!(told.contains("spend by channel?"), "short turns are shown as long as the budget lasts");
    let figures = receipts(&last);
    assert_eq!(figures.len(), 1, "{figures:?}");
    assert_eq!(
        (figures[0].status, figures[0].column.as_deref()),
        (ReceiptStatus::Traced, Some("total.cost"))
    );
}

/// Turns of a conversation as if it had gone on for long.
const MANY: &str = "
    insert into turns (org_id, id, conversation_id, asker_id, surface, question, context, state, answer, created_at)
    select t.org_id, gen_random_uuid(), t.conversation_id, t.asker_id, t.surface, 'question ' || n, '{}', 'completed',
           'Answer ' || n || '. ' || repeat('word ', 500), t.created_at - n * interval '1 minute'
    from (select * from turns order by id limit 1) t, generate_series(1, 450) n";

#[tokio::test]
async fn the_summary_of_a_conversation_grows_beyond_what_is_looked_at() {
    let chat =
        Chat::with(FakeProvider::answering(|_, _| says(&["Yes."])).await, |_| {}, Settings::default()).await;
    let first = chat.answer("hello").await;
    let mut connection = chat.world.superuser().await;
    sqlx::raw_sql(MANY).execute(&mut connection).await.unwrap();
    let upto = "select summary_upto::bigint from conversations";
    further(&chat, first.conversation_id, "and now?").await;
    let before = count(&mut connection, upto).await;
    assert!(before > 400, "{before}");
    // Long questions take the place of what was shown.
    let long = format!("once more {}", "please ".repeat(900));
    for _ in 0..5 {
        further(&chat, first.conversation_id, &long).await;
    }
    let grown = count(&mut connection, upto).await;
    assert!(grown > before, "{before}, then {grown}");
    let summary = "select count(*) from conversations where summary like '%Q: question 1 A: Answer 1.%'";
    assert_eq!(count(&mut connection, summary).await, 1, "the newest of what is not shown any more is told");
}
