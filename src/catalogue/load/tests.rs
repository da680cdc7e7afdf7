use super::super::Catalogue;
use super::*;

const METRICS: &str = "
- {id: roas, name: Return on ad spend, category: financial, type: ratio, numerator: revenue, denominator: cost, unit: ratio, format: x2, direction: up, target: 3.5}
- {id: cost, name: Spend, category: financial, type: sum, numerator: cost, unit: money, format: usd0, direction: band}
";

const GOOD: &str = r#"/*---
name: spend_by_day
version: 1
title: Spend by day
description: What was spent on each day.
group: spend_waste
personas: [cmo]
modules: [1]
metrics: [roas, cost]
sources: [daily_metrics]
params:
  window: {type: date_range, default: last_7d, max_days: 90}
  channel: {type: channel, default: all}
  min_spend: {type: money, default: 0, min: 0}
  limit: {type: integer, default: 5, min: 1, max: 10}
columns:
  - {name: day, type: date, label: Day}
  - {name: cost, type: money, label: Spend}
  - {name: revenue, type: money}
  - {name: roas, type: ratio, when_null: no spend}
totals: [cost, {name: roas, ratio: [revenue, cost]}]
keywords: [spend, per day, daily]
examples: ["spend by day", "daily spend", "what did we spend each day"]
negatives: []
chart: {kind: line, x: day, y: cost}
answer:
  headline: "{total.cost|money} was spent in {window}."
  row: "{day|date}: {cost|money} at {roas|x2}"
  empty: "Nothing above {min_spend|money} was spent in {window}."
follow_ups: []
drafts: [decrease_budget]
access: {permission: query.run, pii: none}
limits: {timeout_ms: 3000, max_rows: 50}
cache_s: 60
test: {fixture: shop, params: {}, expect: {rows: 5, total.cost: 10}}
---*/
select d.date as day, sum(d.cost_base) as cost, sum(d.revenue_base) as revenue, {{ metric('roas', 'd') }} as roas
from facts.daily_metrics d
where d.date between :window_start and :window_end and (:channel is null or d.channel = :channel)
group by d.date
having sum(d.cost_base) >= :min_spend
order by d.date
"#;

fn load_one(text: &str) -> Loaded {
    let files = [
        ("metrics.yaml".to_owned(), METRICS.to_owned()),
        ("queries/spend_waste/spend_by_day.sql".to_owned(), text.to_owned()),
    ];
    from_files(&files.into(), Vec::new())
}

fn faults(text: &str) -> Vec<String> {
    let loaded = load_one(text);
    loaded.faults.iter().chain(&loaded.loose_ends).map(ToString::to_string).collect()
}

#[test]
fn a_good_file_is_a_tool() {
    let loaded = load_one(GOOD);
    assert_eq!(loaded.faults, vec![]);
    let query = &loaded.queries["spend_by_day"];
    assert!(
        query.sql.contains("(sum(d.revenue_base) / nullif(sum(d.cost_base), 0)) as roas"),
        "{}",
        query.sql
    );
    assert_eq!(
        query.params.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
        ["window", "channel", "min_spend", "limit"]
    );
    assert_eq!(loaded.tests["spend_by_day"].expect["rows"], 5);
}

/// Each change to the good file is found, at its line, with what to write instead.
#[test]
fn every_fault_has_its_line_and_its_remedy() {
    let mut out = Vec::new();
    for (from, to) in [
        ("version: 1\n", ""),
        ("title: Spend by day", "titel: Spend by day"),
        ("group: spend_waste", "group: spend_wast"),
        ("[roas, cost]\n", "[raos, cost]\n"),
        ("max_days: 90", "max_days: many"),
        ("default: last_7d", "default: lately"),
        ("type: channel", "type: chanel"),
        ("default: 5, min", "default: 50, min"),
        ("type: ratio", "type: quotient"),
        ("totals: [cost,", "totals: [costs,"),
        ("x: day", "x: date"),
        ("kind: line", "kind: lines"),
        ("{cost|money} at", "{cst|money} at"),
        ("{roas|x2}", "{roas|x9}"),
        ("follow_ups: []", "follow_ups: [no_such_query]"),
        ("drafts: [decrease_budget]", "drafts: [decrese_budget]"),
        ("permission: query.run", "permission: query.go"),
        ("timeout_ms: 3000", "timeout_ms: 60000"),
        ("name: spend_by_day", "name: spend_day"),
        ("keywords: [spend, per day, daily]", "keywords: [spend]"),
        ("metric('roas', 'd')", "metric('mer', 'd')"),
        (" and (:channel is null or d.channel = :channel)", ""),
        (":min_spend", ":min_spent"),
        ("sum(d.cost_base) as cost", "pg_sleep(1) as cost"),
        ("from facts.daily_metrics", "from daily_metrics"),
        ("order by d.date\n", ""),
        ("expect: {rows: 5, total.cost: 10}", "expect: {}"),
        ("personas: [cmo]", "personas: cmo"),
        ("columns:\n", "columns: [\n"),
        ("---*/", ""),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let found = faults(&GOOD.replacen(from, to, 1));
        assert!(!found.is_empty(), "{from} → {to}");
        out.push(found.join("\n"));
    }
    insta::assert_snapshot!(out.join("\n"));
}

#[test]
fn all_faults_are_collected() {
    let text = GOOD
        .replace("group: spend_waste", "group: x")
        .replace("type: ratio", "type: y")
        .replace("kind: line", "kind: z");
    assert_eq!(faults(&text).len(), 4, "{:#?}", faults(&text));
}

#[test]
fn an_example_of_another_query_is_a_fault_even_with_other_dates() {
    let other = GOOD
        .replace("spend_by_day", "spend_again")
        .replace("\"spend by day\", \"daily spend\"", "\"Spend BY day!\", \"daily spend 7d\"");
    let other = other.replace("what did we spend each day", "something else");
    let files = [
        ("metrics.yaml".to_owned(), METRICS.to_owned()),
        ("queries/spend_waste/spend_by_day.sql".to_owned(), GOOD.to_owned()),
        ("queries/spend_waste/spend_again.sql".to_owned(), other),
    ];
    let loaded = from_files(&files.into(), Vec::new());
    let found: Vec<String> = loaded.faults.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("is (after masking dates and numbers) also one of 'spend_again'"),
        "{found:#?}"
    );
    assert_eq!(masked("top 20 last 30 days"), masked("top 5 past week"));
    assert_ne!(masked("spend by day"), masked("spend by week"));
}

#[test]
fn the_built_in_files_have_no_fault() {
    let (_, faults) = Catalogue::load_whole(None);
    assert!(faults.is_empty(), "{}", LoadError(faults));
}

#[test]
fn a_missing_overlay_is_named() {
    let (_, faults) = Catalogue::load_whole(Some(Path::new("/nonexistent/tools")));
    assert!(faults.iter().any(|f| f.message.contains("does not exist")));
}

/// People wait three seconds for an answer; a list over all people, pages or decisions may ask for more, and is named here.
#[test]
fn who_may_take_longer_than_three_seconds_is_known() {
    let (catalogue, _) = Catalogue::load_whole(None);
    let slow = catalogue.queries.values().filter(|query| query.timeout_ms > 3000);
    let slow: Vec<&str> = slow.map(|query| query.name.as_str()).collect();
    insta::assert_snapshot!(slow.join(" "), @"ai_usage_cost audit_search cohort_retention consent_status content_decay data_freshness engagement_heatmap repeat_purchase segment_compare segment_summary send_frequency seo_overlap seo_rank_changes seo_striking_distance time_to_convert");
}
