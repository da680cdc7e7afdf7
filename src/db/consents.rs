//! The consent ledger: who agreed to what. Rows are only added; the latest of a person and channel decides (`events.md` §11).
use super::events::own::{self, Own};
use super::privacy::{Marker, tombstones};
use super::{OrgTx, instant};
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::json;
use sqlx::Row as _;

/// A row to be. The words are those of `data-model.md` §8: `consent_channel`, consent status, and single, double, imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConsent<'a> {
    /// A customer's id, or an actor's where no customer is known: never an address or a number.
    pub customer: &'a str,
    pub channel: &'a str,
    pub recorded_at: Timestamp,
    pub status: &'a str,
    pub method: &'a str,
    pub region: &'a str,
    pub evidence: &'a str,
    pub source: &'a str,
}

/// What decides for a person and a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    pub recorded_at: Timestamp,
    pub status: String,
    pub method: String,
    pub region: String,
}

/// Adds rows and gives how many: none for one that is there, none for a list that was imported over somebody's no, and none of
/// people who were erased. Where something else holds from then on, that is an event `consent_changed`.
pub async fn append(
    tx: &mut OrgTx,
    org: OrgId,
    news: &[NewConsent<'_>],
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let fit = known(tx, org, news).await?;
    let news = fit.as_deref().unwrap_or(news);
    let texts = |of: for<'a> fn(&'a NewConsent<'a>) -> &'a str| {
        news.iter().map(|new| of(new).to_owned()).collect::<Vec<_>>()
    };
    let added = sqlx::query(
        "with put as (
         insert into consents (org_id, customer_id, channel, recorded_at, status, method, region, evidence, source)
         select $1, n.customer_id, n.channel, n.recorded_at, n.status, n.method, n.region, n.evidence, n.source
         from unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
              as n (customer_id, channel, recorded_at, status, method, region, evidence, source)
         where not (n.method = 'imported' and n.status <> 'denied' and coalesce((
             select c.status = 'denied' from consents c
             where c.org_id = $1 and c.customer_id = n.customer_id and c.channel = n.channel
             order by c.recorded_at desc limit 1), false))
         on conflict do nothing returning customer_id, channel, recorded_at, status, method, region)
         -- This statement sees the ledger as it was before.
         select p.customer_id, p.channel, p.recorded_at, p.status, p.method, p.region,
                not exists (select from consents c where c.org_id = $1 and c.customer_id = p.customer_id
                              and c.channel = p.channel and c.recorded_at > p.recorded_at)
                and coalesce((select c.status from consents c where c.org_id = $1 and c.customer_id = p.customer_id
                                and c.channel = p.channel order by c.recorded_at desc limit 1), '') <> p.status as is_change
         from put p",
    )
    .bind(org)
    .bind(texts(|new| new.customer))
    .bind(texts(|new| new.channel))
    .bind(news.iter().map(|new| new.recorded_at.to_sqlx()).collect::<Vec<_>>())
    .bind(texts(|new| new.status))
    .bind(texts(|new| new.method))
    .bind(texts(|new| new.region))
    .bind(texts(|new| new.evidence))
    .bind(texts(|new| new.source))
    .fetch_all(&mut **tx)
    .await?;
    let mut changes = Vec::new();
    for row in &added {
        if !row.try_get::<bool, _>("is_change")? {
            continue;
        }
        let text = |name: &str| row.try_get::<String, _>(name);
        let (customer, channel, at) = (text("customer_id")?, text("channel")?, instant(row, "recorded_at")?);
        changes.push(Own {
            name: "consent_changed",
            cause: vec![customer.clone(), channel.clone(), at.to_string()],
            at: now,
            entity: None,
            props: json!({"customer_id": customer, "channel": channel, "status": text("status")?,
                "method": text("method")?, "region": text("region")?}),
            customer: Some(customer),
        });
    }
    own::tell(tx, org, &changes).await?;
    Ok(added.len() as u64)
}

/// The rows that are not about erased people; `None`: all of them.
async fn known<'a>(
    tx: &mut OrgTx,
    org: OrgId,
    news: &[NewConsent<'a>],
) -> Result<Option<Vec<NewConsent<'a>>>, sqlx::Error> {
    if !tombstones::any(tx, org).await? {
        return Ok(None);
    }
    let marker = Marker::of(tx, org).await?;
    let marks: Vec<Vec<u8>> = news.iter().map(|new| marker.mark(new.customer)).collect();
    let erased = tombstones::among(tx, org, &marks).await?;
    let stays = news.iter().zip(&marks).filter(|(_, mark)| !erased.contains(*mark));
    Ok(Some(stays.map(|(new, _)| new.clone()).collect()))
}

pub async fn latest(
    tx: &mut OrgTx,
    org: OrgId,
    customer: &str,
    channel: &str,
) -> Result<Option<Latest>, sqlx::Error> {
    let row = sqlx::query(
        "select recorded_at, status, method, region from consents
         where org_id = $1 and customer_id = $2 and channel = $3 order by recorded_at desc limit 1",
    )
    .bind(org)
    .bind(customer)
    .bind(channel)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Latest {
            recorded_at: row.try_get::<jiff_sqlx::Timestamp, _>("recorded_at")?.to_jiff(),
            status: row.try_get("status")?,
            method: row.try_get("method")?,
            region: row.try_get("region")?,
        })
    })
    .transpose()
}
