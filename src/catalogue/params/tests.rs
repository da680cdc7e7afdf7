use super::super::spec::{Access, Answer, Chart};
use super::*;
use crate::access::Permission;

fn param(name: &str, kind: ParamType) -> Param {
    Param {
        name: name.into(),
        kind,
        required: false,
        expected: false,
        default: None,
        min: None,
        max: None,
        description: None,
    }
}

fn query(params: Vec<Param>) -> Query {
    Query {
        name: "q".into(),
        version: 1,
        title: String::new(),
        description: String::new(),
        group: "overview".into(),
        personas: vec![],
        modules: vec![],
        metrics: vec![],
        sources: vec![],
        params,
        columns: vec![],
        words: BTreeMap::new(),
        totals: vec![],
        keywords: vec![],
        examples: vec![],
        negatives: vec![],
        chart: Chart { kind: "table".into(), parts: BTreeMap::new() },
        answer: Answer { headline: String::new(), row: String::new(), empty: String::new(), notes: vec![] },
        follow_ups: vec![],
        drafts: vec![],
        access: Access { permission: Permission::QueryRun, pii: "none".into() },
        timeout_ms: 3000,
        max_rows: 50,
        cache_s: 0,
        stats: None,
        engine: None,
        sql: String::new(),
        path: String::new(),
    }
}

const WORDS: &str = "
channels: {paid_search: [ppc, sem], seo: [organic]}
vendors: [{names: [facebook, fb], platform: meta_ads, channel: paid_social}, {names: [shopify], platform: shopify, channel: all}]
segments: {HIGH_SPENDER: [big spenders]}
values: {search_term: [keyword, keywords], campaign: [campaigns]}
compare: {prior_year: [vs ly]}
";

fn resolve_one(param: Param, value: Value) -> Result<Resolved, ToolError> {
    let (vocabulary, faults) = Vocabulary::read("v", WORDS);
    assert_eq!(faults, vec![]);
    let entity = |id: &str, name: &str| Entity { id: id.into(), name: name.into(), canonical: id.into() };
    let campaigns = vec![
        entity("google_ads:1", "Harvest Sale"),
        entity("google_ads:2", "Brand Search"),
        entity("meta_ads:3", "Welcome Offer A"),
        entity("meta_ads:4", "Welcome Offer B"),
        entity("meta_ads:5", "Twin"),
        entity("meta_ads:6", "Twin"),
    ];
    let entities = [
        ("campaign".to_owned(), Arc::new(campaigns)),
        ("segment".to_owned(), Arc::new(vec![entity("s-1", "Quote started")])),
    ]
    .into();
    let choices = [("orders.location".to_owned(), Arc::new(vec!["Lyon".to_owned()]))].into();
    let metrics = Metrics::default();
    let scope = Scope {
        now: "2025-09-17T09:00:00Z".parse().unwrap(),
        today: jiff::civil::date(2025, 9, 17),
        week_start: Weekday::Monday,
        date_order: DateOrder::Dmy,
        time_zone: "Europe/Zurich",
        currency: "EUR".parse().unwrap(),
        me: None,
        vocabulary: &vocabulary,
        metrics: &metrics,
        entities: &entities,
        choices: &choices,
    };
    let name = param.name.clone();
    let mut params = vec![param];
    if name != "window" {
        params.insert(0, self::param("window", ParamType::DateRange { max_days: 400, future: false }));
    }
    resolve(&query(params), &Map::from_iter([(name, value)]), &scope)
}

fn bound(kind: ParamType, value: impl Into<Value>) -> Bound {
    let mut done = resolve_one(param("x", kind), value.into()).unwrap();
    done.binds.remove("x").unwrap()
}

fn refused(kind: ParamType, value: impl Into<Value>) -> ToolError {
    resolve_one(param("x", kind), value.into()).unwrap_err()
}

fn text(text: &str) -> Bound {
    Bound::Text(Some(text.into()))
}

fn amount(text: &str) -> Bound {
    Bound::Number(Some(text.parse().unwrap()))
}

#[test]
fn amounts_as_people_write_them() {
    for (given, value) in [
        ("$1.5k", None),
        ("€1.5k", Some("1500")),
        ("1,500.50", Some("1500.50")),
        ("100k", Some("100000")),
        ("2 mio", Some("2000000")),
        ("500 eur", Some("500")),
        ("EUR 500", Some("500")),
        ("500 usd", None),
        ("1'200", Some("1200")),
        ("1,5", None),
        ("-5", None),
        ("20000000", None),
        ("much", None),
        ("1e9", None),
    ] {
        let found = resolve_one(param("x", ParamType::Money), given.into())
            .ok()
            .map(|mut r| r.binds.remove("x").unwrap());
        assert_eq!(found, value.map(amount), "{given}");
    }
    assert_eq!(bound(ParamType::Money, 12.5), amount("12.5"));
    assert_eq!(refused(ParamType::Money, "$100").code(), "param.currency");
}

#[test]
fn shares_numbers_days() {
    for given in ["10 %", "10%", "0.1", "10", "10 percent"] {
        assert_eq!(bound(ParamType::Percent, given), amount("0.1"), "{given}");
    }
    assert_eq!(bound(ParamType::Number, "2.0x"), amount("2.0"));
    assert_eq!(bound(ParamType::Days, "2 wks"), Bound::Int(Some(14)));
    assert_eq!(bound(ParamType::Days, "past month"), Bound::Int(Some(30)));
    assert_eq!(bound(ParamType::Days, 9000), Bound::Int(Some(400)));
    assert_eq!(bound(ParamType::Integer, "1,200"), Bound::Int(Some(1200)));
    assert_eq!(refused(ParamType::Integer, "2.5").code(), "param.invalid");
}

#[test]
fn limits_are_clamped_and_the_answer_says_so() {
    let mut limit = param("limit", ParamType::Integer);
    (limit.min, limit.max) = (Some(1.into()), Some(50.into()));
    let done = resolve_one(limit.clone(), 500.into()).unwrap();
    assert_eq!(done.limit, Some(50));
    assert_eq!(done.notes, ["limit 500 is out of bounds (1 to 50): 50 was used."]);
    let mut other = limit;
    other.name = "top".into();
    assert_eq!(
        resolve_one(other, 500.into()).unwrap_err().to_string(),
        "'top' is 500; it must lie between 1 and 50"
    );
}

#[test]
fn channels_platforms_segments_by_alias() {
    assert_eq!(bound(ParamType::Channel, "PPC"), text("paid_search"));
    assert_eq!(bound(ParamType::Channel, "paid-search"), text("paid_search"));
    assert_eq!(bound(ParamType::Channel, "facebook"), text("paid_social"));
    assert_eq!(bound(ParamType::Channel, "shopify"), Bound::Text(None));
    assert_eq!(bound(ParamType::Channel, "aff"), text("affiliate"));
    assert_eq!(bound(ParamType::Channel, "all"), Bound::Text(None));
    assert_eq!(bound(ParamType::Platform, "fb"), text("meta_ads"));
    assert_eq!(bound(ParamType::Segment, "big spenders"), text("HIGH_SPENDER"));
    assert_eq!(bound(ParamType::Segment, "quote started"), text("s-1"));
    assert_eq!(
        bound(ParamType::Segments, "big spenders and inactive"),
        Bound::Texts(Some(vec!["HIGH_SPENDER".into(), "INACTIVE".into()]))
    );
    let ToolError::TellModel { code, allowed, .. } = refused(ParamType::Channel, "carrier pigeon") else {
        panic!()
    };
    assert_eq!((code.as_str(), allowed.len()), ("param.invalid", 17));
    assert_eq!(refused(ParamType::Segments, "inactive").code(), "param.invalid");
}

#[test]
fn lists_of_names_keep_what_is_known() {
    let campaigns = || ParamType::Entities("campaign".into());
    let two = Bound::Texts(Some(vec!["google_ads:1".into(), "meta_ads:6".into()]));
    assert_eq!(bound(campaigns(), serde_json::json!(["harvest sale", "meta_ads:6", "google_ads:1"])), two);
    assert_eq!(bound(campaigns(), "harvest sale; meta_ads:6"), two);
    assert_eq!(bound(campaigns(), "all"), Bound::Texts(None));
    let found =
        resolve_one(param("c", campaigns()), serde_json::json!(["google_ads:1", "harvst sale"])).unwrap();
    assert_eq!(found.notes, ["Not known and left out: harvst sale."], "nearly is not enough in a list");
    assert_eq!(refused(campaigns(), "nobody").code(), "param.not_found");
    assert_eq!(refused(campaigns(), serde_json::json!([])).code(), "param.invalid");
    assert_eq!(
        refused(campaigns(), serde_json::json!((0..11).map(|n| n.to_string()).collect::<Vec<_>>())).code(),
        "param.invalid"
    );
}

#[test]
fn names_are_matched_never_guessed() {
    let campaign = || ParamType::Entity("campaign".into());
    assert_eq!(bound(campaign(), "harvest sale"), text("google_ads:1"));
    assert_eq!(bound(campaign(), "google_ads:2"), text("google_ads:2"));
    assert_eq!(bound(campaign(), "harvst sale"), text("google_ads:1"));
    assert_eq!(bound(campaign(), serde_json::json!({"id": "meta_ads:6"})), text("meta_ads:6"));
    let ToolError::TellModel { code, allowed, .. } = refused(campaign(), "welcome offer") else { panic!() };
    assert_eq!(code, "param.ambiguous");
    assert_eq!(&allowed[..2], ["Welcome Offer A", "Welcome Offer B"]);
    let ToolError::TellModel { allowed, .. } = refused(campaign(), "twin") else { panic!() };
    assert_eq!(allowed, ["meta_ads:5", "meta_ads:6"]);
    let error = refused(campaign(), "NSW");
    assert!(error.to_string().starts_with("no campaign 'NSW'; closest: "), "{error}");
    assert!(refused(ParamType::Entity("city".into()), "Lyon").to_string().contains("no city is known yet"));
}

#[test]
fn choices_by_synonym_and_from_data() {
    let level =
        || ParamType::Enum { values: vec!["campaign".into(), "search_term".into()], values_from: None };
    assert_eq!(bound(level(), "keywords"), text("search_term"));
    assert_eq!(bound(level(), "Search Terms"), text("search_term"));
    assert_eq!(
        bound(ParamType::Enum { values: vec![], values_from: Some("orders.location".into()) }, "lyon"),
        text("Lyon")
    );
    let ToolError::TellModel { allowed, .. } = refused(level(), "planet") else { panic!() };
    assert_eq!(allowed.len(), 2);
}

#[test]
fn free_text_is_cleaned_and_otherwise_kept() {
    let done = resolve_one(param("x", ParamType::Text), "50%_off\u{0}\u{202e}".into()).unwrap();
    assert_eq!(done.binds["x"], text("50%_off"));
    assert_eq!(done.echo["x"], "50%_off");
    assert_eq!(refused(ParamType::Text, "a").code(), "param.invalid");
    assert_eq!(refused(ParamType::Lead, "1; drop table").code(), "param.invalid");
    assert_eq!(bound(ParamType::Lead, "#4812"), text("4812"));
}

fn window(value: Value) -> Result<Resolved, ToolError> {
    resolve_one(param("window", ParamType::DateRange { max_days: 400, future: false }), value)
}

#[test]
fn windows_from_phrases_and_days() {
    let done = window("last 30 days".into()).unwrap();
    assert_eq!(done.echo["window"], serde_json::json!({"start": "2025-08-18", "end": "2025-09-16"}));
    assert!(!done.partial);
    assert!(window("today".into()).unwrap().partial);
    let mtd = window("mtd".into()).unwrap();
    assert_eq!(mtd.echo["window"]["unit"], "month");
    // What is echoed can be given again.
    let again = window(mtd.echo["window"].clone()).unwrap();
    assert_eq!(again.window, mtd.window);
    let clipped = window(serde_json::json!({"start": "2025-09-01", "end": "2025-09-30"})).unwrap();
    assert_eq!(clipped.echo["window"]["end"], "2025-09-16");
    assert_eq!(clipped.notes.len(), 1);
    assert_eq!(window("last 800 days".into()).unwrap_err().code(), "param.out_of_bounds");
    for bad in [
        serde_json::json!({"start": "2026-01-01", "end": "2026-01-31"}),
        "whenever".into(),
        serde_json::json!({"start": "x"}),
        7.into(),
    ] {
        assert_eq!(window(bad.clone()).unwrap_err().code(), "param.invalid", "{bad}");
    }
}

#[test]
fn comparisons_follow_the_window() {
    let mut q = query(vec![
        param("compare", ParamType::Compare),
        param("window", ParamType::DateRange { max_days: 400, future: false }),
    ]);
    q.params[1].default = Some("mtd".into());
    let (vocabulary, _) = Vocabulary::read("v", WORDS);
    let (none, choices) = (BTreeMap::new(), BTreeMap::new());
    let scope = Scope {
        now: Timestamp::UNIX_EPOCH,
        today: jiff::civil::date(2025, 9, 17),
        week_start: Weekday::Monday,
        date_order: DateOrder::Dmy,
        time_zone: "UTC",
        currency: "EUR".parse().unwrap(),
        me: None,
        vocabulary: &vocabulary,
        metrics: &Metrics::default(),
        entities: &none,
        choices: &choices,
    };
    let with =
        |value: &str| resolve(&q, &Map::from_iter([("compare".to_owned(), value.into())]), &scope).unwrap();
    assert_eq!(with("").compare.unwrap().to_string(), "2025-08-01 to 2025-08-16");
    assert_eq!(with("vs ly").compare.unwrap().to_string(), "2024-09-02 to 2024-09-17");
    assert_eq!(with("none").binds["compare_start"], Bound::Day(None));
    let unknown = resolve(&q, &Map::from_iter([("compair".to_owned(), "x".into())]), &scope).unwrap_err();
    assert_eq!(unknown.to_string(), "q takes no parameter 'compair'; did you mean 'compare'?");
}

#[test]
fn a_required_parameter_is_asked_for_with_choices() {
    let mut campaign = param("campaign", ParamType::Entity("campaign".into()));
    campaign.required = true;
    let ToolError::TellModel { code, allowed, .. } = resolve_one(campaign, Value::Null).unwrap_err() else {
        panic!()
    };
    assert_eq!((code.as_str(), allowed.len()), ("param.missing", 3));
}

/// No value of any kind may panic or be bound as anything but its type.
#[test]
fn hostile_values_are_refused_or_bound() {
    let kinds = || {
        vec![
            ParamType::Days,
            ParamType::Compare,
            ParamType::Granularity,
            ParamType::Channel,
            ParamType::Platform,
            ParamType::Entity("campaign".into()),
            ParamType::Segment,
            ParamType::Segments,
            ParamType::Money,
            ParamType::Integer,
            ParamType::Number,
            ParamType::Percent,
            ParamType::Text,
            ParamType::Bool,
            ParamType::Lead,
            ParamType::DateRange { max_days: 400, future: true },
            ParamType::Metric { values: vec!["roas".into()] },
            ParamType::Enum { values: vec!["a".into()], values_from: None },
        ]
    };
    for value in [
        serde_json::json!("' or 1=1 --"),
        serde_json::json!("\u{0}"),
        serde_json::json!("1e400"),
        serde_json::json!(-1e300),
        serde_json::json!(["x", {"a": 1}]),
        serde_json::json!({}),
        serde_json::json!(true),
        serde_json::json!("é".repeat(5000)),
        serde_json::json!("9999999999999999999999999999999"),
        serde_json::json!("99999999999 weeks"),
        serde_json::json!("€"),
        serde_json::json!("%"),
        serde_json::json!("last 99999999999999999999 days"),
        serde_json::json!("$'; drop"),
        serde_json::json!("-"),
        serde_json::json!("1-"),
    ] {
        for kind in kinds() {
            let _ = resolve_one(param("x", kind), value.clone());
        }
    }
}
