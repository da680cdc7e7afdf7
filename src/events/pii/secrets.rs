//! Tokens and keys by the forms that their makers gave them, so that a scanner can know them.
use super::{Pii, is_hash};

/// Beginnings, and how many characters of a token follow at least.
const FORMS: &[(&str, usize)] = &[
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("rk_test_", 8),
    ("whsec_", 16),
    ("sk-", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("ghu_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("shpat_", 16),
    ("shpss_", 16),
    ("shpca_", 16),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 16),
    ("SG.", 30),
    ("EAA", 60),
    ("adj_", 16),
    ("ses_", 16),
];

pub fn find(text: &str) -> Option<Pii> {
    if text.len() < 12 {
        return None;
    }
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '.'));
    let secret = text.contains("-----BEGIN ") || words.filter(|word| word.len() >= 15).any(is_secret);
    secret.then_some(Pii::Secret)
}

fn is_secret(word: &str) -> bool {
    let form = |(start, least): &(&str, usize)| {
        word.strip_prefix(start).is_some_and(|rest| {
            // A word of a language has no digit; a random token of this length has.
            rest.len() >= *least && rest.bytes().any(|byte| byte.is_ascii_digit())
        })
    };
    is_jwt(word) || FORMS.iter().any(form)
}

/// Three parts of base64url, the first of which begins with `{"`.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let mut part = || parts.next().unwrap_or_default().len();
    word.starts_with("eyJ") && part() >= 10 && part() >= 4 && part() >= 4
}

/// A hash of something, where nothing says of what.
pub fn is_digest(text: &str) -> bool {
    is_hash(text.trim())
}
