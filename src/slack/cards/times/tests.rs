use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn life(from: &str, expires_at: &str) -> Life {
    Life { from: at(from), expires_at: at(expires_at), held_until: None }
}

/// Made on Wednesday 17 September 2025 at 11:00 in Zurich, over a week later.
fn week() -> Life {
    life("2025-09-17T09:00:00Z", "2025-09-24T09:00:00Z")
}

#[test]
fn half_of_the_life_waits_for_the_next_working_hour() {
    // Half is Saturday evening in Zurich: Monday at nine.
    assert_eq!(half(&week(), &zone("Europe/Zurich")), Some(at("2025-09-22T07:00:00Z")));
    // In working hours it is half to the second.
    let short = life("2025-09-17T09:00:00Z", "2025-09-17T13:00:00Z");
    assert_eq!(half(&short, &zone("Europe/Zurich")), Some(at("2025-09-17T11:00:00Z")));
    // The same instant is the middle of the night in Los Angeles, and the draft is over before the day begins.
    assert_eq!(half(&short, &zone("America/Los_Angeles")), None);
}

#[test]
fn the_last_hour_comes_early_rather_than_at_night() {
    assert_eq!(last_hour(&week(), &zone("Europe/Zurich")), Some(at("2025-09-24T08:00:00Z")));
    // Half past six in the morning: the afternoon before.
    let early = life("2025-09-17T09:00:00Z", "2025-09-24T04:30:00Z");
    assert_eq!(last_hour(&early, &zone("Europe/Zurich")), Some(at("2025-09-23T14:00:00Z")));
    let afternoon = life("2025-09-17T09:00:00Z", "2025-09-18T14:30:00Z");
    assert_eq!(last_hour(&afternoon, &zone("Europe/Zurich")), Some(at("2025-09-18T13:30:00Z")));
    // Expires on Sunday: Friday at four.
    let weekend = life("2025-09-17T09:00:00Z", "2025-09-21T12:00:00Z");
    assert_eq!(last_hour(&weekend, &zone("Europe/Zurich")), Some(at("2025-09-19T14:00:00Z")));
    // Each reviewer has hours of their own.
    assert_eq!(last_hour(&weekend, &zone("America/Los_Angeles")), Some(at("2025-09-19T23:00:00Z")));
}

#[test]
fn what_is_due_is_due_once_the_moment_has_come() {
    let zurich = zone("Europe/Zurich");
    assert_eq!(due(&week(), &zurich, at("2025-09-22T06:59:59Z")), None);
    assert_eq!(due(&week(), &zurich, at("2025-09-22T07:00:00Z")), Some(Reminder::Half));
    assert_eq!(
        due(&week(), &zurich, at("2025-09-22T20:00:00Z")),
        None,
        "nobody works; missed, not sent late"
    );
    assert_eq!(due(&week(), &zurich, at("2025-09-24T08:00:00Z")), Some(Reminder::LastHour));
    assert_eq!(due(&week(), &zurich, at("2025-09-24T09:00:00Z")), None, "over");
}

#[test]
fn a_held_draft_is_quiet_until_the_hold_ends() {
    let held = Life { held_until: Some(at("2025-09-22T11:00:00Z")), ..week() };
    assert_eq!(due(&held, &zone("Europe/Zurich"), at("2025-09-22T10:00:00Z")), None);
    assert_eq!(due(&held, &zone("Europe/Zurich"), at("2025-09-22T11:00:00Z")), Some(Reminder::Half));
}
