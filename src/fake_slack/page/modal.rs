//! The modal that a person has open, as one form.
use super::blocks::{Target, block, choices, said, words};
use super::{Seat, seat_fields};
use crate::fake_slack::workspace::{View, Workspace};
use maud::{Markup, html};
use serde_json::Value;

/// The open modals of a person that have none on top of them.
pub fn open<'a>(ws: &'a Workspace, user: &str) -> Vec<&'a View> {
    let mine = || ws.views.values().filter(|v| v.user == user);
    mine().filter(|v| !mine().any(|above| above.previous.as_deref() == Some(&v.id))).collect()
}

pub fn form(ws: &Workspace, seat: &Seat, view: &View) -> Markup {
    let body = &view.body;
    html! {
        form.modal method="post" action="/act/submit" id=(view.id) data-hash=(view.hash()) {
            (seat_fields(seat))
            input type="hidden" name="view" value=(view.id);
            h3 { (words(ws, &body["title"])) }
            @for one in view.blocks() {
                @if one["type"] == "input" { (input(ws, view, one)) }
                @else { (block(ws, seat, &Target::Modal, one)) }
            }
            p.actions {
                @if !body["submit"].is_null() { button.primary { (words(ws, &body["submit"])) } }
                button formaction="/act/close" formnovalidate {
                    @if body["close"].is_null() { "Cancel" } @else { (words(ws, &body["close"])) }
                }
            }
        }
    }
}

fn input(ws: &Workspace, view: &View, one: &Value) -> Markup {
    let block_id = said(&one["block_id"]);
    let error = view.errors[block_id].as_str();
    html! {
        label.field {
            span { (words(ws, &one["label"])) @if one["optional"] == true { span.soft { " (optional)" } } }
            (field(ws, &one["element"], &format!("v.{block_id}")))
            @if !one["hint"].is_null() { span.soft { (words(ws, &one["hint"])) } }
            @if let Some(error) = error { span.error { (error) } }
        }
    }
}

fn field(ws: &Workspace, element: &Value, name: &str) -> Markup {
    let initial = said(&element["initial_value"]);
    let hint = said(&element["placeholder"]["text"]);
    html! {
        @match said(&element["type"]) {
            "plain_text_input" if element["multiline"] == true => {
                textarea name=(name) id=(name) rows="5" placeholder=(hint) { (initial) }
            },
            "static_select" | "users_select" | "radio_buttons" | "conversations_select" | "channels_select" => select name=(name) id=(name) {
                option value="" { "" }
                (choices(ws, element))
            },
            "checkboxes" | "multi_static_select" => {
                @for option in element["options"].as_array().into_iter().flatten() {
                    span {
                        input type="checkbox" name=(name) value=(said(&option["value"]))
                            checked[element["initial_options"].as_array().is_some_and(|l| l.contains(option))];
                        " " (words(ws, &option["text"]))
                    }
                }
            },
            "timepicker" => input type="time" name=(name) id=(name) value=(said(&element["initial_time"]));,
            "datepicker" => input type="date" name=(name) id=(name) value=(said(&element["initial_date"]));,
            _ => input type="text" name=(name) id=(name) value=(initial) placeholder=(hint) autocomplete="off";,
        }
    }
}
