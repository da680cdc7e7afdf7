//! The private cluster: survives kills, is shared, stops with its last user, and says in plain words what is wrong.
use crate::world::cluster_options;
use adjutant::db::private::{Cluster, ClusterError, ClusterOptions};
use adjutant::db::{Db, PoolSizes};
use adjutant::ids::OrgId;
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::path::PathBuf;
use std::process::Command;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// As the program runs it: joined when it is there, left behind when the program is killed.
    fn options(&self) -> ClusterOptions {
        ClusterOptions {
            join: true,
            leash: false,
            durable: true,
            max_connections: 20,
            ..cluster_options(self.0.clone())
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn count(cluster: &Cluster) -> i64 {
    let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::query_scalar("select count(*) from kept").fetch_one(&mut connection).await.unwrap()
}

async fn write(cluster: &Cluster) {
    let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
    connection
        .execute("create table if not exists kept (n integer); insert into kept values (1)")
        .await
        .unwrap();
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_survives_a_stop_and_the_last_user_stops_the_server() {
    let folder = Folder::new("stop");
    let first = Cluster::start(folder.options()).await.unwrap();
    write(&first).await;
    let second = Cluster::start(folder.options()).await.unwrap();
    assert_eq!(first.postmaster(), second.postmaster(), "the second joins the first");
    first.stop().await;
    assert_eq!(count(&second).await, 1, "still there for the second");
    assert!(second.postmaster().is_some());
    second.stop().await;
    let again = Cluster::start(folder.options()).await.unwrap();
    assert_eq!(count(&again).await, 1);
    again.stop().await;
    assert!(!folder.0.join("postgres/data/postmaster.pid").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_started_again_while_the_program_runs() {
    let folder = Folder::new("killed");
    let cluster = Cluster::start(folder.options()).await.unwrap();
    write(&cluster).await;
    let before = cluster.postmaster().unwrap();
    kill(before);
    let reborn = async {
        loop {
            match PgConnection::connect(&cluster.url()).await {
                Ok(_) if cluster.postmaster().is_some_and(|pid| pid != before) => return,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), reborn).await.expect("it comes back");
    assert_eq!(count(&cluster).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_after_a_kill_of_everything_recovers() {
    let folder = Folder::new("recover");
    // A runtime that is gone takes the keeper with it: as if the program had been killed.
    let options = folder.options();
    let pid = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::start(options).await.unwrap();
            write(&cluster).await;
            let pid = cluster.postmaster().unwrap();
            std::mem::forget(cluster);
            pid
        })
    })
    .join()
    .unwrap();
    kill(pid);
    assert!(folder.0.join("postgres/data/postmaster.pid").exists(), "the stale file is there");
    let cluster = Cluster::start(folder.options()).await.unwrap();
    assert_ne!(cluster.postmaster().unwrap(), pid);
    assert_eq!(count(&cluster).await, 1);
    // The forgotten one still counts as a user: stop by hand.
    kill(cluster.postmaster().unwrap());
    std::mem::forget(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pid_file_of_another_program_does_not_stop_the_start() {
    let folder = Folder::new("stale");
    let cluster = Cluster::start(folder.options()).await.unwrap();
    cluster.stop().await;
    let stale = format!("{}\n/somewhere\n1758099600\n5432\n/nowhere\n\n  1  1\nready\n", std::process::id());
    std::fs::write(folder.0.join("postgres/data/postmaster.pid"), stale).unwrap();
    let cluster = Cluster::start(folder.options()).await.unwrap();
    write(&cluster).await;
    assert_eq!(count(&cluster).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_with_a_long_path_has_its_socket_elsewhere() {
    let folder = Folder::new("long");
    let deep = folder.0.join("a".repeat(60)).join("b".repeat(60));
    let options = ClusterOptions { data_dir: deep, ..folder.options() };
    let cluster = Cluster::start(options).await.unwrap();
    write(&cluster).await;
    assert_eq!(count(&cluster).await, 1);
}

#[tokio::test]
async fn what_cannot_be_used_is_said_in_one_message() {
    let folder = Folder::new("unusable");
    let options = ClusterOptions { postgres_bin: Some(folder.0.clone()), ..folder.options() };
    let error = Cluster::start(options).await.err().expect("no programs there");
    assert!(error.to_string().ends_with("cannot be used: has no postgres"), "{error}");

    let script = folder.0.join("bin");
    std::fs::create_dir_all(&script).unwrap();
    for name in ["postgres", "initdb", "pg_ctl"] {
        let path = script.join(name);
        std::fs::write(&path, "#!/bin/sh\necho 'postgres (PostgreSQL) 15.4'\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let options = ClusterOptions { postgres_bin: Some(script), ..folder.options() };
    let error = Cluster::start(options).await.err().expect("too old");
    assert!(error.to_string().ends_with("is version 15"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_password_is_said_and_not_replaced() {
    let folder = Folder::new("password");
    Cluster::start(folder.options()).await.unwrap().stop().await;
    let secret = folder.0.join("postgres-password");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&secret).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_file(secret).unwrap();
    let error = Cluster::start(folder.options()).await.err().expect("no password");
    assert!(matches!(error, ClusterError::NoPassword { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_erased_only_when_nobody_uses_it() {
    let folder = Folder::new("erase");
    let cluster = Cluster::start(folder.options()).await.unwrap();
    write(&cluster).await;
    let error = Cluster::erase(&folder.options()).await.expect_err("in use");
    assert!(matches!(error, ClusterError::InUse { .. }), "{error}");
    cluster.stop().await;
    Cluster::erase(&folder.options()).await.unwrap();
    let cluster = Cluster::start(folder.options()).await.unwrap();
    let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
    assert!(connection.execute("select from kept").await.is_err(), "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_ride_out_a_restart_of_the_server() {
    let folder = Folder::new("restart");
    let cluster = Cluster::start(folder.options()).await.unwrap();
    let month = jiff::civil::date(2025, 9, 1);
    Db::migrate_with_partitions(&cluster.url(), month, month).await.unwrap();
    let db = Db::connect(&cluster.url(), PoolSizes { app: 2, reader: 2 }).await.unwrap();
    let org = OrgId(uuid::Uuid::nil());
    for _ in 0..3 {
        db.org(org).await.unwrap().commit().await.unwrap();
        let killed = cluster.postmaster();
        kill(killed.unwrap());
        // A transaction begun on a connection that has not noticed yet ends with it, or goes through before it notices;
        // beginning never fails.
        while db.org(org).await.expect("the server comes back").commit().await.is_err()
            || cluster.postmaster().is_none_or(|pid| Some(pid) == killed)
        {}
    }
}
