//! Thresholds and other figures of a question: money to money, percentages to percentages, by the words beside them;
//! a figure that nothing places is left alone.
use super::fill::{Filled, Frame, Trouble};
use super::normalise::stem;
use super::understand::Reading;
use super::values::{Quantity, Unit};
use crate::catalogue::{Param, ParamType, Query};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// How far before and behind a figure a word still says what it is.
const BEFORE: usize = 5;
const BEHIND: usize = 4;

pub fn fill(query: &Query, reading: &Reading, frame: &Frame<'_>, out: &mut Filled) {
    let numeric: Vec<&Param> = query
        .params
        .iter()
        .filter(|p| {
            matches!(p.kind, ParamType::Money | ParamType::Integer | ParamType::Number | ParamType::Percent)
                && p.name != "limit"
        })
        .collect();
    if from_to(&numeric, reading, out) {
        return;
    }
    for figure in &reading.quantities {
        let as_limit = reading.limit.is_some_and(|l| Decimal::from(l) == figure.value);
        if as_limit && query.params.iter().any(|p| p.name == "limit") {
            continue;
        }
        if let Unit::Money(Some(code)) = &figure.unit
            && code != frame.currency
            && !numeric.is_empty()
        {
            out.trouble = Some(Trouble::Currency { given: code.clone(), ours: frame.currency.to_owned() });
            return;
        }
        let open: Vec<&&Param> =
            numeric.iter().filter(|p| !out.args.contains_key(&p.name) && fits(p, figure)).collect();
        if let Some(param) = placed(&open, reading, figure, frame) {
            out.args.insert(param.name.clone(), value(param, reading, figure));
            out.said += 1;
        }
    }
}

/// The parameter that a figure is for: the one whose words stand nearest, in the direction that "under" or "over" gives.
fn placed<'p>(
    open: &[&&'p Param],
    reading: &Reading,
    figure: &Quantity,
    frame: &Frame<'_>,
) -> Option<&'p Param> {
    let bounds = bound(reading, figure);
    let wrong_way = |p: &Param| match bounds {
        Some(Bound::Low) => p.name.contains("max"),
        Some(Bound::High) => p.name.contains("min"),
        None => false,
    };
    let hinted = open
        .iter()
        .filter_map(|p| Some((wrong_way(p), distance(p, reading, figure, frame)?, **p)))
        .min_by_key(|(wrong, far, _)| (*wrong, *far));
    match hinted {
        Some((_, _, param)) => Some(param),
        None => {
            let only = open.first().filter(|_| open.len() == 1)?;
            (bounds.is_some() || figure.unit != Unit::Plain).then_some(**only)
        }
    }
}

/// "from 2% to 2.4%": the rate today, and the relative effect between the two.
fn from_to(numeric: &[&Param], reading: &Reading, out: &mut Filled) -> bool {
    let named = |name: &str| numeric.iter().any(|p| p.name == name);
    if !(named("baseline") && named("mde")) {
        return false;
    }
    let word = |at: Option<usize>| at.and_then(|i| reading.words.get(i)).map_or("", |w| w.text.as_str());
    let pair = reading.quantities.windows(2).find(|pair| {
        pair.iter().all(|q| q.unit == Unit::Percent)
            && word(pair[0].at.checked_sub(1)) == "from"
            && word(pair[1].at.checked_sub(1)) == "to"
    });
    let Some([from, to]) = pair else { return false };
    let Some(effect) =
        to.value.checked_div(from.value).map(|ratio| (ratio - Decimal::ONE) * Decimal::ONE_HUNDRED)
    else {
        return false;
    };
    out.args.insert("baseline".to_owned(), json!(format!("{}%", from.value.normalize())));
    out.args.insert("mde".to_owned(), json!(format!("{}%", effect.round_dp(4).normalize())));
    out.said += 2;
    true
}

fn value(param: &Param, reading: &Reading, figure: &Quantity) -> Value {
    let share = || figure.value / Decimal::ONE_HUNDRED;
    match (&param.kind, &figure.unit) {
        // "lost 40% of its clicks" leaves a ratio of 0.6.
        (ParamType::Number | ParamType::Percent, Unit::Percent) if param.name.contains("ratio") => {
            let left = if speaks_of_loss(reading) { Decimal::ONE - share() } else { share() };
            json!(left.normalize().to_string())
        }
        (ParamType::Percent, Unit::Percent) => json!(format!("{}%", figure.value.normalize())),
        (ParamType::Integer, _) => json!(i64::try_from(figure.value.trunc().mantissa()).unwrap_or(0)),
        _ => json!(figure.value.normalize().to_string()),
    }
}

fn speaks_of_loss(reading: &Reading) -> bool {
    reading.has_any(&[
        "lost", "lose", "losing", "fell", "fallen", "dropped", "drop", "down", "less", "fewer", "declined",
    ])
}

enum Bound {
    Low,
    High,
}

fn bound(reading: &Reading, figure: &Quantity) -> Option<Bound> {
    let word = |n: usize| figure.at.checked_sub(n).map_or("", |i| reading.words[i].text.as_str());
    for n in 1..=3 {
        match word(n) {
            "under" | "below" | "less" | "most" | "max" | "maximum" | "beneath" | "fewer" => {
                return Some(Bound::High);
            }
            "over" | "above" | "more" | "least" | "min" | "minimum" | "from" | "exceeding" | "beyond" => {
                return Some(Bound::Low);
            }
            _ => {}
        }
    }
    None
}

fn fits(param: &Param, figure: &Quantity) -> bool {
    match figure.unit {
        Unit::Money(_) => matches!(param.kind, ParamType::Money),
        Unit::Percent => {
            matches!(param.kind, ParamType::Percent)
                || (matches!(param.kind, ParamType::Number) && param.name.contains("ratio"))
        }
        Unit::Multiple => matches!(param.kind, ParamType::Number),
        Unit::Plain => {
            matches!(param.kind, ParamType::Money | ParamType::Number)
                || (matches!(param.kind, ParamType::Integer) && figure.value.is_integer())
        }
    }
}

/// Words between a figure and the nearest word of the parameter: of its name, or listed as its hint.
fn distance(param: &Param, reading: &Reading, figure: &Quantity, frame: &Frame<'_>) -> Option<usize> {
    let named: Vec<String> =
        param.name.split('_').filter(|w| !matches!(*w, "min" | "max")).map(stem).collect();
    let hints = frame.vocabulary.hints.get(&param.name);
    let end = figure.at + figure.len;
    let from = figure.at.saturating_sub(BEFORE);
    let to = (end + BEHIND).min(reading.words.len());
    (from..to)
        .filter(|at| !(figure.at..end).contains(at))
        .filter(|at| {
            let word = stem(&reading.words[*at].text);
            named.contains(&word) || hints.is_some_and(|h| h.contains(&word))
        })
        .map(|at| if at < figure.at { figure.at - at } else { at + 1 - end })
        .min()
}
