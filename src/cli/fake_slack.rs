//! `demo --fake-slack`: a Slack workspace on this machine with the demo's people in it, and a page to look into it.
use super::start::Running;
use crate::clock::SharedClock;
use crate::config;
use crate::db::people::Member;
use crate::demo::Company;
use crate::fake_slack::{BOT_USER, Channel, FakeSlack, Options, Person, Transport};
use crate::slack::manifest;
use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use rand::RngExt as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Where the page is when no address is said.
const PORT: u16 = 8471;

/// A word behind `--fake-slack`: how the workspace talks to the bot, or where its page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Over(Transport),
    At(SocketAddr),
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "socket" => Ok(Self::Over(Transport::Socket)),
            "http" => Ok(Self::Over(Transport::Http)),
            _ => text.parse().map(Self::At).map_err(|_| {
                format!("'{text}' is neither 'http', 'socket' nor an address such as 127.0.0.1:{PORT}")
            }),
        }
    }
}

/// As it is typed.
#[derive(Debug, Args)]
struct Typed {
    /// Also starts a Slack workspace on this machine, with a page to try the bot as any of the demo's people: how it talks to
    /// the bot (`socket`, or `http` with signed requests), and where the page is (127.0.0.1:8471).
    #[arg(long, value_names = ["http|socket", "ADDR"], num_args = 0..=2)]
    fake_slack: Option<Vec<Word>>,
}

/// What `--fake-slack` asks for, where it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FakeSlackArg(pub Option<(Transport, SocketAddr)>);

/// What the words come to: over a socket, on loopback, where they say nothing else. The error is the word too many.
fn wanted(words: &[Word]) -> Result<(Transport, SocketAddr), &'static str> {
    let (mut over, mut at) = (None, None);
    for word in words {
        match *word {
            Word::Over(transport) if over.replace(transport).is_some() => {
                return Err("takes one of 'http' and 'socket', not two");
            }
            Word::At(address) if at.replace(address).is_some() => return Err("takes one address, not two"),
            Word::Over(_) | Word::At(_) => {}
        }
    }
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    Ok((over.unwrap_or(Transport::Socket), at.unwrap_or(usual)))
}

impl FromArgMatches for FakeSlackArg {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Some(words) = Typed::from_arg_matches(matches)?.fake_slack else { return Ok(Self(None)) };
        let refused = |why| clap::Error::raw(ErrorKind::ArgumentConflict, format!("--fake-slack {why}\n"));
        wanted(&words).map(Some).map(Self).map_err(refused)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for FakeSlackArg {
    fn augment_args(command: Command) -> Command {
        Typed::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Typed::augment_args_for_update(command)
    }
}

/// Who is met beside the company's own people.
const GUEST: (&str, &str) = ("U0GIL", "Gil Visitor");

/// Starts the workspace, and tells the configuration to use it as the Slack of the demo's organisation. `server`: where
/// the demo itself listens, for what comes over HTTP.
pub async fn start(
    running: &mut Running,
    company: &Company,
    (transport, listen): (Transport, SocketAddr),
    server: SocketAddr,
) -> anyhow::Result<FakeSlack> {
    let options = Options { transport, ..options(company, Arc::clone(&running.clock), listen) };
    let fake = FakeSlack::start(options.installed(&manifest::whole()?))
        .await
        .with_context(|| format!("cannot listen on {listen}; choose another with --fake-slack ADDR"))?;
    let slack = &mut running.config.slack;
    *slack = config::Slack::default();
    slack.api_url = fake.api_url();
    slack.organisation = Some(crate::demo::SLUG.to_owned());
    slack.bot_token = Some(fake.options().bot_token.clone().into());
    // Either of them alone decides which way is open.
    match transport {
        Transport::Socket => slack.app_token = Some(fake.options().app_token.clone().into()),
        Transport::Http => {
            slack.signing_secret = Some(fake.options().signing_secret.clone().into());
            fake.deliver_to(&format!("http://{}", reached(server)));
        }
    }
    Ok(fake)
}

/// How this machine reaches a server that may listen on all of its addresses.
fn reached(server: SocketAddr) -> SocketAddr {
    let ip = if server.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { server.ip() };
    SocketAddr::new(ip, server.port())
}

fn options(company: &Company, clock: SharedClock, listen: SocketAddr) -> Options {
    let mut people: Vec<Person> = company.members.iter().map(person).collect();
    people.push(Person::guest(GUEST.0, GUEST.1, "gil@elsewhere.example"));
    let staff: Vec<String> = people.iter().filter(|p| !p.guest).map(|p| p.id.clone()).collect();
    let mut everybody: Vec<&str> = staff.iter().map(String::as_str).collect();
    everybody.push(BOT_USER);
    let staff = everybody.clone();
    everybody.push(GUEST.0);
    let secret = || format!("{:032x}", rand::rng().random::<u128>());
    Options {
        listen,
        channels: vec![
            Channel::public("C0GENERAL", "general", &everybody),
            Channel::public("C0MARKETING", "marketing", &everybody),
            Channel::private("C0LEADS", "growth-leads", &staff),
        ],
        people,
        signing_secret: secret(),
        bot_token: format!("xoxb-fake-{}", secret()),
        app_token: format!("xapp-fake-{}", secret()),
        // The database remembers what it has seen; another run must not repeat its ids.
        run: format!("{:X}", clock.now().as_second()),
        ..Options::new(clock)
    }
}

/// A member as the workspace knows them: by the confirmed address.
fn person(member: &Member) -> Person {
    let first = member.name.split(' ').next().unwrap_or_default();
    Person::member(&format!("U0{}", first.to_uppercase()), &member.name, &Company::email(member))
        .titled(member.role.as_str())
}
