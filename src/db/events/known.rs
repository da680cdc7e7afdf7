//! What an organisation knows that a batch is judged and completed by: its key's rules, its things, its people, its tests.
use crate::db::OrgTx;
use crate::db::privacy::Marker;
use crate::ids::{ApiKeyId, OrgId};
use sqlx::Row as _;

/// What an API key may send, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRules {
    /// Granted on top of what every key may send: sources of `events.md` §2.
    pub sources: Vec<String>,
    /// `reject` or `scrub`.
    pub pii_mode: String,
    pub strict_references: bool,
    pub events_per_minute: i32,
}

/// What a batch needs before its items are looked at.
#[derive(Clone, Debug)]
pub struct Setting {
    pub currency: String,
    pub time_zone: String,
    /// None for a session, or a key that went in this moment.
    pub key: Option<KeyRules>,
    /// Changes whenever a registered name does.
    pub registered: (i64, i64),
    /// Makes the marks of who may have been erased.
    pub marker: Marker,
}

pub async fn setting(tx: &mut OrgTx, org: OrgId, key: Option<ApiKeyId>) -> Result<Setting, sqlx::Error> {
    let row = sqlx::query(
        "select o.currency, o.time_zone, o.person_key, k.id, k.sources, k.pii_mode, k.strict_references, k.events_per_minute,
                r.names, r.versions
         from orgs o
         left join api_keys k on k.org_id = o.org_id and k.id = $2
         cross join lateral (select count(*) as names, coalesce(sum(version), 0)::bigint as versions
                             from event_registry where org_id = o.org_id) r
         where o.org_id = $1",
    )
    .bind(org)
    .bind(key)
    .fetch_one(&mut **tx)
    .await?;
    let found: Option<ApiKeyId> = row.try_get("id")?;
    let key = match found {
        Some(_) => Some(KeyRules {
            sources: row.try_get("sources")?,
            pii_mode: row.try_get("pii_mode")?,
            strict_references: row.try_get("strict_references")?,
            events_per_minute: row.try_get("events_per_minute")?,
        }),
        None => None,
    };
    Ok(Setting {
        currency: row.try_get("currency")?,
        time_zone: row.try_get("time_zone")?,
        key,
        registered: (row.try_get("names")?, row.try_get("versions")?),
        marker: Marker::new(row.try_get("person_key")?),
    })
}

/// Sets what a key may send; `false` when there is no such key.
pub async fn set_key_rules(
    tx: &mut OrgTx,
    org: OrgId,
    key: ApiKeyId,
    rules: &KeyRules,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update api_keys set sources = $3, pii_mode = $4, strict_references = $5, events_per_minute = $6
         where org_id = $1 and id = $2",
    )
    .bind(org)
    .bind(key)
    .bind(&rules.sources)
    .bind(&rules.pii_mode)
    .bind(rules.strict_references)
    .bind(rules.events_per_minute)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A thing as an event names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Named<'a> {
    pub kind: &'a str,
    pub id: &'a str,
    pub source: &'a str,
}

/// The things of the entity map among those named: the place in `named`, and the canonical id. A platform's bare id is found
/// as `source:id` too, and a name that is linked by what it is the same as.
pub async fn canonical(
    tx: &mut OrgTx,
    org: OrgId,
    named: &[Named<'_>],
) -> Result<Vec<(usize, String)>, sqlx::Error> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "select n.place, coalesce(nullif(e.canonical_id, ''), e.id, l.root)
         from unnest($2::text[], $3::text[], $4::text[]) with ordinality n (kind, id, source, place)
         left join lateral (select e.id, e.canonical_id from entities e
                            where e.org_id = $1 and e.kind = n.kind and e.id in (n.id, n.source || ':' || n.id)
                            order by e.id = n.id desc limit 1) e on true
         left join lateral (select coalesce(nullif(r.canonical_id, ''), l.to_id) as root from entity_links l
                            left join entities r on r.org_id = $1 and r.kind = l.to_kind and r.id = l.to_id
                            where e.id is null and l.org_id = $1 and l.from_kind = n.kind and l.from_id = n.id
                              and l.relation = 'same_as' and l.state = 'confirmed' and l.until is null) l on true
         where e.id is not null or l.root is not null",
    )
    .bind(org)
    .bind(named.iter().map(|thing| thing.kind).collect::<Vec<_>>())
    .bind(named.iter().map(|thing| thing.id).collect::<Vec<_>>())
    .bind(named.iter().map(|thing| thing.source).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().filter_map(|(place, id)| Some((usize::try_from(place - 1).ok()?, id))).collect())
}

/// What is known of an actor.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Person {
    pub actor_id: String,
    pub customer_id: Option<String>,
    /// The latest word on `analytics`, of the actor or of the customer, is a no.
    pub denied: bool,
    /// There is a tombstone of this id.
    pub erased: bool,
}

/// The actors that are known: to be a customer, to have said whether they may be watched, or to have been erased. The
/// transaction must have passed [`crate::db::privacy::Gate::Events`].
pub async fn people(
    tx: &mut OrgTx,
    org: OrgId,
    actors: &[&str],
    marker: &Marker,
) -> Result<Vec<Person>, sqlx::Error> {
    sqlx::query_as(
        "select a.actor_id, l.customer_id, coalesce(c.status = 'denied', false) as denied,
                t.subject_hmac is not null as erased
         from unnest($2::text[], $3::bytea[]) a (actor_id, mark)
         left join actor_links l on l.org_id = $1 and l.actor_id = a.actor_id
         left join lateral (select status from consents
                            where org_id = $1 and customer_id in (a.actor_id, l.customer_id) and channel = 'analytics'
                            order by recorded_at desc limit 1) c on true
         left join tombstones t on t.org_id = $1 and t.subject_hmac = a.mark
         where l.customer_id is not null or c.status is not null or t.subject_hmac is not null",
    )
    .bind(org)
    .bind(actors)
    .bind(actors.iter().map(|actor| marker.mark(actor)).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await
}

/// Who was held out of a campaign by a running test.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Assigned {
    pub campaign_id: String,
    pub actor_id: String,
    pub is_holdout: bool,
}

/// The groups of actors in the hold-out tests of campaigns, as far as they were assigned.
pub async fn holdouts(
    tx: &mut OrgTx,
    org: OrgId,
    campaigns: &[&str],
    actors: &[&str],
) -> Result<Vec<Assigned>, sqlx::Error> {
    sqlx::query_as(
        "select e.entity_id as campaign_id, a.actor_id, m.is_control as is_holdout
         from experiments e
         join experiment_assignments a on a.org_id = e.org_id and a.experiment_id = e.id and a.actor_id = any($3)
         join experiment_arms m on m.org_id = a.org_id and m.experiment_id = a.experiment_id and m.arm = a.arm
         where e.org_id = $1 and e.kind = 'holdout' and e.status = 'running' and e.entity_kind = 'campaign'
           and e.entity_id = any($2)",
    )
    .bind(org)
    .bind(campaigns)
    .bind(actors)
    .fetch_all(&mut **tx)
    .await
}
