//! Whether playbooks fit the catalogue: queries, parameters, references, arguments and draft types that they name.
use super::{ArgType, Playbook, Playbooks, Reference, Stop, line_of};
use crate::catalogue::{ColumnType, ParamType, Query};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a check compares a playbook with: the queries, and the draft types.
pub struct Offer<'a> {
    pub queries: &'a BTreeMap<String, Query>,
    pub drafts: &'a [String],
}

/// Every fault of the playbook files, with file and line; empty when all is well.
pub fn check(files: &[(String, String)], offer: &Offer<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut commands: BTreeMap<String, String> = BTreeMap::new();
    for (path, text) in files {
        let books = match Playbooks::parse(std::slice::from_ref(&(path.clone(), text.clone()))) {
            Ok(books) => books,
            Err(e) => {
                faults.push(e.to_string());
                continue;
            }
        };
        for book in books.iter() {
            let mut fault =
                |needle: &str, what: String| faults.push(format!("{path}:{}: {what}", line_of(text, needle)));
            for word in book.command.iter().chain(&book.aliases) {
                if let Some(other) = commands.insert(word.clone(), path.clone()) {
                    fault("command:", format!("the command '{word}' is also that of {other}"));
                }
            }
            if book.steps.is_empty() && book.says.is_none() {
                fault("name:", "has neither steps nor says; give it one".to_owned());
            }
            let args: BTreeSet<&str> = book.args.iter().map(|a| a.name.as_str()).collect();
            for arg in &book.args {
                if arg.kind == ArgType::Enum && arg.values.is_empty() {
                    fault("args:", format!("the argument '{}' is an enum without values", arg.name));
                }
                if let (Some(min), Some(max)) = (arg.min, arg.max)
                    && min > max
                {
                    fault("args:", format!("the argument '{}' has min {min} above max {max}", arg.name));
                }
            }
            for (at, step) in book.steps.iter().enumerate() {
                let needle = format!("- id: {}", step.id);
                match offer.queries.get(&step.query) {
                    None if step.optional => {}
                    None => fault(
                        &needle,
                        format!(
                            "step '{}' calls '{}', which is no query of the catalogue",
                            step.id, step.query
                        ),
                    ),
                    Some(query) => {
                        for (name, reference) in &step.from {
                            let place = format!("step '{}': '{name}'", step.id);
                            for problem in misplaced(reference, at, book, query, name, offer) {
                                fault(&needle, format!("{place} {problem}"));
                            }
                        }
                        for problem in step.stop.iter().flat_map(|stop| never(stop, query)) {
                            fault(&needle, format!("step '{}': {problem}", step.id));
                        }
                        let known: Vec<&str> = query.params.iter().map(|p| p.name.as_str()).collect();
                        let given = step.params.keys().chain(step.from.keys());
                        for name in given.filter(|n| !known.contains(&n.as_str())) {
                            fault(
                                &needle,
                                format!(
                                    "step '{}': {} has no parameter '{name}'; it has: {}",
                                    step.id,
                                    step.query,
                                    known.join(", ")
                                ),
                            );
                        }
                    }
                }
                for value in step.params.values().filter_map(Value::as_str) {
                    if let Some(name) = value.strip_prefix('{').and_then(|v| v.strip_suffix('}'))
                        && !args.contains(name)
                    {
                        fault(
                            &needle,
                            format!("step '{}' uses the argument '{name}', which is not declared", step.id),
                        );
                    }
                }
                for need in step.needs.iter().filter(|n| !args.contains(n.as_str())) {
                    fault(
                        &needle,
                        format!("step '{}' needs the argument '{need}', which is not declared", step.id),
                    );
                }
            }
            for draft in book.drafts.iter().filter(|d| !offer.drafts.contains(d)) {
                fault("drafts:", format!("'{draft}' is no draft type; one of: {}", offer.drafts.join(", ")));
            }
        }
    }
    faults
}

/// Why a stop, or what it leaves out, can never hold: its column or one of its values is not the query's.
fn never(stop: &Stop, query: &Query) -> Vec<String> {
    let mut out = Vec::new();
    if stop.column.is_none() && !stop.no_rows && stop.nothing_in.is_none() {
        out.push("the stop has none of 'column', 'no_rows' and 'nothing_in', so it never stops".to_owned());
    }
    let figures =
        |kind| !matches!(kind, ColumnType::Text | ColumnType::Date | ColumnType::Instant | ColumnType::Bool);
    if let Some(column) = &stop.nothing_in
        && !query.columns.iter().any(|c| c.name == *column && figures(c.kind))
    {
        out.push(format!("the stop looks at '{column}', which is no column of figures of {}", query.name));
    }
    let own = stop.column.iter().map(|column| (column, &stop.is));
    for (column, is) in own.chain(stop.unless.iter().map(|unless| (&unless.column, &unless.is))) {
        if !query.columns.iter().any(|c| c.name == *column && c.kind == ColumnType::Text) {
            out.push(format!("the stop looks at '{column}', which is no column of texts of {}", query.name));
        }
        if is.is_empty() {
            out.push(format!("the stop names no value of '{column}'; list some under 'is'"));
        }
        let Some(words) = query.words.get(column) else { continue };
        for value in is.iter().filter(|value| !words.contains(value)) {
            out.push(format!(
                "the stop waits for '{value}', which '{column}' of {} never is; it is one of: {}",
                query.name,
                words.join(", ")
            ));
        }
    }
    out
}

/// The columns whose values a parameter takes; none for one that is neither a list nor a number.
fn columns_for(kind: &ParamType) -> &'static [ColumnType] {
    use ColumnType as C;
    use ParamType as P;
    match kind {
        P::Entities(_) | P::Segments => &[C::Text],
        P::Percent => &[C::Fraction],
        P::Money => &[C::Money],
        P::Integer | P::Days => &[C::Count, C::Days],
        P::Number => &[C::Count, C::Number, C::Ratio],
        P::DateRange { .. }
        | P::Compare
        | P::Granularity
        | P::Channel
        | P::Platform
        | P::Source
        | P::Entity(_)
        | P::Segment
        | P::Metric { .. }
        | P::Enum { .. }
        | P::Text
        | P::Bool
        | P::Lead => &[],
    }
}

/// What is wrong with a reference of the step `at` of a book to an earlier one.
fn misplaced(
    reference: &Reference,
    at: usize,
    book: &Playbook,
    query: &Query,
    name: &str,
    offer: &Offer<'_>,
) -> Vec<String> {
    let mut out = Vec::new();
    let param = query.params.iter().find(|p| p.name == name);
    let fits = param.map_or(&[ColumnType::Text][..], |param| columns_for(&param.kind));
    if fits.is_empty() {
        out.push(format!(
            "of {} takes neither a list nor a number, so it cannot come from a column",
            query.name
        ));
    }
    if !(1..=10).contains(&reference.most) {
        out.push(format!("takes 1 to 10 values, not {}", reference.most));
    }
    let earlier: Vec<&str> = book.steps.iter().take(at).map(|s| s.id.as_str()).collect();
    let Some(source) = book.steps.iter().take(at).find(|s| s.id == reference.step) else {
        let known = if earlier.is_empty() { "there is none".to_owned() } else { earlier.join(", ") };
        out.push(format!("refers to '{}', which is no earlier step ({known})", reference.step));
        return out;
    };
    let Some(found) = offer.queries.get(&source.query) else { return out };
    match found.columns.iter().find(|c| c.name == reference.column) {
        Some(column) if fits.is_empty() || fits.contains(&column.kind) => {}
        Some(_) => {
            let wanted = if fits == [ColumnType::Text] { "texts" } else { "numbers of that kind" };
            out.push(format!("refers to the column '{}', which holds no {wanted}", reference.column));
        }
        None => {
            let known: Vec<&str> = found.columns.iter().map(|c| c.name.as_str()).collect();
            out.push(format!(
                "refers to the column '{}', which {} has not; it has: {}",
                reference.column,
                found.name,
                known.join(", ")
            ));
        }
    }
    out
}
