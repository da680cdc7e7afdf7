//! Making and revising drafts, and telling the surfaces about it.
use super::kinds::{ActorKind, DraftState, Origin, Tier};
use crate::clock::Clock;
use crate::db::{Error, OrgTx};
use crate::ids::{ConversationId, DraftId, MemberId, OrgId, SourceId, TurnId, new_uuid};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::Value;

/// The next number people call a draft by; its row lock puts the makers of an organisation's drafts in a row.
pub async fn next_number(tx: &mut OrgTx, org: OrgId) -> Result<i64, Error> {
    sqlx::query_scalar(
        "insert into counters (org_id, name, value) values ($1, 'draft', 1)
         on conflict (org_id, name) do update set value = counters.value + 1 returning value",
    )
    .bind(org)
    .fetch_one(&mut **tx)
    .await
}

/// The row of a new draft.
pub struct NewDraft<'a> {
    pub id: DraftId,
    pub number: i64,
    pub kind: &'a str,
    pub platform: &'a str,
    pub source: Option<SourceId>,
    pub entity_kind: &'a str,
    pub entity_id: &'a str,
    pub origin: Origin,
    pub requested_by: Option<MemberId>,
    pub turn: Option<TurnId>,
    pub conversation: Option<ConversationId>,
    pub supersedes: Option<DraftId>,
    pub fast_track: bool,
    pub expires_at: Timestamp,
    pub at: Timestamp,
    pub weight: Weight<'a>,
}

/// What a revision weighs: rewritten with each one.
pub struct Weight<'a> {
    pub payload_hash: &'a [u8],
    pub tier: Tier,
    pub required_approvals: i32,
    pub co_approvals: &'a [String],
    /// In the organisation's currency.
    pub money_moved: Decimal,
    pub currency: &'a str,
    pub confidence: Decimal,
}

pub async fn insert(tx: &mut OrgTx, org: OrgId, new: &NewDraft<'_>) -> Result<(), Error> {
    sqlx::query(
        "insert into drafts (org_id, id, number, type, platform, source_id, entity_kind, entity_id, state, revision,
             payload_hash, tier, required_approvals, co_approvals, money_moved, currency, confidence, fast_track, origin,
             requested_by, turn_id, conversation_id, supersedes, expires_at, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', 1, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20, $21, $22, 1, $23, $23)",
    )
    .bind(org)
    .bind(new.id)
    .bind(new.number)
    .bind(new.kind)
    .bind(new.platform)
    .bind(new.source)
    .bind(new.entity_kind)
    .bind(new.entity_id)
    .bind(new.weight.payload_hash)
    .bind(new.weight.tier)
    .bind(new.weight.required_approvals)
    .bind(new.weight.co_approvals)
    .bind(new.weight.money_moved)
    .bind(new.weight.currency)
    .bind(new.weight.confidence)
    .bind(new.fast_track)
    .bind(new.origin)
    .bind(new.requested_by)
    .bind(new.turn)
    .bind(new.conversation)
    .bind(new.supersedes)
    .bind(new.expires_at.to_sqlx())
    .bind(new.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What a draft would change: kind of entity, its id, the field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    pub entity_kind: String,
    pub entity_id: String,
    pub field: String,
}

/// Takes the targets for a draft, or names the first that another open draft holds, with that draft's number.
pub async fn take_targets(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    targets: &[Target],
) -> Result<Option<(Target, i64)>, Error> {
    sqlx::query("delete from draft_targets where org_id = $1 and draft_id = $2")
        .bind(org)
        .bind(draft)
        .execute(&mut **tx)
        .await?;
    for target in targets {
        let taken = sqlx::query(
            "insert into draft_targets (org_id, draft_id, entity_kind, entity_id, field, open)
             values ($1, $2, $3, $4, $5, true) on conflict do nothing",
        )
        .bind(org)
        .bind(draft)
        .bind(&target.entity_kind)
        .bind(&target.entity_id)
        .bind(&target.field)
        .execute(&mut **tx)
        .await?;
        if taken.rows_affected() == 0 {
            let holder: Option<i64> = sqlx::query_scalar(
                "select d.number from draft_targets t join drafts d on d.org_id = t.org_id and d.id = t.draft_id
                  where t.org_id = $1 and t.entity_kind = $2 and t.entity_id = $3 and t.field = $4 and t.open",
            )
            .bind(org)
            .bind(&target.entity_kind)
            .bind(&target.entity_id)
            .bind(&target.field)
            .fetch_optional(&mut **tx)
            .await?;
            return Ok(Some((target.clone(), holder.unwrap_or_default())));
        }
    }
    Ok(None)
}

/// Gives the targets of a draft that is no longer open back.
pub async fn release_targets(tx: &mut OrgTx, org: OrgId, draft: DraftId) -> Result<(), Error> {
    sqlx::query("update draft_targets set open = false where org_id = $1 and draft_id = $2 and open")
        .bind(org)
        .bind(draft)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// One revision, complete.
pub struct NewRevision<'a> {
    pub revision: i32,
    pub payload: &'a Value,
    pub before: &'a Value,
    pub before_hash: &'a [u8],
    pub rollback_plan: &'a Value,
    pub payload_hash: &'a [u8],
    pub diff: &'a Value,
    pub evidence: &'a Value,
    pub expected_effect: &'a Value,
    pub guardrails: &'a Value,
    pub editor_kind: ActorKind,
    pub editor_id: &'a str,
    pub prompt_version: Option<&'a str>,
    pub at: Timestamp,
}

pub async fn insert_revision(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    new: &NewRevision<'_>,
) -> Result<(), Error> {
    sqlx::query(
        "insert into draft_revisions (org_id, draft_id, revision, payload, before, before_hash, rollback_plan,
             payload_hash, diff, evidence, expected_effect, guardrails, editor_kind, editor_id, prompt_version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(org)
    .bind(draft)
    .bind(new.revision)
    .bind(new.payload)
    .bind(new.before)
    .bind(new.before_hash)
    .bind(new.rollback_plan)
    .bind(new.payload_hash)
    .bind(new.diff)
    .bind(new.evidence)
    .bind(new.expected_effect)
    .bind(new.guardrails)
    .bind(new.editor_kind)
    .bind(new.editor_id)
    .bind(new.prompt_version)
    .bind(new.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What the guardrails said last about a revision.
pub async fn store_guardrails(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    revision: i32,
    guardrails: &Value,
) -> Result<(), Error> {
    sqlx::query(
        "update draft_revisions set guardrails = $4 where org_id = $1 and draft_id = $2 and revision = $3",
    )
    .bind(org)
    .bind(draft)
    .bind(revision)
    .bind(guardrails)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Moves a draft that may still be revised to its next revision. `false`: it changed in between.
pub async fn advance_revision(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    from: (i32, &[&str]),
    weight: &Weight<'_>,
    at: Timestamp,
) -> Result<bool, Error> {
    let (revision, states) = from;
    let states: Vec<String> = states.iter().map(|s| (*s).to_owned()).collect();
    let done = sqlx::query(
        "update drafts set state = 'pending', revision = revision + 1, payload_hash = $5, tier = $6,
                required_approvals = $7, co_approvals = $8, money_moved = $9, confidence = $10, version = version + 1,
                updated_at = $11
          where org_id = $1 and id = $2 and revision = $3 and state = any($4)",
    )
    .bind(org)
    .bind(draft)
    .bind(revision)
    .bind(states)
    .bind(weight.payload_hash)
    .bind(weight.tier)
    .bind(weight.required_approvals)
    .bind(weight.co_approvals)
    .bind(weight.money_moved)
    .bind(weight.confidence)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Approvals of older revisions no longer count; they stay on record. Returns whose they were.
pub async fn void_approvals(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    current: i32,
) -> Result<Vec<(MemberId, i32)>, Error> {
    sqlx::query_as(
        "update reviews set valid = false
          where org_id = $1 and draft_id = $2 and revision < $3 and decision = 'approve' and valid
         returning reviewer_id, revision",
    )
    .bind(org)
    .bind(draft)
    .bind(current)
    .fetch_all(&mut **tx)
    .await
}

/// A row of the outbox for whoever shows drafts: cards, webhooks. One a version of the draft, in the transaction of the
/// cause. `story` (who did it, what they said) is an object laid over what the draft's row says.
pub async fn announce(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    clock: &dyn Clock,
    event: &str,
    story: &Value,
) -> Result<(), Error> {
    sqlx::query(
        "insert into outbox (org_id, id, surface, channel_ref, seq, kind, payload, dedupe_key, not_before, created_at)
         select org_id, $3, 'worker', 'draft:' || id, version, 'card',
                $6::jsonb || jsonb_build_object('event', $4::text, 'draft_id', id, 'number', number,
                                   'revision', revision, 'state', state, 'version', version),
                'draft:' || id || ':' || version, $5, $5
           from drafts where org_id = $1 and id = $2
         on conflict do nothing",
    )
    .bind(org)
    .bind(draft)
    .bind(new_uuid(clock))
    .bind(event)
    .bind(clock.now().to_sqlx())
    .bind(story)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A new version of a draft whose row does not change otherwise (a vote that decides nothing yet), so that it can be announced.
pub async fn touch(tx: &mut OrgTx, org: OrgId, draft: DraftId, at: Timestamp) -> Result<(), Error> {
    sqlx::query("update drafts set version = version + 1, updated_at = $3 where org_id = $1 and id = $2")
        .bind(org)
        .bind(draft)
        .bind(at.to_sqlx())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Hands a draft that waits to one member. `false`: it does not wait, or is theirs already.
pub async fn assign(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    to: MemberId,
    at: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "update drafts set assigned_to = $3, version = version + 1, updated_at = $4
          where org_id = $1 and id = $2 and state in ('pending', 'changes_requested')
            and assigned_to is distinct from $3",
    )
    .bind(org)
    .bind(draft)
    .bind(to)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One edge of the lifecycle.
pub struct Edge<'a> {
    pub draft: DraftId,
    pub from: &'a [DraftState],
    /// Only while this revision counts, when given.
    pub revision: Option<i32>,
    pub to: DraftState,
    pub at: Timestamp,
}

/// What a transition writes beside the state.
#[derive(Default)]
pub struct Change {
    pub decided_by: Option<MemberId>,
    pub decided_at: Option<Timestamp>,
    pub execute_at: Option<Timestamp>,
    pub approval_expires_at: Option<Timestamp>,
    /// `manual` when somebody applied it by hand.
    pub execution_mode: Option<String>,
}

/// One conditional update decides: moves the draft only from one of these states (and this revision). `false`: it was not there.
pub async fn transition(tx: &mut OrgTx, org: OrgId, edge: &Edge<'_>, change: &Change) -> Result<bool, Error> {
    let from: Vec<String> = edge.from.iter().map(ToString::to_string).collect();
    let done = sqlx::query(
        "update drafts set state = $5, decided_by = coalesce($6, decided_by), decided_at = coalesce($7, decided_at),
                execute_at = $8, approval_expires_at = coalesce($9, approval_expires_at),
                execution_mode = coalesce($10, execution_mode), version = version + 1, updated_at = $11
          where org_id = $1 and id = $2 and state = any($3) and ($4::integer is null or revision = $4)",
    )
    .bind(org)
    .bind(edge.draft)
    .bind(from)
    .bind(edge.revision)
    .bind(edge.to)
    .bind(change.decided_by)
    .bind(change.decided_at.map(|at| at.to_sqlx()))
    .bind(change.execute_at.map(|at| at.to_sqlx()))
    .bind(change.approval_expires_at.map(|at| at.to_sqlx()))
    .bind(&change.execution_mode)
    .bind(edge.at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
