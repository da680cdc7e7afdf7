//! Channels of advertising, as files and platforms betray them.

/// The channel a file's own word means ("Search", "VIDEO", "Shopping"); nothing when it is none of ours.
pub fn said_channel(said: &str) -> Option<&'static str> {
    let said = said.to_ascii_lowercase();
    let words = [
        ("search", "paid_search"),
        ("shopping", "paid_search"),
        ("performance", "paid_search"),
        ("display", "display"),
        ("video", "video"),
        ("youtube", "video"),
        ("social", "paid_social"),
    ];
    words.into_iter().find(|(word, _)| said.contains(word)).map(|(_, channel)| channel)
}

/// Columns that only reports of one sort of advertising have.
const TELLING: [(&str, &[&str]); 2] = [
    (
        "paid_social",
        &[
            "ad set",
            "ad set name",
            "ad set id",
            "adset",
            "adset name",
            "adset id",
            "amount spent",
            "reporting starts",
            "inline link clicks",
            "approximate unique impressions",
            "stat time day",
            "frequency",
            "company page clicks",
        ],
    ),
    (
        "paid_search",
        &[
            "keyword",
            "keyword id",
            "keyword ad group criterion",
            "match type",
            "delivered match type",
            "bid match type",
            "ad network type",
            "quality score",
            "search term",
            "impr",
            "top vs other",
            "suchbegriff",
        ],
    ),
];

/// The channel that the column names of a file betray, when they betray one; else unknown.
pub fn telling<'a>(columns: impl Iterator<Item = &'a String> + Clone) -> &'static str {
    let holds = |words: &[&str]| columns.clone().any(|c| words.contains(&super::header::fold(c).as_str()));
    let mut found = TELLING.iter().filter(|(_, words)| holds(words)).map(|(channel, _)| *channel);
    match (found.next(), found.next()) {
        (Some(channel), None) => channel,
        _ => "unknown",
    }
}

/// What a platform mostly sells.
pub fn platform_channel(source: &str) -> &'static str {
    match source {
        "meta_ads" | "tiktok_ads" | "linkedin_ads" | "reddit_ads" | "snapchat_ads" => "paid_social",
        "google_ads" | "microsoft_ads" => "paid_search",
        _ => "unknown",
    }
}
