//! The router: a pure function from catalogue, names, day, conversation and question to a decision.
//!
//! Order (`queries.md` §7): commands, a reply to our own question, refusals, drafts, follow-ups, playbooks, queries.
use super::certainty::{decisive, sure};
use super::commands;
use super::document::Document;
use super::drafting::{Drafting, Wish};
use super::entities::Known;
use super::fill::{self, Filled, Frame};
use super::index::{Index, Scored};
use super::plan::{Ask, Choice, Decision, Pick, Plan, PlanKind};
use super::playbook::{Playbook, Playbooks};
use super::refuse::{Refusal, Refusals};
use super::spelling::Spelling;
use super::thread::Past;
use super::understand::{Day, Reading, read};
use super::vocabulary::{self, Vocabulary, VocabularyError};
use super::{chips, clarify, followup, steps};
use crate::catalogue::Query;
use crate::llm::Outcome;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A playbook is named `playbook:…` in the index.
const PLAYBOOK: &str = "playbook:";

/// Everything that routing needs and that does not change between questions.
pub struct Router {
    pub queries: BTreeMap<String, Query>,
    pub vocabulary: Vocabulary,
    pub refusals: Refusals,
    pub drafting: Drafting,
    pub playbooks: Playbooks,
    pub index: Index,
    spelling: Spelling,
}

/// Everything that changes: the question and what is known when it is asked.
pub struct Situation<'a> {
    pub question: &'a str,
    pub past: &'a [Past],
    pub known: &'a Known,
    pub day: Day,
    pub currency: &'a str,
    /// Names of the tools on offer to this asker; nothing means all.
    pub tools: Option<&'a BTreeSet<String>>,
    /// Chips that came with the question.
    pub context: &'a Map<String, Value>,
}

impl Router {
    /// Builds the index over the queries and the playbooks that come with the program.
    pub fn new(queries: BTreeMap<String, Query>) -> Result<Self, VocabularyError> {
        let vocabulary = Vocabulary::embedded()?;
        let playbooks = Playbooks::embedded()?;
        let wordings = vocabulary::wordings()?;
        // Examples are masked with any day: what matters is that a date stands there, not which.
        let day = Day::new(jiff::civil::date(2025, 9, 17));
        let documents: Vec<Document> = queries
            .values()
            .map(|query| Document::of_query(query, wordings.get(&query.name).map_or(&[], Vec::as_slice)))
            .chain(playbooks.iter().filter(|b| !b.asked.is_empty()).map(|b| Document {
                name: format!("{PLAYBOOK}{}", b.name),
                group: String::new(),
                purpose: format!("{} {}", b.title, b.description),
                keywords: b.keywords.clone(),
                examples: b.asked.clone(),
                wordings: Vec::new(),
                negatives: Vec::new(),
                takes: BTreeMap::new(),
                free: false,
                takes_channel: true,
                values: Vec::new(),
            }))
            .collect();
        let index = Index::build(&documents, &vocabulary, day);
        let texts = documents
            .iter()
            .flat_map(|d| d.examples.iter().chain(&d.wordings).chain(&d.keywords).chain([&d.purpose]))
            .map(String::as_str);
        let spelling = Spelling::new(&vocabulary, texts);
        Ok(Self {
            spelling,
            queries,
            index,
            vocabulary,
            refusals: Refusals::embedded()?,
            drafting: Drafting::embedded()?,
            playbooks,
        })
    }

    pub fn read(&self, text: &str, s: &Situation<'_>) -> Reading {
        read(
            text,
            s.known,
            s.day,
            &self.vocabulary,
            &|w| self.index.knows(w, &self.vocabulary),
            Some(&self.spelling),
        )
    }

    pub fn frame<'a>(&'a self, s: &'a Situation<'_>, plain: &'a dyn Fn(&str) -> bool) -> Frame<'a> {
        Frame { vocabulary: &self.vocabulary, known: s.known, currency: s.currency, plain }
    }

    pub fn fill(
        &self,
        query: &Query,
        reading: &Reading,
        carried: &Map<String, Value>,
        s: &Situation<'_>,
    ) -> Filled {
        let plain = |w: &str| self.index.knows(w, &self.vocabulary);
        fill::fill(query, reading, carried, &self.frame(s, &plain))
    }

    /// What to do about a question.
    pub fn decide(&self, s: &Situation<'_>) -> Decision {
        self.decide_within(s, 3)
    }

    /// `depth` bounds how far replies to our own questions are traced back.
    pub fn decide_within(&self, s: &Situation<'_>, depth: usize) -> Decision {
        if let Some(decision) = self.command(s) {
            return decision;
        }
        if let Some(wish) = clarify::offered_before(self, s, depth) {
            return self.drafted(Wish::Draft(wish), s);
        }
        let asked_before = clarify::asked_before(self, s, depth);
        if let Some(ask) = &asked_before
            && let Some(decision) = clarify::reply(self, s, ask, depth)
        {
            return decision;
        }
        let decision = self.fresh(s);
        // Never two questions in a row.
        if let (Decision::Ask(ask), Some(_)) = (&decision, &asked_before) {
            let text = format!("I still cannot place that. {}", clarify::instead(ask));
            return Decision::Say { text, outcome: Outcome::Unknown };
        }
        decision
    }

    fn command(&self, s: &Situation<'_>) -> Option<Decision> {
        if let Some(known) = commands::unknown_slash(&self.playbooks, s.known, s.question) {
            return Some(Decision::Say {
                text: format!("There is no such command. I know: /{}.", known.join(", /")),
                outcome: Outcome::Unknown,
            });
        }
        let called = commands::called(&self.playbooks, s.question)?;
        if let Some(refusal) = self.refusals.check(&self.unnamed(s, &called.rest), true) {
            return Some(Decision::Refuse { refusal, offer: None });
        }
        let reading = self.read(&called.rest, s);
        match commands::arguments(called.book, &reading, &self.vocabulary) {
            Ok(arguments) => Some(self.playbook(called.book, arguments.values, arguments.notes, s)),
            Err(text) if called.certain => Some(Decision::Say { text, outcome: Outcome::Clarified }),
            Err(_) => None,
        }
    }

    /// The question with the organisation's own names taken out: a hostile name is no instruction.
    fn unnamed(&self, s: &Situation<'_>, question: &str) -> String {
        let reading = read(
            question,
            s.known,
            s.day,
            &self.vocabulary,
            &|w| self.index.knows(w, &self.vocabulary),
            None,
        );
        let mut text = reading.clean.clone();
        for hit in reading.entities.iter().rev().filter(|h| h.len > 1) {
            let range = reading.words[hit.at].start..reading.words[hit.at + hit.len - 1].end;
            if text.is_char_boundary(range.start) && text.is_char_boundary(range.end) {
                text.replace_range(range, "x");
            }
        }
        text
    }

    fn fresh(&self, s: &Situation<'_>) -> Decision {
        let question = strip_address(s.question);
        let (question, coloured) = self.refusals.without_colour(question);
        let mut reading = self.read(&question, s);
        let last = followup::last_answer(s.past);
        let mut checked = self.unnamed(s, &question);
        let negative =
            reading.words.iter().any(|w| w.text.starts_with("negative")) && !reading.quoted.is_empty();
        if negative {
            for quote in &reading.quoted {
                checked = checked.replace(&quote.to_lowercase(), "x");
            }
        }
        if let Some(refusal) = self.refusals.check(&checked, false) {
            return self.refuse(refusal, &reading, s);
        }
        if let Some(decision) = self.not_connected(&reading, s) {
            return decision;
        }
        let looking = chips::with_campaign(&reading, s.context, s.known);
        if let Some(wish) = self.drafting.wish(looking.as_ref().unwrap_or(&reading), last, &self.vocabulary) {
            return self.drafted(wish, s);
        }
        if let Some(decision) = followup::follow_up(self, s, &mut reading) {
            return decision;
        }
        let decision = self.route(&reading, s, &Map::new());
        with_note(decision, coloured)
    }

    fn refuse(&self, refusal: Refusal, reading: &Reading, s: &Situation<'_>) -> Decision {
        let last = followup::last_answer(s.past);
        let offer =
            refusal.offer.and_then(|_| self.drafting.offer(reading, last, &self.vocabulary)).map(Box::new);
        Decision::Refuse { refusal, offer }
    }

    fn drafted(&self, wish: Wish, s: &Situation<'_>) -> Decision {
        match wish {
            Wish::Ask(ask) => Decision::Ask(ask),
            Wish::Draft(wish) => {
                if !allowed(s, &wish.tool) {
                    return Decision::Say {
                        text: "Drafting needs the permission draft.create; ask a marketer, an approver or an administrator to draft it.".to_owned(),
                        outcome: Outcome::Refused,
                    };
                }
                Decision::Run(steps::for_draft(self, wish, s))
            }
        }
    }

    /// Media that nobody can connect, and platforms of which the organisation has no data.
    fn not_connected(&self, reading: &Reading, s: &Situation<'_>) -> Option<Decision> {
        let words = reading.texts();
        let platforms: Vec<&str> = s.known.of_kind("platform").map(|e| e.id.as_str()).collect();
        let missing =
            self.vocabulary.unconnected.find(&words).map(|(_, _, name)| name.clone()).or_else(|| {
                let vendor = reading.vendors.iter().find(|v| v.value.platform.ends_with("_ads"))?;
                let absent = !platforms.is_empty() && !platforms.contains(&vendor.value.platform.as_str());
                absent.then(|| reading.typed(vendor.at, vendor.len))
            })?;
        let have = if platforms.is_empty() {
            String::new()
        } else {
            format!(" Connected are: {}.", platforms.join(", ").replace('_', " "))
        };
        Some(Decision::Say {
            text: format!(
                "No source for “{missing}” is connected, so there is no figure for it.{have} An administrator can connect or import one."
            ),
            outcome: Outcome::Refused,
        })
    }

    /// The best query or playbook, or a question, or the admission that nothing fits.
    pub fn route(&self, reading: &Reading, s: &Situation<'_>, carried: &Map<String, Value>) -> Decision {
        let group = followup::last_query(s.past)
            .and_then(|(name, ..)| self.queries.get(name))
            .map(|q| q.group.as_str());
        let scored = self.ranked(reading, s, group);
        if let Some(first) = scored.first().filter(|f| f.exact) {
            return self.go(&first.name, reading, s, carried);
        }
        if let Some(name) = self.by_form(reading, s) {
            return self.go(&name, reading, s, carried);
        }
        if let Some(name) = self.lone_metric(reading, s, &scored) {
            let metric = reading.metrics.first().map(|m| m.value.clone());
            let mut decision = self.go(&name, reading, s, carried);
            if let Decision::Run(plan) = &mut decision {
                plan.metric = metric;
            }
            return decision;
        }
        if let Some(name) = self.how_is_it_going(reading, s) {
            return self.go(&name, reading, s, carried);
        }
        if let Some(name) = self.lone_name(reading, &scored) {
            return self.go(&name, reading, s, carried);
        }
        if let Some(name) =
            self.lone_keyword(reading).filter(|n| scored.first().is_some_and(|f| f.name == *n))
        {
            return self.go(&name, reading, s, carried);
        }
        let known_weight = scored.first().map_or(0.0, |f| f.score.max(f.coverage));
        let Some(first) = scored.first().filter(|_| known_weight > 0.0) else {
            return Decision::Say { text: clarify::unknown(), outcome: Outcome::Unknown };
        };
        if let Some(sure) = sure(&scored) {
            return self.go(&sure.name, reading, s, carried);
        }
        if decisive(&scored) {
            return self.go(&first.name, reading, s, carried);
        }
        if first.score < 1.5 || first.coverage < 0.12 {
            return Decision::Say { text: clarify::unknown(), outcome: Outcome::Unknown };
        }
        Decision::Ask(Ask {
            text: "Which of these do you mean?".to_owned(),
            choices: scored
                .iter()
                .take(3)
                .filter(|x| x.score > 0.35 * first.score)
                .map(|x| Choice { label: self.title(&x.name), pick: Pick::Route(x.name.clone()) })
                .collect(),
        })
    }

    /// Queries and playbooks on offer, best first; "why" prefers playbooks.
    pub fn ranked(&self, reading: &Reading, s: &Situation<'_>, group: Option<&str>) -> Vec<Scored> {
        let why = followup::asks_why(reading);
        let mut scored: Vec<Scored> =
            self.index
                .score(reading, group)
                .into_iter()
                .filter(|x| match x.name.strip_prefix(PLAYBOOK).and_then(|n| self.playbooks.get(n)) {
                    // Explanations are run when somebody asks why, or word for word as listed.
                    Some(book) => self.offered(book, s) && (book.explains.is_empty() || why || x.exact),
                    None => true,
                })
                .map(|x| {
                    if why && x.name.starts_with(PLAYBOOK) { Scored { score: x.score * 1.3, ..x } } else { x }
                })
                .collect();
        scored.sort_by(|a, b| b.exact.cmp(&a.exact).then(b.score.total_cmp(&a.score)));
        scored
    }

    fn offered(&self, book: &Playbook, s: &Situation<'_>) -> bool {
        book.says.is_some()
            || book.steps.iter().any(|step| self.queries.contains_key(&step.query) && allowed(s, &step.query))
    }

    pub fn title(&self, name: &str) -> String {
        match name.strip_prefix(PLAYBOOK) {
            Some(book) => self.playbooks.get(book).map_or_else(|| book.to_owned(), |b| b.title.clone()),
            None => self.queries.get(name).map_or_else(|| name.to_owned(), |q| q.title.clone()),
        }
    }

    /// Fills and plans a query or playbook that has been chosen.
    pub fn go(
        &self,
        name: &str,
        reading: &Reading,
        s: &Situation<'_>,
        carried: &Map<String, Value>,
    ) -> Decision {
        let mut filters = chips::parameters(s.context);
        filters.extend(carried.clone());
        if let Some(book) = name.strip_prefix(PLAYBOOK).and_then(|n| self.playbooks.get(n)) {
            return self.asked_playbook(book, reading, s, &filters);
        }
        let Some(query) = self.queries.get(name) else {
            return Decision::Say { text: clarify::unknown(), outcome: Outcome::Unknown };
        };
        if !allowed(s, name) {
            return Decision::Say {
                text: format!(
                    "“{}” needs the permission {}, which you do not have here; an administrator can grant it.",
                    query.title, query.access.permission
                ),
                outcome: Outcome::Refused,
            };
        }
        let filled = self.fill(query, reading, &filters, s);
        self.planned(query, filled)
    }

    pub fn planned(&self, query: &Query, filled: Filled) -> Decision {
        match filled.trouble {
            None => Decision::Run(Plan::query(&query.name, filled.args, filled.notes)),
            Some(trouble) => clarify::about(trouble),
        }
    }

    /// A playbook that a question came to: its arguments from the question.
    fn asked_playbook(
        &self,
        book: &Playbook,
        reading: &Reading,
        s: &Situation<'_>,
        carried: &Map<String, Value>,
    ) -> Decision {
        let mut values = Map::new();
        for arg in &book.args {
            use super::playbook::ArgType as T;
            let said = match arg.kind {
                T::Days => reading.window().map(|w| Value::from(i64::from(w.window.days()).clamp(arg.min.unwrap_or(1), arg.max.unwrap_or(400)))),
                T::Window => reading.window().map(|w| serde_json::json!({"start": w.window.start.to_string(), "end": w.window.end.to_string()})),
                T::Channel => reading.channels.first().map(|c| Value::from(c.value.clone())),
                T::Campaign => reading.of_kind("campaign").next().map(|e| Value::from(e.id.clone())),
                T::Page => reading.of_kind("page").next().map(|e| Value::from(e.id.clone())),
                T::Segment => reading.segments.first().map(|x| Value::from(x.value.clone())),
                T::Metric => reading.metrics.first().map(|m| Value::from(m.value.clone())),
                T::Enum => reading.words.iter().find(|w| arg.values.contains(&w.text)).map(|w| Value::from(w.text.clone())),
                T::Text => fill::tail(reading, &["for", "about", "on"]).or_else(|| reading.quoted.first().map(|q| Value::from(q.clone()))),
            };
            let carried = || {
                let key = if arg.kind == T::Window { "window" } else { arg.name.as_str() };
                carried.get(key).cloned()
            };
            match said.or_else(carried).or_else(|| arg.default.clone()) {
                Some(value) => {
                    values.insert(arg.name.clone(), value);
                }
                None if arg.required => {
                    return Decision::Ask(Ask {
                        text: format!("For which {}?", arg.name),
                        choices: Vec::new(),
                    });
                }
                None => {}
            }
        }
        self.playbook(book, values, Vec::new(), s)
    }

    pub fn playbook(
        &self,
        book: &Playbook,
        values: Map<String, Value>,
        notes: Vec<String>,
        s: &Situation<'_>,
    ) -> Decision {
        if let Some(says) = &book.says {
            return Decision::Say { text: says.trim().to_owned(), outcome: Outcome::Answered };
        }
        let steps = steps::for_playbook(self, book, &values, s);
        if steps.is_empty() {
            return Decision::Say {
                text: format!(
                    "You may not run what “{}” needs; ask an administrator for the permission.",
                    book.title
                ),
                outcome: Outcome::Refused,
            };
        }
        Decision::Run(Plan {
            kind: PlanKind::Playbook { name: book.name.clone(), args: values },
            steps,
            notes,
            metric: None,
        })
    }
}

/// Words that ask for something without saying what.
pub const FILLER: &[&str] = &[
    "doing",
    "status",
    "summary",
    "number",
    "amount",
    "count",
    "quick",
    "check",
    "go",
    "today",
    "up",
    "latest",
    "recent",
    "report",
    "stat",
    "detail",
    "best",
    "info",
    "valu",
    "far",
    "performanc",
    "total",
    "overall",
    "work",
    "result",
];

pub fn allowed(s: &Situation<'_>, tool: &str) -> bool {
    s.tools.is_none_or(|tools| tools.contains(tool))
}

fn strip_address(question: &str) -> &str {
    let text = question.trim();
    let mentioned = text.starts_with("<@") || text.starts_with('@');
    if mentioned { text.split_once(char::is_whitespace).map_or(text, |(_, rest)| rest.trim()) } else { text }
}

fn with_note(decision: Decision, note: Option<String>) -> Decision {
    match (decision, note) {
        (Decision::Run(mut plan), Some(note)) => {
            plan.notes.push(note);
            Decision::Run(plan)
        }
        (other, _) => other,
    }
}
