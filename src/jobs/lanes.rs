//! Work that waits for others, side by side: each lane (a connection, an endpoint) does one piece at a time, an organisation
//! has a few lanes moving at once, and a slow one keeps only its own waiting.
use crate::ids::OrgId;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// Lanes that are moving, and room for more. Cheap to clone.
#[derive(Clone)]
pub struct Lanes<K>(Arc<Shared<K>>);

struct Shared<K> {
    busy: watch::Sender<BTreeSet<(OrgId, K)>>,
    /// Pieces at once, of everybody; who waits longest goes first.
    room: Semaphore,
    /// Pieces at once of one organisation.
    each: usize,
    own: Mutex<HashMap<OrgId, Arc<Semaphore>>>,
}

/// A lane that moves; it is free again when this goes, however it ended.
struct Turn<K: Ord + Copy>(Arc<Shared<K>>, (OrgId, K));

impl<K: Ord + Copy> Drop for Turn<K> {
    fn drop(&mut self) {
        self.0.busy.send_modify(|busy| {
            busy.remove(&self.1);
        });
    }
}

impl<K: Ord + Copy + Send + Sync + 'static> Lanes<K> {
    /// Room for so many pieces at once, and for so many of one organisation.
    pub fn new(room: usize, each: usize) -> Self {
        let busy = watch::Sender::new(BTreeSet::new());
        Self(Arc::new(Shared { busy, room: Semaphore::new(room), each, own: Mutex::default() }))
    }

    /// Begins to work a lane off, unless somebody is at it, and does not wait for it. After each piece those who wait for room
    /// go first; it ends when a piece finds nothing to do (`false`), fails, or `stop` is cancelled. Gives whether it began.
    pub fn begin<F, R>(&self, (org, lane): (OrgId, K), stop: &CancellationToken, piece: F) -> bool
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = anyhow::Result<bool>> + Send + 'static,
    {
        let key = (org, lane);
        if stop.is_cancelled() || !self.0.busy.send_if_modified(|busy| busy.insert(key)) {
            return false;
        }
        let (turn, own, stop) = (Turn(Arc::clone(&self.0), key), self.own(org), stop.clone());
        tokio::spawn(async move {
            loop {
                let places = async { Some((own.acquire().await.ok()?, turn.0.room.acquire().await.ok()?)) };
                let places = tokio::select! {
                    biased;
                    () = stop.cancelled() => None,
                    places = places => places,
                };
                let Some(places) = places else { break };
                let more = piece().await;
                drop(places);
                match more {
                    Ok(true) => {}
                    Ok(false) => break,
                    // One organisation's trouble is not the others'; the next round tries again.
                    Err(error) => {
                        tracing::error!(%org, error = format!("{error:#}"), "work of an organisation failed");
                        break;
                    }
                }
            }
        });
        true
    }

    fn own(&self, org: OrgId) -> Arc<Semaphore> {
        let mut own = self.0.own.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(own.entry(org).or_insert_with(|| Arc::new(Semaphore::new(self.0.each))))
    }

    /// Waits until no lane moves that is looked for.
    pub async fn quiet(&self, looked_for: impl Fn(OrgId, K) -> bool) {
        let mut busy = self.0.busy.subscribe();
        let _ = busy.wait_for(|busy| !busy.iter().any(|(org, lane)| looked_for(*org, *lane))).await;
    }
}
