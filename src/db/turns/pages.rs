//! What the owners of turns write: a question with its lease and first event, pages of the log, the end. One statement
//! each, however much there is to write; a page is written only while its turn is its owner's.
use super::{Finish, NewTurn};
use crate::db::conversations::NewConversation;
use crate::db::{Error, OrgTx};
use crate::ids::{DraftId, OrgId, RunId, TurnId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

/// An event to be appended; `kind` is a word of `turn_event`.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub seq: i32,
    pub at: Timestamp,
    pub kind: &'static str,
    pub payload: Value,
}

/// A tool call as it stands: said once when it begins, again when it has ended, or only then.
#[derive(Clone, Debug)]
pub struct NewCall {
    pub call_id: String,
    pub tool: String,
    pub params: Value,
    pub begun_at: Timestamp,
    pub end: Option<CallEnd>,
}

/// How a tool call ended; an error code means that it failed.
#[derive(Clone, Debug, Default)]
pub struct CallEnd {
    pub run: Option<RunId>,
    pub draft: Option<DraftId>,
    pub error_code: Option<String>,
    pub elapsed_ms: i32,
}

impl NewCall {
    fn state(&self) -> &'static str {
        match &self.end {
            None => "started",
            Some(CallEnd { error_code: None, .. }) => "completed",
            Some(CallEnd { error_code: Some(_), .. }) => "failed",
        }
    }
}

/// What one owner has to add to one log. A call stands on a page once.
#[derive(Clone, Debug)]
pub struct Page {
    pub turn: TurnId,
    pub owner: String,
    pub events: Vec<NewEvent>,
    pub calls: Vec<NewCall>,
    /// Keep the lease until then.
    pub renew: Option<Timestamp>,
}

/// One figure of an answer and where it came from.
#[derive(Clone, Debug)]
pub struct NewReceipt<'a> {
    pub figure: &'a str,
    pub value: Option<Decimal>,
    pub unit: &'a str,
    /// traced, calculated or unverified.
    pub status: &'a str,
    pub run: Option<RunId>,
    pub row: Option<i32>,
    pub column: Option<&'a str>,
    pub steps: Option<Value>,
}

/// How a turn begins: whose it is, until when, and with which event.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    pub owner: &'a str,
    pub lease_until: Timestamp,
    /// The conversation is made with the turn. Otherwise it exists and is the asker's to use (checked by the caller).
    pub conversation: Option<NewConversation<'a>>,
    pub first: NewEvent,
}

/// What became of a request to make a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    New,
    /// The idempotency key was used before; [`super::by_key`] says for what. Roll the transaction back.
    Existing,
}

/// Stores a question with its first event, running under the lease of its owner.
pub async fn create(
    tx: &mut OrgTx,
    org: OrgId,
    new: &NewTurn<'_>,
    opening: &Opening<'_>,
    at: Timestamp,
) -> Result<Created, Error> {
    let talk = opening.conversation.as_ref();
    let made = sqlx::query(
        "with talk as (
             insert into conversations (org_id, id, surface, external_ref, title, owner_id, visibility, last_turn_at, created_at)
             select $1, $3, $6, $15, $16, $17, $18, $10, $10 where $14
         ), told as (
             update conversations set last_turn_at = greatest(last_turn_at, $10) where org_id = $1 and id = $3 and not $14
         ), made as (
             insert into turns (org_id, id, conversation_id, asker_id, api_key_id, surface, question, context,
                                idempotency_key, created_at, state, owner, lease_until, prompt_version)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'running', $11, $12, $22)
             on conflict (org_id, asker_id, idempotency_key) do nothing
             returning id
         )
         insert into turn_events (org_id, turn_id, seq, at, kind, payload)
         select $1, id, $19, $20, $21, $13 from made",
    )
    .bind(org)
    .bind(new.id)
    .bind(new.conversation)
    .bind(new.asker)
    .bind(new.api_key)
    .bind(new.surface)
    .bind(new.question)
    .bind(new.context)
    .bind(new.idempotency_key)
    .bind(at.to_sqlx())
    .bind(opening.owner)
    .bind(opening.lease_until.to_sqlx())
    .bind(&opening.first.payload)
    .bind(talk.is_some())
    .bind(talk.and_then(|talk| talk.external_ref))
    .bind(talk.map(|talk| talk.title))
    .bind(talk.map(|talk| talk.owner))
    .bind(talk.map(|talk| talk.visibility))
    .bind(opening.first.seq)
    .bind(opening.first.at.to_sqlx())
    .bind(opening.first.kind)
    .bind(new.prompt_version)
    .execute(&mut **tx)
    .await?;
    Ok(if made.rows_affected() == 1 { Created::New } else { Created::Existing })
}

/// Calls and events as columns, each row with the place of its page (from 1).
#[derive(Default)]
struct Columns<'a> {
    call_page: Vec<i64>,
    call_id: Vec<&'a str>,
    tool: Vec<&'a str>,
    params: Vec<&'a Value>,
    begun_at: Vec<jiff_sqlx::Timestamp>,
    state: Vec<&'static str>,
    run: Vec<Option<Uuid>>,
    draft: Vec<Option<Uuid>>,
    error_code: Vec<Option<&'a str>>,
    elapsed_ms: Vec<i32>,
    event_page: Vec<i64>,
    seq: Vec<i32>,
    at: Vec<jiff_sqlx::Timestamp>,
    kind: Vec<&'static str>,
    payload: Vec<&'a Value>,
}

impl<'a> Columns<'a> {
    fn of(pages: &[&'a Page]) -> Self {
        let mut columns = Self::default();
        for (place, page) in (1i64..).zip(pages) {
            for call in &page.calls {
                columns.call_page.push(place);
                columns.call_id.push(&call.call_id);
                columns.tool.push(&call.tool);
                columns.params.push(&call.params);
                columns.begun_at.push(call.begun_at.to_sqlx());
                columns.state.push(call.state());
                let end = call.end.as_ref();
                columns.run.push(end.and_then(|end| end.run).map(|run| run.0));
                columns.draft.push(end.and_then(|end| end.draft).map(|draft| draft.0));
                columns.error_code.push(end.and_then(|end| end.error_code.as_deref()));
                columns.elapsed_ms.push(end.map_or(0, |end| end.elapsed_ms));
            }
            for event in &page.events {
                columns.event_page.push(place);
                columns.seq.push(event.seq);
                columns.at.push(event.at.to_sqlx());
                columns.kind.push(event.kind);
                columns.payload.push(&event.payload);
            }
        }
        columns
    }
}

/// After `mine (page, id)`: the calls and events of those pages, bound as `$4` to `$18`. What is there already stays (the
/// owner says it again when it did not hear that the first time was committed); only a call goes on from begun to ended.
const PAGES: &str = "call as (
         insert into tool_calls (org_id, turn_id, call_id, tool, params, created_at, state, run_id, draft_id, error_code,
                                 elapsed_ms)
         select $1, m.id, c.call_id, c.tool, c.params, c.at, c.state, c.run, c.draft, c.code, c.elapsed
         from unnest($4::bigint[], $5::text[], $6::text[], $7::jsonb[], $8::timestamptz[], $9::text[], $10::uuid[],
                     $11::uuid[], $12::text[], $13::integer[])
                  c (page, call_id, tool, params, at, state, run, draft, code, elapsed)
         join mine m on m.page = c.page
         on conflict (org_id, turn_id, call_id) do update
         set state = excluded.state, run_id = excluded.run_id, draft_id = excluded.draft_id,
             error_code = excluded.error_code, elapsed_ms = excluded.elapsed_ms
         where excluded.state <> 'started'
     ), event as (
         insert into turn_events (org_id, turn_id, seq, at, kind, payload)
         select $1, m.id, e.seq, e.at, e.kind, e.payload
         from unnest($14::bigint[], $15::integer[], $16::timestamptz[], $17::text[], $18::jsonb[])
                  e (page, seq, at, kind, payload)
         join mine m on m.page = e.page
         on conflict (org_id, turn_id, seq) do nothing
     )";

macro_rules! bind_columns {
    ($query:expr, $columns:expr) => {
        $query
            .bind($columns.call_page)
            .bind($columns.call_id)
            .bind($columns.tool)
            .bind($columns.params)
            .bind($columns.begun_at)
            .bind($columns.state)
            .bind($columns.run)
            .bind($columns.draft)
            .bind($columns.error_code)
            .bind($columns.elapsed_ms)
            .bind($columns.event_page)
            .bind($columns.seq)
            .bind($columns.at)
            .bind($columns.kind)
            .bind($columns.payload)
    };
}

/// Appends pages to the logs of several turns. Returns, in order, which pages were written: the others belong to turns
/// that are not their owner's any more, and nothing of them was written.
pub async fn append_all(tx: &mut OrgTx, org: OrgId, pages: &[&Page]) -> Result<Vec<bool>, Error> {
    let renewed: Vec<&&Page> = pages.iter().filter(|page| page.renew.is_some()).collect();
    if !renewed.is_empty() {
        sqlx::query(
            "update turns t set lease_until = p.until
             from unnest($2::uuid[], $3::text[], $4::timestamptz[]) p (turn, owner, until)
             where t.org_id = $1 and t.id = any($2) and t.id = p.turn and t.owner = p.owner and t.state = 'running'",
        )
        .bind(org)
        .bind(renewed.iter().map(|page| page.turn.0).collect::<Vec<_>>())
        .bind(renewed.iter().map(|page| page.owner.as_str()).collect::<Vec<_>>())
        .bind(renewed.iter().filter_map(|page| Some(page.renew?.to_sqlx())).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await?;
    }
    // The lock keeps a cancellation from slipping in between the check and the rows.
    let statement = format!(
        "with mine as materialized (
             select p.page, t.id from unnest($2::uuid[], $3::text[]) with ordinality p (turn, owner, page)
             join turns t on t.org_id = $1 and t.id = p.turn and t.owner = p.owner
             where t.id = any($2) and t.state = 'running'
             order by t.id for share of t
         ), {PAGES}
         select page from mine"
    );
    let columns = Columns::of(pages);
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
        .bind(org)
        .bind(pages.iter().map(|page| page.turn.0).collect::<Vec<_>>())
        .bind(pages.iter().map(|page| page.owner.as_str()).collect::<Vec<_>>());
    let mine: Vec<i64> = bind_columns!(query, columns).fetch_all(&mut **tx).await?;
    Ok((1i64..).zip(pages).map(|(place, _)| mine.contains(&place)).collect())
}

/// Ends a turn with its last page and the receipts of its answer. `false`, and nothing written: it is not the owner's any
/// more.
pub async fn finish(
    tx: &mut OrgTx,
    org: OrgId,
    page: &Page,
    end: &Finish<'_>,
    receipts: &[NewReceipt<'_>],
    at: Timestamp,
) -> Result<bool, Error> {
    let statement = format!(
        "with mine as (
             update turns set state = $19, answer = $20, route = $21, outcome = $22, model = $23,
                 prompt_version = coalesce(nullif($24, ''), prompt_version),
                 tokens_in = $25, tokens_out = $26, cost = $27, ttft_ms = $28, total_ms = $29, figures = $30,
                 figures_traced = $31, finished_at = $32, lease_until = null
             where org_id = $1 and id = $2 and owner = $3 and state = 'running'
             returning 1::bigint as page, id
         ), {PAGES}, receipt as (
             insert into receipts (org_id, turn_id, n, figure, value, unit, status, run_id, row, col, steps)
             select $1, m.id, r.* from mine m, unnest($33::integer[], $34::text[], $35::numeric[], $36::text[], $37::text[],
                 $38::uuid[], $39::integer[], $40::text[], $41::jsonb[]) r
         )
         select page from mine"
    );
    let columns = Columns::of(&[page]);
    let query =
        sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).bind(org).bind(page.turn).bind(&page.owner);
    let done: Option<i64> = bind_columns!(query, columns)
        .bind(end.state)
        .bind(end.answer)
        .bind(end.route)
        .bind(end.outcome)
        .bind(end.model)
        .bind(end.prompt_version)
        .bind(end.tokens_in)
        .bind(end.tokens_out)
        .bind(end.cost)
        .bind(end.ttft_ms)
        .bind(end.total_ms)
        .bind(end.figures)
        .bind(end.figures_traced)
        .bind(at.to_sqlx())
        .bind((1..).take(receipts.len()).collect::<Vec<i32>>())
        .bind(receipts.iter().map(|r| r.figure).collect::<Vec<_>>())
        .bind(receipts.iter().map(|r| r.value).collect::<Vec<_>>())
        .bind(receipts.iter().map(|r| r.unit).collect::<Vec<_>>())
        .bind(receipts.iter().map(|r| r.status).collect::<Vec<_>>())
        .bind(receipts.iter().map(|r| r.run.map(|run| run.0)).collect::<Vec<_>>())
        .bind(receipts.iter().map(|r| r.row).collect::<Vec<_>>())
        .bind(receipts.iter().map(|r| r.column).collect::<Vec<_>>())
        .bind(receipts.iter().map(|r| r.steps.as_ref()).collect::<Vec<_>>())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(done.is_some())
}
