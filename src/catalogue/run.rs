//! Runs one query: may they, what do they mean, is there budget, read as the reader role, record what was read.
mod record;

use super::entities::{self, profile};
use super::freshness::{self, GRACE_DAYS, Snapshot};
use super::memory::{Kept, Profile};
use super::metrics::Metric;
use super::params::{Bound, Resolved, Scope, bind_types, resolve};
use super::result::{Cell, QueryResult, ToolError};
use super::spec::{ParamType, Query, Total};
use super::{Catalogue, RunContext, binds, decode, engine, stats_hooks};
use crate::access::{Actor, Permission};
use crate::clock::SharedClock;
use crate::db::{self, Db, OrgTx};
use crate::ids::{OrgId, RunId};
use crate::period::local_day;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use record::record;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::postgres::PgArguments;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A result is never larger, serialised.
const MOST_BYTES: usize = 1024 * 1024;

/// Runs a query, counted and timed by its name.
pub(super) async fn run(
    catalogue: &Catalogue,
    db: &Db,
    clock: &SharedClock,
    context: &RunContext,
    name: &str,
    given: &Map<String, Value>,
) -> Result<QueryResult, ToolError> {
    let started = clock.monotonic();
    let query = find(catalogue, name)?;
    let done = run_known(catalogue, db, clock, context, (query, started), given).await;
    let outcome = match &done {
        Ok(result) if result.cache_hit => "remembered",
        Ok(_) => "read",
        Err(ToolError::TellModel { .. }) => "refused",
        Err(ToolError::Abort { .. }) => "failed",
    };
    metrics::counter!("adjutant_queries_total", "query" => query.name.clone(), "outcome" => outcome)
        .increment(1);
    metrics::histogram!("adjutant_query_seconds", "query" => query.name.clone())
        .record((clock.monotonic() - started).as_secs_f64());
    done
}

async fn run_known(
    catalogue: &Catalogue,
    db: &Db,
    clock: &SharedClock,
    context: &RunContext,
    (query, started): (&Query, std::time::Instant),
    given: &Map<String, Value>,
) -> Result<QueryResult, ToolError> {
    let restricted = allowed(query, context)?;
    let org = context.actor.org;
    let profile = profile(catalogue, db, org).await?;
    let now = clock.now();
    let today = local_day(now, &profile.zone);
    let resolved = understood(catalogue, db, clock, query, given, &profile, now, &context.actor).await?;
    let read = Read {
        query,
        profile: &profile,
        resolved: &resolved,
        now,
        today,
        catalogue,
        org,
        role: context.actor.role.as_str(),
    };
    // Side by side: another role, another connection. Nothing of the answer is read before the budget has said yes.
    let (spent, opened) = tokio::join!(spend_budget(db, org, now, profile.queries_an_hour), read.open(db));
    spent?;
    let (tx, snapshot) = opened?;
    let (mut result, fresh) = read.result(tx, snapshot, clock, restricted).await?;
    result.run_id = RunId::new(&**clock);
    result.elapsed_ms = u64::try_from((clock.monotonic() - started).as_millis()).unwrap_or(u64::MAX);
    result.cache_hit = !fresh;
    record(db, clock, context, query, &result, restricted)
        .await
        .map_err(|e| failure(&query.name, query.timeout_ms, &e))?;
    Ok(result)
}

/// The parameters as understood, if they can be and the actor may run the query; nothing is read but names.
pub(super) async fn echo(
    catalogue: &Catalogue,
    db: &Db,
    clock: &SharedClock,
    actor: &Actor,
    name: &str,
    given: &Map<String, Value>,
) -> Option<Map<String, Value>> {
    let query = catalogue.queries.get(name).filter(|query| actor.may(query.access.permission))?;
    let profile = profile(catalogue, db, actor.org).await.ok()?;
    let resolved = understood(catalogue, db, clock, query, given, &profile, clock.now(), actor).await;
    Some(resolved.ok()?.echo)
}

fn find<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Query, ToolError> {
    catalogue.queries.get(name).ok_or_else(|| {
        let mut near: Vec<(f64, &str)> = catalogue
            .queries
            .keys()
            .map(|known| (crate::text::similarity(known, name), known.as_str()))
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let allowed = near.into_iter().take(5).map(|(_, known)| known.to_owned()).collect();
        let name: String = name.chars().take(64).collect();
        ToolError::choices("query.unknown", format!("there is no query '{name}'"), allowed)
    })
}

/// Checks permissions; says whether an access record is due.
fn allowed(query: &Query, context: &RunContext) -> Result<bool, ToolError> {
    let refuse =
        |missing| ToolError::tell("permission.missing", format!("{missing} Ask an administrator for it."));
    context.actor.require(Permission::QueryRun).map_err(refuse)?;
    context.actor.require(query.access.permission).map_err(refuse)?;
    let restricted =
        query.access.permission == Permission::QueryRestricted || query.access.pii == "restricted";
    if !restricted {
        return Ok(false);
    }
    context.actor.require(Permission::QueryRestricted).map_err(refuse)?;
    if context.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        let message = format!(
            "{} reads restricted data: say what it is needed for; the reason is recorded",
            query.name
        );
        return Err(ToolError::tell("query.reason_required", message));
    }
    Ok(true)
}

/// Two sources may number their leads alike: which one is meant is asked, not guessed.
async fn which_lead(db: &Db, org: OrgId, query: &Query, resolved: &Resolved) -> Result<(), ToolError> {
    for param in query.params.iter().filter(|param| matches!(param.kind, ParamType::Lead)) {
        let Some(said) = resolved.echo.get(&param.name).and_then(Value::as_str) else { continue };
        let several = entities::leads_called(db, org, said).await?;
        if !several.is_empty() {
            let message = format!("several leads have the number '{said}': which one?");
            return Err(ToolError::choices("param.ambiguous", message, several));
        }
    }
    Ok(())
}

/// Resolves the parameters against the organisation's names and values. A name that is not found is looked up once more
/// in fresh data, since names are remembered for a while.
#[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename them")]
async fn understood(
    catalogue: &Catalogue,
    db: &Db,
    clock: &SharedClock,
    query: &Query,
    given: &Map<String, Value>,
    profile: &Profile,
    now: Timestamp,
    actor: &Actor,
) -> Result<Resolved, ToolError> {
    let org = actor.org;
    for attempt in 0..2 {
        let mut names = BTreeMap::new();
        let mut choices = BTreeMap::new();
        for param in &query.params {
            if let ParamType::Enum { values_from: Some(from), .. } = &param.kind {
                choices.insert(from.clone(), entities::choices(catalogue, db, org, from).await?);
            }
            let kind = if let ParamType::Entity(kind) | ParamType::Entities(kind) = &param.kind {
                Some(kind.as_str())
            } else {
                matches!(param.kind, ParamType::Segment | ParamType::Segments).then_some("segment")
            };
            let asked = given.get(&param.name).is_some_and(|v| !v.is_null()) || param.required;
            if let Some(kind) = kind.filter(|_| asked) {
                names.insert(kind.to_owned(), catalogue.entities(db, clock, org, kind).await?);
            }
        }
        let scope = Scope {
            now,
            today: local_day(now, &profile.zone),
            week_start: profile.week_start,
            date_order: profile.date_order,
            time_zone: &profile.zone_name,
            currency: profile.currency,
            me: Some(actor.member.to_string()),
            vocabulary: &catalogue.vocabulary,
            metrics: &catalogue.metrics,
            entities: &names,
            choices: &choices,
        };
        match resolve(query, given, &scope) {
            Err(error) if attempt == 0 && matches!(error.code(), "param.not_found" | "param.invalid") => {
                for kind in names.into_keys() {
                    catalogue.memory.entities.invalidate(&(org, kind)).await;
                }
                for from in choices.into_keys() {
                    catalogue.memory.choices.invalidate(&(org, from)).await;
                }
            }
            done => {
                let resolved = done?;
                which_lead(db, org, query, &resolved).await?;
                return Ok(resolved);
            }
        }
    }
    Err(ToolError::abort("query.failed", "the parameters could not be understood"))
}

/// Counts one query of this hour, or says that the hour's queries are used up.
async fn spend_budget(db: &Db, org: OrgId, now: Timestamp, limit: u32) -> Result<(), ToolError> {
    let hour = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(3600)).unwrap_or(now);
    let spent: Result<Option<Decimal>, sqlx::Error> = async {
        // Losing a count in a crash is harmless; waiting for the disk at every query is not.
        let mut tx = db.org_unhurried(org).await?;
        let spent = sqlx::query_scalar(
            "insert into usage_counters (org_id, window_start, kind, amount) values ($1, $2, 'queries', 1)
             on conflict (org_id, window_start, kind) do update set amount = usage_counters.amount + 1
             where usage_counters.amount < $3
             returning amount",
        )
        .bind(org)
        .bind(hour.to_sqlx())
        .bind(Decimal::from(limit))
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(spent)
    }
    .await;
    match spent.map_err(|error| failure("the query budget", 3000, &error))? {
        Some(amount) if amount <= Decimal::from(limit) => Ok(()),
        _ => {
            let minutes = (3600 - now.as_second().rem_euclid(3600) + 59) / 60;
            let message =
                format!("the limit of {limit} queries an hour is reached; it resets in {minutes} minutes");
            Err(ToolError::tell("query.budget", message))
        }
    }
}

/// One reading with everything it depends on.
struct Read<'a> {
    query: &'a Query,
    profile: &'a Profile,
    resolved: &'a Resolved,
    now: Timestamp,
    today: Date,
    catalogue: &'a Catalogue,
    org: OrgId,
    role: &'static str,
}

/// Rows, totals and the number of all rows.
type Rows = (Vec<Vec<Cell>>, BTreeMap<String, Cell>, u64);

impl Read<'_> {
    /// The transaction of this reading, and how new the data is that it sees.
    async fn open(&self, db: &Db) -> Result<(OrgTx, Snapshot), ToolError> {
        let query = self.query;
        let failed = |error: sqlx::Error| failure(&query.name, query.timeout_ms, &error);
        let mut tx = db.reader_within(self.org, query.timeout_ms).await.map_err(failed)?;
        let sources = match self.metric() {
            Some(metric) => self.engine().sources(metric),
            None => query.sources.clone(),
        };
        let snapshot = freshness::snapshot(&mut tx, &sources, &self.profile.zone, self.now, self.today)
            .await
            .map_err(failed)?;
        Ok((tx, snapshot))
    }

    /// The result and whether it was read now (rather than remembered).
    async fn result(
        &self,
        mut tx: OrgTx,
        snapshot: Snapshot,
        clock: &SharedClock,
        restricted: bool,
    ) -> Result<(QueryResult, bool), ToolError> {
        let Self { query, resolved, .. } = self;
        let failed = |error: sqlx::Error| failure(&query.name, query.timeout_ms, &error);
        let window = resolved.window.map(|phrase| phrase.window);
        if let Some((source, late)) = snapshot.withheld(window, self.today)
            && query.group != "data_health"
        {
            let newest = source.newest.map_or(String::new(), |day| day.to_string());
            let message = format!(
                "the figures are withheld: {} ends on {newest} and is {late} days late, beyond its grace period of {GRACE_DAYS} days; \
                 ask for a window that ends by {newest}, or bring the source up to date",
                source.table.replace('_', " ")
            );
            return Err(ToolError::tell("query.withheld", message));
        }
        if let Some((feed, since)) = snapshot.unfed(window) {
            let names: Vec<&str> = feed.late.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!(
                "the figures are withheld: {} come from {}, last heard of on {since}, beyond the grace period of {GRACE_DAYS} days; \
                 ask for a window that ends before {since}, or bring the source up to date",
                feed.table,
                names.join(", ")
            );
            return Err(ToolError::tell("query.withheld", message));
        }
        let key = (self.org, self.key(&snapshot));
        let reuse = Duration::from_secs(query.cache_s);
        if !restricted
            && !reuse.is_zero()
            && let Some(kept) = self.catalogue.memory.results.get(&key).await
        {
            return Ok(((*kept.result).clone(), false));
        }
        let before = clock.monotonic();
        let mut told = Vec::new();
        let (mut rows, totals, total_rows) = match (&query.stats, self.metric().zip(query.engine)) {
            (_, Some((metric, shape))) => {
                let asked = engine::rows(&self.engine(), &mut tx, (shape, metric), resolved, &failed).await?;
                told = asked.notes;
                self.totalled(asked.rows)
            }
            (Some(hook), None) => self.computed(&mut tx, hook).await?,
            (None, None) => self.selected(&mut tx).await.map_err(failed)?,
        };
        db::let_go(tx);
        tracing::debug!(query = query.name, elapsed = ?(clock.monotonic() - before), "query read");
        let mut notes = resolved.notes.clone();
        notes.extend(snapshot.notes(window, resolved.compare, self.today, total_rows));
        notes.extend(told);
        if cut_to_size(&mut rows) {
            notes.push("The result is larger than 1 MiB; only its first rows are kept.".to_owned());
        }
        let result = QueryResult {
            run_id: RunId(uuid::Uuid::nil()),
            query: query.name.clone(),
            version: query.version,
            title: query.title.clone(),
            params: resolved.echo.clone(),
            window,
            compare: resolved.compare,
            partial: resolved.partial,
            as_of: self.now,
            currency: self.profile.currency.to_string(),
            columns: query.columns.clone(),
            truncated: total_rows > rows.len() as u64,
            rows,
            totals,
            total_rows,
            freshness: snapshot.freshness(self.today),
            snapshot_id: snapshot.id,
            cache_hit: false,
            elapsed_ms: 0,
            notes,
            rules: rules(query),
            chart: query.chart.clone(),
        };
        if !restricted && !reuse.is_zero() {
            self.catalogue.memory.results.insert(key, Kept { result: Arc::new(result.clone()), reuse }).await;
        }
        Ok((result, true))
    }

    /// Organisation aside, everything a result depends on.
    fn key(&self, snapshot: &Snapshot) -> String {
        let Query { name, version, .. } = self.query;
        let values: Vec<_> = self.resolved.binds.iter().filter(|(bind, _)| *bind != "as_of").collect();
        format!("{name}@{version}|{}|{}|{values:?}|{:?}", self.role, snapshot.id, self.resolved.limit)
    }

    /// The metric that the parameters name, where the engine answers.
    fn metric(&self) -> Option<&Metric> {
        self.query.engine?;
        let Some(Bound::Text(Some(id))) = self.resolved.binds.get("metric") else { return None };
        self.catalogue.metrics.get(id)
    }

    fn engine(&self) -> engine::Engine<'_> {
        engine::Engine {
            metrics: &self.catalogue.metrics,
            facts: &self.catalogue.facts,
            now: self.now,
            today: self.today,
            time_zone: &self.profile.zone_name,
        }
    }

    fn cap(&self) -> u32 {
        self.resolved.limit.unwrap_or(self.query.max_rows).min(self.query.max_rows)
    }

    /// The inner query numbered, and its values in order.
    fn statement(&self) -> Result<(String, PgArguments), sqlx::Error> {
        let types = bind_types(&self.query.params);
        let (sql, order) = binds::numbered(&self.query.sql, &types)
            .map_err(|name| sqlx::Error::Protocol(format!(":{name} is no parameter")))?;
        let mut values = PgArguments::default();
        for name in order {
            use sqlx::Arguments as _;
            let added = match self.resolved.binds.get(&name) {
                Some(Bound::Text(value)) => values.add(value.clone()),
                Some(Bound::Texts(value)) => values.add(value.clone()),
                Some(Bound::Int(value)) => values.add(*value),
                Some(Bound::Number(value)) => values.add(*value),
                Some(Bound::Day(value)) => values.add(value.map(|d| d.to_sqlx())),
                Some(Bound::Instant(value)) => values.add(value.to_sqlx()),
                Some(Bound::Flag(value)) => values.add(*value),
                None => return Err(sqlx::Error::Protocol(format!(":{name} has no value"))),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok((sql, values))
    }

    /// Rows as declared, with totals over all rows in the same statement.
    async fn selected(&self, tx: &mut OrgTx) -> Result<Rows, sqlx::Error> {
        let query = self.query;
        let (inner, values) = self.statement()?;
        let mut list: Vec<String> = query.columns.iter().map(decode::selected).collect();
        list.push("count(*) over () as \"#rows\"".to_owned());
        let sum = |column: &str| format!("sum((q.\"{column}\")::numeric) over ()");
        for (i, total) in query.totals.iter().enumerate() {
            let total = match total {
                Total::Sum(column) => sum(column),
                Total::Ratio { ratio: (a, b), .. } => format!("{} / nullif({}, 0)", sum(a), sum(b)),
            };
            list.push(format!("round({total}, 12) as \"#total{i}\""));
        }
        let cap = self.cap();
        // Names are those of the file, checked at load; the cap is a number; values are bound.
        let sql = format!("select {} from (\n{inner}\n) q limit {}", list.join(", "), cap + 1);
        let found = sqlx::query_with(sqlx::AssertSqlSafe(sql), values).fetch_all(&mut **tx).await?;
        let mut totals = BTreeMap::new();
        let mut total_rows = 0;
        if let Some(first) = found.first() {
            total_rows = u64::try_from(first.try_get::<i64, _>("#rows")?).unwrap_or(0);
        }
        for (i, total) in query.totals.iter().enumerate() {
            let value: Option<Decimal> = match found.first() {
                Some(first) => first.try_get(format!("#total{i}").as_str())?,
                None => None,
            };
            let name = match total {
                Total::Sum(column) | Total::Ratio { name: column, .. } => column.clone(),
            };
            totals.insert(name, value.map_or(Cell::Null, |d| Cell::Decimal(d.normalize())));
        }
        let mut rows = Vec::new();
        for row in found.iter().take(cap as usize) {
            let cells =
                query.columns.iter().enumerate().map(|(place, column)| decode::cell(row, place, column.kind));
            rows.push(cells.collect::<Result<Vec<Cell>, _>>()?);
        }
        Ok((rows, totals, total_rows))
    }

    /// Rows through a function of `stats`; totals add up what it returns.
    async fn computed(&self, tx: &mut OrgTx, hook: &str) -> Result<Rows, ToolError> {
        let query = self.query;
        let failed = |error: sqlx::Error| failure(&query.name, query.timeout_ms, &error);
        let (inner, values) = self.statement().map_err(failed)?;
        let sql = format!("select q.* from (\n{inner}\n) q limit 5000");
        let found =
            sqlx::query_with(sqlx::AssertSqlSafe(sql), values).fetch_all(&mut **tx).await.map_err(failed)?;
        let mut inputs = Vec::new();
        for row in &found {
            inputs.push(decode::named(row).map_err(failed)?.into_iter().collect());
        }
        let inputs = stats_hooks::Inputs {
            rows: inputs,
            params: &self.resolved.echo,
            metrics: &self.catalogue.metrics,
        };
        Ok(self.totalled(stats_hooks::run(hook, &inputs)?))
    }

    /// Computed rows as declared, with their totals; more than the cap are cut.
    fn totalled(&self, computed: Vec<stats_hooks::Row>) -> Rows {
        let query = self.query;
        let total_rows = computed.len() as u64;
        let all: Vec<Vec<Cell>> = computed
            .into_iter()
            .map(|mut row| query.columns.iter().map(|c| row.remove(&c.name).unwrap_or(Cell::Null)).collect())
            .collect();
        let sum = |name: &str| {
            let place = query.columns.iter().position(|c| c.name == name)?;
            all.iter().filter_map(|row| row.get(place)?.number()).reduce(|a, b| a + b)
        };
        let totals = query.totals.iter().map(|total| match total {
            Total::Sum(name) => (name.clone(), sum(name)),
            Total::Ratio { name, ratio: (a, b) } => {
                (name.clone(), sum(a).zip(sum(b)).filter(|(_, b)| !b.is_zero()).map(|(a, b)| a / b))
            }
        });
        let totals = totals.map(|(name, value)| (name, value.map_or(Cell::Null, Cell::Decimal))).collect();
        let rows = all.into_iter().take(self.cap() as usize).collect();
        (rows, totals, total_rows)
    }
}

/// Drops rows from the end until the rest fits; says whether it had to.
fn cut_to_size(rows: &mut Vec<Vec<Cell>>) -> bool {
    let mut size = 2;
    let fitting = rows.iter().take_while(|row| {
        size += serde_json::to_vec(row).map_or(0, |bytes| bytes.len() + 1);
        size <= MOST_BYTES
    });
    let keep = fitting.count();
    let cut = keep < rows.len();
    rows.truncate(keep);
    cut
}

/// What people and models are told of a database failure: never SQL, never values. The log has the cause.
pub(super) fn failure(what: &str, timeout_ms: u64, error: &sqlx::Error) -> ToolError {
    let code = error.as_database_error().and_then(|e| e.code()).map(|c| c.into_owned());
    let away = db::is_away(error) || matches!(error, sqlx::Error::WorkerCrashed);
    match code.as_deref() {
        Some("57014") => {
            let seconds = Decimal::from(timeout_ms) / Decimal::ONE_THOUSAND;
            let message =
                format!("{what} was cut after {} s; take a narrower window or a filter", seconds.normalize());
            ToolError::tell("query.timeout", message)
        }
        Some("55P03") => ToolError::tell(
            "query.busy",
            format!("{what} waited too long for data that is being changed; ask again in a moment"),
        ),
        _ if away => {
            tracing::error!(what, %error, "the database went away while a query was read");
            ToolError::abort("storage.unavailable", "the database does not answer; try again in a moment")
        }
        Some(db::DISK_FULL) => {
            tracing::error!(what, %error, "the disk of the database is full");
            let message = format!(
                "the disk of the database is full, so {what} was not read; an operator has to make room"
            );
            ToolError::abort("storage.full", message)
        }
        Some(_) => {
            let message = error.as_database_error().map_or("", |e| e.message());
            tracing::error!(what, code, message, "a query failed");
            ToolError::abort("query.failed", format!("{what} failed; the cause is in the server's log"))
        }
        None => {
            tracing::error!(what, %error, "a query could not be read");
            ToolError::abort("query.failed", format!("{what} failed; the cause is in the server's log"))
        }
    }
}

/// The fixed words of a query's answer and of its empty cells.
fn rules(query: &Query) -> Vec<String> {
    let answer = &query.answer;
    let cells = query.columns.iter().filter_map(|column| column.when_null.as_ref());
    let lines = [&answer.headline, &answer.row, &answer.empty];
    lines
        .into_iter()
        .chain(&answer.notes)
        .chain(cells)
        .filter(|text| text.contains(|c: char| c.is_ascii_digit()))
        .cloned()
        .collect()
}
