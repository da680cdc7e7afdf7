//! The binary: words in, a command out.
use clap::Parser;

fn main() -> std::process::ExitCode {
    adjutant::cli::main(adjutant::cli::Args::parse())
}
