//! Guardrails on the moment: stale data, drift, cooling down, freezes, running experiments, the way back.
use super::{Case, GuardResult, Severity};
use crate::drafts::action::Guard;
use crate::drafts::drift::drift;
use crate::text::clean;
use jiff::Unit;
use serde_json::json;

/// Hours after which a platform's figures are too old to act on (`connectors.md` §1.8, alert column).
const ALERT_HOURS: i64 = 24;

/// The newest complete day of the platform ended less than 24 hours ago.
pub fn stale(case: &Case<'_>) -> Vec<GuardResult> {
    let org = &case.facts.org;
    let mut seen: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for campaign in &case.facts.campaigns {
        let source = campaign.row.source.as_str();
        if seen.contains(&source) {
            continue;
        }
        seen.push(source);
        let age = campaign.newest_day.and_then(|day| {
            let end = day.tomorrow().ok()?.to_zoned(org.zone.clone()).ok()?.timestamp();
            Some(org.now.since((Unit::Hour, end)).ok()?.get_hours())
        });
        let inputs = json!({"source": source, "newest_day": campaign.newest_day, "age_hours": age, "limit_hours": ALERT_HOURS});
        out.push(match age {
            Some(hours) if i64::from(hours) < ALERT_HOURS => {
                case.pass(Guard::DataStale, Severity::Block, inputs)
            }
            Some(hours) => {
                let message = format!("{source} data is {hours} h old (limit {ALERT_HOURS} h).");
                case.fail(Guard::DataStale, Severity::Block, message, inputs)
            }
            None => {
                let message = format!("{source} data is missing (limit {ALERT_HOURS} h).");
                case.fail(Guard::DataStale, Severity::Block, message, inputs)
            }
        });
    }
    out
}

/// What the reviewer saw before is still so.
pub fn changed(case: &Case<'_>) -> Vec<GuardResult> {
    let found = drift(&case.action.file.compare, case.before, case.live);
    if found.is_empty() {
        let inputs = json!({"compared": case.action.file.compare});
        return vec![case.pass(Guard::BeforeChanged, Severity::Block, inputs)];
    }
    found
        .into_iter()
        .map(|drift| case.fail(Guard::BeforeChanged, Severity::Block, drift.message(), drift.inputs()))
        .collect()
}

/// No executed change on the campaign in the last 24 hours.
pub fn cooldown(case: &Case<'_>) -> Vec<GuardResult> {
    let limit = case.facts.org.limits.cooldown_hours;
    case.facts
        .campaigns
        .iter()
        .map(|campaign| {
            let minutes = campaign
                .changed_at
                .and_then(|at| Some(case.facts.org.now.since((Unit::Minute, at)).ok()?.get_minutes()));
            let inputs =
                json!({"campaign": campaign.row.id, "changed_at": campaign.changed_at, "limit_hours": limit});
            match minutes {
                Some(minutes) if minutes < limit * 60 => {
                    let hours = minutes / 60;
                    let name = clean(&campaign.row.name, 80);
                    let message = format!("{name} was changed {hours} h ago; wait {} h.", limit - hours);
                    case.fail(Guard::Cooldown, Severity::Hold, message, inputs)
                }
                _ => case.pass(Guard::Cooldown, Severity::Hold, inputs),
            }
        })
        .collect()
}

/// Not in a freeze window of the platform or of all.
pub fn freeze(case: &Case<'_>) -> Vec<GuardResult> {
    let org = &case.facts.org;
    let audience = case.facts.audience.iter().map(|a| a.platform.as_str());
    let platforms = case.facts.campaigns.iter().map(|c| c.row.source.as_str()).chain(audience).chain(["*"]);
    let until = platforms.filter_map(|p| org.frozen_until.get(p)).max();
    vec![match until {
        Some(until) => {
            let local = until.to_zoned(org.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
            let message = format!("Changes are frozen until {local}.");
            case.fail(Guard::Freeze, Severity::Block, message, json!({"until": until}))
        }
        None => case.pass(Guard::Freeze, Severity::Block, json!({})),
    }]
}

/// No experiment runs on what would be changed.
pub fn experiment(case: &Case<'_>) -> Vec<GuardResult> {
    let campaigns = case.facts.campaigns.iter().map(|c| (c.row.name.as_str(), &c.experiments));
    let audience = case.facts.audience.iter().map(|a| (a.name.as_str(), &a.experiments));
    let found: Vec<GuardResult> = campaigns
        .chain(audience)
        .flat_map(|(entity, running)| running.iter().map(move |id| (entity, id)))
        .map(|(entity, id)| {
            let message = format!("Experiment {} is running on {}.", clean(id, 80), clean(entity, 80));
            case.fail(Guard::ExperimentConflict, Severity::Block, message, json!({"experiment": id}))
        })
        .collect();
    if found.is_empty() {
        vec![case.pass(Guard::ExperimentConflict, Severity::Block, json!({}))]
    } else {
        found
    }
}

/// Reversible, with the steps that bring the old state back; or nothing is written, and the plan says so.
pub fn rollback(case: &Case<'_>) -> Vec<GuardResult> {
    let steps = case.rollback_plan.as_array().map_or(0, Vec::len);
    let inputs = json!({"reversible": case.action.file.reversible, "steps": steps});
    vec![if case.action.file.reversible && steps > 0 {
        case.pass(Guard::NoRollback, Severity::Block, inputs)
    } else {
        let message = format!("Action {} has no rollback plan.", case.action.kind());
        case.fail(Guard::NoRollback, Severity::Block, message, inputs)
    }]
}
