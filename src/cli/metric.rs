//! `adjutant metric add|list|remove`: metrics of the deployment's own, by a formula over known columns.
use super::start::Start;
use super::terminal::line;
use crate::catalogue::{Catalogue, Metric, OwnMetric, add_metric, remove_metric};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Metrics {
    #[command(subcommand)]
    what: MetricCommand,
}

#[derive(Debug, Subcommand)]
enum MetricCommand {
    /// Adds one: `metric add margin_per_click --from ads --formula "(revenue - cost) / clicks" --unit money`.
    Add {
        /// snake_case, not yet taken.
        id: String,
        /// One sum of columns, or one over another: `(revenue - cost) / clicks`.
        #[arg(long, allow_hyphen_values = true)]
        formula: String,
        /// What it is counted from, as `metric list --facts` names it; several are joined by `+`.
        #[arg(long)]
        from: String,
        /// money, count, fraction or ratio.
        #[arg(long, default_value = "ratio")]
        unit: String,
        /// up, down or band: where better lies.
        #[arg(long, default_value = "band")]
        better: String,
        /// As answers call it; the id with spaces when it is not given.
        #[arg(long)]
        name: Option<String>,
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Lists the deployment's own metrics.
    List {
        /// The built-in ones, too, each with what it is counted from or what it would need.
        #[arg(long)]
        all: bool,
        /// What metrics can be counted from, with the columns.
        #[arg(long)]
        facts: bool,
    },
    /// Takes one of the deployment's own away.
    Remove { id: String },
}

impl Metrics {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let folder = start.config.own_tools()?;
        match self.what {
            MetricCommand::Add { id, formula, from, unit, better, name, description } => {
                let name = name.unwrap_or_else(|| sentence(&id));
                let metric = OwnMetric { id, name, formula, from, unit, direction: better, description };
                add_metric(&folder, &metric)?;
                line(format_args!(
                    "{} is kept in {}; servers know it after their next start",
                    metric.id,
                    folder.display()
                ));
            }
            MetricCommand::Remove { id } => {
                if !remove_metric(&folder, &id)? {
                    bail!(
                        "there is no metric '{id}' of this deployment's own; `adjutant metric list` names them"
                    );
                }
                line(format_args!("{id} is gone; servers forget it at their next start"));
            }
            MetricCommand::List { all, facts } => {
                let catalogue = Catalogue::load(start.config.overlay().as_deref())?;
                if facts {
                    for (base, words, columns) in catalogue.counted_from() {
                        line(format_args!("{base:<20} {words}: {}", columns.join(", ")));
                    }
                    return Ok(ExitCode::SUCCESS);
                }
                let listed: Vec<&Metric> = catalogue.metrics.iter().filter(|m| all || m.is_own()).collect();
                for metric in &listed {
                    line(format_args!("{:<28} {}{}", metric.id, metric.words(), supply(metric)));
                }
                if listed.is_empty() {
                    line(format_args!(
                        "no metric of this deployment's own; `adjutant metric add --help` says how"
                    ));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn supply(metric: &Metric) -> String {
    metric.needs().map_or_else(String::new, |needs| format!("  (no data yet: needs {needs})"))
}

/// `margin_per_click` → `Margin per click`.
fn sentence(id: &str) -> String {
    let words = id.replace('_', " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
