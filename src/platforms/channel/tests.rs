use super::*;

fn of(medium: &str, source: &str, landing: &str, referrer: &str) -> &'static str {
    let some = |text: &'static str| (!text.is_empty()).then_some(text);
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    derive(&Arrival {
        utm_medium: some(leak(medium)),
        utm_source: some(leak(source)),
        landing: some(leak(landing)),
        referrer: some(leak(referrer)),
    })
}

#[test]
fn the_first_match_wins() {
    assert_eq!(of("email", "news", "/a?gclid=1", ""), "paid_search");
    assert_eq!(of("", "", "/a?ttclid=1", ""), "paid_social");
    assert_eq!(of("cpc", "facebook", "", ""), "paid_social");
    assert_eq!(of("CPC", "google", "", ""), "paid_search");
    assert_eq!(of("", "", "/?utm_medium=newsletter", "https://www.google.com/"), "email");
    assert_eq!(of("", "", "/?fbclid=1", "https://m.facebook.com/"), "organic_social");
    assert_eq!(of("", "", "", "https://www.google.ch/search"), "seo");
    assert_eq!(of("", "", "", "https://blog.example.org/post"), "referral");
    assert_eq!(of("", "", "/pricing", ""), "direct");
}

#[test]
fn groups_have_a_channel_and_new_ones_are_known_to_be_new() {
    assert_eq!(of_group("Organic Search"), Some("seo"));
    assert_eq!(of_group("Cross-network"), Some("paid_search"));
    assert_eq!(of_group("Unassigned"), Some("unknown"));
    assert_eq!(of_group("Telepathy"), None);
}
