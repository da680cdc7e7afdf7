//! `adjutant serve`: the server, until it is told to stop.
use super::start::{Running, Start};
use super::terminal::hint;
use crate::app::App;
use crate::catalogue::Catalogue;
use crate::chat::offline::OfflinePlanner;
use crate::config::Config;
use crate::daily::sync::asked::Desk;
use crate::events::ingest::Ingest;
use crate::http::{self, limits::Limits, state::Server};
use crate::llm::{self, ChatModel};
use crate::slack::{self, Slack};
use crate::{chat, jobs, webhooks};
use anyhow::Context;
use clap::Args;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub async fn run(self, mut start: Start) -> anyhow::Result<ExitCode> {
        if let Some(listen) = self.listen {
            start.config.server.listen = listen;
        }
        let listener = listen(&start.config).await?;
        let address = listener.local_addr()?;
        let running = start.database().await?;
        until_stopped(running, listener, move || hint(format_args!("ready on http://{address}"))).await
    }
}

/// The port first: that it is taken should be known before anything is started.
pub async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.server.listen;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another with --listen"))
}

/// The built-in tools with the deployment's own laid over them.
pub fn catalogue(config: &Config) -> anyhow::Result<Catalogue> {
    Catalogue::load(config.overlay().as_deref()).map_err(|error| anyhow::anyhow!("{error}"))
}

/// What every surface shares, and the chat over it.
pub fn assemble(running: &Running) -> anyhow::Result<(App, chat::Service)> {
    let catalogue = Arc::new(catalogue(&running.config)?);
    let db = running.db.clone();
    let clock = Arc::clone(&running.clock);
    let planner: Arc<dyn ChatModel> =
        Arc::new(OfflinePlanner::new(Arc::clone(&catalogue), db.clone(), Arc::clone(&clock))?);
    let settings = llm::Settings::from(&running.config.model);
    let model = llm::chain(&settings, &db, &clock, Arc::clone(&planner))?;
    let chat = chat::Service::new(chat::Parts {
        db: db.clone(),
        clock: Arc::clone(&clock),
        catalogue: Arc::clone(&catalogue),
        model: Arc::clone(&model),
        planner,
        settings: chat::Settings::from(&running.config.turns),
    })?;
    let app = App { db, clock, catalogue, model };
    Ok((app, chat))
}

/// Serves until interrupted, then lets go of everything in order.
pub async fn until_stopped(
    running: Running,
    listener: TcpListener,
    ready: impl FnOnce(),
) -> anyhow::Result<ExitCode> {
    logging(&running.config);
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics could not be set up")?;
    let (app, chat) = assemble(&running)?;
    let sealing = running.config.clone();
    let outside = webhooks::Settings {
        allowed: Arc::new(
            running.config.webhooks.allow_hosts.iter().map(|host| host.to_lowercase()).collect(),
        ),
        keys: Arc::new(move || super::source::keyring(&sealing)),
        chance: Arc::new(rand::random::<f64>),
    };
    let stop = CancellationToken::new();
    let (config, db, clock) = (running.config.clone(), running.db.clone(), running.clock.clone());
    let opens = Arc::new(move || super::source::engine_of(&config, &db, &clock));
    let sources = Desk::new(opens, stop.clone());
    let server = Server {
        app: app.clone(),
        chat: chat.clone(),
        events: Arc::new(Ingest::new(app.db.clone(), Arc::clone(&app.clock), rand::random)?),
        limits: Arc::new(Limits::with_streams(running.config.turns.streams)),
        webhooks: outside.clone(),
        sources: sources.clone(),
        metrics,
    };
    let slack = match slack::Settings::from_config(&running.config) {
        Some(settings) => Some(Slack::new(app.clone(), chat.clone(), settings)?),
        None => None,
    };
    let sender = webhooks::Sender::new(running.db.clone(), Arc::clone(&running.clock), outside)?;
    let (config, db, clock) = (running.config.clone(), running.db.clone(), running.clock.clone());
    let connections: jobs::Connections = Arc::new(move || super::source::engine_if_any(&config, &db, &clock));
    let hooks = http::hooks::Gateway::new(Arc::clone(&connections), Arc::clone(&running.clock)).routes();
    let jobs = tokio::spawn(jobs::run(app, chat.clone(), connections, sender, stop.clone()));
    let routes = slack.as_ref().map(Slack::routes).unwrap_or_default().merge(hooks);
    let body_limit = running.config.server.body_limit;
    let serving = tokio::spawn(http::serve(listener, server, body_limit, routes, stop.clone()));
    let at_slack = slack.clone().map(|slack| {
        let stop = stop.clone();
        tokio::spawn(async move { slack.run(stop).await })
    });
    ready();
    interrupted().await?;
    hint(format_args!("stopping …"));
    stop.cancel();
    serving.await??;
    jobs.await?;
    sources.settle().await;
    if let Some(at_slack) = at_slack {
        at_slack.await?;
    }
    if let Some(slack) = slack {
        // What the last requests brought while the room was closing.
        slack.settle().await;
    }
    chat.settle().await;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C, or the signal a service manager sends.
async fn interrupted() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Words for people on a terminal, JSON lines elsewhere. `RUST_LOG` chooses; the provider library's payload logs stay off.
fn logging(config: &Config) {
    let wanted = config.host.log.as_deref().unwrap_or("warn,adjutant=info");
    let filter = tracing_subscriber::EnvFilter::new(format!("{wanted},{}", llm::QUIET));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = if std::io::stderr().is_terminal() { builder.try_init() } else { builder.json().try_init() };
    set.ok();
}
