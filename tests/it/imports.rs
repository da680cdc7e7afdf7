//! Real exports come in whole or not at all, and a second time changes nothing.
use crate::world::World;
use adjutant::platforms::csv::import::{ImportError, Owner, Report, Request, import};
use adjutant::platforms::csv::table::Options;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use std::path::{Path, PathBuf};

/// What `adjutant import` would be told.
#[derive(Default)]
pub struct Told<'a> {
    pub map: &'a [(&'a str, &'a str)],
    pub source: Option<&'a str>,
    pub rates: &'a [(&'a str, &'a str)],
    pub dry_run: bool,
    pub force: bool,
}

pub async fn bring(world: &World, kind: &str, bytes: &[u8], told: &Told<'_>) -> Result<Report, ImportError> {
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    let owner = Owner { org: world.org, member: None, currency: "EUR".parse().unwrap(), zone: zone.clone() };
    let request = Request {
        kind,
        file_name: "export.csv",
        bytes,
        options: Options {
            map: told.map.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            decimal: None,
            date_format: None,
            zone,
        },
        source: told.source,
        account: None,
        currency: None,
        rates: told.rates.iter().map(|(c, r)| (c.parse().unwrap(), r.parse().unwrap())).collect(),
        dry_run: told.dry_run,
        force: told.force,
        waiting: None,
    };
    import(&world.db, &*world.clock, &owner, &request).await
}

pub async fn sum(world: &World, sql: &'static str) -> Decimal {
    let mut tx = world.db.org(world.org).await.unwrap();
    let found: Option<Decimal> = sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap();
    found.unwrap_or_default()
}

const COST: &str = "select sum(cost_base) from daily_metrics where entity_kind = 'campaign'";
const ADS: &str = "Day,Campaign,Ad set,Device,Cost,Clicks,Conversions\n\
    2025-09-01,Harvest,Wide,mobile,10.50,5,1\n2025-09-01,Harvest,Wide,desktop,4.50,2,0\n\
    2025-09-02,Harvest,Narrow,mobile,20,9,2\n2025-09-02,Spring,All,mobile,1.25,1,0\nTotal,,,,36.25,17,3\n";

#[tokio::test]
async fn an_ad_report_becomes_campaigns_and_daily_sums() {
    let world = World::new().await;
    let report = bring(&world, "ads", ADS.as_bytes(), &Told::default()).await.unwrap();
    assert_eq!(report.table.totals_skipped, [6]);
    assert_eq!(sum(&world, COST).await, "36.25".parse().unwrap());
    let of =
        |kind: &str| format!("select sum(clicks)::numeric from daily_metrics where entity_kind = '{kind}'");
    for kind in ["campaign", "ad_group", "account"] {
        assert_eq!(sum(&world, Box::leak(of(kind).into_boxed_str())).await, Decimal::from(17), "{kind}");
    }
    assert_eq!(sum(&world, "select count(*)::numeric from campaigns").await, Decimal::from(2));
}

#[tokio::test]
async fn a_second_import_changes_nothing_and_a_restated_day_changes_itself() {
    let world = World::new().await;
    bring(&world, "ads", ADS.as_bytes(), &Told::default()).await.unwrap();
    let again = bring(&world, "ads", ADS.as_bytes(), &Told::default()).await.unwrap();
    assert!(again.done_before.is_some() && again.written.is_empty());
    let forced =
        bring(&world, "ads", ADS.as_bytes(), &Told { force: true, ..Told::default() }).await.unwrap();
    assert!(forced.written.values().all(|w| w.added == 0 && w.changed == 0), "{:?}", forced.written);
    world.clock.advance(std::time::Duration::from_secs(60));
    let restated = ADS.replace("mobile,20,9,2", "mobile,21,9,3");
    let report = bring(&world, "ads", restated.as_bytes(), &Told::default()).await.unwrap();
    let daily = report.written["daily"];
    // The campaign's, the ad group's and the account's row of that one day.
    assert_eq!((daily.added, daily.changed), (0, 3));
    assert_eq!(sum(&world, COST).await, "37.25".parse().unwrap());
}

#[tokio::test]
async fn a_faulty_line_keeps_the_whole_file_out() {
    let world = World::new().await;
    let faulty = ADS.replace("20,9,2", "20,nine,2");
    let Err(ImportError::Faulty(faults)) = bring(&world, "ads", faulty.as_bytes(), &Told::default()).await
    else {
        panic!("the file should be refused");
    };
    assert_eq!((faults[0].line, faults[0].column, faults[0].code), (4, Some(6), "csv.bad_number"));
    assert_eq!(sum(&world, "select count(*)::numeric from daily_metrics").await, Decimal::ZERO);
    let dry = bring(&world, "ads", ADS.as_bytes(), &Told { dry_run: true, ..Told::default() }).await.unwrap();
    assert!(dry.written["daily"].added > 0);
    assert_eq!(sum(&world, "select count(*)::numeric from daily_metrics").await, Decimal::ZERO);
}

#[tokio::test]
async fn one_key_with_two_different_figures_is_refused() {
    let world = World::new().await;
    let text = "Day,Campaign,Cost\n2025-09-01,A,10\n2025-09-01,A,12\n";
    let Err(ImportError::Faulty(faults)) = bring(&world, "ads", text.as_bytes(), &Told::default()).await
    else {
        panic!("the file should be refused");
    };
    assert_eq!(
        faults[0].message,
        "Line 3 gives the same day and entity again with other figures than line 2."
    );
}

#[tokio::test]
async fn lines_that_repeat_another_are_skipped_and_said() {
    let world = World::new().await;
    let ads = "Day,Campaign,Device,Cost,CTR\n2025-09-01,A,mobile,10,0.1\n2025-09-01,A,mobile,10,0.2\n2025-09-01,A,desktop,10,0.1\n";
    let report = bring(&world, "ads", ads.as_bytes(), &Told::default()).await.unwrap();
    assert_eq!(report.table.duplicates_skipped, [3]);
    assert_eq!(sum(&world, COST).await, Decimal::from(20));
    let terms = "Day,Search term,Campaign,Match type,Cost,CTR\n2025-09-01,trail shoes,A,Exact,4,0.1\n2025-09-01,trail shoes,A,Exact,4,0.2\n";
    let report = bring(&world, "search_terms", terms.as_bytes(), &Told::default()).await.unwrap();
    assert_eq!(report.table.duplicates_skipped, [3]);
    assert_eq!(sum(&world, "select sum(cost) from search_terms").await, Decimal::from(4));
    for (kind, text) in [
        ("search_terms", terms.replace("Exact,4,0.2", "Exact,5,0.2")),
        (
            "search_performance",
            "Date,Query,Clicks,Impressions,Position\n2025-09-01,trail,4,100,3\n2025-09-01,trail,5,100,3\n"
                .to_owned(),
        ),
    ] {
        let Err(ImportError::Faulty(faults)) = bring(&world, kind, text.as_bytes(), &Told::default()).await
        else {
            panic!("{kind}: two figures for one key are refused");
        };
        assert_eq!((faults[0].line, faults[0].code), (3, "csv.duplicate_in_file"), "{kind}");
    }
}

#[tokio::test]
async fn an_order_whose_lines_differ_is_refused_not_cut_short() {
    let world = World::new().await;
    let told = Told { source: Some("shopify"), ..Told::default() };
    let items = "Order ID,Created at,Subtotal,Item\n1,2025-08-01 10:00,30,cap\n1,2025-08-01 10:00,20,sock\n";
    let Err(ImportError::Faulty(faults)) = bring(&world, "orders", items.as_bytes(), &told).await else {
        panic!("the second line's amount would be lost");
    };
    assert_eq!(faults[0].message, "Line 3 gives the same order again with other figures than line 2.");
    let once = items.replace(",20,", ",,");
    assert_eq!(
        bring(&world, "orders", once.as_bytes(), &told).await.unwrap().totals["revenue"],
        Decimal::from(30)
    );
}

#[tokio::test]
async fn the_same_file_read_another_way_is_another_import() {
    let world = World::new().await;
    let text = "Day,Campaign,Amount spent (USD)\n2025-09-01,A,10\n";
    let rated = |rate| Told { rates: rate, ..Told::default() };
    bring(&world, "ads", text.as_bytes(), &rated(&[("USD", "0.9")])).await.unwrap();
    let again = bring(&world, "ads", text.as_bytes(), &rated(&[("USD", "0.8")])).await.unwrap();
    assert!(again.done_before.is_none());
    assert_eq!(sum(&world, COST).await, Decimal::from(8));
}

#[tokio::test]
async fn amounts_without_a_rate_are_refused_and_converted_with_one() {
    let world = World::new().await;
    let text = "Day,Campaign,Amount spent (USD)\n2025-09-01,A,10\n";
    let refused = bring(&world, "ads", text.as_bytes(), &Told::default()).await.unwrap_err();
    assert!(refused.to_string().contains("--rate USD="), "{refused}");
    let told = Told { rates: &[("USD", "0.9")], ..Told::default() };
    bring(&world, "ads", text.as_bytes(), &told).await.unwrap();
    assert_eq!(sum(&world, COST).await, Decimal::from(9));
}

#[tokio::test]
async fn orders_know_first_buyers_and_channels() {
    let world = World::new().await;
    let text = "Order ID,Created at,Subtotal,Discount Amount,Shipping,Taxes,Total,Customer ID,Landing Site,Cancelled at\n\
        1,2025-08-01 10:00,90,10,5,7,102,c1,/?utm_medium=cpc&utm_source=google,\n\
        2,2025-08-05 10:00,50,0,5,4,59,c1,/?utm_medium=email,\n3,2025-08-06 10:00,30,0,0,0,30,c2,,2025-08-07 10:00\n";
    let report =
        bring(&world, "orders", text.as_bytes(), &Told { source: Some("shopify"), ..Told::default() })
            .await
            .unwrap();
    assert_eq!(report.totals["revenue"], Decimal::from(170));
    assert_eq!(
        sum(&world, "select sum(gross_base - discount_base) from orders where channel = 'paid_search'").await,
        Decimal::from(90)
    );
    assert_eq!(sum(&world, "select count(*)::numeric from orders where is_first_order").await, Decimal::ONE);
    assert_eq!(
        sum(&world, "select orders_count::numeric from customers where id = 'shopify:c1'").await,
        Decimal::from(2)
    );
    let repeated = bring(
        &world,
        "orders",
        text.as_bytes(),
        &Told { source: Some("shopify"), force: true, ..Told::default() },
    )
    .await
    .unwrap();
    assert!(repeated.written.values().all(|w| w.added + w.changed == 0), "{:?}", repeated.written);
}

#[tokio::test]
async fn search_exports_fill_the_coarser_grains_and_leads_have_stages() {
    let world = World::new().await;
    let text = "Date,Query,Page,Clicks,Impressions,Position\n\
        2025-09-01,trail shoes,https://shop.example/trail,4,100,3\n2025-09-01,trail shoes,https://shop.example/blog,1,50,9\n";
    bring(&world, "search_performance", text.as_bytes(), &Told::default()).await.unwrap();
    let of =
        "select sum(position_x_impressions) / sum(impressions) from search_performance where grain = 'query'";
    assert_eq!(sum(&world, of).await.normalize(), Decimal::from(5));
    let leads = "Lead ID,Created at,Stage,City\nl1,2025-09-01 09:00,Closed Won,Lyon\nl2,2025-09-02 09:00,Dancing,Porto\n";
    let Err(ImportError::Faulty(faults)) = bring(&world, "leads", leads.as_bytes(), &Told::default()).await
    else {
        panic!("an unknown stage is refused");
    };
    assert_eq!(faults[0].code, "csv.unknown_enum");
    bring(&world, "leads", leads.replace("Dancing", "MQL").as_bytes(), &Told::default()).await.unwrap();
    assert_eq!(sum(&world, "select count(*)::numeric from leads where stage = 'won'").await, Decimal::ONE);
}

/// The real exports, where they lie beside the checkout.
pub fn real(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/account_tables").join(path);
    file.exists().then_some(file)
}

/// The plain sum of a column, read by nothing of ours; equal lines once, as the import counts them.
fn plain_sum(bytes: &[u8], column: &str) -> Decimal {
    let mut reader = csv::Reader::from_reader(bytes);
    let at = reader
        .headers()
        .unwrap()
        .iter()
        .position(|name| name.trim_start_matches('\u{feff}') == column)
        .unwrap();
    let mut seen = std::collections::BTreeSet::new();
    reader
        .records()
        .map(Result::unwrap)
        .filter(|record| seen.insert(record.iter().map(str::to_owned).collect::<Vec<_>>()))
        .filter_map(|record| record[at].parse::<Decimal>().ok())
        .sum()
}

#[tokio::test]
async fn the_real_reports_give_the_files_own_totals() {
    type Case<'a> = (&'a str, &'a str, Told<'a>, &'a [(&'a str, &'a str)]);
    let usd = &[("USD", "0.9")][..];
    let ads = "dbt_ad_reporting";
    let cases: Vec<Case<'_>> = vec![
        (
            "google_ads_campaign_stats_data",
            "ads",
            Told { map: &[("id", "campaign_id")], source: Some("google_ads"), ..Told::default() },
            &[("clicks", "clicks"), ("impressions", "impressions"), ("conversions", "conversions")],
        ),
        (
            "facebook_ads_basic_ad_data",
            "ads",
            Told { source: Some("meta_ads"), ..Told::default() },
            &[("spend", "cost"), ("impressions", "impressions")],
        ),
        (
            "linkedin_ad_analytics_by_campaign_data",
            "ads",
            Told { source: Some("linkedin_ads"), ..Told::default() },
            &[("impressions", "impressions"), ("clicks", "clicks")],
        ),
        (
            "microsoft_ads_campaign_performance_daily_report_data",
            "ads",
            Told { rates: usd, ..Told::default() },
            &[("spend", "cost"), ("clicks", "clicks"), ("impressions", "impressions")],
        ),
        (
            "google_ads_search_term_keyword_stats_data",
            "search_terms",
            Told { source: Some("google_ads"), ..Told::default() },
            &[("clicks", "clicks"), ("impressions", "impressions")],
        ),
        (
            "microsoft_ads_search_performance_daily_report_data",
            "search_terms",
            Told::default(),
            &[("spend", "cost"), ("clicks", "clicks")],
        ),
    ];
    for (name, kind, told, columns) in cases {
        let Some(path) = real(&format!("{ads}/{name}.csv")) else {
            eprintln!("skipped: the real exports do not lie beside this checkout");
            return;
        };
        let world = World::new().await;
        let bytes = std::fs::read(path).unwrap();
        let report = bring(&world, kind, &bytes, &told).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        for (column, total) in columns {
            assert_eq!(
                report.totals[*total].normalize(),
                plain_sum(&bytes, column).normalize(),
                "{name}.{column}"
            );
        }
        let forced = bring(&world, kind, &bytes, &Told { force: true, ..told }).await.unwrap();
        assert!(forced.written.values().all(|w| w.added + w.changed == 0), "{name}: {:?}", forced.written);
    }
}

#[tokio::test]
async fn the_real_orders_come_in() {
    let Some(path) = real("dbt_shopify/shopify_order_data.csv") else {
        eprintln!("skipped: the real exports do not lie beside this checkout");
        return;
    };
    let world = World::new().await;
    let bytes = std::fs::read(path).unwrap();
    let told =
        Told { source: Some("shopify"), rates: &[("GBP", "1.15"), ("USD", "0.92")], ..Told::default() };
    let report = bring(&world, "orders", &bytes, &told).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(report.totals["total"].normalize(), plain_sum(&bytes, "total_price").normalize());
    assert!(sum(&world, "select count(*)::numeric from orders").await > Decimal::ZERO);
}
