//! Whether the registry, the facts and the schema fit together.
use super::super::binds;
use super::super::facts::{Facts, Reach};
use super::super::fault::Fault;
use super::super::metrics::{Metrics, Supply};
use super::kept::{self, Kept};
use super::statement::{self, Ask};
use super::{functions, value};
use crate::period::Window;

/// What is wrong between the registry and the facts: bases and columns that are not there.
pub(in super::super) fn faults(metrics: &Metrics, facts: &Facts) -> Vec<Fault> {
    let mut out = Vec::new();
    for metric in metrics.iter() {
        let mut fault = |message: String| {
            let path = if metric.is_own() { super::super::own::FILE } else { "metrics.yaml" };
            out.push(Fault { path: path.to_owned(), line: metric.line, message });
        };
        let id = &metric.id;
        for base in metric.supply.bases() {
            if facts.get(base).is_none() {
                fault(format!(
                    "metric '{id}' is counted from '{base}', which is no base of facts.yaml{}",
                    facts.instead(base)
                ));
            }
        }
        if let Some(function) = metric.with.as_ref().filter(|with| functions::columns(with).is_none()) {
            fault(format!("metric '{id}': there is no function '{function}'"));
        }
        match &metric.supply {
            Supply::Facts(alternatives) => {
                if metric.numerator.is_none() && metric.with.is_none() {
                    fault(format!("metric '{id}' has 'from' but neither a numerator nor a function"));
                }
                let few = metric.min_n.as_ref().map(|(column, _)| column.as_str());
                for column in value::columns(metric).iter().filter(|c| few != Some(c.as_str())) {
                    let has = |joined: &Vec<String>| {
                        joined.iter().filter_map(|b| facts.get(b)).any(|b| b.columns.contains_key(column))
                    };
                    if let Some(joined) = alternatives.iter().find(|joined| !has(joined)) {
                        fault(format!(
                            "metric '{id}' reads '{column}', which {} does not have",
                            joined.join(" + ")
                        ));
                    }
                }
            }
            Supply::Metrics(combined) => {
                for part in combined.parts().into_iter().filter(|part| metrics.get(part).is_none()) {
                    fault(format!(
                        "metric '{id}' is made of '{part}', which is no metric{}",
                        metrics.instead(part)
                    ));
                }
            }
            Supply::Needs(_) | Supply::Unsaid => {}
        }
    }
    out
}

/// Every statement that the bases can give, with nulls for values: for the check against the schema.
pub(in super::super) fn statements(facts: &Facts) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let day = jiff::civil::date(2025, 1, 1);
    let starts = [day];
    for base in facts.iter() {
        let grains = base.by.keys().chain(base.split.keys()).map(|grain| Some(grain.as_str()));
        for by in grains.chain([None]) {
            let columns: Vec<&str> = base.columns.keys().map(String::as_str).collect();
            let window = Window { start: day, end: day };
            let series = (base.reach == Reach::Window).then_some(starts.as_slice());
            let rows = Ask { by, filters: &[], window, series, shift: 0, kept: None };
            let kept = base.sums.then_some(Kept { days: window, months: Some(window) });
            let sums = Ask { series: None, kept, ..rows.clone() };
            let one = [("campaign", String::new())];
            let of_one = Ask { filters: &one, ..sums.clone() };
            let of_sums: Vec<&str> =
                columns.iter().copied().filter(|column| kept::adds_up(base, column)).collect();
            let filtered = Ask { filters: &one, ..rows.clone() };
            let read = [
                Some((&columns, rows)),
                Some((&columns, filtered)),
                base.sums.then_some((&of_sums, sums)),
                base.sums.then_some((&of_sums, of_one)),
            ];
            for sql in
                read.iter().flatten().filter_map(|(columns, ask)| statement::select(base, columns, ask))
            {
                let types = statement::bind_types(0);
                let nulls = binds::pieces(&sql).into_iter().map(|piece| match piece {
                    binds::Piece::Text(text) => text,
                    binds::Piece::Bind(name) => {
                        format!("null::{}", types.get(&name).copied().unwrap_or("text"))
                    }
                });
                out.push((format!("{} by {}", base.id, by.unwrap_or("nothing")), nulls.collect()));
            }
        }
    }
    out
}
