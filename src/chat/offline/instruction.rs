//! An instruction to a draft that is there, as the fields it changes: "only by 10 %", "make it 60 a day".
//!
//! Understood is only what is understood whole. A word that is not known may turn the sense of all others ("10 % on
//! weekdays"), and what a reviewer did not say must not stand in a revision.
use super::drafting::Drafting;
use super::normalise;
use super::proposals::number;
use super::values::{Quantity, Unit, quantity};
use super::vocabulary::{Vocabulary, VocabularyError};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// What an instruction changes in a draft of this type, in the terms of its tool. `None`: it is not understood.
pub fn instructed(
    kind: &str,
    currency: &str,
    instruction: &str,
) -> Result<Option<Map<String, Value>>, VocabularyError> {
    Ok(read(&Drafting::embedded()?, &Vocabulary::embedded()?, kind, currency, instruction))
}

fn read(
    drafting: &Drafting,
    vocabulary: &Vocabulary,
    kind: &str,
    currency: &str,
    instruction: &str,
) -> Option<Map<String, Value>> {
    let figures = drafting.edit.figures.iter().find(|f| f.types.iter().any(|t| t == kind))?;
    let verbs = &drafting.drafts.iter().find(|draft| draft.kind == kind)?.verbs;
    if !is_plain(instruction) {
        return None;
    }
    let words = normalise::words(instruction);
    let mut found: Option<Quantity> = None;
    let (mut at, mut own_verb) = (0, false);
    while let Some(word) = words.get(at) {
        if let Some(figure) = quantity(&words, at, vocabulary) {
            at += figure.len;
            if found.replace(figure).is_some() {
                return None;
            }
            continue;
        }
        let verb = verbs.contains(&word.text);
        if !verb && !drafting.edit.words.contains(&word.text) {
            return None;
        }
        own_verb |= verb;
        at += 1;
    }
    let figure = found.filter(|figure| figure.value > Decimal::ZERO)?;
    let before = figure.at.checked_sub(1).and_then(|at| words.get(at)).map_or("", |word| word.text.as_str());
    let daily = words.iter().any(|word| matches!(word.text.as_str(), "day" | "daily"));
    let (field, value) = match &figure.unit {
        // "Cut it to 10 %" may be meant of the budget or of the step.
        Unit::Percent if matches!(before, "to" | "at") => return None,
        Unit::Percent => (figures.percent.as_ref()?, number(figure.value)),
        // "By 10" says neither by how many percent nor to what amount.
        Unit::Money(_) | Unit::Plain if before == "by" => return None,
        Unit::Money(Some(code)) if !code.eq_ignore_ascii_case(currency) => return None,
        Unit::Plain if before != "to" && !daily => return None,
        // "Raise it 60 a day" is a step, "raise it to 60 a day" a budget.
        Unit::Money(_) | Unit::Plain if own_verb && !figures.step && !matches!(before, "to" | "at") => {
            return None;
        }
        Unit::Money(_) | Unit::Plain => {
            (figures.amount.as_ref()?, json!(figure.value.normalize().to_string()))
        }
        Unit::Multiple => return None,
    };
    Some(Map::from_iter([(field.clone(), value)]))
}

/// Words, one way to write a figure, and marks that turn no sense: "~60", "< 60", "60+" and a question are for people to read,
/// and "1.200" is one amount in Zurich and another in London.
fn is_plain(instruction: &str) -> bool {
    let text = instruction.trim().trim_end_matches(['.', '!']);
    let marks = text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "%.,€$£".contains(c));
    let thousands = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).any(|figure| {
        figure.split_once('.').is_some_and(|(whole, rest)| !whole.is_empty() && rest.len() == 3)
    });
    marks && !thousands
}

#[cfg(test)]
mod tests;
