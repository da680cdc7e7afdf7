//! Steps of playbooks and drafts as calls: arguments put in place, queries that are not on offer left out.
use super::drafting::DraftWish;
use super::plan::{Plan, PlanKind, Step};
use super::playbook::Playbook;
use super::route::{Router, Situation, allowed};
use crate::catalogue::{ParamType, Query};
use crate::period::Window;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The calls of a playbook, in order. A step with a stop condition ends its round.
pub fn for_playbook(
    router: &Router,
    book: &Playbook,
    values: &Map<String, Value>,
    s: &Situation<'_>,
) -> Vec<Step> {
    book.steps
        .iter()
        .filter(|step| step.needs.iter().all(|n| values.contains_key(n)))
        .filter_map(|step| {
            let query = router.queries.get(&step.query).filter(|_| allowed(s, &step.query))?;
            let args = step
                .params
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), placed(query, name, value, values, s)?)))
                .collect();
            Some(Step {
                id: step.id.clone(),
                tool: step.query.clone(),
                args,
                from: step.from.clone(),
                last_of_round: step.stop.is_some(),
            })
        })
        .collect()
}

/// A step's parameter: a fixed value, or `{argument}`. A number of days becomes a window where one is needed.
fn placed(
    query: &Query,
    name: &str,
    value: &Value,
    values: &Map<String, Value>,
    s: &Situation<'_>,
) -> Option<Value> {
    let value = match value.as_str().and_then(|t| t.strip_prefix('{')).and_then(|t| t.strip_suffix('}')) {
        Some(argument) => values.get(argument)?.clone(),
        None => value.clone(),
    };
    let dated = query.params.iter().any(|p| p.name == name && matches!(p.kind, ParamType::DateRange { .. }));
    match (dated, value.as_i64()) {
        (true, Some(days)) => {
            let window = Window::last_days(i32::try_from(days).ok()?, s.day.today);
            Some(json!({"start": window.start.to_string(), "end": window.end.to_string()}))
        }
        _ => Some(value),
    }
}

/// A draft: the query that supplies its evidence, then the draft tool.
pub fn for_draft(router: &Router, wish: DraftWish, s: &Situation<'_>) -> Plan {
    let mut steps = Vec::new();
    if let Some((query, args)) = &wish.evidence
        && router.queries.contains_key(query)
        && allowed(s, query)
    {
        steps.push(Step {
            id: "evidence".to_owned(),
            tool: query.clone(),
            args: args.clone(),
            from: BTreeMap::new(),
            last_of_round: true,
        });
    }
    steps.push(Step {
        id: "draft".to_owned(),
        tool: wish.tool.clone(),
        args: wish.args.clone(),
        from: BTreeMap::new(),
        last_of_round: true,
    });
    Plan { kind: PlanKind::Draft(wish), steps, notes: Vec::new(), metric: None }
}
