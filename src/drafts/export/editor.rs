//! Google Ads Editor CSV: English headers, one row an entity, blank = leave as is. Which decision it carries stands in `Comment`.
//!
//! Editor has no dates for budgets: the sheet of a reallocation holds one step, named in the file and in `Comment`; the
//! next step is downloaded on its day.
use super::Sheet;
use super::csv::Table;
use crate::drafts::DraftError;
use crate::drafts::proposal::{Ad, MatchType, Proposal};

/// The columns of a file that holds no ads, in Editor's order.
const PLAIN: &[&str] = &[
    "Campaign",
    "Campaign daily budget",
    "Campaign Status",
    "Ad Group",
    "Keyword",
    "Criterion Type",
    "Comment",
];

pub fn sheet(sheet: &Sheet<'_>) -> Result<Vec<u8>, DraftError> {
    let stamp = sheet.stamp();
    let comment = sheet.watermark().map_or_else(|| stamp.clone(), |mark| format!("{mark}. {stamp}"));
    let mut table = match sheet.proposal {
        Proposal::Ad(_) => Table::new(ad_columns()),
        Proposal::Budget(_)
        | Proposal::Pause(_)
        | Proposal::Resume(_)
        | Proposal::Reallocate(_)
        | Proposal::Negatives(_)
        | Proposal::Brief(_)
        | Proposal::Audience(_) => Table::new(PLAIN.iter().copied()),
    };
    if let Some(mark) = sheet.watermark() {
        table.row(&[("Comment", &mark)]);
    }
    let campaign = ("Campaign", sheet.campaign_name);
    let comment = ("Comment", comment.as_str());
    match sheet.proposal {
        Proposal::Budget(b) => {
            table.row(&[campaign, ("Campaign daily budget", &b.new_daily_budget.to_string()), comment]);
        }
        Proposal::Pause(_) => table.row(&[campaign, ("Campaign Status", "Paused"), comment]),
        Proposal::Resume(r) => {
            let budget = r.new_daily_budget.map(|b| b.to_string()).unwrap_or_default();
            table.row(&[
                campaign,
                ("Campaign daily budget", &budget),
                ("Campaign Status", "Enabled"),
                comment,
            ]);
        }
        Proposal::Reallocate(r) => {
            let (place, of, stage) = sheet.stage().ok_or_else(no_stage)?;
            let note = format!("Run on {} (step {place} of {of}). {}", stage.on, comment.1);
            let ends =
                [(&r.from, sheet.campaign_name, stage.from_new), (&r.to, sheet.other_name, stage.to_new)];
            // Who uploads one half alone moves the net: the file says that there is another.
            let elsewhere = [(&r.from, sheet.campaign_name), (&r.to, sheet.other_name)];
            let elsewhere = elsewhere.into_iter().find(|(end, _)| end.platform != "google_ads");
            let note = elsewhere.map_or(note.clone(), |(end, name)| {
                format!("The other half, {name} on {}, is not in this file. {note}", end.platform)
            });
            for (_, name, budget) in ends.into_iter().filter(|(end, ..)| end.platform == "google_ads") {
                let budget = budget.to_string();
                table.row(&[("Campaign", name), ("Campaign daily budget", &budget), ("Comment", &note)]);
            }
        }
        Proposal::Negatives(n) => {
            let own = n.level == "ad_group";
            for keyword in &n.keywords {
                let kind = criterion(keyword.match_type, own);
                let group = if own { sheet.ad_group_name } else { "" };
                table.row(&[
                    campaign,
                    ("Ad Group", group),
                    ("Keyword", &keyword.text),
                    ("Criterion Type", kind),
                    comment,
                ]);
            }
        }
        Proposal::Ad(ad) => ad_row(&mut table, sheet, ad, comment.1),
        Proposal::Brief(_) | Proposal::Audience(_) => {}
    }
    table.trimmed().write()
}

pub(super) fn no_stage() -> DraftError {
    DraftError::Broken("a reallocation has no day".to_owned())
}

fn criterion(match_type: MatchType, of_group: bool) -> &'static str {
    match (of_group, match_type) {
        (false, MatchType::Exact) => "Campaign Negative Exact",
        (false, MatchType::Phrase) => "Campaign Negative Phrase",
        (false, MatchType::Broad) => "Campaign Negative Broad",
        (true, MatchType::Exact) => "Negative Exact",
        (true, MatchType::Phrase) => "Negative Phrase",
        (true, MatchType::Broad) => "Negative Broad",
    }
}

fn ad_columns() -> Vec<String> {
    let mut columns = vec!["Campaign".to_owned(), "Ad Group".to_owned()];
    for i in 1..=15 {
        columns.push(format!("Headline {i}"));
        columns.push(format!("Headline {i} position"));
    }
    for i in 1..=4 {
        columns.push(format!("Description {i}"));
        columns.push(format!("Description {i} position"));
    }
    columns.extend(
        ["Path 1", "Path 2", "Final URL", "Final URL suffix", "Status", "Comment"].map(str::to_owned),
    );
    columns
}

fn ad_row(table: &mut Table, sheet: &Sheet<'_>, ad: &Ad, comment: &str) {
    let mut cells = vec![
        ("Campaign".to_owned(), sheet.campaign_name.to_owned()),
        ("Ad Group".to_owned(), sheet.ad_group_name.to_owned()),
    ];
    for (name, texts) in [("Headline", &ad.headlines), ("Description", &ad.descriptions)] {
        for (i, line) in texts.iter().enumerate() {
            cells.push((format!("{name} {}", i + 1), line.text.clone()));
            // Editor writes the slot's number: HEADLINE_2 → 2.
            let slot = line.pin.as_deref().and_then(|pin| pin.rsplit('_').next()).unwrap_or_default();
            cells.push((format!("{name} {} position", i + 1), slot.to_owned()));
        }
    }
    cells.extend([
        ("Path 1".to_owned(), ad.path1.clone().unwrap_or_default()),
        ("Path 2".to_owned(), ad.path2.clone().unwrap_or_default()),
        ("Final URL".to_owned(), ad.final_url.clone()),
        ("Final URL suffix".to_owned(), ad.final_url_suffix.clone()),
        ("Status".to_owned(), "Paused".to_owned()),
        ("Comment".to_owned(), comment.to_owned()),
    ]);
    let cells: Vec<(&str, &str)> = cells.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    table.row(&cells);
}
