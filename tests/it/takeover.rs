//! Readers of a turn that changes hands: whatever they saw, from any point they see the rest and the end.
use crate::chat::{Chat, end, killed, models, replica, shown};
use crate::fake_provider::{End, Reply, delta, says};
use adjutant::chat::{Settings, TurnEvent, TurnEventKind};
use adjutant::db::turns::{self, GAP};
use futures::StreamExt;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// From now on the log takes no text: as if the owner lost its database while it streams.
const DEAF: &str = "
    create function deaf() returns trigger language plpgsql as $$ begin raise exception 'away'; end $$;
    create trigger deaf before insert on turn_events for each row when (new.kind = 'text.delta') execute function deaf()";

fn half(pieces: i32) -> Reply {
    let pieces = (0..pieces).map(|n| delta(json!({"content": format!("word{n} ")})));
    Reply::Stream(pieces.collect(), End::Hang)
}

#[tokio::test]
async fn who_saw_more_than_was_stored_reads_on_elsewhere_and_misses_nothing() {
    let chat = Chat::new(vec![half(40), says(&["Here ", "it ", "is."])]).await;
    let mut superuser = chat.world.superuser().await;
    sqlx::raw_sql(DEAF).execute(&mut superuser).await.unwrap();
    let seen = Arc::new(AtomicI32::new(0));
    let last = Arc::clone(&seen);
    let turn = killed(&chat, "hello", move |event| {
        last.store(event.seq, Ordering::SeqCst);
        event.seq == 41
    })
    .await;
    sqlx::raw_sql("drop trigger deaf on turn_events").execute(&mut superuser).await.unwrap();
    let mut tx = chat.world.db.org(chat.world.org).await.unwrap();
    assert_eq!(turns::last_seq(&mut tx, chat.world.org, turn).await.unwrap(), 1, "nothing else was stored");
    tx.commit().await.unwrap();
    chat.world.clock.advance(Duration::from_secs(10));
    assert_eq!(chat.service.recover().await.unwrap(), 1);
    let other = replica(&chat.world, &models(&chat.provider), Settings::default());
    for service in [&chat.service, &other] {
        let events = service.events(&chat.world.marketer, turn, seen.load(Ordering::SeqCst)).await.unwrap();
        let rest: Vec<TurnEvent> = events.collect().await;
        assert!(rest[0].seq > GAP);
        assert_eq!(shown(&rest), "Here it is.");
        let text = rest.iter().find(|event| matches!(event.kind, TurnEventKind::Text { .. })).unwrap();
        assert!(
            matches!(text.kind, TurnEventKind::Text { restart: true, .. }),
            "what was shown is withdrawn"
        );
        assert!(matches!(&rest.last().unwrap().kind, TurnEventKind::Completed { .. }));
    }
}

#[tokio::test]
async fn who_saw_more_than_was_stored_sees_a_stop_from_another_replica() {
    let chat = Chat::new(vec![half(40)]).await;
    let mut superuser = chat.world.superuser().await;
    sqlx::raw_sql(DEAF).execute(&mut superuser).await.unwrap();
    let turn = killed(&chat, "hello", |event| event.seq == 41).await;
    chat.service.cancel(&chat.world.marketer, turn).await.unwrap();
    let events = chat.service.events(&chat.world.marketer, turn, 41).await.unwrap();
    let rest: Vec<TurnEvent> = events.collect().await;
    assert!(matches!(rest.as_slice(), [TurnEvent { kind: TurnEventKind::Cancelled { .. }, .. }]), "{rest:?}");
}

#[tokio::test]
async fn nothing_comes_after_the_end_wherever_a_reader_says_it_is() {
    let chat = Chat::new(vec![says(&["Done."]), half(2)]).await;
    let finished = chat.answer("hello").await;
    assert_eq!(end(&finished), "answered by fake-1: Done.");
    let last = finished.events.last().unwrap().seq;
    let other = replica(&chat.world, &models(&chat.provider), Settings::default());
    for service in [&chat.service, &other] {
        for after in [last, last + 1, i32::MAX - 1, i32::MAX] {
            let events = service.events(&chat.world.marketer, finished.turn_id, after).await.unwrap();
            assert_eq!(events.collect::<Vec<_>>().await.len(), 0, "after {after}");
        }
    }
    // The same of a turn that still runs here: nothing to give, and no panic.
    let turn = chat.ask("and now?").await.turn_id;
    let mut far = chat.service.events(&chat.world.marketer, turn, i32::MAX).await.unwrap();
    assert!(futures::poll!(far.next()).is_pending());
    chat.service.cancel(&chat.world.marketer, turn).await.unwrap();
    assert!(far.next().await.is_none());
}
