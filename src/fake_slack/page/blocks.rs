//! Blocks as HTML. Texts are escaped by the template; the only links are those of the message itself.
use super::{Seat, figures, rich, seat_fields};
use crate::fake_slack::options::ChannelKind;
use crate::fake_slack::workspace::Workspace;
use maud::{Markup, html};
use serde_json::Value;

/// What a click on an element is about.
pub enum Target<'a> {
    Message {
        channel: &'a str,
        ts: &'a str,
    },
    View(&'a str),
    /// Inside the one form of a modal.
    Modal,
}

impl Target<'_> {
    fn fields(&self) -> Markup {
        html! {
            @match self {
                Self::Message { channel, ts } => {
                    input type="hidden" name="channel" value=(channel);
                    input type="hidden" name="ts" value=(ts);
                },
                Self::View(id) => input type="hidden" name="view" value=(id);,
                Self::Modal => {},
            }
        }
    }
}

pub fn said(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text object.
pub fn words(ws: &Workspace, text: &Value) -> Markup {
    match said(&text["type"]) {
        "mrkdwn" => rich::mrkdwn(ws, said(&text["text"])),
        _ => html! { (rich::plain(said(&text["text"]))) },
    }
}

pub fn block(ws: &Workspace, seat: &Seat, target: &Target<'_>, block: &Value) -> Markup {
    html! {
        @match said(&block["type"]) {
            "header" => h3 { (words(ws, &block["text"])) },
            "divider" => hr;,
            "section" => div.section {
                @if !block["text"].is_null() { div.text { (words(ws, &block["text"])) } }
                @if let Some(fields) = block["fields"].as_array() {
                    div.fields { @for field in fields { div { (words(ws, field)) } } }
                }
                @if !block["accessory"].is_null() { (element(ws, seat, target, &block["accessory"])) }
            },
            "context" => p.context {
                @for part in block["elements"].as_array().into_iter().flatten() {
                    @if part["type"] == "image" { (picture(part)) } @else { span { (words(ws, part)) } } " "
                }
            },
            "actions" | "context_actions" => div.actions {
                @for one in block["elements"].as_array().into_iter().flatten() {
                    (element(ws, seat, target, one))
                }
            },
            "markdown" => div.text { (rich::markdown(said(&block["text"]))) },
            "rich_text" => div.text { (rich::rich_text(ws, block)) },
            "image" => figure { (picture(block)) figcaption { (words(ws, &block["title"])) } },
            "table" | "data_table" => (figures::table(block)),
            "data_visualization" => (figures::chart(block)),
            other => p.soft { "[" (other) "]" },
        }
    }
}

/// Pictures on other servers are not fetched; their address is shown.
fn picture(image: &Value) -> Markup {
    html! {
        @match image["slack_file"]["id"].as_str() {
            Some(id) => img src={ "/file/" (id) } alt=(said(&image["alt_text"]));,
            None => span.soft { "🖼 " (said(&image["alt_text"])) },
        }
    }
}

/// A form with one button and nothing to choose.
pub fn small_form(seat: &Seat, action: &str, target: &Target<'_>, label: &str) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            (seat_fields(seat)) (target.fields())
            button.small { (label) }
        }
    }
}

/// Something to click or choose. In a modal it is a button of the modal's own form, elsewhere a form of its own.
fn element(ws: &Workspace, seat: &Seat, target: &Target<'_>, element: &Value) -> Markup {
    let action = said(&element["action_id"]);
    let to = format!("/act/click?action={}", escaped(action));
    let inner = html! {
        @match said(&element["type"]) {
            "button" => (button(ws, element, &to)),
            "overflow" => (menu(ws, element, &to)),
            "feedback_buttons" => {
                @for key in ["positive_button", "negative_button"] {
                    button formaction=(to) formnovalidate name="value" value=(said(&element[key]["value"])) {
                        (words(ws, &element[key]["text"]))
                    }
                }
            },
            "icon_button" => button formaction=(to) formnovalidate { (words(ws, &element["text"])) },
            "image" => (picture(element)),
            "static_select" | "users_select" | "radio_buttons" | "conversations_select" | "channels_select" => {
                select name={ "sel." (action) } aria-label=(said(&element["placeholder"]["text"])) {
                    (choices(ws, element))
                }
                button formaction=(to) formnovalidate { "OK" }
            },
            other => span.soft { "[" (other) "]" },
        }
    };
    match target {
        Target::Modal => inner,
        Target::Message { .. } | Target::View(_) => html! {
            form.inline method="post" action=(to) { (seat_fields(seat)) (target.fields()) (inner) }
        },
    }
}

fn button(ws: &Workspace, element: &Value, to: &str) -> Markup {
    let style = said(&element["style"]);
    let confirm = &element["confirm"];
    let link = element["url"].as_str().filter(|u| u.starts_with("https://") || u.starts_with("http://"));
    html! {
        @if confirm.is_null() {
            button class=(style) formaction=(to) formnovalidate { (words(ws, &element["text"])) }
        } @else {
            details.confirm {
                summary class=(style) { (words(ws, &element["text"])) }
                div {
                    strong { (words(ws, &confirm["title"])) }
                    p { (words(ws, &confirm["text"])) }
                    button class=(said(&confirm["style"])) formaction=(to) formnovalidate {
                        (words(ws, &confirm["confirm"]))
                    }
                }
            }
        }
        @if let Some(link) = link { " " a href=(link) target="_blank" rel="noopener noreferrer" { "open ↗" } }
    }
}

fn menu(ws: &Workspace, element: &Value, to: &str) -> Markup {
    html! {
        details.menu {
            summary aria-label="More" { "⋯" }
            div {
                @for option in element["options"].as_array().into_iter().flatten() {
                    button formaction=(to) formnovalidate name="value" value=(said(&option["value"])) {
                        (words(ws, &option["text"]))
                    }
                }
            }
        }
    }
}

/// The options of a select; people are the choices of a `users_select`.
pub fn choices(ws: &Workspace, element: &Value) -> Markup {
    let initial = said(&element["initial_option"]["value"]);
    let groups = element["option_groups"].as_array().into_iter().flatten();
    let options = element["options"].as_array().into_iter().flatten();
    html! {
        @if element["type"] == "users_select" {
            @for person in ws.people.values().filter(|p| super::plays(p)) {
                option value=(person.id) selected[element["initial_user"] == person.id.as_str()] { (person.name) }
            }
        }
        @if matches!(said(&element["type"]), "conversations_select" | "channels_select") {
            @for channel in ws.channels.values().filter(|c| c.kind != ChannelKind::Dm) {
                option value=(channel.id) selected[element["initial_conversation"] == channel.id.as_str()] {
                    "#" (channel.name)
                }
            }
        }
        @for option in options.chain(groups.flat_map(|g| g["options"].as_array().into_iter().flatten())) {
            option value=(said(&option["value"])) selected[option["value"] == initial] {
                (rich::plain(said(&option["text"]["text"])))
            }
        }
    }
}

/// Percent-encoding of what is no plain word, for the query of a form's address.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
