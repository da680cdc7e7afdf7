//! Fields of a payload, where they are what they should be: a missing, null, empty or strangely typed one is absent.
use serde_json::Value;

/// The text at a JSON pointer.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The same, owned.
pub fn owned(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).map(str::to_owned)
}

/// The first of several pointers that leads to a text.
pub fn first(value: &Value, pointers: &[&str]) -> Option<String> {
    pointers.iter().find_map(|pointer| owned(value, pointer))
}

/// `true` only where it says so.
pub fn flag(value: &Value, pointer: &str) -> bool {
    match value.pointer(pointer) {
        Some(Value::Bool(yes)) => *yes,
        // Forms carry words.
        Some(Value::String(word)) => word == "true" || word == "1",
        _ => false,
    }
}

/// The list at a JSON pointer; nothing where there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What is there, or null.
pub fn any(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).cloned().unwrap_or_default()
}
