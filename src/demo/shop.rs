//! What the shop sells and where it ships to.
use super::rows::{Id, Product, Variant};
use crate::db::load::Micros;

pub const CATEGORIES: [&str; 6] = ["Footwear", "Shelter", "Packs", "Cooking", "Clothing", "Accessories"];

/// Name, category, price and unit cost in cents.
const CATALOGUE: [(&str, usize, i64, i64); 40] = [
    ("Trail Shoes", 0, 13_900, 6_900),
    ("Trail Shoes Wide", 0, 14_900, 7_400),
    ("Ridge Boots", 0, 21_900, 11_400),
    ("Camp Slippers", 0, 4_900, 1_900),
    ("Trail Gaiters", 0, 2_900, 1_100),
    ("Merino Socks", 0, 1_900, 700),
    ("Lark Tent 2", 1, 38_900, 21_800),
    ("Lark Tent 4", 1, 64_900, 37_000),
    ("Drift Tarp", 1, 12_900, 6_200),
    ("Ground Sheet", 1, 3_900, 1_500),
    ("Tent Pegs", 1, 1_400, 400),
    ("Alpine Dome", 1, 119_000, 70_500),
    ("Daypack 18", 2, 8_900, 4_100),
    ("Trek Pack 45", 2, 18_900, 9_700),
    ("Expedition Pack 70", 2, 29_900, 16_100),
    ("Dry Bag 10", 2, 2_400, 800),
    ("Rain Cover", 2, 2_200, 800),
    ("Hip Pouch", 2, 3_400, 1_300),
    ("Ember Stove", 3, 7_900, 3_600),
    ("Ember Stove Pro", 3, 14_900, 7_100),
    ("Gas Cartridge", 3, 700, 350),
    ("Titanium Mug", 3, 3_300, 1_400),
    ("Trail Bottle", 3, 2_600, 900),
    ("Trail Bottle Filter", 3, 4_400, 1_900),
    ("Camp Kettle", 3, 3_900, 1_600),
    ("Rain Shell", 4, 17_900, 8_600),
    ("Down Jacket", 4, 26_900, 13_900),
    ("Fleece Midlayer", 4, 8_900, 3_900),
    ("Merino Shirt", 4, 6_900, 3_000),
    ("Trek Trousers", 4, 9_900, 4_500),
    ("Wool Beanie", 4, 2_500, 900),
    ("Sun Hoody", 4, 7_400, 3_100),
    ("Head Torch", 5, 5_900, 2_600),
    ("Trekking Poles", 5, 9_900, 4_400),
    ("First Aid Kit", 5, 3_200, 1_300),
    ("Map Case", 5, 1_700, 600),
    ("Repair Tape", 5, 900, 250),
    ("Sleeping Bag 0", 5, 22_900, 12_300),
    ("Sleeping Mat", 5, 9_400, 4_500),
    ("Gear Club Box", 5, 3_500, 1_700),
];

/// One product with its single variant.
pub struct Item {
    pub product: Id,
    pub variant: Id,
    pub sku: Id,
    pub name: Id,
    pub category: usize,
    pub price: i64,
    pub cost: i64,
}

pub fn items() -> Vec<Item> {
    CATALOGUE
        .iter()
        .enumerate()
        .map(|(i, (name, category, price, cost))| Item {
            product: format!("shopify:{}", 7_001 + i).into(),
            variant: format!("shopify:{}", 47_001 + i).into(),
            sku: format!("FH-{:03}", i + 1).into(),
            name: (*name).into(),
            category: *category,
            price: *price,
            cost: *cost,
        })
        .collect()
}

pub fn rows(items: &[Item]) -> (Vec<Product>, Vec<Variant>) {
    items
        .iter()
        .map(|item| {
            let product = Product {
                id: item.product.clone(),
                source: "shopify",
                name: item.name.clone(),
                category: CATEGORIES[item.category],
                status: "active",
                lead_time_days: Some(14.0 + (item.price % 9) as f64),
                lead_time_sd: Some(3.0),
                order_cost: Some(Micros::from_cents(6_000)),
                holding_rate: Some(0.2),
            };
            let variant = Variant {
                id: item.variant.clone(),
                source: "shopify",
                product_id: item.product.clone(),
                sku: item.sku.clone(),
                price: Micros::from_cents(item.price),
                compare_at: None,
                unit_cost: Some(Micros::from_cents(item.cost)),
                currency: "EUR",
            };
            (product, variant)
        })
        .unzip()
}

/// City, country, weight in shop orders, weight in quote requests.
pub const CITIES: [(&str, &str, f64, f64); 10] = [
    ("Zurich", "CH", 0.20, 0.24),
    ("Geneva", "CH", 0.12, 0.17),
    ("Basel", "CH", 0.09, 0.06),
    ("Lyon", "FR", 0.12, 0.20),
    ("Porto", "PT", 0.09, 0.17),
    ("Munich", "DE", 0.13, 0.14),
    ("Vienna", "AT", 0.09, 0.01),
    ("Milan", "IT", 0.08, 0.01),
    ("Utrecht", "NL", 0.05, 0.00),
    ("Aarhus", "DK", 0.03, 0.00),
];
