//! Loads, checks and runs `tools/`: named queries as read-only tools with typed parameters.
//!
//! One query is one file (`queries.md` §1). The runner binds every value, runs as the reader role in a read-only
//! transaction, and returns rows with their window, freshness and totals.
mod binds;
pub mod chart;
mod check;
mod decode;
mod engine;
mod entities;
mod facts;
mod fault;
mod few;
mod freshness;
mod front;
mod labels;
pub mod lists;
mod load;
mod macros;
mod memory;
mod metrics;
mod own;
mod params;
mod render;
mod result;
mod run;
mod schema;
mod spec;
mod sql;
mod stats_hooks;
pub mod template;
mod vocabulary;
mod yaml;

pub use check::Finding;
pub use engine::Shape;
pub use fault::Fault;
pub use few::{Few, in_row as few_in_row, mark_of as few_mark};
pub use front::FixtureTest;
pub use load::LoadError;
pub use metrics::{Checked, Metric, Metrics, Misread, check_example};
pub use own::{OwnError, OwnMetric, add as add_metric, remove as remove_metric};
pub use params::Entity;
pub use render::{ROWS_IN_AN_ANSWER, Rendered, heading, shown};
pub use result::{Cell, Freshness, QueryResult, ToolError};
pub use schema::{ToolDescription, describe};
pub use spec::{Access, Answer, Chart, Column, ColumnType, Param, ParamType, Query, Total};
pub use vocabulary::Vocabulary;

use crate::access::Actor;
use crate::clock::SharedClock;
use crate::db::Db;
use crate::ids::{OrgId, TurnId};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// All named queries and the metric registry, checked at load. Shared behind an `Arc`; a reload makes a new one.
pub struct Catalogue {
    pub queries: BTreeMap<String, Query>,
    pub metrics: Arc<Metrics>,
    /// What the metrics are counted from.
    facts: Arc<facts::Facts>,
    pub vocabulary: Vocabulary,
    /// The `test:` block of each query.
    pub tests: BTreeMap<String, FixtureTest>,
    memory: memory::Memory,
}

/// What everybody is told of an organisation.
#[derive(Clone, Debug)]
pub struct Organisation {
    pub name: String,
    /// IANA name, and the zone it names.
    pub time_zone: String,
    pub zone: TimeZone,
    pub currency: String,
}

/// Who asks, in what turn; the runner writes both into `query_runs`.
#[derive(Clone)]
pub struct RunContext {
    pub actor: Actor,
    pub turn: Option<TurnId>,
    /// Needed by restricted queries, stored with the access record.
    pub reason: Option<String>,
}

impl Catalogue {
    /// The built-in files, overlaid by a folder. A fault in any file is an error: a server must not start with less
    /// than what its files say. Only a follow-up that no query answers is left out with a warning.
    pub fn load(overlay: Option<&Path>) -> Result<Self, LoadError> {
        let loaded = load::load(overlay);
        if !loaded.faults.is_empty() {
            return Err(LoadError(loaded.faults));
        }
        for fault in &loaded.loose_ends {
            tracing::warn!(%fault, "a follow-up is left out");
        }
        Ok(Self::from_loaded(loaded).0)
    }

    /// What can be used, and all that is wrong: for `doctor tools`.
    pub fn load_whole(overlay: Option<&Path>) -> (Self, Vec<Fault>) {
        Self::from_loaded(load::load(overlay))
    }

    fn from_loaded(loaded: load::Loaded) -> (Self, Vec<Fault>) {
        let catalogue = Self {
            queries: loaded.queries,
            metrics: loaded.metrics,
            facts: loaded.facts,
            vocabulary: loaded.vocabulary,
            tests: loaded.tests,
            memory: memory::Memory::default(),
        };
        (catalogue, loaded.faults.into_iter().chain(loaded.loose_ends).collect())
    }

    /// The queries this member may run, as tools for a model.
    pub fn tools(&self, actor: &Actor) -> Vec<ToolDescription> {
        self.queries.values().filter(|q| actor.may(q.access.permission)).map(describe).collect()
    }

    /// Resolves and bounds the parameters, runs the query as the reader role, stores the run and its rows.
    ///
    /// `params` are as a model or a person gave them: text, numbers, or `{start,end}` for a window.
    pub async fn run(
        &self,
        db: &Db,
        clock: &SharedClock,
        context: &RunContext,
        query: &str,
        params: &Map<String, Value>,
    ) -> Result<QueryResult, ToolError> {
        run::run(self, db, clock, context, query, params).await
    }

    /// What a run would understand by these parameters: dates resolved, names matched, bounds applied. None when it would
    /// refuse them.
    pub async fn understood(
        &self,
        db: &Db,
        clock: &SharedClock,
        actor: &Actor,
        query: &str,
        params: &Map<String, Value>,
    ) -> Option<Map<String, Value>> {
        run::echo(self, db, clock, actor, query, params).await
    }

    /// What everybody is told of an organisation; remembered shortly.
    pub async fn organisation(&self, db: &Db, org: OrgId) -> Result<Organisation, ToolError> {
        let profile = entities::profile(self, db, org).await?;
        Ok(Organisation {
            name: profile.name.clone(),
            time_zone: profile.zone_name.clone(),
            zone: profile.zone.clone(),
            currency: profile.currency.to_string(),
        })
    }

    /// The things of one kind (`campaign`, `page`, `segment`…) that the organisation's data names; remembered shortly.
    pub async fn entities(
        &self,
        db: &Db,
        clock: &SharedClock,
        org: OrgId,
        kind: &str,
    ) -> Result<Arc<Vec<Entity>>, ToolError> {
        entities::of_kind(self, db, clock, org, kind).await
    }

    /// Checks every query against the migrated schema, as the reader: prepared columns and types, tables, rights.
    pub async fn check_all(&self, db: &Db) -> Vec<Finding> {
        check::check_all(self, db).await
    }

    /// The answer of the query's templates; nothing when the query is no longer in the catalogue.
    pub fn render(&self, result: &QueryResult, zone: &TimeZone) -> Option<Rendered> {
        self.queries.get(&result.query).map(|query| render::render(query, &self.metrics, result, zone))
    }

    /// A monospace table of the first rows.
    pub fn table(&self, result: &QueryResult, most: usize, zone: &TimeZone) -> String {
        render::table(&self.metrics, result, most, zone)
    }

    /// The result's chart as text: a sparkline or block bars; nothing for kinds that a table tells better.
    pub fn chart_text(&self, result: &QueryResult, zone: &TimeZone) -> Option<String> {
        render::chart_text(&self.metrics, result, zone)
    }

    /// One cell as tables and charts print it.
    pub fn cell_text(&self, result: &QueryResult, row: usize, column: &Column, zone: &TimeZone) -> String {
        render::cell_text(&self.metrics, result, row, column, zone)
    }

    /// What metrics can be counted from: id, in words, columns.
    pub fn counted_from(&self) -> Vec<(&str, &str, Vec<&str>)> {
        let bases = self.facts.iter();
        bases
            .map(|base| {
                (base.id.as_str(), base.words.as_str(), base.columns.keys().map(String::as_str).collect())
            })
            .collect()
    }

    /// Forgets what was remembered of an organisation: after an import, a sync, a change of its settings.
    pub async fn forget(&self, org: OrgId) {
        self.memory.forget(org).await;
    }
}
