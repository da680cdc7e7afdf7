//! From visit to customer, for the quote and consultation forms: by channel, campaign, city and form.
use super::ads::Traffic;
use super::calendar::Calendar;
use super::draw::Draw;
use super::plan::{PLANS, ids};
use super::rows::{FunnelDay, Id, Lead};
use super::web::CHANNELS;
use crate::db::load::Micros;
use jiff::Timestamp;
use std::collections::BTreeMap;

type Key = (&'static str, Id, &'static str, &'static str, &'static str);

pub struct Funnel {
    pub rows: Vec<FunnelDay>,
    /// Goals of each day: quote and consultation steps.
    pub goals: Vec<[(&'static str, i64); 4]>,
}

pub fn generate(
    seed: u64,
    calendar: &Calendar,
    leads: &[Lead],
    traffic: &[[Traffic; 12]],
    sessions: &[[i64; 8]],
) -> Funnel {
    let mut draw = Draw::new(seed, "funnel");
    let mut days: Vec<BTreeMap<Key, FunnelDay>> = vec![BTreeMap::new(); calendar.len()];
    for lead in leads {
        record(&mut draw, calendar, &mut days, lead);
    }
    let campaigns = ids();
    let mut out = Funnel { rows: Vec::new(), goals: Vec::with_capacity(days.len()) };
    for (day, mut cells) in days.into_iter().enumerate() {
        for (index, channel) in CHANNELS.iter().enumerate() {
            let mut left = sessions[day][index];
            for ((plan, one), id) in PLANS.iter().zip(&traffic[day]).zip(&campaigns) {
                if plan.channel == *channel && one.landed > 0 {
                    base(&mut draw, &mut cells, channel, id.clone(), "landing", one.landed);
                    left -= one.landed;
                }
            }
            if left > 0 {
                base(&mut draw, &mut cells, channel, "".into(), "site", left);
            }
        }
        let date = calendar.days[day];
        let sum = |f: fn(&FunnelDay) -> i64| cells.values().map(f).sum::<i64>();
        out.goals.push([
            ("quote_started", sum(|c| c.quote_starts)),
            ("quote_submitted", sum(|c| c.quote_submits)),
            ("consultation_started", sum(|c| c.consultation_starts)),
            ("booking_completed", sum(|c| c.bookings)),
        ]);
        out.rows.extend(cells.into_iter().map(|((channel, campaign_id, city, page_type, flow), cell)| {
            FunnelDay { date, source: "web", channel, campaign_id, city, page_type, flow, ..cell }
        }));
    }
    out
}

/// The visits of a channel or campaign that are not already counted in a cell with a city.
fn base(
    draw: &mut Draw,
    cells: &mut BTreeMap<Key, FunnelDay>,
    channel: &'static str,
    campaign: Id,
    page: &'static str,
    visits: i64,
) {
    let counted: (i64, i64) = cells
        .iter()
        .filter(|((c, id, ..), _)| *c == channel && *id == campaign)
        .fold((0, 0), |sum, (_, cell)| (sum.0 + cell.visits, sum.1 + cell.engaged));
    let cell = cells.entry((channel, campaign, "", page, "")).or_default();
    cell.visits = (visits - counted.0).max(0);
    cell.engaged = draw.binomial(cell.visits, if channel == "video" { 0.38 } else { 0.58 });
}

fn record(draw: &mut Draw, calendar: &Calendar, days: &mut [BTreeMap<Key, FunnelDay>], lead: &Lead) {
    let key: Key = (
        lead.channel,
        lead.campaign_id.clone().unwrap_or_else(|| "".into()),
        lead.city,
        lead.page_type,
        lead.flow,
    );
    let paid = matches!(lead.channel, "paid_search" | "paid_social" | "display" | "video");
    // A long form: of thirteen who begin it, one sends it.
    let others = draw.poisson(if lead.flow == "quote" { 12.0 } else { 0.7 });
    change(days, calendar, &key, lead.created_at, |cell| {
        cell.leads += 1;
        cell.paid_leads += i64::from(paid);
        cell.visits += 1 + others;
        cell.engaged += 1 + others;
        if lead.flow == "quote" {
            cell.quote_starts += 1 + others;
            cell.quote_submits += 1;
        } else {
            cell.consultation_starts += 1 + others;
        }
    });
    if let Some(when) = lead.booked_at {
        let extra = i64::from(lead.flow == "quote") * (1 + draw.poisson(0.5));
        change(days, calendar, &key, when, |cell| {
            cell.bookings += 1;
            cell.consultation_starts += extra;
        });
    }
    if let Some(when) = lead.trial_at {
        change(days, calendar, &key, when, |cell| cell.trials += 1);
    }
    if let Some(when) = lead.won_at {
        change(days, calendar, &key, when, |cell| {
            cell.customers += 1;
            cell.revenue += lead.value.unwrap_or(Micros(0));
        });
    }
}

fn change(
    days: &mut [BTreeMap<Key, FunnelDay>],
    calendar: &Calendar,
    key: &Key,
    when: Timestamp,
    edit: impl FnOnce(&mut FunnelDay),
) {
    let last = days.len();
    let day = usize::try_from(last as i64 - calendar.age(calendar.local_day(when)))
        .unwrap_or(0)
        .min(last.saturating_sub(1));
    edit(days[day].entry(key.clone()).or_default());
}
