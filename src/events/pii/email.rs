//! E-mail addresses.

/// What follows `@` in the names of pictures for fine screens: `logo@2x.png`.
const PICTURES: &[&str] = &["png", "jpg", "jpeg", "gif", "svg", "webp", "avif"];

/// Whether a text holds an address: something, `@` (or `%40`), a host with a dot and a top level of two letters or more.
pub fn holds(text: &str) -> bool {
    let signs = text.match_indices('@').map(|(at, _)| (at, at + 1));
    let encoded = text.match_indices("%40").map(|(at, _)| (at, at + 3));
    signs.chain(encoded).any(|(before, after)| is_local(&text[..before]) && is_host(&text[after..]))
}

fn is_local(before: &str) -> bool {
    before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || "_+-'\"".contains(c))
}

fn is_host(after: &str) -> bool {
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '-').unwrap_or(after.len());
    let host = after[..end].trim_end_matches(['.', '-']);
    let Some((labels, top)) = host.rsplit_once('.') else { return false };
    top.chars().count() >= 2
        && top.chars().all(char::is_alphabetic)
        && !labels.is_empty()
        && !labels.starts_with(['.', '-'])
        && !PICTURES.contains(&top.to_ascii_lowercase().as_str())
}
