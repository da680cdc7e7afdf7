//! Negative keywords: cleaned, without those that are excluded already.
use super::{Args, Proposed, campaign_id, on_campaign};
use crate::db::OrgTx;
use crate::db::drafts::facts as db;
use crate::drafts::DraftError;
use crate::drafts::action::Action;
use crate::drafts::facts::{Org, external};
use crate::drafts::gather::{self, About, split_known};
use crate::drafts::names::{Candidate, choose};
use crate::drafts::proposal::{Keyword, MatchType, Negatives, Proposal};
use crate::ids::OrgId;
use crate::text::clean;
use jiff::ToSpan;
use serde::Deserialize;

/// A bare text, or one with its own match type.
#[derive(Deserialize)]
#[serde(untagged)]
enum Asked {
    Text(String),
    Full { text: String, match_type: Option<MatchType> },
}

pub async fn negatives(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    action: &Action,
    args: &Args<'_>,
) -> Result<Proposed, DraftError> {
    let campaign = campaign_id(tx, action, args, "campaign").await?;
    let default: MatchType = args.read("match_type")?.unwrap_or(MatchType::Exact);
    let asked: Vec<Asked> = args.read("keywords")?.unwrap_or_default();
    let mut keywords: Vec<Keyword> = Vec::new();
    for (i, asked) in asked.into_iter().enumerate() {
        let (text, own) = match asked {
            Asked::Text(text) => (text, None),
            Asked::Full { text, match_type } => (text, match_type),
        };
        let pointer = format!("/keywords/{i}");
        let text = clean(&text, 80).to_lowercase();
        let words = text.split(' ').filter(|w| !w.is_empty()).count();
        if words == 0 || words > 10 {
            return Err(DraftError::payload(pointer, "A negative keyword has 1 to 10 words."));
        }
        let keyword = Keyword { text, match_type: own.unwrap_or(default) };
        if !keywords.contains(&keyword) {
            keywords.push(keyword);
        }
    }
    let group = match args.text("ad_group") {
        Some(text) => {
            let groups = db::ad_groups(tx, &campaign, Some(org.today.saturating_sub(28.days()))).await?;
            let candidates: Vec<Candidate> = groups
                .iter()
                .map(|g| Candidate { id: &g.id, names: vec![&g.name, external(&g.id)] })
                .collect();
            Some(choose("/ad_group", "ad group", text, &candidates)?.id.to_owned())
        }
        None => None,
    };
    let (level, parent) = group.as_ref().map_or(("campaign", &campaign), |g| ("ad_group", g));
    let mut wanted = Negatives {
        level: level.to_owned(),
        parent_id: external(parent).to_owned(),
        keywords: keywords.clone(),
    };
    let about = About { campaigns: vec![campaign.clone()], ad_group: group.clone() };
    let sketch = Proposal::Negatives(wanted.clone());
    let mut facts = gather::facts(tx, id, org, &about, &sketch, "google_ads").await?;
    let mut terms = facts.terms.take().unwrap_or_default();
    let (new, known) = split_known(keywords, &terms);
    if new.is_empty() {
        return Err(DraftError::payload("/keywords", "All of these terms are excluded already."));
    }
    terms.dropped = known;
    facts.terms = Some(terms);
    wanted.keywords = new;
    // Each term is a field of its own, so that two drafts on one campaign meet only over the same term.
    let targets = wanted
        .keywords
        .iter()
        .map(|k| on_campaign(&campaign, &format!("negative:{}:{}", k.match_type.as_str(), k.text)))
        .collect();
    let row = &facts.campaign()?.row;
    let (name, account_id) = (clean(&row.name, 80), row.account_id.clone());
    Ok(Proposed {
        proposal: Proposal::Negatives(wanted),
        platform: row.source.clone(),
        account_id,
        entity_kind: "campaign",
        entity_id: campaign,
        targets,
        name,
        facts,
    })
}
