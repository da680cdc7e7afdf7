//! The words the model is told: files in `prompts/`, rendered by a template engine, versioned by their content.
use super::Error;
use super::offline::playbook::Playbooks;
use crate::llm::ToolSet;
use minijinja::{Environment, UndefinedBehavior};
use rust_embed::RustEmbed;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

#[derive(RustEmbed)]
#[folder = "prompts/"]
struct Files;

/// All prompts, loaded and checked once.
pub struct Prompts {
    environment: Environment<'static>,
    version: String,
    routines: Vec<Routine>,
    /// What the program says within a turn.
    pub notes: Notes,
}

/// Fixed notes of the program to the model.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// No more tools: answer now.
    pub finish: String,
    /// Figures without receipt; their list follows.
    pub unverified: String,
    /// The answer was empty.
    pub empty: String,
    /// What the tool `calculate` is for.
    pub calculate: String,
}

/// What the system prompt is rendered from. Nothing here comes from data that outsiders can write.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    pub organisation: String,
    pub today: String,
    pub time_zone: String,
    pub currency: String,
    pub asker_role: String,
    pub surface: String,
    /// Proven orders of queries, as far as the asker may run them.
    pub playbooks: Vec<Routine>,
    /// The asker may have drafts made.
    pub drafts: bool,
    pub chips: bool,
}

/// A playbook in the words of the prompt.
#[derive(Clone, Debug, Serialize)]
pub struct Routine {
    pub name: String,
    pub description: String,
    /// Names of queries, in order.
    pub steps: Vec<String>,
}

/// Bounds on what is told of playbooks: how many, characters of a description, steps.
const ROUTINES: (usize, usize, usize) = (20, 240, 8);

/// The playbooks as a model is told of them, those without queries left out.
fn routines(books: &Playbooks) -> Vec<Routine> {
    let told = books.iter().filter(|book| !book.steps.is_empty()).take(ROUTINES.0);
    told.map(|book| Routine {
        name: book.name.clone(),
        description: crate::text::clean(&book.description, ROUTINES.1),
        steps: book.steps.iter().take(ROUTINES.2).map(|step| step.query.clone()).collect(),
    })
    .collect()
}

impl Prompts {
    /// Loads every file and renders the system prompt once, so that a fault shows at start-up.
    pub fn load() -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut hash = Sha256::new();
        let mut names: Vec<_> = Files::iter().collect();
        names.sort();
        for name in names {
            let text = read(&name)?;
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(text.as_bytes());
            hash.update([0]);
            environment
                .add_template_owned(name.to_string(), text)
                .map_err(|e| Error::Prompts(format!("prompts/{name}: {e:#}")))?;
        }
        let books = Playbooks::embedded().map_err(|error| Error::Prompts(error.to_string()))?;
        let routines = routines(&books);
        hash.update(serde_json::to_vec(&routines).map_err(|e| Error::Prompts(e.to_string()))?);
        let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let prompts = Self {
            environment,
            version: digest,
            routines: routines.clone(),
            notes: Notes {
                finish: read("finish.md")?.trim().to_owned(),
                unverified: read("unverified.md")?.trim().to_owned(),
                empty: read("empty.md")?.trim().to_owned(),
                calculate: read("calculate.md")?.trim().to_owned(),
            },
        };
        prompts.system(&Setting {
            organisation: String::new(),
            today: String::new(),
            time_zone: String::new(),
            currency: String::new(),
            asker_role: String::new(),
            surface: String::new(),
            playbooks: routines,
            drafts: true,
            chips: true,
        })?;
        Ok(prompts)
    }

    /// The first twelve hexadecimal digits of the SHA-256 over all files and what is told of the playbooks: stored with each turn and draft.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The playbooks of which every step is among the tools.
    pub fn playbooks(&self, tools: &ToolSet) -> Vec<Routine> {
        let offered: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        let whole = |routine: &&Routine| routine.steps.iter().all(|step| offered.contains(step.as_str()));
        self.routines.iter().filter(whole).cloned().collect()
    }

    pub fn system(&self, setting: &Setting) -> Result<String, Error> {
        self.environment
            .get_template("system.md")
            .and_then(|template| template.render(minijinja::value::Serde(setting)))
            .map_err(|e| Error::Prompts(format!("prompts/system.md: {e:#}")))
    }
}

fn read(name: &str) -> Result<String, Error> {
    let file = Files::get(name).ok_or_else(|| Error::Prompts(format!("prompts/{name} is missing")))?;
    String::from_utf8(file.data.into_owned())
        .map_err(|_| Error::Prompts(format!("prompts/{name} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::ToolSpec;
    use serde_json::json;

    fn told(prompts: &Prompts, tools: &[String]) -> String {
        let spec = |name: &String| ToolSpec {
            name: name.clone(),
            description: String::new(),
            schema: json!({}),
            reads: true,
        };
        let tools = ToolSet::from(tools.iter().map(spec).collect::<Vec<_>>());
        let setting = Setting {
            organisation: "Fernhill".into(),
            today: "Monday".into(),
            time_zone: "UTC".into(),
            currency: "EUR".into(),
            asker_role: "marketer".into(),
            surface: "http".into(),
            playbooks: prompts.playbooks(&tools),
            drafts: true,
            chips: false,
        };
        prompts.system(&setting).unwrap()
    }

    #[test]
    fn the_model_is_told_of_the_playbooks_it_can_follow() {
        let prompts = Prompts::load().unwrap();
        let books = Playbooks::embedded().unwrap();
        let tools: Vec<String> =
            books.iter().flat_map(|book| book.steps.iter().map(|step| step.query.clone())).collect();
        let whole = told(&prompts, &tools);
        for book in books.iter().filter(|book| !book.steps.is_empty()) {
            assert!(whole.contains(&format!("- {}: ", book.name)), "{} is missing in {whole}", book.name);
        }
        let line = whole.lines().find(|line| line.starts_with("- why_revenue_changed: ")).unwrap();
        let first = &books.get("why_revenue_changed").unwrap().steps[0].query;
        assert!(line.contains(&format!("Steps: {first}, ")) && line.len() < 1_000, "{line}");
        assert!(whole.len() < 12_000, "{}", whole.len());
        assert!(!told(&prompts, &[]).contains("# Playbooks"), "what cannot be run is not told");
    }
}
