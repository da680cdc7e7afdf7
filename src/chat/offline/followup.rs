//! Follow-ups: entities, window and filters of the last answer carry over unless the question says otherwise
//! ("and for email?", "same for august", "by city", "top 20", "why?").
use super::certainty::{ENOUGH, LEAD};
use super::plan::{Ask, Choice, Decision, Pick};
use super::route::{FILLER, Router, Situation};
use super::thread::Past;
use super::understand::Reading;
use crate::catalogue::{ParamType, Query};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The newest turn that has a result; a refusal or a question in between does not end the thread.
pub fn last_answer(past: &[Past]) -> Option<&Past> {
    past.iter().rev().take(4).find(|p| p.calls.iter().any(|c| !c.failed))
}

/// The query of the last answer, its arguments (with the window as it was resolved), and that turn.
pub fn last_query(past: &[Past]) -> Option<(&str, Map<String, Value>, &Past)> {
    // What a draft changes is no answer to ask on about: its question before is.
    let drafted = |p: &&Past| p.calls.iter().any(|c| !c.failed && c.result.get("columns").is_none());
    let recent = || past.iter().rev().take(4).filter(|p| p.calls.iter().any(|c| !c.failed));
    let turn = recent().find(|p| !drafted(p)).or_else(|| last_answer(past))?;
    let call = turn.calls.iter().find(|c| !c.failed && c.result.get("columns").is_some())?;
    let mut args = call.args.clone();
    if let Some(params) = call.result.get("params").and_then(Value::as_object) {
        for (name, value) in params {
            // What the runner resolved is kept where we had said something, and the window always.
            let window = name == "window" || value.get("start").is_some();
            if window && !value.is_null() {
                args.insert(name.clone(), value.clone());
            }
        }
    }
    if let Some(window) = call.result.get("window").filter(|w| w.get("start").is_some()) {
        args.insert("window".to_owned(), json!({"start": window["start"], "end": window["end"]}));
    }
    Some((call.tool.as_str(), args, turn))
}

const CUES: &[&[&str]] = &[
    &["and"],
    &["what", "about"],
    &["how", "about"],
    &["same"],
    &["only"],
    &["but"],
    &["for"],
    &["by"],
    &["now"],
    &["without"],
    &["split"],
    &["break"],
    &["broken"],
    &["per"],
    &["vs"],
    &["versus"],
    &["compared"],
    &["instead"],
    &["then"],
    &["also"],
    &["just"],
    &["make", "it"],
    &["show", "it"],
    &["the", "same"],
    &["do", "the", "same"],
    &["with"],
    &["ok", "and"],
    &["sort"],
    &["sorted"],
    &["in"],
    &["over"],
    &["last"],
    &["top"],
    &["compare", "it"],
    &["compare", "that"],
    &["since"],
];

/// "why", "how come", "what happened".
pub fn asks_why(reading: &Reading) -> bool {
    let words = reading.texts();
    words.first() == Some(&"why")
        || words.contains(&"why")
        || words.windows(2).any(|w| {
            matches!(w, ["how", "come"] | ["what", "happened"] | ["what", "caused"] | ["reason", "for"])
        })
}

fn cue(words: &[&str]) -> bool {
    CUES.iter().any(|c| words.starts_with(c))
}

/// A follow-up to the last answer; nothing when the question stands on its own.
pub fn follow_up(router: &Router, s: &Situation<'_>, reading: &mut Reading) -> Option<Decision> {
    let (name, carried, turn) = last_query(s.past)?;
    let query = router.queries.get(name)?;
    let words = reading.texts();
    let cued = cue(&words);
    if asks_why(reading) && words.len() <= 5 && left_over(router, reading, query).is_empty() {
        return Some(why(router, s, reading, query, &carried));
    }
    let rest = left_over(router, reading, query);
    let filled = router.fill(query, reading, &carried, s);
    let says_something = filled.said > 0
        || dimension(reading).is_some()
        || !reading.entities.is_empty()
        || !reading.unsure.is_empty()
        || !reading.vendors.is_empty()
        || !reading.channels.is_empty()
        || !reading.dates.is_empty();
    let pure = rest.is_empty() && says_something;
    if !pure && !cued {
        return None;
    }
    // A full question may also start with "and": it keeps the window when it names none.
    if !pure {
        let ranked = router.ranked(reading, s, Some(&query.group));
        let decisive = ranked
            .first()
            .is_some_and(|f| f.score >= ENOUGH && f.score >= LEAD * ranked.get(1).map_or(0.0, |x| x.score));
        if decisive {
            let window: Map<String, Value> =
                carried.iter().filter(|(k, _)| *k == "window").map(|(k, v)| (k.clone(), v.clone())).collect();
            return Some(router.route(reading, s, &window));
        }
        if rest.len() > 2 || !says_something {
            return None;
        }
    }
    // A metric by itself next to a channel or date is a new question when the last query takes no metric.
    if places_all(query, reading) {
        return Some(router.planned(query, filled));
    }
    elsewhere(router, s, reading, query, &carried, turn)
}

/// Content that is neither a recognised value nor filler.
fn left_over(router: &Router, reading: &Reading, query: &Query) -> BTreeSet<String> {
    let words = reading.texts();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut learn = |at: usize, len: usize| {
        let texts: Vec<&str> = words[at..(at + len).min(words.len())].to_vec();
        known.extend(super::normalise::terms(&texts, &router.vocabulary).into_iter().map(|t| t.stem));
    };
    for c in &reading.channels {
        learn(c.at, c.len);
    }
    for v in &reading.vendors {
        learn(v.at, v.len);
    }
    for x in &reading.segments {
        learn(x.at, x.len);
    }
    for m in &reading.metrics {
        learn(m.at, m.len);
    }
    for (at, word) in words.iter().enumerate() {
        let by_before =
            at.checked_sub(1).is_some_and(|i| matches!(words[i], "by" | "per" | "each" | "every" | "split"));
        let counted = reading.limit.is_some()
            && matches!(*word, "top" | "best" | "worst" | "bottom" | "first" | "rows" | "results");
        let helper = matches!(
            *word,
            "same"
                | "instead"
                | "why"
                | "split"
                | "break"
                | "broken"
                | "sort"
                | "sorted"
                | "vs"
                | "versus"
                | "compared"
                | "previous"
                | "prior"
                | "period"
                | "weekly"
                | "daily"
                | "monthly"
                | "hourly"
                | "chart"
                | "filter"
                | "limit"
                | "happened"
                | "come"
                | "reason"
                | "before"
                | "include"
                | "exclude"
                | "compare"
                | "did"
                | "that"
                | "bottom"
                | "top"
                | "worst"
                | "best"
        );
        if by_before || counted || helper {
            learn(at, 1);
        }
        if query.params.iter().any(|p| matches!(&p.kind, ParamType::Enum { values, .. } if values.iter().any(|v| v == word || router.vocabulary.values.get(v).is_some_and(|names| names.iter().any(|n| n.len() == 1 && n[0] == *word))))) {
            learn(at, 1);
        }
    }
    reading.content.iter().filter(|c| !known.contains(*c) && !FILLER.contains(&c.as_str())).cloned().collect()
}

/// The dimension behind "by" or "per".
pub fn dimension(reading: &Reading) -> Option<String> {
    let words = reading.texts();
    let at = words.iter().position(|w| matches!(*w, "by" | "per" | "each"))? + 1;
    let word = words.get(at)?;
    let one = super::normalise::stem(word);
    let names = [
        ("city", &["city", "citi", "town", "region", "location"][..]),
        ("channel", &["channel", "sourc", "medium"]),
        ("campaign", &["campaign", "camp"]),
        ("segment", &["segment", "audienc"]),
        ("device", &["devic"]),
        ("page", &["pag"]),
        ("product", &["product", "item"]),
        ("creative", &["creativ", "ad"]),
        ("search_term", &["term", "keyword", "search"]),
        ("platform", &["platform"]),
    ];
    names.iter().find(|(_, stems)| stems.contains(&one.as_str())).map(|(name, _)| (*name).to_owned())
}

/// A query can split by a dimension: it has a parameter for it, or its rows are of that kind.
fn splits_by(query: &Query, dimension: &str) -> bool {
    query.name.ends_with(&format!("by_{dimension}"))
        || query.columns.first().is_some_and(|c| c.name == dimension)
        || query.params.iter().any(
            |p| matches!(&p.kind, ParamType::Enum { values, .. } if values.iter().any(|v| v == dimension)),
        )
}

/// Everything that the question names has a place in the query.
fn places_all(query: &Query, reading: &Reading) -> bool {
    let has = |f: &dyn Fn(&ParamType) -> bool| query.params.iter().any(|p| f(&p.kind));
    let takes =
        |kind: &str| query.params.iter().any(|p| super::document::kind_of(&p.kind).as_deref() == Some(kind));
    let dates =
        reading.window().is_none() || has(&|k| matches!(k, ParamType::DateRange { .. } | ParamType::Days));
    let channels = (reading.channels.is_empty() && reading.vendors.is_empty())
        || has(&|k| matches!(k, ParamType::Channel | ParamType::Platform | ParamType::Source));
    let names = reading.entities.iter().all(|h| h.options.iter().any(|o| takes(&o.kind)));
    let segments = reading.segments.is_empty() || takes("segment");
    let split = dimension(reading).is_none_or(|d| splits_by(query, &d));
    let limit = reading.limit.is_none() || query.params.iter().any(|p| p.name == "limit");
    let metrics = reading.metrics.is_empty()
        || has(&|k| matches!(k, ParamType::Metric { values } if values.is_empty() || reading.metrics.iter().any(|m| values.contains(&m.value))))
        || query.params.iter().any(|p| matches!(&p.kind, ParamType::Enum { values, .. } if reading.metrics.iter().any(|m| values.contains(&m.value))))
        || reading.metrics.iter().all(|m| query.metrics.contains(&m.value));
    let step = reading.granularity.is_none()
        || dimension(reading).is_some()
        || has(&|k| matches!(k, ParamType::Granularity));
    let compare = reading.compare.is_none() || has(&|k| matches!(k, ParamType::Compare));
    dates && channels && names && segments && split && limit && metrics && step && compare
}

/// Another query that answers the last question with what is now asked: the two questions are scored together.
fn elsewhere(
    router: &Router,
    s: &Situation<'_>,
    reading: &Reading,
    query: &Query,
    carried: &Map<String, Value>,
    turn: &Past,
) -> Option<Decision> {
    let joined = router.read(&format!("{} {}", turn.question, s.question), s);
    let ranked = router.ranked(&joined, s, Some(&query.group));
    let fits = ranked
        .iter()
        .filter(|x| x.score >= ENOUGH)
        .take(8)
        .filter_map(|x| router.queries.get(&x.name))
        .find(|q| q.name != query.name && places_all(q, reading));
    if let Some(other) = fits {
        let kept: Map<String, Value> = carried
            .iter()
            .filter(|(name, _)| {
                let kind = |q: &Query| {
                    q.params.iter().find(|p| p.name == **name).map(|p| std::mem::discriminant(&p.kind))
                };
                kind(other).is_some() && kind(other) == kind(query)
            })
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let filled = router.fill(other, reading, &kept, s);
        return Some(router.planned(other, filled));
    }
    let dimension = dimension(reading)?;
    let offered: Vec<Choice> = query
        .params
        .iter()
        .filter(|p| p.name == "by")
        .filter_map(|p| if let ParamType::Enum { values, .. } = &p.kind { Some(values) } else { None })
        .flatten()
        .filter(|v| *v != "none")
        .take(3)
        .map(|v| Choice {
            label: format!("By {}", v.replace('_', " ")),
            pick: Pick::Reword { from: Some(dimension.clone()), to: v.clone() },
        })
        .collect();
    Some(Decision::Ask(Ask {
        text: format!("“{}” cannot be split by {dimension}.", query.title),
        choices: offered,
    }))
}

/// "why?": the playbook that explains the metric of the last answer.
fn why(
    router: &Router,
    s: &Situation<'_>,
    reading: &Reading,
    query: &Query,
    carried: &Map<String, Value>,
) -> Decision {
    let mut metrics: Vec<String> = reading.metrics.iter().map(|m| m.value.clone()).collect();
    metrics.extend(carried.get("metric").and_then(Value::as_str).map(str::to_owned));
    metrics.extend(query.metrics.iter().cloned());
    let book = metrics
        .iter()
        .find_map(|m| router.playbooks.iter().find(|b| b.explains.contains(m)))
        .or_else(|| router.playbooks.iter().find(|b| !b.explains.is_empty()));
    match book {
        Some(book) => {
            let mut values = Map::new();
            for arg in &book.args {
                if let Some(value) = carried.get(&arg.name).cloned().or_else(|| arg.default.clone()) {
                    values.insert(arg.name.clone(), value);
                }
            }
            router.playbook(book, values, Vec::new(), s)
        }
        None => router.route(reading, s, carried),
    }
}
