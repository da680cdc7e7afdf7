//! What a person has open beside their conversation with us goes with their question.
use super::stored::{dm, event, post_event, worked};
use super::threads::Overheard;
use super::told::{answered, shown};
use super::workspace::Workspace;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// The entity that Slack names for a message in #marketing.
fn message(ts: &str) -> Value {
    json!({"entities": [{"type": "slack#/types/message_context", "team_id": adjutant::fake_slack::TEAM,
                         "value": {"message_ts": ts, "channel_id": "C0MARKETING"}}]})
}

async fn opens(w: &Workspace, id: &str, at: &str, context: Value) {
    let changed = json!({"type": "app_context_changed", "channel": "D0MARA", "user": "U0MARA", "event_ts": at,
                         "context": context});
    assert_eq!(post_event(w, &event(id, changed)).await, StatusCode::OK);
}

/// Mara asks. `context`: what Slack says with the question.
async fn asks(w: &Workspace, question: &str, context: Option<Value>) {
    w.fake.hold();
    let ts = w.fake.dm("mara", question).unwrap();
    if let Some(context) = context {
        let mut payload = dm(&format!("Ev{ts}"), &ts, question);
        payload["event"]["app_context"] = context;
        assert_eq!(post_event(w, &payload).await, StatusCode::OK);
    }
    // The fake's own event of the message, which knows nothing of a context, is a twin by now where there is one.
    w.fake.release(false);
    answered(w, "D0MARA", &ts).await;
    shown(w).await;
}

#[tokio::test]
async fn the_message_that_is_open_beside_us_goes_with_the_question() {
    let (w, model) = Overheard::workspace().await;
    let cold = w.fake.say("aron", "marketing", "Prospecting is ice cold again").unwrap();
    let brand = w.fake.say("aron", "marketing", "Brand search carries us").unwrap();
    let about = |question: &str| format!("{:?}", model.told(question));

    asks(&w, "how much did we spend on monday?", None).await;
    assert!(!about("on monday").contains("ice cold"), "nothing is open yet");
    opens(&w, "EvOpen1", "1758100002.000100", message(&cold)).await;
    asks(&w, "how much did we spend on tuesday?", None).await;
    assert!(about("on tuesday").contains("Prospecting is ice cold again"), "{}", about("on tuesday"));
    // What comes with the question itself is newer.
    asks(&w, "how much did we spend on friday?", Some(message(&brand))).await;
    assert!(about("on friday").contains("Brand search carries us"));
    assert!(!about("on friday").contains("ice cold"));
    // A channel is open now, not the message any more.
    let channel = json!({"entities": [{"type": "slack#/types/channel_id", "value": "C0GENERAL"}]});
    opens(&w, "EvOpen2", "1758100005.000100", channel).await;
    asks(&w, "how much did we spend on saturday?", None).await;
    assert!(!about("on saturday").contains("ice cold"));
    // Long ago is not now.
    opens(&w, "EvOpen3", "1758100007.000100", message(&cold)).await;
    worked(&w).await;
    w.pass(Duration::from_secs(16 * 60));
    asks(&w, "how much did we spend on sunday?", None).await;
    assert!(!about("on sunday").contains("ice cold"));
}
