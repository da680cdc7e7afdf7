//! Marks of ids: HMAC-SHA256 under the organisation's key. Whoever has the key and an id can tell that it was erased; nobody
//! gets an id back from its mark.
use crate::db::people::{hex, person_key};
use crate::db::{Error, OrgTx};
use crate::ids::OrgId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Said before every id, so that a mark is nothing else that is made with this key.
const PURPOSE: &str = "tombstone:";
/// The block of SHA-256, in bytes (RFC 2104).
const BLOCK: usize = 64;
/// Hex digits of a pseudonym: 64 bits, enough to follow one person through a record.
const PSEUDONYM: usize = 16;

/// Makes the marks of one organisation.
#[derive(Clone)]
pub struct Marker {
    /// 32 bytes (migration 0022): shorter than a block, so that the padded key is the key itself.
    key: Vec<u8>,
}

/// The key is a secret: it is not printed.
impl std::fmt::Debug for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Marker")
    }
}

impl Marker {
    /// From the organisation's key ([`person_key`]).
    pub fn new(key: Vec<u8>) -> Self {
        Self { key }
    }

    pub async fn of(tx: &mut OrgTx, org: OrgId) -> Result<Self, Error> {
        Ok(Self::new(person_key(tx, org).await?))
    }

    /// 32 bytes.
    pub fn mark(&self, id: &str) -> Vec<u8> {
        // A key of any length is a key of HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return Vec::new() };
        mac.update(PURPOSE.as_bytes());
        mac.update(id.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    /// How an id stands in the record of decisions, which never forgets: `person:` and 16 hex digits.
    pub fn pseudonym(&self, id: &str) -> String {
        let mark = hex(&self.mark(id));
        format!("person:{}", mark.get(..PSEUDONYM).unwrap_or_default())
    }

    /// What the database needs to make marks itself: `sha256(outer || sha256(inner || id))`.
    pub(super) fn pads(&self) -> (Vec<u8>, Vec<u8>) {
        let pad = |with: u8| -> Vec<u8> {
            (0..BLOCK).map(|at| self.key.get(at).copied().unwrap_or_default() ^ with).collect()
        };
        let mut inner = pad(0x36);
        inner.extend(PURPOSE.as_bytes());
        (pad(0x5c), inner)
    }
}
