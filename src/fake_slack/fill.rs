//! What Slack's client makes of a click and of a filled-in modal: the action, and the `state.values`.
use super::act::{NotThere, absent};
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

/// Elements whose choice is an id or a date: the field of the choice, and of what was chosen at first.
fn plain(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "users_select" => ("selected_user", "initial_user"),
        "multi_users_select" => ("selected_users", "initial_users"),
        "conversations_select" => ("selected_conversation", "initial_conversation"),
        "channels_select" => ("selected_channel", "initial_channel"),
        "datepicker" => ("selected_date", "initial_date"),
        "timepicker" => ("selected_time", "initial_time"),
        _ => return None,
    })
}

/// One input's value, and whether it is empty.
fn fill(element: &Value, said: Option<&Value>) -> Result<(Value, bool), NotThere> {
    let kind = element["type"].as_str().unwrap_or_default();
    let chosen = |value: &Value| {
        let value = value.as_str().unwrap_or_default();
        option(element, value).ok_or_else(|| NotThere(format!("there is no option '{value}'")))
    };
    let (key, value) = match (kind, plain(kind)) {
        (_, Some((key, initial))) => (key, said.cloned().unwrap_or_else(|| element[initial].clone())),
        ("static_select" | "radio_buttons", None) => match said {
            Some(value) => ("selected_option", chosen(value)?),
            None => ("selected_option", element["initial_option"].clone()),
        },
        ("checkboxes" | "multi_static_select", None) => match said {
            Some(list) => {
                let list: Result<Vec<Value>, NotThere> =
                    list.as_array().into_iter().flatten().map(chosen).collect();
                ("selected_options", json!(list?))
            }
            None => ("selected_options", element["initial_options"].clone()),
        },
        (_, None) => ("value", said.cloned().unwrap_or_else(|| element["initial_value"].clone())),
    };
    let blank = value.is_null() || value == "" || value == json!([]);
    // An empty field is null on the wire, never an empty string.
    let value = if value == "" { Value::Null } else { value };
    Ok((json!({"type": kind, key: value}), blank))
}

/// The action of a payload: the element named by its action id or label, with the value that was chosen.
pub fn action(list: &[Value], name: &str, value: Option<&str>, action_ts: &str) -> Result<Value, NotThere> {
    let elements = blocks::interactive(list);
    let found = elements
        .iter()
        .find(|(_, e)| e["action_id"] == name)
        .or_else(|| elements.iter().find(|(_, e)| e["text"]["text"] == name));
    let Some((block_id, element)) = found else { return absent("button or menu", name) };
    let mut action = json!({
        "type": element["type"], "action_id": element["action_id"], "block_id": block_id,
        "action_ts": action_ts,
    });
    let kind = element["type"].as_str().unwrap_or_default();
    if let (Some(value), Some((key, _))) = (value, plain(kind)) {
        action[key] = json!(value);
        return Ok(action);
    }
    match (kind, value) {
        ("button", _) => {
            action["text"] = element["text"].clone();
            if !element["value"].is_null() {
                action["value"] = element["value"].clone();
            }
        }
        ("feedback_buttons", Some(value)) => {
            let pressed = ["positive_button", "negative_button"]
                .into_iter()
                .map(|key| &element[key])
                .find(|b| b["value"] == value);
            let Some(pressed) = pressed else { return absent("feedback button", value) };
            action["text"] = pressed["text"].clone();
            action["value"] = json!(value);
        }
        (_, Some(value)) => {
            let Some(option) = option(element, value) else { return absent("option", value) };
            action["selected_option"] = option;
        }
        (_, None) => return absent("value for", name),
    }
    Ok(action)
}
