//! `adjutant doctor`: what is configured, what works, and what to do about the rest.
mod slack;

use super::start::{Running, Start};
use super::terminal::{hint, line};
use crate::chat::offline::OfflinePlanner;
use crate::config::Config;
use anyhow::Context;
use clap::{Args, Subcommand};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Doctor {
    /// Only asks a running server whether it is ready; for container health checks.
    #[arg(long)]
    ready: bool,
    #[command(subcommand)]
    what: Option<DoctorCommand>,
}

#[derive(Debug, Subcommand)]
enum DoctorCommand {
    /// Checks every file of the catalogue against the migrated schema.
    Tools,
}

impl Doctor {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        if self.ready {
            return ready(&start.config).await;
        }
        match self.what {
            Some(DoctorCommand::Tools) => {
                let running = start.database().await?;
                let sound = tools(&running).await?;
                running.stop().await;
                Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            None => everything(start).await,
        }
    }
}

async fn ready(config: &Config) -> anyhow::Result<ExitCode> {
    let url = format!("http://127.0.0.1:{}/readyz", config.server.listen.port());
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build()?;
    let answer = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    if answer.status().is_success() {
        line(format_args!("ready"));
        return Ok(ExitCode::SUCCESS);
    }
    hint(format_args!("{url} answered {}", answer.status()));
    Ok(ExitCode::FAILURE)
}

async fn everything(start: Start) -> anyhow::Result<ExitCode> {
    let config = start.config.clone();
    match &config.database.url {
        Some(_) => good("database", "named by DATABASE_URL"),
        None => good("database", &format!("private, in {}", config.data_dir()?.display())),
    }
    let running = match start.database().await {
        Ok(running) => running,
        Err(error) => {
            bad("database", &format!("{error:#}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut sound = true;
    good("schema", "up to date; the roles that serve are fenced in");
    match running.db.organisations().await?.as_slice() {
        [] => {
            bad(
                "people",
                "no organisation yet: `adjutant setup …` creates one, `adjutant demo` brings a demo account",
            );
            sound = false;
        }
        all => {
            let slugs: Vec<&str> = all.iter().map(|(_, slug)| slug.as_str()).collect();
            good("people", &format!("organisations: {}", slugs.join(", ")));
        }
    }
    sound &= tools(&running).await?;
    models(&config).await;
    sound &= slack::check(&running).await?;
    good("server", &format!("would listen on {} (ADJUTANT_SERVER__LISTEN)", config.server.listen));
    running.stop().await;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every file of `tools/` and `prompts/`, as it would be used.
async fn tools(running: &Running) -> anyhow::Result<bool> {
    let mut faults: Vec<String> = Vec::new();
    match super::serve::catalogue(&running.config) {
        Ok(catalogue) => {
            let found = catalogue.check_all(&running.db).await;
            good("queries", &format!("{} named queries", catalogue.queries.len()));
            faults.extend(found.iter().map(ToString::to_string));
            match OfflinePlanner::new(Arc::new(catalogue), running.db.clone(), Arc::clone(&running.clock)) {
                Ok(planner) => faults.extend(planner.faults().await),
                Err(error) => faults.push(error.to_string()),
            }
        }
        Err(error) => faults.push(format!("{error:#}")),
    }
    if let Err(error) = crate::drafts::tools() {
        faults.push(format!("tools/actions: {error}"));
    }
    if let Err(error) = crate::chat::prompts::Prompts::load() {
        faults.push(error.to_string());
    }
    if let Err(error) = crate::platforms::csv::kinds::Kinds::built_in() {
        faults.push(format!("tools/imports.yaml: {error}"));
    }
    for fault in &faults {
        bad("tools", fault);
    }
    if faults.is_empty() {
        good("tools", "queries and their examples, actions, playbooks, prompts and imports are sound");
    }
    Ok(faults.is_empty())
}

/// Asks each provider for its list of models: reachable, and the key is taken.
async fn models(config: &Config) {
    if config.model.providers.is_empty() {
        good("model", "offline planner; set OPENAI_API_KEY or ANTHROPIC_API_KEY for a better one");
        return;
    }
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(5)).build() else { return };
    for provider in &config.model.providers {
        let url = format!("{}/models", provider.base_url.trim_end_matches('/'));
        let mut request = client.get(&url);
        if let Some(key) = &provider.key {
            request = request.bearer_auth(secrecy::ExposeSecret::expose_secret(key));
        }
        let name = format!("{} ({})", provider.name, provider.model);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => good("model", &format!("{name} answers")),
            Ok(answer) if answer.status().as_u16() == 401 => {
                bad(
                    "model",
                    &format!("{name} refuses the key; check {}", provider.key_env.as_deref().unwrap_or("it")),
                );
            }
            Ok(answer) => bad("model", &format!("{name} answered {}", answer.status())),
            Err(_) => bad("model", &format!("{name} is not reachable at {}", provider.base_url)),
        }
    }
    good("model", "the offline planner stands behind them");
}

fn good(what: &str, words: &str) {
    line(format_args!("ok    {what:<9} {words}"));
}

fn bad(what: &str, words: &str) {
    line(format_args!("FIX   {what:<9} {words}"));
}
