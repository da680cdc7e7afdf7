//! What goes by the fast track stands first wherever drafts are listed, page by page, until it is decided.
use super::account::{account, decide, draft, pause, raise};
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::drafts::{self, Decision, DraftPage, ListRequest};
use jiff::ToSpan as _;
use serde_json::json;

async fn page(world: &World, below: Option<i64>, limit: i64) -> DraftPage {
    let request = ListRequest { below, limit: Some(limit), ..ListRequest::default() };
    drafts::list(&world.db, &world.approver, &request).await.unwrap()
}

/// Numbers in the order in which pages of this size show them.
async fn numbers(world: &World, limit: i64) -> Vec<i64> {
    let (mut found, mut below) = (Vec::new(), None);
    loop {
        let page = page(world, below, limit).await;
        found.extend(page.drafts.iter().map(|d| d.number));
        below = page.next;
        if below.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn what_compliance_stops_is_first_in_every_list_until_it_is_decided() {
    let world = account().await;
    let mut urgent = Vec::new();
    for campaign in ["Broad match test", "Retargeting 30 days"] {
        let asked = json!({"campaign": campaign, "reason_code": "compliance"});
        urgent.push(draft(&world, &world.admin, "pause_campaign", asked).await.unwrap());
    }
    raise(&world).await;
    pause(&world).await;
    for limit in 1..6 {
        assert_eq!(numbers(&world, limit).await, [2, 1, 4, 3], "{limit} a page");
    }
    let first = page(&world, None, 1).await.drafts.remove(0);
    assert_eq!(first.review_due_at, Some(world.clock.now() + 4.hours()));
    let waiting = drafts::waiting_for(&world.db, &world.approver).await.unwrap();
    assert_eq!(waiting.iter().map(|d| d.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    decide(&world, &world.approver, &urgent[1], Decision::Reject).await.unwrap();
    for limit in 1..6 {
        assert_eq!(numbers(&world, limit).await, [1, 4, 3, 2], "{limit} a page");
    }
}
