//! Walks the chain and names the first link that does not hold.
use super::{COLUMNS, Entry, origin};
use crate::db::people::hex;
use crate::db::{Db, Error};
use crate::ids::OrgId;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a walk found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Entries that were read.
    pub entries: i64,
    /// The last good link: publish it, and a later rewrite of everything shows.
    pub head_seq: i64,
    /// Hexadecimal.
    pub head_hash: String,
    pub broken: Option<Broken>,
}

/// The first link that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub seq: i64,
    pub problem: String,
}

/// Recomputes every link of the organisation, in one snapshot, and compares the end with the recorded head and with
/// the anchors that were published.
pub async fn verify(db: &Db, org: OrgId) -> Result<Verdict, Error> {
    let mut tx = db.snapshot(org).await?;
    let head: Option<(i64, Vec<u8>)> = sqlx::query_as("select seq, hash from audit_heads where org_id = $1")
        .bind(org)
        .fetch_optional(&mut *tx)
        .await?;
    let anchors: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select seq, hash from audit_anchors where org_id = $1 order by seq")
            .bind(org)
            .fetch_all(&mut *tx)
            .await?;
    let anchors: BTreeMap<i64, Vec<u8>> = anchors.into_iter().collect();
    let mut walk = Walk { org, anchors, entries: 0, seq: 0, hash: origin(org) };
    let statement = format!("select {COLUMNS} from audit_log where org_id = $1 order by seq");
    let mut broken = None;
    {
        let mut rows = sqlx::query_as::<_, Entry>(sqlx::AssertSqlSafe(statement)).bind(org).fetch(&mut *tx);
        while let Some(entry) = rows.try_next().await? {
            broken = walk.step(&entry);
            if broken.is_some() {
                break;
            }
        }
    }
    tx.rollback().await?;
    let broken = broken.or_else(|| walk.end(head));
    Ok(Verdict { entries: walk.entries, head_seq: walk.seq, head_hash: hex(&walk.hash), broken })
}

/// Keeps the end of a good chain, so that a rewrite of what came before shows even if the recorded head is rewritten with
/// it. `false`: there is nothing new to keep.
pub async fn anchor(db: &Db, org: OrgId, verdict: &Verdict, at: Timestamp) -> Result<bool, Error> {
    if verdict.head_seq == 0 || verdict.broken.is_some() {
        return Ok(false);
    }
    let mut tx = db.org(org).await?;
    let kept = sqlx::query(
        "insert into audit_anchors (org_id, seq, hash, signature, published_to, at)
         values ($1, $2, decode($3, 'hex'), '', 'log', $4) on conflict (org_id, seq) do nothing",
    )
    .bind(org)
    .bind(verdict.head_seq)
    .bind(&verdict.head_hash)
    .bind(at.to_sqlx())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(kept.rows_affected() == 1)
}

struct Walk {
    org: OrgId,
    anchors: BTreeMap<i64, Vec<u8>>,
    entries: i64,
    /// The last good link.
    seq: i64,
    hash: Vec<u8>,
}

impl Walk {
    fn step(&mut self, entry: &Entry) -> Option<Broken> {
        self.entries += 1;
        let next = self.seq + 1;
        if entry.seq != next {
            return broken(
                next,
                format!("entry {next} is missing (the one after {} is {})", self.seq, entry.seq),
            );
        }
        if entry.entry_hash != entry.computed_hash(self.org, &entry.prev_hash) {
            return broken(next, format!("entry {next} was altered: its content does not give its hash"));
        }
        if entry.prev_hash != self.hash {
            return broken(
                next,
                format!("entry {next} does not follow entry {}: one of them was replaced", self.seq),
            );
        }
        if self.anchors.get(&next).is_some_and(|anchor| *anchor != entry.entry_hash) {
            return broken(
                next,
                format!("entry {next} is not the one that was published: the chain was rewritten"),
            );
        }
        self.seq = next;
        self.hash.clone_from(&entry.entry_hash);
        None
    }

    fn end(&self, head: Option<(i64, Vec<u8>)>) -> Option<Broken> {
        let (seq, hash) = match head {
            Some(head) => head,
            None if self.seq == 0 => (0, self.hash.clone()),
            None => return broken(self.seq, "the recorded head of the chain is missing".to_owned()),
        };
        let published = self.anchors.keys().next_back().copied().unwrap_or(0);
        let known = seq.max(published);
        if known > self.seq {
            let first = self.seq + 1;
            return broken(first, format!("entries {first} to {known} are missing at the end"));
        }
        if seq < self.seq || hash != self.hash {
            return broken(
                self.seq,
                format!("the recorded head ({seq}) is not the last entry ({})", self.seq),
            );
        }
        None
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every caller returns an Option")]
fn broken(seq: i64, problem: String) -> Option<Broken> {
    Some(Broken { seq, problem })
}
