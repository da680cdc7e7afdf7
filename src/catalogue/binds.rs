//! `:name` binds of a SQL text. Values never enter the text: each name becomes `$n::type`.
use std::collections::BTreeMap;

/// A piece of SQL: text to keep, or the name of a bind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Bind(String),
}

/// Splits at binds, leaving strings, quoted names, comments and `::casts` alone.
pub(super) fn pieces(sql: &str) -> Vec<Piece> {
    let bytes = sql.as_bytes();
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let mut out = Vec::new();
    let mut text_from = 0;
    let mut i = 0;
    while i < bytes.len() {
        let end = match (at(i), at(i + 1)) {
            (quote @ (b'\'' | b'"'), _) => closing(sql, i + 1, quote),
            (b'-', b'-') => sql[i..].find('\n').map_or(bytes.len(), |n| i + n + 1),
            (b'/', b'*') => sql[i + 2..].find("*/").map_or(bytes.len(), |n| i + n + 4),
            (b'$', _) => dollar_quoted(sql, i).unwrap_or(i + 1),
            (b':', b':') => i + 2,
            (b':', next) if next.is_ascii_lowercase() || next == b'_' => {
                let rest = &sql[i + 1..];
                let length =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                out.push(Piece::Text(sql[text_from..i].to_owned()));
                out.push(Piece::Bind(rest[..length].to_owned()));
                text_from = i + 1 + length;
                text_from
            }
            _ => i + 1,
        };
        i = end;
    }
    out.push(Piece::Text(sql[text_from.min(sql.len())..].to_owned()));
    out
}

/// After the closing quote; a doubled quote is a character.
fn closing(sql: &str, from: usize, quote: u8) -> usize {
    let bytes = sql.as_bytes();
    let mut i = from;
    while i < bytes.len() {
        if bytes[i] == quote {
            if bytes.get(i + 1) != Some(&quote) {
                return i + 1;
            }
            i += 1;
        }
        i += 1;
    }
    bytes.len()
}

/// After the end of `$tag$ … $tag$`.
fn dollar_quoted(sql: &str, from: usize) -> Option<usize> {
    let length = sql[from + 1..].find('$')?;
    let tag = &sql[from..from + length + 2];
    tag[1..tag.len() - 1].chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(())?;
    let body = from + tag.len();
    Some(sql[body..].find(tag).map_or(sql.len(), |n| body + n + tag.len()))
}

/// The names used, each once, in order of first use.
pub(super) fn names(sql: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for piece in pieces(sql) {
        if let Piece::Bind(name) = piece
            && !out.contains(&name)
        {
            out.push(name);
        }
    }
    out
}

/// SQL with `$n::type` and the order of the names, from the types of the known binds. An unknown name is the error.
pub(super) fn numbered(
    sql: &str,
    types: &BTreeMap<String, &'static str>,
) -> Result<(String, Vec<String>), String> {
    let order = names(sql);
    let mut out = String::with_capacity(sql.len() + order.len() * 8);
    for piece in pieces(sql) {
        match piece {
            Piece::Text(text) => out.push_str(&text),
            Piece::Bind(name) => {
                let n = order.iter().position(|known| *known == name).unwrap_or(0) + 1;
                let kind = types.get(&name).ok_or_else(|| name.clone())?;
                out.push_str(&format!("${n}::{kind}"));
            }
        }
    }
    Ok((out, order))
}

#[cfg(test)]
mod tests;
