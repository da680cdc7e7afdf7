//! The queries behind an answer: each once, told apart by what was asked of it, and the draft that the first of them leads
//! to.
use crate::catalogue::{Catalogue, Column};
use crate::chat::TurnEventKind;
use crate::ids::RunId;
use crate::slack::blocks::answer::Source;
use serde_json::{Map, Value};

/// Queries whose first row is a campaign that costs more than it brings, with the column of its name.
const IDLE: [(&str, &str); 2] = [("wasted_spend", "entity"), ("campaign_underperformers", "campaign")];

/// One query that ran.
#[derive(Clone, Debug)]
struct Ran {
    call: String,
    run: RunId,
    params: Map<String, Value>,
    source: Source,
}

/// What an answer rests on, in the order in which it was asked: several are run at once, and end as they can.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Calls as they began.
    begun: Vec<String>,
    ran: Vec<Ran>,
    /// With the place of its call.
    pause: Option<(usize, Pause)>,
}

/// A campaign that may be paused.
#[derive(Clone, Debug)]
pub struct Pause {
    /// Whose result names the campaign.
    pub run: RunId,
    pub campaign: String,
}

impl Sources {
    pub fn hear(&mut self, kind: &TurnEventKind, catalogue: &Catalogue) {
        match kind {
            TurnEventKind::ToolStarted { call_id, .. } => self.begun.push(call_id.clone()),
            TurnEventKind::ToolCompleted {
                call_id,
                tool,
                run_id: Some(run),
                params,
                rows_shown,
                rows_total,
                window,
                freshness,
                ..
            } => {
                let title =
                    catalogue.queries.get(tool).map_or_else(|| tool.clone(), |query| query.title.clone());
                let source = Source {
                    title,
                    query: tool.clone(),
                    rows_shown: *rows_shown,
                    rows_total: *rows_total,
                    window: *window,
                    newest: freshness.iter().map(|f| (f.source.clone(), f.newest, f.stale)).collect(),
                };
                // The same asked again is one source, with its newest result.
                self.ran.retain(|before| before.source.query != *tool || before.params != *params);
                let ran = Ran { call: call_id.clone(), run: *run, params: params.clone(), source };
                let place = self.place(call_id);
                let at = self.ran.partition_point(|before| self.place(&before.call) <= place);
                self.ran.insert(at, ran);
            }
            TurnEventKind::Chart { call_id, columns, rows, .. } => {
                let Some(ran) = self.ran.iter().find(|ran| ran.call == *call_id) else { return };
                let campaign = idle_campaign(&ran.source.query, &ran.params, columns, rows);
                let place = self.place(call_id);
                if let Some(campaign) = campaign
                    && self.pause.as_ref().is_none_or(|(before, _)| place < *before)
                {
                    self.pause = Some((place, Pause { run: ran.run, campaign }));
                }
            }
            TurnEventKind::Started { .. }
            | TurnEventKind::Status { .. }
            | TurnEventKind::Text { .. }
            | TurnEventKind::ToolCompleted { .. }
            | TurnEventKind::ToolFailed { .. }
            | TurnEventKind::DraftCreated { .. }
            | TurnEventKind::Receipts { .. }
            | TurnEventKind::Suggestions { .. }
            | TurnEventKind::Completed { .. }
            | TurnEventKind::Failed { .. }
            | TurnEventKind::Cancelled { .. } => {}
        }
    }

    /// The sources with their runs; of one title several are told apart.
    pub fn all(&self) -> Vec<(RunId, Source)> {
        let named =
            self.ran.iter().map(|ran| (ran.run, Source { title: self.title(ran), ..ran.source.clone() }));
        named.collect()
    }

    /// The campaign that the answer says costs without use.
    pub fn pause(&self) -> Option<&Pause> {
        self.pause.as_ref().map(|(_, pause)| pause)
    }

    /// Which call it was, from 0.
    pub fn place(&self, call: &str) -> usize {
        self.begun.iter().position(|begun| begun == call).unwrap_or(self.begun.len())
    }

    /// "Spend without conversions: creative", where there is another one by campaign.
    fn title(&self, ran: &Ran) -> String {
        let mut others = self.ran.iter().filter(|other| other.source.title == ran.source.title);
        let differs =
            |key: &str, value: &Value| others.clone().any(|other| other.params.get(key) != Some(value));
        let marks: Vec<String> = ran
            .params
            .iter()
            .filter(|(key, value)| differs(key, value))
            .filter_map(|(_, value)| match value {
                Value::String(text) => Some(text.replace('_', " ")),
                Value::Number(number) => Some(number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            })
            .collect();
        if !marks.is_empty() {
            return format!("{}: {}", ran.source.title, marks.join(", "));
        }
        let place = others.position(|other| other.run == ran.run).unwrap_or_default();
        match place {
            0 => ran.source.title.clone(),
            later => format!("{} ({})", ran.source.title, later + 1),
        }
    }
}

/// The campaign of the first row, where a query is about such campaigns: its name.
pub fn idle_campaign(
    query: &str,
    params: &Map<String, Value>,
    columns: &[Column],
    rows: &Value,
) -> Option<String> {
    let (_, name) = IDLE.iter().find(|(idle, _)| *idle == query)?;
    if params.get("level").is_some_and(|level| level != "campaign") {
        return None;
    }
    let column = columns.iter().position(|column| column.name == *name)?;
    let name = rows.get(0)?.get(column)?.as_str()?;
    Some(crate::text::clean(name, 120)).filter(|name| !name.trim().is_empty())
}

/// What the campaign of the first row is known by; its name where a result tells no id.
pub fn idle_campaign_id(columns: &[Column], rows: &Value) -> Option<String> {
    let column = columns.iter().position(|column| column.name == "campaign_id")?;
    rows.get(0)?.get(column)?.as_str().map(|id| crate::text::clean(id, 200))
}

#[cfg(test)]
mod tests;
