//! The API key that the demo prints.
use crate::access::{Credential, NEVER_IN_A_KEY, Surface};
use crate::clock::Clock;
use crate::db::{Error, OrgTx, audit, credentials, people};
use crate::ids::{ApiKeyId, MemberId, OrgId};
use secrecy::SecretString;

/// The key asked for, or a new one; other keys of earlier starts end.
pub async fn key(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    marketer: MemberId,
    wanted: Option<SecretString>,
) -> Result<SecretString, Error> {
    let now = clock.now();
    let text = wanted.unwrap_or_else(|| credentials::new_key_text(&mut rand::rng()));
    let same = credentials::key_of_text(tx, org, &text).await?.map(|key| key.id);
    for old in credentials::api_keys(tx, org).await? {
        if old.name == "demo" && old.revoked_at.is_none() && Some(old.id) != same {
            credentials::revoke_api_key(tx, org, old.id, now).await?;
            audit::append(tx, org, &audit::NewEntry::by_system("key.revoked", "api_key", old.id, now))
                .await?;
        }
    }
    // Whoever starts the demo with the same key twice means the same key.
    if let Some(id) = same {
        if credentials::restore_api_key(tx, org, id).await? {
            audit::append(tx, org, &audit::NewEntry::by_system("key.restored", "api_key", id, now)).await?;
        }
        return Ok(text);
    }
    let actor = people::actor(tx, org, marketer, Surface::Cli, Credential::Session).await?;
    let actor = actor.ok_or(Error::RowNotFound)?;
    let scopes = actor.permissions.into_iter().filter(|p| !NEVER_IN_A_KEY.contains(p)).collect();
    let id = ApiKeyId::new(clock);
    let new = credentials::NewApiKey {
        name: "demo",
        member: marketer,
        scopes: &scopes,
        per_minute: 600,
        expires_at: None,
    };
    credentials::create_api_key(tx, org, id, &text, &new, now).await?;
    audit::append(tx, org, &audit::NewEntry::by_system("key.created", "api_key", id, now)).await?;
    Ok(text)
}
