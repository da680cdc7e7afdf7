//! The proof at start-up: what each role cannot do. A server that could break a promise does not serve.
use super::OpenError;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use std::collections::BTreeSet;

/// What holds for both roles: no attribute, no membership, no right to make things. One row a broken promise.
/// (A relation without an access list is its owner's alone; skipping those keeps the proof quick over many partitions.)
const OF_A_ROLE: &str = "
with me as (select * from pg_roles where rolname = current_user)
select format('%s has the attribute %s', rolname, attribute)
from me, lateral (values ('superuser', rolsuper), ('bypassrls', rolbypassrls), ('createrole', rolcreaterole),
                         ('createdb', rolcreatedb), ('replication', rolreplication)) a (attribute, held)
where held
union all
select format('%s is a member of %s', rolname, m.roleid::regrole) from me join pg_auth_members m on m.member = me.oid
union all
select format('%s may %s in the database', rolname, p) from me, unnest(array['CREATE', 'TEMPORARY']) p
where has_database_privilege(current_database(), p)
union all
select format('%s may create in schema %s', rolname, nspname) from me, pg_namespace n
where has_schema_privilege(n.oid, 'CREATE')
union all
select format('%s owns %s', rolname, c.oid::regclass) from me join pg_class c on c.relowner = me.oid
union all
select format('%s may %s %s', rolname, p, c.oid::regclass) from me, pg_class c, unnest(array['TRUNCATE', 'TRIGGER']) p
where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and c.relacl is not null
  and has_table_privilege(c.oid, p)";

/// What holds for the tables, seen as the app: all fenced, also against their owner, partitions out of reach, the past
/// closed.
const OF_THE_TABLES: &str = "
select format('%s is not fenced by row-level security', c.oid::regclass)
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and not (c.relrowsecurity and c.relforcerowsecurity
           and (select count(*) = 1 and bool_and(p.polcmd = '*' and p.polpermissive
                    and pg_get_expr(p.polqual, p.polrelid) like '%app.org_id%'
                    and pg_get_expr(p.polwithcheck, p.polrelid) like '%app.org_id%')
                from pg_policy p where p.polrelid = c.oid))
union all
select format('adjutant_app reaches the partition %s past its parent''s fence', c.oid::regclass)
from pg_class c, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
where c.relispartition and c.relkind in ('r', 'p') and c.relacl is not null and has_table_privilege(c.oid, p)
union all
select format('adjutant_app may %s %s', p, t) from unnest(array['UPDATE', 'DELETE']) p, unnest(array['audit_log', 'data_access_log']) t
where has_table_privilege(t, p) or (p = 'UPDATE' and has_any_column_privilege(t, p))
union all
select format('the owner %s of the tables has the attribute %s', r.rolname, attribute)
from pg_roles r, lateral (values ('superuser', r.rolsuper), ('bypassrls', r.rolbypassrls)) a (attribute, held)
where held and r.oid in (select relowner from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v'))
union all
select 'the trigger that closes audit_log is missing or off'
where not exists (select from pg_trigger where tgrelid = 'audit_log'::regclass and tgname = 'append_only'
                  and tgenabled in ('O', 'A') and (tgtype & 58) = 58)";

/// What holds for the reader: the views of `facts`, and nothing else of ours.
const OF_THE_READER: &str = "
select format('adjutant_reader may %s %s', p, c.oid::regclass)
from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not (n.nspname = 'facts' and p = 'SELECT')
  and (c.relacl is not null or c.oid in (select attrelid from pg_attribute where attacl is not null))
  and (has_table_privilege(c.oid, p) or (p in ('SELECT', 'INSERT', 'UPDATE') and has_any_column_privilege(c.oid, p)))
union all
select format('%s is not a security_barrier view', c.oid::regclass)
from pg_class c where c.relnamespace = 'facts'::regnamespace and c.relkind not in ('i', 't', 'S', 'c')
  and not (c.relkind = 'v' and coalesce(c.reloptions, '{}') && array['security_barrier=true', 'security_barrier=on'])
union all
select format('%s shows %s', c.oid::regclass, a.attname)
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
where c.relnamespace = 'facts'::regnamespace and c.relkind = 'v'
  and (a.attname in ('org_id', 'email', 'phone', 'contact', 'birth_year', 'password_hash', 'secrets', 'sso_subject')
       or a.atttypid = 'bytea'::regtype)
union all
select format('adjutant_reader may call %s', p.oid::regprocedure)
from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef and has_function_privilege(p.oid, 'EXECUTE')";

/// Attempts, not catalogue entries: (statement, what it would mean if it worked).
const APP_MUST_NOT: &[(&str, &str)] = &[
    ("create table proof (n integer)", "adjutant_app could create a table"),
    ("alter table audit_log disable trigger all", "adjutant_app could switch off the audit trigger"),
    ("update audit_log set action = action where false", "adjutant_app could rewrite the audit log"),
    ("delete from audit_log where false", "adjutant_app could delete from the audit log"),
    ("truncate audit_log", "adjutant_app could empty the audit log"),
    ("set role adjutant_owner", "adjutant_app could become the owner"),
];
const READER_MUST_NOT: &[(&str, &str)] = &[
    ("select from public.members", "adjutant_reader could read a table of people"),
    ("create temporary table proof (n integer)", "adjutant_reader could create a table"),
    ("insert into facts.fx_rates default values", "adjutant_reader could write"),
    ("set role adjutant_app", "adjutant_reader could become the app"),
];

/// Every promise that the roles or the schema do not keep; none is what we want.
pub async fn broken_promises(app: &PgPool, reader: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let mut broken = Vec::new();
    for (pool, statement) in
        [(app, OF_A_ROLE), (app, OF_THE_TABLES), (reader, OF_A_ROLE), (reader, OF_THE_READER)]
    {
        broken.extend(sqlx::query_scalar::<_, String>(statement).fetch_all(pool).await?);
    }
    for (pool, attempts) in [(app, APP_MUST_NOT), (reader, READER_MUST_NOT)] {
        for (statement, meaning) in attempts {
            let mut attempt = pool.begin().await?;
            let outcome = sqlx::query(*statement).execute(&mut *attempt).await;
            attempt.rollback().await?;
            match outcome {
                Ok(_) => broken.push((*meaning).to_owned()),
                // Insufficient privilege, or a write in a read-only transaction.
                Err(sqlx::Error::Database(refused))
                    if matches!(refused.code().as_deref(), Some("42501" | "25006")) => {}
                Err(other) => return Err(other),
            }
        }
    }
    let unfenced: i64 = sqlx::query_scalar("select count(*) from orgs").fetch_one(app).await?;
    if unfenced != 0 {
        broken.push("without an organisation adjutant_app sees rows".to_owned());
    }
    Ok(broken)
}

/// Exactly the migrations of this program are applied.
pub async fn migrated(app: &PgPool, migrations: &Migrator) -> Result<(), OpenError> {
    let wanted: BTreeSet<i64> = migrations.iter().map(|m| m.version).collect();
    let applied = sqlx::query_scalar::<_, i64>("select version from public._sqlx_migrations where success")
        .fetch_all(app)
        .await;
    let applied: BTreeSet<i64> = match applied {
        Ok(versions) => versions.into_iter().collect(),
        // No such table, or no right to look: nothing has been migrated.
        Err(sqlx::Error::Database(e)) if matches!(e.code().as_deref(), Some("42P01" | "42501")) => {
            BTreeSet::new()
        }
        Err(other) => return Err(other.into()),
    };
    if applied == wanted {
        return Ok(());
    }
    Err(OpenError::NotMigrated(applied.len(), wanted.len()))
}
