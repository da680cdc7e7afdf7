//! Runs of jobs: who runs which slot, how it ended, and the history that people read.
use super::{OrgTx, instant, instant_if_any};
use crate::closed_list;
use crate::ids::OrgId;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::Row as _;
use uuid::Uuid;

/// A runner that gave no sign of life for this long is dead, and its run goes to another.
pub const DEAD_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// A slot that killed its runner this often is given up: the next one may fare better.
pub const MOST_CRASHES: i32 = 3;
/// A slot that failed this often is given up.
pub const MOST_ATTEMPTS: i32 = 5;

closed_list! {
    RunState = "run state" {
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// Failed, to be tried again.
        Failed = "failed",
        /// Failed or crashed too often; the next slot is the next try.
        GivenUp = "given_up",
    }
}

/// What came of asking for a slot.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours to run; `attempt` counts from 1.
    Ours { id: Uuid, attempt: i32 },
    /// Somebody runs it, or it waits for its next try.
    Busy,
    /// Nothing is left to do about it.
    Over,
}

/// A slot of a job, and who wants to run it.
pub struct Wanted<'a> {
    pub job: &'a str,
    pub slot: Timestamp,
    pub owner: &'a str,
    pub id: Uuid,
}

/// Whoever decides about a job's runs is alone until its transaction ends. Whether the job runs now, and since when; runs by
/// hand whose runner died are closed.
async fn alive(
    tx: &mut OrgTx,
    org: OrgId,
    job: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::text || ' job ' || $2, 0))")
        .bind(org)
        .bind(job)
        .execute(&mut **tx)
        .await?;
    let dead = now.checked_sub(DEAD_AFTER).unwrap_or(now);
    sqlx::query(
        "update job_runs set state = 'given_up', finished_at = $3, error = 'its runner died'
          where org_id = $1 and job = $2 and trigger = 'manual' and state = 'running' and heartbeat_at <= $4",
    )
    .bind(org)
    .bind(job)
    .bind(now.to_sqlx())
    .bind(dead.to_sqlx())
    .execute(&mut **tx)
    .await?;
    let running = sqlx::query(
        "select started_at from job_runs
          where org_id = $1 and job = $2 and state = 'running' and heartbeat_at > $3 order by started_at limit 1",
    )
    .bind(org)
    .bind(job)
    .bind(dead.to_sqlx())
    .fetch_optional(&mut **tx)
    .await?;
    running.map(|row| instant(&row, "started_at")).transpose()
}

/// Takes a slot: a new one, one whose runner died, or one that failed and whose pause is over. Of several who ask at once one
/// gets it, and none while the job runs for another slot or by hand: no job runs beside itself.
pub async fn claim(
    tx: &mut OrgTx,
    org: OrgId,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Claim, sqlx::Error> {
    if alive(tx, org, wanted.job, now).await?.is_some() {
        return Ok(Claim::Busy);
    }
    let dead = now.checked_sub(DEAD_AFTER).unwrap_or(now);
    let got: Option<(Uuid, i32)> = sqlx::query_as(
        "insert into job_runs as r (org_id, id, job, slot, owner, state, trigger, started_at, heartbeat_at)
         values ($1, $2, $3, $4, $5, 'running', 'schedule', $6, $6)
         on conflict (org_id, job, slot) where trigger = 'schedule' do update
           set owner = excluded.owner, heartbeat_at = excluded.heartbeat_at, state = 'running', retry_at = null,
               crashes = r.crashes + (r.state = 'running')::int, attempts = r.attempts + 1
         where (r.state = 'running' and r.heartbeat_at <= $7 and r.crashes + 1 < $8)
            or (r.state = 'failed' and r.retry_at <= $6)
         returning id, attempts",
    )
    .bind(org)
    .bind(wanted.id)
    .bind(wanted.job)
    .bind(wanted.slot.to_sqlx())
    .bind(wanted.owner)
    .bind(now.to_sqlx())
    .bind(dead.to_sqlx())
    .bind(MOST_CRASHES)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some((id, attempt)) = got {
        leave_older(tx, org, wanted, now).await?;
        return Ok(Claim::Ours { id, attempt });
    }
    sqlx::query(
        "update job_runs set state = 'given_up', finished_at = $4, crashes = crashes + 1, error = 'its runners died'
          where org_id = $1 and job = $2 and slot = $3 and trigger = 'schedule'
            and state = 'running' and heartbeat_at <= $5",
    )
    .bind(org)
    .bind(wanted.job)
    .bind(wanted.slot.to_sqlx())
    .bind(now.to_sqlx())
    .bind(dead.to_sqlx())
    .execute(&mut **tx)
    .await?;
    let state: RunState = sqlx::query_scalar(
        "select state from job_runs where org_id = $1 and job = $2 and slot = $3 and trigger = 'schedule'",
    )
    .bind(org)
    .bind(wanted.job)
    .bind(wanted.slot.to_sqlx())
    .fetch_one(&mut **tx)
    .await?;
    Ok(match state {
        RunState::Running | RunState::Failed => Claim::Busy,
        RunState::Succeeded | RunState::GivenUp => Claim::Over,
    })
}

/// Slots that failed or died and whose next one is due already are not tried again.
async fn leave_older(
    tx: &mut OrgTx,
    org: OrgId,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update job_runs set state = 'given_up', retry_at = null, finished_at = coalesce(finished_at, $4),
                error = coalesce(error, 'its runner died')
          where org_id = $1 and job = $2 and slot < $3 and trigger = 'schedule'
            and (state = 'failed' or (state = 'running' and heartbeat_at <= $5))",
    )
    .bind(org)
    .bind(wanted.job)
    .bind(wanted.slot.to_sqlx())
    .bind(now.to_sqlx())
    .bind(now.checked_sub(DEAD_AFTER).unwrap_or(now).to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Begins a run that a person asked for, unless the job runs already: then since when.
pub async fn begin(
    tx: &mut OrgTx,
    org: OrgId,
    (job, owner, id): (&str, &str, Uuid),
    now: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    if let Some(since) = alive(tx, org, job, now).await? {
        return Ok(Some(since));
    }
    sqlx::query(
        "insert into job_runs (org_id, id, job, owner, state, trigger, started_at, heartbeat_at)
         values ($1, $2, $3, $4, 'running', 'manual', $5, $5)",
    )
    .bind(org)
    .bind(id)
    .bind(job)
    .bind(owner)
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(None)
}

/// A sign of life. `false`: the run went to another, who thought us dead.
pub async fn beat(
    tx: &mut OrgTx,
    org: OrgId,
    (id, owner): (Uuid, &str),
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update job_runs set heartbeat_at = $4 where org_id = $1 and id = $2 and owner = $3 and state = 'running'",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How a run ended.
pub enum End<'a> {
    /// With this much done.
    Done(u64),
    /// With this error; to be tried again then, or not at all.
    Failed { error: &'a str, retry_at: Option<Timestamp> },
}

/// Notes the end of a run of ours.
pub async fn finish(
    tx: &mut OrgTx,
    org: OrgId,
    (id, owner): (Uuid, &str),
    end: &End<'_>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let (state, done, error, retry_at) = match end {
        End::Done(done) => (RunState::Succeeded, i64::try_from(*done).unwrap_or(i64::MAX), None, None),
        End::Failed { error, retry_at: Some(at) } => (RunState::Failed, 0, Some(*error), Some(*at)),
        End::Failed { error, retry_at: None } => (RunState::GivenUp, 0, Some(*error), None),
    };
    sqlx::query(
        "update job_runs set state = $4, done = $5, error = $6, retry_at = $7, finished_at = $8
          where org_id = $1 and id = $2 and owner = $3",
    )
    .bind(org)
    .bind(id)
    .bind(owner)
    .bind(state)
    .bind(done)
    .bind(error)
    .bind(retry_at.map(|at| at.to_sqlx()))
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The last slot of a job that was done before this one: what a run after a downtime has to cover begins there.
pub async fn last_done(
    tx: &mut OrgTx,
    org: OrgId,
    job: &str,
    before: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let row = sqlx::query(
        "select max(slot) as slot from job_runs where org_id = $1 and job = $2 and state = 'succeeded' and slot < $3",
    )
    .bind(org)
    .bind(job)
    .bind(before.to_sqlx())
    .fetch_one(&mut **tx)
    .await?;
    instant_if_any(&row, "slot")
}

/// A run as people read it.
#[derive(Debug)]
pub struct Run {
    pub job: String,
    /// `schedule` or `manual`.
    pub trigger: String,
    pub state: RunState,
    /// When it was due; none where a person asked for it.
    pub slot: Option<Timestamp>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub attempts: i32,
    pub crashes: i32,
    pub done: i64,
    pub error: Option<String>,
}

/// The newest runs first, of one job or of all.
pub async fn history(
    tx: &mut OrgTx,
    org: OrgId,
    job: Option<&str>,
    most: i64,
) -> Result<Vec<Run>, sqlx::Error> {
    let rows = sqlx::query(
        "select job, trigger, state, slot, started_at, finished_at, attempts, crashes, done, error from job_runs
          where org_id = $1 and ($2::text is null or job = $2) order by started_at desc, id desc limit $3",
    )
    .bind(org)
    .bind(job)
    .bind(most)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Run {
                job: row.try_get("job")?,
                trigger: row.try_get("trigger")?,
                state: row.try_get("state")?,
                slot: instant_if_any(row, "slot")?,
                started_at: instant(row, "started_at")?,
                finished_at: instant_if_any(row, "finished_at")?,
                attempts: row.try_get("attempts")?,
                crashes: row.try_get("crashes")?,
                done: row.try_get("done")?,
                error: row.try_get("error")?,
            })
        })
        .collect()
}

/// Deletes runs that ended before this; the last good one of each job's hours stays. Returns how many.
pub async fn purge(tx: &mut OrgTx, org: OrgId, before: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from job_runs r where r.org_id = $1 and r.finished_at <= $2
            and (r.slot is null or r.state <> 'succeeded'
                 or exists (select from job_runs n where n.org_id = r.org_id and n.job = r.job
                              and n.slot > r.slot and n.state = 'succeeded'))",
    )
    .bind(org)
    .bind(before.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
