//! The names that parameters can mean, read from the organisation's data as the reader role.
use super::Catalogue;
use super::memory::Profile;
use super::params::Entity;
use super::result::ToolError;
use super::run::failure;
use crate::clock::SharedClock;
use crate::db::{self, Db};
use crate::ids::OrgId;
use crate::period::{DateOrder, local_day};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// No list of names is longer.
const MOST: i64 = 5000;

/// `id, name` of every kind; `$1` = first day looked at, `$2` = how many.
fn statement(kind: &str) -> Option<&'static str> {
    Some(match kind {
        // Other names of a thing mean it, too: those that the entity map holds to be the same. What a platform or shop has itself
        // keeps its own id, so that it can be acted on.
        "campaign" => {
            "select id, name from facts.campaigns where $1::date is not null
             union select e.canonical_id, e.name from facts.entities e
             where e.kind = 'campaign' and e.name <> '' and e.canonical_id not in ('', e.id)
               and not exists (select 1 from facts.campaigns c where c.id = e.id)
             order by name, id limit $2"
        }
        "creative" => {
            "select id, coalesce(nullif(headlines[1], ''), id) as name from facts.creatives
             where $1::date is not null order by name, id limit $2"
        }
        "page" => {
            "select id, coalesce(nullif(max(name), ''), id) as name from (
                 select coalesce(e.canonical_id, p.id) as id, p.title as name from facts.pages p
                 left join facts.entities e on e.kind = 'page' and e.id = p.id and e.canonical_id <> ''
                 union all
                 select coalesce(nullif(canonical_id, ''), id), name from facts.entities where kind = 'page'
             ) p where $1::date is not null group by id order by id limit $2"
        }
        "product" => {
            "select id, name from facts.products where $1::date is not null
             union select e.canonical_id, e.name from facts.entities e
             where e.kind = 'product' and e.name <> '' and e.canonical_id not in ('', e.id)
               and not exists (select 1 from facts.products p where p.id = e.id)
             order by name, id limit $2"
        }
        "keyword" => {
            "select name as id, name from (
                 select term as name, sum(impressions) as weight from facts.search_terms where date >= $1 group by term
                 union all
                 select query, sum(impressions) from facts.search_performance
                 where date >= $1 and query <> '' group by query
                 union all select text, 0 from facts.keywords
             ) k group by name order by sum(weight) desc, name limit $2"
        }
        "city" => {
            "select name as id, name from (
                 select city as name from facts.orders where ordered_at >= $1
                 union select city from facts.leads where created_on >= $1
                 union select city from facts.daily_funnel_metrics where date >= $1
                 union select city from facts.pages
             ) c where name <> '' order by name limit $2"
        }
        "experiment" => "select id::text as id, name from facts.experiments where $1::date is not null order by name, id limit $2",
        "sales_channel" => {
            "select distinct sales_channel as id, sales_channel as name from facts.orders
             where ordered_at >= $1 and sales_channel <> '' order by 1 limit $2"
        }
        "segment" => "select id::text as id, name from facts.segments where $1::date is not null order by name, id limit $2",
        _ => return None,
    })
}

pub(super) async fn of_kind(
    catalogue: &Catalogue,
    db: &Db,
    clock: &SharedClock,
    org: OrgId,
    kind: &str,
) -> Result<Arc<Vec<Entity>>, ToolError> {
    let key = (org, kind.to_owned());
    if let Some(known) = catalogue.memory.entities.get(&key).await {
        return Ok(known);
    }
    let profile = profile(catalogue, db, org).await?;
    let today = local_day(clock.now(), &profile.zone);
    let list = Arc::new(read(db, org, kind, today).await?);
    catalogue.memory.entities.insert(key, list.clone()).await;
    Ok(list)
}

async fn read(db: &Db, org: OrgId, kind: &str, today: Date) -> Result<Vec<Entity>, ToolError> {
    let Some(statement) = statement(kind) else {
        return Err(ToolError::abort("query.kind_unknown", format!("there is no list of '{kind}'")));
    };
    let since = today.saturating_sub(400.days());
    type Pairs = Vec<(String, String)>;
    let rows: Result<(Pairs, Pairs), sqlx::Error> = async {
        let mut tx = db.reader(org).await?;
        let rows = sqlx::query_as(statement).bind(since.to_sqlx()).bind(MOST).fetch_all(&mut *tx).await?;
        let same =
            "select id, canonical_id from facts.entities where kind = $1 and canonical_id not in ('', id)";
        let same = sqlx::query_as(same).bind(kind).fetch_all(&mut *tx).await?;
        db::let_go(tx);
        Ok((rows, same))
    }
    .await;
    let (rows, same) = rows.map_err(|error| failure(&format!("the list of {kind} names"), 3000, &error))?;
    let same: HashMap<String, String> = same.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|(id, name)| Entity {
            name: if name.is_empty() { id.clone() } else { name },
            canonical: same.get(&id).unwrap_or(&id).clone(),
            id,
        })
        .collect())
}

/// The whole ids of leads that a bare number may mean, when it is no whole id and several sources have such a lead; else
/// none.
pub(super) async fn leads_called(db: &Db, org: OrgId, said: &str) -> Result<Vec<String>, ToolError> {
    let rows: Result<Vec<String>, sqlx::Error> = async {
        let mut tx = db.reader(org).await?;
        let rows = sqlx::query_scalar(
            "select id from facts.leads l
             where split_part(l.id, ':', 2) = $1 and not exists (select 1 from facts.leads x where x.id = $1)
             order by id limit 7",
        )
        .bind(said)
        .fetch_all(&mut *tx)
        .await?;
        db::let_go(tx);
        Ok(rows)
    }
    .await;
    let rows = rows.map_err(|error| failure("the list of leads", 3000, &error))?;
    Ok(if rows.len() > 1 { rows } else { Vec::new() })
}

/// The values of `view.column` that an enumeration reads from data, at most 200.
pub(super) async fn choices(
    catalogue: &Catalogue,
    db: &Db,
    org: OrgId,
    from: &str,
) -> Result<Arc<Vec<String>>, ToolError> {
    let key = (org, from.to_owned());
    if let Some(known) = catalogue.memory.choices.get(&key).await {
        return Ok(known);
    }
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let Some((view, column)) = from.split_once('.').filter(|(v, c)| plain(v) && plain(c)) else {
        return Err(ToolError::abort("query.values_from", format!("'{from}' is no view.column")));
    };
    // Both names are checked above to be bare identifiers, and come from a file of tools/, not from a caller.
    let statement = format!(
        "select distinct {column}::text from facts.{view} where {column} is not null and {column}::text <> '' order by 1 limit 200"
    );
    let values: Result<Vec<String>, sqlx::Error> = async {
        let mut tx = db.reader(org).await?;
        let values = sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_all(&mut *tx).await?;
        db::let_go(tx);
        Ok(values)
    }
    .await;
    let values = Arc::new(values.map_err(|error| failure(&format!("the values of {from}"), 3000, &error))?);
    catalogue.memory.choices.insert(key, values.clone()).await;
    Ok(values)
}

/// Queries an hour unless the organisation sets `hourly_limits.queries`.
const QUERIES_AN_HOUR: u32 = 100;

/// Name, time zone, currency, first day of the week, order of dates, hourly limits.
type Settings = (String, String, String, i32, String, Option<Value>);

/// Name, time zone, currency, calendar, limits; remembered shortly.
pub(super) async fn profile(catalogue: &Catalogue, db: &Db, org: OrgId) -> Result<Arc<Profile>, ToolError> {
    if let Some(known) = catalogue.memory.profiles.get(&org).await {
        return Ok(known);
    }
    let row: Result<Option<Settings>, sqlx::Error> = async {
        let mut tx = db.org(org).await?;
        let row = sqlx::query_as(
            "select o.name, o.time_zone, o.currency::text, o.week_start, o.date_order,
                    (select s.value from org_settings s where s.org_id = o.org_id and s.key = 'hourly_limits')
             from orgs o where o.org_id = $1",
        )
        .bind(org)
        .fetch_optional(&mut *tx)
        .await?;
        db::let_go(tx);
        Ok(row)
    }
    .await;
    let row = row.map_err(|error| failure("the organisation's settings", 3000, &error))?;
    let Some((name, zone_name, currency, week_start, date_order, limits)) = row else {
        return Err(ToolError::abort("org.unknown", "the organisation does not exist"));
    };
    let zone = TimeZone::get(&zone_name).unwrap_or(TimeZone::UTC);
    // Settings keep numbers as text.
    let limit = limits.as_ref().and_then(|l| l.get("queries")).and_then(|q| {
        let number = q.as_u64().and_then(|n| u32::try_from(n).ok());
        number.or_else(|| q.as_str()?.parse().ok())
    });
    let week_start = i8::try_from(week_start).ok().and_then(|n| Weekday::from_monday_one_offset(n).ok());
    let profile = Arc::new(Profile {
        name,
        zone,
        zone_name,
        currency: currency.parse().map_err(|e| ToolError::abort("org.currency", format!("{e}")))?,
        week_start: week_start.unwrap_or(Weekday::Monday),
        date_order: date_order.parse().unwrap_or(DateOrder::Dmy),
        queries_an_hour: limit.unwrap_or(QUERIES_AN_HOUR),
    });
    catalogue.memory.profiles.insert(org, profile.clone()).await;
    Ok(profile)
}
