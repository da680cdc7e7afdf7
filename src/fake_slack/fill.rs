//! Filling in a modal: the `state.values` that Slack's client would send.
use super::act::NotThere;
use super::blocks;
use serde_json::{Map, Value, json};

/// The option of a select, menu, radio or checkbox with this value.
pub fn option(element: &Value, value: &str) -> Option<Value> {
    let plain = element["options"].as_array().into_iter().flatten();
    let grouped = element["option_groups"].as_array().into_iter().flatten();
    plain
        .chain(grouped.flat_map(|g| g["options"].as_array().into_iter().flatten()))
        .find(|o| o["value"] == value)
        .cloned()
}

/// The values of all inputs, given ones over initial ones, and the block ids that still need one.
pub fn state(list: &[Value], given: &[(&str, Value)]) -> Result<(Map<String, Value>, Vec<String>), NotThere> {
    let (mut values, mut blank) = (Map::new(), Vec::new());
    let mut used = Vec::new();
    for (block_id, element) in blocks::interactive(list) {
        let kind = element["type"].as_str().unwrap_or_default();
        let action_id = element["action_id"].as_str().unwrap_or_default();
        if kind == "button" || kind == "overflow" {
            continue;
        }
        let said = given.iter().find(|(name, _)| *name == block_id || *name == action_id);
        used.extend(said.map(|(name, _)| *name));
        let (filled, is_blank) = fill(element, said.map(|(_, value)| value))?;
        let block = list.iter().find(|b| b["block_id"] == block_id);
        let required = block.is_some_and(|b| b["type"] == "input" && b["optional"] != true);
        if is_blank && required {
            blank.push(block_id.to_owned());
        }
        values.insert(block_id.to_owned(), json!({action_id: filled}));
    }
    match given.iter().find(|(name, _)| !used.contains(name)) {
        Some((name, _)) => Err(NotThere(format!("there is no input '{name}'"))),
        None => Ok((values, blank)),
    }
}

/// One input's value, and whether it is empty.
fn fill(element: &Value, said: Option<&Value>) -> Result<(Value, bool), NotThere> {
    let kind = element["type"].as_str().unwrap_or_default();
    let chosen = |value: &Value| {
        let value = value.as_str().unwrap_or_default();
        option(element, value).ok_or_else(|| NotThere(format!("there is no option '{value}'")))
    };
    let (key, value) = match kind {
        "static_select" | "radio_buttons" => match said {
            Some(value) => ("selected_option", chosen(value)?),
            None => ("selected_option", element["initial_option"].clone()),
        },
        "checkboxes" | "multi_static_select" => match said {
            Some(list) => {
                let list: Result<Vec<Value>, NotThere> =
                    list.as_array().into_iter().flatten().map(chosen).collect();
                ("selected_options", json!(list?))
            }
            None => ("selected_options", element["initial_options"].clone()),
        },
        "conversations_select" => {
            let said = said.cloned().unwrap_or_else(|| element["initial_conversation"].clone());
            ("selected_conversation", said)
        }
        "users_select" => ("selected_user", said.cloned().unwrap_or_else(|| element["initial_user"].clone())),
        "datepicker" => ("selected_date", said.cloned().unwrap_or_else(|| element["initial_date"].clone())),
        _ => ("value", said.cloned().unwrap_or_else(|| element["initial_value"].clone())),
    };
    let blank = value.is_null() || value == "" || value == json!([]);
    // An empty field is null on the wire, never an empty string.
    let value = if value == "" { Value::Null } else { value };
    Ok((json!({"type": kind, key: value}), blank))
}
