//! One query file: front matter and SELECT, read with all its faults (`queries.md` §1).
use super::engine::Shape;
use super::fault::{Fault, Faults, instead};
use super::lists::{CHARTS, DRAFT_TYPES, GROUPS, PERSONAS};
use super::metrics::Metrics;
use super::spec::{Access, Answer, Chart, Column, ColumnType, Param, Query, Total};
use super::stats_hooks;
use super::yaml::{Fields, Kind, Node, parse};

mod checks;
mod parameter;
mod ratios;

use crate::access::Permission;
use checks::{check_names, check_templates, expand_sql};
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
        let (mut columns, words) = self.columns();
        super::few::mark(&mut columns, &metrics, self.metrics);
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
        let engine = self.engine(&params);
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
            words,
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
            engine,
        };
        (query, test)
    }

    /// The shape of the rows that the metric engine gives, where the file names it.
    fn engine(&mut self, params: &[Param]) -> Option<Shape> {
        let wanted = self.f.text("engine", self.faults)?;
        let shape = Shape::NAMES.iter().find(|(name, _)| *name == wanted).map(|(_, shape)| *shape);
        if shape.is_none() {
            let near = instead(&wanted, Shape::NAMES.iter().map(|(name, _)| *name));
            self.fault("engine", format!("unknown engine '{wanted}'{near}"));
        }
        let asked = |name: &str| params.iter().any(|p| p.name == name);
        if !asked("metric") || !asked("window") {
            self.fault("engine", "the metric engine needs the parameters 'metric' and 'window'");
        }
        shape
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
        entries
            .iter()
            .filter_map(|(name, line, node)| parameter::read(name, *line, node, self.metrics, self.faults))
            .collect()
    }

    /// The columns, and of those that come from a closed list the list.
    fn columns(&mut self) -> (Vec<Column>, BTreeMap<String, Vec<String>>) {
        let mut words = BTreeMap::new();
        let Some(Node { kind: Kind::List(items), .. }) = self.f.get("columns") else {
            self.fault("columns", "'columns' is no list; write `- {name: …, type: …}` for each column");
            return (Vec::new(), words);
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
            let values = f.texts("values", faults);
            if !values.is_empty() && kind != ColumnType::Text {
                faults.add(f.line_of("values"), format!("column '{name}' has 'values' but holds no texts"));
            } else if !values.is_empty() {
                words.insert(name.clone(), values);
            }
            out.push(Column {
                name,
                kind,
                label: f.text("label", faults),
                unit: f.text("unit", faults),
                when_null: f.text("when_null", faults),
                entity: f.flag("entity", faults),
                pii: f.text("pii", faults),
                hidden: f.flag("hidden", faults),
                few: None,
            });
            f.finish(faults);
        }
        if out.is_empty() {
            self.fault("columns", "'columns' is empty; describe every column of the SELECT");
        }
        (out, words)
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
                let named: Vec<String> = if let Kind::List(items) = &value.kind {
                    items.iter().filter_map(Node::text).collect()
                } else {
                    value.text().into_iter().collect()
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

pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
