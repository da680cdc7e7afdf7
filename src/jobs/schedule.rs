//! Jobs at their hours: each moment a job is due (a slot) is a row of `job_runs`, taken by one replica, beaten while it runs,
//! taken over when its runner dies, tried again when it fails.
//!
//! After a downtime the newest slot that was missed runs at once, and is told how far the last good run came.
use super::{audit_chain, cleanup, data_quality, entity_map, lead_sources, privacy, rollups};
use crate::clock::SharedClock;
use crate::db::Db;
use crate::db::job_runs::{self, Claim, End, MOST_ATTEMPTS, Wanted};
use crate::ids::{OrgId, new_uuid};
use crate::text::clean;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;

const DAY: i64 = 24 * 3600;
/// How often a runner says that it lives; it counts as dead after [`job_runs::DEAD_AFTER`].
const BEAT: Duration = Duration::from_secs(30);
/// The pause after the first failure of a slot; it doubles with each.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// When a job is due, in UTC: an hour that every replica agrees on, whatever the organisations' zones.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// Every so many minutes, counted from midnight.
    Every(i64),
    /// At this minute of every hour.
    Hourly(i64),
    /// Every day at this hour and minute.
    Daily(i64, i64),
}

impl When {
    /// Seconds between two slots, and of a slot after midnight.
    fn rhythm(self) -> (i64, i64) {
        match self {
            Self::Every(minutes) => (minutes * 60, 0),
            Self::Hourly(minute) => (3600, minute * 60),
            Self::Daily(hour, minute) => (DAY, hour * 3600 + minute * 60),
        }
    }

    /// The last moment it was due, `now` included.
    pub fn last(self, now: Timestamp) -> Timestamp {
        let (every, after) = self.rhythm();
        let second = now.as_second();
        Timestamp::from_second(second - (second - after).rem_euclid(every)).unwrap_or(now)
    }

    /// The next moment it will be due.
    pub fn next(self, now: Timestamp) -> Timestamp {
        let (every, _) = self.rhythm();
        self.last(now).checked_add(SignedDuration::from_secs(every)).unwrap_or(now)
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(minutes) => write!(f, "every {minutes} min"),
            Self::Hourly(minute) => write!(f, "hourly at :{minute:02}"),
            Self::Daily(hour, minute) => write!(f, "daily at {hour:02}:{minute:02} UTC"),
        }
    }
}

/// What a run is for.
#[derive(Clone)]
pub struct Round {
    pub db: Db,
    pub clock: SharedClock,
    pub org: OrgId,
    /// The last good run before this one was for this slot; none before the first.
    pub since: Option<Timestamp>,
}

/// A job: one file beside this one, and one line in [`JOBS`]. A run may be repeated or cut anywhere without harm.
#[derive(Clone, Copy)]
pub struct Job {
    pub name: &'static str,
    pub when: When,
    /// Gives how much was done: rows, days, links.
    pub run: fn(Round) -> BoxFuture<'static, anyhow::Result<u64>>,
    /// For people, in a few words.
    pub about: &'static str,
}

/// Every job of the schedule.
pub const JOBS: &[Job] = &[
    Job {
        name: "cleanup",
        when: When::Hourly(10),
        run: |round| Box::pin(cleanup::run(round)),
        about: "deletes what is kept for a while only",
    },
    Job {
        name: "audit_chain",
        when: When::Daily(1, 20),
        run: |round| Box::pin(audit_chain::run(round)),
        about: "proves and anchors the record of decisions",
    },
    Job {
        name: rollups::JOB,
        when: When::Every(5),
        run: |round| Box::pin(rollups::recent(round)),
        about: "counts today and yesterday from events and syncs",
    },
    Job {
        name: "restatements",
        when: When::Hourly(25),
        run: |round| Box::pin(rollups::restated(round)),
        about: "counts days again that late facts changed",
    },
    Job {
        name: "rollup_month",
        when: When::Daily(0, 40),
        run: |round| Box::pin(rollups::month(round)),
        about: "counts the last 30 days again",
    },
    Job {
        name: "sums",
        when: When::Hourly(50),
        run: |round| Box::pin(rollups::months(round)),
        about: "sums months that are over, for long windows",
    },
    Job {
        name: "data_quality",
        when: When::Hourly(5),
        run: |round| Box::pin(data_quality::run(round)),
        about: "measures the hour that is over, and says when it is wrong",
    },
    Job {
        name: "privacy",
        when: When::Hourly(25),
        run: |round| Box::pin(privacy::run(round)),
        about: "erases people who asked for it",
    },
    Job {
        name: "entity_map",
        when: When::Hourly(35),
        run: |round| Box::pin(entity_map::link(round)),
        about: "links things that are the same, or belong together",
    },
    Job {
        name: "map_suggest",
        when: When::Daily(1, 40),
        run: |round| Box::pin(entity_map::suggest(round)),
        about: "looks for things that are called alike",
    },
    Job {
        name: "lead_sources",
        when: When::Hourly(45),
        run: |round| Box::pin(lead_sources::run(round)),
        about: "finds the first and the last touch of new leads",
    },
];

/// One replica's view of the schedule.
pub struct Scheduler {
    db: Db,
    clock: SharedClock,
    /// This process, among all that ever ran.
    owner: String,
    /// Slots that nothing is left to do about, so that they are not asked for again.
    over: Mutex<HashMap<(OrgId, &'static str), Timestamp>>,
}

impl Scheduler {
    pub fn new(db: Db, clock: SharedClock) -> Self {
        let owner = new_uuid(&*clock).to_string();
        Self { db, clock, owner, over: Mutex::default() }
    }

    /// Runs a job for every organisation where it is due and nobody else runs it; gives how many runs that were.
    pub async fn round(&self, job: &Job) -> anyhow::Result<u64> {
        let mut runs = 0;
        for (org, slug) in self.db.organisations().await? {
            let slot = job.when.last(self.clock.now());
            if self.is_over(org, job.name) == Some(slot) {
                continue;
            }
            match self.claim(org, job, slot).await? {
                Claim::Busy => {}
                Claim::Over => self.note_over(org, job.name, slot),
                Claim::Ours { id, attempt } => {
                    let mut tx = self.db.org(org).await?;
                    let since = job_runs::last_done(&mut tx, org, job.name, slot).await?;
                    tx.commit().await?;
                    let outcome = self.carry_out(org, job, (id, Some(attempt)), since).await?;
                    match outcome {
                        Some(Ok(done)) => tracing::info!(job = job.name, org = %slug, done, "job run"),
                        Some(Err(error)) => {
                            tracing::error!(job = job.name, org = %slug, attempt, error, "job run failed");
                        }
                        None => tracing::warn!(job = job.name, org = %slug, "job run went to another"),
                    }
                    runs += 1;
                }
            }
        }
        Ok(runs)
    }

    /// Runs a job now because a person wants it. An error inside is the job's; it is on the record and not tried again.
    pub async fn run_now(&self, org: OrgId, job: &Job) -> anyhow::Result<Result<u64, String>> {
        let id = new_uuid(&*self.clock);
        let now = self.clock.now();
        let mut tx = self.db.org(org).await?;
        let running = job_runs::begin(&mut tx, org, (job.name, &self.owner, id), now).await?;
        let since = job_runs::last_done(&mut tx, org, job.name, now).await?;
        tx.commit().await?;
        if let Some(since) = running {
            return Ok(Err(format!("{} runs already, since {since}", job.name)));
        }
        let outcome = self.carry_out(org, job, (id, None), since).await?;
        Ok(outcome.unwrap_or_else(|| Err("the run was taken for dead".to_owned())))
    }

    async fn claim(&self, org: OrgId, job: &Job, slot: Timestamp) -> anyhow::Result<Claim> {
        let now = self.clock.now();
        let mut tx = self.db.org(org).await?;
        let wanted = Wanted { job: job.name, slot, owner: &self.owner, id: new_uuid(&*self.clock) };
        let claim = job_runs::claim(&mut tx, org, &wanted, now).await?;
        tx.commit().await?;
        Ok(claim)
    }

    /// Runs what was taken and notes how it ended; nothing when somebody took it over meanwhile.
    async fn carry_out(
        &self,
        org: OrgId,
        job: &Job,
        (id, attempt): (Uuid, Option<i32>),
        since: Option<Timestamp>,
    ) -> anyhow::Result<Option<Result<u64, String>>> {
        let round = Round { db: self.db.clone(), clock: Arc::clone(&self.clock), org, since };
        let work = (job.run)(round);
        tokio::pin!(work);
        let mut beats = tokio::time::interval(BEAT);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                _ = beats.tick() => if !self.beat(org, id).await { return Ok(None) },
            }
        };
        let outcome = outcome.map_err(|error| clean(&format!("{error:#}"), 500));
        let now = self.clock.now();
        let end = match &outcome {
            Ok(done) => End::Done(*done),
            Err(error) => End::Failed { error, retry_at: attempt.and_then(|n| retry_at(now, n)) },
        };
        let mut tx = self.db.org(org).await?;
        job_runs::finish(&mut tx, org, (id, &self.owner), &end, now).await?;
        tx.commit().await?;
        let told = if outcome.is_ok() { "done" } else { "failed" };
        metrics::counter!("adjutant_jobs_total", "job" => job.name, "outcome" => told).increment(1);
        Ok(Some(outcome))
    }

    /// A beat that fails for the database's sake says nothing about whose run it is.
    async fn beat(&self, org: OrgId, id: Uuid) -> bool {
        let beaten = async {
            let mut tx = self.db.org(org).await?;
            let ours = job_runs::beat(&mut tx, org, (id, &self.owner), self.clock.now()).await?;
            tx.commit().await?;
            Ok::<_, sqlx::Error>(ours)
        };
        beaten.await.unwrap_or(true)
    }

    fn is_over(&self, org: OrgId, job: &'static str) -> Option<Timestamp> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner).get(&(org, job)).copied()
    }

    fn note_over(&self, org: OrgId, job: &'static str, slot: Timestamp) {
        self.over.lock().unwrap_or_else(PoisonError::into_inner).insert((org, job), slot);
    }
}

/// When a slot that failed for the nth time is tried again, if at all.
fn retry_at(now: Timestamp, attempt: i32) -> Option<Timestamp> {
    if attempt >= MOST_ATTEMPTS {
        return None;
    }
    let doubled = 1_i32.checked_shl(u32::try_from(attempt - 1).unwrap_or(0)).unwrap_or(i32::MAX);
    now.checked_add(FIRST_PAUSE.checked_mul(doubled)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_the_last_moment_a_job_was_due() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let daily = When::Daily(1, 20);
        assert_eq!(daily.last(at("2026-03-29T01:20:00Z")), at("2026-03-29T01:20:00Z"));
        assert_eq!(daily.last(at("2026-03-29T01:19:59Z")), at("2026-03-28T01:20:00Z"));
        assert_eq!(daily.next(at("2026-03-29T01:19:59Z")), at("2026-03-29T01:20:00Z"));
        let hourly = When::Hourly(10);
        assert_eq!(hourly.last(at("2026-03-29T00:09:59Z")), at("2026-03-28T23:10:00Z"));
        assert_eq!(hourly.last(at("2026-03-29T00:10:00.5Z")), at("2026-03-29T00:10:00Z"));
        let often = When::Every(5);
        assert_eq!(often.last(at("2026-03-29T00:09:59Z")), at("2026-03-29T00:05:00Z"));
        assert_eq!(often.next(at("2026-03-29T23:55:00Z")), at("2026-03-30T00:00:00Z"));
        assert_eq!(format!("{daily}, {hourly}, {often}"), "daily at 01:20 UTC, hourly at :10, every 5 min");
    }

    #[test]
    fn a_failed_slot_waits_twice_as_long_each_time_and_is_given_up_in_the_end() {
        let now: Timestamp = "2026-03-29T00:00:00Z".parse().unwrap();
        let waits: Vec<Option<i64>> =
            (1..=5).map(|n| retry_at(now, n).map(|at| at.duration_since(now).as_secs())).collect();
        assert_eq!(waits, [Some(60), Some(120), Some(240), Some(480), None]);
    }
}
