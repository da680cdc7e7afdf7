//! Where a line of an ad report belongs: its account, campaign, ad group and ad, as far as the file or what is stored says.
use super::channels;
use super::facts::{self, Setting};
use super::table::Row;
use crate::money::Currency;

/// A level a line names, or that is known of what it names.
#[derive(Clone, Debug)]
pub struct Level {
    pub kind: &'static str,
    pub id: String,
    /// The name, where the file has one.
    pub name: Option<String>,
}

/// The names and ids of one line.
#[derive(Clone, Debug)]
pub struct Place {
    pub source: String,
    pub account: String,
    pub channel: String,
    /// The channel stands in the file, not only in what we know of the platform or stored earlier.
    pub channel_said: bool,
    pub currency: Currency,
    /// From the widest to the narrowest level.
    pub levels: Vec<Level>,
    /// The file names no campaign and none is known of its ad or ad group.
    pub homeless: bool,
}

const LEVELS: [(&str, &str, &str); 3] =
    [("campaign", "campaign_id", "campaign"), ("ad_group", "ad_group_id", "ad_group"), ("ad", "ad_id", "ad")];

/// The campaign that stands for all ads of an account whose campaign nobody names.
pub fn fallback(source: &str, account: &str) -> String {
    facts::id(source, &format!("{}/no_campaign", facts::slug(account)))
}

fn said(row: &Row, setting: &Setting) -> (String, String, Vec<Level>) {
    let source =
        row.text("source").and_then(facts::source).map_or_else(|| setting.source.clone(), str::to_owned);
    let account = row.text("account_id").unwrap_or(&setting.account).to_owned();
    let mut levels = Vec::new();
    // A name is unique only below the thing it belongs to; two accounts may well call a campaign the same.
    let mut above = format!("{}/", facts::slug(&account));
    for (kind, id, name) in LEVELS {
        let (id, name) = (row.text(id), row.text(name));
        let external = match (id, name) {
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => format!("{above}{}", facts::slug(name)),
            (None, None) => continue,
        };
        above = format!("{external}/");
        levels.push(Level { kind, id: facts::id(&source, &external), name: name.map(str::to_owned) });
    }
    (source, account, levels)
}

/// The ids of everything the lines name, for looking up what is stored of it.
pub fn named(rows: &[Row], setting: &Setting) -> Vec<String> {
    let mut ids: Vec<String> =
        rows.iter().flat_map(|row| said(row, setting).2).map(|level| level.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Where a line belongs.
pub fn place(row: &Row, setting: &Setting) -> Place {
    let (source, account, mut levels) = said(row, setting);
    let known = |id: &str| Level { kind: "campaign", id: id.to_owned(), name: None };
    let mut homeless = false;
    if levels.first().is_none_or(|level| level.kind != "campaign") {
        // Reports of ads often leave the campaign out: an earlier file may have told it.
        let ad_group = levels.iter().find(|level| level.kind == "ad_group").map(|level| level.id.clone());
        let ad = levels.iter().find(|level| level.kind == "ad").map(|level| level.id.clone());
        let parent = ad.as_ref().and_then(|ad| setting.parents.ads.get(ad));
        let ad_group =
            ad_group.or_else(|| parent.map(|parent| parent.ad_group_id.clone()).filter(|id| !id.is_empty()));
        if let (Some(id), true) = (&ad_group, levels.iter().all(|level| level.kind != "ad_group")) {
            levels.insert(0, Level { kind: "ad_group", id: id.clone(), name: None });
        }
        let campaign = ad_group
            .and_then(|id| setting.parents.ad_groups.get(&id).cloned())
            .or_else(|| parent.map(|parent| parent.campaign_id.clone()))
            .filter(|id| !id.is_empty());
        let none = fallback(&source, &account);
        homeless = campaign.as_ref().is_none_or(|id| *id == none);
        levels.insert(0, known(&campaign.unwrap_or(none)));
    }
    let stored = levels.first().and_then(|campaign| setting.parents.channels.get(&campaign.id)).cloned();
    let told = row.text("channel").and_then(channels::said_channel);
    levels
        .insert(0, Level { kind: "account", id: format!("{source}:{account}"), name: Some(account.clone()) });
    Place {
        channel: told
            .map(str::to_owned)
            .or_else(|| stored.filter(|channel| channel != "unknown"))
            .unwrap_or_else(|| match channels::platform_channel(&source) {
                "unknown" => setting.channel.to_owned(),
                channel => channel.to_owned(),
            }),
        channel_said: told.is_some(),
        currency: row.currency("currency").unwrap_or(setting.currency),
        source,
        account,
        levels,
        homeless,
    }
}

impl Place {
    /// The id at a level, or nothing.
    pub fn of(&self, kind: &str) -> Option<&str> {
        self.levels.iter().find(|level| level.kind == kind).map(|level| level.id.as_str())
    }

    /// The level the line is about.
    pub fn narrowest(&self) -> Option<&Level> {
        self.levels.last()
    }
}
