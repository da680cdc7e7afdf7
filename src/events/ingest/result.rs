//! What is said of a batch: each item in the order it came, and the sums.
use crate::events::{Event, Fault, Rejection, Warning};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

crate::closed_list! {
    /// What became of an item.
    Status = "status of an event" {
        Accepted = "accepted",
        /// It was there already, with the same content.
        Duplicate = "duplicate",
        /// It took the place of other content under its id that came within the last five minutes.
        Replaced = "replaced",
        /// Counted, not stored: its person denied that.
        Suppressed = "suppressed",
        Rejected = "rejected",
    }
}

/// One item of a batch.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ItemResult {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// As it was sent; of an item that passed the check in lower case.
    pub id: Option<String>,
    pub status: Status,
    /// Of the first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A batch. The sums of the five statuses are what was received.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Summary {
    #[schema(value_type = String, format = Uuid)]
    pub batch_id: Uuid,
    pub received: usize,
    pub accepted: usize,
    pub duplicate: usize,
    pub replaced: usize,
    pub suppressed: usize,
    pub rejected: usize,
    pub results: Vec<ItemResult>,
}

/// What became of an item that passed the check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Accepted,
    Duplicate,
    Replaced,
    Suppressed,
    Rejected(Fault),
}

impl Outcome {
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Accepted | Self::Replaced)
    }
}

impl Summary {
    /// `outcomes` and `warnings` are of the events, by their places in `checked`; of a rejection they say nothing.
    pub fn new(
        batch_id: Uuid,
        checked: Vec<Result<Event, Rejection>>,
        outcomes: Vec<Outcome>,
        mut warnings: BTreeMap<usize, Vec<Warning>>,
    ) -> Self {
        let mut summary = Self {
            batch_id,
            received: checked.len(),
            accepted: 0,
            duplicate: 0,
            replaced: 0,
            suppressed: 0,
            rejected: 0,
            results: Vec::with_capacity(checked.len()),
        };
        for (index, (item, outcome)) in checked.into_iter().zip(outcomes).enumerate() {
            let result = match item {
                Ok(event) => of_event(index, event, outcome, warnings.remove(&index).unwrap_or_default()),
                Err(rejection) => ItemResult {
                    index,
                    id: rejection.id,
                    status: Status::Rejected,
                    code: Some(rejection.code),
                    errors: rejection.errors,
                    warnings: Vec::new(),
                },
            };
            match result.status {
                Status::Accepted => summary.accepted += 1,
                Status::Duplicate => summary.duplicate += 1,
                Status::Replaced => summary.replaced += 1,
                Status::Suppressed => summary.suppressed += 1,
                Status::Rejected => summary.rejected += 1,
            }
            summary.results.push(result);
        }
        summary
    }
}

fn of_event(index: usize, event: Event, outcome: Outcome, more: Vec<Warning>) -> ItemResult {
    let id = Some(event.id.to_string());
    let (status, fault) = match outcome {
        Outcome::Accepted => (Status::Accepted, None),
        Outcome::Duplicate => (Status::Duplicate, None),
        Outcome::Replaced => (Status::Replaced, None),
        Outcome::Suppressed => (Status::Suppressed, None),
        Outcome::Rejected(fault) => (Status::Rejected, Some(fault)),
    };
    // Warnings are said of what was stored.
    let mut warnings = Vec::new();
    if matches!(status, Status::Accepted | Status::Replaced) {
        warnings = event.warnings;
        warnings.extend(more);
    }
    ItemResult {
        index,
        id,
        status,
        code: fault.as_ref().map(|fault| fault.code),
        errors: fault.into_iter().collect(),
        warnings,
    }
}
