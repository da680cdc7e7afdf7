//! What reaching a segment with ads costs at most, and what may be expected of it.
use super::{Inputs, Row, decimal, number, row};
use crate::catalogue::result::{Cell, ToolError};
use crate::stats::{Arm, wilson};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// Ads that one person is shown, unless the question says otherwise.
const ADS_EACH: f64 = 10.0;

/// From `contactable`, and the answer so far (`impressions`, `clicks`, `conversions`, `cost`, `revenue`): what showing
/// everybody `per_person` ads costs at the price of before, and the conversions and revenue of it at both ends of the
/// Wilson interval of the conversion rate.
pub(super) fn plan(inputs: &Inputs<'_>) -> Result<Vec<Row>, ToolError> {
    let ads_each = number(inputs.params, "per_person").unwrap_or(ADS_EACH);
    let planned = inputs.rows.iter().map(|found| {
        let figure = |name: &str| found.get(name).and_then(Cell::number).unwrap_or_default();
        let float = |name: &str| figure(name).to_f64().unwrap_or_default();
        let whole = |name: &str| figure(name).to_u64().unwrap_or_default();
        let shown = float("contactable") * ads_each;
        let a_view = |name: &str| shown * float(name) / float("impressions");
        let rate = wilson(Arm { users: whole("clicks"), converters: whole("conversions") });
        let (low, high) = rate.map_or((None, None), |rate| {
            (Some(a_view("clicks") * rate.low), Some(a_view("clicks") * rate.high))
        });
        let sold = figure("conversions") > Decimal::ZERO && figure("revenue") > Decimal::ZERO;
        let worth = |conversions: Option<f64>| {
            let each = float("revenue") / float("conversions");
            conversions.filter(|_| sold).map_or(Cell::Null, |n| rounded(n * each))
        };
        let some = |value: Option<f64>| value.map_or(Cell::Null, decimal);
        let mut out = found.clone();
        out.extend(row([
            ("ads_each", decimal(ads_each)),
            ("budget", rounded(a_view("cost"))),
            ("conversions_low", some(low)),
            ("conversions_high", some(high)),
            ("revenue_low", worth(low)),
            ("revenue_high", worth(high)),
        ]));
        out
    });
    Ok(planned.collect())
}

/// An amount, to the cent.
fn rounded(amount: f64) -> Cell {
    Decimal::from_f64(amount).map_or(Cell::Null, |amount| Cell::Decimal(amount.round_dp(2)))
}
