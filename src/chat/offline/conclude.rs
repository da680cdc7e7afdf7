//! Conclusions that a template cannot draw: copy variants, who can be reached, which pages compete. Every figure
//! named here is printed as it stands in a cell; nothing is computed.
use super::playbook::Conclusion;
use crate::catalogue::{Cell, QueryResult};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// The result of a step, with the text of its cells as the renderer prints them.
pub struct Found<'a> {
    pub step: &'a str,
    pub result: &'a QueryResult,
    /// One line a row, as rendered.
    pub rows: &'a [String],
}

fn of<'a, 'b>(found: &'a [Found<'b>], step: &str) -> Option<&'a Found<'b>> {
    found.iter().find(|f| f.step == step)
}

/// The lines of a conclusion.
pub fn conclude(kind: Conclusion, found: &[Found<'_>], args: &Map<String, Value>) -> Vec<String> {
    match kind {
        Conclusion::CopyVariants => copy(found, args),
        Conclusion::Retargeting => retargeting(found),
        Conclusion::Overlap => overlap(found),
    }
}

fn text(result: &QueryResult, row: usize, names: &[&str]) -> Option<String> {
    names.iter().find_map(|n| match result.cell(row, n) {
        Some(Cell::Text(text)) if !text.trim().is_empty() => Some(crate::text::clean(text, 80)),
        _ => None,
    })
}

/// Cut at a word, so that it fits.
fn fit(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for word in text.split_whitespace() {
        let longer = out.chars().count() + word.chars().count() + usize::from(!out.is_empty());
        if longer > most {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.trim_end_matches([',', ';', ':', '–', '-', ' ']).to_owned()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// What a page is about, from its path: `/trail-shoes/guide` is "trail shoes guide".
fn topic(args: &Map<String, Value>) -> String {
    let path = args.get("page").and_then(Value::as_str).unwrap_or("/");
    let words: Vec<&str> =
        path.split(['/', '-', '_', '.']).filter(|w| !w.is_empty() && *w != "html").collect();
    if words.is_empty() { "our shop".to_owned() } else { words.join(" ") }
}

/// Three variants from templates, labelled as such: a headline of at most sixty characters, a text of at most 160, a
/// button, and the fact that stands behind it.
fn copy(found: &[Found<'_>], args: &Map<String, Value>) -> Vec<String> {
    let topic = topic(args);
    let facts: Vec<&String> = of(found, "facts").map(|f| f.rows.iter().collect()).unwrap_or_default();
    let searched: Vec<String> = of(found, "queries")
        .map(|f| {
            (0..f.result.rows.len()).filter_map(|r| text(f.result, r, &["query", "entity"])).take(3).collect()
        })
        .unwrap_or_default();
    if facts.is_empty() && searched.is_empty() {
        return Vec::new();
    }
    let words = searched.first().cloned().unwrap_or_else(|| topic.clone());
    let other = searched.get(1).cloned().unwrap_or_else(|| topic.clone());
    let fact = |n: usize| {
        facts
            .get(n)
            .or_else(|| facts.first())
            .map_or_else(|| format!("people search for “{words}”"), |f| (*f).clone())
    };
    let variants = [
        (
            format!("{}: all you need to know", capital(&words)),
            format!(
                "You searched for {words}. See the details on one page, compare at your own pace and decide with the facts in front of you."
            ),
            "See the details",
            searched
                .first()
                .map_or_else(|| fact(0), |q| format!("people who come to this page search for “{q}”")),
        ),
        (
            format!("{}, without the detour", capital(&topic)),
            format!(
                "The shortest way to {topic}: clear facts, plain prices, no small talk. Have a look and see whether it fits."
            ),
            "Have a look",
            fact(0),
        ),
        (
            format!("Questions about {other}? Answers here",),
            format!(
                "What others ask about {other}, answered in one place. Read it now, or come back to it later; the page stays where it is."
            ),
            "Read the answers",
            fact(1),
        ),
    ];
    let mut out = vec!["**Variants** (template-made: no language model wrote them)".to_owned()];
    for (letter, (headline, body, button, fact)) in ["A", "B", "C"].iter().zip(variants) {
        out.push(format!(
            "- {letter}: “{}” — {} — button “{button}”. Fact behind it: {fact}",
            fit(&headline, 60),
            fit(&body, 160)
        ));
    }
    out.push(
        "Primary metric: the conversion rate of the page, as an A/B test of one variant against the present copy."
            .to_owned(),
    );
    out.push(test_size(found));
    out
}

/// Tests that run longer measure the season as much as the copy.
const LONGEST_TEST_DAYS: i64 = 56;

/// How many users and days the test needs, as the query on power says; or why that cannot be said.
fn test_size(found: &[Found<'_>]) -> String {
    let Some((power, row)) = of(found, "power").and_then(|f| Some((f.result, f.rows.first()?))) else {
        return "How many users and days the test needs cannot be said: the page has too few sessions or no conversion in \
            the window to know its rate of today. Ask “how many users do I need for a test” with the rate you expect."
            .to_owned();
    };
    let mut out = format!(
        "Size of the test: {row}. That finds a fifth more conversions than today with a power of four fifths; a smaller \
         effect needs more, each further variant one more arm of that size. Sessions of the page stand for users."
    );
    let days = power.cell(0, "days").and_then(Cell::number);
    if days.is_none_or(|days| days > Decimal::from(LONGEST_TEST_DAYS)) {
        out.push_str(" That is too long for one test: try a bolder change, or a page with more visits.");
    }
    out
}

fn retargeting(found: &[Found<'_>]) -> Vec<String> {
    let Some(consent) = of(found, "consent") else {
        return vec!["Consent is not known here, so how many may be contacted is not known either; no audience is proposed before it is.".to_owned()];
    };
    let granted = ["opted_in", "opted_in_share", "consent_share", "share"].iter().any(|c| {
        (0..consent.result.rows.len())
            .any(|r| consent.result.cell(r, c).and_then(Cell::number).is_some_and(|n| n > Decimal::ZERO))
    });
    if !granted {
        return vec![
            "Nobody in this segment has consented to advertising, so I stop here: no audience is proposed."
                .to_owned(),
        ];
    }
    let planned = of(found, "plan").is_some_and(|plan| !plan.rows.is_empty());
    let range = "The range is where the conversion rate lies nineteen times in twenty; hold a tenth of the audience out to see \
                 what the ads add.";
    let mut out: Vec<String> = planned.then(|| range.to_owned()).into_iter().collect();
    out.extend([
        "Only people with consent are handed over, as hashed ids, after approval and a co-approval by compliance.".to_owned(),
        "To go on, say “draft a retargeting audience for this segment on Google Ads” (or another platform).".to_owned(),
    ]);
    out
}

/// The verdict and the page to keep are the query's own: it judges each search query by itself.
fn overlap(found: &[Found<'_>]) -> Vec<String> {
    let Some(pages) = of(found, "overlap").map(|f| f.result).filter(|r| !r.rows.is_empty()) else {
        return Vec::new();
    };
    let Some(query) = text(pages, 0, &["query"]) else { return Vec::new() };
    let rows: Vec<usize> =
        (0..pages.rows.len()).filter(|r| text(pages, *r, &["query"]).as_ref() == Some(&query)).collect();
    let verdict = text(pages, 0, &["verdict"]).unwrap_or_default();
    let mut out = vec![match verdict.as_str() {
        "cannibalised" => format!(
            "**Verdict: cannibalised.** Several pages take at least a fifth of the impressions of “{query}” each, at close positions."
        ),
        "mild" => format!(
            "**Verdict: mild.** Other pages appear for “{query}”, but with less than a fifth of its impressions or much further down."
        ),
        "none" => format!("**Verdict: none.** One page is shown for “{query}”; nothing competes."),
        _ => format!("**Verdict: open.** “{query}” has too few impressions to tell."),
    }];
    let kept = rows.iter().find(|r| text(pages, **r, &["advice"]).is_some_and(|a| a == "keep this page"));
    if matches!(verdict.as_str(), "cannibalised" | "mild")
        && let Some(page) = kept.and_then(|r| text(pages, *r, &["page"]))
    {
        out.push(format!("Page to keep: {page} (it earns most clicks)."));
        out.push("Steps: give the other pages a topic of their own or merge them; link from them to the page to keep with the keyword as text; redirect what is merged; look again after four weeks.".to_owned());
    }
    let mut others: Vec<String> = (0..pages.rows.len())
        .filter(|r| text(pages, *r, &["verdict"]).is_some_and(|v| v == "cannibalised"))
        .filter_map(|r| text(pages, r, &["query"]))
        .filter(|other| *other != query)
        .collect();
    others.dedup();
    if !others.is_empty() {
        out.push(format!("Also cannibalised: “{}”.", others.join("”, “")));
    }
    out
}
