//! Bad days on order: what the Web API answers instead, and what happens to deliveries.
use std::collections::{BTreeMap, VecDeque};

/// What a call meets instead of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After` in seconds.
    Limited(u64),
    /// A status without a usable body: 500, 502, 503.
    Status(u16),
    /// 200 with something that says it is JSON, and is not.
    Malformed,
    /// 200 with a page for people, as something between us and Slack answers.
    Page,
    /// No answer, ever; the call is not carried out.
    Hang,
    /// The call is carried out, but its answer never comes.
    HangAfter,
    /// `{"ok": false, "error": …}`.
    Refuse(&'static str),
}

/// What happens to the next deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The first try never reaches the app; Slack tries again.
    Drop,
    /// The app gets it so many times more, at once.
    Duplicate(u32),
}

/// Faults by method, and mishaps in order.
#[derive(Debug, Default)]
pub struct Trouble {
    faults: BTreeMap<String, VecDeque<Fault>>,
    lasting: BTreeMap<String, Fault>,
    pub mishaps: VecDeque<Mishap>,
    /// While set, deliveries wait here instead of going out.
    pub holding: bool,
}

impl Trouble {
    pub fn next(&mut self, method: &str, fault: Fault, times: usize) {
        let queue = self.faults.entry(method.to_owned()).or_default();
        queue.extend(std::iter::repeat_n(fault, times));
    }

    pub fn lasting(&mut self, method: &str, fault: Fault) {
        self.lasting.insert(method.to_owned(), fault);
    }

    pub fn heal(&mut self) {
        self.faults.clear();
        self.lasting.clear();
    }

    /// The fault that this call meets; `*` stands for every method.
    pub fn meets(&mut self, method: &str) -> Option<Fault> {
        for name in [method, "*"] {
            if let Some(fault) = self.faults.get_mut(name).and_then(VecDeque::pop_front) {
                return Some(fault);
            }
            if let Some(fault) = self.lasting.get(name) {
                return Some(fault.clone());
            }
        }
        None
    }
}
