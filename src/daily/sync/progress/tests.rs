use super::*;
use jiff::civil::date;
use serde_json::json;

const PACE: Pace = Pace { restate_days: 2, slice_days: 7, backfill_days: 20 };

fn today() -> Date {
    date(2025, 9, 17)
}

fn day(n: i8) -> Date {
    date(2025, 9, n)
}

fn window(first: i8, last: i8) -> Window {
    Window::new(day(first), day(last)).unwrap()
}

#[test]
fn a_first_load_begins_with_the_newest_days_and_can_be_taken_up_again() {
    let mut progress = Progress::default();
    let plan = progress.plan(None, today(), PACE);
    assert_eq!(
        plan.iter().map(|w| (w.start, w.end)).collect::<Vec<_>>(),
        [(day(11), day(17)), (day(4), day(10)), (date(2025, 8, 29), day(3)),]
    );
    progress.kept(plan[0], None, today());
    assert_eq!(progress.complete_through, Some(day(16)), "today is not over");
    // The program dies; what was kept comes back from the database.
    let mut again = Progress::read_from(&json!(progress));
    let rest = again.plan(None, day(18), PACE);
    assert_eq!(
        rest.iter().map(|w| (w.start, w.end)).collect::<Vec<_>>(),
        [(day(15), day(18)), (day(4), day(10)), (date(2025, 8, 29), day(3)),]
    );
    for slice in rest {
        again.kept(slice, None, day(18));
    }
    assert_eq!((again.backlog.len(), again.complete_through), (0, Some(day(17))));
}

#[test]
fn a_run_reads_the_days_that_may_still_move() {
    let mut progress = Progress { reached: Some(day(15)), ..Progress::default() };
    let plan = progress.plan(None, today(), PACE);
    assert_eq!(plan.iter().map(|w| (w.start, w.end)).collect::<Vec<_>>(), [(day(13), day(17))]);
}

#[test]
fn a_hole_holds_the_cursor_back_and_only_it_is_read_again() {
    let mut progress =
        Progress { reached: Some(day(1)), complete_through: Some(day(1)), ..Progress::default() };
    for slice in progress.plan(None, today(), PACE) {
        if slice.start == day(4) {
            progress.failed(slice, today());
        } else {
            progress.kept(slice, None, today());
        }
    }
    assert_eq!(progress.holes, [(day(4), day(10))]);
    assert_eq!((progress.complete_through, progress.reached), (Some(day(3)), Some(day(17))));
    let plan = progress.plan(None, today(), PACE);
    assert_eq!(
        plan.iter().map(|w| (w.start, w.end)).collect::<Vec<_>>(),
        [(day(15), day(17)), (day(4), day(10))]
    );
    for slice in plan {
        progress.kept(slice, None, today());
    }
    assert_eq!((progress.holes.len(), progress.complete_through), (0, Some(day(16))));
}

#[test]
fn days_the_platform_has_no_figures_of_are_not_read() {
    let mut progress = Progress::default();
    let plan = progress.plan(None, today(), PACE);
    progress.kept(plan[0], Some(day(14)), today());
    assert_eq!((progress.reached, progress.complete_through), (Some(day(14)), Some(day(14))));
    progress.kept(window(16, 17), Some(day(15)), today());
    assert_eq!(progress.reached, Some(day(14)), "none of its days was there");
}

#[test]
fn days_asked_for_are_read_and_what_lies_between_is_not_forgotten() {
    let mut progress = Progress { reached: Some(day(5)), ..Progress::default() };
    let plan = progress.plan(Some(window(12, 13)), today(), PACE);
    assert_eq!(plan, [window(12, 13)]);
    progress.kept(plan[0], None, today());
    assert_eq!(progress.backlog, [(day(6), day(11))]);
}

#[test]
fn what_was_never_read_cannot_be_restated() {
    let mut progress = Progress::default();
    let plan = progress.plan(None, today(), PACE);
    assert!(progress.read_before(plan[0]).is_empty());
    progress.kept(plan[0], None, today());
    assert!(progress.read_before(plan[1]).is_empty(), "the backlog");
    assert_eq!(progress.read_before(window(10, 12)).into_iter().collect::<Vec<_>>(), [day(11), day(12)]);
    progress.failed(window(11, 11), today());
    assert_eq!(progress.read_before(window(10, 12)).into_iter().collect::<Vec<_>>(), [day(12)]);
}

fn planned(plan: &[Window]) -> Vec<(Date, Date)> {
    plan.iter().map(|slice| (slice.start, slice.end)).collect()
}

#[test]
fn after_a_downtime_the_days_before_it_are_not_forgotten() {
    let pace = Pace { restate_days: 10, ..PACE };
    let read = Progress { reached: Some(day(5)), since: Some(date(2025, 6, 1)), ..Progress::default() };
    let mut progress = read.clone();
    let plan = progress.plan(None, today(), pace);
    assert_eq!(plan[0], window(11, 17));
    // The newest days are kept, then the program dies.
    progress.kept(plan[0], None, today());
    assert_eq!(progress.complete_through, Some(day(5)), "the 6th to the 10th are missing");
    assert_eq!(progress.settled_before(day(7)), date(2025, 8, 26), "those before are still to be read again");
    let mut after = Progress::read_from(&json!(progress));
    let rest = after.plan(None, day(18), pace);
    assert!(planned(&rest).iter().any(|(first, _)| *first == date(2025, 8, 26)), "{rest:?}");
    assert_eq!(after.read_before(window(4, 7)).into_iter().collect::<Vec<_>>(), [day(4), day(5)]);
    for slice in rest {
        after.kept(slice, None, day(18));
    }
    assert_eq!((after.complete_through, after.again.len()), (Some(day(17)), 0));
    assert_eq!(after.settled_before(day(8)), day(8));
}

#[test]
fn a_first_run_of_days_asked_for_leaves_the_history_to_be_read() {
    let mut progress = Progress::default();
    let plan = progress.plan(Some(window(10, 17)), today(), PACE);
    for slice in plan {
        progress.kept(slice, None, today());
    }
    assert_eq!(progress.backlog, [(date(2025, 8, 29), day(9))]);
    assert!(
        planned(&progress.plan(None, today(), PACE)).iter().any(|(first, _)| *first == date(2025, 8, 29))
    );
    let old = Window::new(date(2025, 7, 1), date(2025, 7, 2)).unwrap();
    progress.kept(old, None, today());
    assert_eq!(progress.backlog[0], (date(2025, 7, 3), day(9)), "and what lies between");
}
