//! Performs the effects of a turn: the model's stream, the tools of a round side by side, the log, the clock.
use super::calculate;
use super::history::{self, Background, Recalled};
use super::log::Live;
use super::prompts::{Prompts, Setting};
use super::suggest;
use super::tools::{Origin, Tools};
use super::turn::{ChosenBy, Effect, Input, Limits, ParamsOf, Restored, Setup, ToolOutcome, Turn};
use super::writer::{CallEnd, Log};
use super::{Error, TurnEventKind};
use crate::access::{Actor, Permission};
use crate::catalogue::ToolError;
use crate::clock::SharedClock;
use crate::db::{self, Db};
use crate::drafts::Evidence;
use crate::ids::{ConversationId, TurnId};
use crate::llm::{
    ChatEvent, ChatModel, ChatRequest, ChatStream, Message, ModelError, OFFLINE, ToolCall, ToolSet,
};
use crate::period;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Tokens that a model may write in one answer.
const LONGEST_ANSWER: u32 = 4_000;

/// Time of a turn that is kept for the planner when the models fail: a quarter of it, at most so much.
const KEPT_FOR_THE_PLANNER: Duration = Duration::from_secs(10);

/// A turn to be driven, and everything it needs.
pub struct Job {
    pub db: Db,
    pub clock: SharedClock,
    pub tools: Tools,
    pub model: Arc<dyn ChatModel>,
    pub prompts: Arc<Prompts>,
    pub limits: Limits,
    /// Tokens of earlier turns.
    pub context_tokens: usize,
    pub live: Arc<Live>,
    pub log: Log,
    pub actor: Actor,
    pub turn: TurnId,
    pub conversation: ConversationId,
    pub question: String,
    pub chips: Map<String, Value>,
    pub restored: Restored,
    /// The conversation was made with this turn: nothing came before.
    pub first: bool,
}

/// The request of every round, but for its messages.
struct Frame {
    system: String,
    tools: Arc<ToolSet>,
    /// Turns whose results are looked up when a figure needs them.
    older: Vec<TurnId>,
}

/// Drives a turn to its end. Returns without a last event only when the turn is no longer ours.
pub async fn drive(mut job: Job) {
    let restored = std::mem::take(&mut job.restored);
    let job = job;
    let begun = job.clock.monotonic();
    let elapsed = || job.clock.monotonic().saturating_duration_since(begun);
    let (mut turn, frame) = match prepare(&job).await {
        Ok(ready) => ready,
        Err(error) => {
            tracing::error!(%error, turn = %job.turn, "a turn could not begin");
            let kind = TurnEventKind::Failed {
                code: error.code().to_owned(),
                message: "This could not be started. Try again in a moment.".to_owned(),
                retryable: true,
            };
            return job.log.finish(kind, super::turn::Tally::default()).await;
        }
    };
    turn.restore(restored);
    let origin = Origin {
        actor: job.actor.clone(),
        turn: job.turn,
        conversation: job.conversation,
        prompt_version: job.prompts.version().to_owned(),
    };
    let whole = Duration::from_secs(job.limits.seconds);
    let mut deadline = std::pin::pin!(tokio::time::sleep(whole));
    let answer_by = deadline.deadline() - KEPT_FOR_THE_PLANNER.min(whole / 4);
    let mut stream: Option<ChatStream> = None;
    let mut running = FuturesUnordered::new();
    let mut recalling: Option<BoxFuture<'_, Vec<Recalled>>> = None;
    let mut input = Input::Begin;
    loop {
        for effect in turn.step(input, elapsed()) {
            match effect {
                Effect::Ask { messages, tools } => {
                    stream = Some(ask(&job, &frame, messages, tools, answer_by));
                }
                Effect::Run { call, by } => {
                    job.log.call_started(&call.id, &call.name, &call.arguments);
                    running.push(run(&job, &origin, call, by, turn.draft_evidence()));
                }
                Effect::Recall => recalling = Some(recall(&job, &frame).boxed()),
                Effect::Emit(TurnEventKind::ToolStarted { call_id, tool, params }) => {
                    started(&job, call_id, tool, params).await;
                }
                Effect::Emit(kind) => job.log.emit(kind),
                Effect::Finish(kind) => {
                    drop(stream.take());
                    return job.log.finish(kind, turn.tally().clone()).await;
                }
            }
        }
        input = tokio::select! {
            biased;
            () = job.live.lost.cancelled() => return,
            () = job.live.cancel.cancelled() => Input::Cancel,
            () = &mut deadline => Input::Deadline,
            item = next(&mut stream), if stream.is_some() => {
                let item = item.unwrap_or(Err(ModelError::Broken));
                if item.as_ref().map_or(true, |event| matches!(event, ChatEvent::Done { .. })) {
                    stream = None;
                }
                Input::Model(item)
            }
            older = recalled(&mut recalling), if recalling.is_some() => {
                recalling = None;
                Input::Recalled(older)
            }
            Some(done) = running.next(), if !running.is_empty() => done,
            else => Input::Model(Err(ModelError::Broken)),
        };
    }
}

/// Tells readers of a call with its parameters as understood; the call as it was made is kept beside, for whoever may have
/// to make it again.
async fn started(job: &Job, call_id: String, tool: String, params: Map<String, Value>) {
    if tool != calculate::NAME {
        job.log.call_started(&call_id, &tool, &params);
    }
    let understood = job.tools.understood(&job.actor, &tool, &params).await;
    job.log.emit(TurnEventKind::ToolStarted { call_id, tool, params: understood.unwrap_or(params) });
}

async fn next(stream: &mut Option<ChatStream>) -> Option<Result<ChatEvent, ModelError>> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

async fn recalled(recalling: &mut Option<BoxFuture<'_, Vec<Recalled>>>) -> Vec<Recalled> {
    match recalling {
        Some(older) => older.await,
        None => std::future::pending().await,
    }
}

/// The results of older turns; without them some figures stay unverified, which is said.
async fn recall(job: &Job, frame: &Frame) -> Vec<Recalled> {
    let read = async {
        let mut tx = job.db.org(job.actor.org).await?;
        let mut older = history::recall(&mut tx, job.actor.org, &frame.older).await?;
        db::let_go(tx);
        older.retain(|found| may_run(job, &found.result.query));
        Ok::<_, db::Error>(older)
    };
    read.await.unwrap_or_else(|error| {
        tracing::error!(%error, turn = %job.turn, "the results of older turns cannot be read");
        Vec::new()
    })
}

fn ask(
    job: &Job,
    frame: &Frame,
    messages: Vec<Message>,
    tools: bool,
    answer_by: tokio::time::Instant,
) -> ChatStream {
    let request = ChatRequest {
        actor: job.actor.clone(),
        turn: job.turn,
        conversation: job.conversation,
        system: frame.system.clone(),
        messages,
        tools: if tools { Arc::clone(&frame.tools) } else { Arc::default() },
        context: job.chips.clone(),
        max_output_tokens: Some(LONGEST_ANSWER),
        answer_by: Some(answer_by),
    };
    let model = Arc::clone(&job.model);
    futures::stream::once(async move { model.stream(request).await }).try_flatten().boxed()
}

async fn run(job: &Job, origin: &Origin, call: ToolCall, by: ChosenBy, evidence: Vec<Evidence>) -> Input {
    let begun = job.clock.monotonic();
    // Whoever takes the turn over must find the call of a draft: without it the draft would be made again by another.
    if job.tools.drafts(&call.name) {
        job.log.flushed().await;
    }
    let outcome = job.tools.run(&call, by, origin, evidence).await;
    let (run, draft, error_code) = match &outcome {
        ToolOutcome::Rows(result) => (Some(result.run_id), None, None),
        ToolOutcome::Draft { created, .. } => (None, draft_id(created), None),
        ToolOutcome::Failed(error) => {
            if let ToolError::Abort { code, message } = error {
                tracing::error!(code, message, tool = call.name, turn = %job.turn, "a tool gave up");
            }
            (None, None, Some(error.code().to_owned()))
        }
    };
    let elapsed = job.clock.monotonic().saturating_duration_since(begun);
    job.log.call_ended(CallEnd { call_id: call.id.clone(), run, draft, error_code, elapsed });
    Input::Tool { call_id: call.id, outcome }
}

fn draft_id(kind: &TurnEventKind) -> Option<crate::ids::DraftId> {
    if let TurnEventKind::DraftCreated { draft_id, .. } = kind { Some(*draft_id) } else { None }
}

/// Whether the asker of this turn may run a query; of one that is no more, what it found may be shown.
fn may_run(job: &Job, query: &str) -> bool {
    let query = job.tools.catalogue.queries.get(query);
    query.is_none_or(|query| job.actor.may(query.access.permission))
}

/// What was said before in the conversation, by whomever, as far as the asker of this turn may see it.
async fn background(job: &Job, params: &ParamsOf) -> Result<Background, Error> {
    let org = job.actor.org;
    let mut tx = job.db.org(org).await?;
    let may_run = |name: &str| may_run(job, name);
    let (conversation, tokens) = (job.conversation, job.context_tokens);
    let loaded = history::load(&mut tx, org, conversation, job.turn, tokens, params, &may_run).await?;
    tx.commit().await?;
    Ok(loaded)
}

/// Loads what came before and builds the machine.
async fn prepare(job: &Job) -> Result<(Turn, Frame), Error> {
    let catalogue = Arc::clone(&job.tools.catalogue);
    let params: ParamsOf = Arc::new(move |name| {
        catalogue.queries.get(name).map(|query| query.params.clone()).unwrap_or_default()
    });
    let org = job.tools.catalogue.organisation(&job.db, job.actor.org).await;
    // The cause is in the log.
    let org = org.map_err(|_| Error::Db(db::Error::PoolTimedOut))?;
    let Background { mut messages, evidence, older } =
        if job.first { Background::default() } else { background(job, &params).await? };
    let by = if job.model.name() == OFFLINE { ChosenBy::Planner } else { ChosenBy::Model };
    let tools = job.tools.offered(&job.actor, by);
    let setting = Setting {
        organisation: crate::text::clean(&org.name, 80),
        today: period::local_day(job.clock.now(), &org.zone).strftime("%A, %-d %B %Y").to_string(),
        time_zone: org.time_zone,
        currency: org.currency,
        asker_role: job.actor.role.to_string(),
        surface: job.actor.surface.to_string(),
        playbooks: job.prompts.playbooks(&tools),
        drafts: job.actor.may(Permission::DraftCreate),
        chips: !job.chips.is_empty(),
    };
    let system = job.prompts.system(&setting)?;
    if !job.chips.is_empty() {
        let chips = json!({"the_asker_is_looking_at": job.chips});
        messages.push(Message::Note { text: super::context::data(&chips) });
    }
    messages.push(Message::User { text: job.question.clone() });
    let catalogue = Arc::clone(&job.tools.catalogue);
    Ok((
        Turn::new(Setup {
            question: job.question.clone(),
            messages,
            evidence,
            older: !older.is_empty(),
            tools: tools.iter().map(|tool| tool.name.clone()).collect::<BTreeSet<_>>(),
            follow_ups: Arc::new(move |result| suggest::follow_ups(&catalogue, result)),
            params,
            by,
            limits: job.limits.clone(),
            notes: job.prompts.notes.clone(),
            prompt_version: job.prompts.version().to_owned(),
        }),
        Frame { system, tools, older },
    ))
}
