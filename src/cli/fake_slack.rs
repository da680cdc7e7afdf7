//! `demo --fake-slack`: a Slack workspace on this machine with the demo's people in it, and a page to look into it.
use super::start::Running;
use crate::clock::SharedClock;
use crate::config;
use crate::db::people::Member;
use crate::demo::Company;
use crate::fake_slack::{BOT_USER, Channel, FakeSlack, Options, Person};
use crate::slack::manifest;
use anyhow::Context as _;
use rand::RngExt as _;
use std::net::SocketAddr;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Where the page is when no address is said.
pub const LISTEN: &str = "127.0.0.1:8471";

/// Who is met beside the company's own people.
const GUEST: (&str, &str) = ("U0GIL", "Gil Visitor");

/// Starts the workspace, and tells the configuration to use it as the Slack of the demo's organisation.
pub async fn start(
    running: &mut Running,
    company: &Company,
    listen: SocketAddr,
) -> anyhow::Result<FakeSlack> {
    let options = options(company, Arc::clone(&running.clock), listen).installed(&manifest::whole()?);
    let fake = FakeSlack::start(options)
        .await
        .with_context(|| format!("cannot listen on {listen}; choose another with --fake-slack ADDR"))?;
    let slack = &mut running.config.slack;
    *slack = config::Slack::default();
    slack.api_url = fake.api_url();
    slack.organisation = Some(crate::demo::SLUG.to_owned());
    slack.bot_token = Some(fake.options().bot_token.clone().into());
    slack.app_token = Some(fake.options().app_token.clone().into());
    Ok(fake)
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
