//! The closed lists of drafts (`data-model.md` §8), as the columns' CHECKs spell them.
use crate::closed_list;

closed_list! {
    /// Where a draft stands; open states first.
    DraftState = "draft state" {
        Pending = "pending",
        ChangesRequested = "changes_requested",
        Approved = "approved",
        Scheduled = "scheduled",
        Executing = "executing",
        Stale = "stale",
        RollingBack = "rolling_back",
        Executed = "executed",
        Failed = "failed",
        Measured = "measured",
        RolledBack = "rolled_back",
        Rejected = "rejected",
        Cancelled = "cancelled",
        Expired = "expired",
    }
}

closed_list! {
    /// How much is at stake; decides how many people must agree.
    Tier = "tier" { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

closed_list! {
    /// What a reviewer says to one revision.
    Decision = "decision" {
        Approve = "approve",
        Reject = "reject",
        RequestChanges = "request_changes",
        Hold = "hold",
    }
}

closed_list! {
    /// Why a draft was rejected.
    ReasonCode = "review reason" {
        WrongData = "wrong_data",
        TooRisky = "too_risky",
        BadTiming = "bad_timing",
        NotStrategic = "not_strategic",
        Duplicate = "duplicate",
        Policy = "policy",
        Other = "other",
    }
}

closed_list! {
    /// `block` cannot pass; `hold` passes with an admin's override and one more approval; `warn` is shown.
    Severity = "guardrail severity" { Block = "block", Hold = "hold", Warn = "warn" }
}

closed_list! {
    /// Who thought of the draft.
    Origin = "origin" { Agent = "agent", Member = "member", Scout = "scout", Rollback = "rollback" }
}

closed_list! {
    /// Who acted, as the audit log and revisions say it.
    ActorKind = "actor kind" { Member = "member", Agent = "agent", System = "system", ApiKey = "api_key" }
}
