//! The statements that decide (`actions.md` §2): a vote is written only while the draft waits for one, under its row lock.
use super::kinds::{Decision, ReasonCode};
use crate::access::{Role, Surface};
use crate::db::{Error, OrgTx};
use crate::ids::{DraftId, MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;

/// The revision a reviewer saw.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub draft: DraftId,
    pub revision: i32,
    pub payload_hash: &'a [u8],
}

pub struct NewReview<'a> {
    pub reviewer: MemberId,
    pub role: Role,
    pub surface: Surface,
    pub decision: Decision,
    pub reason: Option<ReasonCode>,
    pub note: Option<&'a str>,
    /// Counts now; false until the reviewer confirms in a session of their own.
    pub valid: bool,
    pub at: Timestamp,
}

/// Writes a vote if the draft still waits with this revision and hash. `false`: it does not, or the vote is on record.
pub async fn vote(
    tx: &mut OrgTx,
    org: OrgId,
    seen: Seen<'_>,
    states: &[&str],
    new: &NewReview<'_>,
) -> Result<bool, Error> {
    let states: Vec<String> = states.iter().map(|s| (*s).to_owned()).collect();
    let done = sqlx::query(
        "insert into reviews (org_id, draft_id, revision, reviewer_id, decision, payload_hash, role_used, surface,
             reason_code, note, valid, at)
         (select org_id, id, revision, $6, $7, payload_hash, $8, $9, $10, $11, $12, $13 from drafts
           where org_id = $1 and id = $2 and state = any($3) and revision = $4 and payload_hash = $5 and expires_at > $13
             for update)
         on conflict (org_id, draft_id, revision, reviewer_id, decision) do update
             set valid = true, role_used = excluded.role_used, surface = excluded.surface, at = excluded.at
             where not reviews.valid and excluded.valid",
    )
    .bind(org)
    .bind(seen.draft)
    .bind(states)
    .bind(seen.revision)
    .bind(seen.payload_hash)
    .bind(new.reviewer)
    .bind(new.decision)
    .bind(new.role.as_str())
    .bind(new.surface)
    .bind(new.reason)
    .bind(new.note)
    .bind(new.valid)
    .bind(new.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a vote of this transaction back.
pub async fn withdraw(tx: &mut OrgTx, org: OrgId, seen: Seen<'_>, reviewer: MemberId) -> Result<(), Error> {
    sqlx::query(
        "delete from reviews where org_id = $1 and draft_id = $2 and revision = $3 and reviewer_id = $4
            and decision = 'approve'",
    )
    .bind(org)
    .bind(seen.draft)
    .bind(seen.revision)
    .bind(reviewer)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Approves if, and only if, all votes that the draft needs are there: enough different people other than compliance,
/// every co-approval, and for the high tiers somebody who may approve them (`critical`: an admin). A vote counts as long as
/// its member is active and may still cast it; `platforms` are those the draft would change.
pub async fn approve(
    tx: &mut OrgTx,
    org: OrgId,
    seen: Seen<'_>,
    by: MemberId,
    platforms: &[String],
    at: Timestamp,
    approval_expires_at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "with reaching as (
             select g.member_id, g.permission from member_grants g join drafts d on d.org_id = g.org_id
              where d.org_id = $1 and d.id = $2
                and (jsonb_array_length(coalesce(g.scope->'platforms', '[]')) = 0 or not exists (
                     select from unnest($8) p where not g.scope->'platforms' ? p))
                and (jsonb_array_length(coalesce(g.scope->'types', '[]')) = 0 or g.scope->'types' ? d.type)
                and array_position(array['low', 'medium', 'high', 'critical'], d.tier)
                    <= array_position(array['low', 'medium', 'high', 'critical'],
                                      coalesce(g.scope->>'max_tier', 'critical'))),
         votes as (
             select r.reviewer_id, r.role_used, m.role,
                    (m.role = 'admin' or exists (select from reaching g
                        where g.member_id = r.reviewer_id and g.permission = 'draft.approve_high')) as may_high
               from reviews r join members m on m.org_id = r.org_id and m.id = r.reviewer_id
              where r.org_id = $1 and r.draft_id = $2 and r.revision = $3 and r.decision = 'approve' and r.valid
                and m.state = 'active'
                and (r.role_used = 'compliance' and m.role = 'compliance' or m.role in ('approver', 'admin')
                     or exists (select from reaching g
                        where g.member_id = r.reviewer_id and g.permission = 'draft.approve')))
         update drafts set state = 'approved', decided_by = $5, decided_at = $6, approval_expires_at = $7,
                version = version + 1, updated_at = $6
          where org_id = $1 and id = $2 and state = 'pending' and revision = $3 and payload_hash = $4 and expires_at > $6
            and (select count(distinct reviewer_id) from votes where role_used <> 'compliance') >= required_approvals
            and not exists (select unnest(co_approvals) except select role_used from votes)
            and (tier not in ('high', 'critical') or exists (select from votes where may_high))
            and (tier <> 'critical' or exists (select from votes where role = 'admin'))",
    )
    .bind(org)
    .bind(seen.draft)
    .bind(seen.revision)
    .bind(seen.payload_hash)
    .bind(by)
    .bind(at.to_sqlx())
    .bind(approval_expires_at.to_sqlx())
    .bind(platforms)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The row behind the single-use `Approved`, with the people whose votes count.
pub async fn mint(
    tx: &mut OrgTx,
    org: OrgId,
    seen: Seen<'_>,
    before_hash: &[u8],
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into approvals (org_id, draft_id, revision, payload_hash, before_hash, approvers, minted_at, expires_at)
         select $1, $2, $3, $4, $5, coalesce(array_agg(distinct reviewer_id), '{}'), $6, $7
           from reviews where org_id = $1 and draft_id = $2 and revision = $3 and decision = 'approve' and valid",
    )
    .bind(org)
    .bind(seen.draft)
    .bind(seen.revision)
    .bind(seen.payload_hash)
    .bind(before_hash)
    .bind(at.to_sqlx())
    .bind(expires_at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses an approval up: at most one caller ever gets `true`.
pub async fn consume(
    tx: &mut OrgTx,
    org: OrgId,
    seen: Seen<'_>,
    execution: uuid::Uuid,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update approvals set consumed_at = $5, execution_id = $6
          where org_id = $1 and draft_id = $2 and revision = $3 and payload_hash = $4 and consumed_at is null",
    )
    .bind(org)
    .bind(seen.draft)
    .bind(seen.revision)
    .bind(seen.payload_hash)
    .bind(at.to_sqlx())
    .bind(execution)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A scheduled draft's approval lasts until it runs.
pub async fn extend_approval(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    revision: i32,
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query("update approvals set expires_at = $4 where org_id = $1 and draft_id = $2 and revision = $3")
        .bind(org)
        .bind(draft)
        .bind(revision)
        .bind(until.to_sqlx())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A change that somebody made by hand.
pub struct Manual<'a> {
    pub execution: uuid::Uuid,
    pub by: MemberId,
    pub applied_at: Timestamp,
    pub report: &'a Value,
    pub at: Timestamp,
}

/// Records it as an execution of its own.
pub async fn record_manual(
    tx: &mut OrgTx,
    org: OrgId,
    seen: Seen<'_>,
    manual: &Manual<'_>,
) -> Result<(), Error> {
    sqlx::query(
        "insert into executions (org_id, id, draft_id, revision, kind, mode, state, changed, executor_kind, executor_id,
             heartbeat_at, report, started_at, finished_at)
         values ($1, $2, $3, $4, 'apply', 'manual', 'succeeded', true, 'member', $5, $6, $7, $8, $8)",
    )
    .bind(org)
    .bind(manual.execution)
    .bind(seen.draft)
    .bind(seen.revision)
    .bind(manual.by.to_string())
    .bind(manual.at.to_sqlx())
    .bind(manual.report)
    .bind(manual.applied_at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Plans a measurement of an executed draft.
pub async fn plan_measurement(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    days: i32,
    metric: &str,
    due_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "insert into measurements (org_id, draft_id, checkpoint_days, metric, method, due_at)
         values ($1, $2, $3, $4, 'own', $5) on conflict do nothing",
    )
    .bind(org)
    .bind(draft)
    .bind(days)
    .bind(metric)
    .bind(due_at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Mutes reminders and moves expiry; once a draft. `false`: it was held before or does not wait.
pub async fn hold(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    until: Timestamp,
    expires_at: Timestamp,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update drafts set held_until = $3, expires_at = $4, version = version + 1, updated_at = $5
          where org_id = $1 and id = $2 and held_until is null and state in ('pending', 'changes_requested')",
    )
    .bind(org)
    .bind(draft)
    .bind(until.to_sqlx())
    .bind(expires_at.to_sqlx())
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Who takes responsibility for which guardrail, and why.
pub struct Override<'a> {
    pub code: &'a str,
    pub by: MemberId,
    pub reason: &'a str,
    pub at: Timestamp,
}

/// An admin takes responsibility for a `hold` guardrail; the first one of a revision asks for one more approval.
pub async fn override_guardrail(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    revision: i32,
    new: &Override<'_>,
) -> Result<bool, Error> {
    let first: bool = sqlx::query_scalar(
        "select not exists (select from guardrail_overrides where org_id = $1 and draft_id = $2 and revision = $3)",
    )
    .bind(org)
    .bind(draft)
    .bind(revision)
    .fetch_one(&mut **tx)
    .await?;
    let done = sqlx::query(
        "insert into guardrail_overrides (org_id, draft_id, revision, code, member_id, reason, created_at)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
    )
    .bind(org)
    .bind(draft)
    .bind(revision)
    .bind(new.code)
    .bind(new.by)
    .bind(new.reason)
    .bind(new.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    let added = done.rows_affected() == 1;
    if added && first {
        sqlx::query(
            "update drafts set required_approvals = required_approvals + 1, version = version + 1, updated_at = $3
              where org_id = $1 and id = $2",
        )
        .bind(org)
        .bind(draft)
        .bind(new.at.to_sqlx())
        .execute(&mut **tx)
        .await?;
    }
    Ok(added)
}
