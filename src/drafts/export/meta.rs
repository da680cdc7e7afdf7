//! Meta bulk sheet: ids as text, existing objects keep their id, new ones leave it empty.
//!
//! The sheet has no column for comments: which decision it carries stands in its name, and in the JSON export of the same
//! revision. A reallocation's sheet holds one step, whose day is in the name; the next is downloaded on its day.
//! Compare the headers once with a template exported from the account before the first upload.
use super::Sheet;
use super::csv::Table;
use crate::drafts::DraftError;
use crate::drafts::facts::external;
use crate::drafts::proposal::Proposal;

const COLUMNS: &[&str] = &[
    "Campaign ID",
    "Campaign Name",
    "Campaign Status",
    "Campaign Objective",
    "Buying Type",
    "Campaign Daily Budget",
    "Campaign Bid Strategy",
    "Ad Set ID",
    "Ad Set Name",
    "Ad Set Run Status",
    "Ad Set Daily Budget",
    "Ad Set Time Start",
    "Ad Set Time Stop",
    "Optimization Goal",
    "Billing Event",
    "Optimized Event",
    "Countries",
    "Age Min",
    "Age Max",
    "Gender",
    "Custom Audiences",
    "Excluded Custom Audiences",
    "Publisher Platforms",
    "Ad ID",
    "Ad Name",
    "Ad Status",
    "Title",
    "Body",
    "Link Description",
    "Link",
    "URL Tags",
    "Call to Action",
    "Image File Name",
];

/// The platform's own id, all digits kept.
fn id(value: &str) -> String {
    external(value).to_owned()
}

pub fn sheet(sheet: &Sheet<'_>) -> Result<Vec<u8>, DraftError> {
    let mut table = Table::new(COLUMNS.iter().copied());
    // Any row is an entity here, one without ids a new campaign: a preview is marked above the header, where it also
    // keeps the file from being taken for one to upload.
    if let Some(mark) = sheet.watermark() {
        table.heading(format!("{mark}. {}", sheet.stamp()));
    }
    let name = ("Campaign Name", sheet.campaign_name);
    match sheet.proposal {
        Proposal::Budget(b) => {
            let budget = b.new_daily_budget.to_string();
            table.row(&[("Campaign ID", &id(&b.campaign_id)), name, ("Campaign Daily Budget", &budget)]);
        }
        Proposal::Pause(p) => {
            table.row(&[("Campaign ID", &id(&p.campaign_id)), name, ("Campaign Status", "PAUSED")])
        }
        Proposal::Resume(r) => {
            let budget = r.new_daily_budget.map(|b| b.to_string()).unwrap_or_default();
            let status = ("Campaign Status", "ACTIVE");
            table.row(&[
                ("Campaign ID", &id(&r.campaign_id)),
                name,
                status,
                ("Campaign Daily Budget", &budget),
            ]);
        }
        Proposal::Reallocate(r) => {
            let (.., stage) = sheet.stage().ok_or_else(super::editor::no_stage)?;
            let ends =
                [(&r.from, sheet.campaign_name, stage.from_new), (&r.to, sheet.other_name, stage.to_new)];
            for (end, name, budget) in ends.into_iter().filter(|(end, ..)| end.platform == "meta_ads") {
                let budget = budget.to_string();
                let name = ("Campaign Name", name);
                table.row(&[
                    ("Campaign ID", &id(&end.campaign_id)),
                    name,
                    ("Campaign Daily Budget", &budget),
                ]);
            }
        }
        Proposal::Ad(ad) => {
            for variant in ad.variants() {
                table.row(&[
                    ("Campaign ID", &id(&ad.campaign_id)),
                    name,
                    ("Ad Set ID", &id(&ad.ad_set_id)),
                    ("Ad Set Name", sheet.ad_group_name),
                    ("Ad Name", &variant.name),
                    ("Ad Status", "PAUSED"),
                    ("Title", variant.title),
                    ("Body", variant.body),
                    ("Link Description", variant.description),
                    ("Link", &ad.final_url),
                    ("URL Tags", &ad.final_url_suffix),
                    ("Call to Action", ad.call_to_action.as_deref().unwrap_or_default()),
                    ("Image File Name", ad.image.as_deref().unwrap_or_default()),
                ]);
            }
        }
        Proposal::Negatives(_) | Proposal::Brief(_) | Proposal::Audience(_) => {}
    }
    table.write()
}
