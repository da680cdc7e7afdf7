//! What is said of names moves figures: orders, visits and batches under way follow the links of now, old days too.
use super::{Account, Table, event};
use crate::crash::program;
use crate::imports::{Told, bring};
use adjutant::daily::map;
use adjutant::db::entity_map;
use adjutant::db::events::known::{self, Named};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;

const ADS: &str = "Day,Campaign ID,Campaign,Cost,Clicks\n\
    2025-07-10,77,Spring Sale,60,9\n2025-07-10,78,Trail Shoes Search,40,5\n";
const ORDERS: &str = "Order ID,Order date,Total,utm_source,utm_medium,utm_campaign\n\
    o1,2025-07-11T10:00:00Z,50,google,cpc,spring+sale\n\
    o2,2025-07-12T11:00:00Z,30,google,cpc,spring-sales\n";

impl Account {
    async fn told(&self, dataset: &str, source: &'static str, text: &str) {
        let told = Told { source: Some(source), ..Told::default() };
        bring(&self.world, dataset, text.as_bytes(), &told).await.unwrap();
    }

    async fn link(&self) {
        map::link(&self.world.db, &*self.world.clock, self.world.org).await.unwrap();
    }

    /// `adjutant entities accept|reject campaign … same_as campaign …`.
    async fn says(&self, verb: &str, name: &str, campaign: &str) {
        let words = ["entities", verb, "campaign", name, "same_as", "campaign", campaign];
        let output = program(&self.world).args(words).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut *tx).await.unwrap()
    }
}

const SOLD: &str = "select campaign_id || ' ' || date || ' ' || trim_scale(attributed_orders) || ' ' || trim_scale(attributed_revenue)
    from daily_campaign_metrics where attributed_orders <> 0 order by 1";
const QUEUED: &str = "select distinct date || ' ' || entity_id || ' ' || cause from restatements
    where entity_kind = 'campaign' and cause in ('attribution', 'entity map') order by 1";

#[tokio::test]
async fn an_order_that_is_given_to_a_campaign_or_taken_from_it_moves_the_figures_of_its_old_day() {
    let account = Account::new().await;
    // The orders come first: the file of ads gives one of them its campaign.
    account.told("orders", "shopify", ORDERS).await;
    account.restated().await;
    assert!(account.texts(SOLD).await.is_empty());
    account.told("ads", "google_ads", ADS).await;
    assert_eq!(account.texts(QUEUED).await, ["2025-07-11 google_ads:77 attribution"]);
    account.restated().await;
    assert_eq!(account.texts(SOLD).await, ["google_ads:77 2025-07-11 1 50"]);
    // A person knows what the other one means.
    account.says("accept", "utm:google/spring_sales", "google_ads:78").await;
    assert_eq!(account.texts(QUEUED).await, ["2025-07-12 google_ads:78 entity map"]);
    account.restated().await;
    let both = ["google_ads:77 2025-07-11 1 50", "google_ads:78 2025-07-12 1 30"];
    assert_eq!(account.texts(SOLD).await, both);
    // And thinks better of it.
    account.says("reject", "utm:google/spring_sales", "google_ads:78").await;
    assert_eq!(account.texts(QUEUED).await, ["2025-07-12 google_ads:78 entity map"]);
    account.restated().await;
    assert_eq!(account.texts(SOLD).await, both[..1]);
}

fn visit(id: u128, words: &str) -> Value {
    let more = json!({"channel": "paid_search", "session": {"id": format!("s{id}")},
                      "context": {"utm": {"source": "google", "medium": "cpc", "campaign": words}}});
    event(id, "session_start", "2025-09-10T10:00:00Z", "web", &format!("a{id}"), more)
}

const CAME: &str = "select utm ->> 'campaign' || ' ' || coalesce(campaign_id, '-') from touches order by 1";

#[tokio::test]
async fn visits_go_to_the_campaign_that_people_say_their_links_mean() {
    let account = Account::new().await;
    account.told("ads", "google_ads", ADS).await;
    account.send(&[visit(1, "spring_sale"), visit(2, "sprng")]).await;
    account.restated().await;
    assert_eq!(account.texts(CAME).await, ["spring_sale google_ads:77", "sprng -"]);
    account.link().await;
    account.says("accept", "utm:google/sprng", "google_ads:77").await;
    account.restated().await;
    assert_eq!(account.texts(CAME).await, ["spring_sale google_ads:77", "sprng google_ads:77"]);
    // A no stands above the name, and another word above both.
    account.says("reject", "utm:google/spring_sale", "google_ads:77").await;
    account.restated().await;
    assert_eq!(account.texts(CAME).await, ["spring_sale -", "sprng google_ads:77"]);
    account.says("accept", "utm:google/spring_sale", "google_ads:78").await;
    account.restated().await;
    assert_eq!(account.texts(CAME).await, ["spring_sale google_ads:78", "sprng google_ads:77"]);
    let funnel = account.figures(Table::Funnel).await;
    let landed = ["google_ads:77", "google_ads:78"].map(|id| format!("09-10 web paid_search {id}: visits=1"));
    assert_eq!(funnel, landed);
    // Campaigns that are one are one to visits, too.
    account.says("accept", "google_ads:78", "google_ads:77").await;
    account.days(jiff::civil::date(2025, 9, 10), jiff::civil::date(2025, 9, 10)).await;
    assert_eq!(account.texts(CAME).await, ["spring_sale google_ads:77", "sprng google_ads:77"]);
}

/// Ends when somebody waits for a lock of the organisation's database.
async fn blocked(account: &Account) {
    let mut admin = account.world.superuser().await;
    let locks = "select count(*) from pg_locks where not granted
                   and database = (select oid from pg_database where datname = current_database())";
    while sqlx::query_scalar::<_, i64>(locks).fetch_one(&mut admin).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}

/// Waits until somebody waits for a lock; `other` must not end before.
async fn waits<F: Future>(account: &Account, other: &mut Pin<&mut F>, why: &str) {
    tokio::select! {
        () = blocked(account) => {}
        _ = other => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_batch_beside_a_relink_ends_with_the_campaign_of_the_new_link() {
    let account = Account::new().await;
    let (db, org) = (&account.world.db, account.world.org);
    account.told("ads", "google_ads", ADS).await;
    account.link().await;
    let seen = |id: u128| {
        event(
            id,
            "ad_click",
            "2025-09-17T08:00:00Z",
            "google_ads",
            "a1",
            json!({"channel": "paid_search",
              "entity": {"type": "campaign", "id": "google_ads:78"},
              "properties": {"campaign_id": "78"}}),
        )
    };
    account.send(&[seen(1)]).await;
    // A batch that has looked its campaign up, and stores it after somebody said that the campaign is another.
    let mut batch = db.org(org).await.unwrap();
    entity_map::pass(&mut batch, org).await.unwrap();
    let named = [Named { kind: "campaign", id: "google_ads:78", source: "google_ads" }];
    let found = known::canonical(&mut batch, org, &named).await.unwrap();
    assert_eq!(found, [(0, "google_ads:78".to_owned())]);
    let relink = account.says("accept", "google_ads:78", "google_ads:77");
    tokio::pin!(relink);
    waits(&account, &mut relink, "the link did not wait for the batch").await;
    sqlx::query(
        "insert into events select (jsonb_populate_record(e, jsonb_build_object('id', '00000000-0000-0000-0000-00000000000f'))).*
         from events e",
    )
    .execute(&mut *batch)
    .await
    .unwrap();
    batch.commit().await.unwrap();
    relink.await;
    let canonical = "select canonical_id from events";
    assert_eq!(account.texts(canonical).await, ["google_ads:77", "google_ads:77"]);
    // A batch that comes while links are written waits for them.
    let mut links = db.org(org).await.unwrap();
    entity_map::close(&mut links, org).await.unwrap();
    sqlx::query("update entities set canonical_id = id where kind = 'campaign'")
        .execute(&mut *links)
        .await
        .unwrap();
    let late = [seen(3)];
    let batch = account.send(&late);
    tokio::pin!(batch);
    waits(&account, &mut batch, "the batch did not wait for the links").await;
    links.commit().await.unwrap();
    batch.await;
    assert_eq!(account.texts("select canonical_id from events order by id desc limit 1").await.len(), 1);
    assert_eq!(
        account
            .count("select count(*) from events where org_id = $1 and canonical_id = 'google_ads:78'")
            .await,
        1
    );
}

/// A run that changes nothing waits for no batch, and no batch for it, also where names are linked that no system knows.
#[tokio::test]
async fn a_run_that_changes_nothing_lets_batches_pass() {
    let account = Account::new().await;
    account.told("ads", "google_ads", ADS).await;
    account.says("accept", "sprng", "google_ads:77").await;
    account.link().await;
    let mut batch = account.world.db.org(account.world.org).await.unwrap();
    entity_map::pass(&mut batch, account.world.org).await.unwrap();
    let run = account.link();
    tokio::pin!(run);
    let waited = "the run waits for the batch";
    tokio::select! {
        () = &mut run => {}
        () = blocked(&account) => panic!("{waited}"),
    }
    batch.commit().await.unwrap();
}

/// More events than one transaction takes: they follow part by part, and a run that is cut is gone on with.
#[tokio::test]
async fn many_events_follow_their_link_part_by_part() {
    let account = Account::new().await;
    let (db, org) = (&account.world.db, account.world.org);
    account.told("ads", "google_ads", ADS).await;
    account.link().await;
    let click = event(
        1,
        "ad_click",
        "2025-09-17T08:00:00Z",
        "google_ads",
        "a1",
        json!({"channel": "paid_search",
        "entity": {"type": "campaign", "id": "google_ads:78"}, "properties": {"campaign_id": "78"}}),
    );
    account.send(&[click]).await;
    account
        .run(
            "insert into events select (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).*
             from events e, generate_series(2, 11000) where e.org_id = $1",
        )
        .await;
    account.says("accept", "google_ads:78", "google_ads:77").await;
    let followed = "select count(*) from events where org_id = $1 and canonical_id = 'google_ads:77'";
    assert_eq!(account.count(followed).await, 11_000);
    let left = "select count(*) from entity_moves where org_id = $1";
    assert_eq!(account.count(left).await, 0);
    // A part at a time, and what was left is on record.
    let things = [entity_map::Thing::new(entity_map::EntityKind::Campaign, "google_ads:78")].into();
    let roots = std::collections::BTreeMap::new();
    let mut tx = db.org(org).await.unwrap();
    sqlx::query("update entities set canonical_id = id where kind = 'campaign'")
        .execute(&mut *tx)
        .await
        .unwrap();
    let (part, days) = entity_map::canon::follow(&mut tx, org, &things, &roots, "UTC", 10).await.unwrap();
    assert_eq!((part, days.len()), (10, 2));
    entity_map::canon::queue_moves(&mut tx, org, &things, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    tx.commit().await.unwrap();
    account.link().await;
    assert_eq!((account.count(followed).await, account.count(left).await), (11_000, 0));
}
