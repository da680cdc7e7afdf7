//! Any way of computing, in any order of arrival, gives what one full computation gives; and that is what a plain count says.
use super::{Account, Table, event};
use adjutant::clock::Clock as _;
use adjutant::period::local_day;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const CASES: u32 = 12;
const SOURCES: [&str; 2] = ["web", "mobile"];
const CHANNELS: [Option<&str>; 3] = [None, Some("seo"), Some("email")];
const NAMES: [&str; 7] = [
    "session_start",
    "page_view",
    "user_engagement",
    "lead_created",
    "sign_up",
    "purchase",
    "user_purchased",
];
const FIRST: Date = date(2025, 9, 8);
const LAST: Date = date(2025, 9, 17);

#[derive(Clone, Debug)]
struct Fact {
    name: usize,
    minutes_ago: i64,
    source: usize,
    channel: usize,
    actor: u8,
    /// 0: none.
    session: u8,
    amount: u32,
}

/// What is done after a batch.
#[derive(Clone, Copy, Debug)]
enum Step {
    Nothing,
    Recent,
    Restated,
    Day(i64),
}

fn facts() -> impl Strategy<Value = Vec<(Vec<Fact>, Step)>> {
    let fact = (0..NAMES.len(), 0_i64..9 * 1440, 0..2_usize, 0..3_usize, 0_u8..5, 0_u8..6, 1_u32..9_000)
        .prop_map(|(name, minutes_ago, source, channel, actor, session, amount)| Fact {
            name,
            minutes_ago,
            source,
            channel,
            actor,
            session,
            amount,
        });
    let step = prop_oneof![
        Just(Step::Nothing),
        Just(Step::Recent),
        Just(Step::Restated),
        (0_i64..10).prop_map(Step::Day)
    ];
    prop::collection::vec((prop::collection::vec(fact, 1..60), step), 1..6)
}

/// A fact that was sent: the plain count reads these.
struct Sent {
    id: u128,
    at: Timestamp,
    day: Date,
    fact: Fact,
}

impl Sent {
    fn name(&self) -> &'static str {
        NAMES[self.fact.name]
    }

    fn session(&self) -> Option<String> {
        (self.fact.session > 0).then(|| format!("s{}", self.fact.session))
    }

    fn is_sale(&self) -> bool {
        self.fact.name >= 5
    }

    fn json(&self) -> Value {
        let amount = self.fact.amount;
        let mut more = match self.name() {
            "page_view" => json!({"entity": {"type": "page", "id": "/a"}, "properties": {"page_path": "/a"}}),
            "user_engagement" => json!({"properties": {"engagement_time_msec": amount}}),
            "lead_created" => json!({"entity": {"type": "lead", "id": "l"}, "properties": {"lead_id": "l"}}),
            "purchase" => {
                json!({"currency": "EUR", "properties": {"transaction_id": "t", "revenue": amount}})
            }
            "user_purchased" => json!({"currency": "EUR", "properties": {
                "order_id": "9a3d2c10-55aa-4c0d-9e53-6b1f0c2d3e4f", "order_value": amount}}),
            _ => json!({}),
        };
        if let Some(channel) = CHANNELS[self.fact.channel] {
            more["channel"] = json!(channel);
        }
        if let Some(session) = self.session() {
            more["session"] = json!({"id": session});
        }
        event(
            self.id,
            self.name(),
            &self.at.to_string(),
            SOURCES[self.fact.source],
            &format!("a{}", self.fact.actor),
            more,
        )
    }
}

type Counts = BTreeMap<(Date, String, String, &'static str), i64>;

/// The rules of the specification for these few names, over all facts, without SQL.
fn plain_count(sent: &[Sent]) -> Counts {
    let mut sorted: Vec<&Sent> = sent.iter().collect();
    sorted.sort_by_key(|one| (one.at, one.id));
    let mut counts = Counts::new();
    let mut buyers: BTreeSet<u8> = BTreeSet::new();
    let days: BTreeSet<Date> = sorted.iter().map(|one| one.day).collect();
    for day in days {
        let facts: Vec<&&Sent> = sorted.iter().filter(|one| one.day == day).collect();
        let mut visits: BTreeMap<String, &Sent> = BTreeMap::new();
        let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for one in &facts {
            let session = one.session();
            match (one.name(), &session) {
                ("session_start", _) => {
                    visits.entry(session.unwrap_or_else(|| format!("#{}", one.id))).or_insert(one);
                }
                ("page_view", Some(session)) => seen.entry(session.clone()).or_default().0 += 1,
                ("user_engagement", Some(session)) => {
                    seen.entry(session.clone()).or_default().1 += one.fact.amount
                }
                _ => {}
            }
        }
        let first = |one: &Sent| CHANNELS[one.fact.channel].unwrap_or("direct");
        let channel = |one: &Sent| {
            let visit = one.session().and_then(|session| visits.get(&session).copied());
            CHANNELS[one.fact.channel].unwrap_or_else(|| visit.map_or("unknown", first))
        };
        let mut add = |one: &Sent, channel: &str, name, n: i64| {
            let key = (day, SOURCES[one.fact.source].to_owned(), channel.to_owned(), name);
            *counts.entry(key).or_default() += n;
        };
        let mut users = BTreeSet::new();
        for (session, visit) in &visits {
            let (pages, ms) = seen.get(session).copied().unwrap_or_default();
            let engaged = i64::from(pages >= 2 || ms >= 10_000);
            for (name, n) in
                [("sessions", 1), ("visits", 1), ("engaged_sessions", engaged), ("engaged", engaged)]
            {
                add(visit, first(visit), name, n);
            }
            if users.insert((visit.fact.source, first(visit), visit.fact.actor)) {
                add(visit, first(visit), "users", 1);
            }
        }
        let better = facts.iter().any(|one| one.name() == "user_purchased");
        let mut leads = BTreeSet::new();
        for one in &facts {
            match one.name() {
                "page_view" => add(one, channel(one), "pageviews", 1),
                "lead_created" | "sign_up" if leads.insert(one.fact.actor) => {
                    add(one, channel(one), "leads", 1)
                }
                _ => {}
            }
            if one.is_sale() {
                let is_first = buyers.insert(one.fact.actor);
                if !better || one.name() == "user_purchased" {
                    for (name, n) in [
                        ("conversions", 1),
                        ("revenue", i64::from(one.fact.amount)),
                        ("funnel revenue", i64::from(one.fact.amount)),
                        ("customers", i64::from(is_first)),
                    ] {
                        add(one, channel(one), name, n);
                    }
                }
            }
        }
    }
    counts.retain(|_, n| *n != 0);
    counts
}

/// The same figures as the tables hold them.
async fn stored(account: &Account) -> Counts {
    let mut counts = Counts::new();
    for (table, names) in [
        (
            "daily_metrics where entity_kind = 'site' and org_id = $1",
            &["sessions", "engaged_sessions", "pageviews", "users", "conversions", "revenue"][..],
        ),
        (
            "daily_funnel_metrics where org_id = $1",
            &["visits", "engaged", "leads", "customers", "funnel revenue"],
        ),
    ] {
        for name in names {
            let column = name.trim_start_matches("funnel ");
            let sql =
                format!("select date, source, channel, sum({column})::bigint from {table} group by 1, 2, 3");
            let mut tx = account.world.db.org(account.world.org).await.unwrap();
            let rows: Vec<(jiff_sqlx::Date, String, String, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(account.world.org)
                .fetch_all(&mut *tx)
                .await
                .unwrap();
            for (day, source, channel, n) in rows {
                counts.insert((day.to_jiff(), source, channel, *name), n);
            }
        }
    }
    counts.retain(|_, n| *n != 0);
    counts
}

async fn all_figures(account: &Account) -> Vec<String> {
    let mut all = Vec::new();
    for table in [Table::Daily, Table::Campaigns, Table::Funnel] {
        all.extend(account.figures(table).await);
    }
    all
}

#[tokio::test]
async fn every_order_of_arrival_and_computing_ends_in_the_same_figures() {
    let account = Account::new().await;
    let now = account.world.clock.now();
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut id = 0;
    for case in 0..CASES {
        let batches = facts().new_tree(&mut runner).unwrap().current();
        let mut sent: Vec<Sent> = Vec::new();
        for (batch, step) in batches {
            let from = sent.len();
            for fact in batch {
                id += 1;
                let at = now.checked_sub(fact.minutes_ago.minutes()).unwrap();
                sent.push(Sent { id, at, day: local_day(at, &zone), fact });
            }
            let events: Vec<Value> = sent[from..].iter().map(Sent::json).collect();
            account.send(&events).await;
            match step {
                Step::Nothing => {}
                Step::Recent => drop(account.recent().await),
                Step::Restated => drop(account.restated().await),
                Step::Day(n) => drop(account.day(FIRST.saturating_add(n.days())).await),
            }
        }
        account.recent().await;
        account.restated().await;
        let figures = all_figures(&account).await;
        assert_eq!(stored(&account).await, plain_count(&sent), "case {case}");

        // Nothing is left to change, and from nothing the same comes.
        assert!(account.days(FIRST, LAST).await.iter().all(|day| day.rows == 0), "case {case}");
        wipe(&account, &["daily_metrics", "daily_campaign_metrics", "daily_funnel_metrics", "touches"]).await;
        account.days(FIRST, LAST).await;
        assert_eq!(all_figures(&account).await, figures, "case {case}");
        wipe(
            &account,
            &["daily_metrics", "daily_campaign_metrics", "daily_funnel_metrics", "touches", "events"],
        )
        .await;
    }
}

async fn wipe(account: &Account, tables: &[&str]) {
    let mut tx = account.world.db.org(account.world.org).await.unwrap();
    for table in tables {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table}"))).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}
