//! Deliveries of Stripe: `Stripe-Signature: t=…,v1=…`, HMAC-SHA256 over `{t}.{body}`, and what an event is about.
use super::kinds::{targets, wanted};
use super::{Stripe, read};
use crate::platforms::contract::{Ctx, Sink};
use crate::platforms::fault::ConnectorError;
use crate::platforms::hook::{self, Delivery, Incoming, Known, Refused, Target, Webhook};
use crate::platforms::shape;
use async_trait::async_trait;
use serde_json::Value;

const SIGNATURE: &str = "stripe-signature";
/// Signatures that one header may hold: two while a secret is rolled over, and room.
const SIGNATURES: usize = 8;

/// What the header claims.
struct Claim<'a> {
    signed_at: &'a str,
    macs: Vec<[u8; 32]>,
}

/// `t=1492774577,v1=5257…,v1=…,v0=…`: one time, any number of signatures of scheme v1; other schemes do not count.
fn claim(header: &str) -> Result<Claim<'_>, Refused> {
    let (mut signed_at, mut macs, mut ours) = (None, Vec::new(), 0);
    for part in header.split(',') {
        match part.trim().split_once('=').ok_or(Refused::Form)? {
            ("t", time) => {
                let good = (1..=12).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit());
                if !good || signed_at.replace(time).is_some() {
                    return Err(Refused::Form);
                }
            }
            ("v1", mac) => {
                ours += 1;
                macs.extend(hook::hex32(mac));
            }
            _ => {}
        }
    }
    if macs.is_empty() || ours > SIGNATURES {
        return Err(Refused::Form);
    }
    Ok(Claim { signed_at: signed_at.ok_or(Refused::Form)?, macs })
}

#[async_trait]
impl Webhook for Stripe {
    fn kept_headers(&self) -> &'static [&'static str] {
        &["content-type", "user-agent"]
    }

    fn verify(&self, incoming: &Incoming<'_>, known: &Known<'_>) -> Result<Delivery, Refused> {
        let secret = hook::signing(known, "webhook_secret")?;
        if incoming.path_token.is_some() {
            return Err(Refused::NotHere);
        }
        let claim = claim(hook::only(incoming.headers, SIGNATURE)?)?;
        let signed: [&[u8]; 3] = [claim.signed_at.as_bytes(), b".", incoming.body];
        // Each is compared in full, whichever fits.
        if claim.macs.iter().filter(|mac| hook::fits(secret, &signed, &mac[..])).count() == 0 {
            return Err(Refused::Wrong);
        }
        let signed_at: i64 = claim.signed_at.parse().map_err(|_| Refused::Form)?;
        if !hook::fresh(signed_at, incoming.now) {
            return Err(Refused::Stale);
        }
        let event = shape::json(incoming.body).map_err(|_| Refused::Unreadable)?;
        let text = |field: &str| shape::text_if_any(&event, field).ok_or(Refused::Unreadable);
        // A connected account's events come with its name; they are those of another connection.
        let account = shape::text_if_any(&event, "account");
        let own = known.config.get("account").and_then(Value::as_str).filter(|own| !own.is_empty());
        if own.is_some() && account.is_some() && own != account {
            return Err(Refused::Elsewhere);
        }
        let tests = known.config.get("test_mode").and_then(Value::as_str) == Some("yes");
        let counts = tests || event.get("livemode").and_then(Value::as_bool) != Some(false);
        let topic = hook::id(text("type")?)?;
        Ok(Delivery { id: hook::id(text("id")?)?, wanted: counts && wanted(&topic), topic })
    }

    fn targets(&self, topic: &str, body: &[u8]) -> Vec<Target> {
        let event = shape::json(body).unwrap_or_default();
        event.pointer("/data/object").map(|object| targets(topic, object)).unwrap_or_default()
    }

    async fn fetch(&self, cx: &Ctx, target: &Target, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
        read::fetch(cx, target, sink).await
    }
}

#[cfg(test)]
mod tests;
