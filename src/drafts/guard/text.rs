//! Guardrails on words: the platforms' lengths, and their text policies as far as words show them.
use super::{Case, GuardResult, Severity};
use crate::drafts::action::Guard;
use crate::drafts::diff::closest;
use crate::drafts::proposal::{Ad, Brief, Proposal};
use crate::drafts::words::share;
use crate::text::clean;
use serde_json::json;
use std::borrow::Cow;

/// A text with the name of its field.
struct Piece<'a> {
    field: String,
    text: Cow<'a, str>,
}

fn pieces(proposal: &Proposal) -> Vec<Piece<'_>> {
    match proposal {
        Proposal::Ad(ad) => ad_pieces(ad),
        Proposal::Brief(brief) => brief_pieces(brief),
        Proposal::Budget(_)
        | Proposal::Pause(_)
        | Proposal::Resume(_)
        | Proposal::Reallocate(_)
        | Proposal::Negatives(_)
        | Proposal::Audience(_) => Vec::new(),
    }
}

/// What a brief says itself. What people search and ask is quoted, not claimed: "best trail shoes" is their word.
fn brief_pieces(brief: &Brief) -> Vec<Piece<'_>> {
    let own = |text: &str| {
        let searched = brief.target_queries.iter().chain([&brief.keyword]);
        let rest = searched.fold(text.to_owned(), |rest, query| rest.replace(query.as_str(), " "));
        Cow::Owned(rest)
    };
    let headings = brief.outline.iter().enumerate();
    let headings =
        headings.map(|(i, s)| Piece { field: format!("Section {}", i + 1), text: own(&s.heading) });
    let questions = brief.questions.iter().enumerate().filter(|(_, q)| !q.ends_with('?'));
    let questions = questions.map(|(i, q)| Piece { field: format!("Question {}", i + 1), text: own(q) });
    headings.chain(questions).collect()
}

fn ad_pieces(ad: &Ad) -> Vec<Piece<'_>> {
    let numbered = |name: &str, i: usize| format!("{name} {}", i + 1);
    let mut out = Vec::new();
    out.extend(
        ad.primary_texts
            .iter()
            .enumerate()
            .map(|(i, t)| Piece { field: numbered("Primary text", i), text: t.into() }),
    );
    out.extend(
        ad.headlines
            .iter()
            .enumerate()
            .map(|(i, t)| Piece { field: numbered("Headline", i), text: (&t.text).into() }),
    );
    out.extend(
        ad.descriptions
            .iter()
            .enumerate()
            .map(|(i, t)| Piece { field: numbered("Description", i), text: (&t.text).into() }),
    );
    out.extend(ad.path1.iter().map(|t| Piece { field: "Path 1".to_owned(), text: t.into() }));
    out.extend(ad.path2.iter().map(|t| Piece { field: "Path 2".to_owned(), text: t.into() }));
    out
}

/// The hard limit of a field on a platform, and the advised one (`actions.md` §§10.6, 10.15).
fn bounds(platform: &str, field: &str) -> Option<(usize, usize)> {
    let kind = field.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let hard = match (platform, kind) {
        ("google_ads", "Headline") => 30,
        ("google_ads", "Description") => 90,
        ("google_ads", "Path") => 15,
        ("meta_ads", "Headline") => 40,
        ("meta_ads", "Description") => 30,
        ("meta_ads", "Primary text") => return Some((2200, 125)),
        _ => return None,
    };
    Some((hard, hard))
}

/// Field lengths, counted in characters, and how many texts there are. Beyond what is advised only a warning.
pub fn limit(case: &Case<'_>) -> Vec<GuardResult> {
    let Some(campaign) = case.facts.campaigns.first() else { return Vec::new() };
    let mut found = Vec::new();
    for piece in pieces(case.proposal) {
        let n = piece.text.chars().count();
        let Some((hard, advised)) = bounds(&campaign.row.source, &piece.field) else { continue };
        let inputs = json!({"field": piece.field, "characters": n, "max": hard, "advised": advised});
        let message = |max: usize| format!("{} has {n} characters; the limit is {max}.", piece.field);
        if n > hard {
            found.push(case.fail(Guard::TextLimit, Severity::Block, message(hard), inputs));
        } else if n > advised {
            found.push(case.fail(Guard::TextLimit, Severity::Warn, message(advised), inputs));
        }
    }
    if let Proposal::Ad(ad) = case.proposal
        && campaign.row.source == "google_ads"
    {
        found.extend(thin(case, ad));
    }
    if found.is_empty() {
        found.push(case.pass(Guard::TextLimit, Severity::Block, json!({"platform": campaign.row.source})));
    }
    found
}

/// Search ads that a group may have enabled at the same time.
const MOST_ENABLED: usize = 3;

/// A search ad that leaves the platform little to combine, or has no room in its group (`actions.md` §10.6). It is born
/// paused, so nothing of this stops it.
fn thin(case: &Case<'_>, ad: &Ad) -> Vec<GuardResult> {
    let mut found = Vec::new();
    for (name, n, advised) in
        [("headlines", ad.headlines.len(), 8), ("descriptions", ad.descriptions.len(), 3)]
    {
        if n < advised {
            let message = format!("{n} {name} leave little to combine; {advised} or more are advised.");
            let inputs = json!({"field": name, "texts": n, "advised": advised});
            found.push(case.fail(Guard::TextLimit, Severity::Warn, message, inputs));
        }
    }
    let ads = case.facts.ad.iter().flat_map(|group| &group.ads);
    let enabled = ads.filter(|other| other.status == "active").count();
    if enabled >= MOST_ENABLED {
        let message = format!(
            "{enabled} search ads are enabled in this ad group, the most there may be: pause one before this one goes live."
        );
        let inputs = json!({"enabled": enabled, "max": MOST_ENABLED});
        found.push(case.fail(Guard::TextLimit, Severity::Warn, message, inputs));
    }
    found
}

/// From here on a text says what another one says already.
const ALIKE: f64 = 0.9;

const SUPERLATIVES: &[&str] = &[
    "best",
    "cheapest",
    "#1",
    "no. 1",
    "number one",
    "fastest",
    "lowest price",
    "unbeatable",
    "guaranteed",
    "miracle",
];

/// Openings that tell readers something about themselves, which the platforms forbid.
const PERSONAL: &[&str] = &[
    "your debt",
    "your illness",
    "your diagnosis",
    "your depression",
    "your religion",
    "your race",
    "your disability",
    "are you overweight",
    "are you broke",
    "are you pregnant",
    "people like you",
];

/// The part of a text that may break a policy, with the policy's name and how grave it is.
fn breaches(text: &str, competitors: &[String]) -> Vec<(String, &'static str, Severity)> {
    let lower = format!(" {} ", text.to_lowercase());
    let holds = |phrase: &str| {
        lower.match_indices(phrase).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + phrase.len()..].chars().next();
            let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            free(before) && free(after)
        })
    };
    let mut found = Vec::new();
    let listed = SUPERLATIVES.iter().map(|s| (*s, "superlative without proof"));
    for (phrase, rule) in listed.chain(PERSONAL.iter().map(|s| (*s, "personal attributes"))) {
        if holds(phrase) {
            found.push((phrase.to_owned(), rule, Severity::Hold));
        }
    }
    for mark in competitors.iter().filter(|mark| !mark.trim().is_empty()) {
        if holds(&mark.to_lowercase()) {
            found.push((mark.clone(), "competitor's mark", Severity::Hold));
        }
    }
    let shouted = text
        .split(|c: char| !c.is_alphabetic())
        .find(|w| w.chars().count() > 4 && *w == w.to_uppercase() && *w != w.to_lowercase());
    found.extend(shouted.map(|word| (word.to_owned(), "all capitals", Severity::Hold)));
    let marks: Vec<char> = text.chars().collect();
    let repeated = marks.windows(2).find(|w| w[0] == w[1] && matches!(w[0], '!' | '?' | '.' | ',' | '*'));
    found.extend(repeated.map(|w| (w.iter().collect(), "repeated punctuation", Severity::Hold)));
    let claim = text
        .split_whitespace()
        .find(|w| w.contains('%') && w.contains(|c: char| c.is_ascii_digit()) || w.contains(['€', '$', '£']));
    found
        .extend(claim.map(|w| (w.to_owned(), "price or claim not checked against the page", Severity::Warn)));
    found
}

/// No superlatives without proof, shouting, repeated marks, personal attributes or competitors' names. A price or
/// percentage is only pointed out: the page is not read while drafting.
pub fn policy(case: &Case<'_>) -> Vec<GuardResult> {
    let competitors = &case.facts.org.limits.competitor_marks;
    let mut found = Vec::new();
    for piece in pieces(case.proposal) {
        for (snippet, rule, severity) in breaches(&piece.text, competitors) {
            let message = format!("Ad text '{}' may break policy {rule}.", clean(&snippet, 60));
            let inputs = json!({"field": piece.field, "snippet": snippet, "rule": rule});
            found.push(case.fail(Guard::TextPolicy, severity, message, inputs));
        }
    }
    if let Proposal::Ad(ad) = case.proposal
        && let Some((present, likeness)) = closest(ad, case.facts).filter(|(_, likeness)| *likeness >= ALIKE)
    {
        let present = clean(&present, 60);
        let message =
            format!("A headline is {} like '{present}', which this ad group has already.", share(likeness));
        let inputs = json!({"present": present, "similarity": likeness, "limit": ALIKE});
        found.push(case.fail(Guard::TextPolicy, Severity::Warn, message, inputs));
    }
    if found.is_empty() {
        found.push(case.pass(Guard::TextPolicy, Severity::Hold, json!({})));
    }
    found
}
