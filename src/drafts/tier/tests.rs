use super::*;
use crate::drafts::words::dec;

fn of(own: Decimal, others: Decimal, floor: Tier, confidence: f64, is_brand: bool) -> Tier {
    tier(Stake { own, others, floor, confidence: Some(confidence), is_brand }, &Limits::default())
}

#[test]
fn each_limit_belongs_to_the_lower_tier() {
    let plain = |own| of(own, dec("0"), Tier::Low, 0.9, false);
    assert_eq!([plain(dec("100")), plain(dec("100.01"))], [Tier::Low, Tier::Medium]);
    assert_eq!([plain(dec("1000")), plain(dec("1000.01"))], [Tier::Medium, Tier::High]);
    assert_eq!([plain(dec("10000")), plain(dec("10000.01"))], [Tier::High, Tier::Critical]);
}

#[test]
fn five_parts_of_one_change_weigh_as_much_as_the_whole() {
    assert_eq!(of(dec("300"), dec("0"), Tier::Low, 0.9, false), Tier::Medium);
    assert_eq!(of(dec("300"), dec("1200"), Tier::Low, 0.9, false), Tier::High);
}

#[test]
fn floors_low_confidence_and_brands_raise_the_tier_once() {
    assert_eq!(of(dec("1"), dec("0"), Tier::Medium, 0.9, false), Tier::Medium);
    assert_eq!(of(dec("1"), dec("0"), Tier::Low, 0.65, false), Tier::Low);
    assert_eq!(of(dec("1"), dec("0"), Tier::Low, 0.64, false), Tier::Medium);
    assert_eq!(of(dec("1"), dec("0"), Tier::Medium, 0.1, true), Tier::High);
}
