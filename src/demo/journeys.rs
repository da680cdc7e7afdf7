//! The ways people come, and the sessions they leave behind before they buy or ask.
use super::calendar::Calendar;
use super::draw::Draw;
use super::plan::{PLANS, SITE, ids};
use super::rows::{Id, Touch};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// One way to the site: a campaign, or a channel without one.
pub struct Way {
    pub channel: &'static str,
    pub campaign: Option<Id>,
    pub source: &'static str,
    pub utm: Id,
    pub host: &'static str,
    pub paths: &'static [&'static str],
    pub is_paid: bool,
}

/// Ways 0..12 are the campaigns; these follow.
pub const SEO: usize = 12;
pub const DIRECT: usize = 13;
pub const EMAIL: usize = 14;
pub const REFERRAL: usize = 15;
pub const ORGANIC_SOCIAL: usize = 16;
pub const WAYS: usize = 17;

pub const GUIDES: [&str; 6] = [
    "/guides/choose-trail-shoes",
    "/guides/waterproof-boots",
    "/guides/pack-for-three-days",
    "/guides/tent-size",
    "/guides/layering",
    "/guides/first-bivouac",
];

const ORGANIC: [(&str, &str, &str, &str, &[&str]); 5] = [
    (
        "seo",
        "google",
        "organic",
        "www.google.com",
        &[
            "/",
            "/trail-shoes",
            "/camping",
            "/trail-bottle",
            "/guides/choose-trail-shoes",
            "/guides/waterproof-boots",
            "/guides/tent-size",
        ],
    ),
    ("direct", "", "", "", &["/", "/", "/trail-shoes", "/club", "/pricing"]),
    ("email", "klaviyo", "email", "", &["/sale", "/new", "/club", "/trail-shoes"]),
    (
        "referral",
        "hikersblog",
        "referral",
        "hikersblog.example",
        &["/", "/guides/choose-trail-shoes", "/lark-tent"],
    ),
    ("organic_social", "instagram", "social", "l.instagram.com", &["/", "/stories/summit", "/new"]),
];

pub fn ways() -> Vec<Way> {
    let campaigns = PLANS.iter().zip(ids()).map(|(plan, id)| {
        let medium = match plan.channel {
            "paid_search" => "cpc",
            "video" => "video",
            _ => "paid_social",
        };
        let utm = json!({"source": plan.utm_source(), "medium": medium, "campaign": plan.slug()});
        Way {
            channel: plan.channel,
            campaign: Some(id),
            source: plan.source,
            utm: utm.to_string().into(),
            host: if plan.source == "google_ads" { "www.google.com" } else { "" },
            paths: std::slice::from_ref(&plan.landing),
            is_paid: true,
        }
    });
    let others = ORGANIC.iter().map(|(channel, source, medium, host, paths)| Way {
        channel,
        campaign: None,
        source: "web",
        utm: if medium.is_empty() { json!({}) } else { json!({"source": source, "medium": medium}) }
            .to_string()
            .into(),
        host,
        paths,
        is_paid: false,
    });
    campaigns.chain(others).collect()
}

/// A first or last touch as stored with customers and leads.
pub fn touch_json(way: &Way, path: &str, at: Timestamp) -> Value {
    let utm: Value = serde_json::from_str(&way.utm).unwrap_or_default();
    json!({
        "channel": way.channel, "campaign_id": way.campaign.as_deref(), "utm": utm, "referrer": way.host,
        "landing_path": path, "at": at.to_string(),
    })
}

/// Who walks a path, and where it ends.
pub struct Walk<'a> {
    pub actor: Id,
    pub customer: Option<Id>,
    pub city: &'static str,
    /// The way of the last touch; earlier ones are drawn.
    pub last: usize,
    pub ends: Timestamp,
    /// How likely each way is for an earlier touch.
    pub earlier: &'a [f64],
}

/// Draws the sessions of one journey, oldest first; sessions before the demo are left out.
pub fn walk(draw: &mut Draw, calendar: &Calendar, ways: &[Way], walk: &Walk<'_>) -> Vec<(usize, Touch)> {
    let minutes = draw.between(2.0, 30.0);
    let mut touches = vec![touch(draw, ways, walk, walk.last, walk.ends, minutes)];
    let more = if walk.last == DIRECT { usize::from(draw.chance(0.3)) } else { geometric(draw, 0.47).min(5) };
    let mut back = 0.0;
    for _ in 0..more {
        back += draw.lognormal(2.2, 1.0).clamp(0.03, 30.0);
        let way = if walk.last == DIRECT { DIRECT } else { draw.weighted(walk.earlier) };
        touches.push(touch(draw, ways, walk, way, walk.ends, back * 1_440.0));
    }
    touches.reverse();
    let start = calendar.days.first().map(|day| calendar.at(*day, 0)).unwrap_or(Timestamp::MIN);
    touches.retain(|(_, touch)| touch.occurred_at >= start);
    touches
}

fn geometric(draw: &mut Draw, stop: f64) -> usize {
    let mut count = 0;
    while count < 20 && !draw.chance(stop) {
        count += 1;
    }
    count
}

/// One session, `minutes` before an instant.
pub fn touch(
    draw: &mut Draw,
    ways: &[Way],
    walk: &Walk<'_>,
    way: usize,
    before: Timestamp,
    minutes: f64,
) -> (usize, Touch) {
    let via = &ways[way];
    let device = if draw.chance(0.58) {
        "mobile"
    } else if draw.chance(0.88) {
        "desktop"
    } else {
        "tablet"
    };
    let touch = Touch {
        occurred_at: before.checked_sub(((minutes * 60.0) as i64).seconds()).unwrap_or(before),
        id: draw.uuid(),
        actor_id: walk.actor.clone(),
        customer_id: walk.customer.clone(),
        session_id: format!("s-{:012x}", draw.next() >> 16).into(),
        kind: "visit",
        channel: via.channel,
        source: via.source,
        campaign_id: via.campaign.clone(),
        utm: via.utm.clone(),
        referrer_host: via.host,
        landing_path: Id::from(*draw.of(via.paths)),
        device,
        city: walk.city,
        is_paid: via.is_paid,
    };
    (way, touch)
}

/// The full address of a path.
pub fn url(path: &str) -> String {
    format!("{SITE}{path}")
}
