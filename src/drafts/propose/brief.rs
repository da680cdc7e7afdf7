//! Content briefs: what the caller left out is filled from search figures, never invented.
use super::{Args, Proposed};
use crate::db::OrgTx;
use crate::db::drafts::write::Target;
use crate::drafts::DraftError;
use crate::drafts::before::pages;
use crate::drafts::facts::{Facts, Org};
use crate::drafts::gather::{self, About};
use crate::drafts::proposal::{Brief, Proposal, Section};
use crate::ids::OrgId;
use crate::text::clean;

pub async fn brief(tx: &mut OrgTx, id: OrgId, org: Org, args: &Args<'_>) -> Result<Proposed, DraftError> {
    let keyword = clean(args.text("keyword").unwrap_or_default(), 120).to_lowercase();
    let mut wanted = Brief {
        keyword: keyword.clone(),
        target_queries: Vec::new(),
        intent: args.text("intent").map_or_else(|| intent(&keyword), str::to_owned),
        audience: args
            .text("audience")
            .map_or_else(|| format!("people who search for {keyword}"), |a| clean(a, 200)),
        outline: args.read("outline")?.unwrap_or_default(),
        questions: args.read("questions")?.unwrap_or_default(),
        internal_links: args.read("internal_links")?.unwrap_or_default(),
        word_range: args.read("word_range")?.unwrap_or((800, 1500)),
        sources: args.read("sources")?.unwrap_or_default(),
    };
    if wanted.word_range.0 > wanted.word_range.1 {
        return Err(DraftError::payload(
            "/word_range",
            "word_range is fewest and most words, in this order.",
        ));
    }
    let facts =
        gather::facts(tx, id, org, &About::default(), &Proposal::Brief(wanted.clone()), "website").await?;
    fill(&mut wanted, &facts, args)?;
    let targets = vec![Target {
        entity_kind: "query".to_owned(),
        entity_id: keyword.clone(),
        field: "brief".to_owned(),
    }];
    Ok(Proposed {
        proposal: Proposal::Brief(wanted),
        facts,
        platform: "website".to_owned(),
        account_id: "website".to_owned(),
        entity_kind: "query",
        entity_id: keyword.clone(),
        targets,
        name: keyword,
    })
}

fn fill(wanted: &mut Brief, facts: &Facts, args: &Args<'_>) -> Result<(), DraftError> {
    let asked: Option<Vec<String>> = args.read("target_queries")?;
    let mut seen: Vec<String> = Vec::new();
    for row in &facts.rankings {
        let query = clean(&row.query, 200);
        if query.chars().count() >= 2 && !seen.contains(&query) {
            seen.push(query);
        }
    }
    wanted.target_queries = asked.unwrap_or_else(|| seen.iter().take(10).cloned().collect());
    if wanted.target_queries.is_empty() {
        wanted.target_queries.push(wanted.keyword.clone());
    }
    if wanted.questions.is_empty() {
        let asks = ["how", "what", "why", "which", "when", "where", "can", "is", "are", "does"];
        let question = |q: &&String| q.split(' ').next().is_some_and(|first| asks.contains(&first));
        wanted.questions = seen.iter().filter(question).take(8).map(|q| format!("{q}?")).collect();
    }
    let own: Vec<String> =
        pages(facts).iter().filter_map(|p| Some(p.get("page")?.as_str()?.to_owned())).collect();
    if wanted.internal_links.is_empty() {
        wanted.internal_links.clone_from(&own);
    }
    if wanted.sources.is_empty() {
        wanted.sources = vec![if facts.rankings.is_empty() {
            format!(
                "None on record: no page of yours was shown for '{}' in 28 days; name sources",
                wanted.keyword
            )
        } else {
            format!("Search performance of '{}' over the last 28 days", wanted.keyword)
        }];
        wanted.sources.extend(own.iter().take(5).map(|page| format!("Own page {page}")));
    }
    if wanted.outline.is_empty() {
        wanted.outline = outline(wanted);
    }
    Ok(())
}

/// By the words people use: buying, comparing, or learning.
fn intent(keyword: &str) -> String {
    let holds = |words: &[&str]| keyword.split(' ').any(|w| words.contains(&w));
    let found = if holds(&["buy", "order", "price", "prices", "cheap", "shop", "book"]) {
        "transactional"
    } else if holds(&[
        "best",
        "compare",
        "comparison",
        "review",
        "reviews",
        "vs",
        "top",
        "alternative",
        "alternatives",
    ]) {
        "commercial"
    } else {
        "informational"
    };
    found.to_owned()
}

/// A plain frame from the queries people use: what it is, what they ask, what to do next.
fn outline(brief: &Brief) -> Vec<Section> {
    let section = |heading: String, points: Vec<String>| Section { heading: clean(&heading, 150), points };
    let mut out = vec![section(
        format!("{}: the short answer", brief.keyword),
        vec!["Answer the query in the first 100 words, with one figure and its source.".to_owned()],
    )];
    let others = brief.target_queries.iter().filter(|q| **q != brief.keyword).take(5);
    out.extend(
        others
            .map(|q| section(q.clone(), vec![format!("Answer '{q}' on its own, so that it can be quoted.")])),
    );
    if !brief.questions.is_empty() {
        out.push(section(
            "Questions people ask".to_owned(),
            brief.questions.iter().take(10).cloned().collect(),
        ));
    }
    out.push(section(
        "How to choose".to_owned(),
        vec!["Criteria, in the order in which they matter; each with an example of our own.".to_owned()],
    ));
    out.push(section("Next step".to_owned(), vec!["One call to action that fits the intent.".to_owned()]));
    out.truncate(15);
    out
}
