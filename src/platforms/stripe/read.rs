//! How changes are read: everything once, then what had an event since.
use super::kinds::{KINDS, Kind, targets};
use super::parse::{Look, page, plain, rows};
use super::{ask, yes};
use crate::platforms::contract::{Ctx, Sink, SyncRequest};
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::hook::Target;
use crate::platforms::shape;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Objects of one page: the API's own maximum.
const PAGE: usize = 100;
/// How far a run goes back behind the last one, seconds (`connectors.md` §1.3): clocks differ, and events come late.
const OVERLAP_S: i64 = 600;
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
    match place {
        Some(Place::Changes { changed }) if now - changed < EVENTS_S => {
            changes(cx, kind, changed, request.page_limit, sink).await
        }
        Some(Place::Listing { after, begun, since, until }) if now - begun < EVENTS_S => {
            list(cx, kind, (after, begun, since, until), request.page_limit, sink).await
        }
        _ => {
            let midnight = |day: jiff::civil::Date| {
                day.to_zoned(cx.zone.clone())
                    .or_else(|_| day.to_zoned(TimeZone::UTC))
                    .ok()
                    .map(|at| at.timestamp().as_second())
            };
            let since = midnight(request.window.start).filter(|_| kind.dated);
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
    let mut met = BTreeSet::new();
    for _ in 0..pages {
        cx.http.go_on()?;
        let look = look(cx);
        let mut parameters = parameters(kind, true);
        parameters.push(("limit", PAGE.to_string()));
        parameters.extend(since.map(|since| ("created[gte]", since.to_string())));
        parameters.extend(until.map(|until| ("created[lt]", until.to_string())));
        parameters.extend(after.clone().map(|after| ("starting_after", after)));
        let reply = ask(cx, kind.path, &parameters).await?;
        let page = page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
        after = advance(cx, &page.data, &mut met)?.or(after);
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

/// The last id of a page; one that was met before makes a loop.
fn advance(cx: &Ctx, data: &[Value], met: &mut BTreeSet<String>) -> Result<Option<String>, ConnectorError> {
    let ids: Vec<&str> = data.iter().filter_map(|object| shape::text_if_any(object, "id")).collect();
    let fresh = ids.iter().filter(|id| met.insert((**id).to_owned())).count();
    if fresh == 0 && !ids.is_empty() {
        let advice = "the next run tries again; report it if it stays";
        return Err(cx.error(Code::PageLoop, "a page is one that was read before", advice));
    }
    Ok(ids.last().map(|id| (*id).to_owned()))
}

/// What had an event since, read as it is now.
async fn changes(
    cx: &Ctx,
    kind: &'static Kind,
    changed: i64,
    pages: u32,
    sink: &mut dyn Sink,
) -> Result<(), ConnectorError> {
    let now = cx.clock.now().as_second();
    let (mut met, mut touched, mut after) = (BTreeSet::new(), BTreeSet::new(), None::<String>);
    let mut whole = false;
    for _ in 0..pages {
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
        after = advance(cx, &page.data, &mut met)?.or(after);
        if !page.has_more || page.data.is_empty() {
            whole = true;
            break;
        }
    }
    if !whole {
        // So much happened that listing everything is the shorter way.
        let advice = "reset the stream: `adjutant source reset`";
        return Err(cx.error(Code::Request, &format!("more than {pages} pages of events"), advice));
    }
    for target in &touched {
        fetch(cx, target, sink).await?;
    }
    sink.checkpoint(json!(Place::Changes { changed: now })).await
}

/// One thing as it is now, and what its id stands for: prices of a product, refunds of a charge. One that is gone is nothing.
pub async fn fetch(cx: &Ctx, target: &Target, sink: &mut dyn Sink) -> Result<(), ConnectorError> {
    let Some(kind) = KINDS.iter().find(|kind| kind.stream == target.stream) else { return Ok(()) };
    let off = kind.stream == "charges" && !yes(cx, "orders");
    let Some(id) = plain(&target.id).filter(|_| !off) else { return Ok(()) };
    cx.http.go_on()?;
    let whole = match (kind.stream, id.split_once('_').map(|(start, _)| start)) {
        ("plans", Some("prod")) => Some(("product", id.clone())),
        ("refunds", Some("ch" | "py")) => Some(("charge", id.clone())),
        _ => None,
    };
    let look = look(cx);
    let listed = whole.is_some();
    let (path, parameters) = match whole {
        Some(by) => {
            let mut parameters = parameters(kind, true);
            parameters.extend([by, ("limit", PAGE.to_string())]);
            (kind.path.to_owned(), parameters)
        }
        None => (format!("{}/{id}", kind.path), parameters(kind, false)),
    };
    let reply = match ask(cx, &path, &parameters).await {
        Err(error) if error.code == Code::AccountNotFound => return Ok(()),
        other => other?,
    };
    let objects = if listed {
        page(&reply.body).map_err(|fault| cx.unreadable(&fault))?.data
    } else {
        vec![shape::json(&reply.body).map_err(|fault| cx.unreadable(&fault))?]
    };
    hand(kind, &objects, look, sink);
    Ok(())
}
