//! What people do: say, mention, command, click, choose, fill in, look at the home tab.
use super::deliver::Kind;
use super::options::{BOT_USER, ChannelKind, Person, TEAM};
use super::workspace::{Message, Outcome, ResponseUrl, StreamState, Trigger, View, Workspace};
use super::{FakeSlack, fill, payload};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// What was named is not there: a person, a channel, a message, a button.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NotThere(pub String);

pub(super) fn absent<T>(what: &str, name: &str) -> Result<T, NotThere> {
    Err(NotThere(format!("there is no {what} '{name}'")))
}

/// How a submitted modal ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Submitted {
    /// Slack's client did not send it: these blocks need a value.
    Blank(Vec<String>),
    /// The modal closed.
    Closed,
    /// Messages at blocks.
    Errors(Value),
    /// Another view is shown, or all are gone.
    Changed,
    /// The app did not acknowledge.
    Failed(Outcome),
}

fn person(ws: &Workspace, who: &str) -> Result<Person, NotThere> {
    ws.person(who).cloned().map_or_else(|| absent("person", who), Ok)
}

/// The id of a channel by id or name; `@app` is the person's conversation with the app.
fn place(ws: &mut Workspace, user: &str, channel: &str) -> Result<String, NotThere> {
    match channel {
        "@app" => Ok(ws.dm(user)),
        _ => ws.channel(channel).map(|c| c.id.clone()).map_or_else(|| absent("channel", channel), Ok),
    }
}

fn new_trigger(ws: &mut Workspace, now: Timestamp, user: &str, view: Option<&str>) -> String {
    let id = ws.next_id("trigger.");
    let trigger = Trigger { user: user.to_owned(), issued: now, used: false, view: view.map(str::to_owned) };
    ws.triggers.insert(id.clone(), trigger);
    id
}

impl FakeSlack {
    fn act<T>(
        &self,
        work: impl FnOnce(&mut Workspace, Timestamp) -> Result<T, NotThere>,
    ) -> Result<T, NotThere> {
        self.shared.change(work)
    }

    fn response_url(&self, ws: &mut Workspace, now: Timestamp, user: &str, at: &Place<'_>) -> String {
        let id = ws.next_id("response");
        let url = ResponseUrl {
            channel: at.channel.to_owned(),
            user: user.to_owned(),
            message: at.message.map(str::to_owned),
            issued: now,
            uses: 0,
        };
        ws.response_urls.insert(id.clone(), url);
        format!("{}/response/{id}", self.shared.url)
    }

    /// Writes a line into a channel; `@adjutant` in it is a mention. Returns its ts.
    pub fn say(&self, user: &str, channel: &str, text: &str) -> Result<String, NotThere> {
        self.write(user, channel, None, text)
    }

    /// Mentions the app in a channel.
    pub fn mention(&self, user: &str, channel: &str, text: &str) -> Result<String, NotThere> {
        self.say(user, channel, &format!("@adjutant {text}"))
    }

    /// Writes to the app in the person's own conversation with it.
    pub fn dm(&self, user: &str, text: &str) -> Result<String, NotThere> {
        self.say(user, "@app", text)
    }

    /// Writes into the thread of a message.
    pub fn reply(&self, user: &str, to: &Message, text: &str) -> Result<String, NotThere> {
        let parent = to.thread_ts.as_deref().unwrap_or(&to.ts);
        self.write(user, &to.channel, Some(parent), text)
    }

    /// Writes into a thread by the ts of its parent.
    pub fn reply_at(
        &self,
        user: &str,
        channel: &str,
        thread_ts: &str,
        text: &str,
    ) -> Result<String, NotThere> {
        self.write(user, channel, Some(thread_ts), text)
    }

    fn write(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Result<String, NotThere> {
        let (event, ts, mentioned) = self.act(|ws, now| {
            let who = person(ws, user)?;
            let channel = place(ws, &who.id, channel)?;
            let text = text.replace("@adjutant", &format!("<@{BOT_USER}>"));
            let message = Message {
                channel,
                ts: ws.next_ts(now),
                thread_ts: thread.map(str::to_owned),
                user: who.id,
                text,
                markdown: false,
                blocks: Vec::new(),
                files: Vec::new(),
                ephemeral_to: None,
                edited: false,
                deleted: false,
                metadata: Value::Null,
                stream: None,
                reactions: BTreeSet::new(),
            };
            let event = payload::message_event(ws, &message);
            let dm = ws.channels.get(&message.channel).is_some_and(|c| c.kind == ChannelKind::Dm);
            let mentioned = !dm && message.text.contains(&format!("<@{BOT_USER}>"));
            let ts = message.ts.clone();
            ws.messages.push(message);
            Ok((event, ts, mentioned))
        })?;
        if self.shared.hears(event["channel"].as_str().unwrap_or_default()) {
            self.shared.event(event.clone());
            if mentioned {
                self.shared.event(payload::mention_event(&event));
            }
        }
        Ok(ts)
    }

    /// Changes the words of one's own message.
    pub fn edit(&self, message: &Message, text: &str) -> Result<(), NotThere> {
        let event = self.act(|ws, _| {
            let found = ws.message_mut(&message.channel, &message.ts);
            let Some(found) = found else { return absent("message", &message.ts) };
            text.clone_into(&mut found.text);
            found.edited = true;
            let found = found.clone();
            Ok(payload::changed_event(ws, &found))
        })?;
        self.shared.echo(event);
        Ok(())
    }

    /// Types a slash command. Slack offers none inside threads.
    pub fn command(&self, user: &str, channel: &str, command: &str, text: &str) -> Result<(), NotThere> {
        let known = &self.options().commands;
        if !known.is_empty() && !known.iter().any(|c| c == command) {
            return absent("command", command);
        }
        let body = self.act(|ws, now| {
            let who = person(ws, user)?;
            let channel = place(ws, &who.id, channel)?;
            let name = match ws.channels.get(&channel) {
                Some(c) if c.kind != ChannelKind::Dm => c.name.clone(),
                _ => "directmessage".to_owned(),
            };
            let trigger = new_trigger(ws, now, &who.id, None);
            let at = Place { channel: &channel, message: None };
            let url = self.response_url(ws, now, &who.id, &at);
            Ok(payload::command(&who, (&channel, &name), command, text, &trigger, &url))
        })?;
        self.shared.post(Kind::Command, body, None);
        Ok(())
    }

    /// Chooses a shortcut from the menu of a message.
    pub fn shortcut(&self, user: &str, message: &Message, callback_id: &str) -> Result<(), NotThere> {
        let body = self.act(|ws, now| {
            let who = person(ws, user)?;
            let trigger = new_trigger(ws, now, &who.id, None);
            let url = self.response_url(ws, now, &who.id, &Place::of(message));
            Ok(payload::shortcut(ws, &who, message, callback_id, &trigger, &url))
        })?;
        self.shared.post(Kind::Interaction, body, None);
        Ok(())
    }

    /// Clicks a button of a message, named by its action id or its label. The message may be an old copy: people click
    /// what their screen still shows.
    pub fn click(&self, user: &str, message: &Message, button: &str) -> Result<(), NotThere> {
        self.use_element(user, message, button, None)
    }

    /// Chooses an option of a menu or select, or gives feedback, by value.
    pub fn choose(&self, user: &str, message: &Message, action: &str, value: &str) -> Result<(), NotThere> {
        self.use_element(user, message, action, Some(value))
    }

    fn use_element(
        &self,
        user: &str,
        message: &Message,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), NotThere> {
        let body = self.act(|ws, now| {
            let who = person(ws, user)?;
            let action = fill::action(&message.blocks, name, value, &ws.next_ts(now))?;
            let trigger = new_trigger(ws, now, &who.id, None);
            let url = self.response_url(ws, now, &who.id, &Place::of(message));
            Ok(payload::message_action(ws, &who, message, &action, &trigger, &url))
        })?;
        self.shared.post(Kind::Interaction, body, None);
        Ok(())
    }

    /// Clicks or chooses in a home tab or a modal.
    pub fn click_view(
        &self,
        user: &str,
        view: &View,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), NotThere> {
        let body = self.act(|ws, now| {
            let who = person(ws, user)?;
            let action = fill::action(view.blocks(), name, value, &ws.next_ts(now))?;
            let modal = (view.body["type"] == "modal").then_some(view.id.as_str());
            let trigger = new_trigger(ws, now, &who.id, modal);
            Ok(payload::view_action(&who, view, &action, &trigger))
        })?;
        self.shared.post(Kind::Interaction, body, None);
        Ok(())
    }

    /// Fills in a modal and submits it. Values are named by block id or action id: text, the value of an option, or a
    /// list of them.
    pub async fn submit(
        &self,
        user: &str,
        view_id: &str,
        values: &[(&str, Value)],
    ) -> Result<Submitted, NotThere> {
        let (body, blank) = self.act(|ws, now| {
            let who = person(ws, user)?;
            let Some(view) = ws.views.get(view_id).cloned() else { return absent("modal", view_id) };
            let (state, blank) = fill::state(view.blocks(), values)?;
            let mut filled = view.body.clone();
            filled["state"] = json!({"values": state});
            let trigger = new_trigger(ws, now, &who.id, Some(view_id));
            Ok((payload::submission(&who, &filled, &trigger), blank))
        })?;
        if !blank.is_empty() {
            return Ok(Submitted::Blank(blank));
        }
        let (done, outcome) = oneshot::channel();
        self.shared.post(Kind::Interaction, body, Some(done));
        Ok(match outcome.await.unwrap_or(Outcome::Unreachable) {
            Outcome::Acknowledged(answer) => match answer["response_action"].as_str() {
                None => Submitted::Closed,
                Some("errors") => Submitted::Errors(answer["errors"].clone()),
                Some(_) => Submitted::Changed,
            },
            other @ (Outcome::Refused(_) | Outcome::Late | Outcome::Unreachable | Outcome::Dropped) => {
                Submitted::Failed(other)
            }
        })
    }

    /// Closes a modal without submitting; the app hears of it when it asked to.
    pub fn close(&self, user: &str, view_id: &str) -> Result<(), NotThere> {
        let body = self.act(|ws, _| {
            let who = person(ws, user)?;
            let Some(view) = ws.views.remove(view_id) else { return absent("modal", view_id) };
            Ok((view.body["notify_on_close"] == true).then(|| payload::closed(&who, &view.body)))
        })?;
        if let Some(body) = body {
            self.shared.post(Kind::Interaction, body, None);
        }
        Ok(())
    }

    /// Opens the app's Home tab.
    pub fn open_home(&self, user: &str) -> Result<(), NotThere> {
        self.opened(user, "home")
    }

    /// Opens the app's Messages tab.
    pub fn open_messages(&self, user: &str) -> Result<(), NotThere> {
        self.opened(user, "messages")
    }

    fn opened(&self, user: &str, tab: &str) -> Result<(), NotThere> {
        let event = self.act(|ws, now| {
            let who = person(ws, user)?;
            let channel = ws.dm(&who.id);
            let mut event = json!({
                "type": "app_home_opened", "user": who.id, "channel": channel, "tab": tab,
                "event_ts": ws.next_ts(now),
            });
            if let Some(home) = ws.homes.get(&who.id).filter(|_| tab == "home") {
                event["view"] = home.body.clone();
            }
            Ok(event)
        })?;
        self.shared.event(event);
        Ok(())
    }

    /// The person looks at a channel beside the app: its context changes.
    pub fn look_at(&self, user: &str, channel: &str) -> Result<(), NotThere> {
        let event = self.act(|ws, now| {
            let who = person(ws, user)?;
            let seen = place(ws, &who.id, channel)?;
            let dm = ws.dm(&who.id);
            Ok(json!({
                "type": "app_context_changed", "user": who.id, "channel": dm, "event_ts": ws.next_ts(now),
                "context": {"entities": [
                    {"type": "slack#/types/channel_id", "value": seen, "team_id": TEAM}]},
            }))
        })?;
        self.shared.event(event);
        Ok(())
    }

    /// Presses the stop that Slack shows while the session of a thread is `processing`: the stream takes nothing more, and
    /// the app is told. The session stays as it is until the app says otherwise.
    pub fn stop_stream(&self, user: &str, message: &Message) -> Result<(), NotThere> {
        let event = self.act(|ws, now| {
            let who = person(ws, user)?;
            let thread = (message.channel.clone(), message.thread_ts.clone().unwrap_or_default());
            if ws.sessions.get(&thread).is_none_or(|status| status != "processing") {
                return absent("stop button in the thread", &thread.1);
            }
            let found = ws.message_mut(&message.channel, &message.ts);
            let Some(stream) = found.and_then(|m| m.stream.as_mut()) else {
                return absent("stream", &message.ts);
            };
            stream.state = StreamState::StoppedByUser;
            Ok(json!({
                "type": "agent_session_stopped", "user": who.id, "channel": message.channel,
                "thread_ts": message.thread_ts, "streaming_message_ts": [message.ts],
                "event_ts": ws.next_ts(now),
            }))
        })?;
        self.shared.event(event);
        Ok(())
    }

    /// Delivers any inner event as it is.
    pub fn event(&self, event: Value) {
        self.shared.event(event);
    }

    /// Delivers any body as it is, and waits for the end of the delivery.
    pub async fn deliver(&self, kind: Kind, body: Value) -> Outcome {
        let (done, outcome) = oneshot::channel();
        self.shared.post(kind, body, Some(done));
        outcome.await.unwrap_or(Outcome::Unreachable)
    }
}

/// Where a response URL points.
struct Place<'a> {
    channel: &'a str,
    message: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(message: &'a Message) -> Self {
        Self { channel: &message.channel, message: Some(&message.ts) }
    }
}
