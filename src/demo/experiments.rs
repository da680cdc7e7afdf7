//! Tests and holdouts with planted outcomes. Counts are exact; they are spread over the days of the test.
use super::calendar::Calendar;
use super::draw::Draw;
use super::email::CART_FLOW;
use super::plan::{PLANS, index};
use super::rows::{Arm, ArmDay, Experiment, Id};
use crate::db::load::Micros;
use serde_json::json;

pub struct Test {
    pub name: &'static str,
    kind: &'static str,
    entity_kind: &'static str,
    /// A campaign's name for campaigns, else an id.
    entity: &'static str,
    status: &'static str,
    hypothesis: &'static str,
    /// Ages of the first and last day.
    ages: (i64, i64),
    /// Share of the treated (or of the variant) in the plan.
    split: f64,
    planned: i64,
    mde: f64,
    /// Treated or variant, then holdout or control: users and converters.
    pub treated: (i64, i64),
    pub control: (i64, i64),
    /// Mean revenue of a converter.
    value: f64,
    /// Spend on the treated.
    cost: f64,
    winner: Option<&'static str>,
    decision: Option<&'static str>,
    /// What is planted, for the truth file.
    pub fact: &'static str,
}

pub const TESTS: [Test; 8] = [
    Test {
        name: "Brand Search holdout",
        kind: "holdout",
        entity_kind: "campaign",
        entity: "Brand Search",
        status: "running",
        hypothesis: "Ads on our own name bring buyers who would not have come.",
        ages: (84, 1),
        split: 0.9,
        planned: 40_000,
        mde: 0.10,
        treated: (36_040, 1_085),
        control: (4_004, 120),
        value: 92.0,
        cost: 1_770.0,
        winner: None,
        decision: None,
        fact: "brand campaign with high last-click return and no lift",
    },
    Test {
        name: "Trail Shoes Prospecting holdout",
        kind: "holdout",
        entity_kind: "campaign",
        entity: "Trail Shoes Prospecting",
        status: "running",
        hypothesis: "Showing trail shoes to people who do not know us brings new buyers.",
        ages: (84, 1),
        split: 0.9,
        planned: 70_000,
        mde: 0.30,
        treated: (63_154, 587),
        control: (7_014, 34),
        value: 104.0,
        cost: 2_700.0,
        winner: None,
        decision: None,
        fact: "low click rate, real lift",
    },
    Test {
        name: "Cart reminder holdout",
        kind: "holdout",
        entity_kind: "automation",
        entity: CART_FLOW,
        status: "running",
        hypothesis: "A reminder brings back people who left a cart.",
        ages: (180, 1),
        split: 0.9,
        planned: 15_000,
        mde: 0.12,
        treated: (13_500, 621),
        control: (1_500, 61),
        value: 79.0,
        cost: 0.0,
        winner: None,
        decision: None,
        fact: "10 % holdout, about +0.5 pp",
    },
    Test {
        name: "Harvest Sale holdout",
        kind: "holdout",
        entity_kind: "campaign",
        entity: "Harvest Sale",
        status: "running",
        hypothesis: "The sale brings orders that would not have come.",
        ages: (70, 1),
        split: 0.9,
        planned: 60_000,
        mde: 0.20,
        treated: (54_050, 612),
        control: (6_002, 44),
        value: 98.0,
        cost: 3_300.0,
        winner: None,
        decision: None,
        fact: "real lift, about a third of the orders",
    },
    Test {
        name: "Free shipping banner test",
        kind: "ab",
        entity_kind: "page",
        entity: "/",
        status: "finished",
        hypothesis: "A banner about free shipping lifts orders.",
        ages: (66, 46),
        split: 0.5,
        planned: 20_000,
        mde: 0.15,
        treated: (10_640, 246),
        control: (9_352, 196),
        value: 84.0,
        cost: 0.0,
        winner: None,
        decision: Some("none: assignment was broken"),
        fact: "sample ratio mismatch: void",
    },
    Test {
        name: "Checkout button test",
        kind: "ab",
        entity_kind: "page",
        entity: "/checkout",
        status: "finished",
        hypothesis: "A button that names the amount lifts completed checkouts.",
        ages: (44, 24),
        split: 0.5,
        planned: 42_000,
        mde: 0.15,
        treated: (21_412, 518),
        control: (21_384, 434),
        value: 86.0,
        cost: 0.0,
        winner: Some("variant_b"),
        decision: Some("ship variant B"),
        fact: "valid and significant",
    },
    Test {
        name: "Guide teaser test",
        kind: "ab",
        entity_kind: "page",
        entity: "/guides/choose-trail-shoes",
        status: "running",
        hypothesis: "A teaser of the shoe finder lifts visits of product pages.",
        ages: (11, 1),
        split: 0.5,
        planned: 24_000,
        mde: 0.20,
        treated: (4_310, 91),
        control: (4_288, 84),
        value: 80.0,
        cost: 0.0,
        winner: None,
        decision: None,
        fact: "running, too early to call",
    },
    Test {
        name: "Size advice test",
        kind: "ab",
        entity_kind: "page",
        entity: "/trail-shoes",
        status: "draft",
        hypothesis: "Size advice beside the picture lowers returns.",
        ages: (0, 0),
        split: 0.5,
        planned: 30_000,
        mde: 0.10,
        treated: (0, 0),
        control: (0, 0),
        value: 0.0,
        cost: 0.0,
        winner: None,
        decision: None,
        fact: "draft",
    },
];

#[derive(Default)]
pub struct Experiments {
    pub experiments: Vec<Experiment>,
    pub arms: Vec<Arm>,
    pub days: Vec<ArmDay>,
}

pub fn generate(seed: u64, calendar: &Calendar) -> Experiments {
    let mut draw = Draw::new(seed, "experiments");
    let mut out = Experiments::default();
    for test in &TESTS {
        let id = draw.uuid();
        let is_ab = test.kind == "ab";
        let entity_id: Id = if test.entity_kind == "campaign" {
            PLANS[index(test.entity)].id.into()
        } else {
            test.entity.into()
        };
        let started = test.ages.0 > 0;
        let ended = started && test.ages.1 > 1;
        out.experiments.push(Experiment {
            id,
            name: test.name,
            kind: test.kind,
            entity_kind: test.entity_kind,
            entity_id,
            status: test.status,
            hypothesis: test.hypothesis,
            primary_metric: "conversions",
            plan: json!({"n": test.planned, "looks": 1, "mde": test.mde, "alpha": 0.05, "power": 0.8,
                "split": format!("{:.0}:{:.0}", test.split * 100.0, (1.0 - test.split) * 100.0)}),
            guardrails: json!({}),
            started_at: started.then(|| calendar.at(calendar.day_of_age(test.ages.0), 0)),
            ended_at: ended.then(|| calendar.at(calendar.day_of_age(test.ages.1), 86_399)),
            winner: test.winner,
            decision: test.decision,
        });
        let names = if is_ab { ["variant_b", "control"] } else { ["treated", "holdout"] };
        for (arm, (name, counts)) in names.into_iter().zip([test.treated, test.control]).enumerate() {
            let weight = if arm == 0 { test.split } else { 1.0 - test.split };
            out.arms.push(Arm {
                experiment_id: id,
                arm: name,
                is_control: arm == 1,
                weight: (weight * 100.0).round() / 100.0,
            });
            if !started {
                continue;
            }
            let days = (test.ages.1..=test.ages.0)
                .rev()
                .filter(|age| *age <= calendar.len() as i64)
                .collect::<Vec<_>>();
            let users = draw.split(counts.0, &vec![1.0; days.len()]);
            let converters = draw.split(counts.1, &users.iter().map(|u| *u as f64).collect::<Vec<_>>());
            for ((age, users), converters) in days.iter().zip(users).zip(converters) {
                let (mut revenue, mut squared) = (0i64, 0.0);
                for _ in 0..converters {
                    let one = (test.value * draw.noise(0.6) * 100.0).round() as i64;
                    revenue += one;
                    squared += (one as f64 / 100.0).powi(2);
                }
                out.days.push(ArmDay {
                    experiment_id: id,
                    arm: name,
                    date: calendar.day_of_age(*age),
                    users,
                    converters,
                    orders: converters,
                    revenue: Micros::from_cents(revenue),
                    revenue_squared: (squared * 100.0).round() / 100.0,
                    cost: if arm == 0 {
                        Micros::from_cents((test.cost * 100.0 / days.len() as f64).round() as i64)
                    } else {
                        Micros(0)
                    },
                });
            }
        }
    }
    out
}
