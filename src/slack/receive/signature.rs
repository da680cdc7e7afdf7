//! Requests that Slack signed: `v0=` HMAC-SHA256(secret, `v0:timestamp:body`) in hexadecimal, over the raw bytes.
//!
//! Published libraries accept timestamps far in the future; here the skew is absolute.
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How far the clocks may be apart, seconds, in either direction.
pub const MAX_SKEW_SECONDS: i64 = 300;

const SIGNATURE: &str = "x-slack-signature";
const TIMESTAMP: &str = "x-slack-request-timestamp";

/// Why a request is not taken for one of Slack's. For the log; the sender is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no signature or no timestamp")]
    Missing,
    #[error("a signature of another form than v0=<64 hexadecimal digits>")]
    Form,
    #[error("signed more than {MAX_SKEW_SECONDS} s from now")]
    Stale,
    #[error("the signature does not fit the body")]
    Wrong,
}

/// What a request claims about itself, read before its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    timestamp: String,
    mac: [u8; 32],
}

impl Claim {
    /// Reads the two headers, once each; refuses what was signed too far from `now`.
    pub fn read(headers: &HeaderMap, now: Timestamp) -> Result<Self, Refused> {
        let only = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().ok_or(Refused::Missing)?.to_str().map_err(|_| Refused::Form)?;
            if values.next().is_some() { Err(Refused::Form) } else { Ok(value) }
        };
        let (signature, timestamp) = (only(SIGNATURE)?, only(TIMESTAMP)?);
        if timestamp.is_empty() || timestamp.len() > 12 || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refused::Form);
        }
        let signed_at: i64 = timestamp.parse().map_err(|_| Refused::Form)?;
        if now.as_second().abs_diff(signed_at) > MAX_SKEW_SECONDS.unsigned_abs() {
            return Err(Refused::Stale);
        }
        let mac = signature.strip_prefix("v0=").and_then(bytes).ok_or(Refused::Form)?;
        Ok(Self { timestamp: timestamp.to_owned(), mac })
    }

    /// Compares in constant time.
    pub fn check(&self, secret: &SecretString, body: &[u8]) -> Result<(), Refused> {
        let mac = signing(secret, &self.timestamp, body).ok_or(Refused::Wrong)?;
        mac.verify_slice(&self.mac).map_err(|_| Refused::Wrong)
    }
}

/// `None`: an empty secret, with which nothing may be signed.
fn signing(secret: &SecretString, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let secret = secret.expose_secret();
    if secret.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    for part in [b"v0:".as_slice(), timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    Some(mac)
}

/// 64 lower-case hexadecimal digits.
fn bytes(hex: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let hex: &[u8; 64] = hex.as_bytes().try_into().ok()?;
    let mut out = [0; 32];
    for (n, pair) in hex.chunks_exact(2).enumerate() {
        out[n] = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests;
