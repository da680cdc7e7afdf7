//! New ads: texts in their slots, the ad group, and the tags of the link.
use super::{Args, Proposed, campaign_id, on_campaign};
use crate::db::OrgTx;
use crate::db::drafts::facts as db;
use crate::db::drafts::write::Target;
use crate::drafts::DraftError;
use crate::drafts::action::Action;
use crate::drafts::facts::{Org, external};
use crate::drafts::gather::{self, About};
use crate::drafts::guard::missing_tags;
use crate::drafts::names::{Candidate, choose};
use crate::drafts::payload::Hash;
use crate::drafts::proposal::{Ad, Line, Proposal};
use crate::ids::OrgId;
use crate::text::clean;
use jiff::ToSpan;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(untagged)]
enum Asked {
    Text(String),
    Full(Line),
}

fn lines(args: &Args<'_>, key: &str) -> Result<Vec<Line>, DraftError> {
    let asked: Vec<Asked> = args.read(key)?.unwrap_or_default();
    let line = |asked| match asked {
        Asked::Text(text) => Line { text: clean(&text, 255), pin: None },
        Asked::Full(line) => Line { text: clean(&line.text, 255), pin: line.pin },
    };
    Ok(asked.into_iter().map(line).collect())
}

/// A value for a tag: lower case, `[a-z0-9_-]`, at most 100 characters.
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.to_lowercase().chars() {
        let c = match c {
            'ä' | 'à' | 'á' | 'â' => 'a',
            'ö' | 'ò' | 'ó' | 'ô' => 'o',
            'ü' | 'ù' | 'ú' | 'û' => 'u',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'ç' => 'c',
            'ñ' => 'n',
            other => other,
        };
        if c.is_ascii_alphanumeric() || c == '-' {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.truncate(100);
    let out = out.trim_end_matches('_').to_owned();
    if out.is_empty() { "campaign".to_owned() } else { out }
}

/// The tags that the address lacks, with the platform's macros (`actions.md` §12).
fn suffix(platform: &str, channel: &str, url: &str, campaign: &str) -> String {
    let medium = match (platform, channel) {
        ("google_ads", "display") => "display",
        ("google_ads", "video") => "video",
        ("google_ads", _) => "cpc",
        _ => "paid_social",
    };
    let source = if platform == "google_ads" { "google" } else { "meta" };
    let value = |tag: &str| match tag {
        "utm_source" => source.to_owned(),
        "utm_medium" => medium.to_owned(),
        _ => campaign.to_owned(),
    };
    let mut tags: Vec<String> =
        missing_tags(url).into_iter().map(|tag| format!("{tag}={}", value(tag))).collect();
    let has = |tag: &str| url.contains(&format!("?{tag}=")) || url.contains(&format!("&{tag}="));
    let macros: &[(&str, &str)] = match platform {
        "google_ads" => {
            &[("utm_content", "{creative}"), ("utm_term", "{keyword}"), ("utm_id", "{campaignid}")]
        }
        _ => &[("utm_content", "{{ad.id}}"), ("utm_id", "{{campaign.id}}")],
    };
    tags.extend(macros.iter().filter(|(tag, _)| !has(tag)).map(|(tag, value)| format!("{tag}={value}")));
    tags.join("&")
}

/// How many texts each platform takes, and how many may be pinned to one slot.
fn check(platform: &str, ad: &Ad) -> Result<(), DraftError> {
    let counts = match platform {
        "google_ads" => {
            [("headlines", ad.headlines.len(), 3, 15), ("descriptions", ad.descriptions.len(), 2, 4)]
        }
        _ => [("headlines", ad.headlines.len(), 1, 5), ("descriptions", ad.descriptions.len(), 0, 5)],
    };
    for (field, n, min, max) in counts {
        if n < min || n > max {
            return Err(DraftError::payload(
                format!("/{field}"),
                format!("{platform} takes {min} to {max} {field}, not {n}."),
            ));
        }
    }
    if platform == "google_ads" {
        if !ad.primary_texts.is_empty() || ad.image.is_some() || ad.call_to_action.is_some() {
            let message = "A search ad has headlines, descriptions and paths only.";
            return Err(DraftError::payload("/primary_texts", message));
        }
    } else if ad.primary_texts.is_empty() {
        return Err(DraftError::payload("/primary_texts", "An ad on Meta needs at least one primary text."));
    } else if ad.path1.is_some() || ad.path2.is_some() {
        return Err(DraftError::payload("/path1", "Paths exist on Google Ads only."));
    }
    for (field, texts, kind) in
        [("headlines", &ad.headlines, "HEADLINE"), ("descriptions", &ad.descriptions, "DESCRIPTION")]
    {
        for (i, line) in texts.iter().enumerate() {
            let Some(pin) = &line.pin else { continue };
            let pointer = format!("/{field}/{i}/pin");
            if platform != "google_ads" || !pin.starts_with(kind) {
                return Err(DraftError::payload(
                    pointer,
                    format!("{pin} is no slot of {field} on {platform}."),
                ));
            }
            if texts.iter().filter(|l| l.pin.as_ref() == Some(pin)).count() > 2 {
                return Err(DraftError::payload(pointer, format!("At most 2 texts may be pinned to {pin}.")));
            }
        }
        if let Some((i, _)) = texts
            .iter()
            .enumerate()
            .find(|(i, l)| texts[..*i].iter().any(|o| o.text.eq_ignore_ascii_case(&l.text)))
        {
            return Err(DraftError::payload(format!("/{field}/{i}"), "This text is there twice."));
        }
    }
    Ok(())
}

pub async fn ad(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    action: &Action,
    args: &Args<'_>,
) -> Result<Proposed, DraftError> {
    let campaign = campaign_id(tx, action, args, "campaign").await?;
    let groups = db::ad_groups(tx, &campaign, Some(org.today.saturating_sub(28.days()))).await?;
    let candidates: Vec<Candidate> =
        groups.iter().map(|g| Candidate { id: &g.id, names: vec![&g.name, external(&g.id)] }).collect();
    let group = match args.text("ad_group") {
        Some(text) => choose("/ad_group", "ad group", text, &candidates)?.id.to_owned(),
        None => groups.first().map(|g| g.id.clone()).ok_or_else(|| {
            DraftError::payload(
                "/campaign",
                "This campaign has no ad group that is known; sync or import them first.",
            )
        })?,
    };
    let about = About { campaigns: vec![campaign.clone()], ad_group: Some(group.clone()) };
    let url = clean(args.text("final_url").unwrap_or_default(), 2000);
    let mut wanted = Ad {
        campaign_id: external(&campaign).to_owned(),
        ad_set_id: external(&group).to_owned(),
        name: String::new(),
        headlines: lines(args, "headlines")?,
        descriptions: lines(args, "descriptions")?,
        primary_texts: args
            .read::<Vec<String>>("primary_texts")?
            .unwrap_or_default()
            .iter()
            .map(|t| clean(t, 3000))
            .collect(),
        path1: args.text("path1").filter(|p| !p.is_empty()).map(str::to_owned),
        path2: args.text("path2").filter(|p| !p.is_empty()).map(str::to_owned),
        final_url: url.clone(),
        final_url_suffix: String::new(),
        call_to_action: args.text("call_to_action").map(str::to_owned),
        image: args.text("image").map(|i| clean(i, 300)),
        enable: false,
    };
    let facts = gather::facts(tx, id, org, &about, &Proposal::Ad(wanted.clone()), "").await?;
    let row = &facts.campaign()?.row;
    check(&row.source, &wanted)?;
    let utm = args.text("utm_campaign").map_or_else(|| slug(&row.name), str::to_owned);
    wanted.final_url_suffix = suffix(&row.source, &row.channel, &url, &utm);
    // Telling apart what is drafted twice: the name and the target carry a hash of the texts.
    let texts = json!([wanted.headlines, wanted.descriptions, wanted.primary_texts, wanted.final_url]);
    let mark: String = Hash::of(&texts)?.to_string().chars().take(8).collect();
    let group_name = facts.ad.as_ref().map_or(String::new(), |ad| clean(&ad.group.name, 60));
    wanted.name = format!("{group_name} [adj-{mark}]");
    let target =
        Target { entity_kind: "ad_group".to_owned(), entity_id: group.clone(), field: format!("ad:{mark}") };
    let targets = vec![target, on_campaign(&campaign, &format!("ad:{mark}"))];
    let (platform, account_id) = (row.source.clone(), row.account_id.clone());
    Ok(Proposed {
        proposal: Proposal::Ad(wanted),
        facts,
        platform,
        account_id,
        entity_kind: "ad_group",
        entity_id: group,
        targets,
        name: group_name,
    })
}
