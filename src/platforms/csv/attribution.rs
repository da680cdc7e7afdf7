//! Which campaign an order or a lead came from: its `utm_campaign` is a campaign's id, or its name as links write it.
use super::facts;
use crate::clock::Clock;
use crate::db::OrgTx;
use crate::db::facts::attribution::{self as db, Candidate, Said};
use crate::ids::OrgId;
use std::collections::BTreeMap;

/// Looks for the campaigns of all orders and leads that have none: the file that names a campaign may come later.
pub async fn resolve(tx: &mut OrgTx, clock: &dyn Clock, org: OrgId) -> Result<(), sqlx::Error> {
    let unresolved = db::unresolved(tx, org).await?;
    if unresolved.is_empty() {
        return Ok(());
    }
    let candidates = db::candidates(tx, org).await?;
    let names = Names::of(&candidates);
    let meant = |said: &Said| names.meant(&said.utm_source, &said.utm_campaign);
    let resolved: Vec<(&Said, &str)> =
        unresolved.iter().filter_map(|said| Some((said, meant(said)?))).collect();
    if resolved.is_empty() { Ok(()) } else { db::set(tx, clock, org, &resolved).await }
}

/// Campaigns by what links call them.
pub struct Names<'a> {
    /// By whole id, and by the platform's own.
    by_id: BTreeMap<&'a str, Vec<&'a Candidate>>,
    by_slug: BTreeMap<String, Vec<&'a Candidate>>,
}

impl<'a> Names<'a> {
    pub fn of(candidates: &'a [Candidate]) -> Self {
        let mut names = Self { by_id: BTreeMap::new(), by_slug: BTreeMap::new() };
        for candidate in candidates {
            names.by_id.entry(&candidate.id).or_default().push(candidate);
            if let Some((_, own)) = candidate.id.split_once(':') {
                names.by_id.entry(own).or_default().push(candidate);
            }
            let slug = facts::slug(&candidate.name);
            if !slug.is_empty() {
                names.by_slug.entry(slug).or_default().push(candidate);
            }
        }
        names
    }

    /// The one campaign that is meant: by id before name, and of several the one on the platform that `utm_source` names.
    pub fn meant(&self, utm_source: &str, utm_campaign: &str) -> Option<&'a str> {
        let text = decoded(utm_campaign);
        let by_id = self.by_id.get(text.as_str());
        let mut fitting =
            by_id.or_else(|| self.by_slug.get(&facts::slug(&text))).cloned().unwrap_or_default();
        if fitting.len() > 1 {
            let platform = facts::source(utm_source);
            fitting.retain(|c| Some(c.source.as_str()) == platform);
        }
        match fitting.as_slice() {
            [only] => Some(only.id.as_str()),
            _ => None,
        }
    }
}

/// A name in one form whatever way a link writes it: lower-case words joined by `_`; empty when nothing is left.
pub fn slug_of(text: &str) -> String {
    facts::slug(&decoded(text)).trim_matches('_').to_owned()
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
        let meant = |source: &str, campaign: &str| Names::of(&all).meant(source, campaign).map(str::to_owned);
        assert_eq!(meant("", "77").as_deref(), Some("google_ads:77"));
        assert_eq!(meant("", "spring_sale"), None, "two have this name");
        assert_eq!(meant("facebook", "spring-sale").as_deref(), Some("meta_ads:88"));
        assert_eq!(meant("google", "Spring+Sale").as_deref(), Some("google_ads:77"));
        assert_eq!(meant("", "fr%C3%BChling%20%26%20co").as_deref(), Some("meta_ads:99"));
        assert_eq!(meant("", "autumn"), None);
        assert_eq!(meant("", "%"), None);
    }
}
