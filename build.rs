//! The migrations and `tools/` are embedded when the library is compiled: a changed file must rebuild it.
#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=tools");
}
