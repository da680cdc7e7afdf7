//! The words the model is told: files in `prompts/`, rendered by a template engine, versioned by their content.
use super::Error;
use minijinja::{Environment, UndefinedBehavior};
use rust_embed::RustEmbed;
use serde::Serialize;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "prompts/"]
struct Files;

/// All prompts, loaded and checked once.
pub struct Prompts {
    environment: Environment<'static>,
    version: String,
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
    /// The asker may have drafts made.
    pub drafts: bool,
    pub chips: bool,
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
        let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let prompts = Self {
            environment,
            version: digest,
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
            drafts: true,
            chips: true,
        })?;
        Ok(prompts)
    }

    /// The first twelve hexadecimal digits of the SHA-256 over all files: stored with each turn and draft.
    pub fn version(&self) -> &str {
        &self.version
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
