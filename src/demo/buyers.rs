//! The customers behind the orders.
use super::draw::Draw;
use super::orders::Sales;
use super::plan::CURRENCY;
use super::rows::{Customer, Id};
use super::shop::CITIES;
use crate::db::load::Micros;
use jiff::{Timestamp, civil::Date};

pub struct Buyer {
    pub id: Id,
    pub city: usize,
    pub us: bool,
    pub first_day: Date,
    pub weekend: bool,
    /// Orders every other day of late: mountain guides and huts.
    pub frequent: bool,
    /// Small orders every other week.
    pub regular: bool,
    pub favourite: usize,
    pub orders: Vec<Purchase>,
    pub lifetime: i64,
    pub first_touch: Option<serde_json::Value>,
    pub last_touch: Option<serde_json::Value>,
}

/// What later themes need of one order that counts.
#[derive(Clone, Copy)]
pub struct Purchase {
    pub at: Timestamp,
    pub day: Date,
    /// Gross less discount, in the organisation's currency.
    pub revenue: Micros,
    pub category: usize,
    pub location: &'static str,
}

/// Customers as the shop knows them. E-mail addresses are not made up, so there is nothing to store but a hash.
pub fn customers(seed: u64, sales: &Sales) -> Vec<Customer> {
    let mut draw = Draw::new(seed, "customers");
    let empty = serde_json::json!({});
    sales
        .buyers
        .iter()
        .map(|buyer| {
            let spent: Micros = buyer.orders.iter().map(|o| o.revenue).sum();
            let known = buyer.orders.first().map(|o| o.at);
            Customer {
                id: buyer.id.clone(),
                source: "shopify",
                kind: "customer",
                email_hash: Some(super::rows::Hash::of(&format!("{}@customers.fernhill.example", buyer.id))),
                country: if buyer.us { "US" } else { CITIES[buyer.city].1 },
                city: if buyer.us { "Denver" } else { CITIES[buyer.city].0 },
                birth_year: draw.chance(0.4).then(|| 1955 + draw.below(50) as i32),
                accepts_marketing: draw.chance(0.71),
                first_order_at: if buyer.lifetime as usize > buyer.orders.len() + 1 { None } else { known },
                last_order_at: buyer.orders.last().map(|o| o.at),
                orders_count: buyer.orders.len() as i64,
                total_spent: spent,
                ltv: spent,
                currency: CURRENCY,
                first_touch: buyer.first_touch.clone().unwrap_or_else(|| empty.clone()),
                last_touch: buyer.last_touch.clone().unwrap_or_else(|| empty.clone()),
            }
        })
        .collect()
}
