//! Metrics that no sum over a sum gives: a function of the columns of their base (`with` of the registry).
use crate::stats::{Spent, incremental_revenue};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// A column of the group, where it has a value.
pub(super) type Columns<'a> = &'a dyn Fn(&str) -> Option<Decimal>;

type Function = fn(Columns<'_>) -> Option<Decimal>;

/// Name, the columns it reads, and the function.
const FUNCTIONS: &[(&str, &[&str], Function)] = &[
    ("incrementality", ARMS, |c| {
        let (treated, control) = rates(c)?;
        Decimal::ONE.checked_sub(control.checked_div(treated)?)
    }),
    ("holdout_lift", ARMS, |c| rates(c).map(|(treated, control)| treated - control)),
    ("relative_lift", ARMS, |c| {
        let (treated, control) = rates(c)?;
        (treated - control).checked_div(control)
    }),
    ("incremental_conversions", ARMS, conversions),
    ("incremental_revenue", MONEY, revenue),
    ("net_incremental_revenue", MONEY, |c| revenue(c)?.checked_sub(c("cost")?)),
    ("iroas", MONEY, |c| revenue(c)?.checked_div(c("cost")?)),
    ("incremental_cac", ALL, |c| {
        let gained = conversions(c).filter(|gained| *gained > Decimal::ZERO)?;
        c("cost")?.checked_div(gained)
    }),
    ("fatigue", &["recent_clicks", "recent_impressions", "earlier_clicks", "earlier_impressions"], |c| {
        ratio_of_ratios(c, ["recent_clicks", "recent_impressions", "earlier_clicks", "earlier_impressions"])
    }),
    ("page_trend", &["recent_seconds", "recent_sessions", "earlier_seconds", "earlier_sessions"], |c| {
        ratio_of_ratios(c, ["recent_seconds", "recent_sessions", "earlier_seconds", "earlier_sessions"])
    }),
    ("rank_change", PLACES, |c| {
        let now = c("recent_placed")?.checked_div(c("organic_impressions")?)?;
        now.checked_sub(c("earlier_placed")?.checked_div(c("earlier_impressions")?)?)
    }),
];

const PLACES: &[&str] = &["recent_placed", "organic_impressions", "earlier_placed", "earlier_impressions"];
const ARMS: &[&str] = &["treated_users", "treated_conversions", "holdout_users", "holdout_conversions"];
const MONEY: &[&str] = &["treated_users", "treated_revenue", "holdout_users", "holdout_revenue", "cost"];
const ALL: &[&str] =
    &["treated_users", "treated_conversions", "holdout_users", "holdout_conversions", "cost"];

/// The columns that a function reads; nothing when there is no such function.
pub(super) fn columns(name: &str) -> Option<&'static [&'static str]> {
    FUNCTIONS.iter().find(|(known, ..)| *known == name).map(|(_, columns, _)| *columns)
}

/// The value; nothing when a column has none or there is nothing to divide by.
pub(super) fn call(name: &str, columns: Columns<'_>) -> Option<Decimal> {
    let (_, _, function) = FUNCTIONS.iter().find(|(known, ..)| *known == name)?;
    function(columns)
}

/// The rates of the treated and of the control arm.
fn rates(c: Columns<'_>) -> Option<(Decimal, Decimal)> {
    let treated = c("treated_conversions")?.checked_div(c("treated_users")?)?;
    Some((treated, c("holdout_conversions")?.checked_div(c("holdout_users")?)?))
}

/// x_T − x_C × n_T / n_C: the control arm scaled to the treated one, never the raw difference.
fn conversions(c: Columns<'_>) -> Option<Decimal> {
    let scaled =
        c("holdout_conversions")?.checked_mul(c("treated_users")?)?.checked_div(c("holdout_users")?)?;
    c("treated_conversions")?.checked_sub(scaled)
}

fn revenue(c: Columns<'_>) -> Option<Decimal> {
    let arm = |users: &str, revenue: &str| {
        Some(Spent { users: c(users)?.to_u64()?, revenue: c(revenue)?.to_f64()? })
    };
    let gained = incremental_revenue(
        arm("treated_users", "treated_revenue")?,
        arm("holdout_users", "holdout_revenue")?,
    )?;
    Decimal::from_f64(gained).map(|gained| gained.round_dp(6))
}

/// (a / b) / (c / d).
fn ratio_of_ratios(c: Columns<'_>, [a, b, of, by]: [&str; 4]) -> Option<Decimal> {
    c(a)?.checked_div(c(b)?)?.checked_div(c(of)?.checked_div(c(by)?)?)
}
