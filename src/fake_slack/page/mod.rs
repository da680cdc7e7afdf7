//! A page for people: look into the workspace as one of its members, write, click, fill in. Server-rendered; a few lines
//! of script only replace what changed. It uses the same acts as the tests, so the app gets what Slack would send.
mod acts;
mod blocks;
mod figures;
mod guard;
mod modal;
mod rich;
#[cfg(test)]
mod tests;

use super::Shared;
use super::options::{BOT_USER, ChannelKind, Person, TEAM};
use super::workspace::{Message, StreamState, Workspace};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use blocks::Target;
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// How long a request for news is kept open.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(whole))
        .route("/news", get(news))
        .route("/file/{id}", get(file))
        .route("/page.css", get(async || asset("text/css; charset=utf-8", include_str!("page.css"))))
        .route("/page.js", get(async || asset("text/javascript; charset=utf-8", include_str!("page.js"))))
        .route("/act/{what}", post(acts::act))
        .layer(middleware::from_fn(guard::layer))
        .with_state(shared)
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

/// Who looks, and at what: a channel id, `home`, or nothing yet.
#[derive(Clone, Debug, Deserialize)]
pub struct Seat {
    #[serde(rename = "as", default)]
    pub who: String,
    #[serde(default)]
    pub at: String,
    /// The version that the page shows.
    #[serde(default)]
    seen: u64,
}

impl Seat {
    /// The seat with its gaps filled: the first person, the conversation with the app.
    fn filled(&self, ws: &mut Workspace) -> Self {
        let first = ws.people.values().find(|p| plays(p)).map(|p| p.id.clone()).unwrap_or_default();
        let who = ws.person(&self.who).filter(|p| plays(p)).map_or(first, |p| p.id.clone());
        let own = ws.dm(&who);
        let allowed = ws.channels.get(&self.at).is_some_and(|c| c.members.contains(&who));
        let at = if self.at == "home" || allowed { self.at.clone() } else { own };
        Self { who, at, seen: self.seen }
    }

    pub fn link(&self) -> String {
        format!("/?as={}&at={}", self.who, self.at)
    }
}

/// Whether somebody can act as this person.
fn plays(person: &Person) -> bool {
    !person.bot && !person.deleted
}

async fn whole(State(shared): State<Arc<Shared>>, Query(seat): Query<Seat>) -> Markup {
    shared.change(|ws, _| {
        let seat = seat.filled(ws);
        document(ws, &shared, &seat)
    })
}

/// What changed, as soon as something did; 204 when nothing did for a while.
async fn news(State(shared): State<Arc<Shared>>, Query(seat): Query<Seat>) -> Response {
    let look = |ws: &Workspace| (ws.version > seat.seen).then_some(());
    if tokio::time::timeout(PATIENCE, shared.wait_until(look)).await.is_err() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let ws = super::locked(&shared.state);
    changing(&ws, &shared, &seat).into_response()
}

/// An uploaded file: pictures are shown, anything else is downloaded.
async fn file(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let found =
        super::locked(&shared.state).files.get(&id).and_then(|f| Some((f.name.clone(), f.bytes.clone()?)));
    let Some((name, bytes)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let png = bytes.starts_with(b"\x89PNG");
    let kind = if png { "image/png" } else { "application/octet-stream" };
    let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).collect();
    let how = if png { "inline".to_owned() } else { format!("attachment; filename=\"{safe}\"") };
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, how)], bytes).into_response()
}

fn document(ws: &Workspace, shared: &Shared, seat: &Seat) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { "Adjutant in a fake Slack" }
                link rel="stylesheet" href="/page.css";
                script src="/page.js" defer {}
            }
            body {
                nav { (people(ws, seat)) (channels(ws, seat)) }
                main {
                    (changing(ws, shared, seat))
                    @if seat.at != "home" { (composer(shared, seat, None)) }
                }
            }
        }
    }
}

fn people(ws: &Workspace, seat: &Seat) -> Markup {
    html! {
        h2 { "You are" }
        ul {
            @for person in ws.people.values().filter(|p| plays(p)) {
                li {
                    a href={ "/?as=" (person.id) "&at=" (kept(ws, seat, person)) }
                        aria-current=[(person.id == seat.who).then_some("true")] {
                        (person.name)
                        @if person.team != TEAM { " (another company)" }
                        @else if !person.title.is_empty() { " (" (person.title) ")" }
                    }
                }
            }
        }
    }
}

/// The place to go on at when the person changes: the same channel where the other is a member.
fn kept<'a>(ws: &Workspace, seat: &'a Seat, person: &Person) -> &'a str {
    let channel = ws.channels.get(&seat.at);
    let stays = channel.is_some_and(|c| c.kind != ChannelKind::Dm && c.members.contains(&person.id));
    if stays || seat.at == "home" { &seat.at } else { "" }
}

fn channels(ws: &Workspace, seat: &Seat) -> Markup {
    let current = |id: &str| (seat.at == id).then_some("true");
    let own = format!("D{}", seat.who.trim_start_matches(['U', 'W']));
    html! {
        h2 { "Adjutant" }
        ul {
            li {
                form method="post" action="/act/home" {
                    (seat_fields(seat))
                    button.link aria-current=[current("home")] { "Home" }
                }
            }
            li { a href={ "/?as=" (seat.who) "&at=" (own) } aria-current=[current(&own)] { "Messages" } }
        }
        h2 { "Channels" }
        ul {
            @for channel in ws.channels.values()
                .filter(|c| c.kind != ChannelKind::Dm && c.members.contains(&seat.who)) {
                li {
                    a href={ "/?as=" (seat.who) "&at=" (channel.id) } aria-current=[current(&channel.id)] {
                        @if channel.kind == ChannelKind::Private { "🔒 " } @else { "# " }
                        (channel.name)
                        @if channel.shared { " (shared)" }
                        @if !channel.members.contains(BOT_USER) { " (Adjutant is not here)" }
                    }
                }
            }
        }
    }
}

/// The hidden fields that bring a form back to where it was sent from.
fn seat_fields(seat: &Seat) -> Markup {
    html! {
        input type="hidden" name="as" value=(seat.who);
        input type="hidden" name="at" value=(seat.at);
    }
}

fn composer(shared: &Shared, seat: &Seat, thread: Option<&str>) -> Markup {
    let id = thread.map_or("say".to_owned(), |ts| format!("say-{ts}"));
    let hint = if thread.is_some() { "Reply" } else { "Write, @adjutant …, or a /command" };
    html! {
        form.composer method="post" action="/act/say" {
            (seat_fields(seat))
            @if let Some(ts) = thread { input type="hidden" name="thread" value=(ts); }
            input type="text" name="text" id=(id) placeholder=(hint) aria-label=(hint) autocomplete="off"
                list=[thread.is_none().then_some("commands")];
            button { "Send" }
        }
        @if thread.is_none() {
            datalist id="commands" {
                @for command in &shared.options.commands { option value=(command) {} }
            }
        }
    }
}

/// The part of the page that the script replaces.
fn changing(ws: &Workspace, shared: &Shared, seat: &Seat) -> Markup {
    let notices = ws.notices.iter().rev().filter(|(user, _)| *user == seat.who).take(2);
    html! {
        div #changing data-version=(ws.version) {
            @for (_, said) in notices { p.notice { "Adjutant " (said) } }
            @if seat.at == "home" { (home(ws, seat)) } @else { (talk(ws, shared, seat)) }
            @for view in modal::open(ws, &seat.who) { (modal::form(ws, seat, view)) }
        }
    }
}

fn home(ws: &Workspace, seat: &Seat) -> Markup {
    html! {
        @match ws.homes.get(&seat.who) {
            None => p.soft { "Adjutant has published no home tab for you yet." },
            Some(view) => section.home {
                @for block in view.blocks() { (blocks::block(ws, seat, &Target::View(&view.id), block)) }
            },
        }
    }
}

/// A conversation: every message with its thread below it.
fn talk(ws: &Workspace, shared: &Shared, seat: &Seat) -> Markup {
    let mine = |m: &&Message| m.ephemeral_to.as_ref().is_none_or(|to| *to == seat.who);
    let all: Vec<&Message> = ws.in_channel(&seat.at).into_iter().filter(mine).collect();
    html! {
        @if all.is_empty() { p.soft { "Nothing was said here yet." } }
        @for message in all.iter().filter(|m| m.thread_ts.is_none()) {
            article {
                (one(ws, shared, seat, message))
                div.thread {
                    @for reply in all.iter().filter(|m| m.thread_ts.as_ref() == Some(&message.ts)) {
                        (one(ws, shared, seat, reply))
                    }
                    @if let Some(status) = ws.status(&seat.at, &message.ts) { p.status { "Adjutant: " (status) } }
                    (prompts(ws, seat, &message.ts))
                    @if message.ephemeral_to.is_none() {
                        details id={ "reply-" (message.ts) } {
                            summary { "Reply in thread" }
                            (composer(shared, seat, Some(&message.ts)))
                        }
                    }
                }
            }
        }
        (prompts(ws, seat, ""))
        @if ws.channels.get(&seat.at).is_some_and(|c| c.kind == ChannelKind::Dm) {
            @for (title, message) in &shared.options.prompts { (prompt(seat, "", title, message)) }
        }
    }
}

/// Suggested prompts: buttons that say what they stand for.
fn prompts(ws: &Workspace, seat: &Seat, thread: &str) -> Markup {
    let set = ws.prompts.get(&(seat.at.clone(), thread.to_owned()));
    html! {
        @for one in set.and_then(|p| p.as_array()).into_iter().flatten() {
            (prompt(seat, thread, blocks::said(&one["title"]), blocks::said(&one["message"])))
        }
    }
}

fn prompt(seat: &Seat, thread: &str, title: &str, message: &str) -> Markup {
    html! {
        form.inline method="post" action="/act/say" {
            (seat_fields(seat))
            @if !thread.is_empty() { input type="hidden" name="thread" value=(thread); }
            // Not typed: what begins with a slash is a message too.
            input type="hidden" name="clicked" value="yes";
            button name="text" value=(message) { (title) }
        }
    }
}

fn one(ws: &Workspace, shared: &Shared, seat: &Seat, message: &Message) -> Markup {
    let author = ws.people.get(&message.user).map_or(message.user.as_str(), |p| p.name.as_str());
    let streaming = message.stream.as_ref().is_some_and(|s| s.state == StreamState::Open);
    let target = Target::Message { channel: &message.channel, ts: &message.ts };
    html! {
        div.message id={ "m" (message.ts) } {
            p.by {
                strong { (author) }
                @if message.by_app() { " " span.app { "APP" } }
                @if message.ephemeral_to.is_some() { " " span.soft { "Only visible to you" } }
                @if message.edited { " " span.soft { "(edited)" } }
                " " span.soft { (rich::time_of(&message.ts)) }
            }
            @if message.blocks.is_empty() || message.stream.is_some() {
                div.text {
                    @if message.markdown { (rich::markdown(&message.text)) } @else { (rich::mrkdwn(ws, &message.text)) }
                    @if streaming { span.caret { "▍" } }
                }
            }
            @for block in &message.blocks { (blocks::block(ws, seat, &target, block)) }
            @for id in &message.files { (attached(ws, id)) }
            @if !message.reactions.is_empty() {
                p.soft { @for name in &message.reactions { ":" (name) ": " } }
            }
            @if streaming {
                (blocks::small_form(seat, "/act/stop", &target, "Stop"))
            }
            @if message.ephemeral_to.is_none() {
                @for (id, name) in &shared.options.shortcuts {
                    (blocks::small_form(seat, &format!("/act/shortcut?callback={id}"), &target, name))
                }
            }
        }
    }
}

fn attached(ws: &Workspace, id: &str) -> Markup {
    let file = ws.files.get(id);
    let picture = file.and_then(|f| f.bytes.as_ref()).is_some_and(|b| b.starts_with(b"\x89PNG"));
    html! {
        @if let Some(file) = file {
            figure {
                @if picture { img src={ "/file/" (id) } alt=(file.title); }
                figcaption { a href={ "/file/" (id) } { (file.title) } " " span.soft { (file.name) } }
            }
        }
    }
}
