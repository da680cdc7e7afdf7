//! Loads, checks and runs `tools/`: named queries as read-only tools with typed parameters.
//!
//! One query is one file (`queries.md` §1). The runner binds every value, runs as the reader role in a read-only
//! transaction, and returns rows with their window, freshness and totals.
mod result;
mod spec;

pub use result::{Cell, Freshness, QueryResult, ToolError};
pub use spec::{Access, Answer, Chart, Column, ColumnType, Param, ParamType, Query, Total};

use crate::access::Actor;
use crate::clock::SharedClock;
use crate::db::Db;
use crate::ids::TurnId;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// All named queries and the metric registry, checked at load. Shared behind an `Arc`; a reload makes a new one.
pub struct Catalogue {
    pub queries: BTreeMap<String, Query>,
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
    /// Resolves and bounds the parameters, runs the query as the reader role, stores the run and its rows.
    ///
    /// `params` are as a model or a person gave them: text, numbers, or `{start,end}` for a window.
    pub async fn run(
        &self,
        _db: &Db,
        _clock: &SharedClock,
        _context: &RunContext,
        _query: &str,
        _params: &Map<String, Value>,
    ) -> Result<QueryResult, ToolError> {
        Err(ToolError::abort("query.not_ready", "the runner is being written"))
    }
}
