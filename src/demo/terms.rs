//! Search terms and keywords of the four search campaigns.
//!
//! Impressions follow a Zipf law with a flat tail of single impressions (log-log slope −0.87 over all ranks,
//! median 1); 92 % of terms have no click; clicks and conversions are 3.9 % and 6.7 % by exact count. The
//! platform names few terms of older days, so most impressions are recent.
use super::ads::Structure;
use super::calendar::Calendar;
use super::draw::Draw;
use super::money::Rates;
use super::plan::{PLANS, index};
use super::rows::{Id, Keyword, SearchTerm, whole};
use crate::db::load::Micros;
use std::collections::{BTreeMap, BTreeSet};

/// Many clicks in the last four weeks, never a conversion.
pub const WASTED_TERM: &str = "free hiking trail maps";
pub const WASTED_CLICKS: i64 = 96;
/// Dear, but five clicks prove nothing.
pub const DECOY_TERM: &str = "custom embroidered team jackets";
pub const DECOY_CLICKS: i64 = 5;
/// Terms that convert although no keyword asks for them: clicks and conversions of the last four weeks.
pub const MINED_TERMS: [(&str, i64, i64); 4] = [
    ("zero drop trail shoes", 22, 4),
    ("lightweight two person tent", 26, 3),
    ("trail bottle with filter", 21, 4),
    ("vegan hiking boots", 24, 3),
];

const SLOPE: f64 = 1.14;
const FLAT_FROM: f64 = 1180.0;
const CTR: f64 = 0.039;
const CVR: f64 = 0.067;

const NOUNS: [(&str, &str); 24] = [
    ("trail shoes", "Trail shoes"),
    ("trail running shoes", "Running shoes"),
    ("hiking shoes", "Trail shoes"),
    ("hiking boots", "Waterproof shoes"),
    ("waterproof shoes", "Waterproof shoes"),
    ("approach shoes", "Trail shoes"),
    ("womens trail shoes", "Trail shoes women"),
    ("tent", "Tents and shelters"),
    ("trekking tent", "Tents and shelters"),
    ("tarp", "Tents and shelters"),
    ("family tent", "Tents and shelters"),
    ("camping stove", "Stoves"),
    ("gas cartridge", "Stoves"),
    ("sleeping bag", "Sleeping bags"),
    ("sleeping mat", "Sleeping bags"),
    ("camping chair", "Camp furniture"),
    ("folding table", "Camp furniture"),
    ("fernhill", "Fernhill exact"),
    ("fernhill outfitters", "Fernhill shop"),
    ("fernhill review", "Fernhill reviews"),
    ("trail sneakers", "US trail shoes"),
    ("hiking boots men", "US hiking boots"),
    ("gifts for hikers", "US gift ideas"),
    ("bivy", "Tents and shelters"),
];
const BEFORE: [&str; 14] = [
    "", "best", "cheap", "light", "buy", "good", "used", "mens", "kids", "winter", "summer", "wide", "small",
    "outdoor",
];
const AFTER: [&str; 14] = [
    "",
    "sale",
    "review",
    "2 person",
    "zurich",
    "online",
    "size guide",
    "test",
    "price",
    "near me",
    "under 100",
    "waterproof",
    "brands",
    "discount code",
];

pub struct Terms {
    pub rows: Vec<SearchTerm>,
    pub keywords: Vec<Keyword>,
}

struct Term {
    text: Id,
    group: usize,
    impressions: i64,
    clicks: i64,
    conversions: i64,
    cpc: f64,
    /// Oldest age at which it may appear.
    oldest: i64,
}

pub fn generate(seed: u64, calendar: &Calendar, structure: &Structure, rates: &Rates, count: usize) -> Terms {
    let mut draw = Draw::new(seed, "terms");
    let group_named = |name: &str| structure.groups.iter().position(|g| g.name == name).unwrap_or(0);
    let mut terms = ranked(&mut draw, calendar, structure, count, &group_named);
    settle(&mut draw, &mut terms);
    let rows = terms.iter().flat_map(|term| daily(&mut draw, calendar, structure, rates, term)).collect();
    Terms { rows, keywords: keywords(&mut draw, structure, &group_named) }
}

fn ranked(
    draw: &mut Draw,
    calendar: &Calendar,
    structure: &Structure,
    count: usize,
    group: &dyn Fn(&str) -> usize,
) -> Vec<Term> {
    let mut names: Vec<(String, usize)> = Vec::new();
    for (noun, group_name) in NOUNS {
        for before in BEFORE {
            for after in AFTER {
                let words: Vec<&str> = [before, noun, after].into_iter().filter(|w| !w.is_empty()).collect();
                names.push((words.join(" "), group(group_name)));
            }
        }
    }
    for i in (1..names.len()).rev() {
        names.swap(i, draw.below(i + 1));
    }
    // The plain nouns are the most searched ones.
    names.sort_by_key(|(name, _)| !NOUNS.iter().any(|(noun, _)| noun == name));
    names.truncate(count.saturating_sub(2 + MINED_TERMS.len()));
    let mut special: BTreeMap<usize, (&str, usize)> = BTreeMap::from([
        (1, (WASTED_TERM, group("Trail shoes"))),
        (70, (DECOY_TERM, group("Tents and shelters"))),
    ]);
    for (i, (text, ..)) in MINED_TERMS.iter().enumerate() {
        special.insert(6 + i, (text, group(if i % 2 == 0 { "Trail shoes" } else { "Tents and shelters" })));
    }
    let mut plain = names.into_iter();
    (0..count)
        .filter_map(|rank| {
            let (text, group, planted) = match special.get(&rank) {
                Some((text, group)) => ((*text).to_owned(), *group, true),
                None => plain.next().map(|(text, group)| (text, group, false))?,
            };
            let since = PLANS[structure.groups[group].plan].since.min(calendar.len() as i64);
            Some(Term {
                text: text.into(),
                group,
                impressions: ((FLAT_FROM / (rank + 1) as f64).powf(SLOPE).round() as i64).max(1),
                clicks: 0,
                conversions: 0,
                cpc: PLANS[structure.groups[group].plan].cpc * draw.noise(0.30),
                oldest: if planted { 28 } else { since },
            })
        })
        .collect()
}

/// Draws clicks and conversions by chance, then mends the totals to the stated rates.
fn settle(draw: &mut Draw, terms: &mut [Term]) {
    let fixed: BTreeMap<&str, (i64, i64, f64)> = MINED_TERMS
        .iter()
        .map(|(text, clicks, conversions)| (*text, (*clicks, *conversions, 1.04)))
        .chain([(WASTED_TERM, (WASTED_CLICKS, 0, 1.18)), (DECOY_TERM, (DECOY_CLICKS, 0, 14.6))])
        .collect();
    for term in terms.iter_mut() {
        match fixed.get(&*term.text) {
            Some((clicks, conversions, cpc)) => {
                (term.clicks, term.conversions, term.cpc) = (*clicks, *conversions, *cpc);
            }
            None => {
                let tail = if term.impressions <= 2 { 0.55 } else { 1.0 };
                term.clicks = draw.binomial(term.impressions, CTR * tail);
                term.conversions = draw.binomial(term.clicks, CVR);
            }
        }
    }
    let free: Vec<usize> = (0..terms.len()).filter(|i| !fixed.contains_key(&*terms[*i].text)).collect();
    let total = |terms: &[Term], f: fn(&Term) -> i64| terms.iter().map(f).sum::<i64>();
    let clicks = (total(terms, |t| t.impressions) as f64 * CTR).round() as i64;
    adjust(draw, clicks - total(terms, |t| t.clicks), &free, terms, |t| (t.impressions, &mut t.clicks));
    let conversions = (clicks as f64 * CVR).round() as i64;
    adjust(draw, conversions - total(terms, |t| t.conversions), &free, terms, |t| {
        (t.clicks, &mut t.conversions)
    });
    for term in terms.iter_mut() {
        term.conversions = term.conversions.min(term.clicks);
    }
}

/// Adds or takes single events, by weight of the larger count, until the sum is right.
fn adjust(
    draw: &mut Draw,
    missing: i64,
    free: &[usize],
    terms: &mut [Term],
    part: fn(&mut Term) -> (i64, &mut i64),
) {
    let weights: Vec<f64> = free.iter().map(|i| part(&mut terms[*i]).0 as f64).collect();
    for _ in 0..missing.abs() {
        for _ in 0..200 {
            let (most, count) = part(&mut terms[free[draw.weighted(&weights)]]);
            if (missing > 0 && *count < most) || (missing < 0 && *count > 0) {
                *count += missing.signum();
                break;
            }
        }
    }
}

fn daily(
    draw: &mut Draw,
    calendar: &Calendar,
    structure: &Structure,
    rates: &Rates,
    term: &Term,
) -> Vec<SearchTerm> {
    let group = &structure.groups[term.group];
    let plan = &PLANS[group.plan];
    let mut by_age: BTreeMap<i64, (i64, i64, i64)> = BTreeMap::new();
    let mut ages: Vec<i64> = Vec::new();
    for _ in 0..term.impressions {
        let recent = -70.0 * (1.0 - draw.unit()).ln();
        let age = if term.oldest <= 28 || recent > term.oldest as f64 || draw.chance(0.3) {
            1 + draw.below(term.oldest as usize) as i64
        } else {
            1 + recent as i64
        };
        ages.push(age.clamp(1, term.oldest));
        by_age.entry(age.clamp(1, term.oldest)).or_default().0 += 1;
    }
    let mut clicked: Vec<i64> = Vec::new();
    for _ in 0..term.clicks {
        let age = *draw.of(&ages);
        let day = by_age.entry(age).or_default();
        day.1 += 1;
        day.0 = day.0.max(day.1);
        clicked.push(age);
    }
    for _ in 0..term.conversions {
        let age = *draw.of(&clicked);
        by_age.entry(age).or_default().2 += 1;
    }
    let match_type = *draw.of(&["BROAD", "BROAD", "PHRASE"]);
    by_age
        .into_iter()
        .map(|(age, (impressions, clicks, conversions))| {
            let date = calendar.day_of_age(age);
            let cost = (clicks as f64 * term.cpc * draw.noise(0.08) * 100.0).round() as i64;
            let value = (conversions as f64 * plan.value * draw.noise(0.25) * 100.0).round() as i64;
            SearchTerm {
                date,
                source: plan.source,
                campaign_id: plan.id.into(),
                ad_group_id: group.id.clone(),
                term: term.text.clone(),
                match_type,
                impressions,
                clicks,
                cost: Micros::from_cents(cost),
                cost_base: rates.base(plan.currency, date, cost),
                conversions: whole(conversions),
                conversion_value: Micros::from_cents(value),
                conversion_value_base: rates.base(plan.currency, date, value),
                currency: plan.currency,
                status: "none",
            }
        })
        .collect()
}

fn keywords(draw: &mut Draw, structure: &Structure, group: &dyn Fn(&str) -> usize) -> Vec<Keyword> {
    let mut out = Vec::new();
    let mut add = |text: &str, group: usize, match_type: &'static str, negative: bool, draw: &mut Draw| {
        let plan = &PLANS[structure.groups[group].plan];
        out.push(Keyword {
            id: format!("{}:{}", plan.source, 910_000 + out.len()).into(),
            source: plan.source,
            ad_group_id: structure.groups[group].id.clone(),
            text: text.to_owned(),
            match_type,
            negative,
            bid: (!negative)
                .then(|| Micros::from_cents((plan.cpc * draw.between(90.0, 130.0)).round() as i64)),
            currency: plan.currency,
            quality_score: (!negative).then(|| 5 + draw.below(5) as i32),
            ad_relevance: if negative { "" } else { "above_average" },
            landing_page_experience: if negative { "" } else { "average" },
            status: "active",
        });
    };
    let mut seen = BTreeSet::new();
    for (noun, name) in NOUNS {
        if seen.insert(noun) {
            add(noun, group(name), "EXACT", false, draw);
            add(noun, group(name), "PHRASE", false, draw);
        }
        add(&format!("best {noun}"), group(name), "BROAD", false, draw);
    }
    for text in ["jobs", "repair", "rental"] {
        add(text, group("Trail shoes"), "BROAD", true, draw);
        add(text, group("Tents and shelters"), "BROAD", true, draw);
    }
    add(
        "fernhill",
        structure.groups.iter().position(|g| g.plan == index("Trail Shoes Search")).unwrap_or(0),
        "BROAD",
        true,
        draw,
    );
    out
}
