//! Receipts: every figure of an answer is matched to a cell, a total, a parameter or a recorded calculation.
//!
//! A figure matches a number when the units fit and the number, rounded as the figure is printed, is the figure.
//! Dates, times, ordinals, names quoted from the data and the question's own figures need no receipt.
mod scan;

pub use scan::{Figure, Sign, Style, figures};

use super::event::{Receipt, ReceiptStatus};
use super::evidence::{self, Evidence, Found, Unit};
use rust_decimal::Decimal;

/// The receipts of an answer, one for each figure, in the order of the text.
pub fn check(answer: &str, question: &str, evidence: &Evidence) -> Vec<Receipt> {
    let names = evidence.names();
    let printed = figures(answer, &names);
    if printed.is_empty() {
        return Vec::new();
    }
    let asked = figures(question, &names);
    let found = evidence.figures();
    printed
        .into_iter()
        .filter(|figure| !asked.iter().any(|own| own.value == figure.value && own.style.fits(figure.style)))
        .map(|figure| receipt(&figure, &found))
        .collect()
}

/// The printed figures without a receipt.
pub fn unverified(receipts: &[Receipt]) -> Vec<&str> {
    receipts.iter().filter(|r| r.status == ReceiptStatus::Unverified).map(|r| r.figure.as_str()).collect()
}

fn receipt(figure: &Figure, found: &[evidence::Figure<'_>]) -> Receipt {
    let best =
        found.iter().filter(|number| matches(figure, number)).min_by_key(|number| rank(figure, number));
    let mut receipt = Receipt {
        figure: figure.text.clone(),
        value: Some(figure.value),
        unit: figure.style.word().to_owned(),
        status: ReceiptStatus::Unverified,
        call_id: None,
        run_id: None,
        query: None,
        row: None,
        column: None,
        steps: None,
    };
    let Some(number) = best else { return receipt };
    receipt.call_id = Some(number.source.call_id.clone());
    receipt.run_id = number.source.run_id();
    receipt.query = number.source.query().map(str::to_owned);
    receipt.value = Some(number.value);
    number.unit.word().clone_into(&mut receipt.unit);
    receipt.row = number.row;
    receipt.column = Some(number.column.clone());
    receipt.status = ReceiptStatus::Traced;
    if let Found::Calculated(calculation) = &number.source.found {
        receipt.status = ReceiptStatus::Calculated;
        receipt.column = None;
        receipt.steps = Some(calculation.record());
    }
    receipt
}

/// Lower is better: a row that the line names, the exact number, a cell or total before parameters and counts, a
/// fitting unit, a total before a row; of equals the newest result and first row.
fn rank(figure: &Figure, number: &evidence::Figure<'_>) -> [bool; 5] {
    let named = number.row.is_some_and(|row| {
        Evidence::row_names(number.source, row).iter().any(|name| figure.line.contains(*name))
    });
    let calculated = matches!(number.source.found, Found::Calculated(_));
    // A draft speaks of its own change: its lines come before an equal number of an earlier result.
    let draft = matches!(number.source.found, Found::Other(_)) && number.column.starts_with("diff.");
    let cell = number.row.is_some() || number.column.starts_with("total.") || calculated || draft;
    let exact = number.value.abs() == figure.value.abs()
        || number.value.abs() * Decimal::ONE_HUNDRED == figure.value.abs();
    [!named, !exact, !cell, !draft && number.unit != figure.style.unit(), number.row.is_some()]
}

fn matches(figure: &Figure, number: &evidence::Figure<'_>) -> bool {
    let hundred = Decimal::ONE_HUNDRED;
    // A quotient may have been multiplied by 100 in its expression.
    let quotient = matches!(number.source.found, Found::Calculated(_)) && number.unit == Unit::Ratio;
    if quotient && figure.style == Style::Percent && close(figure, Some(number.value)) {
        return true;
    }
    let scaled = match (figure.style, number.unit) {
        (Style::Percent, Unit::Fraction | Unit::Points | Unit::Ratio)
        | (Style::Points, Unit::Fraction | Unit::Points) => number.value.checked_mul(hundred),
        // Numbers whose unit is not known may be stored either way.
        (Style::Percent | Style::Points, Unit::Any) => {
            return close(figure, Some(number.value)) || close(figure, number.value.checked_mul(hundred));
        }
        (Style::Percent | Style::Points, Unit::Money | Unit::Number) | (Style::Points, Unit::Ratio) => None,
        (Style::Money(code), Unit::Money) => {
            let known = number.source.currency();
            (code.is_none() || known.is_none() || code == known.and_then(scan::currency))
                .then_some(number.value)
        }
        (Style::Money(_), Unit::Any) => Some(number.value),
        (Style::Money(_), Unit::Number | Unit::Fraction | Unit::Points | Unit::Ratio) => None,
        (Style::Times, Unit::Ratio | Unit::Number | Unit::Any | Unit::Fraction) => Some(number.value),
        (Style::Times, Unit::Money | Unit::Points) => None,
        (Style::Plain, Unit::Fraction | Unit::Points) => {
            return close(figure, Some(number.value)) || close(figure, number.value.checked_mul(hundred));
        }
        (Style::Plain, Unit::Number | Unit::Money | Unit::Ratio | Unit::Any) => Some(number.value),
    };
    close(figure, scaled)
}

/// Whether the number, rounded to the printed places, is the figure. "Down 12 %" may stand for −0.12; a printed sign
/// must agree.
fn close(figure: &Figure, number: Option<Decimal>) -> bool {
    let Some(number) = number else { return false };
    let agrees = match figure.sign {
        Sign::None => true,
        Sign::Plus => number >= Decimal::ZERO,
        Sign::Minus => number <= Decimal::ZERO,
    };
    agrees && (number.abs() - figure.value.abs()).abs() <= figure.tolerance
}

#[cfg(test)]
mod tests;
