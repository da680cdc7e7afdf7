//! Files over HTTP: sent, mapped, tried, taken over once, whole or not at all.
use crate::imports::sum;
use crate::served::{Reply, Served, reply};
use crate::world::World;
use adjutant::jobs::cleanup;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::time::Duration;

const ADS: &str = "Day,Campaign,Cost,Clicks,Conversions\n\
    2025-09-01,Harvest,10.50,5,1\n2025-09-02,Harvest,20,9,2\n2025-09-02,Spring,1.25,1,0\nTotal,,31.75,15,3\n";
const COST: &str = "select sum(cost_base) from daily_metrics where entity_kind = 'campaign'";
const KEPT: &str = "select count(*)::numeric from import_chunks";

struct Desk {
    world: World,
    served: Served,
    token: String,
}

impl Desk {
    async fn new() -> Self {
        let world = World::new().await;
        let served = Served::new(&world).await;
        let token = served.session(&world.marketer).await;
        Self { world, served, token }
    }

    async fn send(&self, dataset: &str, bytes: impl Into<Vec<u8>>) -> Reply {
        self.send_as(&self.token, dataset, bytes).await
    }

    async fn send_as(&self, token: &str, dataset: &str, bytes: impl Into<Vec<u8>>) -> Reply {
        let file = Part::bytes(bytes.into()).file_name("export.csv");
        let form = Form::new().text("dataset", dataset.to_owned()).part("file", file);
        let request = self.served.request(Method::POST, "/api/imports", token).multipart(form);
        reply(request.send().await.unwrap()).await
    }

    /// The path of a file that was sent.
    async fn sent(&self, dataset: &str, text: &str) -> String {
        let sent = self.send(dataset, text).await;
        assert_eq!(sent.status, 201, "{}", sent.body);
        format!("/api/imports/{}", sent.body["import_id"].as_str().unwrap())
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        reply(self.served.request(method, path, &self.token).json(&body).send().await.unwrap()).await
    }

    async fn commit(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, &format!("{path}/commit"), body).await
    }

    async fn preview(&self, path: &str) -> Value {
        let reply = self.call(Method::POST, &format!("{path}/preview"), json!({})).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    async fn state(&self, path: &str) -> Value {
        self.call(Method::GET, path, Value::Null).await.body["state"].clone()
    }
}

fn refused(reply: &Reply, status: u16, code: &str, words: &str) {
    let detail = reply.body["detail"].as_str().unwrap_or_default();
    assert!(
        reply.status == status && reply.body["code"] == code && detail.contains(words),
        "{status} {code} '{words}' is not {}",
        reply.body
    );
}

#[tokio::test]
async fn a_file_is_looked_at_tried_and_taken_over_once() {
    let desk = Desk::new().await;
    let sent = desk.send("ads", ADS).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    let column = |at: usize, name: &str| sent.body["columns"][at][name].clone();
    assert_eq!((column(0, "name"), column(0, "suggested_field")), (json!("Day"), json!("date")));
    assert_eq!(
        (column(2, "confidence"), column(2, "samples")),
        (json!(1.0), json!(["10.50", "20", "1.25", "31.75"]))
    );
    assert_eq!((&sent.body["state"], &sent.body["detected"]["delimiter"]), (&json!("uploaded"), &json!(",")));
    let path = format!("/api/imports/{}", sent.body["import_id"].as_str().unwrap());

    let preview = desk.preview(&path).await;
    assert_eq!((&preview["ready"], &preview["error_count"]), (&json!(true), &json!(0)), "{preview}");
    assert_eq!(preview["rows"][0]["fields"]["cost"], "10.5");
    assert_eq!(preview["report"]["written"]["daily"]["added"], 5, "two campaigns and the account: {preview}");
    assert_eq!(
        (preview["report"]["totals"]["cost"].clone(), desk.state(&path).await),
        (json!("31.75"), json!("previewed"))
    );
    assert_eq!(sum(&desk.world, "select count(*)::numeric from daily_metrics").await, Decimal::ZERO);

    let done = desk.commit(&path, json!({})).await;
    assert_eq!((done.status.as_u16(), &done.body["state"]), (200, &json!("done")), "{}", done.body);
    assert_eq!((&done.body["counts"]["rows"], &done.body["dataset"]), (&json!(3), &json!("daily_metrics")));
    assert_eq!(sum(&desk.world, COST).await, "31.75".parse().unwrap());
    assert_eq!(sum(&desk.world, KEPT).await, Decimal::ZERO, "the file itself is not kept");
    refused(&desk.commit(&path, json!({})).await, 409, "import.done", "what it wrote stays");
    refused(&desk.call(Method::DELETE, &path, Value::Null).await, 409, "import.done", "");
    let recorded =
        "select count(*)::numeric from audit_log where action = 'import.committed' and actor_type = 'member'";
    assert_eq!(sum(&desk.world, recorded).await, Decimal::ONE);

    // The same file once more is nothing new, and changes nothing when it is forced.
    let again = desk.sent("ads", ADS).await;
    refused(&desk.commit(&again, json!({})).await, 409, "import.already_done", "say `force`");
    let forced = desk.commit(&again, json!({"force": true})).await;
    let daily = &forced.body["report"]["written"]["daily"];
    assert_eq!(
        (&daily["added"], &daily["changed"], &daily["unchanged"]),
        (&json!(0), &json!(0), &json!(5)),
        "{}",
        forced.body
    );
    let list = desk.call(Method::GET, "/api/imports?limit=1", Value::Null).await.body;
    assert_eq!((list["items"].as_array().unwrap().len(), list["next"].is_string()), (1, true));
}

#[tokio::test]
async fn a_faulty_file_leaves_nothing_and_can_be_read_another_way() {
    let desk = Desk::new().await;
    let path = desk.sent("ads", &ADS.replace("20,9,2", "20,nine,2")).await;
    let preview = desk.preview(&path).await;
    assert_eq!((&preview["ready"], &preview["error_count"]), (&json!(false), &json!(1)));
    let fault = &preview["errors"][0];
    assert_eq!(
        (&fault["line"], &fault["column"], &fault["code"]),
        (&json!(3), &json!(4), &json!("csv.bad_number"))
    );
    let refusal = desk.commit(&path, json!({})).await;
    refused(&refusal, 422, "import.faulty", "nothing was imported");
    assert_eq!(refusal.body["context"]["errors"][0]["line"], 3);
    let stored = desk.call(Method::GET, &path, Value::Null).await.body;
    assert_eq!(
        (&stored["state"], &stored["errors"][0]["field"]),
        (&json!("failed"), &json!("clicks")),
        "{stored}"
    );
    assert_eq!(sum(&desk.world, "select count(*)::numeric from daily_metrics").await, Decimal::ZERO);

    let map = async |body: Value| desk.call(Method::PUT, &format!("{path}/mapping"), body).await;
    refused(
        &map(json!({"columns": {"Taps": "clicks"}})).await,
        422,
        "import.mapping",
        "its columns are: Day, Campaign",
    );
    refused(&map(json!({"columns": {"Clicks": "taps"}})).await, 422, "import.mapping", "has no field 'taps'");
    refused(&map(json!({"options": {"decimal": "·"}})).await, 422, "import.mapping", "'.' or ','");
    refused(&map(json!({"options": {"time_zone": "Alps"}})).await, 422, "import.mapping", "no time zone");
    refused(&map(json!({"options": {"rates": {"USD": "0"}}})).await, 422, "import.mapping", "above zero");
    refused(&map(json!({"options": {"speed": 1}})).await, 422, "request.invalid", "speed");
    let without =
        json!({"columns": {"Clicks": null}, "constants": {"source": "google_ads", "account_id": "77"}});
    let mapped = map(without).await;
    assert_eq!((mapped.status.as_u16(), &mapped.body["state"]), (200, &json!("mapped")), "{}", mapped.body);
    assert_eq!(desk.commit(&path, json!({})).await.status, 200);
    assert_eq!(sum(&desk.world, COST).await, "31.75".parse().unwrap());
    let ours =
        "select count(*)::numeric from daily_metrics where source = 'google_ads' and account_id = '77'";
    assert_eq!(sum(&desk.world, ours).await, Decimal::from(5));
}

#[tokio::test]
async fn a_foreign_currency_and_an_unknown_header_say_what_to_do() {
    let desk = Desk::new().await;
    let path = desk.sent("ads", "Day;Name;Amount (USD)\n2025-09-01;Harvest;10,50\n").await;
    let mapping = json!({"columns": {"Name": "campaign", "Amount (USD)": "cost"}});
    desk.call(Method::PUT, &format!("{path}/mapping"), mapping.clone()).await;
    refused(&desk.commit(&path, json!({})).await, 422, "csv.no_rate", "give one with `options.rates`");
    let mut rated = mapping;
    rated["options"] = json!({"rates": {"USD": "0.9"}});
    desk.call(Method::PUT, &format!("{path}/mapping"), rated).await;
    assert_eq!(desk.commit(&path, json!({})).await.status, 200);
    assert_eq!(sum(&desk.world, COST).await, "9.45".parse().unwrap());

    // Nothing of this header is known; it can be mapped all the same.
    let strange = desk.send("ads", "quand|quoi|combien\n2025-09-03|Harvest|7\n").await;
    assert_eq!(
        (&strange.body["detected"]["delimiter"], &strange.body["columns"][2]["suggested_field"]),
        (&json!("|"), &Value::Null)
    );
    let path = format!("/api/imports/{}", strange.body["import_id"].as_str().unwrap());
    refused(&desk.commit(&path, json!({})).await, 422, "csv.unreadable", "`columns`");
    let named = json!({"columns": {"quand": "date", "quoi": "campaign", "combien": "cost"}});
    desk.call(Method::PUT, &format!("{path}/mapping"), named).await;
    assert_eq!(desk.commit(&path, json!({})).await.status, 200);
    assert_eq!(sum(&desk.world, COST).await, "16.45".parse().unwrap());
}

#[tokio::test]
async fn a_file_that_is_none_too_large_or_not_allowed_is_refused() {
    let desk = Desk::new().await;
    refused(&desk.send("moods", ADS).await, 422, "import.dataset", "'moods' is not a kind of export");
    refused(&desk.send("ads", "").await, 422, "csv.unreadable", "The file is empty");
    let form = Form::new().text("dataset", "ads");
    let request = desk.served.request(Method::POST, "/api/imports", &desk.token).multipart(form);
    refused(&reply(request.send().await.unwrap()).await, 400, "import.form", "lacks the field `file`");
    let json = desk.call(Method::POST, "/api/imports", json!({"dataset": "ads"})).await;
    refused(&json, 400, "import.form", "multipart/form-data");
    let line = "2025-09-01,Harvest,1,1,0\n";
    // Larger than other bodies may be, and than a file may be.
    let large = format!("Day,Campaign,Cost,Clicks,Conversions\n{}", line.repeat(60_000));
    assert!(large.len() > 1 << 20);
    assert_eq!(desk.send("ads", large).await.status, 201);
    refused(&desk.send("ads", vec![b'a'; (100 << 20) + 1]).await, 413, "csv.too_large", "at most 100 MiB");
    for actor in [&desk.world.viewer, &desk.world.approver, &desk.world.compliance] {
        let token = desk.served.session(actor).await;
        refused(&desk.send_as(&token, "ads", ADS).await, 403, "permission.missing", "may import data");
    }
    let path = desk.sent("ads", ADS).await;
    let other = desk.world.other_org().await;
    let token = desk.served.session(&other.admin).await;
    for (method, tail) in
        [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/preview"), (Method::POST, "/commit")]
    {
        let request = desk.served.request(method.clone(), &format!("{path}{tail}"), &token).json(&json!({}));
        assert_eq!(request.send().await.unwrap().status(), 404, "{method} {tail}");
    }
    assert_eq!(desk.call(Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(desk.call(Method::GET, &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn two_commits_at_once_import_once_and_a_file_waits_for_a_day() {
    let desk = Desk::new().await;
    let path = desk.sent("ads", ADS).await;
    let (one, two) = tokio::join!(desk.commit(&path, json!({})), desk.commit(&path, json!({})));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.body, two.body);
    assert_eq!(sum(&desk.world, COST).await, "31.75".parse().unwrap());
    assert_eq!(desk.state(&path).await, "done");

    let left = desk.sent("ads", &ADS.replace("Harvest", "Autumn")).await;
    desk.world.clock.advance(Duration::from_secs(11 * 3600));
    cleanup::run(desk.world.round()).await.unwrap();
    assert_eq!(sum(&desk.world, KEPT).await, Decimal::ONE);
    desk.world.clock.advance(Duration::from_secs(14 * 3600));
    cleanup::run(desk.world.round()).await.unwrap();
    assert_eq!(sum(&desk.world, KEPT).await, Decimal::ZERO);
    let later = Desk { token: desk.served.session(&desk.world.marketer).await, ..desk };
    let gone = later.call(Method::GET, &left, Value::Null).await.body;
    assert_eq!(
        (&gone["state"], &gone["counts"]["error"]),
        (&json!("failed"), &json!("import.expired")),
        "{gone}"
    );
    refused(&later.commit(&left, json!({})).await, 410, "import.expired", "Send it again");
}

#[tokio::test]
async fn addresses_of_people_are_not_shown_in_a_preview() {
    let desk = Desk::new().await;
    let orders = "Order ID,Created at,Email,Total\n1,2025-09-01 10:00,mara@fernhill.example,30\n";
    let sent = desk.send("orders", orders).await;
    assert!(!sent.body.to_string().contains("fernhill.example"), "{}", sent.body);
    let path = format!("/api/imports/{}", sent.body["import_id"].as_str().unwrap());
    let preview = desk.preview(&path).await;
    assert_eq!(preview["rows"][0]["fields"]["email"], "•••", "{preview}");
    assert!(!preview.to_string().contains("fernhill.example"), "{preview}");
    assert_eq!(desk.commit(&path, json!({})).await.status, 200);
    assert_eq!(sum(&desk.world, "select count(*)::numeric from orders").await, Decimal::ONE);
}
