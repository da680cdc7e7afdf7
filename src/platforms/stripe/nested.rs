//! Lists inside objects, which show their first entries only, and the bill that a subscription is read with.
use super::ask;
use super::kinds::Kind;
use super::mrr;
use super::parse::{currency, page, plain};
use super::read::PAGE;
use crate::platforms::contract::Ctx;
use crate::platforms::fault::{Code, ConnectorError};
use crate::platforms::shape;
use serde_json::{Value, json};

/// Pages of one such list: 10,000 entries, more than any of them may have.
const MOST_PAGES: usize = 100;

/// A whole list from an entry on.
pub async fn pages(
    cx: &Ctx,
    path: &str,
    parameters: &[(&str, String)],
    mut after: Option<String>,
) -> Result<Vec<Value>, ConnectorError> {
    let mut all = Vec::new();
    for _ in 0..MOST_PAGES {
        cx.http.go_on()?;
        let (data, more) = one(cx, path, parameters, after.clone()).await?;
        let last = data.last().and_then(|object| shape::text_if_any(object, "id")).map(str::to_owned);
        all.extend(data);
        if !more || last.is_none() {
            return Ok(all);
        }
        if last == after {
            break;
        }
        after = last;
    }
    let advice = "the next run tries again; report it if it stays";
    Err(cx.error(Code::PageLoop, &format!("the list {path} does not end"), advice))
}

/// One page, and whether there are more.
async fn one(
    cx: &Ctx,
    path: &str,
    parameters: &[(&str, String)],
    after: Option<String>,
) -> Result<(Vec<Value>, bool), ConnectorError> {
    let mut parameters = parameters.to_vec();
    parameters.push(("limit", PAGE.to_string()));
    parameters.extend(after.map(|after| ("starting_after", after)));
    let reply = ask(cx, path, &parameters).await?;
    let page = page(&reply.body).map_err(|fault| cx.unreadable(&fault))?;
    Ok((page.data, page.has_more))
}

/// Adds what is read of an object besides itself: of a subscription all its items and, where one of them costs what was used,
/// the last bill of a whole period with all its lines.
pub async fn complete(cx: &Ctx, kind: &Kind, object: &mut Value) -> Result<(), ConnectorError> {
    let Some(id) =
        shape::text_if_any(object, "id").and_then(plain).filter(|_| kind.stream == "subscriptions")
    else {
        return Ok(());
    };
    let own = ("subscription", id);
    let items = [own.clone(), ("expand[]", "data.discounts".to_owned())];
    rest(cx, object.get_mut("items"), "subscription_items", &items).await?;
    let Ok(currency) = currency(object) else { return Ok(()) };
    if !mrr::needs_a_bill(object, currency) {
        return Ok(());
    }
    let told = object.get("latest_invoice").is_some_and(mrr::bills_a_period);
    if !told {
        let bill = last_bill(cx, &own).await?.unwrap_or_default();
        object["latest_invoice"] = bill;
    }
    let bill = object.pointer("/latest_invoice/id").and_then(Value::as_str).and_then(plain);
    match bill {
        Some(bill) => {
            let lines = object.pointer_mut("/latest_invoice/lines");
            rest(cx, lines, &format!("invoices/{bill}/lines"), &[]).await
        }
        None => Ok(()),
    }
}

/// Adds what a list inside an object leaves out.
async fn rest(
    cx: &Ctx,
    list: Option<&mut Value>,
    path: &str,
    parameters: &[(&str, String)],
) -> Result<(), ConnectorError> {
    let Some(list) = list.filter(|list| list.get("has_more") == Some(&json!(true))) else { return Ok(()) };
    let shown = list.get_mut("data").and_then(Value::as_array_mut);
    let Some(shown) = shown else { return Ok(()) };
    let last = shown.last().and_then(|entry| shape::text_if_any(entry, "id")).map(str::to_owned);
    let more = pages(cx, path, parameters, last).await?;
    shown.extend(more);
    list["has_more"] = json!(false);
    Ok(())
}

/// The newest invoice of a subscription that bills a whole period.
async fn last_bill(cx: &Ctx, own: &(&'static str, String)) -> Result<Option<Value>, ConnectorError> {
    let mut after = None;
    for _ in 0..MOST_PAGES {
        cx.http.go_on()?;
        let (invoices, more) = one(cx, "invoices", std::slice::from_ref(own), after.clone()).await?;
        let last = invoices.last().and_then(|invoice| shape::text_if_any(invoice, "id")).map(str::to_owned);
        if let Some(found) = invoices.into_iter().find(mrr::bills_a_period) {
            return Ok(Some(found));
        }
        if !more || last.is_none() || last == after {
            break;
        }
        after = last;
    }
    Ok(None)
}
