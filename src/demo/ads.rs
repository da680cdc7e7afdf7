//! Advertising: what every ad did on every day, rolled up to ad groups and campaigns.
//!
//! Conversions are spread evenly with noise rather than drawn as rare events, so that planted changes stand out
//! and the other series stay quiet.
use super::breakdowns;
use super::calendar::Calendar;
use super::draw::Draw;
use super::money::Rates;
use super::plan::{CURRENCY, PLANS, Plan, index, planted};
use super::rows::{DailyMetric, Id, whole};
use crate::db::load::Micros;
use jiff::{Timestamp, ToSpan, civil::Date};

/// One ad of the plan: where it hangs, its share of the campaign's spend, and the ages at which it runs.
pub struct Ad {
    pub id: Id,
    pub group: usize,
    pub main: bool,
    /// Oldest and youngest age in days, both included.
    pub ages: (i64, i64),
    share: f64,
}

/// One ad group of the plan.
pub struct Group {
    pub id: Id,
    pub plan: usize,
    pub name: &'static str,
}

/// Ad groups and ads, in a fixed order: three ads a group, the second replaced by the third half-way.
pub struct Structure {
    pub groups: Vec<Group>,
    pub ads: Vec<Ad>,
}

pub fn structure(calendar: &Calendar) -> Structure {
    let (mut groups, mut ads) = (Vec::new(), Vec::new());
    for (plan_index, plan) in PLANS.iter().enumerate() {
        let oldest = plan.since.min(calendar.len() as i64);
        let half = oldest / 2;
        for (position, (name, share)) in plan.groups.iter().enumerate() {
            let number = plan_index * 10 + position;
            let group = groups.len();
            groups.push(Group {
                id: format!("{}:{}", plan.source, 61_000 + number).into(),
                plan: plan_index,
                name,
            });
            for (slot, ages, part) in [
                (0, (oldest, 1), plan.main_ad),
                (1, (oldest, half + 1), 1.0 - plan.main_ad),
                (2, (half, 1), 1.0 - plan.main_ad),
            ] {
                let id = format!("{}:{}", plan.source, 810_000 + number * 10 + slot).into();
                ads.push(Ad { id, group, main: slot == 0, ages, share: share * part });
            }
        }
    }
    Structure { groups, ads }
}

/// What one campaign did on one day, as the other themes need it.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    pub clicks: i64,
    pub landed: i64,
    /// Conversions that really happened, reported or not; smooth.
    pub expected: f64,
    pub cost_base: Micros,
}

/// All ad facts: rows, and the traffic per day and campaign.
pub struct Ads {
    pub rows: Vec<DailyMetric>,
    /// Earlier, lower versions of rows that were restated later.
    pub superseded: Vec<DailyMetric>,
    pub traffic: Vec<[Traffic; 12]>,
}

#[derive(Clone, Copy, Default)]
pub struct Sums {
    pub impressions: i64,
    pub clicks: i64,
    pub landed: i64,
    pub reach: i64,
    pub conversions: i64,
    pub value: i64,
    pub cost: i64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.impressions += other.impressions;
        self.clicks += other.clicks;
        self.landed += other.landed;
        self.reach += other.reach;
        self.conversions += other.conversions;
        self.value += other.value;
        self.cost += other.cost;
    }
}

/// A `daily_metrics` row of an ad platform; amounts in cents of the account's currency.
pub fn row(
    date: Date,
    plan: &Plan,
    kind: &'static str,
    id: &Id,
    breakdown: &Id,
    sums: Sums,
    rates: &Rates,
) -> DailyMetric {
    let base = |cents: i64| rates.base(plan.currency, date, cents);
    DailyMetric {
        date,
        source: plan.source,
        account_id: plan.account.into(),
        entity_kind: kind,
        entity_id: id.clone(),
        channel: plan.channel,
        breakdown: breakdown.clone(),
        impressions: sums.impressions,
        clicks: sums.clicks,
        landed: sums.landed,
        reach: sums.reach,
        frequency_users: sums.reach,
        conversions: whole(sums.conversions),
        conversion_value: Micros::from_cents(sums.value),
        conversion_value_base: base(sums.value),
        cost: Micros::from_cents(sums.cost),
        cost_base: base(sums.cost),
        revenue: Micros::from_cents(sums.value),
        revenue_base: base(sums.value),
        revenue_basis: "platform",
        currency: plan.currency,
        attribution_window: "7d_click",
        is_final: true,
        ..DailyMetric::default()
    }
}

pub fn generate(seed: u64, calendar: &Calendar, structure: &Structure, rates: &Rates) -> Ads {
    let mut draw = Draw::new(seed, "ads");
    let mut split = Draw::new(seed, "ad breakdowns");
    let none: Id = "".into();
    let ids = super::plan::ids();
    let mut carry: Vec<f64> = structure.ads.iter().map(|_| draw.unit()).collect();
    let mut out =
        Ads { rows: Vec::new(), superseded: Vec::new(), traffic: Vec::with_capacity(calendar.len()) };
    for (day_index, date) in calendar.days.iter().copied().enumerate() {
        let age = calendar.age_at(day_index);
        let mut traffic = [Traffic::default(); 12];
        let mut groups = vec![Sums::default(); structure.groups.len()];
        let mut campaigns = [Sums::default(); 12];
        let pace: Vec<f64> = PLANS.iter().map(|_| draw.noise(0.07)).collect();
        for (ad_index, ad) in structure.ads.iter().enumerate() {
            let group = &structure.groups[ad.group];
            let plan = &PLANS[group.plan];
            if age > ad.ages.0 || age < ad.ages.1 {
                continue;
            }
            let spend = plan.spend * ad.share * pressure(calendar, date, plan) * pace[group.plan];
            let (sums, expected) = ad_day(&mut draw, plan, group, ad, age, spend, &mut carry[ad_index]);
            traffic[group.plan].expected += expected;
            groups[ad.group].add(sums);
            campaigns[group.plan].add(sums);
            out.push(age, calendar, row(date, plan, "ad", &ad.id, &none, sums, rates));
        }
        for (group, sums) in structure.groups.iter().zip(&groups) {
            if age <= PLANS[group.plan].since {
                out.push(
                    age,
                    calendar,
                    row(date, &PLANS[group.plan], "ad_group", &group.id, &none, *sums, rates),
                );
            }
        }
        for (plan_index, plan) in PLANS.iter().enumerate() {
            if age > plan.since {
                continue;
            }
            let sums = campaigns[plan_index];
            let mut whole_row = row(date, plan, "campaign", &ids[plan_index], &none, sums, rates);
            breakdowns::campaign(
                &mut split,
                &mut out.rows,
                &mut whole_row,
                plan,
                &ids[plan_index],
                sums,
                age,
                rates,
            );
            traffic[plan_index].clicks = sums.clicks;
            traffic[plan_index].landed = sums.landed;
            traffic[plan_index].cost_base = whole_row.cost_base;
            out.push(age, calendar, whole_row);
        }
        out.traffic.push(traffic);
    }
    out
}

/// How much harder a campaign spends on a day: it follows demand at less than its full swing.
fn pressure(calendar: &Calendar, date: Date, plan: &Plan) -> f64 {
    let elasticity = if plan.is_b2b() || plan.currency != CURRENCY { 0.15 } else { 0.55 };
    calendar.month_factor(date).powf(elasticity)
        * (calendar.season(date) / calendar.month_factor(date)).powf(0.6)
}

/// One ad on one day, with the conversions it really brought.
fn ad_day(
    draw: &mut Draw,
    plan: &Plan,
    group: &Group,
    ad: &Ad,
    age: i64,
    spend: f64,
    carry: &mut f64,
) -> (Sums, f64) {
    let tired = tiredness(plan, group, ad, age);
    let ctr = plan.ctr * tired * if ad.main { 1.0 } else { 0.86 };
    let cpc = plan.cpc / tired.powf(0.7);
    let shown = spend / cpc / ctr * draw.noise(0.10);
    let impressions = draw.round(shown);
    let clicks = draw.binomial(impressions, ctr);
    let cost = (clicks as f64 * cpc * draw.noise(0.06) * 100.0).round() as i64;
    let mut cvr = plan.cvr * if ad.main { 1.04 } else { 0.9 };
    if is_dry(plan, group, ad, age) {
        cvr = 0.0;
    }
    if is_spiked(group, age) {
        cvr /= planted::CPA_FACTOR;
    }
    let expected = clicks as f64 * cvr;
    *carry += expected * draw.noise(0.30);
    let conversions = carry.floor() as i64;
    *carry -= conversions as f64;
    let outage = age <= planted::OUTAGE.0 && age >= planted::OUTAGE.1;
    let reported = if outage { 0 } else { conversions };
    let each = if plan.is_b2b() { plan.value } else { plan.value * draw.noise(0.22) };
    let reach = (impressions as f64 / frequency(plan, group, ad, age)).round() as i64;
    let sums = Sums {
        impressions,
        clicks,
        landed: draw.binomial(clicks, 0.875),
        reach,
        conversions: reported,
        value: (reported as f64 * each * 100.0).round() as i64,
        cost,
    };
    (sums, expected)
}

/// The worn-out ad: the main one of the first group of Summit Stories.
pub fn is_tired_ad(plan: &Plan, group: &Group, ad: &Ad) -> bool {
    plan.name == "Summit Stories" && ad.main && group.name == plan.groups[0].0
}

fn weariness(age: i64) -> f64 {
    ((planted::FATIGUE - age) as f64 / (planted::FATIGUE - 1) as f64).clamp(0.0, 1.0)
}

fn tiredness(plan: &Plan, group: &Group, ad: &Ad, age: i64) -> f64 {
    if is_tired_ad(plan, group, ad) { 1.0 - 0.58 * weariness(age) } else { 1.0 }
}

fn frequency(plan: &Plan, group: &Group, ad: &Ad, age: i64) -> f64 {
    if is_tired_ad(plan, group, ad) { 2.0 + 5.0 * weariness(age) } else { plan.frequency }
}

/// The ad group whose conversions became 1.8 times as dear.
pub fn is_spiked(group: &Group, age: i64) -> bool {
    group.plan == index("Camping Gear Search")
        && group.name == "Tents and shelters"
        && age <= planted::CPA_RISE
}

fn is_dry(plan: &Plan, group: &Group, ad: &Ad, age: i64) -> bool {
    age <= planted::DRY
        && (plan.name == "Cashback Weekend"
            || (plan.name == "Welcome Offer" && group.name == "Newsletter lookalike" && ad.main))
}

impl Ads {
    /// Adds a row; late conversions leave the earlier version of it behind.
    fn push(&mut self, age: i64, calendar: &Calendar, mut row: DailyMetric) {
        row.is_final = age > 3;
        let late = age <= planted::RESTATED.0 && age >= planted::RESTATED.1;
        if late && matches!(row.source, "google_ads" | "meta_ads") && row.conversions.0 > 0 {
            let mut earlier = row.clone();
            // About a third of the conversions arrived after the first report.
            let seen = row.conversions.0 / 1_000_000 * 2 / 3;
            let part = |amount: Micros| Micros(amount.0 / (row.conversions.0 / 1_000_000) * seen);
            earlier.conversions = whole(seen);
            (earlier.conversion_value, earlier.conversion_value_base) =
                (part(row.revenue), part(row.revenue_base));
            (earlier.revenue, earlier.revenue_base) = (part(row.revenue), part(row.revenue_base));
            earlier.is_final = false;
            self.superseded.push(earlier);
            row.restated_at = Some(restated_at(calendar, row.date));
        }
        self.rows.push(row);
    }
}

fn restated_at(calendar: &Calendar, date: Date) -> Timestamp {
    calendar.at(date.saturating_add(5.days()).min(calendar.day_of_age(1)), 18_000)
}
