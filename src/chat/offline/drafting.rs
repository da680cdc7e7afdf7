//! Draft intents: which change a message asks to be drafted, and the arguments of the draft tool. Questions never
//! make drafts; wishes to execute are refused before and only offered what this file finds.
mod words;

use super::plan::{Ask, Choice, Pick};
use super::proposals;
use super::thread::Past;
use super::understand::Reading;
use super::vocabulary::{Vocabulary, VocabularyError};
use crate::catalogue::QueryResult;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
pub use words::DRAFT_IT;
use words::{agrees, drafts_what_was_shown, imperative, points};

/// The file that comes with the program.
pub const EMBEDDED: &str = include_str!("../../../tools/drafting.yaml");

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drafting {
    pub drafts: Vec<DraftType>,
    pub ask: Vec<String>,
    pub edit: Edit,
}

/// How instructions to a draft are read (`instruction`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub figures: Vec<Figures>,
    /// Words that say nothing beside the figure.
    pub words: Vec<String>,
}

/// Which field of some types a percentage sets, and which an amount.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    pub types: Vec<String>,
    pub percent: Option<String>,
    pub amount: Option<String>,
    /// The amount is what is moved, not what it becomes.
    #[serde(default)]
    pub step: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftType {
    #[serde(rename = "type")]
    pub kind: String,
    pub verbs: Vec<String>,
    pub objects: Vec<String>,
    pub evidence: Evidence,
    /// How to ask for it, for offers.
    pub say: String,
}

/// The query whose result supports the draft.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub query: String,
    pub params: BTreeMap<String, String>,
}

/// A draft that is asked for: the tool, its arguments, and the evidence query to run before.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftWish {
    pub tool: String,
    pub args: Map<String, Value>,
    pub evidence: Option<(String, Map<String, Value>)>,
    /// What it is about, in words.
    pub target: String,
    /// How to ask for it.
    pub say: String,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Draft(DraftWish),
    /// A draft is asked for, but something is missing.
    Ask(Ask),
}

impl Drafting {
    pub fn embedded() -> Result<Self, VocabularyError> {
        serde_saphyr::from_str(EMBEDDED)
            .map_err(|e| VocabularyError { path: "tools/drafting.yaml".to_owned(), problem: e.to_string() })
    }

    /// The draft that a message asks for. `last` is the newest turn with a result.
    pub fn wish(&self, reading: &Reading, last: Option<&Past>, vocabulary: &Vocabulary) -> Option<Wish> {
        let words = reading.texts();
        let asked = self.asks_for_draft(&words);
        if !asked && !imperative(&words) {
            return None;
        }
        match self.kind(reading, &words, asked, last) {
            Some(kind) => Some(self.build(kind, reading, last, vocabulary)),
            None if asked && drafts_what_was_shown(&words) => Some(Wish::Ask(self.what_to_draft(last))),
            None => None,
        }
    }

    /// A draft is wanted of something shown that cannot be told: back with what could be drafted from it.
    fn what_to_draft(&self, last: Option<&Past>) -> Ask {
        let names =
            last.and_then(|past| meant("pause_campaign", past)).map(|r| proposals::campaign_names(&r));
        let say = self.drafts.iter().find(|t| t.kind == "pause_campaign").map_or("", |t| t.say.as_str());
        let choices = names.unwrap_or_default().into_iter().map(|name| {
            let to = say.replace("{campaign}", &name);
            Choice { label: to.clone(), pick: Pick::Reword { from: None, to } }
        });
        Ask {
            text: "What should be drafted, and for what? Say the change and the campaign, term or page."
                .to_owned(),
            choices: choices.collect(),
        }
    }

    /// The same for a wish to execute: what could be drafted instead.
    pub fn offer(
        &self,
        reading: &Reading,
        last: Option<&Past>,
        vocabulary: &Vocabulary,
    ) -> Option<DraftWish> {
        let words = reading.texts();
        let kind = self.kind(reading, &words, false, last)?;
        match self.build(kind, reading, last, vocabulary) {
            Wish::Draft(wish) => Some(wish),
            Wish::Ask(_) => None,
        }
    }

    /// "draft a pause", "please prepare …", "can you propose …"; not "which drafts are pending".
    fn asks_for_draft(&self, words: &[&str]) -> bool {
        let Some(at) = words.iter().position(|w| self.ask.iter().any(|a| a == w)) else { return false };
        let before = at.checked_sub(1).map_or("", |i| words[i]);
        let opens = at == 0
            || matches!(
                before,
                "please"
                    | "you"
                    | "to"
                    | "then"
                    | "and"
                    | "yes"
                    | "ok"
                    | "now"
                    | "just"
                    | "me"
                    | "also"
                    | "i"
                    | "lets"
                    | "let"
                    | "us"
                    | "sure"
                    | "so"
                    | "can"
                    | "go"
                    | "a"
                    | "but"
                    | "adjutant"
            );
        let question = matches!(
            words.first(),
            Some(
                &("what"
                    | "which"
                    | "how"
                    | "why"
                    | "who"
                    | "where"
                    | "when"
                    | "show"
                    | "list"
                    | "any"
                    | "is"
                    | "are")
            )
        );
        let listing = words[at] == "drafts";
        opens && !question && !listing
    }

    fn kind(
        &self,
        reading: &Reading,
        words: &[&str],
        asked: bool,
        last: Option<&Past>,
    ) -> Option<&DraftType> {
        let named = reading.of_kind("campaign").next().is_some() || !reading.unsure.is_empty();
        let pointing = points(words);
        let hit = |list: &[String]| words.iter().position(|w| list.iter().any(|v| v == w));
        let fits = |t: &&DraftType| match t.kind.as_str() {
            "pause_campaign" | "resume_campaign" => hit(&t.verbs).is_some() && (named || pointing || asked),
            "increase_budget" | "decrease_budget" => {
                hit(&t.verbs).is_some()
                    && (hit(&t.objects).is_some() || (named && !reading.quantities.is_empty()))
            }
            "reallocate_budget" => hit(&t.verbs).is_some() && (hit(&t.objects).is_some() || asked),
            "add_negative_keyword" => {
                // "suggest negative keywords" asks which; a draft names the term.
                let which =
                    words.contains(&"negatives") || words.windows(2).any(|w| w == ["negative", "keywords"]);
                let named = !reading.quoted.is_empty() || words.contains(&"add") || words.contains(&"draft");
                (words.iter().any(|w| w.starts_with("negative")) && (named || !which))
                    || (hit(&t.verbs).is_some()
                        && hit(&t.objects).is_some()
                        && words.iter().any(|w| matches!(*w, "exclude" | "block")))
            }
            _ => hit(&t.verbs).is_some() && hit(&t.objects).is_some(),
        };
        self.drafts.iter().find(fits).or_else(|| {
            // "draft it", "yes, draft the second one": what the last result suggests.
            if !asked || !agrees(reading) {
                return None;
            }
            let past = last?;
            let result = past.calls.iter().rev().find_map(super::thread::Done::query)?;
            let first = suggested(&result)?;
            self.drafts.iter().find(|t| t.kind == first)
        })
    }

    fn build(
        &self,
        kind: &DraftType,
        reading: &Reading,
        last: Option<&Past>,
        vocabulary: &Vocabulary,
    ) -> Wish {
        let result = last.and_then(|past| meant(&kind.kind, past));
        let row = row_meant(reading, result.as_ref(), vocabulary);
        let made = match kind.kind.as_str() {
            "reallocate_budget" => proposals::reallocation(reading),
            "add_negative_keyword" => proposals::negatives(reading, result.as_ref(), row),
            "generate_content_brief" => proposals::brief(reading, last),
            "retargeting_audience" => proposals::audience(reading, last),
            "ad" => proposals::ad(reading, result.as_ref(), row),
            "increase_budget" | "decrease_budget" => proposals::budget(kind, reading, result.as_ref(), row),
            _ => proposals::campaign(reading, result.as_ref(), row)
                .map(|(id, name)| (json!({"campaign": id}), name)),
        };
        match made {
            Err(ask) => Wish::Ask(ask),
            Ok((args, target)) => {
                let args = args.as_object().cloned().unwrap_or_default();
                let evidence = kind
                    .evidence
                    .params
                    .iter()
                    .map(|(name, value)| {
                        let key = value.trim_matches(['{', '}']);
                        let found = args.get(key).or_else(|| args.get("from")).cloned();
                        found.map(|v| (name.clone(), v))
                    })
                    .collect::<Option<Map<String, Value>>>();
                let say = kind
                    .say
                    .replace("{campaign}", &target)
                    .replace("{segment}", &target)
                    .replace("{keyword}", &target);
                Wish::Draft(DraftWish {
                    tool: kind.kind.clone(),
                    evidence: evidence.map(|params| (kind.evidence.query.clone(), params)),
                    args,
                    target,
                    say,
                })
            }
        }
    }
}

/// The row of the last result that is meant: by its number, else the first of the platform that is named, else the first.
fn row_meant(reading: &Reading, result: Option<&QueryResult>, vocabulary: &Vocabulary) -> usize {
    let words = reading.texts();
    match vocabulary.ordinals.find(&words) {
        Some((_, _, n)) if *n > 0 => usize::try_from(n - 1).unwrap_or(0),
        Some(_) => usize::MAX,
        None => match (reading.vendors.first(), result) {
            (Some(vendor), Some(result)) => (0..result.rows.len())
                .find(|row| proposals::platform(result, *row).as_deref() == Some(&*vendor.value.platform))
                .unwrap_or(result.rows.len()),
            _ => 0,
        },
    }
}

/// The result of the turn before that a draft of this kind is about: of several the first that names such a thing, because
/// the first is what the answer began with.
fn meant(kind: &str, last: &Past) -> Option<QueryResult> {
    let mut results: Vec<QueryResult> = last.calls.iter().filter_map(super::thread::Done::query).collect();
    let fits = |result: &QueryResult| match kind {
        "add_negative_keyword" => proposals::names_term(result),
        _ => proposals::names_campaign(result),
    };
    match results.iter().position(fits) {
        Some(first) => Some(results.swap_remove(first)),
        None => results.pop(),
    }
}

/// What the rows of a result are usually drafted into.
fn suggested(result: &QueryResult) -> Option<&'static str> {
    if proposals::names_term(result) {
        return Some("add_negative_keyword");
    }
    let campaigns = result.columns.iter().any(|c| c.name.contains("campaign"));
    campaigns.then_some("pause_campaign")
}

#[cfg(test)]
mod tests;
