//! Stops the server when this program dies in any way: a shell waits for the end of a pipe that only we hold.
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Ties the server process to this program for as long as the value lives.
pub struct Leash(#[expect(dead_code, reason = "holding it holds the pipe")] Child);

impl Leash {
    pub fn on(pid: u32) -> std::io::Result<Self> {
        let script = format!("cat >/dev/null; kill -INT {pid} 2>/dev/null");
        let shell = Command::new("/bin/sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self(shell))
    }
}
