//! The command line: one file a command. Parsing here, everything else in the rooms below.
mod ask;
mod audit;
mod backup;
mod demo;
mod doctor;
mod entities;
mod eval;
mod fake_slack;
mod hooks;
mod import;
mod job;
mod leads;
mod metric;
mod notify;
mod people;
mod privacy;
mod quality;
mod rollup;
mod serve;
mod setting;
mod source;
mod start;
mod terminal;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// A self-hosted, chat-first marketing agent: named safe queries, drafts that people approve, receipts for every figure.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Args {
    /// Configuration file; `adjutant.toml` in the working directory is read when there is one.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Folder of the private database; not used when DATABASE_URL names one.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    /// Organisation, by its slug; needed when the database holds several.
    #[arg(long, global = true)]
    org: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(serve::Serve),
    /// Everything at once: private database, demo account, server with chat. No key needed.
    Demo(demo::Demo),
    /// Asks a question and streams the answer to the terminal.
    Ask(ask::Ask),
    /// Reads an export of an ad platform, a shop or a search console.
    Import(import::Import),
    /// Connects platforms and reads them.
    Source(source::Source),
    /// The entity map: what is the same, what belongs to what, what is called alike, and how much is mapped.
    Entities(entities::Entities),
    /// Finds the first and the last touch of leads anew.
    Leads(leads::Leads),
    /// Runs the evaluation cases.
    Eval(eval::Eval),
    /// Proves that the record of decisions was not altered, or exports it.
    Audit(audit::Audit),
    /// Lists what runs by the clock, runs it by hand, or says how it went.
    Job(job::Job),
    /// Says what is wrong with the data: open alerts, the measures of the last hour, the age of connections.
    Quality(quality::Quality),
    /// Erases a person, writes out what is stored about one, or keeps erased ones erased after a restore.
    Privacy(privacy::Privacy),
    /// Computes the daily figures of any days again, from events and syncs.
    Rollup(rollup::Rollup),
    /// Writes the whole database to a file, while it may be in use.
    Backup(backup::Backup),
    /// Reads such a file into a new database, and proves its record of decisions.
    Restore(backup::Restore),
    /// Creates the organisation and its first administrator.
    Setup(people::Setup),
    /// Adds a member, lists them, or lets one say in Slack who they are.
    Member(people::Member),
    /// Creates or revokes API keys.
    Key(people::Key),
    /// Prints a signed-in session of a member, on the server's own machine.
    Session(people::Session),
    /// Lists or changes what the organisation has set for itself, with the targets of its metrics.
    Setting(setting::Settings),
    /// Adds metrics of the deployment's own, lists them with what they are counted from, or takes one away.
    Metric(metric::Metrics),
    /// Sends a test message to a Slack channel.
    Notify(notify::Notify),
    /// Says what is configured, what works, and what to do about the rest.
    Doctor(doctor::Doctor),
}

/// Runs a command; errors go to standard error in one sentence, with the causes behind it.
pub fn main(args: Args) -> ExitCode {
    // Every client of this program speaks TLS through ring, and none can be built before that is said.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal::fail(&anyhow::anyhow!(error).context("the runtime could not start")),
    };
    match runtime.block_on(run(args)) {
        Ok(code) => code,
        Err(error) => terminal::fail(&error),
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let start = start::Start::new(args.config.as_deref(), args.data_dir, args.org)?;
    match args.command {
        Command::Serve(command) => command.run(start).await,
        Command::Demo(command) => command.run(start).await,
        Command::Ask(command) => command.run(start).await,
        Command::Import(command) => command.run(start).await,
        Command::Source(command) => command.run(start).await,
        Command::Entities(command) => command.run(start).await,
        Command::Leads(command) => command.run(start).await,
        Command::Eval(command) => command.run(start).await,
        Command::Audit(command) => command.run(start).await,
        Command::Job(command) => command.run(start).await,
        Command::Quality(command) => command.run(start).await,
        Command::Privacy(command) => command.run(start).await,
        Command::Rollup(command) => command.run(start).await,
        Command::Backup(command) => command.run(start).await,
        Command::Restore(command) => command.run(start).await,
        Command::Setup(command) => command.run(start).await,
        Command::Metric(command) => command.run(start).await,
        Command::Member(command) => command.run(start).await,
        Command::Key(command) => command.run(start).await,
        Command::Session(command) => command.run(start).await,
        Command::Setting(command) => command.run(start).await,
        Command::Notify(command) => command.run(start).await,
        Command::Doctor(command) => command.run(start).await,
    }
}
