//! What was given back of an order, in the measure of revenue: goods after discounts, without tax and without shipping
//! (`metrics.md` §1 rule 9). An order whose goods all came back has a net revenue of exactly nothing.
use super::parse::{id, money, needed_moment};
use crate::money::Currency;
use crate::platforms::rows::Refund;
use crate::platforms::shape::{self, Missing};
use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};

/// What an order's goods were sold for.
#[derive(Clone, Copy, Debug)]
pub struct Goods {
    /// After discounts, without tax.
    pub amount: Decimal,
    pub tax: Decimal,
    /// Whether the platform's amounts of this order have their tax inside.
    pub tax_included: bool,
    /// What the buyer paid for everything.
    pub total: Decimal,
    pub currency: Currency,
    pub cancelled: bool,
}

/// What was given back.
#[derive(Clone, Debug)]
pub struct GivenBack {
    pub refunds: Vec<Refund>,
    /// Of the goods: the sum of the refunds.
    pub goods: Decimal,
    /// All money, with tax and shipping.
    pub money: Decimal,
}

/// The refunds of an order. Each counts with the goods it names. One that names none, and is more than shipping given back, is
/// a price made lower afterwards: it counts with its share of goods without tax. Together they are never more than the goods
/// were sold for, and exactly that once all the money of the order was given back, whatever was named.
pub fn read(node: &Value, order: &str, goods: Goods) -> Result<GivenBack, Missing> {
    let list = node.get("refunds").and_then(Value::as_array).into_iter().flatten();
    let mut dated: Vec<(Timestamp, &Value)> = list
        .map(|refund| Ok((needed_moment(refund, "createdAt")?, refund)))
        .collect::<Result<_, Missing>>()?;
    dated.sort_by_key(|(at, _)| *at);
    let (mut left, mut money) = (goods.amount.max(Decimal::ZERO), Decimal::ZERO);
    let mut refunds = Vec::with_capacity(dated.len());
    for (at, refund) in dated {
        let paid_back = super::parse::needed_money(refund, "totalRefundedSet")?;
        money += paid_back;
        let all = paid_back > Decimal::ZERO && money >= goods.total;
        let counts = if all { left } else { of_goods(refund, paid_back, goods).clamp(Decimal::ZERO, left) };
        left -= counts;
        let mut extra = Map::new();
        if goods.cancelled {
            // What came of a cancelled order is no revenue, so what was given back of it is not subtracted: its day is another.
            extra.insert("cancelled".to_owned(), json!(true));
        }
        refunds.push(Refund {
            id: id(shape::text(refund, "id")?),
            order_id: Some(order.to_owned()),
            invoice_id: None,
            refunded_at: at,
            amount: counts,
            currency: goods.currency,
            // What people wrote about it is about people.
            reason: String::new(),
            extra,
        });
    }
    Ok(GivenBack { goods: refunds.iter().map(|refund| refund.amount).sum(), refunds, money })
}

/// What one refund gave back of the goods.
fn of_goods(refund: &Value, paid_back: Decimal, goods: Goods) -> Decimal {
    let nodes = |field: &str| {
        let list = refund.get(field).and_then(|list| list.get("nodes")?.as_array());
        list.map_or(&[][..], Vec::as_slice)
    };
    let items = nodes("refundLineItems");
    if !items.is_empty() {
        let of = |field: &str| items.iter().filter_map(|item| money(item, field)).sum::<Decimal>();
        let tax = if goods.tax_included { of("totalTaxSet") } else { Decimal::ZERO };
        return of("subtotalSet") - tax;
    }
    let shipping = nodes("refundShippingLines");
    let of = |field: &str| shipping.iter().filter_map(|line| money(line, field)).sum::<Decimal>();
    let tax = if goods.tax_included { Decimal::ZERO } else { of("taxAmountSet") };
    let rest = paid_back - of("subtotalAmountSet") - tax;
    let with_tax = goods.amount + goods.tax;
    if with_tax <= Decimal::ZERO || rest <= Decimal::ZERO {
        return Decimal::ZERO;
    }
    let counts = rest * goods.amount / with_tax;
    counts.round_dp_with_strategy(goods.currency.exponent(), RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests;
