//! Klaviyo's JSON:API as it answers: a dated revision, lists with links to what follows, reports that know their statistics.
use crate::connectors::fake::{Asked, Knobs, Platform};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Map, Value, json};

pub const ACCOUNT: &str = "FRN123";
pub const NEWEST: Date = date(2025, 9, 17);
/// The metric of orders; the others are none.
pub const ORDERED: &str = "RESQ6t";

#[derive(Default)]
pub struct FakeKlaviyo {
    /// The account has no shop.
    pub no_orders: bool,
    /// All people changed in one second.
    pub at_once: bool,
    /// Reports come in two pages.
    pub paged: bool,
    /// The second page of a report names itself as the next one.
    pub stuck: bool,
}

fn error(status: u16, code: &str, detail: &str) -> (u16, Value) {
    let error = json!({"id": "e-1", "status": status, "code": code, "title": "An error", "detail": detail});
    (status, json!({ "errors": [error] }))
}

fn thing(sort: &str, id: &str, attributes: Value) -> Value {
    json!({"type": sort, "id": id, "attributes": attributes, "links": {"self": format!("https://a.klaviyo.com/api/{sort}s/{id}")}})
}

/// The moment a campaign of a day was sent, as UTC.
fn sent(day: Date, zone: &str) -> Timestamp {
    day.at(1, 0, 0, 0).to_zoned(TimeZone::get(zone).unwrap()).unwrap().timestamp()
}

fn days() -> impl Iterator<Item = Date> {
    (0..120).map(|n: i64| NEWEST.saturating_sub(n.days()))
}

/// One a day, and a draft.
fn campaigns(knobs: &Knobs) -> Vec<Value> {
    let row = |id: String, name: String, status: &str, at: Option<Timestamp>| {
        thing(
            "campaign",
            &id,
            json!({"name": name, "status": status, "archived": false,
            "audiences": {"included": ["L1"], "excluded": []}, "send_options": {"use_smart_sending": true},
            "tracking_options": {}, "send_strategy": {"method": "immediate"}, "created_at": "2025-01-01T08:00:00+00:00",
            "scheduled_at": null, "updated_at": "2025-01-01T08:00:00+00:00", "send_time": at.map(|at| at.to_string())}),
        )
    };
    let of =
        |day: Date| row(format!("C{day}"), format!("News of {day}"), "Sent", Some(sent(day, &knobs.zone)));
    days().map(of).chain([row("C-draft".to_owned(), "Christmas".to_owned(), "Draft", None)]).collect()
}

fn flows() -> Vec<Value> {
    let row = |id: &str, name: &str, status: &str| {
        thing(
            "flow",
            id,
            json!({"name": name, "status": status, "archived": false, "created": "2025-01-01T08:00:00+00:00",
            "updated": "2025-01-01T08:00:00+00:00", "trigger_type": "Added to List"}),
        )
    };
    vec![row("F1", "Welcome", "live"), row("F2", "Win back", "manual")]
}

fn metrics(no_orders: bool) -> Vec<Value> {
    let row = |id: &str, name: &str| {
        thing(
            "metric",
            id,
            json!({"name": name, "created": "2025-01-01T08:00:00+00:00",
        "updated": "2025-01-01T08:00:00+00:00", "integration": {"id": "INT001", "name": "API"}}),
        )
    };
    let ordered = (!no_orders).then(|| row(ORDERED, "Placed Order"));
    [row("MOPENS", "Opened Email")].into_iter().chain(ordered).collect()
}

/// Ten people; the third unsubscribed, the fifth is suppressed, the seventh has no address.
fn profiles(knobs: &Knobs, whole: bool, at_once: bool) -> Vec<Value> {
    let row = |n: i64| {
        let moved = n == 2 && knobs.restated.is_some();
        let updated = if moved {
            "2025-09-17T14:30:00+00:00".to_owned()
        } else if at_once {
            "2025-09-10T06:00:00+00:00".to_owned()
        } else {
            format!("2025-09-{n:02}T06:00:00+00:00")
        };
        let email = if moved { "new@lakeside.example".to_owned() } else { format!("p{n}@lakeside.example") };
        let marketing = |consent: &str, suppressions: Value| {
            json!({"email": {"marketing": {"can_receive_email_marketing": true,
            "consent": consent, "timestamp": "2025-06-30T08:00:00+00:00", "suppressions": suppressions, "list_suppressions": []}}, "sms": null})
        };
        let mut attributes = json!({"email": if n == 7 { Value::Null } else { json!(email) }, "phone_number": "+41440000000", "first_name": "Ada",
            "last_name": "Lovelace", "created": "2025-01-01T08:00:00+00:00", "updated": updated, "properties": {"shoe": 38},
            "location": {"city": "Zug", "country": "CH"}});
        if whole {
            attributes["subscriptions"] = match n {
                3 => marketing("UNSUBSCRIBED", json!([])),
                4 => marketing("SUBSCRIBED", json!([])),
                5 => marketing(
                    "SUBSCRIBED",
                    json!([{"reason": "HARD_BOUNCE", "timestamp": "2025-07-01T08:00:00+00:00"}]),
                ),
                _ => marketing("NEVER_SUBSCRIBED", json!([])),
            };
        }
        thing("profile", &format!("P{n}"), attributes)
    };
    (1..=10).map(row).collect()
}

const STATISTICS: [&str; 8] = [
    "recipients",
    "opens_unique",
    "clicks_unique",
    "bounced",
    "unsubscribe_uniques",
    "spam_complaints",
    "conversions",
    "conversion_value",
];

fn statistics(day: Date, share: i64, knobs: &Knobs) -> Map<String, Value> {
    let base = i64::from(day.day()) * share;
    let moved = if knobs.restated == Some(day) { 5 } else { 0 };
    let figures = [
        json!(base * 100),
        json!(base * 30 + moved),
        json!(base * 4),
        json!(base),
        json!(1),
        json!(0),
        json!(base),
        json!(format!("{base}.50").parse::<f64>().unwrap()),
    ];
    let mut out: Map<String, Value> = STATISTICS.iter().map(|name| (*name).to_owned()).zip(figures).collect();
    if knobs.missing_field {
        out.remove("recipients");
    }
    if knobs.unknown_field {
        out.insert("mood".to_owned(), json!(1));
    }
    out
}

/// The days of a timeframe, its end not among them.
fn timeframe(attributes: &Value, longest: i64) -> Option<(Timestamp, Timestamp)> {
    let of = |name: &str| attributes["timeframe"][name].as_str()?.parse::<Timestamp>().ok();
    let (start, end) = (of("start")?, of("end")?);
    let days = end.duration_since(start).as_hours() / 24;
    ((1..=longest).contains(&days)).then_some((start, end))
}

impl FakeKlaviyo {
    fn report(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let body = asked.json();
        let (sort, attributes) = (&body["data"]["type"], &body["data"]["attributes"]);
        let series = asked.path == "/api/flow-series-reports";
        if sort != if series { "flow-series-report" } else { "campaign-values-report" } {
            return error(400, "invalid", "type");
        }
        let known = metrics(self.no_orders);
        if !known.iter().any(|metric| metric["id"] == attributes["conversion_metric_id"]) {
            return error(400, "invalid", "conversion_metric_id is not a metric of this account");
        }
        if attributes["filter"] != "equals(send_channel,\"email\")" {
            return error(400, "invalid", "filter");
        }
        let wanted = attributes["statistics"].as_array().cloned().unwrap_or_default();
        if wanted != STATISTICS.map(|name| json!(name)) {
            return error(400, "invalid", "statistics");
        }
        let longest = if series { 60 } else { 366 };
        let Some((start, end)) = timeframe(attributes, longest) else {
            return error(400, "invalid", "The timeframe is too long for this report.");
        };
        // A place is the API's own: nothing that could be counted up.
        let second = match asked.parameters().get("page_cursor").map(String::as_str) {
            None => false,
            Some("bmV4dA==") if self.paged => true,
            Some(_) => return error(400, "invalid", "page_cursor"),
        };
        let part = |results: Vec<Value>| -> Vec<Value> {
            let half = results.len().div_ceil(2);
            match (self.paged, second) {
                (false, _) => results,
                (true, false) => results.into_iter().take(half).collect(),
                (true, true) => results.into_iter().skip(half).collect(),
            }
        };
        let next = (self.paged && (!second || self.stuck))
            .then(|| format!("https://a.klaviyo.com{}?page_cursor=bmV4dA%3D%3D", asked.path));
        let links = json!({"self": "", "next": next, "prev": null});
        let inside = |day: &Date| (start..end).contains(&sent(*day, &knobs.zone));
        if !series {
            let sent = days().filter(inside).filter(|_| !knobs.empty);
            let results: Vec<Value> = sent
                .map(|day| json!({"groupings": {"send_channel": "email", "campaign_id": format!("C{day}"), "campaign_message_id": "m"},
                    "statistics": statistics(day, 1, knobs)}))
                .collect();
            return (
                200,
                json!({"data": {"type": sort, "attributes": {"results": part(results)}}, "links": links}),
            );
        }
        if attributes["interval"] != "daily" {
            return error(400, "invalid", "interval");
        }
        let first = start.to_zoned(TimeZone::get(&knobs.zone).unwrap()).date();
        let all: Vec<Date> = first.series(1.day()).take_while(|day| sent(*day, &knobs.zone) < end).collect();
        // Two messages of the flow that goes out by itself.
        let message = |id: &str| {
            let mut lists = Map::new();
            for day in &all {
                for (name, figure) in statistics(*day, 2, knobs) {
                    lists.entry(name).or_insert_with(|| json!([])).as_array_mut().unwrap().push(figure);
                }
            }
            json!({"groupings": {"flow_id": "F1", "send_channel": "email", "flow_message_id": id}, "statistics": lists})
        };
        let results = if knobs.empty { Vec::new() } else { vec![message("m1"), message("m2")] };
        let times: Vec<String> = all.iter().map(|day| format!("{day}T00:00:00+00:00")).collect();
        let attributes = json!({"results": part(results), "date_times": times});
        (200, json!({"data": {"type": sort, "attributes": attributes}, "links": links}))
    }

    fn list(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let parameters = asked.parameters();
        let of = |name: &str| parameters.get(name).map(String::as_str);
        let known: &[&str] = match asked.path.as_str() {
            "/api/metrics" => &[],
            "/api/campaigns" => &["filter"],
            "/api/flows" => &["page[size]"],
            "/api/profiles" => &["filter", "sort", "page[size]", "additional-fields[profile]"],
            _ => return error(404, "not_found", "There is nothing here."),
        };
        if let Some(name) =
            parameters.keys().find(|name| *name != "page[cursor]" && !known.contains(&name.as_str()))
        {
            return error(400, "invalid", &format!("{name} is not a parameter of this list."));
        }
        let most = if asked.path == "/api/flows" { 50 } else { 100 };
        let size = of("page[size]")
            .map_or(Some(most), |text| text.parse().ok().filter(|size| (1..=most).contains(size)));
        let Some(size) = size else { return error(400, "invalid", "page[size]") };
        let mut rows = match asked.path.as_str() {
            "/api/metrics" => metrics(self.no_orders),
            "/api/campaigns" if of("filter") != Some("equals(messages.channel,'email')") => {
                return error(400, "invalid", "A channel filter is required to list campaigns.");
            }
            "/api/campaigns" => campaigns(knobs),
            "/api/flows" => flows(),
            _ => profiles(knobs, of("additional-fields[profile]") == Some("subscriptions"), self.at_once),
        };
        if asked.path == "/api/profiles" {
            if of("sort") != Some("updated") {
                return error(400, "invalid", "sort");
            }
            let updated =
                |row: &Value| row["attributes"]["updated"].as_str().unwrap().parse::<Timestamp>().unwrap();
            rows.sort_by_key(updated);
            if let Some(filter) = of("filter") {
                let since =
                    filter.strip_prefix("greater-than(updated,").and_then(|text| text.strip_suffix(')'));
                let Some(since) = since.and_then(|text| text.parse::<Timestamp>().ok()) else {
                    return error(400, "invalid", "filter");
                };
                rows.retain(|row| updated(row) > since);
            }
        }
        // The account has its metrics from the first day on.
        if knobs.empty && asked.path != "/api/metrics" {
            rows.clear();
        }
        for row in &mut rows {
            let attributes = row["attributes"].as_object_mut().unwrap();
            if knobs.unknown_field {
                attributes.insert("mood".to_owned(), json!("sunny"));
            }
            if knobs.missing_field && asked.path != "/api/metrics" {
                attributes.remove("updated");
                attributes.remove("status");
            }
        }
        let Ok(skip) = of("page[cursor]").map_or(Ok(0), str::parse::<usize>) else {
            return error(400, "invalid", "page[cursor]");
        };
        let skip = if knobs.repeat { 0 } else { skip };
        let total = rows.len();
        let shown: Vec<Value> = rows.into_iter().skip(skip).take(size.min(knobs.page)).collect();
        let after = skip + shown.len();
        let next = (after < total).then(|| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(parameters.iter().filter(|(name, _)| *name != "page[cursor]"));
            query.append_pair("page[cursor]", &after.to_string());
            format!("http://{}{}?{}", asked.header("host"), asked.path, query.finish())
        });
        (200, json!({"data": shown, "links": {"self": "", "next": next, "prev": null}}))
    }
}

impl Platform for FakeKlaviyo {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.header("authorization") != format!("Klaviyo-API-Key {}", knobs.secret) {
            return error(401, "not_authenticated", "Authentication credentials were not provided.");
        }
        if asked.header("revision").parse::<Date>().is_err() {
            return error(400, "invalid", "A revision header is required.");
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/api/campaign-values-reports" | "/api/flow-series-reports") => {
                self.report(asked, knobs)
            }
            ("GET", "/api/accounts") => {
                let account = json!({"contact_information": {"organization_name": "Fernhill"}, "preferred_currency": "EUR",
                    "timezone": knobs.zone, "public_api_key": ACCOUNT});
                (200, json!({"data": [thing("account", ACCOUNT, account)], "links": {"next": null}}))
            }
            ("GET", path) if path.starts_with("/api/profiles/") => {
                let id = path.trim_start_matches("/api/profiles/");
                let whole = asked.query.contains("subscriptions");
                match profiles(knobs, whole, self.at_once).into_iter().find(|row| row["id"] == id) {
                    Some(row) => (200, json!({ "data": row })),
                    None => error(404, "not_found", "A profile with this id does not exist."),
                }
            }
            ("GET", _) => self.list(asked, knobs),
            _ => error(405, "method_not_allowed", "Method not allowed"),
        }
    }
}
