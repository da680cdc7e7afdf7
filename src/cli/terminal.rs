//! Words on the terminal. Standard output is written through here only, so that a closed pipe ends quietly.
use std::fmt::Arguments;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// One line on standard output. A reader that went away (`| head`) is no error.
pub fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.write_all(b"\n"));
}

/// A piece of streamed text, shown at once.
pub fn piece(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// One line on standard error: progress and hints, which a pipe should not carry.
pub fn hint(text: Arguments<'_>) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_fmt(text).and_then(|()| out.write_all(b"\n"));
}

/// The error and its causes in one sentence.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    hint(format_args!("error: {error:#}"));
    ExitCode::FAILURE
}

pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}
