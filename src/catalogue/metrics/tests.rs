use super::arithmetic::compute;
use super::*;

fn sql(text: &str) -> Result<String, String> {
    Linear::parse(text).map(|l| l.sql(&|c| format!("sum({})", linear::physical(c))))
}

#[test]
fn linear_expressions_become_sums() {
    assert_eq!(sql("revenue").unwrap(), "sum(revenue_base)");
    assert_eq!(
        sql("revenue - cogs - (refund + 2 * fees)").unwrap(),
        "(sum(revenue_base) - sum(cogs) - sum(refund_base) - 2 * sum(fees))"
    );
    assert_eq!(sql("clicks * 100").unwrap(), "100 * sum(clicks)");
}

#[test]
fn what_is_not_linear_is_refused_with_a_reason() {
    assert!(sql("clicks * cost").unwrap_err().contains("multiplies two columns"));
    assert!(sql("clicks + 1").unwrap_err().contains("bare number"));
    assert!(sql("clicks / cost").unwrap_err().contains("not understood"));
    assert!(sql("d.clicks").unwrap_err().contains("not a column"));
    assert!(sql("(clicks").unwrap_err().contains("open"));
    assert!(sql("").is_err());
    assert!(sql("clicks; drop table x").is_err());
}

#[test]
fn arithmetic_of_examples() {
    assert_eq!(compute("(9711-1284)/9711").map(|v| (v * 1000.0).round()), Some(868.0));
    assert_eq!(compute("median(2,5,9,26,71)"), Some(9.0));
    assert_eq!(compute("sqrt(16)+1"), Some(5.0));
    assert_eq!(compute("p95(1..20)*400"), Some(7600.0));
    assert_eq!(compute("abs(14562-14620)"), Some(58.0));
    assert_eq!(compute("1-phi(0)"), Some(0.5));
    assert_eq!(compute("p99(1,2)"), None);
    assert_eq!(compute("1/0"), None);
    assert_eq!(compute("3,5"), None);
}

#[test]
fn examples_show_what_they_compute() {
    for example in [
        "14562/384230 → 3.79%",
        "`1000*14500/384230 → $37.74`",
        "day 1 has 4 users, day 2 has 5, 3 in both: `4+5-3 → 6`",
        "18450-11992.5-14500 → -$8,043",
        "0.012/0.030 → 40.0% (high)",
        "436800/8400 → 52.0 s",
        "14500+640*8 → $19,620",
        "one customer 100+60+40 → $200.00; group 242500/500 → $485.00",
        "12:00 minus 11:57: 12*60-(11*60+57) → 3 min",
        "1-phi((300-240)/51.614) → 12.3%",
    ] {
        assert_eq!(check_example(example), Checked::Right, "{example}");
    }
    assert_eq!(check_example("p95 of the waits → 3 s"), Checked::Skipped);
    assert!(matches!(check_example("1/3 → 34%"), Checked::Wrong { .. }));
    assert!(matches!(check_example("18450/14500 → 4.2x"), Checked::Wrong { .. }));
    assert!(matches!(check_example("100+60 → $160; 1/3 → 34%"), Checked::Wrong { .. }));
}

const TWO: &str = "
metrics:
  - {id: roas, name: Return on ad spend, category: financial, type: ratio, numerator: revenue, denominator: cost,
     unit: ratio, format: x2, direction: up, target: 3.5, synonyms: [return on ad spend, ad return], description: What came back,
     min_n: {column: cost, at_least: 100}, null: [Z, W, L], refresh: RT, owner: CMO, example: 18450/14500 → 1.27x}
  - {id: cpa, name: Cost per conversion, category: financial, type: ratio, numerator: cost, denominator: conversions,
     unit: money, format: usd2, direction: down, synonyms: [cost per acquisition], example: 14500/1284 → $11.29}
";

#[test]
fn the_registry_reads_and_finds() {
    let (metrics, faults) = Metrics::read("metrics.yaml", TWO);
    assert_eq!(faults, vec![]);
    assert_eq!(metrics.get("roas").unwrap().min_n, Some(("cost".into(), Decimal::from(100))));
    let best = |text: &str| metrics.search(text).first().map(|(_, m)| m.id.clone());
    assert_eq!(best("ROAS").as_deref(), Some("roas"));
    assert_eq!(best("how is cost per acquisition calculated").as_deref(), Some("cpa"));
    assert_eq!(best("cost per convrsion").as_deref(), Some("cpa"));
    assert_eq!(best("xylophone"), None);
}

#[test]
fn all_faults_of_the_registry_have_their_lines() {
    let text = "metrics:
  - id: a
    name: A
    category: money
    type: ratio
    numerator: revenue * cost
    unit: x
    format: x2
    direction: sideways
    example: 1/3 → 50%
    colour: red
";
    let (_, faults) = Metrics::read("metrics.yaml", text);
    let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(all.join("\n"), @"
    tools/metrics.yaml:4: metric 'a': category 'money' is unknown; one of: traffic, engagement, conversion, financial, customer_value, email, seo, incrementality_attribution, commerce_ops, saas, agent_governance, system_health, vertical, own
    tools/metrics.yaml:9: metric 'a': direction 'sideways' is unknown; one of: up, down, band
    tools/metrics.yaml:6: metric 'a', numerator: 'revenue * cost' multiplies two columns; a sum of products is not linear
    tools/metrics.yaml:10: metric 'a': the example shows 50% but works out as 33
    tools/metrics.yaml:11: unknown key 'colour' in a metric; known: benchmark, category, combine, denominator, description, direction, example, format, formula, from, grain, id, level, min_n, name, needs, null, numerator, owner, refresh, scale, synonyms, target, type, unit, with
    ");
}

/// `metrics.md` §5: this many of each category.
const CATEGORIES_OF_THE_SPEC: [(&str, usize); 13] = [
    ("traffic", 11),
    ("engagement", 13),
    ("conversion", 16),
    ("financial", 20),
    ("customer_value", 22),
    ("email", 11),
    ("seo", 10),
    ("incrementality_attribution", 13),
    ("commerce_ops", 16),
    ("saas", 13),
    ("agent_governance", 22),
    ("system_health", 24),
    ("vertical", 8),
];

fn built_in() -> Metrics {
    let (metrics, faults) = Metrics::read("metrics.yaml", include_str!("../../../tools/metrics.yaml"));
    assert_eq!(faults, vec![]);
    metrics
}

#[test]
fn the_registry_holds_all_199_metrics() {
    let metrics = built_in();
    for (category, expected) in CATEGORIES_OF_THE_SPEC {
        let found = metrics.iter().filter(|m| m.category == category).count();
        assert_eq!(found, expected, "{category}");
    }
    assert_eq!(metrics.iter().count(), 199);
}

#[test]
fn every_metric_is_whole_and_its_example_works_out() {
    const FORMATS: &str = "pct1 pct2 pp2 usd0 usd2 usd4 x2 int dec1 dec2 s1 min0 h1 d1 mo1 ms0";
    const REFRESH: &str = "RT H D W M release";
    const OWNERS: &str = "CMO PML CRM RPM DSO CRO OPS";
    let among = |known: &str, word: &str| known.split(' ').any(|k| k == word);
    for m in built_in().iter() {
        let id = &m.id;
        assert_eq!(m.example.as_deref().map(check_example), Some(Checked::Right), "example of {id}");
        assert!(m.numerator.is_some() || m.formula.is_some(), "formula of {id}");
        assert!(among(FORMATS, &m.format), "format of {id}");
        assert!(among(REFRESH, &m.refresh), "refresh of {id}");
        assert!(among(OWNERS, &m.owner), "owner of {id}");
        assert!(!m.description.is_empty() && !m.synonyms.is_empty(), "words of {id}");
        assert!(m.null.iter().all(|code| among("Z W L X I", code)), "null codes of {id}");
    }
}

#[test]
fn the_corrections_to_the_source_formulas_hold() {
    let metrics = built_in();
    let of = |id: &str| metrics.get(id).unwrap_or_else(|| panic!("{id}"));
    let example = |id: &str| of(id).example.clone().unwrap_or_default();
    // 1, 3, 4: the holdout is scaled; relative lift is another metric.
    assert!(example("incrementality_pct").ends_with("52.2%"));
    assert!(example("relative_lift").ends_with("109.1%"));
    assert!(example("net_incremental_revenue").ends_with("-$5,384"));
    // 2: displayed ratios follow from displayed sums.
    assert!(example("roas").ends_with("1.27x"));
    // 7, 8: a conversion is no customer, and no customers give no value.
    assert_ne!(of("cpa").denominator, of("cac").denominator);
    assert!(of("cac").null.contains(&"Z".to_owned()));
    // 14, 15: sums over orders; clicks of delivered are not clicks of opens.
    assert_eq!(of("aov").words(), "Σ revenue / Σ orders");
    assert_ne!(of("email_click_rate").denominator, of("ctor").denominator);
    // 20, 21: MAPE is an error, and accuracy is a sum over a sum.
    assert_eq!(of("forecast_mape").direction, "down");
    assert!(example("prediction_accuracy_ratio").contains("1.00x"));
}
