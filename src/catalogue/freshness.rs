//! How new the facts of a query are: newest and first day of each source table, and the id of the data snapshot.
use super::result::Freshness;
use crate::db::{Error, OrgTx};
use crate::period::{Window, local_day};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use std::fmt::Write as _;

mod feeds;
pub(super) use feeds::LateFeed;

/// A fact table with a view `facts.coverage_<table>`; whether that view tells instants rather than days; and how many days
/// after a day ends its figures are expected.
struct Source {
    table: &'static str,
    instants: bool,
    lag: i32,
    /// Rows come every day: a day without any is missing data. Otherwise it may just be a quiet day.
    regular: bool,
}

const fn daily(table: &'static str, lag: i32) -> Source {
    Source { table, instants: false, lag, regular: true }
}

const fn now_and_then(table: &'static str, instants: bool) -> Source {
    Source { table, instants, lag: 7, regular: false }
}

/// Tables that grow by the day. Others (campaigns, targets, drafts…) have no age.
const SOURCES: &[Source] = &[
    daily("daily_metrics", 1),
    daily("daily_campaign_metrics", 1),
    daily("daily_funnel_metrics", 1),
    daily("search_terms", 1),
    // Search engines publish their figures two to three days later.
    daily("search_performance", 3),
    now_and_then("keyword_ranks", false),
    now_and_then("segment_sizes", false),
    now_and_then("leads", false),
    now_and_then("orders", true),
    now_and_then("touches", true),
    now_and_then("events", true),
];

/// Whether rows of a table come now and then, so that a day without any is a day on which nothing happened.
pub(super) fn is_quiet(table: &str) -> bool {
    SOURCES.iter().any(|source| source.table == table && !source.regular)
}

/// Figures that should be here and are so many days late are withheld (`metrics.md` §8: 48 h for batch connectors).
pub(super) const GRACE_DAYS: i32 = 2;

/// What the data looked like when the query ran.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub sources: Vec<Coverage>,
    /// Platforms are connected, and none of them has been heard of within the grace period. Uploaded files are no platform:
    /// nobody expects one every day.
    pub silent: bool,
    /// Connected platforms not heard of within the grace period, while others are: name and the last day.
    pub late: Vec<(String, Date)>,
    /// Time zones of the connected ad accounts, when they differ and the query reads their days.
    pub zones: Vec<String>,
    /// Orders and leads of this query whose connections were not heard of within the grace period.
    pub feeds: Vec<LateFeed>,
    /// The table that the query is about: the first it names.
    pub about: String,
    /// Changes whenever a sync or an import finished, or a day was added.
    pub id: String,
}

#[derive(Clone, Debug)]
pub(super) struct Coverage {
    pub table: String,
    pub first: Option<Date>,
    pub newest: Option<Date>,
    lag: i32,
    regular: bool,
}

/// Reads the coverage of the query's sources in the transaction of the query. The statement takes no values, so that
/// its plan, dear because of the partitions, is made once a connection.
pub(super) async fn snapshot(
    tx: &mut OrgTx,
    tables: &[String],
    zone: &TimeZone,
    now: Timestamp,
    today: Date,
) -> Result<Snapshot, Error> {
    let sources: Vec<&Source> =
        SOURCES.iter().filter(|s| tables.iter().any(|name| name == s.table)).collect();
    let mut columns = String::from(
        "s.newest as synced, i.newest as imported,
         (select max(last_synced_at) from facts.sources where state in ('connected', 'attention') and source <> 'csv') as heard,
         exists (select 1 from facts.sources where state in ('connected', 'attention') and source <> 'csv') as live",
    );
    let mut views = String::from("facts.coverage_sync_runs s, facts.coverage_imports i");
    for (n, Source { table, .. }) in sources.iter().enumerate() {
        let _ = write!(columns, ", c{n}.oldest as oldest{n}, c{n}.newest as newest{n}");
        let _ = write!(views, ", facts.coverage_{table} c{n}");
    }
    // Table names come from the constant list above.
    let statement = sqlx::AssertSqlSafe(format!("select {columns} from {views}"));
    let row = sqlx::query(statement).fetch_one(&mut **tx).await?;
    let at = |name: &str| -> Result<Option<Timestamp>, Error> {
        Ok(row.try_get::<Option<jiff_sqlx::Timestamp>, _>(name)?.map(jiff_sqlx::Timestamp::to_jiff))
    };
    let day = |source: &Source, name: String| -> Result<Option<Date>, Error> {
        if source.instants {
            return Ok(at(&name)?.map(|at| local_day(at, zone)));
        }
        Ok(row.try_get::<Option<jiff_sqlx::Date>, _>(name.as_str())?.map(jiff_sqlx::Date::to_jiff))
    };
    let mut found = Vec::new();
    for (n, source) in sources.iter().enumerate() {
        found.push(Coverage {
            table: source.table.to_owned(),
            first: day(source, format!("oldest{n}"))?,
            newest: day(source, format!("newest{n}"))?,
            lag: source.lag,
            regular: source.regular,
        });
    }
    let grace = SignedDuration::from_hours(24 * i64::from(GRACE_DAYS));
    let quiet = at("heard")?.is_none_or(|heard| now.duration_since(heard) > grace);
    let about = tables.first().cloned().unwrap_or_default();
    let tables: Vec<&str> = found.iter().map(|source| source.table.as_str()).collect();
    let mut accounts = Accounts::default();
    if found.iter().any(|source| ACCOUNT_DAYS.contains(&source.table.as_str())) {
        accounts = read_accounts(tx, zone, now - grace).await?;
    }
    let feeds = feeds::late(tx, &tables, zone, now - grace).await?;
    let mut hash = Sha256::new();
    hash.update(format!("{today}|{:?}|{:?}", at("synced")?, at("imported")?));
    hash.update(format!("|{quiet}|{:?}|{feeds:?}", accounts.late));
    for Coverage { table, first, newest, .. } in &found {
        hash.update(format!("|{table}:{first:?}..{newest:?}"));
    }
    let id = hash.finalize().iter().take(8).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    });
    Ok(Snapshot {
        sources: found,
        silent: quiet && row.try_get("live")?,
        feeds,
        about,
        late: if quiet { Vec::new() } else { accounts.late },
        zones: accounts.zones,
        id,
    })
}

/// Tables whose days are those of the ad accounts.
const ACCOUNT_DAYS: &[&str] = &["daily_metrics", "daily_campaign_metrics", "search_terms"];

/// Windows up to this long say that the accounts' days differ.
const ZONES_MATTER_DAYS: i32 = 7;

#[derive(Default)]
struct Accounts {
    late: Vec<(String, Date)>,
    zones: Vec<String>,
}

/// The connected ad accounts: which of them were last heard of before `since`, and their time zones when they differ.
async fn read_accounts(tx: &mut OrgTx, zone: &TimeZone, since: Timestamp) -> Result<Accounts, Error> {
    let rows = sqlx::query(
        "select s.name, s.last_synced_at, s.account_time_zone
         from facts.sources s
         where s.state in ('connected', 'attention') and s.source like '%\\_ads'
         order by s.name, s.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut accounts = Accounts::default();
    for row in &rows {
        let heard: Option<jiff_sqlx::Timestamp> = row.try_get("last_synced_at")?;
        if let Some(heard) = heard.map(jiff_sqlx::Timestamp::to_jiff).filter(|heard| *heard < since) {
            accounts.late.push((row.try_get("name")?, local_day(heard, zone)));
        }
        let theirs: String = row.try_get("account_time_zone")?;
        if !accounts.zones.contains(&theirs) {
            accounts.zones.push(theirs);
        }
    }
    if accounts.zones.len() < 2 {
        accounts.zones.clear();
    }
    Ok(accounts)
}

impl Coverage {
    /// The day up to which figures should be here.
    fn due(&self, today: Date) -> Date {
        today.saturating_sub(self.lag.days())
    }

    fn late_days(&self, today: Date) -> i32 {
        let due = self.due(today);
        self.newest.map_or(0, |newest| newest.until(due).map_or(0, |span| span.get_days()).max(0))
    }
}

impl Snapshot {
    pub fn freshness(&self, today: Date) -> Vec<Freshness> {
        self.sources
            .iter()
            .map(|source| Freshness {
                source: source.table.clone(),
                newest: source.newest,
                age_days: source.newest.and_then(|n| n.until(today).ok()).map(|span| span.get_days()),
                stale: source.late_days(today) > 0,
            })
            .collect()
    }

    /// The source whose lateness makes the figures of this window misleading, if any.
    ///
    /// Only connected platforms can be late (data that people import ends where their file ends), and a platform that
    /// was heard of lately has just had quiet days.
    pub fn withheld(&self, window: Option<Window>, today: Date) -> Option<(&Coverage, i32)> {
        let window = window.filter(|_| self.silent)?;
        self.sources.iter().filter(|source| source.regular).find_map(|source| {
            let late = source.late_days(today);
            let newest = source.newest?;
            (late > GRACE_DAYS && window.end > newest && window.start <= newest).then_some((source, late))
        })
    }

    /// The day since which nobody brings what the query is about, when the window reaches it. A query that only takes some
    /// of its figures from there says so in a note instead.
    pub fn unfed(&self, window: Option<Window>) -> Option<(&LateFeed, Date)> {
        let window = window?;
        let feed = self.feeds.iter().find(|feed| feed.table == self.about)?;
        let since = feed.silent_since()?;
        (window.end >= since).then_some((feed, since))
    }

    /// What the window asks for and the data does not cover, in words.
    pub fn notes(
        &self,
        window: Option<Window>,
        compare: Option<Window>,
        today: Date,
        rows: u64,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(window) = window else {
            return notes;
        };
        for source in &self.sources {
            let (Some(first), Some(newest)) = (source.first, source.newest) else { continue };
            let name = source.table.replace('_', " ");
            let due = source.due(today).min(window.end);
            if window.start < first && window.end >= first {
                notes.push(format!("Data of {name} begins on {first}: earlier days are not covered."));
            } else if newest < due && newest >= window.start {
                notes.push(format!("Data of {name} ends on {newest}: later days are missing."));
            }
            if compare.is_some_and(|c| c.start < first) {
                notes
                    .push(format!("The comparison period begins before the first data of {name} ({first})."));
            }
        }
        for (name, heard) in &self.late {
            if window.end >= *heard {
                notes.push(format!("{name} was last heard of on {heard}: its later figures are missing."));
            }
        }
        for feed in &self.feeds {
            for (name, heard) in feed.late.iter().filter(|(_, heard)| window.end >= *heard) {
                notes.push(format!(
                    "{name} was last heard of on {heard}: its later {} are missing, and figures from them are too low.",
                    feed.table
                ));
            }
        }
        // Over more days, hours at the edges do not matter.
        if !self.zones.is_empty() && window.days() <= ZONES_MATTER_DAYS {
            notes.push(format!(
                "The ad accounts keep different time zones ({}): each day is the account's own.",
                self.zones.join(", ")
            ));
        }
        if rows == 0 {
            let nearest = self.sources.iter().find(|s| {
                s.newest.is_some_and(|n| n < window.start) || s.first.is_some_and(|f| f > window.end)
            });
            if let Some(Coverage { table, first: Some(first), newest: Some(newest), .. }) = nearest {
                notes.push(format!(
                    "Data of {} covers {first} to {newest}: ask for days in between.",
                    table.replace('_', " ")
                ));
            }
        }
        notes.dedup();
        notes
    }
}
