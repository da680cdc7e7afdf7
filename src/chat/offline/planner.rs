//! The planner as a chat model: messages in, calls and text out.
use super::answer::{Said, Teller};
use super::plan::{Decision, Plan, PlanKind, Step};
use super::route::{Router, Situation};
use super::thread::{Done, Thread};
use super::understand::Day;
use super::vocabulary::VocabularyError;
use super::{Entity, Known, clarify, holds};
use crate::catalogue::Catalogue;
use crate::clock::SharedClock;
use crate::db::{Db, people};
use crate::ids::OrgId;
use crate::llm::{ChatEvent, ChatModel, ChatRequest, ChatStream, ModelError, OFFLINE, Outcome, ToolCall};
use crate::period;
use async_trait::async_trait;
use futures::StreamExt;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Answers without a language model; the last link of the fallback chain.
pub struct OfflinePlanner {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) db: Db,
    pub(super) clock: SharedClock,
    router: Arc<Router>,
}

/// Kinds of names that questions mention.
const KINDS: &[&str] =
    &["campaign", "experiment", "product", "city", "page", "creative", "keyword", "segment", "sales_channel"];

/// What the planner reads of an organisation.
struct Setting {
    known: Known,
    day: Day,
    zone: TimeZone,
    currency: String,
}

impl OfflinePlanner {
    /// Reads the vocabulary, rules and playbooks, and builds the index over the catalogue.
    pub fn new(catalogue: Arc<Catalogue>, db: Db, clock: SharedClock) -> Result<Self, VocabularyError> {
        let router = Router::new(catalogue.queries.clone())?;
        Ok(Self::with(Arc::new(router), catalogue, db, clock))
    }

    /// Over a router that has learned the queries of this catalogue: learning takes longer than anything else here.
    pub fn with(router: Arc<Router>, catalogue: Arc<Catalogue>, db: Db, clock: SharedClock) -> Self {
        Self { catalogue, db, clock, router }
    }

    async fn setting(&self, org: OrgId) -> Result<Setting, crate::db::Error> {
        let mut tx = self.db.org(org).await?;
        let row = people::org(&mut tx, org).await?;
        tx.commit().await?;
        let zone = TimeZone::get(&row.time_zone).unwrap_or(TimeZone::UTC);
        let day = Day {
            today: period::local_day(self.clock.now(), &zone),
            week_start: if row.week_start == 7 || row.week_start == 0 {
                Weekday::Sunday
            } else {
                Weekday::Monday
            },
            date_order: row.date_order.parse().unwrap_or(period::DateOrder::Dmy),
        };
        let known = Known::new(self.names(org).await);
        Ok(Setting { known, day, zone, currency: row.currency })
    }

    /// Names of every kind; a kind that cannot be read is left out, the question may still be answered.
    pub(super) async fn names(&self, org: OrgId) -> Vec<Entity> {
        let mut out = Vec::new();
        for kind in KINDS {
            match self.catalogue.entities(&self.db, &self.clock, org, kind).await {
                Ok(list) => out.extend(list.iter().map(|e| Entity {
                    kind: (*kind).to_owned(),
                    id: e.id.clone(),
                    name: e.name.clone(),
                })),
                Err(error) => tracing::warn!(%error, kind, "names could not be read"),
            }
        }
        // Ids of platform things are `{source}:{external id}`: the campaigns tell which platforms are connected.
        let platforms: BTreeSet<String> = out
            .iter()
            .filter(|e| e.kind == "campaign")
            .filter_map(|e| e.id.split_once(':').map(|(source, _)| source.to_owned()))
            .collect();
        out.extend(platforms.into_iter().map(|p| Entity {
            kind: "platform".to_owned(),
            id: p.clone(),
            name: p,
        }));
        out
    }

    async fn events(&self, request: &ChatRequest) -> Result<Vec<ChatEvent>, ModelError> {
        let setting = self.setting(request.actor.org).await.map_err(|error| {
            tracing::error!(%error, "the planner could not read the organisation");
            ModelError::Unreachable("the database did not answer".to_owned())
        })?;
        let thread = Thread::read(&request.messages);
        let tools: BTreeSet<String> = request.tools.iter().map(|t| t.name.clone()).collect();
        let situation = Situation {
            question: &thread.question,
            past: &thread.past,
            known: &setting.known,
            day: setting.day,
            currency: &setting.currency,
            // The last round offers no tools; the decision is the one of the rounds before.
            tools: (!tools.is_empty()).then_some(&tools),
            context: &request.context,
        };
        let mut out = Vec::new();
        let said = match self.router.decide(&situation) {
            Decision::Run(plan) => {
                if matches!(plan.kind, PlanKind::Playbook { .. }) {
                    out.push(ChatEvent::Playbook);
                }
                let teller = Teller { router: &self.router, catalogue: &self.catalogue, zone: &setting.zone };
                let done = matched(&plan, &thread.current);
                let calls = if tools.is_empty() {
                    Vec::new()
                } else {
                    self.next(&plan, &done, &teller, &thread.question)
                };
                if !calls.is_empty() {
                    out.extend(calls.into_iter().map(ChatEvent::Call).chain([finished()]));
                    return Ok(out);
                }
                teller.tell(&plan, &done)
            }
            Decision::Ask(ask) => Said { text: clarify::text(&ask), outcome: Outcome::Clarified },
            Decision::Refuse { refusal, offer } => {
                let mut text = refusal.answer.clone();
                if let Some(offer) = offer {
                    text.push_str(&format!(" To have it drafted, say “{}”.", offer.say));
                }
                Said { text, outcome: refusal.outcome }
            }
            Decision::Say { text, outcome } => Said { text, outcome },
        };
        out.extend(spoken(said));
        Ok(out)
    }

    /// The calls of the next round; none when all is there or a step has ended the playbook.
    fn next(
        &self,
        plan: &Plan,
        done: &[Option<&Done>],
        teller: &Teller<'_>,
        question: &str,
    ) -> Vec<ToolCall> {
        let mut calls = Vec::new();
        for (at, step) in plan.steps.iter().enumerate() {
            match done.get(at).copied().flatten() {
                Some(outcome) if calls.is_empty() => {
                    if self.ends(plan, &step.id, outcome) {
                        return Vec::new();
                    }
                }
                Some(_) => {}
                None => {
                    let mut arguments = step.args.clone();
                    if !step.from.is_empty() {
                        if !calls.is_empty() {
                            return calls;
                        }
                        match referred(plan, step, done) {
                            Some(found) => arguments.extend(found),
                            None => continue,
                        }
                    }
                    if matches!(plan.kind, PlanKind::Draft(_)) && step.id == "draft" {
                        let evidence = done.first().copied().flatten();
                        arguments.insert("reason".to_owned(), teller.reason(question, evidence).into());
                    }
                    calls.push(ToolCall { id: call_id(at), name: step.tool.clone(), arguments });
                    if step.last_of_round {
                        return calls;
                    }
                }
            }
        }
        calls
    }

    fn ends(&self, plan: &Plan, step: &str, outcome: &Done) -> bool {
        let PlanKind::Playbook { name, .. } = &plan.kind else { return false };
        let stop = self
            .router
            .playbooks
            .get(name)
            .and_then(|b| b.steps.iter().find(|s| s.id == step))
            .and_then(|s| s.stop.as_ref());
        match (stop, outcome.query()) {
            (Some(stop), Some(result)) => holds(stop, &result),
            _ => false,
        }
    }
}

/// The arguments that earlier steps supply; nothing when one of them found no value.
fn referred(plan: &Plan, step: &Step, done: &[Option<&Done>]) -> Option<Map<String, Value>> {
    let values = step.from.iter().map(|(name, reference)| {
        let at = plan.steps.iter().position(|earlier| earlier.id == reference.step)?;
        let result = done.get(at).copied().flatten()?.query()?;
        Some((name.clone(), reference.values(&result)?))
    });
    values.collect()
}

fn call_id(step: usize) -> String {
    format!("plan_{step}")
}

/// The outcome of each step: by our own id, else the same tool called by a model that failed before us.
fn matched<'a>(plan: &Plan, current: &'a [Done]) -> Vec<Option<&'a Done>> {
    plan.steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let ours = current.iter().find(|d| d.id == call_id(at) && d.tool == step.tool);
            // A draft that another model has already made in this turn is not made twice.
            ours.or_else(|| {
                let draft = matches!(plan.kind, PlanKind::Draft(_)) && step.id == "draft";
                current.iter().find(|d| draft && d.tool == step.tool && !d.failed)
            })
        })
        .collect()
}

fn finished() -> ChatEvent {
    ChatEvent::Done { model: OFFLINE.to_owned() }
}

/// An answer as a stream: line by line, then how it ended.
fn spoken(said: Said) -> Vec<ChatEvent> {
    let mut out: Vec<ChatEvent> =
        said.text.split_inclusive('\n').map(|line| ChatEvent::Text(line.to_owned())).collect();
    if said.outcome != Outcome::Answered {
        out.push(ChatEvent::Outcome(said.outcome));
    }
    out.push(finished());
    out
}

#[async_trait]
impl ChatModel for OfflinePlanner {
    fn name(&self) -> &str {
        OFFLINE
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let events = self.events(&request).await?;
        Ok(futures::stream::iter(events.into_iter().map(Ok)).boxed())
    }
}
