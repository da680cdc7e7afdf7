//! `Approved`: the value without which no write to a platform compiles.
use super::DraftError;
use super::load::{hash_mismatch, load};
use super::payload::Hash;
use super::proposal::Proposal;
use super::state::DraftState;
use super::words::instant;
use crate::db::OrgTx;
use crate::db::drafts::decide::{Seen, consume};
use crate::db::drafts::read;
use crate::ids::{DraftId, OrgId};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// One approved revision of one draft, taken for one execution. Neither copied nor made anywhere but in [`take`], which
/// uses the approval's row up.
#[derive(Debug)]
#[must_use]
pub struct Approved {
    org: OrgId,
    draft: DraftId,
    number: i64,
    revision: i32,
    payload_hash: Hash,
    platform: String,
    payload: Value,
    before: Value,
    proposal: Proposal,
    execution: Uuid,
}

impl Approved {
    pub fn org(&self) -> OrgId {
        self.org
    }
    pub fn draft(&self) -> DraftId {
        self.draft
    }
    pub fn number(&self) -> i64 {
        self.number
    }
    pub fn revision(&self) -> i32 {
        self.revision
    }
    pub fn payload_hash(&self) -> Hash {
        self.payload_hash
    }
    pub fn platform(&self) -> &str {
        &self.platform
    }
    pub fn payload(&self) -> &Value {
        &self.payload
    }
    pub fn before(&self) -> &Value {
        &self.before
    }
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }
    pub fn execution(&self) -> Uuid {
        self.execution
    }
}

/// An approval that came too late.
pub(super) fn ran_out(number: i64, at: Timestamp) -> DraftError {
    let message = format!("The approval of draft {number} ran out at {}; draft it again.", instant(at));
    DraftError::conflict("draft.approval_expired", message)
}

/// Takes the approval of a revision for one execution. Refuses when the hash is not the approved one, the stored content
/// was altered, the approval has run out, or somebody took it before.
pub async fn take(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    revision: i32,
    payload_hash: Hash,
    execution: Uuid,
    now: Timestamp,
) -> Result<Approved, DraftError> {
    let loaded = load(tx, org, draft).await?;
    let number = loaded.draft.number;
    let approval = read::approval(tx, org, draft, revision).await?;
    let ready =
        matches!(loaded.draft.state, DraftState::Approved | DraftState::Scheduled | DraftState::Executing);
    let Some(approval) = approval.filter(|_| ready) else {
        return Err(DraftError::conflict("draft.not_approved", format!("Draft {number} is not approved.")));
    };
    let current = loaded.current()?;
    let bound = approval.payload_hash == payload_hash.0 && approval.before_hash == current.before_hash;
    if revision != loaded.draft.revision || !bound {
        return Err(hash_mismatch(number));
    }
    loaded.verify()?;
    if approval.expires_at <= now {
        return Err(ran_out(number, approval.expires_at));
    }
    let seen = Seen { draft, revision, payload_hash: &payload_hash.0 };
    if !consume(tx, org, seen, execution, now).await? {
        return Err(DraftError::conflict(
            "draft.already_used",
            format!("Draft {number} was carried out before."),
        ));
    }
    Ok(Approved {
        org,
        draft,
        number,
        revision,
        payload_hash,
        platform: loaded.draft.platform.clone(),
        payload: current.payload.clone(),
        before: current.before.clone(),
        proposal: loaded.proposal()?,
        execution,
    })
}
