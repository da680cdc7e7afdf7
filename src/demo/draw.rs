//! Seeded draws: our own generator (SplitMix64), so that a demo is the same on every machine and library version.

/// A stream of pseudo-random draws. Every theme has its own, so that a change in one leaves the others alone.
pub struct Draw(u64);

impl Draw {
    /// The stream of one theme under a seed.
    pub fn new(seed: u64, theme: &str) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in theme.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let mut draw = Self(state);
        draw.next();
        draw
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number in 0..n (0 when n is 0).
    pub fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// A multiplier around 1, never negative.
    pub fn noise(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal() - sigma * sigma / 2.0).exp()
    }

    pub fn poisson(&mut self, mean: f64) -> i64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > 40.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as i64;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    pub fn binomial(&mut self, n: i64, p: f64) -> i64 {
        let (n, p) = (n.max(0), p.clamp(0.0, 1.0));
        if n <= 24 {
            return (0..n).filter(|_| self.chance(p)).count() as i64;
        }
        let mean = n as f64 * p;
        if mean < 12.0 {
            self.poisson(mean).min(n)
        } else {
            ((mean + (mean * (1.0 - p)).sqrt() * self.normal()).round() as i64).clamp(0, n)
        }
    }

    /// A whole number with this mean and the least variance.
    pub fn round(&mut self, value: f64) -> i64 {
        (value + self.unit()).floor() as i64
    }

    /// An index drawn by weight.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.iter().rposition(|w| *w > 0.0).unwrap_or(0)
    }

    /// Whole parts of `n` by weight, that add up to `n`.
    pub fn split(&mut self, n: i64, weights: &[f64]) -> Vec<i64> {
        let (mut left, mut mass) = (n, weights.iter().sum::<f64>());
        weights
            .iter()
            .map(|weight| {
                let part = if *weight >= mass { left } else { self.binomial(left, weight / mass) };
                left -= part;
                mass -= weight;
                part
            })
            .collect()
    }

    /// A UUID whose bits come from this stream.
    pub fn uuid(&mut self) -> uuid::Uuid {
        let bytes = (u128::from(self.next()) << 64) | u128::from(self.next());
        uuid::Builder::from_sha1_bytes(bytes.to_be_bytes()).into_uuid()
    }
}

/// Parts of an amount by weight that add up to it exactly (the last non-zero weight takes the rest).
pub fn shares(amount: i64, weights: &[f64]) -> Vec<i64> {
    let total: f64 = weights.iter().sum();
    let mut parts: Vec<i64> = weights
        .iter()
        .map(|w| if total > 0.0 { (amount as f64 * w / total).floor() as i64 } else { 0 })
        .collect();
    let rest = amount - parts.iter().sum::<i64>();
    let last = weights.iter().rposition(|w| *w > 0.0).unwrap_or(0);
    if let Some(part) = parts.get_mut(last) {
        *part += rest;
    }
    parts
}
