//! What a model is shown: results bounded in rows and characters, everything from data delimited as data.
use crate::catalogue::{Cell, QueryResult, few_in_row};
use serde_json::{Map, Value, json};

/// Characters of one text cell; names are shorter, pages of text are not wanted.
const LONGEST_CELL: usize = 160;
/// Figures on little data that are pointed out; where there are more, the rows show their counts all the same.
const MOST_FEW: usize = 12;
/// What may come with a question: where the asker is, what is looked at there, the message beside it, and the drafts that it is
/// about (number → title).
const CHIPS: [&str; 7] = ["page", "chart", "campaign", "segment", "date_range", "message", "drafts"];
/// Entries of one chip, and how deep they may lie: a chart has parameters, a parameter a window.
pub const ENTRIES: usize = 12;
const DEPTH: usize = 3;

/// A JSON value between `<data>` marks. Angle brackets inside are escaped, so that no value can close the mark.
pub fn data(value: &Value) -> String {
    let text = cleaned(value).to_string().replace('<', "\\u003c").replace('>', "\\u003e");
    format!("<data>{text}</data>")
}

/// The same cut at so many characters, and saying so.
pub fn bounded(value: &Value, characters: usize) -> String {
    let whole = data(value);
    let length = whole.chars().count();
    if length <= characters {
        return whole;
    }
    let text: String = cleaned(value).to_string().chars().take(characters.saturating_sub(80)).collect();
    data(&json!({"cut": text, "left_out_characters": length.saturating_sub(characters)}))
}

/// A result as the model reads it: at most `rows` rows and about `characters` characters, with how much was left out.
/// Each row begins with its number, which `calculate` refers to.
pub fn rows(result: &QueryResult, reference: &str, rows: usize, characters: usize) -> String {
    let shown: Vec<usize> =
        (0..result.columns.len()).filter(|i| result.columns.get(*i).is_some_and(|c| !c.hidden)).collect();
    let mut head = Map::new();
    head.insert("ref".into(), json!(reference));
    head.insert("query".into(), json!(format!("{}@{}", result.query, result.version)));
    head.insert("params".into(), Value::Object(result.params.clone()));
    if let Some(window) = result.window {
        head.insert(
            "window".into(),
            json!({"start": window.start, "end": window.end, "partial": result.partial}),
        );
    }
    if let Some(compare) = result.compare {
        head.insert("compare".into(), json!({"start": compare.start, "end": compare.end}));
    }
    head.insert("currency".into(), json!(result.currency));
    let freshness: Vec<Value> = result
        .freshness
        .iter()
        .map(|f| json!({"source": f.source, "newest": f.newest, "stale": f.stale}))
        .collect();
    head.insert("freshness".into(), Value::Array(freshness));
    if !result.notes.is_empty() {
        head.insert("notes".into(), json!(result.notes));
    }
    if !result.totals.is_empty() {
        head.insert("totals_over_all_rows".into(), json!(result.totals));
    }
    head.insert("total_rows".into(), json!(result.total_rows));
    let columns: Vec<Value> = std::iter::once(json!("row"))
        .chain(
            shown
                .iter()
                .filter_map(|i| result.columns.get(*i))
                .map(|c| json!(format!("{}:{}", c.name, type_word(c.kind)))),
        )
        .collect();
    head.insert("columns".into(), Value::Array(columns));
    let few: Vec<Value> = (0..result.rows.len().min(rows))
        .flat_map(|row| few_in_row(result, row).into_iter().map(move |found| (row, found)))
        .filter(|(_, (column, ..))| !column.hidden)
        .take(MOST_FEW)
        .map(|(row, (column, few, seen))| {
            json!({"row": row, "column": column.name, "only": format!("{} {}", seen.normalize(), few.what)})
        })
        .collect();
    if !few.is_empty() {
        head.insert("few_data".into(), Value::Array(few));
    }
    let mut budget = characters.saturating_sub(Value::Object(head.clone()).to_string().chars().count() + 64);
    let mut lines = Vec::new();
    for (number, row) in result.rows.iter().take(rows).enumerate() {
        let cells = shown.iter().map(|i| row.get(*i).map_or(Value::Null, cell));
        let line = Value::Array(std::iter::once(json!(number)).chain(cells).collect());
        let length = line.to_string().chars().count() + 1;
        if length > budget {
            break;
        }
        budget -= length;
        lines.push(line);
    }
    let left_out = result.total_rows.saturating_sub(u64::try_from(lines.len()).unwrap_or(u64::MAX));
    head.insert("rows".into(), Value::Array(lines));
    if left_out > 0 {
        head.insert("rows_left_out".into(), json!(left_out));
    }
    data(&Value::Object(head))
}

fn type_word(kind: crate::catalogue::ColumnType) -> String {
    serde_json::to_value(kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn cell(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(crate::text::clean(text, LONGEST_CELL)),
        Cell::Decimal(number) => json!(number.round_dp(6).normalize()),
        Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Date(_) | Cell::Instant(_) => json!(cell),
    }
}

/// A value without control characters and with bounded texts, whoever wrote them.
fn cleaned(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(crate::text::clean(text, 4_000)),
        Value::Array(items) => items.iter().map(cleaned).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (crate::text::clean(name, 100), cleaned(field))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The chips of a question as they may be stored and shown: known ones, of short texts and numbers. What cannot be kept
/// is refused: a filter that is silently left out would give an answer to another question.
pub fn chips(given: &Map<String, Value>) -> Result<Map<String, Value>, super::Error> {
    let mut kept = Map::new();
    for (name, value) in given {
        if !CHIPS.contains(&name.as_str()) {
            let name = crate::text::clean(name, 40);
            let known = CHIPS.join(", ");
            return Err(unusable(format!("The context '{name}' is not known; it may have {known}.")));
        }
        kept.insert(name.clone(), chip(name, value, DEPTH)?);
    }
    Ok(kept)
}

fn chip(name: &str, value: &Value, depth: usize) -> Result<Value, super::Error> {
    match value {
        Value::String(text) => Ok(json!(crate::text::clean(text, 200))),
        Value::Number(_) | Value::Bool(_) => Ok(value.clone()),
        Value::Object(fields) if depth > 0 && fields.len() <= ENTRIES => {
            let fields = fields
                .iter()
                .map(|(field, value)| Ok((crate::text::clean(field, 40), chip(name, value, depth - 1)?)));
            fields.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Value::Object(_) => Err(unusable(format!(
            "The context '{name}' is too large: at most {ENTRIES} entries, {DEPTH} levels deep."
        ))),
        Value::Null | Value::Array(_) => Err(unusable(format!(
            "The context '{name}' holds a list or null; give texts, numbers, or objects of them."
        ))),
    }
}

fn unusable(message: String) -> super::Error {
    super::Error::Invalid { code: "chat.context", message }
}

/// A rough count of tokens: four characters each, which errs on the side of too many for English.
pub fn tokens(text: &str) -> usize {
    text.chars().count() / 4 + 1
}

#[cfg(test)]
mod tests;
