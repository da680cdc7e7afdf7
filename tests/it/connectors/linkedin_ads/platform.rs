//! LinkedIn's Marketing API as it answers: versioned headers, Rest.li queries, reports without pages that stop silently.
use crate::connectors::fake::{Asked, Knobs, Platform};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

pub const ACCOUNT: u64 = 500_100_200;

/// How this LinkedIn behaves.
#[derive(Clone, Copy)]
pub struct FakeLinkedIn {
    /// Creatives there are.
    pub creatives: u64,
    /// Seconds until the consent ends.
    pub consent_s: u64,
    /// Instead of an answer for data.
    pub refusal: Option<(u16, &'static str, &'static str)>,
}

pub const PLAIN: FakeLinkedIn = FakeLinkedIn { creatives: 3, consent_s: 31_000_000, refusal: None };

fn error(status: u16, code: &str, message: &str) -> (u16, Value) {
    (status, json!({"status": status, "code": code, "message": message}))
}

/// An access token holds the canary too.
fn access(knobs: &Knobs) -> String {
    format!("{}-access", knobs.secret)
}

impl FakeLinkedIn {
    fn token(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let form = asked.form();
        let has = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
        let refused =
            |status, error: &str| (status, json!({"error": error, "error_description": "Refused."}));
        if asked.method != "POST" || !has("grant_type", "refresh_token") {
            return refused(400, "unsupported_grant_type");
        }
        if !has("client_secret", &knobs.secret) || !form.contains_key("client_id") {
            return refused(401, "invalid_client");
        }
        if !has("refresh_token", &knobs.secret) {
            return refused(400, "invalid_grant");
        }
        let token = json!({"access_token": access(knobs), "expires_in": 5_184_000, "refresh_token": knobs.secret,
            "refresh_token_expires_in": self.consent_s, "scope": "r_ads,r_ads_reporting"});
        (200, token)
    }

    fn refusal(asked: &Asked, knobs: &Knobs) -> Option<(u16, Value)> {
        if asked.method != "GET" {
            return Some(error(405, "METHOD_NOT_ALLOWED", "Method not allowed."));
        }
        if asked.header("authorization") != format!("Bearer {}", access(knobs)) {
            return Some(error(401, "INVALID_ACCESS_TOKEN", "Invalid access token"));
        }
        let version = asked.header("linkedin-version");
        if version.len() != 6 || !version.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(error(400, "VERSION_MISSING", "A version must be present."));
        }
        if version < "202512" {
            return Some(error(426, "NONEXISTENT_VERSION", "Requested version is not active."));
        }
        if asked.header("x-restli-protocol-version") != "2.0.0" {
            return Some(error(400, "ILLEGAL_ARGUMENT", "Syntax exception in path variables."));
        }
        None
    }

    fn report(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        // The address as it was written: Rest.li takes its parentheses and colons plain, and those of a URN encoded once.
        let part =
            |name: &str| asked.query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        let wrong = || error(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request");
        let fields: Vec<&str> = part("fields").unwrap_or("impressions,clicks").split(',').collect();
        if part("q") != Some("analytics") || part("timeGranularity") != Some("DAILY") || fields.len() > 20 {
            return wrong();
        }
        if part("accounts") != Some(&*format!("List(urn%3Ali%3AsponsoredAccount%3A{ACCOUNT})")) {
            return wrong();
        }
        let Some((first, last)) = part("dateRange").and_then(range) else { return wrong() };
        let (urn, ids): (&str, Vec<u64>) = match part("pivot") {
            Some("CAMPAIGN") => ("sponsoredCampaign", (0..2).map(|n| 160_000_640 + n).collect()),
            Some("ACCOUNT") => ("sponsoredAccount", vec![ACCOUNT]),
            Some("CREATIVE") => ("sponsoredCreative", (0..self.creatives).map(|n| 130_000_720 + n).collect()),
            _ => return wrong(),
        };
        let mut elements = Vec::new();
        for day in first.series(1.day()).take_while(|day| *day <= last && !knobs.empty) {
            for id in &ids {
                let n = i64::try_from(id % 10).unwrap();
                let base = i64::from(day.day()) + 10 * (n + 1);
                let moved = if knobs.restated == Some(day) { 5 } else { 0 };
                let at = json!({"year": day.year(), "month": day.month(), "day": day.day()});
                let whole = json!({"dateRange": {"start": at, "end": at}, "pivotValues": [format!("urn:li:{urn}:{id}")],
                    "impressions": base * 100, "clicks": base + moved, "landingPageClicks": base - 1,
                    "costInLocalCurrency": format!("{base}.20000000000000001"), "externalWebsiteConversions": n + moved,
                    "conversionValueInLocalCurrency": format!("{}.{:02}", n * 1_050 / 100, n * 1_050 % 100), "oneClickLeads": 7});
                let mut element = whole.as_object().unwrap().clone();
                element.retain(|name, _| fields.contains(&name.as_str()));
                if knobs.unknown_field {
                    element.insert("mood".to_owned(), json!("sunny"));
                }
                if knobs.missing_field {
                    element.remove("costInLocalCurrency");
                }
                elements.push(Value::Object(element));
            }
        }
        // There is more, and nothing says so.
        elements.truncate(15_000);
        (200, json!({"elements": elements, "paging": {"start": 0, "count": 10, "links": []}}))
    }

    fn things(asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let parameters = asked.parameters();
        let what = asked.path.rsplit('/').next().unwrap();
        let (finder, mut rows) = match what {
            "adCampaignGroups" => ("search", groups()),
            "adCampaigns" => ("search", campaigns(knobs)),
            "creatives" => ("criteria", creatives()),
            _ => return error(404, "NOT_FOUND", "No virtual resource found"),
        };
        let size = parameters.get("pageSize").and_then(|text| text.parse::<usize>().ok()).unwrap_or(100);
        if parameters.get("q").map(String::as_str) != Some(finder) || !(1..=1_000).contains(&size) {
            return error(400, "ILLEGAL_ARGUMENT", "No finder of this name");
        }
        if finder == "search" {
            // Who names no states is not told of what was removed; a group cannot be completed.
            let search = asked
                .query
                .split('&')
                .find_map(|pair| pair.strip_prefix("search="))
                .unwrap_or("(status:(values:List(ACTIVE)))");
            let states =
                search.strip_prefix("(status:(values:List(").and_then(|rest| rest.strip_suffix(")))"));
            let Some(states) = states.map(|states| states.split(',').collect::<Vec<_>>()) else {
                return error(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request");
            };
            if what == "adCampaignGroups" && states.contains(&"COMPLETED") {
                return error(400, "ILLEGAL_ARGUMENT", "COMPLETED is no state of a campaign group");
            }
            rows.retain(|row| states.contains(&row["status"].as_str().unwrap()));
        }
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            if knobs.unknown_field {
                row.insert("mood".to_owned(), json!("sunny"));
            }
            if knobs.missing_field {
                row.remove("status");
                row.remove("intendedStatus");
            }
        }
        if knobs.empty {
            rows.clear();
        }
        let from = match parameters.get("pageToken").map(|token| token.strip_prefix("t+/=")) {
            None => 0,
            Some(Some(number)) => number.parse().unwrap(),
            Some(None) => return error(400, "ILLEGAL_ARGUMENT", "Unknown page token"),
        };
        let (from, size) = (if knobs.repeat { 0 } else { from }, size.min(knobs.page));
        let total = rows.len();
        let shown: Vec<Value> = rows.into_iter().skip(from).take(size).collect();
        let metadata = if from + size < total {
            json!({"nextPageToken": format!("t+/={}", from + size)})
        } else {
            json!({})
        };
        (200, json!({"elements": shown, "metadata": metadata}))
    }
}

/// `(start:(year:2026,month:1,day:1),end:(year:2026,month:1,day:7))`
fn range(text: &str) -> Option<(Date, Date)> {
    let date = |text: &str| {
        let (year, rest) = text.strip_prefix("(year:")?.split_once(",month:")?;
        let (month, day) = rest.strip_suffix(')')?.split_once(",day:")?;
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    };
    let (start, end) = text.strip_prefix("(start:")?.strip_suffix(')')?.split_once(",end:")?;
    Some((date(start)?, date(end)?))
}

fn groups() -> Vec<Value> {
    ["Spring", "Autumn"]
        .iter()
        .enumerate()
        .map(|(n, name)| {
            json!({"id": 610_000_650 + n, "name": name, "account": format!("urn:li:sponsoredAccount:{ACCOUNT}"), "status": "ACTIVE",
                "runSchedule": {"start": 1_746_057_600_000_i64}, "servingStatuses": ["RUNNABLE"], "test": false})
        })
        .collect()
}

fn campaigns(knobs: &Knobs) -> Vec<Value> {
    let states = [
        "ACTIVE",
        "PAUSED",
        "DRAFT",
        "COMPLETED",
        "CANCELED",
        "ARCHIVED",
        "REMOVED",
        "PENDING_DELETION",
        "ACTIVE",
        "ACTIVE",
    ];
    let row = |(n, state): (usize, &&str)| {
        let amount = if n == 0 && knobs.restated.is_some() { "75.5" } else { "50" };
        json!({"id": 160_000_640 + n, "name": format!("Campaign {n}"), "account": format!("urn:li:sponsoredAccount:{ACCOUNT}"), "status": state,
            "campaignGroup": format!("urn:li:sponsoredCampaignGroup:{}", 610_000_650 + n % 2), "objectiveType": "LEAD_GENERATION",
            "costType": "CPM", "optimizationTargetType": "MAX_LEAD", "dailyBudget": {"currencyCode": "EUR", "amount": amount},
            "runSchedule": {"start": 1_746_057_600_000_i64}, "servingStatuses": ["RUNNABLE"], "type": "SPONSORED_UPDATES",
            "format": "STANDARD_UPDATE", "version": {"versionTag": "7"}})
    };
    states.iter().enumerate().map(row).collect()
}

fn creatives() -> Vec<Value> {
    let row = |n: u64, content: Value, review: &str| {
        json!({"id": format!("urn:li:sponsoredCreative:{}", 130_000_720 + n), "name": format!("Picture {n}"),
            "account": format!("urn:li:sponsoredAccount:{ACCOUNT}"), "campaign": "urn:li:sponsoredCampaign:160000640",
            "content": content, "intendedStatus": "ACTIVE", "isServing": true, "review": {"status": review},
            "createdAt": 1_746_057_600_000_i64})
    };
    vec![
        row(0, json!({"reference": "urn:li:share:6800000000000000001"}), "APPROVED"),
        row(
            1,
            json!({"textAd": {"headline": "Dry at last", "description": "Tents", "landingPage": "https://fernhill.example/"}}),
            "REJECTED",
        ),
    ]
}

impl Platform for FakeLinkedIn {
    fn is_data(&self, asked: &Asked) -> bool {
        asked.path.starts_with("/rest/")
    }

    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if asked.path == "/oauth/v2/accessToken" {
            return self.token(asked, knobs);
        }
        if let Some(refusal) = Self::refusal(asked, knobs) {
            return refusal;
        }
        let own = format!("/rest/adAccounts/{ACCOUNT}");
        if asked.path == own {
            return (
                200,
                json!({"id": ACCOUNT, "name": "Fernhill", "currency": "EUR", "status": "ACTIVE", "type": "BUSINESS"}),
            );
        }
        if let Some((status, code, message)) = self.refusal {
            return error(status, code, message);
        }
        if asked.path == "/rest/adAnalytics" {
            return self.report(asked, knobs);
        }
        if asked.path.starts_with(&own) {
            return Self::things(asked, knobs);
        }
        error(403, "ACCESS_DENIED", "Not enough permissions to access this account.")
    }
}
