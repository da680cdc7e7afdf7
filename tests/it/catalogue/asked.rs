//! Parameters that queries share: whose drafts, texts as they stand, splits and periods.
use super::*;

#[tokio::test]
async fn my_drafts_are_mine_also_when_somebody_asked_before() {
    let desk = Desk::built_in().await;
    let all = desk.ask("approvals_pending", json!({})).await.unwrap();
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query("update drafts set requested_by = $2, assigned_to = null where org_id = $1 and number = 7")
        .bind(desk.world.org)
        .bind(desk.world.admin.member)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    desk.catalogue.forget(desk.world.org).await;
    let count = async |actor: &Actor, mine: Value| {
        desk.ask_as(actor, "approvals_pending", json!({ "mine": mine })).await.unwrap().rows.len()
    };
    let viewer = count(&desk.world.viewer, json!(true)).await;
    assert_eq!((viewer, count(&desk.world.marketer, json!("mine")).await), (0, 1));
    assert_eq!(count(&desk.world.viewer, json!(false)).await, all.rows.len());
}

/// An underscore is a letter like any other: action names are full of them.
#[tokio::test]
async fn texts_are_looked_for_as_they_stand() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query("update campaigns set name = 'Sale_50% off' where org_id = $1 and id = 'google_ads:1002'")
        .bind(desk.world.org)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("update entities set name = 'Sale_50% off' where org_id = $1 and id = 'google_ads:1002'")
        .bind(desk.world.org)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let found = desk.ask("audit_search", json!({"q": "sale_50% off"})).await.unwrap();
    assert_eq!(found.rows.len(), 2);
}

#[tokio::test]
async fn cost_per_new_customer_can_be_split_by_audience() {
    let desk = Desk::built_in().await;
    let found = desk.ask("cac_by_channel", json!({"by": "segment"})).await.unwrap();
    assert_eq!(found.totals["cost"].number().unwrap().normalize(), Decimal::from(2521));
    assert!(desk.ask("cac_by_channel", json!({"by": "city"})).await.unwrap().rows.is_empty());
    let weeks = desk.ask("spend_by_channel", json!({"granularity": "week"})).await.unwrap();
    let whole = desk.ask("spend_by_channel", json!({})).await.unwrap();
    assert_eq!(weeks.totals["cost"], whole.totals["cost"]);
    assert!(weeks.rows.len() > whole.rows.len());
}
