//! Migrations stay as they came out, and databases that older versions made are brought up to date.
use crate::world::World;
use adjutant::db::facts::SOURCES;
use adjutant::db::{Db, OpenError};
use adjutant::events::Source;
use adjutant::platforms::registry::CONNECTORS;
use jiff::civil::date;
use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// The last migration of the first version that anyone has run.
const FIRST_VERSION: &str = "0022_person_key.sql";

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
}

/// The lines of `applied.txt`: file and hash, in the order they came out.
fn applied() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder().join("applied.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once("  ").unwrap()).map(|(hash, file)| (file.into(), hash.into())).collect()
}

#[test]
fn a_migration_that_is_out_never_changes() {
    let mut there = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "sql") {
            let hash = Sha256::digest(std::fs::read(&path).unwrap());
            let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            there.insert(path.file_name().unwrap().to_string_lossy().into_owned(), hex);
        }
    }
    let listed: BTreeMap<String, String> = applied().into_iter().collect();
    assert_eq!(there, listed, "add a new file and its line in migrations/applied.txt; change no older one");
}

/// A database without a schema, and who may do everything in it.
async fn empty(world: &World) -> (String, PgConnection) {
    let mut superuser = world.superuser().await;
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&mut superuser).await.unwrap();
    let old = format!("{name}_old");
    superuser.execute(sqlx::AssertSqlSafe(format!("create database {old}"))).await.unwrap();
    let url = world.url.replace(&name, &old);
    Db::prepare(&url).await.unwrap();
    let superuser = PgConnection::connect(&url).await.unwrap();
    (url, superuser)
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date_with_what_it_holds() {
    let world = World::new().await;
    let (url, mut superuser) = empty(&world).await;
    let files: Vec<String> = applied().into_iter().map(|(file, _)| file).collect();
    let end = files.iter().position(|file| file == FIRST_VERSION).unwrap();
    let first: Vec<i64> = files[..=end].iter().map(|file| file[..4].parse().unwrap()).collect();
    let mut migrator = Migrator::new(folder()).await.unwrap();
    let all = migrator.migrations.len();
    migrator.migrations = Cow::Owned(
        migrator.migrations.iter().filter(|migration| first.contains(&migration.version)).cloned().collect(),
    );
    superuser.execute("set role adjutant_owner").await.unwrap();
    migrator.run(&mut superuser).await.unwrap();
    superuser.execute("reset role; set session_replication_role = replica").await.unwrap();
    superuser
        .execute(
            "insert into card_tokens (org_id, token_hash, draft_id, revision, action, expires_at)
             values (gen_random_uuid(), '\\x01', gen_random_uuid(), 1, 'approve', '2026-10-01Z')",
        )
        .await
        .unwrap();

    Db::migrate(&url, date(2026, 10, 1)).await.unwrap();
    let (tokens, migrations): (i64, i64) =
        sqlx::query_as("select (select count(*) from card_tokens), (select count(*) from _sqlx_migrations)")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    assert_eq!((tokens, migrations), (1, i64::try_from(all).unwrap()));
    Db::migrate(&url, date(2026, 10, 1)).await.unwrap();
}

#[tokio::test]
async fn a_database_of_another_build_or_a_newer_version_is_left_alone_and_said_so() {
    let world = World::new().await;
    let mut superuser = world.superuser().await;
    superuser.execute("update _sqlx_migrations set version = 9999 where version = 32").await.unwrap();
    let newer = Db::migrate(&world.url, date(2026, 10, 1)).await.unwrap_err();
    assert!(matches!(newer, OpenError::Newer(9999)), "{newer}");
    superuser
        .execute("update _sqlx_migrations set version = 32, checksum = '\\x00' where version = 9999")
        .await
        .unwrap();
    let other = Db::migrate(&world.url, date(2026, 10, 1)).await.unwrap_err();
    assert!(matches!(other, OpenError::OtherBuild(32)), "{other}");
    assert!(other.to_string().contains("migration 32"), "{other}");
}

/// A platform that is read may stand wherever it is said where a row comes from.
#[tokio::test]
async fn every_list_of_sources_has_every_platform() {
    let world = World::new().await;
    let mut superuser = world.superuser().await;
    let lists: Vec<(String, String)> = sqlx::query_as(
        "select conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) from pg_constraint
         where contype = 'c' and pg_get_constraintdef(oid) like '%''klaviyo''%'
         union all
         select relname::text, pg_get_viewdef(oid) from pg_class where relkind = 'v' and relname like 'newest\\_%'",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert!(lists.len() >= 25, "{lists:?}");
    for key in CONNECTORS.iter().map(|connector| connector.spec().key) {
        for (place, list) in &lists {
            assert!(list.contains(&format!("'{key}'::text")), "{key} is not in {place}");
        }
        assert!(SOURCES.contains(&key), "{key}");
        assert!(key.parse::<Source>().is_ok_and(Source::is_connector), "{key}");
    }
}
