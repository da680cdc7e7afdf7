//! Deliveries that a platform sends by itself (webhooks): whose they are, how often they may count, what they are about.
//!
//! A delivery only says that something changed. What it is now is read from the platform, with the parser that polling uses,
//! so that both come to the same rows whatever order deliveries arrive in.
use super::contract::{Ctx, Sink};
use super::fault::ConnectorError;
use async_trait::async_trait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use sha2::Sha256;
use std::collections::BTreeMap;

/// How far the clocks may be apart, seconds, in either direction (`security.md`; published libraries accept any future).
pub const MAX_SKEW_SECONDS: i64 = 300;

/// Longest id of a delivery that is taken, bytes.
const MAX_ID: usize = 512;

/// A request that claims to come from a platform, as it came in.
pub struct Incoming<'a> {
    pub headers: &'a HeaderMap,
    /// Byte for byte.
    pub body: &'a [u8],
    /// What stood behind the connection in the address.
    pub path_token: Option<&'a str>,
    pub now: Timestamp,
}

/// What the connection knows.
pub struct Known<'a> {
    pub config: &'a Map<String, Value>,
    pub secrets: &'a BTreeMap<String, SecretString>,
}

/// A delivery that is the platform's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same for every try to deliver it.
    pub id: String,
    pub topic: String,
    /// Whether anything is read because of it.
    pub wanted: bool,
}

/// Why a request is not taken for one of the platform's. The sender is told the code and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The connection was not told what signs its deliveries, or the address has a part too many or too few.
    #[error("this connection takes no deliveries")]
    NotHere,
    #[error("no signature")]
    Missing,
    #[error("a signature of another form")]
    Form,
    #[error("the signature does not fit the body")]
    Wrong,
    #[error("signed more than {MAX_SKEW_SECONDS} s from now")]
    Stale,
    /// Signed, and about another account.
    #[error("signed for another account")]
    Elsewhere,
    /// Signed, and not what the platform's guide describes.
    #[error("the body is not what the platform sends")]
    Unreadable,
}

/// A thing that changed: read again as the stream reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    pub stream: &'static str,
    /// As the platform names it.
    pub id: String,
}

/// What a delivery asks of the connection itself, instead of telling of a thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Somebody wants to know what is stored of them.
    Tell {
        /// What they are called by: ids as the facts have them, addresses, numbers.
        subjects: Vec<String>,
        /// The platform's own number of the request.
        reference: String,
    },
    /// The platform says that it lets us in no more.
    Uninstalled,
    /// Nothing that came from it about people may be left.
    EraseAll,
}

/// The side of a connector that takes deliveries.
#[async_trait]
pub trait Webhook: Send + Sync {
    /// The header names that are kept with a delivery: never those of a signature.
    fn kept_headers(&self) -> &'static [&'static str];
    /// Whose it is: signature over the raw bytes, time, account. Nothing of the body is believed before.
    fn verify(&self, incoming: &Incoming<'_>, known: &Known<'_>) -> Result<Delivery, Refused>;
    /// Whether a request claims to be one that the law has us take, also where the connection is switched off. Nothing is believed
    /// of it yet.
    fn owed(&self, headers: &HeaderMap) -> bool {
        let _ = headers;
        false
    }
    /// What is to be read again because of a stored delivery.
    fn targets(&self, topic: &str, body: &[u8]) -> Vec<Target>;
    /// What it asks of the connection, if it does; what it is about is not read then.
    fn wish(&self, topic: &str, body: &[u8]) -> Option<Wish> {
        let _ = (topic, body);
        None
    }
    /// Reads one thing as it is now. One that is gone is no error.
    async fn fetch(&self, cx: &Ctx, target: &Target, sink: &mut dyn Sink) -> Result<(), ConnectorError>;
}

/// The only value of a header; two of a kind are no signature.
pub fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refused::Missing)?.to_str().map_err(|_| Refused::Form)?;
    if values.next().is_some() { Err(Refused::Form) } else { Ok(value) }
}

/// The secret that signs deliveries; an empty one signs nothing.
pub fn signing<'a>(known: &Known<'a>, field: &str) -> Result<&'a SecretString, Refused> {
    known.secrets.get(field).filter(|secret| !secret.expose_secret().is_empty()).ok_or(Refused::NotHere)
}

/// Whether `claimed` is HMAC-SHA256(secret, parts), compared in constant time.
pub fn fits(secret: &SecretString, parts: &[&[u8]], claimed: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(claimed).is_ok()
}

/// For platforms that sign nothing: the token in the address is the one of the connection. Both are hashed under a key made
/// of one of them, so that comparing takes the same time wherever they differ.
pub fn path_token_fits(incoming: &Incoming<'_>, token: &SecretString) -> bool {
    let Some(given) = incoming.path_token else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()) else { return false };
    mac.update(token.expose_secret().as_bytes());
    let expected = mac.finalize().into_bytes();
    fits(token, &[given.as_bytes()], &expected)
}

/// An absolute skew: too far in the future is as bad as too far in the past.
pub fn fresh(signed_at: i64, now: Timestamp) -> bool {
    now.as_second().abs_diff(signed_at) <= MAX_SKEW_SECONDS.unsigned_abs()
}

/// An id that may be a key: not empty, not endless, without control characters.
pub fn id(text: &str) -> Result<String, Refused> {
    let good = (1..=MAX_ID).contains(&text.len()) && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(Refused::Unreadable) }
}

/// 32 bytes of 64 hexadecimal digits in lower case.
pub fn hex32(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut out = [0; 32];
    for (place, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *place = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests;
