use super::*;
use crate::db::entity_map::read::{Campaign, Known, Said};

fn shop() -> Snapshot {
    let campaign = |id: &str, name: &str, landing: &str| Campaign {
        id: id.to_owned(),
        source: "google_ads".to_owned(),
        name: name.to_owned(),
        landing_page: landing.to_owned(),
        channel: "paid_search".to_owned(),
    };
    let page = |id: &str, name: &str| Known {
        kind: EntityKind::Page,
        id: id.to_owned(),
        source: "web".to_owned(),
        name: name.to_owned(),
        skus: Vec::new(),
    };
    Snapshot {
        campaigns: vec![
            campaign("google_ads:1", "Harvest Sale", "/harvest"),
            campaign("google_ads:2", "Trail Shoes Search", ""),
            campaign("google_ads:3", "Brand", "/"),
        ],
        known: vec![page("/harvest", "Harvest"), page("/trail-shoes", "Trail shoes"), page("/imprint", "")],
        said: vec![
            Said { utm_source: "google".to_owned(), utm_campaign: "harvest-sales".to_owned(), times: 7 },
            Said { utm_source: "google".to_owned(), utm_campaign: "xyz".to_owned(), times: 9 },
        ],
        ..Snapshot::default()
    }
}

fn told(found: &BTreeMap<Link, Decimal>) -> Vec<String> {
    found.iter().map(|(link, alike)| format!("{:.2} {link}", alike.round_dp(2))).collect()
}

#[test]
fn what_is_called_alike_is_suggested_with_how_alike_it_is() {
    assert_eq!(
        told(&suggestions(&shop())),
        [
            "0.67 campaign google_ads:2 lands_on page /trail-shoes",
            "0.80 campaign utm:google/harvest_sales same_as campaign google_ads:1",
        ]
    );
}

#[test]
fn what_was_decided_is_not_asked_again_and_what_is_no_longer_alike_is_forgotten() {
    let today: Date = "2026-05-01".parse().unwrap();
    let mut all = shop();
    let (mut held, gone) = plan(&[], &suggestions(&all), today);
    assert_eq!((held.len(), gone.len()), (2, 0));
    held.sort_by(|a, b| a.link.cmp(&b.link));
    held[1].state = LinkState::Rejected;
    all.held = held.clone();
    let (news, gone) = plan(&all.held, &suggestions(&all), today);
    assert!(news.is_empty() && gone.is_empty());
    all.campaigns[1].landing_page = "/trail-shoes".to_owned();
    let wanted = suggestions(&all);
    let (news, gone) = plan(&all.held, &wanted, today);
    assert!(news.is_empty());
    assert_eq!(gone, [&held[0].link]);
}
