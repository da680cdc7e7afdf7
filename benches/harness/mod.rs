//! What the benches share: a private PostgreSQL that keeps every promise of durability, organisations, figures, tables.
//!
//! Figures are printed, never asserted: a slow machine is a fact, not a failure.
pub mod args;
pub mod cost;
pub mod figures;
pub mod provider;
pub mod reader;
pub mod rollup;

use adjutant::access::{Actor, Credential, Role, Surface};
use adjutant::clock::Clock;
use adjutant::config::Config;
use adjutant::daily::sync::asked::Desk;
use adjutant::db::people::{self, NewMember, NewOrg};
use adjutant::db::private::{Cluster, ClusterOptions};
use adjutant::db::{Db, PoolSizes};
use adjutant::ids::{MemberId, OrgId};
use jiff::civil::Date;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A cluster of the benches and one database in it. Durable, as in production: commits wait for the disk.
pub struct World {
    pub db: Db,
    pub url: String,
    pub cluster: Cluster,
}

impl World {
    /// Starts the cluster of the benches and opens the named database; `keep` takes over what an earlier run left there.
    /// The second value is true for a fresh database.
    pub async fn open(database: &str, keep: bool, today: Date, sizes: PoolSizes) -> (Self, bool) {
        let config = Config::load(None).expect("the configuration loads");
        let mut options = ClusterOptions::from_config(&config).expect("folders for the cluster");
        options.data_dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
        options.max_connections = 200;
        options.join = false;
        options.leash = true;
        let cluster = Cluster::start(options).await.expect("the private cluster starts");
        let mut admin = PgConnection::connect(&cluster.url()).await.expect("the cluster answers");
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(database)
            .fetch_one(&mut admin)
            .await
            .expect("the list of databases");
        if !(keep && exists) {
            let drop = format!("drop database if exists {database} with (force)");
            admin.execute(AssertSqlSafe(drop)).await.expect("the old database goes");
            admin
                .execute(AssertSqlSafe(format!("create database {database}")))
                .await
                .expect("a new database");
        }
        let url = cluster.url_of(database);
        Db::migrate(&url, today).await.expect("the migrations run");
        let db = Db::connect(&url, sizes).await.expect("the database opens");
        (Self { db, url, cluster }, !(keep && exists))
    }

    /// The superuser, for loading and maintenance.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("the superuser connects")
    }

    /// What autovacuum does soon after a load: statistics and visibility of each table and partition.
    pub async fn settle(&self) {
        self.superuser().await.execute("vacuum (analyze)").await.expect("vacuum");
    }
}

/// The desk of a server that has no connections to platforms.
pub fn no_connections(stop: &CancellationToken) -> Desk {
    Desk::new(Arc::new(|| anyhow::bail!("the benches have no connections")), stop.clone())
}

/// Makes an organisation with an administrator, without the hourly limit of queries.
pub async fn company(db: &Db, clock: &dyn Clock, slug: &str) -> Actor {
    let (now, org, member) = (clock.now(), OrgId::new(clock), MemberId::new(clock));
    let mut tx = db.org(org).await.expect("a transaction");
    let currency = "EUR".parse().expect("a currency");
    let new = NewOrg { name: slug, slug, time_zone: "Europe/Zurich", currency, locale: "en" };
    people::create_org(&mut tx, org, &new, now).await.expect("the organisation");
    let email = format!("admin@{slug}.example");
    let new = NewMember { name: "Adele Moser", email: &email, role: Role::Admin };
    people::create_member(&mut tx, org, member, &new, now).await.expect("the administrator");
    tx.commit().await.expect("a commit");
    actor(db, org).await
}

/// Lifts the hourly limit; call it after a load that brings settings of its own.
pub async fn unlimited(world: &World, org: OrgId) {
    sqlx::query(
        "insert into org_settings (org_id, key, value, set_at) values ($1, 'hourly_limits', $2, '2025-01-01T00:00:00Z')
         on conflict (org_id, key) do update set value = excluded.value",
    )
    .bind(org)
    .bind(json!({"queries": 1_000_000_000}))
    .execute(&mut world.superuser().await)
    .await
    .expect("the setting");
}

/// The first member of an organisation, signed in over HTTP.
pub async fn actor(db: &Db, org: OrgId) -> Actor {
    let mut tx = db.org(org).await.expect("a transaction");
    let member: MemberId = sqlx::query_scalar("select id from members where org_id = $1 order by id limit 1")
        .bind(org)
        .fetch_one(&mut *tx)
        .await
        .expect("a member");
    let actor =
        people::actor(&mut tx, org, member, Surface::Http, Credential::Session).await.expect("the member");
    tx.commit().await.expect("a commit");
    actor.expect("an active member")
}

/// The organisation of a slug, if an earlier run made it.
pub async fn known(db: &Db, slug: &str) -> Option<OrgId> {
    let all = db.organisations().await.expect("the list of organisations");
    all.into_iter().find(|(_, known)| known == slug).map(|(org, _)| org)
}
