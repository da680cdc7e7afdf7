//! Interactive elements and composition objects.
use super::reader::Reader;
use serde_json::Value;
use std::collections::BTreeSet;

/// What holds an element: not every element fits everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Actions,
    Section,
    Input,
}

/// Action ids must be unique within their block.
pub fn unique<'a>(r: &mut Reader, at: &str, elements: impl Iterator<Item = &'a Value>) {
    let mut seen = BTreeSet::new();
    for id in elements.filter_map(|e| e["action_id"].as_str()) {
        if !seen.insert(id) {
            r.error(
                &format!("{at}/elements"),
                &format!("action_id '{id}' already exists for another action"),
            );
        }
    }
}

/// Any element that a person can use, or an image beside a section.
pub fn interactive(r: &mut Reader, at: &str, element: &Value, within: Within) {
    let kind = element["type"].as_str().unwrap_or_default();
    r.text_field(at, element, "action_id", 255);
    match (kind, within) {
        ("image", Within::Section) => image(r, at, element),
        ("button", Within::Actions | Within::Section) => button(r, at, element),
        ("overflow", Within::Actions | Within::Section) => {
            r.keys(at, element, &["action_id", "options", "confirm"]);
            options(r, at, element, 5);
            confirm(r, at, element);
        }
        ("static_select", _) => select(r, at, element, &["options", "option_groups", "initial_option"]),
        ("multi_static_select", Within::Section | Within::Input) => {
            let own = ["options", "option_groups", "initial_options", "max_selected_items"];
            select(r, at, element, &own);
        }
        ("users_select", _) => select(r, at, element, &["initial_user"]),
        ("multi_users_select", Within::Section | Within::Input) => {
            select(r, at, element, &["initial_users", "max_selected_items"]);
        }
        ("conversations_select" | "channels_select", _) => {
            let own = [
                "initial_conversation",
                "initial_channel",
                "default_to_current_conversation",
                "filter",
                "response_url_enabled",
            ];
            select(r, at, element, &own);
        }
        ("checkboxes" | "radio_buttons", _) => {
            let own =
                ["action_id", "options", "initial_options", "initial_option", "confirm", "focus_on_load"];
            r.keys(at, element, &own);
            options(r, at, element, 10);
            confirm(r, at, element);
        }
        ("datepicker" | "timepicker" | "datetimepicker", _) => {
            let own = ["action_id", "initial_date", "initial_time", "initial_date_time", "timezone"];
            let common = ["placeholder", "confirm", "focus_on_load"];
            r.keys(at, element, &[&own[..], &common[..]].concat());
            r.plain(at, element, "placeholder", 150, false);
            confirm(r, at, element);
        }
        ("plain_text_input", Within::Input) => text_input(r, at, element),
        ("number_input", Within::Input) => {
            let own = ["is_decimal_allowed", "min_value", "max_value"];
            let common =
                ["action_id", "initial_value", "dispatch_action_config", "focus_on_load", "placeholder"];
            r.keys(at, element, &[&own[..], &common[..]].concat());
            if !element["is_decimal_allowed"].is_boolean() {
                r.error(at, "missing required field: is_decimal_allowed");
            }
            r.plain(at, element, "placeholder", 150, false);
        }
        ("email_text_input" | "url_text_input", Within::Input) => {
            let own =
                ["action_id", "initial_value", "dispatch_action_config", "focus_on_load", "placeholder"];
            r.keys(at, element, &own);
            r.plain(at, element, "placeholder", 150, false);
        }
        ("", _) => r.error(at, "missing required field: type"),
        (other, _) => r.error(&format!("{at}/type"), &format!("unsupported type: {other}")),
    }
}

fn button(r: &mut Reader, at: &str, element: &Value) {
    let own = ["action_id", "text", "value", "url", "style", "confirm", "accessibility_label"];
    r.keys(at, element, &own);
    r.plain(at, element, "text", 75, true);
    r.text_field(at, element, "value", 2000);
    r.text_field(at, element, "url", 3000);
    r.text_field(at, element, "accessibility_label", 75);
    style(r, at, element);
    confirm(r, at, element);
}

fn style(r: &mut Reader, at: &str, element: &Value) {
    let style = &element["style"];
    if !style.is_null() && !matches!(style.as_str(), Some("primary" | "danger")) {
        r.error(&format!("{at}/style"), "must be one of primary, danger");
    }
}

fn text_input(r: &mut Reader, at: &str, element: &Value) {
    let own = ["initial_value", "multiline", "min_length", "max_length"];
    let common = ["action_id", "dispatch_action_config", "focus_on_load", "placeholder"];
    r.keys(at, element, &[&own[..], &common[..]].concat());
    r.plain(at, element, "placeholder", 150, false);
    r.text_field(at, element, "initial_value", 3000);
    for (key, least) in [("min_length", 0), ("max_length", 1)] {
        let fits = element[key].as_u64().is_some_and(|n| (least..=3000).contains(&n));
        if !element[key].is_null() && !fits {
            r.error(&format!("{at}/{key}"), &format!("must be between {least} and 3000"));
        }
    }
}

fn select(r: &mut Reader, at: &str, element: &Value, own: &[&str]) {
    let common = ["action_id", "placeholder", "confirm", "focus_on_load"];
    r.keys(at, element, &[own, &common[..]].concat());
    r.plain(at, element, "placeholder", 150, false);
    confirm(r, at, element);
    if own.contains(&"options") {
        if element["option_groups"].is_null() {
            options(r, at, element, 100);
        } else {
            for (at, group) in r.items(at, element, "option_groups", 1, 100) {
                r.keys(&at, group, &["label", "options"]);
                r.plain(&at, group, "label", 75, true);
                options(r, &at, group, 100);
            }
        }
    }
}

fn options(r: &mut Reader, at: &str, element: &Value, max: usize) {
    let mut values = BTreeSet::new();
    for (at, option) in r.items(at, element, "options", 1, max) {
        r.keys(&at, option, &["text", "value", "description", "url"]);
        r.text_object(&format!("{at}/text"), &option["text"], 75, false);
        r.required_text(&at, option, "value", 150);
        if !option["description"].is_null() {
            r.text_object(&format!("{at}/description"), &option["description"], 75, false);
        }
        if let Some(value) = option["value"].as_str()
            && !values.insert(value)
        {
            r.error(&format!("{at}/value"), &format!("option value '{value}' is used twice"));
        }
    }
}

fn confirm(r: &mut Reader, at: &str, element: &Value) {
    let dialog = &element["confirm"];
    if dialog.is_null() {
        return;
    }
    let at = format!("{at}/confirm");
    r.keys(&at, dialog, &["title", "text", "confirm", "deny", "style"]);
    r.plain(&at, dialog, "title", 100, true);
    r.text_object(&format!("{at}/text"), &dialog["text"], 300, false);
    r.plain(&at, dialog, "confirm", 30, true);
    r.plain(&at, dialog, "deny", 30, true);
    style(r, &at, dialog);
}

/// An image element beside text.
pub fn image(r: &mut Reader, at: &str, element: &Value) {
    r.keys(at, element, &["image_url", "slack_file", "alt_text"]);
    picture(r, at, element);
}

/// What image blocks and image elements share.
pub fn picture(r: &mut Reader, at: &str, object: &Value) {
    r.required_text(at, object, "alt_text", 2000);
    r.text_field(at, object, "image_url", 3000);
    if object["image_url"].is_null() == object["slack_file"].is_null() {
        r.error(at, "must provide image_url or slack_file, not both");
    }
}

/// Thumbs under an answer, or an icon.
pub fn context_action(r: &mut Reader, at: &str, element: &Value) {
    r.text_field(at, element, "action_id", 255);
    match element["type"].as_str() {
        Some("feedback_buttons") => {
            r.keys(at, element, &["action_id", "positive_button", "negative_button"]);
            for key in ["positive_button", "negative_button"] {
                let (at, one) = (format!("{at}/{key}"), &element[key]);
                r.keys(&at, one, &["text", "value", "accessibility_label"]);
                r.plain(&at, one, "text", 75, true);
                r.required_text(&at, one, "value", 2000);
                r.text_field(&at, one, "accessibility_label", 75);
            }
        }
        Some("icon_button") => {
            let own = [
                "action_id",
                "icon",
                "text",
                "value",
                "confirm",
                "accessibility_label",
                "visible_to_user_ids",
            ];
            r.keys(at, element, &own);
            r.required_text(at, element, "icon", 75);
            r.plain(at, element, "text", 75, true);
            confirm(r, at, element);
        }
        _ => r.error(&format!("{at}/type"), "must be one of feedback_buttons, icon_button"),
    }
}
