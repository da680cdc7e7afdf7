//! Daily figures from events and syncs: each rule by hand, what other hands stated, days that late facts change, replicas and
//! deaths, and that any way of computing gives what one full computation gives.
mod counted;
mod equal;
mod linked;
mod queue;
mod yields;

use crate::served::Served;
use crate::world::World;
use adjutant::access::Permission;
use adjutant::clock::Clock as _;
use adjutant::daily::rollup::{self, Built};
use adjutant::db::credentials::{self, NewApiKey};
use adjutant::db::events::known::{self, KeyRules};
use adjutant::ids::ApiKeyId;
use adjutant::period::Window;
use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

/// The account of a company that sends events, with a key that may speak for these platforms too.
struct Account {
    world: World,
    served: Served,
    key: String,
}

impl Account {
    async fn new() -> Self {
        let world = World::new().await;
        let served = Served::new(&world).await;
        let text = credentials::new_key_text(&mut rand::rng());
        let scopes: BTreeSet<Permission> =
            [Permission::EventWrite, Permission::EventWriteSystem].into_iter().collect();
        let new = NewApiKey {
            name: "events",
            member: world.marketer.member,
            scopes: &scopes,
            per_minute: 100_000,
            expires_at: None,
        };
        let id = ApiKeyId::new(&*world.clock);
        let sources = ["google_ads", "klaviyo", "stripe", "dataforseo"].map(str::to_owned).to_vec();
        let rules = KeyRules {
            sources,
            pii_mode: "reject".to_owned(),
            strict_references: false,
            events_per_minute: 1_000_000,
        };
        let mut tx = world.db.org(world.org).await.unwrap();
        credentials::create_api_key(&mut tx, world.org, id, &text, &new, world.clock.now()).await.unwrap();
        assert!(known::set_key_rules(&mut tx, world.org, id, &rules).await.unwrap());
        tx.commit().await.unwrap();
        Self { world, served, key: text.expose_secret().to_owned() }
    }

    /// Sends events; each must be accepted.
    async fn send(&self, events: &[Value]) {
        for batch in events.chunks(500) {
            let reply = self.served.post("/api/events", &self.key, json!({ "events": batch })).await;
            assert_eq!(reply.body["accepted"], batch.len(), "{}", reply.body);
        }
    }

    async fn days(&self, from: Date, to: Date) -> Vec<Built> {
        let window = Window::new(from, to).unwrap();
        let done = rollup::range(&self.world.db, &*self.world.clock, self.world.org, window, &|_| {}).await;
        done.unwrap()
    }

    /// Computes one day; gives how many rows changed.
    async fn day(&self, day: Date) -> u64 {
        self.days(day, day).await[0].rows
    }

    async fn restated(&self) -> Vec<Built> {
        rollup::restated(&self.world.db, &*self.world.clock, self.world.org).await.unwrap()
    }

    async fn recent(&self) -> Vec<Built> {
        rollup::recent(&self.world.db, &*self.world.clock, self.world.org, None).await.unwrap()
    }

    /// Runs a statement as the company; `$1` is its organisation.
    async fn run(&self, sql: &'static str) {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query(sql).bind(self.world.org).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// One number; `$1` is the organisation.
    async fn count(&self, sql: &'static str) -> i64 {
        let mut tx = self.world.db.org(self.world.org).await.unwrap();
        sqlx::query_scalar(sql).bind(self.world.org).fetch_one(&mut *tx).await.unwrap()
    }

    async fn figures(&self, of: Table) -> Vec<String> {
        figures(&self.world, of).await
    }
}

/// Tables of daily figures, each with what a line begins with.
#[derive(Clone, Copy)]
enum Table {
    Daily,
    Campaigns,
    Funnel,
}

/// Every row as its key and the figures that are not zero: `09-16 web site site seo: sessions=2`. `_base` amounts are left
/// out where they equal the others.
async fn figures(world: &World, of: Table) -> Vec<String> {
    let (table, key) = match of {
        Table::Daily => {
            ("daily_metrics", "t.source, t.entity_kind, t.entity_id, t.channel, nullif(t.breakdown, '')")
        }
        Table::Campaigns => (
            "daily_campaign_metrics",
            "t.source, t.campaign_id, t.channel, case when t.is_holdout then 'held out' end",
        ),
        Table::Funnel => (
            "daily_funnel_metrics",
            "t.source, t.channel, nullif(t.campaign_id, ''), nullif(t.city, ''), nullif(t.page_type, ''), nullif(t.flow, '')",
        ),
    };
    let sql = format!(
        "select concat_ws(' ', to_char(t.date, 'MM-DD'), {key}) || ':' || coalesce(
           (select string_agg(' ' || j.key || '=' || trim_scale(j.value::text::numeric), '' order by j.key)
            from jsonb_each(to_jsonb(t)) j
            where jsonb_typeof(j.value) = 'number' and j.value::text::numeric <> 0
              and not (right(j.key, 5) = '_base' and j.value = to_jsonb(t) -> left(j.key, -5))), '')
         from {table} t where t.org_id = $1 order by 1"
    );
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(world.org).fetch_all(&mut *tx).await.unwrap()
}

/// An event; `more` is laid over it.
fn event(id: u128, name: &str, at: &str, source: &str, actor: &str, more: Value) -> Value {
    let mut event = json!({
        "id": Uuid::from_u128(id), "name": name, "occurred_at": at, "source": source, "properties": {},
        "actor": {"type": "user", "id": actor},
    });
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);
