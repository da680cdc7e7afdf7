//! Rates to the organisation's currency: of the day, or the last one known within three days (`connectors.md` §1.7).
use super::Written;
use crate::db::OrgTx;
use crate::ids::OrgId;
use crate::money::Currency;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// How old a rate may be.
const LAST_KNOWN_DAYS: i32 = 3;

/// Sets one rate for each day of a span: what an operator knows when no rates were imported.
pub async fn set(
    tx: &mut OrgTx,
    org: OrgId,
    from_currency: Currency,
    to_currency: Currency,
    rate: Decimal,
    from: Date,
    to: Date,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into fx_rates (org_id, date, from_currency, to_currency, rate)
         select $1, d::date, $2, $3, $4 from generate_series($5::date::timestamp, $6::date::timestamp, interval '1 day') d
         on conflict (org_id, date, from_currency, to_currency) do update set rate = excluded.rate
         where fx_rates.rate <> excluded.rate",
    )
    .bind(org)
    .bind(from_currency.as_str())
    .bind(to_currency.as_str())
    .bind(rate)
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes rates as a file states them: day, from, to, and what one unit is worth. Equal ones are left alone.
pub async fn put(
    tx: &mut OrgTx,
    org: OrgId,
    rates: &[(Date, Currency, Currency, Decimal)],
) -> Result<Written, sqlx::Error> {
    let mut written = Written::default();
    for (date, from, to, rate) in rates {
        let added: Option<bool> = sqlx::query_scalar(
            "insert into fx_rates (org_id, date, from_currency, to_currency, rate) values ($1, $2, $3, $4, $5)
             on conflict (org_id, date, from_currency, to_currency) do update set rate = excluded.rate
               where fx_rates.rate <> excluded.rate
             returning xmax = 0",
        )
        .bind(org)
        .bind(date.to_sqlx())
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(rate)
        .fetch_optional(&mut **tx)
        .await?;
        match added {
            Some(true) => written.added += 1,
            Some(false) => written.changed += 1,
            None => written.unchanged += 1,
        }
    }
    Ok(written)
}

/// Rates of a span of days.
pub struct Rates {
    base: Currency,
    by_currency: BTreeMap<Currency, BTreeMap<Date, Decimal>>,
}

impl Rates {
    pub async fn load(
        tx: &mut OrgTx,
        org: OrgId,
        base: Currency,
        from: Date,
        to: Date,
    ) -> Result<Self, sqlx::Error> {
        let rows: Vec<(jiff_sqlx::Date, String, Decimal)> = sqlx::query_as(
            "select date, from_currency::text, rate from fx_rates
             where org_id = $1 and to_currency = $2 and date between $3 and $4",
        )
        .bind(org)
        .bind(base.as_str())
        .bind(from.saturating_sub(LAST_KNOWN_DAYS.days()).to_sqlx())
        .bind(to.to_sqlx())
        .fetch_all(&mut **tx)
        .await?;
        let mut by_currency: BTreeMap<Currency, BTreeMap<Date, Decimal>> = BTreeMap::new();
        for (date, currency, rate) in rows {
            if let Ok(currency) = currency.parse() {
                by_currency.entry(currency).or_default().insert(date.to_jiff(), rate);
            }
        }
        Ok(Self { base, by_currency })
    }

    /// The amount in the organisation's currency; nothing when no rate is known for the day.
    pub fn to_base(&self, amount: Decimal, currency: Currency, day: Date) -> Option<Decimal> {
        if currency == self.base {
            return Some(amount);
        }
        let oldest = day.saturating_sub(LAST_KNOWN_DAYS.days());
        let (_, rate) = self.by_currency.get(&currency)?.range(oldest..=day).next_back()?;
        Some((amount * rate).round_dp(6))
    }
}
