//! Starts, joins and stops the server.
//!
//! Two lock files order the programs of one data directory: `postgres-start.lock` is held while a server is brought up
//! or down, `postgres-users.lock` is shared by all who use it, so that the last one to go stops the server. The kernel
//! lets go of both when a program is killed.
use super::home::{Home, random_hex, write_secret};
use super::leash::Leash;
use super::postmaster::{self, Postmaster};
use super::{Binaries, ClusterError, ClusterOptions, locate};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::{Child, Command};

/// The superuser of the cluster, and its database.
const SUPERUSER: &str = "adjutant";
const DATABASE: &str = "adjutant";
/// Crash recovery of a large database can take a while.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// Stretching protects guessable passwords; ours are random, and each connection would pay for it.
const SCRAM_ITERATIONS: &str = "1";
const STOP_WITHIN_SECONDS: &str = "60";

/// A running private server. Dropping it (or [`Cluster::stop`]) stops the server if nobody else uses it.
pub struct Cluster {
    inner: Arc<Inner>,
    users: Option<File>,
}

struct Inner {
    home: Home,
    binaries: Binaries,
    password: String,
    socket_dir: PathBuf,
    options: ClusterOptions,
    stopping: AtomicBool,
    leash: Mutex<Option<Leash>>,
}

impl Cluster {
    /// Brings the cluster of `options.data_dir` up, from nothing if need be.
    pub async fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        let home = Home::open(&options.data_dir)?;
        let starting = lock(&home.data_dir.join("postgres-start.lock"), false).await?;
        let binaries = locate::find(&options, &home, made_by(&home.pgdata())).await?;
        let password = initialise(&home, &binaries, options.durable).await?;
        let mut found = postmaster::running(&home.pgdata());
        if found.is_some() && !options.join {
            stop_server(&home, &binaries);
            found = None;
        }
        let joined = match found {
            Some(running) => join(&home, &password, running).await,
            None => None,
        };
        let socket_dir = match &joined {
            Some(dir) => dir.clone(),
            None => home.socket_dir()?,
        };
        let inner = Arc::new(Inner {
            home,
            binaries,
            password,
            socket_dir,
            options,
            stopping: AtomicBool::new(false),
            leash: Mutex::new(None),
        });
        if joined.is_none() {
            let server = inner.launch().await?;
            tokio::spawn(Arc::clone(&inner).keep(server));
        }
        let users = lock(&inner.home.data_dir.join("postgres-users.lock"), true).await?;
        let cluster = Self { inner, users: Some(users) };
        cluster.make_database().await?;
        drop(starting);
        Ok(cluster)
    }

    /// The superuser's URL: what `DATABASE_URL` would have been. It holds the password; never log it.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// The same for another database of the cluster.
    pub fn url_of(&self, database: &str) -> String {
        let mut host = String::new();
        for byte in self.inner.socket_dir.to_string_lossy().bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => host.push(char::from(byte)),
                _ => host.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("postgres://{SUPERUSER}:{}@localhost:5432/{database}?host={host}", self.inner.password)
    }

    pub fn binaries(&self) -> &Binaries {
        &self.inner.binaries
    }

    /// The process of the server, while it runs.
    pub fn postmaster(&self) -> Option<u32> {
        postmaster::running(&self.inner.home.pgdata()).map(|running| running.pid)
    }

    /// Stops the server unless another program uses it. The same as dropping, said aloud.
    pub async fn stop(self) {
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    /// Deletes the cluster of a data directory with everything in it. Refused while another program uses it.
    pub async fn erase(options: &ClusterOptions) -> Result<(), ClusterError> {
        let home = Home::open(&options.data_dir)?;
        let _starting = lock(&home.data_dir.join("postgres-start.lock"), false).await?;
        let path = home.data_dir.join("postgres-users.lock");
        let users = File::create(&path).map_err(ClusterError::files("cannot lock", &path))?;
        if users.try_lock().is_err() {
            return Err(ClusterError::InUse { dir: home.data_dir });
        }
        if postmaster::running(&home.pgdata()).is_some() {
            let binaries = locate::find(options, &home, made_by(&home.pgdata())).await?;
            stop_server(&home, &binaries);
        }
        home.erase()
    }

    async fn make_database(&self) -> Result<(), ClusterError> {
        let mut connection = self.inner.connect("postgres").await?;
        let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut connection)
            .await?;
        if !there {
            connection.execute("create database adjutant").await?;
        }
        connection.close().await?;
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(users) = self.users.take() else { return };
        let Ok(starting) = File::create(self.inner.home.data_dir.join("postgres-start.lock")) else { return };
        if starting.lock().is_err() || users.unlock().is_err() || users.try_lock().is_err() {
            return;
        }
        self.inner.stopping.store(true, Ordering::SeqCst);
        stop_server(&self.inner.home, &self.inner.binaries);
        self.inner.leash.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !self.inner.socket_dir.starts_with(&self.inner.home.root) {
            let _ = fs::remove_dir_all(&self.inner.socket_dir);
        }
    }
}

impl Inner {
    async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        connect(&self.socket_dir, 5432, &self.password, database).await
    }

    /// Starts the server and waits until it answers.
    async fn launch(&self) -> Result<Child, ClusterError> {
        // Backends of a killed server hold its shared memory for a moment longer than it lived.
        for _ in 0..50 {
            let mut server = self.spawn()?;
            match tokio::time::timeout(READY_WITHIN, self.until_ready(&mut server)).await {
                Ok(Ok(())) => return Ok(server),
                Ok(Err(problem)) if problem.contains("still in use") => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok(Err(problem)) => return Err(self.start_error(problem)),
                Err(_) => {
                    let _ = server.start_kill();
                    return Err(self.start_error("it did not answer within five minutes".to_owned()));
                }
            }
        }
        Err(self.start_error("another server still holds its shared memory".to_owned()))
    }

    fn start_error(&self, problem: String) -> ClusterError {
        ClusterError::Start { problem, log: self.home.log() }
    }

    fn spawn(&self) -> Result<Child, ClusterError> {
        let log_path = self.home.log();
        let log = File::create(&log_path).map_err(ClusterError::files("cannot write", &log_path))?;
        self.home.give(&log_path)?;
        let errors = log.try_clone().map_err(ClusterError::files("cannot write", &log_path))?;
        let mut command = self.home.command(&self.binaries.program("postgres"));
        command.arg("-D").arg(self.home.pgdata());
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "");
        set("unix_socket_directories", &self.socket_dir.to_string_lossy());
        set("unix_socket_permissions", "0700");
        set("port", "5432");
        set("max_connections", &self.options.max_connections.to_string());
        set("timezone", "UTC");
        set("scram_iterations", SCRAM_ITERATIONS);
        set("log_timezone", "UTC");
        set("log_min_messages", "warning");
        // A failed statement's text may hold personal data: the log names the error only.
        set("log_min_error_statement", "panic");
        set("log_parameter_max_length_on_error", "0");
        if !self.options.durable {
            set("fsync", "off");
            set("synchronous_commit", "off");
            set("full_page_writes", "off");
            set("autovacuum", "off");
            set("max_wal_size", "4GB");
        }
        let mut command = Command::from(command);
        // A group of its own: Ctrl-C in the terminal is for the program, which then stops the server in order.
        command.process_group(0).stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        let server = command.spawn().map_err(|e| self.start_error(e.to_string()))?;
        if self.options.leash
            && let Some(pid) = server.id()
        {
            let leash = Leash::on(pid).map_err(|e| self.start_error(e.to_string()))?;
            *self.leash.lock().unwrap_or_else(PoisonError::into_inner) = Some(leash);
        }
        Ok(server)
    }

    /// Asks until the server answers, or its process ends (then: the last lines of its log).
    async fn until_ready(&self, server: &mut Child) -> Result<(), String> {
        let mut wait = Duration::from_millis(15);
        loop {
            if let Ok(Some(status)) = server.try_wait() {
                let log = fs::read_to_string(self.home.log()).unwrap_or_default();
                let told: Vec<&str> = log
                    .lines()
                    .filter(|l| l.contains("FATAL") || l.contains("HINT") || l.contains("ERROR"))
                    .collect();
                let told = if told.is_empty() { log.lines().rev().take(3).collect() } else { told };
                return Err(if told.is_empty() { status.to_string() } else { told.join(" ") });
            }
            match self.connect("postgres").await {
                Ok(connection) => {
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(sqlx::Error::Database(refused)) if refused.code().as_deref() == Some("28P01") => {
                    return Err("the password file does not fit the database".to_owned());
                }
                Err(_) => tokio::time::sleep(wait).await,
            }
            wait = (wait * 3 / 2).min(Duration::from_millis(250));
        }
    }

    /// Starts the server again when it dies without being asked to.
    async fn keep(self: Arc<Self>, mut server: Child) {
        loop {
            let status = server.wait().await;
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            tracing::warn!(?status, "the private database ended unexpectedly; starting it again");
            let mut pause = Duration::from_millis(200);
            server = loop {
                // Another program of the same directory may have been faster.
                let starting = lock(&self.home.data_dir.join("postgres-start.lock"), false).await;
                if self.stopping.load(Ordering::SeqCst) || postmaster::running(&self.home.pgdata()).is_some()
                {
                    return;
                }
                match self.launch().await {
                    Ok(server) => break server,
                    Err(error) => {
                        tracing::error!(%error, "the private database does not start; trying again")
                    }
                }
                drop(starting);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(30));
            };
        }
    }
}

/// The major version an existing data directory was made with.
fn made_by(pgdata: &Path) -> Option<u32> {
    fs::read_to_string(pgdata.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Makes the data directory if there is none; gives the superuser's password.
async fn initialise(home: &Home, binaries: &Binaries, durable: bool) -> Result<String, ClusterError> {
    let secret = home.password_file();
    let pgdata = home.pgdata();
    if made_by(&pgdata).is_some() {
        return fs::read_to_string(&secret)
            .map(|text| text.trim().to_owned())
            .map_err(|_| ClusterError::NoPassword { path: secret });
    }
    let password = random_hex(24);
    write_secret(&secret, &password)?;
    // Made beside and renamed, so that a start that was interrupted leaves no half-made cluster.
    let part = home.root.join("data.part");
    let _ = fs::remove_dir_all(&part);
    let told = home.root.join("initial-password");
    write_secret(&told, &password)?;
    home.give(&told)?;
    let mut command = home.command(&binaries.program("initdb"));
    command.arg("--pgdata").arg(&part).arg("--pwfile").arg(&told);
    command.arg("--set").arg(format!("scram_iterations={SCRAM_ITERATIONS}"));
    command.args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", "--username", SUPERUSER]);
    // Sorting by code point, and lower() that knows Unicode, the same on every machine.
    match binaries.major {
        17.. => command.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]),
        _ => command.args(["--locale=C"]),
    };
    if !durable {
        command.arg("--no-sync");
    }
    let output = Command::from(command).output().await.map_err(|e| ClusterError::Init(e.to_string()))?;
    let _ = fs::remove_file(&told);
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find(|l| l.contains("error")).or(text.lines().last()).unwrap_or("no message");
        return Err(ClusterError::Init(crate::text::clean(line, 300)));
    }
    fs::rename(&part, &pgdata).map_err(ClusterError::files("cannot make", &pgdata))?;
    Ok(password)
}

/// The socket folder of a running server that takes our password; one that does not answer is given up.
async fn join(home: &Home, password: &str, running: Postmaster) -> Option<PathBuf> {
    for _ in 0..600 {
        match connect(&running.socket_dir, running.port, password, "postgres").await {
            Ok(connection) => {
                let _ = connection.close().await;
                tracing::info!(pid = running.pid, "joined the private database that was running already");
                return Some(running.socket_dir);
            }
            Err(_) if !postmaster::is_postmaster_of(running.pid, &home.pgdata()) => return None,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    None
}

async fn connect(
    socket_dir: &Path,
    port: u16,
    password: &str,
    database: &str,
) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(port)
        .username(SUPERUSER)
        .password(password)
        .database(database)
        .connect()
        .await
}

/// A file lock, waited for off the runtime's threads.
async fn lock(path: &Path, shared: bool) -> Result<File, ClusterError> {
    let owned = path.to_path_buf();
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::create(&owned)?;
        if shared {
            file.lock_shared()?
        } else {
            file.lock()?
        }
        Ok::<_, std::io::Error>(file)
    })
    .await;
    match locked {
        Ok(result) => result.map_err(ClusterError::files("cannot lock", path)),
        Err(gone) => Err(ClusterError::files("cannot lock", path)(std::io::Error::other(gone))),
    }
}

/// Fast shutdown: sessions are cut, nothing committed is lost. A server that will not go in time is ended at once.
fn stop_server(home: &Home, binaries: &Binaries) {
    for mode in ["fast", "immediate"] {
        let mut command = home.command(&binaries.program("pg_ctl"));
        command.args(["stop", "--wait", "--mode", mode, "--timeout", STOP_WITHIN_SECONDS, "--silent"]);
        command.arg("--pgdata").arg(home.pgdata()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success())
            || postmaster::running(&home.pgdata()).is_none()
        {
            return;
        }
    }
}
