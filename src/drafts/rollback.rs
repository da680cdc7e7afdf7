//! The way back: the steps that restore what was, written before anything is done.
use super::facts::Facts;
use super::proposal::{Ad, Proposal};
use serde_json::{Value, json};

/// Steps in the order they would run. A brief writes nothing, and its plan says so.
pub fn rollback_plan(proposal: &Proposal, facts: &Facts) -> Value {
    let campaign = facts.campaigns.first();
    match proposal {
        Proposal::Budget(b) => {
            json!([{"op": "set_daily_budget", "campaign_id": b.campaign_id, "to": b.current_daily_budget}])
        }
        // Not the state that was read: files of exports often tell none, and `unknown` restores nothing.
        Proposal::Pause(p) => json!([{"op": "set_status", "campaign_id": p.campaign_id, "to": "ACTIVE"}]),
        Proposal::Resume(r) => {
            let mut steps = vec![json!({"op": "set_status", "campaign_id": r.campaign_id, "to": "PAUSED"})];
            if let (Some(_), Some(old)) = (r.new_daily_budget, campaign.and_then(|c| c.budget())) {
                steps.push(json!({"op": "set_daily_budget", "campaign_id": r.campaign_id, "to": old}));
            }
            Value::Array(steps)
        }
        // In reverse: the receiver gives back before the donor takes.
        Proposal::Reallocate(r) => json!([
            {"op": "set_daily_budget", "campaign_id": r.to.campaign_id, "to": r.to.current},
            {"op": "set_daily_budget", "campaign_id": r.from.campaign_id, "to": r.from.current},
        ]),
        Proposal::Negatives(n) => {
            json!([{"op": "remove_negatives", "level": n.level, "parent_id": n.parent_id, "keywords": n.keywords}])
        }
        Proposal::Brief(_) => {
            json!([{"op": "none", "why": "a brief changes nothing by itself", "owner": "requester"}])
        }
        Proposal::Ad(a) => ads(a, campaign.is_some_and(|c| c.row.source == "meta_ads")),
        Proposal::Audience(a) => json!([{"op": "delete_audience", "name": a.name}]),
    }
}

/// Ads are found by what their creation answers with, not by a name that another may have. On Meta each is the second
/// of two requests.
fn ads(a: &Ad, meta: bool) -> Value {
    let made: Vec<(String, String)> = if meta {
        let all = a.variants().into_iter().enumerate();
        all.map(|(i, variant)| (variant.name, format!("{{{{steps.{}.id}}}}", 2 * i + 2))).collect()
    } else {
        vec![(a.name.clone(), "{{steps.1.resourceName}}".to_owned())]
    };
    let paused = made.iter().map(|(ad, id)| json!({"op": "set_status", "ad": ad, "id": id, "to": "PAUSED"}));
    let removed = made.iter().map(|(ad, id)| json!({"op": "remove", "ad": ad, "id": id, "after_days": 30}));
    paused.chain(removed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::proposal::{Pause, Resume};
    use crate::drafts::sample;

    /// The state that was read says nothing of the way back: imports often know none.
    #[test]
    fn a_pause_goes_back_to_active_and_a_resume_to_paused() {
        let mut facts = sample::facts();
        let pause = Proposal::Pause(Pause {
            campaign_id: "1".to_owned(),
            reason_code: "low_roas".to_owned(),
            resume_at: None,
        });
        let resume = Proposal::Resume(Resume {
            campaign_id: "1".to_owned(),
            budget_id: None,
            new_daily_budget: Some(crate::drafts::words::dec("60")),
        });
        for status in ["active", "paused", "unknown", "ended"] {
            facts.campaigns[0].row.status = status.to_owned();
            let to = |proposal| rollback_plan(proposal, &facts)[0]["to"].clone();
            assert_eq!((to(&pause), to(&resume)), (json!("ACTIVE"), json!("PAUSED")), "{status}");
            assert_eq!(
                rollback_plan(&resume, &facts)[1],
                json!({"op": "set_daily_budget", "campaign_id": "1", "to": "50.00"})
            );
        }
    }
}
