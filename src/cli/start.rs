//! From words and configuration to an open database: what every command does first.
use crate::clock::{Clock, SharedClock, ShiftedClock, SystemClock};
use crate::config::Config;
use crate::db::private::{Cluster, ClusterOptions};
use crate::db::{Db, PoolSizes, backup, people};
use crate::ids::OrgId;
use crate::money::Currency;
use crate::period::local_day;
use anyhow::{Context, bail};
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Says that the demo account is complete, and on which day it lives.
const DEMO_FILE: &str = "demo.json";
/// The planted facts; nothing that answers questions reads it.
const TRUTH_FILE: &str = "truth.json";

/// The demo account of a data directory.
#[derive(Debug, Serialize, Deserialize)]
pub struct DemoDay {
    pub today: Date,
    pub org: OrgId,
}

/// Configuration, read; nothing opened yet.
pub struct Start {
    pub config: Config,
    org: Option<String>,
}

/// An open database, and the private cluster under it, if it is ours.
pub struct Running {
    pub config: Config,
    pub db: Db,
    pub clock: SharedClock,
    cluster: Option<Cluster>,
    org: Option<String>,
}

/// A database that was not opened yet.
struct Place {
    url: String,
    cluster: Option<Cluster>,
}

impl Place {
    async fn leave(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

/// The organisation a command works for.
pub struct Organisation {
    pub id: OrgId,
    pub currency: Currency,
    pub zone: TimeZone,
}

impl Start {
    pub fn new(file: Option<&Path>, data_dir: Option<PathBuf>, org: Option<String>) -> anyhow::Result<Self> {
        let mut config = Config::load(file)?;
        if let Some(dir) = data_dir {
            config.database.data_dir = Some(dir);
        }
        Ok(Self { config, org })
    }

    /// Opens the database. Where a demo account lives on another day, the clock is set to that day.
    pub async fn database(self) -> anyhow::Result<Running> {
        match self.demo_day()? {
            Some(demo) => {
                let zone = TimeZone::get(crate::demo::plan::ZONE)?;
                let real = local_day(SystemClock.now(), &zone);
                self.demo_database(demo.today, real).await
            }
            None => self.database_at(Arc::new(SystemClock)).await,
        }
    }

    /// Opens a private database that need not survive, on a clock of the caller's.
    pub async fn throwaway(self, clock: SharedClock) -> anyhow::Result<Running> {
        self.open(clock, false).await
    }

    /// Opens the database with the clock moved by whole days, from the real day to the demo's.
    pub async fn demo_database(self, today: Date, real: Date) -> anyhow::Result<Running> {
        let days = i64::from(real.until(today)?.get_days());
        let clock: SharedClock = match days {
            0 => Arc::new(SystemClock),
            days => Arc::new(ShiftedClock(SignedDuration::from_hours(24 * days))),
        };
        self.database_at(clock).await
    }

    /// The demo account of this data directory, once it is complete.
    pub fn demo_day(&self) -> anyhow::Result<Option<DemoDay>> {
        if self.config.database.url.is_some() {
            return Ok(None);
        }
        let path = self.config.data_dir()?.join(DEMO_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(
                serde_json::from_str(&text)
                    .with_context(|| format!("{} is damaged; use --reset", path.display()))?,
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Removes the private cluster of the data directory, if it holds nothing but a demo account.
    pub async fn reset_demo(&mut self) -> anyhow::Result<()> {
        if self.config.database.url.is_some() {
            bail!(
                "--reset works on a private database only; drop the database that DATABASE_URL names yourself"
            );
        }
        let dir = self.config.data_dir()?;
        if !dir.exists() {
            return Ok(());
        }
        let options = ClusterOptions::from_config(&self.config)?;
        if dir.join(DEMO_FILE).exists()
            || dir.join("postgres").exists()
            || dir.join("postgres-location").exists()
        {
            let probe = Self { config: self.config.clone(), org: None };
            let running = probe.database_at(Arc::new(SystemClock)).await?;
            let others: Vec<String> = running
                .db
                .organisations()
                .await?
                .into_iter()
                .map(|(_, slug)| slug)
                .filter(|slug| slug != crate::demo::SLUG)
                .collect();
            running.stop().await;
            if !others.is_empty() {
                bail!(
                    "{} also holds {}; --reset would destroy that. Use another --data-dir",
                    dir.display(),
                    others.join(", ")
                );
            }
        }
        Cluster::erase(&options).await?;
        for file in [DEMO_FILE, TRUTH_FILE] {
            match std::fs::remove_file(dir.join(file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| dir.join(file).display().to_string());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens the database, the private one if no URL names another, and brings its schema up to date.
    pub async fn database_at(self, clock: SharedClock) -> anyhow::Result<Running> {
        self.open(clock, true).await
    }

    async fn open(self, clock: SharedClock, durable: bool) -> anyhow::Result<Running> {
        let place = self.place(durable).await?;
        self.open_at(place, clock).await
    }

    /// Copies the database to a file as it is: a newer program's schema is not put into it first.
    pub async fn back_up(&self, file: &Path) -> anyhow::Result<u64> {
        let place = self.place(true).await?;
        let options = ClusterOptions::from_config(&self.config)?;
        let done = backup::dump(&options, &place.url, file).await;
        place.leave().await;
        Ok(done?)
    }

    /// Reads such a file into an empty database, and opens that.
    pub async fn restored(self, file: &Path) -> anyhow::Result<Running> {
        let place = self.place(true).await?;
        let options = ClusterOptions::from_config(&self.config)?;
        if let Err(error) = backup::restore(&options, &place.url, file).await {
            place.leave().await;
            return Err(error.into());
        }
        self.open_at(place, Arc::new(SystemClock)).await
    }

    /// Where the database is; the private one is started.
    async fn place(&self, durable: bool) -> anyhow::Result<Place> {
        if let Some(url) = &self.config.database.url {
            return Ok(Place { url: url.clone(), cluster: None });
        }
        let options =
            ClusterOptions { durable, leash: !durable, ..ClusterOptions::from_config(&self.config)? };
        let cluster = Cluster::start(options).await?;
        Ok(Place { url: cluster.url(), cluster: Some(cluster) })
    }

    async fn open_at(self, place: Place, clock: SharedClock) -> anyhow::Result<Running> {
        let opened = async {
            Db::migrate(&place.url, local_day(clock.now(), &TimeZone::UTC)).await?;
            Db::connect(&place.url, PoolSizes::default()).await
        };
        match opened.await {
            Ok(db) => Ok(Running { config: self.config, db, clock, cluster: place.cluster, org: self.org }),
            Err(error) => {
                place.leave().await;
                Err(error.into())
            }
        }
    }
}

impl Running {
    /// The organisation named with `--org`, or the only one there is.
    pub async fn organisation(&self) -> anyhow::Result<Organisation> {
        let all = self.db.organisations().await?;
        let found = match (&self.org, all.as_slice()) {
            (_, []) => bail!(
                "there is no organisation yet; create one with `adjutant setup`, or try `adjutant demo`"
            ),
            (Some(slug), all) => all
                .iter()
                .find(|(_, known)| known == slug)
                .with_context(|| format!("there is no organisation '{slug}'; there are: {}", slugs(all)))?,
            (None, [only]) => only,
            (None, several) => bail!("say which organisation with --org: {}", slugs(several)),
        };
        let mut tx = self.db.org(found.0).await?;
        let org = people::org(&mut tx, found.0).await?;
        tx.commit().await?;
        Ok(Organisation {
            id: found.0,
            zone: TimeZone::get(&org.time_zone).with_context(|| format!("time zone {}", org.time_zone))?,
            currency: org.currency.parse()?,
        })
    }

    /// Whether the demo account of this organisation was filled to the end.
    pub fn demo_is_complete(&self, org: OrgId) -> bool {
        let read = || {
            let text = std::fs::read_to_string(self.config.data_dir().ok()?.join(DEMO_FILE)).ok()?;
            serde_json::from_str::<DemoDay>(&text).ok()
        };
        read().is_some_and(|demo| demo.org == org)
    }

    /// Keeps what was planted, and that the account is complete: the truth first, the mark last.
    pub fn keep_demo(&self, truth: &serde_json::Value, demo: &DemoDay) -> anyhow::Result<()> {
        let dir = self.config.data_dir()?;
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join(TRUTH_FILE), serde_json::to_string_pretty(truth)?)?;
        std::fs::write(dir.join(DEMO_FILE), serde_json::to_string(demo)?)?;
        Ok(())
    }

    /// Closes the pools and deletes the private cluster with everything in it.
    pub async fn erase(self) -> anyhow::Result<()> {
        let options = ClusterOptions::from_config(&self.config)?;
        self.stop().await;
        Ok(Cluster::erase(&options).await?)
    }

    /// Closes the pools, and stops the private cluster if nobody else uses it.
    pub async fn stop(self) {
        self.db.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

fn slugs(all: &[(OrgId, String)]) -> String {
    all.iter().map(|(_, slug)| slug.as_str()).collect::<Vec<_>>().join(", ")
}
