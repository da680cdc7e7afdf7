//! What is not answered with a number (`queries.md` §11). The rules are data, `tools/refusals.yaml`; this file reads
//! them and matches. It runs before routing and before any query.
use super::normalise;
use super::vocabulary::VocabularyError;
use crate::llm::Outcome;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file that comes with the program.
pub const EMBEDDED: &str = include_str!("../../../tools/refusals.yaml");

/// Words that may lie where a pattern says `..`.
const GAP: usize = 6;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lists: BTreeMap<String, Vec<String>>,
    rules: Vec<RuleText>,
    colour: Vec<Colour>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: String,
    outcome: Outcome,
    #[serde(default)]
    on_commands: bool,
    #[serde(default)]
    offer: Option<Offer>,
    patterns: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    answer: String,
}

/// What a refusal offers instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    Draft,
}

/// Words taken off a question, and what the reader is told about it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colour {
    pub pattern: String,
    pub note: String,
}

/// A refusal that applies: why, how it ends the turn, and the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub id: String,
    pub outcome: Outcome,
    pub answer: String,
    pub offer: Option<Offer>,
}

#[derive(Debug)]
enum Part {
    /// One word of several; `true` matches words that start so.
    Word(Vec<(String, bool)>),
    Gap,
    Start,
    End,
}

type Pattern = Vec<Part>;

struct Rule {
    refusal: Refusal,
    on_commands: bool,
    patterns: Vec<Pattern>,
    unless: Vec<Pattern>,
}

/// All rules, in file order.
pub struct Refusals {
    rules: Vec<Rule>,
    colour: Vec<(Vec<Pattern>, String)>,
}

impl Refusals {
    pub fn embedded() -> Result<Self, VocabularyError> {
        Self::parse("tools/refusals.yaml", EMBEDDED)
    }

    /// Reads the rules; the error names the file and the rule or line.
    pub fn parse(path: &str, text: &str) -> Result<Self, VocabularyError> {
        let wrong = |problem: String| VocabularyError { path: path.to_owned(), problem };
        let file: File = serde_saphyr::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let compile = |id: &str, list: &[String]| -> Result<Vec<Pattern>, VocabularyError> {
            list.iter()
                .map(|p| compile(p, &file.lists).map_err(|e| wrong(format!("rule {id}: pattern “{p}”: {e}"))))
                .collect()
        };
        let mut rules = Vec::new();
        for rule in &file.rules {
            rules.push(Rule {
                on_commands: rule.on_commands,
                patterns: compile(&rule.id, &rule.patterns)?,
                unless: compile(&rule.id, &rule.unless)?,
                refusal: Refusal {
                    id: rule.id.clone(),
                    outcome: rule.outcome,
                    answer: rule.answer.clone(),
                    offer: rule.offer,
                },
            });
        }
        let mut colour = Vec::new();
        for entry in &file.colour {
            let phrases: Vec<String> = entry.pattern.split('|').map(str::to_owned).collect();
            colour.push((compile("colour", &phrases)?, entry.note.clone()));
        }
        Ok(Self { rules, colour })
    }

    /// The first rule that applies to a question. `command` limits the check to rules about arguments.
    pub fn check(&self, question: &str, command: bool) -> Option<Refusal> {
        let words = normalise::words(question);
        let words: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
        self.rules
            .iter()
            .filter(|r| !command || r.on_commands)
            .find(|r| {
                r.patterns.iter().any(|p| found(p, &words)) && !r.unless.iter().any(|p| found(p, &words))
            })
            .map(|r| r.refusal.clone())
    }

    /// The question without colouring words, and what to tell about it.
    pub fn without_colour(&self, question: &str) -> (String, Option<String>) {
        let words = normalise::words(question);
        let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
        let clean = normalise::clean(question);
        for (patterns, note) in &self.colour {
            for pattern in patterns {
                for at in 0..texts.len() {
                    if let Some(end) = matches_at(pattern, &texts, at)
                        && end > at
                        && let (Some(first), Some(last)) = (words.get(at), words.get(end - 1))
                    {
                        let mut rest = clean.clone();
                        rest.replace_range(first.start..last.end, "");
                        return (rest, Some(note.clone()));
                    }
                }
            }
        }
        (question.to_owned(), None)
    }
}

fn compile(pattern: &str, lists: &BTreeMap<String, Vec<String>>) -> Result<Pattern, String> {
    let ask: Vec<String> = [
        "what", "which", "how", "why", "who", "where", "when", "should", "is", "are", "was", "were", "do",
        "does", "did",
    ]
    .map(str::to_owned)
    .to_vec();
    pattern
        .split_whitespace()
        .map(|part| {
            Ok(match part {
                ".." => Part::Gap,
                "^" => Part::Start,
                "$" => Part::End,
                _ => {
                    let mut words = Vec::new();
                    for word in part.split('|').filter(|w| !w.is_empty()) {
                        if let Some(list) = word.strip_prefix('<').and_then(|w| w.strip_suffix('>')) {
                            let list = if list == "ask_word" {
                                &ask
                            } else {
                                lists.get(list).ok_or(format!("no list “{list}”"))?
                            };
                            words.extend(list.iter().map(|w| (w.clone(), false)));
                        } else if let Some(start) = word.strip_suffix('*') {
                            words.push((start.to_owned(), true));
                        } else {
                            words.push((word.to_owned(), false));
                        }
                    }
                    Part::Word(words)
                }
            })
        })
        .collect()
}

fn found(pattern: &Pattern, words: &[&str]) -> bool {
    (0..=words.len()).any(|at| matches_at(pattern, words, at).is_some())
}

/// Where the match that starts at `at` ends.
fn matches_at(pattern: &[Part], words: &[&str], at: usize) -> Option<usize> {
    match pattern.split_first() {
        None => Some(at),
        Some((Part::Start, rest)) => (at == 0).then(|| matches_at(rest, words, at)).flatten(),
        Some((Part::End, rest)) => (at == words.len()).then(|| matches_at(rest, words, at)).flatten(),
        Some((Part::Gap, rest)) => {
            if rest.is_empty() {
                return Some(at);
            }
            (at..=(at + GAP).min(words.len())).find_map(|next| matches_at(rest, words, next))
        }
        Some((Part::Word(options), rest)) => {
            let word = words.get(at)?;
            options
                .iter()
                .any(|(w, prefix)| if *prefix { word.starts_with(w.as_str()) } else { word == w })
                .then(|| matches_at(rest, words, at + 1))
                .flatten()
        }
    }
}
