//! Ad reports and search-term reports. Lines that differ only in a dimension we do not keep (device, network) are added up;
//! each level the file names (ad, ad group, campaign, account) gets its own sums.
use super::facts::{self, AdGroup, Campaign, Creative, DailyMetric, Entity, Facts, SearchTerm, Setting};
use super::table::Row;
use crate::money::Currency;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The names and ids of one line.
struct Place {
    source: String,
    account: String,
    channel: &'static str,
    currency: Currency,
    /// (kind, id, name) from the widest to the narrowest level the line names.
    levels: Vec<(&'static str, String, String)>,
}

const LEVELS: [(&str, &str, &str); 3] =
    [("campaign", "campaign_id", "campaign"), ("ad_group", "ad_group_id", "ad_group"), ("ad", "ad_id", "ad")];

fn place(row: &Row, setting: &Setting) -> Place {
    let source =
        row.text("source").and_then(facts::source).map_or_else(|| setting.source.clone(), str::to_owned);
    let account = row.text("account_id").unwrap_or(&setting.account).to_owned();
    let mut levels: Vec<(&'static str, String, String)> =
        vec![("account", format!("{source}:{account}"), account.clone())];
    let mut above = String::new();
    for (kind, id, name) in LEVELS {
        let (id, name) = (row.text(id), row.text(name));
        let external = match (id, name) {
            (Some(id), _) => id.to_owned(),
            // A name is unique only below the thing it belongs to.
            (None, Some(name)) => format!("{above}{}", facts::slug(name)),
            (None, None) => continue,
        };
        above = format!("{external}/");
        let shown = name.unwrap_or(&external).to_owned();
        levels.push((kind, facts::id(&source, &external), shown));
    }
    Place {
        channel: facts::ad_channel(row.text("channel"), &source),
        currency: row.currency("currency").unwrap_or(setting.currency),
        source,
        account,
        levels,
    }
}

/// Reads an ad report.
pub fn ads(rows: &[Row], setting: &Setting) -> Facts {
    let mut facts = Facts::default();
    let mut days: BTreeMap<(String, jiff::civil::Date, &'static str, String), DailyMetric> = BTreeMap::new();
    let mut seen: BTreeMap<String, (u64, [Decimal; 5])> = BTreeMap::new();
    let mut things: BTreeMap<(&'static str, String), ()> = BTreeMap::new();
    for row in rows {
        let Some(date) = row.date("date") else { continue };
        let place = place(row, setting);
        let figures = [
            facts::amount(row, "impressions"),
            facts::amount(row, "clicks"),
            facts::cost(row),
            facts::amount(row, "conversions"),
            facts::amount(row, "conversion_value"),
        ];
        let key = format!("{date}|{:?}|{:?}", place.levels, dimensions(row));
        match seen.entry(key) {
            Entry::Occupied(entry) if entry.get().1 != figures => {
                let line = entry.get().0;
                facts.conflict(row, line, "the same day and entity");
                continue;
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(entry) => {
                entry.insert((row.line, figures));
            }
        }
        for (name, figure) in
            ["impressions", "clicks", "cost", "conversions", "conversion_value"].iter().zip(figures)
        {
            facts.total(name, figure);
        }
        let [impressions, clicks, cost, conversions, value] = figures;
        let cost_base = facts.base(setting, cost, place.currency, date);
        let value_base = facts.base(setting, value, place.currency, date);
        for (kind, id, _) in &place.levels {
            let day = days
                .entry((place.source.clone(), date, *kind, id.clone()))
                .or_insert_with(|| empty(date, &place, kind, id));
            day.impressions += impressions;
            day.clicks += clicks;
            day.reach += facts::amount(row, "reach");
            day.conversions += conversions;
            day.cost += cost;
            day.cost_base += cost_base;
            day.conversion_value += value;
            day.conversion_value_base += value_base;
            day.revenue = day.conversion_value;
            day.revenue_base = day.conversion_value_base;
        }
        describe(row, &place, &mut things, &mut facts);
    }
    facts.daily = days.into_values().collect();
    facts
}

/// What tells two lines of one key apart: texts no field took. Numbers there are other metrics, not dimensions.
fn dimensions(row: &Row) -> Vec<&str> {
    row.rest.iter().map(|text| text.trim()).filter(|text| text.parse::<f64>().is_err()).collect()
}

fn empty(date: jiff::civil::Date, place: &Place, kind: &'static str, id: &str) -> DailyMetric {
    DailyMetric {
        source: place.source.clone(),
        date,
        account_id: place.account.clone(),
        entity_kind: kind,
        entity_id: id.to_owned(),
        channel: place.channel.to_owned(),
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
    }
}

/// The campaign, ad group and ad a line names, once each.
fn describe(row: &Row, place: &Place, things: &mut BTreeMap<(&'static str, String), ()>, facts: &mut Facts) {
    let raw = row.text("status").unwrap_or_default();
    let of = |kind: &str| place.levels.iter().find(|(k, _, _)| *k == kind).map(|(_, id, _)| id.clone());
    for (kind, id, name) in &place.levels {
        if things.insert((*kind, id.clone()), ()).is_some() {
            continue;
        }
        facts.entities.push(Entity {
            source: place.source.clone(),
            kind,
            id: id.clone(),
            account_id: place.account.clone(),
            external_id: id.split_once(':').map_or(id.as_str(), |(_, external)| external).to_owned(),
            name: name.clone(),
            canonical_id: id.clone(),
        });
        match *kind {
            "campaign" => facts.campaigns.push(Campaign {
                source: place.source.clone(),
                id: id.clone(),
                account_id: place.account.clone(),
                name: name.clone(),
                status: facts::status(raw),
                raw_status: raw.to_owned(),
                channel: place.channel.to_owned(),
                currency: place.currency,
            }),
            "ad_group" => facts.ad_groups.push(AdGroup {
                source: place.source.clone(),
                id: id.clone(),
                campaign_id: of("campaign").unwrap_or_default(),
                name: name.clone(),
                status: "unknown",
                currency: place.currency,
            }),
            "ad" => facts.creatives.push(Creative {
                source: place.source.clone(),
                id: id.clone(),
                ad_group_id: of("ad_group").unwrap_or_default(),
                campaign_id: of("campaign").unwrap_or_default(),
                headlines: vec![name.clone()],
                status: "unknown",
            }),
            _ => {}
        }
    }
}

/// Reads a search-term report; one row a day, campaign, ad group, term and match type.
pub fn search_terms(rows: &[Row], setting: &Setting) -> Facts {
    let mut facts = Facts::default();
    let mut things = BTreeMap::new();
    let mut terms: BTreeMap<(jiff::civil::Date, String, String, String, &'static str), SearchTerm> =
        BTreeMap::new();
    for row in rows {
        let (Some(date), Some(term)) = (row.date("date"), row.text("term")) else { continue };
        let place = place(row, setting);
        let of = |kind: &str| {
            place.levels.iter().find(|(k, _, _)| *k == kind).map(|(_, id, _)| id.clone()).unwrap_or_default()
        };
        let (campaign, ad_group) = (of("campaign"), of("ad_group"));
        let match_type = match_type(row.text("match_type").unwrap_or_default());
        let (cost, value) = (facts::cost(row), facts::amount(row, "conversion_value"));
        let cost_base = facts.base(setting, cost, place.currency, date);
        let value_base = facts.base(setting, value, place.currency, date);
        for name in ["impressions", "clicks", "conversions"] {
            facts.total(name, facts::amount(row, name));
        }
        facts.total("cost", cost);
        facts.total("conversion_value", value);
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
        entry.impressions += facts::amount(row, "impressions");
        entry.clicks += facts::amount(row, "clicks");
        entry.conversions += facts::amount(row, "conversions");
        entry.cost += cost;
        entry.cost_base += cost_base;
        entry.conversion_value += value;
        entry.conversion_value_base += value_base;
        describe(row, &place, &mut things, &mut facts);
    }
    facts.terms = terms.into_values().collect();
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
