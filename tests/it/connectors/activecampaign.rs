//! ActiveCampaign's API v3 as it answers: numbers as texts, times with the account's offset, lists by offset, contacts by id.
use super::answers::{ask, read, total};
use super::contract::contract;
use super::fake::{Asked, Knobs, Platform};
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use adjutant::db::syncs::SyncState;
use adjutant::platforms::activecampaign::{Account, contact, membership, page};
use adjutant::platforms::shape::Seen;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rust_decimal::Decimal;
use serde_json::{Value, json};

const ACCOUNT: &str = "fernhill";
const NEWEST: Date = date(2025, 9, 17);

pub struct FakeActiveCampaign;

fn refused(status: u16, message: &str) -> (u16, Value) {
    (status, json!({ "message": message }))
}

/// `2025-09-17T01:00:00+02:00`
fn written(day: Date, zone: &str) -> String {
    let at = day.at(1, 0, 0, 0).to_zoned(TimeZone::get(zone).unwrap()).unwrap();
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// One a day, 0 the newest; then a draft, a message of an automation, and a part of an A/B test.
fn campaigns(knobs: &Knobs) -> Vec<Value> {
    let message = |id: i64,
                   name: String,
                   sort: &str,
                   day: Option<Date>,
                   realcid: i64,
                   base: i64,
                   moved: i64| {
        json!({"id": id.to_string(), "name": name, "type": sort, "status": if day.is_some() { "5" } else { "0" },
            "sdate": day.map(|day| written(day, &knobs.zone)), "ldate": null, "realcid": realcid.to_string(), "seriesid": "0",
            "send_amt": (base * 100).to_string(), "total_amt": (base * 100).to_string(), "opens": (base * 40).to_string(),
            "uniqueopens": (base * 30 + moved).to_string(), "linkclicks": (base * 5).to_string(), "uniquelinkclicks": (base * 4).to_string(),
            "hardbounces": base.to_string(), "softbounces": "2", "unsubscribes": "1", "forwards": "0", "replies": "0",
            "automation": null, "links": {"user": "https://fernhill.api-us1.com/api/3/campaigns/1/user"}})
    };
    let mut rows = Vec::new();
    for n in 0..120_i64 {
        let day = NEWEST.saturating_sub(n.days());
        let moved = if knobs.restated == Some(day) { 5 } else { 0 };
        rows.push(message(
            1_000 - n,
            format!("News of {day}"),
            "single",
            Some(day),
            0,
            i64::from(day.day()),
            moved,
        ));
        if n == 3 {
            rows.push(message(2_000, "Welcome".to_owned(), "responder", Some(day), 0, 9, 0));
            rows.push(message(2_001, "News, form B".to_owned(), "split", Some(day), 997, 3, 0));
        }
    }
    rows.push(message(2_002, "Christmas".to_owned(), "single", None, 0, 0, 0));
    rows
}

const CHANGED: &str = "2025-09-17T10:55:00+02:00";

fn contacts(knobs: &Knobs) -> Vec<Value> {
    let row = |n: i64| {
        let email = if n == 2 && knobs.restated.is_some() {
            "new@lakeside.example".to_owned()
        } else {
            format!("p{n}@lakeside.example")
        };
        let udate = if n == 2 && knobs.restated.is_some() { "2025-09-17T16:30:00+02:00" } else { CHANGED };
        json!({"id": n.to_string(), "email": email, "phone": "+41 44 000 00 00", "firstName": "Ada", "lastName": "Lovelace", "cdate": CHANGED,
            "udate": udate, "deleted": "0", "anonymized": if n == 7 { "1" } else { "0" }, "ip": "0"})
    };
    (1..=10).map(row).collect()
}

fn lists(contact: &str) -> Vec<Value> {
    let on = |list: &str, status: &str| json!({"contact": contact, "list": list, "status": status, "sdate": "2025-01-02T08:00:00+01:00", "udate": "2025-06-30T10:00:00+02:00", "id": list});
    match contact {
        "3" => vec![on("1", "2"), on("2", "2")],
        "4" => vec![on("1", "2"), on("2", "1")],
        "5" => vec![on("1", "3")],
        _ => vec![on("1", "1")],
    }
}

impl Platform for FakeActiveCampaign {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.method != "GET" {
            return refused(405, "Method not allowed");
        }
        if asked.header("api-token") != knobs.secret {
            return refused(403, "You do not have permission to access this resource");
        }
        let parameters = asked.parameters();
        let of = |name: &str| parameters.get(name).map(String::as_str);
        let known = [
            "limit",
            "offset",
            "orders[sdate]",
            "orders[id]",
            "id_greater",
            "include",
            "filters[updated_after]",
        ];
        if let Some(name) = parameters.keys().find(|name| !known.contains(&name.as_str())) {
            return refused(400, &format!("{name} is not supported"));
        }
        let whole = |name: &str, none: usize| of(name).map_or(Some(none), |text| text.parse::<usize>().ok());
        let (Some(limit), Some(offset)) = (whole("limit", 20), whole("offset", 0)) else {
            return refused(400, "limit");
        };
        if !(1..=100).contains(&limit) {
            return refused(400, "The limit must be between 1 and 100");
        }
        let (name, mut rows) = match asked.path.as_str() {
            "/api/3/campaigns" => ("campaigns", campaigns(knobs)),
            "/api/3/automations" => {
                ("automations", vec![json!({"id": "4", "name": "Welcome flow", "status": "1"})])
            }
            "/api/3/contacts" => ("contacts", contacts(knobs)),
            _ => return refused(404, "No Result found"),
        };
        if name == "campaigns" && of("orders[sdate]") != Some("DESC") {
            rows.reverse();
        }
        let after = whole("id_greater", 0).unwrap();
        if name == "contacts" && !knobs.repeat {
            rows.retain(|row| row["id"].as_str().unwrap().parse::<usize>().unwrap() > after);
        }
        if let Some(since) = of("filters[updated_after]") {
            let Ok(since) = since.parse::<Timestamp>() else { return refused(400, "updated_after") };
            rows.retain(|row| row["udate"].as_str().unwrap().parse::<Timestamp>().unwrap() > since);
        }
        if knobs.empty {
            rows.clear();
        }
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            if knobs.unknown_field {
                row.insert("mood".to_owned(), json!("sunny"));
            }
            if knobs.missing_field {
                row.remove("send_amt");
                row.remove("email");
            }
        }
        let total = rows.len();
        let offset = if knobs.repeat { 0 } else { offset };
        let shown: Vec<Value> = rows.into_iter().skip(offset).take(limit.min(knobs.page)).collect();
        let mut body = json!({"meta": {"total": total.to_string()}});
        if of("include") == Some("contactLists") {
            body["contactLists"] = shown.iter().flat_map(|row| lists(row["id"].as_str().unwrap())).collect();
        }
        body[name] = json!(shown);
        (200, body)
    }
}

pub struct ActiveCampaignCase(&'static str);

const FACTS: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, sends, opens, email_clicks, \
     email_bounces, unsubscribes, cost, revenue, currency, extra) from daily_metrics where source = 'activecampaign' order by 1";
const PEOPLE: &str =
    "select concat_ws('|', id, kind, encode(email_hash, 'hex'), currency, extra) from customers order by 1";

impl Case for ActiveCampaignCase {
    fn key(&self) -> &'static str {
        "activecampaign"
    }

    fn stream(&self) -> &'static str {
        self.0
    }

    fn config(&self) -> Value {
        json!({ "account": ACCOUNT })
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["api_token"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeActiveCampaign)
    }

    fn facts(&self) -> &'static str {
        if self.by_day() { FACTS } else { PEOPLE }
    }

    fn by_day(&self) -> bool {
        self.0 == "campaigns"
    }
}

static CAMPAIGNS: ActiveCampaignCase = ActiveCampaignCase("campaigns");
static CONTACTS: ActiveCampaignCase = ActiveCampaignCase("contacts");

contract!(campaigns, crate::connectors::activecampaign::CAMPAIGNS);
contract!(contacts, crate::connectors::activecampaign::CONTACTS);

#[tokio::test]
async fn a_message_has_its_totals_on_the_day_it_was_sent() {
    let rig = Rig::new(&CAMPAIGNS).await;
    let finished = rig.good().await;
    assert_eq!(finished.counts.requests, 2, "a hundred a page, and none after the page of older ones");
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 90, "one a day; neither the draft, nor the automation's, nor the part of a test");
    // The 16th: sixteen hundred sent, 16 hard bounces and 2 soft ones.
    let expected = "2025-09-16|fernhill|email|activecampaign:fernhill:999|email||1600|480|64|18|1|0.000000|0.000000|EUR|{\"opens\": 640, \"linkclicks\": 80}";
    assert!(facts.iter().any(|line| line == expected), "{:#?}", &facts[86..]);
    let named = "select count(*) from entities where kind = 'email' and name = 'News of 2025-09-16' and external_id = '999' and id = canonical_id";
    assert_eq!(rig.count(named).await, 1);
    let automated = "select count(*) from campaigns where id = 'activecampaign:fernhill:2000' and channel = 'email' and extra ? 'automated'";
    assert_eq!(rig.count(automated).await, 1);
    assert_eq!(
        rig.count("select count(*) from campaigns where status = 'draft' and name = 'Christmas'").await,
        1
    );
    assert_eq!(rig.count("select count(*) from campaigns where id like '%2001'").await, 0);
}

/// Messages are no advertising: figures over campaigns do not count them, figures over messages do.
#[tokio::test]
async fn messages_are_counted_as_messages_only() {
    let rig = Rig::new(&CAMPAIGNS).await;
    rig.good().await;
    assert_eq!(
        rig.count(
            "select count(*) from daily_metrics where entity_kind <> 'email' or breakdown <> '' or cost <> 0"
        )
        .await,
        0
    );
    // The seven whole days before the 17th are the 10th to the 16th: ninety-one hundred sent, 91 hard bounces, two soft ones a day.
    let answer = ask(&rig.world, "message_campaigns", json!({"window": "last 7 days"})).await;
    assert_eq!(
        (total(&answer, "sent"), total(&answer, "delivered")),
        (Decimal::from(9_100), Decimal::from(8_995))
    );
    assert_eq!(total(&answer, "opens"), Decimal::from(2_730));
    let spend = ask(&rig.world, "spend_by_channel", json!({"window": "last 7 days"})).await;
    assert!(spend.rows.is_empty(), "no advertising was bought");
}

#[tokio::test]
async fn automations_are_known_by_name() {
    let rig = Rig::new(&CAMPAIGNS).await;
    read(&rig, "automations").await;
    let named = "select count(*) from entities where kind = 'automation' and id = 'activecampaign:fernhill:4' and name = 'Welcome flow'";
    assert_eq!(rig.count(named).await, 1);
}

#[tokio::test]
async fn contacts_are_hashes_and_who_left_is_not_written_to() {
    let rig = Rig::new(&CONTACTS).await;
    let finished = rig.good().await;
    // Ten people and two denials.
    assert_eq!((finished.counts.rows_written, finished.counts.requests), (12, 2));
    assert_eq!(
        rig.count("select count(*) from customers where kind = 'contact' and email_hash is not null").await,
        9,
        "one was forgotten"
    );
    let stored = "select count(*) from (select to_jsonb(c)::text t from customers c union all select to_jsonb(k)::text from consents k) x \
                  where t like '%lakeside%' or t like '%Ada%' or t like '%Lovelace%' or t like '%+41%'";
    assert_eq!(rig.count(stored).await, 0);
    let denied = "select count(*) from consents where channel = 'email' and status = 'denied' and method = 'imported' \
                  and recorded_at = '2025-06-30T08:00:00Z' and customer_id in ('activecampaign:fernhill:3', 'activecampaign:fernhill:5')";
    assert_eq!(rig.count(denied).await, 2);
    assert_eq!(rig.count("select count(*) from consents").await, 2, "who is still on a list did not leave");
    // The next run reads what changed since this one began, less ten minutes: all of them once more, and nothing is new.
    let again = rig.good().await;
    assert_eq!((again.counts.rows_read, again.counts.rows_written), (12, 0));
    rig.clock.set("2025-09-17T11:00:00Z");
    rig.good().await;
    let idle = rig.good().await;
    assert_eq!(idle.counts.rows_read, 0, "nobody changed since");
    rig.clock.set("2025-09-17T15:00:00Z");
    rig.fake.set(|knobs| knobs.restated = Some(NEWEST));
    let changed = rig.good().await;
    assert_eq!((changed.counts.rows_read, changed.counts.rows_written), (1, 1));
}

/// A reading of all contacts that is interrupted goes on after the last one it kept.
#[tokio::test]
async fn an_interrupted_reading_goes_on_where_it_was() {
    let rig = Rig::new(&CONTACTS).await;
    rig.fake.set(|knobs| knobs.page = 3);
    for request in 3..=7 {
        rig.fake.trouble(request, super::fake::Trouble::Status(500));
    }
    let finished = rig.sync().await.unwrap();
    assert_eq!(finished.state, SyncState::Partial, "{finished:?}");
    assert_eq!(rig.facts().await.len(), 6, "two pages were kept");
    assert_eq!(rig.count("select count(*) from source_streams where cursor->>'id' = '6'").await, 1);
    let finished = rig.good().await;
    assert_eq!((finished.counts.requests, rig.facts().await.len()), (3, 10));
    assert_eq!(
        rig.count("select count(*) from source_streams where cursor ? 'updated_at' and not cursor ? 'id'")
            .await,
        1
    );
}

/// Answers that ActiveCampaign's own documentation shows.
pub fn recorded(file: &Recorded) -> Option<usize> {
    match file.name.as_str() {
        // Accounts are companies that contacts belong to: nothing we read, but a list like all others.
        "accountsList.json" => {
            let accounts = page(&file.body, "accounts").unwrap();
            assert_eq!((accounts.count, accounts.total), (1, Some(1)));
            Some(accounts.count)
        }
        "accountsRetrieve.json" => {
            assert!(page(&file.body, "accounts").is_err(), "one account is no list");
            Some(1)
        }
        "getContact.json" => {
            let one = file.json();
            let account = Account { name: ACCOUNT, currency: "EUR".parse().unwrap() };
            let mut seen = Seen::default();
            let (id, person) = contact(&one["contact"], account, &mut seen).unwrap();
            assert_eq!((id.as_str(), person.kind), ("1", "contact"));
            let lists = one["contactLists"].as_array().unwrap();
            for list in lists {
                membership(list, &mut seen).unwrap();
            }
            assert_eq!(seen, Seen::default(), "no field of it is new");
            Some(1 + lists.len())
        }
        _ => None,
    }
}
