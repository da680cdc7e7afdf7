//! Organisations never meet; roles cannot do what they must not; the schema stays fit for distribution.
use crate::world::World;
use adjutant::db::{Db, OpenError, PoolSizes, people};
use adjutant::ids::{ConversationId, OrgId};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

async fn rows(connection: &mut PgConnection, statement: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_all(connection).await.unwrap()
}

fn code(error: &sqlx::Error) -> String {
    let refused = error.as_database_error().unwrap_or_else(|| panic!("not refused by the database: {error}"));
    refused.code().unwrap_or_default().into_owned()
}

#[tokio::test]
async fn every_table_has_its_organisation_first_in_every_key_and_a_fence() {
    let world = World::new().await;
    let mut admin = world.superuser().await;
    let tables = rows(
        &mut admin,
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
         and not relispartition order by 1",
    )
    .await;
    assert!(tables.len() > 80, "only {} tables", tables.len());
    // The two tables without a tenant's key; the directory is what finds the tenant.
    let global = ["_sqlx_migrations", "directory"];
    for table in tables.iter().filter(|t| !global.contains(&t.as_str())) {
        let not_first = rows(
            &mut admin,
            &format!(
                "select i.indexrelid::regclass::text from pg_index i
                 left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                 where i.indrelid = '{table}'::regclass and a.attname is distinct from 'org_id'"
            ),
        )
        .await;
        assert!(not_first.is_empty(), "{table}: org_id does not lead {not_first:?}");
        let keyed = rows(
            &mut admin,
            &format!("select 'x' from pg_index where indrelid = '{table}'::regclass and indisprimary"),
        )
        .await;
        assert_eq!(keyed.len(), 1, "{table} has no primary key");
        let fenced = rows(
            &mut admin,
            &format!(
                "select 'x' from pg_class c where oid = '{table}'::regclass and relrowsecurity and relforcerowsecurity
                 and (select count(*) from pg_policy where polrelid = c.oid) = 1"
            ),
        )
        .await;
        assert_eq!(fenced.len(), 1, "{table} is not fenced");
    }
}

#[tokio::test]
async fn the_schema_stays_fit_for_distribution_by_organisation() {
    let world = World::new().await;
    let mut admin = world.superuser().await;
    let foreign = rows(
        &mut admin,
        "select format('%s: %s', conrelid::regclass, pg_get_constraintdef(c.oid)) from pg_constraint c
         where contype = 'f' and conrelid <> 'directory'::regclass
           and not exists (select from unnest(conkey) with ordinality k (attnum, n)
                           join unnest(confkey) with ordinality f (attnum, n) using (n)
                           join pg_attribute a on a.attrelid = conrelid and a.attnum = k.attnum
                           join pg_attribute b on b.attrelid = confrelid and b.attnum = f.attnum
                           where a.attname = 'org_id' and b.attname = 'org_id')",
    )
    .await;
    assert!(foreign.is_empty(), "foreign keys without the organisation: {foreign:?}");
    let unfit = rows(
        &mut admin,
        "select conname::text from pg_constraint where contype = 'x'
         union all
         select conname::text from pg_constraint c join pg_class t on t.oid in (c.conrelid, c.confrelid)
         where contype = 'f' and t.relkind = 'p'
         union all
         select relname::text from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace
         union all
         select tgname::text from pg_trigger where not tgisinternal and tgrelid <> 'audit_log'::regclass",
    )
    .await;
    assert!(
        unfit.is_empty(),
        "exclusion constraints, keys of partitioned facts, sequences or triggers: {unfit:?}"
    );
}

#[tokio::test]
async fn without_an_organisation_there_are_no_rows_and_with_another_none_of_ours() {
    let world = World::new().await;
    let other = world.other_org().await;
    let mut tx = world.db.org(other.org).await.unwrap();
    assert!(people::members(&mut tx, world.org).await.unwrap().is_empty());
    assert!(people::member(&mut tx, world.org, world.compliance.member).await.unwrap().is_none());
    let seen: i64 = sqlx::query_scalar("select count(*) from members").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 6);
    tx.execute("set local app.org_id = ''").await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from members").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 0);
}

#[tokio::test]
async fn rows_of_another_organisation_can_be_neither_written_nor_pointed_at() {
    let world = World::new().await;
    let other = world.other_org().await;
    let conversation = |org: OrgId, owner: adjutant::ids::MemberId| {
        sqlx::query(
            "insert into conversations (org_id, id, surface, owner_id, created_at)
             values ($1, $2, 'http', $3, '2025-09-17T09:00:00Z')",
        )
        .bind(org)
        .bind(ConversationId::new(&*world.clock))
        .bind(owner)
    };
    let mut tx = world.db.org(world.org).await.unwrap();
    let refused = conversation(other.org, other.marketer.member).execute(&mut *tx).await.unwrap_err();
    assert_eq!(code(&refused), "42501", "a row of another organisation");
    let mut tx = world.db.org(world.org).await.unwrap();
    let refused = conversation(world.org, other.marketer.member).execute(&mut *tx).await.unwrap_err();
    assert_eq!(code(&refused), "23503", "a reference into another organisation");
    let mut tx = world.db.org(world.org).await.unwrap();
    conversation(world.org, world.marketer.member).execute(&mut *tx).await.unwrap();
    let moved = sqlx::query("update members set name = 'x' where org_id = $1")
        .bind(other.org)
        .execute(&mut *tx)
        .await;
    assert_eq!(moved.unwrap().rows_affected(), 0);
}

#[tokio::test]
async fn the_reader_sees_views_without_people_and_writes_nothing() {
    let world = World::new().await;
    let mut tx = world.db.org(world.org).await.unwrap();
    tx.execute(AssertSqlSafe(format!(
        "insert into customers (org_id, id, source, currency, birth_year, email, email_hash, city, first_seen_at, updated_at)
         values ('{0}', 'shopify:1', 'shopify', 'EUR', 2009, 'x', 'y', 'Basel', '2025-09-01Z', '2025-09-01Z'),
                ('{0}', 'shopify:2', 'shopify', 'EUR', 1980, 'x', 'z', 'Basel', '2025-09-01Z', '2025-09-01Z')",
        world.org
    )))
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.db.reader(world.org).await.unwrap();
    let minors: Vec<(String, bool)> =
        sqlx::query_as("select id, minor from customers order by id").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(minors, [("shopify:1".to_owned(), true), ("shopify:2".to_owned(), false)]);
    let other = world.other_org().await;
    let mut tx = world.db.reader(other.org).await.unwrap();
    let seen: i64 =
        sqlx::query_scalar("select count(*) from facts.customers").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 0, "another organisation's reader");
    for (statement, wanted) in [
        ("select email from public.customers", "42501"),
        ("select email from facts.customers", "42703"),
        ("select birth_year from facts.customers", "42703"),
        ("select contact from facts.leads", "42703"),
        ("select * from public.daily_metrics", "42501"),
        ("update facts.campaigns set name = 'x'", "42501"),
        ("insert into facts.orgs (name) values ('x')", "42501"),
        ("create table x ()", "25006"),
        ("set transaction read write", "25001"),
        ("select public.ensure_partitions('2025-01-01', '2025-01-01')", "42501"),
    ] {
        let mut tx = world.db.reader(world.org).await.unwrap();
        let _ = tx.execute("select 1").await;
        let refused = tx.execute(statement).await.expect_err(statement);
        assert_eq!(code(&refused), wanted, "{statement}: {refused}");
    }
}

#[tokio::test]
async fn the_app_changes_neither_schema_nor_past() {
    let world = World::new().await;
    for statement in [
        "create table x ()",
        "create temporary table x ()",
        "alter table members add column x text",
        "drop table members",
        "alter table members disable row level security",
        "drop policy tenant on members",
        "truncate members",
        "create schema x",
        "update audit_log set action = 'x'",
        "delete from audit_log",
        "truncate audit_log",
        "delete from data_access_log",
        "alter table audit_log disable trigger append_only",
        "delete from audit_heads",
        "select * from daily_metrics_default",
        "set role adjutant_owner",
        "set session authorization adjutant_owner",
        "alter role adjutant_app bypassrls",
        "copy members to program 'cat'",
    ] {
        let mut tx = world.db.org(world.org).await.unwrap();
        let refused = tx.execute(statement).await.expect_err(statement);
        assert_eq!(code(&refused), "42501", "{statement}: {refused}");
    }
}

#[tokio::test]
async fn not_even_the_owner_changes_the_past() {
    let world = World::new().await;
    for statement in ["update audit_log set action = 'x'", "delete from audit_log", "truncate audit_log"] {
        let mut owner = world.superuser().await;
        owner.execute("set role adjutant_owner").await.unwrap();
        let refused = owner.execute(statement).await.expect_err(statement);
        assert!(refused.to_string().contains("audit_log is append-only"), "{statement}: {refused}");
    }
}

/// Breaks one promise as the superuser; the next start must refuse and say which.
async fn start_after(sabotage: &str) -> String {
    let world = World::new().await;
    world.superuser().await.execute(AssertSqlSafe(sabotage.to_owned())).await.unwrap();
    match Db::connect(&world.url, PoolSizes { app: 2, reader: 2 }).await {
        Err(OpenError::Unsafe(broken)) => broken.join("; "),
        Err(other) => panic!("{sabotage}: {other}"),
        Ok(_) => panic!("{sabotage}: served all the same"),
    }
}

#[tokio::test]
async fn the_start_refuses_what_it_can_prove_unsafe() {
    for (sabotage, named) in [
        ("drop policy tenant on turns", "turns is not fenced"),
        ("alter table orders no force row level security", "orders is not fenced"),
        ("drop policy tenant on drafts; create policy tenant on drafts using (true)", "drafts is not fenced"),
        ("create policy more on leads using (true)", "leads is not fenced"),
        ("grant update (reason) on audit_log to adjutant_app", "adjutant_app may UPDATE audit_log"),
        ("alter table audit_log disable trigger append_only", "the trigger that closes audit_log"),
        ("alter table leads owner to session_user", "of the tables has the attribute superuser"),
        ("grant create on schema public to adjutant_app", "adjutant_app may create in schema public"),
        (
            "grant select on daily_metrics_default to adjutant_app",
            "reaches the partition daily_metrics_default",
        ),
        (
            "grant usage on schema public to adjutant_reader; grant select on members to adjutant_reader",
            "adjutant_reader may SELECT public.members",
        ),
        ("create view facts.leak as select email from customers", "leak is not a security_barrier view"),
        ("create view facts.leak with (security_barrier) as select email from customers", "leak shows email"),
    ] {
        let told = start_after(sabotage).await;
        assert!(told.contains(named), "{sabotage}: {told}");
    }
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() {
    let world = World::new().await;
    world.superuser().await.execute("delete from _sqlx_migrations where version = 10").await.unwrap();
    let error = Db::connect(&world.url, PoolSizes::default()).await.err().expect("refused");
    assert!(matches!(error, OpenError::NotMigrated(applied, known) if applied + 1 == known), "{error}");
}
