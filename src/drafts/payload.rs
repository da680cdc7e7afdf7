//! Payloads as JSON: validation with a pointer to the fault, canonical form (RFC 8785), and the hash that binds.
use super::DraftError;
use crate::ids::SourceId;
use jsonschema::error::ValidationErrorKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// SHA-256 in lower-case hex: what a reviewer saw, and nothing else, is what can run.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

#[derive(Debug, thiserror::Error)]
#[error("a payload hash is 64 hexadecimal digits")]
pub struct BadHash;

impl Hash {
    /// The hash of a value in canonical form.
    pub fn of(value: &Value) -> Result<Self, DraftError> {
        let bytes = serde_json_canonicalizer::to_vec(value)
            .map_err(|e| DraftError::Broken(format!("a payload has no canonical form: {e}")))?;
        Ok(Self(Sha256::digest(&bytes).into()))
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DraftError> {
        bytes.try_into().map(Self).map_err(|_| DraftError::Broken("a stored hash is not 32 bytes".to_owned()))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = BadHash;
    fn from_str(text: &str) -> Result<Self, BadHash> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(BadHash);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| BadHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| BadHash)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The hash of `{type, platform, source_id, payload, before, rollback_plan}`.
pub fn payload_hash(
    kind: &str,
    platform: &str,
    source: Option<SourceId>,
    payload: &Value,
    before: &Value,
    rollback_plan: &Value,
) -> Result<Hash, DraftError> {
    Hash::of(&json!({
        "type": kind,
        "platform": platform,
        "source_id": source,
        "payload": payload,
        "before": before,
        "rollback_plan": rollback_plan,
    }))
}

/// The first fault as `draft.payload_invalid`, at the JSON pointer of the field that is wrong, missing or unknown.
pub fn validate(validator: &jsonschema::Validator, value: &Value) -> Result<(), DraftError> {
    let Some(error) = validator.iter_errors(value).next() else { return Ok(()) };
    let at = error.instance_path().to_string();
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign list of some forty kinds, of which four read better"
    )]
    let (pointer, message) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (format!("{at}/{name}"), format!("'{name}' is missing."))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let name = unexpected.first().map_or("", String::as_str);
            (format!("{at}/{name}"), format!("'{name}' is not a field of this action."))
        }
        ValidationErrorKind::Enum { options } => {
            let allowed: Vec<String> = options
                .as_array()
                .map(|all| {
                    all.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
                })
                .unwrap_or_default();
            let message = format!("{} is not one of {}.", shown(value, &at), allowed.join(", "));
            return Err(DraftError::choice(at, message, allowed));
        }
        _ => (at, format!("{error}.")),
    };
    Err(DraftError::payload(pointer, message))
}

fn shown(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map_or_else(|| "This".to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests;
