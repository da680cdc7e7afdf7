//! Organic search performance. The columns present decide the grain; coarser grains are summed from it and marked as derived.
use super::ads::Seen;
use super::facts::{self, Facts, SearchPerformance, Setting};
use super::table::Row;
use crate::platforms::channel;
use rust_decimal::Decimal;
use serde_json::json;
use std::collections::BTreeMap;

/// The path of a URL: the id of a page.
pub fn path(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = rest.split(['?', '#']).next().unwrap_or("/");
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

pub fn search_performance(rows: &[Row], setting: &Setting) -> Facts {
    let mut facts = Facts::default();
    let has = |field: &str| rows.iter().any(|row| row.text(field).is_some());
    let grain = match (has("query"), has("page"), has("device"), has("country")) {
        (true, true, _, _) => "page_query",
        (true, false, _, _) => "query",
        (false, true, _, _) => "page",
        (false, false, true, _) => "device",
        (false, false, false, true) => "country",
        (false, false, false, false) => "site",
    };
    let coarser: &[&'static str] = match grain {
        "page_query" => &["query", "page", "site"],
        "query" | "page" | "device" | "country" => &["site"],
        _ => &[],
    };
    let mut sums: BTreeMap<(&'static str, String), SearchPerformance> = BTreeMap::new();
    let mut seen = Seen::default();
    for row in rows {
        let Some(date) = row.date("date") else { continue };
        let page = row.text("page").unwrap_or_default();
        let site = row
            .text("site")
            .map(|site| site.trim_start_matches("sc-domain:").to_owned())
            .or_else(|| page.contains("://").then(|| channel::host(page)).flatten())
            .unwrap_or_else(|| setting.account.clone());
        let impressions = facts::amount(row, "impressions");
        let position = facts::amount(row, "position");
        let weighted = position * impressions;
        let texts = ["query", "device", "country", "search_type"].map(|field| row.text(field));
        let key = format!("{date}|{site}|{page}|{texts:?}|{:?}", row.dimensions);
        let figures = [facts::amount(row, "clicks"), impressions, position];
        if !seen.is_new(row, key, &figures, "the same day, page and query", &mut facts) {
            continue;
        }
        facts.total("clicks", facts::amount(row, "clicks"));
        facts.total("impressions", impressions);
        for kind in std::iter::once(grain).chain(coarser.iter().copied()) {
            let keeps_query = matches!(kind, "query" | "page_query");
            let keeps_page = matches!(kind, "page" | "page_query");
            let exact = kind == grain;
            let text = |keep: bool, field: &str| {
                if keep { row.text(field).unwrap_or_default().to_owned() } else { String::new() }
            };
            let made = SearchPerformance {
                source: setting.source.clone(),
                date,
                site: site.clone(),
                search_type: row.text("search_type").map_or("web".to_owned(), str::to_lowercase),
                grain: kind,
                page: if keeps_page && !page.is_empty() { path(page) } else { String::new() },
                query: text(keeps_query, "query"),
                device: text(exact, "device").to_lowercase(),
                country: text(exact, "country").to_lowercase(),
                clicks: Decimal::ZERO,
                impressions: Decimal::ZERO,
                position_x_impressions: Decimal::ZERO,
                extra: if exact { json!({}) } else { json!({ "derived_from": grain }) },
            };
            let key = format!(
                "{date}|{}|{}|{}|{}|{}|{}",
                made.site, made.search_type, made.page, made.query, made.device, made.country
            );
            let sum = sums.entry((kind, key)).or_insert(made);
            sum.clicks += facts::amount(row, "clicks");
            sum.impressions += impressions;
            sum.position_x_impressions += weighted;
        }
    }
    facts.search = sums.into_values().collect();
    facts
}
