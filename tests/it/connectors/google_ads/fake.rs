//! Google Ads as it answers: `googleAds:search` with a query that is taken apart, and refused when the platform would.
use crate::connectors::fake::{Asked, Knobs, Platform};
use crate::connectors::google;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const ACCOUNT: &str = "1234567890";
const SEARCH: &str = "/v24/customers/1234567890/googleAds:search";

/// Fields that may be selected from a resource, its own and those of resources that it belongs to.
fn selectable(resource: &str) -> &'static [&'static str] {
    match resource {
        "customer" => &["id", "descriptive_name", "currency_code", "time_zone", "manager"],
        "campaign" => &[
            "id",
            "name",
            "status",
            "advertising_channel_type",
            "bidding_strategy_type",
            "final_url_suffix",
            "start_date_time",
            "end_date_time",
        ],
        "campaign_budget" => {
            &["id", "amount_micros", "total_amount_micros", "explicitly_shared", "reference_count"]
        }
        "ad_group" => &["id", "name", "status", "type", "cpc_bid_micros"],
        "ad_group_ad" => &[
            "status",
            "ad_strength",
            "policy_summary.approval_status",
            "ad.id",
            "ad.name",
            "ad.type",
            "ad.final_urls",
            "ad.responsive_search_ad.headlines",
            "ad.responsive_search_ad.descriptions",
            "ad.responsive_display_ad.headlines",
            "ad.responsive_display_ad.descriptions",
        ],
        "ad_group_criterion" => &[
            "criterion_id",
            "status",
            "negative",
            "type",
            "keyword.text",
            "keyword.match_type",
            "effective_cpc_bid_micros",
            "quality_info.quality_score",
            "quality_info.creative_quality_score",
            "quality_info.post_click_quality_score",
        ],
        "search_term_view" => &["search_term", "status"],
        "campaign_search_term_view" => &["search_term"],
        "metrics" => &["impressions", "clicks", "cost_micros", "conversions", "conversions_value"],
        _ => &[],
    }
}

/// Resources whose fields a query of one may select, and the segments and further metrics it has.
fn joined(from: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    let shares = &[
        "segments.date",
        "segments.device",
        "metrics.search_impression_share",
        "metrics.search_budget_lost_impression_share",
        "metrics.search_rank_lost_impression_share",
    ];
    Some(match from {
        "customer" => (&["customer", "metrics"], &["segments.date"]),
        "campaign" => (&["campaign", "campaign_budget", "customer", "metrics"], shares),
        "ad_group" => {
            (&["ad_group", "campaign", "customer", "metrics"], &["segments.date", "segments.device"])
        }
        "ad_group_ad" => {
            (&["ad_group_ad", "ad_group", "campaign", "metrics"], &["segments.date", "segments.device"])
        }
        "ad_group_criterion" => (&["ad_group_criterion", "ad_group", "campaign"], &[]),
        "keyword_view" => (
            &["ad_group_criterion", "ad_group", "campaign", "metrics"],
            &["segments.date", "segments.device"],
        ),
        "search_term_view" => (
            &["search_term_view", "ad_group", "campaign", "metrics"],
            &["segments.date", "segments.search_term_match_type"],
        ),
        "campaign_search_term_view" => {
            (&["campaign_search_term_view", "campaign", "metrics"], &["segments.date"])
        }
        _ => return None,
    })
}

/// A query, taken apart.
struct Gaql {
    fields: Vec<String>,
    from: String,
    days: Option<(Date, Date)>,
    channel: Option<String>,
}

fn refused(kind: &str, name: &str, message: &str) -> (u16, Value) {
    let failure = json!({
        "@type": "type.googleapis.com/google.ads.googleads.v24.errors.GoogleAdsFailure",
        "errors": [{"errorCode": {kind: name}, "message": message}],
        "requestId": "made-up-1",
    });
    let mut answer = google::error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.");
    answer.1["error"]["details"] = json!([failure]);
    answer
}

fn read(query: &str) -> Result<Gaql, (u16, Value)> {
    let wrong = |name: &str, said: String| refused("queryError", name, &said);
    let rest = query
        .strip_prefix("SELECT ")
        .ok_or_else(|| wrong("UNEXPECTED_INPUT", "Error in query: unexpected input.".to_owned()))?;
    let (select, rest) = rest
        .split_once(" FROM ")
        .ok_or_else(|| wrong("EXPECTED_FROM", "Error in FROM clause: it is missing.".to_owned()))?;
    let (from, condition) =
        rest.split_once(" WHERE ").map_or((rest, None), |(from, rest)| (from, Some(rest)));
    let (resources, others) = joined(from)
        .ok_or_else(|| wrong("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", format!("'{from}' is none.")))?;
    let fields: Vec<String> = select.split(", ").map(str::to_owned).collect();
    for field in &fields {
        let (resource, name) = field.split_once('.').unwrap_or((field, ""));
        let known = resources.contains(&resource) && selectable(resource).contains(&name);
        if !known && !others.contains(&field.as_str()) {
            return Err(wrong("UNRECOGNIZED_FIELD", format!("Unrecognized field in the query: '{field}'.")));
        }
    }
    let mut read = Gaql { fields, from: from.to_owned(), days: None, channel: None };
    let mut condition = condition.unwrap_or_default();
    if let Some(rest) = condition.strip_prefix("segments.date BETWEEN '") {
        let (first, rest) = rest.split_once("' AND '").unwrap();
        let (last, rest) = rest.split_once('\'').unwrap();
        let (first, last): (Date, Date) = (first.parse().unwrap(), last.parse().unwrap());
        if last < first {
            return Err(wrong("INVALID_DATE_RANGE", "The date range is empty.".to_owned()));
        }
        read.days = Some((first, last));
        condition = rest.strip_prefix(" AND ").unwrap_or(rest);
    }
    let core = read.fields.iter().any(|field| field.starts_with("segments."));
    if core && read.days.is_none() {
        let said = "A finite date range must be in the WHERE clause when a core date segment is selected.";
        return Err(wrong("MISALIGNED_DATE_FOR_FILTER", said.to_owned()));
    }
    match condition {
        "" | "ad_group_criterion.type = 'KEYWORD'" => {}
        "campaign.advertising_channel_type = 'PERFORMANCE_MAX'" => {
            read.channel = Some("PERFORMANCE_MAX".to_owned());
        }
        other => return Err(wrong("BAD_OPERATOR", format!("Error in WHERE clause: {other}"))),
    }
    Ok(read)
}

/// Channel type and state of the campaigns 1 to 11; the first three have figures.
fn campaign(n: i64) -> Value {
    let kind = ["SEARCH", "PERFORMANCE_MAX", "VIDEO", "SHOPPING"][usize::try_from((n - 1) % 4).unwrap()];
    let status = ["ENABLED", "ENABLED", "PAUSED", "REMOVED"][usize::try_from((n - 1) % 4).unwrap()];
    json!({
        "resourceName": format!("customers/{ACCOUNT}/campaigns/{n}"), "id": n.to_string(),
        "name": format!("Autumn {n}"), "status": status, "advertisingChannelType": kind,
        "biddingStrategyType": "MAXIMIZE_CONVERSIONS", "startDateTime": "2024-03-01 00:00:00",
        // The fifth one is over.
        "endDateTime": if n == 5 { "2025-08-31 23:59:59" } else { "2037-12-30 23:59:59" },
    })
}

fn metrics(n: i64, day: Date, part: i64, knobs: &Knobs) -> Value {
    let moved = if knobs.restated == Some(day) { 2.0 } else { 0.0 };
    let date = i64::from(day.day());
    json!({
        "impressions": (1000 * n / part + date).to_string(),
        "clicks": (40 + n).to_string(),
        "costMicros": (12_340_000 * n + 10_000 * date).to_string(),
        "conversions": 1.5 + moved,
        "conversionsValue": 100.25,
    })
}

impl Gaql {
    /// Rows whole; what was not selected is taken out of them afterwards.
    fn rows(&self, knobs: &Knobs, filed: &[Value]) -> Vec<Value> {
        if let (Some((first, last)), false) = (self.days, filed.is_empty()) {
            let by_device = self.fields.iter().any(|field| field == "segments.device");
            let within = |row: &&Value| {
                let day: Date = row["segments"]["date"].as_str().unwrap().parse().unwrap();
                first <= day && day <= last && row["segments"].get("device").is_some() == by_device
            };
            return filed.iter().filter(within).cloned().collect();
        }
        let mut rows = Vec::new();
        let days: Vec<Option<Date>> = match self.days {
            Some((first, last)) => first.series(1.day()).take_while(|day| *day <= last).map(Some).collect(),
            None => vec![None],
        };
        for day in days {
            if let (Some(day), "customer") = (day, self.from.as_str()) {
                // Half a euro a day was spent on what is no campaign any more.
                let mut metrics = metrics(6, day, 1, knobs);
                let micros: i64 = (1..=3).map(|n| 12_340_000 * n + 10_000 * i64::from(day.day())).sum();
                metrics["costMicros"] = json!((micros + 500_000).to_string());
                rows.push(
                    json!({"customer": {"id": ACCOUNT}, "metrics": metrics, "segments": {"date": day}}),
                );
                continue;
            }
            for n in 1..=if day.is_some() { 3 } else { 11 } {
                let campaign = campaign(n);
                if self.channel.as_ref().is_some_and(|kind| campaign["advertisingChannelType"] != **kind) {
                    continue;
                }
                let budget = 50_000_000 + if knobs.restated.is_some() && n == 1 { 5_000_000 } else { 0 };
                let mut row = json!({
                    "campaign": campaign,
                    "campaignBudget": {"id": (900 + n).to_string(), "amountMicros": budget.to_string(),
                        "explicitlyShared": n == 2, "referenceCount": "1"},
                    "adGroup": {"id": (n * 10).to_string(), "name": format!("Group {n}"), "status": "ENABLED",
                        "type": "SEARCH_STANDARD", "cpcBidMicros": "750000"},
                    "adGroupAd": {"status": "ENABLED", "adStrength": "GOOD",
                        "policySummary": {"approvalStatus": "APPROVED"},
                        "ad": {"id": (n * 100).to_string(), "type": "RESPONSIVE_SEARCH_AD",
                            "finalUrls": ["https://www.fernhill.example/tents"],
                            "responsiveSearchAd": {"headlines": [{"text": "Tents for two"}, {"text": "Light tents"}],
                                "descriptions": [{"text": "Up in a minute."}]}}},
                    "adGroupCriterion": {"criterionId": "71", "status": "ENABLED", "negative": n == 3,
                        "keyword": {"text": "light tent", "matchType": "PHRASE"}, "effectiveCpcBidMicros": "640000",
                        "qualityInfo": {"qualityScore": 7, "creativeQualityScore": "ABOVE_AVERAGE",
                            "postClickQualityScore": "AVERAGE"}},
                });
                let Some(day) = day else {
                    rows.push(row);
                    continue;
                };
                row["metrics"] = metrics(n, day, 1, knobs);
                row["segments"] = json!({"date": day});
                let more = |field: &str, words: &[&str], part: i64| -> Vec<Value> {
                    let one = |word: &&str| {
                        let mut row = row.clone();
                        row["segments"][field] = json!(word);
                        row["metrics"] = metrics(n, day, part, knobs);
                        row
                    };
                    words.iter().map(one).collect()
                };
                match self.from.as_str() {
                    "campaign" if self.fields.iter().any(|field| field == "segments.device") => {
                        rows.extend(more("device", &["MOBILE", "DESKTOP"], 2));
                    }
                    "campaign" => {
                        if n == 1 {
                            row["metrics"]["searchImpressionShare"] = json!(0.5);
                            row["metrics"]["searchBudgetLostImpressionShare"] = json!(0.2);
                            row["metrics"]["searchRankLostImpressionShare"] = json!(0.3);
                        }
                        rows.push(row);
                    }
                    "campaign_search_term_view" => {
                        row["campaignSearchTermView"] = json!({"searchTerm": "tent"});
                        rows.push(row);
                    }
                    // Performance Max has nothing below its campaigns.
                    _ if row["campaign"]["advertisingChannelType"] == "PERFORMANCE_MAX" => {}
                    "search_term_view" => {
                        for mut row in more("searchTermMatchType", &["NEAR_EXACT", "EXACT", "BROAD"], 4) {
                            row["searchTermView"] = json!({"searchTerm": "Light Tent", "status": "ADDED"});
                            rows.push(row);
                        }
                    }
                    _ => rows.push(row),
                }
            }
        }
        rows
    }

    /// The row with the fields that were selected, in the names of the wire, and the name of its resource.
    fn only(&self, row: &Value) -> Value {
        let mut kept = json!({});
        for field in &self.fields {
            let path: Vec<String> = field.split('.').map(camel).collect();
            let Some(value) = path.iter().try_fold(row, |value, name| value.get(name)) else { continue };
            let mut place = &mut kept;
            for name in &path {
                place = &mut place[name.as_str()];
            }
            *place = value.clone();
        }
        kept[camel(&self.from)]["resourceName"] = json!(format!("customers/{ACCOUNT}/things/1"));
        kept
    }
}

fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut up = false;
    for letter in name.chars() {
        match letter {
            '_' => up = true,
            letter if up => {
                out.extend(letter.to_uppercase());
                up = false;
            }
            letter => out.push(letter),
        }
    }
    out
}

/// The platform; with rows of its own, it answers those for the days of campaigns.
#[derive(Default)]
pub struct FakeGoogleAds {
    pub filed: Vec<Value>,
}

impl Platform for FakeGoogleAds {
    fn is_data(&self, asked: &Asked) -> bool {
        asked.path == SEARCH
    }

    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        if let Some(answer) = google::token(asked, knobs) {
            return answer;
        }
        if let Some(refusal) = google::unauthorised(asked, knobs) {
            return refusal;
        }
        if asked.method != "POST" || asked.path != SEARCH {
            return google::error(404, "NOT_FOUND", "Requested entity was not found.");
        }
        if asked.header("developer-token") != knobs.secret {
            let (_, mut body) = refused(
                "authenticationError",
                "DEVELOPER_TOKEN_INVALID",
                "The developer token is not valid.",
            );
            body["error"]["code"] = json!(401);
            return (401, body);
        }
        if asked.header("login-customer-id") != "9876543210" {
            let said = "User doesn't have permission to access customer.";
            return refused("authorizationError", "USER_PERMISSION_DENIED", said);
        }
        let body: BTreeMap<String, Value> = serde_json::from_slice(&asked.body).unwrap();
        if body.keys().any(|name| name == "pageSize") {
            let said = "Setting the page size is not supported. Search Responses will have fixed page size.";
            return refused("requestError", "PAGE_SIZE_NOT_SUPPORTED", said);
        }
        let query = match read(body["query"].as_str().unwrap()) {
            Ok(query) => query,
            Err(refusal) => return refusal,
        };
        if query.from == "customer" && query.days.is_none() {
            let customer = json!({"resourceName": format!("customers/{ACCOUNT}"), "id": ACCOUNT,
                "descriptiveName": "Fernhill Outdoor", "currencyCode": "EUR", "timeZone": knobs.zone, "manager": false});
            return (200, json!({"results": [{"customer": customer}], "fieldMask": query.fields.join(",")}));
        }
        let rows = if knobs.empty { Vec::new() } else { query.rows(knobs, &self.filed) };
        let offset: usize = body.get("pageToken").map_or(0, |token| token.as_str().unwrap().parse().unwrap());
        let offset = if knobs.repeat { 0 } else { offset };
        let mut answer = json!({"fieldMask": query.fields.join(","), "requestId": "made-up-2"});
        let page: Vec<Value> = rows
            .iter()
            .skip(offset)
            .take(knobs.page)
            .map(|row| {
                let mut row = query.only(row);
                if knobs.unknown_field {
                    row["mood"] = json!({"weather": "sunny"});
                }
                if knobs.missing_field {
                    match row.get_mut("metrics") {
                        Some(metrics) => metrics.as_object_mut().unwrap().remove("costMicros"),
                        None => row["campaign"].as_object_mut().unwrap().remove("id"),
                    };
                }
                row
            })
            .collect();
        if offset + page.len() < rows.len() {
            answer["nextPageToken"] = json!((offset + page.len()).to_string());
        }
        // Without rows the list is left out.
        if !page.is_empty() {
            answer["results"] = json!(page);
        }
        (200, answer)
    }
}
