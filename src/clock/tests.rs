use super::*;
use futures::poll;
use std::pin::pin;

#[tokio::test]
async fn a_clock_moved_by_hand_wakes_those_who_wait_for_it() {
    let clock = ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap());
    let at = clock.now() + Duration::from_secs(2);
    let mut waiting = pin!(clock.until(at));
    assert!(poll!(&mut waiting).is_pending());
    clock.advance(Duration::from_secs(1));
    assert!(poll!(&mut waiting).is_pending());
    clock.set(at);
    waiting.await;
    clock.until(clock.now()).await;
}

#[tokio::test]
async fn the_system_clock_is_not_waited_for_when_the_time_has_passed() {
    let mut past = pin!(SystemClock.until(SystemClock.now() - Duration::from_secs(1)));
    assert!(poll!(&mut past).is_ready());
    let mut future = pin!(SystemClock.until(SystemClock.now() + Duration::from_secs(60)));
    assert!(poll!(&mut future).is_pending());
}
