//! A draft's editable fields as text, for surfaces with plain inputs: what stands there now, and how text becomes a value.
//!
//! Pure. What a field takes follows from the tool schema of its action: one line, one entry a line, a choice, yes or no.
use super::DraftError;
use super::action::Action;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How a field is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Line,
    /// Several lines of running text.
    Text,
    /// One entry a line.
    Lines,
    Choice(Vec<String>),
    YesNo,
}

/// One editable field of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// `new_daily_budget` as people read it.
    pub label: String,
    /// How to write it, where that is not plain.
    pub hint: Option<String>,
    /// What stands there now; empty = nothing.
    pub value: String,
    pub input: Input,
}

/// What the schema says a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Text {
        longest: u64,
    },
    Amount,
    Number {
        whole: bool,
    },
    YesNo,
    Choice(Vec<String>),
    Lines,
    /// `text | MARK` a line: an object with `text` and one more key from a closed list.
    Marked {
        key: String,
        marks: Vec<String>,
    },
    /// A heading a line, its points below with a dash.
    Outline,
    /// Fewest and most.
    Range,
}

/// The editable fields of an action with the arguments that stand now, in the order of the action file.
pub fn fields(action: &Action, args: &Map<String, Value>) -> Vec<Field> {
    let shown = |name: &String| {
        let (shape, description) = shape_of(action, name)?;
        let value = args.get(name).filter(|v| !v.is_null());
        Some(Field {
            name: name.clone(),
            label: label(name),
            hint: hint(&shape).map(str::to_owned).or(description),
            value: value.map(|v| show(&shape, v)).unwrap_or_default(),
            input: input(&shape),
        })
    };
    action.file.editable.iter().filter_map(shown).collect()
}

/// The fields whose text differs from what stood there, as values. An emptied field becomes `null`: taken out.
pub fn changes(
    action: &Action,
    before: &[Field],
    filled: &BTreeMap<String, String>,
) -> Result<Map<String, Value>, DraftError> {
    let mut out = Map::new();
    for field in before {
        let Some(text) = filled.get(&field.name).map(|text| text.trim()) else { continue };
        if text == field.value.trim() {
            continue;
        }
        let Some((shape, _)) = shape_of(action, &field.name) else { continue };
        let value = if text.is_empty() { Value::Null } else { read(&shape, &field.name, text)? };
        out.insert(field.name.clone(), value);
    }
    Ok(out)
}

/// One `field: text` as somebody wrote it, by the field's name or label. `None`: no editable field is called that.
pub fn assignment(action: &Action, name: &str, text: &str) -> Option<Result<(String, Value), DraftError>> {
    let folded = name.trim().to_lowercase().replace([' ', '-'], "_");
    let field = action.file.editable.iter().find(|field| **field == folded)?;
    let (shape, _) = shape_of(action, field)?;
    Some(read(&shape, field, text.trim()).map(|value| (field.clone(), value)))
}

/// The field that a fault of `revise` or of the schema is about: `/changes/pct`, `/keywords/0/text`.
pub fn field_of_pointer(pointer: &str) -> &str {
    let mut parts = pointer.split('/').filter(|part| !part.is_empty());
    match parts.next() {
        Some("changes") => parts.next().unwrap_or_default(),
        Some(first) => first,
        None => "",
    }
}

/// `new_daily_budget` → `New daily budget`.
fn label(name: &str) -> String {
    let words = match name {
        "pct" => "percent",
        other => other,
    };
    let mut text = words.replace('_', " ");
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    text.replace(" url", " URL").replace("utm ", "UTM ").replace("Utm ", "UTM ")
}

fn shape_of(action: &Action, name: &str) -> Option<(Shape, Option<String>)> {
    let schema = action.tool_schema.get("properties")?.get(name)?;
    let description = schema.get("description").and_then(Value::as_str).map(str::to_owned);
    Some((shape(schema)?, description))
}

fn words(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn shape(schema: &Value) -> Option<Shape> {
    if schema.get("enum").is_some() {
        return Some(Shape::Choice(words(schema.get("enum"))));
    }
    let kind = schema.get("type")?;
    if kind.is_array() {
        return Some(Shape::Amount);
    }
    Some(match kind.as_str()? {
        "boolean" => Shape::YesNo,
        "number" => Shape::Number { whole: false },
        "integer" => Shape::Number { whole: true },
        "string" => Shape::Text { longest: schema.get("maxLength").and_then(Value::as_u64).unwrap_or(3000) },
        "array" => items(schema.get("items")?)?,
        _ => return None,
    })
}

fn items(schema: &Value) -> Option<Shape> {
    if let Some(either) = schema.get("anyOf").and_then(Value::as_array) {
        let object = either.iter().find(|s| s.get("type") == Some(&json!("object")))?;
        let properties = object.get("properties")?.as_object()?;
        let (key, marks) = properties.iter().find(|(key, _)| *key != "text")?;
        return Some(Shape::Marked { key: key.clone(), marks: words(marks.get("enum")) });
    }
    match schema.get("type")?.as_str()? {
        "string" => Some(Shape::Lines),
        "integer" => Some(Shape::Range),
        "object" => Some(Shape::Outline),
        _ => None,
    }
}

fn input(shape: &Shape) -> Input {
    match shape {
        Shape::Amount | Shape::Number { .. } | Shape::Range => Input::Line,
        Shape::Text { longest } if *longest <= 128 => Input::Line,
        Shape::Text { .. } => Input::Text,
        Shape::YesNo => Input::YesNo,
        Shape::Choice(words) => Input::Choice(words.clone()),
        Shape::Lines | Shape::Marked { .. } | Shape::Outline => Input::Lines,
    }
}

fn hint(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Lines => Some("One a line."),
        Shape::Marked { .. } => Some("One a line; a mark such as EXACT after a bar: text | EXACT."),
        Shape::Outline => Some("A heading a line, its points below it, each with a dash."),
        Shape::Range => Some("Fewest and most, such as 900-1400."),
        Shape::Text { .. } | Shape::Amount | Shape::Number { .. } | Shape::YesNo | Shape::Choice(_) => None,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn show(shape: &Shape, value: &Value) -> String {
    let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
    match shape {
        Shape::Text { .. } | Shape::Amount | Shape::Number { .. } | Shape::Choice(_) => plain(value),
        Shape::YesNo => if value.as_bool() == Some(true) { "yes" } else { "no" }.to_owned(),
        Shape::Lines => entries.iter().map(plain).collect::<Vec<_>>().join("\n"),
        Shape::Range => entries.iter().map(plain).collect::<Vec<_>>().join("-"),
        Shape::Marked { key, .. } => {
            let line = |entry: &Value| {
                let text = entry.get("text").map_or_else(|| plain(entry), plain);
                match entry.get(key).and_then(Value::as_str) {
                    Some(mark) => format!("{text} | {mark}"),
                    None => text,
                }
            };
            entries.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Shape::Outline => {
            let section = |entry: &Value| {
                let points = entry.get("points").and_then(Value::as_array).map(Vec::as_slice);
                let mut lines = vec![entry.get("heading").map(plain).unwrap_or_default()];
                lines.extend(points.unwrap_or_default().iter().map(|p| format!("- {}", plain(p))));
                lines.join("\n")
            };
            entries.iter().map(section).collect::<Vec<_>>().join("\n")
        }
    }
}

fn read(shape: &Shape, field: &str, text: &str) -> Result<Value, DraftError> {
    let fault = |message: &str| DraftError::payload(format!("/{field}"), message.to_owned());
    Ok(match shape {
        Shape::Text { .. } => json!(text),
        Shape::Amount => {
            let digits = text.chars().all(|c| c.is_ascii_digit() || c == '.');
            let amount = text.parse::<rust_decimal::Decimal>().ok().filter(|_| digits);
            json!(amount.ok_or_else(|| fault("Write an amount such as 60 or 60.50."))?.to_string())
        }
        Shape::Number { whole: true } => {
            json!(text.parse::<i64>().map_err(|_| fault("Write a whole number."))?)
        }
        Shape::Number { whole: false } => {
            let number = text.trim_end_matches('%').trim().parse::<f64>().ok().filter(|n| n.is_finite());
            json!(number.ok_or_else(|| fault("Write a number such as 15 or 12.5."))?)
        }
        Shape::YesNo => match text.to_lowercase().as_str() {
            "yes" | "true" => json!(true),
            "no" | "false" => json!(false),
            _ => return Err(fault("Write yes or no.")),
        },
        Shape::Choice(words) => {
            let known = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            match known {
                Some(word) => json!(word),
                None => {
                    let message = format!("Choose one of: {}.", words.join(", "));
                    return Err(DraftError::choice(format!("/{field}"), message, words.clone()));
                }
            }
        }
        Shape::Lines => lines(text).map(|line| json!(line)).collect(),
        Shape::Marked { key, marks } => lines(text).map(|line| marked(line, key, marks)).collect(),
        Shape::Outline => outline(text),
        Shape::Range => {
            let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
            let numbers: Vec<i64> = numbers.filter_map(|part| part.parse().ok()).collect();
            match numbers.as_slice() {
                [low, high] if low <= high => json!(numbers),
                _ => return Err(fault("Write the fewest and the most, such as 900-1400.")),
            }
        }
    })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn marked(line: &str, key: &str, marks: &[String]) -> Value {
    let split = line.rsplit_once('|').and_then(|(text, mark)| {
        let mark = marks.iter().find(|known| known.eq_ignore_ascii_case(mark.trim()))?;
        Some((text.trim(), mark))
    });
    match split {
        Some((text, mark)) => json!({"text": text, key: mark}),
        None => json!({"text": line}),
    }
}

fn outline(text: &str) -> Value {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines(text) {
        match (line.strip_prefix('-'), sections.last_mut()) {
            (Some(point), Some((_, points))) => points.push(point.trim().to_owned()),
            (Some(heading), None) => sections.push((heading.trim().to_owned(), Vec::new())),
            (None, _) => sections.push((line.to_owned(), Vec::new())),
        }
    }
    sections.into_iter().map(|(heading, points)| json!({"heading": heading, "points": points})).collect()
}

#[cfg(test)]
mod tests;
