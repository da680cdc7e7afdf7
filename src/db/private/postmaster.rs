//! What `postmaster.pid` says, and whether it is true.
use std::fs;
use std::path::{Path, PathBuf};

/// A server that claims a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postmaster {
    pub pid: u32,
    pub port: u16,
    pub socket_dir: PathBuf,
}

/// The running server of a data directory. A file left by a dead server, or whose process number now belongs to some
/// other program, is removed.
pub fn running(pgdata: &Path) -> Option<Postmaster> {
    let file = pgdata.join("postmaster.pid");
    let text = fs::read_to_string(&file).ok()?;
    let claim = parse(&text);
    let pid = claim.as_ref().map(|c| c.pid).or_else(|| text.lines().next()?.trim().parse().ok());
    if pid.is_some_and(|pid| is_postmaster_of(pid, pgdata)) {
        return claim;
    }
    tracing::info!("removing the postmaster.pid of a server that is gone");
    let _ = fs::remove_file(&file);
    None
}

/// Lines: process, data directory, start time, port, socket directory, address, shared memory, status.
fn parse(text: &str) -> Option<Postmaster> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    Some(Postmaster {
        pid: lines.first()?.parse().ok()?,
        port: lines.get(3)?.parse().ok()?,
        socket_dir: PathBuf::from(lines.get(4).filter(|dir| !dir.is_empty())?),
    })
}

/// Is the process alive, a postgres, and (where the system tells) at home in this directory?
pub fn is_postmaster_of(pid: u32, pgdata: &Path) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    if Path::new("/proc/self").exists() {
        let Ok(name) = fs::read_to_string(process.join("comm")) else { return false };
        let zombie = fs::read_to_string(process.join("stat"))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')));
        return name.trim() == "postgres"
            && !zombie
            && fs::read_link(process.join("cwd")).map_or(true, |cwd| cwd == pgdata);
    }
    std::process::Command::new("ps")
        .args(["-o", "comm=", "-p", &pid.to_string()])
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres"))
}

#[cfg(test)]
mod tests {
    use super::{Postmaster, is_postmaster_of, parse};
    use std::path::{Path, PathBuf};

    #[test]
    fn the_pid_file_is_read() {
        let text = "4711\n/data\n1758099600\n5432\n/run/x\n\n  5432001    131072\nready   \n";
        let wanted = Postmaster { pid: 4711, port: 5432, socket_dir: PathBuf::from("/run/x") };
        assert_eq!(parse(text), Some(wanted));
        assert_eq!(parse("4711\n"), None);
    }

    #[test]
    fn another_program_is_not_a_postmaster() {
        assert!(!is_postmaster_of(std::process::id(), Path::new("/")));
    }
}
