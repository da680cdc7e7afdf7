use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn a_long_queue_sends_back_for_as_long_as_it_takes_to_drain() {
    let org = OrgId(uuid::Uuid::from_u128(1));
    let pressure = Pressure::new(|| 0.5);
    assert!(pressure.is_stale(org, at(0)));
    pressure.observe(org, 50_000, at(0));
    assert!(!pressure.is_stale(org, at(4)) && pressure.is_stale(org, at(5)));
    assert_eq!(pressure.queue(org, at(0)), Ok(()));
    // Nobody drains it: the longest wait.
    pressure.observe(org, 60_000, at(10));
    assert_eq!(pressure.queue(org, at(10)), Err(Pressed { reason: Reason::RollupQueue, retry_after: 120 }));
    // 1,000 a second: 55,000 take 55 s.
    pressure.observe(org, 55_000, at(15));
    assert_eq!(pressure.queue(org, at(15)).unwrap_err().retry_after, 55);
    assert_eq!(pressure.lately(at(75)).unwrap().reason, Reason::RollupQueue);
    assert_eq!(pressure.lately(at(76)), None);
    pressure.observe(org, 10, at(80));
    assert_eq!(pressure.queue(org, at(80)), Ok(()));
}

#[test]
fn the_wait_is_spread_by_a_fifth_to_both_sides_and_never_none() {
    for (jitter, expected) in [(0.0, 80), (0.5, 100), (1.0, 120)] {
        let pressure = Pressure::new(move || jitter);
        assert_eq!(pressure.pool(10, 10.0, at(0)).retry_after, expected);
    }
    assert_eq!(Pressure::new(|| 0.0).pool(0, 0.0, at(0)).retry_after, 1);
}
