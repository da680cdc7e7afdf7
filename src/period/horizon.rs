//! Phrases that look ahead: "next 7 days", "end of month", "by oct". Only forecasts take them (`queries.md` §3).
use super::Window;
use super::words::{Kind, Token, month, small_number, tokens};
use jiff::ToSpan;
use jiff::civil::Date;

/// Days from today on that the whole text names, both included.
pub fn parse_horizon(text: &str, today: Date) -> Option<Window> {
    let tokens: Vec<Token> = tokens(text)
        .into_iter()
        .filter(|t| {
            !matches!(t.word(), Some("the" | "of" | "in" | "over" | "for" | "this" | "until" | "till" | "to"))
        })
        .collect();
    let word = |i: usize| tokens.get(i).and_then(Token::word).unwrap_or("");
    let until = |end: Date| Window::new(today, end);
    let count = match tokens.get(1).map(|t| &t.kind) {
        Some(Kind::Number(n, _)) => Some(*n),
        Some(Kind::Word(w)) => small_number(w),
        Some(Kind::Sign(_)) | None => None,
    };
    let month_end = today.last_of_month();
    let quarter_end =
        month_end.saturating_add(((3 - i32::from(today.month()) % 3) % 3).months()).last_of_month();
    match (word(0), word(1)) {
        ("next" | "coming", unit) => {
            let (count, unit) = count.map_or((1, unit), |n| (n, word(2)));
            let days = match unit {
                "d" | "day" | "days" => 1,
                "w" | "wk" | "wks" | "week" | "weeks" => 7,
                "fortnight" => 14,
                "m" | "mo" | "month" | "months" => 30,
                "q" | "qtr" | "quarter" | "quarters" => 90,
                _ => return None,
            };
            let days = i32::try_from(count * days).ok().filter(|n| (1..=366).contains(n))?;
            until(today.saturating_add((days - 1).days()))
        }
        ("end" | "rest", "month") | ("month", "end") => until(month_end),
        ("end" | "rest", "quarter") | ("quarter", "end") => until(quarter_end),
        ("end" | "rest", "year") | ("year", "end") => until(today.last_of_year()),
        ("by" | "before", name) => {
            let wanted = month(name)?;
            let ahead = (i32::from(wanted) - i32::from(today.month())).rem_euclid(12);
            let first = today.first_of_month().saturating_add(ahead.months());
            until(if ahead == 0 { month_end } else { first.saturating_sub(1.day()) })
        }
        _ => None,
    }
}
