use super::*;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use uuid::Uuid;

const CAME: &str = "2026-05-01T12:00:00Z";

fn lead() -> Lead {
    Lead {
        id: "web:1".to_owned(),
        created_at: CAME.parse().unwrap(),
        campaign_id: None,
        channel: "unknown".to_owned(),
        first_touch: json!({}),
        last_touch: json!({}),
        said_first: None,
        said_last: None,
        first: None,
        last: None,
        touches: Vec::new(),
    }
}

fn touch(hours_before: i64, channel: &str) -> Spot {
    let came: Timestamp = CAME.parse().unwrap();
    Spot {
        at: came - hours_before.hours(),
        channel: channel.to_owned(),
        campaign_id: None,
        utm: json!({}),
        referrer: String::new(),
        landing_path: "/".to_owned(),
        touch_id: Some(Uuid::from_u128(u128::try_from(hours_before).unwrap())),
    }
}

fn ends(lead: &Lead) -> (Option<String>, Option<String>) {
    let found = found(lead, &BTreeMap::new(), true);
    let of = |which: &str| {
        let spot = found.spots.iter().find(|(w, _)| *w == which)?;
        Some(format!("{} {}", spot.1.channel, lead.created_at.duration_since(spot.1.at).as_hours()))
    };
    (of("first"), of("last"))
}

#[test]
fn the_last_touch_is_the_last_that_is_not_direct_within_ninety_days() {
    let some = |text: &str| Some(text.to_owned());
    let with = |touches: Vec<Spot>| Lead { touches, ..lead() };
    assert_eq!(ends(&lead()), (None, None));
    let usual = with(vec![touch(900, "seo"), touch(30, "email"), touch(2, "direct")]);
    assert_eq!(ends(&usual), (some("seo 900"), some("email 30")));
    let direct = with(vec![touch(30, "direct"), touch(2, "direct")]);
    assert_eq!(ends(&direct), (some("direct 30"), some("direct 2")));
    let old = with(vec![touch(90 * 24, "seo"), touch(2, "direct")]);
    assert_eq!(ends(&old), (some("seo 2160"), some("direct 2")));
    let edge = with(vec![touch(90 * 24 - 1, "seo"), touch(2, "direct")]);
    assert_eq!(ends(&edge).1, some("seo 2159"));
    let too_old = with(vec![touch(90 * 24, "seo")]);
    assert_eq!(ends(&too_old), (some("seo 2160"), None));
    // A form on the platform itself says where it came from, at the moment of the lead.
    let told =
        Lead { campaign_id: Some("meta_ads:9".to_owned()), channel: "paid_social".to_owned(), ..usual };
    assert_eq!(ends(&told).1, some("paid_social 0"));
    assert_eq!(found(&told, &BTreeMap::new(), true).campaign_id.as_deref(), Some("meta_ads:9"));
}

/// The lead as it is read the next time.
fn stored(lead: &Lead, found: &Found<'_>) -> Lead {
    let of = |which: &str| found.spots.iter().find(|(w, _)| *w == which).map(|(_, spot)| spot.clone());
    Lead {
        first_touch: found.first_touch.clone(),
        last_touch: found.last_touch.clone(),
        channel: found.channel.clone(),
        campaign_id: found.campaign_id.clone(),
        said_first: of("said_first"),
        said_last: of("said_last"),
        first: of("first"),
        last: of("last"),
        ..lead.clone()
    }
}

fn meaning(campaign: &str) -> BTreeMap<Thing, Thing> {
    let name = Thing::new(EntityKind::Campaign, "utm:google/spring");
    BTreeMap::from([(name, Thing::new(EntityKind::Campaign, campaign))])
}

#[test]
fn a_campaign_that_is_only_meant_goes_with_its_link() {
    let told = json!({"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"});
    let lead = Lead { last_touch: told, ..lead() };
    let first = found(&lead, &meaning("google_ads:7"), true);
    assert_eq!((first.channel.as_str(), first.campaign_id.as_deref()), ("paid_search", Some("google_ads:7")));
    assert_eq!(first.last_touch["utm_campaign"], "spring", "the words that it came with stay");
    let again = stored(&lead, &first);
    assert_eq!(found(&again, &meaning("google_ads:8"), true).campaign_id.as_deref(), Some("google_ads:8"));
    assert_eq!(found(&again, &BTreeMap::new(), true).campaign_id, None);
}

#[test]
fn the_first_touch_is_written_once_unless_it_is_found_anew() {
    let lead = Lead { touches: vec![touch(30, "email")], ..lead() };
    let before = found(&lead, &BTreeMap::new(), false);
    let late = Lead { touches: vec![touch(40, "seo"), touch(30, "email")], ..stored(&lead, &before) };
    let first = |rebuild: bool| found(&late, &BTreeMap::new(), rebuild).first_touch["channel"].clone();
    assert_eq!((first(false), first(true)), (json!("email"), json!("seo")));
}

proptest! {
    /// What was found before, with fewer touches, changes nothing of what is found anew; a second time changes nothing at all.
    #[test]
    fn found_anew_is_found_as_if_for_the_first_time(
        touches in prop::collection::btree_map(0_i64..4_000, prop::sample::select(vec!["seo", "direct", "email", "paid_search"]), 0..6),
        known_before in 0_usize..6,
        told in prop::option::of(prop::sample::select(vec![
            json!({"channel": "referral", "at": "2026-04-20T00:00:00Z"}),
            json!({"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"}),
            json!({"referrer": "https://www.google.com/"}),
        ])),
        campaign in prop::option::of(Just("google_ads:1".to_owned())),
        roots in prop::sample::select(vec![BTreeMap::new(), meaning("google_ads:7")]),
        rebuilt_before in any::<bool>(),
    ) {
        let mut all: Vec<Spot> = touches.into_iter().map(|(hours, channel)| touch(hours, channel)).collect();
        all.reverse();
        let told = told.unwrap_or_else(|| json!({}));
        let fresh = Lead { first_touch: told.clone(), last_touch: told, campaign_id: campaign, touches: all.clone(), ..lead() };
        let wanted = found(&fresh, &roots, true);
        let fewer = Lead { touches: all.iter().take(known_before).cloned().collect(), ..fresh.clone() };
        let early = found(&fewer, &roots, rebuilt_before);
        let later = Lead { touches: all, ..stored(&fewer, &early) };
        let again = found(&later, &roots, true);
        prop_assert_eq!(&wanted, &again);
        let twice = stored(&later, &again);
        prop_assert_eq!(&found(&twice, &roots, true), &again);
    }
}
