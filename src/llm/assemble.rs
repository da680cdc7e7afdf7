//! Tool calls put together from the pieces of a stream.
use super::wire::CallPart;
use super::{ChatEvent, ToolCall};
use serde_json::{Map, Value};

#[derive(Default)]
struct Slot {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    arguments: String,
    extra: Map<String, Value>,
}

/// Collects the parts of all calls of one answer.
#[derive(Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
}

impl Calls {
    /// Adds a part to the call it belongs to: by index, but a new id under an old index is a new call (some providers
    /// number every call 0); by id; else to the last call, unless that one is named and has its arguments already.
    pub fn add(&mut self, part: CallPart) {
        let found = match (&part.index, &part.id) {
            (Some(index), id) => self.slots.iter().rposition(|slot| {
                slot.index == Some(*index) && (id.is_none() || slot.id.is_none() || slot.id == *id)
            }),
            (None, Some(id)) => self.slots.iter().rposition(|slot| slot.id.as_ref() == Some(id)),
            (None, None) => {
                let last = self.slots.len().checked_sub(1);
                last.filter(|i| {
                    part.name.is_none() || self.slots.get(*i).is_some_and(|s| s.arguments.is_empty())
                })
            }
        };
        let at = found.unwrap_or_else(|| {
            self.slots.push(Slot { index: part.index, ..Slot::default() });
            self.slots.len() - 1
        });
        let Some(slot) = self.slots.get_mut(at) else { return };
        if slot.id.is_none() {
            slot.id = part.id;
        }
        if slot.name.is_empty() {
            slot.name = part.name.unwrap_or_default();
        }
        slot.arguments.push_str(&part.arguments);
        slot.extra.extend(part.extra);
    }

    /// Characters held, for the bound on a stream.
    pub fn size(&self) -> usize {
        self.slots.iter().map(|slot| slot.arguments.len()).sum()
    }

    /// The calls in their order, each with what its provider wants echoed. Ids left out are made up: `call_1`, `call_2`…
    pub fn finish(self) -> Vec<(ChatEvent, Map<String, Value>)> {
        let events = self.slots.into_iter().enumerate().map(|(n, slot)| {
            let id = slot.id.unwrap_or_else(|| format!("call_{}", n + 1));
            let text = if slot.arguments.trim().is_empty() { "{}" } else { slot.arguments.trim() };
            let event = match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(arguments)) => ChatEvent::Call(ToolCall { id, name: slot.name, arguments }),
                // A null stands for "no arguments" with several local servers.
                Ok(Value::Null) => ChatEvent::Call(ToolCall { id, name: slot.name, arguments: Map::new() }),
                Ok(_) => ChatEvent::BadCall {
                    id,
                    name: slot.name,
                    problem: "the arguments are not a JSON object".to_owned(),
                    arguments: slot.arguments,
                },
                Err(error) => ChatEvent::BadCall {
                    id,
                    name: slot.name,
                    problem: format!("the arguments are not valid JSON: {error}"),
                    arguments: slot.arguments,
                },
            };
            (event, slot.extra)
        });
        events.collect()
    }
}
