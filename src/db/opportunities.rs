//! Opportunities that the scout found, for reading.
use super::{Error, OrgTx};
use crate::ids::OrgId;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// An open opportunity, as a list shows it.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Found {
    /// What it is about, as the data calls it.
    pub entity_name: String,
    pub hypothesis: String,
    /// Over seven days, in `currency`.
    pub value_7d: Decimal,
    pub value_low: Decimal,
    pub value_high: Decimal,
    pub currency: String,
    /// 0..1.
    pub confidence: Decimal,
    pub polarity: String,
}

/// What the scout saw last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latest {
    /// The day of the newest open opportunities.
    pub day: Option<Date>,
    /// The best of that day first.
    pub found: Vec<Found>,
}

/// The best open opportunities of the newest day on which there are any.
pub async fn latest(tx: &mut OrgTx, org: OrgId, limit: i64) -> Result<Latest, Error> {
    let day: Option<jiff_sqlx::Date> = sqlx::query_scalar(
        "select max(last_seen) from opportunities where org_id = $1 and status in ('new', 'reviewed')",
    )
    .bind(org)
    .fetch_one(&mut **tx)
    .await?;
    let found = sqlx::query_as(
        "select entity_name, hypothesis, value_7d, value_low, value_high, currency::text as currency, confidence,
                polarity
           from opportunities where org_id = $1 and status in ('new', 'reviewed') and last_seen = $2
          order by score100 desc, id limit $3",
    )
    .bind(org)
    .bind(day)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    Ok(Latest { day: day.map(jiff_sqlx::Date::to_jiff), found })
}
