//! One question back with at most three choices, and how a reply to it is read. Never two questions in a row.
use super::drafting::{self, DraftWish};
use super::fill::Trouble;
use super::plan::{Ask, Choice, Decision, Pick};
use super::refuse::Refusal;
use super::route::{Router, Situation};
use crate::llm::Outcome;
use serde_json::Map;

/// The question that stands in the way of a call.
pub fn about(trouble: Trouble) -> Decision {
    let reword = |from: &Option<String>, names: Vec<String>| {
        names
            .into_iter()
            .take(3)
            .map(|n| Choice { label: n.clone(), pick: Pick::Reword { from: from.clone(), to: n } })
            .collect()
    };
    match trouble {
        Trouble::Missing { kind, about, choices, .. } => {
            let text = match kind.as_str() {
                "lead" => "For which lead? Give its number.".to_owned(),
                "segments" => "Which two or three segments should I compare?".to_owned(),
                // A figure that only the asker knows, with what it stands for.
                kind if choices.is_empty() && about.is_some() => {
                    format!("For which {kind}? {}", about.unwrap_or_default())
                }
                kind => format!("For which {kind}?"),
            };
            Decision::Ask(Ask { text, choices: reword(&None, choices) })
        }
        Trouble::Ambiguous { typed, choices } => Decision::Ask(Ask {
            text: format!("“{typed}” fits several. Which one?"),
            choices: reword(&Some(typed), choices),
        }),
        Trouble::Metric { given, takes } => Decision::Ask(Ask {
            text: format!("I can do that for {}, not for {given}. For which one?", takes.join(", ")),
            choices: reword(&Some(given), takes),
        }),
        Trouble::Currency { given, ours } => Decision::Ask(Ask {
            text: format!("Amounts here are in {ours}, you wrote {given}. What is the amount in {ours}?"),
            choices: Vec::new(),
        }),
        Trouble::LooksAhead { text } => Decision::Refuse {
            refusal: Refusal {
                id: "looks_ahead".to_owned(),
                outcome: Outcome::Refused,
                answer: format!(
                    "“{text}” lies ahead, and I only report what has happened; no forecast is on offer. Ask for a past period, or how the current one runs against its targets."
                ),
                offer: None,
            },
            offer: None,
        },
    }
}

/// Nothing in the question is known here.
pub fn unknown() -> String {
    "I have no query for that. I can answer questions about your campaigns, spend and waste, funnel and leads, customers, search, data health and approvals; for example “which campaigns wasted money”, “how are we doing” or “leads by city”. Type “help” for more.".to_owned()
}

/// What to try when a second question would be needed.
pub fn instead(ask: &Ask) -> String {
    let labels: Vec<&str> = ask.choices.iter().map(|c| c.label.as_str()).collect();
    if labels.is_empty() {
        "Please put it in one sentence with the name and the period, or type “help”.".to_owned()
    } else {
        format!("Nearest are: {}. Ask for one of them by name, or type “help”.", labels.join(" · "))
    }
}

/// The question as text: numbered choices, and a way out.
pub fn text(ask: &Ask) -> String {
    if ask.choices.is_empty() {
        return ask.text.clone();
    }
    let mut out = ask.text.clone();
    for (n, choice) in ask.choices.iter().enumerate() {
        out.push_str(&format!("\n{}. {}", n + 1, choice.label));
    }
    out.push_str(&format!("\n{}. None of these", ask.choices.len() + 1));
    out
}

/// What we asked in the turn before, found by deciding that turn again.
pub fn asked_before(router: &Router, s: &Situation<'_>, depth: usize) -> Option<Asked> {
    let (last, earlier) = s.past.split_last()?;
    if depth == 0 || !last.calls.is_empty() {
        return None;
    }
    let before = Situation { question: &last.question, past: earlier, ..*s };
    match router.decide_within(&before, depth - 1) {
        Decision::Ask(ask) => Some(Asked { ask, question: last.question.clone() }),
        Decision::Run(_) | Decision::Refuse { .. } | Decision::Say { .. } => None,
    }
}

/// "yes, draft it" after a refusal that offered a draft.
pub fn offered_before(router: &Router, s: &Situation<'_>, depth: usize) -> Option<DraftWish> {
    let words: Vec<String> = super::normalise::words(s.question).into_iter().map(|w| w.text).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let agrees = matches!(words.as_slice(), ["yes"] | ["yes", "please"]) || words.contains(&"draft");
    let (last, earlier) = s.past.split_last()?;
    if depth == 0
        || !last.calls.is_empty()
        || !agrees
        || !words.iter().all(|w| drafting::DRAFT_IT.contains(w))
    {
        return None;
    }
    let before = Situation { question: &last.question, past: earlier, ..*s };
    match router.decide_within(&before, depth - 1) {
        Decision::Refuse { offer, .. } => offer.map(|o| *o),
        Decision::Run(_) | Decision::Ask(_) | Decision::Say { .. } => None,
    }
}

/// Our question, with the question it was about.
pub struct Asked {
    pub ask: Ask,
    pub question: String,
}

/// A reply that picks a choice or adds what was missing; nothing when it is a new question.
pub fn reply(router: &Router, s: &Situation<'_>, asked: &Asked, depth: usize) -> Option<Decision> {
    let reading = router.read(s.question, s);
    let words = reading.texts();
    let digits = s.question.trim().trim_end_matches(['.', ')', '!']).parse::<usize>().ok();
    let ordinal = router.vocabulary.ordinals.find(&words).filter(|_| words.len() <= 4).map(|(_, _, n)| *n);
    let number = digits.or_else(|| ordinal.and_then(|n| usize::try_from(n).ok()));
    let none = words.first() == Some(&"none")
        || (!asked.ask.choices.is_empty() && number == Some(asked.ask.choices.len() + 1));
    if none || words == ["no"] {
        return Some(Decision::Say { text: unknown(), outcome: Outcome::Unknown });
    }
    let named = || {
        let said = s.question.trim().to_lowercase();
        asked.ask.choices.iter().position(|c| {
            let label = c.label.to_lowercase();
            label == said || (said.len() >= 4 && words.len() <= 6 && label.contains(&said))
        })
    };
    let at = number.and_then(|n| n.checked_sub(1)).filter(|n| *n < asked.ask.choices.len()).or_else(named);
    let earlier = s.past.split_last().map_or(&[][..], |(_, rest)| rest);
    if let Some(choice) = at.and_then(|n| asked.ask.choices.get(n)) {
        return Some(match &choice.pick {
            Pick::Route(name) => {
                let original = Situation { question: &asked.question, past: earlier, ..*s };
                let reading = router.read(&asked.question, &original);
                router.go(name, &reading, &original, &Map::new())
            }
            Pick::Reword { from, to } => again(router, s, asked, from.as_deref(), to, depth),
        });
    }
    // What was missing, typed out: "For which campaign?" – "Harvest Sale".
    let adds = !reading.entities.is_empty()
        || !reading.metrics.is_empty()
        || !reading.segments.is_empty()
        || !reading.vendors.is_empty()
        || !reading.quantities.is_empty()
        || !reading.quoted.is_empty();
    let short = words.len() <= 5 && reading.content.len() <= 1;
    if short && adds && asked.ask.choices.iter().all(|c| matches!(c.pick, Pick::Reword { .. })) {
        return Some(again(router, s, asked, None, s.question.trim(), depth));
    }
    None
}

/// Decides the earlier question again with a part replaced or added.
fn again(
    router: &Router,
    s: &Situation<'_>,
    asked: &Asked,
    from: Option<&str>,
    to: &str,
    depth: usize,
) -> Decision {
    let question = match from.and_then(|f| {
        let lower = super::normalise::clean(&asked.question);
        lower.contains(f).then(|| lower.replacen(f, to, 1))
    }) {
        Some(replaced) => replaced,
        None => format!("{} {to}", asked.question),
    };
    let earlier = s.past.split_last().map_or(&[][..], |(_, rest)| rest);
    let situation = Situation { question: &question, past: earlier, ..*s };
    match router.decide_within(&situation, depth.saturating_sub(1)) {
        // A second value may be missing, but not as a second question in a row.
        Decision::Ask(ask) => Decision::Say { text: instead(&ask), outcome: Outcome::Unknown },
        decided @ (Decision::Run(_) | Decision::Refuse { .. } | Decision::Say { .. }) => decided,
    }
}
