//! Migrations, tools, prompts and evals are embedded when the library is compiled: a changed file must rebuild it.
#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]

fn main() {
    for folder in ["migrations", "tools", "prompts", "evals"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
