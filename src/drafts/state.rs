//! The lifecycle of a draft (`actions.md` §1): states, verbs, and the one table that says which verb leads where.
use crate::closed_list;
pub use crate::db::drafts::kinds::DraftState;
use DraftState as S;

closed_list! {
    /// Everything that can happen to a draft after it was made.
    Verb = "verb" {
        Revise = "revise",
        RequestChanges = "request_changes",
        Approve = "approve",
        Reject = "reject",
        Cancel = "cancel",
        Expire = "expire",
        MarkStale = "mark_stale",
        Schedule = "schedule",
        Unschedule = "unschedule",
        Execute = "execute",
        MarkApplied = "mark_applied",
        Succeed = "succeed",
        Fail = "fail",
        Retry = "retry",
        Rollback = "rollback",
        RollbackDone = "rollback_done",
        RollbackFail = "rollback_fail",
        Measure = "measure",
    }
}

/// A verb that does not lead anywhere from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {} and cannot be {}", state.words(), verb.done())]
pub struct NoWay {
    pub state: DraftState,
    pub verb: Verb,
}

impl DraftState {
    /// For sentences.
    pub fn words(self) -> String {
        self.as_str().replace('_', " ")
    }

    /// Open drafts hold their targets: no other draft may touch the same field of the same thing.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            S::Pending
                | S::ChangesRequested
                | S::Approved
                | S::Scheduled
                | S::Executing
                | S::Stale
                | S::RollingBack
        )
    }

    /// Nothing can follow.
    pub fn is_terminal(self) -> bool {
        matches!(self, S::Rejected | S::Cancelled | S::Expired)
    }

    /// Where `verb` leads. `changed` is whether the execution altered anything (only a failed draft asks).
    pub fn after(self, verb: Verb, changed: bool) -> Result<Self, NoWay> {
        let next = match (verb, self) {
            (Verb::Revise, S::Pending | S::ChangesRequested | S::Stale) => S::Pending,
            (Verb::RequestChanges, S::Pending) => S::ChangesRequested,
            (Verb::Approve, S::Pending) => S::Approved,
            (Verb::Reject, S::Pending | S::ChangesRequested) => S::Rejected,
            (
                Verb::Cancel,
                S::Pending | S::ChangesRequested | S::Approved | S::Scheduled | S::Stale | S::Failed,
            ) => S::Cancelled,
            (Verb::Expire, S::Pending | S::ChangesRequested | S::Approved | S::Stale) => S::Expired,
            (Verb::MarkStale, S::Pending | S::Approved | S::Scheduled) => S::Stale,
            (Verb::Schedule, S::Approved) => S::Scheduled,
            (Verb::Unschedule, S::Scheduled) => S::Approved,
            (Verb::Execute, S::Approved | S::Scheduled) => S::Executing,
            (Verb::MarkApplied, S::Approved) => S::Executed,
            (Verb::Succeed, S::Executing) => S::Executed,
            (Verb::Fail, S::Executing) => S::Failed,
            (Verb::Retry, S::Failed) if !changed => S::Approved,
            (Verb::Rollback, S::Executed | S::Measured) => S::RollingBack,
            (Verb::Rollback, S::Failed) if changed => S::RollingBack,
            (Verb::RollbackDone, S::RollingBack) => S::RolledBack,
            (Verb::RollbackFail, S::RollingBack) => S::Failed,
            (Verb::Measure, S::Executed | S::RolledBack) => S::Measured,
            _ => return Err(NoWay { state: self, verb }),
        };
        Ok(next)
    }
}

impl Verb {
    /// As in "cannot be …".
    fn done(self) -> &'static str {
        match self {
            Verb::Revise => "revised",
            Verb::RequestChanges => "sent back for changes",
            Verb::Approve => "approved",
            Verb::Reject => "rejected",
            Verb::Cancel => "cancelled",
            Verb::Expire => "expired",
            Verb::MarkStale => "made stale",
            Verb::Schedule => "scheduled",
            Verb::Unschedule => "taken off the schedule",
            Verb::Execute | Verb::Succeed | Verb::Fail => "executed",
            Verb::MarkApplied => "marked as applied",
            Verb::Retry => "tried again",
            Verb::Rollback | Verb::RollbackDone | Verb::RollbackFail => "rolled back",
            Verb::Measure => "measured",
        }
    }

    /// The states this verb may start from: what the conditional update of the database asks for.
    pub fn from_states(self) -> Vec<DraftState> {
        DraftState::ALL
            .iter()
            .copied()
            .filter(|state| state.after(self, false).is_ok() || state.after(self, true).is_ok())
            .collect()
    }
}

#[cfg(test)]
mod tests;
