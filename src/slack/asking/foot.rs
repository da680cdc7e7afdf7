//! What stands below an answer, gathered while the turn goes on.
use super::present::Foot;
use crate::catalogue::{Catalogue, Chart, Column};
use crate::chat::{Receipt, ReceiptStatus, TurnEventKind};
use crate::ids::{RunId, TurnId};
use crate::slack::blocks::{Plain, answer, kit};
use serde_json::Value;

/// Puts a private answer before everybody.
pub const SHARE: &str = "ask.share";

/// A chart of the answer, kept for what draws it.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "read by what draws charts")]
pub struct Drawn {
    pub title: String,
    pub chart: Chart,
    pub columns: Vec<Column>,
    pub rows: Value,
}

/// What came with an answer.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    sources: Vec<(RunId, answer::Source)>,
    figures: Vec<Receipt>,
    follow_ups: Vec<String>,
    pub charts: Vec<Drawn>,
    /// The turn failed, and trying again may help.
    retry: bool,
    failed: bool,
}

impl Gathered {
    pub fn hear(&mut self, kind: &TurnEventKind, catalogue: &Catalogue) {
        match kind {
            TurnEventKind::ToolCompleted {
                tool,
                run_id: Some(run),
                rows_shown,
                rows_total,
                window,
                freshness,
                ..
            } => {
                let title =
                    catalogue.queries.get(tool).map_or_else(|| tool.clone(), |query| query.title.clone());
                let source = answer::Source {
                    title,
                    query: tool.clone(),
                    rows_shown: *rows_shown,
                    rows_total: *rows_total,
                    window: *window,
                    newest: freshness.iter().map(|f| (f.source.clone(), f.newest, f.stale)).collect(),
                };
                self.sources.push((*run, source));
            }
            TurnEventKind::Chart { title, chart, columns, rows, .. } => self.charts.push(Drawn {
                title: title.clone(),
                chart: chart.clone(),
                columns: columns.clone(),
                rows: rows.clone(),
            }),
            TurnEventKind::Receipts { figures } => self.figures.clone_from(figures),
            TurnEventKind::Suggestions { questions } => self.follow_ups.clone_from(questions),
            TurnEventKind::Failed { retryable, .. } => (self.failed, self.retry) = (true, *retryable),
            TurnEventKind::Started { .. }
            | TurnEventKind::Status { .. }
            | TurnEventKind::Text { .. }
            | TurnEventKind::ToolStarted { .. }
            | TurnEventKind::ToolCompleted { run_id: None, .. }
            | TurnEventKind::ToolFailed { .. }
            | TurnEventKind::DraftCreated { .. }
            | TurnEventKind::Completed { .. }
            | TurnEventKind::Cancelled { .. } => {}
        }
    }

    fn tail(&self, turn: TurnId) -> answer::Tail {
        let unverified = self.figures.iter().filter(|f| f.status == ReceiptStatus::Unverified);
        let unverified: Vec<String> = unverified.map(|f| f.figure.clone()).collect();
        let data = self.sources.iter().filter(|(_, source)| source.rows_total > 0);
        answer::Tail {
            sources: self.sources.iter().map(|(_, source)| source.clone()).collect(),
            figures: (self.figures.len() - unverified.len(), self.figures.len()),
            unverified,
            data: data.map(|(run, source)| (source.title.clone(), format!("{turn}/{run}"))).collect(),
            // A click says which answer it follows.
            follow_ups: self.follow_ups.iter().map(|one| (one.clone(), format!("{turn}/{one}"))).collect(),
            turn: Some(turn.to_string()),
        }
    }

    /// The blocks below the text. `private`: only the asker sees it, and may share it.
    pub fn blocks(&self, turn: TurnId, foot: Foot, private: bool) -> Vec<Value> {
        match foot {
            Foot::Nothing => Vec::new(),
            Foot::Stop => answer::stop_button(&turn.to_string()).into_iter().collect(),
            Foot::Tail if self.failed => {
                let retry = self.retry.then(|| {
                    kit::button(answer::RETRY, &Plain::ours("Try again"), &turn.to_string(), kit::Look::Usual)
                });
                kit::actions("ask_retry", retry.flatten().into_iter().collect()).into_iter().collect()
            }
            Foot::Tail => {
                let mut blocks = answer::answer_tail(&self.tail(turn));
                if private {
                    let label = Plain::ours("Share in this channel");
                    let share = kit::button(SHARE, &label, &turn.to_string(), kit::Look::Usual);
                    blocks.extend(kit::actions("ask_share", share.into_iter().collect()));
                }
                blocks
            }
        }
    }

    /// The same in words, where blocks are refused.
    pub fn words(&self) -> String {
        let mut lines = Vec::new();
        if !self.sources.is_empty() {
            let titles: Vec<&str> = self.sources.iter().map(|(_, source)| source.title.as_str()).collect();
            lines.push(format!("Sources: {}", titles.join(", ")));
        }
        if !self.follow_ups.is_empty() {
            lines.push(format!("Ask next: {}", self.follow_ups.join(" ")));
        }
        lines.join("\n")
    }
}
