//! Which touches a lead is owed to, from all that is known of it. Pure.
use crate::catalogue::lists::CHANNELS;
use crate::daily::map::rules::utm_thing;
use crate::db::entity_map::read::Said;
use crate::db::entity_map::{EntityKind, Thing};
use crate::db::lead_sources::{Found, Lead, Spot};
use crate::platforms::channel::{self, Arrival};
use crate::platforms::csv::path;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A touch earlier than this before the lead is not its last (`connectors.md` §1.13).
const LOOKBACK: SignedDuration = SignedDuration::from_hours(90 * 24);

const UTM: [&str; 5] = ["source", "medium", "campaign", "term", "content"];

/// What a lead is owed to. With `rebuild` all of it is found anew; without, a first touch that was written stays.
pub fn found<'a>(lead: &'a Lead, roots: &BTreeMap<Thing, Thing>, rebuild: bool) -> Found<'a> {
    let (said_first, said_last) = said(lead, roots);
    let mut all: Vec<&Spot> = lead.touches.iter().chain(&said_first).chain(&said_last).collect();
    all.retain(|spot| spot.at <= lead.created_at);
    // Of a touch that was watched and told the watched one counts.
    let first = all.iter().min_by_key(|spot| (spot.at, spot.touch_id.is_none(), spot.touch_id));
    // Where nothing is known any more, what was found stays.
    let first = lead.first.as_ref().filter(|_| !rebuild).or(first.copied()).or(lead.first.as_ref());
    let from = lead.created_at.checked_sub(LOOKBACK).unwrap_or(lead.created_at);
    let last = all
        .iter()
        .filter(|spot| spot.at > from)
        .max_by_key(|spot| (spot.channel != "direct", spot.at, spot.touch_id.is_some(), spot.touch_id));
    let last = last.copied().or(lead.last.as_ref().filter(|_| all.is_empty()));
    let mut spots = Vec::new();
    for (which, spot) in [("said_first", &said_first), ("said_last", &said_last)] {
        spots.extend(spot.as_ref().map(|spot| (which, spot.clone())));
    }
    for (which, spot) in [("first", first), ("last", last)] {
        spots.extend(spot.map(|spot| (which, Spot { campaign_id: campaign(spot, roots), ..spot.clone() })));
    }
    Found {
        lead: &lead.id,
        spots,
        first_touch: first.map_or_else(|| lead.first_touch.clone(), |spot| written(spot, roots)),
        last_touch: last.map_or_else(|| lead.last_touch.clone(), |spot| written(spot, roots)),
        channel: last.map_or_else(|| lead.channel.clone(), |spot| spot.channel.clone()),
        campaign_id: last.map_or_else(|| lead.campaign_id.clone(), |spot| campaign(spot, roots)),
    }
}

/// The campaign that a touch is of: the one it names, else what its UTM parameters mean; by its canonical id.
fn campaign(spot: &Spot, roots: &BTreeMap<Thing, Thing>) -> Option<String> {
    let named = spot.campaign_id.as_ref().map(|id| Thing::new(EntityKind::Campaign, id));
    match named {
        Some(thing) => Some(roots.get(&thing).unwrap_or(&thing).id.clone()),
        None => roots.get(&utm_name(&spot.utm)?).map(|root| root.id.clone()),
    }
}

fn utm_name(utm: &Value) -> Option<Thing> {
    let of = |name: &str| utm.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    utm_thing(&Said { utm_source: of("source"), utm_campaign: of("campaign"), times: 1 })
}

/// A touch as it stands with the lead. What was told keeps the flat names it may have come with.
fn written(spot: &Spot, roots: &BTreeMap<Thing, Thing>) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("channel", json!(spot.channel));
    put("utm", spot.utm.clone());
    put("at", json!(spot.at.to_string()));
    for (name, text) in [("referrer", &spot.referrer), ("landing_path", &spot.landing_path)] {
        if !text.is_empty() {
            put(name, json!(text));
        }
    }
    if let Some(id) = campaign(spot, roots) {
        put("campaign_id", json!(id));
    }
    // Not told by anybody: the next time it is not read as if it were.
    put("found", json!(true));
    match spot.touch_id {
        Some(id) => {
            put("touch_id", json!(id));
        }
        None => {
            for name in UTM {
                if let Some(value) = spot.utm.get(name) {
                    put(&format!("utm_{name}"), value.clone());
                }
            }
        }
    }
    Value::Object(out)
}

/// What the lead told when it came: what is told now, else what was kept of it. One that told nothing but its campaign or channel
/// came by that.
fn said(lead: &Lead, roots: &BTreeMap<Thing, Thing>) -> (Option<Spot>, Option<Spot>) {
    let first = told(lead, &lead.first_touch).or_else(|| lead.said_first.clone());
    let mut fresh = told(lead, &lead.last_touch);
    let nothing = |value: &Value| value.as_object().is_none_or(Map::is_empty);
    let bare = nothing(&lead.first_touch) && nothing(&lead.last_touch) && lead.said_last.is_none();
    if bare && (lead.campaign_id.is_some() || lead.channel != "unknown") {
        fresh = Some(Spot {
            at: lead.created_at,
            channel: lead.channel.clone(),
            campaign_id: None,
            utm: json!({}),
            referrer: String::new(),
            landing_path: String::new(),
            touch_id: None,
        });
    }
    if let Some(spot) = &mut fresh
        && spot.campaign_id.is_none()
        && lead.campaign_id != campaign(spot, roots)
    {
        spot.campaign_id.clone_from(&lead.campaign_id);
    }
    (first, fresh.or_else(|| lead.said_last.clone()))
}

/// Reads a touch that somebody told; nothing for one that was found by us.
fn told(lead: &Lead, value: &Value) -> Option<Spot> {
    let object = value.as_object().filter(|object| !object.is_empty() && !object.contains_key("found"))?;
    let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let nested = object.get("utm");
    let utm: Map<String, Value> = UTM
        .into_iter()
        .filter_map(|name| {
            let flat = object.get(&format!("utm_{name}"));
            let value = flat.or_else(|| nested?.get(name)).filter(|value| value.is_string())?;
            Some((name.to_owned(), value.clone()))
        })
        .collect();
    let said = |name: &str| utm.get(name).and_then(Value::as_str);
    let landing = text("landing_path");
    let arrival = Arrival {
        utm_source: said("source"),
        utm_medium: said("medium"),
        landing,
        referrer: text("referrer"),
    };
    let channel = text("channel")
        .filter(|said| CHANNELS.contains(said))
        .map_or_else(|| channel::derive(&arrival).to_owned(), str::to_owned);
    Some(Spot {
        at: text("at")
            .and_then(|at| at.parse().ok())
            .filter(|at| *at <= lead.created_at)
            .unwrap_or(lead.created_at),
        channel,
        campaign_id: text("campaign_id").map(str::to_owned),
        referrer: text("referrer").unwrap_or_default().to_owned(),
        landing_path: landing.map(path).unwrap_or_default(),
        utm: Value::Object(utm),
        touch_id: None,
    })
}

#[cfg(test)]
mod tests;
