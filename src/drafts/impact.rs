//! The expected effect of a draft with its interval, from the facts alone; the caller's own guess is never used.
//!
//! Effects of budgets are *contribution* over seven days: revenue ÷ break-even ROAS − spend, so that money saved and
//! revenue lost are weighed in one unit (the organisation's currency). Intervals are 95 % normal intervals of the
//! estimate's mean; confidence is the probability that the effect has the right sign, Φ(value ÷ error), kept within
//! 0.05..0.95, and lower where a week or less is on record. What cannot be estimated has no figure at all.
use super::facts::{CampaignFacts, Facts};
use super::proposal::{Audience, MatchType, Negatives, Proposal};
use super::words::float;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// The next unit of budget earns less than the average one; a round figure until response curves are fitted.
const MARGINAL: f64 = 0.8;
const Z95: f64 = 1.959_963_985;
const WEEK: f64 = 7.0;
/// Days of spend below which an estimate is thin (as `guardrail.min_sample`), and the confidence it then has at most.
const THIN: (usize, f64) = (7, 0.6);
/// Confidence where nothing can be estimated.
const UNKNOWN: f64 = 0.3;

const TOO_FEW: &str = "fewer than three days of spend in the last 28: too few to estimate";

/// What is expected, in the unit of the metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Effect {
    pub metric: String,
    /// Nothing, with no interval, when too little is known to claim anything.
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub days: u32,
    /// 0..1.
    pub confidence: f64,
    /// How it was computed, in words.
    pub basis: String,
}

impl Effect {
    fn normal(metric: &str, value: f64, error: f64, days: u32, basis: &str) -> Self {
        let confidence = if error > 0.0 {
            Normal::standard().cdf(value / error)
        } else if value > 0.0 {
            0.95
        } else {
            0.05
        };
        Self::bounded(metric, value, (value - Z95 * error, value + Z95 * error), days, confidence, basis)
    }

    fn bounded(
        metric: &str,
        value: f64,
        (low, high): (f64, f64),
        days: u32,
        confidence: f64,
        basis: &str,
    ) -> Self {
        let cents = |x: f64| (x * 100.0).round() / 100.0;
        Self {
            metric: metric.to_owned(),
            value: Some(cents(value)),
            low: Some(cents(low)),
            high: Some(cents(high)),
            days,
            confidence: cents(confidence.clamp(0.05, 0.95)),
            basis: basis.to_owned(),
        }
    }

    /// On so many days of spend: a week and less is thin, however little they differ.
    fn over(mut self, days: usize) -> Self {
        if days < THIN.0 {
            self.confidence = self.confidence.min(THIN.1);
        }
        self
    }

    /// Too little is known: no figure, and the confidence of nobody in particular.
    fn unknown(metric: &str, days: u32, why: &str) -> Self {
        Self {
            metric: metric.to_owned(),
            value: None,
            low: None,
            high: None,
            days,
            confidence: UNKNOWN,
            basis: why.to_owned(),
        }
    }
}

/// The expected effect of a proposal.
pub fn effect(proposal: &Proposal, facts: &Facts) -> Effect {
    let one = facts.campaigns.first();
    match (proposal, one) {
        (Proposal::Budget(b), Some(c)) => {
            let delta = float((b.new_daily_budget - b.current_daily_budget) * c.rate);
            more_or_less(delta, c, facts)
        }
        (Proposal::Resume(r), Some(c)) => {
            let budget = r.new_daily_budget.or(c.budget()).unwrap_or_default();
            more_or_less(float(budget * c.rate), c, facts)
        }
        (Proposal::Pause(_), Some(c)) => pause(c, facts),
        (Proposal::Reallocate(r), Some(from)) => {
            let amount = float(r.amount_per_day * from.rate);
            let to = facts.campaigns.get(1).unwrap_or(from);
            reallocation(amount, from, to)
        }
        (Proposal::Negatives(n), Some(c)) => negatives(n, c, facts),
        (Proposal::Ad(_), _) => copy(facts),
        (Proposal::Brief(_), _) => brief(facts),
        (Proposal::Audience(a), _) => audience(a, facts),
        (_, None) => Effect::unknown("contribution", 7, "no campaign was found"),
    }
}

/// The ROAS at which a campaign earns what it costs, and where the figure comes from: 1 ÷ the margin of 90 days, else
/// the organisation's setting.
fn break_even(facts: &Facts) -> (f64, &'static str) {
    match facts.org.margin_90d.filter(|margin| *margin > 0.01) {
        Some(margin) => (1.0 / margin, "from the margin of 90 days"),
        None => (float(facts.org.limits.break_even_roas).max(0.01), "as set"),
    }
}

/// A change of daily spend by `delta`: 7·Δ·(k·ROAS ÷ break-even − 1), its error from the ratio estimator over 28 days.
fn more_or_less(delta: f64, campaign: &CampaignFacts, facts: &Facts) -> Effect {
    let (break_even, origin) = break_even(facts);
    let basis = format!(
        "7 days × change of budget × (0.8 × ROAS of 28 days ÷ break-even ROAS − 1), break-even ROAS {origin}"
    );
    match campaign.history.roas_with_error(28) {
        Some((roas, error)) => {
            let unit = WEEK * delta;
            let value = unit * (MARGINAL * roas / break_even - 1.0);
            let error = unit.abs() * MARGINAL * error / break_even;
            Effect::normal("contribution", value, error, 7, &basis).over(campaign.history.days_of_spend(28))
        }
        None => Effect::unknown("contribution", 7, TOO_FEW),
    }
}

/// Seven times the daily mean of spend − revenue ÷ break-even ROAS over 28 days, error s·√(49 ÷ n).
fn pause(campaign: &CampaignFacts, facts: &Facts) -> Effect {
    let (break_even, origin) = break_even(facts);
    let series: Vec<f64> = campaign
        .history
        .last(28)
        .map(|day| float(day.cost_base) - float(day.revenue_base) / break_even)
        .collect();
    let n = series.len() as f64;
    if n < 3.0 {
        return Effect::unknown("contribution", 7, TOO_FEW);
    }
    let mean = series.iter().sum::<f64>() / n;
    let variance = series.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let basis =
        format!("7 × daily mean of spend − revenue ÷ break-even ROAS over 28 days, break-even ROAS {origin}");
    Effect::normal("contribution", WEEK * mean, WEEK * (variance / n).sqrt(), 7, &basis)
        .over(campaign.history.days_of_spend(28))
}

/// 7·A·(k·ROAS of the receiver − ROAS of the donor), both over 28 days.
fn reallocation(amount: f64, from: &CampaignFacts, to: &CampaignFacts) -> Effect {
    let basis = "7 days × amount × (0.8 × ROAS of the receiver − ROAS of the donor), both over 28 days";
    match (from.history.roas_with_error(28), to.history.roas_with_error(28)) {
        (Some((donor, donor_error)), Some((receiver, receiver_error))) => {
            let unit = WEEK * amount;
            let error = unit * ((MARGINAL * receiver_error).powi(2) + donor_error.powi(2)).sqrt();
            let fewer = from.history.days_of_spend(28).min(to.history.days_of_spend(28));
            Effect::normal("revenue", unit * (MARGINAL * receiver - donor), error, 7, basis).over(fewer)
        }
        _ => Effect::unknown("revenue", 7, TOO_FEW),
    }
}

/// Spend per week on the excluded terms; clicks are Poisson. Confidence: the probability that terms which convert as
/// the campaign does would have shown a conversion by now, 1 − exp(−clicks × conversion rate).
fn negatives(n: &Negatives, campaign: &CampaignFacts, facts: &Facts) -> Effect {
    let terms = facts.terms.clone().unwrap_or_default();
    let hit: Vec<_> = terms
        .terms
        .iter()
        .filter(|term| n.keywords.iter().any(|k| super::guard::matches(k, &term.term)))
        .collect();
    if hit.is_empty() {
        return Effect::unknown("spend_saved", 7, "no search of the last 90 days has these words");
    }
    let clicks_90: f64 = hit.iter().map(|t| t.clicks_90 as f64).sum();
    let conversions_90: f64 = hit.iter().map(|t| float(t.conversions_90)).sum();
    let clicks_30: f64 = hit.iter().map(|t| t.clicks_30 as f64).sum();
    let cost_30 = hit.iter().map(|t| float(t.cost_30)).sum::<f64>() * float(campaign.rate);
    let all = campaign.history.totals(90);
    let rate = if all.clicks > 0 { float(all.conversions) / all.clicks as f64 } else { 0.0 };
    let weekly = cost_30 * WEEK / 30.0;
    let spread = if clicks_30 > 0.0 { Z95 * weekly / clicks_30.sqrt() } else { 0.0 };
    let confidence = if conversions_90 > 0.0 { 0.05 } else { 1.0 - (-clicks_90 * rate).exp() };
    let broad = n.keywords.iter().any(|k| k.match_type == MatchType::Broad);
    let basis = if broad {
        "7/30 of the spend of 30 days on matching terms (broad matches by words), clicks Poisson"
    } else {
        "7/30 of the spend of 30 days on matching terms, clicks Poisson"
    };
    let interval = ((weekly - spread).max(0.0), weekly + spread);
    Effect::bounded("spend_saved", weekly, interval, 7, confidence, basis)
}

/// The click rate of the group's ads over 28 days with its Wilson interval (Wilson 1927), in percent.
fn copy(facts: &Facts) -> Effect {
    let ads = facts.ad.as_ref().map(|ad| ad.ads.as_slice()).unwrap_or_default();
    let clicks: i64 = ads.iter().map(|a| a.clicks).sum();
    let impressions: i64 = ads.iter().map(|a| a.impressions).sum();
    if impressions == 0 {
        return Effect::unknown("ctr_percent", 14, "no ad of the group was shown in the last 28 days");
    }
    let (low, high) = wilson(clicks as f64, impressions as f64);
    let value = 100.0 * clicks as f64 / impressions as f64;
    let confidence = if impressions >= 1000 { 0.7 } else { 0.65 };
    let basis = "click rate in percent of the present ads of the group over 28 days, Wilson interval";
    Effect::bounded("ctr_percent", value, (100.0 * low, 100.0 * high), 14, confidence, basis)
}

/// `trials` is more than 0.
fn wilson(successes: f64, trials: f64) -> (f64, f64) {
    let (p, z2) = (successes / trials, Z95 * Z95);
    let middle = (p + z2 / (2.0 * trials)) / (1.0 + z2 / trials);
    let half = Z95 / (1.0 + z2 / trials) * (p * (1.0 - p) / trials + z2 / (4.0 * trials * trials)).sqrt();
    (middle - half, middle + half)
}

/// Clicks of 28 days that position 3 would bring (10 % of impressions) beyond the present ones, clicks Poisson.
fn brief(facts: &Facts) -> Effect {
    let impressions: f64 = facts.rankings.iter().map(|r| r.impressions as f64).sum();
    if impressions == 0.0 {
        let why = "no page of yours was shown for these words in the last 28 days";
        return Effect::unknown("organic_clicks", 28, why);
    }
    let clicks: f64 = facts.rankings.iter().map(|r| r.clicks as f64).sum();
    let target = 0.10 * impressions;
    let value = target - clicks;
    if value <= 0.0 {
        let why = "your pages bring as many clicks already as a third position would";
        return Effect::unknown("organic_clicks", 28, why);
    }
    let spread = Z95 * (target + clicks).sqrt();
    let confidence = if impressions >= 1000.0 { 0.65 } else { 0.5 };
    let basis = "impressions of 28 days × 10 % (a third position) − present clicks, Poisson";
    Effect::bounded(
        "organic_clicks",
        value,
        ((value - spread).max(0.0), value + spread),
        28,
        confidence,
        basis,
    )
}

/// People reached: the consenting (lists) or all (rules) × a match rate of 40 to 70 %.
fn audience(a: &Audience, facts: &Facts) -> Effect {
    let known = facts.audience.clone().unwrap_or_default();
    let people = if a.method == "list" { known.consenting } else { known.size };
    let Some(people) = people.map(|people| people as f64) else {
        return Effect::unknown(
            "people_matched",
            a.membership_days,
            "how many people it has, only the platform knows",
        );
    };
    let enough = people >= super::guard::audience_minimum(&known.platform) as f64;
    let confidence = if enough { 0.7 } else { 0.5 };
    let basis = "people of the segment × a usual match rate of 40 to 70 %";
    Effect::bounded(
        "people_matched",
        0.55 * people,
        (0.4 * people, 0.7 * people),
        a.membership_days,
        confidence,
        basis,
    )
}

#[cfg(test)]
mod tests;
