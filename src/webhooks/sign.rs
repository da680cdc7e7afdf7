//! What makes a message ours: HMAC-SHA256 over `{id}.{timestamp}.{body}` (Standard Webhooks).
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use uuid::Uuid;

const PREFIX: &str = "whsec_";
const BYTES: usize = 32;

/// A new secret: `whsec_` and 32 random bytes in base64. `rng` must be the operating system's (or a test's).
pub fn new_secret(rng: &mut impl rand::Rng) -> SecretString {
    let mut bytes = [0; BYTES];
    rng.fill_bytes(&mut bytes);
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// The headers of one try: `webhook-id`, `webhook-timestamp` (Unix seconds) and `webhook-signature`, one `v1,…` a secret, the one
/// in force first. The key is what stands in base64 behind `whsec_`.
pub fn headers(id: Uuid, at: Timestamp, body: &str, secrets: &[SecretString]) -> [(&'static str, String); 3] {
    let (id, at) = (id.to_string(), at.as_second().to_string());
    let signatures: Vec<String> =
        secrets.iter().filter_map(|secret| signature(secret, &id, &at, body)).collect();
    [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signatures.join(" "))]
}

fn signature(secret: &SecretString, id: &str, at: &str, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    for part in [id, ".", at, ".", body] {
        mac.update(part.as_bytes());
    }
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked with `openssl dgst -sha256 -mac HMAC -macopt hexkey:0001…1f -binary | base64`.
    #[test]
    fn a_signature_is_what_any_other_program_computes() {
        let key: Vec<u8> = (0..32).collect();
        let secret = SecretString::from(format!("whsec_{}", STANDARD.encode(key)));
        let id = Uuid::from_u128(1);
        let at = Timestamp::from_second(1_758_099_600).unwrap();
        let [(_, id), (_, at), (name, signature)] = headers(id, at, r#"{"type":"ping"}"#, &[secret]);
        assert_eq!(
            (id.as_str(), at.as_str(), name),
            ("00000000-0000-0000-0000-000000000001", "1758099600", "webhook-signature")
        );
        assert_eq!(signature, "v1,+TVRRvU/vgFUmAQDqCWcXgW6ThFkZwLuvvIyl2Zcfv8=");
    }

    #[test]
    fn two_secrets_sign_beside_each_other_while_they_are_changed() {
        let mut rng = rand::rng();
        let secrets = [new_secret(&mut rng), new_secret(&mut rng)];
        let [.., (_, both)] = headers(Uuid::nil(), Timestamp::UNIX_EPOCH, "{}", &secrets);
        let [.., (_, old)] = headers(Uuid::nil(), Timestamp::UNIX_EPOCH, "{}", &secrets[1..]);
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[1], old);
        assert_ne!(parts[0], old);
    }
}
