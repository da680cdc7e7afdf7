//! A pause that says when to come back: at that time a draft to resume the campaign is made for whoever asked for the
//! pause. It is a draft like any other: people decide, nothing changes by itself.
use super::DraftError;
use super::create::{Hand, make};
use super::tools::derived;
use crate::access::{Credential, Surface};
use crate::clock::Clock;
use crate::db::Db;
use crate::db::audit::{self, NewEntry};
use crate::db::drafts::kinds::Origin;
use crate::db::drafts::read::{self, DuePause};
use crate::db::people;
use crate::ids::OrgId;
use serde_json::json;

/// Makes the drafts that are due, each once; returns how many. One that cannot be made (the campaign runs again, its
/// requester left) is on the record with the reason, and not tried again. Run by the clock.
pub async fn resume_due(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<usize, DraftError> {
    let mut tx = db.org(org).await?;
    let due = read::due_pauses(&mut tx, org, clock.now()).await?;
    tx.commit().await?;
    let mut made = 0;
    for pause in &due {
        let outcome = resume(db, clock, org, pause).await;
        let mut entry = NewEntry::by_system("draft.resume_due", "draft", pause.id, clock.now());
        match outcome {
            Ok(number) => {
                made += 1;
                entry.after = Some(json!({"resume_draft": number}));
            }
            // Not a refusal but a failure: the next run tries again.
            Err(error) if error.refusal().is_none() => return Err(error),
            Err(error) => entry.reason = Some(error.to_string()),
        }
        let mut tx = db.org(org).await?;
        audit::append(&mut tx, org, &entry).await?;
        tx.commit().await?;
    }
    Ok(made)
}

async fn resume(db: &Db, clock: &dyn Clock, org: OrgId, pause: &DuePause) -> Result<i64, DraftError> {
    let mut tx = db.org(org).await?;
    let actor = match pause.requested_by {
        Some(member) => people::actor(&mut tx, org, member, Surface::Worker, Credential::Session).await?,
        None => None,
    };
    tx.commit().await?;
    let actor = actor.ok_or_else(|| {
        let message =
            format!("Who asked for draft {} is no longer here; resume the campaign by hand.", pause.number);
        DraftError::conflict("draft.no_requester", message)
    })?;
    let reason = format!("Draft {} paused it until {}.", pause.number, pause.resume_at);
    let args = json!({"campaign": pause.campaign_id, "reason": reason});
    let hand = Hand {
        actor: &actor,
        origin: Origin::Member,
        turn: None,
        conversation: pause.conversation_id,
        prompt_version: None,
        // The same pause makes the same draft, should this run end before it is on the record.
        id: Some(derived(pause.id.0, "resume of a pause", "")),
    };
    let args = args.as_object().cloned().unwrap_or_default();
    Ok(make(db, clock, &hand, "resume_campaign", &args, &[], None).await?.number)
}
