//! Daily figures of things, campaigns and the funnel, from events and from what was read of platforms (`events.md` §10).
//!
//! A day is computed whole, in one transaction, alone, and compared with what is stored: to compute it again changes
//! nothing but what changed. Other days are not looked at, but for the day a person's first sale moved away from.
mod arrival;
mod sums;

use super::map::Words;
use crate::clock::Clock;
use crate::db::rollups::{self as rows, Basis, Span};
use crate::db::{Db, OrgTx, is_away};
use crate::events::ingest::gave_way;
use crate::ids::OrgId;
use crate::period::{Window, local_day};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use std::collections::BTreeSet;

pub use sums::{Fault, months};

/// An event is late, and queues its day, after 24 hours; what came just before is counted an hour longer with today.
const NOT_LATE: SignedDuration = SignedDuration::from_hours(25);
/// Days that are computed again every night.
const NIGHTLY_DAYS: i32 = 30;
/// Events are dropped after so many days (`events.md` §10): the figures of older days are all there is of them.
const KEPT_DAYS: i32 = 400;
/// Times a day is computed anew when the database gave another transaction the way.
const TRIES: usize = 4;

/// What became of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    pub day: Date,
    /// Computed rows added, changed or removed.
    pub rows: u64,
    /// Entries of the queue that asked for it.
    pub queued: u64,
    /// Its events are gone and its figures stay as they are.
    pub kept: bool,
    /// Nothing that it is computed from changed since it was computed last.
    pub same: bool,
}

/// Why a day is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It may have changed: where nothing did, there is nothing to do.
    Due,
    /// It is computed whatever was seen of it.
    Asked,
    /// It comes from the queue, whose entries go with it.
    Queued,
}

/// The days that events may belong to without being late; after a downtime those since the last good run too, 30 at most.
pub async fn recent(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    since: Option<Timestamp>,
) -> Result<Vec<Built>, sqlx::Error> {
    let now = clock.now();
    let (basis, zone) = basis(db, org).await?;
    let today = local_day(now, &zone);
    let from = since.map_or(now, |since| since.min(now)).checked_sub(NOT_LATE).unwrap_or(now);
    let first = local_day(from, &zone).max(today.saturating_sub(NIGHTLY_DAYS.days()));
    days(db, clock, org, (&basis, &zone), (first, today), Why::Due, &|_| {}).await
}

/// Every day of a range, oldest first; each is told when it is done.
pub async fn range(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    window: Window,
    told: &(dyn Fn(&Built) + Send + Sync),
) -> Result<Vec<Built>, sqlx::Error> {
    let (basis, zone) = basis(db, org).await?;
    days(db, clock, org, (&basis, &zone), (window.start, window.end), Why::Asked, told).await
}

/// The last 30 days and today, and days that somebody else stated after they were computed.
pub async fn month(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<Vec<Built>, sqlx::Error> {
    let (basis, zone) = basis(db, org).await?;
    let today = local_day(clock.now(), &zone);
    let first = today.saturating_sub(NIGHTLY_DAYS.days());
    let mut tx = db.org(org).await?;
    let overlaid = rows::overlaid(&mut tx, org).await?;
    crate::db::let_go(tx);
    let mut run = Run::default();
    for day in overlaid.into_iter().filter(|day| *day < first) {
        run.note(day, one(db, clock, org, (&basis, &zone), day, Why::Asked).await)?;
    }
    let built = days(db, clock, org, (&basis, &zone), (first, today), Why::Asked, &|_| {}).await?;
    run.built.extend(built);
    run.end()
}

/// Works the queue of days to be computed again, each day once; what is queued meanwhile waits for the next time.
pub async fn restated(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<Vec<Built>, sqlx::Error> {
    let (basis, zone) = basis(db, org).await?;
    let (mut run, mut moved) = (Run::default(), BTreeSet::new());
    let mut last = None;
    loop {
        let mut tx = db.org(org).await?;
        let next = rows::next_queued(&mut tx, org, last).await?;
        crate::db::let_go(tx);
        let Some(day) = next else { break };
        moved.remove(&day);
        moved.extend(run.note(day, one(db, clock, org, (&basis, &zone), day, Why::Queued).await)?);
        last = Some(day);
    }
    for day in moved {
        run.note(day, one(db, clock, org, (&basis, &zone), day, Why::Asked).await)?;
    }
    run.end()
}

/// The days of a run. One that fails keeps no other from being computed; the run has failed all the same.
#[derive(Default)]
struct Run {
    built: Vec<Built>,
    failed: Option<sqlx::Error>,
}

impl Run {
    /// Notes what came of a day; gives the later days that it moved. An error is the database's, which went away.
    fn note(
        &mut self,
        day: Date,
        done: Result<(Built, Vec<Date>), sqlx::Error>,
    ) -> Result<Vec<Date>, sqlx::Error> {
        match done {
            Ok((built, moved)) => {
                self.built.push(built);
                Ok(moved)
            }
            Err(error) if is_away(&error) => Err(error),
            Err(error) => {
                tracing::error!(%day, %error, "the figures of a day could not be computed");
                self.failed.get_or_insert(error);
                Ok(Vec::new())
            }
        }
    }

    fn end(self) -> Result<Vec<Built>, sqlx::Error> {
        self.failed.map_or(Ok(self.built), Err)
    }
}

async fn basis(db: &Db, org: OrgId) -> Result<(Basis, TimeZone), sqlx::Error> {
    let mut tx = db.org(org).await?;
    let basis = rows::basis(&mut tx, org).await?;
    crate::db::let_go(tx);
    let zone = TimeZone::get(&basis.time_zone).unwrap_or(TimeZone::UTC);
    Ok((basis, zone))
}

async fn days(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    basis: (&Basis, &TimeZone),
    (first, last): (Date, Date),
    why: Why,
    told: &(dyn Fn(&Built) + Send + Sync),
) -> Result<Vec<Built>, sqlx::Error> {
    let mut run = Run::default();
    let mut day = first;
    while day <= last {
        let before = run.built.len();
        run.note(day, one(db, clock, org, basis, day, why).await)?;
        run.built.get(before..).unwrap_or_default().iter().for_each(told);
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    run.end()
}

/// One day, tried again where the database gave another transaction the way; of one from the queue also the later days whose
/// first sales may have moved.
async fn one(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    basis: (&Basis, &TimeZone),
    day: Date,
    why: Why,
) -> Result<(Built, Vec<Date>), sqlx::Error> {
    if why == Why::Queued {
        let mut tx = db.org(org).await?;
        rows::take_queued(&mut tx, org, day, clock.now()).await?;
        tx.commit().await?;
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let mut tx = db.org(org).await?;
        match compute(&mut tx, clock, org, basis, day, why).await {
            Ok(done) => {
                tx.commit().await?;
                return Ok(done);
            }
            Err(error) if tries < TRIES && gave_way(&error) => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
}

async fn compute(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    (basis, zone): (&Basis, &TimeZone),
    day: Date,
    why: Why,
) -> Result<(Built, Vec<Date>), sqlx::Error> {
    let now = clock.now();
    let today = local_day(now, zone);
    rows::alone(tx, org, day).await?;
    let queued = if why == Why::Queued { rows::taken(tx, org, day).await? } else { 0 };
    let mut built = Built { day, rows: 0, queued, kept: false, same: false };
    // Somebody else has it, or works it already.
    if why == Why::Queued && queued == 0 {
        built.same = true;
        return Ok((built, Vec::new()));
    }
    if day < today.saturating_sub(KEPT_DAYS.days()) && rows::is_rolled(tx, org, day).await? {
        built.kept = true;
        return Ok((built, Vec::new()));
    }
    let Some(span) = span(day, zone) else { return Ok((built, Vec::new())) };
    let (seen, before) = rows::seen(tx, org, span, basis, day < today).await?;
    if why == Why::Due && before.as_ref() == Some(&seen) {
        built.same = true;
        return Ok((built, Vec::new()));
    }
    let keys = rows::arrivals(tx, org, span).await?;
    let (mut campaigns, mut words) = (Vec::new(), Words::default());
    if arrival::name_campaigns(&keys) {
        (campaigns, words) = (rows::campaigns(tx, org).await?, Words::read(tx, org).await?);
    }
    let arrived = arrival::place(keys, &campaigns, &words);
    built.rows = rows::rebuild(tx, org, span, basis, &arrived, now, day < today).await?;
    rows::note_seen(tx, org, day, &seen, now).await?;
    let moved = if why == Why::Queued { rows::next_sales(tx, org, span, basis).await? } else { Vec::new() };
    Ok((built, moved))
}

/// A day of a zone as instants: 23 or 25 hours where the clocks change.
fn span(day: Date, zone: &TimeZone) -> Option<Span> {
    let from = day.to_zoned(zone.clone()).ok()?.timestamp();
    let to = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
    Some(Span { day, from, to })
}
