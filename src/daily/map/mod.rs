//! The entity map kept up to date: rules link what is certain, the rest is suggested, people decide, facts follow.
//!
//! Every change of links ends in [`settle`], in the same transaction: canonical ids of things and events, the campaigns that orders
//! and leads name, and the days that count differently now.
pub mod alike;
mod decide;
pub mod file;
mod forest;
pub mod rules;

pub use decide::{Done, Fault, Wish, decide};

use crate::clock::Clock;
use crate::db::entity_map::canon::{self, Meant};
use crate::db::entity_map::{self, EntityKind, Held, LinkState, Relation, Thing, read, write};
use crate::db::{Db, OrgTx, events, people};
use crate::events::ingest::gave_way;
use crate::ids::OrgId;
use crate::period::local_day;
use forest::Forest;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rules::{Snapshot, utm_thing};
use std::collections::{BTreeMap, BTreeSet};

/// How far back events are looked at for names that are new: an event may be 30 days late (`events.md` §1).
const NAMED_SINCE: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Events that follow their links in one transaction: batches that come wait for it.
const PART: i64 = 5_000;
/// Times a change is made anew when the database gave another transaction the way.
const TRIES: usize = 4;

/// What a run changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Links that hold since this run.
    pub linked: u64,
    /// Links of rules that follow from nothing any more.
    pub ended: u64,
    /// Things that have another canonical id now.
    pub things: u64,
    /// Events, orders and leads that followed.
    pub facts: u64,
    /// Days of things that are queued to be computed again.
    pub days: u64,
}

impl Outcome {
    pub fn changed(self) -> u64 {
        self.linked + self.ended + self.things + self.facts
    }
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.linked += other.linked;
        self.ended += other.ended;
        self.things += other.things;
        self.facts += other.facts;
        self.days += other.days;
    }
}

/// The organisation's day and zone.
pub(crate) async fn today(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<(Date, String), sqlx::Error> {
    let zone = people::org(tx, org).await?.time_zone;
    let day = local_day(now, &TimeZone::get(&zone).unwrap_or(TimeZone::UTC));
    Ok((day, zone))
}

/// Every thing that is the same as another, with its canonical thing.
pub(crate) async fn roots(tx: &mut OrgTx, org: OrgId) -> Result<BTreeMap<Thing, Thing>, sqlx::Error> {
    Ok(Forest::of(&read::links(tx, org).await?).roots())
}

/// Makes the links that follow from what is known, and ends those that no longer do. A second run changes nothing.
pub async fn link(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<Outcome, sqlx::Error> {
    let mut tries = 0;
    let mut outcome = loop {
        tries += 1;
        match link_once(db, clock, org).await {
            Err(error) if tries < TRIES && gave_way(&error) => {}
            done => break done?,
        }
    };
    outcome += follow_on(db, clock, org).await?;
    Ok(outcome)
}

async fn link_once(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<Outcome, sqlx::Error> {
    let mut tx = db.org(org).await?;
    entity_map::lock(&mut tx, org).await?;
    let (today, _) = today(&mut tx, org, clock.now()).await?;
    let all = snapshot(&mut tx, org, clock.now()).await?;
    let changes = rules::plan(&all.held, &rules::automatic(&all), today);
    let outcome = apply(&mut tx, clock, org, &all, &changes).await?;
    tx.commit().await?;
    Ok(outcome)
}

/// Looks for what is called alike, and gives how many suggestions are open. Nothing is linked by it.
pub async fn suggest(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<u64, sqlx::Error> {
    let mut tx = db.org(org).await?;
    entity_map::lock(&mut tx, org).await?;
    let (today, _) = today(&mut tx, org, clock.now()).await?;
    let all = snapshot(&mut tx, org, clock.now()).await?;
    let wanted = alike::suggestions(&all);
    let (news, gone) = alike::plan(&all.held, &wanted, today);
    write::forget(&mut tx, org, &gone).await?;
    write::put(&mut tx, org, &news).await?;
    let open = "suggested";
    let left = all.held.iter().filter(|held| held.word() == open).count() - gone.len();
    let fresh = news.iter().filter(|new| !all.held.iter().any(|held| held.link == new.link)).count();
    tx.commit().await?;
    Ok((left + fresh) as u64)
}

/// All that rules look at.
async fn snapshot(tx: &mut OrgTx, org: OrgId, now: Timestamp) -> Result<Snapshot, sqlx::Error> {
    let held = read::links(tx, org).await?;
    let known = read::known(tx, org).await?;
    let since = now.checked_sub(NAMED_SINCE).unwrap_or(Timestamp::MIN);
    let unknown = read::unknown(tx, org, since).await?;
    let mut names: Vec<Thing> = unknown.into_iter().map(|name| Thing::new(name.kind, name.id)).collect();
    // What was linked is no longer unknown to events, and is a name all the same.
    let there: BTreeSet<(EntityKind, &str)> =
        known.iter().map(|known| (known.kind, known.id.as_str())).collect();
    let heard: BTreeSet<Thing> = names.iter().cloned().collect();
    let linked: BTreeSet<&Thing> = held
        .iter()
        .map(|held| &held.link)
        .filter(|link| link.relation == Relation::SameAs)
        .map(|link| &link.from)
        .filter(|from| !from.id.starts_with("utm:") && !there.contains(&(from.kind, from.id.as_str())))
        .filter(|from| !heard.contains(from))
        .collect();
    let linked: Vec<Thing> = linked.into_iter().cloned().collect();
    names.extend(linked);
    Ok(Snapshot {
        campaigns: read::campaigns(tx, org).await?,
        ads: read::ads(tx, org).await?,
        words: read::keyword_words(tx, org).await?,
        said: read::said(tx, org).await?,
        unknown: names,
        known,
        held,
    })
}

/// Writes changes of links, and makes facts follow.
async fn apply(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    all: &Snapshot,
    changes: &[(&str, Held)],
) -> Result<Outcome, sqlx::Error> {
    // What ends goes first: a thing is the same as one other at most, at any moment.
    let (ended, begun): (Vec<_>, Vec<_>) = changes.iter().partition(|(_, held)| !held.holds());
    for part in [&ended, &begun] {
        let held: Vec<Held> = part.iter().map(|(_, held)| held.clone()).collect();
        write::put(tx, org, &held).await?;
        let notes: Vec<(&str, &Held)> = part.iter().map(|(was, held)| (*was, held)).collect();
        write::note(tx, clock, org, &notes).await?;
    }
    let mut outcome = settle(tx, clock, org, all).await?;
    outcome.linked = begun.len() as u64;
    outcome.ended = ended.iter().filter(|(was, _)| *was == "confirmed").count() as u64;
    Ok(outcome)
}

/// Makes everything that goes by canonical ids follow the links as they are stored now.
async fn settle(
    tx: &mut OrgTx,
    clock: &dyn Clock,
    org: OrgId,
    all: &Snapshot,
) -> Result<Outcome, sqlx::Error> {
    let now = clock.now();
    let (_, zone) = today(tx, org, now).await?;
    let held = read::links(tx, org).await?;
    let roots = Forest::of(&held).roots();
    let since = now.checked_sub(NAMED_SINCE).unwrap_or(Timestamp::MIN);
    // What may take long goes first: batches of events wait from the gate's closing on.
    let mut things = canon::known_by_now(tx, org, since).await?;
    let before = Forest::of(&all.held).roots();
    let meant = meant(all, &before, &roots, &held);
    let (named, sold) = canon::reassign(tx, org, &meant, &zone, now).await?;
    let mut outcome = Outcome { facts: named, ..Outcome::default() };
    let mut days: BTreeSet<canon::Day> = sold.into_iter().collect();
    // Where everything is as it was, nobody waits. Moves that a run left are gone on with part by part.
    if held != all.held || !things.is_empty() || canon::unsettled(tx, org, &roots).await? {
        entity_map::close(tx, org).await?;
        let changed = canon::set_canonical(tx, org, &roots).await?;
        outcome.things = changed.len() as u64;
        things.extend(changed);
        // Names that no system knows have no row that tells whether they changed.
        let names = before.keys().chain(roots.keys()).filter(|name| !name.id.starts_with("utm:"));
        things.extend(names.filter(|name| before.get(name) != roots.get(name)).cloned());
        canon::queue_moves(tx, org, &things, now).await?;
        let (moved, followed) = follow(tx, org, &roots, &zone).await?;
        outcome.facts += moved;
        days.extend(followed);
    }
    let days: Vec<canon::Day> = days.into_iter().collect();
    events::restate(tx, org, &days, "entity map", now).await?;
    outcome.days = days.len() as u64;
    Ok(outcome)
}

/// Makes a part of the events follow that have to; gives how many, and the days that count differently.
async fn follow(
    tx: &mut OrgTx,
    org: OrgId,
    roots: &BTreeMap<Thing, Thing>,
    zone: &str,
) -> Result<(u64, Vec<canon::Day>), sqlx::Error> {
    let things = canon::moves(tx, org).await?;
    if things.is_empty() {
        return Ok((0, Vec::new()));
    }
    let (events, days) = canon::follow(tx, org, &things, roots, zone, PART).await?;
    if events < PART.unsigned_abs() {
        canon::moved(tx, org).await?;
    }
    Ok((events, days))
}

/// Makes the rest of the events follow, part by part; where a run ends in between, the next one goes on.
pub(crate) async fn follow_on(db: &Db, clock: &dyn Clock, org: OrgId) -> Result<Outcome, sqlx::Error> {
    let mut outcome = Outcome::default();
    let mut tries = 0;
    loop {
        let mut tx = db.org(org).await?;
        let part: Result<Option<(u64, u64)>, sqlx::Error> = async {
            if canon::moves(&mut tx, org).await?.is_empty() {
                return Ok(None);
            }
            entity_map::lock(&mut tx, org).await?;
            let now = clock.now();
            let (_, zone) = today(&mut tx, org, now).await?;
            let roots = roots(&mut tx, org).await?;
            let (events, days) = follow(&mut tx, org, &roots, &zone).await?;
            events::restate(&mut tx, org, &days, "entity map", now).await?;
            Ok(Some((events, days.len() as u64)))
        }
        .await;
        match part {
            Ok(None) => {
                crate::db::let_go(tx);
                return Ok(outcome);
            }
            Ok(Some((events, days))) => {
                tx.commit().await?;
                outcome.facts += events;
                outcome.days += days;
                tries = 0;
            }
            Err(error) if tries + 1 < TRIES && gave_way(&error) => {
                tx.rollback().await?;
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// What each spelling of a campaign in links means now, and what it does not: what it meant before, and what people said no to
/// (an import goes by names alone).
fn meant<'a>(
    all: &'a Snapshot,
    before: &'a BTreeMap<Thing, Thing>,
    roots: &'a BTreeMap<Thing, Thing>,
    held: &'a [Held],
) -> Vec<Meant<'a>> {
    let (denied, refused) = (refused(&all.held), refused(held));
    let mut out = Vec::new();
    for said in &all.said {
        let Some(thing) = utm_thing(said) else { continue };
        let now = roots.get(&thing).map(|root| root.id.as_str());
        let was = before.get(&thing).map(|root| root.id.as_str());
        let no = refused.get(&thing);
        let not: Vec<&str> =
            was.into_iter().chain(no.into_iter().flatten().copied()).filter(|id| Some(*id) != now).collect();
        let moved = was != now || denied.get(&thing) != no;
        if now.is_some() || !not.is_empty() || moved {
            out.push(Meant { said, not, now, moved });
        }
    }
    out
}

/// What people said that each thing is not, in the order of the links.
fn refused(held: &[Held]) -> BTreeMap<&Thing, Vec<&str>> {
    let mut no: BTreeMap<&Thing, Vec<&str>> = BTreeMap::new();
    for held in held.iter().filter(|held| held.state == LinkState::Rejected) {
        if held.link.relation == Relation::SameAs {
            no.entry(&held.link.from).or_default().push(&held.link.to.id);
        }
    }
    no
}

/// What the words of links mean: what people and rules say of them goes before the names of campaigns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    roots: BTreeMap<Thing, Thing>,
    refused: BTreeSet<(Thing, String)>,
}

impl Words {
    pub(crate) async fn read(tx: &mut OrgTx, org: OrgId) -> Result<Self, sqlx::Error> {
        Ok(Self::of(&read::links(tx, org).await?))
    }

    pub(crate) fn of(held: &[Held]) -> Self {
        let no = refused(held);
        let each = no
            .into_iter()
            .flat_map(|(thing, ids)| ids.into_iter().map(move |id| (thing.clone(), id.to_owned())));
        Self { refused: each.collect(), roots: Forest::of(held).roots() }
    }

    /// The campaign that UTM parameters mean, by its canonical id; `named` is the one that goes by such a name.
    pub(crate) fn meant(&self, utm_source: &str, utm_campaign: &str, named: Option<&str>) -> Option<String> {
        let said =
            read::Said { utm_source: utm_source.to_owned(), utm_campaign: utm_campaign.to_owned(), times: 1 };
        let words = utm_thing(&said);
        if let Some(root) = words.as_ref().and_then(|words| self.roots.get(words)) {
            return Some(root.id.clone());
        }
        let named = named?;
        if words.is_some_and(|words| self.refused.contains(&(words, named.to_owned()))) {
            return None;
        }
        let thing = Thing::new(EntityKind::Campaign, named);
        Some(self.roots.get(&thing).unwrap_or(&thing).id.clone())
    }
}
