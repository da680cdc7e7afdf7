//! The entity map: which names of which systems mean the same thing, and what belongs to what (`data-model.md` §5).
//!
//! `same_as` links make a forest: a thing is the same as one other at most, and the root of its tree is its canonical entity.
//! [`read`] is what rules and people look at, [`write`] changes links, [`canon`] makes facts follow.
pub mod canon;
pub mod read;
pub mod write;

use super::OrgTx;
use crate::closed_list;
use crate::ids::{MemberId, OrgId};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

closed_list! {
    Relation = "relation" {
        /// Both names mean one thing; of one kind.
        SameAs = "same_as",
        LandsOn = "lands_on",
        Promotes = "promotes",
        Sells = "sells",
        Targets = "targets",
        BidsOn = "bids_on",
        About = "about",
    }
}

closed_list! {
    /// What is held of a link.
    LinkState = "link state" {
        Confirmed = "confirmed",
        /// Alike, and nobody decided yet.
        Suggested = "suggested",
        /// Somebody said no: neither made nor suggested again.
        Rejected = "rejected",
    }
}

closed_list! {
    /// Who said so.
    Origin = "origin" {
        Automatic = "automatic",
        /// Whoever may run the program on the server's own machine.
        Operator = "operator",
        Import = "import",
        Member = "member",
    }
}

closed_list! {
    /// The kinds of things of `data-model.md` §8.
    EntityKind = "entity kind" {
        Org = "org",
        Site = "site",
        Channel = "channel",
        Account = "account",
        Source = "source",
        Campaign = "campaign",
        AdGroup = "ad_group",
        Ad = "ad",
        Creative = "creative",
        Keyword = "keyword",
        SearchTerm = "search_term",
        Query = "query",
        Page = "page",
        Product = "product",
        Variant = "variant",
        Email = "email",
        Automation = "automation",
        Segment = "segment",
        Post = "post",
        Topic = "topic",
        Event = "event",
        Order = "order",
        Subscription = "subscription",
        Invoice = "invoice",
        Lead = "lead",
        Experiment = "experiment",
        Recommendation = "recommendation",
        Draft = "draft",
        Metric = "metric",
        Dataset = "dataset",
    }
}

/// A thing by kind and id: `campaign google_ads:1001`, `page /pricing`. A campaign that links only name in their UTM
/// parameters is `utm:{utm_source}/{words}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thing {
    pub kind: EntityKind,
    pub id: String,
}

impl Thing {
    pub fn new(kind: EntityKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// One thing's relation to another: the key of a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    pub from: Thing,
    pub relation: Relation,
    pub to: Thing,
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.from, self.relation, self.to)
    }
}

/// A link with what is held of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub link: Link,
    pub since: Date,
    /// The day it ended; it no longer holds then.
    pub until: Option<Date>,
    pub state: LinkState,
    /// Trigram similarity of the two names, where that is what speaks for it.
    pub similarity: Option<Decimal>,
    /// 1 for what was matched exactly or said by people.
    pub confidence: Decimal,
    pub evidence: String,
    pub origin: Origin,
    pub set_by: Option<MemberId>,
}

impl Held {
    pub fn holds(&self) -> bool {
        self.state == LinkState::Confirmed && self.until.is_none()
    }

    /// The word of the history: an ended link was confirmed once.
    pub fn word(&self) -> &'static str {
        match (self.state, self.until) {
            (LinkState::Confirmed, Some(_)) => "ended",
            (state, _) => state.as_str(),
        }
    }
}

/// What became of a link, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Timestamp,
    pub link: Link,
    /// Empty for a new one.
    pub was: String,
    pub state: String,
    pub origin: Origin,
    pub evidence: String,
}

/// Whoever changes links is alone until its transaction ends: the forest is looked at as a whole.
pub async fn lock(tx: &mut OrgTx, org: OrgId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('entity_map ' || $1::text, 0))")
        .bind(org)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whoever stores canonical ids passes: until the end of this transaction no link changes that it would not see. The map is
/// read in a later statement.
pub async fn pass(tx: &mut OrgTx, org: OrgId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended('entity_map facts ' || $1::text, 0))")
        .bind(org)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Waits until everybody has ended who may have read the map as it was, and keeps new ones waiting until the end of this
/// transaction: what they stored is there to follow, what comes later reads the links of then.
pub async fn close(tx: &mut OrgTx, org: OrgId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('entity_map facts ' || $1::text, 0))")
        .bind(org)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
