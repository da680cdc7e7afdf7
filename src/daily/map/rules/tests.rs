use super::*;
use crate::daily::map::forest::Forest;
use proptest::prelude::*;

fn campaign(id: &str, name: &str, landing_page: &str) -> Campaign {
    let source = id.split(':').next().unwrap().to_owned();
    let (id, name, landing_page) = (id.to_owned(), name.to_owned(), landing_page.to_owned());
    Campaign { id, source, name, landing_page, channel: "paid_search".to_owned() }
}

fn known(kind: EntityKind, id: &str, name: &str, skus: &[&str]) -> Known {
    let source = id.split_once(':').map_or("web", |(source, _)| source).to_owned();
    let skus = skus.iter().map(|sku| (*sku).to_owned()).collect();
    Known { kind, id: id.to_owned(), source, name: name.to_owned(), skus }
}

fn said(utm_source: &str, utm_campaign: &str) -> Said {
    Said { utm_source: utm_source.to_owned(), utm_campaign: utm_campaign.to_owned(), times: 1 }
}

fn shop() -> Snapshot {
    use EntityKind::{Campaign as C, Page, Product};
    Snapshot {
        campaigns: vec![
            campaign("google_ads:77", "Spring Sale", "https://shop.example/spring/?utm_source=google"),
            campaign("meta_ads:88", "Spring Sale", ""),
            campaign("meta_ads:99", "Autumn", ""),
        ],
        ads: vec![Ad {
            id: "meta_ads:901".to_owned(),
            campaign_id: "meta_ads:99".to_owned(),
            final_url: "/trail-bottle#now".to_owned(),
        }],
        known: vec![
            known(C, "google_ads:77", "Spring Sale", &[]),
            known(C, "ga4:autumn", "autumn", &[]),
            known(C, "ga4:spring_sale", "Spring Sale", &[]),
            known(Page, "/spring", "Spring", &[]),
            known(Page, "/spring/", "", &[]),
            known(Page, "/trail-bottle", "", &[]),
            known(Product, "shopify:7", "Trail Bottle", &["TB-1", "TB-2"]),
            known(Product, "csv:tb-1", "Bottle", &[]),
            known(Product, "stripe:p9", "Bottles", &["TB-2"]),
        ],
        words: vec![("google_ads:k1".to_owned(), EntityKind::SearchTerm, "trail bottle".to_owned())],
        unknown: vec![
            Thing::new(C, "99"),
            Thing::new(Product, "TB-2"),
            Thing::new(Page, "/spring/index.html"),
        ],
        said: vec![said("google", "spring+sale"), said("", "spring-sale"), said("facebook", "88")],
        held: Vec::new(),
    }
}

#[test]
fn what_fits_one_thing_alone_is_linked_and_what_fits_two_is_not() {
    let links: Vec<String> = automatic(&shop()).keys().map(ToString::to_string).collect();
    assert_eq!(
        links,
        [
            // "Spring Sale" without a platform is two campaigns: neither is it.
            "campaign 99 same_as campaign meta_ads:99",
            "campaign ga4:autumn same_as campaign meta_ads:99",
            "campaign google_ads:77 lands_on page /spring",
            "campaign meta_ads:99 lands_on page /trail-bottle",
            "campaign utm:facebook/88 same_as campaign meta_ads:88",
            "campaign utm:google/spring_sale same_as campaign google_ads:77",
            "ad meta_ads:901 lands_on page /trail-bottle",
            "keyword google_ads:k1 bids_on search_term trail bottle",
            "page /spring/ same_as page /spring",
            "page /spring/index.html same_as page /spring",
            "page /trail-bottle sells product shopify:7",
            "product TB-2 same_as product shopify:7",
            "product csv:tb-1 same_as product shopify:7",
            "product stripe:p9 same_as product shopify:7",
        ]
    );
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn after(held: &[Held], changes: &[(&'static str, Held)]) -> Vec<Held> {
    let mut all: BTreeMap<Link, Held> = held.iter().map(|held| (held.link.clone(), held.clone())).collect();
    all.extend(changes.iter().map(|(_, held)| (held.link.clone(), held.clone())));
    all.into_values().collect()
}

#[test]
fn what_follows_no_more_ends_and_what_people_said_stays() {
    let mut all = shop();
    let first = plan(&[], &automatic(&all), day("2026-05-01"));
    let mut held = after(&[], &first);
    assert!(plan(&held, &automatic(&all), day("2026-05-02")).is_empty(), "a second run changes nothing");
    let at = |held: &[Held], text: &str| held.iter().position(|held| held.link.to_string() == text).unwrap();
    let no = at(&held, "page /trail-bottle sells product shopify:7");
    held[no].state = LinkState::Rejected;
    held[no].origin = Origin::Operator;
    let own = at(&held, "campaign ga4:autumn same_as campaign meta_ads:99");
    held[own].link.to.id = "google_ads:77".to_owned();
    held[own].origin = Origin::Import;
    all.words.clear();
    let changes = plan(&held, &automatic(&all), day("2026-05-03"));
    let told: Vec<String> =
        changes.iter().map(|(was, held)| format!("{} {was} → {}", held.link, held.word())).collect();
    assert_eq!(told, ["keyword google_ads:k1 bids_on search_term trail bottle confirmed → ended"]);
    // It follows again: it holds again.
    let held = after(&held, &changes);
    let changes = plan(&held, &automatic(&shop()), day("2026-05-04"));
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].0, changes[0].1.word()), ("ended", "confirmed"));
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["Spring Sale", "spring_sale", "Autumn", "77", "88", "Brand", ""])
        .prop_map(str::to_owned)
}

fn things() -> impl Strategy<Value = Snapshot> {
    let id = prop::sample::select(vec!["77", "88", "brand", "autumn", "A", "B"]);
    let source = prop::sample::select(vec!["google_ads", "meta_ads", "ga4", "csv", "shopify"]);
    let path =
        prop::sample::select(vec!["/", "/a", "/a/", "/a/index.html", "/autumn", "https://x.example/a?b=c"]);
    let campaigns = prop::collection::btree_map((source.clone(), id.clone()), (name(), path.clone()), 0..5);
    let others = prop::collection::btree_map((source, id), (name(), prop::bool::ANY), 0..8);
    let pages = prop::collection::btree_set(path, 0..5);
    let words =
        prop::collection::btree_set((prop::sample::select(vec!["google", "facebook", ""]), name()), 0..5);
    (campaigns, others, pages, words).prop_map(|(campaigns, others, pages, said_so)| Snapshot {
        campaigns: campaigns
            .into_iter()
            .map(|((s, i), (n, p))| campaign(&format!("{s}:{i}"), &n, p))
            .collect(),
        known: others
            .into_iter()
            .map(|((source, id), (name, product))| {
                let kind = if product { EntityKind::Product } else { EntityKind::Campaign };
                known(kind, &format!("{source}:{id}"), &name, &[])
            })
            .chain(pages.into_iter().map(|page| known(EntityKind::Page, page, "", &[])))
            .collect(),
        said: said_so.into_iter().map(|(source, campaign)| said(source, &campaign)).collect(),
        ..Snapshot::default()
    })
}

proptest! {
    /// Whatever was linked on the way, what holds in the end follows from what is known in the end.
    #[test]
    fn links_depend_on_what_is_known_and_not_on_the_way_there(
        before in things(), now in things(), order in prop::collection::vec(any::<u32>(), 40)
    ) {
        let holding = |held: &[Held]| {
            held.iter().filter(|held| held.holds()).map(|held| held.link.clone()).collect::<Vec<_>>()
        };
        let direct = after(&[], &plan(&[], &automatic(&now), day("2026-05-01")));
        let on_the_way = after(&[], &plan(&[], &automatic(&before), day("2026-05-01")));
        let mut shuffled = now.clone();
        shuffled.known.sort_by_key(|known| order[known.id.len() % order.len()] ^ u32::try_from(known.name.len()).unwrap());
        shuffled.campaigns.reverse();
        let changes = plan(&on_the_way, &automatic(&shuffled), day("2026-05-02"));
        let round_about = after(&on_the_way, &changes);
        prop_assert_eq!(holding(&direct), holding(&round_about));
        prop_assert!(plan(&round_about, &automatic(&now), day("2026-05-03")).is_empty());
    }

    /// `same_as` is a forest: every thing has one root, and a root is the same as nothing else.
    #[test]
    fn every_thing_has_one_root(all in things()) {
        let held = after(&[], &plan(&[], &automatic(&all), day("2026-05-01")));
        let same = held.iter().filter(|held| held.link.relation == Relation::SameAs);
        let mut froms: Vec<&Thing> = same.map(|held| &held.link.from).collect();
        let count = froms.len();
        froms.sort();
        froms.dedup();
        prop_assert_eq!(froms.len(), count);
        let roots = Forest::of(&held).roots();
        for root in roots.values() {
            prop_assert!(!roots.contains_key(root));
        }
    }
}
