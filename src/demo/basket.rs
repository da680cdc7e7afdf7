//! Filling one basket: values of all orders are log-normal (σ 1.08), its lines are real products near their list price.
use super::calendar::black_friday;
use super::draw::Draw;
use super::shop::Item;
use jiff::civil::Date;

const MEDIAN_CENTS: f64 = 6_400.0;
/// A little below the 1.08 of all orders, because regular customers buy less at a time.
const SIGMA: f64 = 0.98;

pub struct BasketLine {
    pub item: usize,
    pub qty: i64,
    pub unit_price: i64,
    pub discount: i64,
}

/// Amounts in cents of the order's currency.
pub struct Basket {
    pub lines: Vec<BasketLine>,
    pub gross: i64,
    pub discount: i64,
}

impl Basket {
    /// The category of the dearest line.
    pub fn category(&self, items: &[Item]) -> usize {
        self.lines.iter().max_by_key(|l| l.unit_price * l.qty).map_or(0, |l| items[l.item].category)
    }
}

pub fn fill(draw: &mut Draw, items: &[Item], favourite: usize, scale: f64, date: Date) -> Basket {
    let target = (draw.lognormal(MEDIAN_CENTS * scale, SIGMA)).clamp(450.0, 900_000.0);
    let mut lines: Vec<BasketLine> = Vec::new();
    let mut left = target;
    for _ in 0..4 {
        let mut best: Option<(f64, usize)> = None;
        let aim = left * draw.between(0.55, 1.0);
        for _ in 0..7 {
            let item = draw.below(items.len());
            if items[item].category != favourite && draw.chance(0.62) {
                continue;
            }
            let price = items[item].price as f64;
            let miss = (price / aim).ln().abs();
            if price <= left * 1.2 && best.is_none_or(|(least, _)| miss < least) {
                best = Some((miss, item));
            }
        }
        let Some((_, item)) = best else { continue };
        let price = items[item].price;
        let qty = ((aim / price as f64).round() as i64).clamp(1, if target > 60_000.0 { 40 } else { 3 });
        lines.push(BasketLine { item, qty, unit_price: price, discount: 0 });
        left -= (price * qty) as f64;
        if left < target * 0.12 {
            break;
        }
    }
    if lines.is_empty() {
        let item = items.iter().enumerate().min_by_key(|(_, i)| i.price).map_or(0, |(i, _)| i);
        lines.push(BasketLine { item, qty: 1, unit_price: items[item].price, discount: 0 });
    }
    // List prices moved a little over the months; the basket meets its value within a third.
    let listed: i64 = lines.iter().map(|l| l.unit_price * l.qty).sum();
    let scale = (target / listed as f64).clamp(0.7, 1.4);
    for line in &mut lines {
        line.unit_price = ((line.unit_price as f64 * scale).round() as i64).max(100);
    }
    let sale = (-2..=4).contains(&black_friday(date.year()).until(date).map_or(99, |span| span.get_days()));
    let percent = if sale && draw.chance(0.72) {
        20
    } else if draw.chance(0.24) {
        *draw.of(&[10, 10, 15, 20])
    } else {
        0
    };
    for line in &mut lines {
        line.discount = line.unit_price * line.qty * percent / 100;
    }
    let gross = lines.iter().map(|l| l.unit_price * l.qty).sum();
    let discount = lines.iter().map(|l| l.discount).sum();
    Basket { lines, gross, discount }
}
