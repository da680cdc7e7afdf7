//! Ratios that a query writes by hand although the registry has them: `sum(d.cost_base) / nullif(sum(d.clicks), 0)` is `cpc`.
use super::super::metrics::{Metric, Metrics, physical};

const CALL: &str = "nullif(";

/// The metric and the line (from 1) of every ratio of two plain columns, or of their sums, that is a metric's formula.
pub(super) fn by_hand<'m>(sql: &str, metrics: &'m Metrics) -> Vec<(usize, &'m Metric)> {
    let mut out = Vec::new();
    for (at, _) in sql.match_indices(CALL) {
        let before = sql[..at].trim_end();
        let Some(top) = before.strip_suffix('/').map(str::trim_end).and_then(last_column) else { continue };
        let Some(bottom) = inside(&sql[at + CALL.len()..]).and_then(column) else { continue };
        let found = metrics.iter().find(|metric| {
            let single = |linear: &Option<super::super::metrics::Linear>, name: &str| {
                linear
                    .as_ref()
                    .is_some_and(|l| l.columns().map(physical).eq([name]) || l.columns().eq([name]))
            };
            single(&metric.numerator, top) && single(&metric.denominator, bottom)
        });
        out.extend(found.map(|metric| (sql[..at].matches('\n').count() + 1, metric)));
    }
    out
}

/// What stands in `nullif(…, 0)`, from behind its parenthesis.
fn inside(text: &str) -> Option<&str> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => {
                return text[..at].trim_end().strip_suffix('0')?.trim_end().strip_suffix(',');
            }
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The column of `d.clicks`, `sum(d.clicks)` or `sum(d.clicks)::numeric`; nothing for any other expression.
fn column(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_suffix("::numeric").unwrap_or(text).trim_end();
    let text = text.strip_prefix("sum(").map_or(Some(text), |rest| rest.strip_suffix(')'))?.trim();
    let name = text.rsplit('.').next().unwrap_or(text);
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    (text.split('.').count() <= 2 && text.split('.').all(plain)).then_some(name)
}

/// The column that a text ends with, as [`column`] knows it.
fn last_column(text: &str) -> Option<&str> {
    let bare = text.strip_suffix("::numeric").unwrap_or(text);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let from = if bare.ends_with(')') {
        begin(&bare[..bare.rfind('(')?], word)
    } else {
        begin(bare, |c| word(c) || c == '.')
    };
    // A factor or a difference before it makes another figure of it.
    let other = bare[..from].trim_end().ends_with(['*', '-', '+', '/']);
    if other { None } else { column(&bare[from..]) }
}

/// Where the characters of a kind that a text ends with begin.
fn begin(text: &str, kind: impl Fn(char) -> bool) -> usize {
    text.char_indices().rev().find(|(_, c)| !kind(*c)).map_or(0, |(at, c)| at + c.len_utf8())
}

#[cfg(test)]
mod tests;
