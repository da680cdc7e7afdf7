//! One SELECT over one base: the sums of some columns by group and, for a series, by period.
use super::super::facts::{Base, Reach};
use crate::period::Window;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The length of a series' periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    pub fn parse(text: &str) -> Self {
        match text {
            "week" => Self::Week,
            "month" => Self::Month,
            _ => Self::Day,
        }
    }

    /// The first day of the period that holds `day`, not before `first`. Weeks begin on Monday.
    pub fn start(self, day: Date, first: Date) -> Date {
        let back = match self {
            Self::Day => 0,
            Self::Week => i64::from(day.weekday().to_monday_zero_offset()),
            Self::Month => i64::from(day.day()) - 1,
        };
        day.saturating_sub(jiff::Span::new().days(back)).max(first)
    }
}

/// What is asked of a base.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    /// The grain to group by; nothing for the total.
    pub by: Option<&'a str>,
    /// Grain and the one value that counts.
    pub filters: &'a [(&'a str, String)],
    pub window: Window,
    pub series: Option<Unit>,
    /// Days that put the rows of a comparison beside those they are compared with.
    pub shift: i32,
}

/// PostgreSQL types of the binds; filters are `f0`, `f1`…
pub(super) fn bind_types(filters: usize) -> BTreeMap<String, &'static str> {
    let fixed = [
        ("first", "date"),
        ("last", "date"),
        ("today", "date"),
        ("as_of", "timestamptz"),
        ("time_zone", "text"),
    ];
    let fixed = fixed.into_iter().map(|(name, kind)| (name.to_owned(), kind));
    fixed.chain((0..filters).map(|n| (format!("f{n}"), "text"))).collect()
}

/// Whether the base has any row in the window, however it may be split.
pub(super) fn begun(base: &Base) -> String {
    let mut conditions: Vec<String> = base.wheres.iter().map(|w| format!("({w})")).collect();
    conditions.extend(base.plain.iter().map(|plain| format!("({plain})")));
    conditions.push(format!("{} between :first and :last", base.date));
    format!("select exists (select 1 from {} where {})", base.select, conditions.join(" and "))
}

/// The SELECT with `:name` binds: key, period (null for the whole window), first and last day with rows, then the columns.
/// Nothing when the base cannot be asked so.
pub(super) fn select(base: &Base, columns: &[&str], ask: &Ask<'_>) -> Option<String> {
    let grains = ask.by.into_iter().chain(ask.filters.iter().map(|(grain, _)| *grain));
    let splits: Vec<&(String, String)> = grains.clone().filter_map(|grain| base.split.get(grain)).collect();
    if grains.clone().any(|grain| !base.offers(grain)) || splits.windows(2).any(|two| two[0] != two[1]) {
        return None;
    }
    let key_of = |grain: &str| base.split.get(grain).map(|(_, key)| key).or_else(|| base.by.get(grain));
    let key = ask.by.and_then(key_of).map_or("'all'", String::as_str);
    let date = &base.date;
    let mut conditions: Vec<String> = base.wheres.iter().map(|w| format!("({w})")).collect();
    match splits.first() {
        Some((condition, _)) => conditions.push(format!("({condition})")),
        None => conditions.extend(base.plain.iter().map(|plain| format!("({plain})"))),
    }
    conditions.push(match base.reach {
        Reach::Window => format!("{date} between :first and :last"),
        Reach::All => format!("{date} <= :last"),
        Reach::Days(days) => format!("{date} between :last::date - {} and :last", days - 1),
    });
    for (n, (grain, _)) in ask.filters.iter().enumerate() {
        conditions.push(format!("({}) = :f{n}", key_of(grain)?));
    }
    if ask.by.is_some() {
        conditions.push(format!("({key}) is not null"));
    }
    let shift = ask.shift;
    let (period, grouping) = match ask.series {
        None => ("null::date".to_owned(), "1"),
        Some(Unit::Day) => (format!("({date}) + {shift}"), "grouping sets ((1), (1, 2))"),
        Some(unit) => (
            format!(
                "greatest(date_trunc('{}', (({date}) + {shift})::timestamp)::date, :first + {shift})",
                unit.word()
            ),
            "grouping sets ((1), (1, 2))",
        ),
    };
    let mut sql = format!(
        "select ({key})::text as key, {period} as period, min({date}) as first_day, max({date}) as last_day"
    );
    for (n, column) in columns.iter().enumerate() {
        let _ = write!(sql, ", ({})::numeric as c{n}", base.columns.get(*column)?);
    }
    let _ = write!(sql, " from {} where {} group by {grouping}", base.select, conditions.join(" and "));
    Some(sql)
}
