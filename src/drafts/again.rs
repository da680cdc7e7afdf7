//! "Draft again": a draft that is over, taken up as a new one from the facts of now.
use super::DraftError;
use super::create::{Hand, make};
use super::editing::current_arguments;
use super::gather;
use super::load::{self, load};
use super::view::Created;
use crate::access::Actor;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::drafts::kinds::Origin;
use crate::ids::DraftId;

/// A rejected, cancelled or expired draft again, with the same arguments, in the same conversation; the member who asks
/// is the new one's requester. A second call meets the first one's draft as `draft.conflicting_open`.
pub async fn again(db: &Db, clock: &dyn Clock, actor: &Actor, id: DraftId) -> Result<Created, DraftError> {
    let mut tx = db.org(actor.org).await?;
    let loaded = load(&mut tx, actor.org, id).await?;
    let org = gather::org(&mut tx, actor.org, clock.now()).await?;
    let args = current_arguments(&mut tx, actor, org, &loaded).await?;
    let cited = load::evidence(loaded.current()?)?.into_iter().filter(|e| e.query != "before_state");
    let cited: Vec<_> = cited.collect();
    tx.rollback().await?;
    let hand = Hand {
        actor,
        origin: Origin::Member,
        turn: None,
        conversation: loaded.draft.conversation_id,
        prompt_version: None,
        id: None,
    };
    make(db, clock, &hand, &loaded.draft.kind, &args, &cited, Some(id)).await
}
