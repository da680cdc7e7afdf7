//! `/adjutant settings`: what is pushed to which channel. Everybody may look, administrators change.
use super::api::ApiError;
use super::blocks::kit::{self, plain_text};
use super::blocks::{Message, Mrkdwn, Plain, mrkdwn, plain};
use super::cards::grammar::without_mention;
use super::cards::reply::{Place, line, not_a_member, ours, whisper, words};
use super::who::Who;
use super::wire::{ActionItem, ChannelKind, Inbound, Origin};
use super::{Handled, Slack, notify};
use crate::access::{Actor, Permission};
use crate::db::audit::{self, NewEntry};
use crate::db::notices::{self, NoticeKind, NoticeMode, Setting};
use crate::ids::OrgId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Takes `/adjutant settings` and its views (ids `settings.…`).
pub(crate) async fn handle(
    slack: &Slack,
    org: OrgId,
    _event_key: &str,
    inbound: &Inbound,
) -> anyhow::Result<Handled> {
    match inbound {
        Inbound::Command { origin, command, text } if command == "/adjutant" => {
            let mut said = text.split_whitespace();
            if said.next() != Some("settings") {
                return Ok(Handled::No);
            }
            let said: Vec<&str> = said.collect();
            let Some(desk) = Desk::open(slack, org, origin).await? else { return Ok(Handled::Yes) };
            desk.command(&said).await?;
        }
        Inbound::Said { origin, text, mentioned, .. }
            if *mentioned || origin.channel_kind == ChannelKind::Dm =>
        {
            let words = without_mention(text.trim());
            let words = words.strip_prefix("/adjutant").or(words.strip_prefix("adjutant")).unwrap_or(words);
            let said: Vec<&str> = words.split_whitespace().collect();
            let ["settings", said @ ..] = said.as_slice() else { return Ok(Handled::No) };
            // "settings" among other words is a question.
            if said.len() > 3 {
                return Ok(Handled::No);
            }
            let Some(desk) = Desk::open(slack, org, origin).await? else { return Ok(Handled::Yes) };
            desk.command(said).await?;
        }
        Inbound::Action { origin, actions, .. } => {
            let Some(item) = actions.iter().find(|item| item.action_id.starts_with("settings.")) else {
                return Ok(Handled::No);
            };
            let Some(desk) = Desk::open(slack, org, origin).await? else { return Ok(Handled::Yes) };
            desk.clicked(item).await?;
        }
        Inbound::Submission { origin, callback_id, private_metadata, values, .. }
            if callback_id == "settings.redirect" =>
        {
            let Some(desk) = Desk::open(slack, org, origin).await? else { return Ok(Handled::Yes) };
            desk.redirected(private_metadata, values).await?;
        }
        Inbound::Submission { .. }
        | Inbound::Said { .. }
        | Inbound::Command { .. }
        | Inbound::Shortcut { .. }
        | Inbound::Closed { .. }
        | Inbound::HomeOpened { .. }
        | Inbound::ContextChanged { .. }
        | Inbound::AssistantStarted { .. }
        | Inbound::Stopped { .. }
        | Inbound::Uninstalled { .. }
        | Inbound::TokensRevoked { .. }
        | Inbound::Challenge(_)
        | Inbound::SslCheck
        | Inbound::Own
        | Inbound::Unknown { .. } => return Ok(Handled::No),
    }
    Ok(Handled::Yes)
}

/// What a view about one setting carries.
#[derive(Serialize, Deserialize)]
struct About {
    kind: NoticeKind,
    channel: String,
}

struct Desk<'a> {
    slack: &'a Slack,
    org: OrgId,
    actor: Actor,
    place: Place,
    trigger: Option<&'a str>,
}

impl<'a> Desk<'a> {
    /// Whoever is no member is told so.
    async fn open(slack: &'a Slack, org: OrgId, origin: &'a Origin) -> anyhow::Result<Option<Self>> {
        let place = Place::of(origin);
        match slack.who(org, origin).await? {
            Who::Member(actor) => {
                Ok(Some(Self { slack, org, actor, place, trigger: origin.trigger_id.as_deref() }))
            }
            other @ (Who::Unlinked | Who::Guest | Who::Foreign | Who::Bot | Who::ChannelNotAllowed) => {
                if let Some(words) = not_a_member(&other, &place) {
                    whisper(slack, &place, &words).await;
                }
                Ok(None)
            }
        }
    }

    async fn say(&self, message: &Message) {
        whisper(self.slack, &self.place, message).await;
    }

    /// Roles as of now, not of when the menus were shown.
    async fn may_change(&self) -> bool {
        let may = self.actor.may(Permission::SettingsManage);
        if !may {
            self.say(&ours("Only an administrator changes what is sent to a channel. Nothing was changed."))
                .await;
        }
        may
    }

    /// `settings`, `settings digest on`, `settings alert redirect #channel`, `settings test digest`.
    async fn command(&self, said: &[&str]) -> anyhow::Result<()> {
        match said {
            [] => self.show().await,
            ["test", kind @ ..] => {
                let kind = kind.first().map_or(Ok(NoticeKind::Digest), |word| word.parse());
                match kind {
                    Ok(kind) => self.test(kind).await,
                    Err(_) => self.usage().await,
                }
            }
            [kind, mode] => match (kind.parse(), mode.parse()) {
                (Ok(kind), Ok(mode @ (NoticeMode::On | NoticeMode::Off))) => self.set(kind, mode, None).await,
                _ => self.usage().await,
            },
            [kind, "redirect", to] => match (kind.parse(), channel_of(to)) {
                (Ok(kind), Some(target)) => self.set(kind, NoticeMode::Redirect, Some(target)).await,
                _ => self.usage().await,
            },
            _ => self.usage().await,
        }
    }

    async fn usage(&self) -> anyhow::Result<()> {
        self.say(&ours(
            "Write `/adjutant settings`, `/adjutant settings digest on`, `… alert off`, `… weekly redirect #channel` or \
             `… test digest`. What can be set: digest, alert, weekly, reminder.",
        ))
        .await;
        Ok(())
    }

    async fn show(&self) -> anyhow::Result<()> {
        let mut tx = self.slack.inner.app.db.org(self.org).await?;
        let settings = notices::settings(&mut tx, self.org, Some(&self.place.channel)).await?;
        drop(tx);
        self.say(&overview(&settings, self.actor.may(Permission::SettingsManage))).await;
        Ok(())
    }

    async fn clicked(&self, item: &ActionItem) -> anyhow::Result<()> {
        if !self.may_change().await {
            return Ok(());
        }
        let chosen = item.selected.as_deref().or(item.value.as_deref()).unwrap_or_default();
        let Some(kind) = item.action_id.strip_prefix("settings.mode.").and_then(|kind| kind.parse().ok())
        else {
            return match item.action_id.strip_prefix("settings.test.").map(str::parse) {
                Some(Ok(kind)) => self.test(kind).await,
                _ => Ok(()),
            };
        };
        match chosen.parse() {
            Ok(NoticeMode::Redirect) => self.ask_where_to(kind).await,
            Ok(mode) => self.set(kind, mode, None).await,
            Err(_) => Ok(()),
        }
    }

    async fn ask_where_to(&self, kind: NoticeKind) -> anyhow::Result<()> {
        let Some(trigger) = self.trigger else { return Ok(()) };
        let about = json!(About { kind, channel: self.place.channel.clone() }).to_string();
        let view = where_to(kind, &about);
        let opened =
            self.slack.inner.api.call("views.open", &json!({"trigger_id": trigger, "view": view})).await;
        if opened.is_err() {
            self.say(&ours("Slack could not open the form in time. Please choose again.")).await;
        }
        Ok(())
    }

    async fn redirected(&self, about: &str, values: &Value) -> anyhow::Result<()> {
        let Ok(about) = serde_json::from_str::<About>(about) else { return Ok(()) };
        let picked = values.pointer("/target/value/selected_conversation").and_then(Value::as_str);
        let desk = Desk {
            place: Place { channel: about.channel, ..self.place.clone() },
            slack: self.slack,
            actor: self.actor.clone(),
            ..*self
        };
        match picked.and_then(channel_of) {
            Some(target) => desk.set(about.kind, NoticeMode::Redirect, Some(target)).await,
            None => desk.usage().await,
        }
    }

    /// Writes it down, on the record.
    async fn set(&self, kind: NoticeKind, mode: NoticeMode, target: Option<String>) -> anyhow::Result<()> {
        if !self.may_change().await {
            return Ok(());
        }
        let app = &self.slack.inner.app;
        let now = app.clock.now();
        let channel = &self.place.channel;
        let mut tx = app.db.org(self.org).await?;
        let before = notices::settings(&mut tx, self.org, Some(channel)).await?;
        let before = before.into_iter().find(|setting| setting.kind == kind);
        let after = Setting { kind, channel_ref: channel.clone(), mode, target };
        notices::set(&mut tx, self.org, &after, now).await?;
        let mut entry = NewEntry::by(&self.actor, "settings.changed", "channel", channel, now);
        entry.before = before.map(|s| json!({"kind": kind, "mode": s.mode, "target": s.target}));
        entry.after = Some(json!({"kind": kind, "mode": mode, "target": after.target}));
        audit::append(&mut tx, self.org, &entry).await?;
        tx.commit().await?;
        self.say(&said_again(&after)).await;
        Ok(())
    }

    /// Straight to the channel, so that the answer says whether it arrived.
    async fn test(&self, kind: NoticeKind) -> anyhow::Result<()> {
        if !self.may_change().await {
            return Ok(());
        }
        let inner = &self.slack.inner;
        match notify::test(&inner.api, &*inner.app.clock, kind, &self.place.channel).await {
            Ok(()) => Ok(()),
            Err(error @ (ApiError::Limited { .. } | ApiError::Broken(_))) => Err(error.into()),
            Err(error) => {
                let hint = "Invite the app to the channel and try again.";
                self.say(&words(&format!("The test message did not arrive: {error}. {hint}"))).await;
                Ok(())
            }
        }
    }
}

/// `C0123` or, as Slack writes a channel in a command, `<#C0123|name>`.
fn channel_of(text: &str) -> Option<String> {
    let inner = text.strip_prefix("<#").and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let id = inner.split('|').next().unwrap_or_default();
    let known = id.starts_with(['C', 'G', 'D']) && id.len() >= 2;
    (known && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())).then(|| id.to_owned())
}

fn name(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Digest => "Daily digest",
        NoticeKind::Alert => "Alerts",
        NoticeKind::Weekly => "Weekly summary",
        NoticeKind::Reminder => "Drafts that wait for review",
    }
}

fn what(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Digest => "every morning at nine: what was found, and that all is clear when nothing was",
        NoticeKind::Alert => "at once, one message an incident, brought up to date until it is over",
        NoticeKind::Weekly => "on Mondays",
        NoticeKind::Reminder => {
            "cards of drafts that were asked for elsewhere, and reminders of those shown here"
        }
    }
}

fn in_words(setting: Option<&Setting>) -> Mrkdwn {
    match setting.map(|s| (s.mode, s.target.as_deref())) {
        None => Mrkdwn::ours("not set"),
        Some((NoticeMode::On, _)) => Mrkdwn::ours("on"),
        Some((NoticeMode::Off, _)) => Mrkdwn::ours("off"),
        Some((NoticeMode::Redirect, target)) => {
            let target = target.map(Mrkdwn::channel).unwrap_or_default();
            Mrkdwn::fill("sent to {} instead", &[target])
        }
    }
}

fn said_again(setting: &Setting) -> Message {
    let kind = name(setting.kind);
    let text = Mrkdwn::fill("{}: {}.", &[Mrkdwn::ours(kind).bold(), in_words(Some(setting))]);
    line(text, &Plain::fill("{}: {}", &[Plain::ours(kind), plain(setting.mode.as_str())]))
}

fn overview(settings: &[Setting], may_change: bool) -> Message {
    let title = Plain::ours("What is sent to this channel");
    let mut blocks = vec![kit::header(&title)];
    for kind in NoticeKind::ALL {
        let setting = settings.iter().find(|setting| setting.kind == *kind);
        let parts = [Mrkdwn::ours(name(*kind)), in_words(setting), Mrkdwn::ours(what(*kind))];
        let text = Mrkdwn::fill("*{}*: {}\n{}", &parts);
        if may_change {
            blocks.push(kit::section_with(&text, menu(*kind, setting)));
        } else {
            blocks.extend(kit::sections(&text));
        }
    }
    if may_change {
        let tests = NoticeKind::ALL.iter().filter_map(|kind| {
            let label = Plain::fill("Test {}", &[plain(kind.as_str())]);
            // One action id a button, or Slack refuses the block.
            kit::button(&format!("settings.test.{kind}"), &label, "", kit::Look::Usual)
        });
        blocks.extend(kit::actions("settings", tests.collect()));
    } else {
        blocks.extend(kit::context(&[Mrkdwn::ours("An administrator can change this.")]));
    }
    Message::new(&title, blocks)
}

fn menu(kind: NoticeKind, setting: Option<&Setting>) -> Value {
    let option = |mode: NoticeMode| {
        let label = match mode {
            NoticeMode::On => "On",
            NoticeMode::Off => "Off",
            NoticeMode::Redirect => "Send elsewhere…",
        };
        json!({"text": plain_text(&Plain::ours(label), 75), "value": mode})
    };
    let mut menu = json!({
        "type": "static_select",
        "action_id": format!("settings.mode.{kind}"),
        "placeholder": plain_text(&Plain::ours("Choose"), 150),
        "options": NoticeMode::ALL.iter().map(|mode| option(*mode)).collect::<Vec<_>>(),
    });
    if let Some(setting) = setting {
        menu["initial_option"] = option(setting.mode);
    }
    menu
}

fn where_to(kind: NoticeKind, about: &str) -> Value {
    let pick = json!({
        "type": "conversations_select", "action_id": "value",
        "filter": {"include": ["public", "private"], "exclude_bot_users": true},
    });
    let intro = Mrkdwn::fill("*{}*: to which channel instead?", &[mrkdwn(name(kind))]);
    let mut blocks = kit::sections(&intro);
    blocks.push(json!({
        "type": "input", "block_id": "target", "element": pick,
        "label": plain_text(&Plain::ours("Channel"), 2_000),
    }));
    json!({
        "type": "modal", "callback_id": "settings.redirect", "private_metadata": about, "blocks": blocks,
        "title": plain_text(&Plain::ours("Send elsewhere"), 24),
        "submit": plain_text(&Plain::ours("Save"), 24),
        "close": plain_text(&Plain::ours("Cancel"), 24),
    })
}
