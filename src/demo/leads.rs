//! Quote and consultation requests of businesses and clubs: about 1,500, of which 10.5 % close, median 14 days.
use super::ads::Traffic;
use super::calendar::Calendar;
use super::draw::Draw;
use super::journeys::{self, DIRECT, EMAIL, ORGANIC_SOCIAL, REFERRAL, SEO, WAYS, Walk, Way};
use super::plan::{CURRENCY, PLANS, index};
use super::rows::{Id, Lead, Touch};
use super::shop::CITIES;
use crate::db::load::Micros;
use jiff::{Timestamp, ToSpan};

const A_DAY: f64 = 2.74;
const CLOSE: f64 = 0.105;
const MEDIAN_DAYS: f64 = 14.0;

#[derive(Default)]
pub struct Leads {
    pub leads: Vec<Lead>,
    pub touches: Vec<Touch>,
}

/// Requests a day by campaign, relative to each other; the LinkedIn campaign follows its own conversions.
const FROM: [(&str, f64); 5] = [
    ("Brand Search", 0.20),
    ("Trail Shoes Search", 0.10),
    ("Camping Gear Search", 0.14),
    ("Harvest Sale", 0.08),
    ("Welcome Offer", 0.06),
];

pub fn generate(seed: u64, calendar: &Calendar, traffic: &[[Traffic; 12]], ways: &[Way]) -> Leads {
    let mut draw = Draw::new(seed, "leads");
    let mut out = Leads::default();
    let mut carry = 0.5;
    // Exactly every so-many-th lead closes, with a random phase: the share holds in every long window.
    let mut closing = draw.unit();
    for (day, date) in calendar.days.iter().copied().enumerate() {
        carry += A_DAY * (0.72 + 0.28 * calendar.month_factor(date)) * draw.noise(0.22);
        let wanted = carry.floor();
        carry -= wanted;
        for _ in 0..wanted as usize {
            closing += CLOSE;
            let closes = closing >= 1.0;
            closing -= closing.floor();
            let way = draw.weighted(&weights(&traffic[day]));
            let created = calendar.instant(date, &mut draw);
            let number = out.leads.len();
            let lead = ask(&mut draw, calendar, ways, number, way, created, closes, &mut out.touches);
            out.leads.push(lead);
        }
    }
    out
}

fn weights(traffic: &[Traffic; 12]) -> [f64; WAYS] {
    let mut weights = [0.0; WAYS];
    for (name, weight) in FROM {
        weights[index(name)] = if traffic[index(name)].clicks > 0 { weight } else { 0.0 };
    }
    let linkedin = index("Team Gear Quotes");
    weights[linkedin] = traffic[linkedin].expected * 1.1;
    for (way, weight) in
        [(SEO, 0.86), (DIRECT, 0.42), (EMAIL, 0.22), (REFERRAL, 0.24), (ORGANIC_SOCIAL, 0.10)]
    {
        weights[way] = weight;
    }
    weights
}

#[expect(clippy::too_many_arguments, reason = "one call site; the arguments are one request")]
fn ask(
    draw: &mut Draw,
    calendar: &Calendar,
    ways: &[Way],
    number: usize,
    way: usize,
    created: Timestamp,
    closes: bool,
    touches: &mut Vec<Touch>,
) -> Lead {
    let city = CITIES[draw.weighted(&CITIES.map(|c| c.3))].0;
    let actor: Id = format!("web:l{}", 20_000 + number).into();
    let mut earlier = [0.0; WAYS];
    earlier[SEO] = 0.5;
    earlier[DIRECT] = 0.3;
    earlier[REFERRAL] = 0.12;
    earlier[index("Team Gear Quotes")] = 0.25;
    earlier[index("Brand Search")] = 0.2;
    let customer = Some(actor.clone());
    let walk = Walk { actor, customer: customer.clone(), city, last: way, ends: created, earlier: &earlier };
    let path = journeys::walk(draw, calendar, ways, &walk);
    let json = |end: Option<&(usize, Touch)>| {
        end.map_or(serde_json::json!({}), |(way, t)| {
            journeys::touch_json(&ways[*way], &t.landing_path, t.occurred_at)
        })
    };
    let (first_touch, last_touch) = (json(path.first()), json(path.last()));
    touches.extend(path.into_iter().map(|(_, touch)| touch));

    let now = calendar.at(calendar.day_of_age(1), 86_399);
    let after =
        |days: f64| created.checked_add(((days * 86_400.0) as i64).seconds()).ok().filter(|at| *at <= now);
    let flow = if draw.chance(0.74) { "quote" } else { "consultation" };
    let (trial_days, book_days, win_days, lose_days) = (
        draw.lognormal(5.0, 0.6),
        draw.lognormal(4.0, 0.7),
        draw.lognormal(MEDIAN_DAYS, 0.75).max(1.0),
        draw.lognormal(21.0, 0.5),
    );
    let (tries, books) = (
        closes || draw.chance(0.22),
        closes && draw.chance(0.7) || draw.chance(if flow == "quote" { 0.2 } else { 0.56 }),
    );
    let trial_at = if tries { after(trial_days.min(win_days * 0.7)) } else { None };
    let booked_at = if books { after(book_days.min(win_days * 0.8)) } else { None };
    let won_at = if closes { after(win_days) } else { None };
    let age = calendar.age(calendar.local_day(created)) as f64;
    let stage = if won_at.is_some() {
        "won"
    } else if !closes && age > lose_days {
        "lost"
    } else if trial_at.is_some() {
        "trial"
    } else if booked_at.is_some() || age > 9.0 {
        "qualified"
    } else if age > 2.0 {
        "contacted"
    } else {
        "new"
    };
    let campaign = PLANS.get(way).map(|plan| Id::from(plan.id));
    let value = (draw.lognormal(1_650.0, 0.6) * 100.0).round() as i64;
    Lead {
        id: format!("web:{}", 4_000 + number).into(),
        source: "web",
        created_on: calendar.local_day(created),
        created_at: created,
        lead_source: if way == index("Team Gear Quotes") { "linkedin form" } else { "website form" },
        form: if flow == "quote" { "team quote" } else { "book a consultation" },
        campaign_id: campaign,
        customer_id: customer,
        city,
        page_type: if flow == "quote" { "quote" } else { "consultation" },
        flow,
        stage,
        value: won_at.map(|_| Micros::from_cents(value)),
        currency: CURRENCY,
        first_touch,
        last_touch,
        channel: ways[way].channel,
        trial_at,
        booked_at,
        won_at,
    }
}

/// Sessions of people who neither bought nor asked: mostly brought by campaigns.
pub fn passers_by(
    seed: u64,
    calendar: &Calendar,
    traffic: &[[Traffic; 12]],
    ways: &[Way],
    count: usize,
) -> Vec<Touch> {
    let mut draw = Draw::new(seed, "passers-by");
    let mut out = Vec::with_capacity(count);
    let days: Vec<f64> = calendar.days.iter().map(|day| calendar.month_factor(*day)).collect();
    let (mut per_day, total) = (draw.split(count as i64, &days), days.len());
    for day in 0..total {
        let mut weights = [0.0; WAYS];
        let clicks: i64 = traffic[day].iter().map(|t| t.clicks).sum();
        for (i, one) in traffic[day].iter().enumerate() {
            weights[i] = one.clicks as f64;
        }
        for (way, share) in
            [(SEO, 0.5), (DIRECT, 0.2), (EMAIL, 0.12), (REFERRAL, 0.08), (ORGANIC_SOCIAL, 0.1)]
        {
            weights[way] = clicks.max(10) as f64 * share;
        }
        for _ in 0..std::mem::take(&mut per_day[day]) {
            let at = calendar.instant(calendar.days[day], &mut draw);
            let actor: Id = format!("web:v{:08x}", draw.next() >> 32).into();
            let city = CITIES[draw.weighted(&CITIES.map(|c| c.2))].0;
            let way = draw.weighted(&weights);
            let walk = Walk { actor, customer: None, city, last: way, ends: at, earlier: &weights };
            out.push(journeys::touch(&mut draw, ways, &walk, way, at, 0.0).1);
        }
    }
    out
}
