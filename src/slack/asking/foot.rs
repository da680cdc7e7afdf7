//! What stands below an answer, gathered while the turn goes on.
mod sources;

pub use sources::{idle_campaign, idle_campaign_id};

use super::present::Foot;
use crate::access::{Actor, Permission};
use crate::catalogue::Catalogue;
use crate::chat::{Receipt, ReceiptStatus, TurnEventKind};
use crate::ids::TurnId;
use crate::money::Currency;
use crate::report::chart::Chart;
use crate::slack::blocks::chart::definition;
use crate::slack::blocks::{Mrkdwn, Plain, answer, chart_block, kit, limits};
use serde_json::Value;
use sources::Sources;

/// Puts a private answer before everybody.
pub const SHARE: &str = "ask.share";

/// Charts of one answer; as many as there are buttons that show data.
const CHARTS: usize = 5;

/// What came with an answer.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    sources: Sources,
    figures: Vec<Receipt>,
    follow_ups: Vec<String>,
    /// In which amounts are drawn.
    currency: Option<Currency>,
    /// The asker may make drafts.
    drafts: bool,
    /// With the places of their calls.
    charts: Vec<(usize, Chart)>,
    /// The turn failed, and trying again may help.
    retry: bool,
    failed: bool,
}

impl Gathered {
    /// For an answer to this person. `currency`: the organisation's.
    pub fn new(actor: &Actor, currency: Option<Currency>) -> Self {
        Self { currency, drafts: actor.may(Permission::DraftCreate), ..Self::default() }
    }

    pub fn hear(&mut self, kind: &TurnEventKind, catalogue: &Catalogue) {
        self.sources.hear(kind, catalogue);
        match kind {
            TurnEventKind::Chart { call_id, title, chart, columns, rows } => {
                // What is about persons is not drawn before everybody; "Show data" knows who asks.
                let personal = columns.iter().any(|column| column.pii.is_some());
                let drawn = definition(title, chart, columns, rows, self.currency);
                if let Some(drawn) = drawn.filter(|_| !personal) {
                    let place = self.sources.place(call_id);
                    // The same question asked twice has one chart, where it was asked first.
                    if self.charts.iter().any(|(before, one)| *before <= place && *one == drawn) {
                        return;
                    }
                    self.charts.retain(|(_, one)| *one != drawn);
                    let at = self.charts.partition_point(|(before, _)| *before <= place);
                    self.charts.insert(at, (place, drawn));
                }
            }
            TurnEventKind::Receipts { figures } => self.figures.clone_from(figures),
            TurnEventKind::Suggestions { questions } => self.follow_ups.clone_from(questions),
            TurnEventKind::Failed { retryable, .. } => (self.failed, self.retry) = (true, *retryable),
            TurnEventKind::Started { .. }
            | TurnEventKind::Status { .. }
            | TurnEventKind::Text { .. }
            | TurnEventKind::ToolStarted { .. }
            | TurnEventKind::ToolCompleted { .. }
            | TurnEventKind::ToolFailed { .. }
            | TurnEventKind::DraftCreated { .. }
            | TurnEventKind::Completed { .. }
            | TurnEventKind::Cancelled { .. } => {}
        }
    }

    fn all_charts(&self) -> impl Iterator<Item = &Chart> {
        self.charts.iter().take(CHARTS).map(|(_, chart)| chart)
    }

    /// The charts that Slack draws for itself, as blocks of one message, and all others.
    fn charts(&self) -> (Vec<Value>, Vec<Chart>) {
        let (mut native, mut others) = (Vec::new(), Vec::new());
        for chart in self.all_charts() {
            match chart_block(chart) {
                Some(block) if native.len() < limits::CHARTS => native.push(block),
                Some(_) | None => others.push(chart.clone()),
            }
        }
        (native, others)
    }

    /// The charts that are sent as pictures. `plain`: blocks were refused, so that is all of them.
    pub fn pictures(&self, plain: bool) -> Vec<Chart> {
        match plain {
            _ if self.failed => Vec::new(),
            true => self.all_charts().cloned().collect(),
            false => self.charts().1,
        }
    }

    fn tail(&self, turn: TurnId) -> answer::Tail {
        let unverified = self.figures.iter().filter(|f| f.status == ReceiptStatus::Unverified);
        let unverified: Vec<String> = unverified.map(|f| f.figure.clone()).collect();
        let sources = self.sources.all();
        let data = sources.iter().filter(|(_, source)| source.rows_total > 0);
        let pause = self.sources.pause().filter(|_| self.drafts);
        answer::Tail {
            sources: sources.iter().map(|(_, source)| source.clone()).collect(),
            figures: (self.figures.len() - unverified.len(), self.figures.len()),
            unverified,
            data: data.map(|(run, source)| (source.title.clone(), format!("{turn}/{run}"))).collect(),
            // Which campaign is in the result, not in the button: names are data.
            pause: pause.map(|pause| (pause.campaign.clone(), format!("{turn}/{}", pause.run))),
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
                let (mut blocks, pictures) = self.charts();
                blocks.extend(answer::answer_tail(&self.tail(turn)));
                if private && !pictures.is_empty() {
                    let hint =
                        "Charts that do not fit in here come as pictures into our direct conversation.";
                    blocks.extend(kit::context(&[Mrkdwn::ours(hint)]));
                }
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
        let titles: Vec<String> = self.sources.all().into_iter().map(|(_, source)| source.title).collect();
        if !titles.is_empty() {
            lines.push(format!("Sources: {}", titles.join(", ")));
        }
        if !self.follow_ups.is_empty() {
            lines.push(format!("Ask next: {}", self.follow_ups.join(" ")));
        }
        lines.join("\n")
    }
}
