//! The small templates of answers: text with holes such as `{total.cost|money}`.

/// Ways to print a cell (`queries.md` §5). Without one, the column's type decides.
pub const FORMATS: &[&str] = &[
    "money", "money0", "money2", "int", "dec1", "dec2", "pct0", "pct1", "pct2", "pp", "x1", "x2", "change",
    "signed", "date", "time", "hours", "days", "ms", "plural", "label", "metric", "lower", "yesno", "text",
];

/// Holes that the engine fills, besides cells, totals and parameters.
pub const ENGINE: &[&str] =
    &["n", "shown", "rank", "window", "compare", "freshness", "null_reason", "as_of", "currency"];

#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text(String),
    Hole { name: String, format: Option<String> },
}

/// Splits a template. An open or empty brace is an error in words.
pub fn parse(template: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        if rest[open..].starts_with('}') {
            return Err(format!("a '}}' without '{{' in \"{template}\""));
        }
        let close =
            rest[open..].find('}').ok_or_else(|| format!("a '{{' is not closed in \"{template}\""))? + open;
        if open > 0 {
            out.push(Piece::Text(rest[..open].to_owned()));
        }
        let inside = &rest[open + 1..close];
        let (name, format) =
            inside.split_once('|').map_or((inside, None), |(n, f)| (n, Some(f.trim().to_owned())));
        let name = name.trim().to_owned();
        if name.is_empty() || name.contains('{') {
            return Err(format!("'{{{inside}}}' names nothing in \"{template}\""));
        }
        out.push(Piece::Hole { name, format });
        rest = &rest[close + 1..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest.to_owned()));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_and_text() {
        assert_eq!(
            parse("{total.cost|money} for {n}").unwrap(),
            vec![
                Piece::Hole { name: "total.cost".into(), format: Some("money".into()) },
                Piece::Text(" for ".into()),
                Piece::Hole { name: "n".into(), format: None },
            ]
        );
        assert!(parse("{open").unwrap_err().contains("not closed"));
        assert!(parse("shut}").is_err());
        assert!(parse("{}").unwrap_err().contains("names nothing"));
    }
}
