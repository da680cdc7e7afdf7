//! Each formula with figures worked out by hand, and no figure where there is nothing to work with.
use super::*;
use crate::db::drafts::facts::{AdGroup, Creative, Ranking, Term};
use crate::drafts::facts::{AdFacts, AudienceFacts, TermFacts};
use crate::drafts::proposal::{Ad, Brief, Budget, End, Keyword, Pause, Reallocation};
use crate::drafts::sample::facts;
use crate::drafts::words::dec;
use jiff::civil::date;
use rust_decimal::Decimal;

/// Days of 50 spent with these revenues, the last one yesterday.
fn earning(facts: &mut Facts, place: usize, revenues: &[&str]) {
    let days = &mut facts.campaigns[place].history.days;
    days.drain(..days.len() - revenues.len());
    for (day, revenue) in days.iter_mut().zip(revenues) {
        day.revenue_base = dec(revenue);
    }
}

fn figures(effect: &Effect) -> (Option<f64>, Option<f64>, Option<f64>, f64) {
    (effect.value, effect.low, effect.high, effect.confidence)
}

fn raise(new: &str) -> Proposal {
    Proposal::Budget(Budget {
        campaign_id: "1".to_owned(),
        level: "campaign".to_owned(),
        budget_id: None,
        current_daily_budget: dec("50.00"),
        new_daily_budget: dec(new),
        cap: None,
    })
}

fn stop() -> Proposal {
    Proposal::Pause(Pause {
        campaign_id: "1".to_owned(),
        reason_code: "low_roas".to_owned(),
        resume_at: None,
    })
}

#[test]
fn more_budget_earns_the_marginal_return_less_its_cost() {
    // ROAS 4, break-even 2: 7 × 10 × (0.8 × 4 ÷ 2 − 1) = 42; equal days have no error.
    assert_eq!(figures(&effect(&raise("60.00"), &facts())), (Some(42.0), Some(42.0), Some(42.0), 0.95));
    assert_eq!(figures(&effect(&raise("40.00"), &facts())), (Some(-42.0), Some(-42.0), Some(-42.0), 0.05));
}

#[test]
fn days_that_differ_widen_the_interval_and_lower_the_confidence() {
    // Eight days of 50 with 50 and 150 by turns: ROAS 2; residuals ±50, so the error is √(8 ÷ 7 × 8 × 50²) ÷ 400 = 0.37796.
    let mut facts = facts();
    earning(&mut facts, 0, &["50", "150", "50", "150", "50", "150", "50", "150"]);
    // 7 × 10 × (0.8 × 2 ÷ 2 − 1) = −14, error 70 × 0.8 × 0.37796 ÷ 2 = 10.583; Φ(−14 ÷ 10.583) = 0.093.
    assert_eq!(figures(&effect(&raise("60.00"), &facts)), (Some(-14.0), Some(-34.74), Some(6.74), 0.09));
    // Paused: 7 × mean(50 − 100 ÷ 2) = 0; s² = 8 × 25² ÷ 7, error 7 × √(s² ÷ 8) = 66.14.
    assert_eq!(figures(&effect(&stop(), &facts)), (Some(0.0), Some(-129.64), Some(129.64), 0.5));
}

#[test]
fn the_margin_of_90_days_goes_before_the_setting_and_the_basis_says_which() {
    let mut facts = facts();
    for proposal in [stop(), raise("60.00")] {
        assert!(effect(&proposal, &facts).basis.ends_with("break-even ROAS as set"));
    }
    facts.org.margin_90d = Some(0.25);
    // Break-even 4: 7 × 10 × (0.8 × 4 ÷ 4 − 1) = −14; paused: 7 × (50 − 200 ÷ 4) = 0.
    assert_eq!(effect(&raise("60.00"), &facts).value, Some(-14.0));
    assert_eq!(effect(&stop(), &facts).value, Some(0.0));
    assert!(effect(&stop(), &facts).basis.ends_with("break-even ROAS from the margin of 90 days"));
}

#[test]
fn a_pause_saves_what_is_spent_beyond_what_comes_back() {
    let mut facts = facts();
    earning(&mut facts, 0, &["40"; 10]);
    // 7 × (50 − 40 ÷ 2) = 210.
    assert_eq!(figures(&effect(&stop(), &facts)), (Some(210.0), Some(210.0), Some(210.0), 0.95));
    // The same on six days is thin; on two it is nothing at all.
    earning(&mut facts, 0, &["40"; 6]);
    assert_eq!(figures(&effect(&stop(), &facts)), (Some(210.0), Some(210.0), Some(210.0), 0.6));
    earning(&mut facts, 0, &["40"; 2]);
    assert_eq!(figures(&effect(&stop(), &facts)), (None, None, None, 0.3));
    assert_eq!(figures(&effect(&raise("60.00"), &facts)), (None, None, None, 0.3));
}

#[test]
fn a_reallocation_is_worth_the_difference_of_returns() {
    let end = |id: &str, current: &str, new: &str| End {
        platform: "google_ads".to_owned(),
        account_id: "1".to_owned(),
        currency: "EUR".parse().unwrap(),
        campaign_id: id.to_owned(),
        budget_id: None,
        current: dec(current),
        new: dec(new),
    };
    let proposal = Proposal::Reallocate(Reallocation {
        from: end("1", "50", "40"),
        to: end("2", "50", "60"),
        amount_per_day: dec("10"),
        start_date: date(2025, 9, 18),
        end_date: date(2025, 9, 24),
        restore_at_end: false,
        ramp: Vec::new(),
    });
    let mut facts = facts();
    earning(&mut facts, 0, &["50"; 14]);
    // Donor ROAS 1, receiver 4: 7 × 10 × (0.8 × 4 − 1) = 154.
    assert_eq!(figures(&effect(&proposal, &facts)), (Some(154.0), Some(154.0), Some(154.0), 0.95));
    earning(&mut facts, 1, &["200"; 2]);
    assert_eq!(figures(&effect(&proposal, &facts)), (None, None, None, 0.3));
}

fn excluded(clicks_90: i64, conversions: &str) -> Effect {
    let mut facts = facts();
    let term = Term {
        term: "free template".to_owned(),
        clicks_30: 25,
        cost_30: dec("30"),
        conversions_30: Decimal::ZERO,
        clicks_90,
        conversions_90: dec(conversions),
    };
    facts.terms = Some(TermFacts { terms: vec![term], ..TermFacts::default() });
    let keyword = |text: &str| Keyword { text: text.to_owned(), match_type: MatchType::Phrase };
    let negatives = |text: &str| {
        Proposal::Negatives(Negatives {
            level: "campaign".to_owned(),
            parent_id: "1".to_owned(),
            keywords: vec![keyword(text)],
        })
    };
    assert_eq!(effect(&negatives("never searched"), &facts).value, None);
    effect(&negatives("free template"), &facts)
}

#[test]
fn an_excluded_term_saves_its_spend_as_far_as_clicks_are_evidence() {
    // 30 × 7 ÷ 30 = 7 a week, ± 1.96 × 7 ÷ √25 = 2.74; a conversion rate of 2 %: 1 − e^(−90 × 0.02) = 0.83.
    assert_eq!(figures(&excluded(90, "0")), (Some(7.0), Some(4.26), Some(9.74), 0.83));
    // Five clicks are no evidence, and a term that sold is not saved on.
    assert_eq!(excluded(5, "0").confidence, 0.1);
    assert_eq!(excluded(90, "1").confidence, 0.05);
}

fn shown(clicks: i64, impressions: i64) -> Effect {
    let ad = Creative {
        id: "google_ads:9".to_owned(),
        headlines: Vec::new(),
        descriptions: Vec::new(),
        body: None,
        final_url: None,
        status: "active".to_owned(),
        impressions,
        clicks,
    };
    let group = AdGroup {
        id: "google_ads:7".to_owned(),
        name: "Group".to_owned(),
        status: "active".to_owned(),
        targeting: None,
    };
    let facts = Facts { ad: Some(AdFacts { group, ads: vec![ad] }), ..facts() };
    let proposal = Ad {
        campaign_id: "1".to_owned(),
        ad_set_id: "7".to_owned(),
        name: "n".to_owned(),
        headlines: Vec::new(),
        descriptions: Vec::new(),
        primary_texts: Vec::new(),
        path1: None,
        path2: None,
        final_url: String::new(),
        final_url_suffix: String::new(),
        call_to_action: None,
        image: None,
        enable: false,
    };
    effect(&Proposal::Ad(proposal), &facts)
}

#[test]
fn a_new_ad_is_expected_to_do_as_its_group_does() {
    // Wilson for 20 of 1,000: 1.30 % to 3.07 %.
    assert_eq!(figures(&shown(20, 1000)), (Some(2.0), Some(1.3), Some(3.07), 0.7));
    assert_eq!(shown(2, 100).confidence, 0.65);
    assert_eq!(figures(&shown(0, 0)), (None, None, None, 0.3));
}

#[test]
fn a_brief_aims_at_the_third_position() {
    let brief = |clicks: i64, impressions: i64| {
        let row = Ranking {
            query: "trail shoes".to_owned(),
            page: "/trail-shoes".to_owned(),
            clicks,
            impressions,
            position: None,
        };
        let facts = Facts { rankings: vec![row], ..facts() };
        let brief = Brief {
            keyword: "trail shoes".to_owned(),
            target_queries: Vec::new(),
            intent: "informational".to_owned(),
            audience: String::new(),
            outline: Vec::new(),
            questions: Vec::new(),
            internal_links: Vec::new(),
            word_range: (800, 1500),
            sources: Vec::new(),
        };
        effect(&Proposal::Brief(brief), &facts)
    };
    // 10 % of 2,000 less 25 = 175, ± 1.96 × √225 = 29.4.
    assert_eq!(figures(&brief(25, 2000)), (Some(175.0), Some(145.6), Some(204.4), 0.65));
    assert_eq!(brief(1, 100).confidence, 0.5);
    assert_eq!(brief(300, 2000).value, None, "it is there already");
    assert_eq!(figures(&brief(0, 0)), (None, None, None, 0.3));
}

#[test]
fn an_audience_matches_about_half_of_whom_it_holds() {
    let matched = |method: &str, size: Option<i64>| {
        let audience = Audience {
            segment: "quote_started_no_submit_7d".to_owned(),
            method: method.to_owned(),
            membership_days: 7,
            name: "Quotes".to_owned(),
            exclude_customers: true,
        };
        let known = AudienceFacts {
            platform: "meta_ads".to_owned(),
            size,
            consenting: size.map(|n| n / 2),
            ..AudienceFacts::default()
        };
        effect(&Proposal::Audience(audience), &Facts { audience: Some(known), ..facts() })
    };
    assert_eq!(figures(&matched("rule", Some(1000))), (Some(550.0), Some(400.0), Some(700.0), 0.7));
    assert_eq!(figures(&matched("list", Some(1000))), (Some(275.0), Some(200.0), Some(350.0), 0.7));
    assert_eq!(matched("list", Some(100)).confidence, 0.5);
    assert_eq!(figures(&matched("rule", None)), (None, None, None, 0.3));
}
