use super::*;

fn key(parts: [&str; 5]) -> String {
    parts.join("\u{1f}")
}

fn campaign(id: &str, source: &str, name: &str, channel: &str) -> Campaign {
    let [id, source, name, channel] = [id, source, name, channel].map(str::to_owned);
    Campaign { id, source, name, channel }
}

#[test]
fn the_first_thing_that_tells_decides() {
    let campaigns = [
        campaign("google_ads:77", "google_ads", "Spring Sale", "display"),
        campaign("meta_ads:88", "meta_ads", "Spring Sale", "paid_social"),
    ];
    for (parts, channel, campaign, touch) in [
        (["", "", "", "", ""], "direct", "", true),
        (["gclid", "", "", "", "google.com"], "paid_search", "", true),
        (["gclid", "google", "cpc", "77", ""], "display", "google_ads:77", true),
        (["", "google", "cpc", "77", ""], "paid_search", "google_ads:77", true),
        (["ttclid", "", "", "", ""], "paid_social", "", true),
        (["", "facebook", "cpc", "spring-sale", ""], "paid_social", "meta_ads:88", true),
        (["", "", "", "spring-sale", ""], "direct", "", true),
        (["", "", "email", "", "mail.example"], "email", "", true),
        (["", "", "", "", "duckduckgo.com"], "seo", "", true),
        (["", "", "", "", "blog.example"], "referral", "", true),
        (["", "", "", "", "checkout.stripe.com"], "direct", "", false),
        (["", "partner", "affiliate", "", "paypal.com"], "affiliate", "", true),
        (["", "", "", "", "notpaypal.com"], "referral", "", true),
    ] {
        let arrived = place(vec![key(parts)], &campaigns, &Words::default()).remove(0);
        let expected =
            Arrived { key: key(parts), channel, campaign_id: campaign.to_owned(), is_touch: touch };
        assert_eq!(arrived, expected);
    }
}

#[test]
fn campaigns_are_looked_up_only_where_a_link_names_one() {
    assert!(!name_campaigns(&[key(["gclid", "google", "cpc", "", "x"]), String::new()]));
    assert!(name_campaigns(&[key(["", "", "", "77", ""])]));
}
