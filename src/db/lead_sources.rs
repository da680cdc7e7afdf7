//! Leads and the touches they are owed to (`connectors.md` §1.13).
use super::{OrgTx, instant};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

/// A touch, watched or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub at: Timestamp,
    pub channel: String,
    /// As it was said; not what UTM parameters mean.
    pub campaign_id: Option<String>,
    /// `source`, `medium`, `campaign`, `term`, `content`, as far as they were said.
    pub utm: Value,
    pub referrer: String,
    pub landing_path: String,
    /// None for what the lead itself told when it came.
    pub touch_id: Option<Uuid>,
}

/// A lead with all that is known of where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    pub id: String,
    pub created_at: Timestamp,
    pub campaign_id: Option<String>,
    pub channel: String,
    pub first_touch: Value,
    pub last_touch: Value,
    pub said_first: Option<Spot>,
    pub said_last: Option<Spot>,
    /// What was found before.
    pub first: Option<Spot>,
    pub last: Option<Spot>,
    /// Touches of the person before the lead, oldest first.
    pub touches: Vec<Spot>,
}

/// Which leads are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    All,
    One(&'a str),
    /// That came after the first moment, were written after the second, or were never looked at.
    New {
        came: Timestamp,
        written: Timestamp,
    },
}

const CHOSEN: &str = "from leads l where l.org_id = $1 and l.id > $2 and ($3::text is null or l.id = $3)
    and ($4::timestamptz is null or l.created_at >= $4 or l.updated_at >= $5
         or not exists (select from lead_sources s where s.org_id = l.org_id and s.lead_id = l.id))";

type Bounds<'a> = (Option<&'a str>, Option<Timestamp>, Option<Timestamp>);

fn bounds<'a>(scope: &Scope<'a>) -> Bounds<'a> {
    match scope {
        Scope::All => (None, None, None),
        Scope::One(id) => (Some(id), None, None),
        Scope::New { came, written } => (None, Some(*came), Some(*written)),
    }
}

/// How many leads there are after an id.
pub async fn count(tx: &mut OrgTx, org: OrgId, scope: &Scope<'_>, after: &str) -> Result<u64, sqlx::Error> {
    let (one, came, written) = bounds(scope);
    let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) {CHOSEN}")))
        .bind(org)
        .bind(after)
        .bind(one)
        .bind(came.map(|at| at.to_sqlx()))
        .bind(written.map(|at| at.to_sqlx()))
        .fetch_one(&mut **tx)
        .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The next leads after an id, in order of their ids, held until the transaction ends.
pub async fn next(
    tx: &mut OrgTx,
    org: OrgId,
    scope: &Scope<'_>,
    after: &str,
    most: i64,
) -> Result<Vec<Lead>, sqlx::Error> {
    let (one, came, written) = bounds(scope);
    let statement = format!(
        "select l.id, l.created_at, l.campaign_id, l.channel, l.first_touch, l.last_touch {CHOSEN}
         order by l.id limit $6 for no key update of l"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(after)
        .bind(one)
        .bind(came.map(|at| at.to_sqlx()))
        .bind(written.map(|at| at.to_sqlx()))
        .bind(most)
        .fetch_all(&mut **tx)
        .await?;
    let mut leads = rows
        .iter()
        .map(|row| {
            Ok(Lead {
                id: row.try_get("id")?,
                created_at: instant(row, "created_at")?,
                campaign_id: row.try_get("campaign_id")?,
                channel: row.try_get("channel")?,
                first_touch: row.try_get("first_touch")?,
                last_touch: row.try_get("last_touch")?,
                said_first: None,
                said_last: None,
                first: None,
                last: None,
                touches: Vec::new(),
            })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    kept(tx, org, &mut leads).await?;
    touches(tx, org, &mut leads).await?;
    Ok(leads)
}

fn spot(row: &PgRow) -> Result<Spot, sqlx::Error> {
    Ok(Spot {
        at: instant(row, "occurred_at")?,
        channel: row.try_get("channel")?,
        campaign_id: row.try_get("campaign_id")?,
        utm: row.try_get("utm")?,
        referrer: row.try_get("referrer")?,
        landing_path: row.try_get("landing_path")?,
        touch_id: row.try_get("touch_id")?,
    })
}

fn place<'a>(leads: &'a mut [Lead], id: &str) -> Option<&'a mut Lead> {
    let at = leads.binary_search_by(|lead| lead.id.as_str().cmp(id)).ok()?;
    leads.get_mut(at)
}

async fn kept(tx: &mut OrgTx, org: OrgId, leads: &mut [Lead]) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(
        "select lead_id, which, occurred_at, channel, campaign_id, utm, referrer, landing_path, touch_id
         from lead_sources where org_id = $1 and lead_id = any($2)",
    )
    .bind(org)
    .bind(leads.iter().map(|lead| lead.id.clone()).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    leads.sort_by(|a, b| a.id.cmp(&b.id));
    for row in &rows {
        let id: String = row.try_get("lead_id")?;
        let which: String = row.try_get("which")?;
        let Some(lead) = place(leads, &id) else { continue };
        let found = Some(spot(row)?);
        match which.as_str() {
            "said_first" => lead.said_first = found,
            "said_last" => lead.said_last = found,
            "first" => lead.first = found,
            _ => lead.last = found,
        }
    }
    Ok(())
}

/// Touches are known by the person's id, or by that of an actor that is the person.
async fn touches(tx: &mut OrgTx, org: OrgId, leads: &mut [Lead]) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(
        "select l.id as lead_id, t.occurred_at, t.channel, t.campaign_id, t.utm, t.referrer_host as referrer,
                t.landing_path, t.id as touch_id
         from leads l
         join lateral (
             select * from touches t where t.org_id = $1 and t.customer_id = l.customer_id and t.occurred_at <= l.created_at
             union
             select t.* from (select l.customer_id as actor_id
                              union select a.actor_id from actor_links a
                                    where a.org_id = $1 and a.customer_id = l.customer_id) p
             join touches t on t.org_id = $1 and t.actor_id = p.actor_id and t.occurred_at <= l.created_at
         ) t on true
         where l.org_id = $1 and l.id = any($2) and l.customer_id is not null
         order by t.occurred_at, t.id",
    )
    .bind(org)
    .bind(leads.iter().map(|lead| lead.id.clone()).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    for row in &rows {
        let id: String = row.try_get("lead_id")?;
        if let Some(lead) = place(leads, &id) {
            lead.touches.push(spot(row)?);
        }
    }
    Ok(())
}

/// What was found for a lead.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<'a> {
    pub lead: &'a str,
    /// `said_first`, `said_last`, `first`, `last`, as far as there are any; campaigns as they are meant now.
    pub spots: Vec<(&'static str, Spot)>,
    pub first_touch: Value,
    pub last_touch: Value,
    pub channel: String,
    pub campaign_id: Option<String>,
}

/// Writes what was found, and gives how many leads say something else than before.
pub async fn put(
    tx: &mut OrgTx,
    org: OrgId,
    found: &[Found<'_>],
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let spots: Vec<(&str, &str, &Spot)> = found
        .iter()
        .flat_map(|found| found.spots.iter().map(|(which, spot)| (found.lead, *which, spot)))
        .collect();
    let leads: Vec<&str> = found.iter().map(|found| found.lead).collect();
    let (ids, whichs): (Vec<&str>, Vec<&str>) = spots.iter().map(|(lead, which, _)| (*lead, *which)).unzip();
    sqlx::query(
        "delete from lead_sources s where s.org_id = $1 and s.lead_id = any($2)
         and not exists (select from unnest($3::text[], $4::text[]) n (lead_id, which)
                         where n.lead_id = s.lead_id and n.which = s.which)",
    )
    .bind(org)
    .bind(&leads)
    .bind(&ids)
    .bind(&whichs)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "insert into lead_sources (org_id, computed_at, lead_id, which, occurred_at, channel, campaign_id, utm, referrer,
                                   landing_path, touch_id)
         select $1, $2, n.* from unnest($3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::jsonb[],
                                        $9::text[], $10::text[], $11::uuid[])
             n (lead_id, which, occurred_at, channel, campaign_id, utm, referrer, landing_path, touch_id)
         on conflict (org_id, lead_id, which) do update
         set occurred_at = excluded.occurred_at, channel = excluded.channel, campaign_id = excluded.campaign_id,
             utm = excluded.utm, referrer = excluded.referrer, landing_path = excluded.landing_path,
             touch_id = excluded.touch_id, computed_at = excluded.computed_at
         where (lead_sources.occurred_at, lead_sources.channel, lead_sources.campaign_id, lead_sources.utm,
                lead_sources.referrer, lead_sources.landing_path, lead_sources.touch_id)
            is distinct from (excluded.occurred_at, excluded.channel, excluded.campaign_id, excluded.utm,
                              excluded.referrer, excluded.landing_path, excluded.touch_id)",
    )
    .bind(org)
    .bind(now.to_sqlx())
    .bind(&ids)
    .bind(&whichs)
    .bind(spots.iter().map(|(_, _, spot)| spot.at.to_sqlx()).collect::<Vec<_>>())
    .bind(spots.iter().map(|(_, _, spot)| spot.channel.as_str()).collect::<Vec<_>>())
    .bind(spots.iter().map(|(_, _, spot)| spot.campaign_id.as_deref()).collect::<Vec<_>>())
    .bind(spots.iter().map(|(_, _, spot)| Json(&spot.utm)).collect::<Vec<_>>())
    .bind(spots.iter().map(|(_, _, spot)| spot.referrer.as_str()).collect::<Vec<_>>())
    .bind(spots.iter().map(|(_, _, spot)| spot.landing_path.as_str()).collect::<Vec<_>>())
    .bind(spots.iter().map(|(_, _, spot)| spot.touch_id).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    let done = sqlx::query(
        "update leads l set first_touch = n.first_touch, last_touch = n.last_touch, channel = n.channel,
                            campaign_id = n.campaign_id
         from unnest($2::text[], $3::jsonb[], $4::jsonb[], $5::text[], $6::text[])
              n (id, first_touch, last_touch, channel, campaign_id)
         where l.org_id = $1 and l.id = n.id
           and (l.first_touch, l.last_touch, l.channel, l.campaign_id)
               is distinct from (n.first_touch, n.last_touch, n.channel, n.campaign_id)",
    )
    .bind(org)
    .bind(&leads)
    .bind(found.iter().map(|found| Json(&found.first_touch)).collect::<Vec<_>>())
    .bind(found.iter().map(|found| Json(&found.last_touch)).collect::<Vec<_>>())
    .bind(found.iter().map(|found| found.channel.as_str()).collect::<Vec<_>>())
    .bind(found.iter().map(|found| found.campaign_id.as_deref()).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
