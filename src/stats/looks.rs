//! Looking at a test before its end, and at several results at once (`metrics.md` §6.4).

/// How the boundary of a planned series of looks falls. Constants: Jennison & Turnbull, *Group Sequential Methods*, two-sided
/// α = 0.05, equally spaced looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    ObrienFleming,
    Pocock,
}

const OBRIEN_FLEMING: [f64; 5] = [1.960, 1.977, 2.004, 2.024, 2.040];
const POCOCK: [f64; 5] = [1.960, 2.178, 2.289, 2.361, 2.413];

/// The |z| each of `looks` (1 to 5) looks needs to stop for an effect; nothing for other numbers of looks.
pub fn stopping_bounds(boundary: Boundary, looks: usize) -> Option<Vec<f64>> {
    let table = match boundary {
        Boundary::ObrienFleming => OBRIEN_FLEMING,
        Boundary::Pocock => POCOCK,
    };
    let constant = *table.get(looks.checked_sub(1)?)?;
    let bound = |look: usize| match boundary {
        Boundary::ObrienFleming => constant * (looks as f64 / look as f64).sqrt(),
        Boundary::Pocock => constant,
    };
    Some((1..=looks).map(bound).collect())
}

/// Holm's correction: which of these p-values are significant together at `alpha`, in the order given.
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut out = vec![false; p_values.len()];
    for (place, at) in order.into_iter().enumerate() {
        if p_values[at] > alpha / (p_values.len() - place) as f64 {
            break;
        }
        out[at] = true;
    }
    out
}

#[cfg(test)]
mod tests;
