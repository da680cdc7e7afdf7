//! Lists page by cursor: the id of the last thing seen, never an offset.
use serde::{Deserialize, Serialize};

/// `?limit=&after=` of every list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many, 1 to 100; 25 when not said.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl PageQuery {
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(25).clamp(1, 100) as usize
    }
}
