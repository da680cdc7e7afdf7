use super::*;

fn found(sql: &str) -> Vec<(usize, String)> {
    let text = include_str!("../../../../tools/metrics.yaml");
    let (metrics, _) = Metrics::read("metrics.yaml", text);
    by_hand(sql, &metrics).into_iter().map(|(line, metric)| (line, metric.id.clone())).collect()
}

#[test]
fn ratios_of_the_registry_are_recognised() {
    assert_eq!(found("select sum(d.cost_base) / nullif(sum(d.clicks), 0)"), [(1, "cpc".to_owned())]);
    assert_eq!(
        found("select 1,\n  s.clicks::numeric / nullif(s.impressions, 0) as ctr"),
        [(2, "ctr".to_owned())]
    );
    assert_eq!(found("(c.conversions / nullif(c.clicks, 0)) / 2"), [(1, "cvr_click".to_owned())]);
}

#[test]
fn other_figures_are_left_alone() {
    for sql in [
        "s.cost / nullif(sum(s.cost) over (), 0)",
        "(a.actual - a.expected) / nullif(abs(a.expected), 0)",
        "7 * s.clicks / nullif(s.impressions, 0)",
        "s.before_cost / nullif(l.before_leads, 0)",
        "count(*) / nullif(count(*), 0)",
        "nullif(x, 0)",
    ] {
        assert_eq!(found(sql), [], "{sql}");
    }
}
