//! The months ahead get their partitions; rows of dates that nobody foresaw are reported.
use crate::app::App;
use crate::period;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;

/// Months that are ready before they begin.
const AHEAD: i32 = 3;

/// One round; gives how many partitions were made.
pub async fn run(app: &App) -> anyhow::Result<u64> {
    let today = period::local_day(app.clock.now(), &TimeZone::UTC);
    let made = app.db.ensure_partitions(today, today.saturating_add(AHEAD.months())).await?;
    for partition in app.db.stray_partitions().await? {
        tracing::warn!(
            partition,
            "rows lie in a default partition: their dates have no month; look at the dates of what was imported last"
        );
    }
    Ok(u64::try_from(made).unwrap_or(0))
}
