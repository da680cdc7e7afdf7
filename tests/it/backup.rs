//! A copy of the whole database, read into another one: everything is there, and nothing that was not whole goes in.
use crate::crash::{program, program_in};
use crate::drafts::account::{account, decide, pause};
use adjutant::drafts::Decision;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::Command;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn said(command: &mut Command) -> (bool, String) {
    let output = command.stdout(Stdio::piped()).output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// Every table with the number and the sum of the hashes of its rows; months count as their table.
async fn content(url: &str) -> BTreeMap<String, String> {
    let mut db = PgConnection::connect(url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
          where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    let mut found = BTreeMap::new();
    for table in tables {
        let sum = format!(
            "select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from {table} t"
        );
        let sum: String = sqlx::query_scalar(AssertSqlSafe(sum)).fetch_one(&mut db).await.unwrap();
        found.insert(table, sum);
    }
    found
}

#[tokio::test]
async fn a_restored_database_holds_every_row_and_its_record_of_decisions() {
    let world = account().await;
    let created = pause(&world).await;
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let folder = Folder::new("backup");
    let file = folder.0.join("monday.dump");
    let (fine, words) = said(program(&world).arg("backup").arg(&file)).await;
    assert!(fine && words.contains("monday.dump holds the database: "), "{words}");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions(),
        std::os::unix::fs::PermissionsExt::from_mode(0o100_600)
    );
    let (fine, words) = said(program(&world).arg("backup").arg(&file)).await;
    assert!(!fine && words.contains("exists; name a new file"), "{words}");

    let copy = format!("it_copy_{}", std::process::id());
    let mut superuser = world.superuser().await;
    superuser.execute(AssertSqlSafe(format!("create database {copy}"))).await.unwrap();
    let (before, rest) = world.url.rsplit_once("/it_").unwrap();
    let url = format!("{before}/{copy}?{}", rest.split_once('?').unwrap().1);
    let restore = |url: &str, file: &std::path::Path| {
        let mut command = program(&world);
        command.env("DATABASE_URL", url).arg("restore").arg(file);
        command
    };
    // Half a file, and something else: nothing goes in.
    let whole = std::fs::read(&file).unwrap();
    for (name, bytes) in [("half.dump", &whole[..whole.len() / 2]), ("notes.txt", b"no copy".as_slice())] {
        std::fs::write(folder.0.join(name), bytes).unwrap();
        let (fine, words) = said(&mut restore(&url, &folder.0.join(name))).await;
        assert!(!fine && words.contains("pg_restore failed: "), "{words}");
        assert_eq!(content(&url).await.len(), 0);
    }
    let (fine, words) = said(&mut restore(&url, &folder.0.join("none.dump"))).await;
    assert!(!fine && words.contains("cannot read "), "{words}");

    let (fine, words) = said(&mut restore(&url, &file)).await;
    assert!(fine && words.contains("alpine: restored; its record of "), "{words}");
    assert_eq!(content(&url).await, content(&world.url).await);
    let (_, proof) = said(program(&world).args(["audit", "verify"])).await;
    let head = proof.split_whitespace().last().unwrap();
    assert!(words.contains(&format!("decisions holds, head {head}")), "{words} {proof}");
    let (fine, words) = said(&mut restore(&url, &file)).await;
    assert!(!fine && words.contains("the database is not empty"), "{words}");
    superuser.execute(AssertSqlSafe(format!("drop database {copy} with (force)"))).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_would_leave_rows_out_is_not_made() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    let role = format!("fenced_{}", std::process::id());
    let (_, rest) = world.url.split_once('@').unwrap();
    let database = rest.split(['/', '?']).nth(1).unwrap();
    let make = format!(
        "create role {role} login createrole password 'p'; grant connect on database {database} to {role}"
    );
    superuser.execute(AssertSqlSafe(make)).await.unwrap();
    let folder = Folder::new("fenced");
    let mut command = program(&world);
    command
        .env("DATABASE_URL", format!("postgres://{role}:p@{rest}"))
        .arg("backup")
        .arg(folder.0.join("x.dump"));
    let (fine, words) = said(&mut command).await;
    superuser.execute(AssertSqlSafe(format!("drop owned by {role}; drop role {role}"))).await.unwrap();
    assert!(
        !fine && words.contains(&format!("the role {role} may not read past row-level security")),
        "{words}"
    );
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[tokio::test]
async fn a_private_database_moves_to_another_folder() {
    let (old, new) = (Folder::new("old-home"), Folder::new("new-home"));
    let admin = "Adele Moser <adele@alpine.example>";
    let setup = ["setup", "--name", "Alpine Outfitters", "--slug", "alpine", "--admin", admin];
    let (fine, words) = said(program_in(&old.0).args(setup)).await;
    assert!(fine, "{words}");
    let file = old.0.join("whole.dump");
    let (fine, words) = said(program_in(&old.0).arg("backup").arg(&file)).await;
    assert!(fine, "{words}");
    let (fine, words) = said(program_in(&new.0).arg("restore").arg(&file)).await;
    assert!(fine && words.contains("restored; its record of "), "{words}");
    let (fine, words) = said(program_in(&new.0).args(["member", "list"])).await;
    assert!(fine && words.contains("Adele Moser"), "{words}");
}
