//! `adjutant ask`: a question in the terminal. The answer streams; then its table or sparkline, and where the figures come from.
use super::people::find_member;
use super::start::{Running, Start};
use super::terminal::{hint, is_terminal, line, piece};
use crate::access::{Actor, Credential, Role, Surface};
use crate::catalogue::{Cell, Chart, Column, ColumnType, few_mark};
use crate::chat::{Ask as Question, Receipt, ReceiptStatus, TurnEventKind};
use crate::db::people;
use crate::ids::ConversationId;
use crate::report::figure;
use crate::report::sparkline::{bar, sparkline};
use crate::report::table::{Align, Heading, table};
use anyhow::{Context, bail};
use clap::Args;
use futures::StreamExt;
use rust_decimal::prelude::ToPrimitive;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Ask {
    /// The question, or a command such as "/find_waste 30".
    question: String,
    /// Who asks, by name or e-mail; the first marketer or administrator, when not said.
    #[arg(long)]
    member: Option<String>,
    /// Goes on with a conversation.
    #[arg(long, short)]
    conversation: Option<ConversationId>,
    /// Prints the events as JSON lines instead.
    #[arg(long)]
    json: bool,
}

impl Ask {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let code = self.answer(&running).await;
        running.stop().await;
        code
    }

    async fn answer(&self, running: &Running) -> anyhow::Result<ExitCode> {
        let actor = self.asker(running).await?;
        let (_, chat) = super::serve::assemble(running)?;
        let question = Question {
            message: self.question.clone(),
            conversation_id: self.conversation,
            ..Question::default()
        };
        let handle = chat.ask(&actor, question).await?;
        let mut events = chat.events(&actor, handle.turn_id, 0).await?;
        let mut screen = Screen::default();
        while let Some(event) = events.next().await {
            if self.json {
                line(format_args!("{}", serde_json::to_string(&event)?));
            }
            screen.show(event.kind, self.json);
        }
        if !self.json {
            hint(format_args!("go on with: adjutant ask -c {} \"…\"", handle.conversation_id));
        }
        chat.settle().await;
        Ok(if screen.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    async fn asker(&self, running: &Running) -> anyhow::Result<Actor> {
        let org = running.organisation().await?;
        let mut tx = running.db.org(org.id).await?;
        let member = match &self.member {
            Some(text) => find_member(&mut tx, org.id, text).await?,
            None => {
                let all = people::members(&mut tx, org.id).await?;
                let of = |role| all.iter().find(|m| m.role == role && m.state == "active").cloned();
                of(Role::Marketer).or_else(|| of(Role::Admin)).context("say who asks with --member")?
            }
        };
        let actor = people::actor(&mut tx, org.id, member.id, Surface::Cli, Credential::Session).await?;
        tx.commit().await?;
        match actor {
            Some(actor) => Ok(actor),
            None => bail!("{} is not an active member", member.name),
        }
    }
}

/// What is on the terminal so far.
#[derive(Default)]
struct Screen {
    failed: bool,
    text_open: bool,
    sources: Vec<String>,
}

impl Screen {
    fn show(&mut self, event: TurnEventKind, quiet: bool) {
        if quiet {
            self.failed |= matches!(event, TurnEventKind::Failed { .. });
            return;
        }
        match event {
            TurnEventKind::Status { line } if is_terminal() => hint(format_args!("· {line}")),
            TurnEventKind::Text { text, restart } => {
                if restart && self.text_open {
                    piece("\n\n");
                }
                piece(&text);
                self.text_open = true;
            }
            TurnEventKind::ToolCompleted { tool, rows_shown, rows_total, window, freshness, .. } => {
                let window = window.map(|w| format!(", {w}")).unwrap_or_default();
                let newest = freshness
                    .iter()
                    .filter_map(|f| f.newest.map(|day| format!(", {} to {day}", f.source)))
                    .collect::<String>();
                self.sources.push(format!("{tool}: {rows_shown} of {rows_total} rows{window}{newest}"));
            }
            TurnEventKind::ToolFailed { tool, message, .. } => hint(format_args!("· {tool}: {message}")),
            TurnEventKind::Chart { title, chart, columns, rows, .. } => {
                self.close();
                if let Some(drawing) = draw(&chart, &columns, &rows) {
                    line(format_args!("\n{title}\n{drawing}"));
                }
            }
            TurnEventKind::DraftCreated { draft_id, number, title, tier, diff, .. } => {
                self.close();
                line(format_args!("\ndraft {number}: {title} (tier {tier}, {draft_id})"));
                for change in diff {
                    line(format_args!("  {change}"));
                }
            }
            TurnEventKind::Receipts { figures } => self.receipts(&figures),
            TurnEventKind::Suggestions { questions } => {
                self.close();
                for question in questions {
                    line(format_args!("  → {question}"));
                }
            }
            TurnEventKind::Completed { .. } => self.close(),
            TurnEventKind::Failed { message, .. } | TurnEventKind::Cancelled { message, .. } => {
                self.close();
                self.failed = true;
                hint(format_args!("{message}"));
            }
            TurnEventKind::Started { .. }
            | TurnEventKind::Status { .. }
            | TurnEventKind::ToolStarted { .. } => {}
        }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.text_open) {
            piece("\n");
        }
    }

    fn receipts(&mut self, figures: &[Receipt]) {
        self.close();
        let traced = figures.iter().filter(|f| f.status != ReceiptStatus::Unverified).count();
        if !figures.is_empty() {
            line(format_args!("\n{traced} of {} figures have a receipt", figures.len()));
        }
        for figure in figures.iter().filter(|f| f.status == ReceiptStatus::Unverified) {
            line(format_args!("  unverified: {}", figure.figure));
        }
        for source in &self.sources {
            line(format_args!("  source: {source}"));
        }
    }
}

/// Lines become a sparkline, bars become bars, everything else a table. Columns and rows are the answer's own.
fn draw(chart: &Chart, columns: &[Column], rows: &serde_json::Value) -> Option<String> {
    let rows: Vec<Vec<Cell>> = serde_json::from_value(rows.clone()).ok()?;
    let part = |name: &str| {
        let wanted = chart.parts.get(name)?.as_str()?;
        columns.iter().position(|column| column.name == wanted)
    };
    let value = |row: &Vec<Cell>, at: usize| row.get(at).and_then(Cell::number).and_then(|n| n.to_f64());
    match chart.kind.as_str() {
        "line" => {
            let y = part("y")?;
            let values: Vec<Option<f64>> = rows.iter().map(|row| value(row, y)).collect();
            let ends = (text(&columns[y], rows.first()?.get(y)?), text(&columns[y], rows.last()?.get(y)?));
            Some(format!("{}  {} → {}", sparkline(&values), ends.0, ends.1))
        }
        "bar" => {
            let (x, y) = (part("x")?, part("y")?);
            let most = rows.iter().filter_map(|row| value(row, y)).fold(0.0, f64::max);
            let width = rows
                .iter()
                .take(TABLE_ROWS)
                .map(|row| text(&columns[x], &row[x]).chars().count())
                .max()?
                .min(40);
            let lines: Vec<String> = rows
                .iter()
                .take(TABLE_ROWS)
                .map(|row| {
                    let name: String = text(&columns[x], &row[x]).chars().take(width).collect();
                    format!("{name:<width$}  {} {}", bar(value(row, y), most, 24), text(&columns[y], &row[y]))
                })
                .collect();
            Some(lines.join("\n"))
        }
        _ => Some(plain_table(columns, &rows)),
    }
}

/// Rows of a table in a terminal (`queries.md` §6).
const TABLE_ROWS: usize = 10;

fn plain_table(columns: &[Column], rows: &[Vec<Cell>]) -> String {
    let shown: Vec<usize> = (0..columns.len()).filter(|at| !columns[*at].hidden).collect();
    let headings: Vec<Heading> = shown
        .iter()
        .map(|at| {
            let column = &columns[*at];
            let text_like = matches!(
                column.kind,
                ColumnType::Text | ColumnType::Date | ColumnType::Instant | ColumnType::Bool
            );
            Heading {
                title: column.label.clone().unwrap_or_else(|| column.name.replace('_', " ")),
                align: if text_like { Align::Left } else { Align::Right },
            }
        })
        .collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .take(TABLE_ROWS)
        .map(|row| {
            shown
                .iter()
                .map(|at| {
                    let cell = row.get(*at).map(|cell| text(&columns[*at], cell)).unwrap_or_default();
                    cell + few_mark(columns, row, *at)
                })
                .collect()
        })
        .collect();
    table(&headings, &cells)
}

/// A cell as people read it; amounts stand without their currency, which the answer names.
fn text(column: &Column, cell: &Cell) -> String {
    match (cell, column.kind) {
        (Cell::Null, _) => column.when_null.clone().unwrap_or_else(|| "–".to_owned()),
        (Cell::Bool(yes), _) => if *yes { "yes" } else { "no" }.to_owned(),
        (Cell::Int(n), _) => figure::grouped((*n).into(), 0),
        (Cell::Decimal(d), ColumnType::Money) => figure::grouped(*d, 2),
        (Cell::Decimal(d), ColumnType::Fraction) => figure::percent(*d, 1),
        (Cell::Decimal(d), ColumnType::Pp) => figure::points(*d),
        (Cell::Decimal(d), ColumnType::Ratio) => figure::times(*d, 2),
        (Cell::Decimal(d), _) => figure::trimmed(*d, 2),
        (Cell::Date(day), _) => figure::day(*day),
        (Cell::Instant(at), _) => at.to_string(),
        (Cell::Text(text), _) => text.clone(),
    }
}
