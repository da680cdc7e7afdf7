//! Where a cluster lives and as whom it runs.
//!
//! PostgreSQL refuses to run as root, so under root everything below the cluster's folder belongs to an unprivileged
//! user, who must also be able to walk to it. Where the data directory hides from that user (a root-only home), the
//! cluster moves to a system place and the data directory keeps a note of it.
use super::ClusterError;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Unix sockets have room for 107 bytes of path; `.s.PGSQL.5432` and a slash take 14, a lock file 5 more.
const SOCKET_DIR_MAX: usize = 107 - 19;
/// System places for a cluster or a build that an unprivileged user must reach, best first.
const SHARED_DATA: &[&str] = &["/var/lib", "/var/tmp", "/tmp"];
pub const SHARED_CACHE: &[&str] = &["/var/cache", "/var/tmp", "/tmp"];

/// The user the server runs as, when that is not ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unprivileged {
    pub uid: u32,
    pub gid: u32,
}

/// The folders and files of one cluster.
#[derive(Clone, Debug)]
pub struct Home {
    /// Locks, password and the note: the program's own.
    pub data_dir: PathBuf,
    /// Everything of the server's.
    pub root: PathBuf,
    pub user: Option<Unprivileged>,
}

impl Home {
    /// Makes the folders where they are missing. Files stay readable by their owner alone.
    pub fn open(data_dir: &Path) -> Result<Self, ClusterError> {
        make_dir(data_dir, None)?;
        let data_dir = data_dir.canonicalize().map_err(ClusterError::files("cannot resolve", data_dir))?;
        let user = unprivileged(&data_dir)?;
        let root = match user {
            None => data_dir.join("postgres"),
            Some(user) => root_for(&data_dir, user)?,
        };
        make_dir(&root, user)?;
        let root = root.canonicalize().map_err(ClusterError::files("cannot resolve", &root))?;
        let user = match user {
            // An existing folder decides: it may have been made under another user.
            Some(_) => Some(owner(&root)?),
            None => None,
        };
        Ok(Self { data_dir, root, user })
    }

    /// Removes everything of the cluster; the data directory itself and its locks stay.
    pub fn erase(&self) -> Result<(), ClusterError> {
        fs::remove_dir_all(&self.root).map_err(ClusterError::files("cannot remove", &self.root))?;
        for file in [self.password_file(), self.data_dir.join("postgres-location")] {
            match fs::remove_file(&file) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ClusterError::files("cannot remove", &file)(e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub fn pgdata(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    pub fn password_file(&self) -> PathBuf {
        self.data_dir.join("postgres-password")
    }

    /// The folder of the socket: in the cluster, or a private one in `/tmp` when that path is too long.
    pub fn socket_dir(&self) -> Result<PathBuf, ClusterError> {
        let own = self.root.join("socket");
        if own.as_os_str().len() <= SOCKET_DIR_MAX {
            make_dir(&own, self.user)?;
            return Ok(own);
        }
        let short = Path::new("/tmp").join(format!("adjutant-{}", random_hex(6)));
        make_dir(&short, self.user)?;
        Ok(short)
    }

    /// A program of PostgreSQL, as the server's user, blind to our environment.
    pub fn command(&self, program: &Path) -> std::process::Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir(&self.root).stdin(std::process::Stdio::null());
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Hands a file over to the server's user.
    pub fn give(&self, path: &Path) -> Result<(), ClusterError> {
        match self.user {
            Some(user) => std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
                .map_err(ClusterError::files("cannot hand over", path)),
            None => Ok(()),
        }
    }

    /// May the server's user walk to this path?
    pub fn reaches(&self, path: &Path) -> bool {
        self.user.is_none_or(|user| reachable(path, user))
    }

    /// A cache folder that the server's user can reach: the user's own, else a system place.
    pub fn cache_dir(&self, wanted: &Path) -> Result<PathBuf, ClusterError> {
        fs::create_dir_all(wanted).map_err(ClusterError::files("cannot make", wanted))?;
        if self.reaches(wanted) {
            return Ok(wanted.to_path_buf());
        }
        let user = self.user.unwrap_or(Unprivileged { uid: 0, gid: 0 });
        let place = shared_place(SHARED_CACHE, user).join("adjutant");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&place)
            .map_err(ClusterError::files("cannot make", &place))?;
        if owner(&place)?.uid != 0 {
            return Err(ClusterError::Files {
                what: "somebody else owns",
                path: place,
                source: std::io::Error::from(std::io::ErrorKind::PermissionDenied),
            });
        }
        Ok(place)
    }
}

/// Random lower-case hex from the operating system: passwords and names of private folders.
pub fn random_hex(bytes: usize) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes * 2);
    for _ in 0..bytes {
        let byte: u8 = rand::random();
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Writes a file that only its owner may read, in one step.
pub fn write_secret(path: &Path, text: &str) -> Result<(), ClusterError> {
    let part = path.with_extension("part");
    let _ = fs::remove_file(&part);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .map_err(ClusterError::files("cannot write", &part))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(ClusterError::files("cannot write", &part))?;
    fs::rename(&part, path).map_err(ClusterError::files("cannot write", path))
}

fn root_for(data_dir: &Path, user: Unprivileged) -> Result<PathBuf, ClusterError> {
    let note = data_dir.join("postgres-location");
    if let Ok(text) = fs::read_to_string(&note) {
        return Ok(PathBuf::from(text.trim()));
    }
    let own = data_dir.join("postgres");
    if own.exists() || reachable(data_dir, user) {
        return Ok(own);
    }
    let shared = shared_place(SHARED_DATA, user).join("adjutant");
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&shared)
        .map_err(ClusterError::files("cannot make", &shared))?;
    let root = shared.join(random_hex(8));
    write_secret(&note, &root.to_string_lossy())?;
    Ok(root)
}

fn shared_place(places: &[&str], user: Unprivileged) -> PathBuf {
    let fitting = places.iter().map(Path::new).find(|p| p.is_dir() && reachable(p, user));
    fitting.unwrap_or(Path::new("/tmp")).to_path_buf()
}

fn make_dir(path: &Path, user: Option<Unprivileged>) -> Result<(), ClusterError> {
    if path.is_dir() {
        return Ok(());
    }
    let mode = if user.is_some() { 0o700 } else { 0o755 };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(ClusterError::files("cannot make", path))?;
    match user {
        Some(user) => std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
            .map_err(ClusterError::files("cannot hand over", path)),
        None => Ok(()),
    }
}

fn owner(path: &Path) -> Result<Unprivileged, ClusterError> {
    let meta = fs::metadata(path).map_err(ClusterError::files("cannot read", path))?;
    Ok(Unprivileged { uid: meta.uid(), gid: meta.gid() })
}

/// Nobody in particular, when we are root. Who we are shows in a file we make.
fn unprivileged(dir: &Path) -> Result<Option<Unprivileged>, ClusterError> {
    let probe = dir.join(format!(".probe-{}", random_hex(4)));
    fs::write(&probe, b"").map_err(ClusterError::files("cannot write", &probe))?;
    let me = owner(&probe);
    let _ = fs::remove_file(&probe);
    if me?.uid != 0 {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let nobody = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == "nobody").then_some(())?;
        let (uid, gid) = (fields.nth(1)?.parse::<i64>().ok()?, fields.next()?.parse::<i64>().ok()?);
        // macOS writes -2.
        Some(Unprivileged { uid: (uid & 0xffff_ffff) as u32, gid: (gid & 0xffff_ffff) as u32 })
    });
    Ok(Some(nobody.unwrap_or(Unprivileged { uid: 65534, gid: 65534 })))
}

/// Every folder above may be searched by the user.
fn reachable(path: &Path, user: Unprivileged) -> bool {
    path.ancestors().filter(|p| !p.as_os_str().is_empty() && p.exists()).all(|folder| {
        let Ok(meta) = fs::metadata(folder) else { return false };
        let mode = meta.permissions().mode();
        if meta.uid() == user.uid { mode & 0o100 != 0 } else { mode & 0o001 != 0 }
    })
}
