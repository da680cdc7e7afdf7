//! The months ahead get their partitions, those of events that are kept long enough are dropped; rows of dates that nobody
//! foresaw are reported.
use crate::app::App;
use crate::period;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;

/// Months that are ready before they begin.
const AHEAD: i32 = 3;

/// Tables whose months are dropped after so many days (`events.md` §10).
const KEPT_DAYS: [(&str, i32); 2] = [("events", 400), ("data_quality_log", 400)];

/// One round; gives how many partitions were made and dropped.
pub async fn run(app: &App) -> anyhow::Result<u64> {
    let today = period::local_day(app.clock.now(), &TimeZone::UTC);
    let made = app.db.ensure_partitions(today, today.saturating_add(AHEAD.months())).await?;
    let mut dropped = 0;
    for (table, days) in KEPT_DAYS {
        // Somebody reads it just now: it is dropped another day.
        let old =
            app.db.drop_months(table, today.saturating_sub(days.days())).await.unwrap_or_else(|error| {
                tracing::warn!(%error, table, "old months could not be dropped");
                Vec::new()
            });
        for partition in old {
            tracing::info!(partition, days, "a month was kept long enough and is dropped");
            dropped += 1;
        }
    }
    for partition in app.db.stray_partitions().await? {
        tracing::warn!(
            partition,
            "rows lie in a default partition: their dates have no month; look at the dates of what was imported last"
        );
    }
    Ok(u64::try_from(made).unwrap_or(0) + dropped)
}
