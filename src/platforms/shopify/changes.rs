//! How changes are read: what changed last comes last, so a run goes on where the last one ended, ten minutes back. A list that
//! is longer than a run is gone on with in the middle, and once a night the last seven days are read again.
use super::ask;
use super::parse::{self, Look, page};
use super::query::{self, Kind};
use crate::period::local_day;
use crate::platforms::contract::{Ctx, Sink, SyncRequest};
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::shape;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Nodes of the first page; halved as long as the platform finds a query too dear.
const PAGE: u32 = 50;
/// How far a run goes back behind the last one (`connectors.md` §1.3).
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// What the nightly run reads again, and its hour in the shop's zone (§1.8): what a search did not show in time comes in then.
const RECONCILED: SignedDuration = SignedDuration::from_hours(7 * 24);
const NIGHTLY: SignedDuration = SignedDuration::from_hours(2);

/// Where a stream was left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    /// The newest change that is in.
    updated_at: Option<Timestamp>,
    /// A list that a run did not come to the end of.
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<Rest>,
    /// The shop's day of the last nightly run.
    #[serde(skip_serializing_if = "Option::is_none")]
    night: Option<Date>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rest {
    filter: String,
    after: String,
    /// The night it is of, once it is read to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    night: Option<Date>,
}

/// A list that is being read.
struct Walk {
    filter: String,
    after: Option<String>,
    night: Option<Date>,
}

/// Reads one kind of node.
pub struct Reader<'a> {
    pub cx: &'a Ctx,
    pub kind: Kind,
}

impl Reader<'_> {
    /// Everything that changed since, page by page, each committed with the newest change it held.
    pub async fn changes(&self, request: &SyncRequest, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
        let cx = self.cx;
        let begun = cx.clock.now();
        let stored = request.cursor.clone().and_then(|cursor| serde_json::from_value(cursor).ok());
        let mut place: Place = stored.unwrap_or_default();
        let mut resumed = place.rest.take();
        let mut walk = self.walk(request, &place, resumed.clone());
        let (mut size, mut before, mut met) = (PAGE, BTreeSet::new(), BTreeSet::new());
        let mut pages = 0;
        // Days that were asked for are read to the end: no cursor is kept that another run could go on from.
        while request.asked || pages < request.page_limit {
            cx.http.go_on()?;
            let variables = json!({ "q": walk.filter, "after": walk.after, "first": size });
            let reply = match ask(cx, &self.kind.list(), variables).await {
                // The price of a query follows from how much it could give.
                Err(error) if error.code == Code::CostLimit && size > 1 => {
                    size /= 2;
                    continue;
                }
                // It does not know its own cursor any more: again from the last change on.
                Err(error) if error.code == Code::Request && resumed.take().is_some() => {
                    walk = self.walk(request, &place, None);
                    continue;
                }
                other => other?,
            };
            resumed = None;
            pages += 1;
            let page = page(&reply.body, self.kind.name()).map_err(|fault| cx.unreadable(&fault))?;
            let ids = page.nodes.iter().filter_map(|node| shape::text_if_any(node, "id").map(str::to_owned));
            let ids: BTreeSet<String> = ids.collect();
            let again = page.next.clone().is_some_and(|after| !met.insert(after));
            if again || (!ids.is_empty() && ids == before) {
                let advice = "the next run tries again; report it if it stays";
                return Err(cx.error(Code::PageLoop, "a page is one that was read before", advice));
            }
            before = ids;
            for node in &page.nodes {
                let updated = shape::text_if_any(node, "updatedAt").and_then(|at| at.parse().ok());
                place.updated_at = place.updated_at.max(updated);
                self.take(node, sink).await?;
            }
            walk.after = page.next;
            sink.checkpoint(reached(&place, &walk, begun)).await?;
            if walk.after.is_none() {
                return Ok(());
            }
        }
        sink.warn("page.limit", format!("more than {pages} pages; the next run goes on after them"));
        Ok(())
    }

    /// What is read: what a run did not come to the end of, else what changed since the last one.
    fn walk(&self, request: &SyncRequest, place: &Place, rest: Option<Rest>) -> Walk {
        if let Some(Rest { filter, after, night }) = rest {
            return Walk { filter, after: Some(after), night };
        }
        let now = self.cx.clock.now();
        let night = local_day(now.saturating_sub(NIGHTLY).unwrap_or(now), &self.cx.zone);
        let due = place.night.is_none_or(|last| last < night);
        let since = place.updated_at.map(|at| {
            let since = at.saturating_sub(OVERLAP).unwrap_or(at);
            if due { since.min(now.saturating_sub(RECONCILED).unwrap_or(since)) } else { since }
        });
        Walk { filter: self.filter(request, since), after: None, night: due.then_some(night) }
    }

    /// What the API is asked for, in its search syntax.
    fn filter(&self, request: &SyncRequest, since: Option<Timestamp>) -> String {
        let cx = self.cx;
        let midnight = |day: Date| {
            let zoned = day.to_zoned(cx.zone.clone()).or_else(|_| day.to_zoned(TimeZone::UTC));
            zoned.map(|at| at.timestamp()).ok()
        };
        let from = since.or_else(|| midnight(request.window.start)).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut filter = format!("updated_at:>='{from:.0}'");
        // Days that were asked for have an end; what changed since belongs to the next run.
        if since.is_none()
            && request.window.end < cx.today()
            && let Some(until) = request.window.end.tomorrow().ok().and_then(midnight)
        {
            filter.push_str(&format!(" AND updated_at:<'{until:.0}'"));
        }
        filter
    }

    /// One node with all that belongs to it.
    pub async fn take(&self, node: &Value, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
        let whole = self.whole(node).await?;
        let (rows, seen) = parse::node(self.kind.name(), &whole, Look { currency: self.cx.currency });
        sink.saw(seen);
        for rows in rows {
            sink.take(rows);
        }
        Ok(())
    }

    /// The node with the rest of its lines or variants, and of what came back of it: these come in pages of their own.
    async fn whole(&self, node: &Value) -> Result<Value, ConnectorError> {
        let mut whole = node.clone();
        if let (Some((inner, query)), Some(id)) = (self.kind.inner(), shape::text_if_any(node, "id")) {
            self.rest(&query, id, inner, &mut whole).await?;
        }
        let refunds = whole.get_mut("refunds").and_then(Value::as_array_mut);
        for refund in refunds.into_iter().flatten() {
            if let Some(id) = shape::text_if_any(refund, "id").map(str::to_owned) {
                self.rest(&query::refunded_rest(), &id, "refundLineItems", refund).await?;
            }
        }
        Ok(whole)
    }

    /// Adds what further pages hold of a connection inside a thing.
    async fn rest(
        &self,
        query: &str,
        id: &str,
        inner: &str,
        whole: &mut Value,
    ) -> Result<(), ConnectorError> {
        let mut met = BTreeSet::new();
        let mut next = parse::next(whole.get(inner));
        while let Some(after) = next {
            self.cx.http.go_on()?;
            if !met.insert(after.clone()) {
                let what = format!("{inner} of {id} repeat");
                return Err(self.cx.error(Code::PageLoop, &what, "the next run tries again"));
            }
            let reply = ask(self.cx, query, json!({ "id": id, "after": after })).await?;
            let body = shape::json(&reply.body).map_err(|fault| self.cx.unreadable(&fault))?;
            let part = body.pointer(&format!("/data/node/{inner}"));
            let more = part.and_then(|part| part.get("nodes")?.as_array());
            if let (Some(more), Some(all)) =
                (more, whole.pointer_mut(&format!("/{inner}/nodes")).and_then(Value::as_array_mut))
            {
                all.extend(more.iter().cloned());
            }
            next = parse::next(part);
        }
        Ok(())
    }
}

/// The cursor after a page.
fn reached(place: &Place, walk: &Walk, begun: Timestamp) -> Value {
    let rest = walk.after.clone().map(|after| Rest { filter: walk.filter.clone(), after, night: walk.night });
    let night = if rest.is_none() { walk.night.or(place.night) } else { place.night };
    json!(Place { updated_at: place.updated_at.or(Some(begun)), rest, night })
}
