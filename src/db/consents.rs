//! The consent ledger: who agreed to what. Rows are only added; the latest of a person and channel decides (`events.md` §11).
use super::OrgTx;
use crate::ids::OrgId;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
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

/// Adds rows and gives how many: none for one that is there, and none for a list that was imported over somebody's no.
pub async fn append(tx: &mut OrgTx, org: OrgId, news: &[NewConsent<'_>]) -> Result<u64, sqlx::Error> {
    let texts = |of: for<'a> fn(&'a NewConsent<'a>) -> &'a str| {
        news.iter().map(|new| of(new).to_owned()).collect::<Vec<_>>()
    };
    let done = sqlx::query(
        "insert into consents (org_id, customer_id, channel, recorded_at, status, method, region, evidence, source)
         select $1, n.customer_id, n.channel, n.recorded_at, n.status, n.method, n.region, n.evidence, n.source
         from unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
              as n (customer_id, channel, recorded_at, status, method, region, evidence, source)
         where not (n.method = 'imported' and n.status <> 'denied' and coalesce((
             select c.status = 'denied' from consents c
             where c.org_id = $1 and c.customer_id = n.customer_id and c.channel = n.channel
             order by c.recorded_at desc limit 1), false))
         on conflict do nothing",
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
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
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
