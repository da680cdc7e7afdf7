//! Each guardrail just inside, at, and outside its bound, with the exact message.
use super::*;
use crate::db::drafts::facts::Term;
use crate::drafts::action::{ActionKind, actions};
use crate::drafts::before::before;
use crate::drafts::facts::TermFacts;
use crate::drafts::proposal::{Budget, End, Keyword, MatchType, Negatives, Pause, Reallocation};
use crate::drafts::rollback::rollback_plan;
use crate::drafts::sample::facts;
use crate::drafts::words::dec;
use jiff::{ToSpan, civil::date};
use serde_json::json;

mod people_and_words;

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

/// Of a reallocation the end that gets more has to report conversions.
#[test]
fn money_moves_only_to_what_is_measured() {
    let tracked = |facts: &Facts| said(&moving("10.00"), facts, Guard::TrackingMissing);
    let mut facts = facts();
    assert_eq!(tracked(&facts), None);
    facts.campaigns[0].row.tracking = "missing".to_owned();
    assert_eq!(tracked(&facts), None, "the donor may be untracked");
    facts.campaigns[1].row.tracking = "missing".to_owned();
    let text = "No conversion tracking seen for Campaign 2 in 14 days; no spend without tracking.";
    assert_eq!(tracked(&facts), block(text));
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
