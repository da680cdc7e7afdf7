//! Collects what is wrong with blocks; remembers what counts over a whole message.
use super::Place;
use serde_json::Value;

pub struct Reader {
    place: Place,
    errors: Vec<String>,
    /// Characters of all markdown blocks.
    pub markdown: usize,
    /// Characters of all table cells.
    pub cells: usize,
    pub tables: usize,
    pub charts: usize,
}

impl Reader {
    pub fn new(place: Place) -> Self {
        Self { place, errors: Vec::new(), markdown: 0, cells: 0, tables: 0, charts: 0 }
    }

    pub fn error(&mut self, at: &str, what: &str) {
        self.errors.push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    pub fn done(self) -> Result<(), Vec<String>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    /// Limits over all blocks together.
    pub fn whole(&mut self) {
        if self.markdown > 12_000 {
            self.error("/blocks", "markdown blocks must be less than 12001 characters in all");
        }
        if self.cells > 10_000 {
            self.error("/blocks", "table cells must be less than 10001 characters in all");
        }
        if self.tables > 1 {
            self.error("/blocks", "only one table is allowed");
        }
        if self.charts > 2 {
            self.error("/blocks", "no more than 2 data visualizations allowed");
        }
    }

    pub fn only_in_messages(&mut self, at: &str, kind: &str) {
        if self.place != Place::Message {
            self.error(&format!("{at}/type"), &format!("unsupported type: {kind}"));
        }
    }

    /// Fields that Slack does not know are refused; `type` and `block_id` always fit.
    pub fn keys(&mut self, at: &str, object: &Value, allowed: &[&str]) {
        for key in object.as_object().into_iter().flat_map(|o| o.keys()) {
            if !allowed.contains(&key.as_str()) && key != "type" && key != "block_id" {
                self.error(at, &format!("invalid additional property: {key}"));
            }
        }
    }

    /// The items of a list that must hold `min` to `max` of them, with their pointers.
    pub fn items<'a>(
        &mut self,
        at: &str,
        object: &'a Value,
        key: &str,
        min: usize,
        max: usize,
    ) -> Vec<(String, &'a Value)> {
        let at = format!("{at}/{key}");
        let Some(list) = object[key].as_array() else {
            self.error(&at, "must provide an array");
            return Vec::new();
        };
        if list.len() < min {
            self.error(&at, &format!("no less than {min} items allowed"));
        }
        if list.len() > max {
            self.error(&at, &format!("no more than {max} items allowed"));
        }
        list.iter().enumerate().map(|(n, item)| (format!("{at}/{n}"), item)).collect()
    }

    fn length(&mut self, at: &str, text: &str, min: usize, max: usize) -> usize {
        let length = text.chars().count();
        if length > max {
            self.error(at, &format!("must be less than {} characters", max + 1));
        }
        if length < min {
            self.error(at, &format!("must be more than {} characters", min - 1));
        }
        length
    }

    /// An optional text field.
    pub fn text_field(&mut self, at: &str, object: &Value, key: &str, max: usize) {
        let at = format!("{at}/{key}");
        match object[key].as_str() {
            Some(text) => drop(self.length(&at, text, 0, max)),
            None if object[key].is_null() => {}
            None => self.error(&at, "must be a string"),
        }
    }

    /// A text field that must be there; its length.
    pub fn required_text(&mut self, at: &str, object: &Value, key: &str, max: usize) -> usize {
        match object[key].as_str() {
            Some(text) => self.length(&format!("{at}/{key}"), text, 1, max),
            None => {
                self.error(at, &format!("missing required field: {key}"));
                0
            }
        }
    }

    /// A text object under a key that takes plain text only.
    pub fn plain(&mut self, at: &str, object: &Value, key: &str, max: usize, required: bool) {
        let text = &object[key];
        if !text.is_null() {
            self.text_object(&format!("{at}/{key}"), text, max, true);
        } else if required {
            self.error(at, &format!("missing required field: {key}"));
        }
    }

    /// A text object; `plain` refuses mrkdwn.
    pub fn text_object(&mut self, at: &str, object: &Value, max: usize, plain: bool) {
        let allowed: &[&str] = match object["type"].as_str() {
            Some("plain_text") => &["text", "emoji"],
            Some("mrkdwn") if !plain => &["text", "verbatim"],
            Some("mrkdwn") => return self.error(&format!("{at}/type"), "must be plain_text"),
            _ => return self.error(at, "must be a plain_text or mrkdwn object"),
        };
        self.keys(at, object, allowed);
        self.required_text(at, object, "text", max);
    }
}
