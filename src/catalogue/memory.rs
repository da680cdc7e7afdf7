//! What the catalogue remembers for a short while, always keyed by organisation: results, names, choices, settings.
use super::params::Entity;
use super::result::QueryResult;
use crate::ids::OrgId;
use crate::money::Currency;
use crate::period::DateOrder;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use moka::Expiry;
use moka::future::Cache;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a run needs to know of an organisation.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub name: String,
    pub zone: TimeZone,
    pub zone_name: String,
    pub currency: Currency,
    pub week_start: Weekday,
    pub date_order: DateOrder,
    pub queries_an_hour: u32,
}

/// A result with the time its file allows it to be reused.
#[derive(Clone)]
pub(super) struct Kept {
    pub result: Arc<QueryResult>,
    pub reuse: Duration,
}

struct ByFile;

impl Expiry<(OrgId, String), Kept> for ByFile {
    fn expire_after_create(&self, _: &(OrgId, String), kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.reuse)
    }
}

pub(super) struct Memory {
    pub results: Cache<(OrgId, String), Kept>,
    pub entities: Cache<(OrgId, String), Arc<Vec<Entity>>>,
    pub choices: Cache<(OrgId, String), Arc<Vec<String>>>,
    pub profiles: Cache<OrgId, Arc<Profile>>,
}

impl Default for Memory {
    fn default() -> Self {
        let lasting = |seconds| {
            Cache::builder()
                .max_capacity(2000)
                .time_to_live(Duration::from_secs(seconds))
                .support_invalidation_closures()
        };
        Self {
            // By weight: a result counts its cells.
            results: Cache::builder()
                .max_capacity(2_000_000)
                .weigher(|_, kept: &Kept| {
                    let cells = kept.result.rows.len() * kept.result.columns.len();
                    u32::try_from(cells + 20).unwrap_or(u32::MAX)
                })
                .expire_after(ByFile)
                .support_invalidation_closures()
                .build(),
            entities: lasting(30).build(),
            choices: Cache::builder()
                .max_capacity(2000)
                .time_to_live(Duration::from_secs(300))
                .support_invalidation_closures()
                .build(),
            profiles: Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(30)).build(),
        }
    }
}

impl Memory {
    pub async fn forget(&self, org: OrgId) {
        // The closures cannot fail to register: support was switched on above.
        let _ = self.results.invalidate_entries_if(move |(of, _), _| *of == org);
        let _ = self.entities.invalidate_entries_if(move |(of, _), _| *of == org);
        let _ = self.choices.invalidate_entries_if(move |(of, _), _| *of == org);
        self.profiles.invalidate(&org).await;
    }
}
