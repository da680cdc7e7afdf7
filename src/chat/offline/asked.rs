//! Questions whose form alone says which query is meant: the course of a metric, what a metric means, what changed it,
//! where one lead came from.
use super::route::{FILLER, Router, Situation, allowed};
use super::understand::Reading;
use crate::catalogue::ParamType;

/// Verbs and nouns of a course: they say that a metric moves, not what else is asked.
const COURSE: &[&str] = &[
    "develop", "evolv", "chang", "mov", "ris", "rise", "fall", "drop", "jump", "go", "look", "tim", "cours",
    "curv", "past", "month", "week", "year", "quart", "quarter", "day", "graph", "chart", "plot", "trend",
    "histor", "history", "timelin", "each", "recent", "delay", "improv", "grow",
];
const CHANGES: &[&str] = &[
    "change",
    "changes",
    "changed",
    "drop",
    "dropped",
    "decline",
    "declined",
    "decrease",
    "increase",
    "increased",
    "rise",
    "fall",
    "fell",
    "growth",
    "fewer",
    "less",
    "more",
    "lower",
    "higher",
    "down",
    "up",
    "loss",
    "gain",
];
const DEFINES: &[&str] = &[
    "define",
    "defined",
    "definition",
    "meaning",
    "mean",
    "means",
    "meant",
    "calculated",
    "calculate",
    "computed",
    "compute",
    "formula",
    "measured",
    "describe",
];

impl Router {
    /// The query that the form of a question asks for, when the asker may run it.
    pub fn by_form(&self, reading: &Reading, s: &Situation<'_>) -> Option<String> {
        let name = self
            .one_lead(reading)
            .or_else(|| self.meaning(reading))
            .or_else(|| self.reasons(reading))
            .or_else(|| self.course(reading))?;
        allowed(s, &name).then_some(name)
    }

    /// "lead 4711" with a number: nothing else is told about one lead.
    fn one_lead(&self, reading: &Reading) -> Option<String> {
        let numbered = reading.words.windows(2).any(|w| {
            w[0].text == "lead" && w[1].text.trim_start_matches('#').chars().all(|c| c.is_ascii_digit())
        });
        let takes = |kind: &ParamType| *kind == ParamType::Lead;
        numbered
            .then(|| self.queries.values().find(|q| q.params.iter().any(|p| p.required && takes(&p.kind))))
            .flatten()
            .map(|q| q.name.clone())
    }

    fn companion(&self, kind: &str) -> Option<String> {
        self.vocabulary
            .companion_queries
            .get(kind)
            .into_iter()
            .flatten()
            .find(|name| self.queries.contains_key(*name))
            .cloned()
    }

    /// "how is cost per lead defined": an asked definition of one metric, without a period or a change.
    fn meaning(&self, reading: &Reading) -> Option<String> {
        let metric = reading.metrics.first()?;
        let defines = reading.has_any(DEFINES);
        let plain = reading.dates.is_empty() && reading.entities.is_empty() && !reading.has_any(CHANGES);
        let one = reading.metrics.iter().all(|m| m.value == metric.value);
        (defines && plain && one).then(|| self.companion("define")).flatten()
    }

    /// "explain the drop in leads", "what is behind the change in revenue".
    fn reasons(&self, reading: &Reading) -> Option<String> {
        let asks = reading.has_any(&[
            "explain",
            "explains",
            "explained",
            "reason",
            "reasons",
            "cause",
            "causes",
            "caused",
            "driver",
            "drivers",
            "drove",
            "behind",
            "responsible",
            "blame",
        ]);
        let changes = reading.has_any(CHANGES);
        let query = self.queries.get(self.vocabulary.companion_queries.get("reasons")?.first()?)?;
        let listed = query.params.iter().any(|p| {
            matches!(&p.kind, ParamType::Metric { values } if reading.metrics.iter().any(|m| values.contains(&m.value)))
        });
        (asks && changes && listed).then(|| query.name.clone())
    }

    /// "what does our roas look like over the last quarter", "revenue for each week".
    fn course(&self, reading: &Reading) -> Option<String> {
        let name = self.companion("trend")?;
        let query = self.queries.get(&name)?;
        let words = reading.texts();
        let metric = reading.metrics.first()?;
        let listed = query
            .params
            .iter()
            .any(|p| matches!(&p.kind, ParamType::Metric { values } if values.contains(&metric.value)));
        let spans = |at: usize| {
            words[at + 1..].iter().take(3).any(|w| {
                matches!(
                    *w,
                    "time"
                        | "weeks"
                        | "months"
                        | "years"
                        | "days"
                        | "year"
                        | "quarter"
                        | "quarters"
                        | "month"
                        | "week"
                )
            }) || reading.dates.iter().any(|d| d.at > at && d.at <= at + 2)
        };
        let over = words.iter().enumerate().any(|(at, w)| {
            matches!(*w, "over" | "through" | "throughout" | "during" | "across" | "along") && spans(at)
        });
        let moves = words.iter().enumerate().any(|(at, w)| {
            matches!(
                *w,
                "develop"
                    | "developed"
                    | "evolve"
                    | "evolved"
                    | "move"
                    | "moved"
                    | "go"
                    | "look"
                    | "change"
                    | "changed"
            ) && words[at..].contains(&"since")
        });
        let split = reading.has_any(&[
            "why",
            "who",
            "channel",
            "channels",
            "campaigns",
            "vs",
            "versus",
            "than",
            "compared",
        ]);
        let one = reading.metrics.iter().all(|m| m.value == metric.value);
        if !listed
            || !one
            || split
            || reading.compare.is_some()
            || !(over || moves || reading.granularity.is_some())
        {
            return None;
        }
        let mut said: Vec<String> = Vec::new();
        let spans = reading
            .metrics
            .iter()
            .map(|m| (m.at, m.len))
            .chain(reading.channels.iter().map(|c| (c.at, c.len)))
            .chain(reading.vendors.iter().map(|v| (v.at, v.len)));
        for (at, len) in spans {
            let typed: Vec<&str> = words[at..at + len].to_vec();
            said.extend(super::normalise::terms(&typed, &self.vocabulary).into_iter().map(|t| t.stem));
        }
        let beside = &self.vocabulary.beside_metric;
        let alone = reading.content.iter().all(|c| {
            said.contains(c)
                || beside.contains(c)
                || COURSE.contains(&c.as_str())
                || FILLER.contains(&c.as_str())
        });
        // Who sells what by channel or city is no course; a campaign is.
        let named = reading.entities.iter().all(|h| h.options.iter().any(|o| o.kind == "campaign"));
        let platform = reading.vendors.is_empty()
            || query.params.iter().any(|p| p.kind == ParamType::Platform || p.kind == ParamType::Channel);
        (alone && named && platform).then_some(name)
    }
}
