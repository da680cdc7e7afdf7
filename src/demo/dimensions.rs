//! The things the facts are about: campaigns, ad groups, ads with their copy, pages, and the entity register.
use super::ads::Structure;
use super::calendar::Calendar;
use super::draw::Draw;
use super::journeys::{GUIDES, url};
use super::plan::{GOOGLE_US, PLANS, Plan};
use super::rows::{AdGroup, Campaign, Creative, Entity, Hash, Id, Page};
use super::shop::{CITIES, Item};
use crate::db::load::Micros;
use serde_json::{Value, json};

#[derive(Default)]
pub struct Dimensions {
    pub campaigns: Vec<Campaign>,
    pub ad_groups: Vec<AdGroup>,
    pub creatives: Vec<Creative>,
    pub pages: Vec<Page>,
    pub entities: Vec<Entity>,
}

/// Headlines by landing page: a claim, and what it is about.
const CLAIMS: [&str; 10] = [
    "Made for long days out",
    "Repaired for life",
    "Two-year fit promise",
    "Free returns for 60 days",
    "Tested above 3,000 metres",
    "Light, and it lasts",
    "Your next weekend starts here",
    "Ships from Zurich today",
    "Chosen by mountain guides",
    "Fewer things, better made",
];
const DETAILS: [&str; 8] = [
    "Order by noon, and it leaves our shop the same day.",
    "Every seam is checked by hand before it ships.",
    "Not the right size? Send it back at no cost.",
    "Advice from people who sleep outside on purpose.",
    "Spare parts for everything we have ever sold.",
    "Club members earn two per cent on each order.",
    "Recycled fabrics where they last as long.",
    "Talk to us: real people, seven days a week.",
];
const CALLS: [&str; 5] = ["Shop now", "Learn more", "See the range", "Get the offer", "Find your size"];

fn topic(plan: &Plan) -> &'static str {
    match plan.landing {
        "/" => "Fernhill Outfitters",
        "/trail-shoes" | "/us/trail-shoes" => "Trail shoes",
        "/camping" => "Camping gear",
        "/sale" => "Harvest sale, 20% off",
        "/welcome" => "Ten off your first order",
        "/club" => "Loyalty week for members",
        "/cashback" => "Cashback this weekend",
        "/quote" => "Gear for your whole team",
        _ => "Summit stories",
    }
}

/// Whom a group reaches: grown-ups in the countries its account sells to.
fn targeting(plan: &Plan, group: &str) -> Value {
    let (geo, languages) = if plan.account == GOOGLE_US {
        (json!(["US"]), json!(["en"]))
    } else {
        (json!(["CH", "DE", "AT"]), json!(["de", "en"]))
    };
    json!({"audience": group, "geo": geo, "languages": languages, "age_min": 18})
}

pub fn generate(seed: u64, calendar: &Calendar, structure: &Structure, items: &[Item]) -> Dimensions {
    let mut draw = Draw::new(seed, "dimensions");
    let mut out = Dimensions::default();
    for plan in &PLANS {
        out.campaign(calendar, plan);
    }
    for group in &structure.groups {
        let plan = &PLANS[group.plan];
        out.entity("ad_group", &group.id, plan, group.name.into(), json!({"campaign_id": plan.id}));
        out.ad_groups.push(AdGroup {
            id: group.id.clone(),
            source: plan.source,
            campaign_id: plan.id.into(),
            name: group.name.into(),
            status: "active",
            currency: plan.currency,
            optimization_goal: plan.objective,
            targeting: targeting(plan, group.name),
        });
    }
    for (number, ad) in structure.ads.iter().enumerate() {
        let group = &structure.groups[ad.group];
        let plan = &PLANS[group.plan];
        let mut headlines = vec![format!("{}: {}", topic(plan), CLAIMS[number % CLAIMS.len()])];
        if plan.is_search() {
            headlines.push(format!("{} | {}", group.name, draw.of(&CLAIMS)));
            headlines.push("Fernhill Outfitters, official shop".to_owned());
        }
        let descriptions: Vec<String> =
            (0..2).map(|i| DETAILS[(number + i * 3) % DETAILS.len()].to_owned()).collect();
        let text = format!("{headlines:?}{descriptions:?}");
        let name: Id = headlines[0].as_str().into();
        out.entity("ad", &ad.id, plan, name, json!({"campaign_id": plan.id, "ad_group_id": &*group.id}));
        out.creatives.push(Creative {
            id: ad.id.clone(),
            source: plan.source,
            ad_group_id: group.id.clone(),
            campaign_id: plan.id.into(),
            format: match plan.channel {
                "paid_search" => "responsive_search",
                "video" => "video",
                _ => ["image", "carousel", "video"][draw.below(3)],
            },
            headlines,
            descriptions,
            body: String::new(),
            call_to_action: CALLS[number % CALLS.len()],
            final_url: url(plan.landing),
            media: json!([]),
            content_hash: Hash::of(&text),
            status: if ad.ages.1 == 1 { "active" } else { "paused" },
            launched_on: Some(calendar.day_of_age(ad.ages.0)),
            policy_status: "approved",
        });
    }
    out.pages(calendar);
    for item in items {
        let id = item.product.clone();
        out.entities.push(Entity {
            kind: "product",
            id: id.clone(),
            source: "shopify",
            account_id: "".into(),
            external_id: id.trim_start_matches("shopify:").into(),
            name: item.name.clone(),
            url: None,
            canonical_id: id,
            attrs: json!({"sku": &*item.sku}),
        });
    }
    out
}

impl Dimensions {
    fn campaign(&mut self, calendar: &Calendar, plan: &Plan) {
        self.entity("campaign", &plan.id.into(), plan, plan.name.into(), json!({"channel": plan.channel}));
        let started = calendar.day_of_age(plan.since.min(900));
        self.campaigns.push(Campaign {
            id: plan.id.into(),
            source: plan.source,
            account_id: plan.account.into(),
            name: plan.name.into(),
            status: "active",
            raw_status: if plan.source == "google_ads" { "ENABLED" } else { "ACTIVE" },
            channel: plan.channel,
            campaign_type: Some(plan.kind),
            objective: plan.objective,
            bidding: if plan.is_search() { "target_cpa" } else { "lowest_cost" },
            daily_budget: Some(Micros::from_cents(
                (plan.spend * if plan.name == "Loyalty Week" { 104.0 } else { 130.0 }).round() as i64,
            )),
            budget_cap: Some(Micros::from_cents((plan.spend * 200.0).round() as i64)),
            planned_budget: Some(Micros::from_cents((plan.spend * 30.4 * 108.0).round() as i64)),
            currency: plan.currency,
            budget_shared: false,
            starts_on: Some(started),
            ends_on: None,
            landing_page: Some(plan.landing.into()),
            is_brand: plan.is_brand(),
            is_brand_by: "name",
            labels: Vec::new(),
            final_url_suffix: format!("utm_source={}&utm_campaign={}", plan.utm_source(), plan.slug()),
            tracking: if plan.is_b2b() { "unknown" } else { "ok" },
        });
    }

    fn entity(&mut self, kind: &'static str, id: &Id, plan: &Plan, name: Id, attrs: serde_json::Value) {
        self.entities.push(Entity {
            kind,
            id: id.clone(),
            source: plan.source,
            account_id: plan.account.into(),
            external_id: id.split_once(':').map_or(&**id, |(_, bare)| bare).into(),
            name,
            url: None,
            canonical_id: id.clone(),
            attrs,
        });
    }

    fn pages(&mut self, calendar: &Calendar) {
        let shop: [(&str, &str, &str); 19] = [
            ("/", "home", "Fernhill Outfitters"),
            ("/trail-shoes", "category", "Trail shoes"),
            ("/camping", "category", "Camping gear"),
            ("/packs", "category", "Packs"),
            ("/clothing", "category", "Clothing"),
            ("/trail-bottle", "product", "Trail Bottle"),
            ("/lark-tent", "product", "Lark Tent"),
            ("/us/trail-shoes", "landing", "Trail shoes, US"),
            ("/sale", "landing", "Harvest sale"),
            ("/welcome", "landing", "Welcome offer"),
            ("/club", "landing", "Fernhill Club"),
            ("/cashback", "landing", "Cashback weekend"),
            ("/new", "category", "New in"),
            ("/pricing", "pricing", "Gear Club prices"),
            ("/quote", "quote", "Team gear quote"),
            ("/consultation", "consultation", "Book a consultation"),
            ("/checkout", "checkout", "Checkout"),
            ("/stories/summit", "story", "Summit stories"),
            ("/us/hiking-boots", "landing", "Hiking boots, US"),
        ];
        for (path, kind, title) in shop {
            self.page(calendar, path, kind, title, None);
        }
        for path in GUIDES {
            let words = path.trim_start_matches("/guides/").replace('-', " ");
            self.page(calendar, path, "guide", &format!("Guide: {words}"), None);
        }
        for (city, ..) in CITIES.iter().take(7) {
            let path = format!("/teams/{}", city.to_lowercase());
            self.page(calendar, &path, "city", &format!("Team gear in {city}"), Some(city));
        }
    }

    fn page(
        &mut self,
        calendar: &Calendar,
        path: &str,
        kind: &'static str,
        title: &str,
        city: Option<&'static str>,
    ) {
        let id: Id = path.into();
        self.pages.push(Page {
            id: id.clone(),
            source: "web",
            url: url(path),
            title: title.to_owned(),
            page_type: kind,
            city,
            topic: (kind == "guide").then_some("how to"),
            language: "en",
            indexable: Some(kind != "checkout"),
            first_seen_on: calendar.day_of_age(900),
            title_changed_on: None,
            content_changed_on: Some(calendar.day_of_age(if kind == "guide" { 430 } else { 95 })),
        });
        self.entities.push(Entity {
            kind: "page",
            id: id.clone(),
            source: "web",
            account_id: "".into(),
            external_id: id.clone(),
            name: title.into(),
            url: Some(url(path).as_str().into()),
            canonical_id: id,
            attrs: json!({"page_type": kind}),
        });
    }
}
