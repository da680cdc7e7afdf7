//! `adjutant setup`, `member`, `key`, `session`: who is here and how they sign in, from the server's own machine.
use super::start::{Organisation, Running, Start};
use super::terminal::{hint, line};
use crate::access::{Credential, NEVER_IN_A_KEY, Permission, Role, Surface};
use crate::db::events::known::{self, KeyRules};
use crate::db::people::{self as rows, NewMember, NewOrg};
use crate::db::slack::{installs, people as slack};
use crate::db::webhooks::endpoints;
use crate::db::{OrgTx, audit, credentials, sources};
use crate::events::{PiiMode, Source};
use crate::ids::{ApiKeyId, MemberId, OrgId};
use crate::money::Currency;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// How long a session printed here is good for.
const SESSION_HOURS: i64 = 12;
/// How long a code for Slack is good for.
const CODE_MINUTES: i64 = 15;
/// Requests a minute of a key, if nobody says otherwise (`queries.md` §4).
const KEY_PER_MINUTE: i32 = 100;
/// Events a minute of a key, if nobody says otherwise (`events.md` §6).
const EVENTS_PER_MINUTE: i32 = 50_000;

#[derive(Debug, Args)]
pub struct Setup {
    /// The organisation's name.
    #[arg(long)]
    name: String,
    /// A short name for commands: letters, digits and dashes.
    #[arg(long)]
    slug: String,
    /// Reports are in this currency.
    #[arg(long, default_value = "EUR")]
    currency: Currency,
    /// Decides when a day begins.
    #[arg(long, default_value = "UTC")]
    time_zone: String,
    /// The first administrator: "Ada Ott <ada@fernhill.example>".
    #[arg(long)]
    admin: String,
}

#[derive(Debug, Args)]
pub struct Member {
    #[command(subcommand)]
    what: MemberCommand,
}

#[derive(Debug, Subcommand)]
enum MemberCommand {
    /// Adds a member: "Ada Ott <ada@fernhill.example>".
    Add {
        who: String,
        /// viewer, analyst, marketer, approver, admin or compliance.
        #[arg(long)]
        role: Role,
        /// Extra permissions, for instance draft.approve_high or operator.
        #[arg(long)]
        grant: Vec<String>,
    },
    /// Lists the members.
    List,
    /// Prints a one-time code with which a member says in Slack who they are: `/adjutant link CODE`.
    Link {
        /// The member, by name or e-mail.
        who: String,
        /// Links this user of Slack at once, without a code: `U…`, or `T…/U…` of one of several workspaces. For guests and
        /// apps, who are let in by `[slack] allow`.
        #[arg(long, value_name = "USER")]
        slack: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct Key {
    #[command(subcommand)]
    what: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Creates a key that acts as a member, and prints it this once.
    Create {
        /// The member, by name or e-mail.
        member: String,
        #[arg(long, default_value = "")]
        name: String,
        /// Permissions; all that the member has and a key may hold, when not said.
        #[arg(long)]
        scope: Vec<Permission>,
        /// Days until it ends.
        #[arg(long)]
        days: Option<i64>,
        /// Requests a minute.
        #[arg(long, default_value_t = KEY_PER_MINUTE, value_parser = clap::value_parser!(i32).range(1..))]
        per_minute: i32,
        #[command(flatten)]
        events: EventRules,
    },
    /// Lists the keys, without their secrets.
    List,
    /// Ends a key at once, by its prefix.
    Revoke { prefix: String },
    /// Ends a key at once and prints a new one, this once, that may do the same for as long. Without a prefix: seals the
    /// secrets of connections, which ADJUTANT_OLD_MASTER_KEY opens, with ADJUTANT_MASTER_KEY.
    Rotate { prefix: Option<String> },
}

/// What a key with the scope `event.write` may send.
#[derive(Debug, Args)]
struct EventRules {
    /// A platform whose events it may bring, such as stripe; or a first-party source such as web, to allow no other one.
    #[arg(long)]
    source: Vec<Source>,
    /// What happens to an event with personal data: reject, or scrub and keep it.
    #[arg(long, default_value = "reject")]
    pii: PiiMode,
    /// Refuses events about things that are not in the entity map.
    #[arg(long)]
    strict_references: bool,
    /// Events a minute.
    #[arg(long, default_value_t = EVENTS_PER_MINUTE, value_parser = clap::value_parser!(i32).range(1..))]
    events_per_minute: i32,
}

impl EventRules {
    fn rules(&self) -> anyhow::Result<KeyRules> {
        if self.source.contains(&Source::System) {
            bail!("no key may send as the source system: those events are the program's own");
        }
        Ok(KeyRules {
            sources: self.source.iter().map(|source| source.as_str().to_owned()).collect(),
            pii_mode: self.pii.as_str().to_owned(),
            strict_references: self.strict_references,
            events_per_minute: self.events_per_minute,
        })
    }
}

/// What a key may do, for the record of decisions.
fn may(key: &credentials::NewApiKey<'_>, rules: &KeyRules) -> Value {
    json!({"name": key.name, "scopes": key.scopes, "per_minute": key.per_minute, "expires_at": key.expires_at,
        "sources": rules.sources, "pii_mode": rules.pii_mode, "strict_references": rules.strict_references,
        "events_per_minute": rules.events_per_minute})
}

#[derive(Debug, Args)]
pub struct Session {
    /// The member, by name or e-mail.
    member: String,
    /// Confirms afresh that it is the member: votes on high tiers count for ten minutes.
    #[arg(long)]
    confirm: bool,
}

impl Setup {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let zone = TimeZone::get(&self.time_zone)
            .with_context(|| format!("'{}' is not a time zone such as Europe/Zurich", self.time_zone))?;
        let slug_ok = !self.slug.is_empty()
            && self.slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !slug_ok {
            bail!("the slug '{}' may hold lower-case letters, digits and dashes only", self.slug);
        }
        let (name, email) = person(&self.admin)?;
        let running = start.database().await?;
        if running.db.organisations().await?.iter().any(|(_, slug)| *slug == self.slug) {
            running.stop().await;
            bail!("there is an organisation '{}' already", self.slug);
        }
        let now = running.clock.now();
        let org = OrgId::new(&*running.clock);
        let mut tx = running.db.org(org).await?;
        let new = NewOrg {
            name: &self.name,
            slug: &self.slug,
            time_zone: zone.iana_name().unwrap_or("UTC"),
            currency: self.currency,
            locale: "en",
        };
        rows::create_org(&mut tx, org, &new, now).await?;
        let admin = MemberId::new(&*running.clock);
        let member = NewMember { name, email, role: Role::Admin };
        rows::create_member(&mut tx, org, admin, &member, now).await?;
        audit::append(&mut tx, org, &role_given(admin, Role::Admin, &[], now)).await?;
        tx.commit().await?;
        line(format_args!("organisation '{}' is ready; {name} administers it", self.slug));
        line(format_args!("next: adjutant session {email}    or    adjutant import FILE --kind ads"));
        running.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Member {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let result = self.act(&running).await;
        running.stop().await;
        result.map(|()| ExitCode::SUCCESS)
    }

    async fn act(self, running: &Running) -> anyhow::Result<()> {
        let org = running.organisation().await?;
        let now = running.clock.now();
        let mut tx = running.db.org(org.id).await?;
        match self.what {
            MemberCommand::Add { who, role, grant } => {
                let (name, email) = person(&who)?;
                let id = MemberId::new(&*running.clock);
                let new = NewMember { name, email, role };
                rows::create_member(&mut tx, org.id, id, &new, now).await.with_context(|| {
                    format!("{email} could not be added; is there a member with that address?")
                })?;
                for permission in &grant {
                    if permission != "operator" && permission.parse::<Permission>().is_err() {
                        bail!("'{permission}' is not a permission; see `adjutant key create --help`");
                    }
                    let grant = rows::Grant { permission: permission.clone(), scope: serde_json::json!({}) };
                    rows::grant(&mut tx, org.id, id, &grant, None, now).await?;
                }
                audit::append(&mut tx, org.id, &role_given(id, role, &grant, now)).await?;
                line(format_args!("{name} is here as {role}"));
            }
            MemberCommand::List => {
                for member in rows::members(&mut tx, org.id).await? {
                    line(format_args!("{:<24} {:<11} {}", member.name, member.role, member.state));
                }
            }
            MemberCommand::Link { who, slack: Some(user) } => {
                let member = find_member(&mut tx, org.id, &who).await?;
                let (team, user) = slack_user(&mut tx, org.id, &user).await?;
                let by = slack::VerifiedBy::Link;
                if slack::link(&mut tx, org.id, (&team, &user), member.id, by, now).await? {
                    let mut entry = audit::NewEntry::by_system("identity.linked", "member", member.id, now);
                    entry.surface = Surface::Cli;
                    entry.after =
                        Some(json!({"surface": "slack", "team": team, "user": user, "verified_by": by}));
                    audit::append(&mut tx, org.id, &entry).await?;
                }
                line(format_args!("{user} of {team} is {}", member.name));
                hint(format_args!(
                    "a guest or an app is answered when [slack] allow = [\"{user}\"] lets it in"
                ));
            }
            MemberCommand::Link { who, slack: None } => {
                let member = find_member(&mut tx, org.id, &who).await?;
                let code = slack::new_code(&mut rand::rng());
                let until = now.checked_add(CODE_MINUTES.minutes())?;
                slack::keep_code(&mut tx, org.id, member.id, &code, now, until).await?;
                let entry = audit::NewEntry::by_operator("identity.code_made", "member", member.id, now);
                audit::append(&mut tx, org.id, &entry).await?;
                hint(format_args!("for {}, once, within {CODE_MINUTES} minutes, in Slack:", member.name));
                line(format_args!("/adjutant link {}", code.expose_secret()));
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

impl Key {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let result = self.act(&running).await;
        running.stop().await;
        result.map(|()| ExitCode::SUCCESS)
    }

    async fn act(self, running: &Running) -> anyhow::Result<()> {
        if matches!(self.what, KeyCommand::Rotate { prefix: None }) {
            return reseal(running).await;
        }
        let org = running.organisation().await?;
        let now = running.clock.now();
        let mut tx = running.db.org(org.id).await?;
        match self.what {
            KeyCommand::Create { member, name, scope, days, per_minute, events } => {
                if let Some(refused) = scope.iter().find(|s| NEVER_IN_A_KEY.contains(s)) {
                    bail!("no key may hold {refused}: decisions belong to people");
                }
                let member = find_member(&mut tx, org.id, &member).await?;
                let scopes = if scope.is_empty() {
                    member_scopes(&mut tx, &org, member.id).await?
                } else {
                    scope.into_iter().collect()
                };
                let text = credentials::new_key_text(&mut rand::rng());
                let expires_at = days.map(|days| now.checked_add((days * 24).hours())).transpose()?;
                let new = credentials::NewApiKey {
                    name: &name,
                    member: member.id,
                    scopes: &scopes,
                    per_minute,
                    expires_at,
                };
                let id = ApiKeyId::new(&*running.clock);
                credentials::create_api_key(&mut tx, org.id, id, &text, &new, now).await?;
                let rules = events.rules()?;
                known::set_key_rules(&mut tx, org.id, id, &rules).await?;
                let mut entry = audit::NewEntry::by_operator("key.created", "api_key", id, now);
                entry.after = Some(may(&new, &rules));
                audit::append(&mut tx, org.id, &entry).await?;
                hint(format_args!("a key for {}; it is shown this once:", member.name));
                line(format_args!("{}", text.expose_secret()));
            }
            KeyCommand::List => {
                for key in credentials::api_keys(&mut tx, org.id).await? {
                    let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
                    line(format_args!(
                        "{:<14} {:<20} {state:<8} {} a minute",
                        key.prefix, key.name, key.per_minute
                    ));
                }
            }
            KeyCommand::Revoke { prefix } => {
                end_key(&mut tx, org.id, &prefix, now).await?;
                line(format_args!("{prefix} is revoked"));
            }
            KeyCommand::Rotate { prefix } => {
                let prefix = prefix.unwrap_or_default();
                let old = end_key(&mut tx, org.id, &prefix, now).await?;
                let text = credentials::new_key_text(&mut rand::rng());
                let scopes = old.scopes();
                let new = credentials::NewApiKey {
                    name: &old.name,
                    member: old.member,
                    scopes: &scopes,
                    per_minute: old.per_minute,
                    expires_at: old.expires_at,
                };
                let id = ApiKeyId::new(&*running.clock);
                credentials::create_api_key(&mut tx, org.id, id, &text, &new, now).await?;
                let rules = known::setting(&mut tx, org.id, Some(old.id)).await?.key;
                if let Some(rules) = &rules {
                    known::set_key_rules(&mut tx, org.id, id, rules).await?;
                }
                let mut entry = audit::NewEntry::by_operator("key.created", "api_key", id, now);
                entry.after = rules.map(|rules| may(&new, &rules));
                entry.reason = Some(format!("in place of {prefix}"));
                audit::append(&mut tx, org.id, &entry).await?;
                hint(format_args!("{prefix} is revoked; the key in its place, shown this once:"));
                line(format_args!("{}", text.expose_secret()));
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

impl Session {
    pub async fn run(self, start: Start) -> anyhow::Result<ExitCode> {
        let running = start.database().await?;
        let printed = self.act(&running).await;
        running.stop().await;
        line(format_args!("{}", printed?.expose_secret()));
        Ok(ExitCode::SUCCESS)
    }

    async fn act(&self, running: &Running) -> anyhow::Result<SecretString> {
        let org = running.organisation().await?;
        let mut tx = running.db.org(org.id).await?;
        let member = find_member(&mut tx, org.id, &self.member).await?;
        let token = new_session(&mut tx, running, org.id, member.id).await?;
        if self.confirm {
            let now = running.clock.now();
            credentials::step_up(&mut tx, org.id, &token, now).await?;
            let entry = audit::NewEntry::by_operator("session.confirmed", "member", member.id, now);
            audit::append(&mut tx, org.id, &entry).await?;
        }
        tx.commit().await?;
        hint(format_args!("a session of {} for {SESSION_HOURS} hours:", member.name));
        hint(format_args!(
            "{}",
            if self.confirm {
                "it is confirmed for ten minutes: approvals of drafts of high risk count when they are sent with it until then; send \
                 one that was only noted again"
            } else {
                "approvals of drafts of high risk are only noted with it; `--confirm` makes one with which they count"
            }
        ));
        Ok(token)
    }
}

/// Seals the secrets of every organisation's connections with the current master key: the old one is needed no more only
/// when none is left.
async fn reseal(running: &Running) -> anyhow::Result<()> {
    let keys = super::source::keyring(&running.config)?;
    let now = running.clock.now();
    let (mut done, mut told) = (0, 0);
    for (org, slug) in running.db.organisations().await? {
        let mut tx = running.db.org(org).await?;
        let connections = sources::reseal(&mut tx, org, &keys, now).await.with_context(|| {
            format!("the secrets of {slug} could not be sealed anew: keep the old key and run this again")
        })?;
        let webhooks = endpoints::reseal(&mut tx, org, &keys, now).await.with_context(|| {
            format!("the secrets of the webhooks of {slug} could not be sealed anew: keep the old key and run this again")
        })?;
        let mut entry = audit::NewEntry::by_operator("key.rotated", "master_key", keys.key_id(), now);
        entry.after = Some(json!({ "connections": connections, "webhooks": webhooks }));
        audit::append(&mut tx, org, &entry).await?;
        tx.commit().await?;
        done += connections;
        told += webhooks;
    }
    line(format_args!("the secrets of {done} connections are sealed with the key {}", keys.key_id()));
    line(format_args!("the secrets of {told} webhooks are sealed with the key {}", keys.key_id()));
    Ok(())
}

/// Ends an active key, on the record.
async fn end_key(
    tx: &mut OrgTx,
    org: OrgId,
    prefix: &str,
    now: Timestamp,
) -> anyhow::Result<credentials::ApiKey> {
    let keys = credentials::api_keys(tx, org).await?;
    let key = keys.into_iter().find(|key| {
        key.prefix == prefix && key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now)
    });
    let key = key.with_context(|| format!("there is no active key '{prefix}'; see `adjutant key list`"))?;
    credentials::revoke_api_key(tx, org, key.id, now).await?;
    let entry = audit::NewEntry::by_operator("key.revoked", "api_key", key.id, now);
    audit::append(tx, org, &entry).await?;
    Ok(key)
}

/// What the record says of a new member: no role before, this one and these grants now.
fn role_given(member: MemberId, role: Role, grants: &[String], at: Timestamp) -> audit::NewEntry {
    let mut entry = audit::NewEntry::by_operator("role.changed", "member", member, at);
    entry.before = Some(json!({"role": null, "grants": []}));
    entry.after = Some(json!({"role": role, "grants": grants}));
    entry
}

/// Signs a member in on the server's own machine; on the record.
pub async fn new_session(
    tx: &mut OrgTx,
    running: &Running,
    org: OrgId,
    member: MemberId,
) -> anyhow::Result<SecretString> {
    let now = running.clock.now();
    let token = credentials::new_session_token(&mut rand::rng());
    credentials::create_session(tx, org, member, &token, now, now.checked_add(SESSION_HOURS.hours())?)
        .await?;
    audit::append(tx, org, &audit::NewEntry::by_operator("session.created", "member", member, now)).await?;
    Ok(token)
}

/// Everything the member may do and a key may hold.
async fn member_scopes(
    tx: &mut OrgTx,
    org: &Organisation,
    member: MemberId,
) -> anyhow::Result<BTreeSet<Permission>> {
    let actor = rows::actor(tx, org.id, member, Surface::Cli, Credential::Session)
        .await?
        .context("this member is not active")?;
    Ok(actor.permissions.into_iter().filter(|p| !NEVER_IN_A_KEY.contains(p)).collect())
}

/// The one member a name or an e-mail means.
pub async fn find_member(tx: &mut OrgTx, org: OrgId, text: &str) -> anyhow::Result<rows::Member> {
    let mut found = rows::find_members(tx, org, text).await?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let names: Vec<String> = rows::members(tx, org).await?.into_iter().map(|m| m.name).collect();
            bail!("nobody here is called '{text}'; there are: {}", names.join(", "))
        }
        _ => {
            let names: Vec<String> = found.into_iter().map(|m| m.name).collect();
            bail!("'{text}' could be {}; give the whole name or the e-mail", names.join(" or "))
        }
    }
}

/// `U…` in the one workspace that is on record, or `T…/U…`: the workspace and the user.
async fn slack_user(tx: &mut OrgTx, org: OrgId, text: &str) -> anyhow::Result<(String, String)> {
    let is_id = |text: &str, first: &[char]| {
        text.starts_with(first) && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let (team, user) = match text.split_once('/') {
        Some((team, user)) => (Some(team), user),
        None => (None, text),
    };
    if !is_id(user, &['U', 'W']) || !team.is_none_or(|team| is_id(team, &['T', 'E'])) {
        bail!("'{text}' is no user of Slack; write the member id that a profile shows, such as U0123ABCD");
    }
    let known: Vec<String> = installs::all(tx, org).await?.into_iter().map(|install| install.team).collect();
    match (team, known.as_slice()) {
        (_, []) => bail!("no workspace is on record yet; start the server once with SLACK_BOT_TOKEN"),
        (Some(team), known) if known.iter().any(|one| one == team) => Ok((team.to_owned(), user.to_owned())),
        (None, [team]) => Ok((team.clone(), user.to_owned())),
        (Some(team), known) => bail!("workspace {team} is not on record; there is: {}", known.join(", ")),
        (None, known) => bail!("say in which workspace: one of {}, as in T0123/{user}", known.join(", ")),
    }
}

/// "Ada Ott <ada@fernhill.example>" → name and address.
fn person(text: &str) -> anyhow::Result<(&str, &str)> {
    let (name, rest) =
        text.split_once('<').context("write a person as \"Ada Ott <ada@fernhill.example>\"")?;
    let email = rest.trim_end().strip_suffix('>').unwrap_or(rest).trim();
    if name.trim().is_empty() || !email.contains('@') || email.contains(char::is_whitespace) {
        bail!("write a person as \"Ada Ott <ada@fernhill.example>\"");
    }
    Ok((name.trim(), email))
}
