//! `adjutant source`: connections to platforms, made, tried, read and taken away. Secrets come from the environment or from
//! standard input, never from the command line, where other programs of the machine could read them.
use super::hooks::{Hooks, address};
use super::start::{Organisation, Running, Start};
use super::terminal::{hint, line};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::daily::connection::Outside;
use crate::daily::sync::manage::{self, is_secret};
use crate::daily::sync::overview::overview;
use crate::daily::sync::{By, Change, Engine, Finished, Order, Step, Wanted};
use crate::db::Db;
use crate::db::facts::fx;
use crate::db::sources::{self, Source as Row, SourceState};
use crate::db::syncs::{SyncState, Trigger};
use crate::db::vault::{self, Keyring};
use crate::money::Currency;
use crate::period::{Window, local_day};
use crate::platforms::client::Limits;
use crate::platforms::contract::ConnectorSpec;
use crate::platforms::registry::connector;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::ToSpan as _;
use jiff::civil::Date;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Args)]
pub struct Source {
    #[command(subcommand)]
    what: SourceCommand,
}

#[derive(Debug, Subcommand)]
enum SourceCommand {
    /// Connects a platform, once it answers. Secrets come from ADJUTANT_SOURCE_<FIELD>, or one line each from standard input.
    Add {
        /// The platform, for instance plausible; `adjutant source list` names all.
        platform: String,
        /// What people call it; the platform's own name when not given.
        #[arg(long)]
        name: Option<String>,
        /// `field=value`, for what is no secret. May be repeated.
        #[arg(long = "set", value_parser = pair)]
        set: Vec<(String, String)>,
        /// The time zone of the account's days; the organisation's when neither given nor told by the platform.
        #[arg(long)]
        time_zone: Option<String>,
        /// The currency of the account, likewise.
        #[arg(long)]
        currency: Option<Currency>,
    },
    /// Asks the platform whether a connection still works.
    Check { source: String },
    /// Reads what is new. Reading twice changes nothing.
    Sync {
        source: String,
        /// One stream only.
        #[arg(long)]
        stream: Option<String>,
        /// Reads these days again, whatever was read before; with --to.
        #[arg(long, requires = "to")]
        from: Option<Date>,
        #[arg(long, requires = "from")]
        to: Option<Date>,
        /// `USD=0.92`: what one unit is worth in the organisation's currency on the days that are read. May be repeated.
        #[arg(long, value_parser = rate)]
        rate: Vec<(Currency, Decimal)>,
    },
    /// Connections with the last run of each stream, and the platforms that could be connected.
    List,
    /// Enters the secrets of a connection anew.
    Secret {
        source: String,
        /// This one only, for instance webhook_secret; the others stay.
        #[arg(long)]
        only: Option<String>,
    },
    /// What the platform delivered by itself, and dead deliveries again.
    #[command(subcommand)]
    Hooks(Hooks),
    /// Forgets how far a stream was read: the next run begins with its whole history.
    Reset { source: String, stream: String },
    /// Forgets a connection with its secrets and runs. The facts it brought stay.
    Remove { source: String },
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("write field=value")?;
    Ok((field.trim().to_owned(), value.trim().to_owned()))
}

fn rate(text: &str) -> Result<(Currency, Decimal), String> {
    let (currency, rate) = pair(text)?;
    let rate: Decimal = rate.parse().map_err(|_| format!("'{rate}' is not a number"))?;
    if rate <= Decimal::ZERO {
        return Err("a rate is above zero".to_owned());
    }
    Ok((currency.parse().map_err(|e: crate::money::BadCurrency| e.to_string())?, rate))
}

impl Source {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let result = self.act(&running).await;
        running.stop().await;
        result
    }

    async fn act(self, running: &Running) -> anyhow::Result<ExitCode> {
        let org = running.organisation().await?;
        let now = running.clock.now();
        match self.what {
            SourceCommand::Add { platform, name, set, time_zone, currency } => {
                add(running, &org, &platform, name, set, time_zone, currency).await?;
            }
            SourceCommand::List => list(running, &org).await?,
            SourceCommand::Check { source } => {
                let source = find(running, &org, &source).await?;
                let report = engine(running)?.check(org.id, source.id).await?;
                line(format_args!("{} works: {}", source.name, report.account));
            }
            SourceCommand::Sync { source, stream, from, to, rate } => {
                let source = find(running, &org, &source).await?;
                let window =
                    from.zip(to).map(|(from, to)| Window::new(from, to).context("--from lies after --to"));
                return sync(running, &org, &source, stream, window.transpose()?, rate).await;
            }
            SourceCommand::Hooks(hooks) => {
                let source = find(running, &org, hooks.source()).await?;
                hooks.act(running, &org, &source).await?;
            }
            SourceCommand::Secret { source, only } => {
                let source = find(running, &org, &source).await?;
                let spec = manage::spec_of(&source.connector)?;
                if let Some(name) = only.as_deref().filter(|name| !is_secret(spec, name)) {
                    bail!("'{name}' is no secret of {}", spec.title);
                }
                let mut entered = secrets(&running.config, spec, only.as_deref())?;
                let meant = |name: &str| only.as_deref().is_none_or(|only| only == name);
                let fields = spec.fields.iter().filter(|field| field.secret && meant(field.name));
                // What is left empty is taken away.
                let change = Change {
                    secrets: fields.map(|f| (f.name.to_owned(), entered.remove(f.name))).collect(),
                    ..Change::default()
                };
                engine(running)?.change(org.id, source.id, &change, By::Operator).await?;
                line(format_args!("{} works with its new secrets", source.name));
            }
            SourceCommand::Reset { source, stream } => {
                let source = find(running, &org, &source).await?;
                engine(running)?.reset(org.id, source.id, &stream, By::Operator).await?;
                line(format_args!("{} of {} begins anew", stream, source.name));
            }
            SourceCommand::Remove { source } => {
                let source = find(running, &org, &source).await?;
                manage::forget(&running.db, org.id, source.id, By::Operator, now).await?;
                line(format_args!("{} is forgotten; its facts stay", source.name));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(
    running: &Running,
    org: &Organisation,
    platform: &str,
    name: Option<String>,
    set: Vec<(String, String)>,
    time_zone: Option<String>,
    currency: Option<Currency>,
) -> anyhow::Result<()> {
    let spec = manage::spec_of(platform)?;
    if let Some((field, _)) = set.iter().find(|(name, _)| is_secret(spec, name)) {
        bail!(
            "'{field}' is a secret: put it into ADJUTANT_SOURCE_{} or give it on standard input, not on the command line",
            field.to_ascii_uppercase()
        );
    }
    let config: BTreeMap<String, String> = set.into_iter().collect();
    let missing = spec.missing(|name| config.contains_key(name) || is_secret(spec, name));
    if !missing.is_empty() {
        for field in spec.fields.iter().filter(|field| missing.contains(&field.name)) {
            hint(format_args!("{:<16} {}", field.name, field.help));
        }
        bail!("{} also needs {}; give each with --set field=value", spec.title, missing.join(", "));
    }
    let wanted = Wanted {
        connector: spec.key,
        name: name.as_deref(),
        config,
        secrets: secrets(&running.config, spec, None)?,
        time_zone: time_zone.as_deref(),
        currency,
    };
    let (source, report) = engine(running)?.connect(org.id, wanted, By::Operator).await?;
    let (id, name) = (source.id, source.name);
    line(format_args!("{name} works: {} ({id})", report.account));
    if connector(spec.key).and_then(|known| known.webhook()).is_some()
        && let Ok(source) = find(running, org, &id.to_string()).await
    {
        hint(format_args!("{}", address(&source)));
    }
    hint(format_args!("read it with `adjutant source sync \"{name}\"`"));
    Ok(())
}

async fn sync(
    running: &Running,
    org: &Organisation,
    source: &Row,
    stream: Option<String>,
    window: Option<Window>,
    rates: Vec<(Currency, Decimal)>,
) -> anyhow::Result<ExitCode> {
    let spec = manage::spec_of(&source.connector)?;
    let engine = engine(running)?;
    let today = local_day(running.clock.now(), &org.zone);
    let streams: Vec<&str> = match &stream {
        Some(stream) => vec![stream.as_str()],
        None => spec.streams.iter().map(|stream| stream.name).collect(),
    };
    if !rates.is_empty() {
        let longest = spec.streams.iter().map(|stream| stream.backfill_days).max().unwrap_or(90);
        let days = window.unwrap_or(Window {
            start: today.saturating_sub(longest.days()),
            end: today.saturating_add(1.day()),
        });
        let mut tx = running.db.org(org.id).await?;
        for (currency, rate) in rates {
            fx::set(&mut tx, org.id, currency, org.currency, rate, days.start, days.end).await?;
        }
        tx.commit().await?;
    }
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    let signals = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            hint(format_args!("stopping; what was read so far is kept"));
            on_signal.cancel();
        }
    });
    let mut worst = ExitCode::SUCCESS;
    for stream in streams {
        let order = Order {
            org: org.id,
            source: source.id,
            stream: stream.to_owned(),
            trigger: Trigger::Manual,
            window,
        };
        match engine.run(&order, cancel.clone(), &progress).await {
            Ok(finished) => {
                show(&finished);
                if finished.state != SyncState::Succeeded {
                    worst = ExitCode::FAILURE;
                }
            }
            Err(error) => {
                hint(format_args!("error: {error}  [{}]", error.code));
                worst = ExitCode::FAILURE;
            }
        }
        if cancel.is_cancelled() {
            break;
        }
    }
    signals.abort();
    if let Err(error) = crate::drafts::mark_drifted(&running.db, &*running.clock, org.id).await {
        hint(format_args!("what was read is kept, but open drafts could not be looked at again: {error}"));
        worst = ExitCode::FAILURE;
    }
    Ok(worst)
}

/// A line a slice, on standard error.
fn progress(step: Step<'_>) {
    let days = step.slice.map(|slice| format!(" {} to {}", slice.start, slice.end)).unwrap_or_default();
    match step.error {
        None => hint(format_args!("{:<12}{days}  {} rows so far", step.stream, step.counts.rows_read)),
        Some(error) => hint(format_args!("{:<12}{days}  {error}  [{}]", step.stream, error.code)),
    }
}

fn show(finished: &Finished) {
    let counts = &finished.counts;
    line(format_args!(
        "{:<12} {}: {} rows read, {} written, {} unchanged ({} requests, {} of them again)",
        finished.stream,
        finished.state,
        counts.rows_read,
        counts.rows_written,
        counts.rows_unchanged,
        counts.requests,
        counts.retries
    ));
    if let (Some(first), Some(last)) = (finished.restated.first(), finished.restated.last()) {
        line(format_args!("{:<12} restated: {} days from {first} to {last}", "", finished.restated.len()));
    }
    for warning in finished.warnings.as_array().into_iter().flatten() {
        let text = |name: &str| warning.get(name).and_then(Value::as_str).unwrap_or_default();
        line(format_args!("{:<12} note: {}  [{}]", "", text("detail"), text("code")));
    }
}

async fn list(running: &Running, org: &Organisation) -> anyhow::Result<()> {
    let mut tx = running.db.org(org.id).await?;
    let overview = overview(&mut tx, org.id).await?;
    tx.commit().await?;
    for source in overview.sources {
        let heard = source.last_synced_at.map_or("never read".to_owned(), |at| format!("read {at:.0}"));
        line(format_args!("{:<24} {:<16} {:<10} {heard}", source.name, source.connector, source.state));
        for run in source.streams.into_iter().filter_map(|stream| stream.last_run) {
            let error = run.error_message.map(|message| format!("  {message}")).unwrap_or_default();
            line(format_args!("  {:<22} {:<10} {} rows{error}", run.stream, run.state, run.counts.rows_read));
        }
        for seen in source.schema {
            line(format_args!(
                "  {:<22} {:<10} {} times, last {:.0}  [{}]",
                seen.stream, seen.field, seen.count, seen.last_at, seen.code
            ));
        }
    }
    for platform in overview.platforms.iter().filter(|one| one.state == SourceState::Unconfigured) {
        line(format_args!(
            "{:<24} {:<16} unconfigured: needs {}",
            platform.title,
            platform.connector,
            platform.missing.join(", ")
        ));
    }
    Ok(())
}

async fn all(running: &Running, org: &Organisation) -> anyhow::Result<Vec<Row>> {
    let mut tx = running.db.org(org.id).await?;
    let all = sources::all(&mut tx, org.id).await?;
    tx.commit().await?;
    Ok(all)
}

/// The connection that a name, an id or a platform means.
async fn find(running: &Running, org: &Organisation, text: &str) -> anyhow::Result<Row> {
    let all = all(running, org).await?;
    let by =
        |test: &dyn Fn(&Row) -> bool| all.iter().filter(|source| test(source)).cloned().collect::<Vec<_>>();
    let named = by(&|source| source.name.eq_ignore_ascii_case(text) || source.id.to_string() == text);
    let mut found = if named.is_empty() { by(&|source| source.connector == text) } else { named };
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let names: Vec<&str> = all.iter().map(|source| source.name.as_str()).collect();
            bail!("there is no connection '{text}'; there are: {}", names.join(", "))
        }
        _ => {
            let ids: Vec<String> =
                found.iter().map(|source| format!("{} ({})", source.name, source.id)).collect();
            bail!("'{text}' could be {}; give the id", ids.join(" or "))
        }
    }
}

/// The secrets of a platform: from the environment, else one line each from standard input.
fn secrets(
    config: &Config,
    spec: &ConnectorSpec,
    only: Option<&str>,
) -> anyhow::Result<BTreeMap<String, SecretString>> {
    let mut secrets = BTreeMap::new();
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    for field in spec.fields.iter().filter(|field| field.secret && wanted(field.name)) {
        if let Some(value) = config.sources.secrets.get(field.name) {
            secrets.insert(field.name.to_owned(), value.clone());
            continue;
        }
        if std::io::stdin().is_terminal() {
            hint(format_args!("{} ({}), one line:", field.name, field.help));
        }
        let mut text = String::new();
        std::io::stdin().read_line(&mut text).context("standard input cannot be read")?;
        match text.trim() {
            "" if field.required => bail!(
                "{} needs '{}' ({}): put it into ADJUTANT_SOURCE_{}, or give it as a line on standard input",
                spec.title,
                field.name,
                field.help,
                field.name.to_ascii_uppercase()
            ),
            "" => {}
            value => {
                secrets.insert(field.name.to_owned(), SecretString::from(value.to_owned()));
            }
        }
    }
    Ok(secrets)
}

/// The engine of this process.
fn engine(running: &Running) -> anyhow::Result<Engine> {
    engine_of(&running.config, &running.db, &running.clock)
}

/// What reads connections; a private database is given its key here.
pub fn engine_of(config: &Config, db: &Db, clock: &SharedClock) -> anyhow::Result<Engine> {
    Ok(engine_with(config, db, clock, keyring(config)?))
}

/// The same for a server: none where no key was ever made, so that nothing can have been sealed.
pub fn engine_if_any(config: &Config, db: &Db, clock: &SharedClock) -> anyhow::Result<Option<Engine>> {
    let made = config.database.url.is_none() && config.data_dir()?.join(KEY_FILE).exists();
    if config.sources.master_key.is_none() && !made {
        return Ok(None);
    }
    Ok(Some(engine_with(config, db, clock, keyring(config)?)))
}

fn engine_with(config: &Config, db: &Db, clock: &SharedClock, keys: Keyring) -> Engine {
    Engine {
        db: db.clone(),
        keys: Arc::new(keys),
        outside: Outside {
            clock: clock.clone(),
            chance: Arc::new(rand::random::<f64>),
            limits: Limits::default(),
            base_urls: config.sources.base_urls.clone(),
            allow_insecure: config.sources.allow_insecure,
        },
    }
}

/// The key file of a private database, beside its data.
const KEY_FILE: &str = "master-key";

/// The master key of the environment. A private database has its own: made once, in a file that only its owner reads, so
/// that a copy of the database alone opens nothing. A database elsewhere never gets a key by itself: it would be lost with
/// this machine.
pub fn keyring(config: &Config) -> anyhow::Result<Keyring> {
    let old = config.sources.old_master_key.as_ref();
    if let Some(key) = &config.sources.master_key {
        return Ok(Keyring::new(key, old)?);
    }
    if config.database.url.is_some() {
        bail!(
            "the secrets of connections are kept sealed, and there is no key to seal them with: set ADJUTANT_MASTER_KEY to \
             what `openssl rand -base64 32` prints, and keep it apart from the database"
        );
    }
    let path = config.data_dir()?.join(KEY_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = vault::new_master_key(&mut rand::rng());
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path).with_context(|| path.display().to_string())?;
            file.write_all(key.expose_secret().as_bytes())?;
            file.sync_all()?;
            hint(format_args!(
                "a master key was made: {}; keep a copy of it with your backups",
                path.display()
            ));
            key.expose_secret().to_owned()
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    Ok(Keyring::new(&SecretString::from(text), old)?)
}
