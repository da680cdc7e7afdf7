//! Organic search: about 600 pairs of query and page, rolled up to queries, pages and the site; keyword ranks.
use super::calendar::Calendar;
use super::draw::Draw;
use super::plan::{SITE, planted};
use super::rows::{Id, Rank, SearchDay};
use jiff::civil::Weekday;
use std::collections::HashMap;

/// The query for which two pages compete.
pub const CANNIBALISED: &str = "trail shoes";
/// The query that fell from position 4 to 11; it is also one of the striking-distance queries.
pub const FALLEN: &str = "lightweight hiking backpack";
/// The page that slowly loses its readers while its rank holds.
pub const DECAYING: &str = "/guides/waterproof-boots";
/// Queries at positions 4 to 15 with at least 100 impressions in four weeks, and nothing else is: page and position.
pub const STRIKING: [(&str, &str, f64); 12] = [
    (FALLEN, "/packs", 4.0),
    ("best trail shoes wide feet", "/guides/choose-trail-shoes", 6.1),
    ("two person tent light", "/lark-tent", 8.2),
    ("camping stove windproof", "/camping", 11.4),
    ("how to pack for three days hiking", "/guides/pack-for-three-days", 5.2),
    ("trail bottle filter", "/trail-bottle", 9.3),
    ("merino shirt hiking", "/clothing", 12.6),
    ("tarp shelter setup", "/guides/first-bivouac", 7.0),
    ("team outdoor gear", "/quote", 13.1),
    ("corporate hiking gifts", "/quote", 10.2),
    ("down jacket packable", "/clothing", 14.2),
    ("dry bag 10 litre", "/packs", 5.8),
];

/// Clicks an impression at a position: 22 % at the first.
pub fn ctr(position: f64) -> f64 {
    const AT: [f64; 12] = [0.22, 0.125, 0.084, 0.058, 0.043, 0.034, 0.027, 0.022, 0.019, 0.016, 0.012, 0.010];
    let p = (position - 1.0).max(0.0);
    match AT.get(p as usize..p as usize + 2) {
        Some([low, high]) => low + (high - low) * p.fract(),
        _ => (0.1 / position).min(0.009),
    }
}

struct Pair {
    query: Id,
    page: Id,
    /// Impressions a day.
    demand: f64,
    position: f64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Steady,
    Fallen,
    Decaying,
}

#[derive(Default)]
pub struct Search {
    pub rows: Vec<SearchDay>,
    pub ranks: Vec<Rank>,
    /// Clicks by page and day, for the visits of the site.
    pub page_clicks: Vec<HashMap<Id, i64>>,
}

const SUBJECTS: [(&str, &str); 22] = [
    ("fernhill", "/"),
    ("fernhill outfitters", "/"),
    ("trail shoes women", "/trail-shoes"),
    ("trail running shoes", "/trail-shoes"),
    ("hiking boots", "/trail-shoes"),
    ("waterproof boots", DECAYING),
    ("how to waterproof boots", DECAYING),
    ("boot wax", DECAYING),
    ("trekking tent", "/lark-tent"),
    ("tent for two", "/lark-tent"),
    ("what tent size", "/guides/tent-size"),
    ("camping gear", "/camping"),
    ("camping stove", "/camping"),
    ("trail bottle", "/trail-bottle"),
    ("water bottle hiking", "/trail-bottle"),
    ("layering for hiking", "/guides/layering"),
    ("first bivouac", "/guides/first-bivouac"),
    ("hiking backpack", "/packs"),
    ("rain shell", "/clothing"),
    ("fleece hiking", "/clothing"),
    ("gear rental", "/pricing"),
    ("outdoor gear sale", "/sale"),
];
const TURNS: [&str; 27] = [
    "",
    "best {}",
    "{} review",
    "cheap {}",
    "{} zurich",
    "{} geneva",
    "{} lyon",
    "{} porto",
    "{} near me",
    "{} online",
    "{} test",
    "{} 2 days",
    "{} for beginners",
    "{} kids",
    "{} winter",
    "{} summer",
    "{} size guide",
    "{} price",
    "{} sale",
    "{} women",
    "{} men",
    "{} comparison",
    "{} tips",
    "{} ideas",
    "good {}",
    "{} repair",
    "{} delivery",
];

fn pairs(draw: &mut Draw, count: usize) -> Vec<Pair> {
    let mut out: Vec<Pair> = STRIKING
        .iter()
        .map(|(query, page, position)| Pair {
            query: (*query).into(),
            page: (*page).into(),
            demand: if *query == FALLEN { 16.0 } else { draw.between(6.5, 12.0) },
            position: *position,
            kind: if *query == FALLEN { Kind::Fallen } else { Kind::Steady },
        })
        .collect();
    for (page, demand, position) in [("/trail-shoes", 34.0, 2.2), ("/guides/choose-trail-shoes", 24.0, 3.4)] {
        out.push(Pair {
            query: CANNIBALISED.into(),
            page: page.into(),
            demand,
            position,
            kind: Kind::Steady,
        });
    }
    let mut names: Vec<(String, &str)> = SUBJECTS
        .iter()
        .flat_map(|(subject, page)| {
            TURNS.iter().map(move |turn| {
                (if turn.is_empty() { (*subject).to_owned() } else { turn.replace("{}", subject) }, *page)
            })
        })
        .collect();
    for i in (1..names.len()).rev() {
        names.swap(i, draw.below(i + 1));
    }
    names.sort_by_key(|(name, page)| (!SUBJECTS.iter().any(|s| s.0 == name), *page != "/"));
    for (rank, (query, page)) in names.into_iter().take(count.saturating_sub(out.len())).enumerate() {
        let demand = 900.0 * ((rank + 1) as f64).powf(-1.7);
        // Queries with real demand rank at the top or out of sight: the twelve planted ones are all there is between.
        let position = if page == "/" {
            1.0 + 0.1 * draw.unit()
        } else if demand < 1.6 {
            draw.between(1.0, 28.0)
        } else if draw.chance(0.66) {
            draw.between(1.0, 3.3)
        } else {
            draw.between(17.0, 34.0)
        };
        let kind = if page == DECAYING { Kind::Decaying } else { Kind::Steady };
        // The guide that decays lives off its three plain queries.
        let plain = SUBJECTS.iter().any(|s| s.0 == query);
        let (demand, position) = match kind {
            Kind::Decaying => (if plain { demand.max(17.0) } else { demand }, draw.between(1.4, 3.2)),
            Kind::Steady | Kind::Fallen => (demand, position),
        };
        out.push(Pair { query: query.into(), page: page.into(), demand, position, kind });
    }
    out
}

pub fn generate(seed: u64, calendar: &Calendar, count: usize) -> Search {
    let mut draw = Draw::new(seed, "seo");
    let pairs = pairs(&mut draw, count);
    let mut out = Search::default();
    let none: Id = "".into();
    let site: Id = SITE.into();
    for (index, date) in calendar.days.iter().copied().enumerate() {
        let age = calendar.age_at(index);
        let season = (0.7 + 0.3 * calendar.month_factor(date))
            * if matches!(date.weekday(), Weekday::Sunday) { 1.15 } else { 1.0 };
        let mut queries: HashMap<&Id, (i64, i64, f64)> = HashMap::new();
        let mut pages: HashMap<&Id, (i64, i64, f64)> = HashMap::new();
        let row = |grain: &'static str, page: &Id, query: &Id, sums: (i64, i64, f64)| SearchDay {
            date,
            source: "search_console",
            site: site.clone(),
            search_type: "web",
            grain,
            page: page.clone(),
            query: query.clone(),
            device: "",
            country: "",
            clicks: sums.0,
            impressions: sums.1,
            position_x_impressions: sums.2,
        };
        for pair in &pairs {
            let impressions = draw.poisson(pair.demand * season * decline(pair.kind, age));
            if impressions == 0 {
                continue;
            }
            let position = place(pair, age, &mut draw);
            let clicks = draw.binomial(impressions, ctr(position));
            let sums = (clicks, impressions, (position * impressions as f64 * 10.0).round() / 10.0);
            out.rows.push(row("page_query", &pair.page, &pair.query, sums));
            add(queries.entry(&pair.query).or_default(), sums);
            add(pages.entry(&pair.page).or_default(), sums);
        }
        let mut whole = (0, 0, 0.0);
        let mut clicks = HashMap::new();
        let mut listed: Vec<_> = queries.into_iter().collect();
        listed.sort_by(|a, b| a.0.cmp(b.0));
        out.rows.extend(listed.into_iter().map(|(query, sums)| row("query", &none, query, sums)));
        let mut listed: Vec<_> = pages.into_iter().collect();
        listed.sort_by(|a, b| a.0.cmp(b.0));
        for (page, sums) in listed {
            // Rare queries are not named by the console, but counted with their page.
            let hidden = (sums.0 / 6, sums.1 / 5, sums.2 / 5.0);
            let full = (sums.0 + hidden.0, sums.1 + hidden.1, ((sums.2 + hidden.2) * 10.0).round() / 10.0);
            add(&mut whole, full);
            clicks.insert(page.clone(), full.0);
            out.rows.push(row("page", page, &none, full));
        }
        out.rows.push(row("site", &none, &none, whole));
        out.page_clicks.push(clicks);
    }
    out.ranks = ranks(&mut draw, calendar, &pairs);
    out
}

fn add(sums: &mut (i64, i64, f64), more: (i64, i64, f64)) {
    sums.0 += more.0;
    sums.1 += more.1;
    sums.2 += more.2;
}

/// Demand left for a page that is out of date: 1 before the decay, 0.26 yesterday.
pub fn decay(age: i64) -> f64 {
    1.0 - 0.74 * ((planted::DECAY - age) as f64 / (planted::DECAY - 1) as f64).clamp(0.0, 1.0)
}

fn decline(kind: Kind, age: i64) -> f64 {
    if kind == Kind::Decaying { decay(age) } else { 1.0 }
}

fn place(pair: &Pair, age: i64, draw: &mut Draw) -> f64 {
    let fallen = pair.kind == Kind::Fallen && age <= planted::RANK_DROP;
    let position = if fallen { 11.0 } else { pair.position };
    (position + 0.12 * draw.normal()).max(1.0)
}

/// Weekly checks of the forty most searched queries, and daily ones of the last four weeks.
fn ranks(draw: &mut Draw, calendar: &Calendar, pairs: &[Pair]) -> Vec<Rank> {
    let mut out = Vec::new();
    for pair in pairs
        .iter()
        .take(40)
        .filter(|p| &*p.page != "/guides/choose-trail-shoes" || &*p.query != CANNIBALISED)
    {
        for (index, date) in calendar.days.iter().copied().enumerate() {
            let age = calendar.age_at(index);
            if age > 28 && date.weekday() != Weekday::Monday {
                continue;
            }
            let group = place(pair, age, draw).round() as i32;
            let url: Id = format!("{SITE}{}", pair.page).into();
            out.push(Rank {
                date,
                source: "dataforseo",
                engine: "google",
                keyword: pair.query.clone(),
                location: "Switzerland",
                language: "en",
                device: "desktop",
                rank_absolute: Some(group),
                rank_group: Some(group),
                url,
                found: true,
                search_volume: Some((pair.demand * 42.0).round() as i64),
                serp_features: vec!["organic".to_owned()],
            });
        }
    }
    out
}
