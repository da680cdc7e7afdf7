//! Each guardrail just inside, at, and outside its bound, with the exact message.
use super::*;
use crate::db::drafts::facts::{AdGroup, Campaign, Day, Term};
use crate::drafts::action::{ActionKind, actions};
use crate::drafts::before::before;
use crate::drafts::facts::{AdFacts, AudienceFacts, CampaignFacts, Org, TermFacts};
use crate::drafts::figures::History;
use crate::drafts::limits::Limits;
use crate::drafts::proposal::{
    Ad, Audience, Budget, End, Keyword, Line, MatchType, Negatives, Pause, Reallocation,
};
use crate::drafts::rollback::rollback_plan;
use crate::drafts::words::dec;
use jiff::{ToSpan, civil::date, tz::TimeZone};
use serde_json::json;

/// 28 equal days up to yesterday: 50 spent, 200 earned, 2 conversions, 100 clicks, 4,000 impressions.
fn campaign(id: &str) -> CampaignFacts {
    let today = date(2025, 9, 17);
    let days = (1..=28)
        .rev()
        .map(|ago| Day {
            date: today - ago.days(),
            cost: dec("50"),
            cost_base: dec("50"),
            revenue_base: dec("200"),
            conversions: dec("2"),
            clicks: 100,
            impressions: 4000,
        })
        .collect();
    let currency = "EUR".parse().unwrap();
    CampaignFacts {
        row: Campaign {
            id: format!("google_ads:{id}"),
            source: "google_ads".to_owned(),
            account_id: "1".to_owned(),
            name: format!("Campaign {id}"),
            status: "active".to_owned(),
            channel: "paid_search".to_owned(),
            daily_budget: Some(dec("50")),
            budget_id: Some("5".to_owned()),
            budget_shared: false,
            budget_cap: None,
            planned_budget: None,
            currency: "EUR".to_owned(),
            landing_page: None,
            is_brand: false,
            tracking: "ok".to_owned(),
        },
        currency,
        rate: Decimal::ONE,
        history: History { today, days },
        shared_with: Vec::new(),
        lowest_budget_24h: None,
        changed_at: None,
        experiments: Vec::new(),
        newest_day: Some(date(2025, 9, 16)),
        account_conversions: dec("20"),
    }
}

fn facts() -> Facts {
    let org = Org {
        now: "2025-09-17T09:00:00Z".parse().unwrap(),
        today: date(2025, 9, 17),
        zone: TimeZone::get("Europe/Zurich").unwrap(),
        currency: "EUR".parse().unwrap(),
        limits: Limits::default(),
        mer_7d: Some(3.0),
        mean_daily_spend: dec("1000"),
        month_to_date: dec("16000"),
        domains: ["alpine.example".to_owned()].into(),
        frozen_until: std::collections::BTreeMap::new(),
        net_24h: Decimal::ZERO,
    };
    Facts {
        org,
        campaigns: vec![campaign("1"), campaign("2")],
        terms: None,
        ad: None,
        audience: None,
        rankings: Vec::new(),
    }
}

fn budget(new: &str) -> (ActionKind, Proposal) {
    let (old, new) = (dec("50.00"), dec(new));
    let kind = if new > old { ActionKind::IncreaseBudget } else { ActionKind::DecreaseBudget };
    let budget = Budget {
        campaign_id: "1".to_owned(),
        level: "campaign".to_owned(),
        budget_id: None,
        current_daily_budget: old,
        new_daily_budget: new,
        cap: None,
    };
    (kind, Proposal::Budget(budget))
}

fn pause(reason: &str) -> (ActionKind, Proposal) {
    let pause = Pause { campaign_id: "1".to_owned(), reason_code: reason.to_owned(), resume_at: None };
    (ActionKind::PauseCampaign, Proposal::Pause(pause))
}

/// What one guardrail of the action says: `None` = passed.
fn said(what: &(ActionKind, Proposal), facts: &Facts, guard: Guard) -> Option<(Severity, String)> {
    let action = actions().unwrap().get(what.0).unwrap();
    let state = before(&what.1, facts).unwrap();
    let plan = rollback_plan(&what.1, facts);
    let case = Case {
        action,
        proposal: &what.1,
        before: &state,
        live: &state,
        rollback_plan: &plan,
        facts,
        stage: "draft",
    };
    let results: Vec<_> = evaluate(&case).into_iter().filter(|r| r.code == guard.code()).collect();
    assert!(!results.is_empty(), "{guard} is not evaluated for {}", what.0);
    results.into_iter().find(|r| !r.passed).map(|r| (r.severity, r.message.unwrap()))
}

fn block(text: &str) -> Option<(Severity, String)> {
    Some((Severity::Block, text.to_owned()))
}

fn hold(text: &str) -> Option<(Severity, String)> {
    Some((Severity::Hold, text.to_owned()))
}

#[test]
fn budget_step() {
    let step = |new| said(&budget(new), &facts(), Guard::BudgetStep);
    assert_eq!([step("59.99"), step("60.00")], [None, None]);
    assert_eq!(step("60.01"), block("Exceeds 20% daily increase limit (50.00 → 60.01 EUR, +20.0%)."));
    assert_eq!(step("61.00"), block("Exceeds 20% daily increase limit (50.00 → 61.00 EUR, +22.0%)."));
    assert_eq!(step("25.00"), None);
    let half =
        (Severity::Warn, "Cuts the daily budget by more than half (50.00 → 24.99 EUR, −50.0%).".to_owned());
    assert_eq!(step("24.99"), Some(half));
    let mut facts = facts();
    facts.campaigns[0].lowest_budget_24h = Some(dec("45"));
    assert_eq!(said(&budget("54.00"), &facts, Guard::BudgetStep), None);
    assert!(said(&budget("54.01"), &facts, Guard::BudgetStep).is_some());
}

#[test]
fn budget_cap() {
    let mut facts = facts();
    facts.campaigns[0].row.budget_cap = Some(dec("55"));
    let cap = |new, facts: &Facts| said(&budget(new), facts, Guard::BudgetCap);
    assert_eq!([cap("54.99", &facts), cap("55.00", &facts)], [None, None]);
    assert_eq!(cap("55.01", &facts), block("Exceeds cap of 55.00 EUR."));
    facts.campaigns[0].row.budget_cap = None;
    facts.org.limits.platform_budget_cap.insert("google_ads".to_owned(), dec("52"));
    assert_eq!(cap("52.01", &facts), block("Exceeds cap of 52.00 EUR."));
}

#[test]
fn mer_below() {
    let mut facts = facts();
    let mer = |facts: &Facts| said(&budget("55.00"), facts, Guard::MerBelow);
    facts.org.mer_7d = Some(2.0);
    assert_eq!(mer(&facts), None);
    facts.org.mer_7d = Some(1.99);
    assert_eq!(mer(&facts), block("MER (1.99) below threshold (2.00)."));
    facts.org.mer_7d = Some(3.0);
    facts.campaigns[0].history.days.iter_mut().for_each(|d| d.revenue_base = dec("99"));
    assert_eq!(mer(&facts), block("MER (1.98) below threshold (2.00)."));
    facts.org.mer_7d = None;
    assert!(mer(&facts).is_some(), "without spend there is no return to build on");
}

#[test]
fn net_spend() {
    let mut facts = facts();
    let net = |facts: &Facts| said(&budget("60.00"), facts, Guard::NetSpend);
    facts.org.net_24h = dec("190");
    assert_eq!(net(&facts), None);
    facts.org.net_24h = dec("190.01");
    assert_eq!(net(&facts), block("Net increase of 200.01 EUR in 24 h exceeds the envelope of 200.00 EUR."));
    facts.org.mean_daily_spend = dec("100000");
    facts.org.net_24h = dec("491");
    assert_eq!(net(&facts), block("Net increase of 501.00 EUR in 24 h exceeds the envelope of 500.00 EUR."));
    facts.org.mean_daily_spend = Decimal::ZERO;
    facts.org.net_24h = dec("40");
    assert_eq!(net(&facts), None);
    facts.org.net_24h = dec("40.01");
    assert_eq!(net(&facts), block("Net increase of 50.01 EUR in 24 h exceeds the envelope of 50.00 EUR."));
}

#[test]
fn monthly_budget() {
    let mut facts = facts();
    // 16,000 so far, 14 days to come at 1,000 + 10 each: 30,140.
    facts.org.limits.monthly_budget = Some(dec("30140"));
    assert_eq!(said(&budget("60.00"), &facts, Guard::NetSpend), None);
    facts.org.limits.monthly_budget = Some(dec("30139.99"));
    let text = "Spend of this month would reach 30,140.00 EUR; the monthly budget is 30,139.99 EUR.";
    assert_eq!(said(&budget("60.00"), &facts, Guard::NetSpend), block(text));
}

fn moving(amount: &str) -> (ActionKind, Proposal) {
    let end = |id: &str, new: Decimal| End {
        platform: "google_ads".to_owned(),
        account_id: "1".to_owned(),
        currency: "EUR".parse().unwrap(),
        campaign_id: id.to_owned(),
        budget_id: None,
        current: dec("50.00"),
        new,
    };
    let amount = dec(amount);
    let proposal = Proposal::Reallocate(Reallocation {
        from: end("1", dec("50.00") - amount),
        to: end("2", dec("50.00") + amount),
        amount_per_day: amount,
        start_date: date(2025, 9, 18),
        end_date: date(2025, 9, 24),
        restore_at_end: false,
        ramp: Vec::new(),
    });
    (ActionKind::ReallocateBudget, proposal)
}

#[test]
fn min_viable_spend() {
    let viable = |amount| said(&moving(amount), &facts(), Guard::MinViableSpend);
    assert_eq!([viable("39.99"), viable("40.00")], [None, None]);
    let text = "Campaign 1 would fall below its minimum viable spend (10.00 EUR).";
    assert_eq!(viable("40.01"), block(text));
}

#[test]
fn brand_campaigns() {
    let mut facts = facts();
    facts.campaigns[0].row.is_brand = true;
    let text = "Cannot pause brand campaigns (Campaign 1).";
    assert_eq!(said(&pause("low_roas"), &facts, Guard::BrandPause), block(text));
    assert_eq!(said(&budget("40.00"), &facts, Guard::BrandPause), None);
    assert_eq!(said(&budget("39.99"), &facts, Guard::BrandPause), block(text));
    assert_eq!(said(&moving("10.01"), &facts, Guard::BrandPause), block(text));
}

#[test]
fn min_spend_before_pause() {
    let mut facts = facts();
    let spent = |facts: &Facts| said(&pause("low_roas"), facts, Guard::MinSpendBeforePause);
    let text = |spend: &str| format!("Spend ({spend} EUR) below pause threshold (100.00 EUR).");
    assert_eq!(spent(&facts), block(&text("0.00")));
    // The last two days brought nothing: 2 × 50 since the last conversion.
    let days = &mut facts.campaigns[0].history.days;
    let n = days.len();
    days[n - 2..].iter_mut().for_each(|d| d.conversions = Decimal::ZERO);
    assert_eq!(spent(&facts), None);
    facts.campaigns[0].history.days[n - 1].cost_base = dec("49.99");
    facts.campaigns[0].history.days[n - 1].cost = dec("49.99");
    assert_eq!(spent(&facts), block(&text("99.99")));
    assert_eq!(said(&pause("compliance"), &facts, Guard::MinSpendBeforePause), None);
    // A weekly ROAS below 2.0 is reason enough; at 2.0 it is not.
    for (revenue, passes) in [("99.99", true), ("100.02", false)] {
        let mut facts = self::facts();
        facts.campaigns[0].history.days.iter_mut().for_each(|d| d.revenue_base = dec(revenue));
        assert_eq!(spent(&facts).is_none(), passes, "{revenue}");
    }
    // It still converts, but meets another trigger: a person may decide.
    let mut facts = self::facts();
    facts.campaigns[0].history.days.iter_mut().for_each(|d| d.impressions = 10_001);
    assert_eq!(spent(&facts), hold(&text("0.00")));
}

#[test]
fn min_sample() {
    let sample = |impressions: i64, conversions: &str, days: usize| {
        let mut facts = facts();
        let history = &mut facts.campaigns[0].history;
        history.days.drain(..28 - days);
        for day in &mut history.days {
            day.impressions = impressions;
            day.conversions = dec(conversions);
        }
        said(&pause("low_roas"), &facts, Guard::MinSample)
    };
    assert_eq!([sample(143, "0", 7), sample(1, "4.3", 7)], [None, None]);
    assert_eq!(sample(142, "0", 7), hold("Only 994 impressions in 14 days; evidence is too thin."));
    assert_eq!(sample(5000, "9", 6), hold("Only 6 active days in 14 days; evidence is too thin."));
}

#[test]
fn tracking_missing() {
    let mut facts = facts();
    let tracked = |facts: &Facts| said(&budget("55.00"), facts, Guard::TrackingMissing);
    let text = "No conversion tracking seen for Campaign 1 in 14 days; no spend without tracking.";
    facts.campaigns[0].row.tracking = "missing".to_owned();
    assert_eq!(tracked(&facts), block(text));
    facts.campaigns[0].row.tracking = "ok".to_owned();
    // One conversion 14 days ago counts, 15 days ago does not.
    for (ago, passes) in [(14, true), (15, false)] {
        let days = &mut facts.campaigns[0].history.days;
        days.iter_mut().for_each(|d| d.conversions = Decimal::ZERO);
        days.iter_mut()
            .filter(|d| d.date == date(2025, 9, 17) - ago.days())
            .for_each(|d| d.conversions = dec("1"));
        assert_eq!(tracked(&facts), if passes { None } else { block(text) }, "{ago}");
    }
}

#[test]
fn data_stale() {
    let mut facts = facts();
    let stale = |facts: &Facts| said(&budget("55.00"), facts, Guard::DataStale);
    // The 16th ended at 22:00 UTC: 11 hours ago.
    assert_eq!(stale(&facts), None);
    facts.org.now = "2025-09-17T21:59:59Z".parse().unwrap();
    assert_eq!(stale(&facts), None);
    facts.org.now = "2025-09-17T22:00:00Z".parse().unwrap();
    assert_eq!(stale(&facts), block("google_ads data is 24 h old (limit 24 h)."));
    facts.campaigns[0].newest_day = None;
    assert_eq!(stale(&facts), block("google_ads data is missing (limit 24 h)."));
}

#[test]
fn cooldown() {
    let changed = |ago: jiff::Span| {
        let mut facts = facts();
        facts.campaigns[0].changed_at = Some(facts.org.now - ago);
        said(&budget("55.00"), &facts, Guard::Cooldown)
    };
    assert_eq!([changed(24.hours()), changed(25.hours())], [None, None]);
    assert_eq!(changed(1439.minutes()), hold("Campaign 1 was changed 23 h ago; wait 1 h."));
    assert_eq!(changed(5.hours()), hold("Campaign 1 was changed 5 h ago; wait 19 h."));
}

#[test]
fn shared_budget_freeze_and_experiment() {
    let mut facts = facts();
    facts.campaigns[0].row.budget_shared = true;
    facts.campaigns[0].shared_with = vec!["Campaign 1".to_owned()];
    assert_eq!(said(&budget("55.00"), &facts, Guard::SharedBudget), None);
    facts.campaigns[0].shared_with.push("Other".to_owned());
    let text = "Budget is shared by 2 campaigns: Campaign 1, Other.";
    assert_eq!(said(&budget("55.00"), &facts, Guard::SharedBudget), hold(text));
    facts.org.frozen_until.insert("meta_ads".to_owned(), facts.org.now + 1.hour());
    assert_eq!(said(&budget("55.00"), &facts, Guard::Freeze), None);
    facts.org.frozen_until.insert("google_ads".to_owned(), facts.org.now + 1.hour());
    assert_eq!(
        said(&budget("55.00"), &facts, Guard::Freeze),
        block("Changes are frozen until 2025-09-17 12:00.")
    );
    facts.campaigns[0].experiments.push("Geo lift".to_owned());
    let text = "Experiment Geo lift is running on Campaign 1.";
    assert_eq!(said(&budget("55.00"), &facts, Guard::ExperimentConflict), block(text));
}

#[test]
fn before_changed_and_no_rollback() {
    let facts = facts();
    let (kind, proposal) = budget("55.00");
    let action = actions().unwrap().get(kind).unwrap();
    let state = before(&proposal, &facts).unwrap();
    let mut live = state.clone();
    live["roas_7d"] = json!(1.0);
    let run = |live: &Value, plan: &Value| {
        let case = Case {
            action,
            proposal: &proposal,
            before: &state,
            live,
            rollback_plan: plan,
            facts: &facts,
            stage: "approval",
        };
        let failed = evaluate(&case).into_iter().filter(|r| !r.passed);
        failed.map(|r| (r.severity, r.message.unwrap())).collect::<Vec<_>>()
    };
    let plan = rollback_plan(&proposal, &facts);
    assert!(run(&live, &plan).is_empty(), "performance may move");
    live["daily_budget"] = json!("50.01");
    assert_eq!(
        run(&live, &plan),
        [(Severity::Block, "daily_budget was 50.00 when drafted and is now 50.01.".to_owned())]
    );
    let text = "Action increase_budget has no rollback plan.".to_owned();
    assert_eq!(run(&state, &json!([])), [(Severity::Block, text)]);
}

#[test]
fn converting_term() {
    let mut facts = facts();
    let term = |term: &str, conversions: &str| Term {
        term: term.to_owned(),
        conversions_90: dec(conversions),
        clicks_90: 10,
        conversions_30: Decimal::ZERO,
        clicks_30: 5,
        cost_30: dec("10"),
    };
    facts.terms = Some(TermFacts {
        terms: vec![term("free hiking map", "0"), term("map of hiking", "1")],
        ..TermFacts::default()
    });
    let said = |text: &str, match_type| {
        let keywords = vec![Keyword { text: text.to_owned(), match_type }];
        let wanted = Negatives { level: "campaign".to_owned(), parent_id: "1".to_owned(), keywords };
        said(&(ActionKind::AddNegativeKeyword, Proposal::Negatives(wanted)), &facts, Guard::ConvertingTerm)
    };
    let text = "'map of hiking' converted 1 times in 90 days.";
    assert_eq!(said("hiking map", MatchType::Exact), None);
    assert_eq!(said("hiking map", MatchType::Phrase), None);
    assert_eq!(said("hiking map", MatchType::Broad), block(text));
    assert_eq!(said("map of", MatchType::Phrase), block(text));
    assert_eq!(said("Map of Hiking!", MatchType::Exact), block(text));
}

fn ad(headline: &str, url: &str, suffix: &str) -> (ActionKind, Proposal) {
    let line = |text: &str| Line { text: text.to_owned(), pin: None };
    let proposal = Proposal::Ad(Ad {
        campaign_id: "1".to_owned(),
        ad_set_id: "7".to_owned(),
        name: "n".to_owned(),
        headlines: vec![line(headline), line("Independent Advice"), line("No Hidden Fees")],
        descriptions: vec![line("See every option."), line("Talk to an adviser.")],
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
        check(json!({"geo": ["CH"], "languages": ["de"], "age_min": 17}), Guard::MinorTargeting),
        block("Targeting includes people under 18.")
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
