use super::*;
use crate::drafts::proposal::{End, Step};
use crate::drafts::words::dec;
use jiff::civil::date;

fn moving(days: &[(i8, &str, &str)], restore_at_end: bool) -> Reallocation {
    let end = |current: &str, new: &str| End {
        platform: "google_ads".to_owned(),
        account_id: "1".to_owned(),
        currency: "EUR".parse().unwrap(),
        campaign_id: "1".to_owned(),
        budget_id: None,
        current: dec(current),
        new: dec(new),
    };
    let step = |(day, from, to): &(i8, &str, &str)| Step {
        date: date(2025, 9, *day),
        from_new: dec(from),
        to_new: dec(to),
    };
    Reallocation {
        from: end("250", "220"),
        to: end("50", "80"),
        amount_per_day: dec("30"),
        start_date: date(2025, 9, 18),
        end_date: date(2025, 9, 24),
        restore_at_end,
        ramp: days.iter().map(step).collect(),
    }
}

#[test]
fn one_step_a_day_and_the_return_after_the_last_day() {
    let all = stages(&moving(&[(18, "240", "60"), (19, "228", "72"), (20, "220", "80")], true));
    let shown: Vec<_> =
        all.iter().map(|s| format!("{} {} {} {}", s.on, s.from_new, s.to_new, s.restores)).collect();
    assert_eq!(
        shown,
        [
            "2025-09-18 240 60 false",
            "2025-09-19 228 72 false",
            "2025-09-20 220 80 false",
            "2025-09-25 250 50 true"
        ]
    );
    let on = |day: i8| due(&all, date(2025, 9, day)).unwrap().0;
    assert_eq!([on(1), on(18), on(19), on(24), on(25), on(30)], [1, 1, 2, 3, 4, 4]);
}

#[test]
fn without_a_ramp_there_is_one_step() {
    let all = stages(&moving(&[], false));
    assert_eq!(
        all,
        [Stage { on: date(2025, 9, 18), from_new: dec("220"), to_new: dec("80"), restores: false }]
    );
}
