//! Pages of lists, which link to what follows, and of reports, which are ordered again with the place of the next page.
use super::parse::{Page, page};
use super::report::{Kind, Totals, after};
use super::{Goal, send};
use crate::platforms::client::{Ask, Payload};
use crate::platforms::contract::{Ctx, Sink, SyncRequest};
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::shape::{Seen, Unreadable};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Notes that a page is asked for: once each, and not more of them than a list may have.
fn turned(cx: &Ctx, asked: &mut BTreeSet<String>, page: &str, limit: u32) -> Result<(), ConnectorError> {
    if !asked.insert(page.to_owned()) {
        let what = format!("the page after {} is one that was read before", asked.len());
        return Err(cx.error(Code::PageLoop, &what, "the next run tries again; report it if it stays"));
    }
    if asked.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
        let what = format!("there are more than {limit} pages");
        return Err(cx.error(Code::Request, &what, "report it: no account should have as many"));
    }
    Ok(())
}

/// Follows `links.next`, verbatim, until there is none.
pub struct Pager<'a> {
    cx: &'a Ctx,
    next: Option<Url>,
    asked: BTreeSet<String>,
    limit: u32,
}

impl<'a> Pager<'a> {
    pub fn new(
        cx: &'a Ctx,
        path: &str,
        pairs: &[(&str, String)],
        limit: u32,
    ) -> Result<Self, ConnectorError> {
        let mut first = cx.url("", path)?;
        first.query_pairs_mut().extend_pairs(pairs);
        Ok(Self::at(cx, first, limit))
    }

    /// From a page in the middle on.
    pub fn at(cx: &'a Ctx, page: Url, limit: u32) -> Self {
        Self { cx, next: Some(page), asked: BTreeSet::new(), limit }
    }

    /// The link to the page that comes next; nothing after the last one.
    pub fn rest(&self) -> Option<&Url> {
        self.next.as_ref()
    }

    /// The next page; nothing after the last one.
    pub async fn turn(&mut self) -> Result<Option<Page>, ConnectorError> {
        let Some(url) = self.next.take() else { return Ok(None) };
        self.cx.http.go_on()?;
        turned(self.cx, &mut self.asked, url.as_str(), self.limit)?;
        let reply = send(self.cx, Ask::get(url)).await?;
        let page = page(&reply.body).map_err(|fault| self.cx.unreadable(&fault))?;
        if let Some(link) = page.next().filter(|_| !page.data().is_empty()) {
            self.next = Some(self.cx.next_link(link)?);
        }
        Ok(Some(page))
    }
}

/// Every page of a report, added up.
pub async fn report<K: Ord + Send>(
    cx: &Ctx,
    kind: Kind,
    request: &SyncRequest,
    goal: &Goal,
    read: impl Fn(&[u8]) -> Result<(BTreeMap<K, Totals>, Seen), Unreadable> + Send + Sync,
    sink: &mut dyn Sink,
) -> Result<BTreeMap<K, Totals>, ConnectorError> {
    let body = kind.body(request.window, &cx.zone, &goal.metric).ok_or_else(|| {
        cx.error(Code::Request, "these days have no beginning in the account's zone", "ask for other days")
    })?;
    let (mut all, mut asked) = (BTreeMap::<K, Totals>::new(), BTreeSet::new());
    let mut url = cx.url("", kind.path())?;
    loop {
        cx.http.go_on()?;
        turned(cx, &mut asked, url.as_str(), request.page_limit)?;
        let reply = send(cx, Ask::post(url.clone(), Payload::Json(body.clone()))).await?;
        let (figures, seen) = read(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        sink.saw(seen);
        for (key, totals) in figures {
            all.entry(key).or_default().add(&totals);
        }
        let Some(cursor) = after(&reply.body).map_err(|fault| cx.unreadable(&fault))? else {
            return Ok(all);
        };
        url.query_pairs_mut().clear().append_pair("page_cursor", &cursor);
    }
}
