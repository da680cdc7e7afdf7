//! What the map is made from: the links as they are held, the things that are known, and the names that facts use.
use super::{EntityKind, Held, Link, LinkState, Thing};
use crate::db::OrgTx;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

/// The key of a link, from its five columns.
pub(super) fn link(row: &PgRow) -> Result<Link, sqlx::Error> {
    Ok(Link {
        from: Thing { kind: row.try_get("from_kind")?, id: row.try_get("from_id")? },
        relation: row.try_get("relation")?,
        to: Thing { kind: row.try_get("to_kind")?, id: row.try_get("to_id")? },
    })
}

/// Every link, in the order of its key.
pub async fn links(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Held>, sqlx::Error> {
    let rows = sqlx::query(
        "select from_kind, from_id, relation, to_kind, to_id, since, until, state, similarity, confidence, evidence,
                origin, set_by
         from entity_links where org_id = $1 order by from_kind, from_id, relation, to_kind, to_id",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            let until: Option<jiff_sqlx::Date> = row.try_get("until")?;
            Ok(Held {
                link: link(row)?,
                since: row.try_get::<jiff_sqlx::Date, _>("since")?.to_jiff(),
                until: until.map(jiff_sqlx::Date::to_jiff),
                state: row.try_get::<LinkState, _>("state")?,
                similarity: row.try_get("similarity")?,
                confidence: row.try_get("confidence")?,
                evidence: row.try_get("evidence")?,
                origin: row.try_get("origin")?,
                set_by: row.try_get("set_by")?,
            })
        })
        .collect()
}

/// A campaign where it lives: on the platform that runs it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Campaign {
    pub id: String,
    pub source: String,
    pub name: String,
    /// A path or an address; empty when nobody says.
    pub landing_page: String,
    pub channel: String,
}

pub async fn campaigns(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Campaign>, sqlx::Error> {
    sqlx::query_as(
        "select id, source, name, coalesce(landing_page, '') as landing_page, channel from campaigns
         where org_id = $1 order by id",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// An ad and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Ad {
    pub id: String,
    pub campaign_id: String,
    pub final_url: String,
}

pub async fn ads(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Ad>, sqlx::Error> {
    sqlx::query_as(
        "select id, campaign_id, final_url from creatives where org_id = $1 and final_url <> '' order by id",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// A thing as some system calls it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Known {
    pub kind: EntityKind,
    pub id: String,
    pub source: String,
    /// May be empty.
    pub name: String,
    /// What the shop calls it on the shelf; products only.
    pub skus: Vec<String>,
}

/// The campaigns, pages, products and messages that any system named, once each.
pub async fn known(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Known>, sqlx::Error> {
    sqlx::query_as(
        "select k.kind, k.id, min(k.source) as source, max(k.name) as name,
                coalesce((select array_agg(distinct v.sku order by v.sku) from variants v
                          where v.org_id = $1 and k.kind = 'product' and v.product_id = k.id and v.sku <> ''),
                         '{}') as skus
         from (
             select kind, id, source, name from entities
             where org_id = $1 and removed_at is null and kind in ('campaign', 'page', 'product', 'email')
             union all select 'page', id, source, title from pages where org_id = $1
             union all select 'product', id, source, name from products where org_id = $1
         ) k
         group by k.kind, k.id order by k.kind, k.id",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// Keywords and what people typed, where it is the same words: `search_term` of an ad platform, `query` of a search console.
pub async fn keyword_words(
    tx: &mut OrgTx,
    org: OrgId,
) -> Result<Vec<(String, EntityKind, String)>, sqlx::Error> {
    sqlx::query_as(
        "with words as (
             select id, lower(btrim(text)) as word from keywords where org_id = $1 and not negative
         )
         select distinct w.id, s.kind, s.term from words w
         join (
             select distinct 'search_term' as kind, term from search_terms where org_id = $1
             union all
             select distinct 'query', query from search_performance where org_id = $1 and grain = 'query'
         ) s on lower(btrim(s.term)) = w.word
         order by 1, 2, 3",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// A name that events use, and no system that is connected knows.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Unknown {
    pub kind: EntityKind,
    pub id: String,
    pub events: i64,
}

/// Names of events since a moment, the most used first. Those that are linked by now are among the links.
pub async fn unknown(tx: &mut OrgTx, org: OrgId, since: Timestamp) -> Result<Vec<Unknown>, sqlx::Error> {
    sqlx::query_as(
        "select e.entity_kind as kind, e.entity_id as id, count(*) as events from events e
         where e.org_id = $1 and e.occurred_at >= $2 and e.canonical_id is null
           and e.entity_kind in ('campaign', 'page', 'product', 'email')
           and not exists (select from entities x where x.org_id = $1 and x.kind = e.entity_kind
                                                    and x.id in (e.entity_id, e.source || ':' || e.entity_id))
         group by 1, 2 order by 3 desc, 1, 2 limit 2000",
    )
    .bind(org)
    .bind(since.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

/// A campaign as links name it in their UTM parameters, and how many orders, leads and visits said so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub struct Said {
    pub utm_source: String,
    pub utm_campaign: String,
    pub times: i64,
}

pub async fn said(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Said>, sqlx::Error> {
    sqlx::query_as(
        "select utm_source, utm_campaign, sum(times)::bigint as times from (
             select coalesce(utm ->> 'utm_source', '') as utm_source, utm ->> 'utm_campaign' as utm_campaign, count(*) as times
             from orders where org_id = $1 and utm ->> 'utm_campaign' <> '' group by 1, 2
             union all
             select coalesce(last_touch ->> 'utm_source', ''), last_touch ->> 'utm_campaign', count(*)
             from leads where org_id = $1 and last_touch ->> 'utm_campaign' <> '' group by 1, 2
             union all
             select coalesce(utm ->> 'source', ''), utm ->> 'campaign', count(*)
             from lead_sources where org_id = $1 and which = 'said_last' and utm ->> 'campaign' <> '' group by 1, 2
             union all
             select coalesce(utm ->> 'source', ''), utm ->> 'campaign', count(*)
             from touches where org_id = $1 and utm ->> 'campaign' <> '' group by 1, 2
         ) s
         where octet_length(utm_source) <= 200 and octet_length(utm_campaign) <= 200
         group by 1, 2 order by 1, 2",
    )
    .bind(org)
    .fetch_all(&mut **tx)
    .await
}

/// Of these things those that the organisation has, in whatever table things of their kind are kept.
pub async fn there(tx: &mut OrgTx, org: OrgId, things: &[&Thing]) -> Result<Vec<Thing>, sqlx::Error> {
    let rows: Vec<(EntityKind, String)> = sqlx::query_as(
        "select n.kind, n.id from unnest($2::text[], $3::text[]) n (kind, id)
         where exists (select from entities x where x.org_id = $1 and x.kind = n.kind and x.id = n.id)
            or case n.kind
                 when 'campaign' then exists (select from campaigns x where x.org_id = $1 and x.id = n.id)
                 when 'ad_group' then exists (select from ad_groups x where x.org_id = $1 and x.id = n.id)
                 when 'ad' then exists (select from creatives x where x.org_id = $1 and x.id = n.id)
                 when 'creative' then exists (select from creatives x where x.org_id = $1 and x.id = n.id)
                 when 'keyword' then exists (select from keywords x where x.org_id = $1 and x.id = n.id)
                 when 'page' then exists (select from pages x where x.org_id = $1 and x.id = n.id)
                 when 'product' then exists (select from products x where x.org_id = $1 and x.id = n.id)
                 when 'variant' then exists (select from variants x where x.org_id = $1 and x.id = n.id)
                 when 'segment' then exists (select from segments x where x.org_id = $1 and x.id::text = n.id)
                 -- Words are known by being said.
                 else n.kind in ('search_term', 'query', 'topic', 'channel', 'site', 'org') end",
    )
    .bind(org)
    .bind(things.iter().map(|thing| thing.kind.as_str()).collect::<Vec<_>>())
    .bind(things.iter().map(|thing| thing.id.as_str()).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(kind, id)| Thing { kind, id }).collect())
}

/// How much of what names a thing can be joined with anything else, over some days.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Coverage {
    /// What is counted: `spend` of paid campaigns in the organisation's currency, or `events`.
    pub counted: String,
    pub kind: String,
    pub source: String,
    pub named: rust_decimal::Decimal,
    pub mapped: rust_decimal::Decimal,
}

/// By kind and source, spend first; the same figures as the query `mapping_coverage`, and read as that is: in a transaction of
/// the reader.
pub async fn coverage(
    reader: &mut OrgTx,
    first: jiff::civil::Date,
    last: jiff::civil::Date,
    zone: &str,
) -> Result<Vec<Coverage>, sqlx::Error> {
    sqlx::query_as(
        "select 'spend' as counted, 'campaign' as kind, d.source, sum(d.cost_base) as named,
                coalesce(sum(d.cost_base) filter (where m.mapped), 0) as mapped
         from facts.daily_metrics d
         left join facts.entity_map m on m.kind = 'campaign' and m.id = d.platform_id
         where d.entity_kind = 'campaign' and d.breakdown = '' and d.date between $1 and $2
           and d.channel in ('paid_search', 'paid_social', 'display', 'video')
         group by d.source having sum(d.cost_base) > 0
         union all
         select 'events', e.entity_kind, e.source, count(*)::numeric, count(e.canonical_id)::numeric
         from facts.events e
         where e.entity_kind not in ('org', 'site') and e.source <> 'system'
           and e.occurred_at >= ($1::date)::timestamp at time zone $3
           and e.occurred_at < ($2::date + 1)::timestamp at time zone $3
         group by e.entity_kind, e.source
         order by 1 desc, 2, 3",
    )
    .bind(first.to_sqlx())
    .bind(last.to_sqlx())
    .bind(zone)
    .fetch_all(&mut **reader)
    .await
}
