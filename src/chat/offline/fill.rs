//! A query's parameters from what a question says (`queries.md` §2). What is not said keeps the query's default;
//! what is required and not said, or said unclearly, becomes a question; nothing is guessed.
use super::entities::Known;
use super::understand::Reading;
use super::vocabulary::Vocabulary;
use crate::catalogue::{Param, ParamType, Query};
use serde_json::{Map, Value, json};

/// Arguments for a call, and what stands in the way of making it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filled {
    pub args: Map<String, Value>,
    /// Said to the reader: how something was understood.
    pub notes: Vec<String>,
    pub trouble: Option<Trouble>,
    /// How many parameters the question itself set.
    pub said: usize,
}

/// Why a call cannot be made as asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// A required value is missing; some that would do.
    Missing { param: String, kind: String, about: Option<String>, choices: Vec<String> },
    /// A name fits several things.
    Ambiguous { typed: String, choices: Vec<String> },
    /// An amount in a currency that is not the organisation's.
    Currency { given: String, ours: String },
    /// A metric that the query cannot work with; those it can.
    Metric { given: String, takes: Vec<String> },
    /// A window ahead for a query that looks back.
    LooksAhead { text: String },
}

/// What filling needs besides the question.
pub struct Frame<'a> {
    pub vocabulary: &'a Vocabulary,
    pub known: &'a Known,
    pub currency: &'a str,
    /// The word has a meaning of its own in the catalogue.
    pub plain: &'a dyn Fn(&str) -> bool,
}

/// Fills a query. `carried` are arguments of the answer before, kept unless the question says otherwise.
pub fn fill(query: &Query, reading: &Reading, carried: &Map<String, Value>, frame: &Frame<'_>) -> Filled {
    let mut out = Filled::default();
    let mut names = Taken::default();
    for param in &query.params {
        if let Some(value) = value_of(param, query, reading, frame, &mut names, &mut out) {
            out.args.insert(param.name.clone(), value);
            out.said += 1;
        }
    }
    super::figures::fill(query, reading, frame, &mut out);
    for param in &query.params {
        if !out.args.contains_key(&param.name)
            && let Some(value) = carried.get(&param.name)
        {
            out.args.insert(param.name.clone(), value.clone());
        }
    }
    if out.trouble.is_none() {
        out.trouble = missing(query, frame, &out.args);
    }
    if let Some(date) = reading.window().filter(|d| d.ahead)
        && !query.params.iter().any(|p| matches!(p.kind, ParamType::DateRange { future: true, .. }))
        && !query.params.iter().any(|p| p.name == "horizon" || p.name == "days")
    {
        out.trouble = Some(Trouble::LooksAhead { text: date.text.clone() });
    }
    out
}

/// How many names of each kind earlier parameters took: a second campaign goes to the second parameter.
#[derive(Default)]
struct Taken(std::collections::BTreeMap<String, usize>);

fn value_of(
    param: &Param,
    query: &Query,
    reading: &Reading,
    frame: &Frame<'_>,
    taken: &mut Taken,
    out: &mut Filled,
) -> Option<Value> {
    match &param.kind {
        ParamType::DateRange { future, .. } => {
            let hit = reading.window().filter(|d| *future || !d.ahead)?;
            Some(json!({"start": hit.window.start.to_string(), "end": hit.window.end.to_string()}))
        }
        ParamType::Days => reading.window().map(|d| json!(d.window.days())),
        ParamType::Compare => reading.compare.clone().map(Value::from),
        ParamType::Granularity => reading.granularity.clone().map(Value::from),
        ParamType::Channel => channel(query, reading, out),
        ParamType::Platform | ParamType::Source => reading.vendors.first().map(|v| json!(v.value.platform)),
        ParamType::Entity(kind) => entity(kind, param, query, reading, frame, (taken, out)),
        // Lists come from playbooks and models.
        ParamType::Entities(_) => None,
        ParamType::Segment => match reading.segments.as_slice() {
            [] => reading.of_kind("segment").next().map(|e| json!(e.id)),
            [one] => Some(json!(one.value)),
            [..] => None,
        },
        ParamType::Segments => {
            let mut all: Vec<&str> = reading.segments.iter().map(|s| s.value.as_str()).collect();
            // "new and inactive customers": beside another segment a single word is one too.
            for word in reading.texts() {
                if let Some(value) = frame.vocabulary.segment_words.get(word) {
                    all.push(value);
                }
            }
            let mut seen = std::collections::BTreeSet::new();
            all.retain(|v| seen.insert(*v));
            (all.len() >= 2).then(|| json!(all.into_iter().take(3).collect::<Vec<_>>()))
        }
        ParamType::Metric { values } => {
            let takes = |m: &&String| values.is_empty() || values.contains(*m);
            let found = reading.metrics.iter().map(|m| &m.value).find(takes);
            // One metric is named and it is another one: its figure would be taken for what was asked.
            // A rate may be a reason instead: "mix or conversion rate problem?"
            if let (None, [other], false) = (found, reading.metrics.as_slice(), param.required)
                && !other.value.starts_with("cvr")
            {
                let given = reading.typed(other.at, other.len);
                out.trouble = Some(Trouble::Metric { given, takes: values.clone() });
            }
            found.map(|m| json!(m))
        }
        ParamType::Enum { values, .. } => choice(param, values, reading, frame.vocabulary)
            // "who uses it most" asks for people.
            .or_else(|| {
                let people = param.name == "by" && reading.has("who") && values.iter().any(|v| v == "user");
                people.then(|| "user".to_owned())
            })
            .map(Value::from),
        ParamType::Integer if param.name == "limit" => reading.limit.map(Value::from),
        ParamType::Text => text(param, reading),
        ParamType::Bool => (param.name == "mine" && speaks_of_oneself(reading)).then_some(json!(true)),
        ParamType::Lead => after_word(reading, "lead").map(Value::from),
        ParamType::Money | ParamType::Integer | ParamType::Number | ParamType::Percent => None,
    }
}

/// "My drafts", "waiting on me"; "show me" asks, it does not narrow.
fn speaks_of_oneself(reading: &Reading) -> bool {
    let words = reading.texts();
    reading.has_any(&["my", "mine"])
        || words
            .windows(2)
            .any(|pair| matches!(pair[0], "on" | "for" | "by" | "from" | "to") && pair[1] == "me")
}

fn channel(query: &Query, reading: &Reading, out: &mut Filled) -> Option<Value> {
    let mut values: Vec<&str> = reading.channels.iter().map(|c| c.value.as_str()).collect();
    values.dedup();
    match values.as_slice() {
        [one] => return Some(json!(one)),
        [_, ..] => return None,
        [] => {}
    }
    let takes_platform =
        query.params.iter().any(|p| matches!(p.kind, ParamType::Platform | ParamType::Source));
    let vendor = reading.vendors.first().filter(|v| !takes_platform && v.value.channel != "all")?;
    let said = reading.typed(vendor.at, vendor.len);
    out.notes.push(format!("“{said}” is read as the channel {}.", vendor.value.channel.replace('_', " ")));
    Some(json!(vendor.value.channel))
}

fn entity(
    kind: &str,
    param: &Param,
    query: &Query,
    reading: &Reading,
    frame: &Frame<'_>,
    (taken, out): (&mut Taken, &mut Filled),
) -> Option<Value> {
    let nth = taken.0.entry(kind.to_owned()).or_default();
    if let Some(entity) = reading.of_kind(kind).nth(*nth) {
        *nth += 1;
        let fuzzy = reading.entities.iter().any(|h| h.fuzzy && h.options.iter().any(|e| e.id == entity.id));
        if fuzzy {
            out.notes.push(format!("I read the name as “{}”.", entity.name));
        }
        return Some(json!(entity.id));
    }
    if let Some(unsure) = reading.unsure.iter().find(|u| u.options.iter().any(|o| o.kind == kind))
        && *nth == 0
    {
        out.trouble = Some(Trouble::Ambiguous {
            typed: unsure.typed.clone(),
            choices: unsure.options.iter().map(|o| o.name.clone()).collect(),
        });
        return None;
    }
    if *nth > 0 {
        return None;
    }
    match kind {
        "page" => reading.words.iter().find(|w| w.text.starts_with('/')).map(|w| json!(w.text)),
        "keyword" | "product" | "experiment" => reading.quoted.first().map(|q| json!(q)).or_else(|| {
            // A keyword need not be in the data yet: what follows "for", "on", "about" is taken as typed.
            let only = query.params.iter().filter(|p| matches!(p.kind, ParamType::Entity(_))).count() == 1;
            if kind != "keyword" || !(param.required || param.expected) || !only {
                return None;
            }
            // "for the same keyword" names none.
            let odd = |w: &str| !(frame.plain)(w) && !frame.vocabulary.stop.contains(w);
            let names = |v: &Value| v.as_str().is_some_and(|text| text.split(' ').any(odd));
            tail(reading, &["for", "about", "on"]).filter(names).or_else(|| {
                // "Do two of our pages compete?": a single odd word is no keyword where none is needed.
                let several = |v: &Value| v.as_str().is_some_and(|text| text.contains(' '));
                strange(reading, frame).filter(|found| param.required || several(found))
            })
        }),
        _ => None,
    }
}

/// What is typed behind the last of some words, dates and figures left out.
pub fn tail(reading: &Reading, leads: &[&str]) -> Option<Value> {
    let at = reading.words.iter().rposition(|w| leads.contains(&w.text.as_str()))? + 1;
    let end = reading.dates.iter().map(|d| d.at).find(|d| *d >= at).unwrap_or(reading.words.len());
    let typed = reading.typed(at, end.saturating_sub(at));
    let typed = typed.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
    ((2..=80).contains(&typed.chars().count()) && end > at).then(|| json!(typed))
}

/// The longest run of words that mean nothing else here: a keyword typed without "for".
fn strange(reading: &Reading, frame: &Frame<'_>) -> Option<Value> {
    let words = reading.texts();
    let odd = |w: &str| !(frame.plain)(w) && !frame.vocabulary.stop.contains(w);
    let mut best = (0, 0);
    let mut at = 0;
    while at < words.len() {
        let len = words[at..].iter().take_while(|w| odd(w)).count();
        if len > best.1 {
            best = (at, len);
        }
        at += len.max(1);
    }
    (best.1 > 0).then(|| json!(reading.typed(best.0, best.1)))
}

fn after_word(reading: &Reading, word: &str) -> Option<String> {
    let at = reading.words.iter().position(|w| w.text == word)?;
    reading.words.get(at + 1).map(|w| w.text.clone()).filter(|t| t.chars().any(|c| c.is_ascii_digit()))
}

/// Free text: quoted, else the metric that is named, else what follows "for", "about".
fn text(param: &Param, reading: &Reading) -> Option<Value> {
    if let Some(quoted) = reading.quoted.first() {
        return Some(json!(quoted));
    }
    if let Some(metric) = reading.metrics.first().filter(|_| param.required) {
        return Some(json!(reading.typed(metric.at, metric.len)));
    }
    if param.required {
        // A definition is asked for: the words that are left over name it.
        let filler = ["defin", "calculat", "formula", "comput", "metric", "mean", "amount"];
        let rest: Vec<&str> = reading
            .words
            .iter()
            .map(|w| w.text.as_str())
            .filter(|w| reading.content.contains(&super::normalise::stem(w)))
            .filter(|w| !filler.contains(&super::normalise::stem(w).as_str()))
            .collect();
        let joined = rest.join(" ");
        return ((2..=80).contains(&joined.chars().count())).then(|| json!(joined));
    }
    None
}

/// Words that introduce a dimension: "by city", "per campaign", "which source".
const BY: &[&str] = &["by", "per", "each", "every", "which", "what", "across", "split", "between"];
const SORT: &[&str] = &["by", "most", "highest", "on", "lowest", "best", "with"];

/// The value of an enumeration that the question names.
fn choice(param: &Param, values: &[String], reading: &Reading, vocabulary: &Vocabulary) -> Option<String> {
    let words = reading.texts();
    let inside_name = |i: usize| {
        reading.entities.iter().any(|h| h.at <= i && i < h.at + h.len)
            || reading.dates.iter().any(|h| h.at <= i && i < h.at + h.len)
    };
    let mut best: Option<(usize, usize, &String)> = None;
    for value in values.iter().filter(|v| !matches!(v.as_str(), "all" | "none")) {
        let literal: Vec<String> = value.to_lowercase().split('_').map(str::to_owned).collect();
        let known = vocabulary.values.get(&value.to_lowercase());
        let metric = (param.name == "sort" || param.name == "metric")
            .then(|| reading.metrics.iter().find(|m| m.value == *value || metric_alias(value) == m.value))
            .flatten();
        let mut hits: Vec<(usize, usize)> = metric.map(|m| (m.at, m.len)).into_iter().collect();
        for phrase in known.into_iter().flatten().chain([&literal]) {
            for at in 0..(words.len() + 1).saturating_sub(phrase.len()) {
                let same = words[at..at + phrase.len()]
                    .iter()
                    .zip(phrase)
                    .all(|(a, b)| super::normalise::stem(a) == super::normalise::stem(b) || a == b);
                if same && !phrase.is_empty() && !inside_name(at) {
                    hits.push((at, phrase.len()));
                }
            }
        }
        for (at, len) in hits {
            if len == 1 && !introduced(param, value, at, &words) {
                continue;
            }
            if best.is_none_or(|(a, l, _)| (std::cmp::Reverse(len), at) < (std::cmp::Reverse(l), a)) {
                best = Some((at, len, value));
            }
        }
    }
    best.map(|(_, _, v)| v.clone())
}

/// Dimensions and sort keys count only where the sentence introduces them; other values count anywhere.
fn introduced(param: &Param, value: &str, at: usize, words: &[&str]) -> bool {
    let before = |n: usize| at.checked_sub(n).map_or("", |i| words[i]);
    let near = |list: &[&str]| (1..=2).any(|n| list.contains(&before(n)));
    let counted = matches!((before(2), before(1)), ("number", "of")) && before(3) == "by";
    match param.name.as_str() {
        "by" | "group" | "group_by" | "split" => {
            let adjective = matches!(words[at], "weekly" | "monthly" | "daily");
            near(BY) || adjective || matches!(value, "device" | "payment_method") || words.len() <= 2
        }
        "sort" if matches!(value, "worst" | "cheapest" | "best" | "newest" | "oldest") => true,
        "sort" => counted || near(SORT) || words.get(at + 1).is_some_and(|w| matches!(*w, "first" | "desc")),
        "status" => !matches!(value, "all" | "new" | "approved") || near(&["status", "only", "the", "are"]),
        _ => true,
    }
}

/// Sort keys that are spelt differently from the metric's id.
fn metric_alias(value: &str) -> &str {
    match value {
        "incrementality" => "incrementality_pct",
        "cvr" => "cvr_session",
        "ltv" => "ltv_12m",
        "spend" => "cost",
        other => other,
    }
}

fn missing(query: &Query, frame: &Frame<'_>, args: &Map<String, Value>) -> Option<Trouble> {
    let param =
        query.params.iter().find(|p| p.required && p.default.is_none() && !args.contains_key(&p.name))?;
    let few = |values: &[String]| values.iter().take(3).cloned().collect::<Vec<String>>();
    let (kind, choices) = if let ParamType::Entity(kind) = &param.kind {
        (kind.clone(), frame.known.of_kind(kind).take(3).map(|e| e.name.clone()).collect())
    } else if let ParamType::Metric { values } = &param.kind {
        ("metric".to_owned(), few(values))
    } else if let ParamType::Enum { values, .. } = &param.kind {
        (param.name.clone(), few(values))
    } else {
        (param.name.replace('_', " "), Vec::new())
    };
    Some(Trouble::Missing { param: param.name.clone(), kind, about: param.description.clone(), choices })
}
