//! Column names compared as people mean them: case, accents, punctuation, camel case and a bracketed unit do not count.

/// "Amount spent (EUR)" → "amount spent"; "TimePeriod" → "time period"; "Währung" → "wahrung".
pub fn fold(name: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_u32;
    let mut lower_before = false;
    for c in name.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if c.is_alphanumeric() => {
                if c.is_uppercase() && lower_before {
                    out.push(' ');
                }
                lower_before = c.is_lowercase() || c.is_numeric();
                out.extend(c.to_lowercase().map(plain));
            }
            _ => {
                lower_before = false;
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
        }
    }
    out.trim_end().to_owned()
}

/// The letter without its accent, for the Latin letters that exports use.
fn plain(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        _ => c,
    }
}

pub fn same(a: &str, b: &str) -> bool {
    fold(a) == fold(b)
}

/// The currency a header names in brackets: "Amount spent (EUR)".
pub fn currency(name: &str) -> Option<crate::money::Currency> {
    let inside = name.split_once('(')?.1.split_once(')')?.0;
    (inside.trim().len() == 3).then(|| inside.parse().ok()).flatten()
}
