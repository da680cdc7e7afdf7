//! Ad reports and search-term reports. Lines that differ only in a dimension we do not keep (device, network) are added
//! up. A file states the level its lines are about; wider levels are summed from it in the database.
use super::facts::{self, DailyMetric, Facts, SearchTerm, Setting};
use super::place::{Level, Place, place};
use super::table::Row;
use super::things::Things;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Lines by key and figures: the same key twice is either a repetition or a contradiction.
#[derive(Default)]
pub(super) struct Seen {
    all: BTreeMap<String, (u64, Vec<Decimal>)>,
}

impl Seen {
    /// Whether a line is new. One that repeats a key with the same figures is noted as repeated, with other figures as a
    /// fault.
    pub fn is_new(
        &mut self,
        row: &Row,
        key: String,
        figures: &[Decimal],
        what: &str,
        facts: &mut Facts,
    ) -> bool {
        match self.all.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert((row.line, figures.to_vec()));
                true
            }
            Entry::Occupied(entry) => {
                let (line, earlier) = entry.get();
                if earlier == figures {
                    facts.repeated.push(row.line);
                } else {
                    facts.conflict(row, *line, what);
                }
                false
            }
        }
    }
}

fn ids(place: &Place) -> Vec<&str> {
    place.levels.iter().map(|level| level.id.as_str()).collect()
}

const FIGURES: [&str; 5] = ["impressions", "clicks", "cost", "conversions", "conversion_value"];

fn figures(row: &Row) -> [Decimal; 5] {
    let of = |field| facts::amount(row, field);
    [of("impressions"), of("clicks"), facts::cost(row), of("conversions"), of("conversion_value")]
}

/// Reads an ad report. A level that some line is about is stated; the others are left to the sums of the database.
pub fn ads(rows: &[Row], setting: &Setting) -> Facts {
    let mut facts = Facts { tells_conversions: setting.tells.conversions, ..Facts::default() };
    let mut days: BTreeMap<(String, Date, &'static str, String), (DailyMetric, bool)> = BTreeMap::new();
    let mut seen = Seen::default();
    let mut things = Things::default();
    for row in rows {
        let Some(date) = row.date("date") else { continue };
        let place = place(row, setting);
        let figures = figures(row);
        let key = format!("{date}|{:?}|{:?}", ids(&place), row.dimensions);
        if !seen.is_new(row, key, &figures, "the same day and entity", &mut facts) {
            continue;
        }
        for (name, figure) in FIGURES.iter().zip(figures) {
            facts.total(name, figure);
        }
        let [impressions, clicks, cost, conversions, value] = figures;
        let cost_base = facts.base(setting, cost, place.currency, date);
        let value_base = facts.base(setting, value, place.currency, date);
        let last = place.levels.len().saturating_sub(1);
        for (n, level) in place.levels.iter().enumerate() {
            let (day, stated) = days
                .entry((place.source.clone(), date, level.kind, level.id.clone()))
                .or_insert_with(|| (empty(date, &place, level, setting), false));
            *stated |= n == last;
            day.impressions += impressions;
            day.clicks += clicks;
            // People are counted once at each level, so only the level of the line knows its reach.
            if n == last {
                day.reach += facts::amount(row, "reach");
            }
            day.conversions += conversions;
            day.cost += cost;
            day.cost_base += cost_base;
            day.conversion_value += value;
            day.conversion_value_base += value_base;
            day.revenue = day.conversion_value;
            day.revenue_base = day.conversion_value_base;
        }
        things.add(row, &place, date, true);
    }
    facts.daily = days.into_values().filter(|(_, stated)| *stated).map(|(day, _)| day).collect();
    things.describe(&mut facts, setting.tells);
    facts
}

fn empty(date: Date, place: &Place, level: &Level, setting: &Setting) -> DailyMetric {
    DailyMetric {
        source: place.source.clone(),
        date,
        account_id: place.account.clone(),
        entity_kind: level.kind,
        entity_id: level.id.clone(),
        channel: place.channel.clone(),
        breakdown: "",
        impressions: Decimal::ZERO,
        clicks: Decimal::ZERO,
        reach: Decimal::ZERO,
        conversions: Decimal::ZERO,
        cost: Decimal::ZERO,
        cost_base: Decimal::ZERO,
        conversion_value: Decimal::ZERO,
        conversion_value_base: Decimal::ZERO,
        revenue: Decimal::ZERO,
        revenue_base: Decimal::ZERO,
        revenue_basis: "platform",
        currency: place.currency,
        extra: serde_json::json!({}),
        keeps: setting.tells.keeps(),
    }
}

/// Reads a search-term report; one row a day, campaign, ad group, term and match type. What it says of campaigns is
/// their names only: its state column is about the term.
pub fn search_terms(rows: &[Row], setting: &Setting) -> Facts {
    let mut facts = Facts { mentions: true, ..Facts::default() };
    let mut things = Things::default();
    let mut seen = Seen::default();
    let mut terms: BTreeMap<(Date, String, String, String, &'static str), SearchTerm> = BTreeMap::new();
    for row in rows {
        let (Some(date), Some(term)) = (row.date("date"), row.text("term")) else { continue };
        let place = place(row, setting);
        let of = |kind: &str| place.of(kind).unwrap_or_default().to_owned();
        let (campaign, ad_group) = (of("campaign"), of("ad_group"));
        let match_type = match_type(row.text("match_type").unwrap_or_default());
        let figures = figures(row);
        let key =
            format!("{date}|{:?}|{term}|{:?}|{:?}", ids(&place), row.text("match_type"), row.dimensions);
        if !seen.is_new(row, key, &figures, "the same day and search term", &mut facts) {
            continue;
        }
        for (name, figure) in FIGURES.iter().zip(figures) {
            facts.total(name, figure);
        }
        let [impressions, clicks, cost, conversions, value] = figures;
        let cost_base = facts.base(setting, cost, place.currency, date);
        let value_base = facts.base(setting, value, place.currency, date);
        let entry = terms
            .entry((date, campaign.clone(), ad_group.clone(), term.to_lowercase(), match_type))
            .or_insert_with(|| SearchTerm {
                source: place.source.clone(),
                date,
                campaign_id: campaign,
                ad_group_id: ad_group,
                term: term.to_lowercase(),
                match_type,
                status: term_status(row.text("status").unwrap_or_default()),
                impressions: Decimal::ZERO,
                clicks: Decimal::ZERO,
                conversions: Decimal::ZERO,
                cost: Decimal::ZERO,
                cost_base: Decimal::ZERO,
                conversion_value: Decimal::ZERO,
                conversion_value_base: Decimal::ZERO,
                currency: place.currency,
            });
        entry.impressions += impressions;
        entry.clicks += clicks;
        entry.conversions += conversions;
        entry.cost += cost;
        entry.cost_base += cost_base;
        entry.conversion_value += value;
        entry.conversion_value_base += value_base;
        things.add(row, &place, date, false);
    }
    facts.terms = terms.into_values().collect();
    things.describe(&mut facts, setting.tells);
    facts
}

/// Platforms write "Exact match (close variant)", "Phrase", "NEAR_EXACT"; what they do not say counts as broad.
fn match_type(raw: &str) -> &'static str {
    let raw = raw.to_ascii_lowercase();
    if raw.contains("exact") {
        "EXACT"
    } else if raw.contains("phrase") {
        "PHRASE"
    } else {
        "BROAD"
    }
}

fn term_status(raw: &str) -> &'static str {
    match raw.to_ascii_lowercase().as_str() {
        "added" => "added",
        "excluded" | "added excluded" => "excluded",
        _ => "none",
    }
}
