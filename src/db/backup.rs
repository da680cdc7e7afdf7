//! Whole copies of the database, made and read by PostgreSQL's own programs (`pg_dump`, `pg_restore`, custom format).
use super::OpenError;
use super::private::{ClusterError, ClusterOptions, clients, random_hex};
use super::roles::{self, Logins};
use sqlx::ConnectOptions as _;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Why there is no copy, or why it was not read: one message each, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Clients(#[from] ClusterError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{} exists; name a new file", .0.display())]
    Exists(PathBuf),
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "the role {role} may not read past row-level security, and a copy that leaves rows out is none. Let a superuser \
         (or a role with BYPASSRLS) make it, or use the backups of whoever runs this database"
    )]
    Fenced { role: String },
    #[error("the database is not empty: it has the table {0}. A copy is read into a new database only")]
    NotEmpty(String),
    #[error("{program} failed: {said}")]
    Program { program: &'static str, said: String },
}

/// Writes the database that `url` names to `file`: its schema, rows, owners and grants, as of one moment, while it may be in
/// use. The file can be read by its owner only, and is there whole or not at all. Gives its size in bytes.
///
/// The role of `url` must see all rows: a superuser, as that of the private cluster is, or one with `BYPASSRLS`.
pub async fn dump(options: &ClusterOptions, url: &str, file: &Path) -> Result<u64, BackupError> {
    if file.exists() {
        return Err(BackupError::Exists(file.to_path_buf()));
    }
    let (role, sees_all, server) = role(url).await?;
    if !sees_all {
        return Err(BackupError::Fenced { role });
    }
    let programs = clients(options, server).await?;
    let part = with_suffix(file, &format!(".{}.part", random_hex(4)));
    let written = |source| BackupError::Write { path: part.clone(), source };
    // Made here, so that nobody else may read it from the first byte on.
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(written)?;
    let arguments = ["--format=custom".as_ref(), "--file".as_ref(), part.as_os_str()];
    let done = run("pg_dump", &programs, url, &arguments).await.and_then(|()| {
        let copy = std::fs::File::open(&part).map_err(written)?;
        copy.sync_all().map_err(written)?;
        let bytes = copy.metadata().map_err(written)?.len();
        // A link, where a rename would replace a file that appeared meanwhile.
        match std::fs::hard_link(&part, file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(BackupError::Exists(file.to_path_buf()))
            }
            Err(_) => std::fs::rename(&part, file)
                .map_err(|source| BackupError::Write { path: file.to_path_buf(), source }),
            Ok(()) => Ok(()),
        }?;
        Ok(bytes)
    });
    let _ = std::fs::remove_file(&part);
    done
}

/// Reads such a file into the empty database that `url` names, in one transaction: all of it, or nothing. Roles are made
/// first, with passwords that follow from this `url`.
pub async fn restore(options: &ClusterOptions, url: &str, file: &Path) -> Result<(), BackupError> {
    std::fs::File::open(file).map_err(|source| BackupError::Read { path: file.to_path_buf(), source })?;
    let logins = Logins::from_url(url)?;
    let mut admin = logins.admin.connect().await.map_err(OpenError::Unreachable)?;
    let table: Option<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname not in ('pg_catalog', 'information_schema') \
         order by 1 limit 1",
    )
    .fetch_optional(&mut admin)
    .await
    .map_err(OpenError::Statement)?;
    drop(admin);
    if let Some(table) = table {
        return Err(BackupError::NotEmpty(table));
    }
    roles::prepare(&logins).await?;
    let (_, _, server) = role(url).await?;
    let programs = clients(options, server).await?;
    let arguments = ["--single-transaction".as_ref(), "--exit-on-error".as_ref(), file.as_os_str()];
    run("pg_restore", &programs, url, &arguments).await
}

/// The role of a URL, whether row-level security does not bind it, and the major version of its server.
async fn role(url: &str) -> Result<(String, bool, u32), BackupError> {
    let mut admin = Logins::from_url(url)?.admin.connect().await.map_err(OpenError::Unreachable)?;
    let (role, sees_all, version): (String, bool, i32) = sqlx::query_as(
        "select rolname::text, rolsuper or rolbypassrls, current_setting('server_version_num')::int4
           from pg_roles where rolname = current_user",
    )
    .fetch_one(&mut admin)
    .await
    .map_err(OpenError::Statement)?;
    Ok((role, sees_all, u32::try_from(version / 10_000).unwrap_or(0)))
}

/// Runs one of the programs against the database. The password goes by the environment: arguments can be seen by everybody
/// on the machine.
async fn run(program: &'static str, dir: &Path, url: &str, arguments: &[&OsStr]) -> Result<(), BackupError> {
    let mut command = Command::new(dir.join(program));
    command.arg("--dbname").arg(without_password(url)?).args(arguments);
    command.env("PGPASSWORD", roles::password(url).unwrap_or_default()).env("LC_ALL", "C");
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    let failed = |said: String| BackupError::Program { program, said };
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let told: Vec<&str> = text.lines().filter(|line| line.contains("error")).take(3).collect();
    Err(failed(match told.is_empty() {
        true => output.status.to_string(),
        false => crate::text::clean(&told.join(" "), 500),
    }))
}

/// The same URL for a program's arguments.
fn without_password(url: &str) -> Result<String, BackupError> {
    let unreadable = || OpenError::Url("write postgres://user:password@host:port/database".to_owned());
    let mut url = url::Url::parse(url).map_err(|_| unreadable())?;
    url.set_password(None).map_err(|()| unreadable())?;
    // What both libraries know, as PostgreSQL's own writes it; not as a form, where a plus sign would be a space.
    let known = |name: &str| {
        let name = name.replace('-', "");
        let name = if name == "sslca" { "sslrootcert".to_owned() } else { name };
        ["host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "options"]
            .contains(&name.as_str())
            .then_some(name)
    };
    let query: Vec<String> = url
        .query_pairs()
        .filter_map(|(name, value)| Some(format!("{}={}", known(&name)?, percent(&value))))
        .collect();
    url.set_query(None);
    if !query.is_empty() {
        url.set_query(Some(&query.join("&")));
    }
    Ok(url.into())
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn no_password_stands_among_the_arguments_of_a_program() {
        let of = |url: &str| without_password(url).unwrap();
        assert_eq!(of("postgres://a:s3cret@h:5432/db"), "postgres://a@h:5432/db");
        assert_eq!(
            of("postgres://a:s3cret@localhost:5432/db?host=%2Ftmp%2Fa%20b&sslmode=require"),
            "postgres://a@localhost:5432/db?host=%2Ftmp%2Fa%20b&sslmode=require"
        );
        assert_eq!(
            of("postgres://a:p@h/db?ssl-mode=verify-full&ssl-root-cert=%2Fca.pem&statement-cache-capacity=9"),
            "postgres://a@h/db?sslmode=verify-full&sslrootcert=%2Fca.pem"
        );
        assert_eq!(of("postgresql://a@h/db?password=x%25"), "postgresql://a@h/db");
    }
}
