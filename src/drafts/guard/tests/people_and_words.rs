//! Guardrails on texts, links, targeting and audiences.
use super::*;
use crate::db::drafts::facts::{AdGroup, Creative};
use crate::drafts::facts::{AdFacts, AudienceFacts};
use crate::drafts::proposal::{Ad, Audience, Brief, Line, Section};

fn ad(headline: &str, url: &str, suffix: &str) -> (ActionKind, Proposal) {
    let line = |text: &str| Line { text: text.to_owned(), pin: None };
    let proposal = Proposal::Ad(Ad {
        campaign_id: "1".to_owned(),
        ad_set_id: "7".to_owned(),
        name: "n".to_owned(),
        headlines: [headline, "Independent Advice", "No Hidden Fees", "Compare Online", "Switch Today"]
            .into_iter()
            .chain(["Talk to a Person", "All Plans in One Place", "Two Minutes to Compare"])
            .map(line)
            .collect(),
        descriptions: ["See every option.", "Talk to an adviser.", "Switch online."].map(line).to_vec(),
        primary_texts: Vec::new(),
        path1: None,
        path2: None,
        final_url: url.to_owned(),
        final_url_suffix: suffix.to_owned(),
        call_to_action: None,
        image: None,
        enable: false,
    });
    (ActionKind::Ad, proposal)
}

const TAGS: &str = "utm_source=google&utm_medium=cpc&utm_campaign=q1";

fn ad_facts(targeting: Value) -> Facts {
    let group = AdGroup {
        id: "google_ads:7".to_owned(),
        name: "Group".to_owned(),
        status: "active".to_owned(),
        targeting: Some(targeting),
    };
    Facts { ad: Some(AdFacts { group, ads: Vec::new() }), ..facts() }
}

#[test]
fn text_limit() {
    let limit = |headline: &str| {
        said(&ad(headline, "https://alpine.example/", TAGS), &ad_facts(json!({})), Guard::TextLimit)
    };
    assert_eq!([limit(&"x".repeat(29)), limit(&"ü".repeat(30))], [None, None]);
    assert_eq!(limit(&"x".repeat(31)), block("Headline 1 has 31 characters; the limit is 30."));
    let mut meta = ad_facts(json!({}));
    meta.campaigns[0].row.source = "meta_ads".to_owned();
    let mut with_text = ad(&"x".repeat(40), "https://alpine.example/", TAGS);
    let Proposal::Ad(one) = &mut with_text.1 else { unreachable!() };
    one.primary_texts = vec!["y".repeat(125)];
    assert_eq!(said(&with_text, &meta, Guard::TextLimit), None);
    let Proposal::Ad(one) = &mut with_text.1 else { unreachable!() };
    one.primary_texts = vec!["y".repeat(126)];
    let advised = (Severity::Warn, "Primary text 1 has 126 characters; the limit is 125.".to_owned());
    assert_eq!(said(&with_text, &meta, Guard::TextLimit), Some(advised));
    let Proposal::Ad(one) = &mut with_text.1 else { unreachable!() };
    one.primary_texts = vec!["y".repeat(2201)];
    assert_eq!(
        said(&with_text, &meta, Guard::TextLimit),
        block("Primary text 1 has 2201 characters; the limit is 2200.")
    );
}

/// An ad that runs already.
fn running(headline: &str) -> Creative {
    Creative {
        id: "google_ads:9".to_owned(),
        headlines: vec![headline.to_owned()],
        descriptions: Vec::new(),
        body: None,
        final_url: None,
        status: "active".to_owned(),
        impressions: 1000,
        clicks: 20,
    }
}

#[test]
fn a_search_ad_with_few_texts_or_beside_three_others_is_warned_about() {
    let warned = |headlines: usize, descriptions: usize, ads: usize| {
        let mut what = ad("Compare plans", "https://alpine.example/", TAGS);
        let Proposal::Ad(one) = &mut what.1 else { unreachable!() };
        one.headlines.truncate(headlines);
        one.descriptions.truncate(descriptions);
        let mut facts = ad_facts(json!({}));
        if let Some(group) = &mut facts.ad {
            group.ads = vec![running("Something else"); ads];
        }
        said(&what, &facts, Guard::TextLimit)
    };
    let warn = |text: &str| Some((Severity::Warn, text.to_owned()));
    assert_eq!(warned(8, 3, 2), None);
    assert_eq!(warned(7, 3, 2), warn("7 headlines leave little to combine; 8 or more are advised."));
    assert_eq!(warned(8, 2, 2), warn("2 descriptions leave little to combine; 3 or more are advised."));
    assert_eq!(
        warned(8, 3, 3),
        warn(
            "3 search ads are enabled in this ad group, the most there may be: pause one before this one goes live."
        )
    );
}

#[test]
fn a_text_that_is_there_already_is_warned_about() {
    let policy = |present: &str| {
        let mut facts = ad_facts(json!({}));
        if let Some(group) = &mut facts.ad {
            group.ads = vec![running(present)];
        }
        said(&ad("Compare plans online", "https://alpine.example/", TAGS), &facts, Guard::TextPolicy)
    };
    assert_eq!(policy("Compare all plans in one place"), None);
    let message = "A headline is 100 % like 'compare plans online', which this ad group has already.";
    assert_eq!(policy("compare plans online"), Some((Severity::Warn, message.to_owned())));
}

#[test]
fn text_policy() {
    let mut facts = ad_facts(json!({}));
    facts.org.limits.competitor_marks = vec!["Rivalo".to_owned()];
    let policy = |text: &str| said(&ad(text, "https://alpine.example/", TAGS), &facts, Guard::TextPolicy);
    assert_eq!(
        [policy("A better bestiary"), policy("SALE ends soon."), policy("Wait... no")].map(|p| p.is_none()),
        [true, true, false]
    );
    assert_eq!(policy("The best plans"), hold("Ad text 'best' may break policy superlative without proof."));
    assert_eq!(policy("CHEAP plans"), hold("Ad text 'CHEAP' may break policy all capitals."));
    assert_eq!(policy("Act now!!"), hold("Ad text '!!' may break policy repeated punctuation."));
    assert_eq!(policy("Better than rivalo"), hold("Ad text 'Rivalo' may break policy competitor's mark."));
    assert_eq!(
        policy("Help with your debt"),
        hold("Ad text 'your debt' may break policy personal attributes.")
    );
    assert_eq!(policy("Save 20% now").map(|p| p.0), Some(Severity::Warn));
}

#[test]
fn a_brief_quotes_what_people_search_and_claims_nothing_itself() {
    let brief = |heading: &str| {
        let proposal = Proposal::Brief(Brief {
            keyword: "trail shoes".to_owned(),
            target_queries: vec!["best trail shoes wide feet".to_owned()],
            intent: "commercial".to_owned(),
            audience: "people".to_owned(),
            outline: vec![Section { heading: heading.to_owned(), points: Vec::new() }],
            questions: vec!["which are the best trail shoes?".to_owned()],
            internal_links: Vec::new(),
            word_range: (800, 1500),
            sources: Vec::new(),
        });
        let facts = Facts { campaigns: Vec::new(), ..facts() };
        said(&(ActionKind::GenerateContentBrief, proposal), &facts, Guard::TextPolicy)
    };
    assert_eq!([brief("best trail shoes wide feet"), brief("trail shoes: the short answer")], [None, None]);
    assert_eq!(
        brief("The best trail shoes of all"),
        hold("Ad text 'best' may break policy superlative without proof.")
    );
}

#[test]
fn url_check() {
    let url = |url: &str| said(&ad("x", url, TAGS), &ad_facts(json!({})), Guard::UrlCheck);
    assert_eq!(
        [
            url("https://alpine.example/a"),
            url("https://www.alpine.example"),
            url("https://blog.alpine.example/?a=1")
        ],
        [None, None, None]
    );
    assert_eq!(url("http://alpine.example/a"), block("http://alpine.example/a answered without https."));
    let foreign = "https://alpine.example.evil.example/ answered from alpine.example.evil.example, which is not a domain of this account.";
    assert_eq!(url("https://alpine.example.evil.example/"), block(foreign));
    assert!(url("https://alpine.example@evil.example/").is_some());
    assert!(url("https://notalpine.example/").is_some());
    assert!(url("https://evil.example\\.alpine.example/").is_some());
}

#[test]
fn utm_missing() {
    let utm = |url: &str, suffix: &str| said(&ad("x", url, suffix), &ad_facts(json!({})), Guard::UtmMissing);
    assert_eq!(
        [
            utm("https://alpine.example/", TAGS),
            utm("https://alpine.example/?utm_source=a&utm_medium=b&utm_campaign=c", "")
        ],
        [None, None]
    );
    assert_eq!(
        utm("https://alpine.example/", "utm_source=google&utm_medium=CPC"),
        block("Link https://alpine.example/ lacks utm_medium, utm_campaign.")
    );
    assert_eq!(
        utm("https://alpine.example/?utm_source=a", TAGS),
        block("Link https://alpine.example/?utm_source=a lacks utm_source.")
    );
}

#[test]
fn targeting_and_age() {
    let check = |targeting: Value, guard| {
        said(&ad("x", "https://alpine.example/", TAGS), &ad_facts(targeting), guard)
    };
    let full = json!({"geo": ["CH"], "languages": ["de"], "age_min": 18});
    assert_eq!(check(full.clone(), Guard::TargetingMissing), None);
    let asked = |targeting: Value| check(targeting, Guard::TargetingMissing);
    let unread = "The geo targeting has not been read from the platform; check it there.";
    assert_eq!(asked(json!({})), hold(unread));
    assert_eq!(asked(json!({"geo": ["CH"]})), hold(&unread.replace("geo", "language")));
    let none = |what: &str| block(&format!("Campaign has no {what} targeting."));
    assert_eq!(asked(json!({"geo": [], "languages": ["de"]})), none("geo"));
    assert_eq!(asked(json!({"geo": ["CH"], "languages": []})), none("language"));
    assert_eq!(check(full, Guard::MinorTargeting), None);
    assert_eq!(
        check(json!({"geo": ["CH"], "languages": ["de"]}), Guard::MinorTargeting),
        hold("The minimum age has not been read from the platform; check it there.")
    );
    assert_eq!(
        check(json!({"geo": ["CH"], "languages": ["de"], "age_min": 17}), Guard::MinorTargeting),
        block("Targeting includes people under 18.")
    );
}

#[test]
fn people_under_age_are_not_addressed() {
    let told = |method: &str, age_min: Option<i32>, (age_known, minors): (i64, i64)| {
        let mut facts = facts();
        facts.campaigns.clear();
        facts.audience = Some(AudienceFacts {
            platform: "meta_ads".to_owned(),
            segment: "s".to_owned(),
            size: Some(200),
            consenting: Some(150),
            age_min,
            age_known,
            minors,
            ..AudienceFacts::default()
        });
        let audience = Audience {
            segment: "s".to_owned(),
            method: method.to_owned(),
            membership_days: 7,
            name: "n".to_owned(),
            exclude_customers: true,
        };
        said(&(ActionKind::RetargetingAudience, Proposal::Audience(audience)), &facts, Guard::MinorTargeting)
    };
    let young = block("Targeting includes people under 18.");
    assert_eq!(told("list", None, (150, 1)), young);
    assert_eq!(told("rule", None, (150, 1)), young);
    assert_eq!(told("list", Some(16), (150, 0)), young);
    assert_eq!(told("list", None, (1, 0)), None, "an unknown year of birth is no minor");
    assert_eq!(told("list", Some(18), (0, 0)), None);
    assert_eq!(told("rule", None, (0, 0)), None, "the platform knows whom its pixel sees");
    assert_eq!(
        told("list", None, (0, 0)),
        hold(
            "No age is known of the 150 people of this list; make sure that nobody is under 18, or set the segment's minimum age."
        )
    );
}

#[test]
fn consent_and_audience_size() {
    let check = |size: i64, yes: i64, method: &str, platform: &str, guard| {
        let mut facts = facts();
        facts.campaigns.clear();
        facts.audience = Some(AudienceFacts {
            platform: platform.to_owned(),
            segment: "s".to_owned(),
            name: "s".to_owned(),
            size: Some(size),
            consenting: Some(yes),
            ..AudienceFacts::default()
        });
        let audience = Audience {
            segment: "s".to_owned(),
            method: method.to_owned(),
            membership_days: 7,
            name: "n".to_owned(),
            exclude_customers: true,
        };
        said(&(ActionKind::RetargetingAudience, Proposal::Audience(audience)), &facts, guard)
    };
    assert_eq!(check(150, 1, "list", "meta_ads", Guard::Consent), None);
    assert_eq!(
        check(150, 0, "list", "meta_ads", Guard::Consent),
        block("150 of 150 recipients have no marketing consent.")
    );
    assert_eq!(check(150, 0, "rule", "meta_ads", Guard::Consent), None);
    assert_eq!(
        [
            check(200, 100, "list", "meta_ads", Guard::AudienceSmall),
            check(100, 0, "rule", "meta_ads", Guard::AudienceSmall)
        ],
        [None, None]
    );
    assert_eq!(
        check(200, 99, "list", "meta_ads", Guard::AudienceSmall),
        hold("Audience has 99 people; meta_ads needs about 100.")
    );
    assert_eq!(
        check(2000, 999, "list", "tiktok_ads", Guard::AudienceSmall),
        hold("Audience has 999 people; tiktok_ads needs about 1,000.")
    );
}
