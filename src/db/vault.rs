//! Secrets at rest: AES-256-GCM-SIV under the operator's master key, bound to the row and field they belong to.
//!
//! A sealed value is the 12-byte nonce and then the ciphertext with its tag. The additional data is `{row}/{field}`, so that
//! a value copied to another row or field does not open. Which key sealed it stands beside it (`key_id`): the first eight
//! bytes of the key's SHA-256, in hex.
use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// A master key is 32 random bytes.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Why a secret cannot be kept or read: each with what to do.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(
        "{0} is not a master key: it must be 32 random bytes in base64; make one with `openssl rand -base64 32`"
    )]
    BadKey(&'static str),
    #[error(
        "the secrets of this connection were sealed with the key {0}, which is neither ADJUTANT_MASTER_KEY nor \
         ADJUTANT_OLD_MASTER_KEY; set the key they were sealed with, or enter the secrets again"
    )]
    OtherKey(String),
    #[error("the secret '{0}' does not open: its row was altered or damaged; enter it again")]
    Damaged(String),
}

struct Key {
    id: String,
    cipher: Aes256GcmSiv,
}

impl Key {
    fn read(text: &SecretString, variable: &'static str) -> Result<Self, VaultError> {
        let bytes = STANDARD
            .decode(text.expose_secret().trim())
            .ok()
            .filter(|bytes| bytes.len() == KEY_BYTES)
            .ok_or(VaultError::BadKey(variable))?;
        let cipher = Aes256GcmSiv::new_from_slice(&bytes).map_err(|_| VaultError::BadKey(variable))?;
        let id = Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, cipher })
    }
}

/// The key that seals, and older ones that still open.
pub struct Keyring {
    current: Key,
    old: Option<Key>,
}

impl Keyring {
    /// From `ADJUTANT_MASTER_KEY` and, while keys are changed, `ADJUTANT_OLD_MASTER_KEY`.
    pub fn new(current: &SecretString, old: Option<&SecretString>) -> Result<Self, VaultError> {
        Ok(Self {
            current: Key::read(current, "ADJUTANT_MASTER_KEY")?,
            old: old.map(|old| Key::read(old, "ADJUTANT_OLD_MASTER_KEY")).transpose()?,
        })
    }

    /// The name of the key that seals.
    pub fn key_id(&self) -> &str {
        &self.current.id
    }

    /// Seals one value. `rng` must be the operating system's (or a test's).
    pub fn seal(
        &self,
        row: &str,
        field: &str,
        value: &SecretString,
        rng: &mut impl rand::Rng,
    ) -> Result<Vec<u8>, VaultError> {
        let mut sealed = vec![0; NONCE_BYTES];
        rng.fill_bytes(&mut sealed);
        let aad = format!("{row}/{field}");
        let payload = Payload { msg: value.expose_secret().as_bytes(), aad: aad.as_bytes() };
        let nonce = nonce(&sealed).ok_or_else(|| VaultError::Damaged(field.to_owned()))?;
        let text = self.current.cipher.encrypt(&nonce, payload);
        sealed.extend(text.map_err(|_| VaultError::Damaged(field.to_owned()))?);
        Ok(sealed)
    }

    /// Opens what [`Keyring::seal`] made for the same row and field.
    pub fn open(
        &self,
        key_id: &str,
        row: &str,
        field: &str,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        let key = [Some(&self.current), self.old.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.id == key_id)
            .ok_or_else(|| VaultError::OtherKey(key_id.to_owned()))?;
        let damaged = || VaultError::Damaged(field.to_owned());
        let (head, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let aad = format!("{row}/{field}");
        let nonce = nonce(head).ok_or_else(damaged)?;
        let plain =
            key.cipher.decrypt(&nonce, Payload { msg: text, aad: aad.as_bytes() }).map_err(|_| damaged())?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| damaged())
    }
}

fn nonce(bytes: &[u8]) -> Option<Nonce> {
    <[u8; NONCE_BYTES]>::try_from(bytes).ok().map(Nonce::from)
}

/// Gives the keyring when something is to be sealed or opened: a key may come after the server began.
pub type Keys = std::sync::Arc<dyn Fn() -> anyhow::Result<Keyring> + Send + Sync>;

/// A new master key as it stands in the environment or in a key file.
pub fn new_master_key(rng: &mut impl rand::Rng) -> SecretString {
    let mut bytes = [0; KEY_BYTES];
    rng.fill_bytes(&mut bytes);
    SecretString::from(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests;
