//! `adjutant demo`: private database, demo account, server with chat. No key needed.
use super::fake_slack;
use super::people::new_session;
use super::start::{DemoDay, Running, Start};
use super::terminal::{hint, line};
use crate::clock::{Clock, SystemClock};
use crate::db::load;
use crate::demo::{self, Company, Scale};
use crate::ids::OrgId;
use crate::period::local_day;
use anyhow::{Context, bail};
use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Another seed makes another account; this one's truth file is what the README's figures are checked against.
const SEED: u64 = 20_240_229;

#[derive(Debug, Args)]
pub struct Demo {
    /// Where to listen.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// The day the demo lives on; its data end the day before. Today, when not said.
    #[arg(long)]
    today: Option<Date>,
    /// The API key to accept; a new one is made when not said.
    #[arg(long)]
    api_key: Option<String>,
    /// Throws the demo account away and makes a new one.
    #[arg(long)]
    reset: bool,
    /// How many months of data: fewer than all are enough to try the program itself, not for the answers of the README.
    #[arg(long, hide = true, default_value_t = Scale::default().months, value_parser = clap::value_parser!(u32).range(3..=18))]
    months: u32,
    #[command(flatten)]
    fake_slack: fake_slack::FakeSlackArg,
}

impl Demo {
    pub async fn run(self, mut start: Start) -> anyhow::Result<ExitCode> {
        if let Some(listen) = self.listen {
            start.config.server.listen = listen;
        }
        if let Some(key) = &self.api_key
            && (key.len() < 16 || key.starts_with("ses_") || !key.chars().all(|c| c.is_ascii_graphic()))
        {
            bail!("--api-key needs at least 16 visible characters, and none that begin with ses_");
        }
        let listener = super::serve::listen(&start.config).await?;
        let zone = TimeZone::get(demo::plan::ZONE).context("the time zone database lacks Europe/Zurich")?;
        if self.reset {
            start.reset_demo().await?;
        }
        let real = local_day(SystemClock.now(), &zone);
        let lives_on = match (start.demo_day()?, self.today) {
            (Some(stored), Some(asked)) if stored.today != asked => {
                bail!("the demo account lives on {}, not on {asked}; --reset makes a new one", stored.today)
            }
            (Some(stored), _) => stored.today,
            (None, asked) => asked.unwrap_or(real),
        };
        hint(format_args!("starting the database …"));
        let mut running = start.demo_database(lives_on, real).await?;
        let company = match account(&running, lives_on, Scale { months: self.months }).await {
            Ok(company) => company,
            Err(error) => {
                running.stop().await;
                return Err(error);
            }
        };
        let server = listener.local_addr()?;
        let fake = match self.fake_slack.0 {
            None => None,
            Some(wanted) => match fake_slack::start(&mut running, &company, wanted, server).await {
                Ok(fake) => Some(fake),
                Err(error) => {
                    running.stop().await;
                    return Err(error);
                }
            },
        };
        let mut words = welcome(&running, &company, self.api_key, lives_on, real, server).await?;
        if let Some(fake) = &fake {
            words = format!(
                "{words}\n\nA Slack of its own: open {} and write to Adjutant as any of the people there.",
                fake.url()
            );
        }
        super::serve::until_stopped(running, listener, move || line(format_args!("{words}"))).await
    }
}

/// The demo organisation, made at the first start. If the program was stopped while the account was being filled, loading
/// again changes nothing that is there.
pub async fn account(running: &Running, today: Date, scale: Scale) -> anyhow::Result<Company> {
    let company = demo::found(&running.db, &*running.clock).await?;
    if !running.demo_is_complete(company.org) {
        fill(running, company.org, today, scale).await?;
    }
    Ok(company)
}

async fn fill(running: &Running, org: OrgId, today: Date, scale: Scale) -> anyhow::Result<()> {
    hint(format_args!("making the demo account: {} months to the day before {today} …", scale.months));
    let data = tokio::task::spawn_blocking(move || demo::generate_scaled(today, SEED, scale)).await?;
    let loaded = load::dataset(&running.db, org, &data).await?;
    let truth = tokio::task::spawn_blocking(move || demo::truth_of(&data)).await?;
    running.keep_demo(&truth, &DemoDay { today, org })?;
    hint(format_args!("{} rows are in", loaded.read));
    Ok(())
}

/// What a newcomer needs: address, key, sessions, three questions.
async fn welcome(
    running: &Running,
    company: &Company,
    api_key: Option<String>,
    today: Date,
    real: Date,
    listen: SocketAddr,
) -> anyhow::Result<String> {
    let org = company.org;
    let marketer = company.member("Mara").context("the demo's marketer is gone; --reset brings her back")?;
    let approver = company.member("Alex").context("the demo's approver is gone; --reset brings him back")?;
    let mut tx = running.db.org(org).await?;
    let key = demo::key(&mut tx, &*running.clock, org, marketer.id, api_key.map(SecretString::from)).await?;
    let marketer_session = new_session(&mut tx, running, org, marketer.id).await?;
    let approver_session = new_session(&mut tx, running, org, approver.id).await?;
    tx.commit().await?;
    let day = if today == real { String::new() } else { format!("\n  The demo lives on {today}.") };
    let url = format!("http://{listen}");
    let (key, marketer_session, approver_session) =
        (key.expose_secret(), marketer_session.expose_secret(), approver_session.expose_secret());
    Ok(format!(
        "
ready

  URL                {url}        (API on one page: {url}/reference)
  API key            {key}
  marketer session   {marketer_session}        ({})
  approver session   {approver_session}        ({}){day}

Try:
  curl -N {url}/api/chat -H 'authorization: Bearer {key}' \\
    -d '{{\"message\": \"which campaigns wasted money in the last 30 days?\"}}'
  curl -N {url}/api/chat -H 'authorization: Bearer {key}' \\
    -d '{{\"message\": \"is cost per conversion going up anywhere?\"}}'
  curl -N {url}/api/chat -H 'authorization: Bearer {key}' \\
    -d '{{\"message\": \"/seo_overlap trail shoes\"}}'

Ctrl-C stops the server and its database; the account stays.",
        marketer.name, approver.name
    ))
}
