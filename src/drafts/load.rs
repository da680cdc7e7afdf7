//! A stored draft read back into its parts, with the proof that nobody altered it.
use super::DraftError;
use super::action::{Action, actions};
use super::facts::in_units;
use super::guard::GuardResult;
use super::impact::Effect;
use super::payload::{Hash, payload_hash};
use super::policy::{Grant, Scope, Subject};
use super::proposal::Proposal;
use super::seal::Evidence;
use crate::access::{Actor, OPERATOR, Permission};
use crate::db::OrgTx;
use crate::db::drafts::read::{self, Draft, Revision};
use crate::db::people;
use crate::ids::{DraftId, MemberId, OrgId};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A draft with all its revisions.
pub struct Loaded {
    pub draft: Draft,
    pub revisions: Vec<Revision>,
    pub action: &'static Action,
}

impl Loaded {
    /// The revision that counts.
    pub fn current(&self) -> Result<&Revision, DraftError> {
        self.revisions
            .iter()
            .find(|r| r.revision == self.draft.revision)
            .ok_or_else(|| DraftError::Broken(format!("draft {} has lost a revision", self.draft.number)))
    }

    pub fn hash(&self) -> Result<Hash, DraftError> {
        Hash::from_bytes(&self.draft.payload_hash)
    }

    pub fn proposal(&self) -> Result<Proposal, DraftError> {
        Proposal::parse(self.action.kind(), &self.current()?.payload)
    }

    /// Everyone who wrote a revision (a member, or the member an agent or key worked for).
    pub fn editors(&self) -> Vec<MemberId> {
        self.revisions.iter().filter_map(|r| r.editor_id.parse().ok()).collect()
    }

    /// The platforms it would change: two for a reallocation between them.
    pub fn platforms(&self) -> Vec<String> {
        let mut all = vec![self.draft.platform.clone()];
        if let Ok(Proposal::Reallocate(r)) = self.proposal() {
            all.extend([r.from.platform, r.to.platform]);
        }
        all.sort();
        all.dedup();
        all
    }

    pub fn subject(&self) -> Subject {
        Subject {
            kind: self.draft.kind.clone(),
            platforms: self.platforms(),
            tier: self.draft.tier,
            requested_by: self.draft.requested_by,
            editors: self.editors(),
            co_approvals: self.draft.co_approvals.clone(),
        }
    }

    /// The stored payload, before-state and way back still give the stored hash.
    pub fn verify(&self) -> Result<(), DraftError> {
        let current = self.current()?;
        let draft = &self.draft;
        let computed = payload_hash(
            &draft.kind,
            &draft.platform,
            draft.source_id,
            &current.payload,
            &current.before,
            &current.rollback_plan,
        )?;
        let stored = self.hash()?;
        let same = computed == stored
            && current.payload_hash == stored.0
            && Hash::of(&current.before)?.0.as_slice() == current.before_hash;
        if same { Ok(()) } else { Err(hash_mismatch(draft.number)) }
    }

    pub fn title(&self) -> String {
        let current = self.current().ok();
        let named = current
            .and_then(|r| name_of(&r.before, &r.payload))
            .unwrap_or_else(|| self.draft.entity_id.clone());
        self.action.file.title.replace("{target}", &named)
    }
}

/// The stored content is not what its hash says.
pub fn hash_mismatch(number: i64) -> DraftError {
    DraftError::conflict(
        "draft.hash_mismatch",
        format!(
            "The content of draft {number} is not what the hash says; look at it again before you decide."
        ),
    )
}

/// What a title calls the target, where the revision itself says so.
fn name_of(before: &Value, payload: &Value) -> Option<String> {
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let donor = before.get("from").and_then(|from| text(from, "campaign"));
    text(payload, "keyword")
        .or_else(|| text(before, "ad_group"))
        .or_else(|| text(before, "segment"))
        .or(donor)
        .or_else(|| text(before, "campaign"))
}

/// Loads a draft; another organisation's does not exist.
pub async fn load(tx: &mut OrgTx, org: OrgId, id: DraftId) -> Result<Loaded, DraftError> {
    let draft = read::draft(tx, org, id).await?.ok_or_else(|| DraftError::not_found(id))?;
    let revisions = read::revisions(tx, org, id).await?;
    let action = actions()?.named(&draft.kind)?;
    Ok(Loaded { draft, revisions, action })
}

/// What a draft moves a day, with the decimals of its currency.
pub fn money_moved(draft: &Draft) -> Decimal {
    match draft.currency.parse() {
        Ok(currency) => in_units(draft.money_moved, currency),
        Err(_) => draft.money_moved,
    }
}

/// Reads a stored JSON column.
pub fn stored<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, DraftError> {
    T::deserialize(value).map_err(|e| DraftError::Broken(format!("stored {what} cannot be read: {e}")))
}

pub fn guardrails(revision: &Revision) -> Result<Vec<GuardResult>, DraftError> {
    stored(&revision.guardrails, "guardrails")
}

pub fn effect(revision: &Revision) -> Result<Effect, DraftError> {
    stored(&revision.expected_effect, "expected effect")
}

pub fn evidence(revision: &Revision) -> Result<Vec<Evidence>, DraftError> {
    stored(&revision.evidence, "evidence")
}

pub fn diff(revision: &Revision) -> Result<Vec<String>, DraftError> {
    stored(&revision.diff, "diff")
}

/// What a member was granted beyond the role, with its limits.
pub async fn grants(tx: &mut OrgTx, actor: &Actor) -> Result<Vec<Grant>, DraftError> {
    let mut out = Vec::new();
    for grant in people::grants(tx, actor.org, actor.member).await? {
        let scope: Scope = stored(&grant.scope, "scope of a grant")?;
        match grant.permission.parse::<Permission>() {
            Ok(permission) => out.push(Grant { permission, scope }),
            Err(_) if grant.permission == "operator" => {
                out.extend(OPERATOR.iter().map(|p| Grant { permission: *p, scope: scope.clone() }));
            }
            Err(e) => return Err(DraftError::Broken(e.to_string())),
        }
    }
    Ok(out)
}
