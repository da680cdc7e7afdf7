//! Questions over imported files: what a marketer hears who connects nothing and uploads exports.
use crate::imports::{Told, bring, real, sum};
use crate::world::World;
use adjutant::catalogue::{Catalogue, Cell, QueryResult, RunContext, ToolError};
use adjutant::clock::SharedClock;
use rust_decimal::Decimal;
use serde_json::{Value, json};

async fn ask(world: &World, query: &str, params: Value) -> Result<QueryResult, ToolError> {
    let (catalogue, _) = Catalogue::load_whole(None);
    let clock: SharedClock = world.clock.clone();
    let context = RunContext { actor: world.compliance.clone(), turn: None, reason: None };
    let params = params.as_object().cloned().unwrap_or_default();
    catalogue.run(&world.db, &clock, &context, query, &params).await
}

fn texts(result: &QueryResult, column: &str) -> Vec<String> {
    let cells = (0..result.rows.len()).filter_map(|row| result.cell(row, column));
    cells.filter_map(|cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None }).collect()
}

fn total(result: &QueryResult, name: &str) -> Option<Decimal> {
    result.totals.get(name).and_then(Cell::number).map(|n| n.normalize())
}

async fn text(world: &World, sql: &'static str) -> String {
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap()
}

fn google() -> Told<'static> {
    Told { source: Some("google_ads"), ..Told::default() }
}

const CAMPAIGN_COST: &str =
    "select sum(cost) from daily_metrics where entity_kind = 'campaign' and breakdown = ''";

#[tokio::test]
async fn uploaded_files_do_not_go_stale() {
    let world = World::new().await;
    let file =
        "Day,Campaign,Cost,Clicks,Conversions\n2025-09-15,Harvest,150,50,0\n2025-09-16,Harvest,150,50,0\n";
    bring(&world, "ads", file.as_bytes(), &google()).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(10 * 86_400));
    let waste = ask(&world, "wasted_spend", json!({"window": "last 30 days"})).await.unwrap();
    assert_eq!(total(&waste, "cost"), Some(Decimal::from(300)));
    let age = ask(&world, "data_freshness", json!({})).await.unwrap();
    assert_eq!(total(&age, "not_fresh"), Some(Decimal::ZERO), "{:?}", age.rows);
    assert!(texts(&age, "status").iter().all(|status| status == "imported"), "{:?}", age.rows);
}

#[tokio::test]
async fn a_report_changes_only_what_it_speaks_of() {
    let world = World::new().await;
    let first = "Day,Campaign ID,Campaign,Campaign status,Campaign type,Cost\n\
        2025-09-01,7,Harvest Sale,Enabled,Video,10\n2025-09-02,7,Harvest Sale,Paused,Video,10\n";
    bring(&world, "ads", first.as_bytes(), &google()).await.unwrap();
    let is = "select concat_ws('|', id, name, status, raw_status, channel) from campaigns where id = 'google_ads:7'";
    let known = text(&world, is).await;
    assert_eq!(known, "google_ads:7|Harvest Sale|paused|Paused|video", "the last day's state counts");
    let terms = "Day,Search term,Campaign ID,Added/Excluded,Cost\n2025-09-02,trail shoes,7,Added,3\n2025-09-02,caps,8,None,1\n";
    bring(&world, "search_terms", terms.as_bytes(), &google()).await.unwrap();
    assert_eq!(text(&world, is).await, known);
    assert_eq!(text(&world, "select status from campaigns where id = 'google_ads:8'").await, "unknown");
    let ads = "Day,Campaign ID,Ad ID,Ad status,Cost\n2025-09-03,7,71,Removed,5\n";
    bring(&world, "ads", ads.as_bytes(), &google()).await.unwrap();
    assert_eq!(text(&world, is).await, known);
    assert_eq!(text(&world, "select status from creatives where id = 'google_ads:71'").await, "removed");
    // The channel is known from the first file, so the day stands once, under that channel.
    let bare = "Day,Campaign ID,Cost\n2025-09-01,7,12\n";
    bring(&world, "ads", bare.as_bytes(), &google()).await.unwrap();
    assert_eq!(sum(&world, CAMPAIGN_COST).await, Decimal::from(27));
}

#[tokio::test]
async fn a_campaign_of_unknown_state_can_underperform() {
    let world = World::new().await;
    let mut file = String::from("Day,Campaign,Impressions,Clicks,Cost,Conversions,Conv. value\n");
    for day in 1..=16 {
        file.push_str(&format!("2025-09-{day:02},Harvest,2000,100,80,2,60\n"));
    }
    bring(&world, "ads", file.as_bytes(), &google()).await.unwrap();
    let found = ask(&world, "campaign_underperformers", json!({})).await.unwrap();
    assert_eq!(texts(&found, "campaign"), ["Harvest"]);
}

#[tokio::test]
async fn ads_without_a_campaign_count_and_move_when_it_becomes_known() {
    let world = World::new().await;
    let ads = "ad_id,date,account_id,impressions,inline_link_clicks,spend\n\
        1,2025-09-01,act-9,1000,10,40\n2,2025-09-01,act-9,1000,10,60\n1,2025-09-02,act-9,1000,10,30\n";
    let meta = || Told { source: Some("meta_ads"), ..Told::default() };
    bring(&world, "ads", ads.as_bytes(), &meta()).await.unwrap();
    let window = json!({"window": {"start": "2025-09-01", "end": "2025-09-05"}});
    let spend = ask(&world, "spend_by_channel", window.clone()).await.unwrap();
    assert_eq!(
        (total(&spend, "cost"), texts(&spend, "channel")),
        (Some(Decimal::from(130)), vec!["paid_social".to_owned()])
    );
    let board = ask(&world, "campaign_leaderboard", window.clone()).await.unwrap();
    assert_eq!(texts(&board, "campaign"), ["Campaign not named (act-9)"]);
    // A later file tells the campaign of ad 1: its earlier days follow.
    let named = "Day,Account ID,Campaign ID,Campaign,Ad ID,Cost\n2025-09-03,act-9,55,Spring,1,7\n";
    bring(&world, "ads", named.as_bytes(), &meta()).await.unwrap();
    assert_eq!(sum(&world, CAMPAIGN_COST).await, Decimal::from(137));
    let spring =
        "select sum(cost) from daily_metrics where entity_kind = 'campaign' and entity_id = 'meta_ads:55'";
    assert_eq!(sum(&world, spring).await, Decimal::from(77));
    let again = bring(&world, "ads", ads.as_bytes(), &Told { force: true, ..meta() }).await.unwrap();
    assert!(again.written.values().all(|w| w.added + w.changed == 0), "{:?}", again.written);
    // A file of campaigns states the first day itself: the unnamed rest of that day is part of it.
    let stated = "Day,Account ID,Campaign ID,Campaign,Cost\n2025-09-01,act-9,55,Spring,40\n2025-09-01,act-9,56,Autumn,60\n";
    bring(&world, "ads", stated.as_bytes(), &meta()).await.unwrap();
    assert_eq!(sum(&world, CAMPAIGN_COST).await, Decimal::from(137));
    let account = "select sum(cost) from daily_metrics where entity_kind = 'account'";
    assert_eq!(sum(&world, account).await, Decimal::from(137));
}

/// Without --source, the columns tell what sort of advertising it is; where they do not, the report says so.
#[tokio::test]
async fn columns_betray_the_channel() {
    for (file, channel) in [
        ("Reporting starts,Campaign name,Amount spent (EUR)\n2025-09-01,Spring,10\n", "paid_social"),
        ("Day,Campaign,Impr.,Cost\n2025-09-01,Spring,100,10\n", "paid_search"),
        ("Day,Campaign,Cost\n2025-09-01,Spring,10\n", "unknown"),
    ] {
        let world = World::new().await;
        let report = bring(&world, "ads", file.as_bytes(), &Told::default()).await.unwrap();
        assert_eq!(text(&world, "select channel from campaigns").await, channel);
        assert_eq!(report.channel_unknown, channel == "unknown");
    }
}

#[tokio::test]
async fn partial_files_add_to_their_campaign_and_never_replace_its_stated_sum() {
    let world = World::new().await;
    let group =
        |name: &str, cost: u32| format!("Day,Campaign,Ad group,Cost\n2025-09-01,Harvest,{name},{cost}\n");
    bring(&world, "ads", group("Wide", 10).as_bytes(), &google()).await.unwrap();
    bring(&world, "ads", group("Narrow", 5).as_bytes(), &google()).await.unwrap();
    assert_eq!(sum(&world, CAMPAIGN_COST).await, Decimal::from(15));
    bring(&world, "ads", b"Day,Campaign,Cost\n2025-09-01,Harvest,20\n", &google()).await.unwrap();
    bring(&world, "ads", group("Wide", 11).as_bytes(), &google()).await.unwrap();
    assert_eq!(sum(&world, CAMPAIGN_COST).await, Decimal::from(20));
}

#[tokio::test]
async fn two_accounts_may_name_a_campaign_the_same() {
    let world = World::new().await;
    let file = "Day,Account ID,Campaign,Cost\n2025-09-01,one,Brand,10\n2025-09-01,two,Brand,20\n";
    bring(&world, "ads", file.as_bytes(), &google()).await.unwrap();
    assert_eq!(sum(&world, "select count(*)::numeric from campaigns").await, Decimal::from(2));
    assert_eq!(sum(&world, CAMPAIGN_COST).await, Decimal::from(30));
}

/// Every real report gives, asked as people ask, the money that its file holds.
#[tokio::test]
async fn the_real_reports_can_be_asked() {
    let usd = &[("USD", "1")][..];
    let from = |source| Told { source: Some(source), rates: usd, ..Told::default() };
    let campaign = &[("id", "campaign_id")][..];
    let cases = [
        ("google_ads_campaign_stats_data", Told { map: campaign, ..from("google_ads") }),
        ("google_ads_ad_group_stats_data", Told { map: &[("id", "ad_group_id")], ..from("google_ads") }),
        ("google_ads_ad_stats_data", from("google_ads")),
        ("google_ads_keyword_stats_data", from("google_ads")),
        ("facebook_ads_basic_ad_data", from("meta_ads")),
        ("linkedin_ad_analytics_by_campaign_data", from("linkedin_ads")),
        ("linkedin_ad_analytics_by_creative_data", from("linkedin_ads")),
        ("microsoft_ads_campaign_performance_daily_report_data", Told { rates: usd, ..Told::default() }),
        ("microsoft_ads_ad_group_performance_daily_report_data", Told { rates: usd, ..Told::default() }),
        ("microsoft_ads_ad_performance_daily_report_data", Told { rates: usd, ..Told::default() }),
    ];
    for (name, told) in cases {
        let Some(path) = real(&format!("dbt_ad_reporting/{name}.csv")) else {
            eprintln!("skipped: the real exports do not lie beside this checkout");
            return;
        };
        let world = World::new().await;
        let bytes = std::fs::read(path).unwrap();
        let report = bring(&world, "ads", &bytes, &told).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        let cost = report.totals["cost"].normalize();
        assert_eq!(sum(&world, CAMPAIGN_COST).await.normalize(), cost, "{name}: campaigns");
        let last = report.last_day.unwrap();
        let first = report.first_day.unwrap().max(last.saturating_sub(jiff::ToSpan::days(399)));
        let window = json!({"window": {"start": first.to_string(), "end": last.to_string()}});
        let asked = ask(&world, "spend_by_channel", window.clone()).await.unwrap();
        let mut tx = world.db.org(world.org).await.unwrap();
        let held: Option<Decimal> = sqlx::query_scalar(
            "select sum(cost_base) from daily_metrics where entity_kind = 'ad_group' or entity_kind = 'ad' or entity_kind = 'campaign'
             group by entity_kind order by sum(cost_base) desc limit 1",
        )
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        drop(tx);
        if Some(first) == report.first_day && cost > Decimal::ZERO {
            assert_eq!(total(&asked, "cost"), held.map(|h| h.normalize()), "{name}: asked");
        }
        let board = ask(&world, "campaign_leaderboard", window).await.unwrap();
        assert!(!board.rows.is_empty(), "{name}: no campaign is listed");
    }
}

/// The list of imports tells what a file held and wrote, also of files that were refused and of older versions.
#[tokio::test]
async fn imports_can_be_asked_for() {
    let world = World::new().await;
    let file = "Day,Campaign,Cost,Clicks\n2025-09-15,Harvest,150,50\n2025-09-16,Harvest,150,50\n";
    bring(&world, "ads", file.as_bytes(), &google()).await.unwrap();
    let runs = ask(&world, "source_runs", json!({})).await.unwrap();
    assert_eq!((total(&runs, "runs"), total(&runs, "failed")), (Some(Decimal::ONE), Some(Decimal::ZERO)));
    assert_eq!(total(&runs, "rows_read"), Some(Decimal::TWO));
    assert!(total(&runs, "rows_written") > Some(Decimal::TWO), "days of the campaign and of its account");
    for told in [google(), Told { dry_run: true, ..google() }] {
        let refused = bring(&world, "ads", b"Day,Campaign,Cost\n2025-09-15,Harvest,nine\n", &told).await;
        assert!(refused.is_err());
    }
    assert!(bring(&world, "orders", b"no,header,here\n1,2,3\n", &Told::default()).await.is_err());
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query(
        "insert into imports (org_id, id, dataset, state, counts, file_hash, at, finished_at)
         values ($1, gen_random_uuid(), 'orders', 'done', $2, '', '2025-09-16T10:00:00Z', '2025-09-16T10:00:00Z')",
    )
    .bind(world.org)
    .bind(json!({"written": {"orders": {"added": 7, "changed": 1, "unchanged": 2}}, "totals": {"orders": 10}}))
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let runs = ask(&world, "source_runs", json!({"window": "last 7 days"})).await.unwrap();
    assert_eq!((total(&runs, "runs"), total(&runs, "failed")), (Some(Decimal::from(4)), Some(Decimal::TWO)));
    let mut errors = texts(&runs, "error");
    errors.sort();
    assert_eq!(errors, ["csv.bad_number", "csv.unreadable"]);
    let old = (0..runs.rows.len()).find(|row| {
        runs.cell(*row, "stream") == Some(&Cell::Text("orders".to_owned()))
            && runs.cell(*row, "status") == Some(&Cell::Text("succeeded".to_owned()))
    });
    let old = old.expect("the import of an older version is listed");
    assert_eq!(runs.cell(old, "rows_written").and_then(Cell::number), Some(Decimal::from(8)));
    assert_eq!(runs.cell(old, "rows_read"), Some(&Cell::Null));
}

/// A report without conversions is not a report of no conversions.
#[tokio::test]
async fn spend_whose_conversions_nobody_tells_is_not_called_wasted() {
    let world = World::new().await;
    let file = "Day,Campaign ID,Campaign,Clicks,Impressions,Cost\n\
        2025-09-10,1,Told nothing,500,5000,900\n2025-09-11,1,Told nothing,500,5000,900\n";
    let report = bring(&world, "ads", file.as_bytes(), &google()).await.unwrap();
    assert!(report.conversions_unknown);
    let other = "Day,Campaign ID,Campaign,Clicks,Impressions,Cost,Conversions\n2025-09-10,2,Told zero,500,5000,300,0\n";
    assert!(!bring(&world, "ads", other.as_bytes(), &google()).await.unwrap().conversions_unknown);
    let ask_waste = async || ask(&world, "wasted_spend", json!({})).await.unwrap();
    let waste = ask_waste().await;
    assert_eq!(texts(&waste, "entity"), ["Told zero"]);
    assert_eq!(total(&waste, "cost"), Some(Decimal::from(300)));
    let left_out = waste.cell(0, "unreported").and_then(Cell::number);
    assert_eq!(left_out.map(|n| n.normalize()), Some(Decimal::from(1800)));
    let untracked = ask(&world, "spend_without_tracking", json!({})).await.unwrap();
    assert!(texts(&untracked, "tracking").contains(&"missing".to_owned()), "{:?}", untracked.rows);
    let weak = ask(&world, "campaign_underperformers", json!({})).await.unwrap();
    assert_eq!(texts(&weak, "campaign"), ["Told zero"]);
    // A later report that tells them counts, and one that does not leaves them as they are.
    let told = "Day,Campaign ID,Campaign,Clicks,Impressions,Cost,Conversions\n\
        2025-09-10,1,Told nothing,500,5000,900,0\n2025-09-11,1,Told nothing,500,5000,900,4\n2025-09-10,2,Told zero,500,5000,300,0\n";
    bring(&world, "ads", told.as_bytes(), &google()).await.unwrap();
    bring(&world, "ads", file.as_bytes(), &Told { force: true, ..google() }).await.unwrap();
    let conversions = "select sum(conversions) from daily_metrics where entity_kind = 'campaign'";
    assert_eq!(sum(&world, conversions).await, Decimal::from(4));
    assert_eq!(texts(&ask_waste().await, "entity"), ["Told zero"]);
    assert_eq!(text(&world, "select tracking from campaigns where id = 'google_ads:1'").await, "unknown");
}

/// The basic report of ads has no conversions at all.
#[tokio::test]
async fn the_real_basic_report_wastes_nothing() {
    let Some(path) = real("dbt_ad_reporting/facebook_ads_basic_ad_data.csv") else {
        eprintln!("skipped: the real exports do not lie beside this checkout");
        return;
    };
    let world = World::new().await;
    let told = Told { source: Some("meta_ads"), rates: &[("USD", "1")], ..Told::default() };
    bring(&world, "ads", &std::fs::read(path).unwrap(), &told).await.unwrap();
    let window = json!({"start": "2020-12-01", "end": "2020-12-31"});
    for level in ["campaign", "creative"] {
        let asked = json!({"window": window, "level": level, "min_spend": 1});
        let waste = ask(&world, "wasted_spend", asked).await.unwrap();
        assert!(waste.rows.is_empty(), "{level}: {:?}", waste.rows);
    }
    let spend = ask(&world, "spend_without_tracking", json!({"window": window})).await.unwrap();
    assert!(total(&spend, "cost") > Some(Decimal::ZERO));
}

/// Orders of a shop's export name campaigns only in their links.
#[tokio::test]
async fn new_customers_of_campaigns_are_known_only_where_orders_name_them() {
    let world = World::new().await;
    let ads = "Day,Campaign ID,Campaign,Cost,Clicks,Impressions,Conversions,Conv. value\n\
        2025-09-10,7,Harvest Sale,120,50,2000,3,300\n2025-09-10,8,Spring,40,20,2000,1,50\n";
    bring(&world, "ads", ads.as_bytes(), &google()).await.unwrap();
    let shop = || Told { source: Some("shopify"), ..Told::default() };
    let orders = "Order ID,Created at,Total,Email,Landing page\n\
        1,2025-09-10 10:00,100,a@mail.example,/?utm_source=google&utm_medium=cpc\n";
    bring(&world, "orders", orders.as_bytes(), &shop()).await.unwrap();
    let board = ask(&world, "campaign_leaderboard", json!({})).await.unwrap();
    assert_eq!(board.cell(0, "new_customers"), Some(&Cell::Null), "nobody knows, which is not none");
    for by in ["campaign", "platform"] {
        let cac = ask(&world, "cac_by_channel", json!({"by": by})).await.unwrap();
        assert!(cac.rows.is_empty(), "{by}: {:?}", cac.rows);
    }
    let channels = ask(&world, "cac_by_channel", json!({})).await.unwrap();
    assert_eq!(total(&channels, "new_customers"), Some(Decimal::ONE));
    let named = "Order ID,Created at,Total,Email,Landing page,UTM Campaign\n\
        2,2025-09-11 10:00,100,b@mail.example,/?utm_source=google&utm_medium=cpc&utm_campaign=harvest-sale,\n\
        3,2025-09-11 11:00,100,c@mail.example,/?utm_source=google&utm_medium=cpc,9\n";
    bring(&world, "orders", named.as_bytes(), &shop()).await.unwrap();
    let known = "select concat_ws('|', id, campaign_id) from orders where campaign_id is not null";
    assert_eq!(text(&world, known).await, "shopify:2|google_ads:7");
    // The campaign of the third order comes with a later file.
    let later = "Day,Campaign ID,Campaign,Cost,Conversions\n2025-09-11,9,Autumn,60,1\n";
    bring(&world, "ads", later.as_bytes(), &google()).await.unwrap();
    let count = "select count(*)::numeric from orders where campaign_id = 'google_ads:9'";
    assert_eq!(sum(&world, count).await, Decimal::ONE);
    let cac = ask(&world, "cac_by_channel", json!({"by": "campaign"})).await.unwrap();
    assert_eq!(total(&cac, "new_customers"), Some(Decimal::TWO));
    assert_eq!(cac.rows.len(), 3, "a campaign that brought nobody is a true zero now");
}

#[tokio::test]
async fn an_ad_report_may_tell_budgets_and_brands() {
    let world = World::new().await;
    let file = "Day,Campaign ID,Campaign,Daily budget,Brand campaign,Cost,Conversions\n\
        2025-09-10,7,Harvest,40,no,10,1\n2025-09-11,7,Harvest,45.50,no,10,1\n2025-09-10,8,Alpine,20,yes,5,1\n";
    bring(&world, "ads", file.as_bytes(), &google()).await.unwrap();
    let is = "select string_agg(concat_ws('|', id, daily_budget::numeric(9,2), is_brand), ' ' order by id) from campaigns";
    let known = "google_ads:7|45.50|f google_ads:8|20.00|t";
    assert_eq!(text(&world, is).await, known);
    // What a later file does not tell stays.
    bring(&world, "ads", b"Day,Campaign ID,Cost,Conversions\n2025-09-12,8,5,1\n", &google()).await.unwrap();
    assert_eq!(text(&world, is).await, known);
    // The budget of an ad group is not the campaign's.
    let group = "Day,Campaign ID,Ad group,Daily budget,Cost,Conversions\n2025-09-12,8,Wide,3,5,1\n";
    bring(&world, "ads", group.as_bytes(), &google()).await.unwrap();
    assert_eq!(text(&world, is).await, known);
}

/// A number that two sources gave is asked about; a whole id is not.
#[tokio::test]
async fn which_lead_is_meant_is_asked() {
    let world = World::new().await;
    let leads = "Lead ID,Created at,UTM Source,UTM Medium\n12,2025-09-10 10:00,google,cpc\n";
    for source in ["activecampaign", "klaviyo"] {
        let told = Told { source: Some(source), ..Told::default() };
        bring(&world, "leads", leads.as_bytes(), &told).await.unwrap();
    }
    let asked = ask(&world, "lead_source_chain", json!({"lead": "12"})).await.unwrap_err();
    assert_eq!(asked.code(), "param.ambiguous");
    assert!(asked.to_string().contains("several leads have the number '12'"), "{asked}");
    assert!(ask(&world, "lead_source_chain", json!({"lead": "klaviyo:12"})).await.is_ok());
}
