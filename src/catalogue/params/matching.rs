//! Names of campaigns, pages, products… in the organisation's data: exact, then alike, never guessed.
use super::super::vocabulary::key;
use super::{Bound, Param, Resolver, ToolError, text_of};
use crate::text::similarity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A thing of the organisation's data that a parameter can name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entity {
    /// As facts store it: `google_ads:1001`, a path, a term.
    pub id: String,
    pub name: String,
    /// The thing that it counts as; mostly itself. What is asked is asked of this one.
    pub canonical: String,
}

/// A list names at most so many things.
pub(in crate::catalogue) const MOST_ENTITIES: usize = 10;

/// Less alike than this is not the same (`queries.md` §2).
const ALIKE: f64 = 0.45;
/// The best must lead the next by so much.
const AHEAD: f64 = 0.10;

pub(super) enum Match<'a> {
    One(&'a Entity),
    /// Several fit; the closest first.
    Several(Vec<&'a Entity>),
    Nothing(Vec<&'a Entity>),
}

/// Finds the entity a text means.
pub(super) fn find<'a>(text: &str, entities: &'a [Entity]) -> Match<'a> {
    let wanted = key(text);
    if let Some(by_id) = entities.iter().find(|e| e.id == text || e.id.eq_ignore_ascii_case(text)) {
        return Match::One(by_id);
    }
    let exact: Vec<&Entity> = entities.iter().filter(|e| key(&e.name) == wanted).collect();
    match exact.as_slice() {
        [] => {}
        [one, rest @ ..] if rest.iter().all(|other| other.canonical == one.canonical) => {
            return Match::One(one);
        }
        several => return Match::Several(several.iter().take(3).copied().collect()),
    }
    let mut scored: Vec<(f64, &Entity)> =
        entities.iter().map(|e| (similarity(text, &e.name).max(similarity(text, &e.id)), e)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    // A thing may have several names.
    let closest = || {
        let mut closest: Vec<&Entity> = Vec::new();
        for (_, entity) in &scored {
            if closest.len() < 3 && !closest.iter().any(|known| known.canonical == entity.canonical) {
                closest.push(entity);
            }
        }
        closest
    };
    match scored.as_slice() {
        [(best, entity), rest @ ..] if *best >= ALIKE => {
            let next = rest
                .iter()
                .find(|(_, other)| other.canonical != entity.canonical)
                .map_or(0.0, |(score, _)| *score);
            // The margin has a little slack for binary fractions.
            if best - next >= AHEAD - 1e-9 { Match::One(entity) } else { Match::Several(closest()) }
        }
        _ => Match::Nothing(closest()),
    }
}

impl Resolver<'_, '_> {
    pub(super) fn entity(&mut self, param: &Param, kind: &str, value: &Value) -> Result<(), ToolError> {
        // An earlier result, or a chip, may name it by {"id": …}.
        let text = value.get("id").and_then(Value::as_str).map(str::to_owned).or_else(|| text_of(value));
        let text =
            text.filter(|t| !t.is_empty()).ok_or_else(|| Self::refuse(param, value, "write a name"))?;
        let none = Vec::new();
        let entities = self.scope.entities.get(kind).map_or(&none, |list| list.as_ref());
        let called = kind.replace('_', " ");
        let label = |e: &Entity| {
            let twin = entities.iter().any(|other| other.name == e.name && other.canonical != e.canonical);
            if twin { e.id.clone() } else { e.name.clone() }
        };
        match find(&text, entities) {
            Match::One(entity) => {
                let (id, label) = (entity.canonical.clone(), label(entity));
                self.set(param, Bound::Text(Some(id)), label);
                Ok(())
            }
            Match::Several(closest) => {
                let message = format!(
                    "several of the {} fit '{text}': which one?",
                    crate::report::figure::plural(kind)
                );
                Err(ToolError::choices("param.ambiguous", message, closest.into_iter().map(label).collect()))
            }
            Match::Nothing(closest) if closest.is_empty() => Err(ToolError::tell(
                "param.not_found",
                format!("no {called} '{text}': no {called} is known yet"),
            )),
            Match::Nothing(closest) => {
                let allowed: Vec<String> = closest.into_iter().map(label).collect();
                let message = format!("no {called} '{text}'; closest: {}", allowed.join(", "));
                Err(ToolError::choices("param.not_found", message, allowed))
            }
        }
    }

    /// Several things by their ids or full names, as an earlier result shows them. Those that are not known are left out,
    /// and the answer says so.
    pub(super) fn entities(&mut self, param: &Param, kind: &str, value: &Value) -> Result<(), ToolError> {
        let texts: Vec<String> = match value {
            Value::Array(items) => items.iter().filter_map(text_of).collect(),
            Value::String(text) => text.split([',', ';']).map(|part| part.trim().to_owned()).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
        };
        let called = crate::report::figure::plural(kind);
        let mut texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        texts.dedup();
        if !(1..=MOST_ENTITIES).contains(&texts.len()) {
            return Err(Self::refuse(param, value, &format!("name one to {MOST_ENTITIES} {called}")));
        }
        let none = Vec::new();
        let known = self.scope.entities.get(kind).map_or(&none, |list| list.as_ref());
        let mut found: Vec<(String, String)> = Vec::new();
        let mut unknown: Vec<String> = Vec::new();
        for text in texts {
            let exact = known.iter().find(|entity| entity.id == text);
            match exact.or_else(|| known.iter().find(|entity| entity.name.eq_ignore_ascii_case(&text))) {
                Some(entity) if found.iter().any(|(id, _)| *id == entity.canonical) => {}
                Some(entity) => found.push((entity.canonical.clone(), entity.name.clone())),
                None => unknown.push(text),
            }
        }
        if found.is_empty() {
            let message = format!("none of these {called} is known: {}", unknown.join(", "));
            return Err(ToolError::tell("param.not_found", message));
        }
        if !unknown.is_empty() {
            self.out.notes.push(format!("Not known and left out: {}.", unknown.join(", ")));
        }
        let (ids, names): (Vec<String>, Vec<String>) = found.into_iter().unzip();
        self.set(param, Bound::Texts(Some(ids)), names);
        Ok(())
    }
}
