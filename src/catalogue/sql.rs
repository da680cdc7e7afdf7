//! The rules a query's SQL obeys (`queries.md` §4), checked on its syntax tree: one SELECT over `facts`, known functions,
//! named columns, a stated order, no clock and no chance.
use sqlparser::ast::{
    Expr, ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Functions that are pure, cheap and without effect.
const ALLOWED: &[&str] = &[
    "abs",
    "any",
    "array_agg",
    "array_length",
    "array_position",
    "array_remove",
    "array_to_string",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "cardinality",
    "ceil",
    "ceiling",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "corr",
    "count",
    "cume_dist",
    "date_bin",
    "date_part",
    "date_trunc",
    "dense_rank",
    "every",
    "exp",
    "extract",
    "first_value",
    "floor",
    "generate_series",
    "greatest",
    "initcap",
    "isfinite",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_extract_path_text",
    "jsonb_object_keys",
    "jsonb_typeof",
    "lag",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "ln",
    "log",
    "lower",
    "ltrim",
    "make_date",
    "make_interval",
    "max",
    "min",
    "mod",
    "mode",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "position",
    "power",
    "rank",
    "regexp_replace",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "replace",
    "right",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "sum",
    "timezone",
    "to_char",
    "translate",
    "trim",
    "trunc",
    "unnest",
    "upper",
    "var_pop",
    "var_samp",
    "variance",
    "width_bucket",
];

/// Functions that would make two runs differ.
const VOLATILE: &[&str] = &[
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "random",
    "gen_random_uuid",
    "age",
    "setseed",
];

/// Everything that breaks a rule, each with what to do instead. `sql` has its binds numbered.
pub(super) fn check(sql: &str) -> Vec<String> {
    let statements = match Parser::parse_sql(&PostgreSqlDialect {}, sql) {
        Ok(statements) => statements,
        Err(error) => return vec![format!("the SQL does not parse: {error}")],
    };
    let [Statement::Query(query)] = statements.as_slice() else {
        return vec!["the file must hold exactly one SELECT (CTEs are fine) and nothing else".to_owned()];
    };
    let mut rules = Rules { faults: BTreeSet::new(), tables: BTreeSet::new(), ctes: BTreeSet::new() };
    if query.order_by.is_none() {
        rules.faults.insert(
            "the outermost SELECT has no ORDER BY; order by the business key, then by a unique id".to_owned(),
        );
    }
    let _ = query.visit(&mut rules);
    let unknown: Vec<String> = rules
        .tables
        .iter()
        .filter(|name| !rules.ctes.contains(*name))
        .map(|name| {
            format!("table '{name}' is neither a CTE of this query nor in schema facts; write facts.{name}")
        })
        .collect();
    rules.faults.into_iter().chain(unknown).collect()
}

struct Rules {
    faults: BTreeSet<String>,
    tables: BTreeSet<String>,
    ctes: BTreeSet<String>,
}

impl Rules {
    fn fault(&mut self, message: impl Into<String>) {
        self.faults.insert(message.into());
    }

    fn function(&mut self, name: &ObjectName) {
        let full = name.to_string().to_lowercase();
        let plain = full.rsplit('.').next().unwrap_or(&full).trim_matches('"');
        if VOLATILE.contains(&plain) {
            self.fault(format!(
                "{plain} gives another value on every run; take the clock from :as_of or :today"
            ));
        } else if full.contains('.') || !ALLOWED.contains(&plain) {
            let near = super::fault::instead(plain, ALLOWED.iter().copied());
            self.fault(format!("function '{full}' is not allowed in queries{near}"));
        }
    }
}

impl Visitor for Rules {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        if !matches!(statement, Statement::Query(_)) {
            self.fault("a statement that writes or defines something is not allowed; write one SELECT");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.ctes.extend(with.cte_tables.iter().map(|cte| cte.alias.name.value.to_lowercase()));
        }
        if !query.locks.is_empty() {
            self.fault("FOR UPDATE and FOR SHARE take locks; leave them out");
        }
        if matches!(
            *query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ) {
            self.fault("INSERT, UPDATE, DELETE and MERGE are not allowed; write one SELECT");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if select.into.is_some() {
            self.fault("SELECT INTO makes a table; leave INTO out");
        }
        for item in &select.projection {
            // `r.*` of a CTE is as good as its list of columns; a bare * changes with the schema.
            if matches!(item, SelectItem::Wildcard(_)) {
                self.fault("SELECT * changes with the schema; name the columns");
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = relation.to_string().to_lowercase().replace('"', "");
        match name.split_once('.') {
            Some(("facts", _)) => {}
            Some((schema, _)) => self.fault(format!(
                "schema '{schema}' is closed to queries; only views of schema facts are open"
            )),
            None => {
                self.tables.insert(name);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor {
            self.function(name);
            // The visitor also names it as a relation.
            self.ctes.insert(name.to_string().to_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.function(&function.name);
        } else if let Expr::Identifier(name) = expr {
            let plain = name.value.to_lowercase();
            if name.quote_style.is_none() && VOLATILE.contains(&plain.as_str()) {
                self.fault(format!(
                    "{plain} gives another value on every run; take the clock from :as_of or :today"
                ));
            }
        } else if let Expr::CompoundIdentifier(parts) = expr
            && parts.iter().any(|p| p.value.eq_ignore_ascii_case("org_id"))
        {
            self.fault("org_id is set for the transaction; no query names it");
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
