//! One SELECT over one base: the sums of some columns by group and, for a series, by period.
use super::super::facts::{Base, Reach};
use super::kept::{self, Kept};
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
    /// First days of the periods of the window, for a series.
    pub series: Option<&'a [Date]>,
    /// Days that put the rows of a comparison beside those they are compared with.
    pub shift: i32,
    /// The part of the window that may be read from sums.
    pub kept: Option<Kept>,
}

/// PostgreSQL types of the binds; filters are `f0`, `f1`…
pub(super) fn bind_types(filters: usize) -> BTreeMap<String, &'static str> {
    let fixed = [
        ("starts", "date[]"),
        ("first", "date"),
        ("last", "date"),
        ("days_first", "date"),
        ("days_last", "date"),
        ("months_first", "date"),
        ("months_last", "date"),
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
    conditions.push(within(&base.date, Reach::Window));
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
    let mut keys = vec![key];
    for (grain, _) in ask.filters {
        keys.push(key_of(grain)?);
    }
    let sums = kept::instead(base, columns, ask, &keys);
    let (from, wheres, [first_day, last_day]) = match &sums {
        Some(sums) => (&sums.select, &sums.wheres, sums.days),
        None => (&base.select, &base.wheres, [date.as_str(); 2]),
    };
    let mut conditions: Vec<String> = wheres.iter().map(|w| format!("({w})")).collect();
    match splits.first() {
        Some((condition, _)) => conditions.push(format!("({condition})")),
        None => conditions.extend(base.plain.iter().map(|plain| format!("({plain})"))),
    }
    conditions.push(within(date, base.reach));
    for (n, (grain, _)) in ask.filters.iter().enumerate() {
        let key = key_of(grain)?;
        conditions.push(format!("({key}) = :f{n}"));
        // By the names that rows are stored under, an index finds what counts as this one.
        if key == kept::BY_NAME {
            conditions.push(format!(
                "d.platform_id = any ((select array_agg(n.id) from (
                   select :f{n} as id
                   union all
                   select e.id from facts.entities e
                   where e.canonical_id = :f{n} and e.canonical_id <> '' and e.canonical_id <> e.id) n)::text[])"
            ));
        }
    }
    if ask.by.is_some() {
        conditions.push(format!("({key}) is not null"));
    }
    let shift = ask.shift;
    let (first_day, last_day) = match instant(date).filter(|_| sums.is_none()) {
        Some(at) => (day_of(&format!("min({at})")), day_of(&format!("max({at})"))),
        None => (format!("min({first_day})"), format!("max({last_day})")),
    };
    let period = match (ask.series, instant(date)) {
        (None, _) => "null::date".to_owned(),
        (Some(_), None) => {
            format!("(:starts::date[])[width_bucket({date}, :starts::date[])] + {shift}")
        }
        (Some(_), Some(at)) => format!(
            "(:starts::date[])[width_bucket({at}, (select array_agg({} order by s) from unnest(:starts::date[]) s))] + {shift}",
            midnight("s")
        ),
    };
    let read: Vec<&str> =
        columns.iter().filter_map(|column| base.columns.get(*column)).map(String::as_str).collect();
    if read.len() != columns.len() {
        return None;
    }
    let mut sql = format!(
        "select ({key})::text as key, {period} as period, {first_day} as first_day, {last_day} as last_day"
    );
    for (n, aggregate) in read.iter().enumerate() {
        let _ = write!(sql, ", ({aggregate})::numeric as c{n}");
    }
    let _ = write!(sql, " from {from} where {} group by ", conditions.join(" and "));
    match ask.series {
        None => sql.push('1'),
        // Periods add up to the window, where the columns do: the rows are read and grouped once.
        Some(_) if read.iter().all(|aggregate| adds_up(aggregate)) => {
            let sums: String = (0..read.len()).map(|n| format!(", sum(c{n})")).collect();
            sql = format!(
                "with p as ({sql}1, 2) select * from p \
                 union all select key, null, min(first_day), max(last_day){sums} from p group by key"
            );
        }
        Some(_) => sql.push_str("grouping sets ((1), (1, 2))"),
    }
    Some(sql)
}

/// The instant whose day in the organisation's time zone a row is of, where it is no plain day.
fn instant(date: &str) -> Option<&str> {
    date.strip_prefix('(')?.strip_suffix(" at time zone :time_zone)::date").filter(|at| !at.contains(' '))
}

/// The first instant of a day.
fn midnight(day: &str) -> String {
    format!("({day})::timestamp at time zone :time_zone")
}

fn day_of(instant: &str) -> String {
    format!("({instant} at time zone :time_zone)::date")
}

/// Which days of the rows count. Instants are compared as such: their index serves, and no row's day is worked out.
fn within(date: &str, reach: Reach) -> String {
    let first = match reach {
        Reach::Window => Some(":first::date".to_owned()),
        Reach::All => None,
        Reach::Days(days) => Some(format!(":last::date - {}", days - 1)),
    };
    let (name, from, to) = match instant(date) {
        Some(at) => (at, first.map(|first| midnight(&first)), format!("< {}", midnight(":last::date + 1"))),
        None => (date, first, "<= :last".to_owned()),
    };
    let from = from.map(|from| format!("{name} >= {from} and ")).unwrap_or_default();
    format!("{from}{name} {to}")
}

/// Whether a figure of a window is the sum of the figures of its parts: a sum or a count, with or without a condition.
fn adds_up(aggregate: &str) -> bool {
    let counted = aggregate.starts_with("sum(") || aggregate.starts_with("count(");
    let mut depth = 0;
    let end = aggregate.char_indices().find(|(_, c)| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        *c == ')' && depth == 0
    });
    let rest = end.map_or("", |(n, _)| aggregate.get(n + 1..).unwrap_or_default());
    let alone = rest.is_empty()
        || (rest.starts_with(" filter (where ")
            && rest.ends_with(')')
            && !rest.contains("sum(")
            && !rest.contains("count("));
    counted && end.is_some() && alone && !aggregate.contains("distinct")
}
