//! Retargeting audiences: a known segment, on a platform, by rule or as a list.
use super::{Args, Proposed};
use crate::db::OrgTx;
use crate::db::drafts::people;
use crate::db::drafts::write::Target;
use crate::drafts::DraftError;
use crate::drafts::facts::Org;
use crate::drafts::gather::{self, About};
use crate::drafts::names::{Candidate, choose};
use crate::drafts::proposal::{Audience, Proposal};
use crate::drafts::requests::audience::{has_rule, one_window, window};
use crate::ids::OrgId;
use crate::text::clean;

/// Segments that the program defines itself.
const BUILT_IN: &[&str] =
    &["quote_started_no_submit_7d", "lead_no_booking_7d", "city_page_viewed_2x_14d", "churn_risk_high"];

pub async fn audience(tx: &mut OrgTx, id: OrgId, org: Org, args: &Args<'_>) -> Result<Proposed, DraftError> {
    let platform = args.text("platform").unwrap_or_default().to_owned();
    let stored = people::segments(tx, id).await?;
    let ids: Vec<String> = stored.iter().map(|s| s.id.to_string()).collect();
    let mut candidates: Vec<Candidate> =
        BUILT_IN.iter().map(|name| Candidate { id: name, names: vec![name] }).collect();
    candidates.extend(stored.iter().zip(&ids).map(|(s, id)| Candidate { id, names: vec![&s.name] }));
    let segment =
        choose("/segment", "segment", args.text("segment").unwrap_or_default(), &candidates)?.id.to_owned();
    let by_rule = has_rule(&platform, &segment);
    let method = args.text("method").unwrap_or(if by_rule { "rule" } else { "list" });
    if method == "rule" && !by_rule {
        let message = format!("The pixel of {platform} cannot describe this segment; use method list.");
        return Err(DraftError::choice("/method", message, vec!["list".to_owned()]));
    }
    let shown =
        stored.iter().zip(&ids).find(|(_, id)| **id == segment).map_or(segment.as_str(), |(s, _)| &s.name);
    let days = window(&segment).unwrap_or(30);
    let membership_days = args.read("membership_days")?.unwrap_or(days);
    if method == "rule" && one_window(&platform) && membership_days != days {
        let message = format!(
            "A rule on {platform} keeps people for as long as it looks back, {days} days; leave membership_days out."
        );
        return Err(DraftError::payload("/membership_days", message));
    }
    let name = args.text("name").map_or_else(|| shown.replace('_', " "), |n| clean(n, 100));
    let shown = clean(shown, 80);
    let wanted = Audience {
        segment: segment.clone(),
        method: method.to_owned(),
        membership_days,
        name,
        exclude_customers: args.bool("exclude_customers").unwrap_or(true),
    };
    let account_id = people::account(tx, id, &platform).await?.ok_or_else(|| {
        let message = format!("No account of {platform} is known; connect or import it first.");
        DraftError::payload("/platform", message)
    })?;
    let proposal = Proposal::Audience(wanted);
    let facts = gather::facts(tx, id, org, &About::default(), &proposal, &platform).await?;
    let target = Target {
        entity_kind: "segment".to_owned(),
        entity_id: segment.clone(),
        field: format!("audience:{platform}"),
    };
    Ok(Proposed {
        proposal,
        facts,
        platform,
        account_id,
        entity_kind: "segment",
        entity_id: segment,
        targets: vec![target],
        name: shown,
    })
}
