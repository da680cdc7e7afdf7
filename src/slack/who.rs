//! Who is asking: (team, user) → member, with the roles of this moment.
//!
//! A link is made by a verified e-mail address or by a one-time code (`link`). Guests, people of other organisations and
//! apps are told politely that they are not served, unless the configuration allows them by name; then they still need a
//! link by code. In a channel shared with another organisation nobody is answered until an administrator has consented.
use super::api::ApiError;
use super::wire::{ChannelKind, Origin};
use super::{Slack, notice};
use crate::access::{Actor, Credential, Surface};
use crate::db::slack::people::VerifiedBy;
use crate::db::slack::{installs, people as identities};
use crate::db::{audit, cards, outbox, people};
use crate::ids::{MemberId, OrgId, OutboxId};
use crate::period::local_day;
use jiff::tz::TimeZone;
use moka::future::Cache;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long what Slack says about users and channels is believed.
const BELIEVED: Duration = Duration::from_secs(300);

/// Who stands behind an envelope.
#[derive(Clone, Debug)]
pub enum Who {
    /// An active member, on surface Slack.
    Member(Actor),
    /// A person of our workspace whom no member is linked to.
    Unlinked,
    /// A guest of the workspace.
    Guest,
    /// From another organisation, through Slack Connect.
    Foreign,
    Bot,
    /// The channel is shared with another organisation, and no administrator has consented.
    ChannelNotAllowed,
}

/// What Slack says about a user.
#[derive(Clone, Debug, Default)]
struct Person {
    bot: bool,
    guest: bool,
    stranger: bool,
    team: Option<String>,
    enterprise: Option<String>,
    /// Only where Slack has confirmed it.
    email: Option<String>,
}

/// What was heard about users and channels lately.
#[derive(Clone)]
pub(crate) struct Hearsay {
    people: Cache<(String, String), Arc<Person>>,
    /// Whether a channel is shared with another organisation, where Slack said so.
    channels: Cache<(String, String), bool>,
}

/// Who can read along in a channel, as far as Slack tells us.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Readers {
    Ours,
    /// Another organisation too, now or as soon as it accepts.
    Others,
    /// Slack does not show us the channel, with this word: we are not in it, or the scope is missing.
    Unknown(String),
}

impl Default for Hearsay {
    fn default() -> Self {
        Self { people: believed(), channels: believed() }
    }
}

fn believed<V: Clone + Send + Sync + 'static>() -> Cache<(String, String), V> {
    Cache::builder().max_capacity(10_000).time_to_live(BELIEVED).build()
}

impl Hearsay {
    /// Forgets everything: after somebody was linked, or let in.
    pub fn forget(&self) {
        self.people.invalidate_all();
        self.channels.invalidate_all();
    }
}

impl Slack {
    /// Resolves the asker now; nothing is remembered from earlier clicks but the link itself.
    pub async fn who(&self, org: OrgId, origin: &Origin) -> anyhow::Result<Who> {
        if !self.may_answer_in(org, origin).await? {
            return Ok(Who::ChannelNotAllowed);
        }
        self.person(org, origin).await
    }

    /// Somebody the configuration lets in although a guest, an app or from elsewhere.
    pub(crate) fn is_allowed(&self, origin: &Origin) -> bool {
        let full = format!("{}/{}", origin.user_team.as_deref().unwrap_or(&origin.team), origin.user);
        self.inner.settings.allow.iter().any(|one| *one == origin.user || *one == full)
    }

    /// The asker, wherever it is.
    pub(crate) async fn person(&self, org: OrgId, origin: &Origin) -> anyhow::Result<Who> {
        let allowed = self.is_allowed(origin);
        if origin.user.is_empty() || (origin.is_bot && !allowed) {
            return Ok(Who::Bot);
        }
        let elsewhere = origin.user_team.as_ref().is_some_and(|team| *team != origin.team);
        if elsewhere && origin.enterprise.is_none() && !allowed {
            return Ok(Who::Foreign);
        }
        let mut email = None;
        if !allowed {
            let Some(person) = self.ask_about(origin).await? else { return Ok(Who::Unlinked) };
            let same_enterprise = person.enterprise.is_some() && person.enterprise == origin.enterprise;
            let other_team = person.team.as_ref().is_some_and(|team| *team != origin.team);
            if person.bot {
                return Ok(Who::Bot);
            }
            if person.stranger || (other_team && !same_enterprise) {
                return Ok(Who::Foreign);
            }
            if person.guest {
                return Ok(Who::Guest);
            }
            email.clone_from(&person.email);
        }
        let mut tx = self.inner.app.db.org(org).await?;
        let known = identities::linked(&mut tx, org, &origin.team, &origin.user).await?;
        let member = match (known, email) {
            (Some((member, _)), _) => Some(member),
            (None, Some(email)) => identities::member_by_email(&mut tx, org, &email).await?,
            (None, None) => None,
        };
        let Some(member) = member else { return Ok(Who::Unlinked) };
        let actor = people::actor(&mut tx, org, member, Surface::Slack, Credential::Session).await?;
        if let (None, Some(actor)) = (known, &actor) {
            self.link(&mut tx, actor, origin, member, VerifiedBy::Email).await?;
        }
        tx.commit().await?;
        Ok(actor.map_or(Who::Unlinked, Who::Member))
    }

    /// Links and puts it on the record.
    pub(crate) async fn link(
        &self,
        tx: &mut crate::db::OrgTx,
        actor: &Actor,
        origin: &Origin,
        member: MemberId,
        by: VerifiedBy,
    ) -> anyhow::Result<()> {
        let now = self.inner.app.clock.now();
        let who = (origin.team.as_str(), origin.user.as_str());
        if identities::link(tx, actor.org, who, member, by, now).await? {
            let mut entry = audit::NewEntry::by(actor, "identity.linked", "member", member, now);
            entry.after = Some(json!({"surface": "slack", "team": who.0, "user": who.1, "verified_by": by}));
            audit::append(tx, actor.org, &entry).await?;
        }
        Ok(())
    }

    /// Not shared with another organisation, or allowed by an administrator. In a channel that Slack does not show us only
    /// who typed or clicked is answered, through the address that this brought: nobody else reads that.
    pub(crate) async fn may_answer_in(&self, org: OrgId, origin: &Origin) -> anyhow::Result<bool> {
        let Some(channel) = origin.channel.as_ref().filter(|_| origin.channel_kind != ChannelKind::Dm) else {
            return Ok(true);
        };
        let readers =
            if origin.shared_channel { Readers::Others } else { self.readers(&origin.team, channel).await? };
        match readers {
            Readers::Ours => Ok(true),
            Readers::Others => self.is_allowed_in(org, &origin.team, channel).await,
            Readers::Unknown(_) => Ok(origin.response_url.is_some()),
        }
    }

    /// Whether a private answer may be put before everybody in its channel: not where nobody can say who that is.
    pub(crate) async fn may_share_in(&self, org: OrgId, team: &str, channel: &str) -> anyhow::Result<bool> {
        if channel.starts_with('D') {
            return Ok(true);
        }
        Ok(match self.readers(team, channel).await? {
            Readers::Ours => true,
            Readers::Others => self.is_allowed_in(org, team, channel).await?,
            Readers::Unknown(_) => false,
        })
    }

    /// The same for what nobody asked for at this moment: cards, and what is pushed. `channel` may be a person. Where Slack
    /// does not show us the channel, what it said is the error.
    pub(crate) async fn may_speak_in(&self, org: OrgId, channel: &str) -> anyhow::Result<bool> {
        if channel.starts_with(['D', 'U', 'W']) {
            return Ok(true);
        }
        let mut tx = self.inner.app.db.org(org).await?;
        let team = cards::workspace(&mut tx, org).await?;
        tx.commit().await?;
        let Some(team) = team else { return Ok(true) };
        match self.readers(&team, channel).await? {
            Readers::Ours => Ok(true),
            Readers::Others => self.is_allowed_in(org, &team, channel).await,
            Readers::Unknown(code) => Err(ApiError::Refused { code, detail: Vec::new() }.into()),
        }
    }

    /// Whether an administrator has consented to answers in a shared channel.
    async fn is_allowed_in(&self, org: OrgId, team: &str, channel: &str) -> anyhow::Result<bool> {
        let mut tx = self.inner.app.db.org(org).await?;
        let install = installs::get(&mut tx, org, team).await?;
        tx.commit().await?;
        Ok(install.is_some_and(|install| install.shared_channels.get(channel).is_some()))
    }

    /// Payloads of clicks and commands do not say whether their channel is shared. What Slack does not say is asked again
    /// the next time: we may be in the channel by then.
    async fn readers(&self, team: &str, channel: &str) -> anyhow::Result<Readers> {
        let of = |shared: bool| if shared { Readers::Others } else { Readers::Ours };
        let key = (team.to_owned(), channel.to_owned());
        if let Some(known) = self.inner.hearsay.channels.get(&key).await {
            return Ok(of(known));
        }
        let shared = match self.inner.api.call("conversations.info", &json!({"channel": channel})).await {
            Ok(answer) => {
                let channel = &answer["channel"];
                is(channel, "is_ext_shared") || is(channel, "is_pending_ext_shared")
            }
            Err(ApiError::Refused { code, .. }) => return Ok(Readers::Unknown(code)),
            Err(other) => return Err(other.into()),
        };
        self.inner.hearsay.channels.insert(key, shared).await;
        Ok(of(shared))
    }

    /// `None`: Slack does not know the user, or does not show them to us.
    async fn ask_about(&self, origin: &Origin) -> anyhow::Result<Option<Arc<Person>>> {
        let key = (origin.team.clone(), origin.user.clone());
        if let Some(known) = self.inner.hearsay.people.get(&key).await {
            return Ok(Some(known));
        }
        let answer = match self.inner.api.call("users.info", &json!({"user": origin.user})).await {
            Ok(answer) => answer,
            Err(ApiError::Refused { code, .. }) if code.starts_with("user_not_") => return Ok(None),
            Err(other) => return Err(other.into()),
        };
        let person = Arc::new(Person::read(&answer["user"]));
        self.inner.hearsay.people.insert(key, Arc::clone(&person)).await;
        Ok(Some(person))
    }

    /// Says politely why there is no answer: to guests and people of other organisations, to whom no member is linked,
    /// to apps once a day. In a channel shared without consent nothing is said but to who typed a command.
    pub async fn refuse(
        &self,
        org: OrgId,
        event_key: &str,
        origin: &Origin,
        who: &Who,
    ) -> anyhow::Result<()> {
        let now = self.inner.app.clock.now();
        let words = match who {
            Who::Member(_) => return Ok(()),
            Who::Unlinked => {
                "I do not know yet who you are. Ask an administrator of Adjutant for a one-time code, then type \
                 `/adjutant link CODE`."
            }
            Who::Guest => {
                "Sorry, I answer members of this workspace only, not its guests. An administrator can let you in."
            }
            Who::Foreign => {
                "Sorry, I answer people of the organisation I work for only. An administrator can let you in."
            }
            Who::Bot => "Sorry, I talk to people, not to apps.",
            Who::ChannelNotAllowed if origin.response_url.is_some() => {
                "This channel is shared with another organisation, so I say nothing here until an administrator types \
                 `/adjutant allow`. You can ask me in a direct message."
            }
            Who::ChannelNotAllowed => return Ok(()),
        };
        if let Some(url) = &origin.response_url {
            let body = json!({"response_type": "ephemeral", "replace_original": false, "text": words});
            return Ok(self.inner.api.respond(url, &body).await?);
        }
        let out = if matches!(who, Who::Bot) {
            let day = local_day(now, &TimeZone::UTC);
            let channel = origin.channel.as_deref().unwrap_or_default();
            notice::in_thread(origin, words, format!("refused:{}:{channel}:{day}", origin.user))
        } else {
            notice::to_person(origin, words, format!("refused:{event_key}"))
        };
        let Some(out) = out else { return Ok(()) };
        let mut tx = self.inner.app.db.org(org).await?;
        outbox::enqueue(&mut tx, org, OutboxId::new(&*self.inner.app.clock), &out, now).await?;
        tx.commit().await?;
        self.inner.outbox_wake.notify_one();
        Ok(())
    }
}

impl Person {
    fn read(user: &Value) -> Self {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let confirmed = is(user, "is_email_confirmed");
        Self {
            bot: is(user, "is_bot") || user["id"] == "USLACKBOT",
            guest: is(user, "is_restricted") || is(user, "is_ultra_restricted"),
            stranger: is(user, "is_stranger"),
            team: text(&user["team_id"]),
            enterprise: text(&user["enterprise_user"]["enterprise_id"]),
            email: text(&user["profile"]["email"]).filter(|_| confirmed),
        }
    }
}

fn is(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}
