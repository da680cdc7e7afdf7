//! The opaque tokens of buttons and views: random, bound to a draft, a revision and one action, stored as hashes.
use crate::db::cards::{self, Token};
use crate::db::{self, OrgTx};
use crate::ids::{DraftId, MemberId, OrgId};
use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

crate::closed_list! {
    /// What a token is good for.
    Act = "card action" {
        Approve = "approve",
        Edit = "edit",
        Reject = "reject",
        Ask = "ask",
        Hold = "hold",
        Hand = "hand",
        Refresh = "refresh",
        Apply = "apply",
        Again = "again",
        /// Shows the draft; decides nothing.
        Review = "review",
        /// A view that was opened by the button of the same name, sent back.
        SendEdit = "send_edit",
        SendReject = "send_reject",
        SendQuestion = "send_question",
        SendHand = "send_hand",
        SendApplied = "send_applied",
    }
}

/// How long a view may stay open.
const VIEW: SignedDuration = SignedDuration::from_hours(4);
/// How long a draft that is over can be drafted again, or looked at, from an old message.
const AFTERWARDS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Random bytes of a token.
const BYTES: usize = 20;

/// A new token: 40 hexadecimal digits.
pub fn random(rng: &mut impl Rng) -> String {
    let mut bytes = [0; BYTES];
    rng.fill_bytes(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub fn hash(token: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"card token\0");
    hash.update(token.as_bytes());
    hash.finalize().into()
}

/// What a new token is to be bound to.
pub struct Bound<'a> {
    pub draft: DraftId,
    pub revision: i32,
    pub act: Act,
    /// Empty = any channel.
    pub channel: &'a str,
    /// Only for this member, where there is one.
    pub member: Option<MemberId>,
    /// When the draft's present chance ends.
    pub until: Timestamp,
}

/// Binds a new token (see [`random`]) and stores its hash.
pub async fn mint(
    tx: &mut OrgTx,
    org: OrgId,
    text: String,
    bound: &Bound<'_>,
    now: Timestamp,
) -> Result<String, db::Error> {
    let expires_at = match bound.act {
        Act::Approve
        | Act::Edit
        | Act::Reject
        | Act::Ask
        | Act::Hold
        | Act::Hand
        | Act::Refresh
        | Act::Apply => bound.until,
        Act::Again | Act::Review => now.saturating_add(AFTERWARDS).unwrap_or(Timestamp::MAX),
        Act::SendEdit | Act::SendReject | Act::SendQuestion | Act::SendHand | Act::SendApplied => {
            now.saturating_add(VIEW).unwrap_or(Timestamp::MAX)
        }
    };
    let token = Token {
        draft_id: bound.draft,
        revision: bound.revision,
        action: bound.act.as_str().to_owned(),
        channel_ref: bound.channel.to_owned(),
        member_id: bound.member,
        expires_at,
    };
    cards::add_token(tx, org, &hash(&text), &token, now).await?;
    Ok(text)
}

/// Why a token does not open anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Never made here, made for another organisation, another button, another channel or another person.
    Forged,
    /// Its time is over; the draft it was for.
    Expired(DraftId),
}

/// What a token stands for, if it is good for this, here, for this member, now.
pub async fn open(
    tx: &mut OrgTx,
    org: OrgId,
    text: &str,
    act: Act,
    channel: Option<&str>,
    member: MemberId,
    now: Timestamp,
) -> Result<Result<Token, Refused>, db::Error> {
    let Some(token) = cards::token(tx, org, &hash(text)).await? else { return Ok(Err(Refused::Forged)) };
    // A view comes without its channel; it was opened from one, and belongs to one person.
    let elsewhere =
        channel.is_some_and(|channel| !token.channel_ref.is_empty() && token.channel_ref != channel);
    let somebody_else = token.member_id.is_some_and(|owner| owner != member);
    if token.action != act.as_str() || elsewhere || somebody_else {
        return Ok(Err(Refused::Forged));
    }
    Ok(if token.expires_at <= now { Err(Refused::Expired(token.draft_id)) } else { Ok(token) })
}
