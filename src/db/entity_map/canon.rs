//! Facts follow the map: things get the root of their tree as canonical id, events and campaigns of orders and leads too.
use super::Thing;
use super::read::Said;
use crate::db::OrgTx;
use crate::db::events::Restated;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use std::collections::{BTreeMap, BTreeSet};

/// A day of a thing that counts differently now.
pub type Day = (Date, Restated);

/// Kind, id, channel, day, canonical id before and now, and how many events.
type Moved = (String, String, String, jiff_sqlx::Date, Option<String>, Option<String>, i64);

/// Things of the map, `o`, whose canonical id is not the one it should be: of those among `w` their root, of all others their own.
const UNSETTLED: &str = "from entities o
     left join unnest($2::text[], $3::text[], $4::text[]) w (kind, id, root) on w.kind = o.kind and w.id = o.id
     where o.org_id = $1 and (o.canonical_id not in ('', o.id) or w.root is not null)
       and o.canonical_id is distinct from coalesce(w.root, o.id)";

/// Whether [`set_canonical`] would change anything.
pub async fn unsettled(
    tx: &mut OrgTx,
    org: OrgId,
    roots: &BTreeMap<Thing, Thing>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select exists (select {UNSETTLED})")))
        .bind(org)
        .bind(roots.keys().map(|thing| thing.kind.as_str()).collect::<Vec<_>>())
        .bind(roots.keys().map(|thing| thing.id.as_str()).collect::<Vec<_>>())
        .bind(roots.values().map(|root| root.id.as_str()).collect::<Vec<_>>())
        .fetch_one(&mut **tx)
        .await
}

/// Gives each thing of the map its canonical id: of those among `roots` that, of all others their own. Gives those that
/// changed.
pub async fn set_canonical(
    tx: &mut OrgTx,
    org: OrgId,
    roots: &BTreeMap<Thing, Thing>,
) -> Result<Vec<Thing>, sqlx::Error> {
    let statement = format!(
        "update entities e set canonical_id = coalesce(w.root, e.id) {UNSETTLED}
           and e.org_id = $1 and e.kind = o.kind and e.id = o.id
         returning e.kind, e.id"
    );
    let changed: Vec<(super::EntityKind, String)> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(roots.keys().map(|thing| thing.kind.as_str()).collect::<Vec<_>>())
        .bind(roots.keys().map(|thing| thing.id.as_str()).collect::<Vec<_>>())
        .bind(roots.values().map(|root| root.id.as_str()).collect::<Vec<_>>())
        .fetch_all(&mut **tx)
        .await?;
    Ok(changed.into_iter().map(|(kind, id)| Thing { kind, id }).collect())
}

/// Notes things whose events have to follow their links.
pub async fn queue_moves(
    tx: &mut OrgTx,
    org: OrgId,
    things: &BTreeSet<Thing>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into entity_moves (org_id, kind, id, queued_at)
         select $1, n.kind, n.id, $4 from unnest($2::text[], $3::text[]) n (kind, id) on conflict do nothing",
    )
    .bind(org)
    .bind(things.iter().map(|thing| thing.kind.as_str()).collect::<Vec<_>>())
    .bind(things.iter().map(|thing| thing.id.as_str()).collect::<Vec<_>>())
    .bind(now.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The things whose events have to follow.
pub async fn moves(tx: &mut OrgTx, org: OrgId) -> Result<BTreeSet<Thing>, sqlx::Error> {
    let rows: Vec<(super::EntityKind, String)> =
        sqlx::query_as("select kind, id from entity_moves where org_id = $1")
            .bind(org)
            .fetch_all(&mut **tx)
            .await?;
    Ok(rows.into_iter().map(|(kind, id)| Thing { kind, id }).collect())
}

/// All events of the things that were noted follow by now.
pub async fn moved(tx: &mut OrgTx, org: OrgId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from entity_moves where org_id = $1").bind(org).execute(&mut **tx).await?;
    Ok(())
}

/// Gives events that name these things, `most` of them, the canonical ids of now: of a thing without one (nobody knows it, and it
/// is linked to nothing) none. Gives how many, and the days that count differently, under the old id and the new; fewer than
/// `most` are all there were.
pub async fn follow(
    tx: &mut OrgTx,
    org: OrgId,
    things: &BTreeSet<Thing>,
    roots: &BTreeMap<Thing, Thing>,
    zone: &str,
    most: i64,
) -> Result<(u64, Vec<Day>), sqlx::Error> {
    let root = |thing: &Thing| roots.get(thing).map(|root| root.id.clone());
    let rows: Vec<Moved> = sqlx::query_as(
        "with named as (
             select n.kind, n.id, coalesce(n.root, (select coalesce(nullif(x.canonical_id, ''), x.id) from entities x
                                                    where x.org_id = $1 and x.kind = n.kind and x.id = n.id)) as root
             from unnest($2::text[], $3::text[], $4::text[]) n (kind, id, root)
         ), old as (
             -- As it is named in full, or by the platform's bare id. No name is the organisation's: the index leaves those out.
             select e.id, e.occurred_at, e.canonical_id, n.root from named n
             join events e on e.org_id = $1 and e.entity_kind = n.kind and e.entity_id = n.id and e.entity_kind <> 'org'
             where e.canonical_id is distinct from n.root
             union
             select e.id, e.occurred_at, e.canonical_id, n.root from named n
             join events e on e.org_id = $1 and e.entity_kind = n.kind and e.entity_kind <> 'org'
                          and e.entity_id = substr(n.id, strpos(n.id, ':') + 1) and e.source = split_part(n.id, ':', 1)
             where strpos(n.id, ':') > 0 and e.canonical_id is distinct from n.root
               and not exists (select from entities x where x.org_id = $1 and x.kind = e.entity_kind and x.id = e.entity_id)
             limit $6
         ), done as (
             update events e set canonical_id = o.root from old o
             where e.org_id = $1 and e.id = o.id and e.occurred_at = o.occurred_at
             returning e.entity_kind, e.entity_id, e.channel, (e.occurred_at at time zone $5)::date as day,
                       o.canonical_id as was, o.root
         )
         select entity_kind, entity_id, channel, day, was, root, count(*) from done group by 1, 2, 3, 4, 5, 6",
    )
    .bind(org)
    .bind(things.iter().map(|thing| thing.kind.as_str()).collect::<Vec<_>>())
    .bind(things.iter().map(|thing| thing.id.as_str()).collect::<Vec<_>>())
    .bind(things.iter().map(root).collect::<Vec<_>>())
    .bind(zone)
    .bind(most)
    .fetch_all(&mut **tx)
    .await?;
    let mut days = BTreeSet::new();
    let mut events = 0;
    for (kind, id, channel, day, was, now, count) in rows {
        events += u64::try_from(count).unwrap_or(0);
        for id in [Some(id), was, now].into_iter().flatten() {
            let place = Restated { entity_kind: kind.clone(), entity_id: id, channel: channel.clone() };
            days.insert((day.to_jiff(), place));
        }
    }
    Ok((events, days.into_iter().collect()))
}

/// The things that events since a moment name without a canonical id, though the map knows them by now: a platform was read after
/// its things were named.
pub async fn known_by_now(
    tx: &mut OrgTx,
    org: OrgId,
    since: Timestamp,
) -> Result<BTreeSet<Thing>, sqlx::Error> {
    let rows: Vec<(super::EntityKind, String)> = sqlx::query_as(
        "select distinct x.kind, x.id from (
             select distinct entity_kind, entity_id, source from events
             where org_id = $1 and occurred_at >= $2 and canonical_id is null and entity_kind <> 'org' and source <> 'system'
         ) e
         join lateral (select x.kind, x.id from entities x
                       where x.org_id = $1 and x.kind = e.entity_kind and x.id in (e.entity_id, e.source || ':' || e.entity_id)
                       order by x.id = e.entity_id desc limit 1) x on true",
    )
    .bind(org)
    .bind(since.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(kind, id)| Thing { kind, id }).collect())
}

/// What orders and leads that name a campaign in their UTM parameters have to say from now on.
pub struct Meant<'a> {
    pub said: &'a Said,
    /// They were said to mean one of these, and no longer do.
    pub not: Vec<&'a str>,
    /// The campaign it means.
    pub now: Option<&'a str>,
    /// Whether it meant something else before.
    pub moved: bool,
}

/// The words of those that mean something, and the campaign beside each, as the three lists that statements take.
fn words<'a>(pairs: &[(&'a Said, &'a str)]) -> [Vec<&'a str>; 3] {
    [
        pairs.iter().map(|(said, _)| said.utm_source.as_str()).collect(),
        pairs.iter().map(|(said, _)| said.utm_campaign.as_str()).collect(),
        pairs.iter().map(|(_, id)| *id).collect(),
    ]
}

/// Takes campaigns away from orders and leads whose words no longer mean them, and gives one to those that have none. Gives how
/// many rows changed, and the days of the orders among them: what a campaign sold on them is another figure now.
pub async fn reassign(
    tx: &mut OrgTx,
    org: OrgId,
    meant: &[Meant<'_>],
    zone: &str,
    now: Timestamp,
) -> Result<(u64, Vec<Day>), sqlx::Error> {
    let (mut changed, mut days) = (0, BTreeSet::new());
    let taken: Vec<(&Said, &str)> =
        meant.iter().flat_map(|m| m.not.iter().map(|not| (m.said, *not))).collect();
    let given: Vec<(&Said, &str)> = meant.iter().filter_map(|m| Some((m.said, m.now?))).collect();
    for (pairs, becomes, was) in
        [(taken, "null", "t.campaign_id = r.id"), (given, "r.id", "t.campaign_id is null")]
    {
        if pairs.is_empty() {
            continue;
        }
        let [sources, campaigns, ids] = words(&pairs);
        let orders = format!(
            "with done as (
               update orders t set campaign_id = {becomes}, updated_at = $5
               from unnest($2::text[], $3::text[], $4::text[]) r (utm_source, utm_campaign, id)
               where t.org_id = $1 and {was} and t.utm ->> 'utm_campaign' = r.utm_campaign
                 and coalesce(t.utm ->> 'utm_source', '') = r.utm_source
               returning (t.ordered_at at time zone $6)::date as day, r.id, t.channel)
             select day, id, channel, count(*) from done group by 1, 2, 3"
        );
        let rows: Vec<(jiff_sqlx::Date, String, String, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(orders))
            .bind(org)
            .bind(&sources)
            .bind(&campaigns)
            .bind(&ids)
            .bind(now.to_sqlx())
            .bind(zone)
            .fetch_all(&mut **tx)
            .await?;
        for (day, id, channel, count) in rows {
            changed += u64::try_from(count).unwrap_or(0);
            days.insert(of_campaign(day, id, channel));
        }
        let leads = format!(
            "update leads t set campaign_id = {becomes}, updated_at = $5
             from unnest($2::text[], $3::text[], $4::text[]) r (utm_source, utm_campaign, id)
             where t.org_id = $1 and {was} and t.last_touch ->> 'utm_campaign' = r.utm_campaign
               and coalesce(t.last_touch ->> 'utm_source', '') = r.utm_source"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(leads))
            .bind(org)
            .bind(&sources)
            .bind(&campaigns)
            .bind(&ids)
            .bind(now.to_sqlx())
            .execute(&mut **tx)
            .await?;
        changed += done.rows_affected();
    }
    days.extend(visited(tx, org, meant, zone).await?);
    Ok((changed, days.into_iter().collect()))
}

fn of_campaign(day: jiff_sqlx::Date, id: String, channel: String) -> Day {
    (day.to_jiff(), Restated { entity_kind: "campaign".to_owned(), entity_id: id, channel })
}

/// Days on which people came by links whose words mean another campaign now: their computed touches and visits name the old one.
async fn visited(
    tx: &mut OrgTx,
    org: OrgId,
    meant: &[Meant<'_>],
    zone: &str,
) -> Result<Vec<Day>, sqlx::Error> {
    let moved: Vec<(&Said, &str)> =
        meant.iter().filter(|m| m.moved).map(|m| (m.said, m.now.unwrap_or_default())).collect();
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let [sources, campaigns, ids] = words(&moved);
    let rows: Vec<(jiff_sqlx::Date, String, String)> = sqlx::query_as(
        "select distinct (t.occurred_at at time zone $5)::date, coalesce(nullif(r.id, ''), t.campaign_id), t.channel
         from touches t
         join unnest($2::text[], $3::text[], $4::text[]) r (utm_source, utm_campaign, id)
           on t.utm ->> 'campaign' = r.utm_campaign and coalesce(t.utm ->> 'source', '') = r.utm_source
         where t.org_id = $1 and t.rolled and t.campaign_id is distinct from nullif(r.id, '')",
    )
    .bind(org)
    .bind(sources)
    .bind(campaigns)
    .bind(ids)
    .bind(zone)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(day, id, channel)| of_campaign(day, id, channel)).collect())
}
