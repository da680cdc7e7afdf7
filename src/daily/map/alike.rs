//! Suggestions: things that nothing exact was found for, and what is called most like them. A person decides.
use super::forest::Forest;
use super::rules::{Snapshot, clean_path, utm_thing};
use crate::db::entity_map::{EntityKind, Held, Link, LinkState, Origin, Relation, Thing};
use crate::text::Trigrams;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Less alike than this is not the same (`queries.md` §2).
pub const ALIKE: f64 = 0.45;
/// Suggestions for one thing (`queries.md` §2: ask with the top 3).
const MOST: usize = 3;
/// Things of one kind that suggestions are looked for, the most used first. Ours: what people can look through.
const THINGS: usize = 500;

/// Things by the trigrams of their names.
#[derive(Default)]
struct Pool<'a> {
    names: Vec<(&'a str, Trigrams)>,
    with: HashMap<[char; 3], Vec<usize>>,
}

impl<'a> Pool<'a> {
    fn add(&mut self, id: &'a str, name: &str) {
        let trigrams = Trigrams::of(name);
        for trigram in trigrams.iter() {
            self.with.entry(*trigram).or_default().push(self.names.len());
        }
        self.names.push((id, trigrams));
    }

    /// The most alike, best first, each id once.
    fn like(&self, text: &str) -> Vec<(&'a str, f64)> {
        let wanted = Trigrams::of(text);
        let near: BTreeSet<usize> =
            wanted.iter().filter_map(|trigram| self.with.get(trigram)).flatten().copied().collect();
        let mut best: BTreeMap<&str, f64> = BTreeMap::new();
        for (id, trigrams) in near.into_iter().filter_map(|at| self.names.get(at)) {
            let alike = wanted.similarity(trigrams);
            if alike >= ALIKE {
                let kept = best.entry(id).or_insert(alike);
                *kept = kept.max(alike);
            }
        }
        let mut found: Vec<(&str, f64)> = best.into_iter().collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        found.truncate(MOST);
        found
    }
}

/// What is alike enough to be asked about, with how alike it is (six decimals).
pub fn suggestions(all: &Snapshot) -> BTreeMap<Link, Decimal> {
    let mut out = BTreeMap::new();
    let forest = Forest::of(&all.held);
    campaigns(all, &forest, &mut out);
    landing_pages(all, &mut out);
    products(all, &forest, &mut out);
    out
}

type Found = BTreeMap<Link, Decimal>;

fn note(out: &mut Found, link: Link, alike: f64) {
    let alike = Decimal::try_from(alike).unwrap_or_default().round_dp(6);
    out.insert(link, alike);
}

/// Names of campaigns that are no platform's yet.
fn campaigns(all: &Snapshot, forest: &Forest, out: &mut Found) {
    use EntityKind::Campaign as C;
    let mut pool = Pool::default();
    for campaign in &all.campaigns {
        pool.add(&campaign.id, &campaign.name);
    }
    let own: BTreeSet<&str> = all.campaigns.iter().map(|c| c.id.as_str()).collect();
    let mut said: Vec<(i64, Thing, String)> = all
        .said
        .iter()
        .filter_map(|said| {
            let thing = utm_thing(said)?;
            let words = thing.id.rsplit('/').next()?.replace('_', " ");
            Some((said.times, thing, words))
        })
        .collect();
    said.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let said = said.into_iter().map(|(_, thing, words)| (thing, words));
    let unknown = all.unknown_of(C).map(|thing| (thing.clone(), thing.id.clone()));
    let others = all.of_kind(C).filter(|known| !own.contains(known.id.as_str())).map(|known| {
        let bare = known.id.split_once(':').map_or(known.id.as_str(), |(_, bare)| bare);
        let words = if known.name.is_empty() { bare } else { &known.name };
        (Thing::new(C, &known.id), words.to_owned())
    });
    let open = said.chain(unknown).chain(others).filter(|(thing, _)| forest.up(thing).is_none());
    for (from, words) in open.take(THINGS) {
        for (id, alike) in pool.like(&words) {
            let link = Link { from: from.clone(), relation: Relation::SameAs, to: Thing::new(C, id) };
            note(out, link, alike);
        }
    }
}

/// Pages by title and by the words of their path.
fn pages(all: &Snapshot) -> Pool<'_> {
    let mut pool = Pool::default();
    for page in all.of_kind(EntityKind::Page).filter(|page| clean_path(&page.id) == page.id) {
        pool.add(&page.id, &page.id);
        if !page.name.is_empty() {
            pool.add(&page.id, &page.name);
        }
        if let Some(last) =
            page.id.rsplit('/').next().filter(|last| page.id.matches('/').count() > 1 && !last.is_empty())
        {
            pool.add(&page.id, last);
        }
    }
    pool
}

fn linked(all: &Snapshot, relation: Relation, thing: &Thing) -> bool {
    all.held.iter().any(|held| {
        held.holds() && held.link.relation == relation && (held.link.from == *thing || held.link.to == *thing)
    })
}

/// Campaigns whose landing page nobody knows.
fn landing_pages(all: &Snapshot, out: &mut Found) {
    let pool = pages(all);
    let lost = all.campaigns.iter().filter(|campaign| campaign.landing_page.trim().is_empty()).take(THINGS);
    for campaign in lost {
        let from = Thing::new(EntityKind::Campaign, &campaign.id);
        if linked(all, Relation::LandsOn, &from) {
            continue;
        }
        for (id, alike) in pool.like(&campaign.name) {
            let to = Thing::new(EntityKind::Page, id);
            note(out, Link { from: from.clone(), relation: Relation::LandsOn, to }, alike);
        }
    }
}

/// Products that only events name, and those that no page sells.
fn products(all: &Snapshot, forest: &Forest, out: &mut Found) {
    use EntityKind::{Page, Product};
    let mut pool = Pool::default();
    for known in all.of_kind(Product) {
        pool.add(&known.id, &known.name);
    }
    for from in all.unknown_of(Product).filter(|thing| forest.up(thing).is_none()).take(THINGS) {
        for (id, alike) in pool.like(&from.id) {
            let link = Link { from: from.clone(), relation: Relation::SameAs, to: Thing::new(Product, id) };
            note(out, link, alike);
        }
    }
    let pool = pages(all);
    for known in all.of_kind(Product).filter(|known| !known.name.is_empty()).take(THINGS) {
        let to = Thing::new(Product, &known.id);
        if linked(all, Relation::Sells, &to) || forest.up(&to).is_some() {
            continue;
        }
        for (id, alike) in pool.like(&known.name) {
            let from = Thing::new(Page, id);
            note(out, Link { from, relation: Relation::Sells, to: to.clone() }, alike);
        }
    }
}

/// What to write and what to forget, so that the open suggestions are these. What was ever decided is not asked again.
pub fn plan<'a>(
    held: &'a [Held],
    wanted: &BTreeMap<Link, Decimal>,
    today: Date,
) -> (Vec<Held>, Vec<&'a Link>) {
    let before: BTreeMap<&Link, &Held> = held.iter().map(|held| (&held.link, held)).collect();
    let open = |held: &&Held| held.state == LinkState::Suggested;
    let gone =
        held.iter().filter(open).map(|held| &held.link).filter(|link| !wanted.contains_key(*link)).collect();
    let news = wanted.iter().filter_map(|(link, alike)| {
        let known = before.get(link);
        let as_before = known.is_some_and(|held| !open(held) || held.similarity == Some(*alike));
        (!as_before).then(|| Held {
            link: link.clone(),
            since: known.map_or(today, |held| held.since),
            until: None,
            state: LinkState::Suggested,
            similarity: Some(*alike),
            confidence: *alike,
            evidence: "names alike".to_owned(),
            origin: Origin::Automatic,
            set_by: None,
        })
    });
    (news.collect(), gone)
}

#[cfg(test)]
mod tests;
