//! Orders, their customers, items, refunds, and the sessions before them.
//!
//! The number of orders of a day follows the season; customers whose next order is due come first, new customers
//! fill the rest, so that gaps between orders keep their own distribution (median about 28 days).
use super::ads::Traffic;
use super::basket::{self, Basket};
use super::buyers::{Buyer, Purchase};
use super::calendar::Calendar;
use super::draw::Draw;
use super::journeys::{self, DIRECT, EMAIL, ORGANIC_SOCIAL, REFERRAL, SEO, WAYS, Walk, Way};
use super::money::Rates;
use super::plan::{CURRENCY, PLANS, planted};
use super::rows::{Id, Order, OrderItem, Refund, Touch};
use super::shop::{CITIES, Item};
use crate::db::load::Micros;
use jiff::{Timestamp, ToSpan, civil::Date, civil::Weekday};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Orders a day on average: about 6,000 in 18 months.
const A_DAY: f64 = 10.75;
const WARM_UP: i64 = 150;
const LOCATIONS: [&str; 3] = ["Zurich store", "Lyon depot", "Porto depot"];
/// Share of the conversions claimed by a platform that really came through it last.
const CLAIM: f64 = 0.47;

#[derive(Default)]
pub struct Sales {
    pub buyers: Vec<Buyer>,
    pub orders: Vec<Order>,
    pub items: Vec<OrderItem>,
    pub refunds: Vec<Refund>,
    pub touches: Vec<Touch>,
}

struct Till<'a> {
    draw: Draw,
    calendar: &'a Calendar,
    traffic: &'a [[Traffic; 12]],
    rates: &'a Rates,
    items: &'a [Item],
    ways: &'a [Way],
    due: BinaryHeap<Reverse<(i64, usize)>>,
    /// Guides and regular customers, who never wait.
    habitual: Vec<(i64, usize)>,
    sales: Sales,
}

pub fn generate(
    seed: u64,
    calendar: &Calendar,
    traffic: &[[Traffic; 12]],
    rates: &Rates,
    items: &[Item],
    ways: &[Way],
) -> Sales {
    let mut till = Till {
        draw: Draw::new(seed, "orders"),
        calendar,
        traffic,
        rates,
        items,
        ways,
        due: BinaryHeap::new(),
        habitual: Vec::new(),
        sales: Sales::default(),
    };
    let mut carry = 0.5;
    for offset in -WARM_UP..calendar.len() as i64 {
        let date = calendar.days.first().copied().unwrap_or(calendar.today).saturating_add(offset.days());
        let age = calendar.len() as i64 - offset;
        let checkout = if age <= planted::MOBILE_CHECKOUT { 1.0 - 0.55 * 0.3 } else { 1.0 };
        carry += A_DAY * calendar.season(date) * checkout * till.draw.noise(0.06);
        let wanted = carry.floor();
        carry -= wanted;
        till.day(offset, date, age, wanted as usize);
    }
    till.sales.buyers.retain(|buyer| !buyer.orders.is_empty());
    till.sales
}

impl Till<'_> {
    fn day(&mut self, offset: i64, date: Date, age: i64, wanted: usize) {
        let mut buyers = Vec::new();
        let (called, later) =
            std::mem::take(&mut self.habitual).into_iter().partition(|(day, _)| *day <= offset);
        self.habitual = later;
        let called: Vec<(i64, usize)> = called;
        buyers.extend(called.into_iter().map(|(_, buyer)| buyer));
        // Guides come on top of the day's demand: they are few, and their orders are small.
        let wanted = wanted + buyers.iter().filter(|b| self.sales.buyers[**b].frequent).count();
        // Most orders of a day may be repeat orders, but not all; whoever is due beyond that waits.
        let repeats = (wanted as f64 * 0.56).round() as usize;
        while let Some(Reverse((day, buyer))) = self.due.peek().copied() {
            if day > offset || buyers.len() >= repeats {
                break;
            }
            self.due.pop();
            buyers.push(buyer);
        }
        let guides = if age == 36 { 6 } else { 0 };
        for extra in 0..wanted.saturating_sub(buyers.len()).max(1) + guides {
            let new = self.meet(date, extra < guides);
            buyers.push(new);
        }
        for buyer in buyers {
            if offset >= 0 {
                self.sell(offset as usize, date, age, buyer);
            }
            self.sales.buyers[buyer].lifetime += 1;
            self.plan_next(offset, date, buyer);
        }
    }

    fn meet(&mut self, date: Date, frequent: bool) -> usize {
        let buyer = self.sales.buyers.len();
        let city = self.draw.weighted(&CITIES.map(|c| c.2));
        self.sales.buyers.push(Buyer {
            id: format!("shopify:{}", 300_000 + buyer).into(),
            city,
            us: false,
            first_day: date,
            weekend: self.draw.chance(0.14),
            frequent,
            regular: self.draw.chance(0.030),
            favourite: self.draw.below(6),
            orders: Vec::new(),
            lifetime: 0,
            first_touch: None,
            last_touch: None,
        });
        buyer
    }

    fn plan_next(&mut self, offset: i64, date: Date, index: usize) {
        let weak = self.calendar.today.first_of_month().saturating_sub(planted::WEAK_COHORT_MONTHS.months());
        let buyer = &self.sales.buyers[index];
        let (weekend, frequent, regular) =
            (buyer.weekend || buyer.regular && buyer.city.is_multiple_of(3), buyer.frequent, buyer.regular);
        let mut returns = if regular {
            0.89
        } else if buyer.lifetime <= 1 {
            0.36
        } else {
            0.53
        };
        if !regular && buyer.first_day.first_of_month() == weak {
            returns *= 0.42;
        }
        if frequent {
            let next = offset + 2 + i64::from(self.draw.chance(0.5));
            self.habitual.push((next, index));
            return;
        }
        if !self.draw.chance(returns) {
            return;
        }
        let mut gap = self
            .draw
            .lognormal(if regular { 13.0 } else { 39.0 }, if regular { 0.3 } else { 0.78 })
            .round()
            .clamp(1.0, 400.0) as i64;
        if weekend {
            while !is_weekend(date.saturating_add(gap.days())) {
                gap += 1;
            }
        }
        if regular {
            self.habitual.push((offset + gap, index));
        } else {
            self.due.push(Reverse((offset + gap, index)));
        }
    }

    /// How likely each way is to be the last touch of an order on a day.
    fn weights(&self, day: usize, orders: f64, first: bool, us: bool) -> [f64; WAYS] {
        let mut weights = [0.0; WAYS];
        let mut paid = 0.0;
        for (i, plan) in PLANS.iter().enumerate().filter(|(_, plan)| !plan.is_b2b()) {
            let claimed = self.traffic[day][i].expected * CLAIM;
            paid += claimed;
            let fit = match (plan.name, first) {
                ("Loyalty Week", true) => 0.1,
                ("Loyalty Week", false) => 1.8,
                ("Welcome Offer", true) => 1.7,
                ("Welcome Offer" | "Trail Shoes Prospecting", false) => 0.25,
                ("Trail Shoes Prospecting", true) => 1.6,
                (_, true) => 1.3,
                (_, false) => 0.7,
            };
            weights[i] = if plan.currency == CURRENCY || us || first { claimed * fit } else { 0.0 };
        }
        let rest = (orders - paid).max(0.38 * orders);
        let mix = if first { [0.47, 0.24, 0.04, 0.11, 0.14] } else { [0.30, 0.26, 0.34, 0.05, 0.05] };
        for (way, share) in [SEO, DIRECT, EMAIL, REFERRAL, ORGANIC_SOCIAL].into_iter().zip(mix) {
            weights[way] = rest * share;
        }
        weights
    }

    fn sell(&mut self, day: usize, date: Date, age: i64, index: usize) {
        let first = self.sales.buyers[index].lifetime == 0;
        let weights =
            self.weights(day, A_DAY * self.calendar.season(date), first, self.sales.buyers[index].us);
        let way = self.draw.weighted(&weights);
        let abroad = PLANS.get(way).is_some_and(|plan| plan.currency != CURRENCY);
        let at = self.calendar.instant(date, &mut self.draw);
        let buyer = &mut self.sales.buyers[index];
        buyer.us |= abroad;
        let (us, city, id, favourite) = (buyer.us, CITIES[buyer.city].0, buyer.id.clone(), buyer.favourite);
        let city = if us { "Denver" } else { city };
        let mut earlier = weights;
        earlier[7] += 0.06 * weights.iter().sum::<f64>();
        earlier[9] += 0.04 * weights.iter().sum::<f64>();
        if !us {
            earlier[3] = 0.0;
        }
        earlier[11] = 0.0;
        let walk = Walk {
            actor: id.clone(),
            customer: Some(id.clone()),
            city,
            last: way,
            ends: at,
            earlier: &earlier,
        };
        let path = journeys::walk(&mut self.draw, self.calendar, self.ways, &walk);
        let number = self.sales.orders.len();
        let size = match &self.sales.buyers[index] {
            Buyer { frequent: true, .. } => 0.07,
            Buyer { regular: true, .. } => 0.3,
            _ => 1.06,
        };
        let basket = basket::fill(&mut self.draw, self.items, favourite, size, date);
        let order = self.book(number, at, &basket, first, way, us, city, id, favourite, age);
        let location = order.location;
        self.lines(&order, &basket);
        let buyer = &mut self.sales.buyers[index];
        if let (Some((oldest, a)), Some((newest, b))) = (path.first(), path.last()) {
            buyer.first_touch.get_or_insert_with(|| {
                journeys::touch_json(&self.ways[*oldest], &a.landing_path, a.occurred_at)
            });
            buyer.last_touch =
                Some(journeys::touch_json(&self.ways[*newest], &b.landing_path, b.occurred_at));
        }
        if order.status != "cancelled" && !order.is_test {
            let revenue = order.gross_base - order.discount_base;
            buyer.orders.push(Purchase {
                at,
                day: date,
                revenue,
                category: basket.category(self.items),
                location,
            });
        }
        self.sales.touches.extend(path.into_iter().map(|(_, touch)| touch));
        self.sales.orders.push(order);
    }

    #[expect(clippy::too_many_arguments, reason = "one call site; the arguments are one order")]
    fn book(
        &mut self,
        number: usize,
        at: Timestamp,
        basket: &Basket,
        first: bool,
        way: usize,
        us: bool,
        city: &'static str,
        customer: Id,
        favourite: usize,
        age: i64,
    ) -> Order {
        // Some people are served from wherever stock is, others always from the nearest place.
        let roams = !favourite.is_multiple_of(2);
        let draw = &mut self.draw;
        let currency = if us { "USD" } else { CURRENCY };
        let date = self.calendar.local_day(at);
        let id: Id = format!("shopify:{}", 500_000 + number).into();
        let cancelled = draw.chance(0.016);
        let net_items = basket.gross - basket.discount;
        let shipping = if net_items < 6_000 { 590 } else { 0 };
        let tax = net_items * 81 / 1000;
        let total = net_items + shipping + tax;
        let mut refunded = 0;
        let wait = 3 + draw.below(13) as i64;
        if !cancelled && draw.chance(0.058) && wait < age {
            refunded =
                if draw.chance(0.55) { net_items } else { net_items * (25 + draw.below(40) as i64) / 100 };
            let refunded_at = at.checked_add((wait * 24).hours()).unwrap_or(at);
            self.sales.refunds.push(Refund {
                id: format!("shopify:r{}", 500_000 + number).into(),
                source: "shopify",
                order_id: Some(id.clone()),
                refunded_at,
                amount: Micros::from_cents(refunded),
                currency,
                reason: ["size", "quality", "changed mind", "late"][draw.weighted(&[0.4, 0.2, 0.2, 0.2])],
            });
        }
        let status = if cancelled {
            "cancelled"
        } else if refunded == net_items && refunded > 0 {
            "refunded"
        } else {
            "paid"
        };
        let fees = total * 24 / 1000 + 25;
        let reward = if first { 0 } else { net_items * 2 / 100 };
        let m = Micros::from_cents;
        let base = |cents: i64| self.rates.base(currency, date, cents);
        Order {
            id,
            source: "shopify",
            ordered_at: at,
            status,
            financial_status: if cancelled {
                "voided"
            } else if status == "refunded" {
                "refunded"
            } else {
                "paid"
            },
            fulfilment_status: if cancelled {
                ""
            } else if age <= 2 {
                "open"
            } else {
                "fulfilled"
            },
            currency,
            gross: m(basket.gross),
            discount: m(basket.discount),
            shipping: m(shipping),
            tax: m(tax),
            total: m(total),
            refunded: m(refunded),
            fees: m(fees),
            net: m(total - refunded - fees),
            reward_cost: m(reward),
            customer_id: Some(customer),
            is_first_order: first,
            campaign_id: self.ways[way].campaign.clone(),
            channel: self.ways[way].channel,
            sales_channel: "web",
            city,
            location: if us {
                "Denver depot"
            } else {
                LOCATIONS[if roams { draw.below(3) } else { city.len() % 3 }]
            },
            utm: self.ways[way].utm.clone(),
            landing_site: Some(Id::from(*draw.of(self.ways[way].paths))),
            payment_method: Some(
                ["card", "twint", "paypal", "invoice"][draw.weighted(&[0.52, 0.2, 0.2, 0.08])],
            ),
            promo_code: basket.discount > 0,
            cancelled_at: if cancelled { at.checked_add(3.hours()).ok() } else { None },
            is_test: number % 1_900 == 777,
            gross_base: base(basket.gross),
            discount_base: base(basket.discount),
            shipping_base: base(shipping),
            tax_base: base(tax),
            total_base: base(total),
            refunded_base: base(refunded),
            fees_base: base(fees),
            net_base: base(total - refunded - fees),
            reward_cost_base: base(reward),
        }
    }

    fn lines(&mut self, order: &Order, basket: &Basket) {
        let whole_refund = order.status == "refunded";
        for (position, line) in basket.lines.iter().enumerate() {
            let item = &self.items[line.item];
            let paid = Micros::from_cents(line.unit_price * line.qty - line.discount);
            self.sales.items.push(OrderItem {
                order_id: order.id.clone(),
                line: position as i32 + 1,
                source: "shopify",
                product_id: Some(item.product.clone()),
                variant_id: Some(item.variant.clone()),
                sku: item.sku.clone(),
                category: super::shop::CATEGORIES[item.category],
                qty: line.qty,
                unit_price: Micros::from_cents(line.unit_price),
                discount: Micros::from_cents(line.discount),
                refund: if whole_refund {
                    paid
                } else if position == 0 {
                    paid.min(order.refunded)
                } else {
                    Micros(0)
                },
                unit_cost: Some(Micros::from_cents(item.cost)),
            });
        }
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}
