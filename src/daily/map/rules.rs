//! Links that need no person: what is the same by id, name, path, SKU or word, once one fitting thing is all there is.
//!
//! What is linked follows from what is known alone, not from the order in which it came, and not from earlier runs: a link that
//! no rule makes any more is ended. What people said stands above every rule.
use super::forest::Forest;
use crate::db::entity_map::read::{Ad, Campaign, Known, Said};
use crate::db::entity_map::{EntityKind, Held, Link, LinkState, Origin, Relation, Thing};
use crate::db::facts::attribution::Candidate;
use crate::platforms::csv::attribution::{Names, slug_of};
use crate::platforms::csv::path;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// Where products live; the others call them by the shop's names. First come, first served.
const SHOPS: [&str; 3] = ["shopify", "tiendanube", "mercadolibre"];

/// All that the map is made from.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub campaigns: Vec<Campaign>,
    pub ads: Vec<Ad>,
    pub known: Vec<Known>,
    /// Keyword, and the same words as somebody typed them.
    pub words: Vec<(String, EntityKind, String)>,
    /// Names that facts use and no system knows, the most used first.
    pub unknown: Vec<Thing>,
    pub said: Vec<Said>,
    pub held: Vec<Held>,
}

impl Snapshot {
    pub fn of_kind(&self, kind: EntityKind) -> impl Iterator<Item = &Known> {
        self.known.iter().filter(move |known| known.kind == kind)
    }

    fn pages(&self) -> BTreeSet<&str> {
        self.of_kind(EntityKind::Page).map(|page| page.id.as_str()).collect()
    }

    pub fn unknown_of(&self, kind: EntityKind) -> impl Iterator<Item = &Thing> {
        self.unknown.iter().filter(move |thing| thing.kind == kind)
    }
}

/// The thing that UTM parameters name; none when they say nothing.
pub fn utm_thing(said: &Said) -> Option<Thing> {
    let words = slug_of(&said.utm_campaign);
    let source = slug_of(&said.utm_source);
    (!words.is_empty()).then(|| Thing::new(EntityKind::Campaign, format!("utm:{source}/{words}")))
}

/// A path without what does not change the page: query, fragment, last slash, `index.html`.
pub fn clean_path(url: &str) -> String {
    let path = path(url);
    let path = path.strip_suffix("/index.html").or_else(|| path.strip_suffix("/index.php")).unwrap_or(&path);
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

/// The links that follow from what is known, each with what speaks for it.
pub fn automatic(all: &Snapshot) -> BTreeMap<Link, &'static str> {
    let mut links = BTreeMap::new();
    campaigns(all, &mut links);
    pages(all, &mut links);
    products(all, &mut links);
    for (keyword, kind, term) in &all.words {
        add(&mut links, (EntityKind::Keyword, keyword), Relation::BidsOn, (*kind, term), "the same words");
    }
    links
}

type Links = BTreeMap<Link, &'static str>;

fn add(
    links: &mut Links,
    from: (EntityKind, &str),
    relation: Relation,
    to: (EntityKind, &str),
    why: &'static str,
) {
    let (from, to) = (Thing::new(from.0, from.1), Thing::new(to.0, to.1));
    if from != to {
        links.entry(Link { from, relation, to }).or_insert(why);
    }
}

/// Campaigns as others name them are those of the platforms; two platforms' campaigns of one name stay two.
fn campaigns(all: &Snapshot, links: &mut Links) {
    use EntityKind::Campaign as C;
    let candidates: Vec<Candidate> = all
        .campaigns
        .iter()
        .map(|c| Candidate { id: c.id.clone(), source: c.source.clone(), name: c.name.clone() })
        .collect();
    let names = Names::of(&candidates);
    for said in &all.said {
        let meant = names.meant(&said.utm_source, &said.utm_campaign);
        if let (Some(from), Some(id)) = (utm_thing(said), meant) {
            add(links, (C, &from.id), Relation::SameAs, (C, id), "utm_campaign is its id or name");
        }
    }
    let own: BTreeSet<&str> = all.campaigns.iter().map(|c| c.id.as_str()).collect();
    for known in all.of_kind(C).filter(|known| !own.contains(known.id.as_str())) {
        let bare = known.id.split_once(':').map_or(known.id.as_str(), |(_, bare)| bare);
        let by_name = || names.meant("", &known.name).filter(|_| !known.name.is_empty());
        if let Some(id) = names.meant("", bare).or_else(by_name) {
            add(links, (C, &known.id), Relation::SameAs, (C, id), "the same id or name");
        }
    }
    for thing in all.unknown_of(C) {
        if let Some(id) = names.meant("", &thing.id) {
            add(links, (C, &thing.id), Relation::SameAs, (C, id), "the same id or name");
        }
    }
}

fn pages(all: &Snapshot, links: &mut Links) {
    use EntityKind::{Ad, Campaign, Page};
    let pages = all.pages();
    // The page an address leads to, as far as it is known.
    let page = |url: &str| {
        let (clean, plain) = (clean_path(url), path(url));
        [clean, plain].into_iter().find(|id| pages.contains(id.as_str())).filter(|_| !url.trim().is_empty())
    };
    let named = all.of_kind(Page).map(|page| page.id.as_str());
    for id in named.chain(all.unknown_of(Page).map(|thing| thing.id.as_str())) {
        let clean = clean_path(id);
        if clean != id && pages.contains(clean.as_str()) {
            add(links, (Page, id), Relation::SameAs, (Page, &clean), "the same page, written another way");
        }
    }
    for campaign in &all.campaigns {
        if let Some(id) = page(&campaign.landing_page) {
            add(links, (Campaign, &campaign.id), Relation::LandsOn, (Page, &id), "its landing page");
        }
    }
    for ad in &all.ads {
        let Some(id) = page(&ad.final_url) else { continue };
        add(links, (Ad, &ad.id), Relation::LandsOn, (Page, &id), "its final URL");
        if !ad.campaign_id.is_empty() {
            let from = (Campaign, ad.campaign_id.as_str());
            add(links, from, Relation::LandsOn, (Page, &id), "the final URL of an ad of it");
        }
    }
}

fn products(all: &Snapshot, links: &mut Links) {
    use EntityKind::{Page, Product};
    let rank = |known: &Known| {
        let shop = SHOPS.iter().position(|shop| *shop == known.source).unwrap_or(SHOPS.len());
        (shop, known.id.clone())
    };
    // By SKU, or by the bare id of one that has none: files of other systems name products so.
    let mut by_sku: BTreeMap<String, Vec<&Known>> = BTreeMap::new();
    let skus = |known: &Known| {
        let bare = known.id.split_once(':').map_or(known.id.as_str(), |(_, bare)| bare).to_owned();
        let skus = if known.skus.is_empty() { vec![bare] } else { known.skus.clone() };
        skus.into_iter().map(|sku| sku.trim().to_lowercase()).collect::<Vec<_>>()
    };
    for known in all.of_kind(Product) {
        for sku in skus(known) {
            by_sku.entry(sku).or_default().push(known);
        }
    }
    // One SKU on two things of one system tells nothing.
    by_sku.retain(|_, group| {
        group.sort_by_key(|known| rank(known));
        group.iter().map(|known| &known.source).collect::<BTreeSet<_>>().len() == group.len()
    });
    for known in all.of_kind(Product) {
        // All of its SKUs agree who it is.
        let firsts: BTreeSet<&str> = skus(known)
            .iter()
            .filter_map(|sku| by_sku.get(sku)?.first())
            .map(|first| first.id.as_str())
            .collect();
        if let [first] = firsts.into_iter().collect::<Vec<_>>().as_slice() {
            add(links, (Product, &known.id), Relation::SameAs, (Product, first), "the same SKU");
        }
    }
    for thing in all.unknown_of(Product) {
        if let Some([first, ..]) = by_sku.get(&thing.id.trim().to_lowercase()).map(Vec::as_slice) {
            add(links, (Product, &thing.id), Relation::SameAs, (Product, &first.id), "its SKU");
        }
    }
    let mut by_name: BTreeMap<String, Vec<&Known>> = BTreeMap::new();
    for known in all.of_kind(Product) {
        by_name.entry(slug_of(&known.name)).or_default().push(known);
    }
    for page in all.pages() {
        let last = clean_path(page).rsplit('/').next().map(slug_of).unwrap_or_default();
        if let Some([only]) = by_name.get(&last).filter(|_| !last.is_empty()).map(Vec::as_slice)
            && clean_path(page) == page
        {
            add(
                links,
                (Page, page),
                Relation::Sells,
                (Product, &only.id),
                "the page is called like the product",
            );
        }
    }
}

/// What has to be written so that the links are those that follow: each with the state it had before.
pub fn plan(held: &[Held], wanted: &BTreeMap<Link, &'static str>, today: Date) -> Vec<(&'static str, Held)> {
    let before: BTreeMap<&Link, &Held> = held.iter().map(|held| (&held.link, held)).collect();
    // People's links stand; rules find their place among them.
    let mut forest = Forest::default();
    for held in held.iter().filter(|held| held.holds() && held.origin != Origin::Automatic) {
        forest.plant(&held.link);
    }
    let mut wanted_now = BTreeMap::new();
    for (link, why) in wanted {
        let by_people = before.get(link).is_some_and(|held| {
            held.state == LinkState::Rejected
                || (held.origin != Origin::Automatic && held.state != LinkState::Suggested)
        });
        if !by_people && (link.relation != Relation::SameAs || forest.plant(link)) {
            wanted_now.insert(link, *why);
        }
    }
    let mut out = Vec::new();
    for held in held {
        let rules_only = held.origin == Origin::Automatic && held.holds();
        if rules_only && !wanted_now.contains_key(&held.link) {
            out.push(("confirmed", Held { until: Some(today), ..held.clone() }));
        }
    }
    for (link, why) in wanted_now {
        let was = before.get(link).map_or("", |held| held.word());
        if was == "confirmed" {
            continue;
        }
        let held = Held {
            link: link.clone(),
            since: today,
            until: None,
            state: LinkState::Confirmed,
            similarity: None,
            confidence: Decimal::ONE,
            evidence: why.to_owned(),
            origin: Origin::Automatic,
            set_by: None,
        };
        out.push((was, held));
    }
    out
}

#[cfg(test)]
mod tests;
