//! Campaigns that orders and leads name in their UTM parameters.
use crate::clock::Clock;
use crate::db::OrgTx;
use crate::db::events::{self, Restated};
use crate::ids::OrgId;
use jiff_sqlx::ToSqlx;
use sqlx::FromRow;
use std::collections::BTreeSet;

/// What an order or a lead says of its campaign; texts as they came, empty where nothing was said.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Said {
    pub utm_source: String,
    pub utm_campaign: String,
}

/// A campaign that may be meant.
#[derive(Clone, Debug, FromRow)]
pub struct Candidate {
    pub id: String,
    pub source: String,
    pub name: String,
}

/// What orders and leads that belong to no campaign yet say of it, once each.
pub async fn unresolved(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Said>, sqlx::Error> {
    sqlx::query_as(
        "select coalesce(utm ->> 'utm_source', '') as utm_source, utm ->> 'utm_campaign' as utm_campaign
           from orders where org_id = $1 and campaign_id is null and utm ->> 'utm_campaign' <> ''
         union
         select coalesce(last_touch ->> 'utm_source', ''), last_touch ->> 'utm_campaign'
           from leads where org_id = $1 and campaign_id is null and last_touch ->> 'utm_campaign' <> ''",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

pub async fn candidates(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Candidate>, sqlx::Error> {
    sqlx::query_as("select id, source, name from campaigns where org_id = $1 order by id")
        .bind(org)
        .fetch_all(&mut **tx)
        .await
}

/// Gives orders and leads that say so, and have none, their campaign, and queues the days of those orders: what a campaign sold
/// on them is another figure now.
pub async fn set(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    resolved: &[(&Said, &str)],
) -> Result<(), sqlx::Error> {
    let now = clock.now();
    let sources: Vec<&str> = resolved.iter().map(|(said, _)| said.utm_source.as_str()).collect();
    let names: Vec<&str> = resolved.iter().map(|(said, _)| said.utm_campaign.as_str()).collect();
    let ids: Vec<&str> = resolved.iter().map(|(_, id)| *id).collect();
    let days: Vec<(jiff_sqlx::Date, String, String)> = sqlx::query_as(
        "with done as (
           update orders t set campaign_id = r.id, updated_at = $5
           from unnest($2::text[], $3::text[], $4::text[]) r (utm_source, utm_campaign, id), orgs g
           where t.org_id = $1 and g.org_id = $1 and t.campaign_id is null and t.utm ->> 'utm_campaign' = r.utm_campaign
             and coalesce(t.utm ->> 'utm_source', '') = r.utm_source
           returning (t.ordered_at at time zone g.time_zone)::date as day, r.id, t.channel)
         select distinct day, id, channel from done order by day, id, channel",
    )
    .bind(org)
    .bind(&sources)
    .bind(&names)
    .bind(&ids)
    .bind(now.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    let days: BTreeSet<_> = days
        .into_iter()
        .map(|(day, entity_id, channel)| {
            (day.to_jiff(), Restated { entity_kind: "campaign".to_owned(), entity_id, channel })
        })
        .collect();
    events::restate(tx, org, &days.into_iter().collect::<Vec<_>>(), "attribution", now).await?;
    sqlx::query(
        "update leads t set campaign_id = r.id, updated_at = $5
           from unnest($2::text[], $3::text[], $4::text[]) r (utm_source, utm_campaign, id)
          where t.org_id = $1 and t.campaign_id is null and t.last_touch ->> 'utm_campaign' = r.utm_campaign
            and coalesce(t.last_touch ->> 'utm_source', '') = r.utm_source",
    )
    .bind(org)
    .bind(&sources)
    .bind(&names)
    .bind(&ids)
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
