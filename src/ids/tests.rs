use super::*;
use crate::clock::ManualClock;

#[test]
fn ids_sort_by_creation_although_the_clock_stands_still() {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    let made: Vec<TurnId> = (0..1_000).map(|_| TurnId::new(&*clock)).collect();
    let mut sorted = made.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(made, sorted);
}
