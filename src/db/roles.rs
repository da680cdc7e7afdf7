//! The three roles: owner (migrations), app (serves; no DDL), reader (named queries; views only).
//!
//! Their passwords follow from the one in `DATABASE_URL`, so that all replicas agree without a secret of their own.
use super::OpenError;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use std::fmt::Write as _;
use std::str::FromStr as _;

const OWNER: &str = "adjutant_owner";
const APP: &str = "adjutant_app";
const READER: &str = "adjutant_reader";
/// Advisory lock of those who prepare one database at the same time.
const PREPARE_LOCK: i64 = 7_236_000;

/// How each role connects.
pub struct Logins {
    pub admin: PgConnectOptions,
    pub owner: PgConnectOptions,
    pub app: PgConnectOptions,
    pub reader: PgConnectOptions,
    secrets: [(&'static str, String); 3],
}

impl Logins {
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let unreadable = || OpenError::Url("write postgres://user:password@host:port/database".to_owned());
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(unreadable());
        }
        // sqlx's own message may quote the URL, which holds the password.
        let admin = PgConnectOptions::from_str(url).map_err(|_| unreadable())?;
        let password = password(url).filter(|p| !p.is_empty()).ok_or_else(|| {
            OpenError::Url("it has no password; the passwords of Adjutant's roles follow from it".to_owned())
        })?;
        let secret = |role: &str| {
            let mut hash = Sha256::new();
            for part in ["adjutant role password 1", role, &password] {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
            hash.finalize().iter().fold(String::new(), |mut out, byte| {
                let _ = write!(out, "{byte:02x}");
                out
            })
        };
        let secrets = [(APP, secret(APP)), (READER, secret(READER)), (OWNER, secret(OWNER))];
        let [app, reader, owner] = secrets
            .each_ref()
            .map(|(role, secret)| admin.clone().username(role).password(secret).application_name(role));
        Ok(Self { admin, owner, app, reader, secrets })
    }
}

/// The password part of a URL, percent-decoded; also from `?password=`.
pub fn password(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let in_userinfo =
        authority.rsplit_once('@').and_then(|(userinfo, _)| userinfo.split_once(':')).map(|(_, p)| p);
    let in_query = || rest.split_once('?')?.1.split('&').find_map(|pair| pair.strip_prefix("password="));
    Some(decode(in_userinfo.or_else(in_query)?))
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = (byte == b'%')
            .then(|| {
                let pair = [ahead.next()?, ahead.next()?];
                u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()
            })
            .flatten();
        match hex {
            Some(decoded) => {
                out.push(decoded);
                bytes = ahead;
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Makes roles, extension and grants where they are missing. Needs the admin only the first time.
pub async fn prepare(logins: &Logins) -> Result<(), OpenError> {
    if owner_is_ready(logins).await {
        return Ok(());
    }
    let mut admin = logins.admin.connect().await.map_err(OpenError::Unreachable)?;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int4")
        .fetch_one(&mut admin)
        .await?;
    if version < 160_000 {
        return Err(OpenError::TooOld(version / 10_000));
    }
    sqlx::query("select pg_advisory_lock($1)").bind(PREPARE_LOCK).execute(&mut admin).await?;
    admin.execute("create extension if not exists vector").await.map_err(OpenError::NoVector)?;
    // Roles are shared by all databases of the server; somebody may be making them from another one.
    let mut tries = 0;
    while let Err(error) = make_roles(&mut admin, logins).await {
        tries += 1;
        if tries == 5 {
            return Err(OpenError::Roles(error));
        }
    }
    grant(&mut admin).await.map_err(OpenError::Roles)?;
    admin.close().await?;
    Ok(())
}

/// The last grant of [`grant`] is the owner's: whoever has it needs nothing else.
async fn owner_is_ready(logins: &Logins) -> bool {
    let Ok(mut owner) = logins.owner.connect().await else { return false };
    let ready = sqlx::query_scalar::<_, bool>(
        "select has_database_privilege(current_database(), 'CREATE')
            and exists (select from pg_extension where extname = 'vector')",
    )
    .fetch_one(&mut owner)
    .await;
    let _ = owner.close().await;
    ready.unwrap_or(false)
}

async fn make_roles(admin: &mut PgConnection, logins: &Logins) -> Result<(), sqlx::Error> {
    let mut step = admin.begin().await?;
    for (role, secret) in &logins.secrets {
        let there: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
            .bind(role)
            .fetch_one(&mut *step)
            .await?;
        let verb = if there { "alter" } else { "create" };
        // Names are ours and the password is hexadecimal: nothing to escape.
        step.execute(AssertSqlSafe(format!("{verb} role {role} login password '{secret}'"))).await?;
    }
    step.execute("alter role adjutant_reader set search_path = facts").await?;
    step.execute("alter role adjutant_reader set default_transaction_read_only = on").await?;
    step.execute("alter role adjutant_reader set statement_timeout = '30s'").await?;
    step.execute("alter role adjutant_app set search_path = public").await?;
    step.execute("alter role adjutant_app set idle_in_transaction_session_timeout = '60s'").await?;
    step.commit().await
}

/// What a database (also a fresh copy of another) grants: nothing to everybody, and to each role its own.
async fn grant(admin: &mut PgConnection) -> Result<(), sqlx::Error> {
    let database: String =
        sqlx::query_scalar("select quote_ident(current_database())").fetch_one(&mut *admin).await?;
    let mut step = admin.begin().await?;
    for statement in [
        format!("revoke all on database {database} from public"),
        format!("grant connect on database {database} to {APP}, {READER}, {OWNER}"),
        "revoke all on schema public from public".to_owned(),
        format!("grant usage on schema public to {APP}"),
        format!("grant usage, create on schema public to {OWNER}"),
        format!("grant create on database {database} to {OWNER}"),
    ] {
        step.execute(AssertSqlSafe(statement)).await?;
    }
    step.commit().await
}

#[cfg(test)]
mod tests {
    use super::password;

    #[test]
    fn the_password_is_found_wherever_a_url_may_hold_it() {
        let of = |url: &str| password(url);
        assert_eq!(of("postgres://a:s3cret@h:5432/db").as_deref(), Some("s3cret"));
        assert_eq!(of("postgresql://a:p%40ss%2Fword@h/db").as_deref(), Some("p@ss/word"));
        assert_eq!(of("postgres://a@h/db?sslmode=require&password=x%25").as_deref(), Some("x%"));
        assert_eq!(of("postgres://a:b%zz@h/db").as_deref(), Some("b%zz"));
        assert_eq!(of("postgres://a@h/db"), None);
    }
}
