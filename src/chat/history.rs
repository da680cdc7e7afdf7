//! What a turn starts from: earlier turns of the conversation within a budget of tokens, older ones in one line each,
//! and what they found. Results that the model is not shown again are looked up when a figure of the answer needs them.
use super::context;
use super::evidence::Evidence;
use super::turn::{ChosenBy, ParamsOf};
use crate::catalogue::QueryResult;
use crate::db::conversations;
use crate::db::results::{self, StoredResult};
use crate::db::turns::{self, ToolCallRow, Turn as StoredTurn};
use crate::db::{self, OrgTx};
use crate::ids::{ConversationId, OrgId, RunId, TurnId};
use crate::llm::{Message, ToolCall};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Turns shown with their tool calls and results.
const WITH_RESULTS: usize = 3;
/// Results of older turns that a figure may come from.
const RECALLED: i64 = 200;
/// Rows and characters of an earlier result.
const ROWS: usize = 12;
const CHARACTERS: usize = 2_500;
/// Characters of the summary of older turns.
const SUMMARY: usize = 2_000;
/// Turns of a conversation that are looked at.
const REACH: i64 = 400;

/// Messages of earlier turns, oldest first, and what their tools found.
#[derive(Default)]
pub struct Background {
    pub messages: Vec<Message>,
    pub evidence: Evidence,
    /// Turns whose results are not in the evidence, oldest first.
    pub older: Vec<TurnId>,
}

/// A result of an older turn: a name for its call, and who chose its parameters.
#[derive(Debug)]
pub struct Recalled {
    pub call_id: String,
    pub result: Box<QueryResult>,
    pub by: ChosenBy,
}

/// Loads what came before a turn; stores the summary of older turns when it has grown. `may_run`: whether whoever asks now
/// may run a query; what others found with those that they may not is left out.
pub async fn load(
    tx: &mut OrgTx,
    org: OrgId,
    conversation: ConversationId,
    current: TurnId,
    tokens: usize,
    params: &ParamsOf,
    may_run: &(dyn Fn(&str) -> bool + Send + Sync),
) -> Result<Background, db::Error> {
    let (turns, answered) = turns::answered_of_conversation(tx, org, conversation, current, REACH).await?;
    let mut background = Background::default();
    if turns.is_empty() {
        return Ok(background);
    }
    let mut shown = Vec::new();
    let mut left = tokens;
    for (age, turn) in turns.iter().rev().enumerate() {
        let mut calls = if age < WITH_RESULTS { finished_calls(tx, org, turn.id).await? } else { Vec::new() };
        calls.retain(|(_, result)| result.as_ref().is_none_or(|result| may_run(&result.query)));
        let cost: usize = context::tokens(&turn.question)
            + context::tokens(turn.answer.as_deref().unwrap_or_default())
            + calls.iter().filter(|c| c.1.is_some()).count() * CHARACTERS / 4;
        if cost > left && age > 0 {
            break;
        }
        left = left.saturating_sub(cost);
        shown.push((turn, calls));
    }
    let older = turns.get(..turns.len() - shown.len()).unwrap_or_default();
    let told = turns.len() - shown.len().min(WITH_RESULTS);
    background.older = turns.iter().take(told).map(|turn| turn.id).collect();
    older.iter().for_each(|turn| background.evidence.hear(&turn.question));
    if !older.is_empty() {
        let before = usize::try_from(answered).unwrap_or(0).saturating_sub(turns.len());
        let line = summary(tx, org, conversation, older, before).await?;
        background
            .messages
            .push(Message::Note { text: context::data(&json!({"earlier_in_this_conversation": line})) });
    }
    for (n, (turn, calls)) in shown.into_iter().rev().enumerate() {
        tell(turn, calls, n, params, &mut background);
    }
    Ok(background)
}

/// The results of older turns as far as they are still kept, oldest first.
pub async fn recall(tx: &mut OrgTx, org: OrgId, older: &[TurnId]) -> Result<Vec<Recalled>, db::Error> {
    let runs = turns::runs_of(tx, org, older, RECALLED).await?;
    let ids: Vec<RunId> = runs.iter().map(|run| run.run_id).collect();
    let mut found = stored_results(tx, org, &ids).await?;
    let recalled = runs.into_iter().filter_map(|run| {
        let result = found.remove(&run.run_id)?;
        let call_id = format!("{}_{}", run.turn_id, run.call_id);
        Some(Recalled { call_id, result, by: chosen_by(run.route.as_deref()) })
    });
    Ok(recalled.collect())
}

/// Who chose the calls of a turn that was answered so.
fn chosen_by(route: Option<&str>) -> ChosenBy {
    if route == Some("model") { ChosenBy::Model } else { ChosenBy::Planner }
}

type FinishedCall = (ToolCallRow, Option<Box<QueryResult>>);

/// The completed calls of a turn with their stored results.
async fn finished_calls(tx: &mut OrgTx, org: OrgId, turn: TurnId) -> Result<Vec<FinishedCall>, db::Error> {
    let calls: Vec<ToolCallRow> =
        turns::calls(tx, org, turn).await?.into_iter().filter(|call| call.state == "completed").collect();
    let runs: Vec<RunId> = calls.iter().filter_map(|call| call.run_id).collect();
    let mut found = stored_results(tx, org, &runs).await?;
    Ok(calls
        .into_iter()
        .map(|call| {
            let result = call.run_id.and_then(|run| found.remove(&run));
            (call, result)
        })
        .collect())
}

/// Results by run, as far as they are still kept.
pub async fn stored_results(
    tx: &mut OrgTx,
    org: OrgId,
    runs: &[RunId],
) -> Result<HashMap<RunId, Box<QueryResult>>, db::Error> {
    if runs.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = results::get(tx, org, runs).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.run_id, Box::new(read(row)?)))).collect())
}

fn read(stored: StoredResult) -> Option<QueryResult> {
    let mut fields = stored.meta.as_object().cloned().unwrap_or_default();
    fields.insert("run_id".into(), json!(stored.run_id));
    fields.insert("cache_hit".into(), json!(true));
    fields.insert("elapsed_ms".into(), json!(0));
    fields.insert("columns".into(), stored.columns);
    fields.insert("rows".into(), stored.rows);
    fields.insert("totals".into(), stored.totals);
    match serde_json::from_value(Value::Object(fields)) {
        Ok(result) => Some(result),
        Err(error) => {
            tracing::warn!(%error, run = %stored.run_id, "a stored result cannot be read");
            None
        }
    }
}

/// One earlier turn as messages: the question, its calls with results, the answer. Ids of earlier turns carry a
/// prefix, so that they never meet those of this turn.
fn tell(
    turn: &StoredTurn,
    calls: Vec<FinishedCall>,
    n: usize,
    params: &ParamsOf,
    background: &mut Background,
) {
    background.evidence.hear(&turn.question);
    let by = chosen_by(turn.route.as_deref());
    background.messages.push(Message::User { text: turn.question.clone() });
    for (call, result) in calls {
        let id = format!("t{n}_{}", call.call_id);
        let (content, result) = match (result, call.draft_id) {
            (Some(result), _) => {
                let reference = background.evidence.add_run(&id, result.clone(), &params(&result.query), by);
                (context::rows(&result, &reference, ROWS, CHARACTERS), json!(result))
            }
            // What it holds stands in the answer; that it was made must be known.
            (None, Some(draft)) => {
                let made = json!({"draft_id": draft});
                (context::data(&made), made)
            }
            (None, None) => continue,
        };
        let arguments = call.params.as_object().cloned().unwrap_or_else(Map::new);
        let asked = ToolCall { id: id.clone(), name: call.tool.clone(), arguments };
        background.messages.push(Message::Assistant { text: String::new(), calls: vec![asked] });
        background.messages.push(Message::Tool {
            call_id: id,
            name: call.tool,
            content,
            result,
            failed: false,
        });
    }
    let text = turn.answer.clone().unwrap_or_default();
    background.messages.push(Message::Assistant { text, calls: Vec::new() });
}

/// The stored summary, extended by the turns that have grown old since: question and first sentence of each. `before` is
/// how many turns came before the first of `older`.
async fn summary(
    tx: &mut OrgTx,
    org: OrgId,
    conversation: ConversationId,
    older: &[StoredTurn],
    before: usize,
) -> Result<String, db::Error> {
    let stored = conversations::get(tx, org, conversation).await?;
    let upto = stored.as_ref().map_or(0, |c| usize::try_from(c.summary_upto).unwrap_or(0));
    let mut text = stored.and_then(|c| c.summary).unwrap_or_default();
    let all = before + older.len();
    if upto >= all {
        return Ok(text);
    }
    for turn in older.iter().skip(upto.saturating_sub(before)) {
        let answer = turn.answer.as_deref().unwrap_or_default();
        let first = answer.split_inclusive(['.', '\n']).next().unwrap_or_default();
        let line =
            format!("Q: {} A: {}", crate::text::clean(&turn.question, 160), crate::text::clean(first, 200));
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    let length = text.chars().count();
    if length > SUMMARY {
        let cut: String = text.chars().skip(length - SUMMARY).collect();
        text = cut.split_once('\n').map_or(cut.clone(), |(_, rest)| rest.to_owned());
    }
    let upto = i32::try_from(all).unwrap_or(i32::MAX);
    conversations::summarise(tx, org, conversation, &text, upto).await?;
    Ok(text)
}
