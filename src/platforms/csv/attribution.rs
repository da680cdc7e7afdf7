//! Which campaign an order or a lead came from: its `utm_campaign` is a campaign's id, or its name as links write it.
use super::facts;
use crate::clock::Clock;
use crate::db::OrgTx;
use crate::db::facts::attribution::{self as db, Candidate, Said};
use crate::ids::OrgId;

/// Looks for the campaigns of all orders and leads that have none: the file that names a campaign may come later.
pub async fn resolve(tx: &mut OrgTx, clock: &dyn Clock, org: OrgId) -> Result<(), sqlx::Error> {
    let unresolved = db::unresolved(tx, org).await?;
    if unresolved.is_empty() {
        return Ok(());
    }
    let candidates = db::candidates(tx, org).await?;
    let resolved: Vec<(&Said, &str)> =
        unresolved.iter().filter_map(|said| Some((said, meant(said, &candidates)?))).collect();
    if resolved.is_empty() { Ok(()) } else { db::set(tx, clock, org, &resolved).await }
}

/// The one campaign that is meant: by id before name, and of several the one on the platform that `utm_source` names.
pub fn meant<'a>(said: &Said, candidates: &'a [Candidate]) -> Option<&'a str> {
    let text = decoded(&said.utm_campaign);
    let slug = facts::slug(&text);
    let by_id = |c: &&Candidate| c.id == text || c.id.split_once(':').is_some_and(|(_, own)| own == text);
    let by_name = |c: &&Candidate| !slug.is_empty() && facts::slug(&c.name) == slug;
    let mut fitting: Vec<&Candidate> = candidates.iter().filter(by_id).collect();
    if fitting.is_empty() {
        fitting = candidates.iter().filter(by_name).collect();
    }
    if fitting.len() > 1 {
        let platform = facts::source(&said.utm_source);
        fitting.retain(|c| Some(c.source.as_str()) == platform);
    }
    match fitting.as_slice() {
        [only] => Some(only.id.as_str()),
        _ => None,
    }
}

/// A value of a link as people read it: `+` and `%20` are spaces.
fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_before_names_and_the_platform_settles_doubts() {
        let of = |id: &str, source: &str, name: &str| Candidate {
            id: id.to_owned(),
            source: source.to_owned(),
            name: name.to_owned(),
        };
        let all = [
            of("google_ads:77", "google_ads", "Spring Sale"),
            of("meta_ads:88", "meta_ads", "Spring Sale"),
            of("meta_ads:99", "meta_ads", "Frühling & Co"),
        ];
        let meant = |source: &str, campaign: &str| {
            let said = Said { utm_source: source.to_owned(), utm_campaign: campaign.to_owned() };
            super::meant(&said, &all).map(str::to_owned)
        };
        assert_eq!(meant("", "77").as_deref(), Some("google_ads:77"));
        assert_eq!(meant("", "spring_sale"), None, "two have this name");
        assert_eq!(meant("facebook", "spring-sale").as_deref(), Some("meta_ads:88"));
        assert_eq!(meant("google", "Spring+Sale").as_deref(), Some("google_ads:77"));
        assert_eq!(meant("", "fr%C3%BChling%20%26%20co").as_deref(), Some("meta_ads:99"));
        assert_eq!(meant("", "autumn"), None);
        assert_eq!(meant("", "%"), None);
    }
}
