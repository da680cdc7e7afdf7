//! A metric's value from the sums of its columns, with the null rules of `metrics.md` §1.3.
use super::super::metrics::Metric;
use super::functions;
use rust_decimal::Decimal;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Z: the denominator is zero, or not positive.
    NothingToDivideBy,
    /// W: the data does not cover the window.
    NotCovered,
    /// X: no holdout or test to compare with.
    NoControl,
    /// I: nobody is old enough.
    TooYoung,
}

impl Reason {
    /// The code of `metrics.md` §1.3.
    pub fn code(self) -> &'static str {
        match self {
            Self::NothingToDivideBy => "Z",
            Self::NotCovered => "W",
            Self::NoControl => "X",
            Self::TooYoung => "I",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::NothingToDivideBy => "there is nothing to divide by",
            Self::NotCovered => "the data behind it does not cover the window",
            Self::NoControl => "there is no holdout to compare with",
            Self::TooYoung => "nobody counted is old enough yet",
        }
    }
}

/// A value, or why there is none; and what it rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Value {
    pub number: Option<Decimal>,
    pub reason: Option<Reason>,
    /// What was observed, where that is less than the metric asks for: label the figure as a small sample.
    pub little: Option<Decimal>,
    /// Money that was spent on nothing: a cost metric without a denominator sorts as the worst.
    pub spent: Option<Decimal>,
}

/// The columns that a metric reads.
pub(super) fn columns(metric: &Metric) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let formula = [&metric.numerator, &metric.denominator].into_iter().filter(|_| metric.with.is_none());
    let linear = formula.flatten().flat_map(|l| l.columns());
    let of_function = metric.with.as_deref().and_then(functions::columns).unwrap_or_default();
    let few = metric.min_n.iter().map(|(column, _)| column.as_str());
    for column in linear.chain(of_function.iter().copied()).chain(few) {
        if !out.iter().any(|known| known == column) {
            out.push(column.to_owned());
        }
    }
    out
}

/// Evaluates the formula. `column` gives the sums that are known, zero included.
pub(super) fn evaluate(metric: &Metric, column: &dyn Fn(&str) -> Option<Decimal>) -> Value {
    let told = |code: &str| metric.null.iter().any(|known| known == code);
    let missing = match () {
        () if told("X") => Reason::NoControl,
        () if told("I") => Reason::TooYoung,
        () if metric.denominator.is_some() || metric.with.is_some() => Reason::NothingToDivideBy,
        () => Reason::NotCovered,
    };
    let none = |reason, spent| Value { reason: Some(reason), spent, ..Value::default() };
    let number = if let Some(function) = &metric.with {
        functions::call(function, column)
    } else {
        let top = metric.numerator.as_ref().and_then(|n| n.value(column)).map(|top| top * metric.scale);
        match &metric.denominator {
            None => top,
            Some(denominator) => match denominator.value(column).filter(|bottom| *bottom > Decimal::ZERO) {
                Some(bottom) => top.and_then(|top| top.checked_div(bottom)),
                None => {
                    let spent = top.filter(|top| costs(metric) && *top > Decimal::ZERO);
                    return none(missing, spent);
                }
            },
        }
    };
    let Some(number) = number else { return none(missing, None) };
    let seen = metric.min_n.as_ref().and_then(|(name, at_least)| column(name).filter(|seen| seen < at_least));
    Value { number: Some(number.round_dp(12).normalize()), little: seen, ..Value::default() }
}

/// A cost for each of something: CAC, CPA, CPL.
pub(super) fn costs(metric: &Metric) -> bool {
    metric.unit == "money"
        && metric.direction == "down"
        && metric.denominator.is_some()
        && metric.numerator.as_ref().is_some_and(|n| n.columns().eq(["cost"]))
}
