//! Every SQL statement outside the catalogue; one file an aggregate; transactions bound to one organisation.
//!
//! [`Db::migrate`] brings a database up to date, [`Db::connect`] opens it and proves first that the two roles it works
//! with cannot do what they must not. Statements run only in [`Db::org`] and [`Db::reader`] transactions.
pub mod alerts;
pub mod audit;
pub mod backup;
pub mod breakers;
pub mod cards;
pub mod consents;
pub mod conversations;
pub mod credentials;
pub mod defaults;
pub mod drafts;
pub mod entity_map;
pub mod events;
pub mod facts;
pub mod hooks;
pub mod idempotency;
pub mod imports;
pub mod job_runs;
pub mod lead_sources;
pub mod load;
pub mod notices;
pub mod opportunities;
pub mod outbox;
pub mod people;
pub mod privacy;
pub mod private;
mod proof;
pub mod results;
pub mod retention;
mod roles;
pub mod rollups;
pub mod settings;
pub mod slack;
pub mod slack_answers;
pub mod sources;
pub mod sums;
pub mod syncs;
pub mod targets;
pub mod turns;
pub mod usage;
pub mod vault;
pub mod webhooks;

use crate::ids::OrgId;
use backon::Retryable as _;
use jiff::{Timestamp, civil::Date};
use jiff_sqlx::ToSqlx as _;
use roles::Logins;
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, Postgres, Row as _, Transaction};
use std::time::Duration;

/// What a statement can fail with.
pub type Error = sqlx::Error;

/// A transaction whose rows are fenced to one organisation by row-level security.
pub type OrgTx = Transaction<'static, Postgres>;

/// A connection that rested no longer than this is taken to be alive.
const TRUSTED: Duration = Duration::from_secs(1);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Why a database cannot be opened or brought up to date: one message each, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("DATABASE_URL cannot be used: {0}")]
    Url(String),
    #[error("the database at DATABASE_URL cannot be reached: {0}")]
    Unreachable(#[source] sqlx::Error),
    #[error("the database is PostgreSQL {0}; Adjutant needs 16 or newer")]
    TooOld(i32),
    #[error(
        "the database has no pgvector, and it could not be added: {0}. Install the extension `vector` on the server, \
         or let a superuser run `create extension vector`"
    )]
    NoVector(#[source] sqlx::Error),
    #[error(
        "the roles of Adjutant could not be made: {0}. DATABASE_URL must name a role that may create roles"
    )]
    Roles(#[source] sqlx::Error),
    #[error(
        "the database was made by another build: its migration {0} is not the one of this version, and an applied \
         migration never changes. Run the version that made it, or name another database or data directory"
    )]
    OtherBuild(i64),
    #[error(
        "the database was brought up to date by a newer version (migration {0}): run that one or a newer one"
    )]
    Newer(i64),
    #[error("the database could not be brought up to date: {0}")]
    Migrate(sqlx::migrate::MigrateError),
    #[error(
        "the database is not up to date: {0} of {1} migrations are applied; start `adjutant serve` once, or a newer one"
    )]
    NotMigrated(usize, usize),
    #[error("the database would not keep its promises, so nothing is served: {}", .0.join("; "))]
    Unsafe(Vec<String>),
    #[error(transparent)]
    Statement(#[from] sqlx::Error),
}

impl From<sqlx::migrate::MigrateError> for OpenError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        if let sqlx::migrate::MigrateError::VersionMismatch(number) = error {
            return Self::OtherBuild(number);
        }
        if let sqlx::migrate::MigrateError::VersionMissing(number) = error {
            return Self::Newer(number);
        }
        Self::Migrate(error)
    }
}

/// The code of PostgreSQL for a disk without room.
pub const DISK_FULL: &str = "53100";

/// The database cannot be reached, or left in the middle: it is shut down, restarted, starting, or the connection broke.
pub fn is_away(error: &Error) -> bool {
    if matches!(error, Error::Io(_) | Error::PoolTimedOut | Error::PoolClosed | Error::Tls(_)) {
        return true;
    }
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "57P01" | "57P02" | "57P03") || code.starts_with("08"))
}

/// Sizes of the pools.
#[derive(Clone, Copy, Debug)]
pub struct PoolSizes {
    pub app: u32,
    pub reader: u32,
}

impl Default for PoolSizes {
    fn default() -> Self {
        Self { app: 24, reader: 12 }
    }
}

/// The pools of the two roles that serve. Cheap to clone. Statements run only inside [`Db::org`] or [`Db::reader`].
#[derive(Clone)]
pub struct Db {
    app: PgPool,
    reader: PgPool,
}

impl Db {
    /// Makes roles, extension and schema as far as they are missing. `url` names a role that may create roles.
    ///
    /// Monthly partitions are made from 19 months before `today` to three months ahead.
    pub async fn migrate(url: &str, today: Date) -> Result<(), OpenError> {
        let first = today.saturating_sub(jiff::Span::new().months(19));
        let last = today.saturating_add(jiff::Span::new().months(3));
        Self::migrate_with_partitions(url, first, last).await
    }

    /// The same with partitions for the months of other days.
    pub async fn migrate_with_partitions(url: &str, first: Date, last: Date) -> Result<(), OpenError> {
        Self::prepare(url).await?;
        let mut owner = Logins::from_url(url)?.owner.connect().await.map_err(OpenError::Unreachable)?;
        MIGRATIONS.run(&mut owner).await?;
        sqlx::query("select ensure_partitions($1, $2)")
            .bind(first.to_sqlx())
            .bind(last.to_sqlx())
            .execute(&mut owner)
            .await?;
        owner.close().await?;
        Ok(())
    }

    /// Makes the roles, the extension and the grants of a database, not its schema: enough for the copy of a migrated one.
    pub async fn prepare(url: &str) -> Result<(), OpenError> {
        roles::prepare(&Logins::from_url(url)?).await
    }

    /// Opens a migrated database, after the proof that its roles are fenced in.
    pub async fn connect(url: &str, sizes: PoolSizes) -> Result<Self, OpenError> {
        let logins = Logins::from_url(url)?;
        let pool = |size| {
            PgPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(Duration::from_secs(15))
                // A round trip before every transaction would tell no more than its BEGIN, which is tried again anyway.
                .test_before_acquire(false)
                .before_acquire(|connection, met| {
                    Box::pin(async move {
                        if met.idle_for > TRUSTED {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
        };
        let app = pool(sizes.app).connect_with(logins.app).await.map_err(OpenError::Unreachable)?;
        let reader = pool(sizes.reader).connect_with(logins.reader).await.map_err(OpenError::Unreachable)?;
        proof::migrated(&app, &MIGRATIONS).await?;
        let broken = proof::broken_promises(&app, &reader).await?;
        if !broken.is_empty() {
            return Err(OpenError::Unsafe(broken));
        }
        Ok(Self { app, reader })
    }

    /// Opens a transaction of role `adjutant_app` for one organisation (set in the round trip of BEGIN).
    pub async fn org(&self, org: OrgId) -> Result<OrgTx, Error> {
        begin(&self.app, format!("begin; set local app.org_id = '{org}'")).await
    }

    /// Like [`Db::org`], but its commit does not wait for the disk. For what may be missing after the database machine itself
    /// crashed within the next moment: steps on the way to something that is then committed with a wait, which makes all
    /// before it durable too. A crash of this program loses none of it.
    pub async fn org_unhurried(&self, org: OrgId) -> Result<OrgTx, Error> {
        begin(&self.app, format!("begin; set local app.org_id = '{org}'; set local synchronous_commit = off"))
            .await
    }

    /// The same without patience: where the database is away, the caller has something better to do than to wait. A
    /// connection that died while it lay in the pool says nothing about that: the next one is taken.
    pub async fn org_at_once(&self, org: OrgId) -> Result<OrgTx, Error> {
        let statement = format!("begin; set local app.org_id = '{org}'");
        for _ in 0..self.app.size() {
            match self.app.begin_with(sqlx::AssertSqlSafe(statement.clone())).await {
                Err(error) if passes(&error) => {}
                other => return other,
            }
        }
        self.app.begin_with(sqlx::AssertSqlSafe(statement)).await
    }

    /// A read-only transaction of role `adjutant_app` that sees one moment throughout.
    pub async fn snapshot(&self, org: OrgId) -> Result<OrgTx, Error> {
        begin(
            &self.app,
            format!("begin isolation level repeatable read read only; set local app.org_id = '{org}'"),
        )
        .await
    }

    /// [`Db::reader_within`] the usual three seconds a statement.
    pub async fn reader(&self, org: OrgId) -> Result<OrgTx, Error> {
        self.reader_within(org, 3000).await
    }

    /// Opens a repeatable-read, read-only transaction of role `adjutant_reader`, which sees the schema `facts` only. Each of
    /// its statements is cut after `timeout_ms` milliseconds, or after a second of waiting for a lock; dates and times read
    /// as UTC whatever the server's zone is; pages of an index cost little more than pages in a row, as on a solid-state disk,
    /// or long windows would read whole tables where an index holds all they need. All of it is set in the round trip of BEGIN.
    pub async fn reader_within(&self, org: OrgId, timeout_ms: u64) -> Result<OrgTx, Error> {
        begin(
            &self.reader,
            format!(
                "begin isolation level repeatable read read only; set local app.org_id = '{org}'; \
                 set local statement_timeout = {timeout_ms}; set local lock_timeout = 1000; \
                 set local timezone = 'UTC'; set local jit = off; set local random_page_cost = 1.1"
            ),
        )
        .await
    }

    /// Every connection of role `adjutant_app` that there may be is in use.
    pub fn exhausted(&self) -> bool {
        self.app.num_idle() == 0 && self.app.size() >= self.app.options().get_max_connections()
    }

    /// How many transactions of role `adjutant_app` there may be at once.
    pub fn most_transactions(&self) -> u32 {
        self.app.options().get_max_connections()
    }

    /// The database answers, as both roles.
    pub async fn healthy(&self) -> Result<(), Error> {
        sqlx::query("select 1").execute(&self.app).await?;
        sqlx::query("select 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Makes the monthly partitions from one day's month to another's, as far as they are missing; returns how many.
    /// Call it before writing facts of days outside the usual range: what has no month waits in a default partition.
    pub async fn ensure_partitions(&self, from: Date, to: Date) -> Result<i32, Error> {
        let mut made = 0;
        // A year at a time, so that one transaction never holds too many locks.
        let mut first = from;
        while first <= to {
            let last = first.saturating_add(jiff::Span::new().months(11)).min(to);
            made += sqlx::query_scalar::<_, i32>("select ensure_partitions($1, $2)")
                .bind(first.to_sqlx())
                .bind(last.to_sqlx())
                .fetch_one(&self.app)
                .await?;
            first = first.first_of_month().saturating_add(jiff::Span::new().months(12));
        }
        Ok(made)
    }

    /// Drops the months of `events` or `data_quality_log` that ended before a day, unless an organisation is under a legal
    /// hold; gives the names of the dropped partitions.
    pub async fn drop_months(&self, table: &str, before: Date) -> Result<Vec<String>, Error> {
        sqlx::query_scalar("select drop_months($1, $2)")
            .bind(table)
            .bind(before.to_sqlx())
            .fetch_all(&self.app)
            .await
    }

    /// Default partitions that hold rows of dates for which no month was made.
    pub async fn stray_partitions(&self) -> Result<Vec<String>, Error> {
        sqlx::query_scalar("select stray_partitions()").fetch_all(&self.app).await
    }

    /// Lets the planner know the tables as they are now: after much was written at once.
    pub async fn refresh_statistics(&self) -> Result<(), Error> {
        sqlx::query("select refresh_statistics()").execute(&self.app).await?;
        Ok(())
    }

    /// The organisation (and target) of a key from outside; the one look-up across organisations.
    pub async fn route(&self, kind: people::RouteKind, key: &str) -> Result<Option<people::Route>, Error> {
        let ask = || {
            sqlx::query_as("select org_id, target from route($1, $2)")
                .bind(kind)
                .bind(key)
                .fetch_optional(&self.app)
        };
        ask.retry(patience()).when(passes).await
    }

    /// Every organisation with its slug, for work that goes round all of them.
    pub async fn organisations(&self) -> Result<Vec<(OrgId, String)>, Error> {
        sqlx::query_as("select org_id, slug from organisations()").fetch_all(&self.app).await
    }

    /// Closes the pools; statements under way end first.
    pub async fn close(&self) {
        self.app.close().await;
        self.reader.close().await;
    }
}

/// Ends a transaction that only read: nothing has to be made durable, so nobody waits. The connection rolls back on its
/// way to the pool.
pub fn let_go(tx: OrgTx) {
    drop(tx);
}

/// Begins, and rides out a restart of the database: nothing has happened yet that a second try could double.
async fn begin(pool: &PgPool, statement: String) -> Result<OrgTx, Error> {
    (|| pool.begin_with(sqlx::AssertSqlSafe(statement.clone()))).retry(patience()).when(passes).await
}

fn patience() -> backon::ExponentialBuilder {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(14)
}

/// The server is away, going or coming: worth waiting for.
fn passes(error: &Error) -> bool {
    is_away(error) && !matches!(error, Error::PoolTimedOut | Error::PoolClosed | Error::Tls(_))
}

/// A `timestamptz` column as the program's own type.
pub(crate) fn instant(row: &PgRow, column: &str) -> Result<Timestamp, Error> {
    Ok(row.try_get::<jiff_sqlx::Timestamp, _>(column)?.to_jiff())
}

/// The same where it may be null.
pub(crate) fn instant_if_any(row: &PgRow, column: &str) -> Result<Option<Timestamp>, Error> {
    Ok(row.try_get::<Option<jiff_sqlx::Timestamp>, _>(column)?.map(|at| at.to_jiff()))
}
