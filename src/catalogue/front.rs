//! One query file: front matter and SELECT, read with all its faults (`queries.md` §1).
use super::binds;
use super::fault::{Fault, Faults, instead};
use super::lists::{CHARTS, DRAFT_TYPES, ENTITY_KINDS, GROUPS, PERSONAS};
use super::metrics::Metrics;
use super::params::{bind_types, owners};
use super::spec::{Access, Answer, Chart, Column, ColumnType, Param, ParamType, Query, Total};
use super::template::{self, ENGINE, FORMATS, Piece};
use super::yaml::{Fields, Kind, Node, parse};
use super::{macros, sql, stats_hooks};
use crate::access::Permission;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The `test:` block: what a fixture must give.
#[derive(Clone, Debug)]
pub struct FixtureTest {
    pub fixture: String,
    pub params: Map<String, Value>,
    /// `rows`, `total.<name>`, `first.<column>`, `<row from 0>.<column>`.
    pub expect: Map<String, Value>,
}

/// A read query, its test, and its example questions with their lines.
pub(super) struct Read {
    pub query: Query,
    pub test: Option<FixtureTest>,
    pub examples: Vec<(String, usize)>,
    pub follow_ups: Vec<(String, usize)>,
}

const OPEN: &str = "/*---";
const CLOSE: &str = "---*/";

/// Reads one file. Nothing when it is too broken to be a query; faults may come with a query too.
pub(super) fn read(path: &str, text: &str, metrics: &Arc<Metrics>) -> (Option<Read>, Vec<Fault>) {
    let mut faults = Faults::new(path);
    let found = read_into(path, text, metrics, &mut faults);
    (found, faults.list)
}

fn read_into(path: &str, text: &str, metrics: &Arc<Metrics>, faults: &mut Faults) -> Option<Read> {
    let line_at = |at: usize| text[..at].matches('\n').count() + 1;
    let Some(open) = text.find(OPEN).filter(|at| text[..*at].trim().is_empty()) else {
        faults.add(
            1,
            format!("the file does not begin with front matter; begin with {OPEN} and end it with {CLOSE}"),
        );
        return None;
    };
    let body = open + OPEN.len();
    let Some(close) = text[body..].find(CLOSE).map(|at| at + body) else {
        faults.add(line_at(open), format!("the front matter is not closed; end it with {CLOSE}"));
        return None;
    };
    let root = parse(&text[body..close], line_at(body), faults)?;
    let mut f = Fields::of(&root, "the front matter", faults)?;
    let mut front = Front { f: &mut f, metrics, faults };
    let (mut query, test) = front.query(path);
    let examples = front.f.located("examples", front.faults);
    let follow_ups = front.f.located("follow_ups", front.faults);
    f.finish(faults);
    check_names(&query, path, faults);
    check_templates(&query, f_line(&root, "answer"), faults);
    let sql_from = close + CLOSE.len();
    let source = text[sql_from..].trim_end().trim_end_matches(';');
    expand_sql(&mut query, source, line_at(sql_from), metrics, faults);
    Some(Read { query, test, examples, follow_ups })
}

fn f_line(root: &Node, key: &str) -> usize {
    match &root.kind {
        Kind::Map(entries) => entries.iter().find(|(k, ..)| k == key).map_or(root.line, |(_, line, _)| *line),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => root.line,
    }
}

struct Front<'a, 'n> {
    f: &'a mut Fields<'n>,
    metrics: &'a Metrics,
    faults: &'a mut Faults,
}

impl Front<'_, '_> {
    fn fault(&mut self, key: &str, message: impl Into<String>) {
        self.faults.add(self.f.line_of(key), message);
    }

    /// A list whose words must be known.
    fn known(&mut self, key: &'static str, what: &str, known: &[&str]) -> Vec<String> {
        let found = self.f.located(key, self.faults);
        for (word, line) in &found {
            if !known.contains(&word.as_str()) {
                self.faults
                    .add(*line, format!("unknown {what} '{word}'{}", instead(word, known.iter().copied())));
            }
        }
        found.into_iter().map(|(word, _)| word).collect()
    }

    /// A list that must hold so many items.
    fn counted(&mut self, key: &'static str, least: usize, most: usize) -> Vec<String> {
        let list = self.f.texts(key, self.faults);
        if !(least..=most).contains(&list.len()) {
            self.fault(key, format!("'{key}' must have {least} to {most} items; it has {}", list.len()));
        }
        list
    }

    fn query(&mut self, path: &str) -> (Query, Option<FixtureTest>) {
        let name = self.f.need_text("name", self.faults);
        let version = self.f.require("version", self.faults).is_some();
        let version = version.then(|| self.f.whole("version", self.faults)).flatten().unwrap_or(1);
        if version == 0 {
            self.fault("version", "version is 0; begin with 1");
        }
        let title = self.short("title", 60);
        let description = self.short("description", 300);
        let group = self.f.need_text("group", self.faults);
        if !group.is_empty() && !GROUPS.contains(&group.as_str()) {
            self.fault(
                "group",
                format!("unknown group '{group}'{}", instead(&group, GROUPS.iter().copied())),
            );
        }
        for key in [
            "personas",
            "modules",
            "metrics",
            "sources",
            "params",
            "columns",
            "examples",
            "keywords",
            "follow_ups",
        ] {
            self.f.require(key, self.faults);
        }
        let personas = self.known("personas", "persona", PERSONAS);
        let metrics = self.metric_ids("metrics");
        let sources = self.f.texts("sources", self.faults);
        let modules = self.modules();
        let params = self.params();
        let columns = self.columns();
        let totals = self.totals(&columns);
        let keywords = self.counted("keywords", 3, 10);
        let examples = self.counted("examples", 3, 6);
        let negatives = self.counted("negatives", 0, 5);
        let chart = self.chart(&columns);
        let answer = self.answer();
        let follow_ups = self.counted("follow_ups", 0, 3);
        let drafts = self.known("drafts", "draft type", DRAFT_TYPES);
        let access = self.access();
        let (timeout_ms, max_rows) = self.limits();
        self.f.require("cache_s", self.faults);
        let cache_s = self.f.whole("cache_s", self.faults).unwrap_or(0);
        let stats = self.f.text("stats", self.faults);
        if let Some(hook) = &stats
            && !stats_hooks::names().any(|known| known == hook)
        {
            let near = instead(hook, stats_hooks::names());
            self.fault("stats", format!("unknown function '{hook}'{near}"));
        }
        let test = self.test();
        let query = Query {
            version: u32::try_from(version).unwrap_or(0),
            max_rows: u32::try_from(max_rows).unwrap_or(500),
            path: path.to_owned(),
            sql: String::new(),
            name,
            title,
            description,
            group,
            personas,
            modules,
            metrics,
            sources,
            params,
            columns,
            totals,
            keywords,
            examples,
            negatives,
            chart,
            answer,
            follow_ups,
            drafts,
            access,
            timeout_ms,
            cache_s,
            stats,
        };
        (query, test)
    }

    fn short(&mut self, key: &'static str, most: usize) -> String {
        let text = self.f.need_text(key, self.faults);
        let length = text.chars().count();
        if length > most {
            self.fault(key, format!("'{key}' has {length} characters; at most {most}"));
        }
        text
    }

    fn metric_ids(&mut self, key: &'static str) -> Vec<String> {
        let ids = self.f.located(key, self.faults);
        for (id, line) in &ids {
            if self.metrics.get(id).is_none() {
                let near = instead(id, self.metrics.iter().map(|m| m.id.as_str()));
                self.faults.add(*line, format!("unknown metric '{id}'{near}"));
            }
        }
        ids.into_iter().map(|(id, _)| id).collect()
    }

    fn modules(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        for (text, line) in self.f.located("modules", self.faults) {
            match text.parse::<u8>() {
                Ok(module @ 1..=11) => out.push(module),
                _ => self
                    .faults
                    .add(line, format!("module '{text}' does not exist; write numbers from 1 to 11")),
            }
        }
        out
    }

    fn params(&mut self) -> Vec<Param> {
        let Some(node) = self.f.get("params") else {
            return Vec::new();
        };
        let Kind::Map(entries) = &node.kind else {
            self.faults.add(node.line, "'params' is no mapping; write `name: {type: …}` pairs, or {}");
            return Vec::new();
        };
        entries.iter().filter_map(|(name, line, node)| self.param(name, *line, node)).collect()
    }

    fn param(&mut self, name: &str, line: usize, node: &Node) -> Option<Param> {
        let faults = &mut *self.faults;
        if !is_name(name) {
            faults.add(line, format!("parameter '{name}' is no snake_case name"));
        }
        let mut f = Fields::of(node, format!("parameter '{name}'"), faults)?;
        let kind = f.need_text("type", faults);
        let values = f.texts("values", faults);
        let values_from = f.text("values_from", faults);
        let max_days = f.whole("max_days", faults);
        let future = f.flag("future", faults);
        let type_line = f.line_of("type");
        let kind = match kind.as_str() {
            "days" => ParamType::Days,
            "date_range" => {
                let max_days = max_days.and_then(|n| u32::try_from(n).ok()).unwrap_or(400);
                ParamType::DateRange { max_days, future }
            }
            "compare" => ParamType::Compare,
            "granularity" => ParamType::Granularity,
            "channel" => ParamType::Channel,
            "platform" => ParamType::Platform,
            "source" => ParamType::Source,
            "segment" => ParamType::Segment,
            "segments" => ParamType::Segments,
            "metric" => {
                if values.is_empty() {
                    faults.add(
                        type_line,
                        format!("parameter '{name}' lists no metrics; add `values: [roas, …]`"),
                    );
                }
                for id in &values {
                    if self.metrics.get(id).is_none() {
                        let near = instead(id, self.metrics.iter().map(|m| m.id.as_str()));
                        faults.add(f.line_of("values"), format!("unknown metric '{id}'{near}"));
                    }
                }
                ParamType::Metric { values: values.clone() }
            }
            "money" => ParamType::Money,
            "integer" => ParamType::Integer,
            "number" => ParamType::Number,
            "percent" => ParamType::Percent,
            "enum" => {
                if values.is_empty() && values_from.is_none() {
                    faults.add(type_line, format!("parameter '{name}' has no choices; add `values: […]` or `values_from: view.column`"));
                }
                if values_from
                    .as_ref()
                    .is_some_and(|from| from.split('.').filter(|p| is_name(p)).count() != 2)
                {
                    faults.add(
                        f.line_of("values_from"),
                        "write 'values_from' as view.column of schema facts, for instance `orders.location`",
                    );
                }
                ParamType::Enum { values: values.clone(), values_from: values_from.clone() }
            }
            "text" => ParamType::Text,
            "bool" => ParamType::Bool,
            "lead" => ParamType::Lead,
            other if ENTITY_KINDS.contains(&other) => ParamType::Entity(other.to_owned()),
            other => {
                let known = [
                    "days",
                    "date_range",
                    "compare",
                    "granularity",
                    "channel",
                    "platform",
                    "source",
                    "segment",
                    "segments",
                    "metric",
                    "money",
                    "integer",
                    "number",
                    "percent",
                    "enum",
                    "text",
                    "bool",
                    "lead",
                ];
                let near = instead(other, known.iter().chain(ENTITY_KINDS).copied());
                faults.add(type_line, format!("unknown parameter type '{other}'{near}"));
                return None;
            }
        };
        let param = Param {
            name: name.to_owned(),
            required: f.flag("required", faults),
            default: f.get("default").map(Node::json),
            min: f.number("min", faults),
            max: f.number("max", faults),
            description: f.text("description", faults),
            kind,
        };
        if param.min.zip(param.max).is_some_and(|(min, max)| min > max) {
            faults.add(f.line_of("min"), format!("parameter '{name}': min is larger than max"));
        }
        if let Some(problem) = super::params::faulty_default(&param) {
            faults.add(f.line_of("default"), format!("parameter '{name}': {problem}"));
        }
        f.finish(faults);
        Some(param)
    }

    fn columns(&mut self) -> Vec<Column> {
        let Some(Node { kind: Kind::List(items), .. }) = self.f.get("columns") else {
            self.fault("columns", "'columns' is no list; write `- {name: …, type: …}` for each column");
            return Vec::new();
        };
        let mut out: Vec<Column> = Vec::new();
        for item in items {
            let faults = &mut *self.faults;
            let Some(mut f) = Fields::of(item, "a column", faults) else { continue };
            let name = f.need_text("name", faults);
            if !is_name(&name) {
                faults.add(item.line, format!("column '{name}' is no snake_case name"));
            }
            if out.iter().any(|c| c.name == name) {
                faults.add(item.line, format!("column '{name}' is there twice"));
            }
            let kind = f.need_text("type", faults);
            let kind =
                serde_json::from_value::<ColumnType>(Value::String(kind.clone())).unwrap_or_else(|_| {
                    let known = [
                        "text", "count", "number", "money", "fraction", "pp", "ratio", "days", "hours", "ms",
                        "date", "instant", "bool",
                    ];
                    faults.add(
                        f.line_of("type"),
                        format!("unknown column type '{kind}'{}", instead(&kind, known)),
                    );
                    ColumnType::Text
                });
            out.push(Column {
                name,
                kind,
                label: f.text("label", faults),
                unit: f.text("unit", faults),
                when_null: f.text("when_null", faults),
                entity: f.flag("entity", faults),
                pii: f.text("pii", faults),
                hidden: f.flag("hidden", faults),
            });
            f.finish(faults);
        }
        if out.is_empty() {
            self.fault("columns", "'columns' is empty; describe every column of the SELECT");
        }
        out
    }

    fn totals(&mut self, columns: &[Column]) -> Vec<Total> {
        let Some(Node { kind: Kind::List(items), .. }) = self.f.get("totals") else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items {
            let total = serde_json::from_value::<Total>(item.json());
            let names: Vec<&String> = match &total {
                Ok(Total::Sum(name)) => vec![name],
                Ok(Total::Ratio { ratio: (a, b), .. }) => vec![a, b],
                Err(_) => {
                    self.faults.add(
                        item.line,
                        "a total is the name of a column, or {name: …, ratio: [column, column]}",
                    );
                    continue;
                }
            };
            for name in names {
                match columns.iter().find(|c| c.name == *name) {
                    None => self.faults.add(
                        item.line,
                        format!(
                            "total of unknown column '{name}'{}",
                            instead(name, columns.iter().map(|c| c.name.as_str()))
                        ),
                    ),
                    Some(column) if !adds_up(column.kind) => {
                        self.faults.add(item.line, format!("column '{name}' does not add up; totals are sums of counts, numbers or money, or a ratio of two such sums"));
                    }
                    Some(_) => {}
                }
            }
            out.extend(total);
        }
        out
    }

    fn chart(&mut self, columns: &[Column]) -> Chart {
        let empty = Chart { kind: "table".to_owned(), parts: BTreeMap::new() };
        let Some(node) = self.f.require("chart", self.faults) else {
            return empty;
        };
        let Kind::Map(entries) = &node.kind else {
            self.faults.add(node.line, "'chart' is no mapping; write {kind: bar, x: …, y: …}");
            return empty;
        };
        let mut chart = empty;
        for (key, line, value) in entries {
            if key == "kind" {
                chart.kind = value.text().unwrap_or_default();
                if !CHARTS.contains(&chart.kind.as_str()) {
                    self.faults.add(
                        *line,
                        format!(
                            "unknown chart '{}'{}",
                            chart.kind,
                            instead(&chart.kind, CHARTS.iter().copied())
                        ),
                    );
                }
                continue;
            }
            let settings = ["sort", "band", "stack", "order", "title"];
            if !settings.contains(&key.as_str()) {
                let named: Vec<String> = match &value.kind {
                    Kind::List(items) => items.iter().filter_map(Node::text).collect(),
                    _ => value.text().into_iter().collect(),
                };
                for name in named.iter().filter(|name| !columns.iter().any(|c| c.name == **name)) {
                    let near = instead(name, columns.iter().map(|c| c.name.as_str()));
                    self.faults.add(*line, format!("the chart's {key} is unknown column '{name}'{near}"));
                }
            }
            chart.parts.insert(key.clone(), value.json());
        }
        chart
    }

    fn answer(&mut self) -> Answer {
        let empty =
            Answer { headline: String::new(), row: String::new(), empty: String::new(), notes: Vec::new() };
        let Some(node) = self.f.require("answer", self.faults) else {
            return empty;
        };
        let faults = &mut *self.faults;
        let Some(mut f) = Fields::of(node, "'answer'", faults) else {
            return empty;
        };
        let answer = Answer {
            headline: f.need_text("headline", faults),
            row: f.need_text("row", faults),
            empty: f.need_text("empty", faults),
            notes: f.texts("notes", faults),
        };
        f.finish(faults);
        answer
    }

    fn access(&mut self) -> Access {
        let mut access = Access { permission: Permission::QueryRun, pii: "none".to_owned() };
        let Some(node) = self.f.require("access", self.faults) else {
            return access;
        };
        let faults = &mut *self.faults;
        let Some(mut f) = Fields::of(node, "'access'", faults) else {
            return access;
        };
        match f.need_text("permission", faults).parse() {
            Ok(permission) => access.permission = permission,
            Err(error) => faults.add(f.line_of("permission"), format!("{error}")),
        }
        access.pii = f.need_text("pii", faults);
        if !["none", "masked", "restricted"].contains(&access.pii.as_str()) {
            faults.add(
                f.line_of("pii"),
                format!("unknown PII class '{}'; one of: none, masked, restricted", access.pii),
            );
        }
        f.finish(faults);
        access
    }

    fn limits(&mut self) -> (u64, u64) {
        let Some(node) = self.f.require("limits", self.faults) else {
            return (3000, 500);
        };
        let faults = &mut *self.faults;
        let Some(mut f) = Fields::of(node, "'limits'", faults) else {
            return (3000, 500);
        };
        let mut bounded = |key: &'static str, most: u64, usual: u64| {
            f.require(key, faults);
            let value = f.whole(key, faults).unwrap_or(usual);
            if !(1..=most).contains(&value) {
                faults.add(f.line_of(key), format!("{key} is {value}; write 1 to {most}"));
            }
            value.clamp(1, most)
        };
        let limits = (bounded("timeout_ms", 30_000, 3000), bounded("max_rows", 5000, 500));
        f.finish(faults);
        limits
    }

    fn test(&mut self) -> Option<FixtureTest> {
        let node = self.f.require("test", self.faults)?;
        let faults = &mut *self.faults;
        let mut f = Fields::of(node, "'test'", faults)?;
        let fixture = f.need_text("fixture", faults);
        let mut object = |key: &'static str| match f.get(key).map(Node::json) {
            Some(Value::Object(map)) => map,
            Some(_) => {
                faults.add(node.line, format!("'test.{key}' is no mapping"));
                Map::new()
            }
            None => Map::new(),
        };
        let (params, expect) = (object("params"), object("expect"));
        if expect.is_empty() {
            faults.add(
                node.line,
                "the test expects nothing; write `expect: {rows: …, total.x: …, first.x: …}`",
            );
        }
        f.finish(faults);
        Some(FixtureTest { fixture, params, expect })
    }
}

fn adds_up(kind: ColumnType) -> bool {
    use ColumnType as T;
    match kind {
        T::Count | T::Number | T::Money | T::Fraction | T::Days | T::Hours | T::Ms => true,
        T::Text | T::Pp | T::Ratio | T::Date | T::Instant | T::Bool => false,
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// File name, folder and name must agree; a model's tool name allows no more than this.
fn check_names(query: &Query, path: &str, faults: &mut Faults) {
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

fn check_templates(query: &Query, line: usize, faults: &mut Faults) {
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
fn expand_sql(
    query: &mut Query,
    source: &str,
    first_line: usize,
    metrics: &Arc<Metrics>,
    faults: &mut Faults,
) {
    let listed: Vec<String> = query
        .params
        .iter()
        .find_map(|p| match &p.kind {
            ParamType::Metric { values } => Some(values.clone()),
            _ => None,
        })
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
