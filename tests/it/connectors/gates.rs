//! Who may send, and who hears of it: bad signatures, deliveries that were given up, strangers behind the same proxy.
use super::fake::Trouble;
use super::hooks::{Desk, changed, signed};
use super::stripe::lines;
use adjutant::clock::Clock as _;
use adjutant::http::hooks::{Connections, Gateway};
use reqwest::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use uuid::Uuid;

/// What people were told, each as its title and lines.
async fn told(desk: &Desk) -> Vec<String> {
    lines(
        &desk.rig,
        "select payload #>> '{notice,title}' || ' ' || (payload #>> '{notice,lines}') from outbox
         where channel_ref like 'notice:alert:%' order by created_at, seq",
    )
    .await
}

async fn forged(desk: &Desk) -> StatusCode {
    let now = desk.rig.clock.now().as_second();
    let path = format!("/hooks/stripe/{}", desk.rig.source);
    let header = signed(now, "something else");
    desk.send(&path, &[("stripe-signature", &header)], changed("evt_bad", 1).as_bytes()).await.0
}

#[tokio::test]
async fn what_was_given_up_is_told_once_a_day() {
    let desk = Desk::new().await;
    for n in 1..=3 {
        desk.deliver(&changed(&format!("evt_{n}"), n)).await;
    }
    desk.rig.fake.trouble(0, Trouble::Status(400));
    for later in
        ["2025-09-17T09:00:00Z", "2025-09-17T09:01:00Z", "2025-09-17T09:03:00Z", "2025-09-17T09:30:00Z"]
    {
        desk.rig.clock.set(later);
        assert!(told(&desk).await.is_empty(), "{later}");
        desk.work().await;
    }
    let dead = "select count(*) from webhook_events where state = 'dead'";
    assert_eq!(desk.rig.count(dead).await, 3);
    let notices = told(&desk).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("Under test (stripe)") && notices[0].contains("hooks replay"), "{notices:?}");
}

#[tokio::test]
async fn twenty_bad_signatures_within_an_hour_are_told_and_shut_nobody_out() {
    let desk = Desk::new().await;
    for n in 1..=60 {
        assert_eq!(forged(&desk).await, StatusCode::UNAUTHORIZED, "{n}");
        assert_eq!(told(&desk).await.len(), usize::from(n >= 20), "{n}");
    }
    let notices = told(&desk).await;
    assert!(
        notices[0].contains("Under test (stripe)") && notices[0].contains("source secret"),
        "{notices:?}"
    );
    // Somebody behind the same proxy looks for other connections too.
    let nowhere = format!("/hooks/stripe/{}", Uuid::from_u128(7));
    let mut last = StatusCode::OK;
    for _ in 0..40 {
        last = desk.send(&nowhere, &[], b"{}").await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    // The platform's own, which never came here before, is taken.
    let (status, said) = desk.deliver(&changed("evt_1", 1)).await;
    assert_eq!((status, said["status"].as_str()), (StatusCode::OK, Some("stored")), "{said}");
    // Another hour is another matter.
    desk.rig.clock.set("2025-09-17T11:00:00Z");
    for _ in 0..20 {
        forged(&desk).await;
    }
    assert_eq!(told(&desk).await.len(), 2);
}

#[tokio::test]
async fn only_what_is_proven_counts_towards_the_deliveries_of_a_minute() {
    let mut desk = Desk::new().await;
    let engine = desk.rig.engine.clone();
    let connections: Connections = Arc::new(move || Ok(Some(engine.clone())));
    let routes = Gateway::limited(connections, desk.rig.clock.clone(), 5).routes();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    desk.url = format!("http://{}", listener.local_addr().unwrap());
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    for _ in 0..15 {
        assert_eq!(forged(&desk).await, StatusCode::UNAUTHORIZED);
    }
    let mut seen = Vec::new();
    for n in 1..=7 {
        seen.push(desk.deliver(&changed(&format!("evt_{n}"), n)).await.0);
    }
    assert_eq!(seen[..5], [StatusCode::OK; 5], "{seen:?}");
    assert_eq!(seen[6], StatusCode::TOO_MANY_REQUESTS);
}
