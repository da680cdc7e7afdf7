//! `adjutant setting list|set`: what an organisation has set for itself, and the targets of its metrics.
use super::start::{Organisation, Running, Start};
use super::terminal::{hint, line};
use crate::catalogue::{Catalogue, Metric};
use crate::db::settings::{self, Setting};
use crate::db::{OrgTx, audit, defaults, targets};
use crate::drafts::limits::Limits;
use crate::ids::OrgId;
use crate::period::local_day;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::process::ExitCode;

/// A value that takes a setting back to what holds without one.
const DEFAULT: &str = "default";
/// `target.roas` is the target of a metric.
const TARGET: &str = "target.";

#[derive(Debug, Args)]
pub struct Settings {
    #[command(subcommand)]
    what: SettingCommand,
}

#[derive(Debug, Subcommand)]
enum SettingCommand {
    /// Lists the settings with the values that hold, and the targets of metrics.
    List,
    /// Sets one, on the record: `min_mer 2.5`, `brand_terms "fernhill, fern hill"`, `target.roas 4`.
    Set {
        /// A setting as `list` names it, or `target.` and the id of a metric.
        key: String,
        /// The value; `default` takes it back to what holds without one.
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// The period that the target of an amount or a count is meant for.
        #[arg(long)]
        per: Option<Per>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Per {
    Day,
    Week,
    Month,
}

impl Per {
    fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl Settings {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let result = self.act(&running).await;
        running.stop().await;
        result.map(|()| ExitCode::SUCCESS)
    }

    async fn act(self, running: &Running) -> anyhow::Result<()> {
        let org = running.organisation().await?;
        let catalogue = Catalogue::load(running.config.overlay().as_deref())?;
        let now = running.clock.now();
        let mut tx = running.db.org(org.id).await?;
        match self.what {
            SettingCommand::List => list(&mut tx, org.id, &catalogue).await?,
            SettingCommand::Set { key, value, per } => match key.strip_prefix(TARGET) {
                Some(metric) => {
                    let from = local_day(now, &org.zone);
                    set_target(&mut tx, org.id, named(&catalogue, metric)?, (&value, per), (from, now))
                        .await?;
                }
                None if per.is_some() => bail!("--per belongs to the target of a metric; {key} takes none"),
                None => set(&mut tx, &org, &key, &value, now).await?,
            },
        }
        tx.commit().await?;
        Ok(())
    }
}

async fn list(tx: &mut OrgTx, org: OrgId, catalogue: &Catalogue) -> anyhow::Result<()> {
    let changed: Vec<String> = settings::changed(tx, org).await?.into_iter().map(|(key, _)| key).collect();
    for (key, value) in settings::all(tx, org).await? {
        let whose = if changed.contains(&key) { "set" } else { DEFAULT };
        line(format_args!("{key:<26} {:<40} {whose}", shown(&value)));
    }
    let own = targets::all(tx, org).await?;
    for metric in catalogue.metrics.iter() {
        let set = own.iter().find(|target| target.metric == metric.id);
        let Some(target) = set.map(|own| own.target).or(metric.target) else { continue };
        let per = set.and_then(targets::Target::per).map_or_else(String::new, |per| format!(" a {per}"));
        let value = format!("{}{per}", target.normalize());
        let whose = if set.is_some() { "set" } else { DEFAULT };
        line(format_args!("{:<26} {value:<40} {whose}", format!("{TARGET}{}", metric.id)));
    }
    Ok(())
}

async fn set(
    tx: &mut OrgTx,
    org: &Organisation,
    key: &str,
    text: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    let (org, currency) = (org.id, org.currency);
    let setting: Setting = key.parse().ok().with_context(|| {
        let known: Vec<&str> = Setting::ALL.iter().map(|setting| setting.as_str()).collect();
        format!("there is no setting '{key}'; there are: {}, and target.METRIC", known.join(", "))
    })?;
    // What an organisation begins with: amounts of money in its own currency.
    let founded = defaults::in_currency(currency).into_iter().find(|(money, _)| *money == setting);
    let founded = founded.map(|(_, value)| value);
    let value = match (&founded, text == DEFAULT) {
        (Some(value), true) => value.clone(),
        (None, true) => setting.default_value(),
        (_, false) => read(setting, text)?,
    };
    if let Some(problem) = setting.problem(&value) {
        bail!("{problem}; it is {} now", shown(&settings::get(tx, org, setting).await?));
    }
    let mut after = settings::all(tx, org).await?;
    after.insert(setting.as_str().to_owned(), value.clone());
    // What drafts could not read would stop every one of them.
    Limits::read(after).with_context(|| format!("{key} cannot be {}", shown(&value)))?;
    let before = if text == DEFAULT && founded.is_none() {
        settings::clear(tx, org, setting).await?
    } else {
        settings::set(tx, org, setting, &value, None, now).await?
    };
    record(tx, org, key, (before, value.clone()), now).await?;
    line(format_args!("{key} is {}", shown(&value)));
    hint(format_args!("drafts that are open keep the stricter of the two"));
    Ok(())
}

async fn set_target(
    tx: &mut OrgTx,
    org: OrgId,
    metric: &Metric,
    (text, per): (&str, Option<Per>),
    (from, now): (Date, Timestamp),
) -> anyhow::Result<()> {
    let key = format!("{TARGET}{}", metric.id);
    let told = |target: Option<Decimal>, per: Option<&str>| {
        target.map_or(Value::Null, |target| json!({"target": target.normalize().to_string(), "per": per}))
    };
    let own = targets::all(tx, org).await?.into_iter().find(|target| target.metric == metric.id);
    let before = match &own {
        Some(own) => told(Some(own.target), own.per()),
        None => told(metric.target, None),
    };
    if text == DEFAULT {
        targets::clear(tx, org, &metric.id).await?;
        record(tx, org, &key, (before, told(metric.target, None)), now).await?;
        let back = metric.target.map_or_else(|| "none".to_owned(), |target| target.normalize().to_string());
        line(format_args!("{key} is {back}, as the registry has it"));
        return Ok(());
    }
    let target = amount(metric, text)?;
    // A share or a ratio is the same whatever the period; an amount is not.
    let per = match (metric.adds_up(), per) {
        (true, per) => Some(per.unwrap_or(Per::Day).word()),
        (false, None) => None,
        (false, Some(_)) => bail!("{} is no amount, so its target has no --per", metric.name),
    };
    targets::set(tx, org, &metric.id, (target, per), from, now).await?;
    record(tx, org, &key, (before, told(Some(target), per)), now).await?;
    let of = per.map_or_else(String::new, |per| format!(" a {per}"));
    line(format_args!("{key} is {}{of} from {from} on", target.normalize()));
    Ok(())
}

async fn record(
    tx: &mut OrgTx,
    org: OrgId,
    key: &str,
    (before, after): (Value, Value),
    now: Timestamp,
) -> anyhow::Result<()> {
    let mut entry = audit::NewEntry::by_operator("settings.changed", "setting", key, now);
    entry.before = Some(json!({ key: before }));
    entry.after = Some(json!({ key: after }));
    audit::append(tx, org, &entry).await?;
    Ok(())
}

fn named<'a>(catalogue: &'a Catalogue, id: &str) -> anyhow::Result<&'a Metric> {
    catalogue
        .metrics
        .get(id)
        .with_context(|| format!("there is no metric '{id}'{}", catalogue.metrics.instead(id)))
}

/// `4`, `2.5%` of a share.
fn amount(metric: &Metric, text: &str) -> anyhow::Result<Decimal> {
    let wrong =
        || format!("the target of {} cannot be '{text}'; write a number such as 3.5 or 25%", metric.name);
    let (digits, percent) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits.trim(), true),
        None => (text.trim(), false),
    };
    let number: Decimal = digits.parse().with_context(wrong)?;
    let share = metric.unit == "fraction";
    if percent && !share {
        bail!("{} is no share, so its target is no percentage", metric.name);
    }
    let number = if percent { number / Decimal::ONE_HUNDRED } else { number };
    if number.is_sign_negative() || (share && number > Decimal::TEN) {
        bail!("{}", wrong());
    }
    Ok(number)
}

/// A value as it is typed: lists with commas, or as JSON.
fn read(setting: Setting, text: &str) -> anyhow::Result<Value> {
    let text = text.trim();
    Ok(match setting.default_value() {
        Value::Array(_) if !text.starts_with('[') => {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
        }
        Value::Array(_) | Value::Object(_) | Value::Bool(_) | Value::Number(_) => serde_json::from_str(text)
            .with_context(|| {
                format!("{setting} cannot be '{text}'; write JSON, such as {}", shown(&example(setting)))
            })?,
        Value::Null if matches!(text, "null" | "none") => Value::Null,
        Value::Null | Value::String(_) => Value::String(text.to_owned()),
    })
}

fn example(setting: Setting) -> Value {
    if setting == Setting::HourlyLimits {
        json!({"queries": 100, "turns": 60})
    } else if setting == Setting::PlatformBudgetCap {
        json!({"google_ads": "200"})
    } else {
        setting.default_value()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
