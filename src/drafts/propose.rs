//! From what somebody asked for (names, percentages) to a complete proposal (ids, amounts), with the facts behind it.
mod ad;
mod audience;
mod brief;
mod money;
mod negative;

use super::DraftError;
use super::action::{Action, ActionKind};
use super::facts::{Facts, Org};
use super::gather::{self, About};
use super::names::{Candidate, choose};
use super::proposal::Proposal;
use crate::db::OrgTx;
use crate::db::drafts::facts as db;
use crate::db::drafts::write::Target;
use crate::ids::OrgId;
use crate::text::clean;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// A proposal with everything that its draft row needs.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub proposal: Proposal,
    pub facts: Facts,
    pub platform: String,
    pub account_id: String,
    pub entity_kind: &'static str,
    pub entity_id: String,
    /// What no other open draft may change at the same time.
    pub targets: Vec<Target>,
    /// The name of what it changes, for titles.
    pub name: String,
}

/// Arguments by name, read with the type they must have.
pub(super) struct Args<'a>(pub &'a Map<String, Value>);

impl<'a> Args<'a> {
    fn text(&self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str()
    }

    fn bool(&self, key: &str) -> Option<bool> {
        self.0.get(key)?.as_bool()
    }

    /// A number, or a decimal written as text.
    fn decimal(&self, key: &str) -> Result<Option<Decimal>, DraftError> {
        let text = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let parsed = text.parse().or_else(|_| Decimal::from_scientific(&text));
        parsed
            .map(Some)
            .map_err(|_| DraftError::payload(format!("/{key}"), format!("'{key}' is not an amount.")))
    }

    /// Read through serde, for lists and objects.
    fn read<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<Option<T>, DraftError> {
        let Some(value) = self.0.get(key).filter(|v| !v.is_null()) else { return Ok(None) };
        let fault = |e| DraftError::payload(format!("/{key}"), format!("'{key}' cannot be read: {e}."));
        T::deserialize(value).map(Some).map_err(fault)
    }
}

/// Resolves checked arguments against the organisation's own data.
pub async fn propose(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    action: &Action,
    args: &Map<String, Value>,
) -> Result<Proposed, DraftError> {
    let args = Args(args);
    match action.kind() {
        ActionKind::IncreaseBudget => money::budget(tx, id, org, action, &args, true).await,
        ActionKind::DecreaseBudget => money::budget(tx, id, org, action, &args, false).await,
        ActionKind::PauseCampaign => money::pause(tx, id, org, action, &args).await,
        ActionKind::ResumeCampaign => money::resume(tx, id, org, action, &args).await,
        ActionKind::ReallocateBudget => money::reallocate(tx, id, org, action, &args).await,
        ActionKind::AddNegativeKeyword => negative::negatives(tx, id, org, action, &args).await,
        ActionKind::GenerateContentBrief => brief::brief(tx, id, org, &args).await,
        ActionKind::Ad => ad::ad(tx, id, org, action, &args).await,
        ActionKind::RetargetingAudience => audience::audience(tx, id, org, &args).await,
    }
}

/// The canonical id of the campaign an argument names, on a platform that the action knows.
async fn campaign_id(
    tx: &mut OrgTx,
    action: &Action,
    args: &Args<'_>,
    key: &str,
) -> Result<String, DraftError> {
    let pointer = format!("/{key}");
    let text = args.text(key).ok_or_else(|| DraftError::payload(&pointer, format!("'{key}' is missing.")))?;
    let named = db::campaign_names(tx).await?;
    if named.is_empty() {
        return Err(DraftError::payload(
            pointer,
            "There are no campaigns yet; import or connect a platform first.",
        ));
    }
    let candidates: Vec<Candidate> = named
        .iter()
        .map(|c| Candidate { id: &c.id, names: vec![&c.name, super::facts::external(&c.id)] })
        .collect();
    let found = choose(&pointer, "campaign", text, &candidates)?;
    let row = named.iter().find(|c| c.id == found.id);
    if let Some(row) = row.filter(|c| !action.file.platforms.contains(&c.source)) {
        let message = format!(
            "{} does not exist on {}: '{}' runs there; possible on {}.",
            action.kind(),
            row.source,
            clean(&row.name, 80),
            action.file.platforms.join(", ")
        );
        return Err(DraftError::payload(pointer, message));
    }
    Ok(found.id.to_owned())
}

/// Facts with exactly one campaign, or donor and receiver, before the proposal is complete.
async fn campaigns(tx: &mut OrgTx, id: OrgId, org: Org, ids: &[String]) -> Result<Facts, DraftError> {
    let mut campaigns = Vec::new();
    for campaign_id in ids {
        campaigns.push(gather::campaign(tx, id, &org, campaign_id).await?);
    }
    Ok(Facts { org, campaigns, terms: None, ad: None, audience: None, rankings: Vec::new() })
}

/// One field of one campaign.
fn on_campaign(campaign_id: &str, field: &str) -> Target {
    Target { entity_kind: "campaign".to_owned(), entity_id: campaign_id.to_owned(), field: field.to_owned() }
}

/// What a stored proposal is about, from its row and its targets.
pub async fn about(
    tx: &mut OrgTx,
    id: OrgId,
    draft: &crate::db::drafts::read::Draft,
    proposal: &Proposal,
) -> Result<About, DraftError> {
    Ok(match proposal {
        Proposal::Budget(_) | Proposal::Pause(_) | Proposal::Resume(_) => {
            About { campaigns: vec![draft.entity_id.clone()], ad_group: None }
        }
        Proposal::Reallocate(_) => {
            let all = crate::db::drafts::read::targets(tx, id, draft.id, "campaign").await?;
            let receiver = all.into_iter().find(|c| *c != draft.entity_id);
            About {
                campaigns: [Some(draft.entity_id.clone()), receiver].into_iter().flatten().collect(),
                ad_group: None,
            }
        }
        Proposal::Negatives(n) => {
            let group = if n.level == "ad_group" {
                let groups = db::ad_groups(tx, &draft.entity_id, None).await?;
                groups.into_iter().find(|g| super::facts::external(&g.id) == n.parent_id).map(|g| g.id)
            } else {
                None
            };
            About { campaigns: vec![draft.entity_id.clone()], ad_group: group }
        }
        Proposal::Ad(_) => {
            let all = crate::db::drafts::read::targets(tx, id, draft.id, "campaign").await?;
            About { campaigns: all, ad_group: Some(draft.entity_id.clone()) }
        }
        Proposal::Brief(_) | Proposal::Audience(_) => About::default(),
    })
}
