//! Stores pages of many turns' logs together: one transaction an organisation for whatever came within a few milliseconds,
//! so that two hundred answers that are spoken at once cost the database little more than one.
use crate::db::turns::{self, Page};
use crate::db::{self, Db};
use crate::ids::OrgId;
use futures::FutureExt as _;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a page waits for others of its organisation.
const TOGETHER: Duration = Duration::from_millis(8);

/// `false`: the turn is not the owner's any more.
type Written = Result<bool, Arc<db::Error>>;

struct Entry {
    page: Arc<Page>,
    tell: oneshot::Sender<Written>,
}

/// The pages that wait, by organisation; an organisation that is there has a task that writes for it.
pub struct Ledger {
    pub db: Db,
    waiting: Mutex<HashMap<OrgId, Vec<Entry>>>,
}

impl Ledger {
    pub fn new(db: Db) -> Arc<Self> {
        Arc::new(Self { db, waiting: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OrgId, Vec<Entry>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a page; it waits some milliseconds for company. `false`: the turn is not the owner's any more. Its commit
    /// does not wait for the disk: the end of the turn does.
    pub async fn append(self: &Arc<Self>, org: OrgId, page: Arc<Page>) -> Written {
        let (tell, told) = oneshot::channel();
        let idle = {
            let mut waiting = self.lock();
            let idle = !waiting.contains_key(&org);
            waiting.entry(org).or_default().push(Entry { page, tell });
            idle
        };
        if idle {
            tokio::spawn(Arc::clone(self).work(org));
        }
        told.await.unwrap_or_else(|_| Err(Arc::new(db::Error::WorkerCrashed)))
    }

    /// Writes for one organisation until nothing waits.
    async fn work(self: Arc<Self>, org: OrgId) {
        loop {
            tokio::time::sleep(TOGETHER).await;
            let entries = {
                let mut waiting = self.lock();
                match waiting.get_mut(&org).map(std::mem::take) {
                    Some(entries) if !entries.is_empty() => entries,
                    Some(_) | None => {
                        waiting.remove(&org);
                        return;
                    }
                }
            };
            // Who waited for a write that panicked is told so, because its entry is dropped.
            if AssertUnwindSafe(self.write(org, entries)).catch_unwind().await.is_err() {
                tracing::error!("a write of turn logs panicked");
            }
        }
    }

    async fn write(&self, org: OrgId, entries: Vec<Entry>) {
        let pages: Vec<&Page> = entries.iter().map(|entry| &*entry.page).collect();
        match self.attempt(org, &pages).await {
            Ok(written) => {
                for (entry, mine) in entries.into_iter().zip(written) {
                    let _ = entry.tell.send(Ok(mine));
                }
            }
            // What the database will not take of one turn must not keep the others from being stored.
            Err(db::Error::Database(_)) if entries.len() > 1 => {
                for entry in entries {
                    let written = self.attempt(org, &[&entry.page]).await;
                    let mine = written.map(|written| written.first() == Some(&true));
                    let _ = entry.tell.send(mine.map_err(Arc::new));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for entry in entries {
                    let _ = entry.tell.send(Err(Arc::clone(&error)));
                }
            }
        }
    }

    async fn attempt(&self, org: OrgId, pages: &[&Page]) -> Result<Vec<bool>, db::Error> {
        let mut tx = self.db.org_unhurried(org).await?;
        let written = turns::append_all(&mut tx, org, pages).await?;
        tx.commit().await?;
        Ok(written)
    }
}
