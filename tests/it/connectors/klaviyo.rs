//! Klaviyo against a Klaviyo that refuses what the real one would.
mod long;
mod platform;

use super::answers::{ask, read, total};
use super::contract::contract;
use super::fake::{Platform, SECRET};
use super::hooks::{Desk, SIGNS, hex, mac};
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use super::stripe::lines;
use adjutant::platforms::fault::Code;
use adjutant::platforms::klaviyo::{Account, campaign, flow, metric, page, profile};
use adjutant::platforms::registry::connector;
use adjutant::platforms::shape::Seen;
use jiff::tz::TimeZone;
use platform::{ACCOUNT, FakeKlaviyo, NEWEST, ORDERED};
use reqwest::StatusCode;
use rust_decimal::Decimal;
use serde_json::{Value, json};

pub struct KlaviyoCase {
    stream: &'static str,
    no_orders: bool,
    at_once: bool,
    paged: bool,
    stuck: bool,
}

const FACTS: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, breakdown, sends, opens, email_clicks, \
     email_bounces, unsubscribes, conversions, conversion_value, revenue_base, cost, currency, extra) \
     from daily_metrics where source = 'klaviyo' order by 1";
const PEOPLE: &str = "select concat_ws('|', id, kind, encode(email_hash, 'hex'), city, country, currency) from customers order by 1";

impl Case for KlaviyoCase {
    fn key(&self) -> &'static str {
        "klaviyo"
    }

    fn stream(&self) -> &'static str {
        self.stream
    }

    fn config(&self) -> Value {
        json!({ "account_id": ACCOUNT })
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakeKlaviyo {
            no_orders: self.no_orders,
            at_once: self.at_once,
            paged: self.paged,
            stuck: self.stuck,
        })
    }

    fn facts(&self) -> &'static str {
        if self.by_day() { FACTS } else { PEOPLE }
    }

    fn by_day(&self) -> bool {
        self.stream == "message_days"
    }
}

const fn case(stream: &'static str) -> KlaviyoCase {
    KlaviyoCase { stream, no_orders: false, at_once: false, paged: false, stuck: false }
}

static MESSAGE_DAYS: KlaviyoCase = case("message_days");
static NO_ORDERS: KlaviyoCase = KlaviyoCase { no_orders: true, ..case("message_days") };
static PAGED: KlaviyoCase = KlaviyoCase { paged: true, ..case("message_days") };
static STUCK: KlaviyoCase = KlaviyoCase { paged: true, stuck: true, ..case("message_days") };
static PROFILES: KlaviyoCase = case("profiles");
static AT_ONCE: KlaviyoCase = KlaviyoCase { at_once: true, ..case("profiles") };

contract!(message_days, crate::connectors::klaviyo::MESSAGE_DAYS);
contract!(profiles, crate::connectors::klaviyo::PROFILES);

#[tokio::test]
async fn a_campaign_has_its_totals_on_its_day_and_a_flow_its_days() {
    let rig = Rig::new(&MESSAGE_DAYS).await;
    let finished = rig.good().await;
    // Two slices of at most 59 days: metrics, two pages of campaigns, and a report of each sort.
    assert_eq!(finished.counts.requests, 10);
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 180, "90 days of a campaign and a flow");
    for expected in [
        "2025-09-16|FRN123|email|klaviyo:C2025-09-16|email||1600|480|64|16|1|16.000000|16.500000|16.500000|0.000000|EUR|{}",
        // Two messages, each twice what the campaign has.
        "2025-09-16|FRN123|email|klaviyo:F1|email||6400|1920|256|64|2|64.000000|65.000000|65.000000|0.000000|EUR|{}",
    ] {
        assert!(facts.iter().any(|line| line == expected), "{expected}\n{:#?}", &facts[174..]);
    }
}

#[tokio::test]
async fn campaigns_and_flows_are_known_by_name() {
    let rig = Rig::new(&MESSAGE_DAYS).await;
    read(&rig, "messages").await;
    let named = lines(&rig, "select concat_ws('|', kind, id, external_id, name) from entities where kind <> 'campaign' and external_id in \
        ('C2025-09-16', 'F1', 'F2') order by 1").await;
    assert_eq!(
        named,
        [
            "automation|klaviyo:F1|F1|Welcome",
            "automation|klaviyo:F2|F2|Win back",
            "email|klaviyo:C2025-09-16|C2025-09-16|News of 2025-09-16",
            "email|klaviyo:F1|F1|Welcome",
            "email|klaviyo:F2|F2|Win back",
        ]
    );
    let states = lines(&rig, "select concat_ws('|', status, raw_status, objective, extra->>'type', count(*)) from campaigns \
        where source = 'klaviyo' and channel = 'email' group by status, raw_status, objective, extra->>'type' order by 1").await;
    assert_eq!(
        states,
        [
            "active|live|Added to List|flow|1",
            "draft|Draft||campaign|1",
            "ended|Sent||campaign|120",
            "paused|manual|Added to List|flow|1",
        ]
    );
    // What did not change is not written.
    read(&rig, "messages").await;
    assert_eq!(rig.count("select count(*) from campaigns where updated_at > first_seen_at").await, 0);
}

/// Messages are no advertising: figures over campaigns do not count them, figures over messages do.
#[tokio::test]
async fn messages_are_counted_as_messages_only() {
    let rig = Rig::new(&MESSAGE_DAYS).await;
    read(&rig, "messages").await;
    rig.good().await;
    // The 10th to the 16th: 91 campaign hundreds, and four times as many of the flow; bounces are one in a hundred.
    let answer = ask(&rig.world, "message_campaigns", json!({"window": "last 7 days"})).await;
    assert_eq!(
        (total(&answer, "sent"), total(&answer, "delivered")),
        (Decimal::from(45_500), Decimal::from(45_500 - 455))
    );
    assert_eq!(total(&answer, "opens"), Decimal::from(13_650));
    let spend = ask(&rig.world, "spend_by_channel", json!({"window": "last 7 days"})).await;
    assert!(spend.rows.is_empty(), "no advertising was bought");
}

/// An account that sells nothing has sends and opens, and is told why it has no conversions.
#[tokio::test]
async fn without_orders_there_are_no_conversions() {
    let rig = Rig::new(&NO_ORDERS).await;
    let finished = rig.good().await;
    assert!(finished.warnings.to_string().contains("conversion.unset"), "{}", finished.warnings);
    let none = "select count(*) from daily_metrics where conversions <> 0 or conversion_value <> 0 or revenue <> 0 or sends = 0";
    assert_eq!((rig.count(none).await, rig.facts().await.len()), (0, 180));
}

#[tokio::test]
async fn a_metric_that_is_set_is_asked_for() {
    let rig = Rig::new(&MESSAGE_DAYS).await;
    let set = async |metric: &str| {
        let config = json!({"account_id": ACCOUNT, "conversion_metric_id": metric}).to_string();
        let mut superuser = rig.world.superuser().await;
        sqlx::query("update sources set config = $1::jsonb")
            .bind(config)
            .execute(&mut superuser)
            .await
            .unwrap();
    };
    set(ORDERED).await;
    assert_eq!(rig.good().await.counts.requests, 8, "the list of metrics is not read");
    set("NOBODY").await;
    let error = rig.sync().await.unwrap().error.unwrap();
    assert_eq!(error.code, Code::Request);
    assert!(error.message.contains("conversion_metric_id is not a metric of this account"), "{error}");
}

#[tokio::test]
async fn another_account_s_key_is_refused() {
    let rig = Rig::new(&MESSAGE_DAYS).await;
    let mut superuser = rig.world.superuser().await;
    sqlx::query(r#"update sources set config = '{"account_id": "LAKE99"}'"#)
        .execute(&mut superuser)
        .await
        .unwrap();
    let error = rig.engine.check(rig.world.org, rig.source).await.unwrap_err();
    assert_eq!(error.code, Code::AccountNotFound);
    assert!(error.message.contains("opens the account FRN123, not LAKE99"), "{error}");
}

const CONSENTS: &str = "select concat_ws('|', customer_id, channel, status, method, evidence, recorded_at at time zone 'UTC') from consents order by 1";

#[tokio::test]
async fn people_are_hashes_and_their_word_is_kept() {
    let rig = Rig::new(&PROFILES).await;
    let finished = rig.good().await;
    assert_eq!((finished.counts.rows_written, finished.counts.requests), (13, 1), "ten people, three words");
    assert_eq!(
        rig.count("select count(*) from customers where kind = 'contact' and email_hash is not null").await,
        9
    );
    let stored = "select count(*) from (select to_jsonb(c)::text t from customers c union all select to_jsonb(k)::text from consents k) x \
                  where t like '%lakeside%' or t like '%Ada%' or t like '%Lovelace%' or t like '%+41%' or t like '%shoe%'";
    assert_eq!(rig.count(stored).await, 0);
    assert_eq!(
        lines(&rig, CONSENTS).await,
        [
            "klaviyo:P3|email|denied|imported|unsubscribed in Klaviyo|2025-06-30 08:00:00",
            "klaviyo:P4|email|granted|imported|subscribed in Klaviyo|2025-06-30 08:00:00",
            "klaviyo:P5|email|denied|imported|bounced in Klaviyo|2025-07-01 08:00:00",
        ]
    );
    // The next run reads from ten minutes before the last change on: the last one once more.
    let again = rig.good().await;
    assert_eq!((again.counts.rows_read, again.counts.rows_written), (1, 0));
    rig.clock.set("2025-09-17T15:00:00Z");
    rig.fake.set(|knobs| knobs.restated = Some(NEWEST));
    let changed = rig.good().await;
    assert_eq!((changed.counts.rows_read, changed.counts.rows_written), (2, 1));
}

async fn desk() -> Desk {
    Desk::over(Rig::new(&PROFILES).await, &[("api_key", SECRET), ("webhook_secret", SIGNS)]).await
}

/// Signed as Klaviyo does, at a time.
async fn deliver(desk: &Desk, topic: &str, profile: &str, event: &str, at: &str) -> (StatusCode, Value) {
    let payload = json!({"data": {"type": "event", "id": event, "relationships": {"profile": {"data": {"type": "profile", "id": profile}}}}});
    let body = json!({"data": [{"external_id": event, "topic": format!("event:klaviyo.{topic}"), "payload": payload}],
        "meta": {"klaviyo_account_id": ACCOUNT, "klaviyo_webhook_id": "w-1", "timestamp": at}})
    .to_string();
    let signature = hex(&mac(&[body.as_bytes(), at.as_bytes()]));
    let headers =
        [("klaviyo-signature", signature.as_str()), ("klaviyo-timestamp", at), ("klaviyo-webhook-id", "w-1")];
    desk.send(&format!("/hooks/klaviyo/{}", desk.rig.source), &headers, body.as_bytes()).await
}

#[tokio::test]
async fn a_delivery_brings_a_word_at_once() {
    let desk = desk().await;
    let now = "2025-09-17T09:00:00+00:00";
    let unsubscribed = "unsubscribed_from_email_marketing";
    let (status, said) = deliver(&desk, unsubscribed, "P3", "e-1", now).await;
    assert_eq!((status, &said["status"]), (StatusCode::OK, &json!("stored")), "{said}");
    // The same event is told again a minute later; another says nothing of consent; one is about somebody who is gone.
    let (_, said) = deliver(&desk, unsubscribed, "P3", "e-1", "2025-09-17T09:01:00+00:00").await;
    assert_eq!(said["status"], "duplicate");
    assert_eq!(deliver(&desk, "opened_email", "P3", "e-2", now).await.1["status"], "ignored");
    assert_eq!(deliver(&desk, "bounced_email", "P99", "e-3", now).await.1["status"], "stored");
    let (status, said) = deliver(&desk, unsubscribed, "P4", "e-4", "2025-09-17T08:54:00+00:00").await;
    assert_eq!((status, &said["code"]), (StatusCode::UNAUTHORIZED, &json!("webhook.timestamp_skew")));
    assert!(desk.rig.fake.asked().is_empty(), "nothing is read before the answer");
    assert_eq!(desk.work().await, 2);
    assert_eq!(
        lines(&desk.rig, CONSENTS).await,
        ["klaviyo:P3|email|denied|imported|unsubscribed in Klaviyo|2025-06-30 08:00:00"]
    );
    assert_eq!(desk.rig.facts().await.len(), 1, "that person, as polling reads them");
    let polled = desk.rig.good().await;
    assert_eq!((polled.counts.rows_read, polled.counts.rows_written), (13, 11));
}

/// Rows that another connector recorded of a real account.
pub fn recorded(file: &Recorded) -> Option<usize> {
    if file.name != "airbyte_expected_records.jsonl" {
        return None;
    }
    let account = Account { id: ACCOUNT, currency: "USD".parse().unwrap() };
    let hook = connector("klaviyo").unwrap().webhook().unwrap();
    let (mut read, mut others, mut denied, mut suppressed) = (0, 0, 0, 0);
    for (stream, data) in file.lines() {
        let body = json!({"data": [data], "links": {"next": null}}).to_string();
        let page = page(body.as_bytes()).unwrap();
        let (entry, mut seen) = (&page.data()[0], Seen::default());
        let (id, named) = (data["id"].as_str().unwrap(), &data["attributes"]["name"]);
        match stream.as_str() {
            "campaigns" | "flows" => {
                let message = if stream == "flows" {
                    flow(entry, account, &mut seen).unwrap()
                } else {
                    campaign(entry, account, &TimeZone::UTC, &mut seen).unwrap()
                };
                assert_eq!(
                    (message.external.as_str(), message.campaign.name.as_str()),
                    (id, named.as_str().unwrap())
                );
                let sent = data["attributes"]["send_time"].as_str().map(|time| &time[..10]);
                assert_eq!(message.sent_on.map(|on| on.to_string()).as_deref(), sent, "{stream} {id}");
            }
            "metrics" => {
                let (external, name) = metric(entry, &mut seen).unwrap();
                assert_eq!((external.as_str(), name.as_str()), (id, named.as_str().unwrap()));
            }
            "profiles" | "global_exclusions" => {
                let person = profile(entry, account, &mut seen).unwrap();
                assert_eq!(person.customer.id, format!("klaviyo:{id}"));
                assert_eq!(person.customer.email_hash.is_some(), data["attributes"]["email"].is_string());
                denied += person.consents.iter().filter(|said| said.status == "denied").count();
                let reasons = data.pointer("/attributes/subscriptions/email/marketing/suppressions");
                suppressed +=
                    usize::from(reasons.is_some_and(|reasons| !reasons.as_array().unwrap().is_empty()));
            }
            "events" => {
                // As a delivery has it: of one that says nothing of consent nothing is read, of another the person.
                let about = |topic: &str| {
                    let body =
                        json!({"data": [{"external_id": id, "topic": topic, "payload": {"data": data}}]});
                    hook.targets(topic, body.to_string().as_bytes())
                };
                assert!(about("event:klaviyo.opened_email").is_empty());
                let target = about("event:klaviyo.unsubscribed_from_email_marketing").remove(0);
                assert_eq!(data["relationships"]["profile"]["data"]["id"], target.id.as_str());
            }
            // Lists and templates: nothing we read, but pages like all others.
            "lists" | "email_templates" => {
                others += 1;
                continue;
            }
            other => panic!("{other} is a stream that nobody knows"),
        }
        assert!(seen.new_fields.is_empty() && seen.unknown_values.is_empty(), "{stream} {id}: {seen:?}");
        read += 1;
    }
    assert_eq!(denied, suppressed);
    assert!(read >= 60 && others >= 30 && denied >= 2, "{read} read, {others} others, {denied} denied");
    Some(read + others)
}
