//! Data sets that are data: each comes in whole, a second time changes nothing, its faults are named, and what it enables
//! is answered.
use crate::imports::{Told, bring, sum};
use crate::served::Served;
use crate::world::World;
use adjutant::db::privacy::requests::{self, Kind};
use adjutant::ids::new_uuid;
use adjutant::platforms::csv::dataset::strangers;
use adjutant::platforms::csv::import::ImportError;
use adjutant::platforms::csv::kinds::Kinds;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::time::Duration;

/// A data set, a good file of it, how many rows of which tables it gives, and what stands there then as one text.
struct Case {
    kind: &'static str,
    good: &'static str,
    rows: &'static [(&'static str, u64)],
    stored: (&'static str, &'static str),
    /// A line that is wrong, and what is said of it.
    bad: &'static [(&'static str, &'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        kind: "keyword_ranks",
        good: "Day,Keyword,Position,URL,Volume,Competition,Features\n\
               2025-09-01,Trail Shoes,4,https://fernhill.example/trail,1200,0.4,sitelinks;images\n\
               2025-09-02,trail shoes,11,https://fernhill.example/trail,1200,0.4,\n2025-09-02,rain jacket,n/a,,300,,\n",
        rows: &[("keyword_ranks", 3)],
        stored: (
            "select string_agg(concat_ws('|', date, engine, keyword, rank_absolute, found, search_volume, serp_features), ' ' order by date, keyword) \
             from keyword_ranks",
            "2025-09-01|google|trail shoes|4|t|1200|{sitelinks,images} 2025-09-02|google|rain jacket|f|300|{} \
             2025-09-02|google|trail shoes|11|t|1200|{}",
        ),
        bad: &[
            ("2025-09-01,trail shoes,0,,,,", "csv.out_of_range", "Line 2: rank_group 0 is not above 0."),
            ("2025-09-01,trail shoes,4,,,7,", "csv.out_of_range", "Line 2: competition 7 is more than 1."),
            ("2025-09-01,,4,,,,", "csv.missing_required", "Line 2, column 2: keyword is empty."),
            (
                "2025-09-01,trail shoes,first,,,,",
                "csv.bad_number",
                "Line 2, column 3: rank_group 'first' is not a number.",
            ),
        ],
    },
    Case {
        kind: "products",
        good: "Handle,Title,Type,Variant SKU,Variant Price,Cost per item,Lead time\n\
               shoe,Trail Shoe,Shoes,S-41,129.90,60,14\nshoe,Trail Shoe,Shoes,S-42,129.90,61.50,14\nbottle,Bottle,Gear,B-1,19,4,7\n",
        rows: &[("products", 2), ("variants", 3)],
        stored: (
            "select string_agg(concat_ws('|', v.id, p.name, p.category, v.price::float, v.unit_cost::float, v.currency, p.lead_time_days::float), ' ' order by v.id) \
             from variants v join products p on p.id = v.product_id",
            "csv:B-1|Bottle|Gear|19|4|EUR|7 csv:S-41|Trail Shoe|Shoes|129.9|60|EUR|14 csv:S-42|Trail Shoe|Shoes|129.9|61.5|EUR|14",
        ),
        bad: &[
            (
                "shoe,Trail Shoe,Shoes,S-41,much,60,14",
                "csv.bad_number",
                "Line 2, column 5: price 'much' is not a number.",
            ),
            (
                "shoe,Trail Shoe,Shoes,S-41,1,1,1\nshoe,Road Shoe,Shoes,S-42,1,1,1",
                "csv.duplicate_in_file",
                "Line 3 gives the same product again with other values than line 2.",
            ),
        ],
    },
    Case {
        kind: "customers",
        good: "Customer ID,Email,Country,Ort,Accepts marketing\n7,Mara@Fernhill.example,CH,Bern,yes\n,aron@fernhill.example,CH,Chur,no\n",
        rows: &[("customers", 2)],
        stored: (
            "select string_agg(concat_ws('|', case when id = 'csv:7' then id else length(id)::text end, country, city, accepts_marketing, length(email_hash), email is null), ' ' order by city) \
             from customers",
            "csv:7|CH|Bern|t|32|t 28|CH|Chur|f|32|t",
        ),
        bad: &[
            (
                "7,mara@fernhill.example,CH,Bern,perhaps",
                "csv.unknown_enum",
                "Line 2, column 5: accepts_marketing 'perhaps' is neither yes nor no.",
            ),
            (",,CH,Bern,yes", "csv.missing_required", "Line 2: one of id, email is needed."),
        ],
    },
    Case {
        kind: "suppressions",
        good: "Customer ID,Email,Channel,Suppressed on\n7,,email,2025-09-01 10:00\n,aron@fernhill.example,SMS,2025-09-02 11:00\n",
        rows: &[("consents", 2)],
        stored: (
            "select string_agg(concat_ws('|', case when customer_id = 'csv:7' then customer_id else length(customer_id)::text end, \
             channel, status, method, source), ' ' order by channel) from consents",
            "csv:7|email|denied|imported|csv 28|sms|denied|imported|csv",
        ),
        bad: &[
            (
                "7,,pigeon,2025-09-01 10:00",
                "csv.unknown_enum",
                "Line 2: channel 'pigeon' is none of ads, analytics, email, push, sms.",
            ),
            (
                ",,email,2025-09-01 10:00",
                "csv.missing_required",
                "Line 2: one of customer_id, email is needed.",
            ),
        ],
    },
    Case {
        kind: "subscriptions",
        good: "Subscription,Customer,Plan,Status,Amount,Interval,Start date,Ended at\n\
               s1,c1,Pro,active,30,month,2025-06-01,\ns2,c2,Pro,Live,240,yearly,2025-07-01,\n\
               s3,c3,Pro,in trial,30,month,2025-09-10,\ns4,c4,Basic,Cancelled,12,month,2025-05-01,2025-08-20\n",
        rows: &[("subscriptions", 4)],
        stored: (
            "select string_agg(concat_ws('|', s.id, s.status, s.mrr::float, s.trial_mrr::float, (select sum(mrr_delta)::float from mrr_movements m where m.subscription_id = s.id)), ' ' order by s.id) \
             from subscriptions s",
            "csv:s1|active|30|0|30 csv:s2|active|20|0|20 csv:s3|trialing|0|30 csv:s4|canceled|0|0|0",
        ),
        bad: &[
            (
                "s1,c1,Pro,sleeping,30,month,2025-06-01,",
                "csv.unknown_enum",
                "Line 2: status 'sleeping' is none of active, canceled, incomplete, past_due, paused, trialing, unpaid.",
            ),
            (
                "s1,c1,Pro,active,30,fortnight,2025-06-01,",
                "csv.unknown_enum",
                "Line 2: interval 'fortnight' is none of day, week, month, quarter, year.",
            ),
            (
                "s1,c1,Pro,active,-3,month,2025-06-01,",
                "csv.negative",
                "Line 2, column 5: amount '-3' is below zero.",
            ),
        ],
    },
    Case {
        kind: "invoices",
        good: "Invoice,Subscription,Customer,Status,Total,Paid,Issued on,Paid on\ni1,s1,c1,paid,30,30,2025-09-01,2025-09-02\ni2,s1,c1,Open,30,,2025-09-15,\n",
        rows: &[("invoices", 2)],
        stored: (
            "select string_agg(concat_ws('|', id, subscription_id, status, amount_due::float, amount_paid::float, paid_at is null), ' ' order by id) from invoices",
            "csv:i1|csv:s1|paid|30|30|f csv:i2|csv:s1|open|30|0|t",
        ),
        bad: &[
            (
                "i1,s1,c1,paid,30,30,soon,\ni2,s1,c1,paid,30,30,2025-09-01,",
                "csv.bad_date",
                "Line 2, column 7: issued_at 'soon' is not a time written as %Y-%m-%d.",
            ),
            ("i1,s1,c1,,30,30,2025-09-01,", "csv.missing_required", "Line 2, column 4: status is empty."),
        ],
    },
    Case {
        kind: "refunds",
        good: "Refund ID,Order,Refunded on,Amount,Reason\nr1,1001,2025-09-03,12.50,damaged\nr2,1002,2025-09-04,40,\n",
        rows: &[("refunds", 2)],
        stored: (
            "select string_agg(concat_ws('|', id, order_id, amount::float, currency, reason), ' ' order by id) from refunds",
            "csv:r1|csv:1001|12.5|EUR|damaged csv:r2|csv:1002|40|EUR|",
        ),
        bad: &[
            ("r1,1001,2025-09-03,,damaged", "csv.missing_required", "Line 2, column 4: amount is empty."),
            (
                "r1,1001,2025-09-03,1,a\nr1,1001,2025-09-03,2,a",
                "csv.duplicate_in_file",
                "Line 3 gives the same refund again with other values than line 2.",
            ),
        ],
    },
    Case {
        kind: "fx_rates",
        good: "Datum,From,Kurs\n2025-09-01,USD,0.9\n2025-09-02,USD,0.91\n2025-09-01,CHF,1.06\n",
        rows: &[("fx_rates", 3)],
        stored: (
            "select string_agg(concat_ws('|', date, from_currency, to_currency, rate::float), ' ' order by from_currency, date) from fx_rates",
            "2025-09-01|CHF|EUR|1.06 2025-09-01|USD|EUR|0.9 2025-09-02|USD|EUR|0.91",
        ),
        bad: &[
            ("2025-09-01,USD,0", "csv.out_of_range", "Line 2: rate 0 is not above 0."),
            (
                "2025-09-01,dollars,0.9",
                "csv.bad_currency",
                "Line 2, column 2: from_currency 'dollars' is not a currency code.",
            ),
            (
                "2025-09-01,USD,0.9\n2025-09-01,USD,0.8",
                "csv.duplicate_in_file",
                "Line 3 gives the same fx rate again with other values than line 2.",
            ),
        ],
    },
    Case {
        kind: "daily_metrics",
        good: "Date,Kind,Page,Channel group,Visits,Views,Cost\n2025-09-01,website,,Organic Search,120,300,\n\
               2025-09-01,landing page,https://fernhill.example/trail?utm=1,Direct,20,45,\n2025-09-02,newsletter,42,Email,0,0,12.50\n",
        rows: &[("daily_metrics", 3)],
        stored: (
            "select string_agg(concat_ws('|', date, source, account_id, entity_kind, entity_id, channel, sessions, pageviews, cost_base::float), ' ' order by date, sessions) from daily_metrics",
            "2025-09-01|csv|manual|page|/trail|direct|20|45|0 2025-09-01|csv|manual|site|site|seo|120|300|0 \
             2025-09-02|csv|manual|email|csv:42|email|0|0|12.5",
        ),
        bad: &[
            (
                "2025-09-01,mood,,Direct,1,1,",
                "csv.unknown_enum",
                "Line 2: entity_kind 'mood' is none of ad, ad_group, campaign, channel, email, event, page, post, product, site.",
            ),
            (
                "2025-09-01,site,,Telepathy,1,1,",
                "csv.unknown_enum",
                "Line 2: channel 'Telepathy' is none of affiliate, direct, display, email, in_app, internal, marketplace, offline, organic_social, paid_search, paid_social, push, referral, seo, sms, unknown, video.",
            ),
            (
                "2025-09-01,site,,Direct,1.5,1,",
                "csv.bad_number",
                "Line 2, column 5: sessions '1.5' is not a whole number.",
            ),
        ],
    },
    Case {
        kind: "campaigns",
        good: "Campaign,Status,Campaign type,Budget,Start date,Labels\nHarvest,Enabled,Search,50,2025-08-01,brand;autumn\nSpring,,Display,,,\n",
        rows: &[("campaigns", 2), ("entities", 2)],
        stored: (
            "select string_agg(concat_ws('|', c.id, c.name, c.status, c.channel, c.daily_budget::float, c.starts_on, c.labels, e.name), ' ' order by c.id) \
             from campaigns c join entities e on e.kind = 'campaign' and e.id = c.id",
            "csv:manual/harvest|Harvest|active|paid_search|50|2025-08-01|{brand,autumn}|Harvest csv:manual/spring|Spring|unknown|display|{}|Spring",
        ),
        bad: &[
            (
                "Harvest,sleeping,Search,50,2025-08-01,",
                "csv.unknown_enum",
                "Line 2: status 'sleeping' is none of active, archived, draft, ended, paused, removed, unknown.",
            ),
            (
                "Harvest,Enabled,Search,-1,2025-08-01,",
                "csv.negative",
                "Line 2, column 4: daily_budget '-1' is below zero.",
            ),
        ],
    },
];

async fn text(world: &World, sql: &'static str) -> String {
    let mut tx = world.db.org(world.org).await.unwrap();
    let found: Option<String> = sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap();
    found.unwrap_or_default()
}

#[test]
fn every_data_set_is_whole() {
    let kinds = Kinds::built_in().unwrap().kinds;
    let sets: Vec<_> = kinds.iter().filter(|(_, spec)| !spec.rows.is_empty()).collect();
    assert_eq!(sets.len(), CASES.len(), "a case for each");
    for (name, spec) in sets {
        assert_eq!(strangers(spec), Vec::<String>::new(), "{name} names fields that it does not have");
        for target in &spec.rows {
            let known = |key: &String| key == "source" || target.columns.contains_key(key);
            assert!(target.key.iter().all(known), "{name}: {:?}", target.key);
        }
    }
}

#[tokio::test]
async fn a_good_file_comes_in_and_again_changes_nothing() {
    for case in CASES {
        let world = World::new().await;
        let kind = case.kind;
        let dry = bring(&world, kind, case.good.as_bytes(), &Told { dry_run: true, ..Told::default() }).await;
        assert!(dry.is_ok(), "{kind}: {:?}", dry.err());
        assert_eq!(text(&world, case.stored.0).await, "", "{kind}: a look changes nothing");
        let report = bring(&world, kind, case.good.as_bytes(), &Told::default()).await.unwrap();
        for (table, rows) in case.rows {
            assert_eq!(report.written[table].added, *rows, "{kind}: {:?}", report.written);
        }
        assert_eq!(report.written.len(), case.rows.len(), "{kind}: {:?}", report.written);
        assert_eq!(text(&world, case.stored.0).await, case.stored.1, "{kind}");
        world.clock.advance(Duration::from_secs(60));
        let told = Told { force: true, ..Told::default() };
        let again = bring(&world, kind, case.good.as_bytes(), &told).await.unwrap();
        for (table, written) in &again.written {
            assert_eq!((written.added, written.changed), (0, 0), "{kind}.{table}");
        }
        assert_eq!(text(&world, case.stored.0).await, case.stored.1, "{kind} again");
        let stream = "select count(*)::numeric from source_streams";
        assert_eq!(sum(&world, stream).await, Decimal::ONE, "{kind}");
    }
}

#[tokio::test]
async fn a_bad_line_is_named_and_keeps_the_file_out() {
    let world = World::new().await;
    for case in CASES {
        let header = case.good.lines().next().unwrap();
        for (line, code, words) in case.bad {
            let file = format!("{header}\n{line}\n");
            let Err(ImportError::Faulty(faults)) =
                bring(&world, case.kind, file.as_bytes(), &Told::default()).await
            else {
                panic!("{}: '{line}' should be refused", case.kind);
            };
            assert_eq!((faults[0].code, faults[0].message.as_str()), (*code, *words), "{}", case.kind);
        }
        assert_eq!(text(&world, case.stored.0).await, "", "{}", case.kind);
    }
}

async fn run(served: &Served, token: &str, query: &str) -> Value {
    let window = json!({"start": "2025-09-01", "end": "2025-09-16"});
    let body = json!({"params": {"window": window}});
    let reply = served.post(&format!("/api/tools/{query}"), token, body).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    reply.body
}

fn case(kind: &str) -> &'static Case {
    CASES.iter().find(|case| case.kind == kind).unwrap()
}

#[tokio::test]
async fn what_a_file_brings_is_answered() {
    let world = World::new().await;
    bring(&world, "subscriptions", case("subscriptions").good.as_bytes(), &Told::default()).await.unwrap();
    let ranks = "Day,Keyword,Position\n2025-09-01,trail shoes,4\n2025-09-15,trail shoes,11\n";
    bring(&world, "keyword_ranks", ranks.as_bytes(), &Told::default()).await.unwrap();
    let served = Served::new(&world).await;
    let token = served.session(&world.marketer).await;
    let says = |result: &Value, wanted: &str| {
        let cells = result["rows"].as_array().unwrap().iter().flat_map(|row| match row {
            Value::Array(cells) => cells.clone(),
            Value::Object(cells) => cells.values().cloned().collect(),
            other => vec![other.clone()],
        });
        let same = |cell: &Value| {
            let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
            text == wanted || text.parse::<Decimal>().is_ok_and(|n| Ok(n) == wanted.parse::<Decimal>())
        };
        cells.collect::<Vec<_>>().iter().any(same)
    };
    let mrr = run(&served, &token, "mrr_overview").await;
    assert!(says(&mrr, "50") && says(&mrr, "600"), "30 and a twelfth of 240, and the year of it: {mrr}");
    let ranks = run(&served, &token, "seo_rank_changes").await;
    assert!(says(&ranks, "trail shoes") && says(&ranks, "-7"), "{ranks}");
}

#[tokio::test]
async fn a_subscription_that_changes_moves_the_recurring_revenue_once() {
    let world = World::new().await;
    bring(&world, "subscriptions", case("subscriptions").good.as_bytes(), &Told::default()).await.unwrap();
    world.clock.advance(Duration::from_secs(24 * 3600));
    let next = "Subscription,Customer,Plan,Status,Amount,Interval,Start date,Ended at\n\
                s1,c1,Pro,active,45,month,2025-06-01,\ns2,c2,Pro,canceled,240,yearly,2025-07-01,2025-09-18\n\
                s3,c3,Pro,active,30,month,2025-09-10,\n";
    bring(&world, "subscriptions", next.as_bytes(), &Told::default()).await.unwrap();
    let moved = "select string_agg(concat_ws('|', subscription_id, kind, mrr_delta::float), ' ' order by subscription_id, kind) \
                 from mrr_movements where date >= '2025-09-10'";
    assert_eq!(
        text(&world, moved).await,
        "csv:s1|expansion|15 csv:s2|churn|-20 csv:s3|new|30",
        "a trial that pays is new from its beginning on"
    );
    bring(&world, "subscriptions", next.as_bytes(), &Told { force: true, ..Told::default() }).await.unwrap();
    assert_eq!(sum(&world, "select sum(mrr_delta) from mrr_movements").await, Decimal::from(75));
}

#[tokio::test]
async fn amounts_in_another_currency_need_a_rate_which_a_file_may_bring() {
    let world = World::new().await;
    let file = "Date,Kind,Channel,Cost (USD)\n2025-09-01,site,Direct,10\n2025-09-02,site,Direct,20\n";
    let refused = bring(&world, "daily_metrics", file.as_bytes(), &Told::default()).await.unwrap_err();
    assert!(refused.to_string().starts_with("no rate from USD to EUR is known for 2 day(s)"), "{refused}");
    bring(&world, "fx_rates", case("fx_rates").good.as_bytes(), &Told::default()).await.unwrap();
    bring(&world, "daily_metrics", file.as_bytes(), &Told::default()).await.unwrap();
    assert_eq!(sum(&world, "select sum(cost_base) from daily_metrics").await, "27.2".parse().unwrap());
}

#[tokio::test]
async fn what_a_file_leaves_out_stays_as_it_was() {
    let world = World::new().await;
    bring(&world, "campaigns", case("campaigns").good.as_bytes(), &Told::default()).await.unwrap();
    bring(&world, "campaigns", b"Campaign,Planned spend\nHarvest,900\n", &Told::default()).await.unwrap();
    let stored = "select concat_ws('|', status, channel, daily_budget::float, planned_budget::float) from campaigns \
                  where id = 'csv:manual/harvest'";
    assert_eq!(text(&world, stored).await, "active|paid_search|50|900");
}

#[tokio::test]
async fn somebody_who_was_erased_does_not_come_back_with_a_file() {
    let world = World::new().await;
    let good = case("customers").good;
    bring(&world, "customers", good.as_bytes(), &Told::default()).await.unwrap();
    let mut tx = world.db.org(world.org).await.unwrap();
    let subjects = vec!["csv:7".to_owned()];
    let id = new_uuid(&*world.clock);
    let now = adjutant::clock::Clock::now(&*world.clock);
    requests::ask(&mut tx, world.org, id, Kind::Erase, (&subjects, "asked"), now).await.unwrap();
    tx.commit().await.unwrap();
    adjutant::jobs::privacy::run(world.round()).await.unwrap();
    let left = "select string_agg(city, ' ') from customers";
    assert_eq!(text(&world, left).await, "Chur");
    bring(&world, "customers", good.as_bytes(), &Told { force: true, ..Told::default() }).await.unwrap();
    assert_eq!(text(&world, left).await, "Chur", "who was erased stays away");
}
