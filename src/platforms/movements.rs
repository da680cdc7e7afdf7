//! What moves the recurring revenue: from what a subscription paid to what it pays now.
use super::rows::Subscription;
use crate::db::facts::recurring::Movement;
use crate::period::local_day;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

/// What moves a subscription from the sum of its movements to what it pays now, or from nothing through its whole life when it
/// is met for the first time. Amounts are in the organisation's currency a month; `paid` is what it paid before it ended. `own` is
/// what it paid and what it pays in its own: that decides whether it is more, and how much of it. What comes counts at the rate
/// of today, what goes at the rates it came at.
pub fn moved(
    row: &Subscription,
    sum: Option<Decimal>,
    own: Option<(Decimal, Decimal)>,
    (pays, paid): (Decimal, Decimal),
    zone: &TimeZone,
    today: Date,
) -> Vec<Movement> {
    let movement = |date, kind, mrr_delta| Movement {
        date,
        subscription_id: row.id.clone(),
        kind,
        mrr_delta,
        plan_id: row.plan_id.clone(),
    };
    let ended = row.canceled_at.map(|at| local_day(at, zone));
    let Some(sum) = sum else {
        // It pays from the end of its trial on.
        let begun = row.trial_ends_at.filter(|end| *end > row.started_at).unwrap_or(row.started_at);
        let begun = local_day(begun, zone);
        return match ended {
            _ if !pays.is_zero() => vec![movement(begun, "new", pays)],
            Some(ended) if !paid.is_zero() && begun <= ended => {
                vec![movement(begun, "new", paid), movement(ended, "churn", -paid)]
            }
            _ => Vec::new(),
        };
    };
    let delta = match own {
        Some((was, is)) if was > Decimal::ZERO && is > was && sum > Decimal::ZERO => pays - pays * was / is,
        Some((was, is)) if is > Decimal::ZERO && is < was && sum > Decimal::ZERO => sum * is / was - sum,
        _ => pays - sum,
    };
    let delta = delta.round_dp(6);
    let (day, kind) = match () {
        () if delta.is_zero() => return Vec::new(),
        () if pays.is_zero() => (ended.unwrap_or(today), "churn"),
        () if sum.is_zero() => (today, "reactivation"),
        () if delta > Decimal::ZERO => (today, "expansion"),
        () => (today, "contraction"),
    };
    vec![movement(day, kind, delta)]
}
