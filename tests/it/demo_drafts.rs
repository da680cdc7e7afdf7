//! A newcomer's ad in the demo account: drafted, approved, exported.
use crate::world::World;
use adjutant::access::{Credential, Surface};
use adjutant::db::{load, people};
use adjutant::demo::{self, Scale};
use adjutant::drafts::{self, CreateRequest, Decision, DraftState, Outcome, ReviewRequest, StepUp};
use jiff::civil::date;
use serde_json::json;

#[tokio::test]
async fn an_ad_of_the_demo_is_approved_and_exported() {
    let world = World::new().await;
    let company = demo::found(&world.db, &*world.clock).await.unwrap();
    let data = demo::generate_scaled(date(2025, 9, 17), 7, Scale { months: 4 });
    load::dataset(&world.db, company.org, &data).await.unwrap();
    let mut tx = world.db.org(company.org).await.unwrap();
    let mut actors = Vec::new();
    for name in ["Mara", "Alex"] {
        let id = company.member(name).unwrap().id;
        let actor =
            people::actor(&mut tx, company.org, id, Surface::Http, Credential::Session).await.unwrap();
        actors.push(actor.unwrap());
    }
    tx.commit().await.unwrap();
    let payload = json!({"campaign": "Trail Shoes Search",
        "headlines": ["Trail Shoes for Wet Paths", "Free Returns in 30 Days", "Grip on Rock and Mud"],
        "descriptions": ["Light shoes for long days on the trail.", "Order today and try them at home."],
        "final_url": "https://www.fernhill.example/trail-shoes"});
    let request = CreateRequest {
        kind: "ad".to_owned(),
        payload: payload.as_object().unwrap().clone(),
        evidence: Vec::new(),
        supersedes: None,
    };
    let (db, clock) = (&world.db, &*world.clock);
    let created = drafts::create(db, clock, &actors[0], &request).await.unwrap();
    let stops: Vec<_> = created.guardrails.iter().filter(|g| g.stops()).collect();
    assert!(stops.is_empty(), "{stops:?}");
    let review = ReviewRequest {
        decision: Decision::Approve,
        revision: 1,
        payload_hash: created.payload_hash,
        reason_code: None,
        note: None,
        hours: None,
    };
    let done = drafts::decide(db, clock, &actors[1], created.id, &review, StepUp::No).await.unwrap();
    assert!(matches!(done, Outcome::Done { state: DraftState::Approved, .. }), "{done:?}");
    let file = drafts::download(db, clock, &actors[0], created.id, None, false).await.unwrap();
    assert!(String::from_utf8(file.body).unwrap().contains("Grip on Rock and Mud"));
}
