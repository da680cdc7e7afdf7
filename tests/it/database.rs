//! The database keeps its promises: fences, roles, partitions.
use crate::world::World;

#[tokio::test]
async fn a_world_has_an_organisation_with_people() {
    let world = World::new().await;
    let mut tx = world.db.org(world.org).await.unwrap();
    let members = adjutant::db::people::members(&mut tx, world.org).await.unwrap();
    assert_eq!(members.len(), 6);
    assert!(world.second_approver.may(adjutant::access::Permission::DraftApproveHigh));
    assert!(!world.approver.may(adjutant::access::Permission::DraftApproveHigh));
}
