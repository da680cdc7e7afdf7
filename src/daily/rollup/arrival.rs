//! How people came on a day, told once for each way: its channel, the campaign that its link means, whether it is a touch.
use crate::daily::map::Words;
use crate::db::facts::attribution::Candidate;
use crate::db::rollups::{Arrived, Campaign};
use crate::platforms::channel::{self, Arrival};
use crate::platforms::csv::attribution::Names;
use std::collections::BTreeMap;

/// Where people go to pay and come back from (`connectors.md` §1.13: no new touch).
const PAYMENT: &[&str] = &[
    "paypal.com",
    "stripe.com",
    "klarna.com",
    "adyen.com",
    "mollie.com",
    "twint.ch",
    "datatrans.com",
    "saferpay.com",
    "sumup.com",
    "mercadopago.com",
];

/// The parts of a key: click id, utm source, medium, campaign, host of the referrer.
fn parts(key: &str) -> [&str; 5] {
    let mut parts = [""; 5];
    for (place, part) in parts.iter_mut().zip(key.split('\u{1f}')) {
        *place = part;
    }
    parts
}

/// Whether a link of the day names a campaign.
pub fn name_campaigns(keys: &[String]) -> bool {
    keys.iter().any(|key| !parts(key)[3].is_empty())
}

/// What each way is called; what was said of the words of links goes before names.
pub fn place(keys: Vec<String>, campaigns: &[Campaign], words: &Words) -> Vec<Arrived> {
    let candidates: Vec<Candidate> = campaigns
        .iter()
        .map(|c| Candidate { id: c.id.clone(), source: c.source.clone(), name: c.name.clone() })
        .collect();
    let names = Names::of(&candidates);
    let mut known: BTreeMap<(String, String), Option<&Campaign>> = BTreeMap::new();
    let mut named = |source: &str, campaign: &str| {
        if campaign.is_empty() {
            return None;
        }
        *known.entry((source.to_owned(), campaign.to_owned())).or_insert_with(|| {
            let id = words.meant(source, campaign, names.meant(source, campaign))?;
            campaigns.iter().find(|campaign| campaign.id == id)
        })
    };
    let one = |key: String| {
        let [click, source, medium, campaign, host] = parts(&key);
        let campaign = named(source, campaign);
        let paying = PAYMENT.iter().any(|site| host == *site || host.ends_with(&format!(".{site}")));
        let landing = format!("/?{click}=1");
        let channel = channel::derive(&Arrival {
            utm_source: some(source),
            utm_medium: some(medium),
            landing: some(click).map(|_| landing.as_str()),
            referrer: some(host).filter(|_| !paying),
        });
        let bought = campaign.map(|campaign| campaign.channel.as_str());
        let channel = match (channel, bought) {
            ("paid_search", Some("display")) if !click.is_empty() => "display",
            ("paid_search", Some("video")) if !click.is_empty() => "video",
            (channel, _) => channel,
        };
        let is_touch = !(paying && click.is_empty() && source.is_empty() && medium.is_empty());
        let campaign_id = campaign.map(|campaign| campaign.id.clone()).unwrap_or_default();
        Arrived { channel, campaign_id, is_touch, key }
    };
    keys.into_iter().map(one).collect()
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
