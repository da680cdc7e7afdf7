//! What a file says of accounts, campaigns, ad groups and ads themselves: names, states, channels. What it does not
//! say is left as stored.
use super::facts::{self, AdGroup, Campaign, Creative, Entity, Facts, Tells};
use super::place::{Level, Place};
use super::table::Row;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One thing, as the newest line says it.
struct Thing {
    level: Level,
    place: Place,
    on: Date,
    status: Option<String>,
    daily_budget: Option<Decimal>,
    is_brand: Option<bool>,
}

/// The things of one file, once each.
#[derive(Default)]
pub struct Things {
    all: BTreeMap<(&'static str, String), Thing>,
}

/// The state of a level: its own column, else the plain one where the line is about this level.
fn status<'a>(row: &'a Row, place: &Place, kind: &str) -> Option<&'a str> {
    let own = match kind {
        "campaign" => row.text("campaign_status"),
        "ad_group" => row.text("ad_group_status"),
        "ad" => row.text("ad_status"),
        _ => None,
    };
    let narrowest = place.narrowest().is_some_and(|level| level.kind == kind);
    own.or_else(|| row.text("status").filter(|_| narrowest))
}

impl Things {
    /// Takes in what a line says; of two lines the later day counts. `states` is false for reports whose state column is
    /// about something else.
    pub fn add(&mut self, row: &Row, place: &Place, on: Date, states: bool) {
        for level in &place.levels {
            let said = status(row, place, level.kind).filter(|_| states).map(str::to_owned);
            // A budget on a line about an ad group or an ad is not the campaign's.
            let of_campaign = place.narrowest().is_some_and(|level| level.kind == "campaign");
            let daily_budget = row.number("daily_budget").filter(|_| of_campaign);
            let is_brand = row.said_flag("is_brand");
            match self.all.entry((level.kind, level.id.clone())) {
                Entry::Vacant(entry) => {
                    entry.insert(Thing {
                        level: level.clone(),
                        place: place.clone(),
                        on,
                        status: said,
                        daily_budget,
                        is_brand,
                    });
                }
                Entry::Occupied(mut entry) => {
                    let thing = entry.get_mut();
                    let newer = on >= thing.on;
                    if level.name.is_some() && (newer || thing.level.name.is_none()) {
                        thing.level.name.clone_from(&level.name);
                    }
                    if said.is_some() && (newer || thing.status.is_none()) {
                        thing.status = said;
                    }
                    if daily_budget.is_some() && (newer || thing.daily_budget.is_none()) {
                        thing.daily_budget = daily_budget;
                    }
                    if is_brand.is_some() && (newer || thing.is_brand.is_none()) {
                        thing.is_brand = is_brand;
                    }
                    if place.channel_said && (newer || !thing.place.channel_said) {
                        thing.place.channel.clone_from(&place.channel);
                        thing.place.channel_said = true;
                    }
                    thing.on = thing.on.max(on);
                }
            }
        }
    }

    /// Hands the things over as rows.
    pub fn describe(self, facts: &mut Facts, tells: Tells) {
        for ((kind, id), Thing { level, place, status, daily_budget, is_brand, .. }) in self.all {
            let external = id.split_once(':').map_or(id.as_str(), |(_, external)| external).to_owned();
            let homeless = kind == "campaign" && place.homeless;
            let unnamed =
                if homeless { format!("Campaign not named ({})", place.account) } else { external.clone() };
            let name = level.name.clone().unwrap_or(unnamed);
            let named = level.name.is_some();
            facts.entities.push(Entity {
                source: place.source.clone(),
                kind,
                id: id.clone(),
                account_id: place.account.clone(),
                external_id: external,
                name: name.clone(),
                canonical_id: id.clone(),
                keeps: if named { vec!["canonical_id"] } else { vec!["name", "canonical_id"] },
            });
            let raw_status = status.clone().unwrap_or_default();
            let state = facts::status(&raw_status);
            let mut keeps = Vec::new();
            if !named {
                keeps.extend(["name", "headlines"]);
            }
            if status.is_none() {
                keeps.extend(["status", "raw_status"]);
            }
            if !place.channel_said {
                keeps.push("channel");
            }
            let parent = |kind: &str| place.of(kind).unwrap_or_default().to_owned();
            match kind {
                "campaign" => {
                    keeps.push("tracking");
                    if daily_budget.is_none() {
                        keeps.push("daily_budget");
                    }
                    if is_brand.is_none() {
                        keeps.extend(["is_brand", "is_brand_by"]);
                    }
                    facts.campaigns.push(Campaign {
                        source: place.source.clone(),
                        id,
                        account_id: place.account.clone(),
                        name,
                        status: state,
                        raw_status,
                        channel: place.channel.clone(),
                        currency: place.currency,
                        daily_budget,
                        is_brand: is_brand.unwrap_or_default(),
                        is_brand_by: is_brand.map(|_| "label"),
                        tracking: if tells.conversions { "unknown" } else { "missing" },
                        keeps,
                    });
                }
                "ad_group" => facts.ad_groups.push(AdGroup {
                    source: place.source.clone(),
                    id,
                    campaign_id: parent("campaign"),
                    name,
                    status: state,
                    currency: place.currency,
                    keeps,
                }),
                "ad" => facts.creatives.push(Creative {
                    source: place.source.clone(),
                    id,
                    ad_group_id: parent("ad_group"),
                    campaign_id: parent("campaign"),
                    headlines: vec![name],
                    status: state,
                    keeps,
                }),
                _ => {}
            }
        }
    }
}
