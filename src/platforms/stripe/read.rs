//! How changes are read: everything once, then what had an event since.
use super::kinds::{KINDS, Kind, targets};
use super::parse::{Look, page, plain, rows};
use super::{ask, nested, yes};
use crate::platforms::contract::{Ctx, Sink, SyncRequest};
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::hook::Target;
use crate::platforms::shape;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Objects of one page: the API's own maximum.
pub const PAGE: usize = 100;
/// How far a run goes back behind the last one, seconds (`connectors.md` §1.3): clocks differ, and events come late.
const OVERLAP_S: i64 = 600;
/// Pages of events in one run: what changed is held until it was read.
const EVENT_PAGES: u32 = 100;
/// Events are there for 30 days; a day less, so that none is missed at the edge.
const EVENTS_S: i64 = 29 * 24 * 3600;

/// Where a stream was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Place {
    /// In the middle of everything: the last object that is in, when the list was begun, and from when on objects are listed.
    Listing { after: Option<String>, begun: i64, since: Option<i64>, until: Option<i64> },
    /// Changes until then are in.
    Changes { changed: i64 },
}

/// One run.
pub async fn sync(
    cx: &Ctx,
    kind: &'static Kind,
    request: &SyncRequest,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let now = cx.clock.now().as_second();
    let place = request.cursor.clone().and_then(|cursor| serde_json::from_value(cursor).ok());
    let midnight = |day: jiff::civil::Date| {
        let zoned = day.to_zoned(cx.zone.clone()).or_else(|_| day.to_zoned(TimeZone::UTC));
        zoned.ok().map(|at| at.timestamp().as_second())
    };
    let since = midnight(request.window.start).filter(|_| kind.dated);
    match place {
        Some(Place::Changes { changed }) if now - changed < EVENTS_S => {
            changes(cx, kind, (changed, since), request.page_limit, sink).await
        }
        Some(Place::Listing { after, begun, since, until }) if now - begun < EVENTS_S => {
            list(cx, kind, (after, begun, since, until), request.page_limit, sink).await
        }
        _ => {
            let asked = request.window.end < cx.today();
            let until = midnight(request.window.end.tomorrow().unwrap_or(request.window.end));
            let until = until.filter(|_| kind.dated && asked);
            list(cx, kind, (None, now, since, until), request.page_limit, sink).await
        }
    }
}

fn look(cx: &Ctx) -> Look {
    Look { now: cx.clock.now(), tests: yes(cx, "test_mode"), currency: cx.currency }
}

/// Hands the rows of objects to the sink, as of the moment before they were asked for.
fn hand(kind: &Kind, objects: &[Value], look: Look, sink: &mut dyn Sink) {
    let (rows, seen) = rows(kind.stream, objects, look);
    sink.saw(seen);
    sink.as_of(look.now);
    if let Some(rows) = rows {
        sink.take(rows);
    }
}

fn parameters(kind: &Kind, listed: bool) -> Vec<(&'static str, String)> {
    let expand = if listed { "data." } else { "" };
    let own = kind.list.iter().filter(|_| listed).map(|(name, value)| (*name, (*value).to_owned()));
    own.chain(kind.expand.iter().map(|field| ("expand[]", format!("{expand}{field}")))).collect()
}

/// Everything of a kind, newest first, page by page, each committed with its place.
async fn list(
    cx: &Ctx,
    kind: &Kind,
    (mut after, begun, since, until): (Option<String>, i64, Option<i64>, Option<i64>),
    pages: u32,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let mut before = BTreeSet::new();
    for _ in 0..pages {
        cx.http.go_on()?;
        let look = look(cx);
        let mut parameters = parameters(kind, true);
        parameters.push(("limit", PAGE.to_string()));
        parameters.extend(since.map(|since| ("created[gte]", since.to_string())));
        parameters.extend(until.map(|until| ("created[lt]", until.to_string())));
        parameters.extend(after.clone().map(|after| ("starting_after", after)));
        let reply = ask(cx, kind.path, &parameters).await?;
        let mut page = page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        after = advance(cx, &page.data, &mut before)?.or(after);
        for object in &mut page.data {
            nested::complete(cx, kind, object).await?;
        }
        hand(kind, &page.data, look, sink);
        if !page.has_more || page.data.is_empty() {
            return sink.checkpoint(json!(Place::Changes { changed: begun })).await;
        }
        sink.checkpoint(json!(Place::Listing { after: after.clone(), begun, since, until })).await?;
    }
    let what = format!("more than {pages} pages");
    sink.warn("page.limit", format!("{what}; the next run goes on after them"));
    Ok(())
}

/// The last id of a page; one whose objects are those of the page before makes a loop.
fn advance(
    cx: &Ctx,
    data: &[Value],
    before: &mut BTreeSet<String>,
) -> Result<Option<String>, ConnectorError> {
    let ids: Vec<&str> = data.iter().filter_map(|object| shape::text_if_any(object, "id")).collect();
    let page: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    if !page.is_empty() && page.is_subset(before) {
        let advice = "the next run tries again; report it if it stays";
        return Err(cx.error(Code::PageLoop, "a page is one that was read before", advice));
    }
    *before = page;
    Ok(ids.last().map(|id| (*id).to_owned()))
}

/// What had an event since, read as it is now. After so many events that listing everything is the shorter way, that is done.
async fn changes(
    cx: &Ctx,
    kind: &'static Kind,
    (changed, since): (i64, Option<i64>),
    pages: u32,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let now = cx.clock.now().as_second();
    let (mut before, mut touched, mut after) = (BTreeSet::new(), BTreeSet::new(), None::<String>);
    let mut whole = false;
    for _ in 0..pages.min(EVENT_PAGES) {
        cx.http.go_on()?;
        let mut parameters: Vec<(&str, String)> = vec![
            ("limit", PAGE.to_string()),
            ("created[gte]", changed.saturating_sub(OVERLAP_S).to_string()),
        ];
        parameters.extend(kind.events.iter().map(|event| ("types[]", (*event).to_owned())));
        parameters.extend(after.clone().map(|after| ("starting_after", after)));
        let reply = ask(cx, "events", &parameters).await?;
        let page = page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        for event in &page.data {
            let topic = shape::text_if_any(event, "type").unwrap_or_default();
            let object = event.pointer("/data/object").unwrap_or(&Value::Null);
            touched.extend(targets(topic, object).into_iter().filter(|target| target.stream == kind.stream));
        }
        after = advance(cx, &page.data, &mut before)?.or(after);
        if !page.has_more || page.data.is_empty() {
            whole = true;
            break;
        }
    }
    if !whole {
        return list(cx, kind, (None, now, since, None), pages, sink).await;
    }
    for (target, n) in touched.iter().zip(1..) {
        fetch(cx, target, sink).await?;
        if n % PAGE == 0 {
            // What was read is in, and the place stays: a run that breaks off reads it again.
            sink.checkpoint(json!(Place::Changes { changed })).await?;
        }
    }
    sink.checkpoint(json!(Place::Changes { changed: now })).await
}

/// One thing as it is now, and what its id stands for: prices of a product, refunds of a charge, what a customer subscribed to.
/// One that is gone is nothing.
pub async fn fetch(cx: &Ctx, target: &Target, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
    let Some(kind) = KINDS.iter().find(|kind| kind.stream == target.stream) else { return Ok(()) };
    let off = kind.stream == "charges" && !yes(cx, "orders");
    let Some(id) = plain(&target.id).filter(|_| !off) else { return Ok(()) };
    cx.http.go_on()?;
    let look = look(cx);
    let by = match (kind.stream, id.split_once('_').map(|(start, _)| start)) {
        ("plans", Some("prod")) => "product",
        ("refunds", Some("ch" | "py")) => "charge",
        ("subscriptions", Some("cus")) => "customer",
        _ => {
            let path = format!("{}/{id}", kind.path);
            let reply = match ask(cx, &path, &parameters(kind, false)).await {
                Err(error) if error.code == Code::AccountNotFound => return Ok(()),
                other => other?,
            };
            let mut object = shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
            nested::complete(cx, kind, &mut object).await?;
            hand(kind, &[object], look, sink);
            return Ok(());
        }
    };
    let mut parameters = parameters(kind, true);
    parameters.push((by, id));
    let mut objects = match nested::pages(cx, kind.path, &parameters, None).await {
        Err(error) if error.code == Code::AccountNotFound => return Ok(()),
        other => other?,
    };
    for object in &mut objects {
        nested::complete(cx, kind, object).await?;
    }
    hand(kind, &objects, look, sink);
    Ok(())
}
