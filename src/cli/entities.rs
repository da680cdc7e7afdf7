//! `adjutant entities`: the map of names, looked at, decided on, written out and read back.
use super::start::{Organisation, Running, Start};
use super::terminal::{hint, line};
use crate::daily::map::file::{self, LineFault};
use crate::daily::map::{self, Done, Wish};
use crate::db::audit::NewEntry;
use crate::db::entity_map::{EntityKind, Held, Link, LinkState, Origin, Relation, Thing, read, write};
use crate::period::local_day;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::ToSpan as _;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Entities {
    #[command(subcommand)]
    what: EntitiesCommand,
}

#[derive(Debug, Subcommand)]
enum EntitiesCommand {
    /// Links, as `accept` and `reject` take them.
    List {
        /// Of things of this kind only, for instance campaign.
        #[arg(long)]
        kind: Option<EntityKind>,
        /// Only those that are confirmed, suggested or rejected.
        #[arg(long)]
        state: Option<LinkState>,
    },
    /// Links what is certain, then shows what is called alike: best first, with how alike it is.
    Suggest {
        /// Only what is at least so alike, 0.45 to 1.
        #[arg(long, default_value = "0.45")]
        min: Decimal,
    },
    /// Says that a link holds, suggested or not: `accept campaign utm:google/spring same_as campaign google_ads:77`.
    Accept(LinkWords),
    /// Says that a link does not hold: it ends, and is neither made nor suggested again.
    Reject(LinkWords),
    /// What became of the links of one thing.
    History { kind: EntityKind, id: String },
    /// Reads links from a CSV file, all or none.
    Import {
        file: PathBuf,
        /// Says what would change, and changes nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Writes every link to a CSV file.
    Export { file: PathBuf },
    /// How much of the spend, and of what events name, is mapped.
    Coverage {
        /// How many whole days.
        #[arg(long, default_value_t = 28)]
        days: u16,
        /// The last of them; yesterday when not given.
        #[arg(long)]
        until: Option<Date>,
    },
}

#[derive(Debug, Args)]
struct LinkWords {
    from_kind: EntityKind,
    from_id: String,
    relation: Relation,
    to_kind: EntityKind,
    to_id: String,
    /// What speaks for it.
    #[arg(long, default_value = "")]
    because: String,
}

/// Faults shown on the terminal; the others are counted.
const SHOWN_FAULTS: usize = 20;

impl Entities {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let result = self.act(&running).await;
        running.stop().await;
        result
    }

    async fn act(self, running: &Running) -> anyhow::Result<ExitCode> {
        let org = running.organisation().await?;
        match self.what {
            EntitiesCommand::List { kind, state } => {
                let fits = |held: &Held| {
                    kind.is_none_or(|kind| held.link.from.kind == kind || held.link.to.kind == kind)
                        && state.is_none_or(|state| held.state == state)
                };
                let all = links(running, &org).await?;
                let shown: Vec<&Held> = all.iter().filter(|held| fits(held)).collect();
                for held in &shown {
                    line(format_args!("{}  {}", held.link, told(held)));
                }
                hint(format_args!("{} links", shown.len()));
            }
            EntitiesCommand::Suggest { min } => suggest(running, &org, min).await?,
            EntitiesCommand::Accept(words) => return decide(running, &org, words, true).await,
            EntitiesCommand::Reject(words) => return decide(running, &org, words, false).await,
            EntitiesCommand::History { kind, id } => {
                let mut tx = running.db.org(org.id).await?;
                let changes = write::history(&mut tx, org.id, &Thing::new(kind, id)).await?;
                tx.commit().await?;
                for change in &changes {
                    let was = if change.was.is_empty() { "new" } else { &change.was };
                    let at = change.at.strftime("%Y-%m-%dT%H:%M:%SZ");
                    let (state, origin, why) = (&change.state, change.origin, &change.evidence);
                    line(format_args!("{at}  {}  {was} → {state} ({origin}) {why}", change.link));
                }
                hint(format_args!("{} changes", changes.len()));
            }
            EntitiesCommand::Import { file, dry_run } => return import(running, &org, file, dry_run).await,
            EntitiesCommand::Export { file } => {
                let all = links(running, &org).await?;
                std::fs::write(&file, file::export(&all)?)
                    .with_context(|| format!("{} cannot be written", file.display()))?;
                line(format_args!("{} links in {}", all.len(), file.display()));
            }
            EntitiesCommand::Coverage { days, until } => coverage(running, &org, days, until).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn links(running: &Running, org: &Organisation) -> anyhow::Result<Vec<Held>> {
    let mut tx = running.db.org(org.id).await?;
    let held = read::links(&mut tx, org.id).await?;
    tx.commit().await?;
    Ok(held)
}

/// How alike, on two decimals.
fn alike(held: &Held) -> Decimal {
    held.similarity.unwrap_or_default().round_dp(2)
}

/// `suggested 0.82 names alike`, `confirmed since 2026-01-31 (automatic) the same SKU`.
fn told(held: &Held) -> String {
    match held.state {
        LinkState::Suggested => {
            format!("suggested {:.2} {}", alike(held), held.evidence)
        }
        LinkState::Confirmed | LinkState::Rejected => {
            let until = held.until.map(|day| format!(" until {day}")).unwrap_or_default();
            format!("{} since {}{until} ({}) {}", held.word(), held.since, held.origin, held.evidence)
        }
    }
}

async fn suggest(running: &Running, org: &Organisation, min: Decimal) -> anyhow::Result<()> {
    let linked = map::link(&running.db, &*running.clock, org.id).await?;
    map::suggest(&running.db, &*running.clock, org.id).await?;
    let mut open: Vec<Held> = links(running, org).await?;
    open.retain(|held| held.state == LinkState::Suggested && held.similarity.unwrap_or_default() >= min);
    open.sort_by(|a, b| b.similarity.cmp(&a.similarity).then_with(|| a.link.cmp(&b.link)));
    for held in &open {
        line(format_args!("{:.2}  {}", alike(held), held.link));
    }
    hint(format_args!(
        "{} linked, {} ended; {} suggestions: `adjutant entities accept …` or `reject …` with the words of a line",
        linked.linked,
        linked.ended,
        open.len()
    ));
    Ok(())
}

async fn decide(
    running: &Running,
    org: &Organisation,
    words: LinkWords,
    holds: bool,
) -> anyhow::Result<ExitCode> {
    let link = Link {
        from: Thing::new(words.from_kind, words.from_id),
        relation: words.relation,
        to: Thing::new(words.to_kind, words.to_id),
    };
    let action = if holds { "entity.linked" } else { "entity.rejected" };
    let mut entry =
        NewEntry::by_operator(action, link.from.kind.as_str(), &link.from.id, running.clock.now());
    entry.after = Some(json!({ "link": link.to_string(), "because": words.because }));
    let wish = Wish { evidence: words.because, ..Wish::new(link.clone(), holds) };
    let by = (Origin::Operator, None);
    match map::decide(&running.db, &*running.clock, org.id, &[wish], by, entry, false).await? {
        Done::Refused(faults) => {
            bail!("{}", faults.into_iter().map(|f| f.message).collect::<Vec<_>>().join(" "))
        }
        Done::Written { unchanged: 1, .. } => line(format_args!("{link}: so it was already")),
        Done::Written { outcome, .. } => line(format_args!(
            "{link}: {}; {} events, orders and leads followed",
            if holds { "linked" } else { "rejected" },
            outcome.facts
        )),
    }
    Ok(ExitCode::SUCCESS)
}

async fn import(
    running: &Running,
    org: &Organisation,
    path: PathBuf,
    dry_run: bool,
) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let wishes = match file::read(&bytes) {
        Ok(wishes) => wishes,
        Err(faults) => return Ok(refused(&faults)),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut entry = NewEntry::by_operator("entity.imported", "entity_links", &name, running.clock.now());
    entry.after = Some(json!({ "lines": wishes.len() }));
    let plain: Vec<Wish> = wishes.iter().map(|(_, wish)| wish.clone()).collect();
    let by = (Origin::Import, None);
    match map::decide(&running.db, &*running.clock, org.id, &plain, by, entry, dry_run).await? {
        Done::Refused(faults) => Ok(refused(&file::by_line(&wishes, faults))),
        Done::Written { outcome, unchanged } => {
            line(format_args!(
                "{} {} links: {} new or changed, {unchanged} unchanged; {} events, orders and leads followed",
                if dry_run { "would read" } else { "read" },
                plain.len(),
                plain.len() as u64 - unchanged,
                outcome.facts
            ));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn refused(faults: &[LineFault]) -> ExitCode {
    for fault in faults.iter().take(SHOWN_FAULTS) {
        hint(format_args!("{}  [{}]", fault.message, fault.code));
    }
    if faults.len() > SHOWN_FAULTS {
        hint(format_args!("… and {} more", faults.len() - SHOWN_FAULTS));
    }
    hint(format_args!("error: {} faults; nothing was read", faults.len()));
    ExitCode::FAILURE
}

async fn coverage(
    running: &Running,
    org: &Organisation,
    days: u16,
    until: Option<Date>,
) -> anyhow::Result<()> {
    let today = local_day(running.clock.now(), &org.zone);
    let last = until.unwrap_or_else(|| today.saturating_sub(1.day()));
    let first = last.saturating_sub((i32::from(days.max(1)) - 1).days());
    let zone = org.zone.iana_name().unwrap_or("UTC");
    let mut reader = running.db.reader(org.id).await?;
    let rows = read::coverage(&mut reader, first, last, zone).await?;
    crate::db::let_go(reader);
    let share = |mapped: Decimal, named: Decimal| {
        let share = mapped.checked_div(named).unwrap_or_default() * Decimal::ONE_HUNDRED;
        format!("{:.1} %", share.round_dp(1))
    };
    for row in &rows {
        let left = (row.named - row.mapped).normalize();
        line(format_args!(
            "{:<7} {:<12} {:<15} {:>8}  not mapped: {left}",
            row.counted,
            row.kind,
            row.source,
            share(row.mapped, row.named)
        ));
    }
    // The metric `entity_mapping_coverage`: spend where there is any, else events.
    let spent = rows.iter().any(|row| row.counted == "spend");
    let counted: Vec<_> = rows.iter().filter(|row| !spent || row.counted == "spend").collect();
    if counted.is_empty() {
        line(format_args!("nothing named a thing from {first} to {last}"));
        return Ok(());
    }
    let sum = |of: fn(&read::Coverage) -> Decimal| counted.iter().map(|row| of(row)).sum::<Decimal>();
    line(format_args!("together {} from {first} to {last}", share(sum(|r| r.mapped), sum(|r| r.named))));
    Ok(())
}
