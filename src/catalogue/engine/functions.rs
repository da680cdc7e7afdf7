//! Metrics that no sum over a sum gives: a function of the columns of their base (`with` of the registry).
use rust_decimal::Decimal;

/// A column of the group, where it has a value.
pub(super) type Columns<'a> = &'a dyn Fn(&str) -> Option<Decimal>;

/// Two ratios, `a / b` and `c / d`, made one figure.
type Two = fn(Decimal, Decimal) -> Option<Decimal>;

/// Name, the columns a, b, c and d, and what is made of the two ratios.
const FUNCTIONS: &[(&str, &[&str], Two)] = &[
    (
        "fatigue",
        &["recent_clicks", "recent_impressions", "earlier_clicks", "earlier_impressions"],
        Decimal::checked_div,
    ),
    (
        "page_trend",
        &["recent_seconds", "recent_sessions", "earlier_seconds", "earlier_sessions"],
        Decimal::checked_div,
    ),
    (
        "rank_change",
        &["recent_placed", "organic_impressions", "earlier_placed", "earlier_impressions"],
        Decimal::checked_sub,
    ),
];

/// The columns that a function reads; nothing when there is no such function.
pub(super) fn columns(name: &str) -> Option<&'static [&'static str]> {
    FUNCTIONS.iter().find(|(known, ..)| *known == name).map(|(_, columns, _)| *columns)
}

/// The value; nothing when a column has none or there is nothing to divide by.
pub(super) fn call(name: &str, column: Columns<'_>) -> Option<Decimal> {
    let (_, columns, made) = FUNCTIONS.iter().find(|(known, ..)| *known == name)?;
    let [a, b, c, d] = columns else { return None };
    made(column(a)?.checked_div(column(b)?)?, column(c)?.checked_div(column(d)?)?)
}
