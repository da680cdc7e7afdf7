//! `adjutant import`: a real export becomes facts, or its faults by line and column.
use super::start::Start;
use super::terminal::{hint, line};
use crate::daily::map;
use crate::drafts;
use crate::money::Currency;
use crate::platforms::csv::import::{self, ImportError, Report, Request};
use crate::platforms::csv::table::Options;
use crate::platforms::csv::values::DecimalMark;
use anyhow::Context;
use clap::Args;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Import {
    /// The file; UTF-8, UTF-16 or Windows-1252; separated by comma, semicolon, tab or bar.
    file: PathBuf,
    /// What it holds: ads, orders, leads, customers, products and so on; an unknown word is answered with all of them.
    #[arg(long)]
    kind: String,
    /// `column=field`: reads a column as a field; `column=` leaves it out. May be repeated.
    #[arg(long, value_parser = pair)]
    map: Vec<(String, String)>,
    /// Says what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// The platform the rows come from, for instance google_ads or shopify.
    #[arg(long)]
    source: Option<String>,
    /// The account or site the rows belong to, when no column says so.
    #[arg(long)]
    account: Option<String>,
    /// Currency of the amounts, when neither column nor header says so.
    #[arg(long)]
    currency: Option<Currency>,
    /// `USD=0.92`: what one unit is worth in the organisation's currency on the days of this file. May be repeated.
    #[arg(long, value_parser = rate)]
    rate: Vec<(Currency, Decimal)>,
    /// The sign before the fraction, `.` or `,`; needed only when the file leaves it open.
    #[arg(long, value_parser = mark)]
    decimal: Option<DecimalMark>,
    /// How days are written, for instance %d/%m/%Y; needed only when the file leaves it open.
    #[arg(long)]
    date_format: Option<String>,
    /// The time zone of times without one, for instance Europe/Lisbon; the organisation's when not given.
    #[arg(long, value_parser = zone)]
    time_zone: Option<TimeZone>,
    /// Imports again although this very file was imported before.
    #[arg(long)]
    force: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (column, field) = text.rsplit_once('=').ok_or("write column=field")?;
    Ok((column.trim().to_owned(), field.trim().to_owned()))
}

fn rate(text: &str) -> Result<(Currency, Decimal), String> {
    let (currency, rate) = text.split_once('=').ok_or("write USD=0.92")?;
    let rate: Decimal = rate.trim().parse().map_err(|_| format!("'{rate}' is not a number"))?;
    if rate <= Decimal::ZERO {
        return Err("a rate is above zero".to_owned());
    }
    Ok((currency.parse().map_err(|e: crate::money::BadCurrency| e.to_string())?, rate))
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| format!("'{text}' is no time zone; write one such as Europe/Lisbon"))
}

fn mark(text: &str) -> Result<DecimalMark, String> {
    match text {
        "." => Ok(DecimalMark::Dot),
        "," => Ok(DecimalMark::Comma),
        _ => Err("write . or ,".to_owned()),
    }
}

/// Faults shown on the terminal; the others are counted.
const SHOWN_FAULTS: usize = 20;

impl Import {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let bytes =
            std::fs::read(&self.file).with_context(|| format!("{} cannot be read", self.file.display()))?;
        let running = start.database().await?;
        let org = running.organisation().await?;
        let owner =
            import::Owner { org: org.id, member: None, currency: org.currency, zone: org.zone.clone() };
        let file_name = self.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let request = Request {
            kind: &self.kind,
            file_name: &file_name,
            bytes: &bytes,
            options: Options {
                map: self.map.into_iter().collect(),
                decimal: self.decimal,
                date_format: self.date_format,
                zone: self.time_zone.unwrap_or(org.zone),
            },
            source: self.source.as_deref(),
            account: self.account.as_deref(),
            currency: self.currency,
            rates: self.rate.into_iter().collect(),
            dry_run: self.dry_run,
            force: self.force,
            waiting: None,
        };
        let result = import::import(&running.db, &*running.clock, &owner, &request).await;
        if let Ok(report) = &result
            && !report.dry_run
        {
            map::link(&running.db, &*running.clock, org.id)
                .await
                .context("the import is done, but its things could not be linked")?;
        }
        let stale = match &result {
            Ok(report) if !report.dry_run => drafts::mark_drifted(&running.db, &*running.clock, org.id).await,
            _ => Ok(Vec::new()),
        };
        running.stop().await;
        match result {
            Ok(report) => {
                show(&report);
                for number in
                    stale.context("the import is done, but open drafts could not be looked at again")?
                {
                    line(format_args!(
                        "stale     draft {number}: what it would change is no longer as it was drafted; revise or cancel it"
                    ));
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(ImportError::Faulty(faults)) => {
                for fault in faults.iter().take(SHOWN_FAULTS) {
                    hint(format_args!("{}  [{}]", fault.message, fault.code));
                }
                if faults.len() > SHOWN_FAULTS {
                    hint(format_args!("… and {} more", faults.len() - SHOWN_FAULTS));
                }
                hint(format_args!("error: {} faults; nothing was imported", faults.len()));
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn show(report: &Report) {
    let table = &report.table;
    line(format_args!(
        "read      {} rows ({}, '{}', header on line {}, decimal {}{})",
        table.rows.len(),
        table.detected.encoding,
        table.detected.delimiter.escape_default(),
        table.detected.header_line,
        if table.decimal == DecimalMark::Dot { "." } else { "," },
        table.date_format.as_ref().map(|f| format!(", days as {f}")).unwrap_or_default(),
    ));
    for (column, field) in &table.mapping {
        line(format_args!("column    {column} → {field}"));
    }
    if !table.ignored.is_empty() {
        line(format_args!("not read  {}", table.ignored.join(", ")));
    }
    for (what, lines) in [("totals", &table.totals_skipped), ("repeated", &table.duplicates_skipped)] {
        if !lines.is_empty() {
            let shown: Vec<String> = lines.iter().take(10).map(u64::to_string).collect();
            let more = if lines.len() > 10 { ", …" } else { "" };
            line(format_args!("skipped   {} {what} line(s): {}{more}", lines.len(), shown.join(", ")));
        }
    }
    if let (Some(first), Some(last)) = (report.first_day, report.last_day) {
        line(format_args!("days      {first} to {last}"));
    }
    for (name, sum) in &report.totals {
        line(format_args!("sum       {name} {}", sum.normalize()));
    }
    if report.channel_unknown {
        line(format_args!(
            "channel   unknown: this spend is left out of each channel's cost per lead and customer; import again with --source google_ads (or another platform), or --map <column>=channel"
        ));
    }
    if report.conversions_unknown {
        line(format_args!(
            "converts  unknown: no column tells conversions, so campaigns seen here for the first time count as not reporting any, not as waste; --map <column>=conversions names one"
        ));
    }
    if let Some(at) = report.done_before {
        line(format_args!("nothing to do: this very file was imported at {at} (--force imports it again)"));
        return;
    }
    for (rows, written) in &report.written {
        line(format_args!(
            "{:<9} {rows}: {} new, {} changed, {} unchanged",
            if report.dry_run { "would" } else { "wrote" },
            written.added,
            written.changed,
            written.unchanged
        ));
    }
}
