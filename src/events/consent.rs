//! What events say about consent (`events.md` §11): an opt-in, or one of the ways out.
use super::event::Event;
use super::lists::{ConsentChannel, ConsentMethod, ConsentStatus};
use serde_json::Value;

/// What an event changes for its actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub channel: ConsentChannel,
    pub status: ConsentStatus,
    pub method: ConsentMethod,
}

/// Nothing for most events; a wish for fewer mails (`frequency_cap`) is no refusal of all of them.
pub fn changes(event: &Event) -> Vec<Change> {
    let out = |channels: &[ConsentChannel]| -> Vec<Change> {
        let change = |channel: &ConsentChannel| Change {
            channel: *channel,
            status: ConsentStatus::Denied,
            method: ConsentMethod::Single,
        };
        channels.iter().map(change).collect()
    };
    let property = |name: &str| -> String {
        let props: Value = serde_json::from_str(&event.props).unwrap_or_default();
        props[name].as_str().unwrap_or_default().to_owned()
    };
    match &*event.name {
        "email_unsubscribed" => out(&[ConsentChannel::Email]),
        "user_unsubscribed" => match property("unsubscribe_type").as_str() {
            "all_campaigns" => out(&[ConsentChannel::Email, ConsentChannel::Sms, ConsentChannel::Push]),
            "email_only" => out(&[ConsentChannel::Email]),
            "sms_only" => out(&[ConsentChannel::Sms]),
            "push_only" => out(&[ConsentChannel::Push]),
            _ => Vec::new(),
        },
        "contact_added" => {
            let (status, method) = match property("opt_in").as_str() {
                "double" => (ConsentStatus::Granted, ConsentMethod::Double),
                "single" => (ConsentStatus::Granted, ConsentMethod::Single),
                "imported" => (ConsentStatus::Granted, ConsentMethod::Imported),
                // Nobody was asked: it counts as not granted, and takes no earlier yes or no away.
                _ => return Vec::new(),
            };
            vec![Change { channel: ConsentChannel::Email, status, method }]
        }
        _ => Vec::new(),
    }
}
