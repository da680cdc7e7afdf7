//! The demo's key: what an operator chose is stored nowhere, and a second start with it is no other key.
use crate::world::World;
use adjutant::access::Surface;
use adjutant::clock::Clock as _;
use adjutant::db::credentials;
use adjutant::demo;
use secrecy::SecretString;
use sqlx::Executor as _;

const CHOSEN: &str = "correct-horse-battery-staple";

async fn start(world: &World, text: Option<&str>) -> SecretString {
    let mut tx = world.db.org(world.org).await.unwrap();
    let text = text.map(SecretString::from);
    let key = demo::key(&mut tx, &*world.clock, world.org, world.marketer.member, text).await.unwrap();
    tx.commit().await.unwrap();
    key
}

async fn works(world: &World, key: &SecretString) -> bool {
    let now = world.clock.now();
    credentials::sign_in_with_key(&world.db, key, Surface::Http, now).await.unwrap().is_some()
}

#[tokio::test]
async fn a_chosen_key_survives_starts_and_comes_back_after_another() {
    let world = World::new().await;
    let first = start(&world, Some(CHOSEN)).await;
    assert!(works(&world, &first).await);
    let again = start(&world, Some(CHOSEN)).await;
    assert!(works(&world, &again).await, "the second start with the same key");
    let made = start(&world, None).await;
    assert!(works(&world, &made).await && !works(&world, &first).await, "a new key ends the earlier one");
    let back = start(&world, Some(CHOSEN)).await;
    assert!(works(&world, &back).await && !works(&world, &made).await);
    let almost = SecretString::from(format!("{CHOSEN}r"));
    assert!(!works(&world, &almost).await);
}

#[tokio::test]
async fn no_column_holds_the_text_of_a_chosen_key() {
    let world = World::new().await;
    start(&world, Some(CHOSEN)).await;
    let mut superuser = world.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    for table in tables {
        let held = format!("select from {table} t where strpos(t::text, '{CHOSEN}') > 0 limit 1");
        let held = superuser.fetch_optional(sqlx::AssertSqlSafe(held)).await.unwrap();
        assert!(held.is_none(), "{table} holds the key");
    }
}
