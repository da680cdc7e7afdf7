//! Block Kit as Slack checks it: unknown fields, missing fields, lengths, counts, unique ids. Limits are those of Slack's
//! reference pages for blocks, block elements and composition objects.
mod elements;
mod figures;
mod reader;
#[cfg(test)]
mod tests;

use reader::Reader;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where blocks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Message,
    Modal,
    Home,
}

impl Place {
    fn max_blocks(self) -> usize {
        match self {
            Self::Message => 50,
            Self::Modal | Self::Home => 100,
        }
    }
}

/// Everything that Slack would refuse, each with the pointer of the place, in Slack's own form
/// (`[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]`).
pub fn check(blocks: &Value, place: Place) -> Result<(), Vec<String>> {
    let mut reader = Reader::new(place);
    let Some(list) = blocks.as_array() else {
        return Err(vec!["[ERROR] must provide an array [json-pointer:/blocks]".to_owned()]);
    };
    if list.len() > place.max_blocks() {
        reader.error("/blocks", &format!("no more than {} items allowed", place.max_blocks()));
    }
    let mut ids = BTreeSet::new();
    for (n, block) in list.iter().enumerate() {
        let at = format!("/blocks/{n}");
        if let Some(id) = block["block_id"].as_str()
            && !ids.insert(id.to_owned())
        {
            reader.error(&format!("{at}/block_id"), &format!("block_id '{id}' is used twice"));
        }
        self::block(&mut reader, &at, block);
    }
    reader.whole();
    reader.done()
}

fn block(r: &mut Reader, at: &str, block: &Value) {
    let kind = block["type"].as_str().unwrap_or_default();
    r.text_field(at, block, "block_id", 255);
    match kind {
        "section" => section(r, at, block),
        "header" => {
            r.keys(at, block, &["text", "level"]);
            r.plain(at, block, "text", 150, true);
        }
        "divider" => r.keys(at, block, &[]),
        "context" => {
            r.keys(at, block, &["elements"]);
            for (at, element) in r.items(at, block, "elements", 1, 10) {
                if element["type"] == "image" {
                    elements::image(r, &at, element);
                } else {
                    r.text_object(&at, element, 3000, false);
                }
            }
        }
        "actions" => {
            r.keys(at, block, &["elements"]);
            let list = r.items(at, block, "elements", 1, 25);
            elements::unique(r, at, list.iter().map(|(_, e)| *e));
            for (at, element) in list {
                elements::interactive(r, &at, element, elements::Within::Actions);
            }
        }
        "context_actions" => {
            r.only_in_messages(at, kind);
            r.keys(at, block, &["elements"]);
            for (at, element) in r.items(at, block, "elements", 1, 5) {
                elements::context_action(r, &at, element);
            }
        }
        "input" => input(r, at, block),
        "image" => {
            r.keys(at, block, &["image_url", "slack_file", "alt_text", "title"]);
            elements::picture(r, at, block);
            r.plain(at, block, "title", 2000, false);
        }
        "rich_text" => {
            r.keys(at, block, &["elements"]);
            const PARTS: [&str; 4] =
                ["rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"];
            for (at, part) in r.items(at, block, "elements", 1, 1000) {
                if !part["type"].as_str().is_some_and(|t| PARTS.contains(&t)) || !part["elements"].is_array()
                {
                    r.error(&at, "must be a rich text section, list, preformatted or quote with elements");
                }
            }
        }
        "markdown" => {
            r.only_in_messages(at, kind);
            r.keys(at, block, &["text"]);
            let text = r.required_text(at, block, "text", 12_000);
            r.markdown += text;
        }
        "table" => figures::table(r, at, block),
        "data_table" => figures::data_table(r, at, block),
        "data_visualization" => figures::chart(r, at, block),
        "" => r.error(at, "missing required field: type"),
        other => r.error(&format!("{at}/type"), &format!("unsupported type: {other}")),
    }
}

fn section(r: &mut Reader, at: &str, block: &Value) {
    r.keys(at, block, &["text", "fields", "accessory", "expand"]);
    if block["text"].is_null() && block["fields"].is_null() {
        r.error(at, "must provide text or fields");
    }
    if !block["text"].is_null() {
        r.text_object(&format!("{at}/text"), &block["text"], 3000, false);
    }
    if !block["fields"].is_null() {
        for (at, field) in r.items(at, block, "fields", 1, 10) {
            r.text_object(&at, field, 2000, false);
        }
    }
    if !block["accessory"].is_null() {
        elements::interactive(r, &format!("{at}/accessory"), &block["accessory"], elements::Within::Section);
    }
}

fn input(r: &mut Reader, at: &str, block: &Value) {
    r.keys(at, block, &["label", "element", "hint", "optional", "dispatch_action"]);
    r.plain(at, block, "label", 2000, true);
    r.plain(at, block, "hint", 2000, false);
    if block["element"].is_null() {
        r.error(at, "missing required field: element");
    } else {
        elements::interactive(r, &format!("{at}/element"), &block["element"], elements::Within::Input);
    }
}

/// A view's own fields and its blocks.
pub fn check_view(view: &Value) -> Result<(), Vec<String>> {
    let (place, kind) = match view["type"].as_str() {
        Some("modal") => (Place::Modal, "modal"),
        Some("home") => (Place::Home, "home"),
        _ => return Err(vec!["[ERROR] must be one of modal, home [json-pointer:/type]".to_owned()]),
    };
    let mut r = Reader::new(place);
    let mut allowed = vec!["blocks", "private_metadata", "callback_id", "external_id"];
    if kind == "modal" {
        allowed.extend(["title", "close", "submit", "clear_on_close", "notify_on_close", "submit_disabled"]);
    }
    r.keys("", view, &allowed);
    r.text_field("", view, "private_metadata", 3000);
    r.text_field("", view, "callback_id", 255);
    r.text_field("", view, "external_id", 255);
    r.plain("", view, "title", 24, kind == "modal");
    r.plain("", view, "close", 24, false);
    r.plain("", view, "submit", 24, false);
    let blocks = view["blocks"].as_array().cloned().unwrap_or_default();
    let has_input = blocks.iter().any(|b| b["type"] == "input");
    if kind == "modal" && has_input && view["submit"].is_null() {
        r.error("/submit", "is required when the modal has input blocks");
    }
    let mut errors = r.done().err().unwrap_or_default();
    errors.extend(check(&view["blocks"], place).err().unwrap_or_default());
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Gives every block and every interactive element the ids that Slack makes up when they are not said.
pub fn fill_ids(blocks: &mut Value, next: &mut impl FnMut() -> String) {
    for block in blocks.as_array_mut().into_iter().flatten() {
        if block["block_id"].is_null() {
            block["block_id"] = json!(next());
        }
        for key in ["accessory", "element"] {
            if let Some(element) = block.get_mut(key) {
                fill_action(element, next);
            }
        }
        if matches!(block["type"].as_str(), Some("actions" | "context_actions")) {
            for element in block["elements"].as_array_mut().into_iter().flatten() {
                fill_action(element, next);
            }
        }
    }
}

fn fill_action(element: &mut Value, next: &mut impl FnMut() -> String) {
    if element["type"] != "image" && element["action_id"].is_null() {
        element["action_id"] = json!(next());
    }
}

/// The interactive elements of blocks with their block ids, in order: what a person can click or fill.
pub fn interactive(blocks: &[Value]) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    for block in blocks {
        let id = block["block_id"].as_str().unwrap_or_default();
        match block["type"].as_str() {
            Some("actions" | "context_actions") => {
                found.extend(block["elements"].as_array().into_iter().flatten().map(|e| (id, e)));
            }
            Some("section") if block["accessory"]["action_id"].is_string() => {
                found.push((id, &block["accessory"]));
            }
            Some("input") => found.push((id, &block["element"])),
            _ => {}
        }
    }
    found
}
