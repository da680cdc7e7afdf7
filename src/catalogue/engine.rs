//! The metric engine: any metric of the registry in any window, at any grain its facts have, beside another period and as a
//! series. Formulas come from `tools/metrics.yaml`, rows from `tools/facts.yaml`; what no fact supplies is said, not made up.
mod fit;
mod functions;
mod kept;
mod names;
mod rows;
mod statement;
mod value;

use super::binds;
use super::facts::{Base, Facts, Reach};
use super::freshness;
use super::metrics::{Metric, Metrics, Supply};
use super::result::ToolError;
use crate::db::OrgTx;
use crate::period::Window;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use sqlx::Row as _;
use sqlx::postgres::PgArguments;
use statement::{Ask, Unit};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use value::{Reason, Value};

pub(super) use fit::{faults, statements};
pub use rows::Shape;
pub(super) use rows::rows;

/// A series of more periods than this is only given where one statement reads them all.
const MOST_LEVELS: usize = 62;
/// A window of which less than nine tenths are covered has no value (`metrics.md` §1.3): the data must have begun within
/// its first tenth.
const TENTH: i32 = 10;

/// What metrics are made of, and the moment of the question.
#[derive(Clone, Copy)]
pub(super) struct Engine<'a> {
    pub metrics: &'a Metrics,
    pub facts: &'a Facts,
    pub now: Timestamp,
    pub today: Date,
    pub time_zone: &'a str,
}

/// What is asked of the engine.
#[derive(Clone, Debug)]
struct Request<'a> {
    pub by: Option<&'a str>,
    pub filters: Vec<(&'a str, String)>,
    pub window: Window,
    pub compare: Option<Window>,
    pub series: Option<Unit>,
}

/// One group: the window, the comparison window, and both by period (by its first day in the window).
#[derive(Clone, Debug, Default)]
struct Group {
    pub now: Value,
    pub before: Value,
    pub series: BTreeMap<Date, (Value, Value)>,
}

#[derive(Clone, Debug, Default)]
struct Measured {
    pub groups: BTreeMap<String, Group>,
    /// What the figures were counted from, in words.
    pub basis: String,
}

/// Sums by group and period (nothing: the whole window) of one window, and what is known of the bases they come from.
#[derive(Default)]
struct Sums {
    /// A column that is there without a value is not known; one that is not there had no row.
    of: BTreeMap<(String, Option<Date>), BTreeMap<String, Option<Decimal>>>,
    bases: BTreeMap<String, Known>,
    /// Column → base.
    owners: BTreeMap<String, String>,
}

/// What one window knows of a base.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// First and last day with rows.
    days: Option<(Date, Date)>,
    /// Its rows begin before the window, or in its first tenth.
    begun: bool,
    /// Rows come now and then: a day without any had none.
    quiet: bool,
}

impl Known {
    /// Whether no row in these days means that nothing happened.
    fn covers(self, window: Window) -> bool {
        let between = self.days.is_some_and(|(first, last)| window.end >= first && window.start <= last);
        between || (self.begun && self.quiet)
    }
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<Measured, sqlx::Error>> + Send + 'a>>;

impl<'a> Engine<'a> {
    /// The views that a metric reads, for the freshness of its answer.
    pub fn sources(&self, metric: &Metric) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let own = metric
            .supply
            .bases()
            .into_iter()
            .filter_map(|id| self.facts.get(id))
            .flat_map(|b| b.sources.clone());
        let parts: Vec<String> = match &metric.supply {
            Supply::Metrics(combined) => combined
                .parts()
                .iter()
                .filter_map(|id| self.metrics.get(id))
                .flat_map(|m| self.sources(m))
                .collect(),
            Supply::Facts(_) | Supply::Needs(_) | Supply::Unsaid => Vec::new(),
        };
        for source in own.chain(parts) {
            if !out.contains(&source) {
                out.push(source);
            }
        }
        out
    }

    /// Refuses a metric that no fact supplies, with what would.
    pub fn supplied(&self, metric: &Metric) -> Result<(), ToolError> {
        match &metric.supply {
            Supply::Facts(_) => Ok(()),
            Supply::Metrics(combined) => combined
                .parts()
                .iter()
                .filter_map(|id| self.metrics.get(id))
                .try_for_each(|part| self.supplied(part)),
            Supply::Needs(needs) => {
                let message = format!("there is no data for {}: it needs {needs}", metric.name);
                Err(ToolError::tell("metric.data_unavailable", message))
            }
            Supply::Unsaid => {
                let message =
                    format!("there is no data for {}: the registry names no facts for it", metric.name);
                Err(ToolError::tell("metric.data_unavailable", message))
            }
        }
    }

    /// Refuses a series that would be read in too many statements.
    fn not_too_long(&self, metric: &Metric, request: &Request<'_>) -> Result<(), ToolError> {
        let Some(unit) = request.series else { return Ok(()) };
        let many = periods(request.window, unit).len();
        if many > MOST_LEVELS && self.is_read_by_period(metric) {
            let message = format!(
                "{} is worked out anew for each period, and {many} are too many: ask for at most {MOST_LEVELS}, by week or by month",
                metric.name
            );
            return Err(ToolError::tell("metric.too_many_periods", message));
        }
        Ok(())
    }

    fn is_read_by_period(&self, metric: &Metric) -> bool {
        let columns = value::columns(metric);
        let own = metric.supply.bases().into_iter().filter_map(|id| self.facts.get(id));
        let parts = match &metric.supply {
            Supply::Metrics(combined) => combined.parts(),
            Supply::Facts(_) | Supply::Needs(_) | Supply::Unsaid => Vec::new(),
        };
        own.into_iter().any(|base| base.is_of_its_window(&columns))
            || parts
                .into_iter()
                .filter_map(|id| self.metrics.get(id))
                .any(|part| self.is_read_by_period(part))
    }

    /// Reads a metric. A split that its facts do not know gives no groups.
    fn measure<'t>(&'t self, tx: &'t mut OrgTx, metric: &'t Metric, request: &'t Request<'t>) -> Reading<'t>
    where
        'a: 't,
    {
        Box::pin(async move {
            match &metric.supply {
                Supply::Facts(alternatives) => {
                    for (n, joined) in alternatives.iter().enumerate() {
                        let bases: Vec<&Base> = joined.iter().filter_map(|id| self.facts.get(id)).collect();
                        let found = self.counted(tx, metric, &bases, request).await?;
                        let last = n + 1 == alternatives.len();
                        if let Some(found) = found.filter(|found| last || !found.groups.is_empty()) {
                            return Ok(found);
                        }
                    }
                    Ok(Measured::default())
                }
                Supply::Metrics(combined) => {
                    let mut parts = BTreeMap::new();
                    for id in combined.parts() {
                        if let Some(part) = self.metrics.get(id) {
                            parts.insert(id.to_owned(), self.measure(tx, part, request).await?);
                        }
                    }
                    Ok(together(combined, &parts, metric))
                }
                Supply::Needs(_) | Supply::Unsaid => Ok(Measured::default()),
            }
        })
    }

    /// From bases read side by side; nothing when one of them cannot be asked so.
    async fn counted(
        &self,
        tx: &mut OrgTx,
        metric: &Metric,
        bases: &[&Base],
        request: &Request<'_>,
    ) -> Result<Option<Measured>, sqlx::Error> {
        let windows = [Some(request.window), request.compare];
        let mut read = [Sums::default(), Sums::default()];
        for (sums, window) in read.iter_mut().zip(windows) {
            let Some(window) = window else { continue };
            for base in bases {
                let own: Vec<String> = value::columns(metric)
                    .into_iter()
                    .filter(|c| {
                        bases.iter().find(|b| b.columns.contains_key(c)).is_some_and(|b| b.id == base.id)
                    })
                    .collect();
                if own.is_empty() {
                    continue;
                }
                if !self.sum(tx, base, &own, window, request, sums).await? {
                    return Ok(None);
                }
                let begun = self.begun(tx, base, window).await?;
                let known = sums.bases.entry(base.id.clone()).or_default();
                known.begun = begun;
                known.quiet = base.sources.iter().all(|table| freshness::is_quiet(table));
                sums.owners.extend(own.into_iter().map(|column| (column, base.id.clone())));
            }
        }
        let mut words: Vec<&str> = bases.iter().map(|b| b.words.as_str()).collect();
        words.dedup();
        let groups = groups(metric, &read, request);
        Ok(Some(Measured { groups, basis: words.join(" and ") }))
    }

    /// Adds the sums of one base in one window; false when the base cannot be asked so.
    async fn sum(
        &self,
        tx: &mut OrgTx,
        base: &Base,
        columns: &[String],
        window: Window,
        request: &Request<'_>,
        sums: &mut Sums,
    ) -> Result<bool, sqlx::Error> {
        let shift = (request.window.start - window.start).get_days();
        let in_one = request.series.filter(|_| !base.is_of_its_window(columns));
        let kept = kept::in_window(tx, base, window).await?;
        let starts: Vec<Date> = in_one
            .map(|unit| periods(request.window, unit))
            .unwrap_or_default()
            .iter()
            .map(|period| period.start.saturating_sub(shift.days()))
            .collect();
        let series = in_one.map(|_| starts.as_slice());
        let ask = Ask { by: request.by, filters: &request.filters, window, series, shift, kept };
        if !self.read(tx, base, columns, &ask, None, sums).await? {
            return Ok(false);
        }
        if let Some(unit) = request.series.filter(|_| in_one.is_none()) {
            let periods = periods(request.window, unit);
            for period in &periods {
                let day = |day: Date| day.saturating_sub(shift.days());
                let Some(window) = Window::new(day(period.start), day(period.end)) else { continue };
                let ask = Ask { window, series: None, kept: None, ..ask.clone() };
                self.read(tx, base, columns, &ask, Some(period.start), sums).await?;
            }
        }
        Ok(true)
    }

    async fn read(
        &self,
        tx: &mut OrgTx,
        base: &Base,
        columns: &[String],
        ask: &Ask<'_>,
        period: Option<Date>,
        sums: &mut Sums,
    ) -> Result<bool, sqlx::Error> {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let Some(sql) = statement::select(base, &names, ask) else { return Ok(false) };
        let (sql, values) = self.bound(&sql, ask)?;
        let found = sqlx::query_with(sqlx::AssertSqlSafe(sql), values).fetch_all(&mut **tx).await?;
        for row in &found {
            let day = |name: &str| -> Result<Option<Date>, sqlx::Error> {
                Ok(row.try_get::<Option<jiff_sqlx::Date>, _>(name)?.map(jiff_sqlx::Date::to_jiff))
            };
            let own = day("period")?;
            // A part of a series read on its own stands for its period.
            let key = (row.try_get("key")?, period.or(own));
            let entry = sums.of.entry(key).or_default();
            for (n, column) in columns.iter().enumerate() {
                entry.insert(column.clone(), row.try_get(format!("c{n}").as_str())?);
            }
            if let (Some(first), Some(last)) = (day("first_day")?, day("last_day")?) {
                let known = sums.bases.entry(base.id.clone()).or_default();
                let (a, b) = known.days.unwrap_or((first, last));
                known.days = Some((a.min(first), b.max(last)));
            }
        }
        Ok(true)
    }

    /// Whether the rows of a base begin early enough for a window. That they have not arrived up to its end is told by their
    /// freshness.
    async fn begun(&self, tx: &mut OrgTx, base: &Base, window: Window) -> Result<bool, sqlx::Error> {
        if base.reach != Reach::Window {
            return Ok(true);
        }
        let edge = window.start.saturating_add((window.days() / TENTH).days());
        let early = Window { start: Date::constant(1970, 1, 1), end: edge };
        let ask = Ask { by: None, filters: &[], window: early, series: None, shift: 0, kept: None };
        let (sql, values) = self.bound(&statement::begun(base), &ask)?;
        sqlx::query_scalar_with(sqlx::AssertSqlSafe(sql), values).fetch_one(&mut **tx).await
    }

    /// A statement numbered, with its values in order.
    fn bound(&self, sql: &str, ask: &Ask<'_>) -> Result<(String, PgArguments), sqlx::Error> {
        let Ask { window, kept, filters, .. } = ask;
        let (sql, order) = binds::numbered(sql, &statement::bind_types(filters.len()))
            .map_err(|name| sqlx::Error::Protocol(format!(":{name} is no bind of a base")))?;
        let days = kept.map(|kept| kept.days);
        let months = kept.and_then(|kept| kept.months);
        let mut values = PgArguments::default();
        for name in order {
            use sqlx::Arguments as _;
            let added = match name.as_str() {
                "first" => values.add(window.start.to_sqlx()),
                "last" => values.add(window.end.to_sqlx()),
                "starts" => values
                    .add(ask.series.map(|starts| starts.iter().map(|day| day.to_sqlx()).collect::<Vec<_>>())),
                "days_first" => values.add(days.map(|w| w.start.to_sqlx())),
                "days_last" => values.add(days.map(|w| w.end.to_sqlx())),
                "months_first" => values.add(months.map(|w| w.start.to_sqlx())),
                "months_last" => values.add(months.map(|w| w.end.to_sqlx())),
                "today" => values.add(self.today.to_sqlx()),
                "as_of" => values.add(self.now.to_sqlx()),
                "time_zone" => values.add(self.time_zone.to_owned()),
                filter => {
                    let n = filter.trim_start_matches('f').parse().unwrap_or(usize::MAX);
                    values.add(filters.get(n).map(|(_, value)| value.clone()))
                }
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok((sql, values))
    }
}

/// Values of all groups that either window has.
fn groups(metric: &Metric, read: &[Sums; 2], request: &Request<'_>) -> BTreeMap<String, Group> {
    let [now, before] = read;
    let mut out: BTreeMap<String, Group> = BTreeMap::new();
    let mut keys: Vec<String> = now.of.keys().chain(before.of.keys()).map(|(key, _)| key.clone()).collect();
    let nothing =
        |sums: &Sums| !sums.bases.is_empty() && sums.bases.values().all(|known| known.begun && known.quiet);
    if keys.is_empty() && request.by.is_none() && metric.adds_up() && nothing(now) {
        keys.push("all".to_owned());
    }
    let periods = request.series.map(|unit| periods(request.window, unit)).unwrap_or_default();
    let whole = |sums: &Sums, key: &str, window: Window| {
        let early = sums.bases.values().any(|known| !known.begun);
        if early && metric.null.iter().any(|code| code == "W") {
            return Value { reason: Some(Reason::NotCovered), ..Value::default() };
        }
        value_of(metric, sums, (key, None), window)
    };
    // A point of a series is the metric of its period: none where the rows of a base begin later than in its first tenth.
    let point = |sums: &Sums, key: (&str, Option<Date>), window: Window| {
        let edge = window.start.saturating_add((window.days() / TENTH).days());
        let late = |known: &Known| !known.begun && known.days.is_none_or(|(first, _)| first > edge);
        if sums.bases.values().any(late) && metric.null.iter().any(|code| code == "W") {
            return Value { reason: Some(Reason::NotCovered), ..Value::default() };
        }
        value_of(metric, sums, key, window)
    };
    for key in keys {
        if out.contains_key(&key) {
            continue;
        }
        let mut group = Group { now: whole(now, &key, request.window), ..Group::default() };
        group.before = request.compare.map(|window| whole(before, &key, window)).unwrap_or_default();
        for period in &periods {
            let own = point(now, (&key, Some(period.start)), *period);
            let prior = request.compare.map(|compare| {
                let shift = (request.window.start - compare.start).get_days();
                let day = |day: Date| day.saturating_sub(shift.days());
                let window = Window { start: day(period.start), end: day(period.end) };
                point(before, (&key, Some(period.start)), window)
            });
            group.series.insert(period.start, (own, prior.unwrap_or_default()));
        }
        out.insert(key, group);
    }
    out
}

/// The value of one group in one period. A base without a row of the group had none of what it counts, where it has rows
/// around; a row without a value leaves the metric without one.
fn value_of(metric: &Metric, sums: &Sums, (key, period): (&str, Option<Date>), window: Window) -> Value {
    let row = sums.of.get(&(key.to_owned(), period));
    let column = |name: &str| {
        if let Some(found) = row.and_then(|row| row.get(name)) {
            return *found;
        }
        // What nobody spent anything on has no cost of each.
        if metric.level || (name == "cost" && value::costs(metric)) {
            return None;
        }
        let known = sums.bases.get(sums.owners.get(name)?)?;
        known.covers(window).then_some(Decimal::ZERO)
    };
    value::evaluate(metric, &column)
}

/// The periods of a window, first and last cut to it.
fn periods(window: Window, unit: Unit) -> Vec<Window> {
    let mut out: Vec<Window> = Vec::new();
    let mut day = window.start;
    while day <= window.end {
        let start = unit.start(day, window.start);
        match out.last_mut().filter(|last| last.start == start) {
            Some(last) => last.end = day,
            None => out.push(Window { start, end: day }),
        }
        day = day.saturating_add(1.day());
    }
    out
}

/// A metric of metrics, group by group and period by period.
fn together(
    combined: &super::metrics::Combined,
    parts: &BTreeMap<String, Measured>,
    metric: &Metric,
) -> Measured {
    let value = |pick: &dyn Fn(&Measured) -> Value| {
        let of: BTreeMap<&str, Value> = parts.iter().map(|(id, part)| (id.as_str(), pick(part))).collect();
        let number = combined.value(&|id| of.get(id)?.number);
        let reason = of.values().find_map(|part| part.reason).unwrap_or(Reason::NothingToDivideBy);
        Value {
            reason: number.is_none().then_some(reason),
            number: number.map(|n| (n * metric.scale).round_dp(12).normalize()),
            little: of.values().find_map(|part| part.little),
            spent: None,
        }
    };
    let mut out = Measured::default();
    for key in parts.values().flat_map(|part| part.groups.keys()) {
        let group = |part: &Measured| part.groups.get(key).cloned().unwrap_or_default();
        let mut made = Group {
            now: value(&|part| group(part).now),
            before: value(&|part| group(part).before),
            series: BTreeMap::new(),
        };
        for start in parts.values().flat_map(|part| group(part).series.into_keys()) {
            let at = |part: &Measured| group(part).series.get(&start).cloned().unwrap_or_default();
            made.series.insert(start, (value(&|part| at(part).0), value(&|part| at(part).1)));
        }
        out.groups.insert(key.clone(), made);
    }
    let mut words: Vec<&str> = parts.values().map(|part| part.basis.as_str()).collect();
    words.dedup();
    out.basis = words.join(" and ");
    out
}

#[cfg(test)]
mod tests;
