//! A PostgreSQL of our own, for a clone without `DATABASE_URL`, and for the tests.
//!
//! [`Cluster::start`] finds (or once fetches) PostgreSQL ≥ 16 with pgvector, initialises a cluster in the data
//! directory, starts it on a Unix socket only, and stops it when the last program that uses it goes. A cluster that a
//! killed program left behind is joined or started anew.
mod cluster;
mod fetch;
mod home;
mod leash;
mod locate;
mod postmaster;

pub use cluster::Cluster;
pub use home::random_hex;
pub use locate::{Binaries, clients};

use crate::config::{Config, ConfigError};
use std::path::{Path, PathBuf};

/// The oldest PostgreSQL that will do.
pub const OLDEST_MAJOR: u32 = 16;

/// What the cluster needs to know; all from [`Config`] in the program, chosen by hand in tests.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The cluster lives in `postgres/` below it.
    pub data_dir: PathBuf,
    /// Where a fetched build is unpacked, once for all clusters of the user.
    pub cache_dir: PathBuf,
    /// A folder with `postgres`, `initdb` and `pg_ctl` that must be used.
    pub postgres_bin: Option<PathBuf>,
    /// The folders of `PATH`.
    pub path: Vec<PathBuf>,
    /// Off only for tests: a power cut may then destroy the cluster.
    pub durable: bool,
    pub max_connections: u32,
    /// A cluster already running in the directory is joined; otherwise it is stopped first.
    pub join: bool,
    /// The server is stopped also when this program is killed (tests). Without it the next start joins the server.
    pub leash: bool,
}

impl ClusterOptions {
    pub fn from_config(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            data_dir: config.data_dir()?,
            cache_dir: config.cache_dir().or_else(|_| config.data_dir())?,
            postgres_bin: config.database.postgres_bin.clone(),
            path: config.host.path.clone(),
            durable: true,
            max_connections: 100,
            join: true,
            leash: false,
        })
    }
}

/// Why there is no private cluster: one message in plain words each, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "no PostgreSQL {OLDEST_MAJOR} or newer with pgvector was found{looked}, and it could not be fetched: {fetch}. \
         Install PostgreSQL with pgvector, or name its folder in ADJUTANT_DATABASE__POSTGRES_BIN, or point \
         DATABASE_URL at a server"
    )]
    NoPostgres { looked: String, fetch: String },
    #[error(
        "no pg_dump and pg_restore of PostgreSQL {server} or newer were found{looked}, and they could not be fetched: \
         {fetch}. Install PostgreSQL's client programs, or name their folder in ADJUTANT_DATABASE__POSTGRES_BIN"
    )]
    NoClients { server: u32, looked: String, fetch: String },
    #[error("the PostgreSQL in {} cannot be used: {problem}", dir.display())]
    Unusable { dir: PathBuf, problem: String },
    #[error(
        "{} holds a database of PostgreSQL {found}, and none of that version was found{looked}. Install PostgreSQL \
         {found} with pgvector, or start with another data directory", dir.display()
    )]
    OtherVersion { dir: PathBuf, found: u32, looked: String },
    #[error("{what} {}: {source}", path.display())]
    Files { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "the password of the private database ({}) is missing although the database exists; restore the file, or \
         start with another data directory", path.display()
    )]
    NoPassword { path: PathBuf },
    #[error("another program uses the database in {}; stop it first", dir.display())]
    InUse { dir: PathBuf },
    #[error("the private database could not be initialised: {0}")]
    Init(String),
    #[error("the private database did not start: {problem}. Its log is {}", log.display())]
    Start { problem: String, log: PathBuf },
    #[error("the private database runs but cannot be used: {0}")]
    Connect(#[from] sqlx::Error),
}

impl ClusterError {
    fn files(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Files { what, path, source }
    }
}
