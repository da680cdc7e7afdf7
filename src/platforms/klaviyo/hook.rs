//! Deliveries of Klaviyo's system webhooks: `Klaviyo-Signature`, hex of HMAC-SHA256 over the body and `Klaviyo-Timestamp`.
//! Those that change what somebody agreed to make the profile be read again; the rest is kept and ignored. The form of the
//! signature is from a secondary source (`connectors.md`, head).
use super::{Account, Klaviyo, send, take_profiles};
use crate::platforms::client::Ask;
use crate::platforms::contract::{Ctx, Sink};
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::hook::{self, Delivery, Incoming, Known, Refused, Target, Webhook};
use crate::platforms::{klaviyo, shape};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

const SIGNATURE: &str = "klaviyo-signature";
const TIMESTAMP: &str = "klaviyo-timestamp";
const WEBHOOK: &str = "klaviyo-webhook-id";

/// Ends of topics (`event:klaviyo.…`) after which somebody may be written to, or not any more.
const CONSENT: [&str; 8] = [
    "subscribed_to_email_marketing",
    "unsubscribed_from_email_marketing",
    "subscribed_to_sms_marketing",
    "unsubscribed_from_sms_marketing",
    "marked_email_as_spam",
    "bounced_email",
    "email_bounced",
    "subscribed_to_list",
];

/// Seconds since 1970, or a time with its offset.
fn moment(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().or_else(|| text.parse::<Timestamp>().ok().map(|at| at.as_second()))
}

fn wanted(topic: &str) -> bool {
    CONSENT.iter().any(|end| topic.ends_with(end))
}

/// Each event of a delivery, with its topic.
fn events(body: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let list = body.get("data").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|event| Some((shape::text_if_any(event, "topic")?, event.get("payload")?)))
}

/// The profile an event is about: the payload is that of one event of the API, with or without its `data`.
fn profile(payload: &Value) -> Option<String> {
    let event = payload.get("data").unwrap_or(payload);
    shape::id(event.pointer("/relationships/profile/data/id"))
}

#[async_trait]
impl Webhook for Klaviyo {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[TIMESTAMP, WEBHOOK, "content-type"]
    }

    fn verify(&self, incoming: &Incoming<'_>, known: &Known<'_>) -> Result<Delivery, Refused> {
        let secret = hook::signing(known, "webhook_secret")?;
        if incoming.path_token.is_some() {
            return Err(Refused::NotHere);
        }
        let claimed = hook::hex32(hook::only(incoming.headers, SIGNATURE)?).ok_or(Refused::Form)?;
        let time = hook::only(incoming.headers, TIMESTAMP)?;
        if !hook::fits(secret, &[incoming.body, time.as_bytes()], &claimed) {
            return Err(Refused::Wrong);
        }
        if !hook::fresh(moment(time).ok_or(Refused::Form)?, incoming.now) {
            return Err(Refused::Stale);
        }
        let body = shape::json(incoming.body).map_err(|_| Refused::Unreadable)?;
        let meta = body.get("meta").ok_or(Refused::Unreadable)?;
        let account = known.config.get("account_id").and_then(Value::as_str);
        if shape::text_if_any(meta, "klaviyo_account_id") != account {
            return Err(Refused::Elsewhere);
        }
        // The id of the delivery is what it holds: each try holds the same events.
        let mut sum = Sha256::new();
        let ids = body.get("data").and_then(Value::as_array).into_iter().flatten();
        let ids: Option<Vec<String>> = ids.map(|event| shape::id(event.get("external_id"))).collect();
        match ids.filter(|ids| !ids.is_empty()) {
            Some(ids) => sum.update(ids.join("|")),
            None => sum.update(incoming.body),
        }
        let topics: BTreeSet<&str> = events(&body).map(|(topic, _)| topic).collect();
        let topic = topics.iter().find(|topic| wanted(topic)).or_else(|| topics.first());
        let topic = hook::id(topic.copied().ok_or(Refused::Unreadable)?)?;
        let wanted = events(&body).any(|(topic, payload)| wanted(topic) && profile(payload).is_some());
        Ok(Delivery { id: crate::db::people::hex(&sum.finalize()), topic, wanted })
    }

    fn targets(&self, _: &str, body: &[u8]) -> Vec<Target> {
        let body = shape::json(body).unwrap_or_default();
        let about =
            events(&body).filter(|(topic, _)| wanted(topic)).filter_map(|(_, payload)| profile(payload));
        let people: BTreeSet<String> = about.collect();
        people.into_iter().map(|id| Target { stream: "profiles", id }).collect()
    }

    async fn fetch(&self, cx: &Ctx, target: &Target, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
        let mut url = cx.url("", "api/profiles")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&target.id);
        }
        url.query_pairs_mut().append_pair("additional-fields[profile]", "subscriptions");
        let reply = match send(cx, Ask::get(url)).await {
            // They were deleted.
            Err(error) if error.code == Code::AccountNotFound => return Ok(()),
            other => other?,
        };
        let page = klaviyo::page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        let account = Account { id: cx.needed("account_id")?, currency: cx.currency };
        take_profiles(&page, account, sink);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
