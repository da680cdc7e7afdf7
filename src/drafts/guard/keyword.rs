//! Guardrails on negative keywords: what converts stays findable.
use super::{Case, GuardResult, Severity};
use crate::drafts::action::Guard;
use crate::drafts::proposal::{Keyword, MatchType, Proposal};
use crate::drafts::words::plain;
use crate::text::clean;
use rust_decimal::Decimal;
use serde_json::json;

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a negative keyword keeps an ad from a search: exact = the same words in order, phrase = the words in a row,
/// broad = all words in any order. Negatives have no close variants.
pub fn matches(keyword: &Keyword, search: &str) -> bool {
    let (negative, search) = (words(&keyword.text), words(search));
    if negative.is_empty() {
        return false;
    }
    match keyword.match_type {
        MatchType::Exact => negative == search,
        MatchType::Phrase => search.windows(negative.len()).any(|run| run == negative.as_slice()),
        MatchType::Broad => negative.iter().all(|word| search.contains(word)),
    }
}

/// A negative must not match terms with conversions in 90 days, active keywords or brand terms.
pub fn converting(case: &Case<'_>) -> Vec<GuardResult> {
    let (Proposal::Negatives(n), Some(facts)) = (case.proposal, case.facts.terms.as_ref()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for keyword in &n.keywords {
        let inputs =
            |term: &str| json!({"keyword": keyword.text, "match_type": keyword.match_type, "term": term});
        for term in
            facts.terms.iter().filter(|t| t.conversions_90 > Decimal::ZERO && matches(keyword, &t.term))
        {
            let message = format!(
                "'{}' converted {} times in 90 days.",
                clean(&term.term, 80),
                plain(term.conversions_90)
            );
            found.push(case.fail(Guard::ConvertingTerm, Severity::Block, message, inputs(&term.term)));
        }
        let active = facts.keywords.iter().filter(|k| !k.negative && k.status == "active");
        for own in active.filter(|k| matches(keyword, &k.text)) {
            let message = format!("'{}' is an active keyword.", clean(&own.text, 80));
            found.push(case.fail(Guard::ConvertingTerm, Severity::Block, message, inputs(&own.text)));
        }
        for brand in case.facts.org.limits.brand_terms.iter().filter(|brand| matches(keyword, brand)) {
            let message = format!("'{}' is a brand term.", clean(brand, 80));
            found.push(case.fail(Guard::ConvertingTerm, Severity::Block, message, inputs(brand)));
        }
    }
    // Ten say enough; a card is not a report.
    found.truncate(10);
    if found.is_empty() {
        let inputs = json!({"terms_checked": facts.terms.len(), "keywords_checked": facts.keywords.len()});
        found.push(case.pass(Guard::ConvertingTerm, Severity::Block, inputs));
    }
    found
}
