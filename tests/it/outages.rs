//! The database leaves, or has no room, in the middle of a request: said as what it is.
use crate::catalogue::load_shop;
use crate::served::Served;
use crate::world::World;
use serde_json::json;

/// From now on writing to a table fails as if the server had said so.
fn failing(table: &str, code: &str) -> String {
    format!(
        "create or replace function fail_{table}() returns trigger language plpgsql as
           $$ begin raise exception 'gone' using errcode = '{code}'; end $$;
         create or replace trigger fail before insert on {table} for each row execute function fail_{table}()"
    )
}

#[tokio::test]
async fn a_request_that_the_database_leaves_is_told_to_come_back() {
    let world = World::new().await;
    load_shop(&world.db, world.org, |sql| sql).await;
    let served = Served::new(&world).await;
    let session = served.session(&world.marketer).await;
    let mut superuser = world.superuser().await;
    let draft = json!({"type": "generate_content_brief", "payload": {"keyword": "wool socks"}});
    for (code, said) in [
        ("57P01", "storage.unavailable"),
        ("57P02", "storage.unavailable"),
        ("57P03", "storage.unavailable"),
        ("08006", "storage.unavailable"),
        ("53100", "storage.full"),
        ("22012", "server.internal"),
    ] {
        for table in ["drafts", "query_runs"] {
            let sql = failing(table, code);
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut superuser).await.unwrap();
        }
        let internal = said == "server.internal";
        let made = served.post("/api/drafts", &session, draft.clone()).await;
        assert_eq!(made.body["code"], said, "{code}: {}", made.body);
        assert_eq!(made.status.as_u16(), if internal { 500 } else { 503 });
        let run = served.post("/api/tools/spend_by_channel", &session, json!({})).await;
        assert_eq!(run.body["code"], if internal { "query.failed" } else { said }, "{code}: {}", run.body);
        assert_eq!(run.status.as_u16(), if internal { 500 } else { 503 });
    }
}
