//! What people say about links: all of it is looked at before any of it is written.
use super::forest::Forest;
use super::{Outcome, TRIES, apply, follow_on, snapshot, today};
use crate::clock::Clock;
use crate::db::Db;
use crate::db::audit::{self, NewEntry};
use crate::db::entity_map::{self, Held, Link, LinkState, Origin, Relation, Thing, read, write};
use crate::events::ingest::gave_way;
use crate::ids::{MemberId, OrgId};
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// A link as somebody wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub link: Link,
    /// `false`: they do not belong together, and nobody is to be asked again.
    pub holds: bool,
    /// Today when not said.
    pub since: Option<Date>,
    /// The day it ended, of a link that is history.
    pub until: Option<Date>,
    pub confidence: Decimal,
    pub evidence: String,
    /// A rule said it before: where it says so still, it stays the rule's word.
    pub by_rule: bool,
}

impl Wish {
    pub fn new(link: Link, holds: bool) -> Self {
        let (confidence, evidence) = (Decimal::ONE, String::new());
        Self { link, holds, since: None, until: None, confidence, evidence, by_rule: false }
    }
}

/// Why a wish cannot be, and which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its place among the wishes.
    pub at: usize,
    pub code: &'static str,
    pub message: String,
}

#[derive(Debug)]
pub enum Done {
    /// All of them hold; so many said nothing new.
    Written { outcome: Outcome, unchanged: u64 },
    /// Nothing was written.
    Refused(Vec<Fault>),
}

/// Writes what somebody says, with `entry` on the record; nothing at all when part of it cannot be. With `dry_run` nothing is
/// written either way.
pub async fn decide(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    wishes: &[Wish],
    (origin, set_by): (Origin, Option<MemberId>),
    entry: NewEntry,
    dry_run: bool,
) -> Result<Done, sqlx::Error> {
    let mut tries = 0;
    let mut done = loop {
        tries += 1;
        match decide_once(db, clock, org, wishes, (origin, set_by), &entry, dry_run).await {
            Err(error) if tries < TRIES && gave_way(&error) => {}
            done => break done?,
        }
    };
    if let Done::Written { outcome, .. } = &mut done
        && !dry_run
    {
        *outcome += follow_on(db, clock, org).await?;
    }
    Ok(done)
}

async fn decide_once(
    db: &Db,
    clock: &dyn Clock,
    org: OrgId,
    wishes: &[Wish],
    (origin, set_by): (Origin, Option<MemberId>),
    entry: &NewEntry,
    dry_run: bool,
) -> Result<Done, sqlx::Error> {
    let mut tx = db.org(org).await?;
    entity_map::lock(&mut tx, org).await?;
    let (today, _) = today(&mut tx, org, clock.now()).await?;
    let all = snapshot(&mut tx, org, clock.now()).await?;
    let named: BTreeSet<&Thing> = wishes.iter().flat_map(|wish| [&wish.link.from, &wish.link.to]).collect();
    let there: BTreeSet<Thing> =
        read::there(&mut tx, org, &named.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
    let weighed = weigh(&all.held, wishes, &there, today, (origin, set_by));
    let (changes, unchanged) = match weighed {
        Ok(weighed) => weighed,
        Err(faults) => return Ok(Done::Refused(faults)),
    };
    if changes.is_empty() {
        return Ok(Done::Written { outcome: Outcome::default(), unchanged });
    }
    let outcome = apply(&mut tx, clock, org, &all, &changes).await?;
    // Nobody is asked about what is decided: the other suggestions of what is the same as something now.
    let settled: BTreeSet<&Thing> = changes
        .iter()
        .filter(|(_, held)| held.holds() && held.link.relation == Relation::SameAs)
        .map(|(_, held)| &held.link.from)
        .collect();
    let open = |held: &&Held| {
        held.state == LinkState::Suggested
            && held.link.relation == Relation::SameAs
            && settled.contains(&held.link.from)
            && !changes.iter().any(|(_, changed)| changed.link == held.link)
    };
    let moot: Vec<&Link> = all.held.iter().filter(open).map(|held| &held.link).collect();
    write::forget(&mut tx, org, &moot).await?;
    audit::append(&mut tx, org, entry).await?;
    if dry_run {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(Done::Written { outcome, unchanged })
}

type Weighed = (Vec<(&'static str, Held)>, u64);

/// What has to be written for the wishes to hold, in their order; links of rules give way.
fn weigh(
    held: &[Held],
    wishes: &[Wish],
    there: &BTreeSet<Thing>,
    today: Date,
    (origin, set_by): (Origin, Option<MemberId>),
) -> Result<Weighed, Vec<Fault>> {
    let mut now: BTreeMap<Link, Held> = held.iter().map(|held| (held.link.clone(), held.clone())).collect();
    let mut changed: BTreeMap<Link, &'static str> = BTreeMap::new();
    let (mut faults, mut unchanged) = (Vec::new(), 0);
    for (at, wish) in wishes.iter().enumerate() {
        let mut refuse = |code: &'static str, message: String| faults.push(Fault { at, code, message });
        let link = &wish.link;
        if link.from == link.to {
            refuse("entity.itself", format!("{} cannot be linked to itself.", link.from));
            continue;
        }
        let before = now.get(link).cloned();
        let holds = wish.holds && wish.until.is_none();
        let state = if wish.holds { LinkState::Confirmed } else { LinkState::Rejected };
        let same = before.as_ref().is_some_and(|held| {
            held.state == state
                && (held.origin != Origin::Automatic || wish.by_rule)
                && (held.until == wish.until || !wish.holds)
                && wish.since.is_none_or(|since| since == held.since)
        });
        if same {
            unchanged += 1;
            continue;
        }
        if holds {
            if let Some((code, message)) = unfit(link, there) {
                refuse(code, message);
                continue;
            }
            if link.relation == Relation::SameAs {
                let other = now
                    .values()
                    .find(|held| {
                        held.holds()
                            && held.link.relation == Relation::SameAs
                            && held.link.from == link.from
                            && held.link != *link
                    })
                    .cloned();
                match other {
                    // A person's word goes before a rule's.
                    Some(other) if other.origin == Origin::Automatic => {
                        changed.entry(other.link.clone()).or_insert(other.word());
                        now.insert(other.link.clone(), Held { until: Some(today), ..other });
                    }
                    Some(other) => {
                        let told = format!(
                            "{} is the same as {} already; reject that link first.",
                            link.from, other.link.to
                        );
                        refuse("entity.linked_elsewhere", told);
                        continue;
                    }
                    None => {}
                }
                let mut forest = Forest::of(now.values().filter(|held| held.link != *link));
                if !forest.plant(link) {
                    let told =
                        format!("{} is the same as {} already, the other way round.", link.to, link.from);
                    refuse("entity.circle", told);
                    continue;
                }
            }
        }
        changed.entry(link.clone()).or_insert(before.as_ref().map_or("", |held| held.word()));
        let held = Held {
            link: link.clone(),
            since: wish
                .since
                .or(before.as_ref().filter(|held| held.holds()).map(|held| held.since))
                .unwrap_or(today),
            // A link that held is said no to: it ended.
            until: wish.until.or(before.as_ref().filter(|held| !wish.holds && held.holds()).map(|_| today)),
            state,
            similarity: before.as_ref().and_then(|held| held.similarity),
            confidence: wish.confidence,
            evidence: wish.evidence.clone(),
            origin,
            set_by,
        };
        now.insert(link.clone(), held);
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let changes = changed.into_iter().filter_map(|(link, was)| Some((was, now.remove(&link)?))).collect();
    Ok((changes, unchanged))
}

fn unfit(link: &Link, there: &BTreeSet<Thing>) -> Option<(&'static str, String)> {
    if link.relation == Relation::SameAs && link.from.kind != link.to.kind {
        let told = format!(
            "{} and {} are of two kinds; only things of one kind can be the same.",
            link.from, link.to
        );
        return Some(("entity.kind_mismatch", told));
    }
    // Whatever name somebody uses may be the same as a known thing; everything else is between known things.
    let known = |thing: &Thing| there.contains(thing);
    let lost =
        if link.relation == Relation::SameAs { None } else { Some(&link.from).filter(|from| !known(from)) };
    let lost = lost.or(Some(&link.to).filter(|to| !known(to)))?;
    Some((
        "entity.unknown",
        format!("there is no {lost}; `adjutant entities list` shows ids as they are written."),
    ))
}
