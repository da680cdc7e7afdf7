//! What a model may call: the named queries, `calculate`, and the draft tools. Nothing else exists here: no approval,
//! no execution, no SQL, no HTTP, no files.
use super::TurnEventKind;
use super::calculate;
use super::prompts::Prompts;
use super::turn::{ChosenBy, ToolOutcome};
use crate::access::{Actor, MODEL_MAY, Permission};
use crate::catalogue::{Catalogue, RunContext, ToolError};
use crate::clock::SharedClock;
use crate::db::Db;
use crate::drafts::{self, Created, DraftError, DraftToolSpec, Evidence, Problem, RequestContext};
use crate::ids::{ConversationId, TurnId};
use crate::llm::{ToolCall, ToolSet, ToolSpec};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs tools for turns.
#[derive(Clone)]
pub struct Tools {
    pub db: Db,
    pub clock: SharedClock,
    pub catalogue: Arc<Catalogue>,
    pub prompts: Arc<Prompts>,
    /// One a type of action, as their files describe them.
    pub drafts: Arc<Vec<DraftToolSpec>>,
    /// What was offered before, by rights: the same for all who may do the same.
    pub sets: Arc<Mutex<BTreeMap<BTreeSet<Permission>, Arc<ToolSet>>>>,
}

/// Where a call comes from.
#[derive(Clone)]
pub struct Origin {
    pub actor: Actor,
    pub turn: TurnId,
    pub conversation: ConversationId,
    pub prompt_version: String,
}

impl Tools {
    /// The tools on offer: those that would not be refused, for lack of a permission, to this actor when chosen so.
    pub fn offered(&self, actor: &Actor, by: ChosenBy) -> Arc<ToolSet> {
        let actor = &rights(actor, by);
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = sets.get(&actor.permissions) {
            return Arc::clone(set);
        }
        let set = Arc::new(ToolSet::from(self.specs(actor)));
        sets.insert(actor.permissions.clone(), Arc::clone(&set));
        set
    }

    fn specs(&self, actor: &Actor) -> Vec<ToolSpec> {
        let queries = self.catalogue.tools(actor).into_iter();
        let mut out: Vec<ToolSpec> = queries
            .map(|tool| ToolSpec {
                name: tool.name,
                description: tool.description,
                schema: tool.schema,
                reads: true,
            })
            .collect();
        out.push(ToolSpec {
            name: calculate::NAME.to_owned(),
            description: self.prompts.notes.calculate.clone(),
            schema: calculate::schema(),
            reads: true,
        });
        if actor.may(Permission::DraftCreate) {
            out.extend(self.drafts.iter().map(|tool| ToolSpec {
                name: tool.name.clone(),
                description: tool.description.clone(),
                schema: tool.schema.clone(),
                reads: false,
            }));
        }
        out
    }

    /// The parameters of a call as the query understands them; None for other tools, and when it would refuse them.
    pub async fn understood(
        &self,
        actor: &Actor,
        tool: &str,
        params: &Map<String, Value>,
    ) -> Option<Map<String, Value>> {
        self.catalogue.understood(&self.db, &self.clock, actor, tool, params).await
    }

    /// The tool makes a draft.
    pub fn drafts(&self, name: &str) -> bool {
        self.drafts.iter().any(|tool| tool.name == name)
    }

    /// Runs one call. A model acts with the asker's rights cut down to [`MODEL_MAY`]; on a command of a person the
    /// planner reads with that person's rights.
    pub async fn run(
        &self,
        call: &ToolCall,
        by: ChosenBy,
        origin: &Origin,
        evidence: Vec<Evidence>,
    ) -> ToolOutcome {
        let actor = rights(&origin.actor, by);
        if self.drafts(&call.name) {
            return self.draft(call, actor, origin, evidence).await;
        }
        let context = RunContext { actor, turn: Some(origin.turn), reason: None };
        let run = self.catalogue.run(&self.db, &self.clock, &context, &call.name, &call.arguments);
        match run.await {
            Ok(result) => ToolOutcome::Rows(Box::new(result)),
            Err(error) => ToolOutcome::Failed(error),
        }
    }

    /// Makes a pending draft. The same call of the same turn makes the same draft, however often it is made.
    async fn draft(
        &self,
        call: &ToolCall,
        actor: Actor,
        origin: &Origin,
        evidence: Vec<Evidence>,
    ) -> ToolOutcome {
        let context = RequestContext {
            actor,
            turn: origin.turn,
            conversation: origin.conversation,
            call_id: call.id.clone(),
            evidence,
            prompt_version: Some(origin.prompt_version.clone()),
        };
        match drafts::create_from_tool(&self.db, &*self.clock, &context, &call.name, &call.arguments).await {
            Ok(created) => {
                let (event, summary) = announced(created);
                ToolOutcome::Draft { created: Box::new(event), summary }
            }
            Err(error) => ToolOutcome::Failed(refused(&error)),
        }
    }
}

/// What readers are told of a new draft, and what the model and receipts may read.
pub(super) fn announced(created: Created) -> (TurnEventKind, Value) {
    let summary = json!(created);
    let event = TurnEventKind::DraftCreated {
        draft_id: created.id,
        number: created.number,
        revision: created.revision,
        kind: created.kind.to_string(),
        title: created.title,
        tier: created.tier.to_string(),
        risk: created.tier.to_string(),
        payload_hash: created.payload_hash.to_string(),
        diff: created.diff,
    };
    (event, summary)
}

/// A refusal is told to the model, whether it can be mended or has to be passed on; a failure of ours ends the turn.
fn refused(error: &DraftError) -> ToolError {
    match error.refusal() {
        Some(refusal) => {
            let mut message = refusal.message.clone();
            if let (Problem::Invalid, Some(pointer)) = (refusal.problem, refusal.pointer.as_deref())
                && !pointer.is_empty()
            {
                message = format!("{pointer}: {message}");
            }
            ToolError::choices(&refusal.code, message, refusal.allowed.clone())
        }
        None => {
            tracing::error!(%error, "a draft could not be made");
            ToolError::abort(
                error.code(),
                "The draft could not be stored; nothing was made. Try again in a moment.",
            )
        }
    }
}

/// What the actor may do through a tool: a model never more than [`MODEL_MAY`].
fn rights(actor: &Actor, by: ChosenBy) -> Actor {
    let mut actor = actor.clone();
    match by {
        ChosenBy::Model => actor.permissions.retain(|permission| MODEL_MAY.contains(permission)),
        ChosenBy::Planner => {}
    }
    actor
}
