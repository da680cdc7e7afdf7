use super::*;
use proptest::prelude::*;

/// The column "Leaves to" of `actions.md` §1, written a second time by state.
fn leaves_to(state: DraftState) -> &'static [DraftState] {
    match state {
        S::Pending => {
            &[S::Approved, S::ChangesRequested, S::Rejected, S::Cancelled, S::Expired, S::Stale, S::Pending]
        }
        S::ChangesRequested => &[S::Pending, S::Rejected, S::Cancelled, S::Expired],
        S::Approved => &[S::Scheduled, S::Executing, S::Executed, S::Cancelled, S::Expired, S::Stale],
        S::Scheduled => &[S::Executing, S::Approved, S::Cancelled, S::Stale],
        S::Executing => &[S::Executed, S::Failed],
        S::Executed => &[S::RollingBack, S::Measured],
        S::Failed => &[S::Approved, S::RollingBack, S::Cancelled],
        S::RollingBack => &[S::RolledBack, S::Failed],
        S::RolledBack => &[S::Measured],
        S::Measured => &[S::RollingBack],
        S::Rejected | S::Cancelled | S::Expired => &[],
        S::Stale => &[S::Pending, S::Cancelled, S::Expired],
    }
}

#[test]
fn every_edge_of_the_table_exists_and_no_other() {
    for state in DraftState::ALL.iter().copied() {
        let mut reached: Vec<DraftState> = Verb::ALL
            .iter()
            .flat_map(|verb| [true, false].map(|changed| state.after(*verb, changed)))
            .filter_map(Result::ok)
            .collect();
        reached.sort();
        reached.dedup();
        let mut expected = leaves_to(state).to_vec();
        expected.sort();
        assert_eq!(reached, expected, "from {state}");
    }
}

#[test]
fn a_failed_draft_is_retried_only_when_nothing_changed_and_rolled_back_only_when_something_did() {
    assert_eq!(S::Failed.after(Verb::Retry, false), Ok(S::Approved));
    assert!(S::Failed.after(Verb::Retry, true).is_err());
    assert_eq!(S::Failed.after(Verb::Rollback, true), Ok(S::RollingBack));
    assert!(S::Failed.after(Verb::Rollback, false).is_err());
}

proptest! {
    #[test]
    fn random_histories_never_leave_the_table(verbs in prop::collection::vec((0..Verb::ALL.len(), any::<bool>()), 0..60)) {
        let mut state = S::Pending;
        for (index, changed) in verbs {
            match state.after(Verb::ALL[index], changed) {
                Ok(next) => {
                    prop_assert!(leaves_to(state).contains(&next));
                    prop_assert!(!state.is_terminal());
                    state = next;
                }
                Err(refused) => prop_assert_eq!(refused.state, state),
            }
        }
    }
}
