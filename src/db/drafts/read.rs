//! Reading drafts, their revisions and their reviews.
use super::kinds::{ActorKind, Decision, DraftState, Origin, ReasonCode, Tier};
use crate::access::Surface;
use crate::db::{Error, OrgTx};
use crate::ids::{ConversationId, DraftId, MemberId, OrgId, SourceId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

/// A draft as its row says it.
#[derive(Clone, Debug)]
pub struct Draft {
    pub id: DraftId,
    pub number: i64,
    pub kind: String,
    pub platform: String,
    pub source_id: Option<SourceId>,
    pub entity_kind: String,
    pub entity_id: String,
    pub state: DraftState,
    pub changed: bool,
    pub revision: i32,
    pub payload_hash: Vec<u8>,
    pub tier: Tier,
    pub required_approvals: i32,
    pub co_approvals: Vec<String>,
    pub money_moved: Decimal,
    pub currency: String,
    pub confidence: Decimal,
    pub fast_track: bool,
    pub origin: Origin,
    pub requested_by: Option<MemberId>,
    pub turn_id: Option<TurnId>,
    pub conversation_id: Option<ConversationId>,
    pub supersedes: Option<DraftId>,
    pub expires_at: Timestamp,
    pub approval_expires_at: Option<Timestamp>,
    pub execute_at: Option<Timestamp>,
    pub held_until: Option<Timestamp>,
    pub decided_by: Option<MemberId>,
    pub decided_at: Option<Timestamp>,
    pub execution_mode: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Rises with everything that happens to the draft.
    pub version: i32,
    /// Whom it was handed to, and the group that reviews it.
    pub assigned_to: Option<MemberId>,
    pub assignee_name: Option<String>,
    pub group_name: Option<String>,
    /// When the change was made on the platform.
    pub applied_at: Option<Timestamp>,
    /// Names of the people above, for sentences.
    pub requester_name: Option<String>,
    pub decider_name: Option<String>,
}

impl FromRow<'_, PgRow> for Draft {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let at =
            |column: &str| Ok::<_, sqlx::Error>(row.try_get::<jiff_sqlx::Timestamp, _>(column)?.to_jiff());
        let maybe = |column: &str| {
            let value: Option<jiff_sqlx::Timestamp> = row.try_get(column)?;
            Ok::<_, sqlx::Error>(value.map(jiff_sqlx::Timestamp::to_jiff))
        };
        Ok(Self {
            id: row.try_get("id")?,
            number: row.try_get("number")?,
            kind: row.try_get("type")?,
            platform: row.try_get("platform")?,
            source_id: row.try_get("source_id")?,
            entity_kind: row.try_get("entity_kind")?,
            entity_id: row.try_get("entity_id")?,
            state: row.try_get("state")?,
            changed: row.try_get::<Option<bool>, _>("changed")?.unwrap_or(false),
            revision: row.try_get("revision")?,
            payload_hash: row.try_get("payload_hash")?,
            tier: row.try_get("tier")?,
            required_approvals: row.try_get("required_approvals")?,
            co_approvals: row.try_get("co_approvals")?,
            money_moved: row.try_get("money_moved")?,
            currency: row.try_get("currency")?,
            confidence: row.try_get("confidence")?,
            fast_track: row.try_get("fast_track")?,
            origin: row.try_get("origin")?,
            requested_by: row.try_get("requested_by")?,
            turn_id: row.try_get("turn_id")?,
            conversation_id: row.try_get("conversation_id")?,
            supersedes: row.try_get("supersedes")?,
            expires_at: at("expires_at")?,
            approval_expires_at: maybe("approval_expires_at")?,
            execute_at: maybe("execute_at")?,
            held_until: maybe("held_until")?,
            decided_by: row.try_get("decided_by")?,
            decided_at: maybe("decided_at")?,
            execution_mode: row.try_get("execution_mode")?,
            created_at: at("created_at")?,
            updated_at: at("updated_at")?,
            version: row.try_get("version")?,
            assigned_to: row.try_get("assigned_to")?,
            assignee_name: row.try_get("assignee_name")?,
            group_name: row.try_get("group_name")?,
            applied_at: maybe("applied_at")?,
            requester_name: row.try_get("requester_name")?,
            decider_name: row.try_get("decider_name")?,
        })
    }
}

const DRAFT: &str = "select d.*, r.name as requester_name, m.name as decider_name, a.name as assignee_name,
            g.name as group_name,
            (select max(case when e.mode = 'manual' then e.started_at else e.finished_at end) from executions e
              where e.org_id = d.org_id and e.draft_id = d.id and e.kind = 'apply' and e.mode <> 'dry_run'
                and e.state = 'succeeded') as applied_at
       from drafts d
     left join members a on a.org_id = d.org_id and a.id = d.assigned_to
     left join groups g on g.org_id = d.org_id and g.id = d.group_id
     left join members r on r.org_id = d.org_id and r.id = d.requested_by
     left join members m on m.org_id = d.org_id and m.id = d.decided_by";

pub async fn draft(tx: &mut OrgTx, org: OrgId, id: DraftId) -> Result<Option<Draft>, Error> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!("{DRAFT} where d.org_id = $1 and d.id = $2")))
        .bind(org)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
}

/// The id behind the number people use.
pub async fn by_number(tx: &mut OrgTx, org: OrgId, number: i64) -> Result<Option<DraftId>, Error> {
    sqlx::query_scalar("select id from drafts where org_id = $1 and number = $2")
        .bind(org)
        .bind(number)
        .fetch_optional(&mut **tx)
        .await
}

/// Which drafts to list; empty = all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<DraftState>,
    pub kind: Option<String>,
    pub requested_by: Option<MemberId>,
    /// The cursor: only drafts with a lower number. Negative while the urgent ones are not through: urgent drafts below
    /// the number without its sign, and all others.
    pub below: Option<i64>,
}

/// Urgent drafts that still wait for a decision first, then the newest.
pub async fn list(tx: &mut OrgTx, org: OrgId, filter: &Filter, limit: i64) -> Result<Vec<Draft>, Error> {
    let states: Vec<String> = filter.states.iter().map(ToString::to_string).collect();
    sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "{DRAFT} where d.org_id = $1 and (cardinality($2::text[]) = 0 or d.state = any($2))
            and ($3::text is null or d.type = $3) and ($4::uuid is null or d.requested_by = $4)
            and ($5::bigint is null
                 or $5 > 0 and not {URGENT} and d.number < $5
                 or $5 < 0 and (not {URGENT} or d.number < -$5))
          order by {URGENT} desc, d.number desc limit $6"
    )))
    .bind(org)
    .bind(states)
    .bind(&filter.kind)
    .bind(filter.requested_by)
    .bind(filter.below)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// Goes to the top of the queue.
const URGENT: &str = "(d.fast_track and d.state in ('pending', 'changes_requested'))";

/// One revision as stored.
#[derive(Clone, Debug, FromRow)]
pub struct Revision {
    pub revision: i32,
    pub payload: Value,
    pub before: Value,
    pub before_hash: Vec<u8>,
    pub rollback_plan: Value,
    pub payload_hash: Vec<u8>,
    pub diff: Value,
    pub evidence: Value,
    pub expected_effect: Value,
    pub guardrails: Value,
    pub editor_kind: ActorKind,
    pub editor_id: String,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    pub created_at: Timestamp,
}

/// All revisions, the first one first.
pub async fn revisions(tx: &mut OrgTx, org: OrgId, draft: DraftId) -> Result<Vec<Revision>, Error> {
    sqlx::query_as(
        "select revision, payload, before, before_hash, rollback_plan, payload_hash, diff, evidence, expected_effect,
                guardrails, editor_kind, editor_id, created_at
           from draft_revisions where org_id = $1 and draft_id = $2 order by revision",
    )
    .bind(org)
    .bind(draft)
    .fetch_all(&mut **tx)
    .await
}

/// One decision of one person on one revision.
#[derive(Clone, Debug, FromRow)]
pub struct Review {
    pub revision: i32,
    pub reviewer_id: MemberId,
    pub reviewer_name: String,
    pub decision: Decision,
    pub role_used: String,
    pub surface: Surface,
    pub reason_code: Option<ReasonCode>,
    pub note: Option<String>,
    pub valid: bool,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    pub at: Timestamp,
}

pub async fn reviews(tx: &mut OrgTx, org: OrgId, draft: DraftId) -> Result<Vec<Review>, Error> {
    sqlx::query_as(
        "select r.revision, r.reviewer_id, m.name as reviewer_name, r.decision, r.role_used, r.surface, r.reason_code,
                r.note, r.valid, r.at
           from reviews r join members m on m.org_id = r.org_id and m.id = r.reviewer_id
          where r.org_id = $1 and r.draft_id = $2 order by r.at, r.reviewer_id, r.decision",
    )
    .bind(org)
    .bind(draft)
    .fetch_all(&mut **tx)
    .await
}

/// The latest rejection of another draft of the same kind on the same target, before this one was made, with the number
/// of that draft.
pub async fn rejected_before(
    tx: &mut OrgTx,
    org: OrgId,
    draft: &Draft,
) -> Result<Option<(i64, Review)>, Error> {
    let row = sqlx::query(
        "select d.number, r.revision, r.reviewer_id, m.name as reviewer_name, r.decision, r.role_used, r.surface,
                r.reason_code, r.note, r.valid, r.at
           from drafts d join reviews r on r.org_id = d.org_id and r.draft_id = d.id and r.decision = 'reject'
           join members m on m.org_id = r.org_id and m.id = r.reviewer_id
          where d.org_id = $1 and d.type = $2 and d.platform = $3 and d.entity_kind = $4 and d.entity_id = $5
            and d.state = 'rejected' and d.id <> $6 and r.at <= $7
          order by r.at desc limit 1",
    )
    .bind(org)
    .bind(&draft.kind)
    .bind(&draft.platform)
    .bind(&draft.entity_kind)
    .bind(&draft.entity_id)
    .bind(draft.id)
    .bind(draft.created_at.to_sqlx())
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok((row.try_get("number")?, Review::from_row(&row)?))).transpose()
}

/// Guardrails of a revision that an admin took responsibility for.
pub async fn overrides(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    revision: i32,
) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select code from guardrail_overrides where org_id = $1 and draft_id = $2 and revision = $3 order by code",
    )
    .bind(org)
    .bind(draft)
    .bind(revision)
    .fetch_all(&mut **tx)
    .await
}

/// The row behind an `Approved`.
#[derive(Clone, Debug)]
pub struct Approval {
    pub payload_hash: Vec<u8>,
    pub before_hash: Vec<u8>,
    pub approvers: Vec<String>,
    pub approver_ids: Vec<uuid::Uuid>,
    pub minted_at: Timestamp,
    pub expires_at: Timestamp,
    pub consumed: bool,
}

/// An approval with the names of those who gave it.
pub async fn approval(
    tx: &mut OrgTx,
    org: OrgId,
    draft: DraftId,
    revision: i32,
) -> Result<Option<Approval>, Error> {
    let row = sqlx::query(
        "select a.payload_hash, a.before_hash, a.approvers as approver_ids, a.minted_at, a.expires_at, a.consumed_at is not null as consumed,
                array(select m.name from members m where m.org_id = a.org_id and m.id = any(a.approvers)
                       order by m.name) as approvers
           from approvals a where a.org_id = $1 and a.draft_id = $2 and a.revision = $3",
    )
    .bind(org)
    .bind(draft)
    .bind(revision)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Approval {
            payload_hash: row.try_get("payload_hash")?,
            before_hash: row.try_get("before_hash")?,
            approvers: row.try_get("approvers")?,
            approver_ids: row.try_get("approver_ids")?,
            minted_at: row.try_get::<jiff_sqlx::Timestamp, _>("minted_at")?.to_jiff(),
            expires_at: row.try_get::<jiff_sqlx::Timestamp, _>("expires_at")?.to_jiff(),
            consumed: row.try_get("consumed")?,
        })
    })
    .transpose()
}

/// Entities of a kind that a draft would change, in the order they were named.
pub async fn targets(tx: &mut OrgTx, org: OrgId, draft: DraftId, kind: &str) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(
        "select distinct entity_id from draft_targets where org_id = $1 and draft_id = $2 and entity_kind = $3
          order by entity_id",
    )
    .bind(org)
    .bind(draft)
    .bind(kind)
    .fetch_all(&mut **tx)
    .await
}

/// Money moved by a requester's other drafts of the last 24 hours that are open or were carried out.
pub async fn moved_since(
    tx: &mut OrgTx,
    org: OrgId,
    requester: MemberId,
    since: Timestamp,
    except: DraftId,
) -> Result<Decimal, Error> {
    sqlx::query_scalar(
        "select coalesce(sum(money_moved), 0) from drafts
          where org_id = $1 and requested_by = $2 and created_at > $3 and id <> $4
            and state not in ('rejected', 'cancelled', 'expired', 'failed', 'rolled_back')",
    )
    .bind(org)
    .bind(requester)
    .bind(since.to_sqlx())
    .bind(except)
    .fetch_one(&mut **tx)
    .await
}

/// Changes of a campaign that were carried out: when, and what the draft said.
pub async fn executed_changes(
    tx: &mut OrgTx,
    org: OrgId,
    campaign: &str,
    since: Timestamp,
) -> Result<Vec<(Timestamp, Value, Value)>, Error> {
    let rows: Vec<(jiff_sqlx::Timestamp, Value, Value)> = sqlx::query_as(
        "select e.finished_at, v.payload, v.before
           from executions e
           join draft_targets t on t.org_id = e.org_id and t.draft_id = e.draft_id
           join draft_revisions v on v.org_id = e.org_id and v.draft_id = e.draft_id and v.revision = e.revision
          where e.org_id = $1 and t.entity_kind = 'campaign' and t.entity_id = $2 and e.mode <> 'dry_run'
            and e.state = 'succeeded' and e.finished_at > $3
          order by e.finished_at desc limit 50",
    )
    .bind(org)
    .bind(campaign)
    .bind(since.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(at, payload, before)| (at.to_jiff(), payload, before)).collect())
}

/// Freezes that hold at an instant: platform (`*` = all) and end.
pub async fn freezes(tx: &mut OrgTx, org: OrgId, at: Timestamp) -> Result<Vec<(String, Timestamp)>, Error> {
    let rows: Vec<(String, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select platform, max(ends_at) from freeze_windows
          where org_id = $1 and starts_at <= $2 and ends_at > $2 group by platform",
    )
    .bind(org)
    .bind(at.to_sqlx())
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(platform, end)| (platform, end.to_jiff())).collect())
}

/// Drafts whose time is over.
/// A pause that was carried out and is to end.
#[derive(Clone, Debug, FromRow)]
pub struct DuePause {
    pub id: DraftId,
    pub number: i64,
    pub requested_by: Option<MemberId>,
    pub conversation_id: Option<ConversationId>,
    /// The canonical id.
    pub campaign_id: String,
    /// As the draft says it.
    pub resume_at: String,
}

/// Pauses whose time to resume has come and of which nothing was made yet.
pub async fn due_pauses(tx: &mut OrgTx, org: OrgId, at: Timestamp) -> Result<Vec<DuePause>, Error> {
    sqlx::query_as(
        "select d.id, d.number, d.requested_by, d.conversation_id, d.entity_id as campaign_id,
                r.payload ->> 'resume_at' as resume_at
           from drafts d
           join draft_revisions r on r.org_id = d.org_id and r.draft_id = d.id and r.revision = d.revision
          where d.org_id = $1 and d.type = 'pause_campaign' and d.state in ('executed', 'measured')
            and (r.payload ->> 'resume_at')::timestamptz <= $2
            and not exists (select from audit_log a where a.org_id = d.org_id and a.object_type = 'draft'
                              and a.object_id = d.id::text and a.action = 'draft.resume_due')
          order by d.number",
    )
    .bind(org)
    .bind(at.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}

pub async fn overdue(tx: &mut OrgTx, org: OrgId, at: Timestamp) -> Result<Vec<DraftId>, Error> {
    sqlx::query_scalar(
        "select id from drafts
          where org_id = $1 and ((state in ('pending', 'changes_requested', 'stale') and expires_at <= $2)
             or (state = 'approved' and approval_expires_at <= $2))
          order by number for no key update skip locked",
    )
    .bind(org)
    .bind(at.to_sqlx())
    .fetch_all(&mut **tx)
    .await
}
