//! Runs cases through the chat service, one conversation each, and gathers what happened.
use super::Error;
use super::cases::{Case, Names, embedded};
use super::judge::{Call, Rules, Seen, judge};
use super::report::{Report, Verdict};
use crate::access::Actor;
use crate::catalogue::{Catalogue, RunContext};
use crate::chat::offline::playbook::Playbooks;
use crate::chat::{Ask, ReceiptStatus, Service, TurnEventKind};
use crate::clock::SharedClock;
use crate::db::drafts::facts;
use crate::db::{Db, people};
use crate::drafts;
use crate::ids::DraftId;
use crate::period;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a run needs of the application: the chat service with the model to be judged, and whose data is asked about.
pub struct Inputs {
    pub service: Service,
    pub catalogue: Arc<Catalogue>,
    pub db: Db,
    pub clock: SharedClock,
    /// Asks the questions; needs `draft.create`.
    pub actor: Actor,
    /// The model's name, for the report.
    pub model: String,
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only cases whose question or group contains this.
    pub filter: Option<String>,
}

/// Runs all cases of `evals/`. Case failures are in the report; an error is what kept the run from happening.
pub async fn run(inputs: &Inputs, options: &Options) -> Result<Report, Error> {
    let files = embedded()?;
    let names = names(inputs).await?;
    let playbooks = Playbooks::embedded()?;
    let (today, week_start, order) = day(inputs).await?;
    let window = |phrase: &str| period::parse_phrase(phrase, today, week_start, order);
    let steps = |name: &str| -> Vec<String> {
        playbooks.get(name).map(|b| b.steps.iter().map(|s| s.query.clone()).collect()).unwrap_or_default()
    };
    let rules = Rules { window: &window, playbook: &steps };
    let mut thresholds = BTreeMap::new();
    let mut verdicts = Vec::new();
    for file in &files {
        let least: f64 = thresholds.get(&file.group).copied().unwrap_or(0.0);
        thresholds.insert(file.group.clone(), least.max(file.threshold));
        for case in file.all() {
            let case = names.fill_case(&case);
            let wanted = options
                .filter
                .as_ref()
                .is_none_or(|f| case.ask.contains(f.as_str()) || file.group.contains(f.as_str()));
            if wanted {
                verdicts.push(one(inputs, &file.group, &case, &rules).await);
            }
        }
    }
    if let (true, Some(filter)) = (verdicts.is_empty(), &options.filter) {
        return Err(Error::NoCase(filter.clone()));
    }
    Ok(Report::new(&inputs.model, verdicts, &thresholds))
}

async fn one(inputs: &Inputs, group: &str, case: &Case, rules: &Rules<'_>) -> Verdict {
    let begun = inputs.clock.monotonic();
    let (seen, problems) = match played(inputs, case).await {
        Ok((seen, missing)) => {
            let problems = judge(case, &seen, rules).into_iter().chain(missing).collect();
            (seen, problems)
        }
        Err(error) => (Seen::default(), vec![error.to_string()]),
    };
    let millis = inputs.clock.monotonic().saturating_duration_since(begun).as_millis();
    Verdict {
        group: group.to_owned(),
        ask: case.ask.clone(),
        passed: problems.is_empty(),
        figures: seen.figures,
        unverified: seen.unverified.len(),
        unwanted_drafts: seen.drafts.len().saturating_sub(case.drafts_allowed()),
        cost: seen.cost,
        problems,
        millis: u64::try_from(millis).unwrap_or(u64::MAX) / u64::try_from(case.before.len() + 1).unwrap_or(1),
    }
}

/// Asks what stood before and then the question; returns what the last turn did, and facts missing from its answer.
async fn played(inputs: &Inputs, case: &Case) -> Result<(Seen, Vec<String>), crate::chat::Error> {
    let mut conversation = None;
    let mut seen = Seen::default();
    let mut made = Vec::new();
    for before in &case.before {
        let ask = Ask { message: before.clone(), conversation_id: conversation, ..Ask::default() };
        let handle = inputs.service.ask(&inputs.actor, ask).await?;
        conversation = Some(handle.conversation_id);
        let turn = inputs.service.finished(&inputs.actor, handle.turn_id).await?;
        if let Some(TurnEventKind::Completed { cost, .. }) = turn.end() {
            seen.cost += *cost;
        }
        made.extend(turn.events.iter().filter_map(|event| draft(&event.kind)));
    }
    let ask = Ask { message: case.ask.clone(), conversation_id: conversation, ..Ask::default() };
    let handle = inputs.service.ask(&inputs.actor, ask).await?;
    let turn = inputs.service.finished(&inputs.actor, handle.turn_id).await?;
    made.extend(turn.events.iter().filter_map(|event| draft(&event.kind)));
    for event in turn.events {
        gather(event.kind, &mut seen);
    }
    // An open draft holds its campaign: the next case shall find it free.
    for id in made {
        let done =
            drafts::cancel(&inputs.db, &*inputs.clock, &inputs.actor, id, Some("Made by an evaluation."));
        if let Err(error) = done.await {
            tracing::warn!(%error, %id, "a draft of an evaluation could not be cancelled");
        }
    }
    let missing = lacking(inputs, case, &seen).await;
    Ok((seen, missing))
}

fn draft(kind: &TurnEventKind) -> Option<DraftId> {
    if let TurnEventKind::DraftCreated { draft_id, .. } = kind { Some(*draft_id) } else { None }
}

fn gather(kind: TurnEventKind, seen: &mut Seen) {
    match kind {
        TurnEventKind::ToolStarted { tool, params, .. } => {
            seen.calls.push(Call { tool, params, window: None, failed: true })
        }
        TurnEventKind::ToolCompleted { tool, params, window, .. } => {
            let open = seen.calls.iter_mut().find(|c| c.tool == tool && c.failed);
            match open {
                Some(call) => {
                    call.params.extend(params);
                    call.window = window;
                    call.failed = false;
                }
                None => seen.calls.push(Call { tool, params, window, failed: false }),
            }
        }
        TurnEventKind::DraftCreated { kind, .. } => seen.drafts.push(kind),
        TurnEventKind::Receipts { figures } => {
            seen.figures = figures.len();
            seen.unverified = figures
                .iter()
                .filter(|f| f.status == ReceiptStatus::Unverified)
                .map(|f| f.figure.clone())
                .collect();
        }
        TurnEventKind::Completed { answer, outcome, cost, .. } => {
            seen.cost += cost;
            seen.answer = answer;
            seen.outcome = outcome.as_str().to_owned();
        }
        TurnEventKind::Failed { message, .. } => {
            seen.answer = message;
            seen.outcome = "failed".to_owned();
        }
        TurnEventKind::Cancelled { message, .. } => {
            seen.answer = message;
            seen.outcome = "cancelled".to_owned();
        }
        TurnEventKind::Started { .. }
        | TurnEventKind::Status { .. }
        | TurnEventKind::Text { .. }
        | TurnEventKind::ToolFailed { .. }
        | TurnEventKind::Chart { .. }
        | TurnEventKind::Suggestions { .. } => {}
    }
}

/// Cells that the answer should show and does not: the query is run anew, by the evals themselves.
async fn lacking(inputs: &Inputs, case: &Case, seen: &Seen) -> Vec<String> {
    let Some(from) = &case.facts_from else { return Vec::new() };
    let context = RunContext { actor: inputs.actor.clone(), turn: None, reason: None };
    let result =
        match inputs.catalogue.run(&inputs.db, &inputs.clock, &context, &from.query, &from.params).await {
            Ok(result) => result,
            Err(error) => return vec![format!("the facts of {} could not be computed: {error}", from.query)],
        };
    if result.rows.is_empty() {
        return vec![format!("{} has no row to compare the answer with", from.query)];
    }
    let mut missing = Vec::new();
    for name in &from.columns {
        let Some(column) = result.columns.iter().find(|c| c.name == *name) else {
            missing.push(format!("{} has no column {name}", from.query));
            continue;
        };
        let text = inputs.catalogue.cell_text(&result, 0, column, &TimeZone::UTC);
        if !seen.answer.contains(text.as_str()) {
            missing.push(format!("the answer lacks {name} = {text}"));
        }
    }
    missing
}

async fn day(inputs: &Inputs) -> Result<(Date, Weekday, period::DateOrder), Error> {
    let mut tx = inputs.db.org(inputs.actor.org).await?;
    let org = people::org(&mut tx, inputs.actor.org).await?;
    tx.commit().await?;
    let zone = TimeZone::get(&org.time_zone).unwrap_or(TimeZone::UTC);
    let week_start = i8::try_from(org.week_start).ok().and_then(|n| Weekday::from_monday_one_offset(n).ok());
    let today = period::local_day(inputs.clock.now(), &zone);
    Ok((
        today,
        week_start.unwrap_or(Weekday::Monday),
        org.date_order.parse().unwrap_or(period::DateOrder::Dmy),
    ))
}

/// A tenth more than the daily budget of a campaign, in whole units; 60 where it has none.
async fn more(inputs: &Inputs, campaign: &str) -> Result<Decimal, Error> {
    let mut tx = inputs.db.org(inputs.actor.org).await?;
    let budget = facts::campaign(&mut tx, campaign).await?.and_then(|campaign| campaign.daily_budget);
    tx.commit().await?;
    Ok(budget.map_or(Decimal::from(60), |budget| (budget * Decimal::new(11, 1)).ceil()))
}

/// The names that the questions use, from the data that is asked about.
async fn names(inputs: &Inputs) -> Result<Names, Error> {
    let list =
        async |kind: &str| inputs.catalogue.entities(&inputs.db, &inputs.clock, inputs.actor.org, kind).await;
    let mut names = Names::default();
    let campaigns = list("campaign").await?;
    let hostile = campaigns.iter().find(|c| c.name.to_lowercase().contains("ignore"));
    // Names that only one campaign bears and that hold at least two words: what the router must find is then clear.
    let plain: Vec<_> = campaigns
        .iter()
        .filter(|c| Some(c.id.as_str()) != hostile.map(|h| h.id.as_str()))
        .filter(|c| campaigns.iter().filter(|o| o.name == c.name).count() == 1)
        .collect();
    for (key, entity) in ["campaign", "campaign2"].iter().zip(&plain) {
        names.insert(key, &entity.id, &entity.name);
    }
    if let Some(campaign) = plain.first() {
        names.0.insert("campaign.more".to_owned(), more(inputs, &campaign.id).await?.to_string());
    }
    if plain.len() < 2 {
        return Err(Error::NoName("campaigns"));
    }
    let hostile = hostile.or(plain.last().copied());
    if let Some(hostile) = hostile {
        names.insert("hostile_campaign", &hostile.id, &hostile.name);
    }
    for kind in ["city", "page", "keyword"] {
        let found = list(kind).await?;
        // A keyword of two or more words is recognisable, and a page below the root is one page.
        let good = found.iter().find(|e| match kind {
            "keyword" => e.name.split_whitespace().count() >= 2,
            "page" => e.id.len() > 1 && e.id.starts_with('/'),
            _ => true,
        });
        if let Some(entity) = good {
            let name = if kind == "page" { &entity.id } else { &entity.name };
            names.insert(kind, &entity.id, name);
        }
    }
    Ok(names)
}
