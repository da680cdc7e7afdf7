//! What comes with a question: filters that the offline planner applies, and a refusal of what it cannot.
use crate::catalogue::load_shop;
use crate::served::{Served, events};
use crate::world::World;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn chips_are_filters_or_refused() {
    let world = World::new().await;
    load_shop(&world.db, world.org, |sql| sql).await;
    let served = Served::new(&world).await;
    let session = served.session(&world.marketer).await;
    let ask = |context: Value| {
        let body = json!({"message": "which campaigns wasted money?", "context": context});
        let (served, session) = (&served, &session);
        async move { served.post("/api/chat", session, body).await }
    };
    let month = json!({"start": "2025-08-01", "end": "2025-08-31"});
    let week = json!({"start": "2025-09-01", "end": "2025-09-07"});
    let chart = json!({"query": "spend_by_channel", "params": {"window": week, "min_spend": 75}});
    let params = |reply: &crate::served::Reply| {
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        events(&reply.body, "tool.started")[0]["params"].clone()
    };
    assert_eq!(params(&ask(json!({"date_range": month})).await)["window"], month);
    let of_chart = params(&ask(json!({"chart": chart})).await);
    assert_eq!((&of_chart["window"], &of_chart["min_spend"]), (&week, &json!(75)));
    let both = params(&ask(json!({"chart": chart, "date_range": month})).await);
    assert_eq!(
        (&both["window"], &both["min_spend"]),
        (&month, &json!(75)),
        "what is set beside a chart wins"
    );
    for bad in [json!({"colour": "red"}), json!({"campaign": ["a", "b"]}), json!({"page": null})] {
        let refused = ask(bad).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::BAD_REQUEST, &json!("chat.context"))
        );
    }
}
