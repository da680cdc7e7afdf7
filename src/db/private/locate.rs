//! Finds PostgreSQL programs that will do: new enough, complete, with pgvector.
use super::home::{Home, SHARED_CACHE};
use super::{ClusterError, ClusterOptions, OLDEST_MAJOR, fetch};
use std::path::{Path, PathBuf};

/// A folder with `postgres`, `initdb` and `pg_ctl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    pub dir: PathBuf,
    pub major: u32,
}

impl Binaries {
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The usual places, as (folder, prefix of the versioned entry, where the programs are below it).
const SYSTEM: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/usr/local", "pgsql", "bin"),
    ("/opt", "postgresql", "bin"),
];

/// What will be used: the configured folder, or the first that fits, or a build fetched for the purpose.
///
/// `wanted` is the major version an existing cluster was made with.
pub async fn find(
    options: &ClusterOptions,
    home: &Home,
    wanted: Option<u32>,
) -> Result<Binaries, ClusterError> {
    if let Some(dir) = &options.postgres_bin {
        return inspect(dir, home, wanted)
            .map_err(|problem| ClusterError::Unusable { dir: dir.clone(), problem });
    }
    let mut rejected = Vec::new();
    let fetched = fetch::unpacked(&home.cache_dir(&options.cache_dir)?);
    let candidates = [home.data_dir.join("postgresql/bin")]
        .into_iter()
        .chain(options.path.iter().cloned())
        .chain(system_places())
        .chain(fetched);
    let mut seen = Vec::new();
    for dir in candidates {
        let Ok(program) = dir.join("postgres").canonicalize() else { continue };
        let real = program.parent().unwrap_or(&dir).to_path_buf();
        if seen.contains(&real) {
            continue;
        }
        match inspect(&real, home, wanted) {
            Ok(binaries) => return Ok(binaries),
            Err(problem) => rejected.push(format!("{} {problem}", real.display())),
        }
        seen.push(real);
    }
    let looked =
        if rejected.is_empty() { String::new() } else { format!(" (looked at: {})", rejected.join("; ")) };
    if let Some(found) = wanted.filter(|major| *major != fetch::MAJOR) {
        return Err(ClusterError::OtherVersion { dir: home.root.clone(), found, looked });
    }
    let dir = match fetch::fetch(&home.cache_dir(&options.cache_dir)?, &options.path).await {
        Ok(dir) => dir,
        Err(fetch) => return Err(ClusterError::NoPostgres { looked, fetch }),
    };
    inspect(&dir, home, wanted).map_err(|problem| ClusterError::Unusable { dir, problem })
}

/// A folder with client programs (`pg_dump`, `pg_restore`) that understand a server of this major version, wherever that
/// server runs: PostgreSQL's clients read servers of their own version and of older ones.
pub async fn clients(options: &ClusterOptions, server: u32) -> Result<PathBuf, ClusterError> {
    let caches = SHARED_CACHE.iter().map(|place| Path::new(place).join("adjutant"));
    let fetched = std::iter::once(options.cache_dir.clone()).chain(caches);
    let candidates = (options.postgres_bin.iter().cloned())
        .chain(options.path.iter().cloned())
        .chain(system_places())
        .chain(fetched.filter_map(|cache| fetch::unpacked(&cache)));
    let mut rejected = Vec::new();
    for dir in candidates.filter(|dir| dir.join("pg_dump").is_file() && dir.join("pg_restore").is_file()) {
        let output = std::process::Command::new(dir.join("pg_dump")).arg("--version").output();
        match output.ok().and_then(|output| major(&String::from_utf8_lossy(&output.stdout))) {
            Some(major) if major >= server => return Ok(dir),
            Some(major) => rejected.push(format!("{} is version {major}", dir.display())),
            None => rejected.push(format!("{} does not run", dir.display())),
        }
    }
    let looked =
        if rejected.is_empty() { String::new() } else { format!(" (looked at: {})", rejected.join("; ")) };
    let no_clients = |fetch| ClusterError::NoClients { server, looked, fetch };
    if server > fetch::MAJOR {
        return Err(no_clients(format!("the build that could be is version {}", fetch::MAJOR)));
    }
    std::fs::create_dir_all(&options.cache_dir)
        .map_err(ClusterError::files("cannot make", &options.cache_dir))?;
    fetch::fetch(&options.cache_dir, &options.path).await.map_err(no_clients)
}

/// Versioned folders of the usual places, newest first.
fn system_places() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (folder, prefix, below) in SYSTEM {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let mut here: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| {
                let digits: String =
                    entry.file_name().to_string_lossy().chars().filter(char::is_ascii_digit).collect();
                (digits.parse::<u32>().unwrap_or(0), entry.path().join(below))
            })
            .collect();
        here.sort();
        found.extend(here.into_iter().rev().map(|(_, path)| path));
    }
    found
}

/// Checks a folder; the error ends the sentence that starts with its name.
fn inspect(dir: &Path, home: &Home, wanted: Option<u32>) -> Result<Binaries, String> {
    for name in ["postgres", "initdb", "pg_ctl"] {
        if !dir.join(name).is_file() {
            return Err(format!("has no {name}"));
        }
    }
    if !home.reaches(dir) {
        return Err("is hidden from the unprivileged user that must run it".to_owned());
    }
    let output = home
        .command(&dir.join("postgres"))
        .arg("--version")
        .output()
        .map_err(|e| format!("does not run: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let major = major(&text).ok_or_else(|| {
        format!(
            "does not run: {}",
            String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("no version")
        )
    })?;
    if major < OLDEST_MAJOR {
        return Err(format!("is version {major}"));
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != major) {
        return Err(format!("is version {major}, the database was made by {wanted}"));
    }
    if !has_pgvector(dir, major, home) {
        return Err("has no pgvector".to_owned());
    }
    Ok(Binaries { dir: dir.to_path_buf(), major })
}

/// 18 of `postgres (PostgreSQL) 18.1 (Debian …)`; also of `17beta2`.
fn major(version: &str) -> Option<u32> {
    let number = version.split("(PostgreSQL)").nth(1)?.trim();
    number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn has_pgvector(dir: &Path, major: u32, home: &Home) -> bool {
    let mut shares = vec![
        dir.join("../share/postgresql"),
        dir.join("../share"),
        PathBuf::from(format!("/usr/share/postgresql/{major}")),
    ];
    if let Ok(output) = home.command(&dir.join("pg_config")).arg("--sharedir").output() {
        shares.insert(0, PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    shares.iter().any(|share| share.join("extension/vector.control").is_file())
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        assert_eq!(major("postgres (PostgreSQL) 18.1\n"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 17beta2"), Some(17));
        assert_eq!(major("no such program"), None);
    }
}
