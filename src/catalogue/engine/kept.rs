//! Months that are over are read from their sums, the rest of a long window from its rows: two sets of rows with the same
//! columns, so that the statement over them stays the same.
use super::super::facts::Base;
use super::statement::Ask;
use crate::db::OrgTx;
use crate::db::sums::{FAMILIES, Family};
use crate::period::Window;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;

/// Shorter windows hold too little to be worth a look at which sums hold.
const SHORT_DAYS: i32 = 62;

/// The key whose filter looks rows up by the names that platforms gave, too.
pub(super) const BY_NAME: &str = "d.entity_id";

/// The part of a window whose sums hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub days: Window,
    /// Whole months of it.
    pub months: Option<Window>,
}

impl Kept {
    /// The longest run of months with sums in a window; `months` are first days, in order.
    fn of(window: Window, months: &[Date]) -> Option<Self> {
        let mut runs: Vec<Window> = Vec::new();
        for month in months {
            let end = month.last_of_month();
            match runs.last_mut().filter(|run| run.end.tomorrow().ok() == Some(*month)) {
                Some(run) => run.end = end,
                None => runs.push(Window { start: *month, end }),
            }
        }
        let clipped = runs.into_iter().filter_map(|run| {
            let days = Window::new(run.start.max(window.start), run.end.min(window.end))?;
            let first = if days.start.day() == 1 {
                days.start
            } else {
                days.start.last_of_month().saturating_add(1.day())
            };
            let last = if days.end == days.end.last_of_month() {
                days.end
            } else {
                days.end.first_of_month().saturating_sub(1.day())
            };
            Some(Self { days, months: Window::new(first, last) })
        });
        clipped.max_by_key(|kept| kept.days.days())
    }
}

/// What of a window can be read from sums.
pub(super) async fn in_window(
    tx: &mut OrgTx,
    base: &Base,
    window: Window,
) -> Result<Option<Kept>, sqlx::Error> {
    if !base.sums || window.days() <= SHORT_DAYS {
        return Ok(None);
    }
    let months: Vec<jiff_sqlx::Date> = sqlx::query_scalar(
        "select month from facts.metric_sums where month between $1 and $2 order by month",
    )
    .bind(window.start.first_of_month().to_sqlx())
    .bind(window.end.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    let months: Vec<Date> = months.into_iter().map(jiff_sqlx::Date::to_jiff).collect();
    Ok(Kept::of(window, &months))
}

/// What the rows of a base are read from instead.
pub(super) struct Instead {
    pub select: String,
    pub wheres: Vec<String>,
    /// What names the first and the last day of a row.
    pub days: [&'static str; 2],
}

fn family(base: &Base) -> Option<&'static Family> {
    let rows = base.select.strip_prefix("facts.")?.split(' ').next()?;
    FAMILIES.iter().find(|family| base.sums && family.rows == rows)
}

/// Whether a column of a base is the sum of one that is summed.
pub(super) fn adds_up(base: &Base, column: &str) -> bool {
    let aggregate = base.columns.get(column).map_or("", String::as_str);
    let name = aggregate.strip_prefix("sum(d.").and_then(|rest| rest.strip_suffix(')'));
    name.zip(family(base)).is_some_and(|(name, family)| family.summed.contains(&name))
}

/// The sums that answer what is asked; nothing where only the rows do. `keys` are what the rows are grouped by, then what they are
/// filtered by.
pub(super) fn instead(base: &Base, columns: &[&str], ask: &Ask<'_>, keys: &[&str]) -> Option<Instead> {
    let (kept, family) = ask.kept.zip(family(base))?;
    if !columns.iter().all(|column| adds_up(base, column)) {
        return None;
    }
    // The platform's names of a thing are in the rows alone; one thing's rows are found by them, and are few.
    let named = keys.iter().any(|key| key.contains("platform_id"));
    if named || keys.iter().skip(1).any(|key| *key == BY_NAME) {
        return None;
    }
    let by_thing = keys.iter().any(|key| key.contains(family.thing));
    if by_thing && (ask.series.is_some() || kept.months.is_none()) {
        return None;
    }
    let rows = format!("facts.{} ", family.rows);
    let put = |text: &str, by_thing: bool| text.replace(&rows, &format!("{} ", union(family, by_thing)));
    Some(Instead {
        select: put(&base.select, by_thing),
        wheres: base.wheres.iter().map(|w| put(w, false)).collect(),
        days: ["d.first_day", "d.last_day"],
    })
}

/// Sums of the months that are kept, rows before and after them.
fn union(family: &Family, by_thing: bool) -> String {
    let Family { rows, days, months, thing, keys, summed } = family;
    let sums = summed.join(", ");
    let (of, dates, table, day, named) = if by_thing {
        ("months", "first_day, last_day", months, "month", *thing)
    } else {
        ("days", "date, date", days, "date", "''")
    };
    let rows = format!(
        "select {keys}, date, date as first_day, date as last_day, {thing}, {sums} from facts.{rows} where date between"
    );
    format!(
        "({rows} :first and (:{of}_first::date - 1) union all {rows} (:{of}_last::date + 1) and :last \
         union all select {keys}, {day}, {dates}, {named}, {sums} from facts.{table} \
         where {day} between :{of}_first and :{of}_last)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_longest_run_of_months_is_taken_and_cut_to_the_window() {
        let window = Window { start: date(2025, 1, 20), end: date(2025, 9, 16) };
        let months: Vec<Date> = [1, 3, 4, 5, 6, 8].into_iter().map(|m| date(2025, m, 1)).collect();
        let whole = Window { start: date(2025, 3, 1), end: date(2025, 6, 30) };
        assert_eq!(Kept::of(window, &months), Some(Kept { days: whole, months: Some(whole) }));

        let days = Window { start: date(2025, 1, 20), end: date(2025, 2, 28) };
        let months = [date(2025, 1, 1), date(2025, 2, 1)];
        let february = Window { start: date(2025, 2, 1), end: date(2025, 2, 28) };
        assert_eq!(Kept::of(window, &months), Some(Kept { days, months: Some(february) }));

        let days = Window { start: date(2025, 1, 20), end: date(2025, 1, 31) };
        assert_eq!(Kept::of(window, &[date(2025, 1, 1)]), Some(Kept { days, months: None }));
        assert_eq!(Kept::of(window, &[]), None);
    }
}
