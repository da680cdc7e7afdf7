use super::*;

fn metrics() -> Arc<Metrics> {
    let text = "
- {id: roas, name: R, category: financial, type: ratio, numerator: revenue, denominator: cost, unit: x, format: x2, direction: up, target: 3.5}
- {id: ctr, name: C, category: traffic, type: ratio, numerator: clicks, denominator: impressions, unit: f, format: pct2, direction: up}
- {id: cpm, name: M, category: traffic, type: ratio, numerator: cost, denominator: impressions, scale: 1000, unit: money, format: usd2, direction: down}
- {id: net, name: N, category: financial, type: sum, numerator: revenue - refund, unit: money, format: usd0, direction: up}
- {id: users, name: U, category: traffic, type: derived, formula: distinct users, unit: count, format: int, direction: up}
";
    let (metrics, faults) = Metrics::read("metrics.yaml", text);
    assert_eq!(faults, vec![]);
    Arc::new(metrics)
}

fn sql(text: &str) -> String {
    expand(text, &metrics(), &["roas".into(), "ctr".into()])
        .unwrap_or_else(|(line, m)| format!("line {line}: {m}"))
}

#[test]
fn ratios_are_sums_over_sums() {
    assert_eq!(sql("{{ metric('roas') }}"), "(sum(revenue_base) / nullif(sum(cost_base), 0))");
    assert_eq!(
        sql("{{ metric('ctr', 'd') }}"),
        "(sum(d.clicks)::numeric / nullif(sum(d.impressions)::numeric, 0))"
    );
    assert_eq!(sql("{{ metric('cpm') }}"), "(1000 * sum(cost_base) / nullif(sum(impressions)::numeric, 0))");
    assert_eq!(sql("{{ metric('net') }}"), "((sum(revenue_base) - sum(refund_base)))");
    assert_eq!(
        sql("{{ metric('ctr', 'd', 'd.now') }}"),
        "((sum(d.clicks) filter (where d.now))::numeric / nullif((sum(d.impressions) filter (where d.now))::numeric, 0))"
    );
}

#[test]
fn ratios_over_summed_columns_cases_and_targets() {
    assert_eq!(sql("{{ metric_of('roas', 's') }}"), "(s.revenue_base / nullif(s.cost_base, 0))");
    assert_eq!(
        sql("{{ metric_case('d') }}"),
        "case :metric when 'roas' then (sum(d.revenue_base) / nullif(sum(d.cost_base), 0))::numeric \
         when 'ctr' then (sum(d.clicks)::numeric / nullif(sum(d.impressions)::numeric, 0))::numeric end"
    );
    assert_eq!(sql("{{ target('roas') }} {{ target('ctr') }}"), "3.5 null::numeric");
}

#[test]
fn faults_name_their_line() {
    assert_eq!(
        sql("select\n{{ metric('raos') }}"),
        "line 2: metric 'raos' is not in tools/metrics.yaml; did you mean 'roas'?"
    );
    assert!(sql("{{ metric('users') }}").contains("has no numerator"));
    assert!(sql("{{ metrik('x') }}").contains("line 1"));
    assert!(expand("{{ metric_case('d') }}", &metrics(), &[]).unwrap_err().1.contains("needs a parameter"));
}
