//! Names to ids: what people and models call a campaign, an ad group or a segment.
use super::DraftError;
use crate::text::{clean, similarity};

/// A thing with the names it answers to; the first one is shown.
pub struct Candidate<'a> {
    pub id: &'a str,
    pub names: Vec<&'a str>,
}

/// Below this a name is not taken for another.
const ALIKE: f64 = 0.45;
/// How much better the best must be than the next.
const AHEAD: f64 = 0.12;

/// The one candidate that is meant; else an error with the closest names. Exact ids and names win; a name that holds all
/// the words of the text beats one that only looks like it.
pub fn choose<'a>(
    pointer: &str,
    what: &str,
    text: &str,
    candidates: &'a [Candidate<'a>],
) -> Result<&'a Candidate<'a>, DraftError> {
    let wanted = text.trim().to_lowercase();
    let exact: Vec<&Candidate> = candidates
        .iter()
        .filter(|c| c.id == text.trim() || c.names.iter().any(|n| n.trim().to_lowercase() == wanted))
        .collect();
    match exact.as_slice() {
        [one] => return Ok(one),
        [] => {}
        several => return Err(ambiguous(pointer, what, text, several)),
    }
    let mut scored: Vec<(f64, &Candidate)> = candidates
        .iter()
        .map(|c| (c.names.iter().map(|n| score(&wanted, n)).fold(0.0, f64::max), c))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(b.1.id)));
    match scored.as_slice() {
        [(best, one), rest @ ..]
            if *best >= ALIKE && rest.first().is_none_or(|(next, _)| best - next >= AHEAD) =>
        {
            Ok(one)
        }
        [(best, _), ..] if *best >= ALIKE => {
            let close: Vec<&Candidate> =
                scored.iter().take_while(|(s, _)| best - s < AHEAD).map(|(_, c)| *c).collect();
            Err(ambiguous(pointer, what, text, &close))
        }
        _ => {
            let closest = listed(scored.iter().map(|(_, c)| *c));
            let message = if closest.is_empty() {
                format!("There is no {what} '{}'.", clean(text, 80))
            } else {
                format!("There is no {what} '{}'; closest: {}.", clean(text, 80), closest.join(", "))
            };
            Err(DraftError::choice(pointer, message, closest))
        }
    }
}

fn score(wanted: &str, name: &str) -> f64 {
    let name = name.to_lowercase();
    let words = |t: &str| -> Vec<String> {
        t.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let (asked, own) = (words(wanted), words(&name));
    let alike = similarity(wanted, &name);
    if !asked.is_empty() && asked.iter().all(|w| own.contains(w)) {
        // All words are there: the more of the name they cover, the better.
        let covered = asked.len() as f64 / own.len().max(1) as f64;
        return (0.6 + 0.4 * covered).max(alike);
    }
    alike
}

fn listed<'a>(candidates: impl Iterator<Item = &'a Candidate<'a>>) -> Vec<String> {
    candidates.take(5).map(|c| c.names.first().map_or_else(|| c.id.to_owned(), |n| clean(n, 80))).collect()
}

fn ambiguous(pointer: &str, what: &str, text: &str, several: &[&Candidate<'_>]) -> DraftError {
    // Names may be equal; then only the ids tell them apart.
    let shown: Vec<String> = several
        .iter()
        .take(5)
        .map(|c| c.names.first().map_or_else(|| c.id.to_owned(), |n| format!("{} ({})", clean(n, 80), c.id)))
        .collect();
    let message = format!("Which {what} is '{}'? {}.", clean(text, 80), shown.join(" or "));
    DraftError::choice(pointer, message, several.iter().take(5).map(|c| c.id.to_owned()).collect())
}

#[cfg(test)]
mod tests;
