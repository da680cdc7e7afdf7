//! What a read file must satisfy as a whole: names, templates, macros, binds, SQL.
use super::super::binds;
use super::super::fault::{Faults, instead};
use super::super::metrics::Metrics;
use super::super::params::{bind_types, owners};
use super::super::spec::{ParamType, Query, Total};
use super::super::template::{self, ENGINE, FORMATS, Piece};
use super::super::{macros, sql};
use super::is_name;
use std::sync::Arc;

/// File name, folder and name must agree; a model's tool name allows no more than this.
pub(super) fn check_names(query: &Query, path: &str, faults: &mut Faults) {
    let stem = path.rsplit('/').next().and_then(|file| file.strip_suffix(".sql")).unwrap_or(path);
    if query.name != stem {
        faults.add(1, format!("name '{}' is not the file's name '{stem}'; make them equal", query.name));
    }
    if !is_name(&query.name) {
        faults.add(1, format!("name '{}' is no snake_case name of at most 63 characters", query.name));
    }
    let folder = path.rsplit('/').nth(1).unwrap_or_default();
    if !query.group.is_empty() && folder != query.group {
        faults.add(
            1,
            format!(
                "group '{}' is not the folder '{folder}'; move the file or change the group",
                query.group
            ),
        );
    }
    if query.sources.is_empty() && query.stats.is_none() {
        faults.add(1, "'sources' is empty; name the fact tables, they drive the freshness line");
    }
}

pub(super) fn check_templates(query: &Query, line: usize, faults: &mut Faults) {
    let column = |name: &str| query.columns.iter().any(|c| c.name == name);
    let total = |name: &str| {
        query.totals.iter().any(|t| match t {
            Total::Sum(sum) => sum == name,
            Total::Ratio { name: ratio, .. } => ratio == name,
        })
    };
    let param = |name: &str| query.params.iter().any(|p| p.name == name);
    let answer = &query.answer;
    let all = [&answer.headline, &answer.row, &answer.empty].into_iter().chain(&answer.notes);
    for text in all {
        let pieces = match template::parse(text) {
            Ok(pieces) => pieces,
            Err(problem) => {
                faults.add(line, problem);
                continue;
            }
        };
        for piece in pieces {
            let Piece::Hole { name, format } = piece else { continue };
            let known = match name.split_once('.') {
                Some(("total", rest)) => total(rest),
                Some(("first", rest)) => column(rest),
                Some(_) => false,
                None => column(&name) || param(&name) || ENGINE.contains(&name.as_str()),
            };
            if !known {
                let names = query
                    .columns
                    .iter()
                    .map(|c| c.name.as_str())
                    .chain(query.params.iter().map(|p| p.name.as_str()));
                let near = instead(&name, names.chain(ENGINE.iter().copied()));
                faults.add(
                    line,
                    format!("'{{{name}}}' in an answer is no column, total, parameter or engine word{near}"),
                );
            }
            if let Some(format) = format
                && !FORMATS.contains(&format.as_str())
            {
                faults.add(
                    line,
                    format!("unknown format '{format}'{}", instead(&format, FORMATS.iter().copied())),
                );
            }
        }
    }
}

/// Expands the macros, matches binds with parameters, and checks the SQL.
pub(super) fn expand_sql(
    query: &mut Query,
    source: &str,
    first_line: usize,
    metrics: &Arc<Metrics>,
    faults: &mut Faults,
) {
    if query.engine.is_some() {
        if !source.trim().is_empty() {
            faults.add(
                first_line,
                "the metric engine writes the SELECT of this query; remove the one in the file",
            );
        }
        return;
    }
    for (line, metric) in super::ratios::by_hand(source, metrics) {
        let message = format!(
            "the SELECT writes the formula of '{0}' by hand; use {{{{ metric('{0}', …) }}}} or {{{{ metric_of('{0}', …) }}}}",
            metric.id
        );
        faults.add(first_line + line - 1, message);
    }
    let listed: Vec<String> = query
        .params
        .iter()
        .find_map(|p| if let ParamType::Metric { values } = &p.kind { Some(values.clone()) } else { None })
        .unwrap_or_default();
    let start = first_line + source.chars().take_while(|c| c.is_whitespace()).filter(|c| *c == '\n').count();
    match macros::expand(source.trim_start(), metrics, &listed) {
        Ok(sql) => query.sql = sql.trim().to_owned(),
        Err((line, message)) => {
            faults.add(start + line - 1, message);
            return;
        }
    }
    if query.sql.is_empty() {
        faults.add(first_line, "there is no SELECT after the front matter");
        return;
    }
    let types = bind_types(&query.params);
    let used = binds::names(&query.sql);
    for name in used.iter().filter(|name| !types.contains_key(*name)) {
        let near = instead(name, types.keys().map(String::as_str));
        let line = source
            .find(&format!(":{name}"))
            .map_or(first_line, |at| first_line + source[..at].matches('\n').count());
        faults.add(line, format!("':{name}' is no parameter{near}"));
    }
    if query.stats.is_none() {
        for param in &query.params {
            let owned = owners(param);
            if !owned.is_empty() && !owned.iter().any(|bind| used.contains(bind)) {
                faults.add(
                    first_line,
                    format!(
                        "parameter '{}' is never used; bind :{} or remove it",
                        param.name,
                        owned.join(" or :")
                    ),
                );
            }
        }
    }
    if let Ok((numbered, _)) = binds::numbered(&query.sql, &types) {
        for problem in sql::check(&numbered) {
            faults.add(start, problem);
        }
    }
}
